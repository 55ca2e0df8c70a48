"""Features that tell the label by themselves: what is known only after the outcome, and so will not be there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import Refused
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumn

AUC_ALONE_MAX = 0.99  # no feature that is known in time ranks accounts like this
ROWS_TO_JUDGE = 100
CHANCE_MIN = 1e-9  # that all rows with a code are bad, or good, by chance
ROWS_A_CHOICE = 20


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature, and how it gives the label away."""

    feature: str
    how: str


def leaks(table: TrainingTable, plan: FitPlan) -> Iterator[Leak]:
    """Each feature that ranks the rows nearly perfectly alone, or is missing (or has a code) on one side only."""
    if len(table) < ROWS_TO_JUDGE:
        return
    for feature in plan.features:
        values = table.features[feature.name]
        alone = _auc_alone(feature, values, table.label)
        if alone > AUC_ALONE_MAX:
            yield Leak(feature.name, f"tells bad from good alone (AUC {alone:.3f})")
            continue
        for code in (MISSING, *feature.special):
            side = _side_of_code(values == code, table.label)
            if side:
                what = "is missing" if code == MISSING else f"is {code}"
                yield Leak(feature.name, f"{what} among the {side} only")


def refuse_leaks(table: TrainingTable, plan: FitPlan) -> None:
    """Raises Refused where a feature that the plan does not trust tells the label."""
    leak = next((leak for leak in leaks(table, plan) if leak.feature not in plan.trusted), None)
    if leak:
        raise Refused(
            f"`{leak.feature}` {leak.how}, as what is written down after the outcome does",
            code="feature-tells-label",
            way_out=f"remove it; or, if it is known in time, write `trusted: [{leak.feature}]` in the plan",
            details={"feature": leak.feature},
        )


def _auc_alone(feature: FeaturePlan, values: FeatureColumn, label: FeatureColumn) -> float:
    """How well the amounts rank the rows that have one, in the better of both directions; or the choices."""
    known = (values != MISSING) & ~np.isin(values, feature.special)
    values, label = values[known], label[known]
    if label.all() or not label.any() or len(label) < ROWS_TO_JUDGE:
        return 0.5
    if not feature.choices:
        rising = auc(label, values)
        return max(rising, 1 - rising)
    rows = np.bincount(values, minlength=len(feature.choices))
    rates = np.bincount(values, label, minlength=len(rows)) / np.maximum(rows, 1)
    return auc(label, np.where(rows < ROWS_A_CHOICE, label.mean(), rates)[values])


def _side_of_code(has_code: FeatureColumn, label: FeatureColumn) -> str | None:
    """`bads` or `goods`, where those alone have the code, and not by chance; rows without it are of both kinds."""
    rows, bads = int(has_code.sum()), int(label[has_code].sum())
    if not rows or rows == len(label):
        return None
    rate = float(label.mean())
    if bads == rows and rate**rows < CHANCE_MIN:
        return "bads"
    return "goods" if not bads and (1 - rate) ** rows < CHANCE_MIN else None
