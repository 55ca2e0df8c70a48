"""The chance of reaching 30 days past due in each of the next 12 months: a discrete-time hazard, tested out of time.

One row for each account, month of looking and month ahead, as long as the account has not fallen behind; the label is
whether it does in that month (Singer and Willett 1993). The machinery is that of the scorecard, with one card for the
next month and one for those after; the chance by a month is one less the product of not falling behind until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.catalogue import plan_named
from linekeeper.lab.fit.additive_model import Additive, Floats
from linekeeper.lab.fit.boosting import Forest, fit_additive, fit_forest, fit_plain
from linekeeper.lab.fit.calibrate import by_decile, probability
from linekeeper.lab.fit.cross_validation import tidy
from linekeeper.lab.fit.metrics import auc, auc_difference, auc_interval
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.forecast.panel import BEHIND, NAMES, UNSEEN, Panel, at_risk, features_at, roll_rates
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import Column, Columns
from linekeeper.scorecard.points import lost_by_feature

HORIZON = 12
FIRST_PLACE = 12  # months of history before the first look
NEAR, FAR = range(1, 2), range(2, HORIZON + 1)
MERGE_COST = 5e-7  # falling behind is rare: a nat is worth more here
ROWS_FOR_FIT = 150_000  # all that fell behind, and a sample of the rest
RISKIEST = 0.05
HISTORIES = (3, 6, 12)  # at least so many months seen

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """The hazard of some months ahead: log-odds as the model says, plus `shift` for rows left out of the sample.

    `forest` taught the model; `plain`, LightGBM as it comes, is there to compare with.
    """

    card: Score
    model: Additive
    forest: Forest
    plain: Forest
    shift: float

    def hazard(self, columns: Columns) -> Floats:
        """The chance of falling behind in the month ahead that `months_ahead` says, if not before."""
        return probability(self.model.log_odds(columns) + self.shift)


@dataclass(frozen=True, slots=True)
class Hazard:
    """The next month, and those after it."""

    near: Stage
    far: Stage

    def chances(self, columns: Columns) -> Floats:
        """The chance of having fallen behind by each of the next 12 months: [rows, months]."""
        rows = len(next(iter(columns.values())))
        stay = np.ones((rows, HORIZON))
        for ahead in range(1, HORIZON + 1):
            stage = self.near if ahead in NEAR else self.far
            hazard = stage.hazard({**columns, "months_ahead": np.full(rows, ahead)})
            stay[:, ahead - 1] = (stay[:, ahead - 2] if ahead > 1 else 1.0) * (1 - hazard)
        return 1 - stay


def forecast_panel(
    panel: Panel, listed: int = 20, seed: int = 0, tell: Callable[[int], None] = lambda done: None
) -> Json:
    """Fit on the months up to 12 before the last, test on those after, and list who is likeliest to fall behind next.

    LinekeeperError where the panel is too short to do both.
    """
    plan = replace(plan_named("panel"), seed=seed, merge_cost=MERGE_COST)
    last = len(panel.months) - 1
    cut = last - HORIZON
    past = fit_hazard(panel, plan, cut)
    tell(1)
    tested = _next_month(panel, past, range(cut, last))
    tell(1)
    year = _year_ahead(panel, past, cut)
    tell(1)
    early = _early_warning(panel, past, last, listed)
    tell(1)
    return {
        "format": "linekeeper-forecast/1",
        "accounts": len(panel.accounts),
        "months": len(panel.months),
        "last_month_of_fit": int(panel.months[cut]),
        "out_of_time": tested,
        **year,
        "roll_rates": {"buckets": list(NAMES), "counts": roll_rates(panel).tolist()},
        "early_warning": early,
    }


def fit_hazard(panel: Panel, plan: FitPlan, cut: int) -> Hazard:
    """Fit on looks and months ahead that all lie up to the month at place `cut`."""
    near = replace(plan, features=tuple(feature for feature in plan.features if feature.name != "months_ahead"))
    return Hazard(_fit_stage(panel, near, cut, NEAR), _fit_stage(panel, plan, cut, FAR))


def _fit_stage(panel: Panel, plan: FitPlan, cut: int, months: range) -> Stage:
    table, kept = _person_months(panel, cut, months, np.random.default_rng(plan.seed))
    forest = fit_forest(table, plan)
    model = tidy(fit_additive(table, plan, forest), table, plan)
    plain = fit_plain(table, plan)
    return Stage(scorecard_of(model, plan, table.features), model, forest, plain, float(np.log(kept)))


def _person_months(panel: Panel, cut: int, months: range, chance: np.random.Generator) -> tuple[TrainingTable, float]:
    """All rows that fell behind, and a random part (the second value) of those that did not.

    Thinning the rest only moves the intercept, by the logarithm of that part (King and Zeng 2001).
    """
    evaluations = [(place, [n for n in months if place + n <= cut]) for place in range(FIRST_PLACE, cut)]
    rows = sum(len(_waiting(panel, place, ahead)[0]) for place, every in evaluations for ahead in every)
    if not rows:
        raise LinekeeperError(f"the panel is too short; it needs more than {FIRST_PLACE + 2 * HORIZON} months")
    kept = min(1.0, ROWS_FOR_FIT / rows)
    columns: list[dict[str, Column]] = []
    labels: list[Column] = []
    for place, every in evaluations:
        risk = at_risk(panel, place)
        features = features_at(panel, place, risk)
        for ahead in every:
            waiting, behind = _waiting(panel, place, ahead)
            chosen = behind | (chance.random(len(waiting)) < kept)
            where = np.searchsorted(risk, waiting[chosen])
            taken = {name: values[where] for name, values in features.items()}
            columns.append({**taken, "months_ahead": np.full(len(where), ahead)})
            labels.append(behind[chosen].astype(np.int64))
    label = np.concatenate(labels)
    joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    numbers = np.arange(len(label)).astype(str)
    return TrainingTable(numbers, np.zeros(len(label), np.int64), label, joined, {}), kept


def _waiting(panel: Panel, place: int, ahead: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The accounts at risk at `place` that had not fallen behind before `place + ahead`, and whether they did then."""
    risk = at_risk(panel, place)
    later = panel.levels[risk, place + 1 : place + ahead + 1]
    there = (later[:, -1] != UNSEEN) & (later[:, :-1] < BEHIND).all(1)
    return risk[there], later[there, -1] >= BEHIND


