"""Makes the events of one account for a policy: close to everything at which the policy could change its mind.

Times cluster around midnights, month ends, the leap day, changes of the zone's clocks, window edges after
earlier events and days on which dues fall late; amounts lie at, just under and just over the policy's own
thresholds, with 0, 1 and 10^15 among them. All chance comes from the `Random` that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from tests.oracle.clock import DAY_MS, HOUR_MS, Clock, clock, date_day, day_of, month_of
from tests.oracle.hints import Hints, hints
from tests.oracle.nouns import AT_END_MS, MONEY_MAX, Event
from tests.oracle.tree import Field, Kind, Policy, numbers_of

DELINQUENCY_DAYS_MAX = 3_650
STARTS = (
    date_day(2024, 2, 27),
    date_day(2023, 12, 30),
    date_day(2011, 12, 28),  # Apia left out the 30th
    date_day(2016, 2, 28),
    date_day(2038, 1, 10),
    date_day(1970, 1, 2),
    date_day(2099, 6, 1),
)
BASE_WEIGHTS = {
    "draw": 5,
    "repay": 6,
    "due": 5,
    "charge": 1,
    "balance": 2,
    "delinquency": 2,
    "hardship": 1,
    "dispute": 1,
}
STATED = ("trigger", "second_trigger", "third_trigger")
LASTING = ("open", "opening", "consent", "decline", "override", "reversal")  # kinds that cannot be reversed
BURSTS = {"due": (1,) * 40 + (26,), "consent": (1, 1, 6)}  # how many at once


@lru_cache(maxsize=4_096)
def month_start(day: int, months: int) -> int:
    """The first day of the month `months` after that of `day`, found by walking.

    >>> month_start(date_day(2024, 1, 31), 2) == date_day(2024, 3, 1)
    True
    """
    wanted = month_of(day) + months
    while month_of(day) < wanted:
        day += 1
    return day


@dataclass
class Maker:
    """One account's stream in the making."""

    policy: Policy
    rng: Random
    hints: Hints
    clock: Clock
    reversals: int = 0  # how often they come
    takes_over: bool = False  # whether the account begins with an opening and its history
    sizes: tuple[int, int] = (5, 60)
    account: str = "A"
    granted: int = 0
    made: list[Event] = field(default_factory=list)
    dues: list[tuple[int, int]] = field(default_factory=list)  # (due_on, amount)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def day(self, at: int) -> int:
        return day_of(self.clock.hour(at))

    # -------------------------------------------------------------- when

    def start(self) -> int:
        """The instant of the first event."""
        rng = self.rng
        if self.chance(0.3):
            return self.clock.start_of_hour(24 * rng.choice(STARTS)) + rng.choice((0, 1, 9 * HOUR_MS))
        changes = [at for at in self.clock.changes if 0 < at < AT_END_MS]
        if changes and self.chance(0.4):
            backwards = [at for at in changes if self.clock.shown(at) < self.clock.shown(at - 1)]
            change = rng.choice(backwards if backwards and self.chance(0.5) else changes)
            return max(change - rng.choice((-HOUR_MS // 2, 1, HOUR_MS, DAY_MS, 3 * DAY_MS)), 0)
        return rng.randrange(date_day(2020, 1, 1) * DAY_MS, date_day(2027, 1, 1) * DAY_MS)

    def next_at(self, at: int, end: int, pace_ms: int) -> int:
        """An instant at or after `at`; most of them a millisecond from something that matters."""
        rng = self.rng
        if self.chance(0.1):
            return at
        if self.chance(0.35):
            return at + rng.randrange(1 + rng.choice((HOUR_MS, DAY_MS, pace_ms, 2 * pace_ms)))
        for _ in range(4):
            edge = self.edge(at) + rng.choice((-1, 0, 1))
            if at <= edge < end:
                return edge
        return at + rng.randrange(2 * pace_ms)

    def edge(self, at: int) -> int:
        """An instant at which something may end or begin."""
        rng, spans, today = self.rng, self.hints.spans, self.day(at)
        since = rng.choice(self.made).at
        match rng.randrange(8):
            case 0:
                return self.start_of_day(today + 1)
            case 1:
                return self.start_of_day(month_start(today, 1))
            case 2:
                return self.clock.start_of_hour(self.clock.hour(since) + rng.choice(sorted(spans["h"])))
            case 3:
                return self.start_of_day(month_start(self.day(since), rng.choice(sorted(spans["m"]))))
            case 4:
                change = next((change for change in self.clock.changes if change > at - 2 * HOUR_MS), at)
                return change + rng.choice((0, HOUR_MS // 2, HOUR_MS, 2 * HOUR_MS))
            case 5 | 6 if self.dues:
                due_on, _ = rng.choice(self.dues[-3:])
                grace_days = self.policy.dues.grace_days
                return self.start_of_day(due_on + rng.choice((0, 1, grace_days, grace_days + 1, *sorted(spans["d"]))))
        return self.start_of_day(self.day(since) + rng.choice(sorted(spans["d"])))

    def start_of_day(self, day: int) -> int:
        return self.clock.start_of_hour(24 * day)

    # -------------------------------------------------------------- what

    def money(self) -> int:
        """An amount near a threshold, near the line, or an extreme."""
        rng = self.rng
        if self.chance(0.02):
            return rng.choice((MONEY_MAX, MONEY_MAX - 1))
        if self.chance(0.08):
            return rng.choice((0, 1))
        if self.chance(0.45):
            near = rng.choice([*self.hints.of("money"), self.granted]) + rng.choice((-1, 0, 0, 1))
        else:
            near = self.granted * rng.choice((1, 3, 10, 30, 60)) // 100
        return max(0, min(MONEY_MAX, near))

    def repayment(self) -> int:
        """Often the very amount of the latest due, or of all of them; short by the tolerance, or twice as much."""
        if self.dues and self.chance(0.7):
            rng, amounts = self.rng, [amount for _, amount in self.dues]
            last, short = amounts[-1], self.policy.dues.tolerance_minor + rng.choice((-1, 0, 1))
            sums = (last, last - 1, last - short, sum(amounts[-3:]), sum(amounts), sum(amounts) - short, 2 * last)
            return min(MONEY_MAX, rng.choice(sums))
        return self.money()

    def balance(self, _: int) -> dict[str, int | str]:
        """Nothing owed, a credit, or an amount."""
        amount = self.money()
        return {"amount": self.rng.choice((0, 0, -amount, amount, amount))}

    def value(self, item: Field, at: int) -> int | str:
        """A value for a field of a policy's own kind."""
        rng = self.rng
        match item.unit:
            case "money":
                return self.money() * (rng.choice((-1, 1)) if item.signed else 1)
            case "category":
                return rng.choice(item.choices)
            case "text":
                return rng.choice(("elsewhere", *(text for _, texts in self.policy.lists for text in texts)))
            case "flag":
                return rng.randrange(2)
            case "share":
                return max(0, rng.choice([0, 5_000, 10_000, *self.hints.of("share")]) + rng.choice((-1, 0, 1)))
            case _:
                return max(0, rng.choice([0, 1, 3, *self.hints.of(item.unit)]) + rng.choice((-1, 0, 1)))

    def fields(self, kind: Kind, at: int) -> dict[str, int | str]:
        """The fields of one event of that kind."""
        makers: dict[str, Callable[[int], dict[str, int | str]]] = {
            "open": lambda at: {"limit": self.granted, **self.present(kind.fields[1:], at)},
            "opening": self.opening,
            "repay": lambda _: {"amount": max(0, self.repayment())},
            "due": self.due,
            "balance": self.balance,
            "delinquency": self.delinquency,
            "consent": self.consent,
            **({"decline": self.consent} if self.policy.named_offers else {}),
            "override": self.override,
            "reversal": self.reversal,
            **({"moratorium": self.moratorium} if self.policy.waits is not None else {}),
        }
        if kind.name in makers:
            return makers[kind.name](at)
        return self.present(kind.fields, at)

    def present(self, fields: Iterable[Field], at: int) -> dict[str, int | str]:
        """A value for each of the fields; some that are optional are absent."""
        present = [item for item in fields if not (item.optional and self.chance(0.35))]
        return {item.name: self.value(item, at) for item in present}

    def due(self, at: int) -> dict[str, int | str]:
        rng, tolerance = self.rng, self.policy.dues.tolerance_minor
        due_on = self.day(at) + rng.choice((-40, -1, 0, 0, 1, 5, 10, 30))
        amount = tolerance + rng.choice((0, 1)) if tolerance and self.chance(0.1) else self.money()
        self.dues.append((due_on, min(amount, MONEY_MAX)))
        return {"amount": self.dues[-1][1], "due_on": max(due_on, 0)}

    def opening(self, at: int) -> dict[str, int | str]:
        """A line as a former system may have left it; what is stated holds together."""
        rng, today = self.rng, self.day(at)
        whole: dict[str, int | str] = {"granted": self.granted, "limit": self.granted, "status": "active"}
        said = dict(whole)
        if self.chance(0.5):
            triggers = rng.sample(self.policy.triggers, min(len(self.policy.triggers), rng.choice((1, 1, 2, 3))))
            said |= dict(zip(STATED, (one.name for one in triggers), strict=False))
            suspends, closes = any(one.suspend for one in triggers), any(one.close for one in triggers)
            said["status"] = "closed" if closes else "suspended" if suspends else "reduced"
        elif self.chance(0.4):
            said["status"] = "restoring"
        if said["status"] in ("restoring", "reduced") and self.granted == 0:
            said = whole  # of nothing there is no part to have left
        shares = {"restoring": (0, 30, 60, 99), "reduced": (0, 30, 60, 99), "suspended": (0, 40, 100), "closed": (0,)}
        said["limit"] = self.granted * rng.choice(shares.get(str(said["status"]), (100,))) // 100
        said["balance"] = self.money() * rng.choice((-1, 1, 1, 1, 1))
        days = max(1, rng.choice([1, *self.hints.of("days")]) + rng.choice((-1, 0, 1)))
        if self.chance(0.4) and days <= today and int(said["balance"]) > 0:
            said |= {"days_past_due": days}
            if self.chance(0.7):
                said |= {"past_due": rng.randint(1, int(said["balance"]))}
        if self.chance(0.6):
            said["history_from"] = max(0, today - rng.choice([0, 1, *self.hints.spans["d"]]))
        if self.chance(0.5):
            said["opened_on"] = max(0, int(said.get("history_from", today)) - rng.choice((0, 1, 40, 400)))
        if "trigger" in said and self.chance(0.7):
            said["since"] = max(int(said.get("opened_on", 0)), today - rng.choice([0, 1, *self.hints.spans["d"]]))
        return said

    def add_history(self, at: int) -> None:
        """Some of what happened before the opening, and now and then something from before its history."""
        first = self.start_of_day(int(self.made[0].fields.get("history_from", self.day(at))))
        kinds = [kind.name for kind in self.policy.kinds if kind.name not in LASTING]
        hinted = [name for name in self.hints.kinds if name in kinds]
        earliest = max(first - self.rng.choice((0, 0, 0, DAY_MS)), 0)
        for moment in sorted(self.rng.randint(min(earliest, at), at) for _ in range(self.rng.choice((0, 2, 8, 20)))):
            self.add(self.rng.choice(hinted if hinted and self.chance(0.7) else kinds), moment)

    def consent(self, at: int) -> dict[str, int | str]:
        """The number that the open offer would have, had every possible offer been made; or one near it."""
        terms = self.policy.offers[0] if self.policy.offers else None
        pace = max(*numbers_of(terms.every_days), *(days + 1 for days in numbers_of(terms.valid_days))) if terms else 30
        guess = 1 + (self.day(at) - self.day(self.made[0].at)) // pace
        return {"offer": self.rng.choice((1, 1, 2, 3, guess, guess, max(guess - 1, 0)))}

    def moratorium(self, at: int) -> dict[str, int | str]:
        """From days ago, today or soon, for some days or weeks; now and then one that ends what there was."""
        begin = max(0, self.day(at) + self.rng.choice((-40, -3, 0, 0, 1, 5, 30)))
        return {"from": begin, "until": max(0, begin + self.rng.choice((-2, 0, 1, 6, 29, 89)))}

    def delinquency(self, _: int) -> dict[str, int | str]:
        near = self.rng.choice([0, 0, 0, 1, 30, *self.hints.of("days")])
        return {"days": max(0, min(DELINQUENCY_DAYS_MAX, near + self.rng.choice((-1, 0, 0, 1))))}

    def override(self, at: int) -> dict[str, int | str]:
        rng = self.rng
        found: dict[str, int | str] = {"until": max(0, self.day(at) + rng.choice((-1, 0, 1, 7, 30)))}
        if self.chance(0.6):
            found["trigger"] = rng.choice(self.policy.triggers).name
        if self.chance(0.5):
            found["cap"] = rng.choice((0, 2_500, 5_000, 9_999, 10_000))
        return {**found, "by": "a credit officer", "why": "looked into"} if self.chance(0.5) else found

    def reversal(self, _: int) -> dict[str, int | str]:
        """Mostly of a recent repayment or due; now and then of what cannot be, or of nothing."""
        if self.chance(0.1):
            return {"of": self.rng.choice(["unheard of", *(event.id for event in self.made)])}
        real = [event for event in self.made if event.kind not in LASTING]
        telling = [event for event in real if event.kind in ("repay", "due", "delinquency")][-6:]
        found = telling if telling and self.chance(0.7) else real or self.made
        return {"of": self.rng.choice(found).id}

    # -------------------------------------------------------------- the stream

    def add(self, name: str, at: int) -> None:
        event = Event(f"e{len(self.made)}", self.account, name, at, self.fields(self.policy.kind(name), at))
        self.made.append(event)

    def weights(self) -> dict[str, int]:
        """How often each kind comes: what the policy measures, more."""
        found = {**BASE_WEIGHTS, "override": 1, "open": 0, "opening": 0, "reversal": self.reversals}
        found["consent"] = 8 if self.policy.offers else 0
        for kind in self.policy.kinds:
            found.setdefault(kind.name, 1)
        for name in self.hints.kinds:
            found[name] += 2
        if self.policy.named_offers:
            found["decline"] = 4
        for name in ("own_limit", "grant"):
            if name in found:
                found[name] += 2
        found["open"] = min(found["open"], 1)
        found["opening"] = int(self.takes_over)
        return found

    def run(self) -> list[Event]:
        """The stream in order of time."""
        rng = self.rng
        if self.policy.splits:  # the arm follows from the id
            self.account = f"A{rng.randrange(10_000)}"
        size, span = rng.randint(*self.sizes), rng.choice((36, 60, 120, 365, 365, 730)) * DAY_MS
        at = self.start()
        end = min(at + span, AT_END_MS)
        ladder = [value for value in self.hints.of("money") if value > 1] or [100]
        self.granted = min(MONEY_MAX, rng.choice(ladder) * rng.choice((1, 2, 10, 100)))
        if self.chance(0.06):
            self.granted = rng.choice((0, 1, MONEY_MAX))
        if not self.takes_over and self.chance(0.1):
            self.add(rng.choice(("draw", "due")), max(at - rng.choice((0, 1, DAY_MS)), 0))
        self.add("opening" if self.takes_over else "open", at)
        if self.takes_over:
            self.add_history(at)
        names, counts = zip(*self.weights().items(), strict=True)
        for _ in range(size):
            at = min(self.next_at(at, end, span // size), end - 1)
            name = rng.choices(names, counts)[0]
            for _ in range(rng.choice(BURSTS.get(name, (1,)))):
                self.add(name, at)
        return self.made


def make_stream(
    policy: Policy,
    rng: Random,
    late: bool = False,
    reversals: int = 0,
    sizes: tuple[int, int] = (5, 60),
    takes_over: bool = False,
) -> list[Event]:
    """One account's events in order of arrival: in order of time, or with a fifth of them `late`.

    `reversals` is their weight beside the other kinds (a repayment's is 6); `sizes` the least and the most events.
    Where it `takes_over`, the account begins with an `opening`, which its history follows.
    """
    maker = Maker(policy, rng, hints(policy), clock(policy.time_zone), reversals, takes_over, sizes)
    made = maker.run()
    if not late:
        return made
    delays = [rng.randint(1, 12) if rng.random() < (0.03 if event.kind == "open" else 0.2) else 0 for event in made]
    return [made[place] for _, place in sorted((place + delay, place) for place, delay in enumerate(delays))]


def make_asks(policy: Policy, events: list[Event], rng: Random) -> list[tuple[int, int]]:
    """Moments after the events and amounts: draws that authorisation may be asked about."""
    maker = Maker(policy, rng, hints(policy), clock(policy.time_zone))
    maker.made = events
    maker.granted = next(int(event.fields["limit"]) for event in events if event.kind in ("open", "opening"))
    latest = max(event.at for event in events)
    soon = [latest + rng.randrange(60 * DAY_MS) for _ in range(2)]
    near = [maker.next_at(latest, AT_END_MS, 30 * DAY_MS) for _ in range(3)]
    return [(min(at, AT_END_MS - 1), maker.money()) for at in (latest, *soon, *near)]
