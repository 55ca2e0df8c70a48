"""A model file as a card, and the card beside the model's own predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from linekeeper.core.bounded import read_bounded
from linekeeper.core.errors import FileError, UsageError
from linekeeper.lab.card_import.comparison import (
    CardAndModel,
    compare_rows,
    matrix_of,
    own_outputs,
    sample_rows,
)
from linekeeper.lab.card_import.lender_model import LenderModel, not_readable
from linekeeper.lab.card_import.lightgbm_text import read_lightgbm
from linekeeper.lab.card_import.model_columns import ModelColumn, model_columns_of
from linekeeper.lab.card_import.points_tables import StatedCard, card_of_points, read_pmml, read_points_csv
from linekeeper.lab.card_import.skops_file import read_skops
from linekeeper.lab.card_import.tree_text import read_tree_text
from linekeeper.lab.card_import.trees_of_model import card_of_model, points_line
from linekeeper.lab.card_import.xgboost_json import read_xgboost
from linekeeper.lab.parquet import read_parquet_table, whole_numbers
from linekeeper.scorecard.artifact import Artifact, open_artifact, write_artifact
from linekeeper.scorecard.many import FeatureColumns
from linekeeper.scorecard.pd import Scale

ModelFormat: TypeAlias = Literal["lightgbm", "xgboost", "skops", "tree_text", "csv", "pmml"]
MODEL_BYTES_MAX = 256 * 1024 * 1024
SAMPLE_ROWS = 10_000
MaybeCompared: TypeAlias = CardAndModel | None


@dataclass(frozen=True, slots=True)
class ImportedCard:
    """The card, its bytes, and how it agrees with the model; None where there was nothing to compare with.

    `compared_with`: `library`, the model run by its own library on rows drawn at the cuts; or `sample`.
    """

    artifact: Artifact
    data: bytes
    compared: MaybeCompared
    compared_with: Literal["library", "sample"] | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of the policy's features with what the model said of them, its log-odds or its probability.

    `output_column` is the column of that.
    """

    path: Path
    output_column: str


def import_model(
    path: Path,
    columns_file: Path | None = None,
    name: str | None = None,
    scale: Scale | None = None,
    rounds: int | None = None,
    sample: Sample | None = None,
    rows: int = SAMPLE_ROWS,
) -> ImportedCard:
    """Read a model and make its card; nothing in the file is run.

    Raises FileError where the file is no model or none that a card can equal, ArtifactError where the card would break
    a bound or a direction, UsageError where a sample is named for a table of points.
    """
    data, scale = read_bounded(path, MODEL_BYTES_MAX), scale or Scale()
    title = name or path.name.split(".")[0]
    kind = model_format_of(data)
    if rounds is not None and kind != "xgboost":
        raise UsageError(
            "`--rounds` is for models of XGBoost alone",
            code="arguments-do-not-go-together",
            way_out="leave it out; other files hold the rounds that count",
        )
    if kind in ("csv", "pmml"):
        if sample is not None:
            raise UsageError(
                "a table of points has no predictions to compare with",
                code="arguments-do-not-go-together",
                way_out="leave out `--sample`; its points are those of the file",
            )
        stated = read_pmml(_text(data)) if kind == "pmml" else read_points_csv(_text(data))
        artifact = _card_of_points(stated, columns_file, title, scale)
        return ImportedCard(artifact, write_artifact(artifact), None, None)
    model = _trees(data, kind, rounds)
    columns = model_columns_of(model.features, model.choices, columns_file)
    written = write_artifact(card_of_model(model, columns, title, scale))
    artifact = open_artifact(written)  # what is compared is what was written
    compared, compared_with = _compare(artifact, model, columns, scale, data, rounds, sample, rows)
    return ImportedCard(artifact, written, compared, compared_with)


