"""The closed subset of Python in which kernels are written: what a source may say, and what each of its names holds.

A source is constants and functions. Every value is a whole number of 64 bits, a *row* of them (a list, an array, a
constant tuple) or a *table* of rows. What a parameter holds is read off its uses: what is indexed is a row, what is
indexed twice is a table, and what is handed on holds what the other function takes. `read_source` refuses by name
whatever stands at the head of the source and is neither constant nor function, `linekeeper.kernel.lowering` whatever
stands in a function and has no meaning there.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from linekeeper.core.bounds import INT64_MAX, INT64_MIN
from linekeeper.core.errors import KernelError

BUILT_IN_CALLS = frozenset({"int", "len", "max", "min", "range"})
EXPONENT_MAX = 64  # beyond it no power but those of -1, 0 and 1 is a number of 64 bits

Constant = int | tuple[int, ...]
_ROW = re.compile(r"(?m)^([A-Z]\w*) = \(\n((?: {4}[-\d, ]+,\n)+)\)$")  # as kernels with trees have them

ARITHMETIC_NODES: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.Pow: operator.pow,
}


class NotInSubset(KernelError):
    """A kernel's source says something that has no compiled meaning. `line` counts from 1."""

    def __init__(self, what: str, line: int, why: str = "is not in the language of kernels") -> None:
        self.what, self.line = what, line
        super().__init__(
            f"`{what}` in line {line} of the kernel {why}",
            code="kernel-not-compilable",
            way_out="the kernel still runs interpreted",
            details={"line": line},
        )


def refused(node: ast.AST, why: str = "is not in the language of kernels") -> NotInSubset:
    """The error for a node: its first line of text, its line, and why it is refused."""
    return NotInSubset(ast.unparse(node).partition("\n")[0], getattr(node, "lineno", 0), why)


class Shape(IntEnum):
    """What a name holds; the value is the number of indices down to a number."""

    NUMBER = 0
    ROW = 1
    TABLE = 2


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it holds, and what the function (with all that it calls) does with it.

    A parameter that is never read takes any argument, and is not handed over. A row, or the rows of a table, must hold
    `length_min` numbers: so many reach the indices whose greatest value the source says.
    """

    name: str
    shape: Shape
    is_written: bool
    is_read: bool
    length_min: int


@dataclass(frozen=True)
class SourceFunction:
    """One function of the source. `shapes` holds every local name, `returns` says whether it returns a number."""

    node: ast.FunctionDef
    parameters: tuple[Parameter, ...]
    shapes: Mapping[str, Shape]
    returns: bool


@dataclass(frozen=True)
class KernelSource:
    """A kernel's constants, and the syntax of its functions, by name."""

    constants: Mapping[str, Constant]
    definitions: Mapping[str, ast.FunctionDef]

    def functions_for(self, entry: str) -> dict[str, SourceFunction]:
        """`entry` and all that it calls, each after those that it calls itself.

        Raises `NotInSubset` where a function calls itself, or a name holds a number here and a row there.
        """
        functions: dict[str, SourceFunction] = {}
        for name in _callees_first(self.definitions, entry):
            functions[name] = _Uses(self, functions, self.definitions[name]).function()
        return functions


def read_source(text: str) -> KernelSource:
    """The constants and functions of a source; whatever else stands at its head is refused.

    >>> read_source("A, B = 2, 2**62\\nPAIR = (A, -B)").constants
    {'A': 2, 'B': 4611686018427387904, 'PAIR': (2, -4611686018427387904)}
    >>> read_source("import os")
    Traceback (most recent call last):
    linekeeper.kernel.subset.NotInSubset: `import os` in line 1 of the kernel is not in the language of kernels; ...
    """
    text, rows = _without_rows(text)
    constants: dict[str, Constant] = dict(rows)
    definitions: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            named: dict[str, Constant] = {}
            _check_signature(node)
            names = [node.name]
        elif is_docstring(node):
            continue
        else:
            named = dict(_constants_of(node, constants))
            names = list(named)
        if any(name in constants or name in definitions for name in names):
            raise refused(node, "gives a second meaning to a name")
        constants |= named
        if isinstance(node, ast.FunctionDef):
            definitions[node.name] = node
    return KernelSource(constants, definitions)


