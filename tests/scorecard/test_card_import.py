"""A lender's own model as a card: equal to the last point, or refused with the place and the way out."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import app, build
from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError, LinekeeperError, UsageError
from linekeeper.lab.card_import.import_model import Sample, import_model, refuse_differences
from linekeeper.lab.card_import.lightgbm_text import read_lightgbm
from linekeeper.lab.card_import.model_columns import ModelColumn, cut_of
from linekeeper.lab.card_import.points_tables import read_pmml, read_points_csv
from linekeeper.lab.card_import.xgboost_json import read_xgboost
from linekeeper.scorecard.artifact import open_artifact
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.points import score_one
from tests.scorecard import imported_points
from tests.scorecard.imported_models import FORMATS, card_beside_model

NEEDS = {"lightgbm": ("lightgbm",), "xgboost": ("xgboost",), "skops": ("sklearn", "skops"), "tree_text": ("sklearn",)}


@pytest.mark.parametrize("kind", list(FORMATS))
@pytest.mark.parametrize("seed", range(6))
def test_random_models_are_equal_to_the_last_point(kind: str, seed: int) -> None:
    for library in NEEDS[kind]:
        pytest.importorskip(library)
    made = FORMATS[kind](Random(f"suite {kind} {seed}"))
    try:
        compared, _ = card_beside_model(made, 2_000)
    except FileError as error:
        assert error.code == "model-not-possible"  # noqa: PT017 - a model that learned nothing is refused
        return
    assert compared.differing == 0
    assert compared.equal + compared.at_half_point == 2_000


@pytest.mark.parametrize("kind", list(imported_points.FORMATS))
@pytest.mark.parametrize("seed", range(6))
def test_random_tables_of_points_are_equal_on_every_row(kind: str, seed: int) -> None:
    assert imported_points.rows_differing(kind, seed, 2_000) == 0


# ------------------------------------------------------------------ by hand

TWO_LEAVES = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=binary sigmoid:1
feature_names=Late
feature_infos=[0:90]
tree_sizes=300

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=29.5
decision_type={kind}
left_child=-1
right_child=-2
leaf_value=-3.4011973816621555 0
leaf_weight=1 1
leaf_count=800 200
internal_value=0
internal_weight=0
internal_count=1000
is_linear=0
shrinkage=1


end of trees

feature_importances:
Late=1

parameters:
end of parameters

pandas_categorical:null
"""
# The log-odds of 1 bad to 30 good, which is 600 points, and of 1 to 1: ln 30 / ln 2 * 20 points less, 501.9.
POINTS = {"good": 600, "even": 502}


def lightgbm_file(folder: Path, kind: int = 8) -> Path:
    """The model of one cut; `kind` says what becomes of missing values."""
    file = folder / "model.txt"
    file.write_text(TWO_LEAVES.format(kind=kind), "utf-8")
    return file


def columns_file(folder: Path, text: str) -> Path:
    """A file on the columns of the model."""
    file = folder / "columns.yaml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(("late", "points"), [(0, "good"), (29, "good"), (30, "even"), (90, "even")])
def test_a_model_of_one_cut(tmp_path: Path, late: int, points: str) -> None:
    made = import_model(lightgbm_file(tmp_path), columns_file(tmp_path, "Late: {feature: late}\n"))
    assert score_one(made.artifact.score, {"late": late}).score == POINTS[points]


@pytest.mark.parametrize(
    ("kind", "missing", "zero"),
    [
        (0, "good", "good"),  # missing values are taken for 0
        (2, "good", "good"),
        (8, "even", "good"),  # NaN goes right
        (10, "good", "good"),  # NaN goes left
        (4, "even", "even"),  # 0 and NaN go right
        (6, "good", "good"),
    ],
)
def test_what_is_missing_goes_as_the_node_says(tmp_path: Path, kind: int, missing: str, zero: str) -> None:
    made = import_model(lightgbm_file(tmp_path, kind), columns_file(tmp_path, "Late: {feature: late}\n"))
    score = made.artifact.score
    assert score_one(score, {"late": None}).score == POINTS[missing]
    assert score_one(score, {"late": 0}).score == POINTS[zero]
    assert score_one(score, {"late": 1}).score == POINTS["good"]
    assert score_many(score, {"late": np.array([MISSING, 0])}).score.tolist() == [POINTS[missing], POINTS[zero]]


