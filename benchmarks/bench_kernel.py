"""The kernel beside DuckDB, and beside itself interpreted: `python benchmarks/bench_kernel.py [--events N] [--json]`.

The policy (policies/cash-line.yaml) has 22 windowed features, a scorecard of 12 features and 15 triggers. The kernel
does all of it: features, score, latches, envelope, reviews, decisions. DuckDB, on one thread, computes the windowed
features alone, in SQL, over a stated part of the same events, scaled by event; its windows end with the tile, not with
the event, so its values are not the kernel's, but the work is a feature store's. All in one run on one machine; what
runs on one core is timed in CPU seconds, which a busy machine disturbs less, and two cores by the clock. One core,
DuckDB and two cores take turns, each after as much memory as it needs has been touched and given back (a virtual
machine may have to ask for it first, which says nothing of either), and of each the best turn counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "src")]

import numpy as np  # noqa: E402
from cash_line import bench_policy, cash_line_batch  # noqa: E402

from linekeeper.evaluate.event_batch import Batch  # noqa: E402
from linekeeper.evaluate.replay import replay  # noqa: E402
from linekeeper.kernel.kernel import Kernel  # noqa: E402
from linekeeper.kernel.prelude import month_of  # noqa: E402
from linekeeper.policy import expression as x  # noqa: E402
from linekeeper.policy import model as m  # noqa: E402

DUCKDB_EVENTS = 1_000_000
INTERPRETED_EVENTS = 20_000
WARM_EVENTS = 20_000
ROUNDS = 7
MEMORY_INT64S = 2**27
TILE = {"h": "hour", "d": "day", "m": "month"}


def part_of(batch: Batch, events: int) -> Batch:
    """The first accounts of a batch, with about so many events."""
    accounts = min(max(int(np.searchsorted(batch.starts, events)), 1), len(batch.accounts))
    last = int(batch.starts[accounts])
    columns = (column[:last] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch(batch.accounts[:accounts], batch.starts[: accounts + 1], *columns)


def have_memory_at_hand() -> None:
    """Touch a gigabyte, and give it back."""
    np.ones(MEMORY_INT64S, dtype=np.int64)


def timed_replay(kernel: Kernel, batch: Batch, **settings: Any) -> tuple[float, float, int]:
    """CPU seconds, seconds by the clock, and evaluations of one replay, without reviews beyond the last event."""
    have_memory_at_hand()
    cpu, clock = time.process_time(), time.perf_counter()
    outcome = replay(kernel, batch, -1, **settings)
    return time.process_time() - cpu, time.perf_counter() - clock, outcome.evaluations


def window_sql(policy: m.Policy) -> list[str]:
    """One SQL expression for each windowed feature of the policy."""
    found = []
    for feature in policy.features:
        if isinstance(feature.expr, x.Windowed):
            one = feature.expr
            place = [field.name for field in policy.kind(one.select.kind).fields]
            value = "*" if one.field is None else f"x{place.index(one.field)}"
            test = f"kind = {policy.kind(one.select.kind).number}" + where_sql(one.select.where, place)
            tile = TILE[one.window.unit]
            frame = f"RANGE BETWEEN {one.window.length - 1} PRECEDING AND CURRENT ROW"
            found.append(
                f"{one.how}({value}) FILTER (WHERE {test}) OVER (PARTITION BY account ORDER BY {tile} {frame})"
            )
    return found


def where_sql(where: x.Expr | None, place: list[str]) -> str:
    """The filters that the policy of this benchmark uses."""
    match where:
        case None:
            return ""
        case x.Compare("=", x.FieldRef(name), x.Literal(value)):
            return f" AND x{place.index(name)} = {value}"
        case x.Compare("<", x.HourOfDay(), x.Literal(value)):
            return f" AND hour % 24 < {value}"
    raise AssertionError(where)


def duckdb_query(policy: m.Policy, batch: Batch) -> Callable[[], float]:
    """What computes the windowed features in DuckDB on one thread, and returns its CPU seconds."""
    import duckdb
    import pyarrow as pa

    day = batch.hour // 24
    days = np.arange(day.min(), day.max() + 1)
    months = np.array([month_of(int(one)) for one in days], dtype=np.int64)
    columns = {
        "account": np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts)),
        "hour": batch.hour,
        "day": day,
        "month": months[day - days[0]],
        "kind": batch.kind,
        **{f"x{place}": batch.x[:, place] for place in range(batch.x.shape[1])},
    }
    wanted = window_sql(policy)
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.register("given", pa.table(columns))
    connection.execute("CREATE TABLE events AS SELECT * FROM given")
    names = ", ".join(f"{sql} AS f{number}" for number, sql in enumerate(wanted))
    sums = ", ".join(f"sum(f{number})" for number in range(len(wanted)))

    def run() -> float:
        have_memory_at_hand()
        began = time.process_time()
        connection.execute(f"SELECT {sums} FROM (SELECT {names} FROM events)").fetchall()
        return time.process_time() - began

    return run


def measure(events: int) -> dict[str, float]:
    """All figures of one run."""
    policy = bench_policy()
    kernel = Kernel(policy)
    batch = cash_line_batch(policy, events)
    began = time.perf_counter()
    timed_replay(kernel, part_of(batch, WARM_EVENTS), workers=1)
    kernel.compiled.optimise("replay")
    kernel.compiled.wait()
    ready = time.perf_counter() - began
    sample = part_of(batch, DUCKDB_EVENTS)
    query = duckdb_query(policy, sample)
    alone, both, sql = [], [], []
    for _ in range(ROUNDS):
        alone.append(timed_replay(kernel, batch, workers=1))
        sql.append(query())
        both.append(timed_replay(kernel, batch, workers=2)[1])
    one, evaluations = min(alone)[0], alone[0][2]
    few = part_of(batch, INTERPRETED_EVENTS)
    slow, _, slow_evaluations = timed_replay(kernel, few, compiled=False)
    per_event, sql_per_event = one / len(batch), min(sql) / len(sample)
    return {
        "events": len(batch),
        "evaluations": evaluations,
        "windows": len(window_sql(policy)),
        "compile_or_load_s": ready,
        "compiled_ns_an_event": per_event * 1e9,
        "compiled_ns_an_evaluation": one / evaluations * 1e9,
        "duckdb_events": len(sample),
        "duckdb_ns_an_event": sql_per_event * 1e9,
        "faster_than_duckdb": sql_per_event / per_event,
        "two_cores_against_one": min(clock for _, clock, _ in alone) / min(both),
        "interpreted_us_an_evaluation": slow / slow_evaluations * 1e6,
        "faster_than_interpreted": (slow / slow_evaluations) / (one / evaluations),
    }


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.events)
    if asked.json:
        print(json.dumps(found))
        return
    print(
        f"{found['events']:,} events, {found['evaluations']:,} evaluations; "
        f"kernel ready after {found['compile_or_load_s']:.1f} s"
    )
    print(f"  compiled, one core   {found['compiled_ns_an_event']:>9,.0f} ns an event")
    print(
        f"  DuckDB, one thread   {found['duckdb_ns_an_event']:>9,.0f} ns an event for {found['windows']} windows alone"
    )
    print(f"                       {found['faster_than_duckdb']:>9.1f} times faster (goal: 20)")
    print(f"  two cores            {found['two_cores_against_one']:>9.2f} times one (goal: 1.7)")
    print(f"  interpreted          {found['interpreted_us_an_evaluation']:>9.1f} us an evaluation (goal: under 40)")
    print(f"                       {found['faster_than_interpreted']:>9.1f} times slower than compiled (goal: 50)")


if __name__ == "__main__":
    main()
