"""How long a road back takes, and how it stands beside DiCE: `python benchmarks/bench_road.py [--json]`.

Time: one search for each adverse decision of the simulated borrowers (policies/consumer-loan.yaml), one core,
compiled kernel, verification by the second run included. With the card data (docs/data.md) the same for
policies/credit-card.yaml.

Beside DiCE (dice-ml; Mothilal et al., 2020) on a policy whose only trigger is the score: both are asked what
would lift the same restricted accounts over the threshold. DiCE answers with other values of features. Its advice
counts as possible where some life open to the borrower (paying none to all of what is owed, waiting, income as
before or doubled) brings every value it changes into the advised bin of the card on one and the same day within
400 days: a test in DiCE's favour, for the bins are wide and the holds of the policy are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "src")]

import numpy as np  # noqa: E402

from linekeeper.core.bounds import MISSING  # noqa: E402
from linekeeper.core.line import ADVERSE  # noqa: E402
from linekeeper.decide.road import Road, find_road  # noqa: E402
from linekeeper.decide.road.follow import comes_true  # noqa: E402
from linekeeper.decide.road.ground import Ground, ground_of  # noqa: E402
from linekeeper.decide.road.model import EARLY_DAYS  # noqa: E402
from linekeeper.decide.road.moves import Effort, rows_of  # noqa: E402
from linekeeper.kernel.batch import Batch, batch_of  # noqa: E402
from linekeeper.kernel.kernel import Kernel, kernel_of  # noqa: E402
from linekeeper.kernel.late import Row  # noqa: E402
from linekeeper.lab.population import population  # noqa: E402
from linekeeper.policy.load import load_file, load_text  # noqa: E402
from linekeeper.policy.model import Policy  # noqa: E402
from linekeeper.scorecard.points import parts  # noqa: E402

THRESHOLD = 580
WITHIN_DAYS = 400
SCORE_ONLY = f"""triggers:
  weak_score: {{when: score < {THRESHOLD}, hold: 30d, cap: 70%, reason: weak_score}}
recovery: {{first: 40%, step: 20%, every: 30d}}
"""


@dataclass(frozen=True)
class Restricted:
    """An account right after an adverse decision, with the features that the decision saw."""

    state: list[int]
    day: int
    values: dict[str, int | None]


@dataclass(frozen=True)
class Times:
    """Search times of one policy, in milliseconds."""

    policy: str
    decisions: int
    roads: int
    came_true: int
    median_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class Advice:
    """What one adviser's answers are worth. Shares in percent; money in major units, the median."""

    by: str
    accounts: int
    answered: float
    over_the_threshold: float
    possible: float
    early_money: float | None
    seconds_each: float


# ------------------------------------------------------------------ accounts


