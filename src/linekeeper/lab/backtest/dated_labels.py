"""Labels with dates of their own: what became of an account, as it was seen on a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linekeeper.core.bounds import MISSING
from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import FileError
from linekeeper.evaluate.event_batch import Ints
from linekeeper.lab.parquet import read_parquet_table, whole_numbers

OBSERVED_ON = "observed_on"
LABEL_OUTCOMES = ("good", "bad")
Flags = NDArray[np.bool_]
_ACCOUNTS_NAMED = 3


@dataclass(frozen=True)
class DatedLabels:
    """One label a row. `day`: local days since 1970-01-01; `amount`: what was owed then, in minor units, or MISSING.

    `segments`: by the name of a column, the word that each row has there. An account may have several labels, each of
    another day.
    """

    account: list[str]
    day: Ints
    bad: Flags
    amount: Ints
    segments: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.account)

    def demand_accounts(self, known: Collection[str], place: str) -> None:
        """Raises FileError where a label is of an account that no event opens: it measures nothing."""
        foreign = list(dict.fromkeys(name for name in self.account if name not in known))
        if not foreign:
            return
        named = ", ".join(f"`{name[:80]}`" for name in foreign[:_ACCOUNTS_NAMED])
        more = f" and {len(foreign) - _ACCOUNTS_NAMED:,} more" if len(foreign) > _ACCOUNTS_NAMED else ""
        raise FileError(
            f"the labels `{place}` have accounts that no event is of: {named}{more}",
            code="label-without-account",
            way_out="write the ids as the events have them, or leave these labels out",
            place=place,
            details={"accounts": foreign[:_ACCOUNTS_NAMED], "count": len(foreign)},
        )

    def take(self, keep: Flags) -> DatedLabels:
        """Those of some rows."""
        rows = np.flatnonzero(keep).tolist()
        segments = {name: [words[row] for row in rows] for name, words in self.segments.items()}
        return DatedLabels(
            [self.account[row] for row in rows], self.day[keep], self.bad[keep], self.amount[keep], segments
        )


def read_dated_labels(path: Path, segments: Sequence[str] = ()) -> DatedLabels:
    """A Parquet file with `account`, `observed_on` (a day), `outcome` (good or bad) and, where it is known, `amount`.

    In the place of `outcome` there may be `defaulted` (1 or 0). `amount` is what was owed on that day, in minor units.
    `segments` are further columns, by which the figures are told apart. Raises FileError where a column lacks or holds
    something else, and where an account has two labels of one day.
    """
    return labels_of_table(read_parquet_table(path), str(path), segments)


def labels_of_table(table: pa.Table, place: str, segments: Sequence[str] = ()) -> DatedLabels:
    """The same of a table; `place` names it in an error."""
    names = set(table.column_names)
    outcome = "defaulted" if "defaulted" in names and "outcome" not in names else "outcome"
    for name in ("account", OBSERVED_ON, outcome, *segments):
        if name not in names:
            raise FileError(
                f"the labels `{place}` have no column `{name[:80]}`; they need account, {OBSERVED_ON}, outcome",
                code="column-missing",
                place=place,
                details={"column": name},
            )
    accounts = _words(table, "account", place)
    day, bad = _days(table, place), _outcomes(table, outcome, place)
    amount = whole_numbers(table, "amount") if "amount" in names else np.full(len(accounts), MISSING, dtype=np.int64)
    if (wrong := np.flatnonzero((amount < 0) & (amount != MISSING))).size:
        raise _wrong(place, "amount", f"below 0 in row {wrong[0] + 1}", "write what was owed, in minor units")
    seen: set[tuple[str, int]] = set()
    for one in zip(accounts, day.tolist(), strict=True):
        if one in seen:
            raise FileError(
                f"the labels `{place}` have the account `{one[0][:80]}` twice on one day",
                code="label-twice",
                way_out="keep one label an account and day",
                place=place,
            )
        seen.add(one)
    words = {name: ["" if word is None else str(word) for word in table[name].to_pylist()] for name in segments}
    return DatedLabels(accounts, day, bad, amount, words)


def _words(table: pa.Table, name: str, place: str) -> list[str]:
    column = table[name]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        what = "missing in a row" if column.null_count else f"of the type {column.type}"
        raise _wrong(place, name, what, "write the ids as text, as the events have them")
    words: list[str] = column.to_pylist()
    return words


def _days(table: pa.Table, place: str) -> Ints:
    column = table[OBSERVED_ON]
    way_out = "write days like 2024-05-31"
    if column.null_count:
        raise _wrong(place, OBSERVED_ON, "missing in a row", way_out)
    if pa.types.is_date(column.type):
        return np.asarray(column.cast(pa.date32()).cast(pa.int32()).to_numpy(), dtype=np.int64)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise _wrong(place, OBSERVED_ON, f"of the type {column.type}", way_out)
    days = {text: _day(text, place, way_out) for text in pc.unique(column).to_pylist()}
    return np.array([days[text] for text in column.to_pylist()], dtype=np.int64)


def _day(text: str, place: str, way_out: str) -> int:
    try:
        return epoch_day(date.fromisoformat(text))
    except ValueError:
        raise _wrong(place, OBSERVED_ON, f"`{text[:40]}` in a row", way_out) from None


def _outcomes(table: pa.Table, name: str, place: str) -> Flags:
    allowed = {"good": False, "bad": True} if name == "outcome" else {0: False, 1: True}
    values = table[name].to_pylist()
    for row, value in enumerate(values):
        if isinstance(value, float | list | dict) or value not in allowed:
            words = " or ".join(map(str, allowed))
            raise _wrong(place, name, f"`{str(value)[:40]}` in row {row + 1}", f"write {words}")
    return np.array([allowed[value] for value in values], dtype=bool)


def _wrong(place: str, column: str, what: str, way_out: str) -> FileError:
    return FileError(
        f"the column `{column}` of the labels `{place}` is {what}",
        code="column-of-wrong-type",
        way_out=way_out,
        place=place,
        details={"column": column},
    )
