"""A whole fit: calibrated, exact in its reasons, refused where it must be, with evidence and a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError, UsageError
from linekeeper.lab.fit import additive_fit, inner_folds
from linekeeper.lab.fit.cross_validation import fit_default
from linekeeper.lab.fit.direction_costs import has_quick_costs
from linekeeper.lab.fit.fairness import group_fairness
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.model_card import model_card_of, stability
from linekeeper.lab.fit.model_card_page import render_model_card
from linekeeper.lab.fit.plan import FEATURE_KEYS, PLAN_KEYS, TABLES_MAX, FeaturePlan, FitPlan, read_fit_plan
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_run import TrainingRun, artifact_of_run, fit_scorecard
from linekeeper.lab.fit.training_table import read_training_table, training_table
from linekeeper.scorecard.artifact import read_artifact, write_artifact
from linekeeper.scorecard.card import count_cells_of_card
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.points import best_score, lost_by_feature, score_one
from tests.fit.synthetic import PLAN, pairs_table, synthetic_table
from tests.style.repository import read


def test_the_card_ranks_about_as_well_as_the_forest(run: TrainingRun) -> None:
    label = run.table.label
    mean = {method: np.mean(run.validation.auc_by_fold(label, method)) for method in run.validation.log_odds}
    assert mean["tables"] > mean["forest"] - 0.01
    assert mean["tables"] > mean["woe"] - 0.005
    assert mean["exact"] - mean["tables"] < 0.005


def test_pd_is_true_on_unseen_rows(run: TrainingRun) -> None:
    assert run.pd.mean() == pytest.approx(run.table.label.mean(), abs=0.01)
    risky = run.pd > np.median(run.pd)
    assert run.pd[risky].mean() == pytest.approx(run.table.label[risky].mean(), abs=0.04)


def test_lost_points_and_sub_scores_add_up_for_every_account(run: TrainingRun) -> None:
    score, columns = run.score, run.table.features
    many, best = score_many(score, columns), best_score(run.score)
    for row in range(500):
        values = {name: None if column[row] == MISSING else int(column[row]) for name, column in columns.items()}
        one = score_one(score, values)
        assert one.score == many.score[row] == score.base + sum(one.groups.values())
        assert sum(lost_by_feature(score, values).values()) == best - one.score


def test_the_artifact_is_what_a_policy_reads(run: TrainingRun) -> None:
    artifact = artifact_of_run(run, "made")
    assert replace(read_artifact(write_artifact(artifact)), card=None) == run.score
    assert artifact.provenance["rows"] == 3_000
    assert artifact.provenance["protected_refused"] == "region"


def test_a_protected_attribute_is_refused_as_an_input() -> None:
    plan = replace(PLAN, features=(*PLAN.features, FeaturePlan("region", "ability")))
    with pytest.raises(LinekeeperError, match="`region` is protected and cannot be an input"):
        fit_scorecard(synthetic_table(200), plan)


def test_the_evidence_holds_all_that_is_asked_of_it(run: TrainingRun) -> None:
    card = model_card_of(run, "made")
    assert json.loads(json.dumps(card)) is not None
    own = next(row for row in card["methods"] if row["name"] == "this card")
    assert own["auc_interval"][0] < own["auc"] < own["auc_interval"][1]
    assert {row["method"] for row in card["methods"]} == {"tables", "main", "forest", "woe"}
    assert sum(part["rows"] for part in card["calibration"]) == 3_000
    for part in card["features"]:
        assert sum(row["rows"] for row in part["bins"]) == 3_000
        assert all(row["low"] <= row["bad_rate"] <= row["high"] for row in part["bins"])
    for part in card["tables"]:
        assert sum(map(sum, part["rows"])) == 3_000
        assert sum(map(sum, part["bads"])) == run.table.label.sum()
    by_name = {row["feature"]: row["auc_lost"] for row in card["sensitivity"]}
    assert by_name["late"] == max(by_name.values())


def test_the_price_of_directions_and_of_the_form_is_on_the_page() -> None:
    """Bads rise with `burden`: told the other way round, it can only be level, and that costs much."""
    wrong = replace(PLAN, features=(replace(PLAN.features[0], worse="lower"), *PLAN.features[1:]))
    priced = fit_scorecard(synthetic_table(1_500), wrong, 3, compare=("forest",), with_direction_costs=True)
    card = model_card_of(priced, "made")
    by_name = {row["feature"]: row for row in card["directions"]}
    assert set(by_name) == {"all directions", "burden", "income", "late"}
    assert by_name["burden"]["auc_lost"] > 0.01 > by_name["late"]["auc_lost"]
    assert all(row["low"] <= row["auc_lost"] <= row["high"] for row in card["directions"])
    left = card["left_to_trees"]
    assert left["low"] <= left["auc"] <= left["high"]
    page = render_model_card(card)
    assert "What the declared directions cost" in page
    assert f"on the same folds: {left['auc']:+.4f}" in page


def test_the_model_card_says_what_was_learned(run: TrainingRun) -> None:
    card = model_card_of(run, "made")
    assert card["learning"]["way"] == artifact_of_run(run, "made").provenance["learned_from"]
    assert card["learning"]["way"] == max(card["learning"]["auc"], key=card["learning"]["auc"].get)
    assert card["learning"]["each_fold"]
    assert "chosen on rows held out: AUC labels 0." in render_model_card(card)


@pytest.mark.parametrize("rows_by_size", [(10_000, 50_000), (100, 50_000), (100, 200)])
def test_one_worker_or_two_and_twice_over_make_the_same_bytes(
    rows_by_size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a table that counts as one of few rows, of some, and of many."""
    monkeypatch.setattr(inner_folds, "FEW_ROWS", rows_by_size[0])
    monkeypatch.setattr(additive_fit, "LABELS_ENOUGH", rows_by_size[1])
    table = synthetic_table(1_200)
    one, two, again = (
        write_artifact(artifact_of_run(fit_scorecard(table, replace(PLAN, workers=workers), 2), "made"))
        for workers in (1, 2, 2)
    )
    assert one == two == again


