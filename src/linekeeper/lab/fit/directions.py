"""Declared directions in every single part of a card, so that they outlive merging and rounding.

The sum of a purified model rises with what is worse, but a table alone need not: it holds what is left after its
means went to the main effects. Here each table gives the main effect the slope of the line that rises least, from each
bin to the next. What is left rises (or stays) in every line. Nor can the main effect then fall, since the model would
fall wherever all tables are at their least. The sum is the same as before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, Floats, Interaction, MainEffect
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.scorecard.many import FeatureColumns

SIGNS = {"higher": 1.0, "lower": -1.0}
FALL_MAX = 1e-9  # log-odds: what adding up in another order may move
Slopes = dict[str, list[tuple[Binning, Floats]]]  # by feature: what tables give its main effect, bin by bin


def hold_directions(model: AdditiveModel, plan: FitPlan, columns: FeatureColumns) -> AdditiveModel:
    """The model with every part in the plan's directions; `columns` are the rows that its bins are counted on."""
    signs = {feature.name: SIGNS[feature.worse] for feature in plan.features if feature.worse}
    given: Slopes = {name: [] for name in signs}
    tables = tuple(_give_slopes(table, signs, given) for table in model.interactions)
    effects = tuple(
        _without_noise(_with_slopes(effect, given[name], columns), signs[name])
        if (name := effect.binning.feature) in signs
        else effect
        for effect in model.main_effects
    )
    return AdditiveModel(model.intercept, effects, tables)


def _give_slopes(table: Interaction, signs: dict[str, float], given: Slopes) -> Interaction:
    """The table without the slopes that its main effects get, one direction after the other."""
    values = table.values
    if table.row.feature in signs:
        slope = _least_slope(table.row, values, signs[table.row.feature])
        given[table.row.feature].append((table.row, slope))
        values = _levelled(table.row, values - slope[:, None], signs[table.row.feature])
    if table.column.feature in signs:
        slope = _least_slope(table.column, values.T, signs[table.column.feature])
        given[table.column.feature].append((table.column, slope))
        values = _levelled(table.column, (values - slope[None, :]).T, signs[table.column.feature]).T
    return replace(table, values=values)


def _levelled(binning: Binning, lines: Floats, sign: float) -> Floats:
    """The lines with falls of the last digit levelled."""
    lines = lines.copy()
    lines[binning.of_amounts] = sign * np.maximum.accumulate(sign * lines[binning.of_amounts], axis=0)
    return lines


def _least_slope(binning: Binning, lines: Floats, sign: float) -> Floats:
    """By bin: how far the line that rises least, or falls most, has come there step by step; 0 without an amount."""
    amounts = binning.of_amounts
    least = sign * (sign * np.diff(lines[amounts], axis=0)).min(1)
    slope = np.zeros(binning.size)
    slope[amounts] = np.append(0.0, np.cumsum(least))
    return slope


def _with_slopes(effect: MainEffect, slopes: list[tuple[Binning, Floats]], columns: FeatureColumns) -> MainEffect:
    """The effect on its own cuts and those at which a slope changes."""
    steps = {binning.cuts[place] for binning, slope in slopes for place in np.flatnonzero(np.diff(slope[:-1])).tolist()}
    cuts = tuple(sorted({*effect.binning.cuts, *steps}))
    special = frozenset(
        cuts.index(effect.binning.cuts[number - 1]) + 1 if number else 0 for number in effect.binning.special_bins
    )
    binning = Binning(effect.binning.feature, cuts, special)
    starts = np.array([cuts[0] - 1, *cuts], dtype=np.int64) if cuts else np.zeros(1, np.int64)

    def along(of: Binning, values: Floats) -> Floats:
        return np.append(values[np.searchsorted(of.cuts, starts, side="right")], values[-1])

    values = along(effect.binning, effect.values)
    for of, slope in slopes:
        values = values + along(of, slope)
    return MainEffect(binning, values, binning.count(columns))


def _without_noise(effect: MainEffect, sign: float) -> MainEffect:
    """The effect with falls of the last digit levelled, which rounding to points could turn into a whole one."""
    amounts = effect.binning.of_amounts
    risen = sign * np.maximum.accumulate(sign * effect.values[amounts])
    assert np.abs(risen - effect.values[amounts]).max() < FALL_MAX, f"`{effect.binning.feature}` has another direction"
    values = effect.values.copy()
    values[amounts] = risen
    return replace(effect, values=values)
