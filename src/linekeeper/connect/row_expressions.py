"""Expressions of a mapping file: text becomes a function from the cells of many rows to one value a row.

A mapping is trusted less than code. So an expression sees the cells of its own row and nothing else: no file, no clock,
no other row; and each operation ends on any input. A cell that cannot be read as what an operation needs gives an
`UnreadableCell`, which goes through to the result with its reason, and costs its own row alone.

>>> cells = Cells({"PAID": ["1.250,00", "x", None]}, Notation(decimal=",", thousands="."), [2, 3, 4], "may.csv")
>>> expression = compile_expression("PAID + 10")
>>> expression.columns, expression.values(cells)[::2]
(('PAID',), [Decimal('1260.00'), None])
>>> expression.values(cells)[1].reason
"`PAID` is 'x', which is not a number with the decimal mark `,`"
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from functools import cache, reduce
from importlib.resources import files
from typing import Any, NamedTuple
from typing import Literal as OneOf

from lark import Lark, Token, Tree

from linekeeper.connect.notation import Moment, Notation, iso_moment, plain_number
from linekeeper.connect.raw_rows import UnreadableCell
from linekeeper.connect.values import named_value
from linekeeper.policy.syntax import Branch, Misread, parse_with

Form = OneOf["raw", "text", "number", "moment", "flag"]  # raw: a cell, to be read as what is needed of it
TEXT_RESULT_MAX = 1_000
SHORTER = "split it into several fields or events"
_exact = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow])


class Cells:
    """The cells of some rows by column, how they are written, where the rows stand and in which file."""

    def __init__(
        self, columns: Mapping[str, Sequence[Any]], notation: Notation, lines: Sequence[int], file: str = ""
    ) -> None:
        self.columns, self.notation, self.lines, self.file = columns, notation, lines, file

    def column(self, name: str) -> Sequence[Any]:
        """The cells of a column; all absent where these rows have none of that name."""
        return self.columns.get(name) or [None] * len(self.lines)


RowValues = Callable[[Cells], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class RowExpression:
    """A compiled expression: its text, what it gives, the columns that it reads, and the function that evaluates it.

    `reads_file_name`: whether it gives something else for the same rows in a file of another name.
    """

    text: str
    form: Form
    columns: tuple[str, ...]
    values: RowValues
    reads_file_name: bool = False


class _Part(NamedTuple):
    form: Form
    values: RowValues
    name: str = "the expression"  # what a reason calls it
    literal: tuple[str, int] | None = None  # a text in quotes, and where it stands


@cache
def _parser() -> Lark:
    grammar = files("linekeeper.connect").joinpath("row_expression.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def compile_expression(text: str) -> RowExpression:
    """The expression, ready to be evaluated. Raises Misread, with the character where reading stopped."""
    tree = parse_with(_parser(), text, SHORTER)
    part = _part(tree)
    names = [_column_name(node) for node in tree.find_pred(lambda node: node.data == "column")]
    of_file = any(str(node.children[0]) == "file" for node in tree.find_pred(lambda node: node.data == "call"))
    return RowExpression(text, part.form, tuple(dict.fromkeys(names)), part.values, of_file)


def constant_expression(text: str) -> RowExpression:
    """The expression that is that text in every row."""
    return RowExpression(text, "text", (), lambda cells: [text] * len(cells.lines))


def column_expression(name: str) -> RowExpression:
    """The expression that is one column."""
    return RowExpression(name, "raw", (name,), lambda cells: cells.column(name))


# ------------------------------------------------------------------ one cell as what is needed of it


def cell_number(value: Any, notation: Notation, name: str) -> Decimal | UnreadableCell | None:
    """A cell or value as an exact number."""
    if value is None or isinstance(value, Decimal | UnreadableCell):
        return value
    if isinstance(value, bool):
        return UnreadableCell(f"{named_value(name, value)}, which is not a number")
    if isinstance(value, int):
        return Decimal(value)
    number = Decimal(repr(value)) if isinstance(value, float) else None
    if isinstance(value, str):
        number = notation.number(value)
    if number is None or not number.is_finite():
        mark = f" with the decimal mark `{notation.decimal}`" if notation.decimal else ""
        hint = "; the mapping can name the `decimal` mark" if not mark and isinstance(value, str) else ""
        return UnreadableCell(f"{named_value(name, value)}, which is not a number{mark}{hint}")
    return number


def cell_moment(value: Any, notation: Notation, name: str) -> Moment | UnreadableCell | None:
    """A cell or value as a day, a local time or an instant."""
    if value is None or isinstance(value, date | UnreadableCell):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = plain_number(value)
    elif isinstance(value, list) and len(value) in (3, 5, 6) and all(type(piece) is int for piece in value):
        return _from_pieces(value, name)
    moment = notation.moment(value) if isinstance(value, str) else None
    if moment == "ambiguous":
        return UnreadableCell(f"{named_value(name, value)}, which two of the `dates` formats read differently")
    if moment is None:
        formats = ", ".join(f"`{each.text}`" for each in notation.dates) or "ISO 8601"
        return UnreadableCell(f"{named_value(name, value)}, which is no day or time in {formats}")
    return moment


def _from_pieces(value: list[int], name: str) -> Moment | UnreadableCell:
    """`[2025, 3, 3]`, or with hour, minute and second: how Java programs write days and times into JSON."""
    try:
        return date(*value) if len(value) == 3 else datetime(*value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return UnreadableCell(f"{named_value(name, value)}, which is no day or time")


def cell_text(value: Any, notation: Notation, name: str) -> str | UnreadableCell | None:
    """A cell or value as text."""
    if value is None or isinstance(value, str | UnreadableCell):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return plain_number(value)
    if isinstance(value, date):
        return value.isoformat()
    return UnreadableCell(f"{named_value(name, value)}, which is not text")


def cell_flag(value: Any, notation: Notation, name: str) -> bool | UnreadableCell | None:
    """A cell or value as true or false."""
    if value is None or isinstance(value, bool | UnreadableCell):
        return value
    word = cell_text(value, notation, name)
    if isinstance(word, str) and word in ("true", "false", "1", "0"):
        return word in ("true", "1")
    return UnreadableCell(f"{named_value(name, value)}, which is not true or false; `values` can say what it means")


_READERS: dict[str, Callable[[Any, Notation, str], Any]] = {
    "number": cell_number, "moment": cell_moment, "text": cell_text, "flag": cell_flag,
}  # fmt: skip


def read_as(form: Form, values: RowValues, name: str) -> RowValues:
    """The same values, each read as that form; equal cells are read once."""
    reader = _READERS[form]
    return lambda cells: each_once(values(cells), lambda value: reader(value, cells.notation, name))


def each_once(values: Sequence[Any], function: Callable[[Any], Any]) -> list[Any]:
    """The function of each value, called once for equal ones, since days and words of a file are few.

    >>> each_once(["a", "b", "a"], str.upper)
    ['A', 'B', 'A']
    """
    known: dict[Any, Any] = {}
    result = []
    for value in values:
        key = (type(value), value)
        try:
            answer = known[key]
        except KeyError:
            answer = known[key] = function(value)
        except TypeError:  # a list has no hash
            answer = function(value)
        result.append(answer)
    return result


def _as(form: Form, part: _Part) -> RowValues:
    if form == "moment" and part.literal:
        moment = iso_moment(part.literal[0])  # the file's formats are for its cells
        if moment is None:
            raise Misread(f"`{part.literal[0]}` is no day or time", part.literal[1], "write it like 2025-03-01")
        return _constant(moment)
    return part.values if part.form == form else read_as(form, part.values, part.name)


def _mapped(function: Callable[..., Any], *operands: RowValues) -> RowValues:
    """The function over rows; a missing operand gives missing, an unreadable one itself."""

    def values(cells: Cells) -> list[Any]:
        result = []
        for row in zip(*(operand(cells) for operand in operands), strict=True):
            bad = next((value for value in row if isinstance(value, UnreadableCell)), None)
            result.append(bad if bad else None if any(value is None for value in row) else _applied(function, row))
        return result

    return values


def _applied(function: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    try:
        return function(*row)
    except (DecimalException, OverflowError, ValueError):
        return UnreadableCell("the expression gives a number or a day that is out of bounds")


def _constant(value: Any) -> RowValues:
    return lambda cells: [value] * len(cells.lines)


# ------------------------------------------------------------------ the parts of an expression


def _column_name(tree: Branch) -> str:
    word = str(tree.children[0])
    return word[1:-1] if word.startswith("[") else word


def _offset(tree: Branch) -> int:
    return getattr(tree.meta, "start_pos", 0) or 0


def _trees(tree: Branch) -> list[Branch]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _part(tree: Branch) -> _Part:
    word = str(tree.children[0]) if tree.children and isinstance(tree.children[0], Token) else ""
    match tree.data:
        case "column":
            name = _column_name(tree)
            return _Part("raw", lambda cells: cells.column(name), name)
        case "string":
            return _Part("text", _constant(word[1:-1]), literal=(word[1:-1], _offset(tree)))
        case "number":
            return _Part("number", _constant(Decimal(word)))
        case "true" | "false":
            return _Part("flag", _constant(tree.data == "true"))
        case "duration":
            raise Misread(f"`{word}` can only be added to a day or taken from one", _offset(tree))
        case "group":
            return _part(_trees(tree)[0])
        case "negative":
            return _Part("number", _mapped(_exact.minus, _as("number", _part(_trees(tree)[0]))))
        case "join":
            return _Part("text", _mapped(_joined, *(_as("text", _part(side)) for side in _trees(tree))))
        case "call":
            return _call(word, tree)
        case _:
            return _COMPOSED[tree.data](tree)


def _joined(left: str, right: str) -> str | UnreadableCell:
    if len(left) + len(right) > TEXT_RESULT_MAX:
        return UnreadableCell(f"the expression gives a text of more than {TEXT_RESULT_MAX} characters")
    return left + right


def _arith(tree: Branch) -> _Part:
    left, right = _trees(tree)
    operator = str(tree.children[1])
    if right.data == "duration":
        if operator == "*":
            raise Misread("a length of time cannot be multiplied", _offset(right))
        count, unit = int(str(right.children[0])[:-1]), str(right.children[0])[-1]
        count = -count if operator == "-" else count
        operand = _as("moment", _part(left))
        return _Part("moment", _mapped(lambda moment: _moved(moment, count, unit), operand))
    first, second = _part(left), _part(right)
    if operator == "-" and first.form == second.form == "moment":
        return _Part("number", _mapped(_days_between, first.values, second.values))
    for part, side in ((first, left), (second, right)):
        if part.form not in ("raw", "number"):
            raise Misread(f"`{operator}` needs numbers; `&` joins text", _offset(side))
    functions = {"+": _exact.add, "-": _exact.subtract, "*": _exact.multiply}
    return _Part("number", _mapped(functions[operator], _as("number", first), _as("number", second)))


def _moved(moment: Moment, count: int, unit: str) -> Moment:
    """So many hours, days, months or years later, on the calendar; a day that a month has not is its last."""
    if unit == "h":
        time = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
        return time + timedelta(hours=count)
    if unit == "d":
        return moment + timedelta(days=count)
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _days_between(later: Moment, earlier: Moment) -> Decimal:
    return Decimal((_day(later) - _day(earlier)).days)


def _month_end(moment: Moment) -> date:
    return date(moment.year, moment.month, monthrange(moment.year, moment.month)[1])


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


def _compare(tree: Branch) -> _Part:
    left, right = (_part(side) for side in _trees(tree))
    operator = str(tree.children[1])
    form = _common_form(left, right, equality=operator in ("=", "==", "!="))
    if form == "text" and operator not in ("=", "==", "!="):
        raise Misread("text has no order; `day(...)` reads a day", _offset(tree), 'write it like day("2025-03-01")')
    order = _ORDERS[operator]
    if form == "moment":
        return _Part("flag", _false_if_missing(lambda a, b: order(*_alike(a, b)), _as(form, left), _as(form, right)))
    return _Part("flag", _false_if_missing(order, _as(form, left), _as(form, right)))


def _common_form(left: _Part, right: _Part, equality: bool) -> Form:
    for form in ("number", "moment", "flag", "text"):
        if form in (left.form, right.form):
            return form
    return "text" if equality else "number"


def _alike(left: Moment, right: Moment) -> tuple[Any, Any]:
    """Both as days where one is a day, since a day has no hour to compare."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        if (left.tzinfo is None) != (right.tzinfo is None):
            raise ValueError("a local time and an instant")
        return left, right
    return _day(left), _day(right)


