"""Each construct of the language of kernels: as Python says at the edges of 64 bits, and all else refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.kernel.lowering_expressions import CallFault
from linekeeper.kernel.machine_code import OptimisationLevel
from linekeeper.kernel.native import KernelFault, NativeKernel
from linekeeper.kernel.subset import INT64_MAX, INT64_MIN, NotInSubset, Shape, read_source
from tests.kernel.expressions import EDGES, EDGES_NEAR, interpreted, outcome_of
from tests.kernel.settings import compare_module, differing_policy

MISSING = -(2**62)
NUMBERS = st.sampled_from(EDGES + EDGES_NEAR) | st.integers(-100, 100) | st.integers(INT64_MIN, INT64_MAX)
COUNTS = st.integers(-2, 70)


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Code that is made here says something of what makes it, so it is made anew each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINEKEEPER_CACHE", str(tmp_path_factory.mktemp("kernels")))
        yield


def function(body: str, parameters: str = "a, b", head: str = "") -> NativeKernel:
    """A kernel of one function, `f`."""
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return NativeKernel(f"{head}\ndef f({parameters}):\n{lines}\n")


# ------------------------------------------------------------------ against the interpreter

NODES = {
    "add": "return a + b",
    "subtract": "return a - b",
    "multiply": "return a * b",
    "negate": "return -a",
    "divide": "return a // b",
    "remainder": "return a % b",
    "divide by a constant": "return (a // 24) ^ (b // -7) ^ (a // -1) ^ (b // 1)",
    "divide by a constant above 0": "return (a // 64) ^ (b // 153) ^ (a // 2**62) ^ (b // 9_223_372_036_854_775_807)",
    "remainder of a constant above 0": "return (a % 64) ^ (b % 153) ^ (a % 2**62) ^ (b % 9_223_372_036_854_775_807)",
    "remainder of a constant": "return (a % 24) ^ (b % -7) ^ (a % -1) ^ (b % 10_000)",
    "bits": "return (a & b) ^ (a | -2) ^ (b ^ 5)",
    "compare": "return (a < b) + 2 * (a <= b) + 4 * (a > b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b)",
    "chain": "return (a < 0 < b) + 2 * (0 <= b <= a <= 10) + 4 * (a == b == 0)",
    "chain that ends early": "return 0 < b < a // b",
    "and": "return a and b",
    "or": "return a or b or 7",
    "and, or, not": "return (a and not b) or (b > 3 and a)",
    "shortcut": "return b == 0 or a // b > 3",
    "conditional": "return a // b if b else a",
    "least and greatest": "return max(min(a, b, 10), min(b, -10)) ^ int(a)",
    "assign": "c = d = a\nc, d = d ^ 1, b\nc ^= d\nreturn c",
    "swap": "a, b = b, a\nreturn a - 1 if a > 0 else b",
    "branches": "if a < b:\n    c = 1\nelif a == b:\n    c = 2\nelse:\n    c = 3\nreturn c",
    "assert": "assert a < b or a == 5, 'a reason'\nreturn 1",
    "missing": f"return 1 if a == {MISSING} else 2 if b == -(2**62) else 0",
    "shadowed constant": "TWO = a\nreturn TWO",
    "constants": "return (ONE + TWO * 2**40 + 2**63 // 10_000) ^ THREE[a & 1] ^ a",
}
HEAD = "ONE, TWO = 1, 2\nTHREE = (ONE + TWO, -(2**62))"


@pytest.mark.parametrize("name", list(NODES))
def test_a_node(name: str) -> None:
    """Every pair of edges, then pairs of any numbers."""
    kernel = function(NODES[name], head=HEAD)
    python = interpreted(kernel._text)["f"]

    def agrees(a: int, b: int) -> None:
        expected = outcome_of(python, (a, b))
        if expected is not None:
            assert _outcome(kernel, a, b) == expected, (a, b)

    for a in EDGES + EDGES_NEAR:
        for b in EDGES + EDGES_NEAR:
            agrees(a, b)
    given(NUMBERS, NUMBERS)(agrees)()


def _outcome(kernel: NativeKernel, *arguments: Any) -> object:
    try:
        return kernel.f(*arguments)
    except KernelFault as fault:
        return fault.fault, fault.line


@given(NUMBERS, COUNTS)
def test_shifts(a: int, count: int) -> None:
    kernel = NativeKernel("def f(a, n):\n    return a >> n\n\n\ndef g(a, n):\n    return a << n\n")
    if count < 0:
        for shift in (kernel.f, kernel.g):
            with pytest.raises(KernelFault, match="a shift by a count below zero"):
                shift(a, count)
        return
    assert kernel.f(a, count) == a >> count
    assert kernel.g(a, count) == (a << count) - ((a << count) + 2**63) // 2**64 * 2**64


@pytest.mark.parametrize(("a", "b"), [(INT64_MAX, 1), (INT64_MIN, -1), (2**62, 2), (INT64_MIN, INT64_MIN)])
def test_beyond_64_bits_numbers_wrap(a: int, b: int) -> None:
    """Nothing is undefined there, though no kernel may come there."""

    def wrapped(number: int) -> int:
        return (number + 2**63) % 2**64 - 2**63

    assert function("return a + b").f(a, b) == wrapped(a + b)
    assert function("return a - b").f(a, b) == wrapped(a - b)
    assert function("return a * b").f(a, b) == wrapped(a * b)
    assert function("return -a").f(a, b) == wrapped(-a)
    assert function("return a // b").f(a, b) == wrapped(a // b)
    assert function("return a % b").f(a, b) == a % b


BREAKING = """for i in range(a, b):
    if i % 3 == 0:
        continue
    if t > 50:
        break
    t += 1"""
WHILE = """while a < b:
    a += 1
    if a % 5 == 4:
        continue
    t ^= a
    if a % 1_999 == 0:
        return a"""
NESTED = """for i in range(a, min(b, a + 9)):
    for j in range(i, b):
        if j > i + 4:
            break
        t += 1"""
LOOPS = {
    "up": "for i in range(a, b):\n    t = t * 3 % 1_000_003 + i % 7",
    "down": "for i in range(b, a, -1):\n    t ^= i",
    "none": "for i in range(b, a):\n    t = 9",
    "set in the loop": "for i in range(a, b):\n    i = i // 2\n    t ^= i",
    "break and continue": BREAKING,
    "after the loop": "i = 5\nfor i in range(a, b):\n    pass\nt = i",
    "while": WHILE,
    "for ever": "while True:\n    if a >= b:\n        break\n    a += 1\n    t += 1",
    "nested": NESTED,
}


@pytest.mark.parametrize("name", list(LOOPS))
@pytest.mark.parametrize(
    ("start", "turns"), [(0, 0), (0, 1), (-5, 11), (0, 100_000), (INT64_MAX - 40, 40), (INT64_MIN, 40)]
)
def test_loops(name: str, start: int, turns: int) -> None:
    kernel = function(f"t = 0\n{LOOPS[name]}\nreturn t")
    assert _outcome(kernel, start, start + turns) == outcome_of(interpreted(kernel._text)["f"], (start, start + turns))


def test_rows_and_tables() -> None:
    """Rows are what is indexed, tables what is indexed twice; they are handed on, chosen between, taken apart."""
    kernel = NativeKernel(
        """
