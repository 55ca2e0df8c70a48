"""Text from data is never a formula in a CSV file, and numbers remain numbers."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

import linekeeper as lk
from linekeeper.connect.table_output import write_table
from tests.face.examples import POLICY, opened

FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "=cmd|' /C calc'!A0", "＝1", "－1", "'=1", 'a"=1', "a;=1")
HOSTILE = (*FORMULAS, "\t=1", "\r=1", "\n=1", "plain", "it's", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_would_be_a_formula_begins_with_an_apostrophe(tmp_path: Path, text: str) -> None:
    file = tmp_path / "out.csv"
    table = pa.table({"name": [text], "amount": pa.array([-5], pa.int64()), "none": pa.array([None], pa.string())})
    assert write_table(file, table.to_reader()) == 1
    raw = file.read_text("utf-8", newline="") if False else file.read_bytes().decode()
    ((name, amount, none),) = list(csv.reader(raw.splitlines(keepends=True)))[1:]
    assert name[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert name in (text, f"'{text}")
    assert (amount, none) == ("-5", "")
    assert raw.split("\n", 1)[1].startswith('"')  # text stands in quotes, so that no `;` in it begins another cell
    assert ",-5," in raw


def test_hostile_names_come_out_safe_and_back_in_as_they_were(tmp_path: Path) -> None:
    """As account, id and source: what a spreadsheet sees, and what a store that is rebuilt from the file has."""
    file, names = tmp_path / "events.csv", [name for name in FORMULAS if name.isprintable()]
    with lk.open(tmp_path / "lines.db", POLICY) as engine:
        for name in names:
            assert not engine.receive([opened(name, name)], source=name).rejected
        assert engine.extract_to(file, "events") == len(names)
    for row in csv.reader(file.read_text("utf-8").splitlines()):
        assert not any(cell[:1] in tuple("=+-@＝＋－＠") for cell in row)
    with closing(lk.open(tmp_path / "plain.db", POLICY)) as engine:
        engine.receive(str(file))
        assert [line.account for line in engine.accounts()] == sorted(names)
