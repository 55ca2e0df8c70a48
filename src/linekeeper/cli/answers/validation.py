"""Answers about cards that are done: how they are validated, and what a person changed on them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from linekeeper.cli.answers.measuring import Auc, AucInterval, Share
from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Sha256

SampleWord = Annotated[
    Literal["development", "out_of_sample", "out_of_time"],
    Meta(description="The rows of the fit; other accounts of the same time; a later time."),
]
ShareInterval = Annotated[tuple[float, float], Meta(description="95 % interval of a rate (Wilson).")]
PairedInterval = Annotated[tuple[float, float], Meta(description="95 % interval, paired on the same rows (DeLong).")]
PsiFigure = Annotated[float | None, Meta(description="Null where there is nothing to compare with.")]
PsiByChance = Annotated[float | None, Meta(description="What chance alone reaches in one case of twenty.")]


class CardOverrideAnswer(CommandAnswer, frozen=True, tag="linekeeper/card-override/1"):
    """A card on which a person changed a bin."""

    name: str
    sha256: Sha256
    feature: str
    bin: Annotated[int | None, Meta(description="The number of the bin or the choice; null for missing values.")]
    points_before: int
    points: int
    overrides: Annotated[int, Meta(description="How many there are on the card by now.")]
    card: str


class ValidationCheckRecord(AnswerPart, frozen=True):
    """One thing that was checked, and whether it needs a person's attention."""

    check: Literal["rows_of_fit", "ranking", "mean_pd", "grades", "score_psi", "month_psi", "feature_csi", "peer"]
    sample: SampleWord | None
    state: Literal["holds", "attention", "not_measured"]
    subject: Annotated[str | None, Meta(description="The peer, feature or month that the figure is of.")]
    figure: float | None
    interval: tuple[float, float] | None


class SampleRecord(AnswerPart, frozen=True):
    """How the card does on one sample."""

    sample: SampleWord
    seen: Annotated[bool, Meta(description="Whether the fit has learned from these rows.")]
    rows: int
    bads: int
    first_day: Annotated[int, Meta(description="Days since 1970-01-01.")]
    last_day: int
    auc: Auc
    auc_interval: AucInterval
    gini: float
    ks: float
    brier: float
    log_loss: float
    mean_pd: Share
    bad_rate: Share
    bad_rate_interval: ShareInterval
    slope: Annotated[float, Meta(description="Of the log-odds of the PD; below 1 they lie too far apart.")]
    slope_interval: Annotated[tuple[float, float], Meta(description="95 % interval (Wald).")]
    psi: PsiFigure
    psi_by_chance: PsiByChance


class RiskGradeRecord(AnswerPart, frozen=True):
    """A grade of the score: the mean PD, and the bad rate that came."""

    grade: Annotated[int, Meta(description="1 is the best.")]
    low: int | None
    below: int | None
    rows: int
    bads: int
    mean_pd: Share
    bad_rate: Share
    bad_rate_interval: ShareInterval
    fits: Annotated[bool, Meta(description="Whether the mean PD lies in the interval of the bad rate.")]


class CalibrationRecord(AnswerPart, frozen=True):
    """The grades of one sample."""

    sample: SampleWord
    grades: list[RiskGradeRecord]
    outside: int
    outside_by_chance: Annotated[int, Meta(description="So many may lie outside in 19 cases of 20.")]


class StabilityRecord(AnswerPart, frozen=True):
    """A month or a segment of the unseen rows."""

    name: Annotated[str, Meta(description="Empty for rows without a value.")]
    rows: int
    bads: int
    bad_rate: Share
    bad_rate_interval: ShareInterval
    mean_pd: Share
    auc: Auc | None
    auc_interval: AucInterval | None
    psi: PsiFigure
    psi_by_chance: PsiByChance
    csi: dict[str, float]


class SegmentRecord(AnswerPart, frozen=True):
    """The segments of one column."""

    column: str
    segments: list[StabilityRecord]


class FeatureStabilityRecord(AnswerPart, frozen=True):
    """How far a feature moved between the rows of the fit and all unseen rows."""

    feature: str
    csi: float
    csi_by_chance: float
    points_moved: Annotated[float | None, Meta(description="Of the mean points; null where it has no bins.")]


class PeerRecord(AnswerPart, frozen=True):
    """A peer on one sample, fitted in the same run."""

    sample: SampleWord
    peer: Literal["logistic_regression", "lightgbm"]
    auc: Auc
    auc_interval: AucInterval
    card_above: Annotated[float, Meta(description="The AUC of the card less that of the peer.")]
    card_above_interval: PairedInterval
    brier: float
    log_loss: float


class OverrideRecord(AnswerPart, frozen=True):
    """A bin that a person changed."""

    feature: str
    low: int | None
    below: int | None
    missing: bool
    choice: str | None
    points_before: int
    points: int
    by: str
    why: str
    day: str
    rows: Annotated[int, Meta(description="Unseen rows in the bin.")]
    bads: int


class OverrideEffectRecord(AnswerPart, frozen=True):
    """What all overrides together do on one sample."""

    sample: SampleWord
    rows_changed: int
    auc_gained: float
    auc_gained_interval: PairedInterval


class CardValidationAnswer(CommandAnswer, frozen=True, tag="linekeeper/card-validate/1"):
    """The validation of a card."""

    name: str
    sha256: Sha256
    kind: Literal["points", "trees"]
    data: str
    digest: Annotated[
        Literal["confirmed", "different", "not_stated", "no_development"],
        Meta(description="Whether the development rows are those whose digest the card states."),
    ]
    basis: Annotated[Literal["development", "first_month"], Meta(description="What PSI and CSI compare with.")]
    peers_learned_from: Literal["development", "other_folds"]
    checks: list[ValidationCheckRecord]
    samples: list[SampleRecord]
    calibration: list[CalibrationRecord]
    months: list[StabilityRecord]
    segments: list[SegmentRecord]
    features: list[FeatureStabilityRecord]
    peers: list[PeerRecord]
    overrides: list[OverrideRecord]
    override_effects: list[OverrideEffectRecord]
    page: Annotated[str | None, Meta(description="The page; null without `--output`.")]
