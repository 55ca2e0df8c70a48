"""Raw rows become events as a mapping says: cells are cleaned, read in the file's notation, and fill the templates.

A row is taken whole or not at all: where one of its events is rejected, so are the others, since the mended row will
bring all of them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

import numpy as np
import pyarrow as pa

from linekeeper.connect.mapping import ColumnMapping, EventTemplate
from linekeeper.connect.notation import Notation, plain_number
from linekeeper.connect.raw_rows import RawBlock, UnreadableCell
from linekeeper.connect.row_expressions import (
    Cells,
    RowExpression,
    cell_flag,
    cell_moment,
    cell_number,
    cell_text,
    column_expression,
    constant_expression,
    each_once,
    read_as,
)
from linekeeper.connect.validation import Validator
from linekeeper.connect.values import FLAGS, named_value
from linekeeper.core.errors import FileError
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Rejection

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy

Target = OneOf["money", "number", "share", "flag", "date", "instant", "text"]  # what a field of an event is to hold
_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Events as columns of text in Linekeeper's own notation, the line of each, and the rows that gave none."""

    tables: list[tuple[pa.Table, np.ndarray]]
    rejected: list[Rejection]
    skipped: int


class Preparation:
    """What one mapping makes of the rows of one file. `names`: the file's columns, None where each row has its own."""

    def __init__(self, policy: Policy, mapping: ColumnMapping, names: Sequence[str] | None, place: str) -> None:
        self.mapping = mapping
        self.place = place
        self.notation = mapping.notation or Notation()
        self.targets = _targets(policy)
        # Without `events` each column is the field of its name.
        self.templates = mapping.events or (_template_of(mapping, names, self.targets, place),)
        expressions = [expression for template in self.templates for expression in template.fields.values()]
        expressions += [each for each in (mapping.skip, *(t.when for t in self.templates)) if each]
        self.columns = tuple(dict.fromkeys(name for each in expressions for name in each.columns))
        self.sources = {mapping.name_of(name): name for name in names} if names is not None else None
        self._check(policy)

    def _check(self, policy: Policy) -> None:
        """Raises FileError where the mapping names columns, kinds or fields that are not there, all of them at once."""
        fields = {kind.name: {field.name for field in kind.fields} | set(kind.text) for kind in policy.kinds}
        faults = []
        for template in self.mapping.events:
            if template.kind not in fields:
                faults.append(f"kind `{template.kind[:40]}`")
                continue
            allowed = fields[template.kind] | {*EVENT_HEAD, ARRIVED}
            faults += [f"field `{name}` of `{template.kind}`" for name in template.fields if name not in allowed]
        if faults:
            raise FileError(
                f"the mapping makes events that the policy has not: {', '.join(faults)}",
                code="mapping-not-usable",
                way_out="name kinds and fields as the policy does",
                place=self.place,
            )
        money = any(
            self.targets.get((each.kind, name)) == "money" for each in self.mapping.events for name in each.fields
        )
        if money and self.mapping.major is None:
            raise FileError(
                "the mapping makes events with money and does not say how it is written",
                code="mapping-not-usable",
                way_out="say `money: major` where 12.50 is twelve and a half, else `money: minor`",
                place=self.place,
            )
        absent = [] if self.sources is None else [name for name in self.columns if name not in self.sources]
        if absent:
            raise FileError(
                f"`{self.place}` has no column {', '.join(f'`{name}`' for name in absent)}, which the mapping reads",
                code="column-missing",
                way_out=f"it has {', '.join(f'`{str(name)[:40]}`' for name in list(self.sources or ())[:40])}",
                place=self.place,
                details={"columns": absent},
            )

    def prepare(self, block: RawBlock, place: str) -> PreparedRows:
        """The block's rows as events. `place`: what a place in the file is called, `line` or `row`."""
        reasons: dict[int, str] = {}  # by row of the block
        if self.sources is None:
            block = self._renamed(block, reasons)
        cells = Cells(self._cells(block), self.notation, block.lines.tolist(), self.place)
        skipped = self._conditions(self.mapping.skip, cells, reasons, False)
        given = np.zeros(len(block.lines), dtype=bool)
        tables = []
        for template in self.templates:
            wanted = self._conditions(template.when, cells, reasons, True) & ~skipped
            given |= wanted
            these = np.flatnonzero(wanted)
            if len(these):
                tables.append((self._filled(template, _only(cells, these), these, reasons), block.lines[these]))
        for row in np.flatnonzero(~given & ~skipped):
            reasons.setdefault(int(row), "no event of the mapping fits the row; `skip` can say which rows are none")
        for row in np.flatnonzero(skipped):
            reasons.pop(int(row), None)  # what the mapping says is no row need not be readable as one
        rejected = [Rejection(f"{place} {block.lines[row]}", reason) for row, reason in sorted(reasons.items())]
        bad = block.lines[sorted(reasons)] if reasons else block.lines[:0]
        kept = [(table.filter(~np.isin(lines, bad)), lines[~np.isin(lines, bad)]) for table, lines in tables]
        return PreparedRows(kept, rejected, int(skipped.sum()))

    def _cells(self, block: RawBlock) -> dict[str, Sequence[Any]]:
        return {name: self._clean(name, block.cells((self.sources or {}).get(name, name))) for name in self.columns}

    def _renamed(self, block: RawBlock, reasons: dict[int, str]) -> RawBlock:
        """Rows that have names of their own, in the mapping's names.

        Noted in `reasons`: rows that give a name twice and, without `events`, a name that no kind of the policy has.
        """
        known = {*self.columns, *self.mapping.constant}
        renamed = []
        for place, row in enumerate(block.rows or []):
            cells: dict[str, Any] = {}
            for key, value in flattened(row):
                name = self.mapping.name_of(key)
                if name is None:
                    continue
                if name in cells:
                    reasons.setdefault(place, f"the row gives `{ascii(name)[1:-1][:60]}` twice")
                elif not self.mapping.events and name not in known and value is not None:
                    reasons.setdefault(place, f"no kind of the policy has a field `{ascii(name)[1:-1][:60]}`")
                cells[name] = value
            renamed.append(cells)
        return RawBlock(block.lines, rows=renamed)

    def _clean(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        mapping, words = self.mapping, self.mapping.values.get(name, {})
        if mapping.trim:
            values = [(value.strip() or None) if isinstance(value, str) else value for value in values]
        if mapping.missing:
            values = [None if isinstance(value, str) and value in mapping.missing else value for value in values]
        if words:
            keys = [cell_text(value, self.notation, name) for value in values]
            pairs = zip(keys, values, strict=True)
            values = [words.get(key, value) if isinstance(key, str) else value for key, value in pairs]
        return values

    def _conditions(
        self, condition: RowExpression | None, cells: Cells, reasons: dict[int, str], otherwise: bool
    ) -> np.ndarray:
        """For each row whether the condition holds; one that cannot be told has its reason noted, and does not hold."""
        if condition is None:
            return np.full(len(cells.lines), otherwise)
        flags = read_as("flag", condition.values, "the condition")(cells)
        for row, flag in enumerate(flags):
            if isinstance(flag, UnreadableCell):
                reasons.setdefault(row, flag.reason)
        return np.array([flag is True for flag in flags], dtype=bool)

    def _filled(self, template: EventTemplate, cells: Cells, these: np.ndarray, reasons: dict[int, str]) -> pa.Table:
        """The events of some rows. A field that cannot be read is noted in `reasons`, by its row in the block."""
        columns: dict[str, Sequence[str | None]] = {"kind": [template.kind] * len(these)} if template.kind else {}
        for name, expression in template.fields.items():
            called = expression.columns[0] if expression.form == "raw" and len(expression.columns) == 1 else name
            target = self.targets.get((template.kind, name), "text")
            values = expression.values(cells)
            if target == "text" and all(type(value) is str for value in values) and _is_whole("".join(values)):
                columns[name] = values  # most ids and accounts, which are as many as rows
                continue
            written = each_once(values, partial(self._written, target=target, name=called))
            for row, value in zip(these.tolist(), written, strict=True):
                if isinstance(value, UnreadableCell):
                    reasons.setdefault(row, value.reason)
            columns[name] = [None if isinstance(value, UnreadableCell) else value for value in written]
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})

    def _written(self, value: Any, target: Target, name: str) -> str | UnreadableCell | None:
        """A value in Linekeeper's own notation, as text."""
        if value is None or isinstance(value, UnreadableCell):
            return value
        if isinstance(value, str) and not _is_whole(value):
            return UnreadableCell(f"{named_value(name, value)}, with half a character in it")
        match target:
            case "text":
                return cell_text(value, self.notation, name)
            case "flag":
                return self._flag(value, name)
            case "date" | "instant":
                return self._time(value, target, name)
            case _:
                return self._number(value, target, name)

    def _number(self, value: Any, target: Target, name: str) -> str | UnreadableCell:
        marked = self.notation.decimal is not None
        share = target == "share" and marked and isinstance(value, str) and value.endswith("%")
        number = cell_number(value[:-1].strip() if share else value, self.notation, name)
        if not isinstance(number, Decimal):
            return number or UnreadableCell(f"{named_value(name, value)}, which is not a number")
        if target == "money" and isinstance(value, str) and not marked:
            # Validation has to see how many decimals there are, or whether there is a mark at all.
            return value if self.mapping.major is None else format(number, "f")
        # Where the mark is named, zeros at the end say nothing: `41.670000` is 41.67.
        return plain_number((number * 100 if share else number).normalize())

    def _flag(self, value: Any, name: str) -> str | UnreadableCell:
        if isinstance(value, str) and value not in FLAGS:
            return value  # `1.0`, which validation takes, or a word, which it refuses
        flag = cell_flag(value, self.notation, name)
        return flag if isinstance(flag, UnreadableCell) else "true" if flag else "false"

    def _time(self, value: Any, target: Target, name: str) -> str | UnreadableCell:
        if not self.notation.dates and not isinstance(value, date | list | bool):
            number = plain_number(value) if isinstance(value, int | float | Decimal) else value
            if isinstance(number, str) and number.isascii() and number.isdigit():
                return number  # days or milliseconds since 1970, Linekeeper's own way
        moment = cell_moment(value, self.notation, name)
        if not isinstance(moment, date):
            return moment or UnreadableCell(f"{named_value(name, value)}, which is no day or time")
        if target == "date":
            return self.notation.day(moment).isoformat()
        answer = self.notation.milliseconds(moment)
        return (
            str(answer) if isinstance(answer, int) else UnreadableCell(f"{named_value(name, value)}, which is {answer}")
        )


