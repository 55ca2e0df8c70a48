"""Classes and weights of rows: who is kept out, and that a weight counts as so many rows, everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit import metrics
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.model_card import model_card_of
from linekeeper.lab.fit.model_card_page import render_model_card
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan, read_fit_plan
from linekeeper.lab.fit.scaling import measured_pd, slope_and_shift
from linekeeper.lab.fit.training_run import artifact_of_run, fit_scorecard, rows_kept_out
from linekeeper.lab.fit.training_table import TrainingTable, training_table
from linekeeper.lab.fit.tree_card import fit_tree_card
from tests.fit.synthetic import PLAN, synthetic_table

ONE = (FeaturePlan("late", "willingness"),)


def table_of(**columns: list[object]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table({"late": list(range(rows)), **columns})


def plan_file(folder: Path, text: str) -> FitPlan:
    (folder / "plan.yaml").write_text(f"name: p\nwillingness: {{late: {{}}}}\n{text}", "utf-8")
    return read_fit_plan(folder / "plan.yaml")


def test_classes_of_a_plan_say_who_is_good_and_bad_and_keep_the_others_out(tmp_path: Path) -> None:
    plan = plan_file(tmp_path, "classes: {good: [paid, open], bad: [90+], indeterminate: [30+], reject: [declined]}")
    table = training_table(table_of(label=["paid", "30+", "90+", "declined", "open", " 90+ "]), plan)
    assert table.label.tolist() == [0, 1, 0, 1]
    assert table.features["late"].tolist() == [0, 2, 4, 5]
    assert {name: columns["late"].tolist() for name, columns in table.kept_out.items()} == {
        "indeterminate": [1],
        "reject": [3],
    }
    numbers = plan_file(tmp_path, "classes: {good: [0], bad: [1, 2], indeterminate: [9]}")
    assert training_table(table_of(label=[0, 9, 2, 1]), numbers).label.tolist() == [0, 1, 1]


def test_the_words_of_the_classes_need_no_plan() -> None:
    table = training_table(table_of(label=["good", "bad", "indeterminate", "bad"]), FitPlan("p", ONE))
    assert (table.label.tolist(), rows_kept_out(table)) == ([0, 1, 1], {"indeterminate": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [paid]", "`classes` is no list of values for each of good, bad, indeterminate, reject"),
        ("classes: {good: paid, bad: [lost]}", "`classes` is no list of values"),
        ("classes: {good: [paid], worse: [lost]}", "`classes` is no list of values"),
        ("classes: {good: [paid]}", "do not say what is good and what is bad; list each value of the label once"),
        ("classes: {good: [paid], bad: [lost, paid]}", "its `classes` have `paid` twice"),
        ("weight: late", "`late` is the weight of the rows, and no feature"),
    ],
)
def test_classes_that_cannot_be_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        plan_file(tmp_path, text)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": ["good", "late", "bad"]}, "`label` is `late` in row 2, which is in none of its classes"),
        ({"label": [0, None, 1]}, "`label` is missing in row 2"),
        ({"label": ["good", "", "bad"]}, "`label` is missing in row 2"),
        ({"label": ["good", "reject", "good"]}, "has to have goods and bads, and one of them does not occur"),
        ({"label": [0, 1, 1], "w": [1, 0, 2]}, "the weight `w` is 0 in row 2; write a number above 0"),
        ({"label": [0, 1, 1], "w": [1, None, 2]}, "the weight `w` is missing in row 2"),
        ({"label": [0, 1, 1], "w": [1.0, float("nan"), 2.0]}, "the weight `w` is nan in row 2"),
        ({"label": [0, 1, 1], "w": [1.0, float("inf"), 2.0]}, "the weight `w` is inf in row 2"),
        ({"label": [0, 1, 1], "w": ["1", "2", "3"]}, "the weight `w` is `string`"),
        ({"label": [0, 1, 1], "v": [1, 2, 3]}, "no column `w`, which the plan names as `weight`"),
        (
            {"label": [0, 1, 1], "w": [1, 1, 1], "account": ["a", "b", "a"], "at_day": [9, 9, 9]},
            "the account `a` has two rows of 1970-01-10: 1 and 3",
        ),
    ],
)
def test_labels_and_weights_that_cannot_be_are_refused_by_row(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        training_table(table_of(**columns), FitPlan("p", ONE, weight="w" if "w" in message else None))


def test_an_account_may_have_several_dates_and_its_rows_stay_in_one_fold() -> None:
    accounts, days = [f"a{row // 3}" for row in range(60)], [row % 3 * 30 for row in range(60)]
    data = table_of(account=accounts, at_day=days, label=[row // 3 % 2 for row in range(60)])
    table = training_table(data, FitPlan("p", ONE))
    fold = folds_of(table, 5, 0)
    assert [len(set(fold[table.account == account])) for account in set(accounts)] == [1] * 20


# ------------------------------------------------------------------ weights


def repeated(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.repeat(values, weight)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(1, 5)), min_size=6, max_size=60))
def test_a_weight_counts_as_so_many_rows_in_every_figure(rows: list[tuple[bool, int, int]]) -> None:
    rows = [*rows, (True, 3, 2), (False, 4, 1), (True, 8, 1), (False, 8, 3)]
    bad, risk, weight = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    many_bad, many_risk, pd = repeated(bad, weight), repeated(risk, weight), (risk + 1) / 15
    many_pd = repeated(pd, weight)
    for figure in (metrics.auc, metrics.ks):
        assert figure(bad, risk, weight) == pytest.approx(figure(many_bad, many_risk), abs=1e-12)
    for figure in (metrics.brier, metrics.log_loss):
        assert figure(bad, pd, weight) == pytest.approx(figure(many_bad, many_pd), abs=1e-12)
    assert metrics.bad_rate(bad, weight)[0] == pytest.approx(many_bad.mean())
    assert metrics.cumulative_gains(bad, risk, 10, weight)[-1] == pytest.approx(1.0)
    log_odds = (risk - 6) / 3
    weighed, as_rows = slope_and_shift(bad, log_odds, weight), slope_and_shift(many_bad, repeated(log_odds, weight))
    assert weighed == pytest.approx(as_rows, rel=1e-5, abs=1e-5)
    table = ((4, 9), (900_000, 400_000, 100_000))
    assert measured_pd(*table, risk, bad, weight) == measured_pd(*table, many_risk, many_bad)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16))
def test_equal_weights_change_no_figure(seed: int) -> None:
    chance = np.random.default_rng(seed)
    risk, ones = chance.integers(0, 9, 80), np.ones(80)
    bad = (chance.random(80) < 0.2 + risk / 20).astype(np.int64)
    bad[:2] = 0, 1
    other = chance.integers(0, 9, 80)
    assert metrics.auc_interval(bad, risk, ones) == pytest.approx(metrics.auc_interval(bad, risk))
    assert metrics.auc_difference(bad, risk, other, ones) == pytest.approx(metrics.auc_difference(bad, risk, other))
    assert metrics.bad_rate(bad, ones) == pytest.approx(metrics.bad_rate(bad))
    assert metrics.ks(bad, risk, ones) == pytest.approx(metrics.ks(bad, risk))
    gains = metrics.cumulative_gains(bad, risk, 80, ones)
    assert gains == pytest.approx(metrics.cumulative_gains(bad, risk, 80))


def test_boosters_see_the_weights_of_their_rows_and_folds_share_them() -> None:
    table = replace(synthetic_table(600), weight=np.linspace(0.1, 1.9, 600))
    data = bin_table(table, PLAN)
    rows = np.arange(0, 600, 7)
    for part in (data.take(rows).fine_data(), data.take(rows).coarse_data()):
        assert np.asarray(part.construct().get_weight()) == pytest.approx(np.linspace(0.1, 1.9, 600)[rows], rel=1e-6)
    fold = folds_of(table, 5, 0)
    for label in (0, 1):
        sums = np.bincount(fold, table.weight * (table.label == label))
        assert np.ptp(sums) <= table.weight.max()


def thinned(rows: int = 6_000) -> TrainingTable:
    """One good in ten of a synthetic table, with ten times the weight, and the bads as they are."""
    whole = synthetic_table(rows)
    kept = np.flatnonzero((whole.label == 1) | (np.arange(rows) % 10 == 0))
    table = whole.take(kept)
    weight = np.where(table.label == 1, 1.0, 10.0)
    return replace(table, weight=weight / weight.mean())


@pytest.mark.parametrize("method", ["tables", "woe"])
def test_a_thinned_sample_with_weights_has_the_probabilities_of_the_whole(method: str) -> None:
    whole, table = synthetic_table(6_000), thinned()
    plan = replace(PLAN, weight="w")
    run = fit_scorecard(table, plan, 3, method)
    rate = float(whole.label.mean())
    assert table.label.mean() > 2 * rate
    assert np.average(run.pd, weights=table.weight) == pytest.approx(rate, abs=0.02)
    again = fit_scorecard(table, plan, 3, method)
    assert again.score == run.score
    facts = artifact_of_run(run, "thinned").provenance
    assert (facts["weight"], facts["auc_ppm"]) == (
        "w",
        round(metrics.auc(table.label, -run.points, table.weight) * 1e6),
    )


def test_a_card_of_trees_is_weighted() -> None:
    table = thinned()
    tree_run = fit_tree_card(table, FitPlan("t", PLAN.features, weight="w"), "thinned", 3)
    without = fit_tree_card(replace(table, weight=None), FitPlan("t", PLAN.features), "thinned", 3)
    ppm, plain = (np.mean(run.artifact.score.pd_ppm) for run in (tree_run, without))
    assert ppm < plain
    assert tree_run.artifact.provenance["weight"] == "w"


def test_the_model_card_says_what_was_kept_out_and_how_rows_weigh() -> None:
    table = thinned(3_000)
    reject = {name: values[:50] for name, values in table.features.items()}
    run = fit_scorecard(
        replace(table, kept_out={"reject": reject}, without_label=7), replace(PLAN, weight="w"), 2, "main"
    )
    card = model_card_of(run, "thinned")
    kept_out = card["rows"]["kept_out"]
    assert [(row["why"], row["rows"]) for row in kept_out] == [("reject", 50), ("unlabelled", 7)]
    assert 0 < kept_out[0]["mean_pd"] < 1
    assert card["rows"]["weight"]["rows_worth"] < len(table)
    assert card["rows"]["bad_rate"] == pytest.approx(np.average(table.label, weights=table.weight))
    bins = card["features"][0]["bins"]
    weighed = sum(part["rows"] for part in bins)
    assert weighed == len(table)
    page = render_model_card(card)
    assert "50 reject" in page
    assert "7 unlabelled" in page
    assert "times the mean" in page


def test_no_weights_and_no_classes_leave_no_trace() -> None:
    facts = artifact_of_run(fit_scorecard(synthetic_table(600), PLAN, 2, "main"), "plain").provenance
    assert not {"weight", "reject_rows", "indeterminate_rows", "unlabelled_rows"} & set(facts)
