"""The page of today: what waits for a person, what the engine did of late, and how its log and feeds are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from linekeeper.cli.answers.notices import NoticeRecord, notice_record
from linekeeper.console.words import ACTION_NAMES, PageWriter
from linekeeper.core.dates import date_of
from linekeeper.core.decision import Decision
from linekeeper.core.errors import LogError
from linekeeper.engine.account import DecisionFilter, decisions_in_order
from linekeeper.engine.engine import Engine
from linekeeper.engine.feed_batches import batch_records
from linekeeper.engine.history import reviewed_day
from linekeeper.engine.outbox import pending
from linekeeper.engine.pending_restrictions import pending_count
from linekeeper.face.times import instant_of

COUNTED_MAX, NOTICES_SHOWN = 20_000, 12
RUNNING = "running"  # a clock that is neither near its end nor past it


@dataclass(frozen=True, slots=True)
class ActionCount:
    """How many decisions did something, on how many accounts, and by how much the limits changed, in minor units."""

    action: str
    decisions: int
    accounts: int
    limits_minor: int


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A batch of a feed that broke its contract and waits; `broken` are the terms, in sentences."""

    source: str
    name: str
    events: int
    arrived_at: datetime
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TodayPage:
    """All that the page of today shows, and its twin in JSON has. `counted_all`: whether `actions` has everything."""

    sentence: str
    restrictions_waiting: int
    notices_waiting: int
    notices_near: list[NoticeRecord]
    batches: list[WaitingBatch]
    since: date
    actions: list[ActionCount]
    counted_all: bool
    writes_waiting: int
    log_size: int | None
    log_origin: str | None
    log_fault: str | None


def today_screen(engine: Engine, writes_waiting: int, writer: PageWriter) -> tuple[TodayPage, dict[str, Any]]:
    """The page of today, and what its template needs beside."""
    now, zone = engine.clock.now_ms(), engine.policy.time_zone
    with engine.store.reading() as connection:
        waiting = pending_count(connection)
        entries = pending(connection)
        batches = [one for one in batch_records(connection) if one.state == "waiting"]
    since, recent = _recent_decisions(engine, now)
    near = [notice_record(entry, now, zone) for entry in entries if entry.clock.state_at(now) != RUNNING]
    size, origin, fault = _log_head(engine)
    page = TodayPage(
        sentence=_sentence(waiting, len(near), len(batches), len(recent), writer),
        restrictions_waiting=waiting,
        notices_waiting=len(entries),
        notices_near=near,
        batches=[
            WaitingBatch(one.source, one.name, one.events, instant_of(one.arrived_at, zone), one.broken)
            for one in batches
        ],
        since=date_of(max(since, 0)),
        actions=_counted(recent[:COUNTED_MAX]),
        counted_all=len(recent) <= COUNTED_MAX,
        writes_waiting=writes_waiting,
        log_size=size,
        log_origin=origin,
        log_fault=fault,
    )
    return page, {"page": page, "write": writer, "shown": NOTICES_SHOWN}


def _recent_decisions(engine: Engine, now: int) -> tuple[int, list[Decision]]:
    """The local day since which decisions are shown, and those decisions, one beyond the most that are counted.

    That is yesterday; in a store that lies behind the clock, the last day of its reviews or of its decisions.
    """
    clock = engine.kernel.calendar
    since, recent = clock.day(now) - 1, list[Decision]()
    with engine.store.reading() as connection:
        for since in (clock.day(now) - 1, max(reviewed_day(connection), 0)):
            wanted = DecisionFilter(from_day=since)
            decided = decisions_in_order(connection, clock, wanted)
            recent = [one for _, one in islice(decided, COUNTED_MAX + 1)]
            if recent:
                break
    if recent and since == 0:
        since = clock.day(max(one.at for one in recent))
    return since, [one for one in recent if clock.day(one.at) >= since]


def _counted(decisions: Sequence[Decision]) -> list[ActionCount]:
    """The decisions by what they did, in the order of the words for it."""
    by_action: dict[str, list[Decision]] = {name: [] for name in ACTION_NAMES}
    for one in decisions:
        by_action[one.action].append(one)
    return [
        ActionCount(
            name, len(made), len({one.account for one in made}), sum(one.after.limit - one.before.limit for one in made)
        )
        for name, made in by_action.items()
        if made
    ]


def _log_head(engine: Engine) -> tuple[int | None, str | None, str | None]:
    """Size and origin of the published log, or why it cannot be read; nothing where none is kept."""
    if engine.keeper is None:
        return None, None, None
    try:
        head = engine.keeper.head().checkpoint
    except LogError as error:
        return None, None, str(error)
    return head.size, head.origin, None


def _sentence(waiting: int, near: int, batches: int, decided: int, writer: PageWriter) -> str:
    """What needs a person, and what the engine did."""
    language = writer.language
    parts = [
        language.translate_count("{number} restriction", "{number} restrictions", waiting) if waiting else "",
        language.translate_count("{number} notice", "{number} notices", near) if near else "",
        language.translate_count("{number} batch of a feed", "{number} batches of feeds", batches) if batches else "",
    ]
    named = [part for part in parts if part]
    needed = language.translate("Nothing waits for a person.")
    if named:
        needed = language.translate("These wait for a person: {what}.", what=language.all_of(named))
    return language.sentences(
        needed,
        language.translate_count(
            "The engine decided once of late.", "The engine decided {number} times of late.", decided
        ),
    )
