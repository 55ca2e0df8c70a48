"""Events from anything: each library's table, files and dictionaries lead to the same decisions."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from tests.face.examples import EVENTS, POLICY, example_rows, example_table, opened


def with_times(table: pa.Table) -> pa.Table:
    """The table with `at` as a time stamp in UTC and `due_on` as a date, as a database has them."""
    at = pc.strptime(pc.replace_substring(table["at"], "+08:00", "+0800"), "%Y-%m-%dT%H:%M:%S%z", "us")
    at = at.cast(pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("at"), "at", at)
    return table.set_column(table.column_names.index("due_on"), "due_on", table["due_on"].cast(pa.date32()))


def in_duckdb(table: pa.Table) -> Any:
    return duckdb.connect().from_arrow(table)


def in_pandas(table: pa.Table) -> Any:
    return importlib.import_module("pandas").DataFrame(table.to_pydict())


def in_pandas_without_some_rows(table: pa.Table) -> Any:
    """A selection of rows has an index of its own, which is a column to Arrow."""
    frame = in_pandas(pa.concat_tables([table.slice(0, 1), table]))
    return frame[frame.index != 1]


def in_polars(table: pa.Table) -> Any:
    return importlib.import_module("polars").from_arrow(table)


def as_dictionaries(table: pa.Table) -> Any:
    return iter(table.to_pylist())


FORMS: list[tuple[str | None, Callable[[pa.Table], Any]]] = [
    (None, lambda table: table),
    (None, lambda table: table.to_reader(max_chunksize=3)),
    (None, in_duckdb),
    ("pandas", in_pandas),
    ("pandas", in_pandas_without_some_rows),
    ("polars", in_polars),
    (None, as_dictionaries),
]


@pytest.mark.parametrize("times", [lambda table: table, with_times])
@pytest.mark.parametrize(("library", "form"), FORMS)
def test_each_form_of_a_table_leads_to_the_decisions_of_the_file(
    library: str | None, form: Callable[[pa.Table], Any], times: Callable[[pa.Table], pa.Table]
) -> None:
    if library:
        pytest.importorskip(library)
    result = lk.replay(POLICY, form(times(example_table())))
    assert (result.rejected, result.events) == ((), 10)
    assert result.digest == lk.replay(POLICY, EVENTS).digest


def test_names_are_mapped_and_left_out() -> None:
    table = example_table().rename_columns(["number", "customer", "type", "at", "limit", "amount", "due_on"])
    table = table.append_column("branch", pa.array(["north"] * table.num_rows))
    columns = {"number": "id", "customer": "account", "type": "kind", "branch": None}
    expected = lk.replay(POLICY, EVENTS).digest
    assert lk.replay(POLICY, table, columns=columns).digest == expected
    assert lk.replay(POLICY, table.to_pylist(), columns=columns).digest == expected


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (example_table().append_column("branch", pa.array(["n"] * 10)), "`events` has a column `branch` that no kind"),
        (example_table().drop_columns("id"), "`events` has no column `id`"),
        (pa.table({"id": ["1"], "account": ["A"], "kind": ["open"]}), "`events` has no column `at`"),
        (["open"], "`open` is no event; give dictionaries"),
        (7, "`int` holds no events; give a table, a path, or dictionaries"),
        ("events.txt", "there is no file `events.txt`"),
    ],
)
def test_what_cannot_be_read_at_all_is_an_error(events: Any, message: str) -> None:
    with pytest.raises(LinekeeperError) as raised:
        lk.replay(POLICY, events)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "opn"}, "`kind` is 'opn', which is no kind of this policy; did you mean `open`?"),
        ({"limit": -1}, "`limit` is -1, out of bounds; it may lie from 0 to 10^15"),
        ({"at": "2025-03-03T10:00:00"}, "`at` is '2025-03-03T10:00:00', which is not a time with its UTC offset"),
        ({"at": datetime(2025, 3, 3)}, "which is not a time with its UTC offset"),
        ({"amount": 5}, "`open` has no field `amount`"),
        ({"account": ""}, "`account` is empty"),
    ],
)
@pytest.mark.parametrize("form", [lambda row: [row], lambda row: example_table(row)])
def test_a_row_that_is_no_event_is_rejected_with_its_place_and_reason(
    change: dict[str, Any], reason: str, form: Callable[[dict[str, Any]], Any]
) -> None:
    result = lk.replay(POLICY, form(opened("A", "1") | change))
    (rejection,) = result.rejected
    assert rejection.place == "row 1"
    assert reason in rejection.reason


def test_an_event_that_the_account_cannot_have_is_rejected() -> None:
    draw = {"id": "1", "account": "B", "kind": "draw", "at": 1_741_600_000_000, "amount": 5}
    (rejection,) = lk.replay(POLICY, [draw]).rejected
    assert (rejection.place, rejection.reason) == ("event 1", "the account is not open yet")


def test_repeats_count_once_and_conflicts_are_rejected() -> None:
    result = lk.replay(POLICY, [opened("A", "1"), opened("A", "1"), opened("B", "1")])
    assert (result.events, result.repeats) == (1, 1)
    assert "the id `1` was used in row 1 for another event" in result.rejected[0].reason


@pytest.mark.parametrize("events", [[], example_table().slice(0, 0)])
def test_no_events_lead_to_no_decisions(events: Any) -> None:
    result = lk.replay(POLICY, events)
    assert (result.accounts, len(result.decisions), len(result.timelines), len(result.features)) == (0, 0, 0, 0)
    assert result.decisions.table.schema.field("limit_minor").type == pa.int64()


def test_values_of_python_are_taken() -> None:
    rows = example_rows()
    for row in rows:
        row["at"] = datetime.fromisoformat(row["at"]).astimezone(UTC)
        row |= {"due_on": date.fromisoformat(row["due_on"])} if "due_on" in row else {}
    assert lk.replay(POLICY, rows).digest == lk.replay(POLICY, EVENTS).digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": pa.array(["open"]).dictionary_encode()}, None),
        ({"kind": pa.array(["open"], pa.string_view()), "account": pa.array(["A"], pa.large_string())}, None),
        ({"id": pa.array([1], pa.uint64()), "limit": pa.array([1_000_000.0])}, None),
        ({"at": pa.array([1_741_600_000], pa.timestamp("s", "Asia/Shanghai"))}, None),
        ({"at": pa.array([1_741_600_000], pa.timestamp("s"))}, "which is not a time with its UTC offset"),
        ({"limit": pa.array([[1]])}, "`limit` is [1], which is not a whole number"),
        ({"id": pa.array([{"a": 1}])}, "`id` is {'a': 1}, which is not UTF-8 text"),
        ({"kind": pa.array([None], pa.null())}, "`kind` is missing; each event has one"),
    ],
)
def test_each_type_of_column_is_taken_or_refused_with_a_reason(change: dict[str, pa.Array], reason: str | None) -> None:
    row = {name: pa.array([value]) for name, value in opened("A", "1").items()}
    result = lk.replay(POLICY, pa.table(row | change))
    assert (result.events, len(result.rejected)) == ((1, 0) if reason is None else (0, 1))
    assert reason is None or reason in result.rejected[0].reason
