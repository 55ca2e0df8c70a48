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
from linekeeper.lab.fit.additive_fit import LABELS, KnownOfTable, fit_additive
from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.boosting import Forest, fit_forest, fit_untuned_forest, path_limits, rounds_that_help
from linekeeper.lab.fit.feature_bins import BinnedTable, bin_table
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.metrics import auc, auc_difference, auc_interval, calibration_by_decile, cumulative_gains
from linekeeper.lab.fit.pair_choice import choose_pairs
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
    not_behind_before,
    roll_rates,
)
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns
from linekeeper.scorecard.points import lost_by_feature

HORIZON = 12
FIRST_OBSERVED = 12  # months of history before the first month of observation
NEAR, FAR = range(1, 2), range(2, HORIZON + 1)
MERGE_COST = 5e-7  # falling behind is rare: a nat is worth more here
FAR_STEP = 3  # months from one month of observation to the next, of the months ahead that overlap most
ROWS_FOR_PAIRS = 10_000  # so many are enough to choose pairs of features by
ROWS_FOR_FIT = 20_000  # a sample of those that did not fall behind, beside all that did
RISKIEST_SHARE = 0.05
HISTORIES = (3, 6, 12)  # at least so many months seen
REASONS_MAX = 4


@dataclass(frozen=True, slots=True)
class HazardModel:
    """The hazard of some months ahead: the model's log-odds, plus `shift` for rows left out of the sample.

    `forests`: LightGBM as it comes, and the mean of three tuned ones, on the same rows, where they are to be compared.
    """

    card: Score
    model: AdditiveModel
    shift: float
    forests: tuple[Forest, Forest] | None = None

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
    panel: Panel,
    listed: int = 20,
    seed: int = 0,
    progress: Callable[[int], object] = lambda steps_done: None,
    compare: bool = False,
) -> JsonObject:
    """Fit on the months up to 12 before the last, test on those after, and list who is likeliest to fall behind next.

    `listed`: how many accounts to list. `progress` is called after each of four steps. `compare`: fit LightGBM on the
    same rows and rank with it, which takes far longer than all else. Raises LinekeeperError where the panel is too
    short for both, or nobody in it falls behind.
    """
    plan = replace(hazard_plan(), seed=seed)
    last = len(panel.months) - 1
    cut = last - HORIZON
    forecast = fit_forecast(panel, plan, cut, compare)
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


def fit_forecast(panel: Panel, plan: FitPlan, cut: int, compare: bool = False) -> PanelForecast:
    """Fit on observations and months ahead that all lie up to the month at place `cut`.

    What two features say together is looked for in the next month alone: the months after it have the same pairs, which
    saves the dearest step. `compare`: LightGBM as well, on the rows of the next month.
    """
    near = replace(plan, features=tuple(feature for feature in plan.features if feature.name != "months_ahead"))
    table, share = _person_months(panel, cut, NEAR, np.random.default_rng(plan.seed))
    data = bin_table(table, near)
    few = np.flatnonzero(data.sample_accounts(min(1.0, ROWS_FOR_PAIRS / len(data)), plan.seed))
    of_few = data.take(few)
    names = [(near.names[one], near.names[other]) for one, other in choose_pairs(of_few, near, of_few.label)]
    far_table, far_share = _person_months(panel, cut, FAR, np.random.default_rng(plan.seed))
    return PanelForecast(
        _fit_hazard(data, near, names, share, compare),
        _fit_hazard(bin_table(far_table, plan), plan, names, far_share, False),
    )


def _fit_hazard(
    data: BinnedTable, plan: FitPlan, pairs: list[tuple[str, str]], sampled_share: float, compare: bool
) -> HazardModel:
    table, places = data.table, [(plan.names.index(one), plan.names.index(other)) for one, other in pairs]
    known = KnownOfTable(places, rounds_that_help(data, plan, path_limits(data.fine, places)))
    model = with_fewer_bins(fit_additive(data, plan, LABELS, known=known), table, plan)
    card = scorecard_of(model, plan, table.features)
    forests = (fit_untuned_forest(data, plan), fit_forest(data, plan)) if compare else None
    return HazardModel(card, model, float(np.log(sampled_share)), forests)