def test_a_missing_value_may_have_a_number_at_home(tmp_path: Path) -> None:
    columns = columns_file(tmp_path, "Late: {feature: late, missing_as: 90, decimals: 0}\n")
    made = import_model(lightgbm_file(tmp_path, 10), columns)
    assert score_one(made.artifact.score, {"late": None}).score == POINTS["even"]


def test_the_pd_is_that_of_the_model(tmp_path: Path) -> None:
    """1 bad to 30 good is 3.2 %, one to one is half; the table has bands of five points."""
    made = import_model(lightgbm_file(tmp_path), columns_file(tmp_path, "Late: {feature: late}\n"))
    good, even = (score_one(made.artifact.score, {"late": late}).pd_ppm for late in (0, 60))
    assert abs(good - 1_000_000 / 31) < 4_000
    assert abs(even - 500_000) < 25_000


@pytest.mark.parametrize(
    ("threshold", "decimals", "threshold_below", "float32", "cut"),
    [
        (12.34, 2, True, False, 1_235),
        (12.34, 2, False, False, 1_234),
        (1e-35, 0, True, False, 1),
        (-0.5, 0, True, False, 0),
        (1e300, 0, True, False, 10**15 + 1),
        (-1e300, 0, True, False, -(10**15) - 1),
        (16_777_216.0, 0, False, True, 16_777_216),
        (16_777_218.0, 0, False, True, 16_777_218),  # 16,777,217 is 16,777,216 in single precision
        (16_777_220.0, 0, False, True, 16_777_219),  # and 16,777,219 is 16,777,220
        (0.1, 1, False, False, 1),
        (0.30000000000000004, 1, False, False, 4),  # 0.3 lies below it
    ],
)
def test_cuts_are_those_of_the_models_own_arithmetic(
    threshold: float, decimals: int, threshold_below: bool, float32: bool, cut: int
) -> None:
    assert cut_of(threshold, ModelColumn("x", "x", decimals), threshold_below, float32) == cut


# ------------------------------------------------------------------ refused


def refusal(file: Path, **options: Any) -> str:
    """What an import of that file is refused with."""
    with pytest.raises(LinekeeperError) as error:
        refuse_differences(import_model(file, **options))
    return f"{error.value.code}: {error.value}"


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (tmp_path / "opened",))  # type: ignore[return-value]

    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(Trap()))
    assert "is a pickle or is packed, and is not opened" in refusal(file)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("num_class=1", "num_class=3", "model-not-possible: the model has several classes"),
        ("objective=binary sigmoid:1", "objective=regression", "was trained for `regression`"),
        ("is_linear=0", "is_linear=1", "has linear leaves"),
        ("end of trees", "", "model-not-readable: the model file is no whole text file of LightGBM"),
        ("left_child=-1", "left_child=x", "has a tree that cannot be read"),
        ("threshold=29.5", "threshold=nan", "compares with a number that is none"),
        ("feature_names=Late", "feature_names=Late Days", "columns-not-usable"),
        ("num_leaves=2", "num_leaves=1", "reads no column"),
    ],
)
def test_what_no_card_can_equal_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = lightgbm_file(tmp_path)
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    columns = None if "Days" in new else columns_file(tmp_path, "Late: {feature: late}\n")
    assert said in refusal(file, columns_file=columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Early: {feature: early}", "`Early` is no column of the model; it has Late"),
        ("Late: {name: late}", "`Late` has the key `name`, which is not known"),
        ("Late: {feature: late, decimals: 12}", "`Late` has `decimals: 12`; write 0 to 9"),
        ("Late: {feature: late, worse: more}", "`Late` has `worse: more`; write `higher` or `lower`"),
        ("Late: {feature: late, missing_as: 1.5}", "`Late` has `missing_as: 1.5`; write a whole number"),
        ("Late: {feature: 'Days late'}", "`Days late` cannot be the name of a feature"),
        ("- Late", "is no list of columns"),
        ("Late: [", "cannot be read"),
        ("Late: {feature: late, worse: lower}", "`late` is declared `worse: lower`, but tree 0, node 0"),
    ],
)
def test_a_columns_file_that_is_wrong_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(lightgbm_file(tmp_path), columns_file=columns_file(tmp_path, text + "\n"))


