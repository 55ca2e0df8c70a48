"""The page of an account: how its line stands in one sentence, what holds it, the way back, and what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from linekeeper.cli.answers.accounts import RoadRecord, ShowAnswer, road_record, show_answer
from linekeeper.cli.answers.events import PendingRestrictionRecord, pending_record
from linekeeper.console.line_picture import LineChange, LinePicture, svg_of_line
from linekeeper.console.words import PageWriter
from linekeeper.core.decision import Decision
from linekeeper.decide.explain import Comparison, comparisons, effect
from linekeeper.engine.account import AccountView, view
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import table_of_events
from linekeeper.engine.outbox import Entry, find_entry
from linekeeper.engine.pending_restrictions import pending_rows
from linekeeper.engine.roads import day_of_road, road_of_account
from linekeeper.face.times import instant_of
from linekeeper.notice.road_back import RenderedPlan, render_plans, render_promise
from linekeeper.recourse import NoRoadBack, RoadBack

DECISIONS_SHOWN, EVENTS_SHOWN, MARKS_SHOWN = 25, 60, 8
_ADVERSE = ("decrease", "suspend", "close")


@dataclass(frozen=True, slots=True)
class RuleNow:
    """A trigger as it stands now: whether it is set, and each value against its threshold."""

    trigger: str
    words: str
    does: str
    set: bool
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event that the store has of an account."""

    at: datetime
    kind: str
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class NoticeOnPage:
    """What became of the notice of a decision: `state` is pending or sent."""

    number: int
    state: str
    due_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """All that the page of an account shows, and its twin in JSON has."""

    sentence: str
    may_draw_minor: int
    account: ShowAnswer
    rules: list[RuleNow]
    road_back: RoadRecord
    plans: tuple[RenderedPlan, ...]
    promise: tuple[str, ...]
    because: dict[int, tuple[str, ...]]
    notices: dict[int, NoticeOnPage]
    pending: list[PendingRestrictionRecord]
    events: list[KeptEvent]


