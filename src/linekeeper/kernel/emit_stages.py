"""Code for what decisions do beside moving the line: announcements in their rows, and treatments."""

from __future__ import annotations

from linekeeper.kernel.layout import contact_slots, effect_column, effect_slot
from linekeeper.policy import model as m


def stages(policy: m.Policy) -> str:
    """What decisions do beside moving the line; nothing where they do nothing else."""
    return "\n\n".join([_note_announced(policy), _treat(policy)]) if policy.decides_in_stages else ""


def _note_announced(policy: m.Policy) -> str:
    """What is announced, in the row of a decision."""
    days = [one for one in policy.triggers if one.announced]
    return "\n".join(
        [
            "def note_announced(s, out, latched):",
            '    """Write what is announced, from which days on it restricts, and what it will leave."""',
            "    announced = s[ANNOUNCED]",
            "    s[ANNOUNCED] = 0",
            "    out[O_ANNOUNCED_LIMIT] = target_of(s, latched)",
            "    s[ANNOUNCED] = announced",
            "    out[O_ANNOUNCED_AFTER] = announced",
            *(f"    out[{effect_column(one)}] = s[{effect_slot(one)}]" for one in days),
        ]
    )


def _treat(policy: m.Policy) -> str:
    """What a decision that leaves the line as it is does for the triggers that are newly set."""
    lines = [
        "def treat(s, out, action, newly_set):",
        '    """The action of a decision that leaves the line as it is: a treatment, where one begins."""',
        "    out[O_CONTACTS] = 0",
        "    if action != DO_KEEP:  # whoever is notified of something else is not contacted beside",
        "        return action",
        "    day = s[HOUR] // 24",
        "    contacts = 0",
    ]
    codes = {"watch": 0, "price": 0}
    for number, trigger in enumerate(policy.triggers):
        given = trigger.treatments or m.Treatments()
        codes["watch"] |= bool(given.watch) << number
        codes["price"] |= bool(given.price) << number
        if given.contact is None:
            continue
        slots = [f"s[{slot}]" for slot in contact_slots(trigger)]
        often = f" and (not {slots[-1]} or day - {slots[-1]} >= {given.contact.days})" if slots else ""
        lines.append(f"    if newly_set & {1 << number}{often}:")
        shifted = zip(reversed(slots), [*reversed(slots[:-1]), "day"], strict=False)
        lines += [f"        {old} = {new}" for old, new in shifted]
        lines.append(f"        contacts |= {1 << number}")
    return "\n".join(
        [
            *lines,
            "    out[O_CONTACTS] = contacts",
            "    if contacts:",
            "        return DO_CONTACT",
            f"    if newly_set & {codes['price']}:",
            "        return DO_PRICE",
            f"    if newly_set & {codes['watch']}:",
            "        return DO_WATCH",
            "    return DO_KEEP",
        ]
    )
