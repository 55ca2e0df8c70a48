"""Trees and accounts for tests: any that are sound, and values on, beside and far from their cuts."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import strategies as st

from linekeeper.scorecard.artifact import open_artifact
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.trees import TreeEnsemble, cuts_of_feature
from tests.oracle import tree as t
from tests.oracle.forest_file import written_card
from tests.oracle.forests import ForestWriter

EDGES = (-5, 0, 1, 2, 3, 30, 10**15)
Values = Mapping[str, int | None]


def named(name: str, unit: str = "count", choices: tuple[str, ...] = ()) -> t.Feature:
    """A feature of the oracle, for its unit and choices."""
    return t.Feature(name, t.Literal(0, unit), unit, maybe_missing=True, choices=choices)


FEATURES = {
    "burden": named("burden"),
    "late": named("late"),
    "income": named("income", "money"),
    "channel": named("channel", "category", ("web", "branch", "phone")),
}


def random_card(rng: Random) -> bytes:
    """The file of a card of trees over `FEATURES` and some facts."""
    return written_card(ForestWriter(rng, FEATURES, lambda unit: EDGES).score(500))


def random_score(rng: Random) -> Score:
    """The same, as the program reads it."""
    return open_artifact(random_card(rng)).score


def random_values(rng: Random, trees: TreeEnsemble) -> dict[str, int | None]:
    """Values of an account."""
    values: dict[str, int | None] = {}
    for name in trees.features:
        near = [cut + step for cut in cuts_of_feature(trees, name) for step in (-1, 0, 1)]
        values[name] = rng.choice([None, *near, rng.randrange(-(10**15), 10**15)])
    return values


scores = st.integers(0, 2**32).map(lambda seed: random_score(Random(seed)))


def account_of(score: Score, rng: Random) -> dict[str, int | None]:
    """Values for every feature of a card of trees."""
    return {name: value for trees in score.trees for name, value in random_values(rng, trees).items()}