def _false_if_missing(function: Callable[..., bool], *operands: RowValues) -> RowValues:
    mapped = _mapped(function, *operands)
    return lambda cells: [False if value is None else value for value in mapped(cells)]


def _in(tree: Branch) -> _Part:
    value, *listed = (_part(side) for side in _trees(tree))
    form = _common_form(value, listed[0], equality=True)
    choices = [_as(form, each) for each in listed]
    return _Part("flag", _false_if_missing(lambda one, *others: one in others, _as(form, value), *choices))


def _decided(by: bool, tree: Branch) -> _Part:
    """`or` (decided by true) and `and` (decided by false): the deciding value wins over an unreadable one."""
    operands = [_as("flag", _part(side)) for side in _trees(tree)]

    def one(row: tuple[Any, ...]) -> Any:
        if by in [value or False for value in row if not isinstance(value, UnreadableCell)]:
            return by
        return next((value for value in row if isinstance(value, UnreadableCell)), not by)

    return _Part("flag", lambda cells: [one(row) for row in zip(*(each(cells) for each in operands), strict=True)])


def _not(tree: Branch) -> _Part:
    inner = _as("flag", _part(_trees(tree)[0]))
    return _Part("flag", lambda cells: [v if isinstance(v, UnreadableCell) else not v for v in inner(cells)])


