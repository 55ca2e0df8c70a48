"""Fewer bins: neighbours are merged where it costs next to nothing, and where a bin is too small to trust.

The cost of a merge is the weighted sum of squares that it adds: with `curvature`, the mean of p(1-p), half of it times
the curvature approximates the log-loss lost (the second-order term of the loss about the fitted log-odds).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, Floats, Interaction, MainEffect
from linekeeper.scorecard.many import FeatureColumn

ROWS_A_BIN_MIN, ROWS_ALWAYS_ENOUGH = 20, 150
NATS_ALWAYS = 0.01  # that a part may lose over all rows: a cut that wins less than this was won by chance
BINS_OF_A_SET = 200  # between these two bounds, a bin needs this part of all rows


def merge_bins(
    model: AdditiveModel, rows: int, cost: float, curvature: float, apart: frozenset[str] = frozenset()
) -> AdditiveModel:
    """The model with fewer bins. `cost`: nats of log-loss a row that each part may lose; `curvature`: mean p(1-p).

    `apart`: features whose own bins stay as they are. Directions survive, since the mean of two neighbours lies between
    them.
    """
    limit = 2 * max(cost * rows, NATS_ALWAYS) / curvature
    smallest = min(max(ROWS_A_BIN_MIN, rows // BINS_OF_A_SET), ROWS_ALWAYS_ENOUGH)
    return model.map_parts(
        lambda effect: effect if effect.binning.feature in apart else merge_effect_bins(effect, limit, smallest),
        lambda interaction: merge_interaction_bins(interaction, limit, smallest),
    )


def merge_effect_bins(effect: MainEffect, limit: float, smallest: int) -> MainEffect:
    """Merge neighbouring bins while the squares that this adds (weighted by rows) stay within `limit`.

    Bins of fewer than `smallest` rows are merged whatever it costs.
    """
    spent = 0.0
    while len(effect.binning.cuts):
        forced = _beside_small_bins(effect.binning, effect.rows, smallest)
        cut, price = _cheapest(_prices(effect), forced, effect.binning, effect.rows)
        if not np.isfinite(price) or (not forced[cut] and spent + price > limit):
            return effect
        spent += 0.0 if forced[cut] else price
        effect = _without_effect_cut(effect, cut)
    return effect


def merge_interaction_bins(interaction: Interaction, limit: float, smallest: int) -> Interaction:
    """The same for the rows, then the columns, of a table; each may spend half of the limit."""
    for _ in range(2):
        interaction = _merge_rows(interaction, limit / 2, smallest)
        interaction = Interaction(interaction.column, interaction.row, interaction.values.T, interaction.rows.T)
    return interaction


def _merge_rows(interaction: Interaction, limit: float, smallest: int) -> Interaction:
    spent = 0.0
    while len(interaction.row.cuts) > 1:  # a table of one row would be no table
        rows_of_bins = interaction.rows.sum(1)
        middle, prices = _row_prices(interaction)
        forced = _beside_small_bins(interaction.row, rows_of_bins, smallest)
        cut, price = _cheapest(prices, forced, interaction.row, rows_of_bins)
        if not np.isfinite(price) or (not forced[cut] and spent + price > limit):
            return interaction
        spent += 0.0 if forced[cut] else price
        values = np.delete(interaction.values, cut + 1, axis=0)
        rows = np.delete(interaction.rows, cut + 1, axis=0)
        values[cut] = middle[cut]
        rows[cut] += interaction.rows[cut + 1]
        interaction = replace(interaction, row=_without_cut(interaction.row, cut), values=values, rows=rows)
    return interaction


def _cheapest(
    prices: Floats, forced: npt.NDArray[np.bool_], binning: Binning, rows: FeatureColumn
) -> tuple[int, float]:
    """The cut to remove next, forced ones first, and its price; an infinite price means that none may go."""
    prices[_fixed_cuts(binning, rows)] = np.inf
    some_forced = np.isfinite(prices[forced]).any()
    cut = int(np.argmin(np.where(forced, prices, np.inf) if some_forced else prices))
    return cut, float(prices[cut])


def _prices(effect: MainEffect) -> Floats:
    """For each cut: the squares (weighted by rows) that removing it adds."""
    rows = effect.rows
    upper = _upper_shares(rows[:-1])
    step = np.diff(effect.values[:-1])
    prices: Floats = (rows[:-2] * upper**2 + rows[1:-1] * (1 - upper) ** 2) * step**2
    return prices


def _row_prices(interaction: Interaction) -> tuple[Floats, Floats]:
    """For each cut between rows of a table: the merged row, and the squares that merging adds."""
    values, rows = interaction.values[:-1], interaction.rows[:-1]
    upper = _upper_shares(rows.sum(1))[:, None]
    middle = values[:-1] * (1 - upper) + values[1:] * upper
    prices = (rows[:-1] * (values[:-1] - middle) ** 2 + rows[1:] * (values[1:] - middle) ** 2).sum(1)
    return middle, prices


def _upper_shares(rows: FeatureColumn) -> Floats:
    """For each pair of neighbours: the part of their rows that the upper one has (a half where both are empty)."""
    both = rows[:-1] + rows[1:]
    shares: Floats = np.where(both > 0, rows[1:] / np.maximum(both, 1), 0.5)
    return shares


def _fixed_cuts(binning: Binning, rows: FeatureColumn) -> list[int]:
    """Cuts that stay: those beside a special code's bin, unless it has rows and the amounts beside it have none."""
    special = binning.special_bins

    def is_fixed(one: int, other: int) -> bool:
        return one in special and (other in special or rows[other] > 0 or rows[one] == 0)

    return [cut for cut in range(len(binning.cuts)) if is_fixed(cut, cut + 1) or is_fixed(cut + 1, cut)]


def _beside_small_bins(binning: Binning, rows: FeatureColumn, smallest: int) -> npt.NDArray[np.bool_]:
    """For each cut: whether a bin beside it has too few rows."""
    small = rows[:-1] < smallest
    small[list(binning.special_bins)] = False
    beside: npt.NDArray[np.bool_] = small[:-1] | small[1:]
    return beside


def _without_effect_cut(effect: MainEffect, cut: int) -> MainEffect:
    upper = _upper_shares(effect.rows[:-1])[cut]
    values, rows = np.delete(effect.values, cut + 1), np.delete(effect.rows, cut + 1)
    values[cut] = effect.values[cut] * (1 - upper) + effect.values[cut + 1] * upper
    rows[cut] = effect.rows[cut] + effect.rows[cut + 1]
    return MainEffect(_without_cut(effect.binning, cut), values, rows)


def _without_cut(binning: Binning, cut: int) -> Binning:
    """The binning without that cut; bins above it move down by one."""
    special = frozenset(number if number <= cut else number - 1 for number in binning.special_bins)
    return Binning(binning.feature, binning.cuts[:cut] + binning.cuts[cut + 1 :], special)
