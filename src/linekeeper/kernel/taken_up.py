"""What the drivers of a kernel have more where a policy takes up a built-in kind of event.

What is added follows a place in `drivers`. A policy that takes none of them up has the drivers as they stand there.
"""

from __future__ import annotations

from linekeeper.policy import model as m

AFTER_RULINGS = "            s[IMPOSED_END] = x[OVERRIDE_UNTIL] + 1\n"
BEFORE_FEATURES = '0 after any other event.\n    """\n'
BEFORE_LATCHES = "    mask_before = s[MASK]\n"
AFTER_CHANGE = "    changed = moved or latched != mask_before\n"
AFTER_ACTION = "    action = action_of(s, limit_before, granted_before, status_before, offered)\n"

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


# Where decisions come in stages, these lines are others.
IN_STAGES = {
    AFTER_CHANGE: "    changed = moved or latched != mask_before or s[ANNOUNCED] != announced_before\n",
    AFTER_ACTION: (
        "    action = action_of(s, limit_before, granted_before, status_before, offered, announces, withdraws)\n"
    ),
}


def with_taken_up(drivers: str, policy: m.Policy) -> str:
    """The drivers' source with what the policy takes up; `drivers` are those of announcements where it has some."""
    places = IN_STAGES if policy.decides_in_stages else {}
    all_added = (
        (policy.takes_grants, GRANTS),
        (policy.own_limit is not None, OWN_LIMITS),
        (policy.assign is not None, ASSIGN),
    )
    for taken, added in all_added:
        for known, lines in added.items() if taken else ():
            place = places.get(known, known)
            assert drivers.count(place) == 1, f"the drivers have no such place: {place}"
            drivers = drivers.replace(place, place + lines)
    return drivers
