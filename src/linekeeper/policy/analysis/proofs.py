"""Proofs about conditions: that one never holds, always holds, or follows from another.

A condition over features changes its answer only at the constants that it names. So each feature is cut into cells,
within which all values mean the same, and all combinations of cells are tried. The combinations are more than those
that can occur (features are taken to be independent, but for windows of one length within another), so that what
holds in all of them always holds; a proof that is not found may still be there.

>>> from linekeeper.policy.load import load_text
>>> policy = load_text('''
... policy: tiny
... version: 1
... currency: CNY
... time_zone: UTC
... triggers:
...   a: {when: "count(draw, 7d) >= 5", suspend: yes, reason: r}
...   b: {when: "count(draw, 30d) >= 4", suspend: yes, reason: r}
... ''')
>>> prover, (a, b) = Prover(Domains(policy)), policy.triggers
>>> prover.implies(a.when, b.when), prover.implies(b.when, a.when), prover.never(a.when)
(True, False, False)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

from linekeeper.policy import expression as ex
from linekeeper.policy.analysis.domains import Domain, Domains

COMBINATIONS_MAX = 6_000
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """Values that mean the same: from `low` to `high`, or missing. Of a condition that stays whole: 0 or 1."""

    low: int
    high: int
    missing: bool = False


_Leaf = ex.Expr  # a name or a field that is compared with constants, or a condition that stays whole
Assignment = Mapping[_Leaf, Cell]


class Prover:
    """Proves conditions of one policy. `kind` is the kind of event whose fields the conditions of a filter name."""

    def __init__(self, domains: Domains, kind: str = "") -> None:
        self.domains, self.kind = domains, kind
        self._narrower = _windows_within(domains)

    def never(self, *conditions: ex.Expr) -> bool:
        """Whether these conditions cannot all hold at once."""
        if any(not self.domains.truth(one, self.kind)[0] for one in conditions):
            return True
        return next(self.assignments(*conditions), None) is None

    def always(self, condition: ex.Expr) -> bool:
        """Whether the condition holds whatever happens."""
        return self.never(ex.Not(condition))

    def implies(self, condition: ex.Expr, other: ex.Expr) -> bool:
        """Whether the other condition holds wherever this one does."""
        return self.never(condition, ex.Not(other))

    def assignments(self, *conditions: ex.Expr) -> Iterator[Assignment]:
        """The combinations of cells in which all conditions hold; an empty one where there are too many to try."""
        cells = self.cells(*conditions)
        if prod(map(len, cells.values())) > COMBINATIONS_MAX:
            yield {}
            return
        for chosen in product(*cells.values()):
            assignment = dict(zip(cells, chosen, strict=True))
            if self._can_be(assignment) and all(self.holds(one, assignment) for one in conditions):
                yield assignment

    def cells(self, *conditions: ex.Expr) -> dict[_Leaf, list[Cell]]:
        """The cells of every leaf of the conditions."""
        constants: dict[_Leaf, set[int]] = {}
        for condition in conditions:
            self._collect(condition, constants)
        return {leaf: self._cells(leaf, sorted(cuts)) for leaf, cuts in constants.items()}

    def leaves(self, condition: ex.Expr) -> set[_Leaf]:
        """What the condition stands on."""
        return set(self.cells(condition))

    def holds(self, expr: ex.Expr, assignment: Assignment) -> bool:
        """Whether the condition holds in that combination."""
        match expr:
            case ex.Literal(value):
                return value == 1
            case ex.Not(item):
                return not self.holds(item, assignment)
            case ex.And(items):
                return all(self.holds(item, assignment) for item in items)
            case ex.Or(items):
                return any(self.holds(item, assignment) for item in items)
            case ex.Ref(name) if self._is_condition(name):
                return self.holds(self.domains.exprs[name], assignment)
        leaf, test = _leaf_test(expr)
        return test(assignment[leaf])

    def longer_windows(self, name: str) -> Sequence[ex.Expr]:
        """The features that count in a longer window what this one counts."""
        return self._narrower.get(name, ())

    # -------------------------------------------------------------- leaves and cells

    def _collect(self, expr: ex.Expr, constants: dict[_Leaf, set[int]]) -> None:
        match expr:
            case ex.Literal():
                return
            case ex.Not() | ex.And() | ex.Or():
                for child in ex.children(expr):
                    self._collect(child, constants)
            case ex.Ref(name) if self._is_condition(name):
                self._collect(self.domains.exprs[name], constants)
            case _:
                leaf, _ = _leaf_test(expr)
                constants.setdefault(leaf, set()).update(_constants_of(expr))

    def _is_condition(self, name: str) -> bool:
        expr = self.domains.exprs[name]
        known = isinstance(expr, ex.Call) and expr.name == "known"
        return known or isinstance(expr, ex.Not | ex.And | ex.Or | ex.Compare | ex.In)

    def _cells(self, leaf: _Leaf, constants: Sequence[int]) -> list[Cell]:
        if not _is_value(leaf):
            can_hold, can_fail = self.domains.truth(leaf, self.kind)
            return [Cell(0, 0)] * can_fail + [Cell(1, 1)] * can_hold
        domain: Domain = self.domains.of(leaf, self.kind)
        cells = [Cell(0, -1, missing=True)] if domain.missing or not domain.known else []
        if not domain.known:
            return cells
        starts = sorted({domain.low, *(edge for value in constants for edge in (value, value + 1))})
        starts = [start for start in starts if domain.low <= start <= domain.high]
        ends = [following - 1 for _, following in pairwise(starts)] + [domain.high]
        return cells + [Cell(low, high) for low, high in zip(starts, ends, strict=True)]

    def _can_be(self, assignment: Assignment) -> bool:
        """A window holds no more than a longer one."""
        for leaf, cell in assignment.items():
            name = leaf.name if isinstance(leaf, ex.Ref) else ""
            for longer in self._narrower.get(name, ()):
                other = assignment.get(longer)
                if other is not None and cell.low > other.high:
                    return False
        return True


def _is_value(leaf: _Leaf) -> bool:
    return isinstance(
        leaf,
        ex.Ref | ex.ScoreRef | ex.FieldRef | ex.HourOfDay | ex.Weekday | ex.DayOfMonth | ex.Holiday | ex.LineBefore,
    )


def _leaf_test(expr: ex.Expr) -> tuple[_Leaf, Callable[[Cell], bool]]:
    """What a single condition stands on, and what it says of a cell of that."""
    match expr:
        case ex.Compare(op, left, ex.Literal(value)) if _is_value(left):
            return left, lambda cell: not cell.missing and _COMPARE[op](cell.low, value)
        case ex.Compare(op, ex.Literal(value), right) if _is_value(right):
            return right, lambda cell: not cell.missing and _COMPARE[op](value, cell.low)
        case ex.In(item, values) if _is_value(item):
            return item, lambda cell: not cell.missing and cell.low in values
        case ex.Call("known", (item,)) if _is_value(item):
            return item, lambda cell: not cell.missing
        case _:
            return expr, lambda cell: not cell.missing and cell.low == 1


def _constants_of(expr: ex.Expr) -> Sequence[int]:
    match expr:
        case ex.Compare(_, left, ex.Literal(value)) if _is_value(left):
            return [value]
        case ex.Compare(_, ex.Literal(value), right) if _is_value(right):
            return [value]
        case ex.In(item, values) if _is_value(item):
            return values
        case ex.Call("known", (item,)) if _is_value(item):
            return []
        case _:
            return [1]


def _windows_within(domains: Domains) -> dict[str, list[ex.Expr]]:
    """By feature those that count the same in a longer window of the same tiles."""
    counted = [(name, expr) for name, expr in domains.exprs.items() if _is_counted(expr)]
    longer: dict[str, list[ex.Expr]] = {}
    for name, expr in counted:
        for other_name, other in counted:
            if name != other_name and _within(expr, other):
                longer.setdefault(name, []).append(ex.Ref(other_name, other.unit))
    return longer


def _is_counted(expr: ex.Expr) -> bool:
    plain = (
        isinstance(expr, ex.Windowed)
        and expr.how in ("count", "sum", "active", "in_a_row", "distinct")
        and not expr.ending
    )
    return plain or isinstance(expr, ex.LateCount | ex.Restrictions)


def _within(expr: ex.Expr, other: ex.Expr) -> bool:
    match expr, other:
        case ex.Windowed(how, select, field, window), ex.Windowed(how_2, select_2, field_2, longer):
            same = (how, select, field, window.unit) == (how_2, select_2, field_2, longer.unit)
        case ex.LateCount(days, window), ex.LateCount(days_2, longer):
            same = (days, window.unit) == (days_2, longer.unit)
        case ex.Restrictions(window), ex.Restrictions(longer):
            same = window.unit == longer.unit
        case _:
            return False
    return same and window.length <= longer.length
