"""Switches the stated reasons of an adverse decision off, and lets the kernel take the same look again.

A trigger is switched off by a policy variant in which it is never set; a feature of the score by one in which every
value gets the feature's best points; a person's cap by taking it out of state and event. State, event and day stay.
Nothing of `decide.reasons` is used but what it stated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import REASONS_SHOWN_MAX, Decision, Reason
from linekeeper.core.event import Event
from linekeeper.core.line import ADVERSE
from linekeeper.decide.reasons import PERSON
from linekeeper.decide.record import Recorder
from linekeeper.evaluate.event_batch import EventRow, row_of
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.expression import Literal
from linekeeper.policy.model import Policy
from linekeeper.scorecard.card import Bins, PointsTable
from linekeeper.scorecard.points import best_of

NEVER = Literal(0, "flag")
STATUSES = ("active", "restoring", "reduced", "suspended", "closed")


@dataclass(frozen=True)
class Look:
    """One look of one account: the state before it, and the event that comes, or the day that begins."""

    state: tuple[int, ...]
    row: EventRow | None
    day: int

    def taken(self, kernel: Kernel) -> tuple[list[int] | None, list[int]]:
        """The decision's row, None where nothing is decided; and the state after."""
        state, out = list(self.state), kernel.new_row()
        if self.row is None:
            decided = kernel.interpreted.review(state, out, self.day)
        else:
            decided = kernel.interpreted.step(state, out, *self.row)
        return (out if decided == 1 else None), state


@dataclass(frozen=True)
class Adverse:
    """An adverse decision and the look that led to it."""

    decision: Decision
    look: Look


def adverse_decisions(kernel: Kernel, events: Sequence[Event], until_day: int) -> Iterator[Adverse]:
    """The adverse decisions of one account, from its events in order of time."""
    recorder, state, number = Recorder(kernel), kernel.new_state(), 0
    slots = kernel.layout.slots
    for event in (*events, None):
        row = row_of(kernel.policy, kernel.calendar, event) if event else None
        last = row.hour // 24 if row else until_day
        evaluations: list[EventRow | None] = [row] if row else []
        while (state[slots["OPENED"]] and state[slots["NEXT_REVIEW"]] <= last) or evaluations:
            due = bool(state[slots["OPENED"]] and state[slots["NEXT_REVIEW"]] <= last)
            look = Look(tuple(state), None if due else evaluations.pop(), state[slots["NEXT_REVIEW"]])
            out, state = look.taken(kernel)
            number += out is not None
            if out and out[kernel.shape.place("ACTION")] in ADVERSE:
                at = kernel.calendar.day_start(look.day) if look.row is None else look.row.at
                name = event.id if look.row and event else None
                yield Adverse(recorder.decision(out, "A", number, at, name, None), look)


# ------------------------------------------------------------------ switching off


@lru_cache(maxsize=4_000)
def kernel_without(policy: Policy, triggers: frozenset[str], features: frozenset[tuple[str, ...]]) -> Kernel:
    """The kernel in which these triggers are never set, and these parts of the card always give their best."""
    score = policy.score
    if score is not None:
        bins = tuple(_best_bins(part) if (part.feature,) in features else part for part in score.bins)
        tables = tuple(_best_table(part) if (part.row, part.column) in features else part for part in score.tables)
        score = replace(score, bins=bins, tables=tables)
    kept = tuple(replace(one, when=NEVER) if one.name in triggers else one for one in policy.triggers)
    return Kernel(replace(policy, triggers=kept, score=score))


def _best_bins(part: Bins) -> Bins:
    best = best_of(part)
    return replace(
        part,
        points=tuple(best for _ in part.points),
        by_choice=tuple(best for _ in part.by_choice),
        missing=best,
    )


def _best_table(part: PointsTable) -> PointsTable:
    best = best_of(part)
    return replace(part, points=tuple(tuple(best for _ in row) for row in part.points))


def without(kernel: Kernel, case: Adverse, reasons: Sequence[Reason]) -> tuple[list[int] | None, list[int]]:
    """The same look with those reasons switched off."""
    triggers = frozenset(reason.trigger for reason in reasons if reason.feature is None and reason.code != PERSON)
    features = frozenset(tuple(reason.feature.split(" and ")) for reason in reasons if reason.feature is not None)
    look = case.look
    if any(reason.code == PERSON and not reason.trigger for reason in reasons):
        look = _without_cap(kernel, look)
    variant = kernel_without(kernel.policy, triggers, features)
    assert variant.layout.digest == kernel.layout.digest
    return look.taken(variant)


