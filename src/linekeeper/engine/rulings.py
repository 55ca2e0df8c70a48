"""What people decide, as events: overrides, the release or refusal of pending restrictions, a borrower's consent."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS, DAY_MAX, DAY_MS, TEXT_MAX
from linekeeper.core.characters import fits_name, fits_text
from linekeeper.core.decision import Decision
from linekeeper.core.errors import Conflict, NotFound, UsageError
from linekeeper.core.event import PERSON_SOURCE
from linekeeper.engine.account import decisions_of
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import PendingRecord, pending_rows
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store
from linekeeper.policy.kinds import FULL_BP


def new_id() -> str:
    """An id for an event that a person enters."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person's ruling on one account at `at` (UTC ms), up to and including local day `until_day`.

    With a `trigger` it waives that trigger; with `cap_bp` it imposes a cap; with neither it lets a pending
    restriction act. The same `id` again changes nothing.
    """

    account: str
    at: int
    until_day: int
    by: str
    why: str
    trigger: str | None = None
    cap_bp: int | None = None
    id: str = field(default_factory=new_id)


def rule(engine: Engine, rulings: Sequence[Ruling]) -> list[Decision]:
    """Enter rulings in one transaction; the decisions that they led to. Raises LinekeeperError with nothing done."""
    engine.resume_reviews()  # before it is looked at how the accounts stand
    for ruling in rulings:
        _check(engine, ruling)
    words: dict[str, list[str | None]] = {
        "id": [ruling.id for ruling in rulings],
        "account": [ruling.account for ruling in rulings],
        "kind": ["override"] * len(rulings),
        "by": [ruling.by for ruling in rulings],
        "why": [ruling.why for ruling in rulings],
        "trigger": [ruling.trigger for ruling in rulings],
    }
    numbers: dict[str, list[int | None]] = {
        "at": [ruling.at for ruling in rulings],
        "cap": [ruling.cap_bp for ruling in rulings],
        "until": [ruling.until_day for ruling in rulings],
    }
    return _entered(engine, words, numbers)


def release(engine: Engine, accounts: Iterable[str], *, by: str, why: str, at: int) -> list[Decision]:
    """Let the pending restrictions of these accounts act now, in a person's name."""
    day = engine.kernel.calendar.day(at)
    return rule(engine, [Ruling(pending.account, at, day, by, why) for pending in _pending(engine, accounts)])


def refuse(engine: Engine, accounts: Iterable[str], until_day: int, *, by: str, why: str, at: int) -> list[Decision]:
    """Waive every trigger for which these accounts' restrictions are pending, up to and including a local day."""
    return rule(
        engine,
        [
            Ruling(pending.account, at, until_day, by, why, trigger)
            for pending in _pending(engine, accounts)
            for trigger in pending.decision.triggers_set
        ],
    )


def consent(engine: Engine, account: str, offer: int, at: int, id: str | None = None) -> list[Decision]:
    """A borrower accepts the open offer of that number. Raises Conflict where there is none."""
    engine.resume_reviews()
    under, state = engine.state_of(account)
    slots = under.kernel.layout.slots
    day, number = engine.kernel.calendar.day(at), state[slots["OFFER_NUMBER"]]
    if number == 0 or day >= state[slots["OFFER_END"]]:
        raise Conflict(
            f"no offer to `{account}` is open",
            code="offer-not-open",
            way_out=f"see `linekeeper show {account}`",
            details={"account": account},
        )
    if offer != number:
        raise Conflict(
            f"offer {offer} to `{account}` is not open; offer {number} is",
            code="offer-not-open",
            details={"account": account, "offer": offer, "open": number},
        )
    with engine.store.reading() as connection:
        if pending_rows(connection, account):
            raise Conflict(
                f"a restriction of `{account}` waits for a person",
                code="restriction-pending",
                way_out="release or refuse it first",
                details={"account": account},
            )
    id = id or new_id()
    check_id(id)
    words: dict[str, list[str | None]] = {"id": [id], "account": [account], "kind": ["consent"]}
    return _entered(engine, words, {"at": [at], "offer": [offer]})


def store_now(engine: Engine) -> int | None:
    """The store's now in UTC ms: the `at` of the last event to arrive, or the last review, whichever is later.

    A ruling made on a store of the past belongs to that past, not to the clock on the wall. None in an empty store.
    """
    event, day = _newest(engine.store)
    instants = [int(event.at)] if event is not None else []
    instants += [engine.kernel.calendar.day_start(day)] if day is not None else []
    return max(instants, default=None)


def demand_clock(store: Store, clock: Clock) -> None:
    """Raises Conflict where that clock lies far behind the last event or review of the store."""
    event, day = _newest(store)
    instants = [int(event.at if event.arrived is None else event.arrived)] if event is not None else []
    # A local day begins at most a day before it does in UTC.
    instants += [(day - 1) * DAY_MS] if day is not None else []
    clock.demand_not_behind(max(instants, default=None))


