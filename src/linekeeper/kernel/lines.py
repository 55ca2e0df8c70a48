"""Lines of generated code: comments, indentation, branches, and lines that would be too long."""

from __future__ import annotations

from collections.abc import Sequence

LINE_MAX = 119
CHAIN_MAX = 8  # leaves that stand under one another; more of them are found by halving


def note(text: str, longest: int = 100) -> str:
    """A comment that stays on its line."""
    return "# " + shortened(text, longest)


def shortened(text: str, longest: int) -> str:
    """A text on one line, cut where it is too long.

    >>> shortened("one  two three", 10)
    'one two...'
    """
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."


def indented(lines: Sequence[str], steps: int = 1) -> list[str]:
    """The lines, one step or more further in."""
    return ["    " * steps + line for line in lines]


def bare(test: str) -> str:
    """A condition without the parentheses around all of it.

    >>> bare("(a and b)"), bare("(a) or (b)")
    ('a and b', '(a) or (b)')
    """
    depth = 0
    for place, letter in enumerate(test):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if not depth and place < len(test) - 1:
            return test
    return test[1:-1] if test.startswith("(") else test


def branches(variable: str, below: Sequence[str], leaves: Sequence[Sequence[str]]) -> list[str]:
    """`if` branches to the leaf of a variable: leaves[i] where it lies below below[i] first, else the last.

    >>> print(*branches("days", ("30",), (["points = 5"], ["points = 0"])), sep="; ")
    if days < 30:;     points = 5; else:;     points = 0
    """
    if not below:
        return list(leaves[0])
    if len(leaves) > CHAIN_MAX:
        middle = len(below) // 2
        left = branches(variable, below[:middle], leaves[: middle + 1])
        right = branches(variable, below[middle + 1 :], leaves[middle + 1 :])
        return [f"if {variable} < {below[middle]}:", *indented(left), "else:", *indented(right)]
    lines: list[str] = []
    for word, cut, leaf in zip(("if", *["elif"] * len(below)), below, leaves, strict=False):
        lines += [f"{word} {variable} < {cut}:", *indented(leaf)]
    return [*lines, "else:", *indented(leaves[-1])]


def folded(source: str) -> str:
    """The source with every line within `LINE_MAX`; what it does is the same."""
    return "\n".join(part for line in source.split("\n") for part in _fold(line))


def _fold(line: str) -> list[str]:
    """One line of code on several: broken only inside parentheses, where a line's end means nothing."""
    if len(line) <= LINE_MAX:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    rest = _enclosed(line)
    lines: list[str] = []
    depth = 0
    while len(rest) > LINE_MAX and (end := _break(rest, depth, len(indent))) is not None:
        lines.append(rest[:end].rstrip())
        depth += rest[:end].count("(") - rest[:end].count(")")
        rest = f"{indent}        {rest[end:].lstrip()}"
    return [*lines, rest]


def _enclosed(line: str) -> str:
    """The line with parentheses around its test or its value, so that it can be broken at any blank."""
    indent, text = line[: len(line) - len(line.lstrip())], line.strip()
    for word in ("if ", "elif ", "while "):
        if text.startswith(word):
            return f"{indent}{word}({bare(text[len(word) : -1])}):"
    target, equals, value = text.partition(" = ")
    if equals and "(" not in target:
        return f"{indent}{target} = ({bare(value)})"
    return line


def _break(text: str, depth: int, indent: int) -> int | None:
    """Where to break: of what fits, the last place at the least depth; before `and`, after a comma, if there is one."""
    best: tuple[bool, int, int] | None = None
    for place, letter in enumerate(text[:LINE_MAX]):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter in " (" and depth > 0 and place > indent + 24:
            natural = text[place + 1 :].startswith(("and ", "or ", "else ", "if ")) or text[place - 1] == ","
            rank = (natural, -depth, place + 1)
            best = rank if best is None or rank > best else best
    return best[2] if best else None
