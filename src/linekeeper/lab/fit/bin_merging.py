"""Fewer bins: neighbours are merged where it costs nothing, and where a bin would be too small to trust."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linekeeper.lab.fit.additive_model import Additive, Axis, Curve, Floats, Surface
from linekeeper.scorecard.many import Column

ROWS_A_BIN, ROWS_ENOUGH = 20, 150  # fewest rows of a bin; so many are always enough
BINS_OF_A_SET = 200  # between the two: this part of the data


def merged(model: Additive, rows: int, cost: float, curvature: float) -> Additive:
    """The model with fewer bins. `cost`: nats of log-loss a row that each part may lose; `curvature`: mean p(1-p).

    Directions survive: a mean of neighbours lies between them.
    """
    limit = 2 * cost * rows / curvature
    smallest = min(max(ROWS_A_BIN, rows // BINS_OF_A_SET), ROWS_ENOUGH)
    return model.each(
        lambda curve: merge_curve(curve, limit, smallest), lambda surface: merge_surface(surface, limit, smallest)
    )


def merge_curve(curve: Curve, limit: float, smallest: int) -> Curve:
    """Merge neighbouring bins while the squares they add (weighted by rows) stay within `limit`; small bins always."""
    spent = 0.0
    while len(curve.axis.cuts):
        price = _prices(curve.values, curve.rows, curve.axis)
        price[_bound(curve.axis, curve.rows)] = np.inf
        forced = _too_small(curve.rows, curve.axis, smallest)
        best = int(np.argmin(np.where(forced, price, np.inf) if np.isfinite(price[forced]).any() else price))
        if not np.isfinite(price[best]) or (not forced[best] and spent + price[best] > limit):
            return curve
        spent += 0.0 if forced[best] else float(price[best])
        curve = _joined(curve, best)
    return curve


def merge_surface(surface: Surface, limit: float, smallest: int) -> Surface:
    """The same for the rows, then the columns, of a table; each may spend half."""
    for _ in range(2):
        surface = _merge_rows(surface, limit / 2, smallest)
        surface = Surface(surface.column, surface.row, surface.values.T, surface.rows.T)
    return surface


def _merge_rows(surface: Surface, limit: float, smallest: int) -> Surface:
    spent = 0.0
    while len(surface.row.cuts) > 1:  # a table of one row would be no table
        values, rows = surface.values[:-1], surface.rows[:-1]
        share = _shares(rows.sum(1))
        middle = values[:-1] * (1 - share)[:, None] + values[1:] * share[:, None]
        price = (rows[:-1] * (values[:-1] - middle) ** 2 + rows[1:] * (values[1:] - middle) ** 2).sum(1)
        price[_bound(surface.row, surface.rows.sum(1))] = np.inf
        forced = _too_small(surface.rows.sum(1), surface.row, smallest)
        best = int(np.argmin(np.where(forced, price, np.inf) if np.isfinite(price[forced]).any() else price))
        if not np.isfinite(price[best]) or (not forced[best] and spent + price[best] > limit):
            return surface
        spent += 0.0 if forced[best] else float(price[best])
        kept = np.delete(surface.values, best + 1, axis=0)
        kept[best] = middle[best]
        counts = np.delete(surface.rows, best + 1, axis=0)
        counts[best] += surface.rows[best + 1]
        surface = replace(surface, row=_without(surface.row, best), values=kept, rows=counts)
    return surface


def _prices(values: Floats, rows: Column, axis: Axis) -> Floats:
    """For each cut: the squares (weighted by rows) that removing it adds."""
    share = _shares(rows[:-1])
    step = np.diff(values[:-1])
    price: Floats = (rows[:-2] * share**2 + rows[1:-1] * (1 - share) ** 2) * step**2
    return price


def _shares(rows: Column) -> Floats:
    """For each pair of neighbours: the part of their rows that the upper one has (a half where both are empty)."""
    both = rows[:-1] + rows[1:]
    share: Floats = np.where(both > 0, rows[1:] / np.maximum(both, 1), 0.5)
    return share


def _bound(axis: Axis, rows: Column) -> list[int]:
    """Cuts that stay: those between the bin of a special code and a bin that is not empty."""
    return [
        cut
        for cut in range(len(axis.cuts))
        if (cut in axis.own or cut + 1 in axis.own) and rows[cut] > 0 and rows[cut + 1] > 0
    ]


def _too_small(rows: Column, axis: Axis, smallest: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Cuts beside a bin that has too few rows."""
    small = rows[:-1] < smallest
    small[list(axis.own)] = False
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = small[:-1] | small[1:]
    return found


def _joined(curve: Curve, cut: int) -> Curve:
    share = _shares(curve.rows[:-1])[cut]
    values, rows = np.delete(curve.values, cut + 1), np.delete(curve.rows, cut + 1)
    values[cut] = curve.values[cut] * (1 - share) + curve.values[cut + 1] * share
    rows[cut] = curve.rows[cut] + curve.rows[cut + 1]
    return Curve(_without(curve.axis, cut), values, rows)


def _without(axis: Axis, cut: int) -> Axis:
    """The axis without that cut; bins above it move down by one."""
    own = frozenset(bin_ if bin_ <= cut else bin_ - 1 for bin_ in axis.own)
    return Axis(axis.feature, axis.cuts[:cut] + axis.cuts[cut + 1 :], own)
