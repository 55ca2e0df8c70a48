"""Decision tables: rows of conditions, each with what comes of it; section 5.3 of the language reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Literal as OneOf

from linekeeper.core.bounds import INT64_MAX, MISSING, MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy.analysis.coverage import Coverage, Range, TableCase, coverage_of
from linekeeper.policy.checker import check, check_condition, coerce, with_own_unit
from linekeeper.policy.parts import PolicyParts, rows_of_csv
from linekeeper.policy.reader import Reader
from linekeeper.policy.scope import NUMERIC, UNIT_WORDS, Checked, Loose, Scope
from linekeeper.policy.source import Listing, Node, Scalar
from linekeeper.policy.syntax import Branch
from linekeeper.scorecard.card import SCORE_MAX

Hit = OneOf["first", "only", "lowest", "sum"]
HITS: tuple[Hit, ...] = ("first", "only", "lowest", "sum")
TABLE_KEYS = ("hit", "rows", "csv")
ROW_KEYS = ("when", "then")
DECISION_TABLES_MAX = 60
ROWS_MAX = 60
COMPARED_AT_ONCE = 7  # beside one more, as many as `smallest` takes


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read: its place, its condition (None: it always holds), and what comes of it."""

    node: Node
    when: tuple[Scalar, Branch] | None
    outcome: tuple[Scalar, Branch]


def declare_tables(node: Node | None, reader: Reader, files: PolicyParts) -> None:
    """The names of all tables, with what reads each."""
    if node is None:
        return
    section = reader.table(node, "`tables`")
    if len(section.entries) > DECISION_TABLES_MAX:
        reader.faults.add(
            section, f"there are {len(section.entries)} tables, at most {DECISION_TABLES_MAX} are possible"
        )
        return
    for key, value in section.entries:
        if not reader.declare(key, "table"):
            continue
        reader.declared = (*reader.declared, key.text)
        table = reader.table(value, f"the table `{key.text}`")
        reader.only(table, TABLE_KEYS)
        hit, listed, csv = _hit(key, table.get("hit"), reader), table.get("rows"), table.get("csv")
        if csv is not None and listed is not None:
            reader.faults.add(csv, f"the table `{key.text}` has `rows` too", "write one of the two")
        if csv is not None:
            listed = rows_of_csv(csv, files)
        rows = _rows(key, listed, reader) if csv is None or listed is not None else None
        if rows is None or hit is None:
            continue
        one = reader.names[key.text]
        parts = [part for row in rows for part in (row.when, row.outcome) if part is not None]
        one.trees, one.read = tuple(tree for _, tree in parts), partial(_read_table, key, hit, rows, reader)


def _hit(key: Scalar, node: Node | None, reader: Reader) -> Hit | None:
    if node is None:
        way_out = "write `hit: first`, `only`, `lowest` or `sum`"
        reader.faults.add(key, f"the table `{key.text}` does not say which rows count", way_out)
        return None
    word = reader.word(node, HITS)
    return next(hit for hit in HITS if hit == word)


def _rows(key: Scalar, node: Node | None, reader: Reader) -> list[Row] | None:
    """Its rows; None where one has a fault, which is noted."""
    if not isinstance(node, Listing) or not 1 <= len(node.items) <= ROWS_MAX:
        way_out = "write `- {when: condition, then: value}` lines"
        reader.faults.add(node or key, f"the table `{key.text}` needs 1 to {ROWS_MAX} `rows`", way_out)
        return None
    rows = [_row(key, item, reader) for item in node.items]
    known = [row for row in rows if row is not None]
    return known if len(known) == len(rows) else None


def _row(key: Scalar, node: Node, reader: Reader) -> Row | None:
    table = reader.table(node, f"a row of `{key.text}`")
    reader.only(table, ROW_KEYS)
    parts: list[tuple[Scalar, Branch] | None] = []
    for name in ROW_KEYS:
        value = table.get(name)
        tree = reader.tree(value) if isinstance(value, Scalar) else None
        if value is not None and not isinstance(value, Scalar):
            reader.faults.add(value, f"`{name}` is one expression")
        if value is not None and tree is None:
            return None
        parts.append((value, tree) if isinstance(value, Scalar) and tree is not None else None)
    when, then = parts
    if then is None:
        reader.faults.add(node, f"a row of `{key.text}` has no `then`", "add `then: VALUE`")
        return None
    return Row(node, when, then)


