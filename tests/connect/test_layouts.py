"""How files are laid out: headers, separators, quotes, fixed width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from linekeeper.connect.event_table import events_of_table
from linekeeper.connect.files import Intake, read_event_file
from linekeeper.connect.mapping_file import columns_of
from linekeeper.core.errors import FileError
from linekeeper.core.event import Event
from linekeeper.policy.model import Policy

NAMES = {f"column_{n}": name for n, name in enumerate(("id", "account", "kind", "at", "amount"), 1)}
DRAW = Event("a", "A", "draw", 1, {"amount": 5})


def read(policy: Policy, folder: Path, data: bytes, tree: Any, name: str = "f.csv") -> Intake:
    (folder / name).write_bytes(data)
    return read_event_file(folder / name, policy, columns_of(tree, "m.yaml"))


@pytest.mark.parametrize(
    ("data", "tree", "skipped"),
    [
        (b"a,A,draw,1,5\n", {}, 0),
        (b"H,20250501\n\nH,2\na,A,draw,1,5\nT,1,5\n", {"skip_lines": ["H,", "T,"]}, 3),
        (b"sep=;\na;A;draw;1;5\n", {}, 0),
        (b"sep=;\nH;1\na;A;draw;1;5\n", {"skip_lines": ["H;"]}, 1),
    ],
)
def test_without_a_header_the_first_row_says_how_many_columns_there_are(
    policy: Policy, tmp_path: Path, data: bytes, tree: Any, skipped: int
) -> None:
    intake = read(policy, tmp_path, data, tree | {"header": "none", "columns": NAMES, "money": "minor"})
    assert list(events_of_table(intake.table)) == [DRAW]
    assert (intake.skipped, intake.rejected) == (skipped, [])


@pytest.mark.parametrize(
    ("row", "tree"),
    [
        (b"a|A|draw|1|5", {"delimiter": "|"}),
        (b"a\x01A\x01draw\x011\x015", {"delimiter": "\x01"}),
        (b"'a','A','draw',1,5", {"quote": "'"}),
        (b"a\tA\tdraw\t1\t5", {"delimiter": "tab", "quote": "none"}),
    ],
)
def test_cells_are_separated_as_the_mapping_says(policy: Policy, tmp_path: Path, row: bytes, tree: Any) -> None:
    mark = {"tab": b"\t"}.get(tree.get("delimiter"), tree.get("delimiter", ",").encode())
    head = mark.join([b"id", b"account", b"kind", b"at", b"amount"])
    for blank in (b"", b"\n"):  # a blank line makes the reading careful
        intake = read(policy, tmp_path, head + b"\n" + row + b"\n" + blank, tree)
        assert list(events_of_table(intake.table)) == [DRAW]


def test_without_quotes_a_quote_is_text(policy: Policy, tmp_path: Path) -> None:
    data = b'id,account,kind,at,amount\na,"A,draw,1,5\nb,B"",draw,1,5\n'
    intake = read(policy, tmp_path, data, {"quote": "none"})
    assert intake.table["account"].to_pylist() == ['"A', 'B""']


FIXED = {
    "format": "fixed",
    "fields": {"id": [1, 2], "account": [3, 8], "amount": [11, 4], "note": [15]},
    "money": "minor",
    "ignore": ["note"],
    "events": [{"kind": "draw", "id": "id", "account": "account", "at": "1", "amount": "amount"}],
}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_places_of_fixed_width_count_characters_or_bytes(policy: Policy, tmp_path: Path, encoding: str) -> None:
    count = "bytes" if encoding == "gb18030" else "characters"
    account = "客户一号" if count == "bytes" else "客户一号    "  # each of them two bytes
    text = f"01{account}0005\n02{account}0006 and more\n03{account}00\n\n"
    intake = read(policy, tmp_path, text.encode(encoding), FIXED | {"encoding": encoding, "count": count}, "f.txt")
    assert intake.table["account"].to_pylist() == ["客户一号"] * 2
    assert intake.table["amount"].to_pylist() == [5, 6]
    assert [(row.place, row.reason) for row in intake.rejected] == [
        ("line 3", "the line ends within `amount`; a field without a length goes to the end of the line")
    ]


def test_a_field_that_cuts_a_character_rejects_its_line(policy: Policy, tmp_path: Path) -> None:
    text = "01客户一号0005\n02x客户一 0005\n"
    tree = FIXED | {
        "encoding": "gb18030",
        "count": "bytes",
        "fields": {"id": [1, 2], "account": [3, 7], "amount": [11, 4]},
    }
    intake = read(policy, tmp_path, text.encode("gb18030"), tree, "f.txt")
    assert [(row.place, row.reason) for row in intake.rejected] == [
        ("line 1", "`account` begins or ends within a character")
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "`f.csv` is empty"),
        (b"sep=;\n", "has no column `id`"),
        (b"a\nb\n", "has a column `a` that no kind"),
    ],
)
def test_a_file_without_its_header_is_an_error(policy: Policy, tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        read(policy, tmp_path, data, {})
    with pytest.raises(FileError, match=r"has no column|is empty"):
        read(policy, tmp_path, data, {"header": 9})
