"""The outbox: with every decision that has to be notified, a row in the same transaction says by when.

The notice itself is rendered when it is asked for, from the stored decision. Nothing here renders or sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from typing import Literal as OneOf

import rfc8785
from sqlalchemy import Connection, Select, case, select

from linekeeper.core.decision import Decision
from linekeeper.core.errors import Conflict, NotFound
from linekeeper.decide.canonical import read_decision
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, demand_keys
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.store import Store, insert_many, take_numbers
from linekeeper.kernel.calendar import calendar
from linekeeper.notice.from_decision import NOTIFIED_ACTIONS, adds_reasons, is_notified
from linekeeper.policy.model import Policy
from linekeeper.regulation.announcements import coming_actions
from linekeeper.regulation.clock import NoticeCase, NoticeClock, notice_clock
from linekeeper.regulation.records import RegulationRecord, shipped_records

COLUMNS = ("account", "number", "action", "due_at", "alarm_at", "rule", "status", "state")
ENTRIES_AT_ONCE = 1_000  # that are in memory at one time
State = OneOf["pending", "sent"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One notice of the outbox: of which decision, made when, its clock (all UTC ms), and whether it went out.

    `not_before`: of a contact the first instant at which the borrower may be reached.
    """

    account: str
    number: int
    action: str
    decided_at: int
    clock: NoticeClock
    state: State
    sent_at: int | None = None
    not_before: int | None = None


@dataclass(frozen=True, slots=True)
class Law:
    """Under which law borrowers are notified: `CN`, `US`, ... and the product, as `policies/regulation` names them."""

    jurisdiction: str
    product: str


@dataclass
class Outbox:
    """Writes down notices with their clocks, from the records of the regulation packs that bind under that law.

    Raises LinekeeperError where some action that has to be notified would have no clock there.
    """

    law: Law
    time_zone: str
    rules: tuple[RegulationRecord, ...] = field(default_factory=shipped_records)
    _known: dict[tuple[str, int, int], NoticeClock] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for action in NOTIFIED_ACTIONS:
            self.clock(action, 0)

    def clock(self, action: str, decided_at: int, effect_day: int | None = None) -> NoticeClock:
        """By when a decision must be notified. Clocks count whole local days, so one clock serves a whole day.

        `effect_day`: the local day from which on it restricts, where that is not the day of the decision.
        """
        zone = calendar(self.time_zone)
        day = zone.day(decided_at)
        key = (action, day, effect_day or day)
        if key not in self._known:
            case = NoticeCase(self.law.jurisdiction, self.law.product, action, self.time_zone)
            effect_at = None if effect_day is None else zone.day_start(effect_day)
            self._known[key] = notice_clock(self.rules, case, decided_at, effect_at)
        return self._known[key]

    def clock_of(self, decision: Decision, policy: Policy) -> NoticeClock:
        """By when that decision must be notified: what it does now, and what it announces for a later day."""
        # New grounds on a restricted line are due when the restriction itself would be.
        clocks = [self.clock("decrease" if adds_reasons(decision) else decision.action, decision.at)]
        triggers = {trigger.name: trigger for trigger in policy.triggers}
        for one in decision.announces:
            actions = coming_actions(triggers[one.trigger])
            clocks += [self.clock(action, decision.at, one.effect_day) for action in actions]
        return min(clocks, key=lambda clock: (clock.due_at, clock.rule))

    def put(self, connection: Connection, decisions: Iterable[Decision], policy: Policy) -> list[Record]:
        """Write down the notices of new decisions, in the caller's transaction; the leaves that commit to them.

        Of what was announced nobody is notified a second time when it comes into effect.
        """
        rows, leaves = [], []
        for decision in decisions:
            if is_notified(decision) and not decision.was_announced:
                clock = self.clock_of(decision, policy)
                times = (clock.due_at, clock.alarm_at, clock.rule, clock.status)
                row = (decision.account, decision.number, decision.action, *times)
                rows.append((*row, "pending"))
                leaves.append(_leaf("notice", dict(zip(COLUMNS, row, strict=False)) | {"at": decision.at}))
        insert_many(connection, t.notices, COLUMNS, rows)
        return leaves


def _leaf(kind: str, content: dict[str, Any]) -> Record:
    return Record(RecordKind.NOTICE, content["account"], rfc8785.dumps({"kind": kind, **content}))


