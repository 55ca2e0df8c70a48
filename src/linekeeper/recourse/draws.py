"""New loans inside a road back: how small one is, and whether the line gives those that a plan draws."""

from __future__ import annotations

from collections.abc import Sequence

from linekeeper.core.line import Status
from linekeeper.evaluate.authorisation import authorise
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.evaluate.late_events import review_until
from linekeeper.recourse.baseline import Baseline
from linekeeper.recourse.own_history import tiles_of_kind
from linekeeper.recourse.simulate import Simulation

LOAN_SHARE = 10  # without a draw of the borrower's own, a small loan is the tenth part of what was granted


def least_loan(baseline: Baseline) -> int:
    """The smallest loan that this borrower has drawn, as the state shows it; at most one bill. In minor units."""
    kernel, amounts = baseline.kernel, list[int]()
    for tiles in tiles_of_kind(kernel, baseline.state, "draw", "amount"):
        for tile in tiles:
            if tile.amount:
                amounts.append(tile.amount // max(tile.count or 1, 1))
    smallest = min(amounts, default=baseline.slot("GRANTED") // LOAN_SHARE)
    bill_minor = baseline.routine.bill_minor
    return min(smallest, bill_minor) if bill_minor > 1 else smallest


def drawn_within(baseline: Baseline, rows: Sequence[EventRow], simulation: Simulation) -> bool:
    """Whether the line would give each loan of a plan, up to the day on which the plan ends.

    Asked of the kernel as a lender asks it before paying out: status, what is available, the policy's own rules.
    """
    kernel, state, out = baseline.kernel, list(baseline.state), baseline.kernel.new_row()
    draw = kernel.policy.kind("draw").number
    for row in rows:
        if row.hour // 24 > simulation.day:
            break
        for _ in review_until(kernel, state, row.hour // 24, out):
            pass
        if row.kind == draw:
            allowed = authorise(kernel, list(state), row.at, row.x[0]).allowed
            if not allowed or state[kernel.layout.slots["STATUS"]] >= Status.SUSPENDED:
                return False
        if kernel.interpreted.step(state, out, *row) < 0:
            return False
    return True