def account_screen(engine: Engine, account: str, writer: PageWriter) -> tuple[AccountPage, dict[str, Any]]:
    """The page of an account, and what its template needs beside. Raises NotFound where the account is not known."""
    engine = engine.engine_of(account)
    seen, day = view(engine, account), day_of_road(engine, account, None)
    road, phrases = road_of_account(engine, account, day), writer.phrases(day)
    shown = seen.decisions[-DECISIONS_SHOWN:]
    zone = engine.policy.time_zone
    with engine.store.reading() as connection:
        entries = [find_entry(connection, account, one.number) for one in shown]
        waiting = [pending_record(row) for row in pending_rows(connection, account)]
        table = table_of_events(connection, engine.policy, [account])[0]
    events = [
        KeptEvent(instant_of(row["at"], zone), row["kind"], row.get("amount"))
        for row in sorted(table.to_pylist(), key=lambda row: int(row["at"]))
    ]
    page = AccountPage(
        sentence=_sentence(seen, writer),
        may_draw_minor=may_draw(seen),
        account=show_answer(engine.policy, seen),
        rules=list(rules_now(engine, seen, writer)),
        road_back=road_record(road, day, zone),
        plans=render_plans(road, phrases) if isinstance(road, RoadBack) else (),
        promise=tuple(render_promise(road, phrases)) if road is not None else (),
        because={one.number: writer.because(one) for one in shown},
        notices={entry.number: _notice(entry, zone) for entry in entries if entry},
        pending=waiting,
        events=events,
    )
    picture = _picture(seen, road, page, writer)
    drawn = svg_of_line(
        picture, lambda minor: writer.language.number(minor // 10**writer.policy.exponent), writer.short_date
    )
    return page, {"page": page, "write": writer, "picture": drawn, "road_day": day}


def may_draw(seen: AccountView) -> int:
    """What could be drawn now, in minor units, before any rule on new draws: nothing on a line that stands still."""
    if seen.line.status in ("suspended", "closed"):
        return 0
    wish = seen.own_choice.limit if seen.own_choice and seen.own_choice.limit is not None else seen.line.limit
    return max(min(seen.line.limit, wish) - seen.balance, 0)


def rules_now(engine: Engine, seen: AccountView, writer: PageWriter) -> Iterator[RuleNow]:
    """Every trigger with the values of now, those that are set first."""
    account_engine, state = engine.state_of(seen.account)
    policy, slots = account_engine.policy, account_engine.kernel.layout.slots
    mask = state[slots["MASK"]]
    latest = seen.decisions[-1] if seen.decisions else None
    rules = []
    for place, trigger in enumerate(policy.triggers):
        compared: tuple[Comparison, ...] = ()
        if latest is not None:
            # Scores are those of the latest decision; features are those of now.
            now = replace(latest, values=seen.values)
            compared = tuple(comparisons(policy, trigger.when, now))
        is_set = bool(mask >> place & 1)
        rules.append(
            RuleNow(
                trigger.name, writer.rule(trigger.name), writer.does(trigger.name) or effect(trigger), is_set, compared
            )
        )
    yield from sorted(rules, key=lambda one: not one.set)


# ------------------------------------------------------------------ the sentence


def _sentence(seen: AccountView, writer: PageWriter) -> str:
    """How the line stands, and why."""
    translate, status = writer.language.translate, seen.line.status
    given = {
        "free": writer.money(may_draw(seen)),
        "limit": writer.money(seen.line.limit),
        "granted": writer.money(seen.line.granted),
        "owed": writer.money(seen.balance),
        "since": _since(seen, writer),
        "why": _why(seen, writer),
    }
    if status == "closed":
        return translate("Closed since {since}: {why}. {owed} is owed.", **given)
    if status == "suspended":
        return translate("Nothing may be drawn since {since}: {why}. {owed} is owed.", **given)
    if status == "restoring":
        return translate("On the way back: {free} of {limit} may be drawn, and {granted} is granted.", **given)
    if seen.line.limit < seen.line.granted:
        return translate("{free} of {limit} may be drawn. Below the {granted} granted since {since}: {why}.", **given)
    return translate("{free} of {limit} may be drawn. Nothing holds the line down.", **given)


def _since(seen: AccountView, writer: PageWriter) -> str:
    """The day on which the line took the status that it has."""
    changes = [one for one in seen.decisions if one.before.status != one.after.status]
    return writer.date(changes[-1].at if changes else seen.opened_at)


def _why(seen: AccountView, writer: PageWriter) -> str:
    adverse = next((one for one in reversed(seen.decisions) if one.action in _ADVERSE), None)
    titles = writer.because(adverse) if adverse else ()
    return titles[0] if titles else writer.language.translate("as the line was taken over")


def _notice(entry: Entry, zone: str) -> NoticeOnPage:
    sent = None if entry.sent_at is None else instant_of(entry.sent_at, zone)
    return NoticeOnPage(entry.number, entry.state, instant_of(entry.clock.due_at, zone), sent)


# ------------------------------------------------------------------ the picture


def _picture(
    seen: AccountView, road: RoadBack | NoRoadBack | None, page: AccountPage, writer: PageWriter
) -> LinePicture:
    named = {one.number for one in _moving(seen.decisions)[-MARKS_SHOWN:]}
    past = [LineChange(seen.opened_at, seen.opening.limit)]
    past += [
        LineChange(one.at, one.after.limit, f"#{one.number}" if one.number in named else "") for one in seen.decisions
    ]
    start = writer.engine.kernel.calendar.day_start
    ahead = (
        [LineChange(start(point.day), point.limit_minor) for point in road.fastest.path]
        if isinstance(road, RoadBack)
        else []
    )
    translate = writer.language.translate
    caption = translate(
        "The limit: {limit} today, {granted} granted.",
        limit=writer.money(seen.line.limit),
        granted=writer.money(seen.line.granted),
    )
    if ahead:
        caption = writer.language.sentences(
            caption,
            translate(
                "The road back leads to {limit} on {day}.",
                limit=writer.money(ahead[-1].limit_minor),
                day=writer.date(ahead[-1].at),
            ),
        )
    events = [int(one.at.timestamp() * 1_000) for one in page.events]
    return LinePicture(past, ahead, seen.now, seen.line.granted, events, caption, translate("today"))


def _moving(decisions: list[Decision]) -> list[Decision]:
    return [one for one in decisions if one.before != one.after]