def _without_rows(text: str) -> tuple[str, dict[str, tuple[int, ...]]]:
    """The source with rows of plain numbers left out, its lines where they were, and these rows.

    Parsing a row of a hundred thousand numbers as Python would take longer than all the rest of a kernel.
    """
    rows: dict[str, tuple[int, ...]] = {}

    def taken(row: re.Match[str]) -> str:
        try:
            numbers = tuple(map(int, row[2].rstrip()[:-1].split(",")))
        except ValueError:
            return row[0]
        if row[1] in rows or min(numbers) < INT64_MIN or max(numbers) > INT64_MAX:
            return row[0]
        rows[row[1]] = numbers
        return "\n" * row[0].count("\n")

    return _ROW.sub(taken, text), rows


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is a text that stands for itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _check_signature(node: ast.FunctionDef) -> None:
    """A function has a name of its own, plain parameters and no decorators."""
    given = node.args
    if node.name in BUILT_IN_CALLS:
        raise NotInSubset(f"def {node.name}", node.lineno, "gives a second meaning to a name")
    extra = (given.vararg, given.kwarg, *given.posonlyargs, *given.kwonlyargs, *given.defaults, *node.decorator_list)
    if any(extra):
        raise NotInSubset(f"def {node.name}", node.lineno, "has more than plain parameters")


def _constants_of(node: ast.stmt, known: Mapping[str, Constant]) -> Iterator[tuple[str, Constant]]:
    """The names that an assignment at the head of the source gives a constant, with their values."""
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
        raise refused(node)
    target, value = node.targets[0], constant_value(node.value, known)
    if isinstance(target, ast.Name) and value is not None:
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, tuple) and len(value) == len(target.elts):
        for item, number in zip(target.elts, value, strict=True):
            if not isinstance(item, ast.Name):
                raise refused(item)
            yield item.id, number
    else:
        raise refused(node, "is not constant")


def constant_value(node: ast.expr, known: Mapping[str, Constant]) -> Constant | None:
    """The value of an expression of constants, worked out exactly, as Python does; None where it is not constant.

    Numbers on the way may leave 64 bits (`2**63 // 10_000`); raises `NotInSubset` where the result does.
    """
    value = _exact(node, known)
    for number in value if isinstance(value, tuple) else () if value is None else (value,):
        if not INT64_MIN <= number <= INT64_MAX:
            raise refused(node, "is not a number of 64 bits")
    return value


def _exact(node: ast.expr, known: Mapping[str, Constant]) -> Constant | None:
    match node:
        case ast.Constant(value=int(number)):
            return int(number)
        case ast.Name(id=name):
            return known.get(name)
        case ast.Tuple(elts=items):
            plain = [item.value if isinstance(item, ast.Constant) else None for item in items]
            numbers = [n if type(n) is int else _exact(item, known) for n, item in zip(plain, items, strict=True)]
            return tuple(n for n in numbers if isinstance(n, int)) if all(isinstance(n, int) for n in numbers) else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            operand_value = _exact(operand, known)
            return -operand_value if isinstance(operand_value, int) else None
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _exact(left, known), _exact(right, known)
            return _apply(node, op, a, b) if isinstance(a, int) and isinstance(b, int) else None
    return None


def _apply(node: ast.expr, op: ast.operator, a: int, b: int) -> int | None:
    if type(op) not in ARITHMETIC_NODES:
        raise refused(node)
    if isinstance(op, ast.Pow | ast.LShift) and not 0 <= b <= EXPONENT_MAX:
        raise refused(node, "has an exponent below 0 or above 64")
    try:
        return ARITHMETIC_NODES[type(op)](a, b)
    except (ZeroDivisionError, ValueError):
        return None  # is not worked out here, so that it fails where and when the source comes to it


def length_for(index: ast.expr, constants: Mapping[str, Constant]) -> int | None:
    """How long a row must be for an index to lie within it; None where the source does not bound it.

    >>> length_for(ast.parse("60 + (i & 7) * 2", mode="eval").body, {})
    75
    """
    bounds = _bounds(index, constants)
    return bounds[1] + 1 if bounds and bounds[0] >= 0 else None


def _bounds(node: ast.expr, constants: Mapping[str, Constant]) -> tuple[int, int] | None:
    """The least and the greatest value of an expression, where constants and masks bound it."""
    constant = constant_value(node, constants)
    if isinstance(constant, int):
        return constant, constant
    match node:
        case ast.BinOp(op=ast.BitAnd(), right=right):
            mask = constant_value(right, constants)
            return (0, mask) if isinstance(mask, int) and mask >= 0 else None
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() as op, right=right):
            a, b = _bounds(left, constants), _bounds(right, constants)
            if a and b and min(a + b) >= 0:
                return ARITHMETIC_NODES[type(op)](a[0], b[0]), ARITHMETIC_NODES[type(op)](a[1], b[1])
    return None


