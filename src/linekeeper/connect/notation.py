"""How a source writes numbers, days and times, as its mapping says. Text is read exactly so, or it is not read.

Nothing here depends on a locale: the months of `%b` are the English ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Literal as OneOf
from zoneinfo import ZoneInfo

from linekeeper.connect.values import EPOCH, OFFSET

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMED_FORMATS = ("iso", "excel", "seconds", "milliseconds")
FORMATS_MAX = 10
EXCEL_FIRST = 61  # 1 March 1900; Excel counts a 29 February 1900 that never was, so days before it are not sure
EXCEL_LAST = 73_050
THOUSANDS_SPACES = " \u00a0\u202f"  # any of them between thousands, since programs write hard and narrow ones

Moment = date | datetime  # a date, a local time without a zone, or an instant

_two, _loose = "[0-9]{2}", "[0-9]{1,2}"
_PIECES = {
    "Y": "(?P<Y>[0-9]{4})", "y": f"(?P<y>{_two})", "f": "(?P<f>[0-9]{1,6})", "p": "(?P<p>[AaPp][Mm])",
    "b": "(?P<b>[A-Za-z]{3})", "B": "(?P<b>[A-Za-z]{3,9})", "z": f"(?P<z>{OFFSET})", "%": "%",
}  # fmt: skip
_COUNTED = "mdHIMS"
_full_months = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_iso_date = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_iso_time = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?{OFFSET}?")
_serial = re.compile(r"[0-9]{1,5}(\.[0-9]{1,12})?")
_epoch_count = re.compile(r"[0-9]{1,15}(\.0)?")
_plain_number = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")


class FormatError(ValueError):
    """Why a format of dates cannot be used, in one lower-case sentence."""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """One way of writing a day or a time, like `%d.%m.%Y`, or one of `NAMED_FORMATS`."""

    text: str

    def __post_init__(self) -> None:
        if self.text not in NAMED_FORMATS:
            _pattern(self.text)

    def read(self, text: str) -> Moment | None:
        """The day or time that the text is in this format, else None.

        >>> DateFormat("%d.%m.%Y").read("3.3.2025"), DateFormat("%y%m%d").read("250303")
        (datetime.date(2025, 3, 3), datetime.date(2025, 3, 3))
        >>> DateFormat("%Y%m%d").read("250303") is None, DateFormat("excel").read("45719.5")
        (True, datetime.datetime(2025, 3, 3, 12, 0))
        """
        try:
            match self.text:
                case "iso":
                    return iso_moment(text)
                case "excel":
                    return excel_moment(text)
                case "seconds" | "milliseconds" as unit:
                    count = int(text.partition(".")[0]) if _epoch_count.fullmatch(text) else None
                    return None if count is None else EPOCH + timedelta(**{unit: count})
            pieces = _pattern(self.text).fullmatch(text)
            return _moment(pieces.groupdict()) if pieces else None
        except (ValueError, OverflowError):
            return None


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """The format as a pattern. One digit may do where a mark stands on both sides, as in `3.3.2025`."""
    tokens = re.findall(r"%.|[^%]+|%$", text)
    pattern, named = "", set()
    for place, token in enumerate(tokens):
        if not token.startswith("%"):
            pattern += re.escape(token)
            continue
        name = token[1:]
        if name in _COUNTED and name:
            beside = tokens[max(place - 1, 0) : place] + tokens[place + 1 : place + 2]
            alone = all(not other.startswith("%") and not other[0].isdigit() for other in beside)
            piece = f"(?P<{name}>{_loose if alone else _two})"
        elif name in _PIECES:
            piece = _PIECES[name]
        else:
            raise FormatError(f"`{token}` is not known; a format has %Y %y %m %b %B %d %H %I %p %M %S %f %z %%")
        name = {"B": "b"}.get(name, name)
        if name in named:
            raise FormatError(f"`{text}` has `{token}` twice")
        named |= {name} - {"%"}
        pattern += piece
    _complete(text, named)
    return re.compile(pattern)


def _complete(text: str, named: set[str]) -> None:
    if len(named & {"Y", "y"}) != 1 or len(named & {"m", "b"}) != 1:
        raise FormatError(f"`{text}` needs one of %Y and %y for the year, and one of %m, %b and %B for the month")
    if len(named & {"H", "I"}) > 1 or ("I" in named) != ("p" in named):
        raise FormatError(f"`{text}` needs %H, or %I with %p, for the hour")
    if named & {"M", "S", "f", "z"} and not named & {"H", "I"}:
        raise FormatError(f"`{text}` has a time without an hour")


def _moment(pieces: dict[str, str]) -> Moment | None:
    """The pieces of a match as a day or time. A format without a day means the first of the month."""
    year = int(pieces["Y"]) if "Y" in pieces else _century(int(pieces["y"]))
    month = int(pieces["m"]) if "m" in pieces else _month_number(pieces["b"])
    day = date(year, month, int(pieces.get("d", 1)))
    if not pieces.keys() & {"H", "I"}:
        return day
    hour = int(pieces.get("H", 0))
    if "I" in pieces:
        if not 1 <= int(pieces["I"]) <= 12:
            return None
        hour = int(pieces["I"]) % 12 + (12 if pieces["p"].lower() == "pm" else 0)
    micro = int(pieces.get("f", "0").ljust(6, "0"))
    time = datetime(day.year, day.month, day.day, hour, int(pieces.get("M", 0)), int(pieces.get("S", 0)), micro)
    return datetime.fromisoformat(f"{time.isoformat()}{pieces['z']}") if "z" in pieces else time


def _century(two_digits: int) -> int:
    """POSIX: 69 to 99 are of the last century."""
    return two_digits + (1900 if two_digits >= 69 else 2000)


def _month_number(name: str) -> int:
    low = name.lower()
    if low[:3] in MONTHS and low in (low[:3], _full_months[MONTHS.index(low[:3])]):
        return MONTHS.index(low[:3]) + 1
    raise ValueError


def iso_moment(text: str) -> Moment | None:
    """A day, a local time or an instant in ISO 8601; None where the text is none of them.

    >>> iso_moment("2025-03-03 10:00"), iso_moment("2025-03-03T10:00:00+08:60")
    (datetime.datetime(2025, 3, 3, 10, 0), None)
    """
    try:
        if _iso_date.fullmatch(text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text) if _iso_time.fullmatch(text) else None
    except ValueError:
        return None


def excel_moment(text: str) -> Moment | None:
    """The day or local time of an Excel serial number (the system of 1900), with a comma or a point.

    >>> excel_moment("45719"), excel_moment("45719,5")
    (datetime.date(2025, 3, 3), datetime.datetime(2025, 3, 3, 12, 0))
    """
    text = text.replace(",", ".", 1)
    if not _serial.fullmatch(text) or not EXCEL_FIRST <= float(text) < EXCEL_LAST:
        return None
    days, fraction = divmod(Decimal(text), 1)
    day = datetime(1899, 12, 30) + timedelta(days=int(days))
    if not fraction:
        return day.date()
    # A second is 1/86,400 of a day and not a decimal: Excel means the nearest one.
    return day + timedelta(seconds=int((fraction * 86_400).to_integral_value(ROUND_HALF_EVEN)))


@dataclass(frozen=True, slots=True)
class Notation:
    """The decimal mark (None: not named, so only `12.50` is a number), the mark between thousands, signs of a currency
    to take off, the formats of dates (none: ISO 8601), and the zone of times without one.

    >>> german = Notation(decimal=",", thousands=".", symbols=("€",))
    >>> german.number("1.250,50 €"), german.number("250.50"), Notation().number("250,50")
    (Decimal('1250.50'), None, None)
    """

    decimal: str | None = None
    thousands: str | None = None
    symbols: tuple[str, ...] = ()
    dates: tuple[DateFormat, ...] = ()
    zone: ZoneInfo | None = None
    _number: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_number", _number_pattern(self.decimal, self.thousands))

    def number(self, text: str) -> Decimal | None:
        """The number, or None. A minus may stand behind it, or brackets around it, where the decimal mark is named."""
        if self.decimal is None and not self.symbols:
            return Decimal(text) if _plain_number.fullmatch(text) else None
        text, minus = _unsigned(self._without_symbols(text))
        if not self._number.fullmatch(text):
            return None
        if self.thousands:
            for mark in THOUSANDS_SPACES if self.thousands == " " else self.thousands:
                text = text.replace(mark, "")
        value = Decimal(text.replace(self.decimal or ".", "."))
        return -value if minus else value

    def _without_symbols(self, text: str) -> str:
        text = text.strip()
        for symbol in self.symbols:
            inner = text.strip("-()")
            if inner.startswith(symbol) or inner.endswith(symbol):
                text = text.replace(symbol, "", 1).strip()
        return text

    def moment(self, text: str) -> Moment | OneOf["ambiguous"] | None:
        """The day or time; None where no format reads it, `ambiguous` where two read it differently.

        >>> Notation(dates=(DateFormat("%d/%m/%Y"), DateFormat("%m/%d/%Y"))).moment("03/04/2025")
        'ambiguous'
        """
        if not self.dates:
            return iso_moment(text)
        read = {moment for each in self.dates if (moment := each.read(text.strip())) is not None}
        return "ambiguous" if len(read) > 1 else next(iter(read), None)

    def milliseconds(self, moment: Moment) -> int | str:
        """UTC milliseconds of a day (its first hour), a local time or an instant; or why there are none.

        >>> from zoneinfo import ZoneInfo
        >>> Notation(zone=ZoneInfo("Asia/Shanghai")).milliseconds(datetime(2025, 3, 1, 8))
        1740787200000
        >>> Notation(zone=ZoneInfo("Europe/Berlin")).milliseconds(datetime(2025, 3, 30, 2, 30))
        'no time in Europe/Berlin, where clocks went forward over it'
        """
        time = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
        if time.tzinfo is None:
            if self.zone is None:
                return "a local time, and the mapping names no `zone`"
            # Where clocks go back an hour comes twice: the first of the two is taken (`fold` is 0).
            local, time = time, time.replace(tzinfo=self.zone)
            try:
                if time.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != local:
                    return f"no time in {self.zone.key}, where clocks went forward over it"
            except OverflowError:
                return "out of bounds"
        return (time - EPOCH) // timedelta(milliseconds=1)

    def day(self, moment: Moment) -> date:
        """The calendar day; of an instant, in the zone."""
        if not isinstance(moment, datetime):
            return moment
        return (moment.astimezone(self.zone) if moment.tzinfo and self.zone else moment).date()


def _mark(thousands: str) -> str:
    return f"[{THOUSANDS_SPACES}]" if thousands == " " else re.escape(thousands)


def _number_pattern(decimal: str | None, thousands: str | None) -> re.Pattern[str]:
    """Whole thousands, or no marks at all. Two digits between marks are the lakh and crore of India: 12,34,567."""
    point = rf"({re.escape(decimal or '.')}[0-9]{{1,6}})?"
    digits = "[0-9]{1,18}"
    if thousands:
        mark = _mark(thousands)
        digits += rf"|[0-9]{{1,3}}({mark}[0-9]{{3}}){{1,5}}|[0-9]{{1,2}}({mark}[0-9]{{2}}){{1,7}}{mark}[0-9]{{3}}"
    return re.compile(rf"({digits}){point}")


def _unsigned(text: str) -> tuple[str, bool]:
    """The text without its sign, and whether it was a minus: `-5`, `5-`, `(5)`."""
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text.startswith("-"):
        return text[1:].strip(), True
    if text.endswith("-"):
        return text[:-1].strip(), True
    return text.removeprefix("+"), False


def plain_number(value: int | float | Decimal) -> str:
    """A number as plain digits, as a text file would have it.

    >>> [plain_number(number) for number in (7, Decimal("1E+3"), 12.5, 30.0, Decimal("0.10"))]
    ['7', '1000', '12.5', '30', '0.10']
    """
    if isinstance(value, int):
        return str(value)
    number = Decimal(repr(value)) if isinstance(value, float) else value
    text = format(number, "f")
    return text.partition(".")[0] if number.is_finite() and number == number.to_integral_value() else text
