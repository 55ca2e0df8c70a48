"""Runs one account through the kernel, both ways, and holds the outcome against the oracle's (laws 2, 4, 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from linekeeper.core import line as program
from linekeeper.core.account_mark import account_mark, text_mark
from linekeeper.core.bounds import MISSING
from linekeeper.core.event import Event
from linekeeper.decide.record import recorder_of
from linekeeper.evaluate.correction import correct
from linekeeper.evaluate.evaluator import NOT_REVIEWED, EvaluationResult, RawDecision, now_of, wrong_decisions
from linekeeper.evaluate.event_batch import Batch, EventRow
from linekeeper.evaluate.late_events import (
    History,
    apply_on_arrival,
    counts_as_late,
    is_rejected_draw,
    refusal_of,
    review_until,
)
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.calendar import calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import Policy
from tests.oracle.nouns import Action, Line, Status
from tests.oracle.oracle import Outcome, Ruling


def row_of(kernel: Kernel, event: Event) -> EventRow:
    """The event as the kernel reads it."""
    kind = kernel.policy.kind(event.kind)
    x = []
    for field in kind.fields:
        value = event.fields.get(field.name)
        if value is None:
            x.append(MISSING)
        elif field.unit == "text":
            x.append(text_mark(str(value)))
        else:
            x.append(field.choices.index(value) if isinstance(value, str) else value)
    if event.kind in OPENING_KINDS:
        x.append(account_mark(event.account))
    width = max(len(kind.fields) for kind in kernel.policy.kinds) + 1
    x += [MISSING] * (width - len(x))
    return EventRow(event.at, kernel.calendar.hour(event.at), kind.number, tuple(x))


def ruling_of(kernel: Kernel, out: list[int], event: str | None, corrects: tuple[int, ...] = ()) -> Ruling:
    """A kernel's row in the oracle's words, without its instant."""
    policy, shape = kernel.policy, kernel.shape

    def get(name: str) -> int:
        return int(out[shape.place(name)])

    def named(mask: int) -> tuple[str, ...]:
        return tuple(trigger.name for number, trigger in enumerate(policy.triggers) if mask >> number & 1)

    def line(when: str) -> Line:
        status = program.Status(get(f"STATUS_{when}"))
        return Line(get(f"LIMIT_{when}"), get(f"GRANTED_{when}"), Status[status.name])

    def announced() -> tuple[tuple[str, ...], dict[str, int], int | None, tuple[str, ...]]:
        if not policy.decides_in_stages:
            return (), {}, None, ()
        pending = named(get("ANNOUNCED_AFTER"))
        days = {name: int(out[shape.columns[f"O_{name.upper()}_EFFECT_DAY"]]) for name in pending}
        return named(get("ANNOUNCED_BEFORE")), days, get("ANNOUNCED_LIMIT") if pending else None, named(get("CONTACTS"))

    refusals = policy.assign.refuse if policy.assign else ()
    values = [None if value == MISSING else int(value) for value in out[shape.values :]]
    offered = get("OFFERED") or None
    return Ruling(
        event,
        get("NOW_HOUR") // 24,
        get("NOW_HOUR"),
        line("BEFORE"),
        line("AFTER"),
        Action[program.Action(get("ACTION")).name],
        named(get("MASK_BEFORE")),
        named(get("MASK_AFTER")),
        dict(zip([feature.name for feature in policy.features], values, strict=True)),
        get("SCORE") if policy.score else None,
        {group: int(out[shape.groups + i]) for i, group in enumerate(policy.groups)},
        get("PD") if policy.score else None,
        offered,
        get("OFFER_NO") if offered else None,
        policy.named_offers[get("OFFER_PLACE")].name if offered and policy.named_offers else "",
        *announced(),
        tuple(rule.name for place, rule in enumerate(refusals) if get("REFUSED_BY") >> place & 1),
        own_choice_of(kernel, out),
        corrects=corrects,
    )


def own_choice_of(kernel: Kernel, out: list[int]) -> tuple[object, ...] | None:
    """The borrower's own wish in the oracle's words, as the decision records it."""
    if kernel.policy.own_limit is None:
        return None
    choice = recorder_of(kernel).own_choice(out)
    if choice is None:
        return None
    return choice.wish, choice.limit, choice.next_on, choice.next_wish, choice.next_limit


def by_arrival(kernel: Kernel, events: Sequence[Event], until: int) -> tuple[list[Ruling], set[str]]:
    """The interpreted kernel, one event at a time, late ones included: what is decided, and what is refused."""
    rulings, refused, state = _arrive(kernel, events)
    out = kernel.new_row()
    rulings += [ruling_of(kernel, out, None) for due in review_until(kernel, state, until, out) if due]
    return rulings, refused


def state_after(kernel: Kernel, events: Sequence[Event]) -> list[int]:
    """Where the account stands after the look of the last event."""
    return _arrive(kernel, events)[2]


def _arrive(kernel: Kernel, events: Sequence[Event]) -> tuple[list[Ruling], set[str], list[int]]:
    state, out, history = kernel.new_state(), kernel.new_row(), History()
    rulings: list[Ruling] = []
    refused: set[str] = set()
    result = EvaluationResult()

    def decided(name: str | None, place: int = -1, corrects: tuple[int, ...] = ()) -> None:
        rulings.append(ruling_of(kernel, out, name, corrects))
        result.decisions.append(RawDecision(0, place, now_of(kernel, state), list(out), corrects))

    numbers = {event.id: number for number, event in enumerate(events)}
    for number, event in enumerate(events):
        row = row_of(kernel, event)
        reverses = numbers.get(str(event.fields.get("of")))
        if refusal_of(kernel, state, history, row, reverses) or is_rejected_draw(kernel, state, row, NOT_REVIEWED):
            refused.add(event.id)
            continue
        for due in review_until(kernel, state, row.hour // 24, out):
            if due:
                decided(None)
        late = counts_as_late(kernel, state, row)
        if apply_on_arrival(kernel, state, history, number, row, out, reverses):
            decided(event.id, number)
        if late:
            wrong = wrong_decisions(kernel, history, result, number, reverses) or ()
            if correct(kernel, state, history, out, wrong):
                decided(event.id, number, wrong)
    return rulings, refused, state


def batch_of_streams(kernel: Kernel, streams: Sequence[list[Event]]) -> Batch:
    """Many accounts' events, each in time order, as the kernel's arrays."""
    rows = [row_of(kernel, event) for events in streams for event in events]
    columns = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
    x = np.array([row.x for row in rows], dtype=np.int64)
    starts = np.cumsum([0, *map(len, streams)], dtype=np.int64)
    return Batch([f"A{number:06}" for number in range(len(streams))], starts, np.arange(len(rows)), *columns, x)


def in_bulk(
    kernel: Kernel, streams: Sequence[list[Event]], until: int, compiled: bool, lazy: bool = True
) -> list[tuple[list[Ruling], set[str]]]:
    """The bulk driver over many accounts' events, each in time order: what each account gets, and what is refused."""
    batch = batch_of_streams(kernel, streams)
    outcome = replay(kernel, batch, until, compiled=compiled, lazy=lazy)
    ids = [event.id for events in streams for event in events]
    found: list[tuple[list[Ruling], set[str]]] = [([], set()) for _ in streams]
    rows = zip(outcome.account.tolist(), outcome.event.tolist(), outcome.rows.tolist(), strict=True)
    for account, event, out in rows:
        found[account][0].append(ruling_of(kernel, out, ids[event] if event >= 0 else None))
    owner = np.repeat(np.arange(len(streams)), np.diff(batch.starts))
    for event in np.flatnonzero(outcome.refused).tolist():
        found[owner[event]][1].add(ids[event])
    return found


