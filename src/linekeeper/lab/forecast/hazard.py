"""The chance of reaching 30 days past due in each of the next 12 months: a discrete-time hazard, tested out of time.

One row for each account, month of observation and month ahead, as long as the account has not fallen behind; the label
is whether it does in that month (Singer and Willett 1993). The method is that of the scorecard, with one card for the
next month and one for those after; the chance by a month is one less the product of not falling behind until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import Refused
from linekeeper.lab import JsonObject
from linekeeper.lab.fit.additive_fit import TEACHER, fit_additive
from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.boosting import Forest, fit_forest, fit_untuned_forest
from linekeeper.lab.fit.cross_validation import with_fewer_bins
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.metrics import auc, auc_difference, auc_interval, calibration_by_decile, cumulative_gains
from linekeeper.lab.fit.plan import FitPlan, read_fit_plan
from linekeeper.lab.fit.scaling import probability, scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.forecast.panel import (
    BEHIND,
    BUCKET_NAMES,
    LOWEST_LEVEL,
    UNSEEN,
    Panel,
    at_risk,
    features_at,
    roll_rates,
)
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns
from linekeeper.scorecard.points import lost_by_feature

HORIZON = 12
FIRST_OBSERVED = 12  # months of history before the first month of observation
NEAR, FAR = range(1, 2), range(2, HORIZON + 1)
MERGE_COST = 5e-7  # falling behind is rare: a nat is worth more here
ROWS_FOR_FIT = 150_000  # all that fell behind, and a sample of the rest
RISKIEST_SHARE = 0.05
HISTORIES = (3, 6, 12)  # at least so many months seen
REASONS_MAX = 4


@dataclass(frozen=True, slots=True)
class HazardModel:
    """The hazard of some months ahead: the model's log-odds, plus `shift` for rows left out of the sample.

    `forest` is what the model learned from; `untuned`, LightGBM as it comes, is there to compare with.
    """

    card: Score
    model: AdditiveModel
    forest: Forest
    untuned: Forest
    shift: float

    def hazard(self, columns: FeatureColumns) -> Floats:
        """The chance of falling behind in the month ahead that `months_ahead` says, if not before."""
        return probability(self.model.log_odds(columns) + self.shift)


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """One hazard for the next month, and one for the months after it."""

    near: HazardModel
    far: HazardModel

    def chances(self, columns: FeatureColumns) -> Floats:
        """The chance of having fallen behind by each of the next 12 months: [rows, months]."""
        rows = len(next(iter(columns.values())))
        not_behind = np.ones((rows, HORIZON))
        for ahead in range(1, HORIZON + 1):
            model = self.near if ahead in NEAR else self.far
            hazard = model.hazard({**columns, "months_ahead": np.full(rows, ahead)})
            not_behind[:, ahead - 1] = (not_behind[:, ahead - 2] if ahead > 1 else 1.0) * (1 - hazard)
        return 1 - not_behind


def forecast_panel(
    panel: Panel, listed: int = 20, seed: int = 0, progress: Callable[[int], object] = lambda steps_done: None
) -> JsonObject:
    """Fit on the months up to 12 before the last, test on those after, and list who is likeliest to fall behind next.

    `listed`: how many accounts to list. `progress` is called after each of four steps. Raises LinekeeperError where the
    panel is too short for both.
    """
    plan = replace(hazard_plan(), seed=seed)
    last = len(panel.months) - 1
    cut = last - HORIZON
    forecast = fit_forecast(panel, plan, cut)
    progress(1)
    next_month = _test_next_month(panel, forecast, range(cut, last))
    progress(1)
    year = _test_year_ahead(panel, forecast, cut)
    progress(1)
    early_warning = _early_warning(panel, forecast, last, listed)
    progress(1)
    return {
        "format": "linekeeper-forecast/2",
        "accounts": len(panel.accounts),
        "months": len(panel.months),
        "last_month_of_fit": int(panel.months[cut]),
        "out_of_time": next_month,
        **year,
        "roll_rates": {"buckets": list(BUCKET_NAMES), "counts": roll_rates(panel).tolist()},
        "early_warning": early_warning,
    }


def hazard_plan() -> FitPlan:
    """The inputs of the hazard: the features of a panel, and the month ahead."""
    return replace(read_fit_plan(files("linekeeper.lab.forecast") / "plan.yaml"), merge_cost=MERGE_COST)


def fit_forecast(panel: Panel, plan: FitPlan, cut: int) -> PanelForecast:
    """Fit on observations and months ahead that all lie up to the month at place `cut`."""
    near = replace(plan, features=tuple(feature for feature in plan.features if feature.name != "months_ahead"))
    return PanelForecast(_fit_hazard(panel, near, cut, NEAR), _fit_hazard(panel, plan, cut, FAR))


def _fit_hazard(panel: Panel, plan: FitPlan, cut: int, months_ahead: range) -> HazardModel:
    table, sampled_share = _person_months(panel, cut, months_ahead, np.random.default_rng(plan.seed))
    data = bin_table(table, plan)
    forest = fit_forest(data, plan)
    model = with_fewer_bins(fit_additive(data, plan, TEACHER, forest), table, plan)
    untuned = fit_untuned_forest(data, plan)
    card = scorecard_of(model, plan, table.features)
    return HazardModel(card, model, forest, untuned, float(np.log(sampled_share)))


def _person_months(
    panel: Panel, cut: int, months_ahead: range, chance: np.random.Generator
) -> tuple[TrainingTable, float]:
    """All rows that fell behind, and a random share (the second value) of those that did not.

    Thinning the rest only moves the intercept, by the logarithm of that share (King and Zeng 2001).
    """
    observed = [
        (month, [ahead for ahead in months_ahead if month + ahead <= cut]) for month in range(FIRST_OBSERVED, cut)
    ]
    rows = sum(len(_not_behind_before(panel, month, ahead)[0]) for month, all_ahead in observed for ahead in all_ahead)
    if not rows:
        raise Refused(
            f"the panel is too short; it needs more than {FIRST_OBSERVED + 2 * HORIZON} months", code="data-too-few"
        )
    sampled_share = min(1.0, ROWS_FOR_FIT / rows)
    columns: list[dict[str, FeatureColumn]] = []
    labels: list[FeatureColumn] = []
    for month, all_ahead in observed:
        risk = at_risk(panel, month)
        features = features_at(panel, month, risk)
        for ahead in all_ahead:
            accounts, behind = _not_behind_before(panel, month, ahead)
            chosen = behind | (chance.random(len(accounts)) < sampled_share)
            where = np.searchsorted(risk, accounts[chosen])
            features_of_chosen = {name: values[where] for name, values in features.items()}
            columns.append({**features_of_chosen, "months_ahead": np.full(len(where), ahead)})
            labels.append(behind[chosen].astype(np.int64))
    label = np.concatenate(labels)
    numbers = np.arange(len(label)).astype(str)
    return TrainingTable(numbers, np.zeros(len(label), np.int64), label, _stacked(columns), {}), sampled_share


def _not_behind_before(panel: Panel, month: int, ahead: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The accounts at risk in `month` that had not fallen behind before `month + ahead`, and whether they did then."""
    risk = at_risk(panel, month)
    later = panel.levels[risk, month + 1 : month + ahead + 1]
    waiting = (later[:, -1] != UNSEEN) & (later[:, :-1] < BEHIND).all(1)
    return risk[waiting], later[waiting, -1] >= BEHIND