def test_other_points_than_the_models_are_refused(tmp_path: Path) -> None:
    """The sample says that the cut lies elsewhere: days late were months at home."""
    sample = tmp_path / "sample.parquet"
    pq.write_table(pa.table({"late": [0, 45], "margin": [-3.4011973816621555, -3.4011973816621555]}), sample)
    columns = columns_file(tmp_path, "Late: {feature: late}\n")
    said = refusal(lightgbm_file(tmp_path), columns_file=columns, sample=Sample(sample, "margin"))
    assert said.startswith("card-differs: 1 of 2 rows have other points than the model gives them")
    assert "the first has 502 for 600, at late = 45" in said
    pq.write_table(pa.table({"late": [0, 45], "margin": [-3.4011973816621555, 0.0]}), sample)
    made = import_model(lightgbm_file(tmp_path), columns, sample=Sample(sample, "margin"))
    assert made.compared is not None
    assert (made.compared.equal, made.compared_with) == (2, "sample")


@pytest.mark.parametrize("text", ["{}", "{", '{"learner": 3}', "[]", '{"learner": {"gradient_booster": {}}}'])
def test_json_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(FileError, match="is no JSON file of XGBoost, or is broken"):
        read_xgboost(text)


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"PK\x03\x04broken", b"hello", b"tree\n", b"\xff\xfe,"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "model"
    file.write_bytes(data)
    assert refusal(file).startswith("model-not-readable")


def test_options_that_do_not_apply_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`--rounds` is for models of XGBoost alone"):
        import_model(lightgbm_file(tmp_path), rounds=3)


def test_a_pandas_category_brings_its_words() -> None:
    text = TWO_LEAVES.format(kind=1).replace("[0:90]", "0:1").replace("null\n", '[["app", "branch"]]\n')
    text = text.replace("num_cat=0", "num_cat=1\ncat_boundaries=0 1\ncat_threshold=2").replace("=29.5", "=0")
    model = read_lightgbm(text)
    assert model.choices == {"Late": ("app", "branch")}
    assert model.trees[0].categories == (frozenset({1}),)


# ------------------------------------------------------------------ tables of points

CSV = """variable,bin,points
basepoints,,500
late,"[-inf,1)",40
late,"[1,30)",10
late,"[30,inf)",-60
late,missing,0
income,"(-inf,1000.50]",-15
income,"(1000.50,inf)",25
channel,"app%,%web",5
channel,branch,-5
"""
COLUMNS = "income: {decimals: 2}\nchannel: {choices: [app, branch, web]}\n"


@pytest.mark.parametrize(
    ("late", "income", "channel", "score"),
    [(0, 100_050, 0, 530), (29, 100_051, 2, 540), (30, 0, 1, 420), (None, 100_050, 1, 480)],
)
def test_a_table_of_points(tmp_path: Path, late: int | None, income: int, channel: int, score: int) -> None:
    file = tmp_path / "card.csv"
    file.write_text(CSV, "utf-8")
    made = import_model(file, columns_file(tmp_path, COLUMNS))
    card = open_artifact(made.data).score
    assert score_one(card, {"late": late, "income": income, "channel": channel}).score == score


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("variable,bin", "name,range", "is no table of points"),
        ("basepoints,,500", "basepoints,,many", "has `many` for a number"),
        (",40", ",40.5", "has 40.5 of `late`, which is no whole number"),
        ('"[1,30)",10', '"[2,30)",10', "has no points for some value of `late`"),
        ("channel,branch,-5\n", "", "has no points for some value of `channel`"),
    ],
)
def test_a_table_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "card.csv"
    file.write_text(CSV.replace(old, new), "utf-8")
    assert said in refusal(file, columns_file=columns_file(tmp_path, COLUMNS))


