"""The slow oracle: docs/reference/policy-language.md read once more, from that page alone.

It shares no code with the program, and its policies are read by its own `reader`. It looks at the start of every
local day and after each event, and works each look out from the whole list of events that have arrived; it keeps
no rings, no running sums, and never says when it would look next. What it must carry from look to look is only
what the page says follows arrival: the line, the latches, the restoration, the offer, people's rulings.

Where the page left a choice, this reading chose:

 1. "Before `open`" holds in arrival and in time: an event that arrives after `open` with an earlier `at` is refused.
 2. Every day number is a day, also one that the zone left out (30 December 2011 in Apia).
 3. The balance and a kept due are held to 10^15 after each event, as all money is.
 4. A later waiver of the same trigger replaces the earlier one; so does a later imposed cap. An override that
    names neither has no effect, nor does a trigger that the policy does not have.
 5. Where the policy has no `restoration`, a limit below its target stays there.
 6. `and`, `or`, `not`, comparisons, `in` and `known` are never missing: a missing part is a false condition.
    `percent` and the other functions are missing where any part is, even if the zero rule would apply.
 7. A 25th due that is already past due still sets `on_time_streak` to 0, though its own date is not kept.
 8. A rise of days past due caused by an event is dated on that event's day, however old the due is.
 9. An offer that was accepted or ended by an adverse decision is not open; `every` still runs from its day.
10. `days_in_status`, `restrictions`, offers, consents and rulings are dated on the day of now, not of a late `at`.
11. A look at the start of a day changes what `last held` says only for latches that were holding, as step 4 has it;
    a restoration that is under way stays so while a latch suspends or `while` fails, and its `every` keeps running.
12. An event is late where its `at` lies before one already seen, or before the start of the latest day on which a
    review looked: before now, in short. Where it falls within now's hour, the milliseconds of `at` decide.
13. A reversal is an event like others, in its own place in time: a policy may count it, and there is a look after it.
    "An earlier event" is one that arrived before. Now stays where it was, though the latest event be reversed.
14. A correction is a decision only where the line or the set of set latches changed, or a decision made at the time of
    the late fact, or later, set a latch that restricts and that would not have been set at that moment.
    A restoration that goes on with
    the other run's last step does so in silence where nothing else changed; where both runs have one under way, the
    earlier last step counts, for nothing is ever made worse. The values of a correction are those of the moment
    before it, after the look.
15. A latch that stays set goes on with the day set, and the day last held, that it would have had, where these are
    earlier: else it would stand, for its `hold`, after the day on which it would be free. So do `restrictions`: they
    count as often as in the run that has fewer, the latest of both runs as of the earlier of their two days, and so
    on back; else a restriction that should not have been would bring the next one. And a latch that would be spent
    becomes spent, not free; else it would be set anew the next morning.
16. `values_at` and `authorise` count the looks of the mornings in between; a snapshot holds the values that the
    look at the start of that day worked with.
17. A measure or fact that stands in an expression is a value as a feature is: it is held to 10^15 as they are, and a
    decision records it under its own text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from tests.oracle.clock import clock, day_of
from tests.oracle.day_ends import DayEnd, LineByDay, ended, ends_of_days
from tests.oracle.ledger import Dated, Ledger, in_time_order, write
from tests.oracle.line import Latch, Offering, Restoring, action_of, amount_of, raised, share, status_of
from tests.oracle.nouns import ADVERSE, Action, Event, Line, Status
from tests.oracle.outcome import Answer, Outcome, Refused, Ruling, Standing
from tests.oracle.own_choice import Wishes
from tests.oracle.tree import (
    Daily,
    Expr,
    Fact,
    FieldRef,
    LateCount,
    LineBefore,
    Policy,
    Restrictions,
    Select,
    Windowed,
    number_in,
    numbers_of,
    walk,
)
from tests.oracle.values import (
    LINE_FACTS,
    Scene,
    Value,
    Values,
    available,
    clamped,
    covers,
    days_reached,
    evaluate,
    holds,
    look_up,
    measures,
    selected,
)

SCHEDULES_MAX = 6
OPENINGS = ("open", "opening")  # the kinds with which an account begins


def run(
    policy: Policy, events: Iterable[Event], until_day: int | None = None, reviews: Mapping[int, int] | None = None
) -> Outcome:
    """What the policy does to one account: its events in order of arrival, then every morning up to `until_day`.

    `reviews`: before the arrival of that many events, every morning up to that day has been looked at.
    """
    return _after(policy, events, until_day, reviews).outcome()


def run_versions(visits: Iterable[tuple[Policy, Sequence[Event], int | None]]) -> Outcome:
    """The same under versions of a policy. Each visit: the version in force, events as they arrive, a day to review."""
    account, reviewed = None, 0
    for newest, events, day in visits:
        account = account or _Account(newest)
        for event in events:
            if not account.arrived:
                account.policy = newest
            account.begin_days(reviewed)
            account.arrive(event)
        if day is not None:
            if day > reviewed and account.arrived and account.policy != newest:
                account.may_go_over(newest, day)
            reviewed = max(reviewed, day)
            account.begin_days(reviewed)
    assert account is not None
    return account.outcome()


def in_truth(policy: Policy, events: Iterable[Event], until_day: int) -> Outcome:
    """What the policy would do, had these events come in order of time: nothing late, nothing reversed."""
    account, clock_here = _Account(policy), clock(policy.time_zone)
    for number, event in enumerate(sorted(events, key=lambda event: event.at)):
        account.happen(Dated(event, clock_here.hour(event.at), number))
    account.begin_days(until_day)
    return account.outcome()


def authorise(policy: Policy, events: Iterable[Event], at: int, amount: int) -> Answer:
    """May a draw of `amount` happen at `at` (UTC ms), after these events? It changes nothing."""
    hour = clock(policy.time_zone).hour(at)
    return _after(policy, events, day_of(hour)).answer(hour, amount)


def values_at(policy: Policy, events: Iterable[Event], day: int) -> Mapping[str, Value] | None:
    """The features as the look at the start of local day `day` sees them; None where there is no such look."""
    return _after(policy, events, day).mornings.get(day)


def _after(
    policy: Policy, events: Iterable[Event], until_day: int | None, reviews: Mapping[int, int] | None = None
) -> _Account:
    account, reviewed = _Account(policy), 0
    for position, event in enumerate(events):
        reviewed = max(reviewed, (reviews or {}).get(position, 0))
        account.begin_days(reviewed)
        account.arrive(event)
    if until_day is not None:
        account.begin_days(until_day)
    return account


@dataclass(slots=True)
class _Account:
    policy: Policy
    arrived: list[Dated] = field(default_factory=list)  # what stands, in time order
    known: dict[str, Event] = field(default_factory=dict)  # all that was taken, by id
    reversed_ids: set[str] = field(default_factory=set)
    seen: int = 0  # the latest `at`
    ledger: Ledger = field(default_factory=lambda: Ledger(0))
    picked: dict[Select, list[Dated]] = field(default_factory=dict)
    ends: dict[int, DayEnd] = field(default_factory=dict)  # where the policy looks back on days
    line_by_day: LineByDay = field(default_factory=LineByDay)
    hour: int = 0  # now
    line: Line = field(default_factory=lambda: Line(0, 0, Status.ACTIVE))
    latches: dict[str, Latch] = field(default_factory=dict)
    imposed: tuple[int, int] | None = None  # cap in bp, until day
    ways_up: list[Restoring] = field(default_factory=lambda: [Restoring() for _ in range(SCHEDULES_MAX)])
    offering: Offering = field(default_factory=Offering)
    offered_name: str = ""  # of the latest offer that has a name
    segment: int = 0  # as the latest look saw it
    status_day: int = 0
    opened_day: int = 0
    observed_day: int = 0
    cut_over_day: int | None = None  # of an account that an `opening` took over
    stated_limit: int = 0
    restricted: dict[str, list[int]] = field(default_factory=lambda: {"h": [], "d": [], "m": []})  # days, by unit
    rulings: list[Ruling] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    mornings: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    evaluations: int = 0
    wishes: Wishes = field(default_factory=lambda: Wishes(0))
    opening: bool = False  # from an `open` to the end of its look, where the policy assigns the first limit
    refused_by: tuple[str, ...] = ()
    granting: int | None = None  # what the lender grants, until the line may move
    went_over: list[tuple[Policy, int]] = field(
        default_factory=list
    )  # the version before, and the first day without it

    @property
    def day(self) -> int:
        return day_of(self.hour)

    # -------------------------------------------------------------- events and days

    def arrive(self, event: Event) -> None:
        """The same event again is nothing new. A late one, or a reversal, may lead to a correction."""
        if self.known.get(event.id) == event:
            return
        reason = self._refusal(event)
        if reason:
            self.refused.append(Refused(event.id, reason))
            return
        dated = Dated(event, clock(self.policy.time_zone).hour(event.at), len(self.known))
        self.begin_days(dated.day)
        late = event.kind == "reversal" or event.at < self.seen or dated.hour < self.hour
        if event.kind == "reversal":
            self._take_back(str(event.fields["of"]))
        self.happen(dated)
        if late:
            self._correct(event)

    def happen(self, dated: Dated) -> None:
        """The mornings up to the event's day; then the event, and the look after it."""
        event = dated.event
        if event.kind == "open":
            self._open(dated)
        if event.kind == "opening":
            self._take_over(dated)
        self.begin_days(dated.day)
        self.known[event.id] = event
        self.seen, self.hour = max(self.seen, event.at), max(self.hour, dated.hour)
        self.arrived = in_time_order([*self.arrived, dated])
        self._rewrite()
        before = Line(0, 0, Status.ACTIVE) if self.opening else self.line
        self._take_effect(event)
        self._look(event.id, before)

    def _take_back(self, event_id: str) -> None:
        """That event did not happen."""
        self.reversed_ids.add(event_id)
        self.arrived = [dated for dated in self.arrived if dated.event.id != event_id]

    def begin_days(self, through: int) -> None:
        """The look at the start of every day after now's, up to and including `through`."""
        while self.arrived and self.day < through:
            if self._looks_back():
                self.ends[self.day] = ended(self.ledger)
                self.line_by_day.kept = self._looks_back(line=True) + 1
                self.line_by_day.end(self.day, self.line.limit, self.line.granted)
            self.hour = 24 * (self.day + 1)
            self.ledger.begin_days(self.day)
            self.mornings[self.day] = self._look(None, self.line).features

    def _refusal(self, event: Event) -> str | None:
        if event.id in self.known:
            return "the id was used before for another event"
        opened = next((dated.event for dated in self.arrived if dated.event.kind in OPENINGS), None)
        if event.kind in OPENINGS:
            return "the account is already open" if opened else None
        if opened is None or (event.at < opened.at and not self._is_history(event)):
            return "the account is not open yet"
        if event.kind == "reversal":
            return self._why_not_reversed(str(event.fields.get("of")))
        if event.kind == "draw" and event.at >= opened.at and self.policy.over_limit == "reject":
            return self._why_not_drawn(event)
        return None

    def _why_not_drawn(self, event: Event) -> str | None:
        """The line as it is when the draw arrives: a late draw meets the line of now."""
        then = deepcopy(self)
        then.begin_days(day_of(clock(self.policy.time_zone).hour(event.at)))
        over = int(event.fields["amount"]) > available(then.usable_line, then.ledger.balance)
        return "the draw is of more than is available" if over else None

    def _is_history(self, event: Event) -> bool:
        """Whether the event may follow an opening although it came before."""
        day = day_of(clock(self.policy.time_zone).hour(event.at))
        return self.cut_over_day is not None and day >= self.observed_day

    def _why_not_reversed(self, event_id: str) -> str | None:
        if event_id not in self.known:
            return "no such event has arrived"
        if self.known[event_id].kind in (*OPENINGS, "consent", "override", "own_limit", "grant", "reversal"):
            return "an event of this kind cannot be reversed"
        if self.known[event_id].kind == "decline" and self.policy.named_offers:
            return "an event of this kind cannot be reversed"
        return "it was reversed before" if event_id in self.reversed_ids else None

    def _open(self, dated: Dated) -> None:
        limit = int(dated.event.fields["limit"])
        self.hour, self.status_day = dated.hour, dated.day
        self.opened_day = self.observed_day = dated.day
        self.line = Line(limit, limit, Status.ACTIVE)
        self.opening = self.policy.assign is not None
        self.latches = {trigger.name: Latch(trigger) for trigger in self.policy.triggers}

    def _take_over(self, dated: Dated) -> None:
        """The line as the opening states it."""
        said, day = dated.event.fields, dated.day
        self.hour, self.cut_over_day = dated.hour, day
        self.opened_day, self.observed_day = int(said.get("opened_on", day)), int(said.get("history_from", day))
        self.status_day = since = int(said.get("since", day))
        self.line = Line(int(said["limit"]), int(said["granted"]), Status[str(said["status"]).upper()])
        self.stated_limit = self.line.limit
        if self.line.status == Status.RESTORING:
            self.ways_up[0].step_day = day
        stated = [said.get(name) for name in ("trigger", "second_trigger", "third_trigger")]
        for trigger in self.policy.triggers:
            latch = self.latches[trigger.name] = Latch(trigger)
            if trigger.name in stated:
                latch.state, latch.stated, latch.holding = "set", True, True
                latch.set_day, latch.last_held_day = since, day

    def _rewrite(self) -> None:
        """Facts and selections anew, from all events in time order, as of now."""
        measured = measures(self.policy)
        late_days = sorted({part.days for part in measured if isinstance(part, LateCount)})
        self.ledger = write(self.arrived, late_days, self.policy.dues, self.policy.waits is not None)
        self.ledger.begin_days(self.day)
        if self._looks_back():
            first = Ledger(in_time_order(self.arrived)[0].day, (), self.policy.dues, self.policy.waits is not None)
            self.ends = ends_of_days(self.arrived, first, self.day)
        selects = [part.select for part in measured if hasattr(part, "select")]
        self.picked = {
            select: [dated for dated in self.arrived if selected(self.policy, select, dated, self.line_by_day)]
            for select in selects
        }

    def _looks_back(self, line: bool = False) -> int:
        """Into how many days, 0 where into none, the policy looks back on account facts, or on the line among them."""
        longest = 0
        for part in measures(self.policy):
            if isinstance(part, Daily):
                read = {fact.name for fact in walk(part.of) if isinstance(fact, Fact)}
                days = part.window.length * (31 if part.window.unit == "m" else 1)
                longest = max(longest, days if not line or read & set(LINE_FACTS) else 0)
            if isinstance(part, Windowed) and part.select.where is not None:
                asks = any(isinstance(node, LineBefore) for node in walk(part.select.where))
                length, unit = part.window.length + part.ending, part.window.unit
                days = {"h": length // 24 + 2, "d": length, "m": 31 * length}[unit]
                longest = max(longest, days if asks else 0)
        return longest

    @property
    def usable_line(self) -> Line:
        """What the borrower may use of the line: what he wishes himself, where that is less."""
        return replace(self.line, limit=self.wishes.usable(self.line.limit))

    def _take_effect(self, event: Event) -> None:
        """What follows arrival: a consent and a person's ruling count from now."""
        if event.kind == "consent" and self.offering.accepts(event.fields["offer"], self.day):
            proposed = self.offering.proposed
            limit = proposed if self.line.limit == self.line.granted else self.line.limit
            self.line = replace(self.line, limit=limit, granted=proposed)
            self.offering.answered(self.day, accepted=True)
        declines = event.kind == "decline" and bool(self.policy.named_offers)
        if declines and self.offering.accepts(event.fields["offer"], self.day):
            self.offering.answered(self.day, accepted=False)
        opened = next(dated.event for dated in self.arrived if dated.event.kind in OPENINGS)
        if event.kind == "grant" and event.at >= opened.at:
            self.granting = int(event.fields["granted"])
        if event.kind == "own_limit":
            self._take_wish(event)
        if event.kind == "override":
            until = int(event.fields["until"])
            latch = self.latches.get(str(event.fields.get("trigger")))
            if latch is not None:
                latch.waived_until = until
            if "cap" in event.fields:
                self.imposed = (int(event.fields["cap"]), until)

    def _take_wish(self, event: Event) -> None:
        """The borrower's wish; one that tightens his line ends an offer."""
        amount = event.fields.get("limit")
        assert self.policy.cooling_days is not None
        self.wishes.cooling_days = self.policy.cooling_days
        if self.wishes.take(str(event.fields["wish"]), None if amount is None else int(amount), self.day):
            self.offering.open = False

    def _assign(self, values: Values) -> None:
        """The first limit: what the policy says, and no more than was asked for; nothing where a rule refuses it."""
        terms = self.policy.assign
        assert terms is not None
        self.refused_by = tuple(rule.name for rule in terms.refuse if holds(rule.when, values.leaf))
        amount = amount_of(terms.limit, clamped(evaluate(terms.limit.value, values.leaf)))
        first = 0 if self.refused_by else min(amount, self.line.granted)
        self.line = replace(self.line, limit=first, granted=first)

    def _grant(self, granted: int) -> None:
        """Another amount is granted: a whole line follows, and what is above it falls."""
        self.granting = None
        if granted != self.line.granted:
            self.offering.open = False
        whole = self.line.limit == self.line.granted
        self.line = replace(self.line, granted=granted, limit=granted if whole else min(self.line.limit, granted))

    # -------------------------------------------------------------- versions

    def may_go_over(self, policy: Policy, day: int) -> None:
        """Under another version from the start of `day`, where no promise is kept and that day has not been seen."""
        self.begin_days(day - 1)
        start = self.went_over[-1][1] if self.went_over else 0
        told = [ruling.day for ruling in self.rulings if ruling.action in ADVERSE and ruling.day >= start]
        if self.day < day and not (told and day <= told[-1] + self.promise_lasts()):
            self.migrate_account(policy, day)

    def promise_lasts(self) -> int:
        """For how many days a road back is kept: `honour`, and longer for whoever is on the way and not behind."""
        final = any(latch.state == "set" and latch.trigger.terminal for latch in self.latches.values())
        honour = self.policy.honour_days
        if not honour or final or self.line.status == Status.ACTIVE:
            return honour
        return max(honour, 30 if self.ledger.days_past_due > 0 else 730)

    def migrate_account(self, policy: Policy, day: int) -> None:
        """The line stays as it is; of its restrictions those that the version before still counts on that day."""
        for unit, days in self.restricted.items():
            counts = [one.window for one in measures(self.policy) if isinstance(one, Restrictions)]
            own = [window for window in counts if window.unit == unit]
            self.restricted[unit] = [one for one in days if any(covers(window, 24 * day, 24 * one) for window in own)]
        self.went_over.append((self.policy, day))
        if not self._looks_back(line=True):  # what nobody remembered is as the last day ended
            self.line_by_day = LineByDay(changes=[(day - 1, self.line.limit, self.line.granted)])
        if not policy.named_offers:
            self.offering.forget_rests()
        elif self.policy.offer and self.offering.number:
            self.offering.rests_day = self.offering.made_day + max(numbers_of(self.policy.offer.every_days))
        several, before = (len(one.schedules) for one in (policy, self.policy))
        self.policy = policy
        for place, way in enumerate(self.ways_up):  # what only one of the versions has is forgotten
            if several < 2 or before < 2 or place >= min(several, before):
                way.left = None
                way.step_day = way.step_day if place == 0 else None
        known, self.latches = self.latches, {}
        for trigger in policy.triggers:
            self.latches[trigger.name] = known.get(trigger.name, Latch(trigger))
            latch = self.latches[trigger.name]
            if trigger.limit is None or latch.trigger.limit is None:
                latch.amount = None
            may_wait = max(numbers_of(trigger.effective_days)) > 0
            if latch.pending and not may_wait:  # the announcement ends, and this version decides anew
                latch.state, latch.holding, latch.amount = "free", False, None
                latch.effect_day, latch.pending = None, False
            latch.trigger = trigger
        self._rewrite()

    def cross(self, turns: list[tuple[int, Policy]], through: int) -> None:
        """Go over on those days, as far as they have come."""
        while turns and turns[0][0] <= through:
            day, policy = turns.pop(0)
            self.begin_days(day - 1)
            self.migrate_account(policy, day)

    # -------------------------------------------------------------- corrections

    def replay_on_time(self) -> _Account:
        """What stands, run from empty in time order up to now, each day under the version that was the account's."""
        (other,) = self._on_time_at([(None, False)])
        return other

    def _on_time_at(self, moments: Iterable[tuple[int | None, bool]]) -> Iterator[_Account]:
        """That run at each of these moments, in order of time; a moment in a morning comes before the events of it.

        It is one account that goes on. None for a moment is now, when all has happened.
        """
        policies = [*(policy for policy, _ in self.went_over), self.policy]
        other, waiting = _Account(policies[0]), list(self.arrived)
        turns = [(day, policy) for (_, day), policy in zip(self.went_over, policies[1:], strict=True)]
        for at, morning in moments:
            while waiting and (at is None or waiting[0].event.at + morning <= at):
                dated = waiting.pop(0)
                other.cross(turns, dated.day)
                other.happen(dated)
            until = self.day if at is None else day_of(clock(self.policy.time_zone).hour(at))
            other.cross(turns, until)
            other.begin_days(until)
            yield other

    def _wrong_since(self, since: int) -> tuple[int, ...]:
        """The decisions made since then that set what restricts and would not have been set at that moment."""
        named = {number for ruling in self.rulings for number in ruling.corrects}
        asked = [
            (ruling.at, ruling.event is None, number, set(ruling.set_after).difference(ruling.set_before))
            for number, ruling in enumerate(self.rulings, 1)
            if ruling.at >= since and number not in named and not set(ruling.set_after) <= set(ruling.set_before)
        ]
        asked.sort(key=lambda one: (one[0], not one[1]))
        wrong = []
        for (_, _, number, new), then in zip(asked, self._on_time_at([one[:2] for one in asked]), strict=True):
            unsupported = new.difference(then._set_names())
            if any(then.latches[name].trigger.restricts for name in unsupported):
                wrong.append(number)
        return tuple(sorted(wrong))

    def _correct(self, event: Event) -> None:
        """Free what would not be set, raise the limit to what it would be, go on with that run's restoration.

        And name what was decided since the late fact and would not have been, whatever has become of it.
        """
        taken_back = self.known[str(event.fields["of"])].at if event.kind == "reversal" else event.at
        wrong = self._wrong_since(min(event.at, taken_back))
        was_cut = self._looks_back(line=True) and self.line_by_day.was_cut
        whole = not self._set_names() and self.line.limit == self.line.granted and not any(self.restricted.values())
        if whole and not was_cut and not wrong:
            return
        if self.day == self.cut_over_day:
            return  # nothing has been decided yet that could be wrong
        other, values = self.replay_on_time(), self._values(self.hour)
        before, set_before, pending_before = self.line, self._set_names(), self._pending()
        for name in set_before:
            self.latches[name].follow_other(other.latches[name])
        in_force = [latch.trigger for latch in self._in_effect()]
        target = self._target()
        if len(self.policy.schedules) > 1:
            limit = self._follow_each_schedule_of(other)
        else:
            limit = max(before.limit, min(other.line.limit, target))
            self.ways_up[0].follow_other(other.ways_up[0], limit < target)
        closed = any(trigger.close for trigger in in_force)
        suspended = any(trigger.suspend for trigger in in_force)
        self.line = Line(limit, before.granted, status_of(closed, suspended, limit, target, before.granted))
        for unit, own in self.restricted.items():
            latest = zip(reversed(own), reversed(other.restricted[unit]), strict=False)
            self.restricted[unit] = [min(days) for days in latest][::-1]
        if self.line.status != before.status:
            self.status_day = self.day
        if self._looks_back(line=True):
            self.line_by_day.take_the_better_of(other.line_by_day)
            self._rewrite()
        if wrong or self.line != before or self._set_names() != set_before:
            self._write(event.id, before, set_before, Action.CORRECT, values, None, pending_before, corrects=wrong)

    # -------------------------------------------------------------- a look

    def _look(self, event_id: str | None, before: Line) -> Values:
        """Facts, features, score, latches, target and envelope, status, offer: in this order."""
        self.evaluations += 1
        self.wishes.turn(self.day)
        opened = next(dated.event for dated in self.arrived if dated.event.kind in OPENINGS)
        history = event_id is not None and self.known[event_id].at < opened.at
        stands = self.day == self.cut_over_day or history
        if self.granting is not None and not stands:
            self._grant(self.granting)
        values = self._values(self.hour)
        self.segment = 0
        for name, count in self.policy.axes:
            self.segment = self.segment * count + (values.features[name] or 0)
        set_before, observed = self._set_names(), self.day - self.observed_day
        pending_before = self._pending()
        if self.opening:
            self._assign(values)

        def true(condition: Expr) -> bool:
            return holds(condition, values.leaf)

        if stands:
            for latch in self.latches.values():
                latch.stand(true)
            return values
        for latch in self.latches.values():
            full = observed >= days_reached(self.policy, latch.trigger.when)
            latch.turn(self.day, event_id is None, true, full, self.segment)
            latch.take_amount(lambda expr: clamped(evaluate(expr, values.leaf)))
        self._move_line(values)
        pending = self._pending()
        changed = self.line != before or self._set_names() != set_before or pending.keys() != pending_before.keys()
        changed = changed or self.opening or self.wishes.news
        if self.line.status != before.status:
            self.status_day = self.day
        offered = None if changed or pending else self._propose(values)
        if changed or offered is not None:
            action = action_of(before, self.line)
            if action == Action.KEEP and offered is not None:
                action = Action.OFFER
            announces = any(name not in pending_before for name in pending)
            withdraws = any(self.latches[name].state != "set" for name in pending_before)
            if announces:
                self.offering.open = False
                action = action if action in ADVERSE else Action.ANNOUNCE
            elif withdraws and action == Action.KEEP:
                action = Action.WITHDRAW
            if self.opening and action not in ADVERSE:
                action = Action.REFUSE if self.refused_by else Action.ASSIGN
            if action == Action.KEEP and self.wishes.news:
                action = Action.OWN_CHOICE
            contacted: tuple[str, ...] = ()
            if action == Action.KEEP:
                action, contacted = self._treat(set_before)
            self._write(event_id, before, set_before, action, values, offered, pending_before, contacted)
            self.wishes.news, self.opening, self.refused_by = False, False, ()
        return values

    def _values(self, hour: int) -> Values:
        scene = Scene(
            policy=self.policy,
            events=self.arrived,
            picked=self.picked,
            ledger=self.ledger,
            line=self.line,
            hour=hour,
            opened_day=self.opened_day,
            observed_day=self.observed_day,
            status_day=self.status_day,
            restricted=self.restricted,
            ends=self.ends,
            line_by_day=self.line_by_day,
        )
        return look_up(scene)

    def _set_names(self) -> tuple[str, ...]:
        return tuple(name for name, latch in self.latches.items() if latch.state == "set")

    def _treat(self, set_before: Sequence[str]) -> tuple[Action, tuple[str, ...]]:
        """What the latches that are newly set do beside restricting, where nothing else is said of the line."""
        new = [latch for name, latch in self.latches.items() if latch.state == "set" and name not in set_before]
        given = [(latch, latch.trigger.treating) for latch in new if latch.trigger.treating is not None]
        contacted = []
        for latch, one in given:
            lately = [day for day in latch.contact_days if self.day - day < one.days]
            if one.contact and (one.count == 0 or len(lately) < one.count):
                latch.contact_days.append(self.day)
                contacted.append(latch.trigger.name)
        if contacted:
            return Action.CONTACT, tuple(contacted)
        if any(one.price for _, one in given):
            return Action.PRICE, ()
        return Action.WATCH if any(one.watch for _, one in given) else Action.KEEP, ()

    def _in_effect(self) -> list[Latch]:
        """The latches that restrict now: set, and not only announced."""
        return [latch for latch in self.latches.values() if latch.state == "set" and not latch.pending]

    def _pending(self) -> dict[str, int]:
        """What is announced, by the day of its effect."""
        pending = ((name, latch.effect_day) for name, latch in self.latches.items() if latch.pending)
        return {name: day for name, day in pending if day is not None}

    def _move_line(self, values: Values) -> None:
        """Target, envelope and status."""
        in_force = [latch.trigger for latch in self._in_effect()]
        closed = any(trigger.close for trigger in in_force)
        suspended = any(trigger.suspend for trigger in in_force)
        target = self._target()

        def may_rise(condition: Expr | None) -> bool:
            return not suspended and (condition is None or holds(condition, values.leaf))

        if len(self.policy.schedules) > 1:
            limit = self._lowest_of_schedules(may_rise)
        else:
            first = self.policy.restoration
            limit = self.ways_up[0].follow(first, self.line, target, self.day, may_rise, self.segment)
        status = status_of(closed, suspended, limit, target, self.line.granted)
        self.line = Line(limit, self.line.granted, status)

    def _lowest_of_schedules(self, may_rise: Callable[[Expr | None], bool]) -> int:
        """Each schedule goes its own way, with the latches that name it; the limit is the lowest."""
        granted, count = self.line.granted, len(self.policy.schedules)
        targets = [self._target(place) for place in range(count)]
        mine = [granted if way.left is None else way.left for way in self.ways_up[:count]]
        lefts = [min(pair) for pair in zip(mine, targets, strict=True)]
        if self.line.limit < min(lefts):
            lefts[0] = self.line.limit
        for place, schedule in enumerate(self.policy.schedules):
            own = Line(lefts[place], granted, self.line.status)
            way = self.ways_up[place]
            lefts[place] = way.follow(schedule, own, targets[place], self.day, may_rise, self.segment)
            way.left = None if lefts[place] == granted else lefts[place]
        return min(lefts)

    def _follow_each_schedule_of(self, other: _Account) -> int:
        """A correction, schedule by schedule: what each leaves in the other run, as far as its latches allow here."""
        lefts = []
        for place in range(len(self.policy.schedules)):
            way, its, target = self.ways_up[place], other.ways_up[place], self._target(place)
            own = self.line.granted if way.left is None else way.left
            left = max(own, min(other.line.granted if its.left is None else its.left, target))
            way.left = None if left == self.line.granted else left
            way.follow_other(its, left < target)
            lefts.append(left)
        return max(self.line.limit, min(lefts))

    def _target(self, schedule: int | None = None, announced: bool = False) -> int:
        """Where the limit may go: the lowest cap, a person's among them; 0 where a latch closes the line.

        For the latches that an opening stated, the limit that it stated stands. With a `schedule`, of the latches that
        name it alone. What is `announced` counts where that is asked for.
        """
        in_force = (
            [latch for latch in self.latches.values() if latch.state == "set"] if announced else self._in_effect()
        )
        if schedule is not None:
            in_force = [latch for latch in in_force if latch.trigger.restore == schedule]
        caps = [number_in(latch.trigger.cap_bp, self.segment) for latch in in_force if not latch.stated]
        if self.imposed is not None and self.day <= self.imposed[1]:
            caps.append(self.imposed[0])
        if any(latch.trigger.close for latch in in_force):
            return 0
        target = share(self.line.granted, min([10_000, *caps]))
        left = [latch.amount for latch in in_force if not latch.stated and latch.amount is not None]
        target = min([target, *left])
        return min(target, self.stated_limit) if any(latch.stated for latch in in_force) else target

    def _propose(self, values: Values) -> int | None:
        """The amount offered in this look, if an offer is made."""
        terms, granted = self.policy.offer, self.line.granted
        if self.wishes.in_force or self.line.status != Status.ACTIVE:
            return None
        if self.policy.named_offers:
            return self._propose_named(values)
        if terms is None or not holds(terms.when, values.leaf):
            return None
        return self.offering.propose(terms, granted, self.day, self.segment)

    def _propose_named(self, values: Values) -> int | None:
        """The first offer that holds and raises the line; one that needs no consent is granted at once."""
        restricted = any(latch.state == "set" and latch.trigger.restricts for latch in self.latches.values())
        if restricted or self.offering.is_open(self.day) or self.day < self.offering.rests_day:
            return None
        granted = self.line.granted
        for terms in self.policy.named_offers:
            if not holds(terms.when, values.leaf):
                continue
            value = None if terms.to is None else clamped(evaluate(terms.to.value, values.leaf))
            more = raised(terms, granted, value, self.segment)
            if self.offering.make(terms, more, granted, self.day, self.segment) is None:
                continue
            self.offering.set_rests(terms, self.day, self.segment)
            self.offered_name = terms.name
            if not terms.asks:
                self.offering.answered(self.day, accepted=True)
                self.line = replace(self.line, limit=more, granted=more)
            return more
        return None

    def _write(
        self,
        event_id: str | None,
        before: Line,
        set_before: Sequence[str],
        action: Action,
        values: Values,
        offered: int | None,
        pending_before: Mapping[str, int],
        contacted: tuple[str, ...] = (),
        corrects: tuple[int, ...] = (),
    ) -> None:
        if action in ADVERSE:
            for days in self.restricted.values():
                days.append(self.day)
            self.offering.open = False
        ruling = Ruling(
            event=event_id,
            at=max(self.seen if event_id else 0, clock(self.policy.time_zone).start_of_hour(24 * self.day)),
            corrects=corrects,
            day=self.day,
            hour=self.hour,
            before=before,
            after=self.line,
            action=action,
            set_before=tuple(set_before),
            set_after=self._set_names(),
            values=values.features,
            score=values.score,
            sub_scores=values.groups or {},
            pd=values.pd_ppm,
            offered=offered,
            offer_number=None if offered is None else self.offering.number,
            offer_name=self.offered_name if offered is not None and self.policy.named_offers else "",
            pending_before=tuple(pending_before),
            pending=self._pending(),
            pending_limit=self._target(announced=True) if self._pending() else None,
            contacted=contacted,
            own_choice=self.wishes.said(),
            refused_by=self.refused_by,
        )
        self.rulings.append(ruling)

    # -------------------------------------------------------------- what is asked

    def answer(self, hour: int, amount: int) -> Answer:
        """Authorisation at a local hour; where that has passed already, now."""
        if not self.arrived:
            return Answer(False, (), "not_open", {})
        values = self._values(max(hour, self.hour))

        def leaf(expr: Expr) -> Value:
            return amount if expr == FieldRef("amount") else values.leaf(expr)

        denied_by = tuple(rule.name for rule in self.policy.authorise if holds(rule.deny, leaf))
        ground = None
        if self.line.status in (Status.CLOSED, Status.SUSPENDED):
            ground = self.line.status.name.lower()
        elif amount > available(self.usable_line, self.ledger.balance):
            ground = "over_available"
        return Answer(not denied_by and ground is None, denied_by, ground, values.features)

    def outcome(self) -> Outcome:
        """Everything, frozen."""
        final = Standing(
            day=self.day,
            hour=self.hour,
            line=self.line,
            latches={name: latch.state for name, latch in self.latches.items()},
            balance=self.ledger.balance,
            past_due=self.ledger.past_due,
            days_past_due=self.ledger.days_past_due,
            on_time_streak=self.ledger.on_time_streak,
            status_day=self.status_day,
            restoration_day=self.ways_up[0].step_day,
            offer_number=self.offering.number,
            offer_open=self.offering.is_open(self.day),
        )
        return Outcome(tuple(self.rulings), tuple(self.refused), self.evaluations, final if self.arrived else None)
