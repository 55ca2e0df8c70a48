"""From a lender's model to a card of trees: cuts on whole numbers, leaves in parts of a point, the table of the PD.

A model of log-odds gets the points of its scale: `points = score - (log-odds + ln odds) * double_points / ln 2`. A
model of a probability (a forest that averages) gets 1,000 points less one for each permille of its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree, not_possible
from linekeeper.lab.card_import.model_columns import ModelColumn, cut_of
from linekeeper.scorecard.artifact import Artifact, Input
from linekeeper.scorecard.card import Score, reach
from linekeeper.scorecard.pd import ONE_PPM, Scale, pd_table
from linekeeper.scorecard.trees import POINT_PARTS_MAX, SET_CHOICES_MAX, TreeEnsemble

MODEL_GROUP = "model"
PROBABILITY_POINTS = 1_000  # of a forest's card: a point is a permille
PD_SPAN_STEPS = 25  # so many doublings of the odds away from the scale's score, the PD is 0 or 1 to a millionth
PD_BAND_POINTS = 5
ROWS_OF_WEIGHT = 1_000  # where leaves have weights and no counts of rows
_DIGITS = 50


@dataclass(frozen=True, slots=True)
class PointsLine:
    """Points of what the model says: `at_zero + slope * said`, as exact fractions."""

    at_zero: Fraction
    slope: Fraction

    def points(self, output: float) -> Fraction:
        """The exact points, before they are rounded."""
        return self.at_zero + self.slope * Fraction(output)


def points_line(model: LenderModel, scale: Scale) -> PointsLine:
    """How what the model says becomes points."""
    if model.is_probability:
        return PointsLine(Fraction(PROBABILITY_POINTS), Fraction(-PROBABILITY_POINTS))
    with localcontext(prec=_DIGITS):
        nat = Fraction(scale.double_points) / Fraction(Decimal(2).ln())
        odds = Fraction(Decimal(scale.odds).ln())
    return PointsLine(scale.score - nat * odds, -nat)


def card_of_model(model: LenderModel, columns: Sequence[ModelColumn], name: str, scale: Scale) -> Artifact:
    """The card. Raises FileError where no card can equal the model, ArtifactError where it would break a bound."""
    _demand_missing(model, columns)
    line = points_line(model, scale)
    constant = line.points(model.constant)
    base = constant.numerator // constant.denominator
    writer = _EnsembleWriter(model, columns, line.slope * Fraction(model.factor) * POINT_PARTS_MAX)
    for tree in model.trees:
        writer.add(tree)
    writer.add_leaf_alone(round((constant - base) * POINT_PARTS_MAX))
    trees = writer.ensemble()
    score = Score(base, (MODEL_GROUP,), (), trees=(trees,))
    below, ppm = _pd_bands(model, *reach(score), scale)
    score = Score(base, (MODEL_GROUP,), (), (), below, ppm, None, (trees,))
    used = {column.feature: column for column in columns if column.feature in trees.features}
    inputs = tuple(Input(one.feature, one.worse, _codes(one), one.choices, one.decimals) for one in used.values())
    provenance: dict[str, str | int] = {
        "made_by": model.made_by,
        "trees": len(model.trees),
        "output": "probability" if model.is_probability else "log-odds",
    }
    return Artifact(name, score, scale, inputs, provenance)


def _demand_missing(model: LenderModel, columns: Sequence[ModelColumn]) -> None:
    """A file that does not say where a missing value goes needs a number that stands for it, in every column."""
    for column in columns if model.missing_unknown else ():
        if column.missing_code is not None:
            raise not_possible(
                f"does not say where `{column.missing_code}` goes in `{column.name}` as a missing value",
                "leave out `missing_code`, or bring an archive of skops, which says it",
            )
        if column.missing_as is None:
            raise not_possible(
                f"does not say where a missing `{column.name}` goes",
                "write `missing_as` in the columns file, the number that it was trained with in the place of a "
                "missing value, or bring an archive of skops",
            )


def _codes(column: ModelColumn) -> tuple[int, ...]:
    return () if column.missing_code is None else (column.missing_code,)


def _pd_bands(model: LenderModel, low: int, high: int, scale: Scale) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if model.is_probability:
        cuts = tuple(range(PD_BAND_POINTS, PROBABILITY_POINTS + 1, PD_BAND_POINTS))
        middles = [cut - (PD_BAND_POINTS + 1) // 2 for cut in (*cuts, PROBABILITY_POINTS + PD_BAND_POINTS)]
        each = ONE_PPM // PROBABILITY_POINTS
        return cuts, tuple(min(max((PROBABILITY_POINTS - middle) * each, 0), ONE_PPM) for middle in middles)
    span = PD_SPAN_STEPS * scale.double_points
    return pd_table(max(low, scale.score - span), max(min(high, scale.score + span), low), scale, PD_BAND_POINTS)


class _EnsembleWriter:
    """Collects trees as the columns of one ensemble."""

    def __init__(self, model: LenderModel, columns: Sequence[ModelColumn], parts_of_value: Fraction) -> None:
        self._model, self._columns, self._parts_of_value = model, columns, parts_of_value
        counted = all(rows == int(rows) for tree in model.trees for rows in tree.rows)
        self._rows_of_weight = 1 if counted else ROWS_OF_WEIGHT
        self._features: dict[str, int] = {}
        self._sets: dict[tuple[int, ...], int] = {}
        self._cuts: dict[tuple[int, float], int] = {}
        self._roots: list[int] = []
        self._nodes: list[list[Any]] = []  # feature, cut, choices, missing value, below, rest, missing below
        self._leaves: list[int] = []
        self._rows: list[int] = []

    def add(self, tree: LenderTree) -> None:
        """A tree of the model; a node comes before its children."""
        self._roots.append(self._reserve(tree.root))
        waiting = [(tree.root, self._roots[-1])]
        while waiting:
            own, place = waiting.pop()
            if own < 0:
                self._leaves[-1 - place] = round(Fraction(tree.values[-1 - own]) * self._parts_of_value)
                self._rows[-1 - place] = max(1, round(tree.rows[-1 - own] * self._rows_of_weight))
                continue
            below, rest = self._reserve(tree.below[own]), self._reserve(tree.rest[own])
            self._nodes[place] = [*self._decision(tree, own), below, rest, int(self._missing_below(tree, own))]
            waiting += [(tree.rest[own], rest), (tree.below[own], below)]

    def add_leaf_alone(self, parts: int) -> None:
        """A tree of one leaf, which every account gets."""
        self._roots.append(self._reserve(-1))
        self._leaves[-1], self._rows[-1] = parts, 1

    def ensemble(self) -> TreeEnsemble:
        """What was added. Raises FileError where no tree reads a feature."""
        if not self._features:
            raise not_possible("reads no column", "train it anew: every account has the same score")
        feature, cut, choices, missing_value, below, rest, missing_below = zip(*self._nodes, strict=True)
        return TreeEnsemble(
            MODEL_GROUP,
            tuple(self._features),
            POINT_PARTS_MAX,
            tuple(self._roots),
            feature,
            cut,
            choices,
            missing_value,
            below,
            rest,
            missing_below,
            tuple(self._leaves),
            tuple(self._rows),
            tuple(self._sets),
        )

    def _reserve(self, child: int) -> int:
        if child < 0:
            self._leaves.append(0)
            self._rows.append(1)
            return -len(self._leaves)
        self._nodes.append([])
        return len(self._nodes) - 1

    def _decision(self, tree: LenderTree, node: int) -> list[int | None]:
        """Feature, cut, choices, and the number that counts as missing."""
        column = self._columns[tree.feature[node]]
        feature = self._features.setdefault(column.feature, len(self._features))
        categories = tree.categories[node]
        code = tree.own_code[node] if tree.own_code else column.missing_code
        if tree.zero_missing[node]:
            if code not in (None, 0):
                raise not_possible(
                    f"takes 0 for missing in `{column.name}`", "leave its `missing_code` out of the columns file"
                )
            code = 0
        if categories is None:
            return [feature, self._cut(tree.feature[node], tree.threshold[node]), -1, code]
        if column.decimals:
            raise not_possible(f"has categories in `{column.name}`", "leave its `decimals` out of the columns file")
        if any(not 0 <= choice < SET_CHOICES_MAX for choice in categories):
            raise not_possible(
                f"has categories beyond {SET_CHOICES_MAX - 1:,} in `{column.name}`", "train it with fewer of them"
            )
        chosen = tuple(sorted(categories))
        return [feature, 0, self._sets.setdefault(chosen, len(self._sets)), code]

    def _cut(self, feature: int, threshold: float) -> int:
        key = feature, threshold
        if key not in self._cuts:
            model = self._model
            self._cuts[key] = cut_of(threshold, self._columns[feature], model.threshold_below, model.float32)
        return self._cuts[key]

    def _missing_below(self, tree: LenderTree, node: int) -> bool:
        """Where a missing value goes: as the tree says, or where the number goes that stands for it."""
        column = self._columns[tree.feature[node]]
        given, categories = column.missing_as, tree.categories[node]
        if given is None or given == column.missing_code or (given == 0 and tree.zero_missing[node]):
            return tree.missing_below[node]
        if column.missing_code is not None or tree.zero_missing[node]:
            # One side takes both the code and what is missing; the model would send them apart.
            raise not_possible(
                f"takes a number for missing in `{column.name}`, and gets another one where a value is missing",
                "leave `missing_as` or `missing_code` out of the columns file",
            )
        if categories is not None:
            return given in categories
        return given < self._cut(tree.feature[node], tree.threshold[node])
