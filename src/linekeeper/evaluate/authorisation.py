"""Whether a draw may happen now, and why not. Asking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from linekeeper.evaluate.late_events import evaluate_until
from linekeeper.kernel.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Whether a draw may happen.

    `reasons` are `not_open` (the account had not opened by then), `suspended`, `closed`, `own_choice` (the borrower
    himself wishes for less), `over_limit`, and the reason codes of `rules`.

    `rules` names the policy's authorisation rules that deny the draw.
    """

    allowed: bool
    reasons: tuple[str, ...]
    rules: tuple[str, ...]


def authorise(kernel: Kernel, state: list[int], at: int, amount: int) -> Authorisation:
    """Whether a draw of `amount` minor units may happen at `at` (UTC ms). `state` is a copy, and is changed."""
    slots = kernel.layout.slots
    if not state[slots["OPENED"]] or at < state[slots["OPEN_AT"]]:
        return Authorisation(False, ("not_open",), ())
    hour = kernel.calendar.hour(at)
    evaluate_until(kernel, state, hour // 24)
    now = max(hour, state[slots["HOUR"]])
    denied = kernel.interpreted.authorise(state, kernel.new_row(), now, amount)
    reasons = [word for bit, word in ((1, "suspended"), (2, "closed"), (4, "over_limit")) if denied & bit]
    if denied & 3:  # nothing is available on such a line, so that the draw is over the limit says nothing more
        reasons = reasons[:1]
    elif denied & 4 and amount <= max(state[slots["LIMIT"]] - state[slots["BALANCE"]], 0):
        reasons = ["own_choice"]
    rules = [rule for number, rule in enumerate(kernel.policy.authorise) if denied & 8 << number]
    reasons += [rule.reason for rule in rules]
    return Authorisation(denied == 0, tuple(dict.fromkeys(reasons)), tuple(rule.name for rule in rules))
