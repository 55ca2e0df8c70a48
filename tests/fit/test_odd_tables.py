"""What people bring to a fit: the right result, or one line before the work starts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.leaks import leaks, refuse_leaks
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan, read_fit_plan
from linekeeper.lab.fit.plan_draft import draft_plan
from linekeeper.lab.fit.table_columns import plain_table, read_table
from linekeeper.lab.fit.training_table import read_training_table, training_table
from tests.fit.odd_tables import FAULTS, ONE_LINE, RIGHT, try_table
from tests.fit.synthetic import PLAN, synthetic_table

CHOICES = FitPlan("p", (FeaturePlan("way", "ability", choices=("app", "branch")),))


def test_odd_tables_end_right_or_in_one_line(tmp_path: Path) -> None:
    endings = [try_table(number, tmp_path) for number in range(12)]
    assert not [ending for ending in endings if ending.verdict in FAULTS]
    assert {ending.verdict for ending in endings} == {RIGHT, ONE_LINE}


@pytest.mark.nightly
def test_a_hundred_odd_tables(tmp_path: Path) -> None:
    assert not [ending for number in range(100) if (ending := try_table(number, tmp_path)).verdict in FAULTS]


def test_words_are_read_however_arrow_holds_them() -> None:
    words = ["branch", " app", None, ""]
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    for column in [pa.array(words, kind) for kind in kinds[:2]] + [pa.array(words).cast(kinds[2])]:
        table = training_table(pa.table({"way": column, "label": [0, 1, 0, 1]}), CHOICES)
        assert table.features["way"].tolist() == [1, 0, MISSING, MISSING]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"way": ["app", "web"]}, "the column `way` holds `web` in row 2, which is none of its choices; add it"),
        ({"way": [1, 2]}, "holds 2 in row 2, which is none of its choices; write 0 for `app` up to 1 for `branch`"),
        ({"way": [0, 1], "account": [1.5, 2.5]}, "the column `account` is not whole numbers"),
        ({"way": [0, 1], "account": [date(2024, 1, 1)] * 2}, "the ids in `account` are `date32"),
        ({"way": [0, 1], "account": ["a", ""]}, "no `account` in row 2"),
        ({"way": [0, 1], "at_day": [date(2024, 1, 1), None]}, "no `at_day` in row 2"),
        (
            {"way": [0, 1], "label": ["well", "bad"]},
            "`label` is `well` in row 1, which is in none of its classes; write 1",
        ),
        (
            {"way": [0, 1], "account": ["a", "a"]},
            "the account `a` has two rows: 1 and 2; keep one row an account and day",
        ),
    ],
)
def test_a_column_that_cannot_be_is_refused_by_name(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        training_table(pa.table({"label": [0, 1], **columns}), CHOICES)


def test_days_are_dates_texts_or_numbers_of_days_and_nothing_else() -> None:
    rows = {"label": [0, 1], "way": ["app", "app"]}
    table = training_table(pa.table({**rows, "at_day": ["1970-01-31", " 1970-02-01"]}), CHOICES)
    assert table.at_day.tolist() == [30, 31]
    for days, message in (
        ([20240131, 20240229], "`at_day` holds 20240131 in row 1, which is no day; write dates, like 2024-01-31"),
        (["2024-01-31", "soon"], "`at_day` holds a text that is no date"),
    ):
        with pytest.raises(LinekeeperError, match=message):
            training_table(pa.table({**rows, "at_day": days}), CHOICES)


def test_a_name_of_two_lines_stays_in_one_line_of_a_message() -> None:
    with pytest.raises(LinekeeperError, match="no column `way`; it has a: b, label") as caught:
        training_table(pa.table({"a:\nb": [0, 1], "label": [0, 1]}), CHOICES)
    assert "\n" not in str(caught.value)


def test_a_draft_takes_words_for_classes_and_a_column_of_weights(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    late = chance.integers(0, 9, 300)
    label = np.where(chance.random(300) < 0.1, "reject", np.where(chance.random(300) < late / 12, "bad", "good"))
    table = plain_table(pa.table({"outcome": label, "late": late, "weight": chance.random(300) + 0.5}))
    (tmp_path / "plan.yaml").write_text(draft_plan(table, "drafted").text, "utf-8")
    plan = read_fit_plan(tmp_path / "plan.yaml")
    assert (plan.label, plan.weight, plan.names) == ("outcome", "weight", ("late",))
    assert set(training_table(table, plan).kept_out) == {"reject"}


def test_text_without_choices_says_what_to_do() -> None:
    plan = FitPlan("p", (FeaturePlan("way", "ability"),))
    with pytest.raises(LinekeeperError, match="`way` holds text; list its words under `choices`, or let `--plan-from`"):
        training_table(pa.table({"label": [0, 1], "way": ["a", "b"]}), plan)


def test_a_column_that_stands_twice_is_refused() -> None:
    twice = pa.Table.from_arrays([pa.array([0, 1])] * 3, ["label", "way", "way"])
    with pytest.raises(LinekeeperError, match="the table has two columns `way`") as caught:
        training_table(twice, CHOICES)
    assert caught.value.code == "column-twice"


def test_dates_are_days_and_decimals_are_units_of_the_last_digit() -> None:
    plan = FitPlan("p", (FeaturePlan("owed", "ability", special=(-900,), decimals=2),))
    data = pa.table({"label": [0, 1, 0], "owed": [0.29, -9.0, None], "at_day": [date(1970, 1, 31)] * 3})
    table = training_table(data, plan)
    assert table.features["owed"].tolist() == [29, -900, MISSING]
    assert table.at_day.tolist() == [30] * 3


def test_a_csv_is_read_like_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("account,label,way\n1,0,app\n2,1,branch\n", "utf-8")
    table = read_training_table(tmp_path / "t.csv", CHOICES)
    assert (table.account.tolist(), table.features["way"].tolist()) == (["1", "2"], [0, 1])
    (tmp_path / "t.csv").write_text("account,label\n1,0,3\n", "utf-8")
    with pytest.raises(LinekeeperError, match="cannot be read as CSV"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("account,label,way\n", "utf-8")
    with pytest.raises(LinekeeperError, match="has no rows"):
        read_table(tmp_path / "t.csv")


def test_labels_are_joined_and_an_account_may_not_come_twice_nor_as_another_type(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account": ["3", "1", "2"], "way": [0, 1, 1]}), tmp_path / "s.parquet")
    labels = tmp_path / "l.parquet"
    pq.write_table(pa.table({"account": ["2", "3"], "label": [1, 0]}), labels)
    table = read_training_table(tmp_path / "s.parquet", CHOICES, labels)
    assert (table.account.tolist(), table.label.tolist(), table.without_label) == (["3", "2"], [0, 1], 1)
    pq.write_table(pa.table({"account": [2, 3], "label": [1, 0]}), labels)
    with pytest.raises(
        LinekeeperError, match=r"the ids in `account` are text in .* and numbers in .*; write them in both"
    ):
        read_training_table(tmp_path / "s.parquet", CHOICES, labels)
    pq.write_table(pa.table({"account": ["2", "3", "2"], "label": [1, 0, 1]}), labels)
    with pytest.raises(LinekeeperError, match="has the account `2` more than once") as caught:
        read_training_table(tmp_path / "s.parquet", CHOICES, labels)
    assert caught.value.code == "account-twice"
    pq.write_table(pa.table({"account": ["x"], "label": [1]}), labels)
    with pytest.raises(LinekeeperError, match="no account of"):
        read_training_table(tmp_path / "s.parquet", CHOICES, labels)


def test_a_feature_that_tells_the_label_is_refused_unless_the_plan_trusts_it() -> None:
    table = synthetic_table(400)
    noise, late = FeaturePlan("noise", "ability"), FeaturePlan("late", "ability", special=(-2,))
    plan = FitPlan("p", (noise, late))
    bad = table.label == 1
    telling = {
        "noise": (bad * 5 + 2, "tells bad from good alone \\(AUC 1.000\\)"),
        "late": (
            np.where(bad, -2, table.features["late"] + 4 * (table.features["late"] == -2)),
            "is -2 among the bads",
        ),
    }
    for name, (values, message) in telling.items():
        leaking = type(table)(table.account, table.at_day, table.label, {**table.features, name: values}, {})
        with pytest.raises(LinekeeperError, match=f"`{name}` {message}.* write `trusted: \\[{name}\\]`") as caught:
            refuse_leaks(leaking, plan)
        assert caught.value.code == "feature-tells-label"
        refuse_leaks(leaking, FitPlan("p", plan.features, trusted=(name,)))
    missing = {**table.features, "noise": np.where(bad, MISSING, 3)}
    found = list(leaks(type(table)(table.account, table.at_day, table.label, missing, {}), plan))
    assert [(leak.feature, leak.how) for leak in found] == [("noise", "is missing among the bads only")]
    assert not list(leaks(table, PLAN))


def test_a_draft_is_a_plan_that_can_be_read_and_says_what_it_left_out(tmp_path: Path) -> None:
    chance, rows = np.random.default_rng(0), 600
    owed = chance.integers(0, 5_000, rows)
    bad = (chance.random(rows) < owed / 6_000).astype(np.int64)
    table = plain_table(
        pa.table(
            {
                "account": [f"A{row}" for row in range(rows)],
                "bad": bad,
                "owed": owed / 100,
                "way in": pa.array([("app", "no", "a: b")[row % 3] for row in range(rows)]).dictionary_encode(),
                "visits": np.where(chance.random(rows) < 0.2, -9, chance.integers(0, 20, rows)),
                "written off": bad * 7,
                "number": np.arange(rows),
                "opened": pa.array([0] * rows, pa.int32()).cast(pa.date32()),
                "same": [1] * rows,
                "remarks": [f"text {row}" for row in range(rows)],
            }
        )
    )
    draft = draft_plan(table, "drafted")
    (tmp_path / "plan.yaml").write_text(draft.text, "utf-8")
    plan = read_fit_plan(tmp_path / "plan.yaml")
    assert plan.features == (
        FeaturePlan("owed", "ability", "higher", decimals=2),
        FeaturePlan("way in", "ability", choices=("a: b", "app", "no")),
        FeaturePlan("visits", "ability", special=(-9,)),
    )
    assert plan.label == "bad"
    left_out = {column.name: column.remark for column in draft.columns if not column.feature}
    assert list(left_out) == ["written off", "number", "opened", "same", "remarks"]
    assert left_out["written off"].startswith("it tells bad from good alone")
    assert training_table(table, plan).features["owed"].tolist() == owed.tolist()
    with pytest.raises(LinekeeperError, match="no column of the table holds 0 and 1 alone"):
        draft_plan(table.drop_columns(["bad"]), "drafted")
    with pytest.raises(LinekeeperError, match="no column of the table can be a feature"):
        draft_plan(table.select(["account", "bad"]), "drafted")
