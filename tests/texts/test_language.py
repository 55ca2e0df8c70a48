"""Quantities in the locale's form, and a catalogue without gaps."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import linekeeper
from linekeeper.core.errors import LinekeeperError
from linekeeper.notice.render import TEMPLATES
from linekeeper.policy.daily import DAILY
from linekeeper.policy.functions import ARM, FACTS, FUNCTIONS, MEASURES
from linekeeper.texts.language import CATALOGUES, LANGS, Lang, language

Message = str | tuple[str, str]
TABLES = {
    "linekeeper.notice.render": ("HEADLINES", "LEADS", "COMING"),
    "linekeeper.notice.own_choice": ("IN_FORCE", "SENTENCES"),
    "linekeeper.notice.road_back": ("STEP_TEXTS", "ASSUMPTION_TEXTS", "NO_ROAD_TEXTS", "LOAN_WORDS"),
    "linekeeper.notice.prose.expression": (
        *("RELATIONS", "ARITHMETIC", "SCORE_WORDS", "WINDOWS", "ENDINGS", "TILES"),
        "LINE_BEFORE",
    ),
    "linekeeper.notice.prose.links": ("THINGS",),
    "linekeeper.console.words": ("STATUS_NAMES", "ACTION_NAMES", "RULE_STATES"),
}
PACKAGE = Path(linekeeper.__file__).parent
ROOMS = ("texts", "education", "notice", "console")
SOURCES = (
    *(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")),
    PACKAGE / "cli/lesson_commands.py",
    PACKAGE / "cli/notice_commands.py",
    PACKAGE / "lab/backtest/page.py",
    PACKAGE / "lab/backtest/comparison_words.py",
    PACKAGE / "lab/fit/validation/page.py",
)
PAGES = (
    PACKAGE / "lab/backtest/backtest.html",
    PACKAGE / "lab/backtest/comparison.html",
    PACKAGE / "lab/fit/validation/validation.html",
)


def in_code(path: Path) -> Iterator[Message]:
    """The messages that a module translates."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "translate":
            strings = (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
            yield from (text for text in strings if isinstance(text, str) and text != "sum")
        if name == "translate_count" and all(isinstance(part, ast.Constant) for part in node.args[:2]):
            one, many = (ast.literal_eval(part) for part in node.args[:2])
            yield one, many


def translatable() -> set[Message]:
    """All messages of code, tables and templates."""
    found: set[Message] = {message for path in SOURCES for message in in_code(path)}
    for module, names in TABLES.items():
        for name in names:
            found |= set(vars(importlib.import_module(module))[name].values())
    found |= {record.words for records in (FUNCTIONS, MEASURES, FACTS) for record in records.values()}
    found.add(ARM.words)
    found |= {one["words"] for one in DAILY.values()}
    for template in (*TEMPLATES.iterdir(), *(PACKAGE / "console/templates").iterdir(), *PAGES):
        text = template.read_text("utf-8")
        found |= set(re.findall(r'translate\("([^"]+)"', text))
        found |= set(re.findall(r'translate_count\("([^"]+)", "([^"]+)"', text))
    return found


def translated() -> dict[Message, str]:
    with (CATALOGUES / "zh.po").open("rb") as file:
        catalogue = read_po(file)
    texts = {message.id: message.string for message in catalogue if message.id}
    return {tuple(key) if isinstance(key, list | tuple) else key: "".join(text) for key, text in texts.items()}


def test_every_message_has_its_chinese() -> None:
    assert translatable() - set(translated()) == set()


def test_no_translation_is_left_over() -> None:
    assert set(translated()) - translatable() == set()


def test_translations_fill_the_same_places() -> None:
    for message, text in translated().items():
        many = message[1] if isinstance(message, tuple) else message
        assert text, message
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", many)), message


# ------------------------------------------------------------------ quantities


@pytest.mark.parametrize(
    ("lang", "minor", "currency", "exponent", "written"),
    [
        ("zh", 0, "CNY", 2, "¥0"),
        ("zh", 1, "CNY", 2, "¥0.01"),
        ("zh", 100, "CNY", 2, "¥1"),
        ("zh", -86_050, "CNY", 2, "-¥860.50"),
        ("en", 1_234_500, "CNY", 2, "CN¥12,345"),
        ("en", 12_345, "TWD", 0, "NT$12,345"),
        ("zh", 12_345, "TWD", 2, "NT$123.45"),
        ("en", 500, "JPY", 0, "JP¥500"),
        ("en", 1_001, "KWD", 3, "KWD 1.001"),
        ("en", 10**15, "USD", 2, "US$10,000,000,000,000"),
    ],
)
def test_money(lang: Lang, minor: int, currency: str, exponent: int, written: str) -> None:
    assert language(lang).money(minor, currency, exponent).replace("\xa0", " ") == written


@given(st.integers(-(10**15), 10**15), st.sampled_from(LANGS), st.integers(0, 4))
def test_money_is_written_exactly(minor: int, lang: Lang, exponent: int) -> None:
    written = language(lang).money(minor, "CNY", exponent)
    digits = re.sub(r"[^\d.]", "", written)
    assert Decimal(digits).scaleb(exponent) == abs(minor)
    assert ("-" in written) == (minor < 0)


@given(st.integers(0, 1_000_000), st.sampled_from(LANGS))
def test_shares_are_written_exactly(basis_points: int, lang: Lang) -> None:
    written = language(lang).share(basis_points)
    assert Decimal(written.rstrip("%").replace(",", "")) * 100 == basis_points


def test_dates_and_spans() -> None:
    english, chinese = language("en"), language("zh")
    assert (english.day(0), chinese.day(0)) == ("1 January 1970", "1970年1月1日")
    assert (english.short_day(20_575), chinese.short_day(20_575)) == ("2 May", "5月2日")
    assert [english.span(days) for days in (0, 1, 364, 365, 730)] == [
        "0 days",
        "1 day",
        "364 days",
        "1 year",
        "2 years",
    ]
    assert chinese.span(365) == "1年"
    assert (english.times(1), english.times(3), chinese.times(3)) == ("1 time", "3 times", "3次")
    assert (english.chance(12_000), english.chance(1)) == ("1.2%", "0.0001%")


def test_another_language_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="`fr` is not a language of the notices; use `zh` or `en`"):
        language("fr")  # type: ignore[arg-type]
