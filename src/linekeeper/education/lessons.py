"""Lessons: short, true texts that reason codes name. They explain; they never sell credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from linekeeper.education.costs import LessonFigures, costs_elsewhere, shipped_figures
from linekeeper.texts.language import LANGS, PLACEHOLDER, Lang, Language, Text, language, text_of
from linekeeper.texts.material import MaterialError, read_yaml, shipped
from linekeeper.texts.yaml_files import YamlFault, yaml_tree

ITEM = "- "
LESSON_PLACEHOLDERS = ("amount", "span", "rate_1", "rate_2", "cost_1", "cost_2", "help")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as written. `blocks` are paragraphs, or lists whose lines begin with "- ", with placeholders."""

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
    """A lesson with the borrower's own amounts in it. `short` is what a notice shows of it."""

    key: str
    title: str
    short: str
    blocks: tuple[LessonBlock, ...]

    def __str__(self) -> str:
        texts = ["\n".join(f"- {line}" if block.is_list else line for line in block.lines) for block in self.blocks]
        return "\n\n".join([self.title, *texts])


@dataclass(frozen=True, slots=True)
class LoanElsewhere:
    """The loan that a lesson prices: this amount, borrowed elsewhere until the line is back, for so many days."""

    amount_minor: int
    days: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class HelpService:
    """A service that helps for free, and the keys of the lessons it belongs to."""

    lessons: tuple[str, ...]
    name: Text
    reach: Text


def render_lesson(lesson: Lesson, loan: LoanElsewhere, jurisdiction: str) -> RenderedLesson:
    """The lesson with its placeholders filled: what the loan costs, and who helps in that jurisdiction.

    >>> loan = LoanElsewhere(amount_minor=500_000, days=90, currency="CNY", exponent=2)
    >>> render_lesson(shipped_lessons("en")["borrowing_elsewhere"], loan, "CN").blocks[1].lines[0]
    'CN¥5,000 for 90 days at 24% a year costs about CN¥295.89 in interest.'
    """
    values = _placeholder_values(loan, shipped_figures(), language(lesson.lang))

    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: values[match[1]], text)

    # Help is a list of services, so it fills a block of its own and never a place inside a sentence.
    help_block = _help_services(lesson, jurisdiction)
    blocks = [_block(help_block if block == "{help}" else filled(block)) for block in lesson.blocks]
    return RenderedLesson(lesson.key, lesson.title, filled(lesson.short), tuple(blocks))


def example_loan(currency: str, exponent: int, figures: LessonFigures | None = None) -> LoanElsewhere:
    """The loan that is priced where the borrower's own amounts are not at hand."""
    figures = figures or shipped_figures()
    return LoanElsewhere(figures.example_amount * 10**exponent, figures.example_days, currency, exponent)


def _placeholder_values(loan: LoanElsewhere, figures: LessonFigures, lang: Language) -> Mapping[str, str]:
    def money(minor: int) -> str:
        return lang.money(minor, loan.currency, loan.exponent)

    values = {"amount": money(loan.amount_minor), "span": lang.span(loan.days)}
    for place, cost in enumerate(costs_elsewhere(loan.amount_minor, loan.days, figures.elsewhere_rates_bp), 1):
        values |= {f"rate_{place}": lang.share(cost.rate_bp), f"cost_{place}": money(cost.interest_minor)}
    return values


def _help_services(lesson: Lesson, jurisdiction: str) -> str:
    """The services for this lesson in the jurisdiction, else those that serve anybody, as a list."""
    by_jurisdiction = shipped_help()
    local = [service for service in by_jurisdiction.get(jurisdiction, ()) if lesson.key in service.lessons]
    services = local or [service for service in by_jurisdiction["any"] if lesson.key in service.lessons]
    translate = language(lesson.lang).translate
    lines = (
        translate("{label}: {value}", label=service.name.in_(lesson.lang), value=service.reach.in_(lesson.lang))
        for service in services
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
    lessons = {
        lang: {path.stem: _lesson(path, lang) for path in sorted((folder / lang).glob("*.md"))} for lang in LANGS
    }
    in_one_only = set(lessons["zh"]) ^ set(lessons["en"])
    if in_one_only:
        raise MaterialError(
            f"the lesson `{min(in_one_only)}` stands in one language only",
            code="material-not-complete",
            way_out="write the other",
        )
    return lessons


def _lesson(path: Path, lang: Lang) -> Lesson:
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    try:
        head = yaml_tree(parts[1])
        blocks = tuple(block.strip() for block in parts[2].strip().split("\n\n"))
        lesson = Lesson(path.stem, lang, head["title"], head["short"], blocks)
    except (IndexError, KeyError, TypeError, YamlFault) as fault:
        raise MaterialError(
            f"the lesson `{path.name}` needs `title` and `short` between two lines `---`",
            code="material-not-complete",
            place=str(path),
        ) from fault
    unknown = set(PLACEHOLDER.findall("\n".join([lesson.short, *blocks]))) - set(LESSON_PLACEHOLDERS)
    if unknown:
        known = ", ".join(LESSON_PLACEHOLDERS)
        raise MaterialError(
            f"`{{{min(unknown)}}}` in the lesson `{path.name}` is not known",
            code="placeholder-not-known",
            way_out=f"it may use {known}",
            place=str(path),
        )
    return lesson


@cache
def shipped_help() -> Mapping[str, Sequence[HelpService]]:
    """Where to get free help, by jurisdiction; `any` serves all the others."""
    raw = read_yaml(shipped("lessons") / "help.yaml")
    return {place: tuple(map(_help_service, entries)) for place, entries in raw.items()}


def _help_service(raw: Mapping[str, Any]) -> HelpService:
    reach = raw["reach"]  # an address or a number is the same in both languages
    return HelpService(
        tuple(raw["for"]),
        text_of(raw["name"]),
        text_of(reach) if isinstance(reach, dict) else Text(zh=reach, en=reach),
    )
