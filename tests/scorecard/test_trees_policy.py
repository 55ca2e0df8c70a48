"""A policy whose card has trees: what is refused when it is loaded, the reasons of its decisions, what explain adds."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError
from linekeeper.decide.reasons import ReasonWriter
from linekeeper.policy import model as m
from linekeeper.policy.load import load_text
from linekeeper.scorecard.artifact import Artifact, Input, write_artifact
from linekeeper.scorecard.attributions import Attributions
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.points import parts, score_one
from linekeeper.scorecard.trees import TreeEnsemble
from tests.oracle.forests import write_forest_policy
from tests.oracle.held import read_alike

# draws below 3: 40 points, else -60; late below 1: 30, else by income (missing: below) -70 or -10
TREES = TreeEnsemble(
    "model",
    ("draws", "late", "income"),
    1,
    (0, 1),
    (0, 1, 2),
    (3, 1, 100_000),
    (-1, -1, -1),
    (None, None, None),
    (-1, -3, -4),
    (-2, 2, -5),
    (0, 0, 1),
    (40, -60, 30, -70, -10),
    (70, 30, 60, 25, 15),
)
HEAD = """
policy: trees
version: 1
currency: CNY
time_zone: UTC
events: {{income: {{amount: money}}}}
features:
  draws: {{value: "count(draw, 7d)", worse: {draws}}}
  late: "late_count(1, 12m)"
  income: "last(income.amount)"
score: {{card: card.json, sha256: {sha256}}}
triggers:
  weak: {{when: score < {cut}, suspend: yes, reason: weak_score}}
"""


def card(**inputs: Input) -> bytes:
    """The card of these trees."""
    score = Score(500, ("model",), (), (), (450,), (200_000, 20_000), None, (TREES,))
    return write_artifact(Artifact("trees", score, inputs=tuple(inputs.values())))


def policy(draws: str = "higher", cut: int = 450, data: bytes | None = None) -> m.Policy:
    """A policy that names it."""
    data = data or card()
    text = HEAD.format(draws=draws, cut=cut, sha256=json.loads(data)["sha256"])
    return load_text(text, read_card=lambda name: data)


def test_a_direction_that_the_trees_do_not_keep_is_refused_with_the_place() -> None:
    assert policy().score is not None
    with pytest.raises(
        PolicyError, match="`draws` is declared `worse: lower`, but tree 0, node 0 of the card gives more"
    ):
        policy(draws="lower")


def test_choices_in_another_order_are_refused() -> None:
    trees = replace(TREES, features=("draws", "late", "channel"))
    score = Score(500, ("model",), (), (), (450,), (200_000, 20_000), None, (trees,))
    data = write_artifact(Artifact("trees", score, inputs=(Input("channel", choices=("web", "app")),)))
    text = HEAD.format(draws="higher", cut=450, sha256=json.loads(data)["sha256"])
    text = text.replace("income: {amount: money}", "income: {channel: [CHOICES]}")
    text = text.replace('income: "last(income.amount)"', 'channel: "last(income.channel)"')
    alike = load_text(text.replace("CHOICES", "web, app"), read_card=lambda name: data)
    assert alike.score is not None
    with pytest.raises(
        PolicyError, match="the card's choices of `channel` are not those of the policy, in their order"
    ):
        load_text(text.replace("CHOICES", "app, web"), read_card=lambda name: data)


def reasons_of(values: dict[str, int | None], cut: int = 450) -> list[tuple[str, str | None, int | None]]:
    """The reasons of a decision that set the trigger: code, feature, points lost."""
    of = policy(cut=cut)
    return [(one.code, one.feature, one.points_lost) for one in ReasonWriter(of).reasons(of.triggers, False, values)]


def test_the_reasons_are_the_features_that_lost_points_most_first() -> None:
    """The mean of the draws' tree is 40 * 0.7 - 60 * 0.3 = 10: five draws lose 70 points against it."""
    values = {"draws": 5, "late": 2, "income": 50_000}
    named = reasons_of(values)
    assert named[0] == ("weak_score", "draws", 70)
    lost = Attributions(TREES).points(values)
    assert named == sorted(
        (("weak_score", name, -most) for name, most in lost.items() if most < 0), key=lambda one: -one[2]
    )


def test_where_the_mean_itself_is_too_low_the_trigger_is_the_reason() -> None:
    values = {"draws": 5, "late": 2, "income": 50_000}
    assert [feature for _, feature, _ in reasons_of(values, cut=900)] == [None]


def test_explain_adds_up() -> None:
    score = policy().score
    assert score is not None
    values = {"draws": 5, "late": 0, "income": None}
    listed = parts(score, values)
    assert listed[0].label == "mean of the trees"
    assert score.base + sum(part.points for part in listed) == score_one(score, values).score == 470


SCORED = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nscore: {base: 0, ability: {balance: {otherwise: 1}}}\n"


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_reasons_are_causes_on_generated_policies(seed: int) -> None:
    """With what the named features lost given back, a trigger on the score alone would not hold."""
    rng = Random(seed)
    of = read_alike(write_forest_policy(rng))
    score = of.score
    assert score is not None
    values = {name: rng.choice([None, 0, 1, 5, 1_000, 10**6]) for trees in score.trees for name in trees.features}
    values |= {feature.name: values.get(feature.name, 0) for feature in of.features}
    scored = score_one(score, values)
    lost = sum(-points for trees in score.trees for points in Attributions(trees).points(values).values() if points < 0)
    for cut in (scored.score + 1, scored.score + lost, scored.score + lost + 1):
        when = load_text(
            SCORED + f"triggers: {{weak: {{when: score < {cut}, suspend: yes, reason: weak}}}}\n"
        ).triggers[0]
        writer = ReasonWriter(replace(of, triggers=(when,)))
        named = writer.reasons((when,), False, values)
        if cut > scored.score + lost or not lost:
            assert [one.feature for one in named] == [None]
        else:
            assert sum(one.points_lost or 0 for one in named) == lost