def _if(tree: Branch) -> _Part:
    test, yes, no = (_part(side) for side in _trees(tree))
    form = _one_form(tree, yes, no)

    def values(cells: Cells) -> list[Any]:
        rows = zip(_as("flag", test)(cells), _in_form(form, yes)(cells), _in_form(form, no)(cells), strict=True)
        return [t if isinstance(t, UnreadableCell) else a if t else b for t, a, b in rows]

    return _Part(form, values)


def _one_form(tree: Branch, *parts: _Part) -> Form:
    forms = {part.form for part in parts} - {"raw"}
    if len(forms) > 1:
        raise Misread(f"this gives {' or '.join(sorted(forms))}; it must give one of them", _offset(tree))
    return forms.pop() if forms else "raw"


def _in_form(form: Form, part: _Part) -> RowValues:
    return part.values if form == "raw" else _as(form, part)


_COMPOSED: dict[str, Callable[[Branch], _Part]] = {
    "arith": _arith, "compare": _compare, "in_": _in, "not_": _not, "if_": _if,
    "or_": lambda tree: _decided(True, tree), "and_": lambda tree: _decided(False, tree),
}  # fmt: skip

# ------------------------------------------------------------------ functions


def _cut(text: str, start: Decimal, length: Decimal) -> str | None:
    """Characters from place `start`, counted from 1; missing where the text has none there."""
    return text[max(int(start), 1) - 1 :][: max(int(length), 0)] or None


