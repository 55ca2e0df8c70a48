"""A decision of the store as its notice: made on demand, from what was recorded and the account as it stood then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from linekeeper.core.decision import Decision
from linekeeper.decide.road import NoRoad, Road, find_road
from linekeeper.engine.outbox import find_entry
from linekeeper.notice.from_decision import Desk, OwnFacts, notice_of
from linekeeper.notice.model import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from linekeeper.engine.engine import Engine
    from linekeeper.kernel.kernel import Kernel

JURISDICTION = "CN"  # where no law was named


def letter(engine: Engine, decision: Decision, desk: Desk, state: Sequence[int] | None = None) -> Notice:
    """The notice of a decision. With the account's `state` right after it, its road back and its oldest due are told.

    Raises `NoticeError` where there is nothing to tell.
    """
    with engine.store.reading() as connection:
        entry = find_entry(connection, decision.account, decision.number)
    return notice_of(
        decision,
        engine.policy,
        desk,
        own=own_facts(engine.kernel, state) if state else None,
        road=road_from(engine.kernel, state) if state else None,
        jurisdiction=engine.outbox.law.jurisdiction if engine.outbox else JURISDICTION,
        due=entry.clock if entry else None,
    )


def own_facts(kernel: Kernel, state: Sequence[int]) -> OwnFacts:
    """What a state tells beside the values of a decision."""
    dues = state[kernel.layout.slots["DUES"]]
    return OwnFacts(due_on=state[kernel.layout.dues] if dues else None)


def road_from(kernel: Kernel, state: Sequence[int]) -> Road | NoRoad | None:
    """The road back from a state, asked for on its own day; only one that was verified is told."""
    found = find_road(kernel, list(state), state[kernel.layout.slots["HOUR"]] // 24)
    if isinstance(found, Road) and not found.verified:
        return NoRoad("not_found", ())
    return found
