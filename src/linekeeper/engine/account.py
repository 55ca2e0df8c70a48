"""One account as a person wants to see it: its line, facts, features and decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, select

from linekeeper.core.bounds import MISSING
from linekeeper.core.dates import date_of
from linekeeper.core.decision import Decision, LineRecord, OwnChoice
from linekeeper.core.errors import NotFound, UsageError, demand_choice
from linekeeper.core.line import Action, Status
from linekeeper.decide.canonical import read_decision
from linekeeper.decide.explain import format_value
from linekeeper.decide.reasons import GRANT, PERSON
from linekeeper.decide.record import recorder_of
from linekeeper.engine.cut_over import CutOver, beginning, cut_over_of, first_line
from linekeeper.engine.engine import Engine
from linekeeper.engine.states_in_order import states_in_order
from linekeeper.engine.versions import kernels_of
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, decision_records
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.calendar import Calendar
from linekeeper.kernel.kernel import Kernel

ACCOUNTS_A_PAGE = 100
DECISIONS_AT_ONCE = 1_000  # that are in memory at one time
_NUMBERED = re.compile(r"(?s:.+)#(?P<number>[0-9]{1,18})")


@dataclass(frozen=True)
class AccountView:
    """How an account stands. Instants in UTC ms, days since 1970-01-01, money in minor units.

    `unowed_dues` is how far its unpaid dues are above all that it owes.
    """

    account: str
    line: LineRecord
    balance: int
    unowed_dues: int
    opened_at: int
    opening: LineRecord
    now: int
    next_review: int
    values: dict[str, int | None]
    shown_values: list[tuple[str, str]]
    decisions: list[Decision]
    cut_over: CutOver | None = None  # None where the account was opened here
    own_choice: OwnChoice | None = None  # what the borrower himself wishes; `line` is what the lender allows


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account of a list. Money in minor units, `opened_at` in UTC ms, `next_review` in days since 1970-01-01.

    `triggers` are those that are set, `reasons` their codes and `person` where a person has capped the line.
    """

    account: str
    line: LineRecord
    balance: int
    next_review: int
    opened_at: int
    version: int
    triggers: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts are wanted: with that status, that trigger set, that reason; None asks for nothing."""

    status: str | None = None
    trigger: str | None = None
    reason: str | None = None

    def demand_known(self, engine: Engine) -> None:
        """Raises UsageError where there is no such status, trigger or reason."""
        demand_choice("status", self.status, [one.name.lower() for one in Status])
        demand_names(engine, self.trigger, self.reason)

    def takes(self, one: AccountSummary) -> bool:
        """Whether an account is wanted."""
        return (
            self.status in (None, one.line.status)
            and (self.trigger is None or self.trigger in one.triggers)
            and (self.reason is None or self.reason in one.reasons)
        )


def demand_names(engine: Engine, trigger: str | None, reason: str | None) -> None:
    """Raises UsageError where no version of the store's policy has that trigger, or no reason of that code."""
    if trigger is None and reason is None:
        return
    with engine.store.reading() as connection:
        policies = [kernel.policy for kernel in kernels_of(connection).values()]
    triggers = [one for policy in policies for one in policy.rules_with_reasons]
    demand_choice("trigger", trigger, dict.fromkeys(one.name for one in triggers))
    demand_choice("reason", reason, dict.fromkeys([*(one.reason for one in triggers), PERSON, GRANT]))


def account_page(
    engine: Engine,
    wanted: AccountFilter,
    after: str = "",
    size: int = ACCOUNTS_A_PAGE,
    day: int | None = None,
) -> list[AccountSummary]:
    """At most `size` accounts whose names come after `after`, in order of their names, that are wanted.

    With a `day`, as they stood at its end, by what was known then. Raises UsageError as `demand_known` does, or where
    the day has not begun.
    """
    wanted.demand_known(engine)
    engine.demand_begun(day)
    with engine.store.reading() as connection:
        return list(islice(account_summaries(connection, wanted, after, day), size))


