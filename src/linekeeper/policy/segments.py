"""Segments of accounts, and numbers with a name that may differ by segment: sections `segments` and `params`."""

from __future__ import annotations

from functools import partial
from itertools import product

from linekeeper.policy import expression as ex
from linekeeper.policy.checker import check, check_condition
from linekeeper.policy.reader import Reader
from linekeeper.policy.rule_cells import SEGMENT
from linekeeper.policy.scope import Checked, Mistyped, Scope
from linekeeper.policy.source import Node, Scalar, Table, nearest
from linekeeper.policy.splits import ArmChanges, ArmPlace
from linekeeper.policy.syntax import Branch

SEGMENTS_MAX = 20
PARAMS_MAX = 200
LAST = "otherwise"
_LITERALS = ("money", "percent", "duration", "number", "negative", "string", "true", "false")

# ------------------------------------------------------------------ segments


def declare_segments(node: Node | None, reader: Reader) -> None:
    """The names of the segments, in their order, with what reads in which of them an account is."""
    if node is None:
        return
    table = reader.table(node, "`segments`")
    entries = [(key, value) for key, value in table.entries if isinstance(value, Scalar)]
    if len(entries) < len(table.entries) or not 2 <= len(entries) <= SEGMENTS_MAX:
        way_out = "write `NAME: condition` lines and a last `NAME: otherwise`"
        reader.faults.add(table, f"`segments` are 2 to {SEGMENTS_MAX} names, each with a condition", way_out)
        return
    for key, _ in entries:
        if key.text == LAST:
            reader.faults.add(key, "`otherwise` is no name of a segment", "give the last segment a name of its own")
        reader.name(key, "the segment")
    *firsts, (last_key, last) = entries
    if last.text.strip() != LAST:
        message = f"the last segment `{last_key.text}` leaves accounts that are in none"
        reader.faults.add(last, message, f"write `{last_key.text}: otherwise`, or add such a line after it")
    trees = [(value, reader.tree(value)) for _, value in firsts]
    for key, value in firsts:
        if value.text.strip() == LAST:
            reader.faults.add(value, f"no account reaches the segments after `{key.text}`", "put it last")
    reader.segments = tuple(key.text for key, _ in entries)
    name = Scalar(SEGMENT, SEGMENT, table.entries[0][0].line, table.entries[0][0].column)
    if reader.declare(name, "segment"):
        one = reader.names[SEGMENT]
        one.trees = tuple(tree for _, tree in trees if tree is not None)
        one.read = partial(_read_segments, trees, reader)
        reader.declared = (*reader.declared, SEGMENT)


def _read_segments(trees: list[tuple[Scalar, Branch | None]], reader: Reader) -> None:
    """The account's segment: the number of the first whose condition holds."""
    scope, words = reader.scope(scores=SEGMENT in reader.later), reader.segments
    expr: ex.Expr = ex.Literal(len(words) - 1, ex.CATEGORY, words)
    for number, (node, tree) in reversed(list(enumerate(trees))):
        part = reader.checked(node, partial(_condition, tree, scope)) if tree is not None else None
        if part is None:
            return
        expr = ex.If(part.expr, ex.Literal(number, ex.CATEGORY, words), expr)
    reader.keep(SEGMENT, Checked(expr, 0, len(words) - 1))


def _condition(tree: Branch, scope: Scope) -> Checked:
    return Checked(check_condition(tree, scope))


# ------------------------------------------------------------------ numbers with a name


def read_params(node: Node | None, reader: Reader, changes: ArmChanges) -> None:
    """Every parameter: one value, or one for each segment or arm. What has a fault is noted, and blamed once."""
    table = reader.table(node, "`params`") if node is not None else Table((), 0, 0)
    names = [key.text for key, _ in table.entries]
    for name, (_, key, _) in ((name, change) for name, noted in changes.params.items() for change in noted):
        if name not in names:
            reader.faults.unknown(key, "the parameter", name, names)
    if len(table.entries) > PARAMS_MAX:
        reader.faults.add(table, f"there are {len(table.entries)} parameters, at most {PARAMS_MAX} are possible")
    for key, value in table.entries:
        reader.name(key, "the parameter")
        trees = _by_segment(key, value, reader) if isinstance(value, Table) else [_value(value, reader)]
        if reader.splits and None not in trees:
            trees = _by_cell(key, trees, changes.params.get(key.text, []), reader)
        known = tuple(tree for tree in trees if tree is not None)
        reader.params[key.text] = known if known and len(known) == len(trees) else None


