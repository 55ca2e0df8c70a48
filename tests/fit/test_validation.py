"""The validation of a card: on cards whose truth is known, so that each figure can be worked out another way."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.core.errors import Refused
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.training_run import table_digest
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.validation.page import render_validation, write_validation
from linekeeper.lab.fit.validation.report import Validation, score_table, validate_card
from linekeeper.lab.fit.validation.sample_figures import calibration_by_grade, grade_cuts, slope_with_interval
from linekeeper.lab.fit.validation.samples import (
    ValidationData,
    part_into_samples,
    read_with_segments,
    segmentations_of_table,
)
from linekeeper.lab.fit.validation.stability import psi_of_rows
from linekeeper.lab.partition import Partition
from linekeeper.scorecard.artifact import Artifact, Input, open_artifact, write_artifact
from linekeeper.scorecard.bin_override import BinChange, override_bin
from linekeeper.scorecard.card import Bins, Score
from linekeeper.scorecard.trees import TreeEnsemble
from linekeeper.texts.language import language
from tests.fit.synthetic import PLAN, synthetic_table

HALF = Partition(1, 2)
SCORE = Score(
    500,
    ("ability", "willingness"),
    (
        Bins("burden", "ability", (6_000, 9_000), (10, 0, -15), 0),
        Bins("late", "willingness", (-2, -1, 1), (0, 20, 0, -25), 0),
        Bins("channel", "willingness", (), (), 0, (3, 3, -6)),
    ),
    (),
    (490, 510),
    (500_000, 250_000, 100_000),
)
INPUTS = (
    Input("burden", "higher"),
    Input("late", "higher", (-2,)),
    Input("channel", choices=("app", "branch", "phone")),
)
TREE = TreeEnsemble(
    "model", ("burden",), 2, (0,), (0,), (6_000,), (-1,), (None,), (-1,), (-2,), (0,), (40, -60), (8, 2)
)


@pytest.fixture(scope="module")
def table() -> TrainingTable:
    """Two thousand rows of four months; in the last two everybody's burden is higher."""
    made = synthetic_table(2_000, seed=5, dates=4)
    shifted = np.where(made.at_day >= 60, made.features["burden"] + 6_000, made.features["burden"])
    return replace(made, features={**made.features, "burden": shifted})


def card_of(table: TrainingTable, score: Score = SCORE) -> Artifact:
    """A card that states the digest of the rows that it is said to be fitted on."""
    return open_artifact(
        write_artifact(Artifact("demo", score, inputs=INPUTS, provenance={"data_sha256": table_digest(table)}))
    )


def fitted_rows(table: TrainingTable) -> TrainingTable:
    own = [HALF.has(account) and day < 60 for account, day in zip(table.account, table.at_day, strict=True)]
    return table.take(np.flatnonzero(own))


@pytest.fixture(scope="module")
def data(table: TrainingTable) -> ValidationData:
    segments = segmentations_of_table(table, PLAN, ("channel", "region"))
    return part_into_samples(table, PLAN, card_of(fitted_rows(table)), HALF, 60, segments)


@pytest.fixture(scope="module")
def validation(table: TrainingTable, data: ValidationData) -> Validation:
    card = override_bin(
        card_of(fitted_rows(table)), BinChange("burden", 9_500, -40), "A. Li", "too <heavy>", "2026-05-02"
    )
    return validate_card(open_artifact(write_artifact(card)), data, "rows")


# ------------------------------------------------------------------ samples


def test_each_row_is_in_one_sample(table: TrainingTable, data: ValidationData) -> None:
    assert [one.name for one in data.samples] == ["development", "out_of_sample", "out_of_time"]
    assert np.array_equal(np.sort(np.concatenate([one.rows for one in data.samples])), np.arange(len(table)))
    assert data.digest == "confirmed"
    late = data.samples[2].rows
    assert (table.at_day[late] >= 60).all()
    assert (table.at_day[data.development] < 60).all()


def test_other_rows_than_the_card_states_are_called_different(table: TrainingTable) -> None:
    card = card_of(fitted_rows(table))
    assert part_into_samples(table, PLAN, card, Partition(2, 2), 60).digest == "different"
    assert part_into_samples(table, PLAN, replace(card, provenance={}), HALF, 60).digest == "not_stated"


def test_rows_that_the_fit_has_seen_do_not_judge_it(table: TrainingTable) -> None:
    for rows, part in ((table, None), (fitted_rows(table), HALF)):
        with pytest.raises(Refused, match="fitted on all of these rows") as refused:
            part_into_samples(rows, PLAN, card_of(rows), part)
        assert refused.value.code == "rows-already-fitted"


def test_segments_of_a_file_keep_their_words(tmp_path: Path) -> None:
    rows = {
        "account": list("abcd"),
        "label": [0, 1, 0, 1],
        "burden": [1, 2, 3, 4],
        "branch": ["west", None, "east", "west"],
    }
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    plan = replace(PLAN, features=PLAN.features[:1], protected=())
    table, (segmentation,) = read_with_segments(tmp_path / "rows.parquet", plan, None, ("branch",))
    assert [segmentation.names[code] for code in segmentation.codes] == ["west", "", "east", "west"]
    assert set(table.features) == {"burden"}


# ------------------------------------------------------------------ figures


