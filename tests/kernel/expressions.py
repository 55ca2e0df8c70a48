"""Generated functions in the language of kernels, at the edges of 64 bits, and what Python says that they give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from traceback import extract_tb
from typing import Any

from linekeeper.kernel.lowering_expressions import CallFault
from linekeeper.kernel.subset import INT64_MAX, INT64_MIN

MISSING = -(2**62)
EDGES = (0, 1, -1, 2, -2, 3, -7, 24, 63, 64, 10_000, 10**15, -(10**15), 2**31, 2**62, MISSING, INT64_MAX, INT64_MIN)
EDGES_NEAR = (INT64_MAX - 1, INT64_MIN + 1, 2**62 - 1, MISSING + 1, 5_000)
VARIABLES = ("a", "b", "c")
ROW_LENGTH = 4
GENERATED = "<generated>"
HEAD = f"MISSING = -(2**62)\nFEW = 3\nBIG, ONES = 2**62, -1\nTABLE = {(*EDGES[:14], 5, 7)}\n"
FAULTS: dict[type[Exception], CallFault] = {
    ZeroDivisionError: CallFault.DIVISION_BY_ZERO,
    AssertionError: CallFault.ASSERTION,
    ValueError: CallFault.NEGATIVE_SHIFT,
    IndexError: CallFault.INDEX,
}

Outcome = int | tuple[CallFault, int]  # a number, or why and in which line the call ended


class Writer:
    """Writes functions of three numbers and a row; no part but a leaf is constant, so that nothing is folded away."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = list(VARIABLES)

    def function(self, name: str) -> str:
        """A function that returns a number."""
        self.names = list(VARIABLES)
        body = self.random.choice((self.plain, self.plain, self.branch, self.count, self.search, self.update))()
        return "\n".join([f"def {name}(a, b, c, r):", *(f"    {line}" for line in body)]) + "\n"

    def plain(self) -> list[str]:
        """One expression."""
        return [f"return {self.number(4)}"]

    def branch(self) -> list[str]:
        """Values set in branches, some of them by several at once."""
        lines = [f"t = {self.number(2)}", f"u, v = {self.number(2)}, {self.number(1)}"]
        self.names += ["t", "u", "v"]
        return [
            *lines,
            f"if {self.test(2)}:",
            f"    t = u = {self.number(2)}",
            f"elif {self.test(1)}:",
            f"    u, v = v, {self.number(2)}",
            "else:",
            f"    assert {self.test(1)}, 'what has to hold'",
            f"return {self.number(3)}",
        ]

    def count(self) -> list[str]:
        """A loop over a range, anywhere within 64 bits, some thousands of turns long at times."""
        turns = self.random.choice(("3", "15", "63", "4_095"))
        start, count = self.leaf(), f"({self.leaf()} & {turns})"
        ends = self.random.choice((f"{start}, {start} + {count}", f"{start}, {start} - {count}, -1", count))
        lines = [f"t = {self.number(1)}"]
        self.names += ["t", "i"]
        return [
            *lines,
            f"for i in range({ends}):",
            f"    if {self.test(1)}:",
            f"        {self.random.choice(('continue', 'break', 't ^= i'))}",
            f"    t {self.random.choice(('^=', '&=', '|=', '%=', '-='))} {self.number(1)}",
            f"return t ^ {self.random.choice(VARIABLES)}",
        ]

    def search(self) -> list[str]:
        """A loop with a condition, left by a return at times."""
        lines = ["n = 0", f"t = {self.number(1)}"]
        self.names += ["t", "n"]
        return [
            *lines,
            f"while n < {self.random.choice((5, 40, 3_000))} and {self.test(1)}:",
            "    n += 1",
            f"    t = {self.number(2)}",
            f"    if {self.test(1)}:",
            f"        return {self.number(1)}",
            "return t",
        ]

    def update(self) -> list[str]:
        """Numbers of a row set and read again, places taken from data."""
        first = f"r[{self.leaf()} & 3]"
        self.names += ["p", "q"]
        return [
            "p, q, _, _ = r",
            f"{first} {self.random.choice(('=', '+=', '//=', '^='))} {self.number(2)}",
            f"r[{self.random.randrange(ROW_LENGTH)}] = r[{self.leaf()} % {self.random.choice((4, 4, 5))}]",
            f"return {self.number(2)} ^ r[len(r) - 1]",
        ]

    def number(self, depth: int) -> str:
        """An expression that gives a number."""
        if depth == 0:
            return self.leaf()
        part = partial(self.number, depth - 1)
        kind = self.random.randrange(12)
        if kind < 5:
            right = self.random.choice((self.constant, part))()
            return f"({part()} {self.random.choice(('+', '-', '*', '//', '%', '&', '|', '^', '//', '%'))} {right})"
        if kind == 5:
            return f"({part()} {self.random.choice(('<<', '>>'))} {self.random.choice((self.shift, part))()})"
        if kind == 6:
            operands = ", ".join(part() for _ in range(self.random.randint(2, 3)))
            return f"{self.random.choice(('min', 'max'))}({operands})"
        if kind == 7:
            return f"({part()} if {self.test(depth - 1)} else {self.random.choice((self.constant, part))()})"
        if kind == 8:
            return f"({part()} {self.random.choice(('and', 'or'))} {part()})"
        if kind == 9:
            return self.random.choice((f"int({part()})", f"(-{part()})", f"helper({part()}, {part()})"))
        return self.random.choice((f"({self.test(depth - 1)})", f"TABLE[{part()} & 15]", f"r[{part()} & 3]"))

    def test(self, depth: int) -> str:
        """An expression that is asked for its truth."""
        part = partial(self.number, depth)
        signs = ("<", "<=", ">", ">=", "==", "!=")
        kind = self.random.randrange(6)
        if kind < 3 or depth == 0:
            return f"{part()} {self.random.choice(signs)} {self.random.choice((self.constant, part))()}"
        if kind == 3:
            return f"{part()} {self.random.choice(signs)} {part()} {self.random.choice(signs)} {part()}"
        if kind == 4:
            return f"({self.test(depth - 1)} {self.random.choice(('and', 'or'))} {part()})"
        return f"not {part()}"

    def leaf(self) -> str:
        """A local name."""
        return self.random.choice(self.names)

    def shift(self) -> str:
        """A count to shift by."""
        return str(self.random.choice((0, 1, 5, 62, 63, 64)))

    def constant(self) -> str:
        """A number, or the name of one."""
        return self.random.choice(("MISSING", "FEW", "BIG", "ONES", "True", f"({self.random.choice(EDGES)})"))


