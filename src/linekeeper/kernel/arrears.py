"""What of an account's dues counts, read off its state: for what stands outside the kernel and must say the same.

A kernel computes `past_due` and `days_past_due` only where its policy asks for them. Letters, roads and the order in
which restrictions wait need them whether it asks or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linekeeper.core.bounds import DUES_MAX, MONEY_MAX
from linekeeper.kernel.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Arrears:
    """The unpaid dues of an account on a local day, in minor units and days.

    `dues` holds (due_on, unpaid) of what is owed of them, oldest first: together never more than the account owes.
    `past_due_minor` and `days_past_due` are the facts of the policy language. `oldest_due_on` is the date of the oldest
    due that is past due; None where none is. `above_owed_minor` is what the unpaid dues are above all that is owed:
    above 0, the lender's own figures contradict each other.
    """

    dues: tuple[tuple[int, int], ...]
    past_due_minor: int
    days_past_due: int
    oldest_due_on: int | None
    above_owed_minor: int


def arrears_of(kernel: Kernel, state: Sequence[int], day: int) -> Arrears:
    """The arrears of a state as of a local day."""
    slots, first = kernel.layout.slots, kernel.layout.dues
    unpaid = [(state[slot], state[slot + 1]) for slot in range(first, first + 2 * state[slots["DUES"]], 2)]
    owed = _most_owed(kernel, state)
    grace_days = kernel.policy.dues.grace_days
    dues, left = [], owed
    for due_on, amount in unpaid:
        if left > 0:
            dues.append((due_on, min(amount, left)))
            left -= dues[-1][1]
    late = [(due_on, amount) for due_on, amount in dues if due_on + grace_days < day]
    oldest = late[0][0] if late else None
    return Arrears(
        dues=tuple(dues),
        past_due_minor=min(sum(amount for _, amount in late), MONEY_MAX),
        days_past_due=max(state[slots["REPORTED"]], day - oldest if oldest is not None else 0),
        oldest_due_on=oldest,
        above_owed_minor=sum(amount for _, amount in unpaid) - sum(amount for _, amount in dues),
    )


def _most_owed(kernel: Kernel, state: Sequence[int]) -> int:
    """All that the account can owe: the balance; where no event has said it, and in edition 1, what dues can be."""
    slots = kernel.layout.slots
    bounded = kernel.edition > 1 and state[slots["OWED_KNOWN"]]
    return max(state[slots["BALANCE"]], 0) if bounded else DUES_MAX * MONEY_MAX
