"""The section `dues` of a policy: grace, tolerance, money paid ahead, and the days on which a due can fall.

The days of a public calendar come from the library `holidays`, once: when a policy file that names a calendar is read,
its days are written out and become part of the policy's own text (the key `calendar`), and so of its hash. A store
keeps that text. Whoever reads it again, years later and with a newer library, reads the same days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.reader import Reader
from linekeeper.policy.source import Listing, Node, Scalar, Table, quoted
from linekeeper.scorecard.card import Bins
from linekeeper.scorecard.trees import cuts_of_feature

DUES_KEYS = ("grace", "tolerance", "prepaid", "holidays")
HOLIDAYS_KEYS = ("calendar", "years", "weekend", "also", "not")
CALENDAR_KEYS = ("name", "years", "holidays", "workdays")
PREPAID = ("balance_only", "settles")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKEND = (5, 6)
YEARS = (2020, 2035)  # of a calendar, where the policy names none; the library knows years to come as far as law says
FIRST_YEAR, LAST_YEAR = 1970, 2099
GRACE_DAYS_MAX = 365
_EPOCH = date(1970, 1, 1)


def read_dues(node: Node | None, calendar: Node | None, reader: Reader) -> m.DueTerms:
    """The section, and the days of the calendar that it names: those of the file where it has them, else today's."""
    table = reader.table(node, "`dues`") if node is not None else Table((), 0, 0)
    reader.only(table, DUES_KEYS)
    grace, tolerance, prepaid = table.get("grace"), table.get("tolerance"), table.get("prepaid")
    holidays = table.get("holidays")
    if calendar is not None and (holidays is None or not _calendar_name(holidays)):
        reader.faults.add(calendar, "the days of a calendar stand here, and `dues.holidays` names none", "remove them")
    return m.DueTerms(
        reader.constant(grace, ex.DAYS, 0, GRACE_DAYS_MAX) if grace is not None else 0,
        reader.constant(tolerance, ex.MONEY, 0, MONEY_MAX) if tolerance is not None else 0,
        prepaid is not None and reader.word(prepaid, PREPAID) == "settles",
        _business_days(holidays, calendar, reader) if holidays is not None else None,
    )


# ------------------------------------------------------------------ business days


def _calendar_name(holidays: Node) -> str:
    named = holidays.get("calendar") if isinstance(holidays, Table) else holidays
    return named.text if isinstance(named, Scalar) else ""


def _business_days(node: Node, calendar: Node | None, reader: Reader) -> m.BusinessDays:
    """`holidays: cn`, or a mapping with the lender's own days."""
    short = isinstance(node, Scalar)
    table = Table((), 0, 0) if short else reader.table(node, "`holidays`")
    reader.only(table, HOLIDAYS_KEYS)
    name, years = _calendar_name(node), _years(table.get("years"), reader)
    public = None
    if name:
        public = _written_calendar(calendar, name, years, reader) if calendar else None
        public = public or _public_calendar(table.get("calendar") or node, name, years, reader)
    also, other = (_days(table.get(key), reader) for key in ("also", "not"))
    for day in sorted(also & other):
        text = (_EPOCH + timedelta(days=day)).isoformat()
        reader.faults.add(table, f"`{text}` stands under `also` and under `not`", "remove it from one")
    listed = (set(public.holidays), set(public.workdays)) if public else (set[int](), set[int]())
    off, working = (listed[0] - other) | also, (listed[1] | other) - also
    weekend = _weekend(table.get("weekend"), reader)
    return m.BusinessDays(weekend, tuple(sorted(off)), tuple(sorted(working)), public)


def _weekend(node: Node | None, reader: Reader) -> tuple[int, ...]:
    if node is None:
        return WEEKEND
    items = node.items if isinstance(node, Listing) else (node,)
    weekdays = {WEEKDAYS.index(reader.word(item, WEEKDAYS)) for item in items}
    if len(weekdays) == len(WEEKDAYS):
        reader.faults.add(node, "no day of the week is left for business", "name the days of the weekend alone")
    return tuple(sorted(weekdays))


