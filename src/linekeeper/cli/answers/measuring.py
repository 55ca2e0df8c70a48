"""Answers about scores and how policies and scorecards do: snapshots, fits, forecasts, outcomes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Currency, Minor, RepeatFigures, Sha256

Auc = Annotated[float, Meta(description="Area under the ROC curve, on rows that were not seen.")]
Share = Annotated[float, Meta(description="From 0 to 1.")]
AucInterval = Annotated[tuple[float, float], Meta(description="95 % interval (DeLong).")]
AucDifference = Annotated[tuple[float, float, float], Meta(description="A difference and its 95 % interval.")]


class SnapshotAnswer(RepeatFigures, frozen=True, tag="linekeeper/snapshot/1"):
    """A table of features as of some days."""

    output: str
    rows: int
    bad: Annotated[int | None, Meta(description="Null where no label was asked for.")]
    already: Annotated[int, Meta(description="Left out: bad at the day itself.")]
    unseen: Annotated[
        int, Meta(description="Left out: the events end before their horizon does, whoever is bad by then.")
    ]
    short_history: Annotated[int, Meta(description="Left out: less history before the day than `--history` asks for.")]
    indeterminate: Annotated[int, Meta(description="Of the rows, those that are neither good nor bad.")]


class FitAnswer(CommandAnswer, frozen=True, tag="linekeeper/fit/1"):
    """A fitted scorecard."""

    name: str
    sha256: Sha256
    auc: Auc
    base: Annotated[int, Meta(description="The score of an account without any points.")]
    features: int
    tables: int
    card: Annotated[str | None, Meta(description="The file of the card; null without `--output`.")]
    model_card: str | None
    kept_out: Annotated[
        dict[str, int],
        Meta(description="Rows that no fit saw: `indeterminate`, `reject`, or `unlabelled` in the file of labels."),
    ]


class DifferingRowRecord(AnswerPart, frozen=True):
    """A row whose points are not those that the model's own output has."""

    values: Annotated[dict[str, int | None], Meta(description="Of each feature, as whole numbers; null for missing.")]
    card_points: int
    model_points: int
    model_output: float


class CardComparison(AnswerPart, frozen=True):
    """The card beside the model's own predictions. A card that differs beyond `at_half_point` is refused."""

    compared_with: Annotated[
        Literal["library", "sample"],
        Meta(description="The model run by its own library on rows drawn at the cuts, or the rows of `--sample`."),
    ]
    rows: int
    equal: Annotated[int, Meta(description="Rows with the same points.")]
    at_half_point: Annotated[
        int, Meta(description="Rows so near to a half point that the model's own rounding falls on the other side.")
    ]
    first_at_half_point: list[DifferingRowRecord]


class CardImportAnswer(CommandAnswer, frozen=True, tag="linekeeper/card-import-model/1"):
    """A card made from a model file."""

    name: str
    made_by: str
    kind: Literal["trees", "points"]
    sha256: Sha256
    features: list[str]
    trees: int
    nodes: int
    lowest: Annotated[int, Meta(description="The lowest score that the parts can add up to.")]
    highest: int
    card: Annotated[str | None, Meta(description="The file of the card; null without `--output`.")]
    comparison: Annotated[CardComparison | None, Meta(description="Null where there was nothing to compare with.")]


class PlanDraftAnswer(CommandAnswer, frozen=True, tag="linekeeper/fit-plan/1"):
    """A plan drafted from a table."""

    label: str
    features: list[str]
    left_out: Annotated[dict[str, str], Meta(description="The columns that are no feature, and why.")]
    plan: Annotated[str, Meta(description="The plan as YAML.")]


class MethodFigures(AnswerPart, frozen=True):
    """The mean AUC over the folds, by method."""

    auc_tables: Auc
    auc_exact: Auc
    auc_main: Auc
    auc_exact_main: Auc
    auc_forest: Auc
    auc_woe: Auc
    rounding_cost: Annotated[float, Meta(description="What fewer bins and whole points cost, in AUC.")]


