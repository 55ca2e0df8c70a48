"""What the rows of a table leave out, and which of them overlap: by trying a value between every two thresholds.

A condition can answer otherwise only where one of its comparisons does. So one value from each stretch between two
neighbouring thresholds stands for all of that stretch, and missing for itself. What is no comparison of a value with a
constant is taken to hold or not, whatever else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from linekeeper.core.bounds import MISSING
from linekeeper.policy import expression as ex

CELLS_MAX = 20_000
STEPS_MAX = 400_000  # cells times parts of conditions: some tenths of a second

TableCase = Mapping[ex.Expr, int]  # a value for each thing that the conditions read; MISSING where it is missing


@dataclass(frozen=True, slots=True)
class Range:
    """What a value can be: from `low` to `high`, and missing where it may be."""

    low: int
    high: int
    maybe_missing: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """`gap`: a cell in which no row holds. `unreached`: rows that no cell reaches. `overlaps`: pairs that one cell has.

    Rows are numbered from 0. Where there are too many cells to try it is not `complete`, and all of it is empty.
    """

    gap: TableCase | None
    unreached: tuple[int, ...]
    overlaps: tuple[tuple[int, int], ...]
    complete: bool = True


def coverage_of(rows: Sequence[ex.Expr], range_of: Callable[[ex.Expr], Range]) -> Coverage:
    """What the conditions of a table's rows leave out, and where they overlap."""
    values = _values_of(rows, range_of)
    cells, parts = prod(len(some) for some in values.values()), sum(1 for row in rows for _ in ex.nodes_of(row))
    if cells > CELLS_MAX or cells * parts > STEPS_MAX:
        return Coverage(None, (), (), complete=False)
    gap: TableCase | None = None
    reached: set[int] = set()
    overlaps: dict[tuple[int, int], None] = {}
    for cell in (dict(zip(values, some, strict=True)) for some in product(*values.values())):
        holding = [number for number, row in enumerate(rows) if _holds(row, cell)]
        reached.update(holding[:1])
        overlaps |= dict.fromkeys((holding[0], other) for other in holding[1:])
        if not holding and gap is None:
            gap = cell
    unreached = tuple(number for number in range(len(rows)) if number not in reached)
    return Coverage(gap, unreached, tuple(overlaps))


def _values_of(rows: Sequence[ex.Expr], range_of: Callable[[ex.Expr], Range]) -> dict[ex.Expr, list[int]]:
    """The values to try of each thing that the conditions read."""
    edges: dict[ex.Expr, set[int]] = {}
    for row in rows:
        for atom, values in _atoms(row):
            edges.setdefault(atom, set()).update(values)
    to_try: dict[ex.Expr, list[int]] = {}
    for atom, some in edges.items():
        within = range_of(atom) if isinstance(atom, ex.Ref | ex.ScoreRef) else Range(0, 1)
        known = {within.low, *(edge for edge in some if within.low <= edge <= within.high)}
        to_try[atom] = [*([MISSING] if within.maybe_missing else []), *sorted(known)]
    return to_try


def _atoms(expr: ex.Expr) -> Iterator[tuple[ex.Expr, tuple[int, ...]]]:
    """What a condition reads, with the values from which on it may answer otherwise."""
    match expr:
        case ex.Literal():
            return
        case ex.Compare(_, ex.Ref() | ex.ScoreRef() as atom, ex.Literal(value)):
            yield atom, (value, value + 1)
        case ex.Compare(_, ex.Literal(value), ex.Ref() | ex.ScoreRef() as atom):
            yield atom, (value, value + 1)
        case ex.In(ex.Ref() as atom, values):
            yield atom, tuple(edge for value in values for edge in (value, value + 1))
        case ex.Ref():
            yield expr, (1,)
        case ex.Call("known", (ex.Ref() as atom,)):
            yield atom, ()
        case ex.Not() | ex.And() | ex.Or():
            for child in ex.children(expr):
                yield from _atoms(child)
        case _:
            yield expr, (1,)


def _holds(expr: ex.Expr, cell: TableCase) -> bool:
    match expr:
        case ex.Literal(value):
            return value == 1
        case ex.Not(item):
            return not _holds(item, cell)
        case ex.And(items):
            return all(_holds(item, cell) for item in items)
        case ex.Or(items):
            return any(_holds(item, cell) for item in items)
        case ex.Compare(op, ex.Ref() | ex.ScoreRef() as atom, ex.Literal(value)):
            return cell[atom] != MISSING and _compared(op, cell[atom], value)
        case ex.Compare(op, ex.Literal(value), ex.Ref() | ex.ScoreRef() as atom):
            return cell[atom] != MISSING and _compared(op, value, cell[atom])
        case ex.In(ex.Ref() as atom, values):
            return cell[atom] in values
        case ex.Call("known", (ex.Ref() as atom,)):
            return cell[atom] != MISSING
        case _:
            return cell[expr] == 1


def _compared(op: str, left: int, right: int) -> bool:
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[op]
