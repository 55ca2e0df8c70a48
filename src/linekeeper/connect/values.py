"""One value of one row is read strictly: what a field takes, and why a value is refused.

| field | taken |
|---|---|
| money, count, days, share | a whole number; money also as a decimal in major units where the mapping says so |
| flag | true, false, 1, 0 |
| date | `2025-03-01`, a date, or days since 1970-01-01 |
| `at` | `2025-03-01T08:00:00+08:00` or `...Z`, a date-time with a zone, or UTC milliseconds |
| category, text, `id`, `account` | text, at most 200 characters, none of them a control character |

A whole decimal such as 5.0 is a whole number. In a text file (CSV) numbers are digits, and `30.0` is 30, as data frames
write it. It is refused as money unless the mapping says in which units money stands: `250.0` may mean 250 in major
units. Elsewhere a number in quotes is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from typing import Literal as OneOf

from linekeeper.connect.raw_rows import UnreadableCell
from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS, DAY_MAX, MONEY_MAX, TEXT_MAX
from linekeeper.core.characters import fits_name, fits_text
from linekeeper.core.event import ARRIVED
from linekeeper.policy.model import Field

What = OneOf["number", "flag", "date", "instant", "category", "text", "name"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
EXACT_FLOAT_MAX = 2**53  # beyond, two neighbouring whole numbers may be the same float
DECIMALS_MAX = 30

WHOLE = r"^-?[0-9]{1,18}$"
WHOLE_DECIMAL = r"^-?[0-9]{1,15}\.0{1,6}$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
INSTANT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?{OFFSET}$"
FLAGS = {"true": 1, "false": 0, "1": 1, "0": 0}

DECIMAL = r"^-?[0-9]{1,18}(\.[0-9]{1,6})?$"
# What becomes of an id in a spreadsheet (`6.225E+18`) or a data frame (`7.0`): several ids may have become this one.
SPOILT_NAME = r"^([0-9](\.[0-9]+)?E\+[0-9]{2,3}|[0-9]+\.0)$"
PADDED_NAME = "^[ \u00a0\u3000]|[ \u00a0\u3000]$"

_whole, _whole_decimal, _date, _instant, _decimal = map(re.compile, (WHOLE, WHOLE_DECIMAL, DATE, INSTANT, DECIMAL))
_spoilt_name, _padded_name = map(re.compile, (SPOILT_NAME, PADDED_NAME))


class FieldRejected(Exception):
    """Why a row cannot be taken, in one lower-case sentence."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What one column of one kind takes. `low` and `high` are inclusive; `digits` shifts major units to minor.

    `units_unknown`: money, and nobody said in which units; so text with a decimal point is refused, even `250.0`.
    """

    name: str
    what: What
    optional: bool = False
    low: int = 0
    high: int = MONEY_MAX
    digits: int | None = None
    choices: tuple[str, ...] = ()
    units_unknown: bool = False


ID = FieldSpec("id", "name")
ACCOUNT = FieldSpec("account", "name")
AT = FieldSpec("at", "instant", low=AT_MIN_MS, high=AT_END_MS - 1)
ARRIVAL = FieldSpec(ARRIVED, "instant", optional=True, low=AT_MIN_MS, high=AT_END_MS - 1)


def spec_of(field: Field, digits: int | None, units_unknown: bool = False) -> FieldSpec:
    """What a policy's field takes; `digits`: money is written in major units with so many minor digits."""
    if field.unit == "category":
        return FieldSpec(field.name, "category", field.optional, choices=field.choices)
    if field.unit == "text":
        return FieldSpec(field.name, "text", field.optional)
    if field.unit == "flag":
        return FieldSpec(field.name, "flag", field.optional, high=1)
    if field.is_date:
        return FieldSpec(field.name, "date", field.optional, high=DAY_MAX)
    low = -MONEY_MAX if field.signed else 0
    money = field.unit == "money"
    return FieldSpec(
        field.name,
        "number",
        field.optional,
        low,
        field.most,
        digits=digits if money else None,
        units_unknown=money and units_unknown,
    )


def read_value(spec: FieldSpec, value: Any, written: bool = False) -> int | str:
    """The value as the event table keeps it; raises `FieldRejected`. `written`: from text, so numbers are digits.

    >>> read_value(spec_of(Field("amount", "money"), digits=2), "12.50")
    1250
    >>> read_value(AT, "2025-03-01T08:00:00+08:00")
    1740787200000
    """
    if isinstance(value, UnreadableCell):
        raise FieldRejected(value.reason)
    match spec.what:
        case "category":
            return _choice(spec, value)
        case "text" | "name":
            return _text(spec, value)
        case "flag":
            number = _flag(value, written)
        case "date":
            number = _days(value, written)
        case "instant":
            number = _milliseconds(value, written)
        case _:
            number = (
                _major(value, spec.digits) if spec.digits is not None else _amount(value, written, spec.units_unknown)
            )
    if number is None:
        raise FieldRejected(f"{named_value(spec.name, value)}, which is not {_wanted(spec, value)}")
    if not spec.low <= number <= spec.high:
        bounds = f"{_bound(spec, spec.low)} to {_bound(spec, spec.high)}"
        raise FieldRejected(f"{named_value(spec.name, value)}, out of bounds; it may lie from {bounds}")
    return number


