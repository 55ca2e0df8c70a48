"""Corrections: see section 7 of the language reference.

Compares the account with a replay in which every event arrived on time, and releases the triggers that the replay does
not set: at once, and outside the restoration schedule.
"""

from __future__ import annotations

from linekeeper.core.line import Action
from linekeeper.evaluate.late_events import History, Row, evaluate_until, row_as_read_by
from linekeeper.evaluate.version_migration import fill_ring, migrate_account, restriction_rings, restrictions_of
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import LATCH_WIDTH
from linekeeper.kernel.prelude import HELD_DAY, HOLDING, MODE, NEVER, SET_DAY


def correct(kernel: Kernel, state: list[int], history: History, out: list[int]) -> bool:
    """Release, in place, what late facts show to have been wrong; true where `out` holds the decision.

    `state` is the account as it stands, `past` all its events. The replay differs in one thing only: when facts were
    known.
    """
    slots = kernel.layout.slots
    free = not state[slots["MASK"]] and state[slots["LIMIT"]] == state[slots["GRANTED"]]
    if free and not any(restrictions_of(state, ring) for ring in restriction_rings(kernel)):
        return False
    other = replay_on_time(kernel, history, state[slots["HOUR"]])
    run = kernel.interpreted
    run.features(state, out)
    run.score(state, out)
    before = state.copy()
    _follow_latches(kernel, state, other)
    target = run.target_of(state, state[slots["MASK"]])
    # A correction never lowers the line, whatever the late fact was: bad news counts from now on.
    state[slots["LIMIT"]] = max(state[slots["LIMIT"]], min(other[slots["LIMIT"]], target))
    _follow_restoration(kernel, state, other, target)
    _follow_restrictions(kernel, state, other)
    status = run.status_of(state, state[slots["MASK"]], target)
    day = state[slots["HOUR"]] // 24
    if status != state[slots["STATUS"]]:
        state[slots["STATUS"]], state[slots["STATUS_DAY"]] = status, day
    if state != before:
        state[slots["NEXT_REVIEW"]] = day + 1
    _record(kernel, before, state, out)
    return any(before[slots[name]] != state[slots[name]] for name in ("MASK", "LIMIT", "STATUS"))


def replay_on_time(kernel: Kernel, history: History, hour: int) -> list[int]:
    """The state to which the events that stand lead from empty, in order of time, looked at up to now.

    Each day is looked at under the version that the account was under.
    """
    periods = [*history.under, (kernel, NEVER)]
    run, until = periods.pop(0)
    state, seen = run.new_state(), list[Row]()
    for row in (*history.standing(), None):
        day = row.hour // 24 if row else hour // 24
        while day >= until:
            evaluate_until(run, state, until - 1)
            old, (run, until), start = run, periods.pop(0), until
            migrate_account(old, run, state, [row_as_read_by(run, one) for one in seen], start)
        evaluate_until(run, state, day)
        if row:
            x = row.x if run is kernel else row_as_read_by(run, row).x
            run.interpreted.step(state, run.new_row(), row.at, row.hour, row.kind, x)
            seen.append(row)
    kernel.interpreted.advance(state, hour)
    return state


def _follow_latches(kernel: Kernel, state: list[int], other: list[int]) -> None:
    """Free what would not be set; what would be goes on with the days set and last held that it would have had."""
    mask = kernel.layout.slots["MASK"]
    for number in range(len(kernel.policy.triggers)):
        slot = kernel.layout.latches + number * LATCH_WIDTH
        if not state[mask] >> number & 1:
            continue
        if not other[mask] >> number & 1:
            state[mask] ^= 1 << number
            state[slot + MODE], state[slot + HOLDING] = other[slot + MODE], 0  # free; or spent, not to be set anew
            continue
        state[slot + SET_DAY] = min(state[slot + SET_DAY], other[slot + SET_DAY])
        if not state[slot + HOLDING] and not other[slot + HOLDING]:
            state[slot + HELD_DAY] = min(state[slot + HELD_DAY], other[slot + HELD_DAY])


def _follow_restoration(kernel: Kernel, state: list[int], other: list[int], target: int) -> None:
    """A restoration below the target goes on with the last step that it would have had, where that is earlier."""
    slots = kernel.layout.slots
    rising, rise_day = slots["RISING"], slots["RISE_DAY"]
    if state[slots["LIMIT"]] == target:
        state[rising] = 0
    elif other[rising] and not (state[rising] and state[rise_day] < other[rise_day]):
        state[rising], state[rise_day] = 1, other[rise_day]


def _follow_restrictions(kernel: Kernel, state: list[int], other: list[int]) -> None:
    """Restrictions count as often as in the run that has fewer, the latest of both as of the earlier day, and so on."""
    slots = kernel.layout.slots
    for ring in restriction_rings(kernel):
        own = restrictions_of(state, ring)
        kept = [min(pair) for pair in zip(own, restrictions_of(other, ring), strict=False)]
        if kept == own:
            continue
        now = state[slots["MONTH"]] if ring.key.unit == "m" else state[slots["HOUR"]] // 24
        fill_ring(kernel, state, ring, kept, now)


def _record(kernel: Kernel, before: list[int], state: list[int], out: list[int]) -> None:
    """Write the decision beside the values in `out`."""
    slots, place = kernel.layout.slots, kernel.shape.place
    for name in ("LIMIT", "GRANTED", "STATUS", "MASK"):
        out[place(f"{name}_BEFORE")], out[place(f"{name}_AFTER")] = before[slots[name]], state[slots[name]]
    out[place("ACTION")] = Action.CORRECT.value
    out[place("IMPOSED")] = kernel.interpreted.imposed_cap(state)
    out[place("OFFERED")], out[place("OFFER_NO")] = 0, state[slots["OFFER_NUMBER"]]