def refuse_differences(card: ImportedCard) -> None:
    """Raise FileError where some row's points are not those of the model, and its own rounding does not explain it."""
    compared = card.compared
    if compared is None or not compared.differing:
        return
    first = compared.first_differing[0]
    values = ", ".join(f"{name} = {'missing' if value is None else value}" for name, value in first.values.items())
    raise FileError(
        f"{compared.differing:,} of {compared.rows:,} rows have other points than the model gives them; "
        f"the first has {first.card} for {first.model}, at {values[:400]}",
        code="card-differs",
        way_out="check `decimals`, `choices`, `missing_as` and `missing_code` in the columns file",
        details={"rows": compared.rows, "differing": compared.differing},
    )


def model_format_of(data: bytes) -> ModelFormat:
    """Which format a file has, by its first bytes. Raises FileError where it is a pickle, or not known."""
    start = data.lstrip()[:2_000]
    if data[:1] == b"\x80" or data[:2] == b"\x1f\x8b":
        raise not_readable(
            "is a pickle or is packed, and is not opened: a pickle can run any program",
            "save a booster as text or JSON, and a forest with `skops.io.dump`",
        )
    if data[:4] == b"PK\x03\x04":
        return "skops"
    if start.startswith(b"tree\n") or start.startswith(b"tree\r\n"):
        return "lightgbm"
    if start.startswith(b"|-"):
        return "tree_text"
    if start.startswith(b"{"):
        return "xgboost"
    if start.startswith((b"<", b"\xef\xbb\xbf<")):
        return "pmml"
    if b"," in start.split(b"\n")[0]:
        return "csv"
    raise not_readable(
        "has none of the formats that are known",
        "bring text of LightGBM, JSON of XGBoost, an archive of skops, text of scikit-learn's `export_text`, a CSV of "
        "points or a PMML scorecard",
    )


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_readable(f"is not UTF-8 at byte {error.start}") from None


def _trees(data: bytes, kind: ModelFormat, rounds: int | None) -> LenderModel:
    if kind == "skops":
        return read_skops(data)
    if kind == "tree_text":
        return read_tree_text(_text(data))
    return read_xgboost(_text(data), rounds) if kind == "xgboost" else read_lightgbm(_text(data))


def _card_of_points(stated: StatedCard, columns_file: Path | None, name: str, scale: Scale) -> Artifact:
    columns = model_columns_of(tuple(stated.bins), {}, columns_file)
    return card_of_points(stated, {column.name: column for column in columns}, name, scale)


def _compare(
    artifact: Artifact,
    model: LenderModel,
    columns: tuple[ModelColumn, ...],
    scale: Scale,
    data: bytes,
    rounds: int | None,
    sample: Sample | None,
    rows: int,
) -> tuple[MaybeCompared, Literal["library", "sample"] | None]:
    line = points_line(model, scale)
    if sample is not None:
        features, outputs = _sample_of(sample, artifact)
        return compare_rows(artifact, model, line, features, outputs), "sample"
    features = sample_rows(artifact, columns, rows)
    if model.made_by == "scikit-learn":
        return None, None  # the library would have to make the model's classes
    own = own_outputs(_text(data), model, matrix_of(features, columns), rounds)
    if own is None:
        return None, None
    return compare_rows(artifact, model, line, features, own), "library"


def _sample_of(sample: Sample, artifact: Artifact) -> tuple[FeatureColumns, np.ndarray]:
    table = read_parquet_table(sample.path)
    lacking = [
        name for name in (*artifact.score.trees[0].features, sample.output_column) if name not in table.column_names
    ]
    if lacking:
        raise FileError(
            f"`{sample.path}` has no column `{lacking[0]}`",
            code="column-missing",
            way_out="give it a column for each feature of the policy, and one for what the model said",
            place=str(sample.path),
            details={"column": lacking[0]},
        )
    features = {name: whole_numbers(table, name) for name in artifact.score.trees[0].features}
    outputs = np.asarray(table[sample.output_column].cast("float64").fill_null(np.nan).to_numpy(), dtype=np.float64)
    if not np.isfinite(outputs).all():
        row = int(np.argmin(np.isfinite(outputs))) + 1
        raise FileError(
            f"the column `{sample.output_column}` holds no number in row {row}",
            code="column-of-wrong-type",
            way_out="give each row what the model said of it",
            place=str(sample.path),
            details={"column": sample.output_column},
        )
    return features, outputs
