"""The mapping of one source says how its files are laid out and written, and which events their rows are.

A mapping is a small YAML or JSON file. The simplest one names columns:

    columns: {customer: account, booked_at: at, type: kind}   # the file's name: the policy's name
    constant: {kind: repay}                                    # what the file does not say
    ignore: [branch, clerk]                                    # columns to leave out
    money: major                                               # 12.50 means twelve and a half; else minor

The page on mapping files lists all keys; `mapping_file` reads them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from linekeeper.connect.layout import FileLayout
from linekeeper.connect.notation import Notation
from linekeeper.connect.row_expressions import RowExpression
from linekeeper.core.errors import FileError, UsageError
from linekeeper.engine.contract import Contract


@dataclass(frozen=True, slots=True)
class EventTemplate:
    """One event that a row may be: its kind, when it is one, and each of its fields as an expression."""

    kind: str
    fields: Mapping[str, RowExpression]
    when: RowExpression | None = None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """`rename`: the file's name -> the name from there on, which is the policy's unless `events` says what rows are.

    `constant`: the same value in every row. `major`: None where the mapping does not say how money is written.
    `named`: columns that a person named for these very files, so that it is a mistake if none has them.
    `notation`: None where text is written as Linekeeper itself writes it. `values`: by column, what a word stands for.
    `source`: which source the files are of, None where the mapping does not say it. `makes_ids`: the files have no ids,
    and each event gets one that is made of what it says (see `made_ids`). `contract`: what each batch of files has to
    keep (see `contract_file`).
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    constant: Mapping[str, str | int] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    major: bool | None = None
    layout: FileLayout = field(default_factory=FileLayout)
    notation: Notation | None = None
    values: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    trim: bool = False
    skip: RowExpression | None = None
    named: frozenset[str] = frozenset()
    events: tuple[EventTemplate, ...] = ()
    source: str | None = None
    makes_ids: bool = False
    contract: Contract | None = None

    @property
    def renames(self) -> bool:
        """Whether it changes the names of columns or adds any."""
        return bool(self.rename or self.constant or self.ignore)

    @property
    def only_names(self) -> bool:
        """Whether it does no more than name columns, so that cells stay as they are."""
        asked = self.notation, self.values, self.missing, self.trim, self.skip, self.events
        return not any(asked)

    def name_of(self, column: str) -> str | None:
        """What a column of the file is called from here on; None where it is ignored.

        >>> columns = ColumnMapping(rename={"customer": "account"}, ignore=frozenset({"branch"}))
        >>> columns.name_of("customer"), columns.name_of("at"), columns.name_of("branch")
        ('account', 'at', None)
        """
        return None if column in self.ignore else self.rename.get(column, column)

    def names_of(self, header: Iterable[str], place: str) -> list[str | None]:
        """The header in the names from here on. Raises FileError where two columns would share one."""
        names = [self.name_of(column) for column in header]
        seen: set[str] = set() if self.events else set(self.constant)
        for name in names:
            if name is not None and name in seen:
                raise FileError(
                    f"`{place}` gives `{ascii(name)[1:-1][:60]}` twice",
                    code="mapping-not-usable",
                    way_out="ignore or rename one of the columns",
                    place=place,
                )
            if name is not None:
                seen.add(name)
        return names


def demand_named_columns(named: Iterable[str], header: Sequence[str], place: str) -> None:
    """Raises FileError where a column that a person named is not among those of the header."""
    for column in sorted(set(named) - set(header)):
        near = difflib.get_close_matches(column, header, n=1)
        shown = ", ".join(f"`{name[:40]}`" for name in header[:12])
        raise FileError(
            f"`{place}` has no column `{column[:40]}` to map or to ignore",
            code="column-missing",
            way_out=f"did you mean `{near[0][:40]}`?" if near else f"it has {shown}" if shown else "check its name",
            place=place,
            details={"column": column},
        )


def with_options(columns: ColumnMapping, options: Iterable[str]) -> ColumnMapping:
    """The mapping with `old=new` options added; `old=` ignores a column.

    >>> with_options(ColumnMapping(), ["ts=at", "branch="]).name_of("ts")
    'at'
    """
    options, rename, ignore = list(options), dict(columns.rename), set(columns.ignore)
    for option in options:
        old, equals, new = option.partition("=")
        if not equals or not old:
            raise UsageError(
                f"`{option}` is no mapping",
                code="map-option-not-readable",
                way_out="write `old=new`, or `old=` to ignore a column",
                details={"given": option},
            )
        if new:
            rename[old] = new
        else:
            ignore.add(old)
    named = columns.named | {option.partition("=")[0] for option in options}
    return replace(columns, rename=rename, ignore=frozenset(ignore), named=named)
