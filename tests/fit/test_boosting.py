"""The trees are read exactly, directions hold, merging keeps what it must."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit import additive_fit, pair_choice
from linekeeper.lab.fit.additive_fit import LABELS, TEACHER, Learning, choose_learning, fit_additive
from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, MainEffect
from linekeeper.lab.fit.bin_merging import merge_bins, merge_effect_bins
from linekeeper.lab.fit.boosting import fit_forest
from linekeeper.lab.fit.cross_validation import fit_default, fit_model
from linekeeper.lab.fit.directions import hold_directions
from linekeeper.lab.fit.feature_bins import bin_features, bin_table
from linekeeper.lab.fit.inner_folds import InnerFolds
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.pair_choice import choose_pairs
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.tree_reading import line_means
from linekeeper.scorecard.many import score_many
from tests.fit.synthetic import PLAN, pairs_table, synthetic_table

table = synthetic_table()
binned = bin_table(table, PLAN)


@pytest.fixture(scope="module")
def read() -> tuple[AdditiveModel, np.ndarray]:
    """The model as it was read, and the log-odds that the boosters themselves give each row."""
    boosters: list[Any] = []
    train_within = additive_fit.train_within

    def listen(*asked: Any) -> Any:
        boosters.append(train_within(*asked))
        return boosters[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(additive_fit, "train_within", listen)
        model = fit_additive(binned, PLAN, Learning("blend", {}))
    assert len(boosters) == 2
    matrix = binned.fine.matrix()
    return model, sum(booster.predict(matrix, raw_score=True) for booster in boosters) / 2


def test_effects_and_tables_add_up_to_what_the_trees_say(read: tuple[AdditiveModel, np.ndarray]) -> None:
    model, by_boosters = read
    assert len(model.interactions) == min(PLAN.tables_max, len(table) // pair_choice.ROWS_A_TABLE)
    np.testing.assert_allclose(model.log_odds(table.features), by_boosters, atol=1e-9)


def test_a_table_says_nothing_of_one_feature_alone(read: tuple[AdditiveModel, np.ndarray]) -> None:
    for part in read[0].interactions:
        for values, rows in ((part.values, part.rows), (part.values.T, part.rows.T)):
            assert np.abs(line_means(values, rows))[rows.any(1)].max() < 1e-6


def test_directions_in_every_part_change_no_sum(read: tuple[AdditiveModel, np.ndarray]) -> None:
    directed = hold_directions(read[0], PLAN, table.features)
    np.testing.assert_allclose(directed.log_odds(table.features), read[0].log_odds(table.features), atol=1e-9)
    assert not _falls(read[0], "burden") or len(read[0].interactions)
    assert not any(_falls(directed, name) for name in ("burden", "income", "late"))


def _falls(model: AdditiveModel, name: str) -> bool:
    """Whether any part of the model goes against the direction of a feature."""
    sign = -1 if name == "income" else 1
    lines = [(part.binning, part.values[:, None]) for part in model.main_effects]
    lines += [(part.row, part.values) for part in model.interactions]
    lines += [(part.column, part.values.T) for part in model.interactions]
    return any(
        (sign * np.diff(values[binning.of_amounts], axis=0) < 0).any()
        for binning, values in lines
        if binning.feature == name
    )


def test_special_codes_have_a_bin_of_their_own(read: tuple[AdditiveModel, np.ndarray]) -> None:
    for model in (read[0], with_fewer_bins(read[0], table, PLAN)):
        binning = next(effect.binning for effect in model.main_effects if effect.binning.feature == "late")
        (special,) = binning.special_bins
        assert binning.bin_of(np.array([-2])) == special
        assert binning.bin_of(np.array([-1])) == binning.bin_of(np.array([0])) == special + 1


def test_declared_directions_hold_in_bins_and_tables(read: tuple[AdditiveModel, np.ndarray]) -> None:
    card = scorecard_of(with_fewer_bins(read[0], table, PLAN), PLAN, table.features)
    worse = {feature.name: feature.worse for feature in PLAN.features}
    for part in card.bins:
        steps = list(pairwise(part.points[1:] if part.feature == "late" else part.points))  # without the code's bin
        if worse[part.feature]:
            sign = 1 if worse[part.feature] == "lower" else -1
            assert all(sign * (after - before) >= 0 for before, after in steps)
    for tab in card.tables:
        cells = np.array(tab.points)[:-1, :-1]
        for name, lines in ((tab.row, np.diff(cells, axis=0)), (tab.column, np.diff(cells, axis=1).T)):
            known = lines[1:] if name == "late" else lines
            assert worse[name] is None or ((known if worse[name] == "lower" else -known) >= 0).all()


def test_what_was_never_missing_gets_nothing_for_missing(read: tuple[AdditiveModel, np.ndarray]) -> None:
    card = scorecard_of(read[0], PLAN, table.features)
    assert {part.feature: part.missing for part in card.bins}["burden"] == 0
    assert {part.feature: part.missing for part in card.bins}["income"] < 0  # missing incomes are riskier here


def test_merging_costs_next_to_nothing(read: tuple[AdditiveModel, np.ndarray]) -> None:
    model = read[0]
    merged = with_fewer_bins(model, table, PLAN)
    moved = merged.log_odds(table.features) - model.log_odds(table.features)
    assert sum(len(effect.binning.cuts) for effect in merged.main_effects) < sum(
        len(effect.binning.cuts) for effect in model.main_effects
    )
    assert np.sqrt((moved**2).mean()) < 0.1


def test_no_bin_is_empty_or_tiny(read: tuple[AdditiveModel, np.ndarray]) -> None:
    for effect in with_fewer_bins(read[0], table, PLAN).main_effects:
        assert (effect.rows[:-1] >= 20).all()


def test_a_small_bin_joins_the_neighbour_that_is_nearest() -> None:
    effect = MainEffect(Binning("f", (1, 2)), np.array([0.0, 0.9, 1.0, 0.0]), np.array([50, 3, 50, 0]))
    merged = merge_effect_bins(effect, 0.0, 20)
    assert merged.binning.cuts == (1,)
    assert merged.rows.tolist() == [50, 53, 0]
    assert merged.values[1] == pytest.approx((3 * 0.9 + 50 * 1.0) / 53)


def test_an_empty_bin_below_a_special_code_joins_it() -> None:
    effect = MainEffect(
        Binning("f", (-2, -1), frozenset({1})), np.array([5.0, 0.3, 1.0, 0.0]), np.array([0, 40, 60, 0])
    )
    merged = merge_effect_bins(effect, 0.0, 20)
    assert (merged.binning.cuts, merged.binning.special_bins) == ((-1,), frozenset({0}))
    assert merged.values[0] == 0.3


def test_merging_stops_at_the_limit() -> None:
    effect = MainEffect(Binning("f", (1, 2, 3)), np.array([0.0, 0.1, 1.0, 1.1, 0.0]), np.array([100, 100, 100, 100, 0]))
    assert merge_effect_bins(effect, 1.01, 20).binning.cuts == (2,)  # each of the two near pairs costs 0.5
    assert len(merge_effect_bins(effect, 0.99, 20).binning.cuts) == 2
    assert len(merge_effect_bins(effect, 0.49, 20).binning.cuts) == 3


def test_the_same_seed_gives_the_same_card() -> None:
    small = table.take(np.arange(1_000))
    data = bin_table(small, PLAN)
    one, other = (scorecard_of(fit_model(data, PLAN), PLAN, small.features) for _ in range(2))
    assert one == other


def test_points_follow_the_model_to_within_rounding(read: tuple[AdditiveModel, np.ndarray]) -> None:
    model = with_fewer_bins(read[0], table, PLAN)
    card = scorecard_of(model, PLAN, table.features)
    exact = 600 + 20 / np.log(2) * (-model.log_odds(table.features) - np.log(30))
    gap = score_many(card, table.features).score - exact
    assert np.abs(gap).max() <= 0.5 * (len(card.bins) + len(card.tables) + 1)
    assert abs(gap.mean()) <= 0.5


def test_a_feature_without_any_effect_is_left_out() -> None:
    flat = AdditiveModel(-1.0, (MainEffect(Binning("burden", ()), np.array([0.2, 0.2]), np.array([10, 0])),))
    plan = replace(PLAN, features=PLAN.features[:1])
    assert scorecard_of(flat, plan, {"burden": np.arange(10)}).bins == ()


def test_the_forest_sees_missing_and_codes_as_such() -> None:
    bins = bin_features(PLAN, table.features, 31)
    matrix = bins.matrix()
    late, income = bins.blocks[2], bins.blocks[1]
    assert [block.binning.without_amount.index(flag) for block in (late, income) for flag in block.flags] == [0, 0]
    assert (np.isnan(matrix[:, late.start]) == (table.features["late"] == -2)).all()
    assert (matrix[:, income.start + 1] == (table.features["income"] == MISSING)).all()
    assert np.isfinite(fit_forest(binned.take(np.arange(500)), PLAN).log_odds(table.features)).all()


def test_bins_are_about_even_and_an_amount_that_fills_one_stands_alone() -> None:
    chance = np.random.default_rng(5)
    amounts = np.where(chance.random(20_000) < 0.4, 0, chance.integers(-(10**15), 10**15, 20_000))
    plan = FitPlan("p", (FeaturePlan("amount", "ability"),))
    bins = bin_features(plan, {"amount": amounts}, 31)
    (binning,), rows = [block.binning for block in bins.blocks], np.bincount(bins.bins[0])
    zero = binning.bin_of(np.array([0]))[0]
    assert rows[zero] == (amounts == 0).sum()
    assert np.delete(rows, zero)[:-1].max() < 2 * len(amounts) / 31
    assert binning.size <= 34


def test_a_strong_pair_is_found_and_gets_a_table() -> None:
    made = pairs_table(2_000, seed=4)
    plan = FitPlan("pairs", tuple(FeaturePlan(name, "ability") for name in made.features))
    data = bin_table(made, plan)
    assert choose_pairs(data, plan, data.label)[0] == (1, 3)
    unseen = pairs_table(4_000, seed=5)
    models = [fit_default(data, plan).model, *(fit_model(data, plan, "tables", way) for way in (LABELS, TEACHER))]
    for model in models:
        assert auc(unseen.label, model.log_odds(unseen.features)) > 0.85
    assert auc(unseen.label, fit_default(data, plan, "main").model.log_odds(unseen.features)) < 0.7


def test_few_rows_that_need_no_table_get_none() -> None:
    chance = np.random.default_rng(2)
    features = {f"f{number}": chance.integers(0, 1_000, 2_000) for number in range(5)}
    odds = -1 + features["f0"] / 500 - features["f1"] / 700
    label = (chance.random(2_000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    made = TrainingTable(np.arange(2_000).astype(str), np.zeros(2_000, np.int64), label, features, {})
    plan = FitPlan("alone", tuple(FeaturePlan(name, "ability") for name in features))
    data = bin_table(made, plan)
    assert choose_pairs(data, plan, data.label)
    fitted = InnerFolds.of(data, plan).fit("tables")
    assert not fitted.model.interactions
    assert set(fitted.learning.auc) == {"labels", "blend", "teacher", "linear", "linear blend"}


def test_straight_lines_are_learned_from_a_regression() -> None:
    """Of twenty features six tell a little, in a straight line: a booster of 600 rows alone hardly sees them."""
    chance = np.random.default_rng(7)
    x = chance.integers(0, 1_000, (4_600, 20))
    odds = -2.0 + (x[:, :3].sum(1) - x[:, 3:6].sum(1)) / 700
    label = (chance.random(4_600) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    features = {f"f{number}": x[:, number] for number in range(20)}
    made = TrainingTable(np.arange(4_600).astype(str), np.zeros(4_600, np.int64), label, features, {})
    plan = FitPlan("lines", tuple(FeaturePlan(name, "ability") for name in features))
    data, unseen = bin_table(made.take(np.arange(600)), plan), made.take(np.arange(600, 4_600))
    fitted = fit_default(data, plan)
    by_labels = fit_model(data, plan, "main", LABELS)
    assert fitted.learning.way.startswith("linear")
    ranked = [auc(unseen.label, model.log_odds(unseen.features)) for model in (fitted.model, by_labels)]
    assert ranked[0] > ranked[1] + 0.01


def test_many_choices_in_no_order_are_learned_from_flags() -> None:
    """A booster cuts between neighbouring choices, whose order means nothing; flags do not."""
    chance = np.random.default_rng(3)
    truth = np.random.default_rng(1).normal(0, 1, 100)
    branch = chance.integers(0, 100, 8_000)
    label = (chance.random(8_000) < 1 / (1 + np.exp(1.5 - truth[branch]))).astype(np.int64)
    made = TrainingTable(np.arange(8_000).astype(str), np.zeros(8_000, np.int64), label, {"branch": branch}, {})
    plan = FitPlan("b", (FeaturePlan("branch", "ability", choices=tuple(f"b{number}" for number in range(100))),))
    data, unseen = bin_table(made.take(np.arange(4_000)), plan), made.take(np.arange(4_000, 8_000))
    fitted = fit_default(data, plan)
    assert fitted.learning.way.startswith("linear")
    assert len(fitted.model.main_effects[0].binning.cuts) > 60  # choices are not merged with their neighbours
    by_labels = fit_model(data, plan, "main", LABELS)
    ranked = [auc(unseen.label, model.log_odds(unseen.features)) for model in (fitted.model, by_labels)]
    assert ranked[0] > ranked[1]
    assert ranked[0] > auc(unseen.label, truth[branch[4_000:]]) - 0.04  # of forty rows a branch little more is known


def test_choices_keep_their_own_points() -> None:
    effect = MainEffect(Binning("word", (1, 2)), np.array([0.0, 5.0, 0.001, 0.0]), np.array([50, 3, 50, 0]))
    model = AdditiveModel(0.0, (effect,))
    assert merge_bins(model, 103, 1.0, 0.2, frozenset({"word"})).main_effects == (effect,)
    assert merge_bins(model, 103, 1.0, 0.2).main_effects[0].binning.cuts == ()


def test_rows_too_few_to_hold_any_out_are_learned_by_their_labels() -> None:
    few = synthetic_table(40)
    label = np.zeros(40, np.int64)
    label[:2] = 1
    assert choose_learning(bin_table(replace(few, label=label), PLAN), PLAN) is LABELS


def test_a_declared_code_that_does_not_occur_changes_nothing() -> None:
    few = table.take(np.arange(1_000))
    late = PLAN.features[2]
    declared = replace(PLAN, features=(*PLAN.features[:2], replace(late, special=(-2, -1, 99)), *PLAN.features[3:]))
    plain, with_codes = (fit_additive(bin_table(few, plan), plan, LABELS) for plan in (PLAN, declared))
    np.testing.assert_allclose(with_codes.log_odds(few.features), plain.log_odds(few.features), atol=1e-9)
    cards = [scorecard_of(with_fewer_bins(model, few, PLAN), PLAN, few.features) for model in (plain, with_codes)]
    np.testing.assert_array_equal(*(score_many(card, few.features).score for card in cards))
    effect = next(one for one in with_codes.main_effects if one.binning.feature == "late")
    mean = pytest.approx(float(np.average(effect.values, weights=effect.rows)))
    for code in (-1, 99):  # no row says anything of it, so it counts as the mean, not as its neighbour
        assert effect.at({"late": np.array([code])})[0] == mean
        merged = next(e for e in with_fewer_bins(with_codes, few, PLAN).main_effects if e.binning.feature == "late")
        assert merged.at({"late": np.array([code])})[0] == pytest.approx(mean)


def test_an_empty_bin_of_a_code_stays_apart_from_amounts() -> None:
    effect = MainEffect(
        Binning("f", (-2, -1), frozenset({1})), np.array([5.0, 0.3, 1.0, 0.0]), np.array([30, 0, 60, 0])
    )
    assert merge_effect_bins(effect, 100.0, 20).binning == effect.binning


COLUMN = st.sampled_from(["amounts", "few amounts", "codes", "missing", "all missing", "choices"])


@settings(max_examples=12, deadline=None)
@given(
    kinds=st.lists(COLUMN, min_size=1, max_size=4),
    worse=st.lists(st.sampled_from(["higher", "lower", None]), min_size=4, max_size=4),
    special=st.lists(st.sampled_from([(), (-9,), (-9, -8, -7), (0, 1), (-1, 500)]), min_size=4, max_size=4),
    neutral=st.booleans(),
    way=st.sampled_from(["labels", "blend", "teacher", "linear", "linear blend", "inner folds"]),
    seed=st.integers(0, 2**16),
)
def test_what_is_read_is_what_the_boosters_say_under_any_plan(
    kinds: list[str], worse: list[Any], special: list[tuple[int, ...]], neutral: bool, way: str, seed: int
) -> None:
    """`fit_additive` demands that curves and boosters agree on every row; the card follows to within rounding."""
    chance = np.random.default_rng(seed)
    rows = 1_000
    features = {}
    for number, kind in enumerate(kinds):
        values = chance.integers(0, 3 if kind in ("few amounts", "choices") else 1_000, rows)
        if kind == "codes":
            values = np.where(chance.random(rows) < 0.2, -9, values)
        if kind in ("missing", "all missing"):
            values = np.where((chance.random(rows) < 0.2) | (kind == "all missing"), MISSING, values)
        features[f"f{number}"] = values.astype(np.int64)
    plan = FitPlan(
        "any",
        tuple(
            FeaturePlan(f"f{number}", "ability", worse[number], special[number], neutral=neutral)
            if kind != "choices"
            else FeaturePlan(f"f{number}", "ability", None, (), ("a", "b", "c"))
            for number, kind in enumerate(kinds)
        ),
    )
    label = (chance.random(rows) < 0.3).astype(np.int64)
    odd = TrainingTable(np.arange(rows).astype(str), np.zeros(rows, np.int64), label, features, {})
    data = bin_table(odd, plan)
    if way == "inner folds":
        fitted = InnerFolds.of(data, plan).fit("tables").model
    else:
        fitted = fit_additive(data, plan, Learning(way, {}))
    model = with_fewer_bins(fitted, odd, plan)
    card = scorecard_of(model, plan, features)
    exact = 600 + 20 / np.log(2) * (-model.log_odds(features) - np.log(30))
    assert np.isfinite(exact).all()
    # Half a point a part, as much again for what the base makes up on average, and half a point of the base itself.
    assert np.abs(score_many(card, features).score - exact).max() <= len(kinds) + len(model.interactions) + 0.5
