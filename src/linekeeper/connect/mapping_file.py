"""A mapping file is read. It is trusted less than code, and refused as a whole where anything in it is wrong."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from linekeeper.connect.contract_file import contract_of
from linekeeper.connect.layout import ENCODINGS, FILE_FORMATS, FileLayout
from linekeeper.connect.mapping import ColumnMapping, EventTemplate
from linekeeper.connect.notation import FORMATS_MAX, DateFormat, FormatError, Notation
from linekeeper.connect.row_expressions import RowExpression, compile_expression, constant_expression
from linekeeper.core.errors import FileError
from linekeeper.core.event import is_source_name
from linekeeper.engine.contract import Contract
from linekeeper.policy.syntax import Misread
from linekeeper.texts.yaml_files import YamlFault, read_yaml_tree

MAPPING_KEYS = (
    "source", "ids", "format", "encoding", "delimiter", "quote", "header", "sheet", "fields", "count", "skip_lines",
    "decimal", "thousands", "symbols", "dates", "zone", "money", "trim", "missing",
    "columns", "constant", "ignore", "values", "skip", "events", "contract",
)  # fmt: skip
MAPPING_BYTES_MAX = 65_536
EVENTS_MAX = 50
FIELD_END_MAX = 65_536
ANY_ID = "made"  # stands for the ids of files that have none, until they are made
YES = {True: True, False: False, "yes": True, "no": False}
NOTATION_KEYS = ("decimal", "thousands", "symbols", "dates", "zone")

_Tree = dict[str, Any]


def load_columns(path: Path) -> ColumnMapping:
    """Read a mapping file; FileError names what is wrong with it."""
    try:
        tree = read_yaml_tree(path, MAPPING_BYTES_MAX)
    except YamlFault as fault:
        raise _fault(
            str(path),
            f"is not YAML or JSON: {fault}",
            "put a value that begins with a quote, a bracket or `%` into quotes as a whole",
        ) from None
    return columns_of(tree, str(path))


def columns_of(tree: Any, place: str) -> ColumnMapping:
    """A mapping from its YAML or JSON tree.

    >>> columns_of({"columns": {"ts": "at"}, "money": "major"}, "m.yaml").major
    True
    """
    if not isinstance(tree, dict) or not set(tree) <= set(MAPPING_KEYS):
        strangers = ", ".join(f"`{str(key)[:40]}`" for key in tree if key not in MAPPING_KEYS) if tree else ""
        raise FileError(
            f"`{place}` may hold these keys and no others: {', '.join(f'`{key}`' for key in MAPPING_KEYS)}",
            code="mapping-not-usable",
            way_out=f"take out {strangers}" if isinstance(tree, dict) and strangers else "write `key: value` lines",
            place=place,
        )
    take = _Taker(tree, place)
    constant = take("constant", _is_constant, {}, "gives names a word or a whole number, as `kind: repay`")
    events = tuple(_template(each, number, take) for number, each in enumerate(_event_trees(take), 1))
    if "decimal" in tree and "money" not in tree:
        raise take.fault("decimal", "needs `money` beside it: `major` where 12.50 is twelve and a half, else `minor`")
    makes_ids = take("ids", lambda value: value == "made", None, "is `made`, where the files have no ids") is not None
    if makes_ids:
        events = tuple(_without_id(each, take) for each in events)
        if "id" in constant:
            raise take.fault("ids", "says that ids are made, and `constant` has an `id`", "leave one of them out")
        constant = constant if events else {**constant, "id": ANY_ID}
    if events and constant:
        raise take.fault("constant", "has no place beside `events`, whose fields can be words in quotes")
    return ColumnMapping(
        rename=take("columns", _is_renaming, {}, "maps the file's names to the policy's, as `booked_at: at`"),
        constant=constant,
        ignore=frozenset(take("ignore", _is_texts, [], "is a list of column names")),
        major={"minor": False, "major": True, None: None}[
            take("money", lambda value: value in ("minor", "major"), None, "is `minor` or `major`")
        ],
        layout=_layout(take),
        notation=_notation(take) if set(NOTATION_KEYS) & set(tree) else None,
        values=_values(take),
        missing=frozenset(take("missing", _is_texts, [], 'is a list of words that mean "absent"')),
        trim=take.yes("trim"),
        skip=_expression(tree["skip"], "skip", take) if "skip" in tree else None,
        events=events,
        source=take("source", _is_source, None, "is the name of the source that the files are of"),
        makes_ids=makes_ids,
        contract=contract_of(tree["contract"], place) if "contract" in tree else None,
    )


def _fault(place: str, what: str, way_out: str | None = None) -> FileError:
    return FileError(f"`{place}` {what}", code="mapping-not-usable", way_out=way_out, place=place)


class _Taker:
    """Takes values out of the tree, each checked."""

    def __init__(self, tree: _Tree, place: str) -> None:
        self.tree, self.place = tree, place

    def __call__(self, key: str, check: Callable[[Any], bool], default: Any, wanted: str) -> Any:
        if key not in self.tree:
            return default
        try:
            good = check(self.tree[key])
        except TypeError:  # a list asked for in a table of words
            good = False
        if not good:
            raise self.fault(key, wanted)
        return self.tree[key]

    def fault(self, key: str, wanted: str, way_out: str | None = None) -> FileError:
        return FileError(
            f"`{key}` of `{self.place}` {wanted}", code="mapping-not-usable", way_out=way_out, place=self.place
        )

    def yes(self, key: str) -> bool:
        return YES[self(key, lambda value: value in YES, False, "is `yes` or `no`")]


def _is_words(tree: Any) -> bool:
    return isinstance(tree, dict) and all(isinstance(key, str) for key in tree)


def _is_renaming(tree: Any) -> bool:
    return _is_words(tree) and all(isinstance(name, str) for name in tree.values())


def _is_constant(tree: Any) -> bool:
    return _is_words(tree) and all(type(value) in (str, int) for value in tree.values())


def _is_source(value: Any) -> bool:
    return isinstance(value, str) and is_source_name(value)


def _is_texts(tree: Any) -> bool:
    return isinstance(tree, list) and all(isinstance(name, str) for name in tree)


def _is_character(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isascii() and value not in "\r\n\0"


def load_contract(path: Path) -> Contract:
    """The `contract` of a mapping file, whatever else it holds. Raises FileError where it has none."""
    contract = load_columns(path).contract
    if contract is None:
        raise FileError(
            f"`{path}` has no `contract`",
            code="contract-missing",
            way_out="let one be proposed: `linekeeper contract propose`",
            place=str(path),
        )
    return contract


# ------------------------------------------------------------------ the file


def _layout(take: _Taker) -> FileLayout:
    fields = take("fields", _is_fields, {}, "gives names their first place and length, as `account: [1, 10]`")
    form = take("format", lambda value: value in FILE_FORMATS, None, f"is one of {', '.join(FILE_FORMATS)}")
    if (form == "fixed") != bool(fields):
        raise take.fault("fields" if fields else "format", "is for fixed width: `format: fixed` goes with `fields`")
    delimiter = take(
        "delimiter", lambda value: value == "tab" or _is_character(value), None, "is one character or `tab`"
    )
    quote = take("quote", lambda value: value == "none" or _is_character(value), '"', "is one character or `none`")
    header = take("header", _is_header, 1, "is the number of the header's line (from 1), or `none`")
    count = take("count", lambda value: value in ("characters", "bytes"), "characters", "is `characters` or `bytes`")
    return FileLayout(
        format=form,
        encoding=_encoding(take),
        delimiter="\t" if delimiter == "tab" else delimiter,
        quote=None if quote == "none" else quote,
        header=0 if header == "none" else header,
        sheet=take("sheet", lambda value: isinstance(value, str), None, "is the name of a sheet"),
        fields={name: (place[0], place[1] if len(place) > 1 else 0) for name, place in fields.items()},
        count_bytes=count == "bytes",
        skip_lines=tuple(take("skip_lines", _is_starts, [], "is a list of what lines begin with that are no rows")),
    )


def _is_starts(value: Any) -> bool:
    return _is_texts(value) and all(value)


def _is_header(value: Any) -> bool:
    return value == "none" or (type(value) is int and 1 <= value <= 1_000)


def _is_fields(tree: Any) -> bool:
    return (
        _is_words(tree)
        and 0 < len(tree) <= 1_000
        and all(isinstance(place, list) and len(place) in (1, 2) for place in tree.values())
        and all(type(each) is int and 0 < each <= FIELD_END_MAX for place in tree.values() for each in place)
    )


def _encoding(take: _Taker) -> str | None:
    named = take("encoding", lambda value: isinstance(value, str), None, "is the name of an encoding")
    if named is None:
        return None
    try:
        name = codecs.lookup(named).name.replace("iso8859-1", "latin-1")
    except (LookupError, ValueError):
        name = ""
    name = {"gbk": "gb18030", "gb2312": "gb18030", "utf-8-sig": "utf-8", "ascii": "utf-8"}.get(name, name)
    if name not in {*ENCODINGS, "utf-16-le", "utf-16-be"}:
        raise take.fault("encoding", f"is one of {', '.join(ENCODINGS)}")
    return name


# ------------------------------------------------------------------ how cells are written


def _notation(take: _Taker) -> Notation:
    decimal = take("decimal", lambda value: value in (".", ","), None, "is `.` or `,`")
    thousands = take("thousands", lambda value: value in tuple(".,' _"), None, "is one of `.`, `,`, `'`, `_`, ` `")
    if thousands and (decimal is None or thousands == decimal):
        raise take.fault("thousands", "needs another mark than `decimal`, which is to be named too")
    symbols = take("symbols", _is_symbols, [], "is a list of signs to take off amounts, as `[€, EUR]`")
    return Notation(decimal, thousands, tuple(symbols), _dates(take), _zone(take))


def _is_symbols(value: Any) -> bool:
    return _is_texts(value) and all(each and not set(each) & set("0123456789.,-+()'") for each in value)


def _dates(take: _Taker) -> tuple[DateFormat, ...]:
    formats = take(
        "dates", lambda value: isinstance(value, str) or _is_texts(value), [], "is a format or a list of them"
    )
    listed = [formats] if isinstance(formats, str) else formats
    if len(listed) > FORMATS_MAX:
        raise take.fault("dates", f"has more than {FORMATS_MAX} formats")
    try:
        return tuple(map(DateFormat, listed))
    except FormatError as bad:
        raise take.fault("dates", f"cannot be used: {bad}") from None


def _zone(take: _Taker) -> ZoneInfo | None:
    name = take("zone", lambda value: isinstance(value, str), None, "is the name of a time zone")
    try:
        return None if name is None else ZoneInfo(name or "-")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise take.fault("zone", f"is no time zone: `{name[:40]}`", "write it like `Asia/Shanghai`") from None


def _values(take: _Taker) -> dict[str, dict[str, str | None]]:
    given = take("values", _is_values, {}, "says by column what a word stands for, as `status: {OPEN: open, Y: true}`")
    return {name: {_word(old): _word(new) for old, new in words.items()} for name, words in given.items()}


def _is_values(tree: Any) -> bool:
    return _is_words(tree) and all(
        isinstance(words, dict) and all(isinstance(each, str | int | None) for pair in words.items() for each in pair)
        for words in tree.values()
    )


def _word(value: Any) -> Any:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else None if value is None else str(value)


# ------------------------------------------------------------------ events


def _event_trees(take: _Taker) -> list[_Tree]:
    trees: list[_Tree] = take("events", _is_events, [], "is a list of events, each with its `kind` and fields")
    return trees


def _is_events(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= EVENTS_MAX
        and all(_is_words(each) and isinstance(each.get("kind"), str) for each in value)
    )


def _template(tree: _Tree, number: int, take: _Taker) -> EventTemplate:
    name = f"event {number} (`{tree['kind'][:40]}`)"
    fields = {
        key: _expression(value, f"{key}` of {name}, `events", take)
        for key, value in tree.items()
        if key not in ("kind", "when")
    }
    when = _expression(tree["when"], f"when` of {name}, `events", take) if "when" in tree else None
    if "id" in fields and fields["id"].reads_file_name:
        raise take.fault(
            f"id` of {name}, `events",
            "names the file, so the same file under another name would count twice",
            "make it of columns, or leave it out and say `ids: made`",
        )
    return EventTemplate(tree["kind"], fields, when)


def _without_id(template: EventTemplate, take: _Taker) -> EventTemplate:
    """The template of a mapping whose ids are made, with an id that stands for any."""
    if "id" in template.fields:
        raise take.fault("ids", f"says that ids are made, and `{template.kind}` has an `id`", "leave one of them out")
    return EventTemplate(template.kind, {"id": constant_expression(ANY_ID), **template.fields}, template.when)


def _expression(value: Any, key: str, take: _Taker) -> RowExpression:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise take.fault(key, "is an expression over the columns of the file, as `paid - fee`")
    try:
        return compile_expression(str(value))
    except Misread as bad:
        raise take.fault(
            key,
            f"cannot be read: {bad.message}, at character {bad.offset + 1} of `{str(value)[:60]}`",
            bad.way_out or None,
        ) from None
