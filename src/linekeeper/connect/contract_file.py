"""The `contract` of a mapping file is read, and a first one is written from files that are known to be good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NoReturn

from linekeeper.core.errors import FileError
from linekeeper.engine.contract import BATCHES, Contract, Term
from linekeeper.policy.dues import WEEKDAYS

CONTRACT_KEYS = (
    "volume", "kinds", "missing", "medians", "highest",
    "freshness", "rejected", "known_accounts", "line_end", "batches",
)  # fmt: skip
BATCHES_MAX = 1_000
WHOLE_SHARE = Decimal(100)  # shares are in percent
OTHER_DAYS = "other"
CLOCKS_DIFFER = Decimal(
    -1
)  # the latest event may be an hour ahead of the arrival, and no more: its zone would be wrong
RANGE = "a range like [800, 1600], `{about: 1200, factor: 1.5}`, or `{factor: 2}` to go by the accepted batches"


def contract_of(tree: Any, place: str) -> Contract:
    """A contract from its YAML or JSON tree. Raises FileError, which names what is wrong with it.

    >>> contract = contract_of({"volume": {"about": 100, "factor": 2}, "missing": {"draw.note": "2%"}}, "m.yaml")
    >>> contract.terms["volume"].high, contract.terms["missing.draw.note"].high
    (Decimal('200'), Decimal('2'))
    """
    if not isinstance(tree, dict) or not set(tree) <= set(CONTRACT_KEYS):
        _refuse("contract", place, f"may hold these keys and no others: {', '.join(f'`{k}`' for k in CONTRACT_KEYS)}")
    terms: dict[str, Term] = {}
    for key, value in tree.items():
        if key != "batches":
            terms |= _READERS[key](value, place)
    batches = tree.get("batches", BATCHES)
    if type(batches) is not int or not 1 <= batches <= BATCHES_MAX:
        _refuse("batches", place, f"is a number of batches from 1 to {BATCHES_MAX:,}")
    return Contract(terms, batches)


def _refuse(key: str, place: str, wanted: str) -> NoReturn:
    named = f"the contract of `{place}`" if key == "contract" else f"`{key}` in the contract of `{place}`"
    raise FileError(f"{named} {wanted}", code="contract-not-usable", place=place, details={"key": key})


def _number(value: Any, percent: bool = False) -> Decimal | None:
    """A number as people write it, or a share from 0 to 100 with `%` behind it; None where it is none.

    >>> _number(12.5), _number("2%", percent=True), _number("2"), _number(True), _number("101%", percent=True)
    (Decimal('12.5'), Decimal('2'), Decimal('2'), None, None)
    """
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (percent and not text.endswith("%")):
        return None
    try:
        number = Decimal(text.removesuffix("%") if percent else text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and (not percent or 0 <= number <= WHOLE_SHARE) else None


def _range(key: str, value: Any, place: str, percent: bool) -> Term:
    """A term with a low and a high end."""
    if isinstance(value, list) and len(value) == 2:
        low, high = (_number(each, percent) for each in value)
        if low is not None and high is not None and low <= high:
            return Term(low, high)
    elif isinstance(value, dict) and set(value) in ({"factor"}, {"about", "factor"}):
        factor = _number(value["factor"])
        if factor is not None and factor > 1:
            if "about" not in value:
                return Term(factor=factor)
            middle = _number(value["about"], percent)
            if middle is not None and middle > 0:
                low, high = middle / factor, middle * factor
                return Term(low, min(high, WHOLE_SHARE) if percent else high)
    _refuse(key, place, "is " + (RANGE.replace("800, 1600", "20%, 30%").replace("1200", "25%") if percent else RANGE))


def _volume(value: Any, place: str) -> dict[str, Term]:
    days = {*WEEKDAYS, OTHER_DAYS}
    if isinstance(value, dict) and value and set(value) <= days:
        names = {day: "volume" if day == OTHER_DAYS else f"volume.{day}" for day in value}
        return {names[day]: _count_range(f"volume: {day}", each, place) for day, each in value.items()}
    return {"volume": _count_range("volume", value, place)}


def _count_range(key: str, value: Any, place: str) -> Term:
    term = _range(key, value, place, percent=False)
    if term.low is not None and term.low < 0:
        _refuse(key, place, f"counts events, and there are never {term.low}")
    return term


def _kinds(value: Any, place: str) -> dict[str, Term]:
    terms = _by_name("kinds", partial(_range, percent=True), value, place)
    least = sum((term.low for term in terms.values() if term.low is not None), Decimal())
    if least > WHOLE_SHARE:
        _refuse("kinds", place, f"asks for {least.normalize():f}% of the events at least, which is more than all")
    return terms


def _by_name(key: str, read: Callable[[str, Any, str], Term], value: Any, place: str) -> dict[str, Term]:
    """Terms by kind or by `KIND.FIELD`."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        named = "kinds, as `repay: [20%, 30%]`" if key == "kinds" else "fields, as `repay.amount: ...`"
        _refuse(key, place, f"names {named}")
    return {f"{key}.{name}": read(f"{key}: {name}", each, place) for name, each in value.items()}


def _at_most(key: str, value: Any, place: str, percent: bool) -> Term:
    high = _number(value, percent)
    if high is None:
        _refuse(key, place, "is a share from 0% to 100%, like 2%" if percent else "is a number")
    return Term(high=high)


def _freshness(value: Any, place: str) -> dict[str, Term]:
    unit = {"h": 1, "d": 24}.get(str(value)[-1:])
    number = _number(str(value)[:-1])
    if unit is None or number is None or number <= 0:
        _refuse("freshness", place, "is how old the latest event may be, like 36h or 2d")
    return {"freshness": Term(CLOCKS_DIFFER, number * unit)}


def _known_accounts(value: Any, place: str) -> dict[str, Term]:
    low = _number(value, percent=True)
    if low is None:
        _refuse("known_accounts", place, "is a share from 0% to 100%, like 95%")
    return {"known_accounts": Term(low=low)}


def _line_end(value: Any, place: str) -> dict[str, Term]:
    if value not in (True, False, "yes", "no"):
        _refuse("line_end", place, "is `yes` or `no`")
    return {"line_end": Term(low=Decimal(1))} if value in (True, "yes") else {}


_READERS: Mapping[str, Callable[[Any, str], dict[str, Term]]] = {
    "volume": _volume,
    "kinds": _kinds,
    "missing": partial(_by_name, "missing", partial(_at_most, percent=True)),
    "medians": partial(_by_name, "medians", partial(_range, percent=False)),
    "highest": partial(_by_name, "highest", partial(_at_most, percent=False)),
    "freshness": _freshness,
    "rejected": lambda value, place: {"rejected": _at_most("rejected", value, place, percent=True)},
    "known_accounts": _known_accounts,
    "line_end": _line_end,
}
