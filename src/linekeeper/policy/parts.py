"""Files beside a policy that belong to it: shared sections (`include`), and tables as CSV.

A store keeps a policy as one text. So the texts of its parts stand at its end, under the key `parts`, each with its
hash, and the hash of the policy covers them. A text that has the key is read without any other file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from linekeeper.core.errors import FileError, PolicyError
from linekeeper.policy.kinds import NAME
from linekeeper.policy.source import Faults, Listing, Node, Scalar, Table, quoted, read

ReadPart = Callable[[str], str]

SHARED = ("events", "features", "define", "segments", "params", "tables", "triggers", "authorise")
PART_KEYS = ("sha256", "text")
SHARED_PARTS_MAX = 20
_OPERATORS = ("<", ">", "=", "!", "in ")
_WHEN_EMPTY = ("", "-")


@dataclass
class PolicyParts:
    """The parts of one policy: those that its text has already, and those that are read from beside it."""

    faults: Faults
    read_part: ReadPart | None
    kept: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    def text_of(self, node: Node) -> str | None:
        """The text of the part that is named there; None, with a fault, where it cannot be read."""
        name = node.text if isinstance(node, Scalar) else ""
        if name in self.used:
            return self.used[name]
        if name in self.kept:
            self.used[name] = self.kept[name]
            return self.kept[name]
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or self.read_part is None:
            message = f"the part `{quoted(name)}` is not a file beside the policy"
            self.faults.add(node, message, "name one in its folder")
            return None
        try:
            text = self.read_part(name).replace("\r\n", "\n")
        except (FileError, PolicyError) as error:
            self.faults.add(node, f"the part `{quoted(name)}` cannot be read: {error}")
            return None
        text = text if text.endswith("\n") else text + "\n"
        odd = next((char for char in text if not (char.isprintable() or char in "\n\t")), None)
        if odd is not None:
            self.faults.add(node, f"the part `{quoted(name)}` holds the character U+{ord(odd):04X}", "remove it there")
            return None
        self.used[name] = text
        return text

    def written_after(self, text: str) -> str:
        """The policy's text with its parts after it; as it is where it has none, or has them already."""
        if not self.used or self.kept:
            return text
        lines = ["parts:"]
        for name, part in self.used.items():
            lines += [f"  {_key(name)}:", f"    sha256: {digest_of_part(part)}", "    text: |2+"]
            lines += [f"      {line}" if line else "" for line in part.split("\n")[:-1]]
        return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def digest_of_part(text: str) -> str:
    """SHA-256 of a part, whose lines end in a line feed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", name) else '"' + name.replace('"', '\\"') + '"'


def kept_parts(root: Table, faults: Faults, read_part: ReadPart | None) -> PolicyParts:
    """The parts that a policy's text has under the key `parts`; those whose hash is another are faults."""
    parts = PolicyParts(faults, read_part)
    section = root.get("parts")
    if section is None:
        return parts
    for key, value in section.entries if isinstance(section, Table) else ():
        text, stated = (value.get(name) if isinstance(value, Table) else None for name in ("text", "sha256"))
        if not isinstance(text, Scalar) or not isinstance(stated, Scalar):
            message = f"the part `{quoted(key.text)}` needs `sha256` and `text`"
            faults.add(key, message, "remove `parts`, so that files are read")
            continue
        if digest_of_part(text.text) != stated.text:
            message = f"`sha256` is not that of the part `{quoted(key.text)}`"
            way_out = f"write `sha256: {digest_of_part(text.text)}` if this is the text that you mean"
            faults.add(stated, message, way_out)
        parts.kept[key.text] = text.text
    return parts


def with_shared(root: Table, parts: PolicyParts) -> Table:
    """The policy with the sections that it includes: its own entries first, then those of each part."""
    node = root.get("include")
    if node is None:
        return root
    if not isinstance(node, Listing) or not 1 <= len(node.items) <= SHARED_PARTS_MAX:
        way_out = "write `include: [parts/arrears.yaml]`"
        parts.faults.add(node, f"`include` is a list of 1 to {SHARED_PARTS_MAX} files", way_out)
        return root
    sections: dict[str, tuple[Scalar, list[tuple[Scalar, Node]]]] = {}
    others: dict[str, tuple[Scalar, Node]] = {}
    for key, value in root.entries:
        if key.text in SHARED and isinstance(value, Table):
            sections[key.text] = (key, list(value.entries))
        others[key.text] = (key, value)
    for item in node.items:
        for key, value in _shared_sections(item, parts):
            first = key if key.text not in sections else sections[key.text][0]
            entries = sections.setdefault(key.text, (first, []))[1]
            entries += _new_entries(entries, value, parts.faults)
    merged = {name: (key, _section(key, entries, others.get(name))) for name, (key, entries) in sections.items()}
    return replace(root, entries=tuple((others | merged).values()))


