"""`allow`: warnings that are silenced in their place, each with the reason.

A trigger, a feature, a rule of `authorise`, the restoration and the offer have the key `allow` themselves. Events have
none to spare, since every key of theirs is a field; the policy's own key `allow` names them: `events.income.amount`.
What is allowed changes nothing that the policy decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from linekeeper.policy.source import Faults, Node, Scalar, Table
from linekeeper.policy.warning_codes import WARNING_CODES

REASON_MAX = 400
Allowances = Mapping[tuple[str, ...], tuple[Scalar, str]]  # by place and code: where it stands, and the reason


def check_allow(node: Node | None, faults: Faults) -> None:
    """Note the faults of one `allow`: codes that are not known, and reasons that are not given."""
    if node is None:
        return
    if not isinstance(node, Table):
        faults.add(node, "`allow` is a mapping of warnings to reasons", "write `allow: {cap_100: the reason}`")
        return
    for code, reason in node.entries:
        if code.text not in WARNING_CODES:
            faults.unknown(code, "the warning", code.text, WARNING_CODES)
        text = reason.text.strip() if isinstance(reason, Scalar) else ""
        if not 1 <= len(text) <= REASON_MAX:
            what = f"the warning `{code.text[:40]}` is allowed without a reason"
            faults.add(code, what, f"write why, in 1 to {REASON_MAX} characters")


def check_allowed_events(node: Node | None, kinds: Mapping[str, tuple[str, ...]], faults: Faults) -> None:
    """Note the faults of the policy's own `allow`; `kinds` are the fields of each kind of event."""
    if node is None:
        return
    if not isinstance(node, Table):
        faults.add(node, "`allow` is a mapping of events", "write `allow: {events.income: {unused_kind: the reason}}`")
        return
    known = [f"events.{kind}" for kind in kinds]
    known += [f"events.{kind}.{field}" for kind, fields in kinds.items() for field in fields]
    for place, allowed in node.entries:
        if place.text not in known:
            faults.unknown(place, "the place", place.text, known)
        check_allow(allowed, faults)


def allowances(root: Table) -> Allowances:
    """What the file allows: by the names that lead to the construct, and the code."""
    listed: dict[tuple[str, ...], tuple[Scalar, str]] = {}

    def take(place: tuple[str, ...], node: Node | None) -> None:
        if isinstance(node, Table):
            for code, reason in node.entries:
                text = reason.text.strip() if isinstance(reason, Scalar) else ""
                listed[(*place, code.text)] = (code, text)

    for key, value in root.entries:
        if not isinstance(value, Table):
            continue
        if key.text in ("triggers", "features", "authorise"):
            for name, item in value.entries:
                take((key.text, name.text), item.get("allow") if isinstance(item, Table) else None)
        elif key.text == "allow":
            for place, allowed in value.entries:
                take(tuple(place.text.split(".")), allowed)
        else:
            take((key.text,), value.get("allow"))
            for name, schedule in value.entries if key.text == "restoration" else ():  # where they have names
                take((key.text, name.text), schedule.get("allow") if isinstance(schedule, Table) else None)
    return listed
