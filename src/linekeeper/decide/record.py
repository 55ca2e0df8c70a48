"""The recorder turns a row of the kernel into a decision."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from linekeeper.core.bounds import HOUR_MS, MISSING
from linekeeper.core.decision import (
    CORRECT,
    Announced,
    Announcements,
    Decision,
    LineRecord,
    OfferRecord,
    OwnChoice,
    Reason,
    Treatment,
)
from linekeeper.core.formats import RECORD_FORMAT
from linekeeper.core.line import Action, Status
from linekeeper.decide.reasons import GRANT, ReasonWriter
from linekeeper.kernel.calendar import Calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import OWN_HEAD, effect_column
from linekeeper.kernel.prelude import share_of
from linekeeper.policy.kinds import LIFT, WISHES
from linekeeper.policy.model import Treatments, Trigger
from linekeeper.scorecard.points import FeatureValues

_ACTIONS = {action.value: action.name.lower() for action in Action}
_STATUSES = {status.value: status.name.lower() for status in Status}


TREATMENT_ACTIONS = ("contact", "price", "watch")


def first_allowed(at: int, quiet: tuple[int, int] | None, clock: Calendar) -> int:
    """The first instant (UTC ms), from `at` on, whose local hour is not quiet.

    >>> from linekeeper.kernel.calendar import calendar
    >>> first_allowed(22 * HOUR_MS + 5, (21, 8), calendar("UTC")) // HOUR_MS, first_allowed(5, (21, 8), calendar("UTC"))
    (32, 28800000)
    """
    hour = clock.hour(at)
    if quiet is None or not is_quiet(hour % 24, quiet):
        return at
    allowed = next(later for later in range(hour + 1, hour + 25) if not is_quiet(later % 24, quiet))
    span = range(at, at + 30 * HOUR_MS)
    return at + bisect_left(span, allowed, key=clock.hour)


def is_quiet(hour: int, quiet: tuple[int, int]) -> bool:
    """Whether an hour of the day is one of the quiet ones.

    >>> [is_quiet(hour, (21, 8)) for hour in (20, 21, 0, 7, 8)], is_quiet(12, (12, 14)), is_quiet(14, (12, 14))
    ([False, True, True, True, False], True, False)
    """
    begins, ends = quiet
    return begins <= hour < ends if begins < ends else hour >= begins or hour < ends


class Recorder:
    """Writes the decisions of one policy."""

    def __init__(self, kernel: Kernel) -> None:
        self.policy = kernel.policy
        self.shape = kernel.shape
        self.names = [feature.name for feature in self.policy.features]
        self.reasons = ReasonWriter(self.policy)
        self.triggers_in = lru_cache(maxsize=4_096)(self._triggers_in)
        self.model = self.policy.score.card if self.policy.score else None
        self.calendar = kernel.calendar
        self.place = {name.removeprefix("O_"): column for name, column in self.shape.columns.items()}

    def decision(
        self, row: Sequence[int], account: str, number: int, at: int, event: str | None, previous: str | None
    ) -> Decision:
        """The decision that a row holds; `at` in UTC ms, `number` from 1. The chain fills in `corrects`."""
        place, policy = self.place, self.policy
        values = {
            name: None if value == MISSING else value
            for name, value in zip(self.names, row[self.shape.values :], strict=True)
        }
        before, after = row[place["MASK_BEFORE"]], row[place["MASK_AFTER"]]
        newly_set = self.triggers_in(after & ~before)
        imposed = row[place["IMPOSED"]] if row[place["IMPOSED"]] >= 0 else None
        action = _ACTIONS[row[place["ACTION"]]]
        announcements = self._announcements(row)
        treatments = self._treatments(row, action, newly_set, at)
        causes = (*newly_set, *self._among(announcements.in_effect if announcements else ()))
        if action not in TREATMENT_ACTIONS:  # what restricts nobody is no reason of the rest
            causes = tuple(one for one in causes if one.restricts or one.treatments is None)
        return Decision(
            account=account,
            number=number,
            at=at,
            policy=policy.digest,
            model=self.model,
            event=event,
            action=action,
            before=self._line(row, "BEFORE"),
            after=self._line(row, "AFTER"),
            triggers_set=tuple(trigger.name for trigger in newly_set),
            triggers_released=self._named(before & ~after),
            triggers_in_force=self._named(after),
            imposed_bp=imposed,
            values=values,
            score=row[place["SCORE"]] if policy.score else None,
            sub_scores={group: row[self.shape.groups + i] for i, group in enumerate(policy.groups)},
            pd_ppm=row[place["PD"]] if policy.score else None,
            reasons=() if action == CORRECT else self._reasons(row, causes, values),
            offer=self._offer(row),
            previous=previous,
            announcements=announcements,
            treatments=treatments,
            own_choice=self.own_choice(row),
        )

    def _treatments(
        self, row: Sequence[int], action: str, newly_set: Sequence[Trigger], at: int
    ) -> tuple[Treatment, ...]:
        """The treatments that begin: of a trigger that is newly set, and of a contact where it may come now."""
        if not self.policy.treats or action == CORRECT:
            return ()
        begun: list[Treatment] = []
        contacted = self._named(row[self.place["CONTACTS"]])
        for trigger in newly_set:
            given = trigger.treatments or Treatments()
            begun += [Treatment(trigger.name, "watch", given.watch)] if given.watch else []
            begun += [Treatment(trigger.name, "price", given.price)] if given.price else []
            if given.contact is not None and trigger.name in contacted:
                from_at = first_allowed(at, given.contact.quiet, self.calendar)
                begun.append(Treatment(trigger.name, "contact", given.contact.code, from_at))
        return tuple(begun)

    def _announcements(self, row: Sequence[int]) -> Announcements | None:
        """What is announced, and what has become of what was; None where there is nothing of it."""
        if not self.policy.decides_in_stages:
            return None
        pending, before = row[self.place["ANNOUNCED_AFTER"]], row[self.place["ANNOUNCED_BEFORE"]]
        if not pending | before:
            return None
        set_after = row[self.place["MASK_AFTER"]]
        days = {trigger.name: row[self.shape.columns[effect_column(trigger)]] for trigger in self.triggers_in(pending)}
        return Announcements(
            pending=tuple(Announced(name, day) for name, day in days.items()),
            limit=row[self.place["ANNOUNCED_LIMIT"]] if pending else None,
            withdrawn=self._named(before & ~set_after),
            in_effect=self._named(before & set_after & ~pending),
        )

    def _among(self, names: Sequence[str]) -> tuple[Trigger, ...]:
        return tuple(trigger for trigger in self.policy.triggers if trigger.name in names)

    def _line(self, row: Sequence[int], when: str) -> LineRecord:
        status = _STATUSES[row[self.place[f"STATUS_{when}"]]]
        return LineRecord(row[self.place[f"LIMIT_{when}"]], row[self.place[f"GRANTED_{when}"]], status)

    def _capped(self, row: Sequence[int]) -> bool:
        """Whether the limit fell to a cap that a person imposed."""
        limit, cap = row[self.place["LIMIT_AFTER"]], row[self.place["IMPOSED"]]
        fell = limit < row[self.place["LIMIT_BEFORE"]]
        return cap >= 0 and fell and limit == share_of(row[self.place["GRANTED_AFTER"]], cap)

    def _reasons(self, row: Sequence[int], newly_set: Sequence[Trigger], values: FeatureValues) -> tuple[Reason, ...]:
        """What the lender grants less, then the rules that refuse a line, then the triggers that were set."""
        assign = self.policy.assign
        bits = row[self.place["REFUSED_BY"]] if assign else 0
        refused = [rule for number, rule in enumerate(assign.refuse if assign else ()) if bits >> number & 1]
        listed = self.reasons.reasons((*refused, *newly_set), self._capped(row), values)
        return (*self._granted_less(row), *listed)

    def _granted_less(self, row: Sequence[int]) -> tuple[Reason, ...]:
        """The reason of a limit that fell because the lender grants less; what triggers add to it follows."""
        place = self.place
        granted = row[place["GRANTED_AFTER"]] < row[place["GRANTED_BEFORE"]]
        return (Reason(GRANT, ""),) if granted and row[place["LIMIT_AFTER"]] < row[place["LIMIT_BEFORE"]] else ()

    def own_choice(self, row: Sequence[int]) -> OwnChoice | None:
        """The borrower's own wish, and the one that waits; None where there is neither and none has just ended."""
        if self.policy.own_limit is None:
            return None
        wish, limit, next_wish, next_limit, next_day, changed = (row[self.place[name]] for name in OWN_HEAD)
        if not (wish or next_day or changed):
            return None
        waits = next_day > 0
        return OwnChoice(
            WISHES[wish - 1] if wish else None,
            limit if wish else None,
            next_day if waits else None,
            (WISHES[next_wish - 1] if next_wish else LIFT) if waits else None,
            next_limit if waits and next_wish else None,
        )

    def _named(self, mask: int) -> tuple[str, ...]:
        return tuple(trigger.name for trigger in self.triggers_in(mask))

    def _triggers_in(self, mask: int) -> tuple[Trigger, ...]:
        """The triggers whose bits are set."""
        return tuple(trigger for number, trigger in enumerate(self.policy.triggers) if mask & 1 << number)

    def _offer(self, row: Sequence[int]) -> OfferRecord | None:
        offered = row[self.place["OFFERED"]]
        if not offered:
            return None
        named = self.policy.named_offers
        return OfferRecord(
            row[self.place["OFFER_NO"]], offered, named[row[self.place["OFFER_PLACE"]]].name if named else ""
        )


_RECORDERS = {1: Recorder}  # by record format: an older one stays, so that what it wrote can be derived again


def recorder_of(kernel: Kernel, record_format: int = RECORD_FORMAT) -> Recorder:
    """The recorder that writes a policy's decisions in that format."""
    return _RECORDERS[record_format](kernel)
