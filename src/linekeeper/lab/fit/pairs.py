"""Which pairs of features deserve a table: ranked by what a table could still gain on what is known so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.design_matrix import Block
from linekeeper.scorecard.many import Column, Columns

GRID = 12  # quantile bins a feature, to look at pairs
CALM = 5.0  # added to the weight of each cell: a few rows alone are no finding

Pair = tuple[int, int]


def best_pairs(
    target: Floats,
    start: Floats,
    blocks: Sequence[Block],
    columns: Columns,
    count: int,
    refit: Callable[[list[Pair]], Floats],
) -> list[Pair]:
    """The `count` best pairs, as indices of blocks, one after another.

    `target` are probabilities, `start` the log-odds known so far; `refit` gives the log-odds with tables for the pairs
    found so far, so that each next pair is judged by what is left.
    """
    placed = [_placed(columns[block.feature.name], block.feature.special) for block in blocks]
    found: list[Pair] = []
    known = start
    every = list(combinations(range(len(blocks)), 2))
    while len(found) < min(count, len(every)):
        if found:
            known = refit(found)
        likely = 1 / (1 + np.exp(-known))
        slope, weight = target - likely, likely * (1 - likely)
        gains = [-1.0 if pair in found else _gain(placed, pair, slope, weight) for pair in every]
        found.append(every[int(np.argmax(gains))])
    return found


def _gain(placed: list[tuple[npt.NDArray[np.intp], int]], pair: Pair, slope: Floats, weight: Floats) -> float:
    """The log-likelihood that one Newton step in each cell would win."""
    (rows, _), (column, width) = placed[pair[0]], placed[pair[1]]
    cells = rows * width + column
    pull, mass = np.bincount(cells, slope), np.bincount(cells, weight)
    return float((pull**2 / (mass + CALM)).sum())


def _placed(values: Column, special: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], int]:
    """Each row's place on a grid of quantiles (codes and missing have their own), and how many places there are."""
    codes = (MISSING, *special)
    plain = ~np.isin(values, codes)
    amounts = values[plain] if plain.any() else values
    edges = np.unique(np.quantile(amounts, np.linspace(0, 1, GRID + 1)[1:-1]))
    where = np.searchsorted(edges, values, side="right")
    for index, code in enumerate(codes):
        where[values == code] = len(edges) + 1 + index
    return where, len(edges) + 1 + len(codes)
