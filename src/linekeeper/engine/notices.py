"""A decision of the store as its notice: made on demand, from what was recorded and the account as it stood then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from linekeeper.core.decision import Decision
from linekeeper.decide.canonical import canonical_json, digest_of
from linekeeper.engine.outbox import find_entry
from linekeeper.journal import tables as t
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.qr import draw
from linekeeper.kernel.arrears import arrears_of
from linekeeper.notice.from_decision import DecisionContext, LenderProfile, notice_of
from linekeeper.notice.model import DEFAULT_JURISDICTION, Notice, NoticeReceipt
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from linekeeper.engine.engine import Engine
    from linekeeper.kernel.kernel import Kernel


def build_notice(
    engine: Engine, decision: Decision, profile: LenderProfile, state: Sequence[int] | None = None
) -> Notice:
    """The notice of a decision. With the account's `state` right after it, it shows a road back and the oldest due.

    Names, words and road are those of the version that decided. Raises `NoticeError` where no notice is due.
    """
    version = engine.engine_of_version(decision.policy)
    with engine.store.reading() as connection:
        entry = find_entry(connection, decision.account, decision.number)
        kind = _kind_of_event(connection, decision)
    return notice_of(
        decision,
        version.policy,
        profile,
        context=DecisionContext(
            due_on(version.kernel, state) if state else None, by_person=kind == "override", by_grant=kind == "grant"
        ),
        road=road_from(version.kernel, state) if state else None,
        jurisdiction=engine.outbox.law.jurisdiction if engine.outbox else DEFAULT_JURISDICTION,
        due=entry.clock if entry else None,
        receipt=receipt_of(engine, decision),
    )


def receipt_of(engine: Engine, decision: Decision) -> NoticeReceipt | None:
    """The decision's receipt as a QR code beside its hash; None where no log is kept, or it is not published yet."""
    if engine.keeper is None:
        return None
    try:
        data = engine.keeper.receipt(engine.store, decision.account, decision.number)
        return NoticeReceipt(digest_of(canonical_json(decision)), qr_svg=draw(data))
    except LogError:
        return None


def due_on(kernel: Kernel, state: Sequence[int]) -> int | None:
    """The local day of the oldest due that is past due."""
    return arrears_of(kernel, state, state[kernel.layout.slots["HOUR"]] // 24).oldest_due_on


def _kind_of_event(connection: Connection, decision: Decision) -> str | None:
    """The kind of the event that led to the decision; a grant that waited for the start of a day led to it, too."""
    if decision.event is None:
        return "grant" if decision.after.granted != decision.before.granted else None
    e = t.events.c
    query = select(e.kind).where(e.account == decision.account, e.id == decision.event)
    return connection.execute(query).scalar()


def road_from(kernel: Kernel, state: Sequence[int]) -> RoadBack | NoRoadBack | None:
    """The road back from a state, asked for on its own day; a road that was not verified is not shown."""
    road = find_road_back(kernel, list(state), state[kernel.layout.slots["HOUR"]] // 24)
    if isinstance(road, RoadBack) and not road.verified:
        return NoRoadBack("not_found", ())
    return road