PAIR = (3, 4)

def add_to(row, place, amount):
    row[place] += amount

def total(row, pair):
    first, second = pair
    sum_of_row = 0
    for i in range(len(row)):
        sum_of_row += row[i]
    return sum_of_row * first + second

def f(table, row, which):
    chosen = table[which] if which >= 0 else row
    add_to(chosen, 0, 5)
    table[0][1] = len(table)
    return total(chosen, PAIR) + total(table[1], row)
"""
    )
    table, row = np.array([[1, 2], [3, 4]]), np.array([10, 20])
    assert kernel.f(table, row, 1) == (8 + 4) * 3 + 4 + 12 * 10 + 20
    assert table.tolist() == [[1, 2], [8, 4]]
    assert kernel.f(table, row, -1) == 35 * 3 + 4 + 12 * 15 + 20
    assert row.tolist() == [15, 20]


def test_what_parameters_hold_is_read_off_their_uses() -> None:
    source = read_source("def f(s, t, n, spare):\n    s[60 + (n & 7) * 2 + 1] = t[n][2]\n    return len(s)\n")
    one = source.functions_for("f")["f"].parameters
    assert [(p.shape, p.is_written, p.is_read, p.length_min) for p in one] == [
        (Shape.ROW, True, True, 76),
        (Shape.TABLE, False, True, 3),
        (Shape.NUMBER, False, True, 0),
        (Shape.NUMBER, False, False, 0),
    ]


def test_an_argument_that_is_never_read_is_evaluated_all_the_same() -> None:
    kernel = NativeKernel(
        """
def last(spare, a):
    return a

