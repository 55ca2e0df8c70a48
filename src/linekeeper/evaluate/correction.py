"""Corrections (section 7 of the language reference).

A late fact may show that a restriction should not have happened. The account is compared with a replay in which every
event arrived on time, and the triggers that the replay does not set are released: at once, and outside the restoration
schedule. Nothing is ever made worse by the comparison. Which past decisions were wrong, `wrong_restrictions` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from linekeeper.core.line import Action
from linekeeper.evaluate.counting_rings import current_tile, fill_ring, restriction_rings, tiles_of
from linekeeper.evaluate.late_events import History, after_last_event, evaluate_until, rebuild_facts
from linekeeper.evaluate.line_days import higher_of_each_day, keep_line_changes, line_changes
from linekeeper.evaluate.replay import replay_rows
from linekeeper.evaluate.version_migration import into_next_version
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import LATCH_WIDTH, ONLY_SCHEDULE, ScheduleSlots, amount_slot, effect_slot, schedule_slots
from linekeeper.kernel.prelude import HELD_DAY, HOLDING, MODE, SET_DAY


def correct(kernel: Kernel, state: list[int], history: History, out: list[int], wrong: tuple[int, ...] = ()) -> bool:
    """Release, in place, what late facts show to have been wrong; true where `out` holds the decision.

    `state` is the account as it stands, `history` all its events. The account and the replay differ in one thing only:
    when facts were known. Where decisions were `wrong`, there is a correction also if the line is whole again: whoever
    was restricted by mistake is told so.
    """
    run, slots = kernel.interpreted, kernel.layout.slots
    is_whole = _never_restricted(kernel, state) and not wrong
    if is_whole or state[slots["HOUR"]] // 24 < state[slots["STANDS_UNTIL"]]:
        return False  # the usual case, and the replay is what a correction costs
    on_time = replay_on_time(kernel, history, state[slots["HOUR"]])
    run.features(state, out)
    run.score(state, out)
    before = state.copy()
    _release_triggers_not_set_in(kernel, on_time, state)
    state[slots["STATED"]] &= state[slots["MASK"]]
    target = run.target_of(state, state[slots["MASK"]])
    if kernel.policy.further_restorations:
        _raise_each_schedule(kernel, on_time, state)
    else:
        state[slots["LIMIT"]] = max(state[slots["LIMIT"]], min(on_time[slots["LIMIT"]], target))
        _move_restoration_forward(kernel, on_time, state, state[slots["LIMIT"]] == target)
    # INVARIANT: a correction never lowers the line, whatever the late fact was; bad news counts from now on.
    assert state[slots["LIMIT"]] >= before[slots["LIMIT"]]
    _forget_restrictions_not_in(kernel, on_time, state)
    _set_status(kernel, state, target)
    if kernel.layout.line_days:
        _count_by_the_better_line(kernel, on_time, state, history)
    if state != before:
        # What was corrected may meet a rule tomorrow that it did not meet before, whatever else is due.
        state[slots["NEXT_REVIEW"]] = state[slots["HOUR"]] // 24 + 1
    _write_decision(kernel, before, state, out)
    return bool(wrong) or any(before[slots[name]] != state[slots[name]] for name in ("MASK", "LIMIT", "STATUS"))


def _never_restricted(kernel: Kernel, state: list[int]) -> bool:
    """Whether there is nothing to correct: no latch is set, the limit is whole, and no restriction is remembered."""
    slots = kernel.layout.slots
    whole = not state[slots["MASK"]] and state[slots["LIMIT"]] == state[slots["GRANTED"]]
    cut_before = any(limit < granted for _, limit, granted in line_changes(kernel, state))
    return whole and not cut_before and not any(tiles_of(state, ring) for ring in restriction_rings(kernel))


def replay_on_time(kernel: Kernel, history: History, hour: int) -> list[int]:
    """The state after a replay from empty, up to `hour`, of the events that have not been reversed, in order of time.

    Each day is evaluated under the version that the account was under on that day.
    """
    state = _after_last_event(kernel, history)
    evaluate_until(kernel, state, hour // 24)
    kernel.interpreted.advance(state, hour)
    return state


def keep_states_on_time(kernel: Kernel, history: History) -> None:
    """Have states of that replay kept up to the last event, where many have come since one was."""
    kept = history.on_time
    if len(history.order) - kept.last.events >= 2 * kept.interval_events:
        _after_last_event(kernel, history)


def states_on_time(kernel: Kernel, history: History, ends: Iterable[int]) -> Iterator[list[int]]:
    """The states of that replay after so many events under the last version, for each of the ascending `ends`.

    An end that lies before the last version has an empty state.
    """
    applied, state = _through_earlier_versions(kernel, history)
    for end in ends:
        if end < applied:
            yield []
            continue
        rows = [history.rows[number] for _, number in history.order[applied:end]]
        replay_rows(kernel, state, rows, compiled=kernel.is_worth_compiling(len(rows)))
        applied = end
        yield state.copy()


def _after_last_event(kernel: Kernel, history: History) -> list[int]:
    """The state of that replay right after the last event; on the way there states are kept."""
    applied, state = history.on_time.latest()  # under the last version
    if not state:
        applied, state = _through_earlier_versions(kernel, history)
    return after_last_event(kernel, history, applied, state)


def _through_earlier_versions(kernel: Kernel, history: History) -> tuple[int, list[int]]:
    """How many events came before the last version, and the state at its start: an empty one where it is the first."""
    versions = [*(version for version, _ in history.under), kernel]
    applied, state = 0, versions[0].new_state()
    for (old, end_day), new in zip(history.under, versions[1:], strict=True):
        applied = into_next_version(old, new, history, state, applied, end_day)
    return applied, state


def _release_triggers_not_set_in(kernel: Kernel, on_time: list[int], state: list[int]) -> None:
    """Release the latches that the replay does not set; the others take its earlier days, so that they end sooner."""
    mask = kernel.layout.slots["MASK"]
    for number, trigger in enumerate(kernel.policy.triggers):
        slot = kernel.layout.latches + number * LATCH_WIDTH
        if not state[mask] >> number & 1:
            continue
        if not on_time[mask] >> number & 1:
            state[mask] ^= 1 << number
            # The mode is the replay's: free, or spent where `expires` has passed, for then it must not be set again.
            state[slot + MODE], state[slot + HOLDING] = on_time[slot + MODE], 0
            if trigger.limit is not None:
                state[kernel.layout.slots[amount_slot(trigger)]] = 0
            if trigger.announced:
                state[kernel.layout.slots["ANNOUNCED"]] &= ~(1 << number)
                state[kernel.layout.slots[effect_slot(trigger)]] = 0
            continue
        # What is in effect stays so. A day that is yet to come is the later of the two, never earlier than was told.
        if trigger.announced and state[kernel.layout.slots["ANNOUNCED"]] >> number & 1:
            effect_day = kernel.layout.slots[effect_slot(trigger)]
            state[effect_day] = max(state[effect_day], on_time[effect_day])
        if trigger.limit is not None and not trigger.limit.follows:  # the higher of the two amounts
            kept = kernel.layout.slots[amount_slot(trigger)]
            state[kept] = max(state[kept], on_time[kept])
        state[slot + SET_DAY] = min(state[slot + SET_DAY], on_time[slot + SET_DAY])
        # While `when` holds there is no day on which it last held, so there is nothing to compare.
        if not state[slot + HOLDING] and not on_time[slot + HOLDING]:
            state[slot + HELD_DAY] = min(state[slot + HELD_DAY], on_time[slot + HELD_DAY])


def _raise_each_schedule(kernel: Kernel, on_time: list[int], state: list[int]) -> None:
    """Each schedule leaves at once what it leaves in the replay, as far as the triggers that name it allow."""
    run, slots, limits = kernel.interpreted, kernel.layout.slots, list[int]()
    for number, schedule in enumerate(schedule_slots(kernel.policy)):
        bits = sum(1 << place for place, one in enumerate(kernel.policy.triggers) if one.restore == number)
        target = run.target_of(state, state[slots["MASK"]] & bits)
        own, other = (
            account[slots[schedule.left]] - 1 if account[slots[schedule.left]] else account[slots["GRANTED"]]
            for account in (state, on_time)
        )
        left = max(own, min(other, target))
        state[slots[schedule.left]] = left + 1 if left < state[slots["GRANTED"]] else 0
        limits.append(left)
        _move_restoration_forward(kernel, on_time, state, left >= target, schedule)
    state[slots["LIMIT"]] = max(state[slots["LIMIT"]], min(limits))


def _move_restoration_forward(
    kernel: Kernel, on_time: list[int], state: list[int], whole: bool, schedule: ScheduleSlots = ONLY_SCHEDULE
) -> None:
    """A restoration that is still below the target goes on from the replay's last step, where that is earlier."""
    slots = kernel.layout.slots
    rising, rise_day = slots[schedule.rising], slots[schedule.rise_day]
    if whole:
        state[rising] = 0
    elif on_time[rising] and not (state[rising] and state[rise_day] < on_time[rise_day]):
        state[rising], state[rise_day] = 1, on_time[rise_day]


