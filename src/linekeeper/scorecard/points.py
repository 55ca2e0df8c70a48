"""Points of each part of a card for one account's values, and the points it lost against the best bin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from linekeeper.scorecard.card import Bins, Score, Table


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the card gave: its points, the best it could have given, and the features it reads."""

    features: tuple[str, ...]
    group: str
    points: int
    best: int

    @property
    def lost(self) -> int:
        """Points below the best bin; never negative."""
        return self.best - self.points


def parts(score: Score, values: Mapping[str, int | None]) -> list[Part]:
    """Every part of the card, in its order; base + all points = score.

    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> parts(card, {"burden": 4500})[0].lost
    80
    """
    return [_bins(part, values) for part in score.bins] + [_table(part, values) for part in score.tables]


def _place(below: tuple[int, ...], value: int | None) -> int:
    """The bin of a value; one past the last for missing."""
    return len(below) + 1 if value is None else bisect_right(below, value)


def _bins(part: Bins, values: Mapping[str, int | None]) -> Part:
    value = values[part.feature]
    choices = part.by_choice or part.points
    points = part.missing if value is None else choices[value if part.by_choice else bisect_right(part.below, value)]
    return Part((part.feature,), part.group, points, max(*choices, points))


def _table(part: Table, values: Mapping[str, int | None]) -> Part:
    row, column = _place(part.row_below, values[part.row]), _place(part.column_below, values[part.column])
    return Part((part.row, part.column), part.group, part.points[row][column], max(map(max, part.points)))
