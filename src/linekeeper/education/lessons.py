"""Lessons: short, true texts tied to reason codes. They explain; they never sell credit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from linekeeper.education.costs import costs_elsewhere
from linekeeper.education.figures import LessonFigures, shipped_figures
from linekeeper.texts.language import LANGS, Lang, Language, Text, language
from linekeeper.texts.material import MaterialError, parse_yaml, read_yaml, shipped

ITEM = "- "
PLACEHOLDER = re.compile(r"\{(\w+)\}")
GIVEN = ("amount", "span", "rate_1", "rate_2", "cost_1", "cost_2", "help")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as written: `blocks` are paragraphs, or lists whose lines begin with "- "; may hold placeholders."""

    key: str
    lang: Lang
    title: str
    short: str
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LessonBlock:
    """A paragraph (one line) or a list (its items)."""

    lines: tuple[str, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class RenderedLesson:
    """A lesson with the borrower's own amounts in it."""

    key: str
    title: str
    short: str
    blocks: tuple[LessonBlock, ...]

    def __str__(self) -> str:
        texts = ["\n".join(f"- {line}" if block.is_list else line for line in block.lines) for block in self.blocks]
        return "\n\n".join([self.title, *texts])


@dataclass(frozen=True, slots=True)
class LoanElsewhere:
    """What a lesson compares: this amount borrowed elsewhere for so many days, against waiting for the line."""

    amount_minor: int
    days: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class HelpService:
    """A service that helps for free, and the lessons it belongs to."""

    lessons: tuple[str, ...]
    name: Text
    reach: Text


def render_lesson(lesson: Lesson, waiting: LoanElsewhere, jurisdiction: str) -> RenderedLesson:
    """The lesson with its placeholders filled: amounts computed, help for that jurisdiction.

    >>> waiting = LoanElsewhere(amount_minor=500_000, days=90, currency="CNY", exponent=2)
    >>> render_lesson(shipped_lessons("en")["borrowing_elsewhere"], waiting, "CN").blocks[1].lines[0]
    'CN¥5,000 for 90 days at 24% a year costs about CN¥295.89 in interest.'
    """
    given = _given(waiting, shipped_figures(), language(lesson.lang))
    services = _services(lesson, jurisdiction)

    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: given[found[1]], text)

    blocks = [_block(services if block == "{help}" else filled(block)) for block in lesson.blocks]
    return RenderedLesson(lesson.key, lesson.title, filled(lesson.short), tuple(blocks))


def example_loan(currency: str, exponent: int, figures: LessonFigures | None = None) -> LoanElsewhere:
    """The amounts told where the borrower's own are not at hand."""
    chosen = figures or shipped_figures()
    return LoanElsewhere(chosen.example_amount * 10**exponent, chosen.example_days, currency, exponent)


def _given(waiting: LoanElsewhere, figures: LessonFigures, spoken: Language) -> Mapping[str, str]:
    def money(minor: int) -> str:
        return spoken.money(minor, waiting.currency, waiting.exponent)

    given = {"amount": money(waiting.amount_minor), "span": spoken.span(waiting.days)}
    for place, cost in enumerate(costs_elsewhere(waiting.amount_minor, waiting.days, figures.elsewhere_rates_bp), 1):
        given |= {f"rate_{place}": spoken.share(cost.rate_bp), f"cost_{place}": money(cost.interest_minor)}
    return given


def _services(lesson: Lesson, jurisdiction: str) -> str:
    table = shipped_help()
    found = [item for item in table.get(jurisdiction, ()) if lesson.key in item.lessons]
    chosen = found or [item for item in table["any"] if lesson.key in item.lessons]
    translate = language(lesson.lang).translate
    lines = (
        translate("{label}: {value}", label=item.name.in_(lesson.lang), value=item.reach.in_(lesson.lang))
        for item in chosen
    )
    return "\n".join(ITEM + line for line in lines)


def _block(text: str) -> LessonBlock:
    lines = text.split("\n")
    if all(line.startswith(ITEM) for line in lines):
        return LessonBlock(tuple(line.removeprefix(ITEM) for line in lines), is_list=True)
    return LessonBlock((" ".join(lines),))


# ------------------------------------------------------------------ reading


@cache
def shipped_lessons(lang: Lang) -> Mapping[str, Lesson]:
    """The lessons that come with the product, by key."""
    return read_lessons(shipped("lessons"))[lang]


def read_lessons(folder: Path) -> Mapping[Lang, Mapping[str, Lesson]]:
    """The lessons of a folder, `{lang}/{key}.md`. `MaterialError` where a lesson is missing in one language."""
    found = {lang: {path.stem: _lesson(path, lang) for path in sorted((folder / lang).glob("*.md"))} for lang in LANGS}
    odd = set(found["zh"]) ^ set(found["en"])
    if odd:
        raise MaterialError(f"the lesson `{min(odd)}` stands in one language only; write the other")
    return found


def _lesson(path: Path, lang: Lang) -> Lesson:
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    try:
        head = parse_yaml(parts[1])
        blocks = tuple(block.strip() for block in parts[2].strip().split("\n\n"))
        lesson = Lesson(path.stem, lang, head["title"], head["short"], blocks)
    except (IndexError, KeyError, TypeError, YAMLError) as fault:
        raise MaterialError(f"the lesson `{path.name}` needs `title` and `short` between two lines `---`") from fault
    unknown = set(PLACEHOLDER.findall("\n".join([lesson.short, *blocks]))) - set(GIVEN)
    if unknown:
        raise MaterialError(
            f"`{{{min(unknown)}}}` in the lesson `{path.name}` is not known; it may use {', '.join(GIVEN)}"
        )
    return lesson


@cache
def shipped_help() -> Mapping[str, Sequence[HelpService]]:
    """Where to get free help, by jurisdiction; `any` stands for all the others."""
    raw = read_yaml(shipped("lessons") / "help.yaml")
    return {place: tuple(map(_help, entries)) for place, entries in raw.items()}


def _help(raw: Mapping[str, Any]) -> HelpService:
    reach = raw["reach"]
    both = Text(zh=reach["zh"], en=reach["en"]) if isinstance(reach, dict) else Text(zh=reach, en=reach)
    return HelpService(tuple(raw["for"]), Text(zh=raw["name"]["zh"], en=raw["name"]["en"]), both)
