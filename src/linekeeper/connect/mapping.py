"""The mapping of one source says how the columns of its files are named and written.

A mapping is a small YAML or JSON file:

    columns: {customer: account, booked_at: at, type: kind}   # the file's name: the policy's name
    constant: {kind: repay}                                    # what the file does not say
    ignore: [branch, clerk]                                    # columns to leave out
    money: major                                               # 12.50 means twelve and a half; default minor
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from linekeeper.core.errors import FileError, UsageError

MAPPING_KEYS = ("columns", "constant", "ignore", "money")
MAPPING_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """`rename`: the file's name -> the policy's; `constant`: the same value in every row."""

    rename: Mapping[str, str] = field(default_factory=dict)
    constant: Mapping[str, str | int] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    major: bool = False

    def name_of(self, column: str) -> str | None:
        """What the policy calls a column of the file; None where it is ignored.

        >>> columns = ColumnMapping(rename={"customer": "account"}, ignore=frozenset({"branch"}))
        >>> columns.name_of("customer"), columns.name_of("at"), columns.name_of("branch")
        ('account', 'at', None)
        """
        return None if column in self.ignore else self.rename.get(column, column)

    def names_of(self, header: Iterable[str], place: str) -> list[str | None]:
        """The header in the policy's names. Raises FileError where two columns would share one."""
        names = [self.name_of(column) for column in header]
        seen: set[str] = set(self.constant)
        for name in names:
            if name is not None and name in seen:
                raise FileError(
                    f"`{place}` gives `{name}` twice",
                    code="mapping-not-usable",
                    way_out="ignore or rename one of the columns",
                    place=place,
                )
            if name is not None:
                seen.add(name)
        return names


def load_columns(path: Path) -> ColumnMapping:
    """Read a mapping file; FileError names what is wrong with it."""

    try:
        if path.stat().st_size > MAPPING_BYTES_MAX:
            raise FileError(
                f"`{path}` is larger than a mapping can be ({MAPPING_BYTES_MAX} bytes)",
                code="mapping-not-usable",
                place=str(path),
            )
        tree = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"the mapping `{path}` cannot be read: {str(error.strerror).lower()}",
            code="file-not-readable",
            place=str(path),
        ) from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise FileError(
            f"`{path}` is not YAML or JSON: {' '.join(str(error).split())}", code="mapping-not-usable", place=str(path)
        ) from None
    return columns_of(tree, str(path))


def columns_of(tree: Any, place: str) -> ColumnMapping:
    """A mapping from its YAML or JSON tree.

    >>> columns_of({"columns": {"ts": "at"}, "money": "major"}, "m.yaml").major
    True
    """
    if not isinstance(tree, dict) or not set(tree) <= set(MAPPING_KEYS):
        raise FileError(
            f"`{place}` may hold these keys and no others: {', '.join(f'`{key}`' for key in MAPPING_KEYS)}",
            code="mapping-not-usable",
            place=place,
        )
    rename, constant = tree.get("columns", {}), tree.get("constant", {})
    ignore, money = tree.get("ignore", []), tree.get("money", "minor")
    if not _is_words(rename) or not all(isinstance(name, str) for name in rename.values()):
        raise FileError(
            f"`columns` of `{place}` maps the file's names to the policy's, as `booked_at: at`",
            code="mapping-not-usable",
            place=place,
        )
    if not _is_words(constant) or not all(type(value) in (str, int) for value in constant.values()):
        raise FileError(
            f"`constant` of `{place}` gives names a word or a whole number, as `kind: repay`",
            code="mapping-not-usable",
            place=place,
        )
    if not isinstance(ignore, list) or not all(isinstance(name, str) for name in ignore):
        raise FileError(f"`ignore` of `{place}` is a list of column names", code="mapping-not-usable", place=place)
    if money not in ("minor", "major"):
        raise FileError(f"`money` of `{place}` is `minor` or `major`", code="mapping-not-usable", place=place)
    return ColumnMapping(rename, constant, frozenset(ignore), money == "major")


def _is_words(tree: Any) -> bool:
    return isinstance(tree, dict) and all(isinstance(key, str) for key in tree)


def with_options(columns: ColumnMapping, options: Iterable[str]) -> ColumnMapping:
    """The mapping with `old=new` options added; `old=` ignores a column.

    >>> with_options(ColumnMapping(), ["ts=at", "branch="]).name_of("ts")
    'at'
    """
    rename, ignore = dict(columns.rename), set(columns.ignore)
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
    return replace(columns, rename=rename, ignore=frozenset(ignore))
