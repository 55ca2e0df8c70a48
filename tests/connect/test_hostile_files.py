"""Damaged and hostile files: a typed error or rows rejected by place and reason; no traceback, no row silently lost."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from linekeeper.connect.event_table import events_of_table
from linekeeper.connect.files import Intake, read_event_file
from linekeeper.connect.layout import Format
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.connect.mapping_file import columns_of
from linekeeper.core.errors import FileError, LinekeeperError
from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.connect.feeds import all_feeds

AT = 1_700_000_000_000
ROWS = 40
EVENTS = {f"e{n}": Event(f"e{n}", f"A{n % 5}", "draw", AT + n, {"amount": 100 + n}) for n in range(ROWS)}
HEADER = b"id,account,kind,at,amount"
PREPARED = columns_of({"decimal": ".", "money": "minor", "trim": True}, "m.yaml")
SEEDS = range(120)

Damage = Callable[[list[bytes], random.Random], set[int]]  # changes lines in place; returns the indices it touched


def csv_lines() -> list[bytes]:
    """A header and one line an event, in order."""
    rows = [f"{e.id},{e.account},{e.kind},{e.at},{e.fields['amount']}".encode() for e in EVENTS.values()]
    return [HEADER, *rows]


def json_lines() -> list[bytes]:
    text = '{{"id": "{}", "account": "{}", "kind": "{}", "at": {}, "amount": {}}}'
    return [text.format(e.id, e.account, e.kind, e.at, e.fields["amount"]).encode() for e in EVENTS.values()]


def _into(insert: bytes) -> Damage:
    def damage(lines: list[bytes], chance: random.Random) -> set[int]:
        place = chance.randrange(1, len(lines))
        line = lines[place]
        cut = chance.randrange(len(line) + 1)
        lines[place] = line[:cut] + insert + line[cut:]
        return {place}

    return damage


def _cut_line(lines: list[bytes], chance: random.Random) -> set[int]:
    place = chance.randrange(1, len(lines))
    lines[place] = lines[place][: chance.randrange(len(lines[place]) - 4)]
    return {place}


def _cut_file(lines: list[bytes], chance: random.Random) -> set[int]:
    keep = chance.randrange(1, len(lines) - 1)
    gone = set(range(keep, len(lines)))
    lines[keep] = lines[keep][: chance.randrange(8)]
    del lines[keep + 1 :]
    return gone


def _swap_cells(lines: list[bytes], chance: random.Random) -> set[int]:
    place = chance.randrange(1, len(lines))
    cells = lines[place].split(b",")
    cells[2:4] = cells[3:1:-1]
    lines[place] = b",".join(cells)
    return {place}


def _long_line(lines: list[bytes], chance: random.Random) -> set[int]:
    place = chance.randrange(1, len(lines))
    lines[place] = lines[place].replace(b"draw", b"d" * 10_000_000)
    return {place}


def _repeat_header(lines: list[bytes], chance: random.Random) -> set[int]:
    """As `cat` makes one file of two: the header once more, with a mark before it."""
    place = chance.randrange(1, len(lines))
    lines[place] = b"\xef\xbb\xbf" + HEADER
    return {place}


DAMAGES: dict[str, Damage] = {
    "nul": _into(b"\0"),
    "mark": _into(b"\xef\xbb\xbf"),
    "not utf-8": _into(b"\xff"),
    "quote": _into(b'"'),
    "delimiter": _into(b","),
    "carriage return": _into(b"\r"),
    "next line": _into(b"\xc2\x85"),
    "line separator": _into(b"\xe2\x80\xa8"),
    "half a character": _into(b"\xed\xa0\x80"),
    "cut line": _cut_line,
    "cut file": _cut_file,
    "swapped cells": _swap_cells,
    "header again": _repeat_header,
}


def check(intake: Intake, lines: list[bytes], touched: set[int], first: int) -> None:
    """Every whole row came in as it was, and every other is admitted as it was or rejected by its place."""
    admitted = {event.id: event for event in events_of_table(intake.table)}
    whole = [event for place, event in enumerate(EVENTS.values(), first) if place not in touched]
    assert [admitted.get(event.id) for event in whole] == whole
    places = {int(row.place.rpartition(" ")[2]) for row in intake.rejected}
    for place in touched & set(range(len(lines))):
        event = list(EVENTS.values())[place - first]
        blank = not lines[place].strip()
        assert blank or place + 1 in places or len(admitted) > len(whole), (lines[place], event)
    assert len(admitted) + len(intake.rejected) + intake.same >= sum(bool(line.strip()) for line in lines[first:])


@pytest.mark.parametrize("columns", [None, PREPARED], ids=["as it stands", "prepared"])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_line_costs_itself_alone(
    policy: Policy, tmp_path: Path, name: str, columns: ColumnMapping | None
) -> None:
    for seed in range(25):
        chance = random.Random(f"{name} {seed}")
        for form, lines, first in (("csv", csv_lines(), 1), ("jsonl", json_lines(), 0)):
            if form == "jsonl" and name in ("swapped cells", "header again", "delimiter"):
                continue
            touched = DAMAGES[name](lines, chance)
            path = tmp_path / f"events.{form}"
            path.write_bytes(b"\n".join(lines) + b"\n")
            check(read_event_file(path, policy, columns), lines, touched, first)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_line_of_ten_megabytes_costs_itself_alone(policy: Policy, tmp_path: Path, form: Format) -> None:
    lines, first = (csv_lines(), 1) if form == "csv" else (json_lines(), 0)
    touched = _long_line(lines, random.Random(7))
    path = tmp_path / f"events.{form}"
    path.write_bytes(b"\n".join(lines))
    intake = read_event_file(path, policy)
    check(intake, lines, touched, first)
    assert [row.reason for row in intake.rejected] == ["the line is longer than 65536 bytes"]


@pytest.mark.parametrize("columns", [None, PREPARED], ids=["as it stands", "prepared"])
@pytest.mark.parametrize("name", ["id", "account", "kind", "amount"])
def test_half_a_character_in_json_costs_its_line(
    policy: Policy, tmp_path: Path, name: str, columns: ColumnMapping | None
) -> None:
    lines = json_lines()
    row = json.loads(lines[3]) | {name: "\ud800"}
    lines[3] = json.dumps(row).encode()
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    check(read_event_file(path, policy, columns), lines, {3}, 0)


def test_line_ends_may_be_mixed(policy: Policy, tmp_path: Path) -> None:
    lines = csv_lines()
    path = tmp_path / "events.csv"
    path.write_bytes(b"".join(line + (b"\r\n" if n % 3 else b"\n") for n, line in enumerate(lines)))
    check(read_event_file(path, policy), lines, set(), 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-8-sig"])
def test_other_encodings_are_detected_and_named(policy: Policy, tmp_path: Path, encoding: str) -> None:
    lines = [line.decode().replace(",A0,", ",客户一号,").replace(",A1,", ",还款账户,") for line in csv_lines()]
    path = tmp_path / "events.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    intake = read_event_file(path, policy)
    assert intake.table.num_rows == ROWS
    assert set(intake.table["account"].to_pylist()) == {"客户一号", "还款账户", "A2", "A3", "A4"}
    named = {"utf-8-sig": ()}.get(encoding, (encoding,))
    assert tuple(note.split(" was read as ")[1].split(",")[0] for note in intake.notes) == named


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_what_is_no_text_in_the_encoding_costs_its_line(policy: Policy, tmp_path: Path, encoding: str) -> None:
    lines = [line.decode().replace(",A0,", ",客户一号,").encode(encoding) for line in csv_lines()]
    if encoding == "utf-16":
        lines = [lines[0], *(line[2:] for line in lines[1:])]  # one mark, at the start
    bad = b"\xd8\xd8" if encoding == "utf-16" else b"\xff"
    lines[9] = lines[9] + (b"\xd8\xd8" if encoding == "utf-16" else bad)
    end = "\n".encode(encoding)[-2:] if encoding == "utf-16" else b"\n"
    path = tmp_path / "events.csv"
    path.write_bytes(end.join(lines) + end)
    intake = read_event_file(path, policy, columns_of({"encoding": encoding}, "m.yaml"))
    assert [row.place for row in intake.rejected] == ["line 10"]
    assert intake.table.num_rows == ROWS - 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"id,account,kind,at,amount,amount\ne,A,draw,1,1,2\n", "gives `amount` twice"),
        (b"id;account;kind;at;amount\n", "no comma but `;` in it"),
        (b"id\taccount\tkind\tat\tamount\n", "no comma but `tab` in it"),
        (b"\0" * 100, "has no column|cannot be read|has 2 columns|a column"),
        (
            b"id,account,kind,at,amount,branch,clerk,x\x00y\n",
            r"has 3 columns `branch`, `clerk`, `x\\x00y` that no kind",
        ),
        (b"x" * 10_000_000, "the line is longer than 65536 bytes"),
        (b"\r".join(csv_lines()), "the header of .* cannot be read"),
    ],
)
def test_a_header_that_cannot_be_used_is_a_typed_error(
    policy: Policy, tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "events.csv").write_bytes(data)
    with pytest.raises(LinekeeperError, match=reason):
        read_event_file(tmp_path / "events.csv", policy)


def test_a_file_that_may_be_cut_is_pointed_out(policy: Policy, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\n".join(csv_lines()))
    assert read_event_file(path, policy).notes == (
        "`events.csv` ends without the end of a line: if it was cut, its last amount may be too",
    )


# ------------------------------------------------------------------ files in a format of their own


def _parquet(path: Path) -> None:
    rows = [{"id": e.id, "account": e.account, "kind": e.kind, "at": e.at, **e.fields} for e in EVENTS.values()]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")


def _excel(path: Path) -> None:
    book = Workbook()
    book.active.append(["id", "account", "kind", "at", "amount"])
    for e in EVENTS.values():
        book.active.append([e.id, e.account, e.kind, e.at, e.fields["amount"]])
    book.save(path)


@pytest.mark.parametrize(("name", "write"), [("events.parquet", _parquet), ("events.xlsx", _excel)])
def test_a_damaged_container_is_a_typed_error_or_read(
    policy: Policy, tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    path = tmp_path / name
    write(path)
    good = path.read_bytes()
    assert read_event_file(path, policy).table.num_rows == ROWS
    refused = 0
    for seed in SEEDS:
        chance = random.Random(f"{name} {seed}")
        data = bytearray(good)
        if seed % 4 == 0:
            del data[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.randrange(1, 20)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            intake = read_event_file(path, policy)
        except LinekeeperError:
            refused += 1
        else:
            assert intake.table.num_rows + len(intake.rejected) + intake.same <= ROWS + 1
    assert refused > len(SEEDS) / 2


EXTREME = {
    "a date": pa.array([2**30], pa.date32()),
    "a date in milliseconds": pa.array([2**62], pa.date64()),
    "a time of day": pa.array([5], pa.time64("ns")),
    "a duration": pa.array([2**62], pa.duration("s")),
    "a local time": pa.array([2**62], pa.timestamp("us")),
    "seconds": pa.array([2**52], pa.timestamp("s")),
    "a zone that is unknown": pa.array([2**40], pa.timestamp("ms", "Mars/Olympus")),
    "bytes": pa.array([b"\xff"]),
    "text that is none": pa.array([b"\xff"]).cast(pa.binary()).view(pa.string()),
    "a list": pa.array([[1]]),
    "an object": pa.array([{"a": 1}]),
    "a large decimal": pa.array([Decimal("9" * 70)], pa.decimal256(76, 0)),
}  # fmt: skip


@pytest.mark.parametrize("columns", [None, PREPARED], ids=["as it stands", "prepared"])
@pytest.mark.parametrize("field", ["id", "account", "at", "amount", "due_on"])
@pytest.mark.parametrize("name", EXTREME)
def test_no_type_of_parquet_ends_in_a_traceback(
    policy: Policy, tmp_path: Path, name: str, field: str, columns: ColumnMapping | None
) -> None:
    row = {"id": ["e"], "account": ["A"], "kind": ["due"], "at": [AT], "amount": [5], "due_on": [20_000]}
    pq.write_table(pa.table(row | {field: EXTREME[name]}), tmp_path / "f.parquet")
    intake = read_event_file(tmp_path / "f.parquet", policy, columns)
    assert intake.table.num_rows + len(intake.rejected) == 1


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_camt_message_is_a_typed_error_or_read(policy: Policy, tmp_path: Path, seed: int) -> None:
    feed = next(each for each in all_feeds() if each.folder.name == "19-camt053")
    chance = random.Random(seed)
    data = bytearray(feed.raw[0].read_bytes())
    if seed % 4 == 0:
        del data[chance.randrange(len(data) - 2) :]
    else:
        for _ in range(5):
            data[chance.randrange(len(data))] = chance.randrange(256)
    path = tmp_path / "statement.xml"
    path.write_bytes(data)
    mapping = columns_of({"skip": "not known(amount)", "money": "major", "events": []} | _CAMT, "m.yaml")
    try:
        read_event_file(path, policy, mapping)
    except FileError as error:
        refused = error.code
    else:
        refused = "file-not-readable"
    assert refused in ("file-not-readable", "file-empty")


_CAMT = {
    "events": [
        {"kind": "draw", "id": "first(transaction, entry)", "account": "account", "at": "booked", "amount": "amount"}
    ],
    "zone": "Europe/Berlin",
}


def test_a_message_cannot_name_entities_of_its_own(policy: Policy, tmp_path: Path) -> None:
    bombs = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    path = tmp_path / "statement.xml"
    path.write_text(f'<!DOCTYPE d [<!ENTITY a0 "ha">{bombs}]><Document><Stmt><Id>&a9;</Id></Stmt></Document>')
    with pytest.raises(FileError, match="declares a document type"):
        read_event_file(path, policy, columns_of(_CAMT | {"money": "major"}, "m.yaml"))


def test_a_workbook_cannot_unpack_to_anything(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linekeeper.connect.excel_files.UNPACKED_BYTES_MAX", 10_000)
    path = tmp_path / "events.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "0" * 20_000)
    with pytest.raises(FileError, match="unpacks to more than"):
        read_event_file(path, policy)


def test_the_sheet_of_a_workbook_with_several_is_to_be_named(policy: Policy, tmp_path: Path) -> None:
    path = tmp_path / "events.xlsx"
    book = Workbook()
    book.create_sheet("May")
    book.save(path)
    for columns, reason in ((None, "has 2 sheets"), (columns_of({"sheet": "June"}, "m"), "has no sheet `June`")):
        with pytest.raises(FileError, match=reason) as refused:
            read_event_file(path, policy, columns)
        assert refused.value.code == "sheet-not-known"


@pytest.mark.parametrize("columns", [None, PREPARED], ids=["as it stands", "prepared"])
def test_what_excel_does_not_know_is_not_read(policy: Policy, tmp_path: Path, columns: ColumnMapping | None) -> None:
    """A formula that was never computed, and a card number whose last digits Excel has lost."""
    path = tmp_path / "events.xlsx"
    book = Workbook()
    book.active.append(["id", "account", "kind", "at", "amount"])
    book.active.append(["e1", "A", "draw", AT, "=1+1"])
    book.active.append(["e2", 6225_0012_3456_7890_123, "draw", AT, 5])
    book.active.append(["e3", 622_500_123_456_789, "draw", AT, 5])
    book.save(path)
    intake = read_event_file(path, policy, columns)
    assert intake.table["account"].to_pylist() == ["622500123456789"]
    assert [row.reason for row in intake.rejected] == [
        "`amount` is the formula `=1+1`, and its result is not in the file; open it in Excel and save it",
        "`account` is 6.22500123456789E+18, a number of more than 15 digits, and Excel keeps the first 15; "
        "give the column the format Text and enter it anew",
    ]
