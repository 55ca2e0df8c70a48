"""The rows of a validation in samples: those of the fit, other accounts of the same time, and a later time.

The same words that parted the rows for the fit (`--part`, `--before`) part them here, and the digest on the card says
whether these are the very rows. A card is judged on rows that it has not seen; so a validation of the rows of the fit
alone is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError, Refused, UsageError
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.table_columns import read_table
from linekeeper.lab.fit.training_run import table_digest
from linekeeper.lab.fit.training_table import Rows, TrainingTable, read_training_table
from linekeeper.lab.partition import Partition
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.card import scored_features

SampleName = Literal["development", "out_of_sample", "out_of_time"]
DigestState = Literal["confirmed", "different", "not_stated", "no_development"]
SEGMENT_VALUES_MAX, SEGMENT_BANDS = 12, 4


@dataclass(frozen=True, slots=True)
class RowSample:
    """Some rows of the table, by their places; `seen`: the fit has learned from them."""

    name: SampleName
    rows: Rows

    @property
    def seen(self) -> bool:
        return self.name == "development"


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A column that parts the accounts: `codes` has the number of the segment of each row, `names` what each is."""

    column: str
    names: tuple[str, ...]
    codes: Rows


@dataclass(frozen=True, slots=True)
class ValidationData:
    """The table, its samples (the rows of the fit first, where there are any), and its segments."""

    table: TrainingTable
    plan: FitPlan
    samples: tuple[RowSample, ...]
    segmentations: tuple[Segmentation, ...]
    digest: DigestState

    @property
    def development(self) -> Rows:
        """The rows of the fit; empty where there are none."""
        return next((sample.rows for sample in self.samples if sample.seen), np.zeros(0, np.intp))

    @property
    def unseen(self) -> tuple[RowSample, ...]:
        """The samples that the fit has not seen."""
        return tuple(sample for sample in self.samples if not sample.seen)

    @property
    def unseen_rows(self) -> Rows:
        """All rows that the fit has not seen."""
        return np.sort(np.concatenate([sample.rows for sample in self.unseen]))


def _demand_scored_features(artifact: Artifact, table: TrainingTable) -> None:
    """Raises FileError where a feature that the card scores was not read, since neither plan nor card describe it."""
    lacking = next((name for name in scored_features(artifact.score) if name not in table.features), None)
    if lacking is not None:
        raise FileError(
            f"the card scores `{lacking}`, which neither its own inputs nor a plan describe",
            code="plan-not-usable",
            way_out="name the plan of its fit: `--plan`",
            details={"feature": lacking},
        )


def part_into_samples(
    table: TrainingTable,
    plan: FitPlan,
    artifact: Artifact,
    part: Partition | None = None,
    before: int | None = None,
    segmentations: tuple[Segmentation, ...] = (),
) -> ValidationData:
    """The samples of a table. `part` and `before` (days since 1970-01-01) are those of the fit; None where it had none.

    Raises Refused where no row is left that the fit has not seen, or an unseen sample has only goods or only bads.
    """
    _demand_scored_features(artifact, table)
    own = np.ones(len(table), bool) if part is None else np.array([part.has(one) for one in table.account.tolist()])
    early = np.ones(len(table), bool) if before is None else table.at_day < before
    stated = artifact.provenance.get("data_sha256")
    given = part is not None or before is not None
    masks: dict[SampleName, Rows] = {
        "development": np.flatnonzero(own & early & given),
        "out_of_sample": np.flatnonzero(early & ~(own & given)),
        "out_of_time": np.flatnonzero(~early),
    }
    samples = tuple(RowSample(name, rows) for name, rows in masks.items() if len(rows))
    if all(sample.seen for sample in samples) or (not given and table_digest(table) == stated):
        raise Refused(
            "the card was fitted on all of these rows, so they cannot judge it",
            code="rows-already-fitted",
            way_out="name the `--part` or `--before` of the fit, so that rows are left, or bring rows it has not seen",
        )
    for sample in samples:
        if len(np.unique(table.label[sample.rows])) < 2:
            raise Refused(
                f"the sample {sample.name.replace('_', ' ')} has only goods or only bads",
                code="data-too-few",
                way_out="bring more rows, or part them otherwise",
            )
    development = masks["development"]
    digest: DigestState = "no_development"
    if len(development):
        same = stated is not None and table_digest(table.take(development)) == stated
        digest = "not_stated" if stated is None else "confirmed" if same else "different"
    return ValidationData(table, plan, samples, segmentations, digest)


