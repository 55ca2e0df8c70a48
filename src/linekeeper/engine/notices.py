"""A decision of the store as its notice: made on demand, from what was recorded and the account as it stood then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from linekeeper.core.decision import ADVERSE_ACTIONS, CORRECT, Decision
from linekeeper.decide.canonical import canonical_json, digest_of, read_decision
from linekeeper.engine.outbox import find_entry
from linekeeper.engine.stored_events import stored_fields
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.evaluate.wrong_restrictions import CORRECTS_WHAT_WAS_WRONG
from linekeeper.journal import tables as t
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.qr import draw
from linekeeper.journal.store import as_bytes
from linekeeper.kernel.arrears import arrears_of
from linekeeper.notice.from_decision import WHOLE_LINE, DecisionContext, LenderProfile, notice_of
from linekeeper.notice.model import DEFAULT_JURISDICTION, CorrectionCause, Notice, NoticeReceipt
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
        kind, person = _event_behind(connection, decision)
        corrected, cause = correction_of(connection, version.kernel, decision)
        too_long = _too_long(connection, version.kernel, decision)
    return notice_of(
        decision,
        version.policy,
        profile,
        context=DecisionContext(
            due_on=due_on(version.kernel, state) if state else None,
            by_person=kind == "override" or (kind == "grant" and person),
            by_grant=kind == "grant",
            owed_minor=state[version.kernel.layout.slots["BALANCE"]] if state else None,
            corrected=corrected,
            too_long=too_long,
            cause=cause,
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


def correction_of(
    connection: Connection, kernel: Kernel, decision: Decision
) -> tuple[tuple[int, ...], CorrectionCause | None]:
    """Which decisions a correction mends, and what showed them to be wrong; nothing for another decision.

    Under an edition that names none whose latches had fallen by themselves, these are the adverse decisions since the
    line was whole. The cause is the event that came late, or the record that was taken back.
    """
    if decision.action != CORRECT:
        return (), None
    numbers = decision.corrects
    if not numbers and kernel.edition < CORRECTS_WHAT_WAS_WRONG:
        numbers = _adverse_since_whole(connection, decision)
    e = t.events.c
    event = connection.execute(
        select(e.kind, e.at).where(e.account == decision.account, e.id == decision.event)
    ).first()
    if event is None:
        return numbers, None
    return numbers, CorrectionCause(event.kind == REVERSAL, event.kind, kernel.calendar.day(int(event.at)))


def _adverse_since_whole(connection: Connection, decision: Decision) -> tuple[int, ...]:
    """The numbers of the adverse decisions before one, back to the last that left the line whole."""
    d = t.decisions.c
    query = select(d.number, d.record).where(d.account == decision.account, d.number < decision.number)
    numbers: list[int] = []
    for number, record in connection.execute(query.order_by(d.number.desc())):
        before = read_decision(as_bytes(record))
        if before.after.status == WHOLE_LINE:
            break
        if before.action in ADVERSE_ACTIONS:
            numbers.append(int(number))
    return tuple(reversed(numbers))


def _too_long(connection: Connection, kernel: Kernel, decision: Decision) -> tuple[int, ...]:
    """The decisions whose restriction a correction ends because it lasted too long: they were right when made."""
    is_other = decision.action != CORRECT or decision.corrects or kernel.edition < CORRECTS_WHAT_WAS_WRONG
    if is_other or not decision.triggers_released:
        return ()
    d = t.decisions.c
    query = select(d.record).where(d.account == decision.account, d.number < decision.number).order_by(d.number)
    setters: dict[str, int] = {}
    for record in connection.execute(query).scalars():
        before = read_decision(as_bytes(record))
        setters |= dict.fromkeys(before.triggers_set, before.number)
    return tuple(sorted({setters[name] for name in decision.triggers_released if name in setters}))


def due_on(kernel: Kernel, state: Sequence[int]) -> int | None:
    """The local day of the oldest due that is past due."""
    return arrears_of(kernel, state, state[kernel.layout.slots["HOUR"]] // 24).oldest_due_on


def _event_behind(connection: Connection, decision: Decision) -> tuple[str | None, bool]:
    """The kind of the event that led to the decision, and whether it names a person.

    A grant that waited for the start of a day led to it, too.
    """
    e = t.events.c
    query = select(e.kind, e.body).where(e.account == decision.account)
    if decision.event is not None:
        query = query.where(e.id == decision.event)
    elif decision.after.granted != decision.before.granted:
        query = query.where(e.kind == "grant", e.at < decision.at).order_by(e.at.desc(), e.seq.desc()).limit(1)
    else:
        return None, False
    row = connection.execute(query).first()
    return (None, False) if row is None else (str(row.kind), bool(stored_fields(row.body).get("by")))


def road_from(kernel: Kernel, state: Sequence[int]) -> RoadBack | NoRoadBack | None:
    """The road back from a state, asked for on its own day; a road that was not verified is not shown."""
    road = find_road_back(kernel, list(state), state[kernel.layout.slots["HOUR"]] // 24)
    if isinstance(road, RoadBack) and not road.verified:
        return NoRoadBack("not_found", ())
    return road