def account_summaries(
    connection: Connection, wanted: AccountFilter, after: str = "", day: int | None = None
) -> Iterator[AccountSummary]:
    """All wanted accounts whose names come after `after`, in order of their names; `day` as in `account_page`."""
    for account, kernel, state in states_in_order(connection, after, day):
        summary = _summary(account, kernel, state)
        if wanted.takes(summary):
            yield summary


def _summary(account: str, kernel: Kernel, state: Sequence[int]) -> AccountSummary:
    slots, policy = kernel.layout.slots, kernel.policy
    line = LineRecord(state[slots["LIMIT"]], state[slots["GRANTED"]], Status(state[slots["STATUS"]]).name.lower())
    triggers = [one for place, one in enumerate(policy.triggers) if state[slots["MASK"]] >> place & 1]
    imposed = kernel.interpreted.imposed_cap(state) >= 0
    reasons = dict.fromkeys([one.reason for one in triggers] + [PERSON] * imposed)
    return AccountSummary(
        account,
        line,
        state[slots["BALANCE"]],
        state[slots["NEXT_REVIEW"]],
        state[slots["OPEN_AT"]],
        policy.version,
        tuple(one.name for one in triggers),
        tuple(reasons),
    )


def decisions_of(engine: Engine, account: str) -> list[Decision]:
    """All decisions of an account, in order."""
    with engine.store.reading() as connection:
        return [read_decision(row[2]) for row in decision_records(connection, first=account, last=account)]


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions are wanted; what is None asks for nothing.

    `trigger`: one that it set; `reason`: one of its codes; from local day `from_day` to `until_day`, both included.
    """

    account: str | None = None
    action: str | None = None
    trigger: str | None = None
    reason: str | None = None
    from_day: int | None = None
    until_day: int | None = None

    def demand_known(self, engine: Engine) -> None:
        """Raises UsageError where there is no such action, trigger, reason or period, NotFound for no such account."""
        if self.from_day is not None and self.until_day is not None and self.until_day < self.from_day:
            raise UsageError(
                f"the last day {date_of(self.until_day)} is before the first, {date_of(self.from_day)}",
                code="until-not-usable",
                way_out="name a later one",
                details={"from": str(date_of(self.from_day)), "until": str(date_of(self.until_day))},
            )
        demand_choice("action", self.action, [one.name.lower() for one in Action])
        demand_names(engine, self.trigger, self.reason)
        if self.account is not None:
            engine.state_of(self.account)  # raises where it is not known

    def takes(self, one: Decision) -> bool:
        """Whether a decision of a wanted account, action and day is wanted."""
        return (self.trigger is None or self.trigger in one.triggers_set) and (
            self.reason is None or any(reason.code == self.reason for reason in one.reasons)
        )


def decision_page(
    engine: Engine, wanted: DecisionFilter, after: int = 0, size: int = ACCOUNTS_A_PAGE
) -> list[tuple[int, Decision]]:
    """At most `size` wanted decisions with their places in the order in which they were made, after that place.

    Raises LinekeeperError as `demand_known` does.
    """
    wanted.demand_known(engine)
    with engine.store.reading() as connection:
        return list(islice(decisions_in_order(connection, engine.kernel.calendar, wanted, after), size))


def decisions_in_order(
    connection: Connection, clock: Calendar, wanted: DecisionFilter, after: int = 0
) -> Iterator[tuple[int, Decision]]:
    """All wanted decisions after a place, with their places, in the order in which they were made."""
    d = t.decisions.c
    query = select(d.seq, d.record).where(d.seq > after).order_by(d.seq).execution_options(yield_per=DECISIONS_AT_ONCE)
    if wanted.account is not None:
        query = query.where(d.account == wanted.account)
    if wanted.action is not None:
        query = query.where(d.action == wanted.action)
    if wanted.from_day is not None:
        query = query.where(d.at >= clock.day_start(wanted.from_day))
    if wanted.until_day is not None:
        query = query.where(d.at < clock.day_start(wanted.until_day + 1))
    for place, record in connection.execute(query):
        decision = read_decision(as_bytes(record))
        if wanted.takes(decision):
            yield place, decision


def number_in_name(name: str) -> int | None:
    """The number of `ACCOUNT#NUMBER`; None where the name is of another form.

    >>> number_in_name("A-1001#12"), number_in_name("A-1001"), number_in_name("A-1001#x")
    (12, None, None)
    """
    parts = _NUMBERED.fullmatch(name)
    return int(parts["number"]) if parts else None


def decision_name_refused(name: str) -> UsageError:
    """The error of a name that is no `ACCOUNT#NUMBER`."""
    return UsageError(
        f"`{name[:40]}` is not a decision",
        code="decision-name-not-readable",
        way_out="write ACCOUNT#NUMBER",
        details={"given": name[:40]},
    )


def find_decision(engine: Engine, name: str) -> Decision:
    """The decision `ACCOUNT#NUMBER`, or an account's latest. The name of an account may itself have a `#` in it.

    Raises UsageError where a number is none, NotFound where there is no such account or decision.
    """
    number = number_in_name(name)
    account = name if number is None else name.rpartition("#")[0]
    decisions = decisions_of(engine, account)
    if number is not None:
        decisions = [decision for decision in decisions if decision.number == number]
    if not decisions:
        if number is None and "#" in name and not engine.is_known(account):
            raise decision_name_refused(name)
        engine.state_of(account)  # raises where the account itself is not known
        raise NotFound(
            f"there is no decision `{name}`",
            code="decision-not-known",
            way_out=f"see `linekeeper show {account}`",
            details={"account": account, "decision": name},
        )
    return decisions[-1]


def view(engine: Engine, account: str) -> AccountView:
    """The account as it stands in the store, with no evaluation made for it, under the version that it is under."""
    engine, state = engine.state_of(account)
    kernel, slots = engine.kernel, engine.kernel.layout.slots
    out = kernel.new_row()
    kernel.interpreted.features(state, out)
    kernel.interpreted.score(state, out)
    features = engine.policy.features
    values = [None if value == MISSING else value for value in out[kernel.shape.values :]]
    shown_values = [
        (feature.name, format_value(engine.policy, value, feature.unit, feature.choices) or "missing")
        for feature, value in zip(features, values, strict=True)
    ]
    if engine.policy.score:
        shown_values.append(("score", str(out[kernel.shape.place("SCORE")])))
    decisions = decisions_of(engine, account)
    status = Status(state[slots["STATUS"]]).name.lower()
    line = LineRecord(state[slots["LIMIT"]], state[slots["GRANTED"]], status)
    with engine.store.reading() as connection:
        kind, fields = beginning(connection, account)
    now = max(state[slots["SEEN"]], kernel.calendar.day_start(state[slots["HOUR"]] // 24))
    return AccountView(
        account,
        line,
        state[slots["BALANCE"]],
        arrears_of(kernel, state, state[slots["HOUR"]] // 24).above_owed_minor,
        state[slots["OPEN_AT"]],
        first_line(kind, fields),
        now,
        state[slots["NEXT_REVIEW"]],
        dict(zip([feature.name for feature in features], values, strict=True)),
        shown_values,
        decisions,
        cut_over_of(kernel, state, fields) if kind == "opening" else None,
        own_choice_of(kernel, state),
    )


def own_choice_of(kernel: Kernel, state: list[int]) -> OwnChoice | None:
    """What the borrower wishes for his own line; None where he wishes for nothing."""
    if kernel.policy.own_limit is None:
        return None
    row = kernel.new_row()
    kernel.interpreted.write_wish(state, row)
    return recorder_of(kernel).own_choice(row)
