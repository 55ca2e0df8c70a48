"""Mapping files: what they may say, what they refuse, and what becomes of rows under them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pytest
from jsonschema import Draft202012Validator

from linekeeper.connect.event_table import events_of_table
from linekeeper.connect.files import Intake, read_event_file
from linekeeper.connect.large_files import import_file
from linekeeper.connect.mapping_file import columns_of, load_columns
from linekeeper.connect.mapping_schema import mapping_schema
from linekeeper.core.errors import FileError, UsageError
from linekeeper.core.event import Event
from linekeeper.datasets.taiwan import read_taiwan
from linekeeper.face.events import intake_of
from linekeeper.face.policy import load_policy
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy
from tests.connect.feeds import all_feeds

AS_TEXT = pcsv.ConvertOptions(
    column_types=dict.fromkeys(("Posted Date", "Reference Number", "Card", "Debit", "Credit"), pa.string()),
    strings_can_be_null=True,
)
AT = 1_740_787_200_000  # 2025-03-01T00:00Z


def read(policy: Policy, folder: Path, text: str, tree: Any, name: str = "f.csv") -> Intake:
    (folder / name).write_text(text, encoding="utf-8")
    return read_event_file(folder / name, policy, columns_of(tree, "m.yaml"))


def reasons(intake: Intake) -> dict[str, str]:
    return {row.place: row.reason for row in intake.rejected}


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"colour": 1, "sky": 2}, "may hold these keys and no others: .*; take out `colour`, `sky`"),
        ({"decimal": ","}, "`decimal` of `m` needs `money` beside it"),
        ({"decimal": ";", "money": "major"}, "`decimal` of `m` is `.` or `,`"),
        ({"decimal": ".", "thousands": ".", "money": "major"}, "needs another mark than `decimal`"),
        ({"thousands": ",", "money": "major"}, "needs another mark than `decimal`, which is to be named too"),
        ({"symbols": ["1"]}, "`symbols` of `m` is a list of signs"),
        ({"dates": "%d.%m"}, "`dates` of `m` cannot be used: `%d.%m` needs one of %Y and %y"),
        ({"dates": ["iso"] * 11}, "more than 10 formats"),
        ({"dates": [["%Y"]]}, "is a format or a list of them"),
        ({"zone": "Mars/Olympus"}, "is no time zone: `Mars/Olympus`"),
        ({"zone": "../etc/passwd"}, "is no time zone"),
        ({"zone": ""}, "is no time zone"),
        ({"zone": 8}, "is the name of a time zone"),
        ({"encoding": "rot13"}, "`encoding` of `m` is one of utf-8, gb18030"),
        ({"encoding": "utf-7"}, "`encoding` of `m` is one of"),
        ({"encoding": "a\0b"}, "`encoding` of `m` is one of"),
        ({"delimiter": ";;"}, "is one character or `tab`"),
        ({"delimiter": "\n"}, "is one character or `tab`"),
        ({"quote": "„"}, "is one character or `none`"),
        ({"header": 0}, "is the number of the header's line"),
        ({"header": True}, "is the number of the header's line"),
        ({"format": "fixed"}, "`format: fixed` goes with `fields`"),
        ({"fields": {"a": [1, 2]}}, "`format: fixed` goes with `fields`"),
        ({"format": "fixed", "fields": {"a": [0, 2]}}, "gives names their first place and length"),
        ({"format": "fixed", "fields": {}}, "gives names their first place and length"),
        ({"format": ["csv"]}, "`format` of `m` is one of"),
        ({"skip_lines": [""]}, "`skip_lines` of `m` is a list"),
        ({"trim": "maybe"}, "`trim` of `m` is `yes` or `no`"),
        ({"missing": "NULL"}, "`missing` of `m` is a list"),
        ({"values": {"a": {"x": [1]}}}, "`values` of `m` says by column"),
        ({"events": []}, "`events` of `m` is a list of events"),
        ({"events": [{"when": "a"}]}, "`events` of `m` is a list of events"),
        (
            {"events": [{"kind": "draw", "amount": [1]}]},
            "`amount` of event 1 .`draw`., `events` of `m` is an expression",
        ),
        (
            {"events": [{"kind": "draw", "amount": "a +"}]},
            "cannot be read: the expression ends too early, at character 3",
        ),
        ({"events": [{"kind": "draw", "when": "open('x')"}]}, "there is no function `open`"),
        ({"events": [{"kind": "draw"}], "constant": {"a": 1}}, "`constant` of `m` has no place beside `events`"),
        ({"skip": "a ="}, "`skip` of `m` cannot be read"),
    ],
)
def test_a_mapping_with_a_fault_is_refused(tree: Any, reason: str) -> None:
    with pytest.raises(FileError, match=reason) as refused:
        columns_of(tree, "m")
    assert refused.value.code == "mapping-not-usable"


HEAD = "id,account,at,amount\n"
DRAW = {"kind": "draw", "id": "id", "account": "account", "at": "at", "amount": "amount"}


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"money": "minor", "events": [DRAW | {"kind": "drew"}]}, "makes events that the policy has not: kind `drew`"),
        ({"money": "minor", "events": [DRAW | {"colour": "1", "size": "2"}]}, "field `colour` of `draw`, field `size`"),
        ({"events": [DRAW]}, "makes events with money and does not say how it is written"),
        (
            {"money": "minor", "events": [DRAW | {"at": "booked", "id": "nr"}]},
            "has no column `nr`, `booked`, which the",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_before_any_row(
    policy: Policy, tmp_path: Path, tree: Any, reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        read(policy, tmp_path, HEAD + "e,A,1,2\n", tree)


def test_all_unknown_columns_are_told_at_once(policy: Policy, tmp_path: Path) -> None:
    text = "id,account,kind,at,amount,branch,clerk,region\n"
    with pytest.raises(FileError, match="has 3 columns `branch`, `clerk`, `region` that no kind") as refused:
        read(policy, tmp_path, text, {})
    assert refused.value.details["columns"] == ["branch", "clerk", "region"]


def test_whole_decimals_are_whole_numbers_but_money_has_to_say_its_units(policy: Policy, tmp_path: Path) -> None:
    text = "id,account,kind,at,amount,days\na,A,delinquency,1,,30.0\nb,A,draw,1,250.0,\nc,A,draw,1,250,\n"
    intake = read(policy, tmp_path, text, {})
    assert [(e.id, e.fields) for e in events_of_table(intake.table)] == [("a", {"days": 30}), ("c", {"amount": 250})]
    assert (
        "`amount` is '250.0', which is not a whole number of minor units; a mapping can say"
        in reasons(intake)["line 3"]
    )
    for money, minor in (("minor", 250), ("major", 25_000)):
        taken = read(policy, tmp_path, text, {"money": money})
        assert dict(zip(taken.table["id"].to_pylist(), taken.table["amount"].to_pylist(), strict=True))["b"] == minor


@pytest.mark.parametrize("written", ["250,50", "1.250", "18,5", "1,000.00", "12.345", "٥", "1e3", "+5", "$5"])
@pytest.mark.parametrize(
    "tree", [{}, {"trim": True}, {"money": "minor", "trim": True}, {"events": [DRAW], "money": "minor"}]
)
def test_no_mark_is_explained_away(policy: Policy, tmp_path: Path, written: str, tree: Any) -> None:
    """Without a `decimal` that the mapping names, in whatever way rows are read."""
    text = f'id,account,kind,at,amount\na,A,draw,1,"{written}"\n'
    intake = read(policy, tmp_path, text, tree)
    assert intake.table.num_rows == 0
    assert list(reasons(intake)) == ["line 2"]


def test_a_row_is_taken_whole_or_not_at_all(policy: Policy, tmp_path: Path) -> None:
    tree = {
        "money": "minor",
        "skip": "amount = 'none'",
        "events": [DRAW, DRAW | {"kind": "repay", "when": "paid > 0", "id": "id & 'p'", "amount": "paid"}],
    }
    text = "id,account,at,amount,paid\na,A,1,5,2\nb,A,1,5,x\nc,A,1,-5,2\nd,A,1,none,\ne,A,1,5,0\n"
    intake = read(policy, tmp_path, text, tree)
    assert intake.table["id"].to_pylist() == ["a", "ap", "e"]
    assert intake.skipped == 1
    assert reasons(intake) == {
        "line 3": "`paid` is 'x', which is not a number; the mapping can name the `decimal` mark",
        "line 4": "`amount` is '-5', out of bounds; it may lie from 0 to 10^15",
    }


def test_a_row_that_fits_no_event_is_rejected_not_lost(policy: Policy, tmp_path: Path) -> None:
    tree = {"money": "minor", "events": [DRAW | {"when": "amount > 5"}]}
    intake = read(policy, tmp_path, HEAD + "a,A,1,5\nb,A,1,6\n", tree)
    assert reasons(intake) == {"line 2": "no event of the mapping fits the row; `skip` can say which rows are none"}


def test_values_missing_words_and_blanks(policy: Policy, tmp_path: Path) -> None:
    tree = {
        "trim": "yes", "missing": ["NULL", "-"], "columns": {"frosted": "frozen"},
        "values": {"frozen": {"Y": True, "N": False}, "kind": {"B": "bureau"}},
    }  # fmt: skip
    text = "id,account,kind,at,score,frosted,open_loans\na, A ,B,1, 7 ,Y,NULL\nb,A,B,1,7,N,-\nc,A,B,1,7,Z,2\n"
    intake = read(policy, tmp_path, text, tree)
    assert list(events_of_table(intake.table)) == [
        Event("a", "A", "bureau", 1, {"score": 7, "frozen": 1}),
        Event("b", "A", "bureau", 1, {"score": 7, "frozen": 0}),
    ]
    assert reasons(intake) == {"line 4": "`frozen` is 'Z', which is not true or false"}


def test_a_share_may_be_written_in_percent_where_the_mark_is_named(policy: Policy, tmp_path: Path) -> None:
    text = (
        "id;account;kind;at;score;frozen;used\na;A;bureau;1;7;0;18,5%\nb;A;bureau;1;7;0;18.5%\nc;A;bureau;1;7;0;185\n"
    )
    intake = read(policy, tmp_path, text, {"delimiter": ";", "decimal": ",", "money": "major"})
    assert intake.table["used"].to_pylist() == [1_850, 185]
    assert list(reasons(intake)) == ["line 3"]


def test_local_days_and_times_need_a_zone(policy: Policy, tmp_path: Path) -> None:
    text = "id,account,kind,at,amount,due_on\na,A,due,2025-03-01,5,2025-03-10\n"
    tree: dict[str, Any] = {"dates": "iso", "money": "minor"}
    assert reasons(read(policy, tmp_path, text, tree)) == {
        "line 2": "`at` is '2025-03-01', which is a local time, and the mapping names no `zone`"
    }
    intake = read(policy, tmp_path, text, tree | {"zone": "Asia/Shanghai"})
    assert list(events_of_table(intake.table)) == [
        Event("a", "A", "due", AT - 8 * 3_600_000, {"amount": 5, "due_on": 20157})
    ]


def test_a_name_that_no_kind_has_is_not_lost_in_json(policy: Policy, tmp_path: Path) -> None:
    row = {"id": "a", "account": "A", "kind": "draw", "at": 1, "amount": 5}
    text = "\n".join(
        json.dumps(each) for each in (row, row | {"id": "b", "colour": "red"}, row | {"id": "c", "x": None})
    )
    intake = read(policy, tmp_path, text + "\n", {"trim": True, "money": "minor"}, "f.jsonl")
    assert intake.table["id"].to_pylist() == ["a", "c"]
    assert reasons(intake) == {"line 2": "no kind of the policy has a field `colour`"}


def test_several_files_are_one_source_merged_by_time(policy: Policy, tmp_path: Path) -> None:
    """With names and repetitions that are as bad as they come: none moves another account's line."""
    head = "id,account,kind,at,amount\n"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "z last.csv").write_text(head + "a,A,draw,10,1\nb,B,draw,5,1\n")
    (tmp_path / "in" / "it's 2.csv").write_text("amount,at,kind,account,id\n1,5,draw,B,b\n7,20,draw,C,c\n")
    (tmp_path / "in" / "line 9 .csv").write_text(head + "a,A,draw,10,2\nd,D,draw,1,1\n")
    (tmp_path / "in" / ".hidden").write_text("x")
    intake = read_event_file(tmp_path / "in", policy)
    assert intake.table["id"].to_pylist() == ["d", "b", "a", "c"]
    assert intake.same == 1
    reason = "the id `a` was used in line 9 .csv line 2 for another event; give each event an id of its own"
    assert reasons(intake) == {"z last.csv line 2": reason}
    done = import_file(tmp_path / "in", policy, tmp_path / "out.parquet")
    assert (done.same, done.rejected) == (intake.same, intake.rejected)


