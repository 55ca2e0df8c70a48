"""A score before it becomes points: an intercept and piecewise-constant functions of one or two features.

Everything is in log-odds of bad (GA2M; Lou, Caruana, Gehrke, Hooker 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns, place

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Binning:
    """The bins of a feature: bin i holds values from cuts[i-1] up to, not including, cuts[i]; the last is for missing.

    `special_bins` lists the bins that stand for a special code; they are never merged.
    """

    feature: str
    cuts: tuple[int, ...]
    special_bins: frozenset[int] = frozenset()

    @property
    def size(self) -> int:
        """How many bins there are, with the one for missing."""
        return len(self.cuts) + 2

    @property
    def without_amount(self) -> list[int]:
        """The bins that stand for a code or for missing: they lie in no order."""
        return [*sorted(self.special_bins), self.size - 1]

    @property
    def of_amounts(self) -> list[int]:
        """The other bins, from the lowest amounts up."""
        return [number for number in range(self.size) if number not in {*self.without_amount}]

    def bin_of(self, values: FeatureColumn) -> npt.NDArray[np.intp]:
        """The bin of each value.

        >>> Binning("late", (1, 3)).bin_of(np.array([0, 1, 3, MISSING]))
        array([0, 1, 2, 3])
        """
        return np.where(values == MISSING, len(self.cuts) + 1, place(values, self.cuts))

    def count(self, columns: FeatureColumns) -> FeatureColumn:
        """How many rows fall in each bin."""
        return np.bincount(self.bin_of(columns[self.feature]), minlength=self.size).astype(np.int64)


@dataclass(frozen=True, slots=True)
class MainEffect:
    """Log-odds by the bin of one feature, and how many rows each bin had. Both have `binning.size` entries."""

    binning: Binning
    values: Floats
    rows: FeatureColumn

    def at(self, columns: FeatureColumns) -> Floats:
        """Its part of the log-odds of each row."""
        return np.take(self.values, self.binning.bin_of(columns[self.binning.feature]))


@dataclass(frozen=True, slots=True)
class Interaction:
    """Log-odds by the bins of two features: values[row bin, column bin], and how many rows each cell had."""

    row: Binning
    column: Binning
    values: Floats
    rows: FeatureColumn

    def at(self, columns: FeatureColumns) -> Floats:
        """Its part of the log-odds of each row."""
        row, column = self.row.bin_of(columns[self.row.feature]), self.column.bin_of(columns[self.column.feature])
        log_odds: Floats = self.values[row, column]
        return log_odds


@dataclass(frozen=True, slots=True)
class AdditiveModel:
    """intercept + main effects + interactions = log-odds of bad."""

    intercept: float
    main_effects: tuple[MainEffect, ...]
    interactions: tuple[Interaction, ...] = ()

    def log_odds(self, columns: FeatureColumns) -> Floats:
        """The log-odds of bad of each row."""
        rows = len(next(iter(columns.values())))
        total = np.full(rows, self.intercept)
        for effect in self.main_effects:
            total += effect.at(columns)
        for interaction in self.interactions:
            total += interaction.at(columns)
        return total

    def scaled(self, slope: float, shift: float) -> AdditiveModel:
        """shift + slope * log-odds, as a model of the same form."""
        scaled = self.map_parts(
            lambda effect: replace(effect, values=effect.values * slope),
            lambda interaction: replace(interaction, values=interaction.values * slope),
        )
        return replace(scaled, intercept=shift + slope * self.intercept)

    def map_parts(
        self,
        change_effect: Callable[[MainEffect], MainEffect],
        change_interaction: Callable[[Interaction], Interaction],
    ) -> AdditiveModel:
        """The same model with each part changed."""
        return AdditiveModel(
            self.intercept,
            tuple(map(change_effect, self.main_effects)),
            tuple(map(change_interaction, self.interactions)),
        )


def count_cells(row: Binning, column: Binning, columns: FeatureColumns) -> FeatureColumn:
    """How many rows fall in each cell of two binnings: [row bin, column bin]."""
    cells = row.bin_of(columns[row.feature]) * column.size + column.bin_of(columns[column.feature])
    return np.bincount(cells, minlength=row.size * column.size).reshape(row.size, column.size).astype(np.int64)