def _years(node: Node | None, reader: Reader) -> tuple[int, int]:
    if node is None:
        return YEARS
    text = node.text if isinstance(node, Scalar) else ""
    match = re.fullmatch(r"(\d{4})(?:\s*-\s*(\d{4}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        way_out = f"write the first and the last year, from {FIRST_YEAR} to {LAST_YEAR}, like `{YEARS[0]}-{YEARS[1]}`"
        reader.faults.add(node, f"`{quoted(text)}` are no years", way_out)
        return YEARS
    return first, last


def _days(node: Node | None, reader: Reader) -> set[int]:
    """A list of dates, as days since 1970-01-01."""
    days: set[int] = set()
    if node is None:
        return days
    for item in node.items if isinstance(node, Listing) else (node,):
        text = item.text if isinstance(item, Scalar) else ""
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
        except ValueError:
            day = None
        if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
            reader.faults.add(item, f"`{quoted(text)}` is no date", f"write it like `{YEARS[0]}-10-09`")
        else:
            days.add((day - _EPOCH).days)
    return days


def _written_calendar(node: Node, name: str, years: tuple[int, int], reader: Reader) -> m.PublicCalendar | None:
    """The calendar whose days stand in the file."""
    table = reader.table(node, "`calendar`")
    reader.only(table, CALENDAR_KEYS)
    written = table.get("name")
    own_years = _years(table.get("years"), reader)
    if not isinstance(written, Scalar) or (written.text, own_years) != (name, years):
        message = f"these are not the days of `{name}` for {years[0]}-{years[1]}, which `dues.holidays` names"
        reader.faults.add(node, message, "remove the key `calendar`, and the days are written out anew")
        return None
    holidays, workdays = (tuple(sorted(_days(table.get(key), reader))) for key in ("holidays", "workdays"))
    return m.PublicCalendar(name, *years, holidays, workdays)


def _public_calendar(node: Node, name: str, years: tuple[int, int], reader: Reader) -> m.PublicCalendar | None:
    """The calendar of that country as the library has it today."""
    import holidays  # loading it takes a while, and few policies name a calendar

    known = {code.lower() for code in holidays.list_supported_countries(include_aliases=False)}
    if name not in known:
        reader.faults.unknown(node, "the calendar", name, known)
        return None
    days = holidays.country_holidays(name.upper(), years=range(years[0], years[1] + 1))
    off, working = (
        tuple(sorted((day - _EPOCH).days for day in some if years[0] <= day.year <= years[1]))
        for some in (days, days.weekend_workdays)
    )
    return m.PublicCalendar(name, *years, off, working)


def calendar_text(calendar: m.PublicCalendar) -> str:
    """The days of a calendar as a policy file has them, a line for each year.

    >>> print(calendar_text(m.PublicCalendar("cn", 2026, 2026, (20454, 20455), (20457,))), end="")
    calendar:
      name: cn
      years: 2026-2026
      holidays: [
        2026-01-01, 2026-01-02,
      ]
      workdays: [
        2026-01-04,
      ]
    """
    lines = ["calendar:", f"  name: {calendar.name}", f"  years: {calendar.first_year}-{calendar.last_year}"]
    for key, days in (("holidays", calendar.holidays), ("workdays", calendar.workdays)):
        dates = (_EPOCH + timedelta(days=day) for day in days)
        by_year = (", ".join(map(str, some)) for _, some in groupby(dates, key=lambda day: day.year))
        lines += [f"  {key}: [", *(f"    {line}," for line in by_year), "  ]"]
    return "\n".join(lines) + "\n"


def text_with_calendar(text: str, calendar: m.PublicCalendar) -> str:
    """A policy's text with the days of the calendar that it names after it."""
    return text.rstrip("\n") + "\n" + calendar_text(calendar)


# ------------------------------------------------------------------ grace and the rules of arrears


def check_grace(node: Node, policy: m.Policy, reader: Reader) -> None:
    """Note a grace that hides a threshold of days past due: within the grace they are 0, after it they are more."""
    grace_days = policy.dues.grace_days
    hidden = [days for days in _thresholds(policy, reader.features.values()) if days <= grace_days]
    if hidden:
        message = f"a rule looks for {min(hidden)} days past due, and within a grace of {grace_days}d there are none"
        reader.faults.add(node, message, f"write less than {min(hidden)}d, or look for more days")


def _thresholds(policy: m.Policy, features: Iterable[m.Feature]) -> Iterator[int]:
    """The days past due, above 1, from which on some rule answers otherwise; 1 means any at all."""
    features, own = list(features), set[str]()
    for one in features:  # each after those that it names
        if one.expr == ex.Fact("days_past_due", ex.DAYS) or (isinstance(one.expr, ex.Ref) and one.expr.name in own):
            own.add(one.name)
    conditions = [one.when for one in policy.triggers] + [one.clear for one in policy.triggers]
    conditions += [rule.deny for rule in policy.authorise]
    conditions += [restoration.condition for restoration in policy.restorations]
    conditions += [offer.when for offer in policy.offers]
    for feature in features:
        if isinstance(feature.expr, ex.LateCount):
            yield feature.expr.days
    for part in policy.score.bins if policy.score else ():
        if isinstance(part, Bins) and part.feature in own:
            yield from (cut for cut in part.below if cut > 1)
    for trees in policy.score.trees if policy.score else ():
        for name in own.intersection(trees.features):
            yield from (cut for cut in cuts_of_feature(trees, name) if cut > 1)
    rules = [expr for expr in (*(feature.expr for feature in features), *conditions) if expr is not None]
    cells = policy.cells or (None,)
    for expr in (ex.expression_in_segment(rule, cell) for rule in rules for cell in cells):
        for node in ex.nodes_of(expr):
            match node:
                case ex.Compare(op, ex.Ref(name), ex.Literal(days)) | ex.Compare(op, ex.Literal(days), ex.Ref(name)):
                    turned = isinstance(node.left, ex.Literal)
                    if name in own:
                        yield from _cuts(op, days, turned)
                case ex.In(ex.Ref(name), values) if name in own:
                    yield from (days for days in values if days > 0)


def _cuts(op: str, days: int, turned: bool) -> Iterator[int]:
    """The number of days, above 1, at which a comparison answers otherwise; `turned`: the number stands on the left.

    >>> list(_cuts(">=", 30, False)), list(_cuts(">", 0, False)), list(_cuts("=", 1, False)), list(_cuts("<", 2, True))
    ([30], [], [1], [3])
    """
    if op in ("=", "!="):
        yield from (days,) if days > 0 else ()
        return
    beyond = op in ((">=", "<") if not turned else ("<=", ">"))
    cut = days if beyond else days + 1
    yield from (cut,) if cut > 1 else ()