# name: the forms that it takes, what it gives, the function over one row
_FUNCTIONS: dict[str, tuple[tuple[Form, ...], Form, Callable[..., Any]]] = {
    "number": (("number",), "number", lambda value: value),
    "text": (("text",), "text", lambda value: value),
    "day": (("moment",), "moment", _day),
    "month_end": (("moment",), "moment", _month_end),
    "abs": (("number",), "number", _exact.abs),
    "min": (("number", "number"), "number", min),
    "max": (("number", "number"), "number", max),
    "part": (("text", "number", "number"), "text", _cut),
    "lower": (("text",), "text", str.lower),
    "trim": (("text",), "text", lambda value: value.strip() or None),
}
FUNCTION_NAMES = (*_FUNCTIONS, "known", "first", "row", "file")


def _call(name: str, tree: Branch) -> _Part:
    parts = [_part(each) for each in _trees(tree)]
    if name in _FUNCTIONS:
        forms, form, function = _FUNCTIONS[name]
        if len(parts) != len(forms):
            raise Misread(f"`{name}` takes {len(forms)} arguments, not {len(parts)}", _offset(tree))
        operands = [_as(wanted, part) for wanted, part in zip(forms, parts, strict=True)]
        return _Part(form, _mapped(function, *operands))
    match name, len(parts):
        case "known", 1:
            (only,) = parts
            return _Part("flag", lambda cells: [_known(value) for value in only.values(cells)])
        case "first", count if count > 0:
            form = _one_form(tree, *parts)
            operands = [_in_form(form, part) for part in parts]
            return _Part(form, lambda cells: [_first(row) for row in zip(*(v(cells) for v in operands), strict=True)])
        case "row", 0:
            return _Part("number", lambda cells: [Decimal(line) for line in cells.lines])
        case "file", 0:
            return _Part("text", lambda cells: [cells.file] * len(cells.lines))
        case (("known" | "first" | "row" | "file"), _):
            raise Misread(f"`{name}` does not take {len(parts)} arguments", _offset(tree))
    raise Misread(f"there is no function `{name}`", _offset(tree), f"there are {', '.join(sorted(FUNCTION_NAMES))}")


def _known(value: Any) -> bool | UnreadableCell:
    return value if isinstance(value, UnreadableCell) else value is not None


def _first(row: tuple[Any, ...]) -> Any:
    return reduce(lambda one, other: other if one is None else one, row)
