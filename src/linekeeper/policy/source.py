"""YAML as positioned text: scalars, mappings and lists that know where they stand, and nothing cleverer.

Tags, anchors, aliases, duplicate keys, great depth and great size are faults, so a policy file can
only ever mean what it shows.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from linekeeper.core.errors import Fault, PolicyError

BYTES_MAX = 256 * 1024
DEPTH_MAX = 12


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or expression. `raw` is how the file writes it, from `line`, `column` (both 0-based) on."""

    text: str
    raw: str
    line: int
    column: int
    file: str = ""  # the part in which it stands; nothing: the policy's own file

    def place(self, offset: int = 0) -> tuple[int, int]:
        """1-based line and column of the character `offset` of `text`.

        YAML folds and unquotes, so `raw` and `text` differ in blanks alone; the visible characters are counted in both.
        """
        before = sum(not char.isspace() for char in self.text[:offset])
        line, column, seen = self.line, self.column, 0
        is_quoted = self.raw[:1] in "\"'|>" and self.text[:1] != self.raw[:1]
        for position, char in enumerate(self.raw):
            opening = is_quoted and position == 0
            if not char.isspace() and not opening:
                if seen == before:
                    break
                seen += 1
            line, column = (line + 1, 0) if char == "\n" else (line, column + 1)
        return line + 1, column + 1


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML list."""

    items: tuple[Node, ...]
    line: int
    column: int
    file: str = ""

    def place(self, offset: int = 0) -> tuple[int, int]:
        """1-based line and column of its start."""
        return self.line + 1, self.column + 1


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping, in the order of the file."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int
    file: str = ""

    def place(self, offset: int = 0) -> tuple[int, int]:
        """1-based line and column of its start."""
        return self.line + 1, self.column + 1

    def get(self, name: str) -> Node | None:
        """The value under that key, or None."""
        return next((value for key, value in self.entries if key.text == name), None)


Node = Scalar | Listing | Table


@dataclass
class Faults:
    """Collects every fault of one file, so that the author sees all of them at once."""

    file: str
    collected: list[Fault] = field(default_factory=list)

    def add(self, node: Node, message: str, way_out: str = "", offset: int = 0) -> None:
        """Note one fault at that place."""
        line, column = node.place(offset)
        self.collected.append(Fault(message, self._path(node.file), line, column, way_out))

    def _path(self, part: str) -> str:
        """A part stands beside the policy."""
        return str(PurePath(self.file).parent / part) if part else self.file

    def unknown(self, node: Node, what: str, word: str, known: Iterable[str], offset: int = 0) -> None:
        """Note a word that is not known, with the nearest that is."""
        self.add(node, f"{what} `{quoted(word)}` is not known", nearest(word, known), offset)

    def stop_if_any(self) -> None:
        """Raise PolicyError with all faults, in the order of the file."""
        if self.collected:
            raise PolicyError(
                sorted(dict.fromkeys(self.collected), key=self._place),
                code="policy-faulty",
            )

    def _place(self, fault: Fault) -> tuple[bool, str, int, int]:
        return fault.file != self.file, fault.file, fault.line, fault.column


def quoted(word: str) -> str:
    """The word, shortened for a message; the first look-alike of a plain letter is named.

    >>> quoted("bаlance")
    'bаlance (with CYRILLIC SMALL LETTER A)'
    """
    odd = next((char for char in word if ord(char) > 126 or ord(char) < 32), None)
    word = word if len(word) <= 60 else word[:57] + "..."
    word = "".join(char if char.isprintable() else "?" for char in word)
    if odd is None:
        return word
    return f"{word} (with {unicodedata.name(odd, 'a control character')})"


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A way out: the known word that looks most like this one; else `otherwise`, or the list of them."""
    names = sorted(set(known))
    close = difflib.get_close_matches(word[:80], names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return otherwise or ("known are " + ", ".join(f"`{name}`" for name in names[:12]) if names else "")


def read(text: str, file: str, *, is_part: bool = False) -> Table:
    """The file as one positioned mapping, each node of a part with its name.

    Raises PolicyError on anything that is not plain YAML.
    """
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        raise PolicyError([too_large(file)], code="policy-too-large")
    try:
        root = _Builder(text, file, file if is_part else "").build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = (error.problem or error.context or "it cannot be read").splitlines()[0]
        raise PolicyError([Fault(f"this is not YAML: {problem}", file, *place)], code="policy-not-yaml") from None
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise PolicyError([Fault(f"this is not YAML: {reason}", file, 1, 1)], code="policy-not-yaml") from None
    if not isinstance(root, Table):
        raise PolicyError(
            [Fault("a policy file is a mapping of keys", file, 1, 1, "begin with `policy: NAME`")],
            code="policy-not-yaml",
        )
    return root


def too_large(file: str) -> Fault:
    """What is wrong with a policy file that has more bytes than a policy can have."""
    return Fault(f"the file is larger than {BYTES_MAX // 1024} KiB", file, 1, 1, "split the policy")


class _Builder:
    """Builds positioned nodes from the parser's events."""

    def __init__(self, text: str, file: str, part: str) -> None:
        self.text, self.faults, self.documents, self.part = text, Faults(file), 0, part

    def build(self, events: Iterator[Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self.refuse(event, "a policy file holds one document", "remove the second `---`")
            elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                root = self.node(event, events, 0)
        self.faults.stop_if_any()
        return root

    def refuse(self, event: Event, message: str, way_out: str = "") -> None:
        mark = event.start_mark
        raise PolicyError(
            [Fault(message, self.faults.file, mark.line + 1, mark.column + 1, way_out)], code="policy-not-yaml"
        )

    def node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        if depth > DEPTH_MAX:
            self.refuse(event, f"the file is nested deeper than {DEPTH_MAX} levels", "flatten it")
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            self.refuse(event, "anchors and aliases are not allowed", "write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            self.refuse(event, f"the tag `{quoted(str(tag))}` is not allowed", "write a plain value")
        mark = event.start_mark
        if isinstance(event, ScalarEvent):
            raw = self.text[mark.index : event.end_mark.index].rstrip()
            return Scalar(event.value, raw, mark.line, mark.column, self.part)
        if isinstance(event, SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := next(events), SequenceEndEvent):
                items.append(self.node(inner, events, depth + 1))
            return Listing(tuple(items), mark.line, mark.column, self.part)
        return Table(tuple(self.entries(events, depth)), mark.line, mark.column, self.part)

    def entries(self, events: Iterator[Event], depth: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, Scalar] = {}
        while not isinstance(inner := next(events), MappingEndEvent):
            key = self.node(inner, events, depth + 1)
            if not isinstance(key, Scalar):
                self.refuse(inner, "a key is one word", "write `key: value`")
                raise AssertionError
            value = self.node(next(events), events, depth + 1)
            if key.text in seen:
                line = seen[key.text].place()[0]
                self.faults.add(key, f"the key `{quoted(key.text)}` stands twice (first in line {line})", "remove one")
            seen[key.text] = key
            yield key, value
