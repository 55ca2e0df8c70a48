"""Expressions as written: text to tree, and tree back to its one canonical text.

>>> canonical("count( draw where hour<6 ,  30d)>=3 and not(balance==0 CNY)")
'count(draw where hour < 6, 30d) >= 3 and not (balance = 0 CNY)'
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from linekeeper.policy.other_languages import wording_at
from linekeeper.policy.source import quoted

LENGTH_MAX = 4_000
NESTING_MAX = 40

Branch = Tree[Token]


class Misread(Exception):
    """The text is not an expression: what is wrong, at which character."""

    def __init__(self, message: str, offset: int, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


@cache
def _parser() -> Lark:
    grammar = files("linekeeper.policy").joinpath("expression.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse(text: str) -> Branch:
    """The tree of one expression. Raises Misread, with the character where reading stopped."""
    try:
        return parse_with(_parser(), text, "name parts of it as features")
    except Misread as error:
        wording = wording_at(text, error.offset) if len(text) <= LENGTH_MAX else None
        if wording is None:
            raise
        raise Misread(wording.message, wording.offset, wording.way_out) from None


def parse_with(parser: Lark, text: str, shorter: str) -> Branch:
    """The tree of one expression of any grammar; `shorter` is the way out where it is too long or nested too deep."""
    if len(text) > LENGTH_MAX:
        raise Misread(f"an expression has at most {LENGTH_MAX} characters", 0, shorter)
    try:
        tree = parser.parse(text)
    except UnexpectedCharacters as error:
        raise Misread(f"`{quoted(error.char)}` has no meaning here", error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        raise _misread_token(error, text) from None
    except UnexpectedInput as error:  # pragma: no cover - lark has no third kind
        raise Misread("this cannot be read", error.pos_in_stream or 0) from None
    if isinstance(tree, Token):
        tree = Tree("name", [tree])
    if depth_of(tree) > NESTING_MAX:
        raise Misread(f"this is nested deeper than {NESTING_MAX} levels", 0, shorter)
    return tree


def _misread_token(error: UnexpectedToken, text: str) -> Misread:
    token = error.token
    if isinstance(error, UnexpectedEOF) or token.type == "$END":
        last = max(len(text.rstrip()) - 1, 0)
        way_out = "add `else` and a value" if "then" in text and "else" not in text else "complete it"
        return Misread("the expression ends too early", last, way_out)
    if token.type == "OP":
        return Misread(f"`{token}` does not fit here", token.start_pos or 0, "join comparisons with `and`")
    return Misread(f"`{quoted(str(token))}` does not fit here", token.start_pos or 0)


def depth_of(tree: Branch) -> int:
    """How deep the tree is nested; without recursion, for the text may be hostile."""
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in node.children if isinstance(child, Tree))
    return deepest


class _Text(NamedTuple):
    text: str
    rank: int  # how tightly it binds: 0 if, 1 or, 2 and, 3 not, 4 comparison, 5 sum, 6 product, 7 atom


_JOINED = {"or_": (" or ", 1), "and_": (" and ", 2)}
_ARITH_RANK = {"+": 5, "-": 5, "*": 6}


def canonical(text: str) -> str:
    """The one way to write this expression. Raises Misread."""
    return render(parse(text))


def render(tree: Branch) -> str:
    """Canonical text of a tree: single spaces, `=` for `==`, no needless parentheses around atoms."""
    return _render(tree).text


def _operand(tree: Branch, rank: int) -> str:
    """The text of a part that must bind at least as tightly as `rank`."""
    part = _render(tree)
    return part.text if part.rank >= rank else f"({part.text})"


def _render(tree: Branch) -> _Text:
    parts = tree.children
    trees = [part for part in parts if isinstance(part, Tree)]
    match tree.data:
        case "group":
            inner = _render(trees[0])
            return inner if inner.rank >= 7 else _Text(f"({inner.text})", 7)
        case "if_":
            test, yes, no = (_operand(part, 1) for part in trees)
            return _Text(f"if {test} then {yes} else {no}", 0)
        case "or_" | "and_":
            word, rank = _JOINED[tree.data]
            return _Text(word.join(_operand(part, rank + 1) for part in trees), rank)
        case "not_":
            return _Text(f"not {_operand(trees[0], 4) if trees[0].data != 'compare' else f'({render(trees[0])})'}", 3)
        case "compare":
            op = "=" if str(parts[1]) == "==" else str(parts[1])
            return _Text(f"{_operand(trees[0], 5)} {op} {_operand(trees[1], 5)}", 4)
        case "in_" | "in_list":
            words = f"({', '.join(map(render, trees[1:]))})" if tree.data == "in_" else parts[1]
            return _Text(f"{_operand(trees[0], 5)} in {words}", 4)
        case "arith":
            rank = _ARITH_RANK[str(parts[1])]
            return _Text(f"{_operand(trees[0], rank)} {parts[1]} {_operand(trees[1], rank + 1)}", rank)
        case "where":
            return _Text(f"{render(trees[0])} where {render(trees[1])}", 0)
        case "call":
            return _Text(f"{parts[0]}({', '.join(map(render, trees))})", 7)
        case "customer_call":
            return _Text(f"{parts[0]}.{parts[1]}({', '.join(map(render, trees))})", 7)
        case "path":
            return _Text(f"{parts[0]}.{parts[1]}", 7)
        case "negative":
            return _Text(f"-{_operand(trees[0], 7)}", 7)
        case "money":
            word = str(parts[0])
            return _Text(f"{word[:-3].rstrip()} {word[-3:]}", 7)
        case "ending":
            return _Text(" ".join(str(parts[0]).split()), 7)
        case "string":
            return _Text(f'"{str(parts[0])[1:-1]}"', 7)
        case "true" | "false":
            return _Text(str(tree.data), 7)
        case _:
            return _Text(str(parts[0]), 7)
