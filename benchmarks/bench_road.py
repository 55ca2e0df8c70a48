"""How long a road back takes, and how it stands beside DiCE: `python benchmarks/bench_road.py [--json]`.

Time: one search for each adverse decision of the simulated borrowers (policies/consumer-loan.yaml), one core,
compiled kernel, verification by the second run included. With the card data (docs/reference/data.md) the same for
policies/credit-card.yaml. Beside DiCE (see `dice_advice`): the same accounts, under a policy whose only trigger is
the score.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY / "benchmarks")]

import numpy as np  # noqa: E402
from dice_advice import Advice, compare, score_only  # noqa: E402
from restricted import Restricted, borrowers, card_data  # noqa: E402

from linekeeper.kernel.kernel import Kernel  # noqa: E402
from linekeeper.policy.load import load_file  # noqa: E402
from linekeeper.recourse import RoadBack, find_road_back  # noqa: E402
from linekeeper.recourse.verify import verify_plan_daily  # noqa: E402


@dataclass(frozen=True)
class Times:
    """Search times of one policy, in milliseconds."""

    policy: str
    decisions: int
    roads: int
    confirmed: int
    median_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def measure(kernel: Kernel, accounts: Sequence[Restricted]) -> Times:
    """Time one search for each account, and count how many roads lead where they say."""
    find_road_back(kernel, accounts[0].state, accounts[0].day)  # compiles
    times_ms, roads, confirmed = [], 0, 0
    for account in accounts:
        began = time.perf_counter()
        road = find_road_back(kernel, account.state, account.day)
        times_ms.append((time.perf_counter() - began) * 1000)
        if isinstance(road, RoadBack):
            roads += 1
            confirmed += all(verify_plan_daily(kernel, account.state, road.day, plan) for plan in road.plans)
    shares = [round(float(np.quantile(times_ms, share)), 1) for share in (0.5, 0.9, 0.99, 1.0)]
    return Times(kernel.policy.name, len(accounts), roads, confirmed, *shares)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000, help="simulated borrowers")
    parser.add_argument("--decisions", type=int, default=1_000, help="adverse decisions timed, for each policy")
    parser.add_argument("--advice", type=int, default=60, help="accounts on which DiCE is asked; 0 leaves it out")
    parser.add_argument("--method", choices=("random", "genetic"), default="random", help="how DiCE searches")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # of dice-ml and pandas
    shipped = load_file(REPOSITORY / "policies" / "consumer-loan.yaml")
    times = [measure(*borrowers(shipped, asked.accounts, asked.decisions))]
    cards = card_data(asked.decisions)
    times += [measure(*cards)] if cards else []
    advice: list[Advice] = []
    if asked.advice:
        policy = score_only()
        advice = list(compare(policy, *borrowers(policy, asked.accounts, asked.advice), asked.method))
    if asked.json:
        print(json.dumps({"times": [asdict(one) for one in times], "advice": [asdict(one) for one in advice]}))
        return
    for one in times:
        print(f"{one.policy}: {one.decisions} adverse decisions, {one.roads} roads, {one.confirmed} came true")
        print(f"  ms a road: median {one.median_ms}, 90 % {one.p90_ms}, 99 % {one.p99_ms}, most {one.max_ms}")
    for who in advice:
        print(f"{who.by}: {who.accounts} accounts, {who.answered} % answered, {who.over_the_threshold} % over")
        print(f"  possible {who.possible} %, median early money {who.early_money}, {who.seconds_each} s each")


if __name__ == "__main__":
    main()
