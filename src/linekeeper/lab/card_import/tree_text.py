"""Forests of scikit-learn from the text of `export_text`, one tree after another.

A tree sends a value of at most the threshold to the left, with the value in single precision; a leaf has the weights of
its rows by class, and the forest's probability is the mean over its trees. The text does not say where a missing value
goes, so that the columns file has to say which number the forest was given in its place. It says numbers with as many
digits as were asked for; where they are too few to give the number back, the text is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from linekeeper.core.errors import FileError
from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree, not_possible, not_readable

TREE_DEPTH_MAX = 500
DIGITS_OF_NUMBER = 17  # so many give every number in double precision back
DIGITS_OF_ZERO = 40  # so many zeros after the point are a zero, and no small number
BAD_CLASSES = ("1", "1.0", "True")
_LINE = re.compile(r"((?:\| +)*)\|-+ (.*)")
_LEAF = re.compile(r"weights: \[([^,\]]+), ([^,\]]+)\] class: (.*)")
_NUMBER = re.compile(r"-?\d+\.(\d+)")
_MEAN_ROUNDING = 2.0**-52
_WAY_OUT = (
    "write each tree with `export_text(tree, feature_names=NAMES, decimals=60, show_weights=True, max_depth=500)`"
)


def read_tree_text(text: str) -> LenderModel:
    """The model of such a text. Raises FileError where it is broken, cut off, or says too little to be equalled."""
    lines = list(_lines_of(text))
    reader = _TextReader(lines)
    trees = []
    while reader.place < len(lines):
        trees.append(reader.tree())
    return LenderModel(
        made_by="scikit-learn",
        features=tuple(reader.features),
        trees=tuple(trees),
        threshold_below=True,
        float32=True,
        factor=1 / len(trees),
        is_probability=True,
        rounding=_MEAN_ROUNDING * (len(trees) + 8),  # a share is a quotient of two weights here
        missing_unknown=True,
    )


@dataclass(frozen=True, slots=True)
class _TextLine:
    number: int
    depth: int
    content: str


def _lines_of(text: str) -> Iterator[_TextLine]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line.rstrip())
        if not parts:
            raise not_readable(f"has no branch of a tree in line {number}", _WAY_OUT)
        yield _TextLine(number, parts[1].count("|"), parts[2])


@dataclass(slots=True)
class _TextReader:
    """Reads the lines in order; the branches of a node follow one another, each with all that is below it."""

    lines: list[_TextLine]
    place: int = 0
    features: dict[str, int] = field(default_factory=dict)

    def tree(self) -> LenderTree:
        """The tree that begins here."""
        tree = _TreeColumns()
        root = self._node(tree, 0)
        nodes = len(tree.feature)
        return LenderTree(
            root=root,
            feature=tuple(tree.feature),
            threshold=tuple(tree.threshold),
            categories=(None,) * nodes,
            below=tuple(tree.below),
            rest=tuple(tree.rest),
            missing_below=(False,) * nodes,
            zero_missing=(False,) * nodes,
            values=tuple(tree.values),
            rows=tuple(tree.rows),
        )

    def _node(self, tree: _TreeColumns, depth: int) -> int:
        if depth > TREE_DEPTH_MAX:
            raise not_possible(f"has a tree deeper than {TREE_DEPTH_MAX}", "train it with `max_depth`")
        line = self._next(depth)
        if " <= " not in line.content:
            return self._leaf(tree, line)
        name, _, threshold = line.content.rpartition(" <= ")
        node = tree.add_node(self.features.setdefault(name, len(self.features)), _number(threshold, line))
        tree.below[node] = self._node(tree, depth + 1)
        other = self._next(depth)
        if other.content != f"{name} >  {threshold}":
            raise not_readable(f"lacks the other branch of line {line.number} in line {other.number}", _WAY_OUT)
        tree.rest[node] = self._node(tree, depth + 1)
        return node

    def _leaf(self, tree: _TreeColumns, line: _TextLine) -> int:
        leaf = _LEAF.fullmatch(line.content)
        if not leaf:
            raise _refused_leaf(line)
        good, bad = _number(leaf[1], line), _number(leaf[2], line)
        if not good + bad > 0 or min(good, bad) < 0:
            raise not_readable(f"has a leaf without rows in line {line.number}", _WAY_OUT)
        if bad > good and leaf[3] not in BAD_CLASSES:
            raise not_possible(
                f"calls its second class `{leaf[3]}` in line {line.number}", "train it for bad (1) against good (0)"
            )
        tree.values.append(bad / (good + bad))
        tree.rows.append(round(good + bad, 6))
        return -len(tree.values)

    def _next(self, depth: int) -> _TextLine:
        if self.place == len(self.lines):
            raise not_readable("ends within a tree", _WAY_OUT)
        line = self.lines[self.place]
        if line.depth != depth:
            raise not_readable(f"has a branch at the wrong depth in line {line.number}", _WAY_OUT)
        self.place += 1
        return line


@dataclass(slots=True)
class _TreeColumns:
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)

    def add_node(self, feature: int, threshold: float) -> int:
        """Its number; what is below it is known later."""
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.below.append(0)
        self.rest.append(0)
        return len(self.feature) - 1


def _refused_leaf(line: _TextLine) -> FileError:
    if line.content.startswith("truncated branch"):
        return not_readable(f"is cut off in line {line.number}: {line.content}", _WAY_OUT)
    if line.content.startswith("class:"):
        return not_readable(f"has no weights in line {line.number}", _WAY_OUT)
    if line.content.startswith("value:"):
        return not_possible("is a regression", "train a classifier for bad (1) against good (0)")
    if line.content.startswith("weights:"):
        return not_possible("has not two classes", "train it for bad (1) against good (0)")
    return not_readable(f"has neither a branch nor a leaf in line {line.number}", _WAY_OUT)


def _number(text: str, line: _TextLine) -> float:
    """The number of a text that has digits enough to give it back."""
    parts = _NUMBER.fullmatch(text.strip())
    if not parts:
        raise not_readable(f"has no number where one belongs in line {line.number}: `{text[:40]}`", _WAY_OUT)
    digits = len(text.strip().lstrip("-").replace(".", "").lstrip("0"))
    if digits < DIGITS_OF_NUMBER and len(parts[1]) < DIGITS_OF_ZERO:
        raise not_readable(f"has a number of too few digits in line {line.number}: `{text.strip()[:40]}`", _WAY_OUT)
    return float(text)