def _stacked(columns: list[dict[str, FeatureColumn]]) -> dict[str, FeatureColumn]:
    return {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}


# ------------------------------------------------------------------ the test, in months that the fit did not see


def _test_next_month(panel: Panel, forecast: PanelForecast, months: range) -> JsonObject:
    """The hazard of the next month over all later months, against LightGBM on the same rows; also by history seen."""
    features: list[dict[str, FeatureColumn]] = []
    labels: list[FeatureColumn] = []
    for month in months:
        risk = at_risk(panel, month)
        accounts, behind = _not_behind_before(panel, month, 1)
        where = np.searchsorted(risk, accounts)
        features.append({name: values[where] for name, values in features_at(panel, month, risk).items()})
        labels.append(behind.astype(np.int64))
    columns, label, near = _stacked(features), np.concatenate(labels), forecast.near
    hazard, forest, untuned = near.hazard(columns), near.forest.log_odds(columns), near.untuned.log_odds(columns)
    by_history = {months_seen: columns["months_seen"] >= months_seen for months_seen in HISTORIES}
    return {
        **_ranking(label, hazard, forest, untuned),
        "by_history": [
            {"months_seen": months_seen, **_ranking(label[rows], hazard[rows], forest[rows], untuned[rows])}
            for months_seen, rows in by_history.items()
            if 0 < label[rows].sum() < rows.sum()
        ],
        "gains": {"card": cumulative_gains(label, hazard), "forest": cumulative_gains(label, forest)},
        "calibration": [asdict(decile) for decile in calibration_by_decile(label, hazard)],
    }


