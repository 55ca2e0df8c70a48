"""Where each thing stands in the flat state of an account, facts first, then the line; and in a row of results.

Facts are a function of the account's events in time order and can be rebuilt from them; the line part
follows arrival and is carried (see "Late events" in the language reference).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from linekeeper.core.bounds import DUES_MAX
from linekeeper.core.formats import EDITION
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.windows import window_days
from linekeeper.policy.daily import LINE_FACTS
from linekeeper.policy.expression_text import ExpressionText, Namespace, slug

LATCH_WIDTH = 5
_TILE = {"h": "hour", "d": "day", "m": "month"}

FACT_SLOTS = ("SEEN", "HOUR", "MONTH", "MONTH_END", "BALANCE", "REPORTED", "STREAK", "DUES")
RELIEF_SLOTS = ("RELIEF_FROM", "RELIEF_UNTIL", "RELIEF_STOOD")  # of the latest moratorium; up to when its days stood
LINE_SLOTS = (
    "OPENED",
    "OPEN_AT",
    "OPEN_MONTH",
    "OBSERVED_DAY",  # the first day of which all events are known
    "STANDS_UNTIL",  # the first day on which a line may move that an `opening` took over; 0 where `open` opened it
    "STATED",  # the mask of those latches that the opening stated and that have been set ever since
    "STATED_LIMIT",
    "GRANTED",
    "LIMIT",
    "STATUS",
    "STATUS_DAY",
    "RISING",
    "RISE_DAY",
    "IMPOSED_BP",
    "IMPOSED_END",
    "OFFER_NUMBER",
    "OFFER_LIMIT",
    "OFFER_DAY",
    "OFFER_END",
    "MASK",
    "LATCH_DAY",  # the first later day on which a latch may move though no feature does
    "POINTS",  # the score at the last evaluation
    "NEXT_REVIEW",
)

# Of the borrower's own wish: 0 none, 1 lower, 2 freeze, 3 close; the most that it leaves; the one that takes its place
# on a later day (0: none waits); and whether a decision has yet to tell of a change.
OWN_SLOTS = ("OWN_WISH", "OWN_LIMIT", "OWN_NEXT_WISH", "OWN_NEXT_LIMIT", "OWN_NEXT_DAY", "OWN_CHANGED")
GRANT_SLOTS = ("GRANT_WAITING",)  # 1 more than what the lender grants from the next evaluation of the line on, else 0


ASSIGN_SLOTS = ("ASSIGN_DUE",)  # 1 from an `open` to the end of its evaluation


# Of offers that have names: the day before which none is made; for how many days none is made once the latest one was
# declined, and once it was accepted.
OFFERS_SLOTS = ("OFFER_RESTS", "OFFER_DECLINE_DAYS", "OFFER_ACCEPT_DAYS")


def taken_up_slots(policy: m.Policy) -> tuple[str, ...]:
    """The places of the line that only the built-in kinds need which a policy takes up, or which a section brings."""
    assigned, offered = ASSIGN_SLOTS if policy.assign else (), OFFERS_SLOTS if policy.named_offers else ()
    granted = GRANT_SLOTS if policy.takes_grants else ()
    return (*(OWN_SLOTS if policy.own_limit else ()), *granted, *assigned, *offered)


Ringed = ex.Windowed | ex.LateCount | ex.Restrictions | ex.Daily  # the measures that read a ring


@dataclass(frozen=True, slots=True)
class RingKey:
    """What a ring counts: selected events, the ends of days, or (source, days) for `late` and `restrictions`."""

    source: ex.Select | ex.Expr | str
    days: int
    unit: ex.TileUnit


# Of an entry and of a window: the count of events, the sum or the greatest value of a field, the greatest of its
# negatives (which gives the least), or the count of events that have it.
Column = tuple[str, str | None]
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "count": ("count",),
    "sum": ("sum",),
    "max": ("max",),
    "min": ("min",),
    "average": ("sum", "known"),
    "spread": ("max", "min"),
    "active": (),  # the entries of the window are its tiles that have something in them
    "in_a_row": (),
    "distinct": ("distinct",),
}
# Of the end of a day; an average is worked out anew only where not all days are alike.
_DAILY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "max": ("max",),
    "min": ("min",),
    "average": ("total", "known", "max", "min"),
}
GREATEST = ("max", "min")  # columns of which a window keeps the greatest
UNITED = "distinct"  # a bit for each word of a list, of which a window keeps those that any entry has; else a total


@dataclass(frozen=True, slots=True)
class Ring:
    """One ring: see `prelude`. `windows` are (length in tiles, columns that someone reads), longest first."""

    name: str  # what it holds: `draw_by_day`, `late_30_by_month`
    key: RingKey
    windows: tuple[tuple[int, tuple[Column, ...]], ...]
    base: int

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of an entry: whatever a window has."""
        return tuple(dict.fromkeys(column for _, columns in self.windows for column in columns))

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(length for length, _ in self.windows)

    @property
    def width(self) -> int:
        return 1 + len(self.columns)

    @property
    def capacity(self) -> int:
        """Entries, with the one that ends them: a power of two, so that a mask wraps them."""
        return 1 << self.lengths[0].bit_length()

    @property
    def leaves(self) -> int:
        """The slot of the tile before which no window loses an entry."""
        return self.base + 1 + sum(1 + len(columns) for _, columns in self.windows)

    @property
    def entries(self) -> int:
        return self.leaves + 1

    @property
    def end(self) -> int:
        return self.entries + self.capacity * self.width

    def head(self, length: int) -> int:
        """The slot of that window's oldest entry's index."""
        return self.base + 1 + sum(1 + len(columns) for other, columns in self.windows if other > length)

    def slot(self, length: int, column: Column) -> int:
        """The slot of that window's total (or greatest value) of a column."""
        return self.head(length) + 1 + dict(self.windows)[length].index(column)

    def column(self, how: str, field: str | None) -> int:
        """The column's offset in an entry."""
        return 1 + self.columns.index((how, field))