def restricted(kernel: Kernel, batch: Batch, wanted: int) -> Iterator[Restricted]:
    """Accounts after adverse decisions, spread over all accounts: at most `wanted`, one in so many."""
    until = int(batch.hour.max()) // 24 + 1
    found = [one for account in range(len(batch.accounts)) for one in _of_account(kernel, batch, account, until)]
    yield from found[:: max(len(found) // wanted, 1)][:wanted]


def _of_account(kernel: Kernel, batch: Batch, account: int, until: int) -> Iterator[Restricted]:
    """The compiled replay, stopped after each decision."""
    state = np.zeros((1, kernel.layout.size), dtype=np.int64)
    starts = batch.starts[account : account + 2].copy()
    out, head = np.zeros((1, kernel.shape.width), dtype=np.int64), np.zeros((1, 2), dtype=np.int64)
    cursor, refused = np.zeros(3, dtype=np.int64), np.zeros(len(batch), dtype=np.int64)
    events = (batch.at, batch.hour, batch.kind, batch.x)
    while cursor[0] < 1:
        count = kernel.compiled.replay(state, starts, *events, until, 1, out, head, refused, cursor)
        if count and out[0, kernel.shape.place("ACTION")] in ADVERSE:
            names = [feature.name for feature in kernel.policy.features]
            seen = [None if value == MISSING else value for value in out[0, kernel.shape.values :].tolist()]
            day = int(out[0, kernel.shape.place("NOW_HOUR")]) // 24
            yield Restricted(state[0].tolist(), day, dict(zip(names, seen, strict=True)))


def borrowers(policy: Policy, accounts: int, wanted: int) -> tuple[Kernel, list[Restricted]]:
    """Restricted accounts of the simulated population."""
    kernel = kernel_of(policy)
    batch = batch_of(policy, kernel.calendar, population(accounts=accounts, days=730, seed=1).events)
    return kernel, list(restricted(kernel, batch, wanted))


# ------------------------------------------------------------------ time


def measure(kernel: Kernel, found: Sequence[Restricted]) -> Times:
    """One road for each."""
    find_road(kernel, found[0].state, found[0].day)  # compiles
    took, roads, true = [], 0, 0
    for one in found:
        began = time.perf_counter()
        road = find_road(kernel, one.state, one.day)
        took.append((time.perf_counter() - began) * 1000)
        if isinstance(road, Road):
            roads += 1
            true += all(comes_true(kernel, one.state, road.day, plan) for plan in road.plans)
    shares = [round(float(np.quantile(took, share)), 1) for share in (0.5, 0.9, 0.99, 1.0)]
    return Times(kernel.policy.name, len(found), roads, true, *shares)


def card_data(wanted: int) -> tuple[Kernel, list[Restricted]] | None:
    """The same on the card data, where they are."""
    from linekeeper.connect.taiwan import read_taiwan

    path = REPOSITORY.parent / "shared" / "data" / "taiwan_credit_card" / "taiwan_credit_card.parquet"
    if not path.exists():
        return None
    kernel = kernel_of(load_file(REPOSITORY / "policies" / "credit-card.yaml"))
    events = read_taiwan(path)[0]
    batch = batch_of(kernel.policy, kernel.calendar, events.slice(0, events.num_rows))
    few = Batch(batch.accounts[:3_000], batch.starts[:3_001], batch.rows, batch.at, batch.hour, batch.kind, batch.x)
    return kernel, list(restricted(kernel, few, wanted))


# ------------------------------------------------------------------ beside DiCE


def score_only() -> Policy:
    """The example policy with the score as its only trigger."""
    text = (REPOSITORY / "policies" / "consumer-loan.yaml").read_text("utf-8")
    return load_text(text[: text.index("\ntriggers:") + 1] + SCORE_ONLY)


def lives(ground: Ground) -> Iterator[tuple[int, np.ndarray]]:
    """(early money, features at the start of each of the next days) of the lives open to the borrower."""
    kernel, names = ground.kernel, len(ground.kernel.policy.features)
    days = np.arange(ground.day + 1, ground.day + WITHIN_DAYS, dtype=np.int64)
    for today in sorted({ground.overdue + (ground.owed - ground.overdue) * share // 10 for share in range(11)}):
        for income in (None, 2 * (ground.habits.income_minor or ground.slot("GRANTED"))):
            rows = rows_of(ground, Effort(today, income_minor=income), int(days[-1]))
            columns = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
            width = max(len(kind.fields) for kind in kernel.policy.kinds)
            x = np.array([row.x + (0,) * (width - len(row.x)) for row in rows], dtype=np.int64).reshape(
                len(rows), width
            )
            out = np.zeros((len(days), kernel.shape.width), dtype=np.int64)
            state, scratch = np.array([ground.state], dtype=np.int64), np.zeros(kernel.shape.width, dtype=np.int64)
            heads, starts = np.zeros((len(days), 2), dtype=np.int64), np.array([0, len(rows)], dtype=np.int64)
            kernel.compiled.snapshots(state, starts, *columns, x, days, out, heads, scratch)
            yield early(ground, rows), out[:, kernel.shape.values : kernel.shape.values + names]


def early(ground: Ground, rows: Sequence[Row]) -> int:
    """What is paid on the first 30 days."""
    repay = ground.kernel.policy.kind("repay").number
    return sum(row.x[0] for row in rows if row.kind == repay and row.hour // 24 < ground.day + EARLY_DAYS)


def least_money(policy: Policy, ground: Ground, before: dict[str, int], advised: dict[str, float]) -> int | None:
    """Early money of the cheapest life in which the advice comes about; None where none of them does."""
    assert policy.score is not None
    below = {part.feature: part.below for part in policy.score.bins}
    places = {feature.name: place for place, feature in enumerate(policy.features)}
    changed = {
        name: value for name, value in advised.items() if _bin(below[name], value) != _bin(below[name], before[name])
    }
    found = []
    for paid, values in lives(ground):
        here = np.ones(len(values), dtype=bool)
        for name, value in changed.items():
            column = values[:, places[name]]
            here &= (np.searchsorted(below[name], column, side="right") == _bin(below[name], value)) & (
                column != MISSING
            )
        found += [paid] if here.any() else []
    return min(found, default=None)


def _bin(below: Sequence[int], value: float) -> int:
    return int(np.searchsorted(below, value, side="right"))


class Card:
    """The scorecard as a model that DiCE can ask: class 1 at the threshold or above."""

    def __init__(self, policy: Policy, names: list[str]) -> None:
        self.score, self.names = policy.score, names

    def points(self, values: dict[str, Any]) -> int:
        """The score of one set of values."""
        assert self.score is not None
        return self.score.base + sum(part.points for part in parts(self.score, values))

    def predict_proba(self, table: Any) -> np.ndarray:
        """Chances of both classes, from the distance to the threshold (20 points double the odds)."""
        rows = np.asarray(table[self.names], dtype=float)
        scores = np.array([self.points(dict(zip(self.names, row, strict=True))) for row in rows])
        good = 1 / (1 + 2.0 ** (-(scores - THRESHOLD + 0.5) / 20))
        return np.stack([1 - good, good], axis=1)

    def predict(self, table: Any) -> np.ndarray:
        """The likelier class."""
        return self.predict_proba(table).argmax(axis=1)


def compare(policy: Policy, kernel: Kernel, found: Sequence[Restricted], method: str) -> Iterator[Advice]:
    """Both advisers on the same accounts."""
    assert policy.score is not None
    names = [part.feature for part in policy.score.bins]
    whole = [one for one in found if all(one.values[name] is not None for name in names)]
    yield _of_linekeeper(kernel, whole)
    for label, vary in (("all features", names), ("what a borrower moves", [n for n in names if n not in FIXED])):
        yield _of_dice(policy, kernel, whole, names, vary, f"DiCE ({method}), {label}", method)


FIXED = ("tenure", "late_30_12m", "late_3_6m", "bureau_score")  # a borrower cannot change what has happened


def _of_linekeeper(kernel: Kernel, found: Sequence[Restricted]) -> Advice:
    began = time.perf_counter()
    roads = [find_road(kernel, one.state, one.day) for one in found]
    seconds = time.perf_counter() - began
    pairs = [(one, road) for one, road in zip(found, roads, strict=True) if isinstance(road, Road)]
    true = sum(comes_true(kernel, one.state, road.day, road.fastest) for one, road in pairs)
    least = [min(plan.early_minor for plan in road.plans) for _, road in pairs]
    return _advice("linekeeper", kernel, len(found), len(pairs), true, true, least, seconds)


def _of_dice(
    policy: Policy, kernel: Kernel, found: Sequence[Restricted], names: list[str], vary: list[str], by: str, method: str
) -> Advice:
    import dice_ml
    import pandas as pd

    model = Card(policy, names)
    table = pd.DataFrame([[one.values[name] for name in names] for one in found], columns=names).astype(int)
    labelled = table.assign(good=model.predict(table))
    labelled.loc[labelled.index[0], "good"] = 1  # DiCE wants both classes in its data
    data = dice_ml.Data(dataframe=labelled, continuous_features=names, outcome_name="good")
    explainer = dice_ml.Dice(data, dice_ml.Model(model=model, backend="sklearn"), method=method)
    answered = over = 0
    paid = []
    began = time.perf_counter()
    answers = [_ask(explainer, table.iloc[[i]], vary) for i in range(len(found))]
    seconds = time.perf_counter() - began
    for one, answer in zip(found, answers, strict=True):
        if answer is None:
            continue
        answered += 1
        over += model.points(answer) >= THRESHOLD
        before = {name: value for name, value in one.values.items() if value is not None}
        money = least_money(policy, ground_of(kernel, one.state, one.day), before, answer)
        paid += [] if money is None else [money]
    return _advice(by, kernel, len(found), answered, over, len(paid), paid, seconds)


def _ask(explainer: Any, query: Any, vary: list[str]) -> dict[str, float] | None:
    """One counterfactual, or None where DiCE finds none."""
    from raiutils.exceptions import UserConfigValidationException

    try:
        options = {"verbose": False} if not hasattr(explainer, "seed") else {}
        found = explainer.generate_counterfactuals(query, 1, desired_class=1, features_to_vary=vary, **options)
    except UserConfigValidationException:
        return None
    table = found.cf_examples_list[0].final_cfs_df
    return None if table is None or not len(table) else table.iloc[0].drop("good").astype(float).to_dict()


def _advice(
    by: str, kernel: Kernel, asked: int, answered: int, over: int, possible: int, money: list[int], seconds: float
) -> Advice:
    shares = [round(100 * count / max(asked, 1), 1) for count in (answered, over, possible)]
    major = round(float(np.median(money)) / 10**kernel.policy.exponent, 2) if money else None
    return Advice(by, asked, *shares, major, round(seconds / max(asked, 1), 4))


# ------------------------------------------------------------------ all


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
        print(f"{one.policy}: {one.decisions} adverse decisions, {one.roads} roads, {one.came_true} came true")
        print(f"  ms a road: median {one.median_ms}, 90 % {one.p90_ms}, 99 % {one.p99_ms}, most {one.max_ms}")
    for who in advice:
        print(f"{who.by}: {who.accounts} accounts, {who.answered} % answered, {who.over_the_threshold} % over")
        print(f"  possible {who.possible} %, median early money {who.early_money}, {who.seconds_each} s each")


if __name__ == "__main__":
    main()
