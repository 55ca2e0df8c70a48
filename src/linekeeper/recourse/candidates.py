"""Plans that were tried from one baseline, and where each led."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from linekeeper.evaluate.late_events import Row
from linekeeper.recourse.actions import ActionPlan, kernel_rows, least_monthly
from linekeeper.recourse.baseline import Baseline
from linekeeper.recourse.model import EARLY_DAYS
from linekeeper.recourse.simulate import Simulation, Simulator


@dataclass(frozen=True, slots=True)
class Candidate:
    """An effort and where it led."""

    effort: ActionPlan
    walk: Simulation
    early_minor: int

    @property
    def reached(self) -> bool:
        return self.walk.reached

    @property
    def speed(self) -> tuple[bool, int, int, int]:
        """Sorts plans: those that lead back, without a fall, early, for little early money."""
        return (not self.walk.reached, self.walk.falls, self.walk.day, self.early_minor)

    @property
    def weight(self) -> tuple[bool, int, int, int]:
        """Sorts plans: those that lead back, without a fall, for little early money, early."""
        return (not self.walk.reached, self.walk.falls, self.early_minor, self.walk.day)


@dataclass
class CandidateSearch:
    """All plans tried from one baseline. `until_day` is how far each is walked."""

    baseline: Baseline
    walker: Simulator
    until_day: int
    known: dict[ActionPlan, Candidate] = field(default_factory=dict)

    def tries(self, effort: ActionPlan) -> Candidate:
        """Where the effort leads; each is walked once."""
        found = self.known.get(effort)
        if found is None:
            rows = kernel_rows(self.baseline, effort, self.until_day)
            walk = self.walker.walk(rows, self.until_day)
            found = self.known[effort] = Candidate(effort, walk, early_minor(self.baseline, rows, walk))
        return found

    def best(self, efforts: Iterable[ActionPlan], key: Callable[[Candidate], tuple[bool, int, int, int]]) -> Candidate:
        """The first of them by that order."""
        return min((self.tries(effort) for effort in efforts), key=key)

    def least(
        self, low: int, high: int, effort: Callable[[int], ActionPlan], good: Callable[[Candidate], bool]
    ) -> ActionPlan:
        """The effort of the least amount from `low` to `high` (which is good) that is still good, by bisection."""
        if good(self.tries(effort(low))):
            return effort(low)
        while high - low > 1:
            middle = (low + high) // 2
            if good(self.tries(effort(middle))):
                high = middle
            else:
                low = middle
        return effort(high)


def early_minor(baseline: Baseline, rows: Sequence[Row], walk: Simulation) -> int:
    """What the plan pays on its first 30 days, as long as it lasts."""
    repay, unknown = baseline.kernel.policy.kind("repay").number, least_monthly(baseline.kernel.policy)
    end = min(baseline.day + EARLY_DAYS - 1, walk.day) if walk.reached else baseline.day + EARLY_DAYS - 1
    paid = (row.x[0] for row in rows if row.kind == repay and row.hour // 24 <= end)
    return sum(amount for amount in paid if amount > unknown)
