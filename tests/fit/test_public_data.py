"""On the public data: ranking as promised, no nonsense, reasons exact for every account."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.datasets.catalogue import read_data_set
from linekeeper.lab.fit.additive_fit import TEACHER
from linekeeper.lab.fit.cross_validation import cross_validate, fit_model
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.model_card import model_card_of
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_run import fit_scorecard
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.points import best_score, lost_by_feature, score_one

pytestmark = pytest.mark.data


def test_south_german_fits_without_nonsense(data_dir: Path) -> None:
    table, plan = read_data_set("south-german", data_dir / "german_credit" / "south_german_credit.parquet")
    run = fit_scorecard(table, plan, compare=("forest",))
    card = model_card_of(run, "south-german")
    assert (len(table), int(table.label.sum())) == (1_000, 300)
    own = next(row for row in card["methods"] if row["name"] == "this card")
    assert own["auc_interval"][0] > 0.70
    worse = {feature.name: feature.worse for feature in plan.features}
    for part in card["features"]:
        known = [row for row in part["bins"] if not row["missing"]]
        assert all(row["rows"] >= 20 and 0 <= row["low"] <= row["high"] <= 1 for row in known) or part["choices"]
        if worse[part["feature"]]:
            sign = 1 if worse[part["feature"]] == "lower" else -1
            assert all(sign * (b["points"] - a["points"]) >= 0 for a, b in pairwise(known)), part["feature"]


def test_taiwan_ranks_as_promised_and_reasons_are_exact_for_every_account(data_dir: Path) -> None:
    table, plan = read_data_set("taiwan", data_dir / "taiwan_credit_card" / "taiwan_credit_card.parquet")
    half = table.take(np.arange(0, len(table), 2))
    unseen = table.take(np.arange(1, len(table), 2))
    card = scorecard_of(fit_model(bin_table(half, plan), plan, learning=TEACHER), plan, half.features)
    many, best = score_many(card, unseen.features), best_score(card)
    rows = [
        dict(zip(unseen.features, map(_known, row), strict=True)) for row in zip(*unseen.features.values(), strict=True)
    ]
    for row, values in enumerate(rows):
        one = score_one(card, values)
        assert one.score == many.score[row] == card.base + sum(one.groups.values())
        assert sum(lost_by_feature(card, values).values()) == best - one.score


def test_derived_features_are_whole_and_labelled_alike(data_dir: Path) -> None:
    path = data_dir / "taiwan_credit_card" / "taiwan_credit_card.parquet"
    raw, _ = read_data_set("taiwan", path)
    derived, plan = read_data_set("taiwan", path, derived=True)
    assert set(plan.names) == set(derived.features)
    assert (raw.label == derived.label).all()
    never = derived.features["months_since_late"] == MISSING
    assert (derived.features["late_max"][never] == 0).all()
    assert (derived.features["late_max"][~never] >= 1).all()


@pytest.mark.nightly
def test_taiwan_cross_validation(data_dir: Path) -> None:
    from linekeeper.lab.fit.cross_validation import compare_methods
    from linekeeper.lab.fit.training_table import with_protected_as_inputs

    table, plan = read_data_set("taiwan", data_dir / "taiwan_credit_card" / "taiwan_credit_card.parquet")
    found = compare_methods(*with_protected_as_inputs(table, plan), folds=5)
    assert found["auc_tables"] >= 0.783
    assert found["auc_main"] >= 0.778
    assert found["auc_forest"] >= 0.785
    assert found["rounding_cost"] <= 0.0005
    crossed = cross_validate(bin_table(table, plan), plan, 2, ("main",), TEACHER)
    assert np.isfinite(crossed.log_odds["main"]).all()


def _known(value: np.int64) -> int | None:
    return None if value == MISSING else int(value)
