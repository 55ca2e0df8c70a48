"""What people write who come from another language, and what this one has for it.

A policy is often first written from memory of SQL, Python, a spreadsheet or another decision engine. Where an
expression cannot be read, the place at which reading stopped is compared with these words, so that the fault says
what to write.

>>> wording_at("days_past_due => 30", 15)
OtherWording(message='`=>` does not fit here', offset=14, way_out='write `>=`')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from lark import Token, Tree

from linekeeper.policy.functions import FACTS
from linekeeper.policy.model import Kind

_Branch = Tree[Token]


class OtherWording(NamedTuple):
    """A foreign word that was met: what is wrong, at which character, and what to write."""

    message: str
    offset: int
    way_out: str


Written = str | Callable[[re.Match[str]], str]  # what to write: a text, or made of what was met

_DAYS_OF = {"w": 7, "week": 7, "q": 91, "quarter": 91}
_ATOM = r"[a-z_0-9.]+(?:\([^()]*\))?"


def _as_span(met: re.Match[str]) -> str:
    """`90 days` as `90d`, `2w` as `14d`."""
    number, word = int(met["number"].replace("_", "")), met["word"].lower()
    stem = word.removesuffix("s") if len(word) > 1 else word
    if stem in _DAYS_OF:
        return f"write `{number * _DAYS_OF[stem]}d`"
    unit = {"day": "d", "hour": "h", "hr": "h", "month": "m", "mth": "m", "mo": "m", "year": "y", "yr": "y"}
    return f"write `{number}{unit.get(stem, stem[:1])}`"


def _as_share(met: re.Match[str]) -> str:
    """`0.5` as `50%`."""
    percent = (Decimal(met["share"]) * 100).normalize()
    return f"write a share as `{percent:f}%`, an amount with its currency, another number whole"


def _as_division(met: re.Match[str]) -> str:
    left, right = met["left"] or "a", met["right"] or "b"
    return f"write `percent({left}, {right})` for a share, or `per({left}, {right})` for an amount divided by a count"


def _as_choice(met: re.Match[str]) -> str:
    return "write a list as `in (" + ", ".join(part.strip() for part in met["items"].split(",")) + ")`"


def _money(number: str, code: str) -> str:
    return f"write `{number} {code.upper()}`"


def _without_commas(met: re.Match[str]) -> str:
    return f"write `{met[0].replace(',', '_')}`"


_FULL_WIDTH = str.maketrans("，（）＞＜＝！：“”‘’％＋－＊．", ",()><=!:\"\"''%+-*.")

# The order counts: of several that touch the place, the first is named.
_WORDINGS: tuple[tuple[re.Pattern[str], Written], ...] = tuple(
    (re.compile(pattern), way_out)
    for pattern, way_out in (
        (r"[，（）＞＜＝！：“”‘’％＋－＊．]", lambda met: f"write the narrow `{met[0].translate(_FULL_WIDTH)}`"),
        (r"===?(?==)|===", "write `=`"),
        (r"=>", "write `>=`"),
        (r"=<", "write `<=`"),
        (r"<>|=!|/=|~=", "write `!=`"),
        (
            r"[≥≦≧≤≠×÷]",
            lambda met: {
                "≥": "write `>=`",
                "≧": "write `>=`",
                "≤": "write `<=`",
                "≦": "write `<=`",
                "≠": "write `!=`",
                "×": "write `*`",
            }.get(met[0], "write `percent(a, b)` or `per(a, n)`"),
        ),
        (r"&&?|\bAND\b", "write `and`"),
        (r"\|\|?|\bOR\b", "write `or`"),
        (r"\bNOT\b|!(?!=)", "write `not`"),
        (r"\b(?:IF|THEN|ELSE|IN|WHERE)\b", lambda met: f"write `{met[0].lower()}`"),
        (r"\b(?:True|TRUE|False|FALSE)\b", lambda met: f"write `{met[0].lower()}`"),
        (r"\bnot\s+in\b", "write `not (x in (...))`"),
        (
            r"\bis\s+(?:not\s+)?(?:null|none|missing|known|nil)\b|\b(?:NULL|None|NaN|NA)\b",
            lambda met: "write `known(x)`" if " not " in met[0] or "known" in met[0] else "write `not known(x)`",
        ),
        (
            rf"(?P<item>{_ATOM})\s+between\s+(?P<low>\S+)\s+and\s+(?P<high>\S+)|\bbetween\b",
            lambda met: (
                f"write `{met['item'] or 'x'} >= {met['low'] or 'a'} and {met['item'] or 'x'} <= {met['high'] or 'b'}`"
            ),
        ),
        (r"\bin\s+(?P<word>\"[^\"]*\"|'[^']*')", lambda met: f"write `in ({met['word']})`"),
        (r"\[(?P<items>[^\[\]]*)\]?", _as_choice),
        (r"\?", "write `if a then b else c`"),
        (rf"(?P<left>{_ATOM})?\s*//?\s*(?P<right>{_ATOM})?", _as_division),
        (r"\*\*|\^", "there are no powers; write a product with a constant, like `x * 2`"),
        (r"(?P<number>\d[\d_]*)\s+%", lambda met: f"write `{met['number']}%`, without a blank"),
        (
            r"(?P<number>\d[\d_]*)\s*(?:percent|pct|bps?)\b",
            lambda met: (
                f"write `{met['number']}%`"
                if "b" not in met[0]
                else f"write `{(Decimal(met['number'].replace('_', '')) / 100).normalize():f}%`"
            ),
        ),
        (
            r"(?P<number>\d[\d_]*)\s*(?P<word>weeks?|days?|hours?|hrs?|months?|mths?|mo|years?|yrs?|quarters?|w|q)\b",
            _as_span,
        ),
        (r"(?P<number>\d[\d_]*)\s+(?P<word>[hdmy])\b", _as_span),
        (r"\b(?:last|past|over)\s+(?P<span>\d[\d_]*[hdm])\b", lambda met: f"write the window alone: `{met['span']}`"),
        (r"(?<![\d_])\d{1,3}(?:,\d{3})+(?!\d)(?: ?[A-Z]{3})?", _without_commas),
        (
            r"[$¥€£￥]\s*(?P<number>[\d_.]+)?",
            lambda met: f"write the currency's code: `{met['number'] or 100} CNY`, in the policy's currency",
        ),
        (r"\b(?P<code>[A-Z]{3}) ?(?P<number>\d[\d_]*(?:\.\d+)?)", lambda met: _money(met["number"], met["code"])),
        (
            r"(?P<number>\d[\d_]*(?:\.\d+)?) ?(?P<code>cny|usd|eur|gbp|twd|jpy|hkd|inr|brl|[A-Z][a-z]{2})\b",
            lambda met: _money(met["number"], met["code"]),
        ),
        (
            r"(?P<number>\d[\d_]*(?:\.\d+)?)\s*(?P<word>[kKM]|mn|mln|million|thousand|万|亿|元)(?![A-Za-z])",
            lambda met: "write the number out, with `_` between thousands and the currency's code: `50_000 CNY`",
        ),
        (r"\d[\d_]*\.\d+\s*[dhmyw]\b", "write a whole number of days, hours or months"),
        (r"(?P<share>(?<![\d.])\d*\.\d+)", _as_share),
        (r"(?<=[a-z_)\"'])\s+(?P<span>\d[\d_]*[hdm])\b", lambda met: f"put a comma before `{met['span']}`"),
        (r"%", "there is no remainder; write a share as `30%`"),
        (r"\b[A-Z]+[a-z_][A-Za-z_0-9]*\b|\b[A-Z]{4,}\b", lambda met: f"names are written small: `{met[0].lower()}`"),
        (r"[a-z_0-9)]\s*(?P<sign>=)(?==)", "write `=`"),
        (r"[{}]", "write lists and groups with `(` and `)`"),
        (r"[;:]", "one expression stands here; join conditions with `and`"),
    )
)


def wording_at(text: str, offset: int) -> OtherWording | None:
    """The foreign word that the text shows at the character where reading stopped; None where none is known."""
    for pattern, wording in _WORDINGS:
        for met in pattern.finditer(text):
            if met[0].strip() and met.start() - 1 <= offset <= met.end():
                start = met.start() + len(met[0]) - len(met[0].lstrip())
                met_text = _printable(" ".join(met[0].split()))
                written = wording if isinstance(wording, str) else wording(met)
                return OtherWording(f"`{met_text[:57]}` does not fit here", start, _printable(written))
    return None


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


# Functions of other languages, and what stands for them here.
OTHER_FUNCTIONS: Mapping[str, str] = {
    **dict.fromkeys(("avg", "mean"), "write `average(draw.amount, 30d)`"),
    **dict.fromkeys(
        ("least", "minimum"), "write `smallest(a, b)` for two values, `min(draw.amount, 30d)` for a window"
    ),
    **dict.fromkeys(
        ("greatest", "maximum"), "write `largest(a, b)` for two values, `max(draw.amount, 30d)` for a window"
    ),
    **dict.fromkeys(("coalesce", "nvl", "ifnull", "isnull_then", "default"), "write `fallback(a, b)`"),
    **dict.fromkeys(("isnull", "is_null", "is_missing", "missing", "isna"), "write `not known(x)`"),
    **dict.fromkeys(("exists", "defined", "has", "is_known", "notnull"), "write `known(x)`"),
    **dict.fromkeys(("iif", "when", "case", "ifelse", "if_else"), "write `if a then b else c`"),
    **dict.fromkeys(
        ("ratio", "share", "div", "divide"), "write `percent(a, b)` for a share, `per(a, n)` for a quotient"
    ),
    **dict.fromkeys(("total", "add"), "write `sum(draw.amount, 30d)`"),
    **dict.fromkeys(("datediff", "days_between", "age", "since"), "write `days_since(draw)`"),
    **dict.fromkeys(("abs",), "write `largest(x, 0 - x)`"),
    **dict.fromkeys(
        ("round", "floor", "ceil", "trunc", "int"), "values are whole already; a share of an amount is `part(x, 30%)`"
    ),
    **dict.fromkeys(
        ("range", "volatility", "stdev", "std"), "write `spread(draw.amount, 30d)`: the largest less the smallest"
    ),
    **dict.fromkeys(("nunique", "count_distinct", "unique"), "write `distinct(purchase.category, 30d)`"),
}

# Names of other languages.
OTHER_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("null", "none", "nil", "missing", "na", "nan", "unknown"), "write `known(x)`, or `not known(x)`"),
    **dict.fromkeys(("yes", "on"), "write `true`"),
    **dict.fromkeys(("no", "off"), "write `false`"),
    **dict.fromkeys(("dpd", "days_late", "days_overdue", "overdue_days"), "write `days_past_due`"),
    **dict.fromkeys(
        ("now", "today", "date"), "a policy has no clock; write `days_since(draw)`, or a window like `30d`"
    ),
    **dict.fromkeys(("mob", "tenure", "age_months"), "write `months_on_book`"),
    **dict.fromkeys(("outstanding", "exposure", "owed"), "write `balance`"),
    **dict.fromkeys(("credit_limit", "line"), "write `limit`, or `granted` for the line before any restriction"),
    **dict.fromkeys(("util", "utilization_rate", "usage"), "write `utilisation`"),
}


def how_to_select(source: _Branch, kinds: Mapping[str, Kind], feature_names: Collection[str], wants_field: bool) -> str:
    """The way out for what stands in the place of events: of a kind its own fields, of a value a function of values."""
    word = str(source.children[0]) if source.data in ("name", "path") else ""
    kind, shape = kinds.get(word), "kind.field" if wants_field else "kind"
    if source.data == "path" and kind is not None:
        return f"write `{word}`"
    if kind is not None and kind.fields:
        shape = "` or `".join(f"{word}.{field.name}" for field in kind.fields[:4])
    if wants_field and (word in feature_names or word in FACTS):
        return f"write `{shape}`; of two values the smaller is `smallest(a, b)`, the larger `largest(a, b)`"
    return f"write `{shape}`"


def how_to_span(tree: _Branch, text: str, units: str) -> str:
    """The way out for what stands, as `text`, in the place of a window of these units."""
    if tree.data == "where":
        return "`where` stands beside the events, as in `count(draw where hour < 5, 7d)`"
    if tree.data == "number":
        return f"write `{text}d` for days" + f", `{text}m` for months" * ("m" in units)
    if tree.data == "duration" and text[-1] == "y":
        return f"write `{12 * int(text[:-1].replace('_', ''))}m`"
    if tree.data == "duration" and text[-1] == "h":
        return f"write `{-(-int(text[:-1].replace('_', '')) // 24)}d`"
    return "write " + " or ".join(f"`30{unit}`" for unit in units)
