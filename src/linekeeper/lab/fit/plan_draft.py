"""A plan drafted from a table: what its columns look like, for a person to correct."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError, LinekeeperError
from linekeeper.lab.fit.leaks import leaks
from linekeeper.lab.fit.plan import BAD, FEATURE_DECIMALS_MAX, GOOD, OUTCOME_CLASSES, FeaturePlan, FitPlan, Worse
from linekeeper.lab.fit.table_columns import feature_column
from linekeeper.lab.fit.training_table import TrainingTable, training_table
from linekeeper.scorecard.many import FeatureColumn

WEIGHT_NAMES = ("weight", "sample_weight")
LABEL_NAMES = ("label", "bad", "target", "default", "outcome", "y")
NO_FEATURES = ("account", "at_day", "day")
DRAFTED_CHOICES_MAX = 60
CODES_MAX = 6  # so many different negative values are codes; more are amounts
CODE_SHARE = 0.5  # at least so much of a column lies at 0 and above, where negative values are codes
PARTS, STEADY_RANKS = 8, 0.9  # the bad rate by eighths of the rows; its rank correlation with their order


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """One column: the feature that it may be (None: it is left out), and a remark in words."""

    name: str
    feature: FeaturePlan | None
    remark: str


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A drafted plan: the label, and each other column of the table."""

    name: str
    label: str
    columns: tuple[DraftColumn, ...]
    weight: str | None = None

    @property
    def text(self) -> str:
        """The plan as YAML, with the remarks; what is left out stands there as a remark."""
        lines = [
            "# Drafted from a table. Look at each line: what the label means, the group and the direction of each",
            "# feature, which values are codes, and what was not known yet when the decision was made.",
            f"name: {_quoted(self.name)}",
            f"label: {_quoted(self.label)}",
            *([f"weight: {_quoted(self.weight)}"] if self.weight else []),
            "protected: []",
            "ability:",
        ]
        for column in self.columns:
            remark = f"  # {column.remark}" if column.remark else ""
            if column.feature:
                lines.append(f"  {_quoted(column.name)}: {_keys(column.feature)}{remark}")
            else:
                lines.append(f"  # {_one_line(column.name)} is left out: {_one_line(column.remark)}")
        return "\n".join([*lines, "willingness: {}", ""])


def draft_plan(table: pa.Table, name: str, label: str | None = None) -> PlanDraft:
    """A plan for a table, as `read_table` gave it. `label`: its column, where it has a name of its own.

    Raises FileError where no column can be the label, or none a feature.
    """
    label = label or _label_of(table)
    weight = next((column for column in table.column_names if column.lower() in WEIGHT_NAMES), None)
    names = [column for column in table.column_names if column not in (label, weight, *NO_FEATURES)]
    columns = [_column(table, column) for column in names]
    features = tuple(column.feature for column in columns if column.feature)
    if not features:
        raise FileError(
            "no column of the table can be a feature",
            code="column-missing",
            way_out="bring columns of amounts, counts or words",
        )
    plan = FitPlan(name, features, label, weight=weight)
    rows = training_table(table, plan)
    leaking = {leak.feature: leak.how for leak in leaks(rows, plan)}
    drafted = tuple(_judged(column, rows, leaking.get(column.name)) for column in columns)
    return PlanDraft(name, label, drafted, weight)


def _label_of(table: pa.Table) -> str:
    """The column that is named like a label, or the last one of 0 and 1 alone."""
    flags = [name for name in table.column_names if name not in NO_FEATURES and _is_flag(table[name])]
    named = [name for name in flags if name.lower() in LABEL_NAMES]
    if not flags:
        raise FileError(
            "no column of the table holds 0 and 1 alone, so none can be the label",
            code="label-not-usable",
            way_out="write 1 for bad and 0 for good, or name the column with `--label`",
        )
    label: str = (named or flags[::-1])[0]
    return label


def _is_flag(column: pa.ChunkedArray) -> bool:
    if pa.types.is_boolean(column.type):
        return True
    if pa.types.is_string(column.type):  # words that name the classes themselves
        words = {word.strip() for word in pc.unique(column).to_pylist() if word}
        return {GOOD, BAD} <= words <= {*OUTCOME_CLASSES}
    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return number and set(pc.unique(column).to_pylist()) == {0, 1}


