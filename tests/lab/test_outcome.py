"""Labels of an outcome: read as they are, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.outcome import read_labels


def test_labels_are_read_by_account(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account": ["A", "B"], "granted": [100, 50], "defaulted": [1, 0]}), tmp_path / "l.parquet")
    assert read_labels(tmp_path / "l.parquet") == {"A": (100, True), "B": (50, False)}


def test_labels_without_a_column_are_refused_by_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account": ["A"], "granted": [100]}), tmp_path / "l.parquet")
    with pytest.raises(LinekeeperError, match="have no column `defaulted`; they need account, granted, defaulted"):
        read_labels(tmp_path / "l.parquet")


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.parquet").write_text("account,granted,defaulted\n")
    with pytest.raises(LinekeeperError, match="cannot be read as Parquet"):
        read_labels(tmp_path / "l.parquet")
