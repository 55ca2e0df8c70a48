"""DiCE (dice-ml; Mothilal et al., 2020) asked what would lift restricted accounts over a threshold of the score.

DiCE answers with other values of features. Its advice counts as possible where some life open to the borrower
(paying none to all of what is owed, waiting, income as before or doubled) brings every value it changes into the
advised bin of the card on one and the same day within 400 days: a test in DiCE's favour, for the bins are wide and
the holds of the policy are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from restricted import REPOSITORY, Restricted

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from linekeeper.recourse import RoadBack, find_road_back
from linekeeper.recourse.actions import ActionPlan, kernel_rows
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.model import EARLY_DAYS
from linekeeper.recourse.verify import verify_plan_daily
from linekeeper.scorecard.points import parts

THRESHOLD = 580
WITHIN_DAYS = 400
FIXED = ("tenure", "late_30_12m", "late_3_6m", "bureau_score")  # a borrower cannot change what has happened
SCORE_ONLY = f"""triggers:
  weak_score: {{when: score < {THRESHOLD}, hold: 30d, cap: 70%, reason: weak_score}}
restoration: {{first: 40%, step: 20%, every: 30d}}
"""


@dataclass(frozen=True)
class Advice:
    """What one adviser's answers are worth. Shares in percent; money in major units, the median."""

    by: str
    accounts: int
    answered: float
    over_the_threshold: float
    possible: float
    early_money: float | None
    seconds_each: float


def score_only() -> Policy:
    """The example policy with the score as its only trigger."""
    text = (REPOSITORY / "policies" / "consumer-loan.yaml").read_text("utf-8")
    return load_text(text[: text.index("\ntriggers:") + 1] + SCORE_ONLY)