def _ranking(label: FeatureColumn, hazard: Floats, forest: Floats, untuned: Floats) -> JsonObject:
    """How well the hazard, LightGBM as it comes (`lightgbm`) and the mean of three tuned ones (`forest`) rank."""
    return {
        "rows": len(label),
        "behind": int(label.sum()),
        "auc": auc(label, hazard),
        "auc_interval": auc_interval(label, hazard),
        "auc_lightgbm": auc(label, untuned),
        "auc_forest": auc(label, forest),
        "auc_above_lightgbm": auc_difference(label, hazard, untuned),
        "auc_above_forest": auc_difference(label, hazard, forest),
        "behind_in_riskiest_5_percent": _share_in_riskiest(label, hazard),
        "behind_in_riskiest_5_percent_lightgbm": _share_in_riskiest(label, untuned),
        "behind_in_riskiest_5_percent_forest": _share_in_riskiest(label, forest),
    }


def _share_in_riskiest(label: FeatureColumn, risk: Floats) -> float:
    """The share of those who fell behind among the riskiest 5 %."""
    riskiest = np.argsort(-risk, kind="stable")[: int(len(risk) * RISKIEST_SHARE)]
    return float(label[riskiest].sum() / label.sum())


def _test_year_ahead(panel: Panel, forecast: PanelForecast, month: int) -> JsonObject:
    """From one month: predicted and observed share by each month ahead, and by decile for the whole year.

    Accounts leave the panel before the year is over: by month, the observed share is the product-limit estimate
    (Kaplan and Meier 1958); by decile, only accounts that were seen throughout count.
    """
    risk = at_risk(panel, month)
    chances = forecast.chances(features_at(panel, month, risk))
    not_behind, by_horizon = 1.0, []
    for ahead in range(1, HORIZON + 1):
        behind = _not_behind_before(panel, month, ahead)[1]
        not_behind *= 1 - float(behind.mean())
        predicted = float(chances[:, ahead - 1].mean())
        by_horizon.append({"months": ahead, "predicted": predicted, "observed": 1 - not_behind})
    later = panel.levels[risk, month + 1 : month + HORIZON + 1]
    throughout = (later != UNSEEN).all(1)
    label, chance = (later[throughout] >= BEHIND).any(1).astype(np.int64), chances[throughout, -1]
    calibration = [asdict(decile) for decile in calibration_by_decile(label, chance)]
    year = {"rows": len(label), "behind": int(label.sum()), "auc": auc(label, chance), "calibration": calibration}
    return {"by_horizon": by_horizon, "year": year}


# ------------------------------------------------------------------ who is likeliest to fall behind


def _early_warning(panel: Panel, forecast: PanelForecast, month: int, listed: int) -> list[JsonObject]:
    """The accounts likeliest to fall behind within a year, with the features that cost most points."""
    risk = at_risk(panel, month)
    features = features_at(panel, month, risk)
    chances = forecast.chances(features)
    likeliest = np.argsort(-chances[:, -1], kind="stable")[:listed]
    return [
        dict(_warning(panel, forecast.near.card, features, int(row), int(risk[row]), chances[row])) for row in likeliest
    ]


def _warning(
    panel: Panel, card: Score, features: FeatureColumns, row: int, account: int, chances: Floats
) -> Iterator[tuple[str, Any]]:
    values = {name: None if column[row] == MISSING else int(column[row]) for name, column in features.items()}
    lost = sorted(lost_by_feature(card, values).items(), key=lambda pair: -pair[1])[:REASONS_MAX]
    yield "account", str(panel.accounts[account])
    yield "bucket", BUCKET_NAMES[int(panel.levels[account, -1]) - LOWEST_LEVEL]
    yield "chances", [round(float(chance), 6) for chance in chances]
    yield "reasons", [{"feature": name, "points_lost": points} for name, points in lost if points > 0]