HELPER = """
def helper(a, b):
    if a > b:
        return a // b
    return b - 1 if b > 0 else a ^ b
"""


@dataclass(frozen=True)
class Module:
    """Many generated functions in one source; `pick` calls the one of that number."""

    source: str
    count: int


def module_of(random: Random, count: int) -> Module:
    """So many functions, and one that picks among them."""
    writer = Writer(random)
    functions = [writer.function(f"f{number}") for number in range(count)]
    picks = _pick(0, count, "    ")
    pick = "\n".join(["def pick(number, a, b, c, r):", *picks]) + "\n"
    return Module("\n".join([HEAD, HELPER, *functions, pick]), count)


def _pick(first: int, last: int, indent: str) -> list[str]:
    if last - first == 1:
        return [f"{indent}return f{first}(a, b, c, r)"]
    middle = (first + last) // 2
    return [
        f"{indent}if number < {middle}:",
        *_pick(first, middle, indent + "    "),
        f"{indent}else:",
        *_pick(middle, last, indent + "    "),
    ]


def inputs(random: Random) -> tuple[int, int, int, list[int]]:
    """Three numbers and a row, most of them at an edge."""

    def one() -> int:
        if random.random() < 0.6:
            return random.choice(EDGES + EDGES_NEAR)
        return random.choice((random.randint(-100, 100), random.randint(-(10**15), 10**15)))

    return one(), one(), one(), [one() for _ in range(ROW_LENGTH)]


# ------------------------------------------------------------------ what Python says


class Watched(ast.NodeTransformer):
    """Arithmetic that raises OverflowError where a number leaves 64 bits, rows that raise where an index is below 0."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.LShift):  # Python would make a number of so many bits
            return ast.copy_location(_call("shifted", node.left, node.right), node)
        return self._within(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return self._within(self.generic_visit(node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        node.slice = _call("place", node.slice)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        value = _call("within", ast.BinOp(read, node.op, node.value))
        return ast.copy_location(ast.Assign([node.target], value), node)

    def _within(self, node: Any) -> ast.expr:
        return ast.copy_location(_call("within", node), node)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def within(value: int) -> int:
    """A number of 64 bits."""
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError
    return value


def place(value: int) -> int:
    """An index that does not count from the end."""
    if value < 0:
        raise IndexError
    return value


def shifted(value: int, count: int) -> int:
    """A number shifted to the left."""
    if count < 0:
        raise ValueError
    return within(value << min(count, 64))


def interpreted(source: str) -> dict[str, Any]:
    """The functions of a source as Python runs them, with their numbers watched."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in functions:
        Watched().visit(node)
    names: dict[str, Any] = {"within": within, "place": place, "shifted": shifted}
    exec(compile(ast.fix_missing_locations(tree), GENERATED, "exec"), names)
    return names


def outcome_of(call: Callable[..., int], arguments: Sequence[Any]) -> Outcome | None:
    """What a call gives, or how it ends; None where a number leaves 64 bits, of which the language says nothing."""
    try:
        return int(call(*arguments))
    except (OverflowError, MemoryError):
        return None
    except tuple(FAULTS) as error:
        lines = [one.lineno for one in extract_tb(error.__traceback__) if one.filename == GENERATED]
        return FAULTS[type(error)], lines[-1] or 0
