"""Writes the workbooks and Parquet files among the example feeds, so that anyone can read what is in them.

python -m tests.connect.feed_files
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

FEEDS = Path(__file__).parents[2] / "docs" / "examples" / "feeds"


def write_report(path: Path) -> None:
    """A report for people: a title, a header in row 4, real dates and numbers, amounts typed as text, a sum."""
    book = Workbook()
    sheet = book.active
    sheet.title = "May"
    sheet.append(["Line activity May 2025"])
    sheet.append(["printed on", date(2025, 6, 1)])
    sheet.append([])
    sheet.append(["Booked", "Customer no.", "Voucher", "Kind", "Amount", "Remark"])
    sheet.append([datetime(2025, 5, 2, 9, 30), 20001, "V-1", "Draw", 1500.75, None])
    sheet.append([datetime(2025, 5, 9, 16, 0), 20001, "V-2", "Payment", "1.000,00", "typed by hand"])
    sheet.append([date(2025, 5, 10), 20002, "V-3", "Draw", 99, None])
    sheet.append(["Sum", None, None, None, "=SUM(E5:E7)", None])
    book.create_sheet("Notes").append(["nothing here"])
    book.save(path)


def write_ledger(path: Path) -> None:
    """A plain ledger: one sheet, days as serial numbers without a format, flags as TRUE and FALSE."""
    book = Workbook()
    sheet = book.active
    sheet.append(["id", "account", "serial", "amount", "category", "foreign"])
    sheet.append(["P-1", "X-1", 45780.5, 12.5, "food", False])
    sheet.append(["P-2", "X-1", 45781, 230, "travel", True])
    sheet.append(["P-3", "X-2", 45782.25, 0.99, "other", False])
    book.save(path)


def write_warehouse(path: Path) -> None:
    """Decimals, instants with a zone, whole numbers as keys, words in a dictionary."""
    table = pa.table({
        "txn_key": pa.array([9001, 9002, 9003], pa.int64()),
        "line_key": pa.array([51, 51, 52], pa.int32()),
        "booked_at": pa.array([1_746_064_800, 1_746_241_200, 1_746_154_800], pa.timestamp("s", "UTC")),
        "txn_code": pa.array(["DRW", "PMT", "DRW"]).dictionary_encode(),
        "amount": pa.array([Decimal("2500.00"), Decimal("125.50"), Decimal("0.05")], pa.decimal128(18, 2)),
    })  # fmt: skip
    pq.write_table(table, path)


def write_frame(path: Path) -> None:
    """A data frame: its index as a column, local times, whole numbers as floats because some are absent."""
    times = [datetime(2025, 5, 2, 9), datetime(2025, 5, 8, 9), datetime(2025, 5, 8, 10)]
    table = pa.table({
        "event": ["f1", "f2", "f3"],
        "customer": ["Q-1", "Q-1", "Q-2"],
        "when": pa.array(times, pa.timestamp("ns")),
        "days_late": pa.array([0.0, 31.0, None]),
        "paid": pa.array([None, None, 75.5]),
        "__index_level_0__": pa.array([0, 1, 2]),
    })  # fmt: skip
    pq.write_table(table, path)


def write_all(folder: Path) -> None:
    """All of them, each in the folder of its feed."""
    for name, write in {
        "14-excel-report/report.xlsx": write_report,
        "15-excel-serials/ledger.xlsx": write_ledger,
        "16-parquet-warehouse/transactions.parquet": write_warehouse,
        "17-parquet-frame/frame.parquet": write_frame,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write(folder / name)


if __name__ == "__main__":
    write_all(FEEDS)