def _is_whole(text: str) -> bool:
    """Whether the text can be written as UTF-8: JSON can name half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _only(cells: Cells, these: np.ndarray) -> Cells:
    if len(these) == len(cells.lines):
        return cells
    rows = these.tolist()
    columns = {name: [values[row] for row in rows] for name, values in cells.columns.items()}
    return Cells(columns, cells.notation, [cells.lines[row] for row in rows], cells.file)


def _targets(policy: Policy) -> dict[tuple[str, str], Target]:
    """By kind and field what it holds; under the kind "", what it holds in any kind."""
    targets: dict[tuple[str, str], Target] = {}
    for kind in policy.kinds:
        for field in kind.fields:
            unit = field.unit
            target: Target = "date" if field.is_date else "text" if unit in ("category", "text") else "number"
            if unit in ("money", "share", "flag"):
                target = unit
            targets[kind.name, field.name] = target
            known = targets.setdefault(("", field.name), target)
            if known != target:
                targets["", field.name] = "money" if "money" in (known, target) else "number"
    instants = [(kind, name) for kind in ("", *(kind.name for kind in policy.kinds)) for name in ("at", ARRIVED)]
    targets |= dict.fromkeys(instants, "instant")
    return targets


def _template_of(
    mapping: ColumnMapping, names: Sequence[str] | None, targets: Mapping[tuple[str, str], Target], place: str
) -> EventTemplate:
    """The template of a mapping that only names columns: each is the field of its name, and the kind is one of them."""
    known = [name for kind, name in targets if not kind]
    if names is None:
        names = [*EVENT_HEAD, *known, *mapping.constant]
        fields = [*dict.fromkeys(name for name in names if name not in mapping.constant)]
    else:
        fields = [name for name in mapping.names_of(names, place) if name is not None]
    constants = {name: constant_expression(str(value)) for name, value in mapping.constant.items()}
    return EventTemplate("", {name: column_expression(name) for name in fields} | constants)


def flattened(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """An object in an object as cells whose names are joined by a full stop.

    >>> list(flattened({"id": 1, "customer": {"id": "A", "zip": None}}))
    [('id', 1), ('customer.id', 'A'), ('customer.zip', None)]
    """
    for key, value in row.items():
        if isinstance(value, dict) and depth < _DEPTH_MAX:
            yield from flattened(value, f"{prefix}{key}.", depth + 1)
        else:
            yield prefix + key, value


def admitted_rows(
    validator: Validator, prepared: PreparedRows, place: str
) -> tuple[pa.Table, np.ndarray, list[Rejection]]:
    """The events that the policy admits, in the order of the file; a row is taken whole or not at all."""
    tables, places, rejected = [validator.schema.empty_table()], [np.empty(0, np.int64)], list(prepared.rejected)
    for table, lines in prepared.tables:
        admitted, kept, refused = validator.admit_many(table, lines, place)
        tables.append(admitted)
        places.append(kept)
        rejected += refused
    events, lines = pa.concat_tables(tables), np.concatenate(places)
    bad = {int(row.place.rpartition(" ")[2]) for row in rejected}
    order = np.argsort(lines, kind="stable")
    if bad:
        order = order[~np.isin(lines[order], list(bad))]
        rejected = list({row.place: row for row in reversed(rejected)}.values())[::-1]  # the first reason of each row
    return events.take(order), lines[order], rejected
