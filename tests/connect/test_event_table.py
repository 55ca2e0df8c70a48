"""The event table itself."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.connect.event_table import (
    drop_duplicates,
    events_of_table,
    schema_of,
    sort_by_time,
    table_of,
    used_columns,
)
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

CLASH = """
policy: clash
version: 1
currency: CNY
time_zone: Asia/Shanghai
events: {a: {size: money}, b: {size: [small, large]}}
triggers: {}
"""


def test_a_name_is_a_number_or_a_word_throughout() -> None:
    with pytest.raises(LinekeeperError, match="`size` is a number in one of `a`, `b` and a word in the other"):
        schema_of(load_text(CLASH))


def test_events_come_back_as_they_went(policy: Policy) -> None:
    events = [
        Event("1", "A", "draw", 5, {"amount": 0}),
        Event("2", "A", "override", 6, {"trigger": "late", "until": 9, "why": ""}),
        Event("3", "B", "ping", 7, {}),
    ]
    table = table_of(events, schema_of(policy))
    assert list(events_of_table(table)) == events
    assert used_columns(table).column_names == ["id", "account", "kind", "at", "amount", "trigger", "until", "why"]


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.none() | st.integers(0, 1)), max_size=12)


@given(ROWS)
def test_repeats_are_dropped_and_conflicts_told(rows: list[tuple[str, int, int | None]]) -> None:
    """Against a plain walk: the first of an id stays, the same again is counted, another body is a conflict."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = {"id": pa.string(), "at": pa.int64(), "amount": pa.int64()}
    table = pa.table({name: pa.array(values, types[name]) for name, values in zip(types, columns, strict=True)})
    seen: dict[str, tuple[str, int, int | None]] = {}
    same, conflicts = 0, []
    for number, row in enumerate(rows, 1):
        if seen.setdefault(row[0], row) == row:
            same += row[0] in [earlier[0] for earlier in rows[: number - 1]]
        else:
            conflicts.append(f"row {number}")
    rest, counted, aside = drop_duplicates(table)
    assert [tuple(row.values()) for row in rest.to_pylist()] == list(seen.values())
    assert (counted, [bad.place for bad in aside]) == (same, conflicts)


@given(st.lists(st.tuples(st.sampled_from(["draw", "opening"]), st.integers(0, 3))))
def test_sorting_keeps_the_order_of_one_instant(events: list[tuple[str, int]]) -> None:
    """Openings come before all others, for their history follows them; among themselves they keep their order."""
    kinds, at = ([event[part] for event in events] for part in (0, 1))
    columns = {"kind": pa.array(kinds, pa.string()), "at": pa.array(at, pa.int64()), "row": pa.array(range(len(at)))}
    rows = [row["row"] for row in sort_by_time(pa.table(columns)).to_pylist()]
    assert rows == sorted(range(len(at)), key=lambda row: (-1 if kinds[row] == "opening" else at[row], row))
