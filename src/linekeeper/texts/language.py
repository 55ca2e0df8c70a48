"""Two languages from one source: messages through Babel catalogues, quantities in the locale's own form.

English is written in the code and the templates; `catalogue/zh.po` holds the Chinese. The catalogue is compiled in
memory when Chinese is first asked for, so that a fresh checkout needs no build step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel.core import Locale
from babel.dates import format_date, format_skeleton, get_day_names
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from babel.support import NullTranslations, Translations

from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")
LOCALES = {"zh": "zh_Hans_CN", "en": "en_GB"}
TAGS = {"zh": "zh-Hans", "en": "en"}
CATALOGUES = Path(__file__).parent / "catalogue"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
YEAR_DAYS = 365  # as in the policy language


@dataclass(frozen=True, slots=True)
class Text:
    """The same thing said in both languages.

    >>> Text(zh="逾期", en="late").in_("en")
    'late'
    """

    zh: str
    en: str

    def in_(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


def text_of(raw: Mapping[str, str]) -> Text:
    """The text of a YAML mapping `{zh: ..., en: ...}`. Raises `KeyError` where one language is missing."""
    return Text(zh=raw["zh"], en=raw["en"])


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its translations, and its forms for money, dates, shares and spans of days.

    >>> english, chinese = language("en"), language("zh")
    >>> english.money(1_234_550, "CNY", 2), chinese.money(500_000, "CNY", 2)
    ('CN¥12,345.50', '¥5,000')
    >>> english.day(20_575), chinese.day(20_575)
    ('2 May 2026', '2026年5月2日')
    >>> english.weekday(5), chinese.weekday(5), english.country("cn"), chinese.country("cn")
    ('Saturday', '星期六', 'China', '中国')
    >>> english.share(250), english.span(730), chinese.span(30)
    ('2.5%', '2 years', '30天')
    """

    code: Lang
    translations: NullTranslations

    @property
    def locale(self) -> str:
        return LOCALES[self.code]

    @property
    def tag(self) -> str:
        """The BCP 47 tag, for `lang` in HTML."""
        return TAGS[self.code]

    def translate(self, message: str, **given: object) -> str:
        """The message in this language, its `{placeholders}` filled."""
        return str(self.translations.ugettext(message)).format(**given)

    def translate_count(self, one: str, many: str, number: int, **given: object) -> str:
        """The form of the message that fits `number`, which also fills `{number}`."""
        chosen = str(self.translations.ungettext(one, many, number))
        return chosen.format(number=self.number(number), **given)

    def number(self, value: int) -> str:
        """A whole number with the thousands set apart."""
        return str(format_decimal(value, locale=self.locale))

    def money(self, minor: int, currency: str, exponent: int) -> str:
        """Minor units as an amount. Decimals are written only where the amount is not whole."""
        amount = Decimal(minor).scaleb(-exponent)
        digits = "" if amount == amount.to_integral_value() else "." + "0" * exponent
        gap = "\xa0" if get_currency_symbol(currency, self.locale)[-1].isalpha() else ""
        return str(format_currency(amount, currency, f"¤{gap}#,##0{digits}", locale=self.locale, currency_digits=False))

    def share(self, basis_points: int) -> str:
        """Basis points as a percentage."""
        return str(format_percent(Decimal(basis_points).scaleb(-4), "#,##0.##%", locale=self.locale))

    def chance(self, ppm: int) -> str:
        """Parts per million as a percentage."""
        return str(format_percent(Decimal(ppm).scaleb(-6), "#,##0.####%", locale=self.locale))

    def day(self, days: int) -> str:
        """A date with its year, from days since 1970-01-01."""
        return str(format_date(date_of(days), "long", locale=self.locale))

    def short_day(self, days: int) -> str:
        """A date without its year, in the style of those that have one: "2 September"."""
        return str(format_skeleton("MMMMd", date_of(days), locale=self.locale))

    def weekday(self, number: int) -> str:
        """A day of the week by its number, 0 for Monday."""
        return str(get_day_names("wide", locale=self.locale)[number])

    def country(self, code: str) -> str:
        """A country by its ISO 3166 code, in whatever letters; the code itself where it has no name."""
        return str(Locale.parse(self.locale).territories.get(code.upper(), code))

    def span(self, days: int) -> str:
        """A length of time; a whole number of years of 365 days is given in years."""
        if days and days % YEAR_DAYS == 0:
            return self.translate_count("{number} year", "{number} years", days // YEAR_DAYS)
        return self.translate_count("{number} day", "{number} days", days)

    def times(self, count: int) -> str:
        """How often: "3 times"."""
        return self.translate_count("{number} time", "{number} times", count)

    def all_of(self, items: Sequence[str]) -> str:
        """a, b and c."""
        return str(format_list(list(items), "standard", locale=self.locale))

    def one_of(self, items: Sequence[str]) -> str:
        """a, b or c."""
        return str(format_list(list(items), "or", locale=self.locale))

    def quote(self, text: str) -> str:
        return f"“{text}”"

    def sentences(self, *parts: str) -> str:
        """Sentences one after the other; Chinese puts no space between them."""
        return ("" if self.code == "zh" else " ").join(part for part in parts if part)


@cache
def language(lang: Lang) -> Language:
    """The language of that code. Raises `UsageError` where the code is neither `zh` nor `en`."""
    if lang not in LANGS:
        raise UsageError(
            f"`{lang}` is not a language of the notices",
            code="choice-not-known",
            way_out="use `zh` or `en`",
            details={"given": lang},
        )
    if lang == "en":
        return Language("en", NullTranslations())
    compiled = BytesIO()
    with (CATALOGUES / f"{lang}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=LOCALES[lang]))
    compiled.seek(0)
    return Language(lang, Translations(compiled))