def f(r, t, a):
    return last(t[a], last(r[0] // a, a)) + last(r, t[0][0]) + last(1, t[0][0])
"""
    )
    table = np.array([[1], [2], [3]])
    assert kernel.f(np.array([5]), table, 2) == 2 + 1 + 1
    for a in (0, 3):
        with pytest.raises(KernelFault):
            kernel.f(np.array([5]), table, a)


def test_an_index_of_a_table_says_nothing_of_the_length_of_its_rows() -> None:
    kernel = NativeKernel(
        "def g(r):\n    return r[0]\n\n\ndef f(t):\n    row = t[4]\n    return row[0] + t[5][0] + g(t[3])\n"
    )
    assert kernel.f(np.arange(6).reshape(6, 1)) == 4 + 5 + 3
    with pytest.raises(KernelFault, match="an index outside of its row"):
        kernel.f(np.arange(5).reshape(5, 1))


def test_operands_are_evaluated_in_pythons_order_and_once() -> None:
    text = """
def note(r, n):
    r[0] = r[0] * 10 + n
    return n

def f(r):
    r[note(r, 1)] += note(r, 2)
    r[note(r, 4) - 3], r[2] = note(r, 5), note(r, 6)
    return note(r, 3) - note(r, 3) < note(r, 1) < note(r, 1) < note(r, 9) or note(r, 8)
"""
    row, python = np.zeros(3, dtype=np.int64), [0, 0, 0]
    names: dict[str, Any] = {}
    exec(text, names)
    assert NativeKernel(text).f(row) == names["f"](python)
    assert row.tolist() == python


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("body", "arguments", "fault", "words"),
    [
        ("return a // b", (1, 0), CallFault.DIVISION_BY_ZERO, "line 3, `return a // b`: a division by zero"),
        ("return a % b", (1, 0), CallFault.DIVISION_BY_ZERO, "a division by zero"),
        ("return a // 0", (1, 0), CallFault.DIVISION_BY_ZERO, "a division by zero"),
        ("a //= b\nreturn a", (1, 0), CallFault.DIVISION_BY_ZERO, "a division by zero"),
        (
            "a += 1\nassert a < b, 'a reason'\nreturn a",
            (5, 0),
            CallFault.ASSERTION,
            "line 4, `assert a < b, 'a reason'`",
        ),
        ("return a >> b", (5, -1), CallFault.NEGATIVE_SHIFT, "a shift by a count below zero"),
        ("return TABLE[a]", (2, 0), CallFault.INDEX, "an index outside of its row"),
        ("return TABLE[a]", (-1, 0), CallFault.INDEX, "an index outside of its row"),
        ("return TABLE[a]", (INT64_MIN, 0), CallFault.INDEX, "an index outside of its row"),
    ],
)
def test_a_fault_names_the_line(body: str, arguments: tuple[int, int], fault: CallFault, words: str) -> None:
    with pytest.raises(KernelFault) as caught:
        function(body, head="TABLE = (1, 2)").f(*arguments)
    assert words in str(caught.value)
    assert caught.value.fault == fault


def test_a_fault_ends_the_call_at_once_and_the_next_call_is_not_touched() -> None:
    """What calls the function that failed, and what calls that, does nothing more."""
    kernel = NativeKernel(
        """
def inner(a):
    return 10 // a

def middle(r, a):
    for i in range(3):
        inner(a)
        r[0] += 1

def f(r, a):
    middle(r, a)
    r[1] = 1
"""
    )
    row = np.zeros(2, dtype=np.int64)
    with pytest.raises(KernelFault, match="stopped at its line 3, `return 10 // a`: a division by zero"):
        kernel.f(row, 0)
    assert row.tolist() == [0, 0]
    kernel.f(row, 1)
    assert row.tolist() == [3, 1]


# ------------------------------------------------------------------ refusals

REFUSED = {
    "return a / b": "a / b",
    "return ~a": "~a",
    "return +a": "+a",
    "return a ** b": "a ** b",
    "return 1.5": "1.5",
    "return 'text'": "'text'",
    "return a is b": "a is b",
    "return a in (1, 2)": "a in (1, 2)",
    "return [a, b]": "[a, b]",
    "return sum(a, b)": "sum(a, b)",
    "return max(a)": "max(a)",
    "return abs(a)": "abs(a)",
    "return int(a, b)": "int(a, b)",
    "len = a\nreturn len(b)": "len(b)",
    "a = b\nreturn a(b)": "a(b)",
    "return max(a, b, key=b)": "max(a, b, key=b)",
    "return a.real": "a.real",
    "return (c := a)": "(c := a)",
    "return lambda: a": "lambda: a",
    "return f'{a}'": "f'{a}'",
    "return unknown": "unknown",
    "return unknown(a)": "unknown(a)",
    "return f(a, b)": "def f(a, b):",
    "return 2**63": "2 ** 63",
    "return a + 2**70": "2 ** 70",
    "return a[1:2]": "1:2",
    "return a[0][0][0]": "a",
    "return PAIR[2]": "PAIR",
    "PAIR[0] = 1\nreturn 1": "PAIR",
    "return 5[0]": "5",
    "x = a[0] + a": "a",
    "if a:\n    x = 1\nreturn x": "x",
    "for i in range(3):\n    x = 1\nreturn x": "x",
    "while a:\n    x = 1\nreturn x": "x",
    "for i in range(3):\n    pass\nreturn i": "i",
    "x += 1\nreturn x": "x",
    "if a:\n    return 1": "def f",
    "if a:\n    return\nreturn 1": "return",
    "for i in a:\n    pass": "a",
    "for i in range(0, 9, 2):\n    pass": "range(0, 9, 2)",
    "for i in range(0, 9, b):\n    pass": "range(0, 9, b)",
    "for i, j in range(3):\n    pass": "(i, j)",
    "for i in range(3):\n    pass\nelse:\n    pass": "for i in range(3):",
    "while a:\n    pass\nelse:\n    pass": "while a:",
    "a, b = 1, 2, 3\nreturn a": "(1, 2, 3)",
    "a, *b = 1, 2\nreturn a": "*b",
    "del a": "del a",
    "global c": "global c",
    "raise a": "raise a",
    "with a:\n    pass": "with a:",
    "try:\n    pass\nfinally:\n    pass": "try:",
    "import os": "import os",
    "a": "a",
    "def g():\n    pass": "def g():",
    "match a:\n    case 1:\n        pass": "match a:",
}


@pytest.mark.parametrize("body", list(REFUSED))
def test_all_else_is_refused_by_name(body: str) -> None:
    with pytest.raises(NotInSubset) as caught:
        function(body, head="PAIR = (1, 2)").f(1, 2)
    assert str(caught.value).startswith(f"`{REFUSED[body]}` in line "), str(caught.value)
    assert caught.value.line >= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os", "`import os` in line 1 of the kernel is not in the language of kernels"),
        ("A = B", "`A = B` in line 1 of the kernel is not constant"),
        ("A = 2**64", "`2 ** 64` in line 1 of the kernel is not a number of 64 bits"),
        ("A = 1\nA = 2", "`A = 2` in line 2 of the kernel gives a second meaning to a name"),
        ("A, B = 1, 2, 3", "is not constant"),
        ("A = 1 << 1_000", "has an exponent below 0 or above 64"),
        ("def f(*a):\n    pass", "`def f` in line 1 of the kernel has more than plain parameters"),
        ("def f(a=1):\n    pass", "`def f` in line 1 of the kernel has more than plain parameters"),
        ("@cache\ndef f(a):\n    pass", "has more than plain parameters"),
        ("def len(a):\n    return a", "`def len` in line 1 of the kernel gives a second meaning to a name"),
        ("class A:\n    pass", "`class A:` in line 1 of the kernel is not in the language"),
        ("def g(a):\n    return f(a)\ndef f(a):\n    return g(a)", "calls itself"),
        ("def g(a):\n    a + 1\ndef f(a):\n    return g(a)", "`a + 1` in line 2"),
        ("def g(a):\n    pass\ndef f(a):\n    return g(a)", "`g(a)` in line 4 of the kernel gives no value"),
        ("def g(a):\n    return a\ndef f(a):\n    return g(a, a)", "has 2 arguments, where `g` takes 1"),
        ("def e(a):\n    return a", "`f` in line 1 of the kernel is no function of it"),
    ],
)
def test_sources_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(NotInSubset) as caught:
        NativeKernel(text).f(1)
    assert words in str(caught.value)


# ------------------------------------------------------------------ generated


@pytest.mark.parametrize("seed", range(2))
def test_generated_functions(seed: int) -> None:
    """Some of those of `python -m tests.kernel.settings`, in both settings of machine code."""
    compared, wrong = compare_module(f"expressions {seed}", tuple(OptimisationLevel), 150)
    assert compared > 100
    assert wrong == []


@pytest.mark.parametrize("seed", [101, 102])
def test_generated_policies(seed: int) -> None:
    evaluations, wrong = differing_policy(seed, 25, tuple(OptimisationLevel))
    assert evaluations > 0
    assert wrong == []
