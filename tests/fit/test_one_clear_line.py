"""What people bring and no fit can use: each ends in one line that names it, before any work has begun."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.core.errors import LinekeeperError

ROWS = 400
CHANCE = np.random.default_rng(0)
LATE, INCOME = CHANCE.integers(0, 30, ROWS), CHANCE.integers(0, 9_000, ROWS)
LABEL = (CHANCE.random(ROWS) < 1 / (1 + np.exp(2 - LATE / 10))).astype(np.int64)
PLAN = "name: d\nability:\n  late: {worse: higher}\n  income: {worse: lower}\n"
DAYS = [1 + row % 28 for row in range(ROWS)]
FEW_BADS = np.arange(ROWS) < 3


def refusal(folder: Path, columns: dict[str, Any], plan: str, words: tuple[str, ...] = (), rows: int = ROWS) -> str:
    """What `fit` says of these columns, None of which leaves one out."""
    every = {"account": [f"a{row}" for row in range(ROWS)], "label": LABEL, "late": LATE, "income": INCOME, **columns}
    pq.write_table(
        pa.table({name: values for name, values in every.items() if values is not None})[:rows], folder / "t"
    )
    (folder / "t").rename(folder / "t.parquet")
    (folder / "plan.yaml").write_text(plan, "utf-8")
    files = [str(folder / "t.parquet"), "--plan", str(folder / "plan.yaml")]
    error = CliRunner().invoke(build(), ["fit", *files, *words]).exception
    assert isinstance(error, LinekeeperError), error
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"late": pa.array([date(2024, 1, day) for day in DAYS], pa.date32())}, "`late` is `date32"),
        ({"late": pa.array([datetime(2024, 1, day, tzinfo=UTC) for day in DAYS])}, "`late` is `timestamp"),
        ({"account": pa.array([None, *map(str, range(ROWS - 1))])}, "no `account` in row 1"),
        ({"income": LABEL * 100 + LATE % 5}, "`income` tells bad from good alone"),
        ({"income": pa.array([None if bad else 5 + row for row, bad in enumerate(LABEL)])}, "missing among the bads"),
        ({"income": INCOME + 2**60}, "`income` holds 1,152,921,504"),
        ({"label": FEW_BADS.astype(int), "account": None}, "too few goods or bads for 5 folds"),
    ],
)
def test_a_table_that_no_fit_can_use(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    assert said in refusal(tmp_path, columns, PLAN)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (PLAN.replace("{worse: lower}", "{special: -9}"), "`income` has `special: -9`"),
        (PLAN.replace("{worse: lower}", "{special: [-9.5]}"), "a `special` code of `income` is `-9.5`"),
        (PLAN + "scale: {pointz: 5}\n", "the scale has a key that is not known"),
        (PLAN + "tables_max: many\n", "`tables_max` is `many`"),
        (PLAN + "willingness:\n  late: {}\n", "`late` stands twice in the plan"),
        (PLAN + "  label: {}\n", "`label` is the label"),
        (PLAN.replace("{worse: higher}", f"{{choices: {[f'c{one}' for one in range(29)]}}}"), "none of its choices"),
    ],
)
def test_a_plan_that_cannot_be_meant(tmp_path: Path, plan: str, said: str) -> None:
    assert said in refusal(tmp_path, {}, plan)


@pytest.mark.parametrize("folds", ["1", "0", "-3"])
def test_folds_that_are_none(tmp_path: Path, folds: str) -> None:
    assert f"{folds} folds are not to be had" in refusal(tmp_path, {}, PLAN, ("--folds", folds))


def test_forty_rows_give_no_card_without_a_feature(tmp_path: Path) -> None:
    noise = {"late": INCOME[::-1] % 7}
    assert "no feature tells goods from bads" in refusal(tmp_path, noise, PLAN.partition("  income")[0], rows=40)