def open_outbox(connection: Connection, law: Law | None, time_zone: str, keeper: Keeper | None = None) -> Outbox | None:
    """The outbox of a store: under the law that it keeps to, or from now on under that one; None where it has none.

    Raises Conflict where it keeps to another, UsageError where it keeps a log and nobody gave the keys to note the law.
    """
    row = connection.execute(select(t.law.c.jurisdiction, t.law.c.product)).first()
    kept = Law(*row) if row else None
    if kept and law and kept != law:
        named = f"`{kept.jurisdiction}`, `{kept.product}`"
        raise Conflict(
            f"the store's notices are under the law of {named}",
            code="jurisdiction-mismatch",
            way_out="use another `--store`",
        )
    in_force = kept or law
    if in_force is None:
        return None
    outbox = Outbox(in_force, time_zone)
    if kept is None:
        demand_keys(connection, keeper)
        names = ("id", "jurisdiction", "product")
        insert_many(connection, t.law, names, [(1, in_force.jurisdiction, in_force.product)])
        if keeper:
            content = {"kind": "law", "jurisdiction": in_force.jurisdiction, "product": in_force.product}
            keeper.seal(connection, [Record(RecordKind.LAW, "", rfc8785.dumps(content))])
    return outbox


def find_entry(connection: Connection, account: str, number: int) -> Entry | None:
    """The outbox's entry for a decision."""
    n = t.notices.c
    return next(_read(connection, _ENTRIES.where(n.account == account, n.number == number)), None)


def pending(connection: Connection) -> list[Entry]:
    """What has not gone out, the most urgent first."""
    n = t.notices.c
    return list(_read(connection, _ENTRIES.where(n.state == "pending").order_by(n.due_at, n.account, n.number)))


def entries_in_order(connection: Connection, state: State | None = None, end: int | None = None) -> Iterator[Entry]:
    """All entries by account and number, those in a `state` alone where one is named.

    With an `end` (UTC ms), as the outbox stood just before it.
    """
    n = t.notices.c
    query = _ENTRIES if end is None else _ENTRIES.where(t.decisions.c.at < end)
    for entry in _read(connection, query.order_by(n.account, n.number).execution_options(yield_per=ENTRIES_AT_ONCE)):
        if end is not None and entry.sent_at is not None and entry.sent_at >= end:
            entry = replace(entry, state="pending", sent_at=None)
        if state in (None, entry.state):
            yield entry


def mark_sent(store: Store, keeper: Keeper | None, account: str, number: int, at: int) -> Entry:
    """Write down that a notice went out (UTC ms); the first time stands. Raises NotFound where there is none.

    It returns the entry as it was before: where that was sent already, nothing has changed.
    With a `keeper` that is a leaf of the log; raises UsageError where the store keeps one and none was given.
    """
    n = t.notices.c
    with store.writing() as connection:
        demand_keys(connection, keeper)
        entry = find_entry(connection, account, number)
        if entry is None:
            raise NotFound(
                f"the outbox has no notice `{account}#{number}`",
                code="notice-not-known",
                way_out="see `linekeeper notices list`",
                details={"account": account, "number": number},
            )
        if entry.state == "pending":
            sent = {"state": "sent", "sent_at": at, "sent_position": take_numbers(connection, "changes", 1)}
            connection.execute(t.notices.update().where(n.account == account, n.number == number).values(sent))
            if keeper:
                content = {"account": account, "number": number, "at": at, "position": sent["sent_position"]}
                keeper.seal(connection, [_leaf("notice sent", content)])
    return entry


_CONTACT = case((t.notices.c.action == "contact", t.decisions.c.record)).label("contact_record")
_ENTRIES = select(t.notices, t.decisions.c.at, _CONTACT).join(
    t.decisions, (t.decisions.c.account == t.notices.c.account) & (t.decisions.c.number == t.notices.c.number)
)


def _read(connection: Connection, query: Select[Any]) -> Iterator[Entry]:
    for row in connection.execute(query):
        clock = NoticeClock(row.due_at, row.alarm_at, row.rule, row.status)
        not_before = None if row.contact_record is None else _contact_from(read_decision(row.contact_record))
        yield Entry(row.account, row.number, row.action, row.at, clock, row.state, row.sent_at, not_before)


def _contact_from(decision: Decision) -> int | None:
    """The first instant at which the borrower may be contacted."""
    return max((one.from_at for one in decision.treatments if one.from_at is not None), default=None)
