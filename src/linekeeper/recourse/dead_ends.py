"""Dead ends of a policy: states that its own triggers lead into and that no borrower can leave (law 8).

The search is bounded. A fixed spread of account histories is run through the policy, for a lender that sends dues and
for one that reports days past due. In each state in which a restriction is set, a road back is looked for, from the
state as it is and from what it becomes when everything owed is paid. A state without a road back is a dead end; its
events are the witness, which anyone can run again. So what is found is real, and what is not found may still be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from linekeeper.core.line import Status
from linekeeper.decide.explain import money
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.evaluate.late_events import review_until
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy import model as m
from linekeeper.recourse.actions import PAY_HOUR
from linekeeper.recourse.baseline import Baseline, baseline_of, triggers_set
from linekeeper.recourse.build_plan import planned_event
from linekeeper.recourse.candidates import CandidateSearch, best_with_confirmations, corner_plans
from linekeeper.recourse.model import PlannedEvent
from linekeeper.recourse.road import terminal_triggers_set
from linekeeper.recourse.sample_histories import sample_history
from linekeeper.recourse.simulate import Simulator

SAMPLE_HISTORIES = 40  # for each way in which a lender reports payments
STATES_PER_TRIGGER = 2


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """A restriction that cannot be left.

    `triggers` stay set whatever the borrower does. The witness is the account that `events` make, as it stands on
    `day`. `sends_dues`: the lender sends dues; else it reports days past due. `on_time_streak` counts the bills in a
    row that were met on time.
    """

    triggers: tuple[str, ...]
    sends_dues: bool
    day: int
    limit_minor: int
    granted_minor: int
    balance_minor: int
    status: Status
    on_time_streak: int
    events: tuple[PlannedEvent, ...]


def describe_dead_end(policy: m.Policy, dead_end: DeadEnd) -> str:
    """A dead end in one lower-case sentence."""
    held_by = " and ".join(f"`{name}`" for name in dead_end.triggers) or "`restoration`"
    lender = "sends dues" if dead_end.sends_dues else "reports days past due"
    granted, balance = money(policy, dead_end.granted_minor), money(policy, dead_end.balance_minor)
    return (
        f"{held_by} can hold a line for good: with a lender that {lender}, an account with {granted} granted that is "
        f"{dead_end.status.name.lower()}, owes {balance} and has met {dead_end.on_time_streak} bills in a row on time "
        f"finds no payment, wait or report that leads back"
    )


@dataclass
class DeadEndSurvey:
    """What a search for dead ends covered.

    `reached` names the triggers that some history set, `unreached` the others. `states` counts the states from which a
    road back was looked for.
    """

    dead_ends: list[DeadEnd] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    unreached: set[str] = field(default_factory=set)
    states: int = 0


def find_dead_ends(policy: m.Policy, *, compiled: bool = False) -> list[DeadEnd]:
    """The dead ends found, one for each set of triggers; empty where every state searched has a road back."""
    return survey_dead_ends(policy, compiled=compiled).dead_ends


def survey_dead_ends(policy: m.Policy, *, histories: int = SAMPLE_HISTORIES, compiled: bool = False) -> DeadEndSurvey:
    """The search for dead ends, and what it covered. `compiled` pays where the policy is compiled already."""
    kernel, survey = kernel_of(policy), DeadEndSurvey()
    # A terminal trigger is final on purpose, and one that restricts nothing holds no line down.
    releasable = [t for t in policy.triggers if not t.terminal and (t.suspend or t.caps_limit)]
    for sends_dues in (True, False):
        states_seen = dict.fromkeys((t.name for t in releasable), 0)
        for number in range(histories):
            rows = sample_history(kernel, number, sends_dues)
            for state, day, taken in _restricted_states(kernel, rows, states_seen):
                _search_dead_end(kernel, state, day, sends_dues, rows[:taken], compiled, survey)
        survey.reached |= {name for name, count in states_seen.items() if count}
    survey.unreached = {t.name for t in releasable} - survey.reached
    return survey


def _restricted_states(
    kernel: Kernel, rows: Sequence[EventRow], states_seen: dict[str, int]
) -> Iterator[tuple[list[int], int, int]]:
    """(state, day, events so far) whenever a trigger is set of which too few states have been seen.

    A few states of each trigger are enough to find the usual mistakes, and each costs a search. `states_seen` is
    counted up here.
    """
    slots, policy = kernel.layout.slots, kernel.policy
    for state, taken in _decided_states(kernel, rows):
        triggers = triggers_set(policy, state[slots["MASK"]])
        fresh = [t.name for t in triggers if states_seen.get(t.name, STATES_PER_TRIGGER) < STATES_PER_TRIGGER]
        if fresh and not any(trigger.terminal for trigger in triggers):
            for name in fresh:
                states_seen[name] += 1
            yield list(state), state[slots["HOUR"]] // 24, taken


def _decided_states(kernel: Kernel, rows: Sequence[EventRow]) -> Iterator[tuple[list[int], int]]:
    """The account's state after each decision, with the number of events so far. One list, changed as it goes on."""
    state, out = kernel.new_state(), kernel.new_row()
    for taken, row in enumerate(rows):
        for decided in review_until(kernel, state, row.hour // 24, out):
            if decided:
                yield state, taken
        if kernel.interpreted.step(state, out, row.at, row.hour, row.kind, row.x) == 1:
            yield state, taken + 1


def _search_dead_end(
    kernel: Kernel,
    state: list[int],
    day: int,
    sends_dues: bool,
    rows: Sequence[EventRow],
    compiled: bool,
    survey: DeadEndSurvey,
) -> None:
    """Look for a road back from a state, and from what it becomes once all is paid; note a dead end that is new.

    The second start matters most: a borrower who has paid everything has the fewest moves left.
    """
    baseline = baseline_of(kernel, state, day, sends_dues=sends_dues, reports_delinquency=not sends_dues)
    events = [planned_event(baseline, row) for row in rows]
    for start, further_events in (*_paid_up(baseline), (baseline, [])):
        survey.states += 1
        triggers = _unreleased_triggers(start, compiled)
        if triggers is not None and triggers not in {known.triggers for known in survey.dead_ends}:
            survey.dead_ends.append(_dead_end(start, triggers, (*events, *further_events)))


def _paid_up(baseline: Baseline) -> Iterator[tuple[Baseline, list[PlannedEvent]]]:
    """The account on the day after everything owed was paid; nothing where nothing is owed."""
    if not baseline.owed_minor:
        return
    kernel, routine = baseline.kernel, baseline.routine
    at, hour = baseline.instant(baseline.day, PAY_HOUR)
    row = EventRow(at, hour, kernel.policy.kind("repay").number, (baseline.owed_minor,))
    state = list(baseline.state)
    kernel.interpreted.step(state, kernel.new_row(), *row)
    paid_up = baseline_of(
        kernel,
        state,
        baseline.day + 1,
        sends_dues=routine.sends_dues,
        reports_delinquency=routine.reports_delinquency,
    )
    yield paid_up, [planned_event(baseline, row)]


def _unreleased_triggers(baseline: Baseline, compiled: bool) -> tuple[str, ...] | None:
    """The triggers that stay set whatever is tried; None where there is a road back, or where none is owed."""
    if baseline.slot("STATUS") == Status.ACTIVE or terminal_triggers_set(baseline):
        return None
    search = CandidateSearch(baseline, Simulator(baseline, compiled), baseline.until_day, whole_policy=True)
    plans = list(corner_plans(baseline))
    if any(search.candidate(actions).restored for actions in plans):
        return None
    best = best_with_confirmations(search, plans)
    left = triggers_set(baseline.kernel.policy, best.simulation.latches)
    return None if best.restored or any(t.terminal for t in left) else tuple(t.name for t in left)


def _dead_end(baseline: Baseline, triggers: tuple[str, ...], events: tuple[PlannedEvent, ...]) -> DeadEnd:
    return DeadEnd(
        triggers=triggers,
        sends_dues=baseline.routine.sends_dues,
        day=baseline.day,
        limit_minor=baseline.slot("LIMIT"),
        granted_minor=baseline.slot("GRANTED"),
        balance_minor=baseline.balance_minor,
        status=Status(baseline.slot("STATUS")),
        on_time_streak=baseline.slot("STREAK"),
        events=events,
    )
