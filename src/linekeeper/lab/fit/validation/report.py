"""The whole validation of a card as one value: samples, calibration, stability, peers, overrides, what stands out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.metrics import Z_OF_CONFIDENCE, auc_difference
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.validation.peers import PEERS, PeerFigures, compare_with_peers
from linekeeper.lab.fit.validation.sample_figures import (
    Calibration,
    FigureInterval,
    SampleFigures,
    ScoredRows,
    calibration_by_grade,
    figures_of_sample,
    grade_cuts,
)
from linekeeper.lab.fit.validation.samples import DigestState, ValidationData
from linekeeper.lab.fit.validation.stability import (
    FeatureStability,
    GroupStability,
    SegmentStability,
    population_bins,
    psi_of_rows,
    stability_by_month,
    stability_by_segment,
    stability_of_features,
)
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.bin_override import without_overrides
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import place, score_many

GRADE_COUNT = 10
PSI_WATCHED = 0.1  # from here on a population has moved (Siddiqi 2006); from 0.25 on, much
STEPS = 2 + len(PEERS)  # of the progress
CheckState = Literal["holds", "attention", "not_measured"]


@dataclass(frozen=True, slots=True)
class ValidationCheck:
    """One thing that was checked: on which sample, what came, its interval, and whether it needs a person's attention.

    `subject` is the peer or the feature that the figure is of.
    """

    check: str
    sample: str | None
    state: CheckState
    subject: str | None = None
    figure: float | None = None
    interval: FigureInterval | None = None


@dataclass(frozen=True, slots=True)
class OverrideFigures:
    """A bin that a person changed, its values (`low` up to, not including, `below`), and the unseen rows in it."""

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
    rows: int
    bads: int


@dataclass(frozen=True, slots=True)
class OverrideEffect:
    """On one sample: rows whose score the overrides change, and the AUC with them less the AUC without, paired."""

    sample: str
    rows_changed: int
    auc_gained: float
    auc_gained_interval: FigureInterval


@dataclass(frozen=True, slots=True)
class Validation:
    """All figures of a validation. `basis` is what PSI and CSI compare with; `peers_learned_from` what peers saw."""

    name: str
    sha256: str
    kind: str
    data: str
    digest: DigestState
    basis: Literal["development", "first_month"]
    peers_learned_from: Literal["development", "other_folds"]
    checks: tuple[ValidationCheck, ...]
    samples: tuple[SampleFigures, ...]
    calibration: tuple[Calibration, ...]
    months: tuple[GroupStability, ...]
    segments: tuple[SegmentStability, ...]
    features: tuple[FeatureStability, ...]
    peers: tuple[PeerFigures, ...]
    overrides: tuple[OverrideFigures, ...]
    override_effects: tuple[OverrideEffect, ...]


def validate_card(
    artifact: Artifact,
    data: ValidationData,
    data_name: str,
    grades: int = GRADE_COUNT,
    progress: Callable[[int], object] = lambda steps_done: None,
) -> Validation:
    """Judge a card of either kind on the samples of `data`. `progress` is called after each of `STEPS` steps."""
    table, basis, unseen = data.table, data.development, data.unseen_rows
    scored = score_table(artifact.score, table)
    every = basis if len(basis) else unseen
    bins = population_bins(artifact, table, scored, every)
    samples = []
    for sample in data.samples:
        compared = len(basis) and not sample.seen
        index, by_chance = psi_of_rows(bins.score, basis, sample.rows) if compared else (None, None)
        samples.append(figures_of_sample(sample.name, sample.seen, scored.take(sample.rows), index, by_chance))
    cuts = grade_cuts(scored.points[every], grades)
    calibration = tuple(calibration_by_grade(one.name, scored.take(one.rows), cuts) for one in data.samples)
    progress(1)
    months = stability_by_month(scored, bins, basis, unseen)
    segments = tuple(stability_by_segment(scored, bins, basis, unseen, one) for one in data.segmentations)
    features = stability_of_features(artifact, table, bins, basis, unseen)
    progress(1)
    peers = compare_with_peers(data, scored, progress)
    checks = _checks(data.digest, samples, calibration, months, features, peers)
    return Validation(
        name=artifact.name,
        sha256=str(artifact.score.card),
        kind="trees" if artifact.score.trees else "points",
        data=data_name,
        digest=data.digest,
        basis="development" if len(basis) else "first_month",
        peers_learned_from="development" if len(basis) else "other_folds",
        checks=checks,
        samples=tuple(samples),
        calibration=calibration,
        months=months,
        segments=segments,
        features=features,
        peers=peers,
        overrides=_overrides(artifact, data),
        override_effects=_override_effects(artifact, data, scored),
    )


def score_table(score: Score, table: TrainingTable) -> ScoredRows:
    """Points and PD of every row."""
    scores = score_many(score, table.features)
    return ScoredRows(table.label, scores.score, scores.pd_ppm / 1_000_000, table.at_day)


# ------------------------------------------------------------------ what stands out


def _checks(
    digest: DigestState,
    samples: list[SampleFigures],
    calibration: tuple[Calibration, ...],
    months: tuple[GroupStability, ...],
    features: tuple[FeatureStability, ...],
    peers: tuple[PeerFigures, ...],
) -> tuple[ValidationCheck, ...]:
    states: dict[DigestState, CheckState] = {"confirmed": "holds", "different": "attention"}
    checks = [ValidationCheck("rows_of_fit", None, states.get(digest, "not_measured"))]
    development = next((one for one in samples if one.seen), None)
    unseen = [one for one in samples if not one.seen]
    checks += [_ranking(one, development) for one in unseen]
    for one in unseen:
        low, high = one.bad_rate_interval
        state: CheckState = "holds" if low <= one.mean_pd <= high else "attention"
        checks.append(ValidationCheck("mean_pd", one.sample, state, None, one.mean_pd, one.bad_rate_interval))
    for part in calibration:
        if part.sample != "development":
            state = "attention" if part.outside > part.outside_by_chance else "holds"
            checks.append(ValidationCheck("grades", part.sample, state, None, float(part.outside)))
    checks += [_population("score_psi", one.sample, None, one.psi, one.psi_by_chance) for one in unseen]
    worst = max((one for one in months if one.psi is not None), key=lambda one: one.psi or 0.0, default=None)
    if worst is not None:
        checks.append(_population("month_psi", None, worst.name, worst.psi, worst.psi_by_chance))
    if features:
        most = features[0]
        checks.append(_population("feature_csi", None, most.feature, most.csi, most.csi_by_chance))
    for peer in peers:
        state = "attention" if peer.card_above_interval[1] < 0 else "holds"
        checks.append(ValidationCheck("peer", peer.sample, state, peer.peer, peer.card_above, peer.card_above_interval))
    return tuple(checks)


def _ranking(one: SampleFigures, development: SampleFigures | None) -> ValidationCheck:
    """The AUC of an unseen sample less that of the rows of the fit; the two share no rows, so variances add up."""
    if development is None:
        return ValidationCheck("ranking", one.sample, "not_measured")
    deviations = [(high - low) / 2 / Z_OF_CONFIDENCE for low, high in (one.auc_interval, development.auc_interval)]
    gap = one.auc - development.auc
    reach = Z_OF_CONFIDENCE * float(np.hypot(deviations[0], deviations[1]))
    state: CheckState = "attention" if gap + reach < 0 else "holds"
    return ValidationCheck("ranking", one.sample, state, None, gap, (gap - reach, gap + reach))


def _population(
    check: str, sample: str | None, subject: str | None, index: float | None, by_chance: float | None
) -> ValidationCheck:
    if index is None or by_chance is None:
        return ValidationCheck(check, sample, "not_measured", subject)
    moved = index >= PSI_WATCHED and index > by_chance
    return ValidationCheck(check, sample, "attention" if moved else "holds", subject, index, (0.0, by_chance))


# ------------------------------------------------------------------ overrides


def _overrides(artifact: Artifact, data: ValidationData) -> tuple[OverrideFigures, ...]:
    """Each override with the unseen rows in its bin."""
    parts = {part.feature: part for part in artifact.score.bins}
    words = {one.name: one.choices for one in artifact.inputs}
    unseen = data.unseen_rows
    figures = []
    for one in artifact.overrides:
        part, choices = parts[one.feature], words.get(one.feature, ())
        values = data.table.features[one.feature][unseen]
        by_choice = bool(part.by_choice)
        number = values if by_choice else place(values, part.below)
        inside = (values == MISSING) if one.bin is None else (number == one.bin) & ~(values == MISSING)
        edges = [None, *part.below, None]
        plain = one.bin is not None and not by_choice
        choice = None if one.bin is None or not by_choice else choices[one.bin] if choices else str(one.bin)
        figures.append(
            OverrideFigures(
                feature=one.feature,
                low=edges[one.bin] if plain and one.bin is not None else None,
                below=edges[one.bin + 1] if plain and one.bin is not None else None,
                missing=one.bin is None,
                choice=choice,
                points_before=one.points_before,
                points=one.points,
                by=one.by,
                why=one.why,
                day=one.day,
                rows=int(inside.sum()),
                bads=int(data.table.label[unseen][inside].sum()),
            )
        )
    return tuple(figures)


def _override_effects(artifact: Artifact, data: ValidationData, scored: ScoredRows) -> tuple[OverrideEffect, ...]:
    if not artifact.overrides:
        return ()
    as_fitted = score_table(without_overrides(artifact).score, data.table)
    effects = []
    for sample in data.unseen:
        own, before = scored.take(sample.rows), as_fitted.take(sample.rows)
        gained, low, high = auc_difference(own.label, -own.points, -before.points)
        effects.append(OverrideEffect(sample.name, int((own.points != before.points).sum()), gained, (low, high)))
    return tuple(effects)
