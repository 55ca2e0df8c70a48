"""Few rows: the model is the mean of boosters that each leave out one of a few inner folds, which judges them.

One booster of few rows is mostly chance, and so is any choice that a single part of them makes. Here every choice is
made by what all boosters together say of rows that they have not seen: how many rounds help, whether there are tables
at all, whether to learn from the labels, from a forest, from straight lines, or from two of these, and how far bins are
merged. The boosters that were judged are the model, so that nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np

from linekeeper.lab.fit.additive_fit import (
    LINES_BEHIND_MAX,
    LINES_ROUNDS,
    LINES_SETTINGS,
    WAYS,
    WAYS_WITH_LINES,
    Fitted,
    Learning,
    Shares,
    weighed_sum,
)
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.boosting import (
    FOREST,
    FOREST_ROUNDS,
    ON_LABELS,
    ROUNDS_MAX,
    Forest,
    Pair,
    path_limits,
    raw_log_odds,
    train_booster,
    train_folds,
)
from linekeeper.lab.fit.card_sizes import MERGE_COSTS, level_beyond_chance
from linekeeper.lab.fit.feature_bins import BinnedTable
from linekeeper.lab.fit.folds import folds_of, folds_possible
from linekeeper.lab.fit.line_teacher import columns_of_lines, log_odds_of_lines
from linekeeper.lab.fit.merging_level import log_odds_by_level
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.pair_choice import choose_pairs
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability, slope_and_shift
from linekeeper.lab.fit.training_table import Rows
from linekeeper.lab.fit.tree_reading import read_boosters

FEW_ROWS = 10_000  # from here on a single booster of all rows does better, and takes less time
INNER_FOLDS = 5
INNER_TEACHER_ROUNDS = 300
WITHOUT_TABLES = {**ON_LABELS, "num_leaves": 2, "learning_rate": 0.05}

Boosters = list[lgb.Booster]


def is_few(data: BinnedTable) -> bool:
    """Whether the rows are few, and yet enough to be parted into folds."""
    return len(data) < FEW_ROWS and folds_possible(data.table) >= INNER_FOLDS


@dataclass(slots=True)
class InnerFolds:
    """The boosters of a table of few rows, each fitted once, when it is first asked for.

    `parts`: for each inner fold, the rows that its boosters see, and those that judge them.
    """

    data: BinnedTable
    plan: FitPlan
    parts: list[tuple[Rows, Rows]]
    _forests: list[lgb.Booster] = field(default_factory=list)
    _on_labels: dict[tuple[Pair, ...], tuple[float, Boosters]] = field(default_factory=dict)
    _on_forests: dict[tuple[Pair, ...], Boosters] = field(default_factory=dict)
    _lines: list[Floats] = field(default_factory=list)
    _on_lines: Boosters = field(default_factory=list)

    @classmethod
    def of(cls, data: BinnedTable, plan: FitPlan) -> InnerFolds:
        """The inner folds of a table, drawn by another seed than the folds of a validation."""
        fold = folds_of(data.table, INNER_FOLDS, plan.seed + 1)
        numbers = range(INNER_FOLDS)
        return cls(data, plan, [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in numbers])

    def forest(self) -> Forest:
        """LightGBM without limits: a booster an inner fold."""
        if not self._forests:
            for number, (seen, _) in enumerate(self.parts):
                part = self.data.take(seen)
                seed = self.plan.seed + number
                self._forests.append(
                    train_booster(part.coarse_data(), part.label, self.plan, FOREST_ROUNDS, FOREST, seed=seed)
                )
        return Forest(tuple(self._forests), self.data.coarse)

    def fit(self, method: str) -> Fitted:
        """`main`, or `tables`: with tables only where they make rows that no booster has seen likelier."""
        pairs: list[Pair] = []
        if method == "tables":
            candidates = choose_pairs(self.data, self.plan, self.data.label)
            if candidates and self._labels(candidates)[0] < self._labels(pairs)[0]:
                pairs = candidates
        boosters = {"labels": self._labels(pairs)[1], "teacher": self._teacher(pairs)}
        of_unseen = {source: self._of_unseen(each) for source, each in boosters.items()}
        by_way = {way: weighed_sum(shares, of_unseen) for way, shares in WAYS.items()}
        aucs = {way: self._auc(log_odds) for way, log_odds in by_way.items()}
        if self._auc(self._lines_of_unseen()) > max(aucs.values()) - LINES_BEHIND_MAX:
            boosters["linear"] = self._linear()
            of_unseen["linear"] = self._of_unseen(boosters["linear"])
            by_way |= {way: weighed_sum(shares, of_unseen) for way, shares in WAYS_WITH_LINES.items()}
            aucs = {way: self._auc(log_odds) for way, log_odds in by_way.items()}
        way = max(aucs, key=lambda way: aucs[way])
        shares = Learning(way, aucs).shares
        slope, shift = slope_and_shift(self.data.table.label, by_way[way], self.data.table.weight)
        if slope <= 0:  # nothing that these rows say holds of others
            slope, shift = 1.0, 0.0
        level = self._level(boosters, shares, slope, shift)
        weighed = [(one, share / INNER_FOLDS) for source, share in shares.items() for one in boosters[source]]
        # Boosters of few rows say too little or too much. Points that are too small would lose most in rounding.
        model = read_boosters(weighed, self.data.fine).scaled(slope, shift)
        return Fitted(model, Learning(way, aucs, level), merging_level=level)

    def _auc(self, log_odds: Floats) -> float:
        return auc(self.data.label, log_odds, self.data.table.weight)

    def _level(self, boosters: dict[str, Boosters], shares: Shares, slope: float, shift: float) -> int:
        """How far bins can be merged before rows not seen lose by it: each inner fold judges the merging of its own."""
        by_level = [np.empty(len(self.data)) for _ in MERGE_COSTS]
        for number, (seen, unseen) in enumerate(self.parts):
            part, rest = self.data.take(seen), self.data.table.take(unseen)
            weighed = [(boosters[source][number], share) for source, share in shares.items()]
            model = read_boosters(weighed, part.fine).scaled(slope, shift)
            for level, log_odds in enumerate(log_odds_by_level(model, part.table, self.plan, rest.features)):
                by_level[level][unseen] = log_odds
        return level_beyond_chance(self.data.table.label, by_level, self.data.table.weight)

    def _labels(self, pairs: Sequence[Pair]) -> tuple[float, Boosters]:
        """Boosters on the labels with as many rounds as help them all, and their log-loss of rows not seen."""
        key = tuple(pairs)
        if key not in self._on_labels:
            limits, settings = path_limits(self.data.fine, pairs), ON_LABELS if pairs else WITHOUT_TABLES
            data = self.data.fine_data()
            self._on_labels[key] = train_folds(
                data, self.data.label, self.plan, ROUNDS_MAX, settings, limits, self.parts
            )
        return self._on_labels[key]

    def _teacher(self, pairs: Sequence[Pair]) -> Boosters:
        """Boosters on what the forest of the same inner fold says of the rows that it has seen."""
        key = tuple(pairs)
        if key not in self._on_forests:
            limits = path_limits(self.data.fine, pairs)
            matrix = self.data.coarse.matrix()
            self._on_forests[key] = [
                train_booster(
                    self.data.take(seen).fine_data(),
                    probability(raw_log_odds(teacher, matrix[seen])),
                    self.plan,
                    INNER_TEACHER_ROUNDS,
                    ON_LABELS,
                    limits,
                    seed=self.plan.seed + number,
                )
                for number, (teacher, (seen, _)) in enumerate(zip(self.forest().boosters, self.parts, strict=True))
            ]
        return self._on_forests[key]

    def _lines_of_folds(self) -> list[Floats]:
        """For each inner fold: what a regression on the rows that it sees says of all rows."""
        if not self._lines:
            columns, weight = columns_of_lines(self.data.fine), self.data.table.weight
            self._lines.extend(log_odds_of_lines(columns, self.data.label, seen, weight) for seen, _ in self.parts)
        return self._lines

    def _lines_of_unseen(self) -> Floats:
        """What the regressions themselves say of the rows that they have not seen."""
        log_odds = np.empty(len(self.data))
        for lines, (_, unseen) in zip(self._lines_of_folds(), self.parts, strict=True):
            log_odds[unseen] = lines[unseen]
        return log_odds

    def _linear(self) -> Boosters:
        """Boosters without tables, in the plan's directions, on what the regression of the same inner fold says."""
        if not self._on_lines:
            limits = path_limits(self.data.fine, [])
            self._on_lines.extend(
                train_booster(
                    self.data.take(seen).fine_data(),
                    probability(lines[seen]),
                    self.plan,
                    LINES_ROUNDS,
                    LINES_SETTINGS,
                    limits,
                    seed=self.plan.seed + number,
                )
                for number, (lines, (seen, _)) in enumerate(zip(self._lines_of_folds(), self.parts, strict=True))
            )
        return self._on_lines

    def _of_unseen(self, boosters: Boosters) -> Floats:
        """The log-odds of each row by the booster that has not seen it."""
        matrix, log_odds = self.data.fine.matrix(), np.empty(len(self.data))
        for booster, (_, unseen) in zip(boosters, self.parts, strict=True):
            log_odds[unseen] = raw_log_odds(booster, matrix[unseen])
        return log_odds