def test_the_same_delivery_twice_counts_once(policy: Policy, tmp_path: Path) -> None:
    for feed in all_feeds():
        if any(path.is_dir() for path in feed.raw) or "row()" in feed.mapping.read_text("utf-8"):
            continue
        copy = tmp_path / feed.raw[0].name
        copy.write_bytes(feed.raw[0].read_bytes())
        once = feed.read()
        twice = read_event_file([feed.raw[0], copy], load_file(feed.policy), load_columns(feed.mapping))
        assert twice.table.equals(once.table), feed.folder.name
        assert twice.same == once.table.num_rows + once.same


def test_the_schema_of_mappings_takes_every_feed_and_refuses_faults() -> None:
    from ruamel.yaml import YAML

    Draft202012Validator.check_schema(mapping_schema())
    validator = Draft202012Validator(mapping_schema())
    for feed in all_feeds():
        tree = YAML(typ="safe", pure=True).load(feed.mapping)
        assert [error.message for error in validator.iter_errors(tree)] == [], feed.folder.name
    for fault in ({"colour": 1}, {"events": []}, {"events": [{"id": "a"}]}, {"decimal": ";"}, {"header": 0}):
        assert not validator.is_valid(fault), fault


def test_excel_without_its_extra_says_what_to_install(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "f.xlsx").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"pip install 'linekeeper\[excel\]'"):
        read_event_file(tmp_path / "f.xlsx", policy)