# ------------------------------------------------------------------ reading


def plan_of_card(artifact: Artifact, label: str = "label") -> FitPlan:
    """A plan of the card's own inputs, where no plan is named: it suffices to read and to compare."""
    features = tuple(
        FeaturePlan(one.name, "ability", one.worse, one.special, one.choices, decimals=one.decimals)
        for one in artifact.inputs
    )
    return FitPlan(artifact.name, features, label)


def read_with_segments(
    path: Path, plan: FitPlan, labels: Path | None, columns: tuple[str, ...]
) -> tuple[TrainingTable, tuple[Segmentation, ...]]:
    """The table of a plan, and its segments by some columns, which may be no features.

    Raises FileError where a column is neither in the table nor in the labels.
    """
    raw = [read_table(path), *([read_table(labels)] if labels else [])]
    extra: dict[str, FeaturePlan] = {}
    for column in columns:
        if column not in plan.names:
            extra[column] = FeaturePlan(column, "ability", choices=_words(column, raw))
    wider = replace(plan, features=(*plan.features, *extra.values()), protected=_without(plan.protected, extra))
    table = read_training_table(path, wider, labels)
    kept = {name: values for name, values in table.features.items() if name not in extra}
    by_name = {feature.name: feature for feature in wider.features}
    segments = tuple(segmentation_of(by_name[column], table) for column in columns)
    protected = {name: values for name, values in table.protected.items() if name not in extra}
    return replace(table, features=kept, protected=protected), segments


def segmentations_of_table(table: TrainingTable, plan: FitPlan, columns: tuple[str, ...]) -> tuple[Segmentation, ...]:
    """Segments by features or protected attributes of a table in memory. Raises UsageError where it has no such one."""
    known: Mapping[str, FeaturePlan] = {
        **{name: FeaturePlan(name, "ability") for name in table.protected},
        **{feature.name: feature for feature in plan.features},
    }
    for column in columns:
        if column not in known:
            raise UsageError(
                f"the data have no column `{column}`",
                code="choice-not-known",
                way_out=f"name one of {', '.join(known)}",
                details={"given": column},
            )
    return tuple(segmentation_of(known[column], table) for column in columns)


def segmentation_of(feature: FeaturePlan, table: TrainingTable) -> Segmentation:
    """The segments of one column: its words or its few values, or bands of about equally many rows."""
    values = {**table.protected, **table.features}[feature.name]
    kinds = np.unique(values)
    if feature.choices or len(kinds) <= SEGMENT_VALUES_MAX:
        names = tuple("" if kind == MISSING else _name(feature, int(kind)) for kind in kinds)
        return Segmentation(feature.name, names, np.searchsorted(kinds, values))
    known = values[values != MISSING]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, SEGMENT_BANDS + 1)[1:-1], method="lower")) + 1
    edges = [int(known.min()), *cuts.tolist(), int(known.max()) + 1]
    bands = [f"{low:,} – {high - 1:,}" for low, high in pairwise(edges)]
    codes = np.where(values == MISSING, len(bands), np.searchsorted(cuts, values, side="right"))
    return Segmentation(feature.name, (*bands, ""), codes)


def _name(feature: FeaturePlan, kind: int) -> str:
    return feature.choices[kind] if feature.choices else f"{kind:,}"


def _words(column: str, tables: list[pa.Table]) -> tuple[str, ...]:
    """The words of a column of text, in the order of the alphabet; none of a column of numbers."""
    holder = next((table for table in reversed(tables) if column in table.column_names), None)
    if holder is None:
        raise FileError(f"the table has no column `{column}`", code="column-missing", details={"column": column})
    if not pa.types.is_string(holder[column].type):
        return ()
    words = pc.unique(pc.utf8_trim_whitespace(holder[column])).to_pylist()
    return tuple(sorted(word for word in words if word))


def _without(names: tuple[str, ...], left_out: Mapping[str, FeaturePlan]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in left_out)