def test_inputs_that_stand_for_a_protected_attribute_are_found(run: TrainingRun) -> None:
    proxies = {row["value"]: row["by_inputs"] for row in model_card_of(run, "made")["proxies"]}
    assert proxies["0"] > 0.7  # region 0 has low burdens, by the making of the data


def test_fairness_figures_are_counts_of_the_groups(run: TrainingRun) -> None:
    groups = group_fairness(run.table, run.points)
    assert sum(group.rows for group in groups) == 3_000
    reference = [group for group in groups if group.reference]
    assert len(reference) == 1
    assert reference[0].equal_opportunity == 0
    restricted = sum(group.restricted * group.rows for group in groups) / 3_000
    assert restricted == pytest.approx(0.2, abs=0.03)


def test_stability_compares_dates() -> None:
    table = synthetic_table(2_000, dates=2)
    model = fit_scorecard(table, PLAN, folds=2, method="main").score
    moved = replace(table, features={**table.features, "late": table.features["late"] + table.at_day // 30 * 2})
    psi = {row["feature"]: row["psi"][0] for row in stability(moved, model)["features"]}
    assert psi["late"] > 0.25
    assert psi["burden"] < 0.05


def test_folds_are_even_and_keep_accounts_together() -> None:
    table = replace(synthetic_table(900), account=np.repeat(np.arange(300), 3).astype(str))
    fold = folds_of(table, 5, seed=0)
    assert all(len(set(fold[start : start + 3])) == 1 for start in range(0, 900, 3))
    assert np.bincount(fold).max() - np.bincount(fold).min() <= 9


def test_too_few_bads_are_told() -> None:
    table = synthetic_table(60)
    table = replace(table, label=np.array([1, 1, *[0] * 58]))
    with pytest.raises(LinekeeperError, match="too few goods or bads for 5 folds"):
        fit_scorecard(table, PLAN)


class Strict(HTMLParser):
    """Fails on tags that do not close in order, and on anything fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href"} & {name for name, _ in attrs}, tag
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href"} & {name for name, _ in attrs}, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_sound_and_needs_nothing_else(run: TrainingRun) -> None:
    page = render_model_card(model_card_of(run, "<made & up>"))
    reader = Strict()
    reader.feed(page)
    assert reader.open == []
    assert "&lt;made &amp; up&gt;" in page
    assert "<made & up>" not in page
    assert page.count("<svg") >= 12
    assert "nan" not in page.lower().replace("finance", "")


# ------------------------------------------------------------------ what comes from files


def test_a_snapshot_table_is_read(tmp_path: Path) -> None:
    data = pa.table(
        {
            "account": ["a", "b", "c"],
            "at_day": [1, 1, 2],
            "label": [0, 1, 0],
            "burden": pa.array([10, None, 30], pa.int64()),
        }
    )
    pq.write_table(data, tmp_path / "s.parquet")
    plan = FitPlan("p", (FeaturePlan("burden", "ability"),))
    table = read_training_table(tmp_path / "s.parquet", plan)
    assert table.features["burden"].tolist() == [10, MISSING, 30]
    assert table.account.tolist() == ["a", "b", "c"]
    assert table.at_day.tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0, 1]}, "the table has no column `burden`"),
        ({"label": [0, 1], "burden": [0.5, 1.0]}, "`burden` is not whole numbers"),
        ({"label": [0, 2], "burden": [1, 2]}, "the label `label` is `2` in row 2, which is in none of its classes"),
        ({"label": [0, 0], "burden": [1, 2]}, "has to have goods and bads, and one of them does not occur"),
        ({"label": [0, 1], "burden": [date(2026, 1, 1), None]}, "`burden` is `date32"),
        ({"label": [0, 1], "burden": [datetime(2026, 1, 1), None]}, "`burden` is `timestamp"),
        ({"label": [0, 1], "burden": ["7", "8"]}, "`burden` holds text; list its words"),
        ({"label": [0, 1], "burden": [2**60, 1]}, "`burden` holds 1,152,921,504,606,846,976 in row 1"),
        ({"label": [0, 1], "burden": [1, 2], "account": ["a", None]}, "no `account` in row 2"),
        ({"label": [0, 1], "burden": [1, 3]}, "`burden` holds 3 in row 2, which is none of its choices"),
    ],
)
def test_a_table_that_cannot_be_fitted_is_refused(tmp_path: Path, columns: dict[str, list[Any]], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "s.parquet")
    plan = FitPlan("p", (FeaturePlan("burden", "ability", choices=("a", "b", "c") if "choices" in message else ()),))
    with pytest.raises(LinekeeperError, match=message):
        read_training_table(tmp_path / "s.parquet", plan)


def test_what_pandas_writes_of_whole_numbers_is_read() -> None:
    data = pa.table(
        {
            "label": pa.array([True, False, True]),
            "burden": pa.array([3.0, float("nan"), None]),
            "late": pa.array([None, None, None]),
            "paid": pa.array([Decimal("5"), Decimal("-7"), None], pa.decimal128(9, 2)),
        }
    )
    features = tuple(FeaturePlan(name, "ability") for name in ("burden", "late", "paid"))
    table = training_table(data, FitPlan("p", features))
    assert table.label.tolist() == [1, 0, 1]
    assert table.features["burden"].tolist() == [3, MISSING, MISSING]
    assert table.features["late"].tolist() == [MISSING] * 3
    assert table.features["paid"].tolist() == [5, -7, MISSING]


@pytest.mark.parametrize("folds", [-3, 0, 1, 101])
def test_a_number_of_folds_that_cannot_be_is_refused(folds: int) -> None:
    with pytest.raises(UsageError, match=f"{folds} folds are not to be had; ask for 2 to 100"):
        fit_scorecard(synthetic_table(200), PLAN, folds)


def test_no_fold_is_without_bads_however_rows_are_numbered() -> None:
    """Accounts in the order of text (0, 1, 10, 100, ...) came apart from their labels, and a fold could lack bads."""
    for seed in range(20):
        table = synthetic_table(400, seed)
        label = np.zeros(400, np.int64)
        label[np.random.default_rng(seed).choice(400, 10, replace=False)] = 1
        fold = folds_of(replace(table, label=label), 5, seed)
        assert np.bincount(fold, weights=label).tolist() == [2] * 5


def test_features_that_say_nothing_make_no_card() -> None:
    table = synthetic_table(40)
    constant = {name: np.zeros(40, np.int64) for name in table.features}
    with pytest.raises(LinekeeperError, match="no feature tells goods from bads"):
        fit_scorecard(replace(table, features=constant), PLAN, 2)


def test_a_plan_is_read(tmp_path: Path) -> None:
    text = "name: p\nprotected: [age]\nability:\n  burden: {worse: higher, special: [-1]}\nwillingness:\n  late: {}\n"
    (tmp_path / "plan.yaml").write_text(text)
    plan = read_fit_plan(tmp_path / "plan.yaml")
    assert plan.features == (
        FeaturePlan("burden", "ability", "higher", (-1,)),
        FeaturePlan("late", "willingness"),
    )
    assert plan.protected == ("age",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be read"),
        ("- a", "has no keys"),
        ("name: p", "names no feature"),
        ("luck: {}\nability: {a: {}}", "unknown key `luck`"),
        ("ability: {a: {worse: up}}", "`a` may have"),
        ("ability: [a]", "`ability` is not a list of features with their keys; write `burden: {worse: higher}`"),
        ("ability: {a: higher}", "`ability` is not a list of features with their keys"),
        ("ability: {a: {special: -9}}", r"`a` has `special: -9`; write a list: `special: \[-9, -8\]`"),
        ("ability: {a: {special: [-9.5]}}", "a `special` code of `a` is `-9.5`; write a whole number"),
        ("ability: {a: {choices: app}}", "`a` has `choices: app`; write a list"),
        ("ability: {a: {}}\nwillingness: {a: {}}", "`a` stands twice in the plan"),
        ("ability: {label: {}}", "`label` is the label, which no card may know"),
        ("ability: {a: {}}\ntables_max: many", "`tables_max` is `many`; write a whole number from 0 to 1,000"),
        ("ability: {a: {}}\nscale: {base: 600}", "the scale has a key that is not known; its keys are `score`, `odds`"),
        ("ability: {a: {}}\nscale: {odds: 0}", "`scale.odds` is `0`; write a whole number from 1"),
    ],
)
def test_a_plan_that_is_wrong_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(LinekeeperError, match=message):
        read_fit_plan(tmp_path / "plan.yaml")


def test_a_policy_adds_its_directions_and_protected_fields() -> None:
    plan = FitPlan("p", (FeaturePlan("burden", "ability", special=(-1,)), FeaturePlan("late", "willingness")))
    policy = FitPlan("q", (FeaturePlan("burden", "willingness", "higher"),), protected=("age",))
    found = plan.with_policy(policy)
    assert found.features[0] == FeaturePlan("burden", "ability", "higher", (-1,))
    assert found.protected == ("age",)


def test_labels_may_come_from_a_second_file(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"account": ["a", "b", "c"], "label": [9, 9, 9], "burden": [1, 2, 3]}), tmp_path / "s.parquet"
    )
    pq.write_table(pa.table({"account": ["c", "a"], "label": [1, 0], "age": [33, 44]}), tmp_path / "l.parquet")
    plan = FitPlan("p", (FeaturePlan("burden", "ability"),), protected=("age",))
    table = read_training_table(tmp_path / "s.parquet", plan, tmp_path / "l.parquet")
    found = sorted(zip(table.account.tolist(), table.label.tolist(), table.features["burden"].tolist(), strict=True))
    assert found == [("a", 0, 1), ("c", 1, 3)]
    assert sorted(table.protected["age"].tolist()) == [33, 44]


def test_the_page_has_each_key_of_a_plan_and_its_plan_is_one(tmp_path: Path) -> None:
    section = read("docs/guides/scores.md").split("## A plan\n")[1].split("\n## ")[0]
    reference = read("docs/reference/plan.md")
    rows = re.findall(r"^\| `(\w+)` \|", reference, re.MULTILINE)
    assert sorted(rows) == sorted([*PLAN_KEYS, *FEATURE_KEYS])
    (tmp_path / "plan.yaml").write_text(section.split("```yaml\n")[1].split("```")[0], "utf-8")
    plan = read_fit_plan(tmp_path / "plan.yaml")
    assert (plan.names, plan.protected) == (("LIMIT_BAL", "PAY_0", "PAY_AMT1"), ("SEX", "AGE"))
    scale = plan.scale
    assert f"`{{score: {scale.score}, odds: {scale.odds}, double_points: {scale.double_points}}}`" in reference
    assert f"from 0 to {TABLES_MAX:,} | {plan.tables_max} |" in reference


@pytest.mark.parametrize(("rows", "quick"), [(3_999, True), (4_000, True), (4_001, False)])
def test_costs_of_directions_are_measured_unasked_where_they_are_quick(rows: int, quick: bool) -> None:
    assert sum(feature.worse is not None for feature in PLAN.features) == 3
    assert has_quick_costs(synthetic_table(rows), PLAN) is quick
    undirected = replace(PLAN, features=tuple(replace(feature, worse=None) for feature in PLAN.features))
    assert not has_quick_costs(synthetic_table(100), undirected)


def test_the_page_tells_the_two_aucs_apart_and_counts_cells(run: TrainingRun) -> None:
    card = model_card_of(run, "made")
    auc_ppm = int(artifact_of_run(run, "made").provenance["auc_ppm"])
    assert card["auc_of_all_folds"] == pytest.approx(auc_ppm / 1e6, abs=1e-6)
    cells = [len(part.points) + len(part.by_choice) + 1 for part in run.score.bins]
    cells += [sum(len(line) for line in table.points) for table in run.score.tables]
    assert card["cells"] == sum(cells)
    page = render_model_card(card)
    assert f"{card['auc_of_all_folds']:.4f}" in page
    assert "the mean of the folds" in page


@pytest.fixture(scope="module")
def sized() -> TrainingRun:
    """A card of main effects that stops merging where the loss on rows not seen rises."""
    return fit_scorecard(synthetic_table(1_500), PLAN, 3, "main", readable="auto")


def test_fewer_cells_are_the_price_of_a_level(sized: TrainingRun) -> None:
    cells = [step.cells for step in sized.sizes]
    assert cells == sorted(cells, reverse=True)
    assert cells[0] > cells[-1]
    assert sized.level is not None
    assert count_cells_of_card(sized.score) == cells[sized.level]
    assert (sized.sizes[0].auc_lost, sized.sizes[0].low, sized.sizes[0].high) == (0.0, 0.0, 0.0)


def test_merging_stops_where_the_loss_on_unseen_rows_is_least(sized: TrainingRun) -> None:
    losses = [step.log_loss for step in sized.sizes]
    assert sized.level == max(level for level, loss in enumerate(losses) if loss == min(losses))


def test_merging_goes_as_far_as_rows_held_out_bear(run: TrainingRun, sized: TrainingRun) -> None:
    """Without a word about its size, a card has the usual level or one that is better beyond chance."""
    assert run.level in range(5)
    assert model_card_of(run, "made")["size_level"] == run.level
    assert f"merged to level {run.level} of" in render_model_card(model_card_of(run, "made"))


def test_noise_in_fine_tables_is_merged_away() -> None:
    """Two features make one step together: a card with the level that rows held out choose ranks no worse."""
    made, unseen = pairs_table(3_000, seed=4), pairs_table(4_000, seed=5)
    plan = FitPlan("pairs", tuple(FeaturePlan(name, "ability") for name in made.features))
    fitted = fit_default(bin_table(made, plan), plan)
    assert fitted.before_merging is not None
    usual = with_fewer_bins(fitted.before_merging, made, plan)
    cells, ranked = [], []
    for model in (fitted.model, usual):
        card = scorecard_of(model, plan, made.features)
        cells.append(count_cells_of_card(card))
        ranked.append(auc(unseen.label, -score_many(card, unseen.features).score))
    assert fitted.merging_level > 1
    assert cells[0] < cells[1]
    assert ranked[0] > ranked[1] - 0.002


def test_the_page_has_the_curve_of_sizes(sized: TrainingRun, run: TrainingRun) -> None:
    page = render_model_card(model_card_of(sized, "made"))
    assert page.count(", this card</td>") == 1
    assert "AUC on unseen accounts by the number of cells" in page
    assert "What fewer cells cost" not in render_model_card(model_card_of(run, "made"))
