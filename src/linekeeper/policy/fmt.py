"""The formatter: one way to write an expression; layout and comments stay the author's.

>>> print(format_text("triggers:\\n  late: {when: days_past_due>=30,   suspend: yes}   \\n\\n\\n\\n# end"))
triggers:
  late: {when: days_past_due >= 30,   suspend: yes}
<BLANKLINE>
# end
<BLANKLINE>
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from linekeeper.policy.load import OLD_KEYS
from linekeeper.policy.source import Listing, Node, Scalar, Table, read
from linekeeper.policy.syntax import Misread, canonical

_CONDITIONS = ("when", "clear", "while", "deny")


def format_text(text: str, name: str = "policy.yaml") -> str:
    """The policy's text with canonical expressions and today's keys, no trailing blanks, no two empty lines in a row.

    Raises PolicyError where the text is not plain YAML; expressions with faults are left as they are.
    """
    root = read(text, name)
    kept = next((key.line for key, _ in root.entries if key.text == "parts"), None)
    if kept is not None:  # the parts stand at the end, each as its hash says
        lines = text.split("\n")
        return format_text("\n".join(lines[:kept]) + "\n", name) + "\n".join(lines[kept:])
    lines = text.split("\n")
    written = [(scalar, _written(scalar)) for scalar in _expressions(root)]
    written += [(key, OLD_KEYS[key.text]) for key, _ in root.entries if key.text in OLD_KEYS and key.raw == key.text]
    for scalar, new in sorted(written, key=lambda one: (-one[0].line, -one[0].column)):
        if new is not None:
            line = lines[scalar.line]
            lines[scalar.line] = line[: scalar.column] + new + line[scalar.column + len(scalar.raw) :]
    tidy = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", tidy).strip("\n") + "\n"


def _written(scalar: Scalar) -> str | None:
    """The scalar as it should stand, or None to leave it."""
    if "\n" in scalar.raw or scalar.raw[:1] in "|>":
        return None
    try:
        text = canonical(scalar.text)
    except Misread:
        return None
    quote = scalar.raw[0] if scalar.raw[:1] in "\"'" else ""
    if quote and quote in text:
        return None
    if not quote and ("," in text) != ("," in scalar.text):
        return None
    return quote + text + quote


def _expressions(root: Table) -> Iterator[Scalar]:
    """Every scalar of the file that is an expression."""
    for key, value in root.entries:
        if key.text == "features" and isinstance(value, Table):
            for _, feature in value.entries:
                node = feature.get("value") if isinstance(feature, Table) else feature
                yield from _scalars(node)
        elif key.text in ("define", "segments") and isinstance(value, Table):
            for _, condition in value.entries:
                yield from _scalars(condition)
        elif key.text == "tables" and isinstance(value, Table):
            for _, table in value.entries:
                yield from _cells(table)
        elif key.text in ("triggers", "authorise") and isinstance(value, Table):
            for _, item in value.entries:
                yield from _conditions(item)
        elif key.text == "split" and isinstance(value, Table):
            yield from _of_arms(value)
        elif key.text == "customer" and isinstance(value, Table):
            yield from _scalars(value.get("ceiling"))
        elif key.text == "assign" and isinstance(value, Table):
            yield from _conditions(value)
            refuse = value.get("refuse")
            for _, rule in refuse.entries if isinstance(refuse, Table) else ():
                yield from _conditions(rule)
        elif OLD_KEYS.get(key.text, key.text) in ("restoration", "offer", "offers"):
            yield from _conditions(value)
            for _, schedule in value.entries if isinstance(value, Table) else ():  # where they have names
                yield from _conditions(schedule)


def _of_arms(section: Table) -> Iterator[Scalar]:
    """The expressions in the tables and triggers of arms."""
    for _, split in section.entries:
        arms = split.get("arms") if isinstance(split, Table) else None
        for _, arm in arms.entries if isinstance(arms, Table) else ():
            for name, scalars in (("tables", _cells), ("triggers", _conditions)):
                own = arm.get(name) if isinstance(arm, Table) else None
                for _, one in own.entries if isinstance(own, Table) else ():
                    yield from scalars(one)


def _cells(table: Node) -> Iterator[Scalar]:
    """The conditions and outcomes of a decision table."""
    rows = table.get("rows") if isinstance(table, Table) else None
    for row in rows.items if isinstance(rows, Listing) else ():
        for _, value in row.entries if isinstance(row, Table) else ():
            yield from _scalars(value)


def _conditions(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Table):
        for key, value in node.entries:
            if key.text in _CONDITIONS:
                yield from _scalars(value)
            elif key.text in ("limit", "to"):
                yield from _scalars(value.get("amount") if isinstance(value, Table) else value)


def _scalars(node: Node | None) -> Iterator[Scalar]:
    if isinstance(node, Scalar) and node.raw:
        yield node
