"""The borrower's own wish about his line, copied to a kernel whose policy takes up `own_limit`.

`LIMIT` stays what the lender allows, whatever the borrower wishes: features, triggers and restoration go by that, so
that a wish never counts against him. What he may use is the lesser of the two. A wish that tightens an earlier one is
in force at once; one that loosens it, or lifts it, waits for the cooling period.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import DO_KEEP, HOUR, LIMIT, MISSING, OFFER_END
from linekeeper.kernel.prelude import MONEY_MAX

# From here on: names whose real meaning is in the generated source.
OWN_WISH = OWN_LIMIT = OWN_NEXT_WISH = OWN_NEXT_LIMIT = OWN_NEXT_DAY = OWN_CHANGED = 0
OWN_LIMIT_WISH = OWN_LIMIT_LIMIT = OWN_LIMIT_COOLING_DAYS = DO_OWN_CHOICE = 0
O_OWN_WISH = O_OWN_LIMIT = O_OWN_NEXT_WISH = O_OWN_NEXT_LIMIT = O_OWN_NEXT_DAY = O_OWN_CHANGED = 0


def usable_limit(s: Any) -> int:
    """What the borrower may use: what the lender allows, and no more than he wishes himself."""
    most: int = s[LIMIT]
    return min(most, s[OWN_LIMIT]) if s[OWN_WISH] > 0 else most


def take_wish(s: Any, x: Any) -> None:
    """Take a wish: at once where it tightens what was wished for before, else after the cooling period."""
    day = s[HOUR] // 24
    wish = (x[OWN_LIMIT_WISH] + 1) % 4  # the last of the words lifts
    most = MONEY_MAX if wish == 0 else 0
    if wish == 1:
        most = x[OWN_LIMIT_LIMIT]
    if most == MISSING:  # to lower without an amount is no wish
        return
    now = s[OWN_LIMIT] if s[OWN_WISH] > 0 else MONEY_MAX
    if wish == s[OWN_WISH] and most == now:
        if s[OWN_NEXT_DAY] > 0:  # he keeps to the wish that he had
            s[OWN_NEXT_DAY] = 0
            s[OWN_CHANGED] = 1
        return
    if wish >= s[OWN_WISH] and most <= now:
        s[OWN_WISH] = wish
        s[OWN_LIMIT] = most
        s[OWN_NEXT_DAY] = 0
        s[OWN_CHANGED] = 1
        s[OFFER_END] = 0
        return
    if s[OWN_NEXT_DAY] > 0 and wish == s[OWN_NEXT_WISH] and most == s[OWN_NEXT_LIMIT]:
        return  # asked for again: it waits no longer for that
    s[OWN_NEXT_WISH] = wish
    s[OWN_NEXT_LIMIT] = most
    s[OWN_NEXT_DAY] = day + OWN_LIMIT_COOLING_DAYS
    s[OWN_CHANGED] = 1


def advance_wish(s: Any, day: int) -> None:
    """The wish that waited takes the place of the one in force, once its day has come."""
    if s[OWN_NEXT_DAY] > 0 and day >= s[OWN_NEXT_DAY]:
        s[OWN_WISH] = s[OWN_NEXT_WISH]
        s[OWN_LIMIT] = s[OWN_NEXT_LIMIT]
        s[OWN_NEXT_DAY] = 0
        s[OWN_CHANGED] = 1


def write_wish_news(s: Any, out: Any, action: int) -> int:
    """Tell of a changed wish in this decision, whose action it is where it does nothing else."""
    if action == DO_KEEP and s[OWN_CHANGED] > 0:
        action = DO_OWN_CHOICE
    write_wish(s, out)
    s[OWN_CHANGED] = 0
    return action


def write_wish(s: Any, out: Any) -> None:
    """Write the wish in force, and the one that waits, into a decision's row."""
    out[O_OWN_CHANGED] = s[OWN_CHANGED]
    out[O_OWN_WISH] = s[OWN_WISH]
    out[O_OWN_LIMIT] = s[OWN_LIMIT] if s[OWN_WISH] > 0 else 0
    out[O_OWN_NEXT_DAY] = s[OWN_NEXT_DAY]
    out[O_OWN_NEXT_WISH] = s[OWN_NEXT_WISH] if s[OWN_NEXT_DAY] > 0 else 0
    out[O_OWN_NEXT_LIMIT] = s[OWN_NEXT_LIMIT] if s[OWN_NEXT_DAY] > 0 and s[OWN_NEXT_WISH] > 0 else 0