# ------------------------------------------------------------------ what a table means


def _read_table(key: Scalar, hit: Hit, rows: list[Row], reader: Reader) -> None:
    """The value of a table, as a feature of its name."""
    scope = reader.scope(scores=key.text in reader.later)
    outcomes = _outcomes(key, rows, scope, reader)
    conditions = [_condition(row, scope, reader) for row in rows]
    tests = [test for test in conditions if test is not None]
    if outcomes is None or len(tests) < len(rows) or not _numbers_where_needed(key, hit, outcomes, reader):
        return
    coverage = coverage_of(tests, partial(_range_of, reader))
    if _is_faulty(key, hit, rows, coverage, reader):
        return
    if hit in ("first", "only"):
        value = _first(tests, outcomes)
    elif hit == "lowest":
        value = _lowest(tests, outcomes)
    else:
        value = _sum(tests, outcomes)
    if max(abs(value.low), abs(value.high)) >= INT64_MAX // 2:
        reader.faults.add(key, f"the rows of `{key.text}` could add up to more than 64 bits", "write smaller amounts")
        return
    reader.keep(key.text, value)


def _condition(row: Row, scope: Scope, reader: Reader) -> ex.Expr | None:
    if row.when is None:
        return ex.Literal(1, ex.FLAG)
    node, tree = row.when
    part = reader.checked(node, lambda: Checked(check_condition(tree, scope)))
    return part.expr if part else None


