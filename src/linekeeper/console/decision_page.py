"""The page of a decision: the trace from an event to a line, the notice as the borrower reads it, and its proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linekeeper.cli.answers.accounts import ExplainAnswer, explain_answer
from linekeeper.console.words import PageWriter
from linekeeper.core.decision import Decision
from linekeeper.core.errors import LogError, NoticeError
from linekeeper.decide.canonical import canonical_json
from linekeeper.engine.account import find_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import table_of_events
from linekeeper.engine.notices import build_notice
from linekeeper.engine.outbox import find_entry
from linekeeper.engine.point_in_time import state_after
from linekeeper.face.times import instant_of
from linekeeper.journal.log.key_files import read_verifier
from linekeeper.journal.log.publish import PUBLIC_KEY
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.notice.from_decision import LenderProfile
from linekeeper.notice.render import RenderedNotice, render_notice


@dataclass(frozen=True, slots=True)
class DecisionProof:
    """Whether a decision is proven by the published log: leaf `leaf` of `size`; `why` where it is not.

    `state` is `proven`, `no-log` (the service was given no keys of a log) or `not-proven`.
    """

    state: str
    leaf: int | None = None
    size: int | None = None
    origin: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class EventBehind:
    """The event that led to a decision."""

    id: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """All that the page of a decision shows, and its twin in JSON has."""

    sentence: str
    explained: ExplainAnswer
    event: EventBehind | None
    because: tuple[str, ...]
    notice: RenderedNotice | None
    notice_state: str | None
    notice_at: datetime | None
    proof: DecisionProof


def decision_screen(
    engine: Engine, account: str, number: int, profile: LenderProfile, writer: PageWriter
) -> tuple[DecisionPage, dict[str, Any]]:
    """The page of a decision, and what its template needs beside. Raises NotFound where there is no such decision."""
    decision = find_decision(engine, f"{account}#{number}")
    policy = engine.engine_of_version(decision.policy).policy
    with engine.store.reading() as connection:
        entry = find_entry(connection, account, number)
    page = DecisionPage(
        sentence=_sentence(decision, writer),
        explained=explain_answer(policy, decision),
        event=_event_behind(engine, decision),
        because=writer.because(decision),
        notice=_notice(engine, decision, profile, writer),
        notice_state=entry.state if entry else None,
        notice_at=instant_of(entry.sent_at or entry.clock.due_at, policy.time_zone) if entry else None,
        proof=proof_of(engine, decision),
    )
    return page, {"page": page, "write": writer, "one": page.explained.decision}


def proof_of(engine: Engine, decision: Decision) -> DecisionProof:
    """Make the receipt of a decision, and check it as anybody could who has the log's public key."""
    keeper = engine.keeper
    if keeper is None:
        return DecisionProof("no-log")
    try:
        data = keeper.receipt(engine.store, decision.account, decision.number)
        receipt = verify_receipt(data, read_verifier(keeper.folder / PUBLIC_KEY))
    except LogError as error:
        return DecisionProof("not-proven", why=str(error))
    if receipt.opened.data != canonical_json(decision):
        return DecisionProof("not-proven", why="the log has another record of this decision")
    head = receipt.seen.checkpoint
    return DecisionProof("proven", receipt.index + 1, head.size, head.origin)


def _sentence(decision: Decision, writer: PageWriter) -> str:
    """What was decided, and why."""
    given = {
        "day": writer.date(decision.at),
        "before": writer.money(decision.before.limit),
        "after": writer.money(decision.after.limit),
        "what": writer.action(decision.action),
        "why": writer.language.all_of(writer.because(decision)),
    }
    translate = writer.language.translate
    if decision.before.limit != decision.after.limit:
        text = translate("On {day} the limit went from {before} to {after}.", **given)
    else:
        text = translate("On {day}: {what}. The limit is {after}.", **given)
    return writer.language.sentences(text, translate("The reason: {why}.", **given) if given["why"] else "")


def _event_behind(engine: Engine, decision: Decision) -> EventBehind | None:
    if decision.event is None:
        return None
    with engine.store.reading() as connection:
        table = table_of_events(connection, engine.policy, [decision.account])[0]
    for id, kind, at in zip(*(table.column(name).to_pylist() for name in ("id", "kind", "at")), strict=True):
        if id == decision.event:
            return EventBehind(id, kind, instant_of(at, engine.policy.time_zone))
    return None


def _notice(engine: Engine, decision: Decision, profile: LenderProfile, writer: PageWriter) -> RenderedNotice | None:
    """The notice in the language of the page; None where the borrower gets none of such a decision."""
    try:
        built = build_notice(engine, decision, profile, state_after(engine, decision))
        return render_notice(built, writer.language.code, profile.words)
    except NoticeError:
        return None
