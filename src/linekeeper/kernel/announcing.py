"""What drives a kernel of which some trigger restricts later than it is set: in the place of functions of `drivers`.

A latch that is set and not yet in effect has its bit in the slot ANNOUNCED. It restricts nobody: the target, the status
and the suspension of a restoration leave it out. While anything is announced no offer is made.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import (
    ACTIVE,
    CLOSED,
    CLOSING,
    DO_CLOSE,
    DO_DECREASE,
    DO_INCREASE,
    DO_KEEP,
    DO_OFFER,
    DO_RESTORE,
    DO_SUSPEND,
    GRANTED,
    HOUR,
    LIMIT,
    MASK,
    NEXT_REVIEW,
    O_ACTION,
    O_GRANTED_AFTER,
    O_GRANTED_BEFORE,
    O_IMPOSED,
    O_LIMIT_AFTER,
    O_LIMIT_BEFORE,
    O_MASK_AFTER,
    O_MASK_BEFORE,
    O_OFFER_NO,
    O_OFFERED,
    O_PD,
    O_SCORE,
    O_STATUS_AFTER,
    O_STATUS_BEFORE,
    OFFER_END,
    OFFER_NUMBER,
    POINTS,
    REDUCED,
    RESTORING,
    STANDS_UNTIL,
    STATUS,
    STATUS_DAY,
    SUSPENDED,
    SUSPENDING,
    count_points,
    count_restriction,
    features,
    imposed_cap,
    move_limit,
    note_standstill,
    pd_of,
    propose_offer,
    target_of,
    update_latches,
)
from linekeeper.kernel.prelude import STANDSTILL, UNKNOWN

ANNOUNCED = DO_ANNOUNCE = DO_WITHDRAW = O_ANNOUNCED_BEFORE = 0  # their real meaning is in the generated source
note_announced: Any = None
treat: Any = None


def status_of(s: Any, latched: int, target: int) -> int:
    """The status that the latches in effect and the limit give; `target` is the most that they allow."""
    in_effect = latched - (latched & s[ANNOUNCED])
    if in_effect & CLOSING:
        return CLOSED
    if in_effect & SUSPENDING:
        return SUSPENDED
    if s[LIMIT] < target:
        return RESTORING
    if target < s[GRANTED]:
        return REDUCED
    return ACTIVE


def action_of(
    s: Any, limit_before: int, granted_before: int, status_before: int, offered: int, announces: int, withdraws: int
) -> int:
    """What a decision does, by what it changed: what takes most away comes first, and what is yet to come after it."""
    if s[STATUS] == CLOSED and status_before < CLOSED:
        return DO_CLOSE
    if s[STATUS] == SUSPENDED and status_before < SUSPENDED:
        return DO_SUSPEND
    if s[LIMIT] < limit_before:
        return DO_DECREASE
    if announces:
        return DO_ANNOUNCE
    if s[GRANTED] > granted_before:
        return DO_INCREASE
    if s[LIMIT] > limit_before or (status_before >= SUSPENDED and s[STATUS] < status_before):
        return DO_RESTORE
    if withdraws:
        return DO_WITHDRAW
    if offered > 0:
        return DO_OFFER
    return DO_KEEP


def decide_line(s: Any, out: Any, start: int, limit_before: int, granted_before: int) -> int:
    """Features, score, latches, limit, status, offer as of the clock; 1 where `out` holds a decision.

    `start`: 1 at the start of a day, 2 after an event that is history of an opening, 0 after any other event.
    """
    features(s, out)
    count_points(s, out)
    day = s[HOUR] // 24
    status_before = s[STATUS]
    mask_before = s[MASK]
    announced_before = s[ANNOUNCED]
    if start == STANDSTILL or day < s[STANDS_UNTIL]:
        return note_standstill(s, out)
    latched = update_latches(s, out, start)
    target = target_of(s, latched)
    move_limit(s, out, latched, target)
    status = status_of(s, latched, target)
    if status != status_before:
        s[STATUS] = status
        s[STATUS_DAY] = day
    s[MASK] = latched
    s[POINTS] = out[O_SCORE]
    moved = s[LIMIT] != limit_before or s[GRANTED] != granted_before or status != status_before
    changed = moved or latched != mask_before or s[ANNOUNCED] != announced_before
    offered = 0
    if not changed and status == ACTIVE and s[ANNOUNCED] == 0:
        offered = propose_offer(s, out)
    if not changed and offered == 0:
        s[NEXT_REVIEW] = UNKNOWN
        return 0
    announces = s[ANNOUNCED] - (s[ANNOUNCED] & announced_before)
    withdraws = announced_before - (announced_before & latched)
    action = action_of(s, limit_before, granted_before, status_before, offered, announces, withdraws)
    action = treat(s, out, action, latched - (latched & mask_before))
    if DO_DECREASE <= action <= DO_CLOSE:  # decrease, suspend, close
        count_restriction(s)
    if announces:  # an offer of more does not stand beside it
        s[OFFER_END] = 0
    out[O_ACTION] = action
    out[O_LIMIT_BEFORE] = limit_before
    out[O_GRANTED_BEFORE] = granted_before
    out[O_STATUS_BEFORE] = status_before
    out[O_MASK_BEFORE] = mask_before
    out[O_ANNOUNCED_BEFORE] = announced_before
    out[O_OFFERED] = offered
    write_line(s, out)
    # Features may read the line itself (`limit`, `restrictions`): what changed is evaluated again the next morning.
    s[NEXT_REVIEW] = day + 1 if changed else UNKNOWN
    return 1


def write_line(s: Any, out: Any) -> None:
    """Write how the line stands after the decision that `out` holds."""
    out[O_LIMIT_AFTER] = s[LIMIT]
    out[O_GRANTED_AFTER] = s[GRANTED]
    out[O_STATUS_AFTER] = s[STATUS]
    out[O_MASK_AFTER] = s[MASK]
    out[O_IMPOSED] = imposed_cap(s)
    out[O_OFFER_NO] = s[OFFER_NUMBER]
    out[O_PD] = pd_of(out[O_SCORE])
    note_announced(s, out, s[MASK])
