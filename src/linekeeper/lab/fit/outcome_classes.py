"""What became of a row: good, bad, or neither; and how much the row counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError
from linekeeper.lab.fit.plan import BAD, GOOD, OUTCOME_CLASSES, FitPlan
from linekeeper.lab.parquet import whole_numbers

WEIGHT_MAX = 10**9  # either way: a weight beyond it is no count of accounts
VALUE_SHOWN = 40

ClassNumbers = npt.NDArray[np.intp]  # the place of a class in OUTCOME_CLASSES: 0 is good, 1 is bad
Weights = npt.NDArray[np.float64]


def classes_of_rows(data: pa.Table, plan: FitPlan) -> ClassNumbers:
    """The class of each row, by its label.

    Raises FileError where a value is in no class, or no row is good, or none bad.

    >>> plan = FitPlan("p", (), classes=(("good", ("paid",)), ("bad", ("lost", "90+"))))
    >>> classes_of_rows(pa.table({"label": ["paid", "90+", "lost"]}), plan).tolist()
    [0, 1, 1]
    """
    values = _label_values(data, plan)
    by_class = dict(plan.classes) or _usual_classes(values)
    listed = [value for of_class in by_class.values() for value in of_class]
    numbers = [OUTCOME_CLASSES.index(name) for name, of_class in by_class.items() for _ in of_class]
    known = pc.index_in(values, pa.array(listed, pa.string()), skip_nulls=True)
    places = np.asarray(pc.fill_null(known, -1).to_numpy(False))
    if (places < 0).any():
        row = int(np.argmax(places < 0))
        raise _label_fault(plan, f"is {_shown(values[row].as_py())} in row {row + 1}, which is in none of its classes")
    classes: ClassNumbers = np.array(numbers, dtype=np.intp)[places]
    if not {0, 1} <= set(np.unique(classes).tolist()):
        raise _label_fault(plan, "has to have goods and bads, and one of them does not occur")
    return classes


def _label_values(data: pa.Table, plan: FitPlan) -> Any:
    """The label's column as texts: words as they are, flags and whole numbers as numbers, null where it is missing."""
    column = data[plan.label].combine_chunks()
    if pa.types.is_string(column.type):
        words = pc.utf8_trim_whitespace(column)
        return pc.if_else(pc.equal(words, ""), None, words)
    numbers = whole_numbers(data, plan.label)
    return pc.if_else(pa.array(numbers == MISSING), None, pa.array(numbers).cast(pa.string()))


def _usual_classes(values: Any) -> dict[str, tuple[str, ...]]:
    """0 and 1; of a column that has some of the four words for the classes, those."""
    if {*OUTCOME_CLASSES} & {*pc.unique(values).to_pylist()}:
        return {name: (name,) for name in OUTCOME_CLASSES}
    return {GOOD: ("0",), BAD: ("1",)}


def _shown(value: str | None) -> str:
    return "missing" if value is None else f"`{value[:VALUE_SHOWN]}`"


def _label_fault(plan: FitPlan, what: str) -> FileError:
    return FileError(
        f"the label `{plan.label}` {what}",
        code="label-not-usable",
        way_out="write 1 for bad and 0 for good, or list its values under `classes` in the plan",
        details={"label": plan.label},
    )


def weights_of_rows(data: pa.Table, plan: FitPlan) -> Weights | None:
    """How much each row counts, from the plan's column; None where it names none.

    Raises FileError where the column is missing, or holds anything but numbers above 0.
    """
    if plan.weight is None:
        return None
    if plan.weight not in data.column_names:
        raise FileError(
            f"the table has no column `{plan.weight}`, which the plan names as `weight`",
            code="column-missing",
            details={"column": plan.weight},
        )
    column = data[plan.weight]
    kind = column.type
    if not any(is_of(kind) for is_of in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)):
        raise _weight_fault(plan.weight, f"is `{kind}`")
    weights = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    strange = np.flatnonzero(~((weights >= 1 / WEIGHT_MAX) & (weights <= WEIGHT_MAX)))
    if len(strange):
        value = column[int(strange[0])].as_py()
        raise _weight_fault(plan.weight, f"is {'missing' if value is None else value} in row {strange[0] + 1}")
    return weights


def _weight_fault(name: str, what: str) -> FileError:
    return FileError(
        f"the weight `{name}` {what}",
        code="column-of-wrong-type",
        way_out="write a number above 0 for each row, and leave out the rows that do not count",
        details={"column": name},
    )
