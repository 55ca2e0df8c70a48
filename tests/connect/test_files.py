"""Files in: a bad row costs itself alone, each event comes once, and large files end as small ones do."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.connect import text_files
from linekeeper.connect.event_table import events_of_table, read_events
from linekeeper.connect.files import Intake, read_event_file
from linekeeper.connect.large_files import import_file
from linekeeper.connect.mapping import ColumnMapping, with_options
from linekeeper.connect.mapping_file import load_columns
from linekeeper.connect.text_lines import LINE_BYTES_MAX, cells_of
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.policy.model import Policy

AT = 1_700_000_000_000
HEADER = b"id,account,kind,at,amount\n"


def said(intake: Intake) -> dict[str, str]:
    return {row.place: row.reason for row in intake.rejected}


def ids(intake: Intake) -> list[str]:
    return list(intake.table["id"].to_pylist())


def write(folder: Path, name: str, *lines: bytes) -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_bad_lines_of_json_are_set_aside_and_the_rest_goes_on(policy: Policy, tmp_path: Path) -> None:
    good = b'{"id": "%s", "account": "A", "kind": "draw", "at": 1700000000000, "amount": %s}'
    path = write(
        tmp_path,
        "events.jsonl",
        b"\xef\xbb\xbf" + good % (b"first", b"1"),
        good % (b"nan", b"NaN"),
        good % (b"infinite", b"-Infinity"),
        good % (b"huge", b"1e400"),
        good % (b"digits", b"9" * 5000),
        b'{"id": "twice", "id": "twice", "account": "A", "kind": "draw", "at": 1, "amount": 1}',
        good % (b"bad\xff", b"1"),
        good % (b"half\\ud800", b"1"),
        good % (b"zero\\u0000", b"1"),
        b"",
        b"[" * 60_000,
        b'["no", "object"]',
        b'{"id": "open',
        good % (b"x" * LINE_BYTES_MAX, b"1"),
        good % (b"nested", b'{"amount": 1}'),
        good % (b"last", b"2.0"),
    )
    intake = read_event_file(path, policy)
    assert ids(intake) == ["first", "last"]
    assert said(intake) == {
        "line 2": "`NaN` is no number",
        "line 3": "`-Infinity` is no number",
        "line 4": "`amount` is 1E+400, which is not a whole number",
        "line 5": "the line is larger or deeper than an event can be",
        "line 6": "the line gives `id` twice",
        "line 7": "the line is not UTF-8",
        "line 8": "`id` is 'half\\ud800', with a control character or half a character in it",
        "line 9": "`id` is 'zero\\x00', with a control character or half a character in it",
        "line 11": "the line is larger or deeper than an event can be",
        "line 12": "the line is not a JSON object",
        "line 13": "the line is not JSON: unterminated string starting at at character 8",
        "line 14": "the line is longer than 65536 bytes",
        "line 15": "`amount` is {'amount': 1}, which is not a whole number",
    }


def test_bad_lines_of_csv_are_set_aside_and_the_rest_goes_on(policy: Policy, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "events.csv",
        b"\xef\xbb\xbfid,account,kind,at,amount,category",
        b"first,A,draw,2023-11-14T22:13:20Z,1,",
        b'quoted,"A ""b"", c",purchase,1700000000000,2,food',
        b"short,A,draw,1,1",
        b'stray,"A,draw,1,1,',
        b"utf,\xff,draw,1,1,",
        b"",
        b"nul,A\0,draw,1,1,",
        b"stranger,A,draw,1,1,food",
        b"long," + b"A" * LINE_BYTES_MAX + b",draw,1,1,",
        b"last,A,draw,1700000000000,3,",
    )
    intake = read_event_file(path, policy)
    assert ids(intake) == ["first", "quoted", "last"]
    assert intake.table["account"].to_pylist()[1] == 'A "b", c'
    assert said(intake) == {
        "line 4": "the line has 5 cells and the header 6",
        "line 5": "the line is not CSV: unexpected end of data",
        "line 6": "the line is not UTF-8",
        "line 8": "`account` is 'A\\x00', with a control character or half a character in it",
        "line 9": "`draw` has no field `category`",
        "line 10": "the line is longer than 65536 bytes",
    }


CELLS = st.sampled_from(["", "a", "a b", '"', '""', "é", "\r", " x", "'", "x" * 20, "\ufeff", "\0"])
WRITTEN = st.one_of(
    CELLS,
    CELLS.map(lambda cell: '"' + cell.replace('"', '""') + '"'),
    CELLS.map(lambda cell: f'"{cell}"'),
)
ROWS = st.one_of(st.lists(WRITTEN, min_size=2, max_size=2), st.lists(WRITTEN, max_size=3))
LINES = st.lists(ROWS.map(",".join), min_size=1)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_clean_and_careful_csv_are_read_alike(lines: list[str], end: str, ended: bool) -> None:
    """All lines at once, or each as a block of its own, where a clean line cannot hide behind a bad one."""
    raw = (end.join(lines) + end * ended).encode()
    together = cells_of(raw, 2, 1)
    rows, places, aside = [], [], []
    for number, line in enumerate(raw.split(b"\n"), 1):
        texts, found, bad = cells_of(line + b"\n\n", 2, number)  # the blank line makes it careful
        rows += list(zip(*(text.to_pylist() for text in texts), strict=True))
        places += found.tolist()
        aside += bad
    assert list(zip(*(text.to_pylist() for text in together[0]), strict=True)) == rows
    assert together[1].tolist() == places
    assert together[2] == aside


def test_parquet_of_other_types_is_read(policy: Policy, tmp_path: Path) -> None:
    table = pa.table({
        "event": pa.array([1, 2, 3]),
        "customer": pa.array(["A", "B", "C"]).dictionary_encode(),
        "booked": pa.array([AT, AT, None], pa.timestamp("ms", "Asia/Shanghai")),
        "value": pa.array([12.5, float("nan"), 1.0]),
        "branch": ["x", "y", "z"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "bookings.parquet")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "columns: {event: id, customer: account, booked: at, value: amount}\nconstant: {kind: repay}\nmoney: major\n"
    )
    columns = with_options(load_columns(mapping), ["branch="])
    intake = read_event_file(tmp_path / "bookings.parquet", policy, columns)
    assert list(events_of_table(intake.table)) == [Event("1", "A", "repay", AT, {"amount": 1250})]
    assert said(intake) == {
        "row 2": "`amount` is nan, which is not an amount in major units with at most 2 decimals",
        "row 3": "`at` is missing; each event has one",
    }


def test_the_mapping_applies_to_json_too(policy: Policy, tmp_path: Path) -> None:
    path = write(
        tmp_path, "e.jsonl",
        b'{"nr": 7, "customer": "A", "at": 1700000000000, "amount": 12.34, "branch": [1]}',
        b'{"nr": 8, "customer": "A", "at": 1700000000000, "amount": 12.34, "kind": "draw"}',
    )  # fmt: skip
    columns = ColumnMapping({"nr": "id", "customer": "account"}, {"kind": "draw"}, frozenset({"branch"}), major=True)
    intake = read_event_file(path, policy, columns)
    assert list(events_of_table(intake.table)) == [Event("7", "A", "draw", AT, {"amount": 1234})]
    assert said(intake) == {"line 2": "the line gives `kind` twice"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("columns: {a: b}\ncolour: red", "may hold these keys and no others"),
        ("columns: [a, b]", "`columns` of"),
        ("constant: {kind: 1.5}", "`constant` of"),
        ("ignore: branch", "`ignore` of"),
        ("money: coins", "`money` of"),
        ("{", "is not YAML or JSON"),
        ("columns: !!python/object:os.system {}", "is not YAML or JSON"),
        ("columns: {a: b}\ncolumns: {a: c}", "is not YAML or JSON"),
        ("x" * 70_000, "is larger than such a file can be"),
    ],
)
def test_a_mapping_with_a_fault_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(LinekeeperError, match=reason):
        load_columns(path)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("events.csv", b"id,account,kind,at,amount,branch\n", "has a column `branch` that no kind of the policy has"),
        ("events.csv", b"id,account,kind,amount\n", "has no column `at`"),
        ("events.csv", b"id,id,kind,amount\n", "gives `id` twice"),
        ("events.csv", b"", "`events.csv` is empty"),
        ("events.csv", b"\xff\n", "the header of `events.csv` cannot be read: the line is not UTF-8"),
        ("events.parquet", b"PAR1", "`events.parquet` is not Parquet"),
        ("events.jsonl", b"", "`events.jsonl` is empty"),
        ("events.xls", b"", "`events.xls` does not say what it is"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_before_anything_is_taken(
    policy: Policy, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LinekeeperError, match=reason):
        read_event_file(tmp_path / name, policy)


def test_an_event_comes_once_and_in_order_of_time(policy: Policy, tmp_path: Path) -> None:
    path = write(
        tmp_path, "e.csv", HEADER.strip(),
        b"late,A,draw,30,1", b"early,A,draw,10,1", b"late,A,draw,30,1", b"early,A,draw,10,2", b"b,A,draw,20,1",
        b"a,A,draw,20,1", b"late,A,draw,30,1",
    )  # fmt: skip
    intake = read_event_file(path, policy)
    assert ids(intake) == ["early", "b", "a", "late"]
    assert intake.same == 2
    assert said(intake) == {
        "line 5": "the id `early` was used in line 3 for another event; give each event an id of its own"
    }


def test_large_files_end_as_small_ones_do(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that repeats, conflicts and order cross their edges."""
    rows = [f"e{n % 23},A{n % 3},draw,{(n * 7) % 13},{n % 23 if n % 11 else 'x'}".encode() for n in range(100)]
    path = write(tmp_path, "it's.csv", HEADER.strip(), *rows)
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 100)
    in_memory = read_event_file(path, policy)
    done = import_file(path, policy, tmp_path / "out'put.parquet")
    assert in_memory.rejected
    assert (done.same, done.rejected) == (in_memory.same, in_memory.rejected)
    assert read_events(tmp_path / "out'put.parquet").to_pylist() == in_memory.table.to_pylist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's.csv", "out'put.parquet"]


def test_progress_is_told_to_the_end(policy: Policy, tmp_path: Path) -> None:
    shares: list[float] = []
    read_event_file(write(tmp_path, "e.csv", HEADER.strip(), b"a,A,draw,1,1"), policy, progress=shares.append)
    assert shares == [1.0]


def test_only_an_event_table_is_read_as_one(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"]}), tmp_path / "a.parquet")
    with pytest.raises(LinekeeperError, match="has no column `account`"):
        read_events(tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["1"], "account": ["A"], "kind": ["k"], "at": [1.5]}), tmp_path / "b.parquet")
    with pytest.raises(LinekeeperError, match=r"`at` of .* is neither whole numbers nor text"):
        read_events(tmp_path / "b.parquet")