def unreversed(events: Sequence[Event]) -> list[Event]:
    """The stream without its reversals, which the bulk driver does not take."""
    return [event for event in events if event.kind != "reversal"]


def last_day(policy: Policy, events: Sequence[Event]) -> int:
    """The local day of the latest event."""
    return calendar(policy.time_zone).day(max(event.at for event in events))


def differences(policy: Policy, expected: Outcome, found: list[Ruling], refused: set[str]) -> list[str]:
    """What differs, in words; empty where all agrees."""
    said = []
    for number, (mine, theirs) in enumerate(zip(found, expected.rulings, strict=False)):
        for name in set(Ruling.__slots__) - {"at"}:
            a, b = getattr(mine, name), getattr(theirs, name)
            if isinstance(a, dict):
                a, b = dict(a), dict(b)
            if a != b:
                said.append(f"ruling {number} ({theirs.event}, day {theirs.day}) {name}: kernel {a}, oracle {b}")
        if said:
            break
    if len(found) != len(expected.rulings):
        said.append(f"{len(found)} rulings by the kernel, {len(expected.rulings)} by the oracle")
        k = min(len(found), len(expected.rulings))
        said.append(f"first extra: {(*found[k:], *expected.rulings[k:])[0]}")
    if refused != {one.event for one in expected.refused}:
        said.append(f"refused by the kernel {refused}, by the oracle {expected.refused}")
    return said
