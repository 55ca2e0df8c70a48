"""Whether a draw may happen now, and why not. Asking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from linekeeper.evaluate.late_events import evaluate_until
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.customers import CEILING


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Whether a draw may happen.

    `reasons` are `not_open` (the account had not opened by then), `suspended`, `closed`, `own_choice` (the borrower
    himself wishes for less), `over_limit`, the reason codes of `rules`, and `customer_ceiling` (all accounts of the
    customer together would owe too much).

    `rules` names the policy's authorisation rules that deny the draw. `customer_owed_minor` is what all accounts of the
    customer owed before the draw, where the policy has a ceiling for that.
    """

    allowed: bool
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    customer_owed_minor: int | None = field(default=None, repr=False)


def authorise(kernel: Kernel, state: list[int], at: int, amount: int, owed_elsewhere: int = 0) -> Authorisation:
    """Whether a draw of `amount` minor units may happen at `at` (UTC ms). `state` is a copy, and is changed.

    `owed_elsewhere`: what the other accounts of the customer owe.
    """
    slots = kernel.layout.slots
    if not state[slots["OPENED"]] or at < state[slots["OPEN_AT"]]:
        return Authorisation(False, ("not_open",), ())
    hour = kernel.calendar.hour(at)
    evaluate_until(kernel, state, hour // 24)
    now = max(hour, state[slots["HOUR"]])
    out = kernel.new_row()
    denied = kernel.interpreted.authorise(state, out, now, amount)
    reasons = [word for bit, word in ((1, "suspended"), (2, "closed"), (4, "over_limit")) if denied & bit]
    if denied & 3:  # nothing is available on such a line, so that the draw is over the limit says nothing more
        reasons = reasons[:1]
    elif denied & 4 and amount <= max(state[slots["LIMIT"]] - state[slots["BALANCE"]], 0):
        reasons = ["own_choice"]
    rules = [rule for number, rule in enumerate(kernel.policy.authorise) if denied & 8 << number]
    reasons += [rule.reason for rule in rules]
    owed: int | None = None
    if kernel.policy.customer is not None and kernel.policy.customer.ceiling is not None:
        place = [feature.name for feature in kernel.policy.features].index(CEILING)
        owed = owed_elsewhere + max(state[slots["BALANCE"]], 0)
        if owed + amount > out[kernel.shape.values + place]:
            reasons.append("customer_ceiling")
    return Authorisation(not reasons, tuple(dict.fromkeys(reasons)), tuple(rule.name for rule in rules), owed)
