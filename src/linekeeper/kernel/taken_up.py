"""What the drivers of a kernel have more where a policy decides in stages, or takes up a built-in kind of event.

What is added follows a place in `drivers`. A policy that takes none of them up has the drivers as they stand there.

Where decisions come in stages, a latch that is set and not yet in effect has its bit in the slot ANNOUNCED. It
restricts nobody: the target, the status and the suspension of a restoration leave it out. While anything is announced
no offer is made.
"""

from __future__ import annotations

from linekeeper.policy import model as m

BEFORE_RULINGS = (
    '"""Take opening, consent and override into the line; they follow arrival."""\n    day = s[HOUR] // 24\n'
)
AFTER_OFFER = "        offered = propose_offer(s, out)\n"
AFTER_RULINGS = "            s[IMPOSED_END] = x[OVERRIDE_UNTIL] + 1\n"
BEFORE_FEATURES = '0 after any other event.\n    """\n'
BEFORE_LATCHES = "    mask_before = s[MASK]\n"
AFTER_TARGET = '`target` is the most that they allow."""\n'
AFTER_CHANGE = "    changed = moved or latched != mask_before\n"
AFTER_ACTION = "    action = action_of(s, limit_before, granted_before, status_before, offered)\n"

AFTER_LINE = "    out[O_OFFER_NO] = s[OFFER_NUMBER]\n"
AFTER_LATCHES = "        return note_standstill(s, out)\n"
BEFORE_LIMIT_OF_OPEN = "            limit_before = s[LIMIT]\n            granted_before = s[GRANTED]\n"

GRANTS = {
    AFTER_RULINGS: """\
    if kind == KIND_GRANT and at >= s[OPEN_AT]:
        s[GRANT_WAITING] = x[GRANT_GRANTED] + 1  # until the line may move
""",
    BEFORE_FEATURES: "    take_grant(s, start)\n",
}
OWN_LIMITS = {
    AFTER_RULINGS: """\
    if kind == KIND_OWN_LIMIT:
        take_wish(s, x)
""",
    BEFORE_LATCHES: "    advance_wish(s, day)\n",
    AFTER_CHANGE: "    changed = changed or s[OWN_CHANGED] > 0\n",
    AFTER_ACTION: "    action = write_wish_news(s, out, action)\n",
}
OFFERS = {
    # Before a consent is taken, for that closes the offer.
    BEFORE_RULINGS: "    answer_offer(s, kind, x)\n",
    AFTER_OFFER: "        changed = s[GRANTED] != granted_before  # an increase that needs no consent\n",
}
ASSIGN = {
    "        s[LIMIT] = x[OPEN_LIMIT]\n": "        s[ASSIGN_DUE] = 1\n",
    AFTER_LATCHES: """\
    denied = 0
    if s[ASSIGN_DUE] > 0:
        denied = assign_limit(s, out)
""",
    AFTER_CHANGE: "    changed = changed or s[ASSIGN_DUE] > 0\n",
    AFTER_ACTION: "    action = write_first_limit(s, out, action, denied)\n",
    BEFORE_LIMIT_OF_OPEN: """\
            limit_before = 0
            granted_before = 0
""",
}


TREATMENTS = {AFTER_ACTION: "    action = treat(s, out, action, latched - (latched & mask_before))\n"}
ANNOUNCEMENTS = {
    AFTER_TARGET: "    latched -= latched & s[ANNOUNCED]  # what is only announced is not in effect\n",
    BEFORE_LATCHES: "    announced_before = s[ANNOUNCED]\n",
    AFTER_CHANGE: "    changed = changed or s[ANNOUNCED] != announced_before\n",
    AFTER_ACTION: """\
    announces = s[ANNOUNCED] - (s[ANNOUNCED] & announced_before)
    withdraws = announced_before - (announced_before & latched)
    action = action_in_stages(s, action, announces, withdraws)
""",
    AFTER_LINE: """\
    out[O_ANNOUNCED_BEFORE] = announced_before
    note_announced(s, out, latched)
""",
}


def with_taken_up(drivers: str, policy: m.Policy) -> str:
    """The drivers' source with what the policy takes up.

    What comes later in this list stands before what comes earlier, where both follow the same place.
    """
    all_added = (
        (policy.decides_in_stages, TREATMENTS),
        (policy.takes_grants, GRANTS),
        (policy.own_limit is not None, OWN_LIMITS),
        (policy.assign is not None, ASSIGN),
        (bool(policy.named_offers), OFFERS),
        (policy.decides_in_stages, ANNOUNCEMENTS),
    )
    for taken, added in all_added:
        for place, lines in added.items() if taken else ():
            assert drivers.count(place) == 1, f"the drivers have no such place: {place}"
            drivers = drivers.replace(place, place + lines)
    return drivers
