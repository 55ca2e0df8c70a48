"""A policy with everything beside a plain one: `python benchmarks/bench_everything.py [--events N] [--rounds N]`.

The plain policy is policies/cash-line.yaml (25 features, a scorecard, 15 triggers); policies/everything.yaml is the
same with 40 features, 6 segments, parameters by segment, 5 tables, 3 more triggers and measures of a customer's other
accounts. Both take the same events on one core, compiled, in turns; the wider one takes what the other accounts come to
as well, an event for every ten. CPU seconds count, which a busy machine disturbs less. Each round gives one ratio of
the two; their median is the figure, and the least and the greatest stand beside it.

What the other accounts come to is worked out before the kernel runs, and is not part of this: `replay_ratio` is of
whole replays in memory, where accounts come two by two, a customer each. It has its own, fewer events.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "src")]

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from cash_line import bench_policy, cash_line_batch  # noqa: E402

import linekeeper as lk  # noqa: E402
from linekeeper.core.bounds import MISSING  # noqa: E402
from linekeeper.evaluate.event_batch import Batch  # noqa: E402
from linekeeper.evaluate.replay import replay  # noqa: E402
from linekeeper.kernel.kernel import Kernel  # noqa: E402
from linekeeper.policy.load import load_file  # noqa: E402
from linekeeper.policy.model import Policy  # noqa: E402

ALLOWED = 2.5
EVENTS_PER_GIVEN = 10
REPLAYED_EVENTS = 10_000


def with_given(policy: Policy, batch: Batch) -> Batch:
    """The batch with an event of the kind `customer` before every tenth event."""
    chosen = np.flatnonzero(np.arange(len(batch)) % EVENTS_PER_GIVEN == EVENTS_PER_GIVEN - 1)
    kind = policy.kind("customer")
    given = np.full((len(chosen), batch.x.shape[1]), MISSING, dtype=np.int64)
    rng = np.random.default_rng(7)
    for place, field in enumerate(kind.fields):
        given[:, place] = rng.integers(0, 5_000_000 if field.unit == "money" else 40, len(chosen))
    starts = batch.starts + np.searchsorted(chosen, batch.starts)
    rows = np.arange(len(batch) + len(chosen))
    at, hour = (np.insert(one, chosen, one[chosen]) for one in (batch.at, batch.hour))
    kinds = np.insert(batch.kind, chosen, kind.number)
    return Batch(batch.accounts, starts, rows, at, hour, kinds, np.insert(batch.x, chosen, given, axis=0))


def table_of_batch(policy: Policy, batch: Batch, customers: bool) -> pa.Table:
    """The batch as an event table; of customers every second account is of the same as the one before."""
    account = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
    kinds = np.array([kind.name for kind in policy.kinds])[batch.kind]
    columns: dict[str, list[object]] = {
        "id": [f"e{number}" for number in range(len(batch))],
        "account": [batch.accounts[one] for one in account],
        "kind": kinds.tolist(),
        "at": batch.at.tolist(),
    }
    for kind in policy.kinds:
        for place, field in enumerate(kind.fields):
            here = columns.setdefault(field.name, [None] * len(batch))
            for row in np.flatnonzero(batch.kind == kind.number):
                value = int(batch.x[row, place])
                if value != MISSING:
                    here[row] = field.choices[value] if field.choices else value
    if customers:
        opened = kinds == "open"
        columns["customer"] = [f"C{one // 2}" if first else None for one, first in zip(account, opened, strict=True)]
    return pa.table({name: values for name, values in columns.items() if any(one is not None for one in values)})


def cpu_seconds_of_kernel(kernel: Kernel, batch: Batch) -> float:
    """CPU seconds of one replay on one core."""
    begun = time.process_time()
    replay(kernel, batch, -1, workers=1)
    return time.process_time() - begun


def cpu_seconds_of_replay(path: Path, table: pa.Table) -> float:
    """CPU seconds of a whole replay in memory: validation, what others come to, kernel, decisions."""
    begun = time.process_time()
    lk.replay(path, table)
    return time.process_time() - begun


def measure(events: int, rounds: int, replayed_events: int) -> dict[str, object]:
    """All figures."""
    folder = Path(__file__).resolve().parent / "policies"
    paths = folder / "cash-line.yaml", folder / "everything.yaml"
    plain, wide = bench_policy(), load_file(paths[1])
    kernels = Kernel(plain), Kernel(wide)
    batches = cash_line_batch(plain, events), with_given(wide, cash_line_batch(wide, events))
    for kernel, batch in zip(kernels, batches, strict=True):
        cpu_seconds_of_kernel(kernel, batch)  # compiles, and touches memory
    seconds = [
        tuple(cpu_seconds_of_kernel(kernel, batch) for kernel, batch in zip(kernels, batches, strict=True))
        for _ in range(rounds)
    ]
    ratios = [second / first for first, second in seconds]
    small = cash_line_batch(plain, replayed_events), cash_line_batch(wide, replayed_events)
    tables = table_of_batch(plain, small[0], False), table_of_batch(wide, small[1], True)
    whole = [
        [cpu_seconds_of_replay(path, table) for path, table in zip(paths, tables, strict=True)]
        for _ in range(max(rounds // 2, 2))
    ]
    named = [feature for feature in wide.features if feature.named]
    return {
        "events": len(batches[0]),
        "given": len(batches[1]) - len(batches[0]),
        "features": len(named) - 1 - sum(feature.name in _tables(wide) for feature in named),
        "segments": len(wide.segments),
        "plain_seconds": round(min(one for one, _ in seconds), 3),
        "wide_seconds": round(min(two for _, two in seconds), 3),
        "kernel_ratio": round(statistics.median(ratios), 2),
        "kernel_ratio_least": round(min(ratios), 2),
        "kernel_ratio_most": round(max(ratios), 2),
        "allowed": ALLOWED,
        "replayed_events": replayed_events,
        "replay_ratio": round(statistics.median(two / one for one, two in whole), 2),
    }


def _tables(policy: Policy) -> set[str]:
    return {"pace", "share_left", "signs", "spend_grade", "grade"} & {feature.name for feature in policy.features}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--replayed-events", type=int, default=REPLAYED_EVENTS)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    figures = measure(said.events, said.rounds, said.replayed_events)
    print(json.dumps(figures) if said.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
