"""card import, override, validate: a lender's own model as a card; what a person changes on one; how one is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.card_validation import override_bin_of_card, validate_card_file
from linekeeper.cli.options import JsonOption, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.sections import WholeLines
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.cli.answers.measuring import CardComparison, CardImportAnswer, DifferingRowRecord
    from linekeeper.lab.card_import.comparison import DifferingRow
    from linekeeper.lab.card_import.import_model import ImportedCard, Sample


def register(app: typer.Typer) -> None:
    """Add the commands."""
    card = typer.Typer(cls=WholeLines, help="Cards that policies name.", no_args_is_help=True)
    imports = typer.Typer(cls=WholeLines, help="Make a card from what was made elsewhere.", no_args_is_help=True)
    imports.command(name="model")(import_model_file)
    card.command(name="override")(override_bin_of_card)
    card.command(name="validate")(validate_card_file)
    card.add_typer(imports, name="import")
    app.add_typer(card, name="card")


def import_model_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Text of LightGBM or scikit-learn, JSON of XGBoost, an archive of skops, CSV of points, or PMML.",
        ),
    ],
    columns: Annotated[
        Path | None, typer.Option(help="File (YAML) that says how the model's columns are called and scaled.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the card, where it is not that of the file.")] = None,
    rounds: Annotated[
        int | None, typer.Option("--rounds", min=1, help="Take the first rounds only (XGBoost, after early stopping).")
    ] = None,
    sample: Annotated[
        Path | None, typer.Option(help="Rows (Parquet) of the policy's features, with what the model said of each.")
    ] = None,
    output_column: Annotated[
        str | None, typer.Option("--output-column", help="The column of the sample with the model's log-odds.")
    ] = None,
    output: Annotated[Path | None, to_write("--output", "-o", about="Write the card to this file.")] = None,
    json: JsonOption = False,
) -> None:
    """Make a card of a lender's own model, equal to it to the last point, or refuse it. Nothing in the file is run."""
    from linekeeper.lab.card_import.import_model import import_model, refuse_differences

    made = import_model(file, columns, name, rounds=rounds, sample=_sample(sample, output_column))
    refuse_differences(made)
    if output is not None:
        output.write_bytes(made.data)
    answer = _answer(made, output)
    if json:
        print_answer(answer)
        return
    _print(answer)


def _sample(path: Path | None, output_column: str | None) -> Sample | None:
    from linekeeper.lab.card_import.import_model import Sample

    if (path is None) != (output_column is None):
        raise UsageError(
            "a sample needs a column with what the model said",
            code="argument-missing",
            way_out="name both `--sample FILE` and `--output-column COLUMN`",
        )
    return None if path is None or output_column is None else Sample(path, output_column)


def _answer(made: ImportedCard, output: Path | None) -> CardImportAnswer:
    from linekeeper.cli.answers.measuring import CardImportAnswer
    from linekeeper.scorecard.artifact import read_artifact
    from linekeeper.scorecard.card import reach, scored_features

    score = made.artifact.score
    low, high = reach(score)
    return CardImportAnswer(
        name=made.artifact.name,
        made_by=str(made.artifact.provenance["made_by"]),
        kind="trees" if score.trees else "points",
        sha256=str(read_artifact(made.data).card),
        features=scored_features(score),
        trees=sum(len(trees.roots) for trees in score.trees),
        nodes=sum(len(trees.feature) for trees in score.trees),
        lowest=low,
        highest=high,
        card=None if output is None else str(output),
        comparison=_comparison(made),
    )


def _comparison(made: ImportedCard) -> CardComparison | None:
    from linekeeper.cli.answers.measuring import CardComparison

    compared = made.compared
    if compared is None or made.compared_with is None:
        return None
    return CardComparison(
        compared_with=made.compared_with,
        rows=compared.rows,
        equal=compared.equal,
        at_half_point=compared.at_half_point,
        first_at_half_point=[_row(row) for row in compared.first_at_half_point],
    )


def _row(row: DifferingRow) -> DifferingRowRecord:
    from linekeeper.cli.answers.measuring import DifferingRowRecord

    return DifferingRowRecord(
        values=row.values, card_points=row.card, model_points=row.model, model_output=row.model_output
    )


def _print(answer: CardImportAnswer) -> None:
    what = f"{answer.trees:,} trees with {answer.nodes:,} nodes" if answer.kind == "trees" else "points by bin"
    print_line(
        data_text(
            f"{answer.name}: {what}, {counted(len(answer.features), 'feature', 'features')}, made by {answer.made_by}; "
        )
        + f"scores from {answer.lowest:,} to {answer.highest:,}"
    )
    compared = answer.comparison
    if compared is None:
        print_line("not compared with the model: bring its predictions with `--sample`")
    else:
        print_line(f"{compared.equal:,} of {compared.rows:,} rows have the model's own points")
    if compared is not None and compared.at_half_point:
        edge = "lie at a half point, where the model's own rounding falls on the other side"
        print_line(f"{compared.at_half_point:,} rows {edge}; the first:")
        for name, value in compared.first_at_half_point[0].values.items():
            print_line(data_text(f"    {name} = {'missing' if value is None else value}"))
    print_line(f"card {answer.sha256}")
    if answer.card:
        print_line(data_text(f"file: {answer.card}"))
