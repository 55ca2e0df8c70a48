"""The expression compiler: a condition becomes a Python truth, a value an int or MISSING."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from linekeeper.core.bounds import MISSING
from linekeeper.policy import expression as ex
from linekeeper.policy.functions import FUNCTIONS

_CODE_OP = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


LIST = "list {}"  # the name of a list of texts, as their marks
HOLIDAYS, WORKDAYS = "holidays of the calendar", "workdays of the calendar"  # the names of the two lists of days


@dataclass
class ExpressionCompiler:
    """Compiles expressions to code.

    `names` maps features, scores and fields to variables; `missing` holds the variables that may be MISSING. The value
    of each part goes to a temporary of its own, by statements in `lines` that have to stand before the code: a check
    for MISSING names a value twice, and it must not be worked out twice.
    """

    names: Mapping[str, str]
    missing: frozenset[str]
    lines: list[str] = field(default_factory=list)
    temporaries: int = 0

    def condition(self, expr: ex.Expr) -> str:
        """A Python truth value."""
        match expr:
            case ex.Not(item):
                return f"not {self.condition(item)}"
            case ex.And(items):
                return "(" + " and ".join(map(self.condition, items)) + ")"
            case ex.Or(items):
                return "(" + " or ".join(map(self.condition, items)) + ")"
            case ex.Compare(op, left, right):
                return self._compare(op, left, right)
            case ex.In(item, values):
                atom = self.atom(item)
                return "(" + " or ".join(f"{atom} == {value}" for value in values) + ")"
            case ex.Call(name, args) if FUNCTIONS[name].unit == ex.FLAG:
                return self._call(name, args)
            case ex.Literal(value):
                return str(bool(value))
            case ex.Holiday():
                off, working = self.names[HOLIDAYS], self.names[WORKDAYS]
                return f"(is_listed({off}, hour // 24) and not is_listed({working}, hour // 24))"
            case ex.Listed(item, name):
                return f"is_listed({self.names[LIST.format(name)]}, {self.atom(item)})"
            case _:
                return f"{self.atom(expr)} == 1"

    def _compare(self, op: str, left: ex.Expr, right: ex.Expr) -> str:
        first, second = self._side(left), self._side(right)
        checks = [f"{first} != MISSING"] if self.may_miss(left) and not _refuses_missing(op, right) else []
        mirrored = {"<": ">", "<=": ">="}.get(op, op)
        if self.may_miss(right) and not (_refuses_missing(mirrored, left) and mirrored != op):
            checks.append(f"{second} != MISSING")
        return "(" + " and ".join([*checks, f"{first} {_CODE_OP[op]} {second}"]) + ")"

    def _side(self, expr: ex.Expr) -> str:
        """One side of a comparison: what is never missing is named once, and worked out only where it is needed."""
        if not isinstance(expr, ex.Call) or self.may_miss(expr):
            return self.atom(expr)
        code = self.value(expr)
        return f"({code})" if " if " in code else code  # a choice binds less than a comparison does

    def atom(self, expr: ex.Expr) -> str:
        """A name or a number for the value of the expression."""
        match expr:
            case ex.Literal(value):
                return str(value) if value >= 0 else f"({value})"
            case ex.Ref(name) | ex.ScoreRef(name):
                return self.names[name]
            case ex.FieldRef(name):
                return self.names["." + name]
            case ex.LineBefore(name):
                return f"{name}_before"
            case ex.HourOfDay():
                return "(hour % 24)"
            case ex.Weekday():  # 1 January 1970 was a Thursday
                return "((hour // 24 + 3) % 7)"
            case ex.DayOfMonth():
                return "(hour // 24 - month_start(month_of(hour // 24)) + 1)"
            case _:
                return self._stored(self.value(expr), self.may_miss(expr))

    def _stored(self, code: str, may_miss: bool) -> str:
        self.temporaries += 1
        name = f"t{self.temporaries}"
        self.lines.append(f"{name} = {code}")
        if may_miss:
            self.missing |= {name}
        return name

    def may_miss(self, expr: ex.Expr) -> bool:
        """Whether the value of the expression may be missing."""
        match expr:
            case ex.Ref(name):
                return self.names[name] in self.missing
            case ex.FieldRef(name):
                return self.names["." + name] in self.missing
            case ex.LineBefore():
                return True
            case ex.Call(name, args):
                return FUNCTIONS[name].missing([self.may_miss(arg) for arg in args])
            case ex.If(_, yes, no):
                return self.may_miss(yes) or self.may_miss(no)
            case ex.Arithmetic(_, left, right):
                return self.may_miss(left) or self.may_miss(right)
            case _:
                return False

    def value(self, expr: ex.Expr) -> str:
        """An int expression."""
        match expr:
            case ex.Arithmetic(op, left, right):
                first, second = self.atom(left), self.atom(right)
                return self._where_known((left, first), (right, second), code=f"{first} {op} {second}")
            case ex.Call(name, args) if FUNCTIONS[name].unit != ex.FLAG:
                return self._call(name, args)
            case ex.If(test, yes, no):
                truth, first, second = self.condition(test), self.atom(yes), self.atom(no)
                return f"{first} if {truth} else {second}"
            case ex.Literal() | ex.Ref() | ex.ScoreRef() | ex.FieldRef():
                return self.atom(expr)
            case ex.HourOfDay() | ex.Weekday() | ex.DayOfMonth() | ex.LineBefore():
                return self.atom(expr)
            case _:
                return f"1 if {self.condition(expr)} else 0"

    def _call(self, name: str, args: tuple[ex.Expr, ...]) -> str:
        """The code of the function's record, with a variable or a number for each argument."""
        function = FUNCTIONS[name]
        atoms = [self.atom(arg) for arg in args]
        code = function.code.format(*atoms, all=", ".join(atoms))
        if function.code_of_missing is None:
            return self._where_known(*zip(args, atoms, strict=True), code=code)
        return function.code_of_missing.format(*atoms) if self.may_miss(args[0]) else code

    def _where_known(self, *parts: tuple[ex.Expr, str], code: str) -> str:
        checks = [f"{atom} == MISSING" for part, atom in parts if self.may_miss(part)]
        return f"MISSING if {' or '.join(checks)} else {code}" if checks else code


def _refuses_missing(op: str, other: ex.Expr) -> bool:
    """Whether MISSING, the lowest number there is, already makes the comparison false."""
    return op in ("=", ">", ">=") and isinstance(other, ex.Literal) and other.value > MISSING
