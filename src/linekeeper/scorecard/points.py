"""Points of each part of a card for one account's values, and the points it lost against the best bin.

Exact: base + all points = score, and the points lost, by part or by feature, add up to the distance from the best
score.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from linekeeper.scorecard.attributions import Attributions
from linekeeper.scorecard.card import Bins, PointsTable, Score
from linekeeper.scorecard.trees import TreeEnsemble, ensemble_points, reach_of

FeatureValues = Mapping[str, int | None]
CardPart = Bins | PointsTable | TreeEnsemble


@dataclass(frozen=True, slots=True)
class ScorePart:
    """What one part of the card gave: its points, the best it could have given, and the features it reads."""

    features: tuple[str, ...]
    group: str
    points: int
    best: int

    @property
    def lost(self) -> int:
        """Points below the best bin; never negative."""
        return self.best - self.points

    @property
    def label(self) -> str:
        """What it is called: its features, or what trees give on the mean of the rows that they were fitted on."""
        return " and ".join(self.features) or "mean of the trees"


@dataclass(frozen=True, slots=True)
class Scored:
    """One account's score: base + the sum of `groups` = `score`."""

    score: int
    groups: Mapping[str, int]
    pd_ppm: int


def parts(score: Score, values: FeatureValues) -> list[ScorePart]:
    """Every part of the card, in its order; base + all points = score.

    Trees give one part for each feature, most points lost first, and before these one without a feature: the mean of
    the rows that they were fitted on. The best of such a part is its points, or 0 where it lost some.

    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> parts(card, {"burden": 4500})[0].lost
    80
    """
    binned: list[Bins | PointsTable] = [*score.bins, *score.tables]
    plain = [ScorePart(features_of(part), part.group, points_of(part, values), best_of(part)) for part in binned]
    return plain + [part for trees in score.trees for part in _parts_of_trees(trees, values)]


def _parts_of_trees(trees: TreeEnsemble, values: FeatureValues) -> list[ScorePart]:
    attributions = Attributions(trees)
    by_feature = sorted(attributions.points(values).items(), key=lambda one: one[1])
    mean = ScorePart((), trees.group, attributions.mean_points, attributions.mean_points)
    return [mean, *(ScorePart((name,), trees.group, points, max(points, 0)) for name, points in by_feature)]


def score_one(score: Score, values: FeatureValues) -> Scored:
    """The score, sub-totals and PD of one account; None stands for missing. KeyError where a feature is not given.

    >>> bins = Bins("burden", "ability", (3000,), (60, -20), 0)
    >>> card = Score(500, ("ability",), (bins,), (), (520,), (90_000, 20_000))
    >>> score_one(card, {"burden": 4500})
    Scored(score=480, groups={'ability': -20}, pd_ppm=90000)
    """
    groups = dict.fromkeys(score.groups, 0)
    for part in parts_of_card(score):
        groups[part.group] += points_of(part, values)
    total = score.base + sum(groups.values())
    return Scored(total, groups, score.pd_ppm[bisect_right(score.pd_below, total)])


def best_score(score: Score) -> int:
    """The score of someone who has the best bin of every part.

    >>> best_score(Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),)))
    560
    """
    return score.base + sum(map(best_of, parts_of_card(score)))


def best_of(part: CardPart) -> int:
    """The most points that a part can give; its bin for missing counts like any other.

    Of trees it is what the best leaf of every tree gives, though no account may reach all of them at once.
    """
    if isinstance(part, TreeEnsemble):
        return reach_of(part)[1]
    if isinstance(part, PointsTable):
        return max(map(max, part.points))
    return max(*(part.by_choice or part.points), part.missing)


def lost_by_feature(score: Score, values: FeatureValues) -> dict[str, int]:
    """Points lost by feature, none negative; their sum is `best_score` less the score, exactly.

    What a table of two features lost is shared as by Shapley (1953): each feature bears the mean of what moving it
    alone, first or last, from the best cell to the account's cell costs, within 0 and the table's loss. Trees have
    no best cell: their features are told apart by `attributions`, and a card with trees has no answer here.

    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> lost_by_feature(card, {"burden": 4500})
    {'burden': 80}
    """
    assert not score.trees, "points lost against a best bin are asked of a card that has trees"
    lost: Counter[str] = Counter()
    for bins in score.bins:
        lost[bins.feature] += best_of(bins) - points_of(bins, values)
    for table in score.tables:
        by_row, by_column = _shared(table, values)
        lost[table.row] += by_row
        lost[table.column] += by_column
    return dict(lost)


def _shared(table: PointsTable, values: FeatureValues) -> tuple[int, int]:
    row, column = _place(table.row_below, values[table.row]), _place(table.column_below, values[table.column])
    best = best_of(table)
    lost = best - table.points[row][column]
    best_row = next(i for i, cells in enumerate(table.points) if best in cells)
    best_column = table.points[best_row].index(best)
    first = best - table.points[row][best_column]
    last = table.points[best_row][column] - table.points[row][column]
    # A cell between the two may be worse than the account's own; the mean then lies outside of 0 to `lost`.
    by_row = min(max((first + last) // 2, 0), lost)
    return by_row, lost - by_row


def _place(below: tuple[int, ...], value: int | None) -> int:
    """The bin of a value; one past the last for missing."""
    return len(below) + 1 if value is None else bisect_right(below, value)


def parts_of_card(score: Score) -> list[CardPart]:
    """The parts of a card: first those of one feature, then those of two, then trees."""
    return [*score.bins, *score.tables, *score.trees]


def points_of(part: CardPart, values: FeatureValues) -> int:
    """The points that a part of a card gives for these values."""
    if isinstance(part, TreeEnsemble):
        return ensemble_points(part, values)
    if isinstance(part, PointsTable):
        row, column = _place(part.row_below, values[part.row]), _place(part.column_below, values[part.column])
        return part.points[row][column]
    value = values[part.feature]
    if value is None:
        return part.missing
    if part.by_choice:
        return part.by_choice[min(max(value, 0), len(part.by_choice) - 1)]
    return part.points[bisect_right(part.below, value)]


def features_of(part: CardPart) -> tuple[str, ...]:
    """The features that a part of a card reads."""
    if isinstance(part, TreeEnsemble):
        return part.features
    return (part.row, part.column) if isinstance(part, PointsTable) else (part.feature,)