def _outcomes(key: Scalar, rows: list[Row], scope: Scope, reader: Reader) -> list[Checked] | None:
    """What comes of each row, all in one unit; words are those of the table, in the order of the file."""
    parts = [reader.checked(node, partial(check, tree, scope)) for node, tree in (row.outcome for row in rows)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    words = tuple(dict.fromkeys(part.text for part in known if part.loose == "text"))
    model = next((part for part in known if part.loose is None), known[0])
    choices = words if model.loose == "text" else model.choices
    unit = ex.CATEGORY if model.loose == "text" else model.unit
    same: list[Checked] = []
    for row, part in zip(rows, known, strict=True):
        node, tree = row.outcome
        settled = reader.checked(node, partial(_settled, tree, part, unit, choices))
        if settled is None:
            return None
        if same and settled.unit != same[0].unit:
            units = f"{UNIT_WORDS[same[0].unit]} and {UNIT_WORDS[settled.unit]}"
            reader.faults.add(node, f"the rows of `{key.text}` are {units}", "all rows need one unit")
            return None
        same.append(settled)
    return same


def _settled(tree: Branch, part: Checked, unit: ex.Unit | Loose, choices: tuple[str, ...]) -> Checked:
    return with_own_unit(tree, coerce(tree, part, unit, choices))


def _numbers_where_needed(key: Scalar, hit: Hit, outcomes: list[Checked], reader: Reader) -> bool:
    if hit not in ("lowest", "sum") or outcomes[0].unit in NUMERIC:
        return True
    message = f"`{key.text}` has {UNIT_WORDS[outcomes[0].unit]} in its rows, and `{hit}` needs numbers"
    reader.faults.add(key, message, "write `hit: first`")
    return False


def _first(tests: Sequence[ex.Expr], outcomes: Sequence[Checked]) -> Checked:
    """The outcome of the first row that holds. Some row always does, so the last needs no test."""
    expr = outcomes[-1].expr
    for test, outcome in reversed(list(zip(tests[:-1], outcomes[:-1], strict=True))):
        expr = ex.If(test, outcome.expr, expr)
    low, high = min(one.low for one in outcomes), max(one.high for one in outcomes)
    return Checked(expr, low, high, any(one.missing for one in outcomes))


def _lowest(tests: Sequence[ex.Expr], outcomes: Sequence[Checked]) -> Checked:
    """The lowest outcome of the rows that hold: each is set beside that of the row that always holds."""
    place = next(number for number, test in enumerate(tests) if test == ex.Literal(1, ex.FLAG))
    always = outcomes[place]
    parts = [
        ex.If(test, outcome.expr, always.expr)
        for number, (test, outcome) in enumerate(zip(tests, outcomes, strict=True))
        if number != place
    ]
    unit = always.expr.unit
    expr = always.expr
    for begin in range(0, len(parts), COMPARED_AT_ONCE):
        expr = ex.Call("smallest", (expr, *parts[begin : begin + COMPARED_AT_ONCE]), unit)
    low, high = min(one.low for one in outcomes), min(always.high, max(one.high for one in outcomes))
    return Checked(expr, low, high, any(one.missing for one in outcomes))


def _sum(tests: Sequence[ex.Expr], outcomes: Sequence[Checked]) -> Checked:
    """The outcomes of all rows that hold, added up; 0 where none does."""
    nothing = ex.Literal(0, outcomes[0].expr.unit)
    parts = [ex.If(test, one.expr, nothing) for test, one in zip(tests, outcomes, strict=True)]
    expr: ex.Expr = parts[0]
    for part in parts[1:]:
        expr = ex.Arithmetic("+", expr, part)
    low, high = sum(min(one.low, 0) for one in outcomes), sum(max(one.high, 0) for one in outcomes)
    return Checked(expr, low, high, any(one.missing for one in outcomes))


# ------------------------------------------------------------------ gaps and overlaps


def _range_of(reader: Reader, atom: ex.Expr) -> Range:
    if isinstance(atom, ex.Ref) and atom.name in reader.checked_features:
        part = reader.checked_features[atom.name]
        high = len(part.choices) - 1 if part.choices else part.high
        return Range(part.low, high, part.missing)
    return Range(-SCORE_MAX, SCORE_MAX) if isinstance(atom, ex.ScoreRef) else Range(-MONEY_MAX, MONEY_MAX)


def _is_faulty(key: Scalar, hit: Hit, rows: list[Row], coverage: Coverage, reader: Reader) -> bool:
    """Note what no row is for, and rows that cannot count."""
    faults, before = reader.faults, len(reader.faults.collected)
    always = [number for number, row in enumerate(rows) if row.when is None]
    name, last = key.text, "add a last row without `when`"
    if hit == "lowest" and not always:
        faults.add(key, f"`{name}` has no row that always holds, so its lowest may be of none", last)
    elif hit in ("first", "only") and coverage.gap is not None:
        faults.add(key, f"`{name}` has no row for a case like {_shown(coverage.gap, reader)}", last)
    elif hit in ("first", "only") and not coverage.complete and not always:
        faults.add(key, f"`{name}` has too many cases to see whether its rows cover them all", last)
    if hit == "first":
        for number in always[:1]:
            if number < len(rows) - 1:
                message = f"no case reaches this row of `{name}`"
                faults.add(rows[number + 1].node, message, "put the row without `when` last")
                return True
        for number in coverage.unreached:
            message = f"no case reaches this row of `{name}`: wherever it holds, a row before it does"
            faults.add(rows[number].node, message, "remove it, or put it before them")
    for one, other in coverage.overlaps if hit == "only" else ():
        message = f"this row of `{name}` and that in line {rows[one].node.place()[0]} can both hold"
        faults.add(rows[other].node, message, "draw them apart, or write `hit: first`")
    return len(faults.collected) > before


def _shown(cell: TableCase, reader: Reader) -> str:
    """A case in words: `score` 560, `channel` "app", `income` missing."""
    cases = []
    for atom, value in cell.items():
        if not isinstance(atom, ex.Ref | ex.ScoreRef):
            continue
        cases.append(f"`{atom.name}` {'missing' if value == MISSING else _written(value, atom, reader)}")
    return ", ".join(cases) or "some cases"


def _written(value: int, atom: ex.Ref | ex.ScoreRef, reader: Reader) -> str:
    match atom.unit:
        case "money":
            return f"{Decimal(value).scaleb(-reader.exponent)} {reader.currency}"
        case "share":
            return f"{Decimal(value) / 100}%"
        case "pd":
            return f"{Decimal(value) / 10_000}%"
        case "category" if value < len(atom.choices):
            return f'"{atom.choices[value]}"'
        case "flag":
            return "true" if value else "false"
    return str(value)