@dataclass(frozen=True)
class Layout:
    """All slots by name, all rings, and the size of a state in int64s."""

    slots: dict[str, int]
    rings: tuple[Ring, ...]
    dues: int
    lasts: dict[ex.Last, int]
    firsts: dict[ex.First, int]
    since: dict[ex.DaysSince, int]
    above: dict[int, int]
    latches: int
    line_days: int  # where the limits of earlier days stand (see `day_ends`); 0 where no measure asks for them
    line_changes: int  # how many changes have room there
    line: int  # the first slot of the line part
    size: int
    digest: str

    def ring(self, measure: Ringed) -> Ring:
        """The ring that a measure reads."""
        return next(ring for ring in self.rings if ring.key == ring_key(measure))


def is_of_days(ring: Ring) -> bool:
    """Whether a ring holds the ends of days, and not events."""
    return not isinstance(ring.key.source, str | ex.Select)


def ring_key(measure: Ringed) -> RingKey:
    """Measures with equal keys share a ring."""
    match measure:
        case ex.Windowed(_, select, _, window):
            return RingKey(select, 0, window.unit)
        case ex.LateCount(days, window):
            return RingKey("late", days, window.unit)
        case ex.Restrictions(window):
            return RingKey("restrictions", 0, window.unit)
        case ex.Daily(_, of, window):
            return RingKey(of, 0, window.unit)


def columns_read(measure: Ringed) -> tuple[Column, ...]:
    """The columns that a measure reads."""
    if isinstance(measure, ex.Daily) and measure.how != "days_where":
        return tuple((column, "value") for column in _DAILY_COLUMNS[measure.how])
    if not isinstance(measure, ex.Windowed):
        return (("count", None),)
    return tuple((column, measure.field) for column in _COLUMNS[measure.how])


def lengths_of(measure: Ringed) -> tuple[int, ...]:
    """The windows that a measure reads, longest first: one; of what ended in the past two, and it is the difference."""
    if isinstance(measure, ex.Windowed) and measure.ending:
        return measure.reach.length, measure.ending
    if isinstance(measure, ex.Windowed) and measure.how == "in_a_row" and measure.window.length > 2:
        return measure.window.length, 2  # while this holds something, the row may still go on
    return (measure.window.length,)


def measures(policy: m.Policy) -> Iterable[ex.Measure]:
    """Every measure of the policy: each is a whole feature, for the reader hoists those written in place."""
    return [feature.expr for feature in policy.features if isinstance(feature.expr, ex.Measure)]