def _callees_first(definitions: Mapping[str, ast.FunctionDef], entry: str) -> list[str]:
    """The functions that `entry` needs, each after those that it calls itself."""
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in path:
            raise refused(definitions[name], "calls itself")
        path.append(name)
        for node in ast.walk(definitions[name]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in definitions:
                visit(node.func.id)
        path.pop()
        order.append(name)

    if entry not in definitions:
        raise NotInSubset(entry, 1, "is no function of it")
    visit(entry)
    return order


class _Uses:
    """What the local names of one function hold, found by going over its uses until nothing new is learnt."""

    def __init__(self, source: KernelSource, callees: Mapping[str, SourceFunction], node: ast.FunctionDef) -> None:
        self.source, self.callees, self.node = source, callees, node
        self.names = [argument.arg for argument in node.args.args]
        self.nodes = list(ast.walk(node))
        stored = [n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.shapes = dict.fromkeys([*self.names, *stored], Shape.NUMBER)
        self.lengths = dict.fromkeys(self.shapes, 0)
        self.constants = {name: value for name, value in source.constants.items() if name not in self.shapes}
        self.written: set[str] = set()

    def function(self) -> SourceFunction:
        """The function, with what all of its names hold."""
        self._learn_all()
        self.lengths = dict.fromkeys(self.shapes, 0)
        self._learn_all()  # again: an index bounds the length of a row, and only now is it known what is a table
        read = self._names_read()
        parameters = [
            Parameter(name, self.shapes[name], name in self.written, name in read, self.lengths[name])
            for name in self.names
        ]
        returns = any(isinstance(node, ast.Return) and node.value is not None for node in self.nodes)
        return SourceFunction(self.node, tuple(parameters), self.shapes, returns)

    def _learn_all(self) -> None:
        """Go over all uses until nothing new is learnt."""
        uses = [node for node in self.nodes if isinstance(node, ast.Subscript | ast.Call | ast.Assign)]
        known, before = self._known(), None
        while known != before:
            for node in uses:
                self._learn(node)
            known, before = self._known(), known

    def _known(self) -> object:
        """What has been learnt so far."""
        return dict(self.shapes), dict(self.lengths), set(self.written)

    def _learn(self, node: ast.AST) -> None:
        """What one node says of the names in it."""
        match node:
            case ast.Subscript(value=row, slice=index, ctx=context):
                is_table = isinstance(row, ast.Name) and self.shapes.get(row.id) == Shape.TABLE
                length = 0 if is_table else length_for(index, self.constants) or 0
                self._demand(row, Shape.ROW, isinstance(context, ast.Store), length)
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                self._demand(argument, Shape.ROW)
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in self.callees:
                for one, argument in zip(self.callees[name].parameters, arguments, strict=False):
                    if one.is_read:
                        self._demand(argument, one.shape, one.is_written, one.length_min)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.shapes[name]:
                self._demand(value, self.shapes[name], name in self.written, self.lengths[name])
            case ast.Assign(targets=[ast.Tuple()], value=ast.Name() as value):
                self._demand(value, Shape.ROW)

    def _names_read(self) -> set[str]:
        """The names that stand anywhere but as an argument that is not read itself."""
        unread: set[int] = set()
        for node in self.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.callees:
                pairs = zip(self.callees[node.func.id].parameters, node.args, strict=False)
                unread |= {id(argument) for parameter, argument in pairs if not parameter.is_read}
        return {node.id for node in self.nodes if isinstance(node, ast.Name) and id(node) not in unread}

    def _demand(self, node: ast.expr, shape: int, is_written: bool = False, length: int = 0) -> None:
        """Take note that an expression holds (at least) that shape, of rows (at least) that long; raise where not."""
        match node:
            case ast.Name(id=name) if name in self.shapes:
                if shape > Shape.TABLE:
                    raise refused(node, "is indexed more than twice")
                self.shapes[name] = Shape(max(self.shapes[name], shape))
                self.lengths[name] = max(self.lengths[name], length)
                if is_written:
                    self.written.add(name)
            case ast.Name(id=name) if isinstance(row := self.constants.get(name), tuple) and shape <= Shape.ROW:
                if is_written or length > len(row):
                    raise refused(node, "is constant, and is written to or read beyond its end")
            case ast.Subscript(value=value):
                self._demand(value, shape + 1, is_written, length)
            case ast.IfExp(body=body, orelse=orelse):
                self._demand(body, shape, is_written, length)
                self._demand(orelse, shape, is_written, length)
            case _ if shape:
                raise refused(node, "is a number where a row is needed")
