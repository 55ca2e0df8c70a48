"""Several special codes of one feature in trees: flags while they are fitted, decisions on the feature itself after.

LightGBM keeps one thing apart from amounts: NaN. A feature with several codes is shown to it as its amounts, NaN where
it has none, and a flag for each code, so that the declared direction is that of the amounts alone. A missing value has
every flag. A decision on a flag becomes one that takes the code for missing. A decision on the amounts sends every code
where it sends NaN: it takes one code for missing itself, and the others leave on the way to it, each to a copy of what
stands on that side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import Rows, TrainingTable
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns


@dataclass(frozen=True, slots=True)
class TreeColumn:
    """One column that LightGBM sees: a feature (its place in the plan), or the flag of one of its codes."""

    feature: FeaturePlan
    place: int
    flag: int | None = None

    def values(self, columns: FeatureColumns) -> Floats:
        """The column: NaN where a value is missing or hidden, 1 or 0 for a flag."""
        values = columns[self.feature.name]
        if self.flag is not None:
            return np.isin(values, (MISSING, self.flag)).astype(np.float64)
        return np.where(np.isin(values, (MISSING, *codes_as_missing(self.feature))), np.nan, values.astype(np.float64))


def tree_columns(plan: FitPlan) -> list[TreeColumn]:
    """The columns that LightGBM sees: the features in the order of the plan, then the flags."""
    features = [TreeColumn(feature, place) for place, feature in enumerate(plan.features)]
    flags = [
        replace(column, flag=code)
        for column in features
        if has_flags(column.feature)
        for code in column.feature.special
    ]
    return [*features, *flags]


def has_flags(feature: FeaturePlan) -> bool:
    """Whether the codes of a feature have flags: they are several, and the amounts have a direction that they lack."""
    return len(feature.special) > 1 and feature.worse is not None


def codes_as_missing(feature: FeaturePlan) -> tuple[int, ...]:
    """The codes that LightGBM does not see as numbers. Several without a direction are numbers like any other."""
    return feature.special if has_flags(feature) or len(feature.special) == 1 else ()


def without_flags(model: LenderModel, plan: FitPlan, table: TrainingTable) -> LenderModel:
    """The model over the features of the plan alone; its leaves count the rows of the table."""
    columns = tree_columns(plan)
    if len(columns) == len(plan.features):
        return model
    trees = tuple(_TreeWithoutFlags(tree, columns, table.features).whole(len(table)) for tree in model.trees)
    return replace(model, features=model.features[: len(plan.features)], trees=trees)


@dataclass(slots=True)
class _TreeWithoutFlags:
    """One tree on its way: nodes are written before what stands below them."""

    tree: LenderTree
    columns: list[TreeColumn]
    features: FeatureColumns
    nodes: list[tuple[int, float, frozenset[int] | None, int, int, bool, int | None]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)

    def whole(self, rows: int) -> LenderTree:
        """The tree over features, whose leaves count so many rows."""
        root = self._write(self.tree.root, np.arange(rows), {})
        columns = [tuple(column) for column in zip(*self.nodes, strict=True)] or [()] * 7
        feature, threshold, categories, below, rest, missing_below, code = columns
        return LenderTree(
            root,
            feature,
            threshold,
            categories,
            below,
            rest,
            missing_below,
            (False,) * len(feature),
            tuple(self.values),
            tuple(self.rows),
            code,
        )

    def _write(self, own: int, rows: Rows, codes: Mapping[int, bool]) -> int:
        """What stands at `own`; `codes`: the features (by place) of which it is known that they have no amount here."""
        if own < 0:
            self.values.append(self.tree.values[-1 - own])
            self.rows.append(float(max(1, len(rows))))
            return -len(self.values)
        column = self.columns[self.tree.feature[own]]
        below, rest = self.tree.below[own], self.tree.rest[own]
        if column.flag is not None:  # the flag is 1 in the rest
            return self._split(column, -math.inf, None, column.flag, True, (rest, below), rows, codes)
        missing_below, threshold = self.tree.missing_below[own], self.tree.threshold[own]
        if not has_flags(column.feature):
            code = next(iter(codes_as_missing(column.feature)), None)
            categories = self.tree.categories[own]
            return self._split(column, threshold, categories, code, missing_below, (below, rest), rows, codes)
        side = below if missing_below else rest
        if codes.get(column.place):
            return self._write(side, rows, codes)
        astray = [code for code in column.feature.special if (code <= threshold) != missing_below]
        return self._amounts(own, astray, side, rows, codes)

    def _amounts(self, own: int, astray: list[int], side: int, rows: Rows, codes: Mapping[int, bool]) -> int:
        """A decision on amounts, behind decisions on those codes that lie on the wrong side of it, but the last."""
        column = self.columns[self.tree.feature[own]]
        if len(astray) <= 1:
            return self._split(
                column,
                self.tree.threshold[own],
                None,
                next(iter(astray), None),
                self.tree.missing_below[own],
                (self.tree.below[own], self.tree.rest[own]),
                rows,
                codes,
            )
        place = self._reserve()
        goes = np.isin(self._of(column, rows), (MISSING, astray[0]))
        copy = self._write(side, rows[goes], {**codes, column.place: True})
        others = self._amounts(own, astray[1:], side, rows[~goes], codes)
        self.nodes[place] = (column.place, -math.inf, None, copy, others, True, astray[0])
        return place

    def _split(
        self,
        column: TreeColumn,
        threshold: float,
        categories: frozenset[int] | None,
        code: int | None,
        missing_below: bool,
        sides: tuple[int, int],
        rows: Rows,
        codes: Mapping[int, bool],
    ) -> int:
        place = self._reserve()
        values = self._of(column, rows)
        chosen = values <= threshold if categories is None else np.isin(values, [*categories])
        without = (values == MISSING) | (values == code if code is not None else False)
        goes = np.where(without, missing_below, chosen)
        known = {**codes, column.place: True} if column.flag is not None else codes
        below = self._write(sides[0], rows[goes], known)
        rest = self._write(sides[1], rows[~goes], codes)
        self.nodes[place] = (column.place, threshold, categories, below, rest, missing_below, code)
        return place

    def _reserve(self) -> int:
        self.nodes.append((0, 0.0, None, 0, 0, False, None))
        return len(self.nodes) - 1

    def _of(self, column: TreeColumn, rows: npt.NDArray[np.intp]) -> FeatureColumn:
        return self.features[column.feature.name][rows]
