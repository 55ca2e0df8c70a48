"""Dead ends of a policy: states that its own triggers lead into and that no borrower can leave (law 8).

A bounded search. A fixed spread of lives is run through the policy, for a lender that sends dues and for one that
reports days past due; from the states in which a restriction is set, as they are and after everything owed has
been paid, a road back is looked for. A state without one is a witness: its events can be run by anyone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from linekeeper.core.line import Status
from linekeeper.decide.explain import money
from linekeeper.evaluate.late_events import Row
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy import model as m
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.build_plan import planned
from linekeeper.recourse.candidates import CandidateSearch
from linekeeper.recourse.model import PlannedEvent
from linekeeper.recourse.reports import best_with_reports
from linekeeper.recourse.road import corners, final_triggers
from linekeeper.recourse.sample_histories import situation
from linekeeper.recourse.simulate import Simulator

SITUATIONS = 40  # lives for each way in which a lender speaks
STATES_EACH = 2  # states looked at for each trigger


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """A restriction that cannot be left. `triggers` stay set whatever the borrower does; the witness is the account
    that `events` make, as it stands on `day`. `bills`: the lender sends dues, else it reports days past due."""

    triggers: tuple[str, ...]
    bills: bool
    day: int
    limit_minor: int
    granted_minor: int
    balance_minor: int
    status: Status
    streak: int
    events: tuple[PlannedEvent, ...]


def told(policy: m.Policy, dead_end: DeadEnd) -> str:
    """A dead_end in one lower-case sentence."""
    named = " and ".join(f"`{name}`" for name in dead_end.triggers) or "`recovery`"
    speaks = "sends dues" if dead_end.bills else "reports days past due"
    granted, balance = money(policy, dead_end.granted_minor), money(policy, dead_end.balance_minor)
    return (
        f"{named} can hold a line for good: with a lender that {speaks}, an account with {granted} granted that is "
        f"{dead_end.status.name.lower()}, owes {balance} and has met {dead_end.streak} bills in a row on time finds no "
        f"payment, wait or report that leads back"
    )


@dataclass
class DeadEndSurvey:
    """What was looked at: `reached` names the triggers that some life set, `unreached` the others."""

    find_dead_ends: list[DeadEnd] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    unreached: set[str] = field(default_factory=set)
    states: int = 0


def find_dead_ends(policy: m.Policy, *, compiled: bool = False) -> list[DeadEnd]:
    """The dead ends found, one witness for each set of triggers; empty where every state looked at has a road back."""
    return survey_dead_ends(policy, compiled=compiled).find_dead_ends


def survey_dead_ends(policy: m.Policy, *, situations: int = SITUATIONS, compiled: bool = False) -> DeadEndSurvey:
    """The search itself. `compiled` pays where the policy's kernel has been compiled before."""
    kernel, found = kernel_of(policy), DeadEndSurvey()
    passing = [t for t in policy.triggers if not t.terminal and (t.suspend or t.close or t.cap_bp < 10_000)]
    for bills in (True, False):
        seen = dict.fromkeys((t.name for t in passing), 0)
        for number in range(situations):
            rows = situation(kernel, number, bills)
            for state, day, taken in _restricted(kernel, rows, seen):
                _look_at(kernel, state, day, bills, rows[:taken], compiled, found)
        found.reached |= {name for name, count in seen.items() if count}
    found.unreached = {t.name for t in passing} - found.reached
    return found


def _restricted(kernel: Kernel, rows: Sequence[Row], seen: dict[str, int]) -> Iterator[tuple[list[int], int, int]]:
    """(state, day, events taken) whenever a trigger is set that has not been looked at often enough."""
    slots, triggers = kernel.layout.slots, kernel.policy.triggers
    for state, taken in _life(kernel, rows):
        mask = state[slots["MASK"]]
        fresh = [
            t.name for i, t in enumerate(triggers) if mask >> i & 1 and seen.get(t.name, STATES_EACH) < STATES_EACH
        ]
        if fresh and not any(mask >> i & 1 and t.terminal for i, t in enumerate(triggers)):
            for name in fresh:
                seen[name] += 1
            yield list(state), state[slots["HOUR"]] // 24, taken


def _life(kernel: Kernel, rows: Sequence[Row]) -> Iterator[tuple[list[int], int]]:
    """The account after each decision, with the number of events so far. One list, changed as it goes."""
    run, slots = kernel.interpreted, kernel.layout.slots
    state, out = kernel.new_state(), kernel.new_row()
    for taken, row in enumerate(rows):
        while state[slots["OPENED"]] and state[slots["NEXT"]] <= row.hour // 24:
            if run.review(state, out, state[slots["NEXT"]]):
                yield state, taken
        if run.step(state, out, row.at, row.hour, row.kind, row.x) == 1:
            yield state, taken + 1


def _look_at(
    kernel: Kernel, state: list[int], day: int, bills: bool, rows: Sequence[Row], compiled: bool, found: DeadEndSurvey
) -> None:
    """Look for a road from a state, and from what it becomes once all is paid; note a dead_end that is new."""
    baseline = baseline_of(kernel, state, day, bills=bills, reports=not bills)
    events = [planned(baseline, row) for row in rows]
    for here, more in (*_paid_up(baseline), (baseline, [])):
        found.states += 1
        left = _no_way_out(here, compiled)
        if left is not None and left not in {dead_end.triggers for dead_end in found.find_dead_ends}:
            found.find_dead_ends.append(_trap(here, bills, left, (*events, *more)))


def _paid_up(baseline: Baseline) -> Iterator[tuple[Baseline, list[PlannedEvent]]]:
    """The account on the day after everything owed was paid."""
    if not baseline.owed:
        return
    kernel, repay = baseline.kernel, baseline.kernel.policy.kind("repay")
    at, hour = baseline.when(baseline.day, 12)
    row = Row(at, hour, repay.number, (baseline.owed,))
    state = list(baseline.state)
    kernel.interpreted.step(state, kernel.new_row(), *row)
    habits = baseline.habits
    yield (
        baseline_of(kernel, state, baseline.day + 1, bills=habits.bills, reports=habits.reports),
        [planned(baseline, row)],
    )


def _no_way_out(baseline: Baseline, compiled: bool) -> tuple[str, ...] | None:
    """The triggers that stay set whatever is tried; None where there is a road, or none is owed."""
    if baseline.slot("STATUS") == Status.ACTIVE or final_triggers(baseline):
        return None
    search = CandidateSearch(baseline, Simulator(baseline, compiled), baseline.until_day)
    efforts = list(corners(baseline))
    if any(search.tries(effort).reached for effort in efforts):
        return None
    best = best_with_reports(search, efforts)
    left = [t for i, t in enumerate(baseline.kernel.policy.triggers) if best.walk.mask >> i & 1]
    return None if best.reached or any(t.terminal for t in left) else tuple(t.name for t in left)


def _trap(baseline: Baseline, bills: bool, left: tuple[str, ...], events: tuple[PlannedEvent, ...]) -> DeadEnd:
    slot = baseline.slot
    line = (slot("LIMIT"), slot("GRANTED"), baseline.balance, Status(slot("STATUS")))
    return DeadEnd(left, bills, baseline.day, *line, slot("STREAK"), events)
