"""Whether the population moves away from the rows of the fit: PSI of the score, CSI of each feature, month by month.

PSI over bins of the score, CSI over the bins of a feature (Siddiqi 2006): the same formula. Both rise above 0 by chance
alone where rows are few; divided by 1/n + 1/m they follow a chi-square of bins - 1 degrees (Yurdakul 2018), which gives
the value that chance reaches in one case of twenty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from linekeeper.core.bounds import MISSING
from linekeeper.core.dates import date_of
from linekeeper.lab.fit.additive_model import Binning
from linekeeper.lab.fit.metrics import CONFIDENCE, auc, auc_interval, psi, wilson_interval
from linekeeper.lab.fit.training_table import Rows, TrainingTable
from linekeeper.lab.fit.validation.sample_figures import FigureInterval, ScoredRows, grade_cuts
from linekeeper.lab.fit.validation.samples import Segmentation
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.card import scored_features
from linekeeper.scorecard.many import FeatureColumn, place, points_many

SCORE_BINS, FEATURE_BINS = 10, 10
ROWS_OF_GROUP_MIN = 30  # fewer rows of a month or a segment have no figures of their own


@dataclass(frozen=True, slots=True)
class GroupStability:
    """A month or a segment of the unseen rows. PSI and CSI are None where there is nothing to compare with."""

    name: str
    rows: int
    bads: int
    bad_rate: float
    bad_rate_interval: FigureInterval
    mean_pd: float
    auc: float | None
    auc_interval: FigureInterval | None
    psi: float | None
    psi_by_chance: float | None
    csi: dict[str, float]


@dataclass(frozen=True, slots=True)
class SegmentStability:
    """The segments of one column."""

    column: str
    segments: tuple[GroupStability, ...]


@dataclass(frozen=True, slots=True)
class FeatureStability:
    """CSI of a feature over all unseen rows, what chance reaches, and how far its mean points moved, if it has any."""

    feature: str
    csi: float
    csi_by_chance: float
    points_moved: float | None


@dataclass(frozen=True, slots=True)
class PopulationBins:
    """The bin of each row, for the score and for each feature."""

    score: FeatureColumn
    features: dict[str, FeatureColumn]


def population_bins(artifact: Artifact, table: TrainingTable, scored: ScoredRows, basis: Rows) -> PopulationBins:
    """Bins of the score: tenths of the rows of `basis`; of a feature those of the card, or tenths where it has none."""
    score_bins = place(scored.points, grade_cuts(scored.points[basis], SCORE_BINS))
    cuts = {part.feature: part.below for part in artifact.score.bins if not part.by_choice}
    choices = {one.name for one in artifact.inputs if one.choices}
    features = {}
    for name in scored_features(artifact.score):
        values = table.features[name]
        if name in choices or any(part.feature == name and part.by_choice for part in artifact.score.bins):
            kinds = np.unique(values)
            features[name] = np.searchsorted(kinds, values).astype(np.int64)
        else:
            known = values[basis][values[basis] != MISSING]
            own = cuts.get(name) or (grade_cuts(known, FEATURE_BINS) if len(known) else ())
            features[name] = Binning(name, own).bin_of(values).astype(np.int64)
    return PopulationBins(score_bins.astype(np.int64), features)


def psi_of_rows(bins: FeatureColumn, basis: Rows, rows: Rows) -> tuple[float, float]:
    """The index of some rows against those of the basis, and the value that chance reaches in one case of twenty.

    >>> bins = np.array([0, 1] * 100)
    >>> psi_of_rows(bins, np.arange(100), np.arange(100, 200))[0]
    0.0
    """
    size = int(bins.max()) + 1
    expected, actual = (np.bincount(bins[chosen], minlength=size) for chosen in (basis, rows))
    occurring = (expected > 0) | (actual > 0)
    index = psi(expected[occurring], actual[occurring])
    by_chance = float(chi2.ppf(CONFIDENCE, max(int(occurring.sum()) - 1, 1))) * (1 / len(basis) + 1 / len(rows))
    return index, by_chance


def stability_by_month(
    scored: ScoredRows, bins: PopulationBins, basis: Rows, unseen: Rows
) -> tuple[GroupStability, ...]:
    """Each calendar month of the unseen rows against the basis; without rows of the fit, against the first month."""
    months = np.array([f"{date_of(int(day)):%Y-%m}" for day in scored.at_day[unseen]])
    names = np.unique(months)
    basis = basis if len(basis) else unseen[months == names[0]]
    return tuple(_group(str(name), scored, bins, basis, unseen[months == name]) for name in names)


def stability_by_segment(
    scored: ScoredRows, bins: PopulationBins, basis: Rows, unseen: Rows, segmentation: Segmentation
) -> SegmentStability:
    """Each segment of the unseen rows against the same segment of the basis."""
    groups = []
    for code, name in enumerate(segmentation.names):
        rows = unseen[segmentation.codes[unseen] == code]
        if len(rows):
            groups.append(_group(name, scored, bins, basis[segmentation.codes[basis] == code], rows))
    return SegmentStability(segmentation.column, tuple(groups))


def stability_of_features(
    artifact: Artifact, table: TrainingTable, bins: PopulationBins, basis: Rows, unseen: Rows
) -> tuple[FeatureStability, ...]:
    """CSI of each feature over all unseen rows, the one that moved most first; empty without rows of the fit."""
    if not len(basis):
        return ()
    columns = points_many(artifact.score, table.features)
    points = {part.feature: columns[place_of] for place_of, part in enumerate(artifact.score.bins)}
    rows = []
    for name, of_feature in bins.features.items():
        index, by_chance = psi_of_rows(of_feature, basis, unseen)
        moved = float(points[name][unseen].mean() - points[name][basis].mean()) if name in points else None
        rows.append(FeatureStability(name, index, by_chance, moved))
    return tuple(sorted(rows, key=lambda row: -row.csi))


def _group(name: str, scored: ScoredRows, bins: PopulationBins, basis: Rows, rows: Rows) -> GroupStability:
    own, bads = scored.take(rows), int(scored.label[rows].sum())
    enough = len(rows) >= ROWS_OF_GROUP_MIN
    ranks = enough and min(bads, len(rows) - bads) > 1
    compared = enough and len(basis) >= ROWS_OF_GROUP_MIN and not np.array_equal(basis, rows)
    index, by_chance = psi_of_rows(bins.score, basis, rows) if compared else (None, None)
    return GroupStability(
        name=name,
        rows=len(rows),
        bads=bads,
        bad_rate=bads / len(rows),
        bad_rate_interval=wilson_interval(bads, len(rows)),
        mean_pd=float(own.pd.mean()),
        auc=auc(own.label, -own.points) if ranks else None,
        auc_interval=auc_interval(own.label, -own.points) if ranks else None,
        psi=index,
        psi_by_chance=by_chance,
        csi={key: psi_of_rows(of, basis, rows)[0] for key, of in bins.features.items()} if compared else {},
    )
