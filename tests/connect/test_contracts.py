"""Contracts: their terms at each boundary, what cannot be one, and the first one that good files give."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from linekeeper.connect.batch_files import content_digest
from linekeeper.connect.contract_file import contract_of
from linekeeper.connect.files import read_event_file
from linekeeper.connect.first_contract import contract_lines, good_batches, proposed_contract
from linekeeper.connect.import_profile import profile_import
from linekeeper.connect.mapping_file import load_columns, load_contract
from linekeeper.connect.mapping_schema import mapping_schema
from linekeeper.core.errors import FileError
from linekeeper.engine.clock import Clock
from linekeeper.engine.contract import BatchFigures, Contract, broken_terms, demand_fitting, figures_of
from linekeeper.kernel.calendar import calendar
from linekeeper.policy.load import load_text

POLICY = load_text(
    """policy: card
version: 1
currency: CNY
time_zone: UTC
events:
  income: {amount: money, source: [wage, rent, '?']}
  bureau: {score: count}
triggers:
  poor: {when: "sum(income.amount, 30d) < 500 CNY", hold: 3d, cap: 50%, reason: low_income}
restoration: {first: 60%, step: 20%, every: 3d}
"""
)
MONDAY = datetime(2025, 5, 5, 8, tzinfo=UTC)
CLOCK = Clock(lambda: int((MONDAY + timedelta(hours=36)).timestamp() * 1_000))


def rows_of(days: int = 0, incomes: tuple[float, ...] = (10, 20, 30, 40), sources: int = 3) -> list[dict[str, Any]]:
    """Some incomes, of which so many have a source, and one score, all of one moment."""
    at = (MONDAY + timedelta(days=days)).isoformat()
    rows: list[dict[str, Any]] = [
        {"id": f"i{n}-{days}", "account": f"A{n}", "kind": "income", "at": at, "amount": amount}
        | ({"source": "wage"} if n < sources else {})
        for n, amount in enumerate(incomes)
    ]
    return [*rows, {"id": f"b{days}", "account": "A0", "kind": "bureau", "at": at, "score": 600}]


def written(path: Path, rows: list[dict[str, Any]], end: str = "\n") -> Path:
    """A CSV file of the rows."""
    names = ["id", "account", "kind", "at", "amount", "source", "score"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue().rstrip("\n") + end, "utf-8")
    return path


def broken(
    folder: Path, tree: Any, rows: list[dict[str, Any]], accepted: tuple[BatchFigures, ...] = (), end: str = "\n"
) -> dict[str, str]:
    """The sentences of the terms that a file breaks, by term."""
    (folder / "m.yaml").write_text("money: major\n", "utf-8")
    file = written(folder / "core.csv", rows, end)
    intake = read_event_file(file, POLICY, load_columns(folder / "m.yaml"), clock=CLOCK)
    zone, rejected = calendar(POLICY.time_zone), len(intake.rejected)
    figures = figures_of([intake.table], POLICY, zone, CLOCK, rejected, intake.same, intake.cut_short)
    contract = contract_of(tree, "m.yaml")
    demand_fitting(contract, POLICY)
    found = broken_terms(contract, figures, accepted, lambda: [intake.table], intake.rejected, POLICY)
    return {each.name: each.sentence for each in found}


@pytest.mark.parametrize(
    ("kept", "breaks", "sentence"),
    [
        ({"volume": [5, 5]}, {"volume": [6, 9]}, "there are 5 events; the contract says 6 to 9"),
        ({"volume": [0, 5]}, {"volume": [0, 4]}, "there are 5 events; the contract says 0 to 4"),
        (
            {"volume": {"monday": [5, 5], "other": [9, 9]}},
            {"volume": {"monday": [1, 4], "other": [5, 5]}},
            "there are 5 events on a monday; the contract says 1 to 4",
        ),
        (
            {"volume": {"tuesday": [9, 9], "other": [5, 5]}},
            {"volume": {"tuesday": [5, 5], "other": [9, 9]}},
            "there are 5 events; the contract says 9 to 9",
        ),
        ({"kinds": {"income": ["80%", "80%"]}}, {"kinds": {"income": ["80.01%", "90%"]}}, "`income` makes up 80% of"),
        ({"kinds": {"draw": ["0%", "1%"]}}, {"kinds": {"draw": ["1%", "9%"]}}, "`draw` makes up 0% of the events"),
        (
            {"missing": {"income.source": "25%"}},
            {"missing": {"income.source": "24%"}},
            "25% of `income` have no `source`",
        ),
        (
            {"medians": {"income.amount": [25, 25]}},
            {"medians": {"income.amount": [25.01, 30]}},
            "the median `amount` of `income` is 25 CNY; the contract says 25.01 to 30 CNY",
        ),
        (
            {"medians": {"income.amount": {"about": 50, "factor": 2}}},
            {"medians": {"income.amount": {"about": 50.1, "factor": 2}}},
            "the median `amount` of `income` is 25 CNY; the contract says 25.05 to 100.20 CNY",
        ),
        ({"medians": {"bureau.score": [600, 600]}}, {"medians": {"bureau.score": [1, 599]}}, "the median `score` of"),
        (
            {"highest": {"income.amount": 40}},
            {"highest": {"income.amount": 39.99}},
            "the highest `amount` of `income` is 40 CNY; the contract says at most 39.99 CNY",
        ),
        ({"freshness": "36h"}, {"freshness": "35h"}, "the latest event was 36 h old when the batch came"),
        ({"freshness": "1.5d"}, {"freshness": "1d"}, "the contract says -1 to 24 h"),
        ({"rejected": "0%"}, {"volume": [0, 1]}, ""),
    ],
)
def test_each_term_from_both_sides(tmp_path: Path, kept: Any, breaks: Any, sentence: str) -> None:
    assert broken(tmp_path, kept, rows_of()) == {}
    (said,) = broken(tmp_path, breaks, rows_of()).values()
    assert sentence in said


def test_rejected_rows_and_a_line_without_end(tmp_path: Path) -> None:
    rows = [*rows_of(), {"id": "x", "account": "A", "kind": "unknown", "at": MONDAY.isoformat()}]
    assert broken(tmp_path, {"rejected": "16.67%"}, rows) == {}
    assert "16.67% of the rows are rejected" in broken(tmp_path, {"rejected": "16.6%"}, rows)["rejected"]
    assert (
        broken(tmp_path, {"line_end": "yes"}, rows_of())
        == broken(tmp_path, {"line_end": "no"}, rows_of(), end="")
        == {}
    )
    assert "so the file may be cut" in broken(tmp_path, {"line_end": "yes"}, rows_of(), end="")["line_end"]


def test_what_an_empty_batch_and_an_absent_kind_cannot_break(tmp_path: Path) -> None:
    tree = {
        "volume": [1, 9],
        "medians": {"income.amount": [1, 2]},
        "kinds": {"income": ["1%", "9%"]},
        "freshness": "1h",
    }
    unknown = [{"id": "x", "account": "A", "kind": "unknown", "at": MONDAY.isoformat()}]
    assert set(broken(tmp_path, tree, unknown)) == {"volume"}
    assert set(broken(tmp_path, tree, rows_of(incomes=()))) == {"kinds.income", "freshness"}


def test_a_factor_of_a_weekday_goes_by_that_weekday(tmp_path: Path) -> None:
    past = [
        BatchFigures({"volume": Decimal(each)}, day) for day, each in (("monday", 5), ("sunday", 50)) for _ in range(3)
    ]
    tree = {"volume": {"monday": {"factor": 2}, "sunday": {"factor": 2}, "other": {"factor": 20}}}
    assert broken(tmp_path, tree, rows_of(), tuple(past)) == {}
    assert set(broken(tmp_path, tree, rows_of(days=-1), tuple(past))) == {"volume.sunday"}
    assert broken(tmp_path, tree, rows_of(days=-1), tuple(past[:5])) == {}  # two Sundays say nothing yet


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ([], "contract"),
        ({"size": 1}, "contract"),
        ({"volume": 5}, "volume"),
        ({"volume": [5]}, "volume"),
        ({"volume": [6, 5]}, "volume"),
        ({"volume": [True, 5]}, "volume"),
        ({"volume": ["x", 5]}, "volume"),
        ({"volume": {"factor": 1}}, "volume"),
        ({"volume": {"about": 0, "factor": 2}}, "volume"),
        ({"volume": {"someday": [1, 2]}}, "volume"),
        ({"volume": {"monday": 4}}, "volume: monday"),
        ({"volume": ["nan", "inf"]}, "volume"),
        ({"kinds": [1]}, "kinds"),
        ({"kinds": {"income": [1, 2]}}, "kinds: income"),
        ({"missing": {"income.source": 2}}, "missing: income.source"),
        ({"medians": {3: [1, 2]}}, "medians"),
        ({"highest": {"income.amount": "much"}}, "highest: income.amount"),
        ({"freshness": 36}, "freshness"),
        ({"freshness": "0h"}, "freshness"),
        ({"freshness": ""}, "freshness"),
        ({"rejected": 1}, "rejected"),
        ({"rejected": "200%"}, "rejected"),
        ({"known_accounts": "-1%"}, "known_accounts"),
        ({"missing": {"income.source": "100.5%"}}, "missing: income.source"),
        ({"volume": [-1, 3]}, "volume"),
        ({"volume": {"sunday": [-1, 3]}}, "volume: sunday"),
        ({"kinds": {"income": ["20%", "120%"]}}, "kinds: income"),
        ({"kinds": {"income": ["60%", "80%"], "repay": ["50%", "80%"]}}, "kinds"),
        ({"known_accounts": "all"}, "known_accounts"),
        ({"line_end": "maybe"}, "line_end"),
        ({"batches": 0}, "batches"),
        ({"batches": True}, "batches"),
    ],
)
def test_what_is_no_contract_is_refused_by_its_key(tree: Any, key: str) -> None:
    with pytest.raises(FileError) as caught:
        contract_of(tree, "core.yaml")
    assert (caught.value.code, caught.value.details["key"]) == ("contract-not-usable", key)


@pytest.mark.parametrize(
    ("tree", "term"),
    [
        ({"kinds": {"payment": ["1%", "2%"]}}, "kinds.payment"),
        ({"medians": {"income.sum": [1, 2]}}, "medians.income.sum"),
        ({"medians": {"income.source": [1, 2]}}, "medians.income.source"),
        ({"medians": {"due.due_on": [1, 2]}}, "medians.due.due_on"),
        ({"missing": {"income.branch": "1%"}}, "missing.income.branch"),
    ],
)
def test_a_term_fits_the_policy(tree: Any, term: str) -> None:
    with pytest.raises(FileError) as caught:
        demand_fitting(contract_of(tree, "core.yaml"), POLICY)
    assert (caught.value.code, caught.value.details["term"]) == ("contract-not-usable", term)


def test_a_file_without_a_contract(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("money: major\n", "utf-8")
    with pytest.raises(FileError) as caught:
        load_contract(tmp_path / "m.yaml")
    assert caught.value.code == "contract-missing"


def test_a_content_is_known_whatever_its_files_are_called(tmp_path: Path) -> None:
    for folder, names in (("one", "ab"), ("two", "ba")):
        (tmp_path / folder).mkdir()
        for name, text in zip(names, ("first", "second"), strict=True):
            (tmp_path / folder / name).write_text(text, "utf-8")
    assert content_digest([tmp_path / "one"]) == content_digest([tmp_path / "two"])
    assert content_digest([tmp_path / "one" / "a"]) == content_digest([tmp_path / "two" / "b"])
    assert content_digest([tmp_path / "one"]) != content_digest([tmp_path / "one" / "a"])


# ------------------------------------------------------------------ a first contract


def proposed(folder: Path, files: list[Path]) -> tuple[dict[str, Any], str, Contract]:
    """What the files give: as a tree, as text, and as the text is read again."""
    (folder / "m.yaml").write_text("money: major\n", "utf-8")
    batches = good_batches(files, POLICY, load_columns(folder / "m.yaml"), Clock())
    tree = proposed_contract(batches, POLICY)
    text = "\n".join(contract_lines(tree, len(files)))
    return tree, text, contract_of(YAML(typ="safe", pure=True).load(text)["contract"], "m.yaml")


@pytest.mark.parametrize("days", [1, 3, 14])
def test_good_files_keep_the_contract_that_they_give(tmp_path: Path, days: int) -> None:
    files = [written(tmp_path / f"{day}.csv", rows_of(-day, (10, 20, 30, 40 + day))) for day in range(days)]
    tree, _, contract = proposed(tmp_path, files)
    assert contract == contract_of(tree, "m.yaml")
    Draft202012Validator(mapping_schema()).validate({"contract": tree})
    for day in range(days):
        rows = rows_of(-day, (10, 20, 30, 40 + day))
        without_arrival = {key: value for key, value in tree.items() if key != "freshness"}
        assert broken(tmp_path, without_arrival, rows) == {}
    assert set(broken(tmp_path, tree, rows_of(0, (1000, 2000, 3000, 4000)))) >= {"highest.income.amount"}


def test_what_a_first_contract_is_made_of(tmp_path: Path) -> None:
    """From 100 incomes in each of ten files: 2/sqrt(100) of room for the median, and a fifth for volumes."""
    files = [written(tmp_path / f"{day}.csv", rows_of(day, (50,) * 100, 100)) for day in range(10)]
    tree, text, _ = proposed(tmp_path, files)
    assert tree == {
        "volume": [84, 122],
        "kinds": {"income": ["68.75%", "100%"], "bureau": ["0%", "3.26%"]},
        "missing": {"income.source": "5%"},
        "medians": {"income.amount": ["41.66", "60"]},
        "highest": {"income.amount": "500"},
        "freshness": "2d",
        "rejected": "1%",
        "line_end": "yes",
    }
    assert "    income.amount: [41.66, 60]" in text.splitlines()


def test_a_first_contract_tells_weekdays_apart_where_each_has_files(tmp_path: Path) -> None:
    def volume(days: int) -> Any:
        files = [
            written(tmp_path / f"{day}.csv", rows_of(day, (50,) * (10 if day % 7 > 4 else 100))) for day in range(days)
        ]
        return proposed(tmp_path, files)[0]["volume"]

    assert set(volume(14)) == {*(f"{date(2025, 5, 5 + day):%A}".lower() for day in range(7)), "other"}
    assert volume(14)["sunday"] == [9, 14]
    assert volume(13) == [9, 122]


def test_a_file_without_events_gives_no_contract(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        proposed(tmp_path, [written(tmp_path / "a.csv", [{"id": "x", "kind": "unknown"}])])
    assert caught.value.code == "file-empty"


def test_a_feed_in_parts_has_the_figures_and_examples_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("money: major\n", "utf-8")
    file = written(tmp_path / "core.csv", rows_of(incomes=(10, 20, 30, 40, 5, 6, 7, 80)))
    table = read_event_file(file, POLICY, load_columns(tmp_path / "m.yaml"), clock=CLOCK).table
    tree = {"medians": {"income.amount": [1, 2]}, "missing": {"income.source": "1%"}, "freshness": "1h"}
    contract, zone, wholes = contract_of(tree, "m.yaml"), calendar(POLICY.time_zone), []
    for size in (1, 2, 9):
        parts = [table.slice(start, size) for start in range(0, table.num_rows, size)]
        figures = figures_of(parts, POLICY, zone, CLOCK, 0, 0, cut_short=False)
        wholes.append((figures, broken_terms(contract, figures, (), lambda parts=parts: parts, [], POLICY)))
    assert wholes[0] == wholes[1] == wholes[2]
    assert [len(each.examples) for each in wholes[0][1]] == [3, 3, 1]


def test_a_dry_run_says_what_the_contract_would_hold_the_files_for(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("money: major\ncontract: {volume: [1, 4], line_end: yes, rejected: 1%}\n", "utf-8")
    mapping, file = load_columns(tmp_path / "m.yaml"), written(tmp_path / "core.csv", rows_of(), end="")
    profile = profile_import([file], POLICY, mapping, clock=CLOCK)
    assert profile.broken == (
        "there are 5 events; the contract says 1 to 4",
        "the last line has no end, so the file may be cut; the contract says every line has one",
    )
    (tmp_path / "n.yaml").write_text("money: major\n", "utf-8")
    assert profile_import([file], POLICY, load_columns(tmp_path / "n.yaml"), clock=CLOCK).broken == ()
