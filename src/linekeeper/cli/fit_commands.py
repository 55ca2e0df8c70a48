"""fit, forecast: scorecards and hazards from snapshot tables, with their evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import required_day
from linekeeper.cli.options import JsonOption, folder_to_write
from linekeeper.cli.output import data_text, print_answer, print_line, progress
from linekeeper.cli.tree_fit import make_tree_card, print_kept_out
from linekeeper.core.errors import Refused, UsageError

if TYPE_CHECKING:
    from linekeeper.lab.fit.plan import FitPlan
    from linekeeper.lab.fit.training_run import Readable, TrainingRun
    from linekeeper.lab.fit.training_table import TrainingTable

CardFolder = Annotated[
    Path | None, folder_to_write("--output", "-o", about="Write the card and its model card to this folder.")
]
ForecastFolder = Annotated[Path | None, folder_to_write("--output", "-o", about="Write the forecast to this folder.")]
CardKind = Annotated[str, typer.Option("--kind", help="points (default), or trees: LightGBM in the plan's directions.")]
RowsBefore = Annotated[
    str | None,
    typer.Option("--before", help="Only rows before this day, YYYY-MM-DD; later ones can judge the card."),
]
DirectionCosts = Annotated[
    bool | None,
    typer.Option(
        "--direction-costs/--no-direction-costs",
        help="Measure what each declared direction costs in AUC (default: with `--output`, where that is quick).",
    ),
]
CardSize = Annotated[
    str | None,
    typer.Option(
        "--readable",
        help="Size of the card: 0 (finest) to 4 (fewest cells), or auto, of least loss on unseen rows.",
    ),
]
DraftOnly = Annotated[
    bool, typer.Option("--plan-from", help="Draft a plan from the table, to be corrected; make no card.")
]
FoldsToCompare = Annotated[
    int | None, typer.Option("--cross-validate", help="Compare all methods on so many folds; make no card.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of folds and boosting; the same seed gives the same card.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (fit, forecast):
        app.command()(command)


def fit(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Snapshot table (Parquet or CSV), or the file of a known data set.")
    ],
    data: Annotated[str | None, typer.Option(help="A known data set: taiwan or south-german.")] = None,
    derived: Annotated[bool, typer.Option("--derived", help="Features derived from the raw months (taiwan).")] = False,
    plan: Annotated[Path | None, typer.Option(help="Plan file (YAML): groups, directions, special codes.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy whose directions and protected fields apply.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Second file with account, label, protected attributes.")] = None,
    label: Annotated[str | None, typer.Option(help="The label's column, where it is not that of the plan.")] = None,
    part: Annotated[str | None, typer.Option(help="Only a part of the accounts: 1/2 is the first of two.")] = None,
    before: RowsBefore = None,
    method: Annotated[str, typer.Option(help="tables (default), main (no tables) or woe (the classic).")] = "tables",
    cross_validate: FoldsToCompare = None,
    kind: CardKind = "points",
    folds: Annotated[int, typer.Option(help="Folds that calibrate the card and make its evidence.")] = 5,
    plan_from: DraftOnly = False,
    with_direction_costs: DirectionCosts = None,
    readable: CardSize = None,
    output: CardFolder = None,
    seed: Seed = 0,
    json: JsonOption = False,
) -> None:
    """Fit a scorecard: bins and whole points, calibrated, with its model card."""
    from linekeeper.datasets.catalogue import read_data_set
    from linekeeper.lab.partition import read_partition

    if plan_from:
        _draft_plan(table, label, json)
        return
    _check_method(method, kind)
    level = _readable(readable, method, kind)
    rows, used = read_data_set(data, table, derived) if data else _read(table, _plan(plan, policy, label), labels)
    fit_plan = replace(used, seed=seed)
    rows = rows.of_partition(read_partition(part)) if part else rows
    rows = _rows_before(rows, required_day(before)) if before else rows
    if cross_validate:
        _cross_validate(rows, fit_plan, cross_validate, json)
        return
    if kind == "trees":  # it has one method, and no page of evidence
        make_tree_card(rows, fit_plan, folds, output, (data or table.name), part, json)
        return
    _make_card(rows, fit_plan, folds, method, output, (data or table.name), part, json, with_direction_costs, level)


def _make_card(
    rows: TrainingTable,
    plan: FitPlan,
    folds: int,
    method: str,
    output: Path | None,
    data: str,
    part: str | None,
    json: bool,
    with_direction_costs: bool | None,
    readable: Readable | None,
) -> None:
    """Fit the card, write it where a folder is named, and say what was fitted."""
    from linekeeper.lab.fit.cross_validation import METHODS
    from linekeeper.lab.fit.direction_costs import has_quick_costs
    from linekeeper.lab.fit.training_run import fit_scorecard

    compare = tuple(name for name in METHODS if name != "woe") if output else ()  # the classic takes its time
    costs = (
        (output is not None and has_quick_costs(rows, plan)) if with_direction_costs is None else with_direction_costs
    )
    with progress("fit", folds + 2, json) as advance:
        run = fit_scorecard(rows, plan, folds, method, compare, advance, costs, readable)
    name = data + (f", part {part} of the accounts" if part else "")
    files = _write(run, output, name) if output else {}
    _report(run, name, files, json)


def _draft_plan(path: Path, label: str | None, json: bool) -> None:
    """The plan on standard output, so that `> plan.yaml` keeps it."""
    from linekeeper.cli.answers.measuring import PlanDraftAnswer
    from linekeeper.lab.fit.plan_draft import draft_plan
    from linekeeper.lab.fit.table_columns import read_table

    draft = draft_plan(read_table(path), path.stem.split(".")[0], label)
    if json:
        left_out = {column.name: column.remark for column in draft.columns if not column.feature}
        features = [column.name for column in draft.columns if column.feature]
        print_answer(PlanDraftAnswer(label=draft.label, features=features, left_out=left_out, plan=draft.text))
        return
    for line in draft.text.splitlines():
        print_line(data_text(line))


def _check_method(method: str, kind: str) -> None:
    if kind not in ("points", "trees"):
        raise UsageError(
            f"`{kind}` is no kind of card",
            code="choice-not-known",
            way_out="use points or trees",
            details={"given": kind},
        )
    if method not in ("tables", "main", "woe"):
        raise UsageError(
            f"`{method}` is no method of fitting",
            code="choice-not-known",
            way_out="use tables, main or woe",
            details={"given": method},
        )


def _readable(text: str | None, method: str, kind: str) -> Readable | None:
    """The level of `--readable`. Raises UsageError where it is none, or the card has no such levels."""
    if text is None or text == "auto":
        level: Readable | None = "auto" if text else None
    else:
        level = int(text) if text in ("0", "1", "2", "3", "4") else None
    if text is not None and (level is None or method == "woe" or kind == "trees"):
        raise UsageError(
            f"`{text[:20]}` is no size that this card can have",
            code="choice-not-known",
            way_out="use 0 to 4 or auto, with the methods tables and main",
            details={"given": text[:20]},
        )
    return level


def forecast(
    records: Annotated[
        Path, typer.Argument(metavar="RECORDS", help="Monthly panel (Parquet or CSV): account, month, bucket or days.")
    ],
    rename: Annotated[
        list[str] | None,
        typer.Option("--map", help="theirs=ours, with account, month, bucket or days_past_due; several times."),
    ] = None,
    output: ForecastFolder = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many accounts the early warning lists.")] = 20,
    compare: Annotated[bool, typer.Option("--compare", help="Rank with LightGBM as well; it takes longer.")] = False,
    seed: Seed = 0,
    json: JsonOption = False,
) -> None:
    """Forecast who reaches 30 days past due in each of the next 12 months, tested out of time."""
    import msgspec

    from linekeeper.cli.answers.measuring import ForecastAnswer
    from linekeeper.datasets.approval import with_panel_names
    from linekeeper.lab.fit.table_columns import read_table
    from linekeeper.lab.forecast.hazard import forecast_panel
    from linekeeper.lab.forecast.page import render_forecast
    from linekeeper.lab.forecast.panel_file import column_renames, panel_of, with_renames

    renames = column_renames(rename or [])
    table = read_table(records)
    table = with_renames(table, renames) if renames else with_panel_names(table)
    with progress("forecast", 4, json) as advance:
        report = forecast_panel(panel_of(table), limit, seed, advance, compare)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        _dump(output / "forecast.json", report)
        (output / "forecast.html").write_text(render_forecast(report), "utf-8")
    if json:
        figures = {key: value for key, value in report.items() if key != "format"}
        head = {"schema": "linekeeper/forecast/1", "output": None if output is None else str(output)}
        print_answer(msgspec.convert(head | figures, ForecastAnswer))
        return
    _print_forecast(report)


def _print_forecast(report: dict[str, Any]) -> None:
    out = report["out_of_time"]
    beside = "" if out["auc_lightgbm"] is None else f" (LightGBM {out['auc_lightgbm']:.4f})"
    print_line(f"{out['rows']:,} accounts unseen, a later time: AUC {out['auc']:.4f}{beside}")
    print_line(f"the riskiest 5 % hold {out['behind_in_riskiest_5_percent']:.1%} of those who fall behind")
    print_line("months ahead   predicted   observed")
    for row in report["by_horizon"]:
        print_line(f"{row['months']:>12}   {row['predicted']:>9.3%}   {row['observed']:>8.3%}")


# ------------------------------------------------------------------ pieces


def _rows_before(rows: TrainingTable, day: int) -> TrainingTable:
    """The rows of earlier days. Raises Refused where there are none."""
    import numpy as np

    early = np.flatnonzero(rows.at_day < day)
    if not len(early):
        raise Refused(
            "no row is of a day before the one that `--before` names",
            code="data-too-few",
            way_out="name a later day",
        )
    return rows.take(early)


def _plan(plan: Path | None, policy: Path | None, label: str | None) -> FitPlan:
    """The plan that a file, a policy or both give. Raises UsageError where none is named."""
    from dataclasses import replace

    from linekeeper.lab.fit.plan import fit_plan_of_policy, read_fit_plan

    if not plan and not policy:
        raise UsageError(
            "a fit needs to know its features",
            code="argument-missing",
            way_out="name `--plan FILE`, `--policy FILE` or `--data NAME`",
        )
    named = read_fit_plan(plan) if plan else None
    if policy:
        from linekeeper.policy.load import load_file

        of_policy = fit_plan_of_policy(load_file(policy))
        named = named.with_policy(of_policy) if named else of_policy
    assert named is not None
    return replace(named, label=label or named.label).refuse_protected()


def _read(path: Path, plan: FitPlan, labels: Path | None) -> tuple[TrainingTable, FitPlan]:
    from linekeeper.lab.fit.training_table import read_training_table

    return read_training_table(path, plan, labels), plan


def _cross_validate(rows: TrainingTable, plan: FitPlan, folds: int, json: bool) -> None:
    """All methods on the same folds; where the data hold protected attributes, with and without them as inputs."""
    from linekeeper.cli.answers.measuring import CrossValidationAnswer, MethodFigures
    from linekeeper.lab.fit.cross_validation import compare_methods
    from linekeeper.lab.fit.training_table import with_protected_as_inputs

    both = bool(rows.protected)
    with progress("folds", folds * (2 if both else 1), json) as advance:
        others = compare_methods(*with_protected_as_inputs(rows, plan), folds, advance) if both else None
        methods = compare_methods(rows, plan, folds, advance)
    if json:
        print_answer(
            CrossValidationAnswer(
                data=plan.name,
                rows=len(rows),
                folds=folds,
                methods=MethodFigures(**methods),
                with_protected=MethodFigures(**others) if others else None,
            )
        )
        return
    for title, figures in (("with protected attributes, for comparison only", others), ("inputs of the plan", methods)):
        if figures:
            aucs = (f"{key[4:]} {figures[key]:.4f}" for key in figures if key.startswith("auc_"))
            print_line(f"{title}: {', '.join(aucs)}")


def _write(run: TrainingRun, folder: Path, data: str) -> dict[str, str]:
    """card.json (what a policy names), model-card.json and model-card.html."""
    from linekeeper.lab.fit.card_files import write_card_files
    from linekeeper.lab.fit.model_card import model_card_of
    from linekeeper.lab.fit.training_run import artifact_of_run
    from linekeeper.scorecard.artifact import write_artifact

    paths = write_card_files(folder, write_artifact(artifact_of_run(run, data)), model_card_of(run, data))
    return {name: str(paths[name]) for name in ("card", "model_card")}


def _dump(path: Path, value: Any) -> None:
    import json

    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _report(run: TrainingRun, data: str, files: dict[str, str], json: bool) -> None:
    """What was fitted, in a few lines or one line of JSON."""
    from linekeeper.cli.answers.measuring import FitAnswer
    from linekeeper.lab.fit.training_run import artifact_of_run, rows_kept_out
    from linekeeper.scorecard.artifact import read_artifact, write_artifact
    from linekeeper.scorecard.card import count_cells_of_card
    from linekeeper.scorecard.points import best_score

    artifact = artifact_of_run(run, data)
    score, auc = run.score, int(artifact.provenance["auc_ppm"]) / 1_000_000
    sha256 = str(read_artifact(write_artifact(artifact)).card)
    if json:
        print_answer(
            FitAnswer(
                name=artifact.name,
                sha256=sha256,
                auc=auc,
                base=score.base,
                features=len(score.bins),
                tables=len(score.tables),
                card=files.get("card"),
                model_card=files.get("model_card"),
                kept_out=rows_kept_out(run.table),
            )
        )
        return
    print_line(
        f"{artifact.name}: {len(score.bins)} features, {len(score.tables)} tables, best score {best_score(score)}"
    )
    mean_auc = run.validation.mean_auc(run.table.label, run.method)
    print_line(f"AUC on unseen rows: {auc:.4f} over all folds together, {mean_auc:.4f} the mean of the folds")
    for step in run.sizes:
        own = ", this card" if step.level == run.level else ""
        print_line(f"level {step.level}: {step.cells:,} cells, AUC {step.auc:.4f}, the mean of the folds{own}")
    print_line(f"{count_cells_of_card(score):,} cells (bins and cells of tables); card {sha256}")
    print_kept_out(run.table)
    for name, path in files.items():
        print_line(data_text(f"{name.replace('_', ' ')}: {path}"))