def _forget_restrictions_not_in(kernel: Kernel, on_time: list[int], state: list[int]) -> None:
    """Count only as many restrictions as the replay has, each on the earlier of the two days, latest first."""
    for ring in restriction_rings(kernel):
        tiles = tiles_of(state, ring)
        supported = [min(pair) for pair in zip(tiles, tiles_of(on_time, ring), strict=False)]
        if supported != tiles:
            fill_ring(kernel, state, ring, supported, current_tile(kernel, state, ring))


def _count_by_the_better_line(kernel: Kernel, on_time: list[int], state: list[int], history: History) -> None:
    """A limit that should not have been cut makes no day look worse: of each day the better line of both counts."""
    own, other = line_changes(kernel, state), line_changes(kernel, on_time)
    better = higher_of_each_day(own, other) if own and other else own
    if better != own:
        keep_line_changes(kernel, state, better)
        history.facts.drop_after(0)  # they were rebuilt under the lines that stood
        rebuild_facts(kernel, state, history)


def _set_status(kernel: Kernel, state: list[int], target: int) -> None:
    slots = kernel.layout.slots
    status = kernel.interpreted.status_of(state, state[slots["MASK"]], target)
    if status != state[slots["STATUS"]]:
        state[slots["STATUS"]], state[slots["STATUS_DAY"]] = status, state[slots["HOUR"]] // 24


def _write_decision(kernel: Kernel, before: list[int], state: list[int], out: list[int]) -> None:
    """Write the decision beside the values in `out`."""
    slots, place = kernel.layout.slots, kernel.shape.place
    for name in ("LIMIT", "GRANTED", "STATUS", "MASK"):
        out[place(f"{name}_BEFORE")], out[place(f"{name}_AFTER")] = before[slots[name]], state[slots[name]]
    if kernel.policy.decides_in_stages:
        out[place("ANNOUNCED_BEFORE")], out[place("CONTACTS")] = before[slots["ANNOUNCED"]], 0
        kernel.interpreted.note_announced(state, out, state[slots["MASK"]])
    out[place("ACTION")] = Action.CORRECT.value
    out[place("IMPOSED")] = kernel.interpreted.imposed_cap(state)
    if kernel.policy.own_limit:
        kernel.interpreted.write_wish(state, out)
    if kernel.policy.assign:
        out[place("REFUSED_BY")] = 0
    if kernel.policy.named_offers:
        out[place("OFFER_PLACE")] = 0
    out[place("OFFERED")], out[place("OFFER_NO")] = 0, state[slots["OFFER_NUMBER"]]
