"""Each label beside the line that its account had when its day began, and how long that had been so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import Ints
from linekeeper.lab.backtest.dated_labels import DatedLabels, Flags
from linekeeper.lab.backtest.line_paths import LINE_STATUSES, LinePaths
from linekeeper.lab.outcome import GRADES

BP = 10_000  # a whole in basis points
DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class MoneyTerms:
    """What a label's money is reckoned by, in basis points: the part of an exposure that is lost, the yearly margin."""

    lgd_bp: int | None = None
    margin_bp: int | None = None


@dataclass(frozen=True)
class LabelCases:
    """One row a label. All int64 but `restricted` (bool) and `caught` (labels by triggers, bool).

    `restricted`: whether the line was restricted when the label's day began; `lead_days`: for how long by then, without
    a break, MISSING where it was not. `withheld`: what of the granted line could not be used. Money in minor units,
    MISSING where it is not known: `loss` is the amount of a bad label by the LGD; `avoided` the part of it that lay
    above what the restricted line allowed, which is the most that the restriction could have saved; `forgone` the
    margin on what was withheld from a good one, which is the most that it could have cost.
    """

    labels: DatedLabels
    triggers: tuple[str, ...]
    restricted: Flags
    grade: Ints
    status: Ints
    lead_days: Ints
    withheld: Ints
    caught: Flags
    loss: Ints
    avoided: Ints
    forgone: Ints

    def as_table(self) -> pa.Table:
        """The cases as columns, for a file: `caught_by` has the triggers joined by commas."""
        labels = self.labels
        named = [",".join(name for name, on in zip(self.triggers, row, strict=True) if on) for row in self.caught]
        numbers = {
            "amount_minor": labels.amount,
            "lead_days": self.lead_days,
            "withheld_minor": self.withheld,
            "loss_minor": self.loss,
            "avoided_minor": self.avoided,
            "forgone_minor": self.forgone,
        }
        columns: dict[str, pa.Array] = {
            "account": pa.array(labels.account, pa.string()),
            "observed_on": pa.array(labels.day.astype(np.int32), pa.int32()).cast(pa.date32()),
            "outcome": pa.array(np.where(labels.bad, "bad", "good").tolist(), pa.string()),
            "restricted": pa.array(self.restricted),
            "grade": pa.array([GRADES[number] for number in self.grade.tolist()], pa.string()),
            "status": pa.array([LINE_STATUSES[number] for number in self.status.tolist()], pa.string()),
            "caught_by": pa.array(named, pa.string()),
        }
        columns |= {name: pa.array(values, mask=values == MISSING) for name, values in numbers.items()}
        return pa.table(columns | {f"segment.{name}": words for name, words in labels.segments.items()})


def label_cases(paths: LinePaths, labels: DatedLabels, money: MoneyTerms) -> LabelCases:
    """The case of each label. An account without a decision before the label's day had an unrestricted line."""
    rows = paths.before(labels.account, labels.day)
    known = rows >= 0
    safe = np.where(known, rows, 0)
    grade, status = (_taken(column, safe, known, 0) for column in (paths.grade, paths.status))
    restricted = grade > 0
    since = _taken(paths.since, safe, known, -1)
    began = _taken(paths.day, np.where(restricted, since, 0), restricted, 0)
    lead_days = np.where(restricted, labels.day - began, MISSING)
    granted, usable = (_taken(column, safe, known, 0) for column in (paths.granted, paths.usable))
    withheld = np.where(restricted, np.maximum(granted - usable, 0), 0)
    loss, avoided, forgone = _money(labels, restricted, lead_days, withheld, usable, money)
    caught = paths.caught_by(np.where(restricted, rows, -1))
    figures = (restricted, grade, status, lead_days, withheld, caught, loss, avoided, forgone)
    return LabelCases(labels, paths.triggers, *figures)


def _taken(column: Ints, rows: Ints, known: Flags, other: int) -> Ints:
    """The column at those rows where they are known, else `other`."""
    return np.where(known, column[rows], other) if len(column) else np.full(len(rows), other, dtype=np.int64)


def _money(
    labels: DatedLabels, restricted: Flags, lead_days: Ints, withheld: Ints, usable: Ints, money: MoneyTerms
) -> tuple[Ints, Ints, Ints]:
    """Loss, the part of it that might have been avoided, and margin forgone, a label; all rounded down.

    In Python's own integers: an amount times a share times days may not fit into 64 bits.
    """
    loss, avoided, forgone = (np.full(len(labels), MISSING, dtype=np.int64) for _ in range(3))
    lgd_bp, margin_bp = money.lgd_bp, money.margin_bp
    for row in range(len(labels)):
        bad, hit, amount = bool(labels.bad[row]), bool(restricted[row]), int(labels.amount[row])
        if lgd_bp is not None and amount != MISSING:
            loss[row] = amount * lgd_bp // BP if bad else 0
            avoided[row] = max(amount - int(usable[row]), 0) * lgd_bp // BP if bad and hit else 0
        if margin_bp is not None:
            days = int(lead_days[row]) if hit and not bad else 0
            forgone[row] = int(withheld[row]) * margin_bp * days // (BP * DAYS_A_YEAR)
    return loss, avoided, forgone
