"""One model in five places: boosters, curves, card, kernel and oracle say the same of every row, under any plan."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.fit.additive_fit import Learning, fit_additive
from linekeeper.lab.fit.directions import hold_directions
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable, training_table
from linekeeper.policy.load import load_file
from linekeeper.scorecard.artifact import Artifact, read_artifact, write_artifact
from linekeeper.scorecard.many import FeatureColumn, score_many
from linekeeper.scorecard.points import score_one
from tests.oracle.held import in_own_nouns
from tests.oracle.values import scored

POLICY = """
policy: fitted
version: 1
currency: CNY
time_zone: Asia/Shanghai
events:
  facts: {f0: count, f1: signed money, f2: "count?", f3: [app, branch, phone]}
features: {f0: last(facts.f0), f1: last(facts.f1), f2: last(facts.f2), f3: last(facts.f3)}
score: {card: card.json, sha256: HASH}
triggers: {weak: {when: score < 500, cap: 50%, reason: weak_score}}
restoration: {first: 60%, step: 20%, every: 30d}
"""
NAMES = ("f0", "f1", "f2", "f3")
ROWS = 1_000


@st.composite
def plans(draw: st.DrawFn) -> FitPlan:
    """Directions, codes that occur or not, missing that counts as the mean or not, groups, with and without tables."""
    worse = st.sampled_from(["higher", "lower", None])
    special = st.sampled_from([(), (-9,), (-9, -8), (3,), (0, 1), (-1, 500)])
    group = st.sampled_from(["ability", "willingness"])
    features = tuple(
        FeaturePlan(name, draw(group), draw(worse), draw(special), neutral=draw(st.booleans())) for name in NAMES[:3]
    )
    category = FeaturePlan("f3", draw(group), choices=("app", "branch", "phone"))
    weight = draw(st.sampled_from([None, "w"]))
    return FitPlan("any", (*features, category), tables_max=draw(st.sampled_from([0, 2])), weight=weight)


def made_table(chance: np.random.Generator, plan: FitPlan) -> TrainingTable:
    """Counts, amounts and a category; codes and missing values in some of them, and a pair that matters.

    As a lender's table: words, rows that are neither good nor bad, accounts of several dates, and the plan's weights.
    """
    features = {
        "f0": chance.poisson(2.0, ROWS),
        "f1": np.where(chance.random(ROWS) < 0.15, -9, chance.integers(-50, 1_000, ROWS)),
        "f2": np.where(chance.random(ROWS) < 0.15, MISSING, chance.integers(0, 12, ROWS)),
        "f3": chance.integers(0, 3, ROWS),
    }
    odds = -1.5 + features["f0"] / 3 + 2.0 * ((features["f1"] > 400) ^ (features["f2"] > 5))
    label = (chance.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    words = np.where(chance.random(ROWS) < 0.05, "indeterminate", np.where(label, "bad", "good"))
    data = {
        "account": [f"A{row // 2}" for row in range(ROWS)],
        "at_day": np.arange(ROWS) % 2 * 31,
        "label": words,
        "w": chance.choice([0.5, 1.0, 8.0], ROWS),
        **features,
        "f2": pa.array(features["f2"], mask=features["f2"] == MISSING),
        "f3": np.array(plan.features[3].choices)[features["f3"]],
    }
    return training_table(pa.table(data), plan)


@settings(max_examples=6, deadline=None)
@given(
    plan=plans(),
    way=st.sampled_from(["labels", "blend", "teacher", "linear", "linear blend"]),
    seed=st.integers(0, 2**16),
)
def test_boosters_curves_card_kernel_and_oracle_agree_on_every_row(plan: FitPlan, way: str, seed: int) -> None:
    table = made_table(np.random.default_rng(seed), plan)
    assert (table.weight is None) == (plan.weight is None)
    assert len(table) + len(table.kept_out["indeterminate"]["f0"]) == ROWS
    exact = fit_additive(bin_table(table, plan), plan, Learning(way, {}))  # demands that curves and boosters agree
    directed = hold_directions(exact, plan, table.features)
    np.testing.assert_allclose(directed.log_odds(table.features), exact.log_odds(table.features), atol=1e-9)
    for part in (
        effect for effect in directed.main_effects if plan.features[NAMES.index(effect.binning.feature)].worse
    ):
        sign = 1 if plan.features[NAMES.index(part.binning.feature)].worse == "higher" else -1
        assert (sign * np.diff(part.values[part.binning.of_amounts]) >= 0).all()
    card = scorecard_of(with_fewer_bins(exact, table, plan), plan, table.features)
    sealed = read_artifact(write_artifact(Artifact("any", card)))
    assert replace(sealed, card=None) == card
    many = score_many(card, table.features)
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.yaml"
        (Path(folder) / "card.json").write_bytes(write_artifact(Artifact("any", card)))
        policy.write_text(POLICY.replace("HASH", str(sealed.card)), "utf-8")
        kernel = Kernel(load_file(policy))
    own, every = in_own_nouns(kernel.policy), [table.features[name] for name in NAMES]
    for row, values in enumerate(zip(*every, strict=True)):
        known = {name: _known(value) for name, value in zip(NAMES, values, strict=True)}
        one, by_oracle = score_one(card, known), scored(own, known)
        assert one.score == many.score[row] == by_oracle.score == _by_kernel(kernel, values)
        assert one.groups == by_oracle.groups
        assert one.pd_ppm == many.pd_ppm[row] == by_oracle.pd_ppm


def _by_kernel(kernel: Kernel, values: tuple[FeatureColumn, ...]) -> int:
    """The score that the kernel gives these values of the features."""
    state, row = [0] * kernel.layout.size, kernel.new_row()
    places = {feature.name: place for place, feature in enumerate(kernel.policy.features)}
    for name, value in zip(NAMES, values, strict=True):
        row[kernel.shape.values + places[name]] = int(value)
    kernel.interpreted.score(state, row)
    return int(row[kernel.shape.place("SCORE")])


def _known(value: FeatureColumn) -> int | None:
    return None if value == MISSING else int(value)