def lay_out(policy: m.Policy, edition: int = EDITION) -> Layout:
    """Give every thing that the policy needs its place."""
    used = list(measures(policy))
    opened = ("OPEN_DAY",) if ex.Fact("days_on_book", ex.DAYS) in used else ()
    arms = tuple(arm_slot(split.name) for split in policy.splits)
    relief = RELIEF_SLOTS if policy.moratorium else ()
    slots = {
        name: place
        for place, name in enumerate((*FACT_SLOTS, *_slots_of_dues(policy, edition), *opened, *arms, *relief))
    }
    dues = len(slots)
    place = dues + 2 * DUES_MAX
    names = _ring_names(policy, used)
    above: dict[int, int] = {}
    lasts: dict[ex.Last, int] = {}
    since: dict[ex.DaysSince, int] = {}
    firsts: dict[ex.First, int] = {}
    for measure in used:
        if isinstance(measure, ex.LateCount) and measure.days not in above:
            above[measure.days], place = place, place + 1
        elif isinstance(measure, ex.Last) and measure not in lasts:
            lasts[measure], place = place, place + 2  # at, value
        elif isinstance(measure, ex.First) and measure not in firsts:
            firsts[measure], place = place, place + 2
        elif isinstance(measure, ex.DaysSince) and measure not in since:
            since[measure], place = place, place + 1
    fact_rings, place = _rings(used, names, place, line=False)
    line = place
    more = ["SEGMENT"] if policy.differs_by_segment else []  # of the latest evaluation
    more += [amount_slot(trigger) for trigger in policy.triggers if trigger.limit is not None]
    more += ["ANNOUNCED"] if policy.decides_in_stages else []  # the mask of latches that are set and not yet in effect
    more += [slot for trigger in policy.triggers for slot in contact_slots(trigger)]
    more += [effect_slot(trigger) for trigger in policy.triggers if trigger.announced]
    more += [slot for schedule in schedule_slots(policy) for slot in schedule if slot not in LINE_SLOTS]
    for name in (*LINE_SLOTS, *taken_up_slots(policy), *more):
        slots[name], place = place, place + 1
    latches, place = place, place + LATCH_WIDTH * len(policy.triggers)
    line_rings, place = _rings(used, names, place, line=True)
    line_changes = line_changes_kept(policy)
    line_days = place if line_changes else 0
    place += 2 + 3 * line_changes if line_changes else 0
    shape = repr((sorted(slots.items()), fact_rings, line_rings, above, lasts, since, latches, place))
    shape += repr(firsts) if firsts else ""
    digest = hashlib.sha256(shape.encode()).hexdigest()
    facts = (slots, (*fact_rings, *line_rings), dues, lasts, firsts, since, above)
    return Layout(*facts, latches, line_days, line_changes, line, place, digest)


def line_changes_kept(policy: m.Policy) -> int:
    """Changes of the line that are remembered: one a day, as far back as some measure asks; 0 where none does."""
    windows = [one.window for one in measures(policy) if isinstance(one, ex.Daily) and one.facts & LINE_FACTS]
    filtered = (one for one in measures(policy) if isinstance(one, ex.Windowed) and ex.line_facts_in(one.select))
    windows += [one.reach for one in filtered]
    return max((window_days(one) + 1 for one in windows), default=0)


def arm_slot(split: str) -> str:
    """Where the account's arm in a split is kept: a fact, for it follows from the opening event alone."""
    return f"{split.upper()}_SPLIT_ARM"


def amount_slot(trigger: m.Trigger) -> str:
    """Where the amount of a trigger's `limit` is kept: 1 more than it, 0 where none was taken."""
    return f"{trigger.name.upper()}_AMOUNT_KEPT"


def effect_slot(trigger: m.Trigger) -> str:
    """Where the day is kept from which on an announced trigger restricts; 0 where it is not set."""
    return f"{trigger.name.upper()}_EFFECT_DAY"


def contact_slots(trigger: m.Trigger) -> tuple[str, ...]:
    """Where the days of the latest contacts are kept, the latest first, as many as may come in so many days."""
    contact = trigger.treatments.contact if trigger.treatments else None
    return tuple(f"{trigger.name.upper()}_CONTACT_{place}_DAY" for place in range(contact.count)) if contact else ()


def effect_column(trigger: m.Trigger) -> str:
    """The column of a row that has that day."""
    return f"O_{effect_slot(trigger)}"


class ScheduleSlots(NamedTuple):
    """Where a schedule of restoration keeps what it has: 1 more than the limit that it leaves, 0 where that is all of
    what is granted; whether it is under way, and the day of its last step."""

    left: str
    rising: str
    rise_day: str


ONLY_SCHEDULE = ScheduleSlots("LIMIT", "RISING", "RISE_DAY")  # the limit itself


def schedule_slots(policy: m.Policy) -> tuple[ScheduleSlots, ...]:
    """Those of each schedule where there are several; one alone has the limit itself."""
    if not policy.further_restorations:
        return ()
    names = [f"RESTORATION_{one.name.upper()}" for one in policy.restorations]
    first, *others = names
    of_others = (ScheduleSlots(f"{name}_LEFT", f"{name}_RISING", f"{name}_RISE_DAY") for name in others)
    return (ScheduleSlots(f"{first}_LEFT", "RISING", "RISE_DAY"), *of_others)