def named_value(name: str, value: Any) -> str:
    """The start of a reason: the field and its value, shortened and printable.

    >>> named_value("amount", "x" * 100)
    "`amount` is 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    try:
        text = ascii(value) if isinstance(value, str | bytes) else str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a value nested too deep
        text = "too large to show"
    return f"`{name}` is {text if len(text) <= 34 else text[:31] + '...'}"


def _wanted(spec: FieldSpec, value: Any) -> str:
    if spec.digits is not None:
        return f"an amount in major units with at most {spec.digits} decimals" if spec.digits else "a whole amount"
    if spec.units_unknown and isinstance(value, str) and {".", ","} & set(value):
        return (
            "a whole number of minor units; a mapping can say `money: major` (12.50) and which `decimal` mark there is"
        )
    return {
        "number": "a whole number",
        "flag": "true or false",
        "date": "a date; write it as `2025-03-01`",
        "instant": "a time with its UTC offset; write it as `2025-03-01T08:00:00+08:00` or in UTC milliseconds",
    }[spec.what]


def _bound(spec: FieldSpec, bound: int) -> str:
    match spec.what:
        case "instant":
            return (EPOCH + timedelta(milliseconds=bound)).strftime("%Y-%m-%d")
        case "date":
            return str(EPOCH_DAY + timedelta(days=bound))
        case _:
            return {MONEY_MAX: "10^15", -MONEY_MAX: "-10^15"}.get(bound, str(bound))


def _number(value: Any) -> int | None:
    """A whole number written as a number: 5, 5.0."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= EXACT_FLOAT_MAX else None
    if isinstance(value, Decimal):
        return _shifted(value, 0)
    return None


def _amount(value: Any, written: bool, units_unknown: bool = False) -> int | None:
    if written and isinstance(value, str):
        if _whole.fullmatch(value):
            return int(value)
        return int(value.partition(".")[0]) if not units_unknown and _whole_decimal.fullmatch(value) else None
    return _number(value)


def _major(value: Any, digits: int) -> int | None:
    """Major units to minor: 12.5 -> 1250 with two digits; None where anything would be lost.

    Text has no more decimals than the currency, not even zeros: half the world writes a thousand as `1.000`.
    """
    if isinstance(value, str):
        fits = _decimal.fullmatch(value) and len(value.partition(".")[2]) <= digits
        value = Decimal(value) if fits else None
    elif isinstance(value, float):
        value = Decimal(repr(value))  # the shortest decimal that is this float: what was written
    elif type(value) is int:
        value = Decimal(value)
    return _shifted(value, digits) if isinstance(value, Decimal) else None


def _shifted(value: Decimal, digits: int) -> int | None:
    if not value.is_finite() or value.adjusted() > 18 or value.adjusted() < -DECIMALS_MAX:
        return None
    scaled = Fraction(value) * 10**digits
    return scaled.numerator if scaled.denominator == 1 else None


def _flag(value: Any, written: bool) -> int | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return FLAGS.get(value, _amount(value, written)) if written else None
    return _number(value)


def _days(value: Any, written: bool) -> int | None:
    if isinstance(value, str):
        if _date.fullmatch(value):
            try:
                return (date.fromisoformat(value) - EPOCH_DAY).days
            except ValueError:
                return None
        return _amount(value, written)
    if isinstance(value, date) and not isinstance(value, datetime):
        return (value - EPOCH_DAY).days
    return _number(value)


def _milliseconds(value: Any, written: bool) -> int | None:
    if isinstance(value, str):
        if not _instant.fullmatch(value):
            return _amount(value, written)
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(milliseconds=1) if value.tzinfo else None
    return _number(value)


def _choice(spec: FieldSpec, value: Any) -> str:
    if isinstance(value, str) and value in spec.choices:
        return value
    raise FieldRejected(
        f"{named_value(spec.name, value)}, which is none of {', '.join(f'`{choice}`' for choice in spec.choices)}"
    )


def _text(spec: FieldSpec, value: Any) -> str:
    if spec.what == "name" and type(value) is int:
        value = str(value) if abs(value) < 10**20 else None
    if not isinstance(value, str):
        raise FieldRejected(f"{named_value(spec.name, value)}, which is not UTF-8 text")
    if len(value) > TEXT_MAX:
        raise FieldRejected(f"{named_value(spec.name, value)}, longer than {TEXT_MAX} characters")
    if not value and spec.what == "name":
        raise FieldRejected(f"`{spec.name}` is empty")
    if not (fits_name if spec.what == "name" else fits_text)(value):
        raise FieldRejected(f"{named_value(spec.name, value)}, with a control character or half a character in it")
    if spec.what == "name" and _padded_name.search(value):
        raise FieldRejected(f"{named_value(spec.name, value)}, with a blank at its start or end")
    if spec.what == "name" and _spoilt_name.search(value):
        shown = named_value(spec.name, value)
        raise FieldRejected(f"{shown}, a number that a program has rewritten; export the column as text")
    return value
