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
from linekeeper.policy.source import Listing, Node, Scalar, Table
from linekeeper.policy.splits import ArmChanges, ArmPlace, arm_test
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


@dataclass(frozen=True, slots=True)
class TableDraft:
    """A table as it was read: its key, its hit policy and its rows; that of an arm has the place of the arm."""

    key: Scalar
    hit: Hit
    rows: list[Row]
    place: ArmPlace | None


def declare_tables(node: Node | None, reader: Reader, files: PolicyParts, changes: ArmChanges) -> None:
    """The names of all tables, with what reads each."""
    section = reader.table(node, "`tables`") if node is not None else Table((), 0, 0)
    names = [key.text for key, _ in section.entries]
    for name, (_, where, _) in ((name, change) for name, noted in changes.tables.items() for change in noted):
        if name not in names:
            reader.faults.unknown(where, "the table", name, names)
    if len(section.entries) > DECISION_TABLES_MAX:
        reader.faults.add(
            section, f"there are {len(section.entries)} tables, at most {DECISION_TABLES_MAX} are possible"
        )
        return
    for key, value in section.entries:
        if not reader.declare(key, "table"):
            continue
        reader.declared = (*reader.declared, key.text)
        drafts = [_draft(key, value, None, reader, files)]
        drafts += [_draft(where, one, place, reader, files) for place, where, one in changes.tables.get(key.text, [])]
        whole = [draft for draft in drafts if draft is not None]
        if len(whole) < len(drafts):
            continue
        parts = [part for draft in whole for row in draft.rows for part in (row.when, row.outcome) if part is not None]
        one = reader.names[key.text]
        one.trees, one.read = tuple(tree for _, tree in parts), partial(_read_table, whole, reader)


def _draft(key: Scalar, node: Node, place: ArmPlace | None, reader: Reader, files: PolicyParts) -> TableDraft | None:
    """One table, of the policy or of an arm, as it was read; None where it has a fault."""
    table = reader.table(node, f"the table `{key.text}`")
    reader.only(table, TABLE_KEYS)
    hit, listed, csv = _hit(key, table.get("hit"), reader), table.get("rows"), table.get("csv")
    if csv is not None and listed is not None:
        reader.faults.add(csv, f"the table `{key.text}` has `rows` too", "write one of the two")
    if csv is not None:
        listed = rows_of_csv(csv, files)
    rows = _rows(key, listed, reader) if csv is None or listed is not None else None
    return None if rows is None or hit is None else TableDraft(key, hit, rows, place)


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


def _read_table(drafts: list[TableDraft], reader: Reader) -> None:
    """The value of a table, as a feature of its name: in an arm that has its own, of that."""
    key = drafts[0].key
    values = [_value_of(key.text, draft, reader) for draft in drafts]
    value = values[0]
    if value is None or None in values:
        return
    for draft, own in zip(drafts[1:], values[1:], strict=True):
        assert draft.place is not None
        assert own is not None
        if (own.unit, own.choices) != (value.unit, value.choices):
            message = f"the table `{key.text}` of this arm is of another unit, or has other words"
            reader.faults.add(draft.key, message, "let all its tables come to the same")
            return
        test = arm_test(reader.splits[draft.place.split], draft.place.arm)
        low, high = min(value.low, own.low), max(value.high, own.high)
        value = Checked(ex.If(test, own.expr, value.expr), low, high, own.missing or value.missing)
    reader.keep(key.text, value)


def _value_of(name: str, draft: TableDraft, reader: Reader) -> Checked | None:
    """What one table comes to; None where it has a fault, which is noted."""
    key, hit, rows = draft.key, draft.hit, draft.rows
    scope = reader.scope(scores=name in reader.later)
    outcomes = _outcomes(key, rows, scope, reader)
    conditions = [_condition(row, scope, reader) for row in rows]
    tests = [test for test in conditions if test is not None]
    if outcomes is None or len(tests) < len(rows) or not _numbers_where_needed(key, hit, outcomes, reader):
        return None
    coverage = coverage_of(tests, partial(_range_of, reader))
    if _is_faulty(key, hit, rows, coverage, reader):
        return None
    if hit in ("first", "only"):
        value = _first(tests, outcomes)
    elif hit == "lowest":
        value = _lowest(tests, outcomes)
    else:
        value = _sum(tests, outcomes)
    if max(abs(value.low), abs(value.high)) >= INT64_MAX // 2:
        reader.faults.add(key, f"the rows of `{key.text}` could add up to more than 64 bits", "write smaller amounts")
        return None
    return value


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
