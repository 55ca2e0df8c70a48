"""Policies with a card of trees: as the other writers write them, but for the score."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.oracle import policies, watched
from tests.oracle import tree as t
from tests.oracle.forest_file import written_card
from tests.oracle.policies import STEPS, Written

FACTS = ("utilisation", "days_past_due", "on_time_streak", "past_due", "available", "months_on_book")
POINT_PARTS = (1, 2, 7, 1_000, 10**9)
DEPTH_MAX = 4


@dataclass(frozen=True)
class ForestWriter:
    """Trees by chance, over features that are known by unit; `edges` gives thresholds of a unit."""

    rng: Random
    features: Mapping[str, t.Feature]
    edges: Callable[[str], Sequence[int]]
    leaf_points: int = 80

    def score(self, base: int) -> t.Score:
        """A card of one or two forests."""
        rng = self.rng
        groups = rng.sample(t.GROUPS, rng.randint(1, 2))
        forests = tuple(self.forest(group) for group in groups)
        low, high = sorted(rng.sample(range(base - 60, base + 60), 2))
        return t.Score(base, (), (), (low, high), (180_000, 60_000, 12_000), forests)

    def forest(self, group: str) -> t.Forest:
        """Some trees over some features and facts."""
        rng = self.rng
        names = rng.sample(sorted(self.features), min(len(self.features), rng.randint(1, 5)))
        names += rng.sample(FACTS, rng.randint(0, 2))
        parts = rng.choice(POINT_PARTS)
        trees = [self.tree(names, parts, rng.randint(0, DEPTH_MAX)) for _ in range(rng.randint(1, 6))]
        if not any(isinstance(tree, t.Fork) for tree in trees):
            sides = (t.Tip(-7 * parts), t.Tip(9 * parts))
            trees.append(self.fork(names[0], parts, *(sides[::-1] if names[0].endswith("_higher") else sides)))
        return t.Forest(group, parts, tuple(trees))

    def tree(self, names: Sequence[str], parts: int, depth: int) -> t.Fork | t.Tip:
        """A tree of at most that depth; below a fork of a feature with a direction there are leaves, in order."""
        rng = self.rng
        if depth == 0 or rng.random() < 0.1:
            return self.leaf(parts)
        name = rng.choice(names)
        if name.endswith(("_higher", "_lower")):
            least, most = sorted((self.leaf(parts), self.leaf(parts)), key=lambda leaf: leaf.parts)
            sides = (most, least) if name.endswith("_higher") else (least, most)
            return self.fork(name, parts, *sides)
        return self.fork(name, parts, self.tree(names, parts, depth - 1), self.tree(names, parts, depth - 1))

    def leaf(self, parts: int) -> t.Tip:
        """Any parts, up to so many points either way."""
        most = self.leaf_points * parts
        return t.Tip(self.rng.randrange(-most, most + 1))

    def fork(self, name: str, parts: int, yes: t.Fork | t.Tip, no: t.Fork | t.Tip) -> t.Fork:
        """A fork of that feature."""
        rng = self.rng
        feature = self.features.get(name)
        unit, words = (feature.unit, feature.choices) if feature else (t.FACTS[name], ())
        missing = rng.choice((yes, no))
        directed = name.endswith(("_higher", "_lower"))
        if unit == "category" or (unit == "count" and not directed and rng.random() < 0.15):
            size = len(words) if words else rng.choice((3, 40))
            chosen = tuple(sorted(rng.sample(range(size), rng.randint(0, min(size, 20)))))
            return t.Fork(name, 0, chosen, None, yes, no, missing)
        cut = 1 if unit == "flag" else rng.choice(self.edges(unit)) + rng.choice((-1, 0, 0, 0, 1))
        also = None if directed or rng.random() < 0.7 else rng.choice((0, 1, cut - 1, cut))
        return t.Fork(name, cut, None, also, yes, no, missing)


def _score_lines(card: bytes) -> list[str]:
    return ["  card: trees.json", f"  sha256: {json.loads(card)['sha256']}"]


class _Writer(policies.Writer):
    """A policy of the general kind, whose score, where it has one, is of trees."""

    card: bytes | None = None

    def score(self) -> Iterator[str]:
        """A card of trees."""
        base = self.rng.choice((0, 480, 600))
        steps = {unit: [edge for _, edge in pairs] for unit, pairs in STEPS.items()}
        writer = ForestWriter(self.rng, self.named, lambda unit: self.ladder if unit == "money" else steps[unit])
        score = self.score_tree = writer.score(base)
        self.card = written_card(score)
        self.scored = tuple(range(base - 90, base + 91, 15))
        yield from _score_lines(self.card)


class _WatchedWriter(watched.Writer):
    """A policy whose rules turn by time alone, with a card of trees."""

    card: bytes | None = None

    def score(self) -> tuple[list[str], t.Score]:
        """A card of trees whose leaves are few points."""
        edges = {unit: [edge for _, edge in pairs] for unit, pairs in watched.EDGES.items()}
        edges["count"] += [3, 4]
        edges["money"] += [1, 20_000, 40_000, 60_000, 100_000]
        score = ForestWriter(self.rng, self.features, lambda unit: edges[unit], leaf_points=15).score(500)
        self.card = written_card(score)
        return ["score:", *_score_lines(self.card)], score


def write_forest_policy(rng: Random) -> Written:
    """A policy of the general kind with a card of trees.

    >>> write_forest_policy(Random(3)).card == write_forest_policy(Random(3)).card
    True
    """
    while True:
        writer = _Writer(rng)
        text = "\n".join([*writer.head(), *writer.body()]) + "\n"
        if writer.card is not None:
            return Written(text, writer.policy, writer.card)


def write_watched_forest(rng: Random) -> Written:
    """A policy whose rules turn by time alone, with a card of trees."""
    while True:
        writer = _WatchedWriter(rng)
        written = writer.written()
        if writer.card is not None:
            return Written(written.text, written.policy, writer.card)
