"""fit --kind trees: a card of trees from a training table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.cli.output import data_text, print_answer, print_line, progress

if TYPE_CHECKING:
    from linekeeper.lab.fit.plan import FitPlan
    from linekeeper.lab.fit.training_table import TrainingTable


def print_kept_out(rows: TrainingTable) -> None:
    """How many rows no fit saw, a line a reason."""
    from linekeeper.lab.fit.training_run import rows_kept_out

    for why, count in rows_kept_out(rows).items():
        print_line(f"kept out of the fit: {count:,} {why}")


def make_tree_card(
    rows: TrainingTable,
    plan: FitPlan,
    folds: int,
    output: Path | None,
    data: str,
    part: str | None,
    json: bool,
) -> None:
    """Fit the card, write it to `output/card.json` where a folder is named, and say what was fitted."""
    from linekeeper.cli.answers.measuring import FitAnswer
    from linekeeper.lab.fit.training_run import rows_kept_out
    from linekeeper.lab.fit.tree_card import fit_tree_card
    from linekeeper.scorecard.artifact import read_artifact, write_artifact
    from linekeeper.scorecard.card import scored_features

    name = data + (f", part {part} of the accounts" if part else "")
    with progress("fit", folds + 1, json) as advance:
        run = fit_tree_card(rows, plan, name, folds, advance)
    written, file = write_artifact(run.artifact), None
    if output is not None:
        file = output / "card.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written)
    score, sha256 = run.artifact.score, str(read_artifact(written).card)
    if json:
        print_answer(
            FitAnswer(
                name=run.artifact.name,
                sha256=sha256,
                auc=run.auc,
                base=score.base,
                features=len(scored_features(score)),
                tables=0,
                card=None if file is None else str(file),
                model_card=None,
                kept_out=rows_kept_out(rows),
            )
        )
        return
    trees, nodes = sum(len(one.roots) for one in score.trees), sum(len(one.feature) for one in score.trees)
    print_line(f"{data_text(run.artifact.name)}: {trees:,} trees with {nodes:,} nodes")
    print_line(f"AUC on unseen rows: {run.auc:.4f} over all folds together; card {sha256}")
    print_kept_out(rows)
    if file is not None:
        print_line(data_text(f"card: {file}"))