PMML = """<?xml version="1.0"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Scorecard functionName="regression" initialScore="500">
<Characteristics>
<Characteristic name="late"><Attribute partialScore="0"><SimplePredicate field="late" operator="isMissing"/></Attribute>
<Attribute partialScore="40"><SimplePredicate field="late" operator="lessThan" value="1"/></Attribute>
<Attribute partialScore="10"><CompoundPredicate booleanOperator="and">
<SimplePredicate field="late" operator="greaterOrEqual" value="1"/>
<SimplePredicate field="late" operator="lessThan" value="30"/></CompoundPredicate></Attribute>
<Attribute partialScore="-60"><SimplePredicate field="late" operator="greaterOrEqual" value="30"/></Attribute>
</Characteristic>
<Characteristic name="income">
<Attribute partialScore="-15"><SimplePredicate field="income" operator="lessOrEqual" value="1000.50"/></Attribute>
<Attribute partialScore="25"><True/></Attribute></Characteristic>
<Characteristic name="channel"><Attribute partialScore="5">
<SimpleSetPredicate field="channel" booleanOperator="isIn"><Array n="2" type="string">app "web"</Array>
</SimpleSetPredicate>
</Attribute><Attribute partialScore="-5"><SimplePredicate field="channel" operator="equal" value="branch"/></Attribute>
</Characteristic></Characteristics></Scorecard></PMML>
"""


@pytest.mark.parametrize(
    ("late", "income", "channel", "score"),
    [(0, 100_050, 0, 530), (29, 100_051, 2, 540), (30, 0, 1, 420), (None, None, 1, 520)],
)
def test_a_scorecard_of_pmml(tmp_path: Path, late: int | None, income: int | None, channel: int, score: int) -> None:
    file = tmp_path / "card.pmml"
    file.write_text(PMML, "utf-8")
    card = import_model(file, columns_file(tmp_path, COLUMNS)).artifact.score
    assert score_one(card, {"late": late, "income": income, "channel": channel}).score == score


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<?xml", '<!DOCTYPE x [<!ENTITY a "b">]><?xml', "declares entities"),
        ("</PMML>", "", "is no XML"),
        ("Scorecard", "Tree", "has 0 scorecards"),
        (' partialScore="25"', "", "computes a partial score"),
        ("isIn", "isNotIn", "uses the predicate `SimpleSetPredicate`"),
        ('field="late" operator="isMissing"', 'field="days" operator="isMissing"', "reads 2 fields"),
    ],
)
def test_pmml_that_is_wrong_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_pmml(PMML.replace(old, new))


def test_points_without_a_base_begin_at_0() -> None:
    assert read_points_csv("feature,attribute,score\na,missing,1\n").base == 0


# ------------------------------------------------------------------ the command


def test_the_command_writes_the_card_and_says_how_it_agrees(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    file, columns = lightgbm_file(tmp_path), columns_file(tmp_path, "Late: {feature: late, worse: higher}\n")
    card = tmp_path / "card.json"
    words = ["card", "import", "model", str(file), "--columns", str(columns), "-o", str(card)]
    shown = CliRunner().invoke(build() or app, words)
    assert shown.exit_code == 0, shown.output
    assert "10,000 of 10,000 rows have the model's own points" in shown.output
    answer = json.loads(CliRunner().invoke(build(), [*words, "--json"]).output)
    assert answer["sha256"] == open_artifact(card.read_bytes()).score.card
    assert answer["comparison"] == {
        "compared_with": "library",
        "rows": 10_000,
        "equal": 10_000,
        "at_half_point": 0,
        "first_at_half_point": [],
    }
    assert (answer["lowest"], answer["highest"]) == (502, 600)