def lives(baseline: Baseline) -> Iterator[tuple[int, np.ndarray]]:
    """(early money, features at the start of each of the next days) of the lives open to the borrower."""
    kernel, names = baseline.kernel, len(baseline.kernel.policy.features)
    days = np.arange(baseline.day + 1, baseline.day + WITHIN_DAYS, dtype=np.int64)
    overdue, beyond = baseline.overdue_minor, baseline.owed_minor - baseline.overdue_minor
    for today in sorted({overdue + beyond * share // 10 for share in range(11)}):
        usual = sum(stream.amount_minor for stream in baseline.routine.incomes) or baseline.slot("GRANTED")
        for income in (None, 2 * usual):
            rows = kernel_rows(baseline, ActionPlan(today, income_minor=income), int(days[-1]))
            columns = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
            width = max(len(kind.fields) for kind in kernel.policy.kinds)
            x = np.array([row.x + (0,) * (width - len(row.x)) for row in rows], dtype=np.int64).reshape(
                len(rows), width
            )
            out = np.zeros((len(days), kernel.shape.width), dtype=np.int64)
            state, scratch = np.array([baseline.state], dtype=np.int64), np.zeros(kernel.shape.width, dtype=np.int64)
            heads, starts = np.zeros((len(days), 2), dtype=np.int64), np.array([0, len(rows)], dtype=np.int64)
            kernel.compiled.snapshots(state, starts, *columns, x, days, out, heads, scratch)
            yield early(baseline, rows), out[:, kernel.shape.values : kernel.shape.values + names]


def early(baseline: Baseline, rows: Sequence[EventRow]) -> int:
    """What is paid on the first 30 days."""
    repay = baseline.kernel.policy.kind("repay").number
    return sum(row.x[0] for row in rows if row.kind == repay and row.hour // 24 < baseline.day + EARLY_DAYS)


def least_money(policy: Policy, baseline: Baseline, before: dict[str, int], advised: dict[str, float]) -> int | None:
    """Early money of the cheapest life in which the advice comes about; None where none of them does."""
    assert policy.score is not None
    below = {part.feature: part.below for part in policy.score.bins}
    places = {feature.name: place for place, feature in enumerate(policy.features)}
    changed = {
        name: value for name, value in advised.items() if _bin(below[name], value) != _bin(below[name], before[name])
    }
    found = []
    for paid, values in lives(baseline):
        here = np.ones(len(values), dtype=bool)
        for name, value in changed.items():
            column = values[:, places[name]]
            here &= (np.searchsorted(below[name], column, side="right") == _bin(below[name], value)) & (
                column != MISSING
            )
        found += [paid] if here.any() else []
    return min(found, default=None)


def _bin(below: Sequence[int], value: float) -> int:
    return int(np.searchsorted(below, value, side="right"))


class Card:
    """The scorecard as a model that DiCE can ask: class 1 at the threshold or above."""

    def __init__(self, policy: Policy, names: list[str]) -> None:
        self.score, self.names = policy.score, names

    def points(self, values: dict[str, Any]) -> int:
        """The score of one set of values."""
        assert self.score is not None
        return self.score.base + sum(part.points for part in parts(self.score, values))

    def predict_proba(self, table: Any) -> np.ndarray:
        """Chances of both classes, from the distance to the threshold (20 points double the odds)."""
        rows = np.asarray(table[self.names], dtype=float)
        scores = np.array([self.points(dict(zip(self.names, row, strict=True))) for row in rows])
        good = 1 / (1 + 2.0 ** (-(scores - THRESHOLD + 0.5) / 20))
        return np.stack([1 - good, good], axis=1)

    def predict(self, table: Any) -> np.ndarray:
        """The likelier class."""
        likelier: np.ndarray = np.argmax(self.predict_proba(table), axis=1)
        return likelier


def compare(policy: Policy, kernel: Kernel, found: Sequence[Restricted], method: str) -> Iterator[Advice]:
    """Both advisers on the same accounts."""
    assert policy.score is not None
    names = [part.feature for part in policy.score.bins]
    whole = [one for one in found if all(one.values[name] is not None for name in names)]
    yield _of_linekeeper(kernel, whole)
    for label, vary in (("all features", names), ("what a borrower moves", [n for n in names if n not in FIXED])):
        yield _of_dice(policy, kernel, whole, names, vary, f"DiCE ({method}), {label}", method)


def _of_linekeeper(kernel: Kernel, found: Sequence[Restricted]) -> Advice:
    began = time.perf_counter()
    roads = [find_road_back(kernel, one.state, one.day) for one in found]
    seconds = time.perf_counter() - began
    pairs = [(one, road) for one, road in zip(found, roads, strict=True) if isinstance(road, RoadBack)]
    true = sum(verify_plan_daily(kernel, one.state, road.day, road.fastest) for one, road in pairs)
    least = [min(plan.early_minor for plan in road.plans) for _, road in pairs]
    return _advice("linekeeper", kernel, len(found), len(pairs), true, true, least, seconds)


def _of_dice(
    policy: Policy, kernel: Kernel, found: Sequence[Restricted], names: list[str], vary: list[str], by: str, method: str
) -> Advice:
    import dice_ml
    import pandas as pd

    model = Card(policy, names)
    table = pd.DataFrame([[one.values[name] for name in names] for one in found], columns=names).astype(int)
    labelled = table.assign(good=model.predict(table))
    labelled.loc[labelled.index[0], "good"] = 1  # DiCE wants both classes in its data
    data = dice_ml.Data(dataframe=labelled, continuous_features=names, outcome_name="good")
    explainer = dice_ml.Dice(data, dice_ml.Model(model=model, backend="sklearn"), method=method)
    answered = over = 0
    paid = []
    began = time.perf_counter()
    answers = [_ask(explainer, table.iloc[[i]], vary) for i in range(len(found))]
    seconds = time.perf_counter() - began
    for one, answer in zip(found, answers, strict=True):
        if answer is None:
            continue
        answered += 1
        over += model.points(answer) >= THRESHOLD
        before = {name: value for name, value in one.values.items() if value is not None}
        money = least_money(policy, baseline_of(kernel, one.state, one.day), before, answer)
        paid += [] if money is None else [money]
    return _advice(by, kernel, len(found), answered, over, len(paid), paid, seconds)


def _ask(explainer: Any, query: Any, vary: list[str]) -> dict[str, float] | None:
    """One counterfactual, or None where DiCE finds none."""
    from raiutils.exceptions import UserConfigValidationException

    try:
        options = {"verbose": False} if not hasattr(explainer, "seed") else {}
        found = explainer.generate_counterfactuals(query, 1, desired_class=1, features_to_vary=vary, **options)
    except UserConfigValidationException:
        return None
    table = found.cf_examples_list[0].final_cfs_df
    return None if table is None or not len(table) else table.iloc[0].drop("good").astype(float).to_dict()


def _advice(
    by: str, kernel: Kernel, asked: int, answered: int, over: int, possible: int, money: list[int], seconds: float
) -> Advice:
    in_percent = 100 / max(asked, 1)
    major = round(float(np.median(money)) / 10**kernel.policy.exponent, 2) if money else None
    return Advice(
        by=by,
        accounts=asked,
        answered=round(in_percent * answered, 1),
        over_the_threshold=round(in_percent * over, 1),
        possible=round(in_percent * possible, 1),
        early_money=major,
        seconds_each=round(seconds / max(asked, 1), 4),
    )
