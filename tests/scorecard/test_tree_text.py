"""Forests of scikit-learn from the text of `export_text`: read exactly, or refused with the line and the way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import app, build
from linekeeper.core.errors import FileError
from linekeeper.lab.card_import.import_model import import_model
from linekeeper.lab.card_import.tree_text import read_tree_text
from linekeeper.scorecard.artifact import open_artifact
from linekeeper.scorecard.points import score_one

# Two trees by hand. Of the rows with `Late` above 1.5, 4 of 5 went bad, and 1 of 4 of the others. The second tree
# reads income as well.
HALF, TWO, ZEROS = "1.5" + "0" * 39, "2" + "." + "0" * 40, "0" * 40
TREES = f"""
|--- Late <= {HALF}
|   |--- weights: [3.{ZEROS}, 1.{ZEROS}] class: 0.0
|--- Late >  {HALF}
|   |--- weights: [1.{ZEROS}, 4.{ZEROS}] class: 1.0

|--- Income <= 1000.{ZEROS}
|   |--- Late <= {HALF}
|   |   |--- weights: [1.{ZEROS}, 1.{ZEROS}] class: 0.0
|   |--- Late >  {HALF}
|   |   |--- weights: [0.{ZEROS}, {TWO}] class: 1.0
|--- Income >  1000.{ZEROS}
|   |--- weights: [5.{ZEROS}, 0.{ZEROS}] class: 0.0
"""
COLUMNS = "Late: {feature: late, missing_as: 2}\nIncome: {feature: income, decimals: 2, missing_as: 0}\n"


def files(folder: Path, text: str = TREES, columns: str = COLUMNS) -> tuple[Path, Path]:
    model, of_columns = folder / "forest.txt", folder / "columns.yaml"
    model.write_text(text.lstrip("\n"), "utf-8")
    of_columns.write_text(columns, "utf-8")
    return model, of_columns


@pytest.mark.parametrize(
    ("late", "income", "chance"),
    [
        (1, 100_000, (1 / 4 + 1 / 2) / 2),  # 1,000.00 is at most the threshold
        (2, 100_000, (4 / 5 + 1) / 2),
        (1, 100_001, 1 / 4 / 2),
        (2, 100_001, 4 / 5 / 2),
        (None, 100_001, 4 / 5 / 2),  # as 2
        (0, None, (1 / 4 + 1 / 2) / 2),  # as 0
    ],
)
def test_the_points_are_those_of_the_mean_of_the_leaves(
    tmp_path: Path, late: int | None, income: int | None, chance: float
) -> None:
    score = import_model(*files(tmp_path)).artifact.score
    assert score_one(score, {"late": late, "income": income}).score == round(1_000 - 1_000 * chance)


def test_the_text_of_the_library_is_read_as_it_comes() -> None:
    tree = pytest.importorskip("sklearn.tree")
    fitted = tree.DecisionTreeClassifier().fit([[0.1], [0.2], [0.7], [0.9]], [0, 0, 1, 1])
    asked = {"decimals": 60, "show_weights": True, "max_depth": 500}
    model = read_tree_text(tree.export_text(fitted, feature_names=["a share <= 1"], **asked))
    assert model.features == ("a share <= 1",)
    assert model.trees[0].threshold == (float(fitted.tree_.threshold[0]),)
    assert model.trees[0].values == (0.0, 1.0)
    with pytest.raises(FileError, match="too few digits"):
        read_tree_text(tree.export_text(fitted, show_weights=True))


def test_the_command_makes_a_card_and_says_that_nothing_was_compared(tmp_path: Path) -> None:
    build()
    model, columns = files(tmp_path)
    card = tmp_path / "card.json"
    asked = ["card", "import", "model", str(model), "--columns", str(columns), "-o", str(card), "--json"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.output)["comparison"] is None
    assert open_artifact(card.read_bytes()).provenance["made_by"] == "scikit-learn"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"<= {HALF}", "<= 1.50", "has a number of too few digits in line 1: `1.50`"),
        (f"weights: [3.{ZEROS}, 1.{ZEROS}] class: 0.0", "class: 0.0", "has no weights in line 2"),
        (f"weights: [3.{ZEROS}, 1.{ZEROS}] class: 0.0", "truncated branch of depth 4", "is cut off in line 2"),
        (f"weights: [3.{ZEROS}, 1.{ZEROS}] class: 0.0", f"value: [3.{ZEROS}]", "is a regression"),
        (f"[3.{ZEROS}, 1.{ZEROS}]", f"[3.{ZEROS}, 1.{ZEROS}, 1.{ZEROS}]", "has not two classes"),
        (f"[3.{ZEROS}, 1.{ZEROS}]", f"[0.{ZEROS}, 0.{ZEROS}]", "has a leaf without rows in line 2"),
        ("class: 1.0", "class: good", "calls its second class `good` in line 4"),
        (f"|--- Late >  {HALF}\n", "", "has a branch at the wrong depth in line 3"),
        (f"|--- Late >  {HALF}", f"|--- Income >  {HALF}", "lacks the other branch of line 1 in line 3"),
        (f"\n|--- Income >  1000.{ZEROS}\n|   |--- weights: [5.{ZEROS}, 0.{ZEROS}] class: 0.0", "", "ends within"),
        ("|--- Income <=", "tree 2\n|--- Income <=", "has no branch of a tree in line 6"),
        (f"<= {HALF}", "<= many", "has no number where one belongs in line 1: `many`"),
    ],
)
def test_a_text_that_says_too_little_is_refused_by_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TREES
    model, columns = files(tmp_path, TREES.replace(old, new, 1))
    with pytest.raises(FileError) as error:
        import_model(model, columns)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (COLUMNS.replace(", missing_as: 0", ""), "does not say where a missing `Income` goes"),
        (COLUMNS.replace("missing_as: 2", "missing_code: -7"), "does not say where `-7` goes in `Late`"),
    ],
)
def test_a_missing_value_needs_a_number_that_stands_for_it(tmp_path: Path, columns: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        import_model(*files(tmp_path, columns=columns))


def test_a_tree_without_an_end_is_refused() -> None:
    lines = [f"{'|   ' * depth}|--- Late <= {HALF}" for depth in range(600)]
    with pytest.raises(FileError, match="deeper than 500"):
        read_tree_text("\n".join(lines))