def without_triggers(kernel: Kernel, case: Adverse) -> tuple[list[int] | None, list[int]]:
    """The same look with every trigger that is stated, by itself or through the score, and the cap switched off."""
    named = [Reason(one.code, one.trigger) for one in case.decision.reasons]
    return without(kernel, case, named)


def _without_cap(kernel: Kernel, look: Look) -> Look:
    state = list(look.state)
    state[kernel.layout.slots["IMPOSED_END"]] = 0
    row = look.row
    if row is not None and kernel.policy.kinds[row.kind].name == "override":
        row = row._replace(x=(row.x[0], MISSING, *row.x[2:]))
    return replace(look, state=tuple(state), row=row)


def restricts_as_much(kernel: Kernel, case: Adverse, taken: tuple[list[int] | None, list[int]]) -> bool:
    """Whether a look restricts the line as the decision did: adverse, as severe, and the limit no higher."""
    out, _ = taken
    if out is None or out[kernel.shape.place("ACTION")] not in ADVERSE:
        return False
    after = case.decision.after
    severe = STATUSES.index(after.status)
    place = kernel.shape.place
    return out[place("STATUS_AFTER")] >= severe and out[place("LIMIT_AFTER")] <= after.limit


# ------------------------------------------------------------------ counting


@dataclass
class Fidelity:
    """What switching off showed; the first three and `told` count decisions for which it held.

    `unstated`: with everything stated off, what is left restricts the line less. `each`: each trigger stated by itself,
    and the person's cap, changes the decision when it alone is off. `scored`: with the features stated for it at their
    best, a trigger on the score is not set. `told`: the first four reasons off already change or weaken the decision.
    """

    decisions: int = 0
    unstated: int = 0
    each: int = 0
    scored: int = 0
    told: int = 0
    first_fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether every decision was faithful."""
        return self.unstated == self.each == self.scored == self.decisions

    def add(self, kernel: Kernel, case: Adverse) -> None:
        """Count one decision."""
        reasons = case.decision.reasons
        unstated = not restricts_as_much(kernel, case, without_triggers(kernel, case))
        each = all(changes(kernel, case, without(kernel, case, [one])) for one in reasons if one.feature is None)
        scored = all(_is_scored(kernel, case, name) for name in {one.trigger for one in reasons if one.feature})
        self.decisions += 1
        self.unstated, self.each, self.scored = self.unstated + unstated, self.each + each, self.scored + scored
        self.told += changes(kernel, case, without(kernel, case, reasons[:REASONS_SHOWN_MAX]))
        if not self.first_fault and not (reasons and unstated and each and scored):
            grounds = ", ".join(f"{one.trigger or one.code} {one.feature or ''}".strip() for one in reasons)
            where = f"{kernel.policy.name}, decision {case.decision.number} ({case.decision.action})"
            self.first_fault = f"{where}: {grounds}: {unstated=} {each=} {scored=}"


def changes(kernel: Kernel, case: Adverse, taken: tuple[list[int] | None, list[int]]) -> bool:
    """Whether a look led to something else than the decision: another limit, another status, or other latches."""
    out, _ = taken
    if out is None:
        return True
    place, decision = kernel.shape.place, case.decision
    limit, status = out[place("LIMIT_AFTER")], STATUSES[out[place("STATUS_AFTER")]]
    return (limit, status, newly_set(kernel, out)) != (
        decision.after.limit,
        decision.after.status,
        set(decision.triggers_set),
    )


def newly_set(kernel: Kernel, out: list[int]) -> set[str]:
    """The triggers that a look set."""
    place = kernel.shape.place
    mask = out[place("MASK_AFTER")] & ~out[place("MASK_BEFORE")]
    return {one.name for number, one in enumerate(kernel.policy.triggers) if mask >> number & 1}


def _is_scored(kernel: Kernel, case: Adverse, trigger: str) -> bool:
    stated = [one for one in case.decision.reasons if one.trigger == trigger]
    out, _ = without(kernel, case, stated)
    return out is None or trigger not in newly_set(kernel, out)
