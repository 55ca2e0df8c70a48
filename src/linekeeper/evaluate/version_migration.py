"""Version migration: an account's state passes from one version of a policy to the next."""

from __future__ import annotations

from itertools import takewhile

from linekeeper.core.dates import date_of
from linekeeper.core.errors import StoreError
from linekeeper.evaluate.counting_rings import fill_ring, restriction_rings, tiles_of
from linekeeper.evaluate.late_events import History, evaluate_until, rebuild_facts, row_as_read_by
from linekeeper.evaluate.line_days import keep_line_changes, line_changes
from linekeeper.evaluate.replay import replay_rows
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import (
    LATCH_WIDTH,
    LINE_SLOTS,
    amount_slot,
    contact_slots,
    effect_slot,
    schedule_slots,
    taken_up_slots,
)
from linekeeper.kernel.prelude import FREE, HOLDING, MODE, month_of


def migrate_account(old: Kernel, new: Kernel, state: list[int], history: History, day: int) -> None:
    """From the start of local day `day` on the new version decides: `state`, in place, becomes a state of its layout.

    The account has not reached that day, and all evaluations before it have been made. The evaluation at the start of
    that day is the new version's first, and the caller makes it before any event: the clock stands there already, and
    a replay takes the start of a day that was reached for evaluated. Facts are rebuilt from the events. The line passes
    over as it is, with its latches (the old version's triggers are the new version's first), restoration, offer and
    rulings, and with its restrictions as far as the old version counted them. Raises StoreError where the account had
    reached the day before.
    """
    if state[old.layout.slots["HOUR"]] // 24 >= day:  # only where somebody has changed the store by hand
        raise StoreError(
            f"an account is said to have migrated on {date_of(day)}, a day that it had reached before",
            code="migration-too-late",
            way_out="`linekeeper verify` names the account; restore the store from a backup",
            details={"day": day},
        )
    old.interpreted.advance(state, day * 24)
    fresh = new.new_state()
    for name in (*LINE_SLOTS, "HOUR", "SEEN"):
        fresh[new.layout.slots[name]] = state[old.layout.slots[name]]
    for name in taken_up_slots(old.policy):  # no version leaves out a kind of event that one before it had
        if name in new.layout.slots:
            fresh[new.layout.slots[name]] = state[old.layout.slots[name]]
    if new.policy.named_offers and old.policy.offer and state[old.layout.slots["OFFER_NUMBER"]]:
        made_day = state[old.layout.slots["OFFER_DAY"]]
        fresh[new.layout.slots["OFFER_RESTS"]] = made_day + old.policy.offer.every_days
    mine, its, latches = new.layout.latches, old.layout.latches, LATCH_WIDTH * len(old.policy.triggers)
    fresh[mine : mine + latches] = state[its : its + latches]
    for before, after in zip(old.policy.triggers, new.policy.triggers, strict=False):
        if before.limit is not None and after.limit is not None:
            fresh[new.layout.slots[amount_slot(after)]] = state[old.layout.slots[amount_slot(before)]]
    _carry_announcements(old, state, new, fresh)
    for before, after in zip(old.policy.triggers, new.policy.triggers, strict=False):
        for its_day, my_day in zip(contact_slots(before), contact_slots(after), strict=False):
            fresh[new.layout.slots[my_day]] = state[old.layout.slots[its_day]]
    for its_schedule, my_schedule in zip(schedule_slots(old.policy), schedule_slots(new.policy), strict=False):
        for before_slot, after_slot in zip(its_schedule, my_schedule, strict=True):
            fresh[new.layout.slots[after_slot]] = state[old.layout.slots[before_slot]]
    _carry_restrictions(old, state, new, fresh)
    _carry_line_days(old, state, new, fresh, day)
    rebuild_facts(new, fresh, history)
    fresh[new.layout.slots["NEXT_REVIEW"]] = day
    state[:] = fresh


def into_next_version(old: Kernel, new: Kernel, history: History, state: list[int], applied: int, end_day: int) -> int:
    """Go on with a replay on time from the first `applied` events to the start of `end_day`, on which `new` begins.

    `state` becomes, in place, the account's state under `new`; returns how many events came before that day.
    """
    rows = takewhile(lambda row: row.hour // 24 < end_day, history.standing(applied))
    own = [row_as_read_by(old, row) for row in rows]
    replay_rows(old, state, own, compiled=old.is_worth_compiling(len(own)))
    applied += len(own)
    evaluate_until(old, state, end_day - 1)
    migrate_account(old, new, state, history.beginning(new, applied), end_day)
    evaluate_until(new, state, end_day)
    return applied


def _carry_announcements(old: Kernel, state: list[int], new: Kernel, fresh: list[int]) -> None:
    """What is announced keeps its day where the new version announces it too; else the announcement ends, and the new
    version decides anew. What is in effect stays in effect."""
    slots, mask = new.layout.slots, new.layout.slots["MASK"]
    pending = state[old.layout.slots["ANNOUNCED"]] if old.policy.decides_in_stages else 0
    for number, (before, after) in enumerate(zip(old.policy.triggers, new.policy.triggers, strict=False)):
        if not fresh[mask] >> number & 1:
            continue
        if after.announced:
            known = state[old.layout.slots[effect_slot(before)]] if before.announced else 0
            fresh[slots[effect_slot(after)]] = known or 1
            fresh[slots["ANNOUNCED"]] |= pending & 1 << number
        elif pending >> number & 1:
            fresh[mask] ^= 1 << number
            fresh[new.layout.latches + number * LATCH_WIDTH + MODE] = FREE
            fresh[new.layout.latches + number * LATCH_WIDTH + HOLDING] = 0
            if after.limit is not None:
                fresh[slots[amount_slot(after)]] = 0


def _carry_line_days(old: Kernel, state: list[int], new: Kernel, fresh: list[int], day: int) -> None:
    """The line of earlier days; where the old version did not remember it, they count as the last of them ended."""
    if new.layout.line_days:
        slots = old.layout.slots
        known = line_changes(old, state) or [(day - 1, state[slots["LIMIT"]], state[slots["GRANTED"]])]
        keep_line_changes(new, fresh, known)


def _carry_restrictions(old: Kernel, state: list[int], new: Kernel, fresh: list[int]) -> None:
    """Restrictions that the old version counted by days are counted by days again, and those by months by months.

    A ring of months has forgotten the days, so one cannot be made from the other.
    """
    known = {ring.key.unit: tiles_of(state, ring) for ring in restriction_rings(old)}
    day = state[old.layout.slots["HOUR"]] // 24
    for ring in restriction_rings(new):
        fill_ring(new, fresh, ring, known.get(ring.key.unit, []), month_of(day) if ring.key.unit == "m" else day)