def _person_months(
    panel: Panel, cut: int, months_ahead: range, chance: np.random.Generator
) -> tuple[TrainingTable, float]:
    """All rows that fell behind, and a random share (the second value) of those that did not.

    Thinning the rest only moves the intercept, by the logarithm of that share (King and Zeng 2001).
    """
    step = FAR_STEP if len(months_ahead) > 1 else 1
    waiting = [
        (month, ahead, *not_behind_before(panel, month, ahead))
        for month in range(FIRST_OBSERVED, cut, step)
        for ahead in months_ahead
        if month + ahead <= cut
    ]
    rows = sum(len(accounts) for _, _, accounts, _ in waiting)
    if not rows:
        raise Refused(
            f"the panel is too short; it needs more than {FIRST_OBSERVED + 2 * HORIZON} months", code="data-too-few"
        )
    sampled_share = min(1.0, ROWS_FOR_FIT / rows)
    columns: list[dict[str, FeatureColumn]] = []
    labels: list[FeatureColumn] = []
    for month, ahead, accounts, behind in waiting:
        chosen = behind | (chance.random(len(accounts)) < sampled_share)
        features = features_at(panel, month, accounts[chosen])
        columns.append({**features, "months_ahead": np.full(int(chosen.sum()), ahead)})
        labels.append(behind[chosen].astype(np.int64))
    label = np.concatenate(labels)
    _demand_both(label)
    numbers = np.arange(len(label)).astype(str)
    return TrainingTable(numbers, np.zeros(len(label), np.int64), label, _stacked(columns), {}), sampled_share


def _stacked(columns: list[dict[str, FeatureColumn]]) -> dict[str, FeatureColumn]:
    return {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}


# ------------------------------------------------------------------ the test, in months that the fit did not see


def _test_next_month(panel: Panel, forecast: PanelForecast, months: range) -> JsonObject:
    """The hazard of the next month over all later months, against LightGBM on the same rows; also by history seen."""
    features: list[dict[str, FeatureColumn]] = []
    labels: list[FeatureColumn] = []
    for month in months:
        accounts, behind = not_behind_before(panel, month, 1)
        features.append(features_at(panel, month, accounts))
        labels.append(behind.astype(np.int64))
    columns, label, near = _stacked(features), np.concatenate(labels), forecast.near
    _demand_both(label)
    hazard = near.hazard(columns)
    untuned, forest = (peer.log_odds(columns) for peer in near.forests) if near.forests else (None, None)
    by_history = {months_seen: columns["months_seen"] >= months_seen for months_seen in HISTORIES}
    return {
        **_ranking(label, hazard, forest, untuned),
        "by_history": [
            {
                "months_seen": months_seen,
                **_ranking(label[rows], hazard[rows], *(_part(p, rows) for p in (forest, untuned))),
            }
            for months_seen, rows in by_history.items()
            if 0 < label[rows].sum() < rows.sum()
        ],
        "gains": {
            "card": cumulative_gains(label, hazard),
            "forest": None if forest is None else cumulative_gains(label, forest),
        },
        "calibration": [asdict(decile) for decile in calibration_by_decile(label, hazard)],
    }


def _demand_both(label: FeatureColumn) -> None:
    """Raises Refused where nobody falls behind, or everybody, so that there is nothing to rank."""
    if label.all() or not label.any():
        raise Refused(
            f"in the months kept for the test {'nobody' if not label.any() else 'everybody'} falls behind",
            code="data-too-few",
            way_out="bring a panel of more accounts or more months",
        )


def _part(log_odds: Floats | None, rows: npt.NDArray[np.bool_]) -> Floats | None:
    return None if log_odds is None else log_odds[rows]


def _ranking(label: FeatureColumn, hazard: Floats, forest: Floats | None, untuned: Floats | None) -> JsonObject:
    """How well the hazard ranks; and LightGBM as it comes (`lightgbm`) and the mean of three tuned ones (`forest`)."""
    middle = auc(label, hazard)
    ranking: JsonObject = {
        "rows": len(label),
        "behind": int(label.sum()),
        "auc": middle,
        "auc_interval": auc_interval(label, hazard, middle=middle),
        "behind_in_riskiest_5_percent": _share_in_riskiest(label, hazard),
    }
    for name, peer in (("lightgbm", untuned), ("forest", forest)):
        ranking[f"auc_{name}"] = None if peer is None else auc(label, peer)
        ranking[f"auc_above_{name}"] = None if peer is None else auc_difference(label, hazard, peer)
        ranking[f"behind_in_riskiest_5_percent_{name}"] = None if peer is None else _share_in_riskiest(label, peer)
    return ranking


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
        behind = not_behind_before(panel, month, ahead)[1]
        not_behind *= 1 - float(behind.mean())
        predicted = float(chances[:, ahead - 1].mean())
        by_horizon.append({"months": ahead, "predicted": predicted, "observed": 1 - not_behind})
    later = panel.levels[risk, month + 1 : month + HORIZON + 1]
    throughout = (later != UNSEEN).all(1)
    label, chance = (later[throughout] >= BEHIND).any(1).astype(np.int64), chances[throughout, -1]
    _demand_both(label)
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