def _by_cell(
    key: Scalar, trees: list[Branch | None], noted: list[tuple[ArmPlace, Scalar, Node]], reader: Reader
) -> list[Branch | None]:
    """A value for each cell, of those for each segment and what arms set; once where it is one for all."""
    if len({place.split for place, _, _ in noted}) > 1:
        reader.faults.add(noted[-1][1], f"two splits set the parameter `{key.text}`", "let one of them set it")
        return [None]
    if not noted and len(trees) == 1:
        return trees
    by_segment = trees * (len(reader.segments) or 1) if len(trees) == 1 else trees
    set_by = {(place.split, place.arm): (where, value) for place, where, value in noted}
    cells: list[Branch | None] = []
    for arms in product(*(range(len(split.arms)) for split in reader.splits)):
        change = next((set_by[pair] for pair in enumerate(arms) if pair in set_by), None)
        cells += by_segment if change is None else _set_in_arm(*change, by_segment, reader)
    kinds = {_kind(tree, reader) for tree in cells if tree is not None}
    if None not in cells and len(kinds) > 1:
        reader.faults.add(key, f"the values of `{key.text}` differ in unit: {', '.join(sorted(kinds))}")
        return [None]
    return cells


def _set_in_arm(key: Scalar, value: Node, trees: list[Branch | None], reader: Reader) -> list[Branch | None]:
    """What a parameter is in each segment of one arm: segments that the arm does not name keep their own."""
    if not isinstance(value, Table):
        return [_value(value, reader)] * len(trees)
    if not reader.segments:
        reader.faults.add(value, f"`{key.text}` differs by segment, and there are none", "declare `segments`")
        return [None]
    values: dict[str, Branch | None] = {}
    for where, one in value.entries:
        if where.text in (*reader.segments, LAST):
            values[where.text] = _value(one, reader)
        else:
            way_out = nearest(where.text, (*reader.segments, LAST))
            reader.faults.add(where, f"`{where.text}` is not a segment", way_out)
    pairs = zip(reader.segments, trees, strict=True)
    return [values.get(name, values.get(LAST, tree)) for name, tree in pairs]


def _by_segment(key: Scalar, table: Table, reader: Reader) -> list[Branch | None]:
    """A value for each segment, in their order; `otherwise` is for those that are not named."""
    if not reader.segments:
        reader.faults.add(table, f"`{key.text}` differs by segment, and there are none", "declare `segments`")
        return [None]
    values: dict[str, Branch | None] = {}
    for where, value in table.entries:
        if where.text not in (*reader.segments, LAST):
            way_out = nearest(where.text, (*reader.segments, LAST))
            reader.faults.add(where, f"`{where.text}` is not a segment", way_out)
            continue
        values[where.text] = _value(value, reader)
    gaps = [name for name in reader.segments if name not in values]
    if gaps and LAST not in values:
        shown = ", ".join(f"`{name}`" for name in gaps)
        reader.faults.add(table, f"`{key.text}` has no value for {shown}", "add it, or `otherwise: VALUE`")
        return [None]
    if not gaps and LAST in values:
        reader.faults.add(table, f"`{key.text}` names every segment, so no account has its `otherwise`", "remove it")
    trees = [values.get(name, values.get(LAST)) for name in reader.segments]
    if None not in trees and len(units := {_kind(tree, reader) for tree in trees if tree is not None}) > 1:
        reader.faults.add(table, f"the values of `{key.text}` differ in unit: {', '.join(sorted(units))}")
        return [None]
    return trees


def _value(node: Node, reader: Reader) -> Branch | None:
    """One value of a parameter, which is a constant."""
    tree = reader.tree(node) if isinstance(node, Scalar) else None
    if tree is not None and tree.data in _LITERALS and _kind(tree, reader, node):
        return tree
    if tree is not None or not isinstance(node, Scalar):
        way_out = "write `50%`, `30d`, `500 CNY`, `3`"
        reader.faults.add(node, "a parameter is a number, or one for each segment", way_out)
    return None


def _kind(tree: Branch, reader: Reader, node: Node | None = None) -> str:
    """Of which unit a constant is, as far as it says so itself; nothing, with a fault, where it cannot be read."""
    try:
        return check(tree, reader.scope(scores=False)).unit
    except Mistyped as error:
        if node is not None:
            reader.faults.add(node, error.message, error.way_out, error.offset)
        return ""