class CrossValidationAnswer(CommandAnswer, frozen=True, tag="linekeeper/fit-cross-validate/1"):
    """All methods on the same folds."""

    data: str
    rows: int
    folds: int
    methods: MethodFigures
    with_protected: Annotated[
        MethodFigures | None,
        Meta(description="With protected attributes as inputs, for comparison only; null where the data have none."),
    ]


class Ranking(AnswerPart, frozen=True):
    """How well the card, LightGBM as it comes and a tuned forest rank who falls behind; null without `--compare`."""

    rows: int
    behind: int
    auc: Auc
    auc_interval: AucInterval
    auc_lightgbm: Auc | None
    auc_forest: Auc | None
    auc_above_lightgbm: AucDifference | None
    auc_above_forest: AucDifference | None
    behind_in_riskiest_5_percent: Share
    behind_in_riskiest_5_percent_lightgbm: Share | None
    behind_in_riskiest_5_percent_forest: Share | None


class RankingByHistory(Ranking, frozen=True):
    """The ranking of accounts that were seen for at least so many months."""

    months_seen: int


class CumulativeGains(AnswerPart, frozen=True):
    """The share of all bads among the riskiest 0 to 100 percent, by percent."""

    card: list[Share]
    forest: list[Share] | None


class PredictedDecile(AnswerPart, frozen=True):
    """A tenth of the rows, riskiest first: what was predicted, and what came with its 95 % interval."""

    rows: int
    bads: int
    mean_pd: Share
    bad_rate: Share
    low: Share
    high: Share


class RankingOutOfTime(Ranking, frozen=True):
    """The ranking of the next month, over all months that the fit did not see."""

    by_history: list[RankingByHistory]
    gains: CumulativeGains
    calibration: list[PredictedDecile]


class HorizonRecord(AnswerPart, frozen=True):
    """Who has fallen behind by a month ahead."""

    months: int
    predicted: Share
    observed: Share


class YearAhead(AnswerPart, frozen=True):
    """The forecast of a whole year."""

    rows: int
    behind: int
    auc: Auc
    calibration: list[PredictedDecile]


class RollRates(AnswerPart, frozen=True):
    """How often an account in one bucket (row) was in another (column) the month after."""

    buckets: list[str]
    counts: list[list[int]]


class PointsLost(AnswerPart, frozen=True):
    """A feature, and the points that it cost."""

    feature: str
    points_lost: int


class EarlyWarning(AnswerPart, frozen=True):
    """An account that is likely to fall behind."""

    account: str
    bucket: str
    chances: Annotated[list[Share], Meta(description="By each of the next 12 months.")]
    reasons: list[PointsLost]


class ForecastAnswer(CommandAnswer, frozen=True, tag="linekeeper/forecast/1"):
    """Who falls behind in the next months, tested out of time."""

    output: Annotated[str | None, Meta(description="The folder of the forecast's files.")]
    accounts: int
    months: int
    last_month_of_fit: int
    out_of_time: RankingOutOfTime
    by_horizon: list[HorizonRecord]
    year: YearAhead
    roll_rates: RollRates
    early_warning: list[EarlyWarning]


class GradeRecord(AnswerPart, frozen=True):
    """One grade of restriction: those who defaulted (bad), and the others (good)."""

    grade: str
    good: int
    bad: int
    good_granted_minor: Minor
    bad_granted_minor: Minor
    bad_limit_minor: Minor
    bad_rate: Share


class RestrictedCounts(AnswerPart, frozen=True):
    """Restricted lines: of those who defaulted (bad), and of the others (good)."""

    by: str
    good: int
    bad: int
    good_granted_minor: Minor
    bad_granted_minor: Minor
    bad_rate: Share


class OutcomeAnswer(RepeatFigures, frozen=True, tag="linekeeper/outcome/1"):
    """How the restrictions of a policy fall on those who later defaulted."""

    currency: Currency
    grades: list[GradeRecord]
    restricted_share_of_bad: Share
    restricted_share_of_good: Share
    restricted_share_of_bad_granted: Share
    restricted_share_of_good_granted: Share
    restricted: Annotated[list[RestrictedCounts], Meta(description="With `--rules-alone`; else empty.")]