def _newest(store: Store) -> tuple[Any, int | None]:
    """The row of the last event to arrive (`at`, `arrived`), and the day of the last review; None for what is not."""
    e, r = t.events.c, t.reviews.c
    with store.reading() as connection:
        event = connection.execute(select(e.at, e.arrived).order_by(e.seq.desc()).limit(1)).first()
        day = connection.execute(select(r.until_day).order_by(r.seq.desc()).limit(1)).scalar()
    return event, None if day is None else int(day)


# ------------------------------------------------------------------ checks


def _check(engine: Engine, ruling: Ruling) -> None:
    under, _ = engine.state_of(ruling.account)
    if not AT_MIN_MS <= ruling.at < AT_END_MS:
        raise UsageError("the time of a ruling lies from 1970 to 2099", code="ruling-out-of-bounds")
    if not engine.kernel.calendar.day(ruling.at) <= ruling.until_day <= DAY_MAX:
        raise UsageError(
            "`until` lies before the ruling itself", code="ruling-out-of-bounds", way_out="name a day from today on"
        )
    demand_named(ruling.by, ruling.why)
    check_id(ruling.id)
    names = [trigger.name for trigger in under.policy.triggers]
    if ruling.trigger is not None and ruling.trigger not in names:
        near = difflib.get_close_matches(ruling.trigger, names, n=1)
        way_out = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(names)}"
        raise NotFound(
            f"the policy has no trigger `{ruling.trigger}`",
            code="trigger-not-known",
            way_out=way_out,
            details={"trigger": ruling.trigger},
        )
    cap = ruling.cap_bp
    if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or not 0 <= cap <= FULL_BP):
        raise UsageError(
            "a cap lies from 0% to 100% of what is granted",
            code="ruling-out-of-bounds",
            way_out=f"write a share like 50% (in Python, whole basis points from 0 to {FULL_BP:,})",
        )
    if cap is not None and ruling.trigger is not None:
        raise UsageError(
            "a ruling waives a trigger or imposes a cap, not both",
            code="arguments-do-not-go-together",
            way_out="make two rulings of it",
        )


def demand_named(by: str, why: str) -> None:
    """Raises UsageError where a ruling does not say who made it and why.

    >>> demand_named("m.chen", " ")
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `why` is empty, too long, or has a control character in it; a ruling says ...
    """
    for name, text in (("by", by), ("why", why)):
        if not text.strip() or len(text) > TEXT_MAX or not fits_text(text):
            way_out = f"a ruling says who made it and why, each on one line of at most {TEXT_MAX} characters"
            raise UsageError(
                f"`{name}` is empty, too long, or has a control character in it",
                code="ruling-out-of-bounds",
                way_out=way_out,
                details={"field": name},
            )


def check_id(id: str) -> None:
    """Raises UsageError where the text cannot be the id of an event.

    >>> check_id("a\x85b")
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `id` is empty, too long, or has an invisible character in it; ...
    """
    if not id or len(id) > TEXT_MAX or not fits_name(id):
        raise UsageError(
            "`id` is empty, too long, or has an invisible character in it",
            code="ruling-out-of-bounds",
            way_out=f"write at most {TEXT_MAX} characters that can be seen",
            details={"field": "id"},
        )


def _pending(engine: Engine, accounts: Iterable[str]) -> list[PendingRecord]:
    """The pending restrictions of these accounts. Raises NotFound where one has none."""
    engine.resume_reviews()
    with engine.store.reading() as connection:
        waiting = {pending.account: pending for pending in pending_rows(connection)}
    records = []
    for account in dict.fromkeys(accounts):
        if account not in waiting:
            engine.state_of(account)  # raises where the account itself is not known
            raise NotFound(
                f"nothing waits for `{account}`",
                code="restriction-not-pending",
                way_out="see `linekeeper pending list`",
                details={"account": account},
            )
        records.append(waiting[account])
    return records


def _entered(
    engine: Engine, words: dict[str, list[str | None]], numbers: dict[str, list[int | None]]
) -> list[Decision]:
    """Receive the events; the decisions that they led to."""
    demand_clock(engine.store, engine.clock)
    columns = {name: pa.array(values, pa.string()) for name, values in words.items()}
    columns |= {name: pa.array(values, pa.int64()) for name, values in numbers.items()}
    engine.receive(pa.table(columns), PERSON_SOURCE, all_or_nothing=True)
    ids = set(words["id"])
    accounts = dict.fromkeys(account for account in words["account"] if account is not None)
    decisions = (decision for account in accounts for decision in decisions_of(engine, account))
    return [decision for decision in decisions if decision.event in ids]