def _section(key: Scalar, entries: list[tuple[Scalar, Node]], own: tuple[Scalar, Node] | None) -> Node:
    place = own[1] if own is not None and isinstance(own[1], Table) else None
    line, column, file = (place.line, place.column, place.file) if place else (key.line, key.column, key.file)
    return Table(tuple(entries), line, column, file)


def _shared_sections(item: Node, parts: PolicyParts) -> list[tuple[Scalar, Table]]:
    """The sections of one part; what cannot be shared is a fault where it stands."""
    text = parts.text_of(item)
    if text is None:
        return []
    assert isinstance(item, Scalar)
    try:
        part = read(text, item.text, is_part=True)
    except PolicyError as error:
        parts.faults.collected += error.faults
        return []
    sections: list[tuple[Scalar, Table]] = []
    for key, value in part.entries:
        if key.text not in SHARED:
            shown = ", ".join(f"`{name}`" for name in SHARED)
            parts.faults.add(key, f"a part has no `{quoted(key.text)}`", f"parts have {shown}")
        elif isinstance(value, Table):
            sections.append((key, value))
        else:
            parts.faults.add(value, f"`{key.text}` is a mapping", "write `key: value` lines below it")
    return sections


def _new_entries(entries: list[tuple[Scalar, Node]], section: Table, faults: Faults) -> list[tuple[Scalar, Node]]:
    """The entries of a section whose names are free; the others are faults."""
    taken = {key.text: key for key, _ in entries}
    new = []
    for key, value in section.entries:
        if key.text in taken:
            other = taken[key.text]
            where = f"line {other.place()[0]}" + (f" of `{other.file}`" if other.file else " of the policy")
            faults.add(key, f"the name `{quoted(key.text)}` stands in {where} too", "choose another, or remove one")
        else:
            new.append((key, value))
    return new


# ------------------------------------------------------------------ tables as CSV


def rows_of_csv(node: Node, parts: PolicyParts) -> Listing | None:
    """The rows of a table that stands in a CSV file, as if they were written in the policy.

    The first line names what each column compares, and `then`. A cell has a comparison (`>= 30`), a list
    (`in ("a", "b")`), a value or a word (`true`, `rent`), `known` or `missing`; an empty one, or `-`, asks nothing.
    """
    text = parts.text_of(node)
    if text is None:
        return None
    assert isinstance(node, Scalar)
    lines = list(csv.reader(io.StringIO(text), skipinitialspace=True))
    place = Scalar("", "", 0, 0, node.text)
    head = [name.strip() for name in lines[0]] if lines else []
    if head[-1:] != ["then"] or len(set(head)) < len(head):
        parts.faults.add(place, "the first line of a table names its columns, and the last is `then`")
        return None
    rows: list[Node] = []
    for number, cells in enumerate(lines[1:], start=1):
        where = Scalar("", "", number, 0, node.text)
        if not cells:
            continue
        if len(cells) != len(head):
            parts.faults.add(where, f"the row has {len(cells)} cells, and there are {len(head)} columns")
            return None
        rows.append(_csv_row(head, [cell.strip() for cell in cells], where))
    return Listing(tuple(rows), 0, 0, node.text)


def _csv_row(head: list[str], cells: list[str], where: Scalar) -> Table:
    tests = [_csv_test(name, cell) for name, cell in zip(head[:-1], cells[:-1], strict=True)]
    when = " and ".join(test for test in tests if test)
    then = (replace(where, text="then"), replace(where, text=cells[-1]))
    entries = ((replace(where, text="when"), replace(where, text=when)), then) if when else (then,)
    return Table(entries, where.line, 0, where.file)


def _csv_test(name: str, cell: str) -> str:
    """What a cell asks of the value of its column.

    >>> [_csv_test("days", cell) for cell in (">= 30", "5", "rent", "missing", "-")]
    ['days >= 30', 'days = 5', 'days = "rent"', 'not known(days)', '']
    """
    if cell in _WHEN_EMPTY:
        return ""
    if cell.startswith(_OPERATORS):
        return f"{name} {cell}"
    if cell == "known":
        return f"known({name})"
    if cell == "missing":
        return f"not known({name})"
    return f'{name} = "{cell}"' if NAME.fullmatch(cell) and cell not in ("true", "false") else f"{name} = {cell}"
