"""What a decision is called where some trigger restricts later than it is set, copied to the kernel of such a policy.

What else its drivers have more is in `taken_up`.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import DO_CLOSE, DO_DECREASE, DO_KEEP, DO_OFFER, OFFER_END

DO_ANNOUNCE = DO_WITHDRAW = 0  # names whose real meaning is in the generated source


def action_in_stages(s: Any, action: int, announces: int, withdraws: int) -> int:
    """The action, where a decision announces or withdraws: what is yet to come stands after what takes away now."""
    if announces:
        s[OFFER_END] = 0  # an offer of more does not stand beside it
        if not DO_DECREASE <= action <= DO_CLOSE:  # decrease, suspend, close
            return DO_ANNOUNCE
    elif withdraws:
        if action == DO_KEEP:
            return DO_WITHDRAW
        if action == DO_OFFER:
            return DO_WITHDRAW
    return action