def test_python_takes_a_mapping_file_for_files_tables_and_rows() -> None:
    feed = next(each for each in all_feeds() if each.folder.name == "03-us-card")
    policy, rows = load_policy(feed.policy), pcsv.read_csv(feed.raw[0], convert_options=AS_TEXT)
    expected = feed.read().table
    for events in (feed.raw[0], rows, rows.to_pylist()):
        assert intake_of(events, policy, feed.mapping).table.equals(expected)


@pytest.mark.data
def test_a_wide_table_of_real_accounts_reconciles_to_the_dollar(data_dir: Path, tmp_path: Path) -> None:
    """Two months of the Taiwan cards, by a mapping alone: the same draws and repayments as its importer makes."""
    path = data_dir / "taiwan_credit_card/taiwan_credit_card.parquet"
    spent = "BILL_AMT1 - BILL_AMT2 + PAY_AMT1"
    trees = [
        ("repay", "PAY_AMT1", 'day("2005-09-20") + 12h'),
        ("repay", "PAY_AMT2", 'day("2005-08-20") + 12h'),
        ("draw", spent, 'day("2005-09-10") + 12h'),
    ]
    events = [
        {"kind": kind, "when": f"{amount} > 0", "amount": amount, "at": at, "account": "ID", "id": f"ID & '-{number}'"}
        for number, (kind, amount, at) in enumerate(trees)
    ]
    mapping = columns_of(
        {"money": "minor", "zone": "Asia/Taipei", "skip": "not (PAY_AMT1 > 0 or PAY_AMT2 > 0 or " + spent + " > 0)",
         "events": events}, "m",
    )  # fmt: skip
    intake = read_event_file(path, load_file("policies/credit-card.yaml"), mapping)
    assert intake.rejected == []
    imported, _ = read_taiwan(path)
    for kind, months in (("repay", (8, 9)), ("draw", (9,))):
        whole = imported.filter(pc.equal(imported["kind"], kind)).select(["account", "at", "amount"])
        month = pc.month(pc.cast(whole["at"], pa.timestamp("ms", "UTC")))
        theirs = whole.filter(pc.is_in(month, pa.array(months)))
        ours = intake.table.filter(pc.equal(intake.table["kind"], kind)).select(["account", "at", "amount"])
        order = [("at", "ascending"), ("account", "ascending")]
        assert ours.sort_by(order).equals(theirs.sort_by(order))
        assert ours.num_rows > 20_000
