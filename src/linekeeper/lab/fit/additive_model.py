"""A score before it becomes points: an intercept and piecewise-constant functions of one or two features.

All in log-odds of bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.many import Column, Columns, place

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """How a feature is cut: bin i holds values from cuts[i-1] up to, not including, cuts[i]; the last place is missing.

    `own` lists the bins that stand for a special code and are never merged.
    """

    feature: str
    cuts: tuple[int, ...]
    own: frozenset[int] = frozenset()

    @property
    def places(self) -> int:
        """Bins, and one for missing."""
        return len(self.cuts) + 2

    def place(self, values: Column) -> npt.NDArray[np.intp]:
        """The bin of each value."""
        return np.where(values == MISSING, len(self.cuts) + 1, place(values, self.cuts))


@dataclass(frozen=True, slots=True)
class Curve:
    """Log-odds by the bin of one feature, and how many rows each bin had. Both have `axis.places` entries."""

    axis: Axis
    values: Floats
    rows: Column

    def at(self, columns: Columns) -> Floats:
        """Its part of the log-odds of each row."""
        return np.take(self.values, self.axis.place(columns[self.axis.feature]))


@dataclass(frozen=True, slots=True)
class Surface:
    """Log-odds by the bins of two features: values[row place, column place], and the rows in each cell."""

    row: Axis
    column: Axis
    values: Floats
    rows: Column

    def at(self, columns: Columns) -> Floats:
        """Its part of the log-odds of each row."""
        found: Floats = self.values[
            self.row.place(columns[self.row.feature]), self.column.place(columns[self.column.feature])
        ]
        return found


@dataclass(frozen=True, slots=True)
class Additive:
    """intercept + curves + surfaces = log-odds of bad."""

    intercept: float
    curves: tuple[Curve, ...]
    surfaces: tuple[Surface, ...] = ()

    def log_odds(self, columns: Columns) -> Floats:
        """The log-odds of each row."""
        rows = len(next(iter(columns.values())))
        total = np.full(rows, self.intercept)
        for curve in self.curves:
            total += curve.at(columns)
        for surface in self.surfaces:
            total += surface.at(columns)
        return total

    def scaled(self, slope: float, shift: float) -> Additive:
        """shift + slope * log-odds, as a model of the same form."""

        def stretch(part: Curve | Surface) -> Floats:
            return part.values * slope

        return Additive(
            shift + slope * self.intercept,
            tuple(replace(curve, values=stretch(curve)) for curve in self.curves),
            tuple(replace(surface, values=stretch(surface)) for surface in self.surfaces),
        )

    def each(self, curve: Callable[[Curve], Curve], surface: Callable[[Surface], Surface]) -> Additive:
        """The same model with each part changed."""
        return Additive(self.intercept, tuple(map(curve, self.curves)), tuple(map(surface, self.surfaces)))


def counted(axis: Axis, columns: Columns) -> Column:
    """How many rows fall in each place of an axis."""
    return np.bincount(axis.place(columns[axis.feature]), minlength=axis.places).astype(np.int64)


def counted_cells(row: Axis, column: Axis, columns: Columns) -> Column:
    """How many rows fall in each cell of two axes."""
    cells = row.place(columns[row.feature]) * column.places + column.place(columns[column.feature])
    return np.bincount(cells, minlength=row.places * column.places).reshape(row.places, column.places).astype(np.int64)