# ------------------------------------------------------------------ the test, in months that the fit did not see


def _next_month(panel: Panel, hazard: Hazard, places: range) -> Json:
    """The hazard of the next month over all later months, against LightGBM on the same rows; also by history seen."""
    every: list[Columns] = []
    labels: list[Column] = []
    for place in places:
        risk = at_risk(panel, place)
        rows, behind = _waiting(panel, place, 1)
        where = np.searchsorted(risk, rows)
        every.append({name: values[where] for name, values in features_at(panel, place, risk).items()})
        labels.append(behind.astype(np.int64))
    columns = {name: np.concatenate([part[name] for part in every]) for name in every[0]}
    label, near = np.concatenate(labels), hazard.near
    said, forest, plain = near.hazard(columns), near.forest.log_odds(columns), near.plain.log_odds(columns)
    long = {least: columns["months_seen"] >= least for least in HISTORIES}
    return {
        **_ranked(label, said, forest, plain),
        "by_history": [
            {"months_seen": least, **_ranked(label[rows], said[rows], forest[rows], plain[rows])}
            for least, rows in long.items()
            if 0 < label[rows].sum() < rows.sum()
        ],
        "found": {"card": _gains(label, said), "forest": _gains(label, forest)},
        "calibration": [asdict(part) for part in by_decile(label, said)],
    }


def _ranked(label: Column, said: Floats, forest: Floats, plain: Floats) -> Json:
    """How well the hazard, LightGBM as it comes (`lightgbm`) and the mean of three tuned ones (`forest`) rank."""
    return {
        "rows": len(label),
        "behind": int(label.sum()),
        "auc": auc(label, said),
        "auc_interval": auc_interval(label, said),
        "auc_lightgbm": auc(label, plain),
        "auc_forest": auc(label, forest),
        "auc_above_lightgbm": auc_difference(label, said, plain),
        "auc_above_forest": auc_difference(label, said, forest),
        "found_in_riskiest_5_percent": _found(label, said),
        "found_by_lightgbm": _found(label, plain),
        "found_by_forest": _found(label, forest),
    }


def _found(label: Column, risk: Floats) -> float:
    first = np.argsort(-risk, kind="stable")[: int(len(risk) * RISKIEST)]
    return float(label[first].sum() / label.sum())


def _gains(label: Column, risk: Floats) -> list[float]:
    """The share of those who fell behind among the riskiest 0, 1, ... 100 %."""
    found = np.append(0, np.cumsum(label[np.argsort(-risk, kind="stable")])) / label.sum()
    return [float(found[round(len(label) * percent / 100)]) for percent in range(101)]


def _year_ahead(panel: Panel, hazard: Hazard, place: int) -> Json:
    """From one month: the chance told and the share that came by each month ahead, and by decile for the whole year.

    Accounts leave the panel before the year is over: by month, the share that came is the product-limit estimate
    (Kaplan and Meier 1958); by decile, only accounts that were seen throughout count.
    """
    risk = at_risk(panel, place)
    told = hazard.chances(features_at(panel, place, risk))
    stayed, by_horizon = 1.0, []
    for ahead in range(1, HORIZON + 1):
        behind = _waiting(panel, place, ahead)[1]
        stayed *= 1 - float(behind.mean())
        by_horizon.append({"months": ahead, "told": float(told[:, ahead - 1].mean()), "came": 1 - stayed})
    later = panel.levels[risk, place + 1 : place + HORIZON + 1]
    whole = (later != UNSEEN).all(1)
    label, chance = (later[whole] >= BEHIND).any(1).astype(np.int64), told[whole, -1]
    year = {"rows": len(label), "behind": int(label.sum()), "auc": auc(label, chance)}
    return {
        "by_horizon": by_horizon,
        "year": {**year, "calibration": [asdict(part) for part in by_decile(label, chance)]},
    }


def _early_warning(panel: Panel, hazard: Hazard, place: int, listed: int) -> list[Json]:
    """The accounts likeliest to fall behind within a year, with the features that cost most points."""
    risk = at_risk(panel, place)
    features = features_at(panel, place, risk)
    chances = hazard.chances(features)
    first = np.argsort(-chances[:, -1], kind="stable")[:listed]
    return [dict(_warning(panel, hazard, features, int(row), int(risk[row]), chances[row])) for row in first]


def _warning(
    panel: Panel, hazard: Hazard, features: Columns, row: int, account: int, chances: Floats
) -> Iterator[tuple[str, Any]]:
    values = {name: None if column[row] == MISSING else int(column[row]) for name, column in features.items()}
    lost = lost_by_feature(hazard.near.card, values)
    most = sorted(lost.items(), key=lambda pair: -pair[1])[:4]
    yield "account", str(panel.accounts[account])
    yield "bucket", NAMES[int(panel.levels[account].astype(int)[-1]) + 2]
    yield "chances", [round(float(chance), 6) for chance in chances]
    yield "reasons", [{"feature": name, "points_lost": points} for name, points in most if points > 0]