def test_figures_are_those_of_the_rows_of_the_sample(table: TrainingTable, validation: Validation) -> None:
    sample = validation.samples[1]
    own = [not HALF.has(account) and day < 60 for account, day in zip(table.account, table.at_day, strict=True)]
    rows = table.take(np.flatnonzero(own))
    assert sample.rows == len(rows)
    assert sample.bads == int(rows.label.sum())
    points = score_table(replace(SCORE, bins=(replace(SCORE.bins[0], points=(10, 0, -40)), *SCORE.bins[1:])), rows)
    assert sample.auc == auc(rows.label, -points.points)
    assert sample.mean_pd == pytest.approx(points.pd.mean())


def test_grades_hold_every_row_once_and_the_best_comes_first(table: TrainingTable) -> None:
    scored = score_table(SCORE, table)
    part = calibration_by_grade("out_of_sample", scored, grade_cuts(scored.points, 5))
    assert sum(one.rows for one in part.grades) == len(table)
    assert sum(one.bads for one in part.grades) == int(table.label.sum())
    assert [one.grade for one in part.grades] == list(range(1, len(part.grades) + 1))
    assert all(a.mean_pd <= b.mean_pd for a, b in zip(part.grades, part.grades[1:], strict=False))
    assert all(one.fits == (one.bad_rate_interval[0] <= one.mean_pd <= one.bad_rate_interval[1]) for one in part.grades)


def test_the_slope_of_true_odds_is_1() -> None:
    chance = np.random.default_rng(3)
    odds = chance.normal(-1, 1.5, 20_000)
    label = (chance.random(20_000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    slope, (low, high) = slope_with_interval(label, odds)
    assert low < 1 < high
    doubled, (low, high) = slope_with_interval(label, 2 * odds)
    assert doubled == pytest.approx(slope / 2)
    assert high < 1


def test_psi_by_chance_is_reached_in_one_case_of_twenty() -> None:
    chance = np.random.default_rng(1)
    beyond = 0
    for _ in range(400):
        index, by_chance = psi_of_rows(chance.integers(0, 10, 1_500), np.arange(1_000), np.arange(1_000, 1_500))
        beyond += index > by_chance
    assert 0.02 < beyond / 400 < 0.09


def test_a_population_that_moved_is_seen_and_others_are_not(validation: Validation) -> None:
    assert validation.features[0].feature == "burden"
    assert validation.features[0].csi > 0.1 > validation.features[1].csi
    assert validation.features[0].points_moved is not None
    assert validation.features[0].points_moved < 0
    by_month = {one.name: one for one in validation.months}
    early, late = (by_month[name].csi["burden"] for name in ("1970-01", "1970-04"))
    assert early < 0.1 < late
    assert {one.check: one.state for one in validation.checks}["feature_csi"] == "attention"


def test_each_segment_has_its_rows(table: TrainingTable, data: ValidationData, validation: Validation) -> None:
    channel = validation.segments[0]
    assert [one.name for one in channel.segments] == ["app", "branch", "phone"]
    unseen = table.features["channel"][data.unseen_rows]
    assert [one.rows for one in channel.segments] == np.bincount(unseen).tolist()


def test_peers_stand_beside_the_card_on_the_same_rows(validation: Validation) -> None:
    assert [(one.peer, one.sample) for one in validation.peers] == [
        (peer, sample) for peer in ("logistic_regression", "lightgbm") for sample in ("out_of_sample", "out_of_time")
    ]
    own = {one.sample: one.auc for one in validation.samples}
    for peer in validation.peers:
        assert peer.card_above == pytest.approx(own[peer.sample] - peer.auc)
        assert peer.card_above_interval[0] <= peer.card_above <= peer.card_above_interval[1]


def test_overrides_are_shown_with_what_they_do(validation: Validation) -> None:
    (one,) = validation.overrides
    assert (one.low, one.below, one.points_before, one.points) == (9_000, None, -15, -40)
    assert sum(effect.rows_changed for effect in validation.override_effects) == one.rows


# ------------------------------------------------------------------ kinds, pages


def test_a_card_of_trees_is_validated_alike(table: TrainingTable) -> None:
    score = Score(500, ("model",), (), (), (500,), (300_000, 200_000), trees=(TREE,))
    made = Artifact("trees", score, inputs=(Input("burden"),))
    card = open_artifact(write_artifact(made))
    validation = validate_card(card, part_into_samples(table, PLAN, card, HALF, 60), "rows")
    assert validation.kind == "trees"
    assert [one.feature for one in validation.features] == ["burden"]
    assert validation.features[0].points_moved is None
    assert "A card of trees has no bins to change." in render_validation(validation, language("en"))


def test_without_rows_of_the_fit_peers_learn_from_other_folds(table: TrainingTable) -> None:
    card = replace(card_of(table), provenance={})
    validation = validate_card(card, part_into_samples(table, PLAN, card), "rows")
    assert (validation.basis, validation.peers_learned_from) == ("first_month", "other_folds")
    assert validation.months[0].psi is None
    assert validation.months[-1].psi is not None
    assert all(0.5 < peer.auc < 0.9 for peer in validation.peers)
    json.dumps(asdict(validation), allow_nan=False)


def test_the_page_escapes_what_people_wrote_and_the_file_has_every_figure(
    validation: Validation, tmp_path: Path
) -> None:
    pages = [write_validation(tmp_path, validation, language(code)) for code in ("en", "zh")]
    assert [page.name for page in pages] == ["validation.html", "validation.zh.html"]
    for page in pages:
        text = page.read_text("utf-8")
        assert "too &lt;heavy&gt;" in text
        assert "too <heavy>" not in text
    record = json.loads((tmp_path / "validation.json").read_text("utf-8"))
    assert record["samples"][1]["auc"] == validation.samples[1].auc
