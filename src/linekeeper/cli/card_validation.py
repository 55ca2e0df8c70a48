"""card override, card validate: what a person changes on a card that is done, and how it does on rows not seen."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import day_number, required_day
from linekeeper.cli.options import By, JsonOption, LangOption, Why, folder_to_write, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, progress
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.lab.fit.validation.report import Validation
    from linekeeper.lab.fit.validation.samples import ValidationData
    from linekeeper.scorecard.artifact import Artifact

CardFile = Annotated[Path, typer.Argument(metavar="CARD", help="The card (JSON).")]
Before = Annotated[
    str | None,
    typer.Option("--before", help="The fit saw rows before this day, YYYY-MM-DD; the others are out of time."),
]


def override_bin_of_card(
    card: CardFile,
    feature: Annotated[str, typer.Option("--feature", help="The feature whose bin changes.")],
    points: Annotated[int, typer.Option("--points", help="The points that the bin gets.")],
    by: By,
    why: Why,
    output: Annotated[Path, to_write("--output", "-o", about="Write the changed card to this file.")],
    value: Annotated[
        str | None, typer.Option("--value", help="A value in the bin, as the data have it; left out: missing values.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--day", help="The day of the ruling, YYYY-MM-DD (default: today).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Give a bin of a card other points, with a name and a reason that stay on it. Directions hold as declared."""
    from linekeeper.cli.answers.validation import CardOverrideAnswer
    from linekeeper.core.dates import date_of, epoch_day
    from linekeeper.scorecard.artifact import open_artifact, write_artifact
    from linekeeper.scorecard.bin_override import BinChange, override_bin

    artifact = _read_card(card)
    ruled = epoch_day(datetime.now(UTC).date()) if day is None else required_day(day)
    change = BinChange(feature, None if value is None else _value_of(artifact, feature, value), points)
    data = write_artifact(override_bin(artifact, change, by, why, date_of(ruled).isoformat()))
    made = open_artifact(data)
    output.write_bytes(data)
    latest = made.overrides[-1]
    if json:
        print_answer(
            CardOverrideAnswer(
                name=made.name,
                sha256=str(made.score.card),
                feature=feature,
                bin=latest.bin,
                points_before=latest.points_before,
                points=latest.points,
                overrides=len(made.overrides),
                card=str(output),
            )
        )
        return
    bin_name = "the bin for missing values" if value is None else f"the bin that holds {value}"
    print_line(data_text(f"{feature}, {bin_name}: {latest.points} points (before: {latest.points_before}), by {by}"))
    print_line(f"card {made.score.card}, with {counted(len(made.overrides), 'override', 'overrides')}")
    print_line(data_text(f"file: {output}"))


