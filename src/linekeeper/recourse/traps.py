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
from linekeeper.recourse.ground import Ground, ground_of
from linekeeper.recourse.model import Planned
from linekeeper.recourse.reports import best_with_reports
from linekeeper.recourse.search import corners, final_triggers
from linekeeper.recourse.situations import situation
from linekeeper.recourse.story import planned
from linekeeper.recourse.tried import Search
from linekeeper.recourse.walk import Walker

SITUATIONS = 40  # lives for each way in which a lender speaks
STATES_EACH = 2  # states looked at for each trigger


@dataclass(frozen=True, slots=True)
class Trap:
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
    events: tuple[Planned, ...]


def told(policy: m.Policy, trap: Trap) -> str:
    """A trap in one lower-case sentence."""
    named = " and ".join(f"`{name}`" for name in trap.triggers) or "`recovery`"
    speaks = "sends dues" if trap.bills else "reports days past due"
    granted, balance = money(policy, trap.granted_minor), money(policy, trap.balance_minor)
    return (
        f"{named} can hold a line for good: with a lender that {speaks}, an account with {granted} granted that is "
        f"{trap.status.name.lower()}, owes {balance} and has met {trap.streak} bills in a row on time finds no "
        f"payment, wait or report that leads back"
    )


@dataclass
class Survey:
    """What was looked at: `reached` names the triggers that some life set, `unreached` the others."""

    traps: list[Trap] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    unreached: set[str] = field(default_factory=set)
    states: int = 0


def traps(policy: m.Policy, *, compiled: bool = False) -> list[Trap]:
    """The dead ends found, one witness for each set of triggers; empty where every state looked at has a road back."""
    return survey(policy, compiled=compiled).traps


def survey(policy: m.Policy, *, situations: int = SITUATIONS, compiled: bool = False) -> Survey:
    """The search itself. `compiled` pays where the policy's kernel has been compiled before."""
    kernel, found = kernel_of(policy), Survey()
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
    kernel: Kernel, state: list[int], day: int, bills: bool, rows: Sequence[Row], compiled: bool, found: Survey
) -> None:
    """Look for a road from a state, and from what it becomes once all is paid; note a trap that is new."""
    ground = ground_of(kernel, state, day, bills=bills, reports=not bills)
    events = [planned(ground, row) for row in rows]
    for here, more in (*_paid_up(ground), (ground, [])):
        found.states += 1
        left = _no_way_out(here, compiled)
        if left is not None and left not in {trap.triggers for trap in found.traps}:
            found.traps.append(_trap(here, bills, left, (*events, *more)))


def _paid_up(ground: Ground) -> Iterator[tuple[Ground, list[Planned]]]:
    """The account on the day after everything owed was paid."""
    if not ground.owed:
        return
    kernel, repay = ground.kernel, ground.kernel.policy.kind("repay")
    at, hour = ground.when(ground.day, 12)
    row = Row(at, hour, repay.number, (ground.owed,))
    state = list(ground.state)
    kernel.interpreted.step(state, kernel.new_row(), *row)
    habits = ground.habits
    yield ground_of(kernel, state, ground.day + 1, bills=habits.bills, reports=habits.reports), [planned(ground, row)]


def _no_way_out(ground: Ground, compiled: bool) -> tuple[str, ...] | None:
    """The triggers that stay set whatever is tried; None where there is a road, or none is owed."""
    if ground.slot("STATUS") == Status.ACTIVE or final_triggers(ground):
        return None
    search = Search(ground, Walker(ground, compiled), ground.until_day)
    efforts = list(corners(ground))
    if any(search.tries(effort).reached for effort in efforts):
        return None
    best = best_with_reports(search, efforts)
    left = [t for i, t in enumerate(ground.kernel.policy.triggers) if best.walk.mask >> i & 1]
    return None if best.reached or any(t.terminal for t in left) else tuple(t.name for t in left)


def _trap(ground: Ground, bills: bool, left: tuple[str, ...], events: tuple[Planned, ...]) -> Trap:
    slot = ground.slot
    line = (slot("LIMIT"), slot("GRANTED"), ground.balance, Status(slot("STATUS")))
    return Trap(left, bills, ground.day, *line, slot("STREAK"), events)
