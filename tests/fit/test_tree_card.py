"""A fitted card of trees: it is what LightGBM says, keeps the plan's directions, ranks unseen rows, and is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError, Refused
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.tree_card import (
    BOOSTER_SETTINGS,
    TreeCardRun,
    boosters_of,
    fit_tree_card,
    matrix_of_table,
    mean_log_odds,
)
from linekeeper.scorecard.artifact import open_artifact, write_artifact
from linekeeper.scorecard.card import scored_features
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.points import score_one
from linekeeper.scorecard.tree_validation import WorseWhen, direction_fault
from linekeeper.scorecard.trees import nodes_and_leaves
from tests.fit.synthetic import PLAN, synthetic_table

TABLE = synthetic_table(1_500)


@pytest.fixture(scope="module")
def run() -> TreeCardRun:
    """A card of the synthetic rows."""
    return fit_tree_card(TABLE, PLAN, "synthetic", folds=3)


def test_the_card_is_what_the_boosters_say(run: TreeCardRun) -> None:
    """The same order, and points that lie on one line with the log-odds, to half a point."""
    log_odds = mean_log_odds(boosters_of(TABLE, PLAN), matrix_of_table(TABLE, PLAN))
    points = score_many(run.artifact.score, TABLE.features).score
    slope, start = np.polyfit(log_odds, points, 1)
    assert slope < 0
    assert np.abs(points - (start + slope * log_odds)).max() < 0.6


def test_the_same_rows_make_the_same_bytes(run: TreeCardRun) -> None:
    again = fit_tree_card(TABLE, PLAN, "synthetic", folds=3)
    assert write_artifact(again.artifact) == write_artifact(run.artifact)
    assert open_artifact(write_artifact(run.artifact)).score.trees == run.artifact.score.trees


def test_directions_hold(run: TreeCardRun) -> None:
    score = run.artifact.score
    directed = {feature.name: feature for feature in PLAN.features if feature.worse}
    assert {"burden", "income", "late"} <= directed.keys() & {*scored_features(score)}
    for name in {*scored_features(score)} & directed.keys():
        feature = directed[name]
        assert feature.worse is not None
        assert direction_fault(score.trees[0], name, feature.worse, feature.special) is None
    account = {"burden": 4_000, "income": 1_000_000, "late": 1, "channel": 0, "noise": 3}
    by_burden = [score_one(score, {**account, "burden": burden}).score for burden in range(0, 12_000, 250)]
    assert by_burden == sorted(by_burden, reverse=True)
    assert by_burden[0] > by_burden[-1]


def test_the_special_code_is_as_missing(run: TreeCardRun) -> None:
    account = {"burden": 4_000, "income": 1_000_000, "channel": 0, "noise": 3}
    scores = [score_one(run.artifact.score, {**account, "late": late}).score for late in (-2, None, 0)]
    assert scores[0] == scores[1]


def test_it_ranks_unseen_rows_as_lightgbm_does(run: TreeCardRun) -> None:
    """Rounding to points and directions cost next to nothing."""
    fold = folds_of(TABLE, 3, PLAN.seed)
    free = replace(PLAN, features=tuple(replace(feature, worse=None) for feature in PLAN.features))
    log_odds = np.empty(len(TABLE))
    for number in range(3):
        seen, unseen = TABLE.take(np.flatnonzero(fold != number)), TABLE.take(np.flatnonzero(fold == number))
        log_odds[fold == number] = mean_log_odds(boosters_of(seen, free), matrix_of_table(unseen, free))
    assert run.auc > auc(TABLE.label, log_odds) - 0.005
    assert run.artifact.provenance["auc_ppm"] == round(run.auc * 1_000_000)


def test_the_pd_is_calibrated(run: TreeCardRun) -> None:
    pd = score_many(run.artifact.score, TABLE.features).pd_ppm.mean() / 1_000_000
    assert abs(pd - TABLE.label.mean()) < 0.03


def coded_table(seed: int, codes: tuple[int, ...], rows: int = 1_200) -> TrainingTable:
    """`late` has codes on both sides of its amounts and missing values; each code has a risk of its own."""
    chance = np.random.default_rng(seed)
    late, other = chance.integers(0, 40, rows), chance.integers(0, 1_000, rows)
    odds = late / 15 + other / 500 - 2.5
    kind = chance.integers(-1, 3 * len(codes) + 1, rows)
    for number, code in enumerate(codes):
        odds = np.where(kind == number, chance.normal(0, 1.5) - 1, odds)
        late = np.where(kind == number, code, late)
    late = np.where(kind == -1, MISSING, late)
    label = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    numbers = np.arange(rows)
    return TrainingTable(numbers.astype(str), np.zeros(rows, np.int64), label, {"late": late, "other": other}, {})


@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    codes=st.lists(st.sampled_from([-9, -8, -7, -1, 15, 97, 98, 99]), min_size=2, max_size=4, unique=True),
    worse=st.sampled_from(["higher", "lower", None]),
    seed=st.integers(0, 2**16),
)
def test_several_codes_stand_apart_from_amounts(codes: list[int], worse: WorseWhen | None, seed: int) -> None:
    """The fit itself holds the card against LightGBM on every row; here the rows that did not occur are held too."""
    table = coded_table(seed, tuple(codes))
    plan = FitPlan("codes", (FeaturePlan("late", "ability", worse, tuple(codes)), FeaturePlan("other", "ability")))
    try:
        score = fit_tree_card(table, plan, "made", folds=2).artifact.score
    except Refused:
        return  # the draw left nothing to learn
    trees = score.trees[0]
    if worse is not None and "late" in trees.features:
        assert direction_fault(trees, "late", worse, tuple(codes)) is None
    boosters = boosters_of(table, plan)
    chance = np.random.default_rng(seed)
    rare = replace(
        table,
        features={
            "late": chance.choice([MISSING, *codes, *range(-12, 60), 96, 100], len(table)),
            "other": table.features["other"],
        },
    )
    matrix = matrix_of_table(rare, plan)
    points, log_odds = score_many(score, rare.features).score, mean_log_odds(boosters, matrix)
    slope, start = np.polyfit(log_odds, points, 1)
    assert np.abs(points - (start + slope * log_odds)).max() < 0.8
    if worse is not None:  # leaves count every row that reaches them, and one where none does
        for root in trees.roots[:5]:
            leaves = [-1 - node for node in nodes_and_leaves(trees, root) if node < 0]
            assert len(table) <= sum(trees.rows[leaf] for leaf in leaves) <= len(table) + len(leaves)


def test_each_of_several_codes_has_its_own_points() -> None:
    chance = np.random.default_rng(5)
    late = chance.choice([-2, -1, 0, 1, 2, 3], 3_000)
    risk = {-2: 0.6, -1: 0.1, 0: 0.2, 1: 0.3, 2: 0.5, 3: 0.6}
    label = (chance.random(3_000) < np.vectorize(risk.get)(late)).astype(np.int64)
    numbers = np.arange(3_000)
    table = TrainingTable(numbers.astype(str), np.zeros(3_000, np.int64), label, {"late": late}, {})
    plan = FitPlan("own", (FeaturePlan("late", "willingness", "higher", (-2, -1)),))
    score = fit_tree_card(table, plan, "made", folds=2).artifact.score
    points = {value: score_one(score, {"late": value}).score for value in risk}
    assert points[-1] > points[0] > points[1] > points[2] >= points[3]
    assert points[-2] < points[1]


@pytest.mark.parametrize(
    ("feature", "what"),
    [
        (FeaturePlan("income", "ability", neutral=True), "is to have the mean where it is missing"),
    ],
)
def test_what_trees_cannot_keep_is_refused(feature: FeaturePlan, what: str) -> None:
    with pytest.raises(FileError, match=f"`{feature.name}` {what}"):
        fit_tree_card(TABLE, replace(PLAN, features=(feature,)), "synthetic")


def test_a_protected_attribute_is_refused() -> None:
    with pytest.raises(Refused, match="is protected"):
        fit_tree_card(TABLE, replace(PLAN, protected=("burden",)), "synthetic")


def test_missing_values_are_nan_for_lightgbm() -> None:
    matrix = matrix_of_table(TABLE, PLAN)
    assert np.isnan(matrix[:, 1]).sum() == (TABLE.features["income"] == MISSING).sum()
    assert np.isnan(matrix[:, 2]).sum() == (TABLE.features["late"] == -2).sum()
    assert BOOSTER_SETTINGS["deterministic"]


def test_the_command_makes_the_card(tmp_path: Path) -> None:
    columns = {"account": TABLE.account, "label": TABLE.label, "late": TABLE.features["late"]}
    pq.write_table(pa.table({**columns, "channel": TABLE.features["channel"]}), tmp_path / "rows.parquet")
    plan = "name: demo\nwillingness:\n  late: {worse: higher, special: [-2]}\n  channel: {choices: [a, b, c]}\n"
    (tmp_path / "plan.yaml").write_text(plan, "utf-8")
    words = ["fit", str(tmp_path / "rows.parquet"), "--plan", str(tmp_path / "plan.yaml"), "--folds", "2"]
    made = CliRunner().invoke(build(), [*words, "--kind", "trees", "-o", str(tmp_path / "card"), "--json"])
    answer = json.loads(made.output)
    score = open_artifact((tmp_path / "card" / "card.json").read_bytes()).score
    assert (answer["sha256"], answer["features"], answer["model_card"]) == (score.card, 2, None)
    assert "AUC" in CliRunner().invoke(build(), [*words, "--kind", "trees"]).output
    refused = CliRunner().invoke(build(), [*words, "--kind", "wood"])
    assert "`wood` is no kind of card" in str(refused.exception)