def _slots_of_dues(policy: m.Policy, edition: int) -> tuple[str, ...]:
    """Whether some event has told what is owed; what was paid ahead, where the policy has it settle dues."""
    owed = ("OWED_KNOWN",) if edition > 1 else ()
    return (*owed, "PAID_AHEAD") if policy.dues.prepaid_settles else owed


def _ring_names(policy: m.Policy, used: list[ex.Measure]) -> dict[RingKey, str]:
    """What each ring holds, and by which tiles."""
    text, taken = ExpressionText(policy), Namespace()
    names: dict[RingKey, str] = {}
    for measure in used:
        if isinstance(measure, Ringed) and (key := ring_key(measure)) not in names:
            source = key.source if isinstance(key.source, str) else _text_of(key.source, text)
            what = slug(f"{source} {key.days}" if key.days else source)
            names[key] = taken.take(f"{what}_by_{_TILE[key.unit]}")
    return names


def _text_of(source: ex.Select | ex.Expr, text: ExpressionText) -> str:
    """What a ring holds, as one writes it; of the end of a day, with a word for that."""
    return text.select(source) if isinstance(source, ex.Select) else f"day end {text.of(source)}"


def _rings(used: list[ex.Measure], names: dict[RingKey, str], place: int, line: bool) -> tuple[list[Ring], int]:
    """The rings of the fact part, or of the line part (only `restrictions` stands there)."""
    grouped: dict[RingKey, list[Ringed]] = {}
    for measure in used:
        if isinstance(measure, Ringed):
            grouped.setdefault(ring_key(measure), []).append(measure)
    rings: list[Ring] = []
    for key, users in grouped.items():
        if (key.source == "restrictions") != line:
            continue
        read: dict[int, dict[Column, None]] = {}
        for user in users:
            for length in lengths_of(user):
                read.setdefault(length, {}).update(dict.fromkeys(columns_read(user)))
        windows = tuple((length, tuple(read[length])) for length in sorted(read, reverse=True))
        ring = Ring(names[key], key, windows, place)
        rings.append(ring)
        place = ring.end
    return rings, place


# ------------------------------------------------------------------ rows: what a kernel writes

ROW_HEAD = (
    "NOW_HOUR",
    "ACTION",
    "LIMIT_BEFORE",
    "LIMIT_AFTER",
    "GRANTED_BEFORE",
    "GRANTED_AFTER",
    "STATUS_BEFORE",
    "STATUS_AFTER",
    "MASK_BEFORE",
    "MASK_AFTER",
    "IMPOSED",  # share in bp of a cap imposed by a person and in force, else -1
    "OFFERED",  # limit proposed, 0 where none
    "OFFER_NO",
    "SCORE",
    "PD",
)
# Of the borrower's own wish, as the slots of these names.
OWN_HEAD = ("OWN_WISH", "OWN_LIMIT", "OWN_NEXT_WISH", "OWN_NEXT_LIMIT", "OWN_NEXT_DAY", "OWN_CHANGED")
OFFERS_HEAD = ("OFFER_PLACE",)  # of the offer that is made, among those with names, from 0
ASSIGN_HEAD = ("REFUSED_BY",)  # a bit for each rule of `assign` that refuses the line


# Masks of the latches that are set and not yet in effect; the most that will be left when all of them are.
# The mask of the triggers for which the borrower is contacted.
ANNOUNCING_HEAD = ("ANNOUNCED_BEFORE", "ANNOUNCED_AFTER", "ANNOUNCED_LIMIT", "CONTACTS")


@dataclass(frozen=True)
class RowShape:
    """Places of the columns: the head (`columns`, by name), a sub-total for each score group, each feature's value."""

    columns: dict[str, int]
    groups: int
    values: int
    width: int

    @staticmethod
    def of(policy: m.Policy) -> RowShape:
        """The shape of this policy's rows."""
        staged = ANNOUNCING_HEAD if policy.decides_in_stages else ()
        wished, assigned = OWN_HEAD if policy.own_limit else (), ASSIGN_HEAD if policy.assign else ()
        offered = OFFERS_HEAD if policy.named_offers else ()
        head = [f"O_{name}" for name in (*ROW_HEAD, *staged, *wished, *assigned, *offered)]
        head += [effect_column(trigger) for trigger in policy.triggers if trigger.announced]
        columns = {name: place for place, name in enumerate(head)}
        values = len(head) + len(policy.groups)
        return RowShape(columns, len(head), values, values + len(policy.features))

    def place(self, name: str) -> int:
        """The column of a head name."""
        return self.columns[f"O_{name}"]