def validate_card_file(
    card: CardFile,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Labelled table (Parquet or CSV), or the file of a known data set.")
    ],
    lang: LangOption,
    part: Annotated[
        str | None, typer.Option("--part", help="The part of the accounts that the fit saw, as 1/2.")
    ] = None,
    before: Before = None,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="A column whose segments are looked at; may be repeated.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="Plan of the fit (YAML); default: the inputs of the card.")] = None,
    data: Annotated[str | None, typer.Option(help="A known data set: taiwan or south-german.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Second file with account, label, protected attributes.")] = None,
    label: Annotated[str | None, typer.Option(help="The label's column, where it is not that of the plan.")] = None,
    grades: Annotated[int, typer.Option("--grades", min=2, max=25, help="How many grades of risk.")] = 10,
    output: Annotated[
        Path | None, folder_to_write("--output", "-o", about="Write validation.json and the page to this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Validate a card on rows that its fit has not seen: ranking, calibration, stability, peers, overrides."""
    import msgspec

    from linekeeper.cli.answers.validation import CardValidationAnswer
    from linekeeper.lab.fit.validation.page import write_validation
    from linekeeper.lab.fit.validation.report import STEPS, validate_card
    from linekeeper.texts.language import language

    tongue = language(lang)
    artifact = _read_card(card)
    rows = _validation_data(artifact, table, (plan, data, labels, label), part, before, tuple(segment or ()))
    with progress("validate", STEPS, json) as advance:
        validation = validate_card(artifact, rows, data or table.name, grades, advance)
    page = write_validation(output, validation, tongue) if output else None
    if json:
        figures = asdict(validation) | {"schema": "linekeeper/card-validate/1", "page": page and str(page)}
        print_answer(msgspec.convert(figures, CardValidationAnswer))
        return
    _print(validation)
    if page:
        print_line(data_text(f"page: {page}"))


# ------------------------------------------------------------------ pieces

Sources = tuple[Path | None, str | None, Path | None, str | None]  # plan, known data set, labels, label


def _read_card(path: Path) -> Artifact:
    from linekeeper.core.bounded import CARD_BYTES_MAX, read_bounded
    from linekeeper.scorecard.artifact import ArtifactError, open_artifact

    try:
        return open_artifact(read_bounded(path, CARD_BYTES_MAX))
    except ArtifactError as error:
        raise error.of_file(path, f"the card `{path}` cannot be read: {error.message}") from None


def _value_of(artifact: Artifact, feature: str, text: str) -> int:
    """A value as the data have it, in the units of the card's cuts; a word as the number of its choice."""
    known = next((one for one in artifact.inputs if one.name == feature), None)
    if known is not None and text in known.choices:
        return known.choices.index(text)
    try:
        scaled = Decimal(text).scaleb(known.decimals if known else 0)
    except InvalidOperation:
        scaled = Decimal("0.5")
    if scaled != scaled.to_integral_value():
        raise UsageError(
            f"`{text[:40]}` is no value of `{feature[:40]}`",
            code="choice-not-known",
            way_out=f"name one of {', '.join(known.choices)}" if known and known.choices else "write a number",
            details={"given": text[:40]},
        )
    return int(scaled)


def _validation_data(
    artifact: Artifact, table: Path, sources: Sources, part: str | None, before: str | None, segments: tuple[str, ...]
) -> ValidationData:
    """The table in samples, as the options say."""
    from dataclasses import replace

    from linekeeper.datasets.catalogue import read_data_set
    from linekeeper.lab.fit.plan import read_fit_plan
    from linekeeper.lab.fit.validation import samples
    from linekeeper.lab.partition import read_partition

    plan_file, data, labels, label = sources
    partition = read_partition(part) if part else None
    first_late = day_number(before)
    if data:
        rows, plan = read_data_set(data, table)
        segmentations = samples.segmentations_of_table(rows, plan, segments)
    else:
        plan = read_fit_plan(plan_file) if plan_file else samples.plan_of_card(artifact)
        plan = replace(plan, label=label or plan.label)
        rows, segmentations = samples.read_with_segments(table, plan, labels, segments)
    return samples.part_into_samples(rows, plan, artifact, partition, first_late, segmentations)


SAMPLE_NAMES = {"development": "rows of the fit", "out_of_sample": "out of sample", "out_of_time": "out of time"}
DIGEST_WORDS = {
    "confirmed": "the rows of the fit are those that the card states",
    "different": "the rows of the fit are NOT those that the card states",
    "not_stated": "the card does not state which rows it was fitted on",
    "no_development": "no row of the fit is here; peers learned from the other folds of these rows",
}


def _print(validation: Validation) -> None:
    print_line(data_text(f"{validation.name}: {DIGEST_WORDS[validation.digest]}"))
    for one in validation.samples:
        low, high = one.auc_interval
        print_line(
            f"{SAMPLE_NAMES[one.sample]}: {one.rows:,} rows, AUC of the card {one.auc:.4f} ({low:.4f} to {high:.4f}),"
            f" mean PD {one.mean_pd:.2%}, bad rate {one.bad_rate:.2%}"
        )
    for peer in validation.peers:
        low, high = peer.card_above_interval
        name = peer.peer.replace("_", " ")
        print_line(
            f"{SAMPLE_NAMES[peer.sample]}: AUC of {name} {peer.auc:.4f};"
            f" the card less it {peer.card_above:+.4f} ({low:+.4f} to {high:+.4f})"
        )
    ask = sum(one.state == "attention" for one in validation.checks)
    print_line(f"{counted(len(validation.checks), 'check', 'checks')}, of which {ask} need attention")