def _column(table: pa.Table, name: str) -> DraftColumn:
    """What a column looks like, without its label."""
    column = table[name]
    if column.null_count == len(column):
        return DraftColumn(name, None, "it is empty")
    if pa.types.is_string(column.type):
        return _of_words(name, column)
    feature = FeaturePlan(name, "ability", decimals=_decimals(column))
    try:
        values = feature_column(table, feature)
    except LinekeeperError as error:
        return DraftColumn(name, None, error.message)
    if len(np.unique(values)) < 2:
        return DraftColumn(name, None, "all its values are the same")
    if np.ptp(values) == len(values) - 1 == len(np.unique(values)) - 1:
        return DraftColumn(name, None, "it numbers the rows")
    codes = _codes(values)
    remark = f"{'units of its last digit; ' if feature.decimals else ''}{'codes guessed; ' if codes else ''}"
    return DraftColumn(name, FeaturePlan(name, "ability", special=codes, decimals=feature.decimals), remark)


def _of_words(name: str, column: pa.ChunkedArray) -> DraftColumn:
    words = sorted({word.strip() for word in pc.unique(column).to_pylist() if word and word.strip()})
    if len(words) > DRAFTED_CHOICES_MAX:
        return DraftColumn(name, None, f"it holds {len(words):,} different words; group them first")
    if len(words) < 2:
        return DraftColumn(name, None, "all its values are the same")
    return DraftColumn(name, FeaturePlan(name, "ability", choices=tuple(words)), "")


def _decimals(column: pa.ChunkedArray) -> int:
    """How many digits its amounts have after the point, up to six."""
    if pa.types.is_decimal(column.type):
        return int(np.clip(column.type.scale, 0, FEATURE_DECIMALS_MAX))
    if not pa.types.is_floating(column.type):
        return 0
    values = column.drop_null().to_numpy()
    values = values[np.isfinite(values)]
    for decimals in range(FEATURE_DECIMALS_MAX):
        scaled = values * 10**decimals
        if np.allclose(scaled, np.round(scaled), 0, 1e-6):
            return decimals
    return FEATURE_DECIMALS_MAX


def _codes(values: FeatureColumn) -> tuple[int, ...]:
    """A few negative values in a column of amounts from 0 up."""
    known = values[values != MISSING]
    negative = np.unique(known[known < 0])
    codes = 0 < len(negative) <= CODES_MAX and (known >= 0).mean() >= CODE_SHARE
    return tuple(int(value) for value in negative) if codes else ()


def _judged(column: DraftColumn, rows: TrainingTable, leak: str | None) -> DraftColumn:
    """The column with its direction proposed, or left out since it tells the label."""
    feature = column.feature
    if not feature:
        return column
    if leak:
        return DraftColumn(column.name, None, f"it {leak}, and may be known only after the outcome")
    worse = None if feature.choices else _direction(feature, rows)
    remark = column.remark + ("direction proposed" if worse else "")
    return DraftColumn(column.name, replace(feature, worse=worse), remark.removesuffix("; "))


def _direction(feature: FeaturePlan, rows: TrainingTable) -> Worse | None:
    """The direction in which the bad rate rises, where it does so steadily over eighths of the rows."""
    values = rows.features[feature.name]
    known = (values != MISSING) & ~np.isin(values, feature.special)
    values, label = values[known], rows.label[known]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)[1:-1])) if len(values) else np.zeros(0)
    part = np.searchsorted(edges, values, side="left")
    counts = np.bincount(part, minlength=2)
    if np.count_nonzero(counts) < 2:
        return None
    rates = np.bincount(part, label, minlength=2)[counts > 0] / counts[counts > 0]
    if rates.std() == 0:
        return None
    steady = float(np.corrcoef(np.arange(len(rates)), rates.argsort().argsort())[0, 1])
    return "higher" if steady >= STEADY_RANKS else "lower" if steady <= -STEADY_RANKS else None


def _keys(feature: FeaturePlan) -> str:
    return "{" + ", ".join(_key_texts(feature)) + "}"


def _key_texts(feature: FeaturePlan) -> Iterator[str]:
    if feature.worse:
        yield f"worse: {feature.worse}"
    if feature.special:
        yield f"special: [{', '.join(map(str, feature.special))}]"
    if feature.choices:
        yield f"choices: [{', '.join(map(_quoted, feature.choices))}]"
    if feature.decimals:
        yield f"decimals: {feature.decimals}"


def _quoted(text: str) -> str:
    """A text that YAML reads back as that text."""
    return text if text.isidentifier() and text.isascii() and text.lower() not in _WORDS_OF_YAML else json.dumps(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


_WORDS_OF_YAML = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
