"""Plans that were tried from one ground, and where each led."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from linekeeper.evaluate.late_events import Row
from linekeeper.recourse.ground import Ground
from linekeeper.recourse.model import EARLY_DAYS
from linekeeper.recourse.moves import Effort, least_monthly, rows_of
from linekeeper.recourse.walk import Walk, Walker


@dataclass(frozen=True, slots=True)
class Tried:
    """An effort and where it led."""

    effort: Effort
    walk: Walk
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
class Search:
    """All plans tried from one ground. `until_day` is how far each is walked."""

    ground: Ground
    walker: Walker
    until_day: int
    known: dict[Effort, Tried] = field(default_factory=dict)

    def tries(self, effort: Effort) -> Tried:
        """Where the effort leads; each is walked once."""
        found = self.known.get(effort)
        if found is None:
            rows = rows_of(self.ground, effort, self.until_day)
            walk = self.walker.walk(rows, self.until_day)
            found = self.known[effort] = Tried(effort, walk, early_minor(self.ground, rows, walk))
        return found

    def best(self, efforts: Iterable[Effort], key: Callable[[Tried], tuple[bool, int, int, int]]) -> Tried:
        """The first of them by that order."""
        return min((self.tries(effort) for effort in efforts), key=key)

    def least(self, low: int, high: int, effort: Callable[[int], Effort], good: Callable[[Tried], bool]) -> Effort:
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


def early_minor(ground: Ground, rows: Sequence[Row], walk: Walk) -> int:
    """What the plan pays on its first 30 days, as long as it lasts."""
    repay, unknown = ground.kernel.policy.kind("repay").number, least_monthly(ground.kernel.policy)
    end = min(ground.day + EARLY_DAYS - 1, walk.day) if walk.reached else ground.day + EARLY_DAYS - 1
    paid = (row.x[0] for row in rows if row.kind == repay and row.hour // 24 <= end)
    return sum(amount for amount in paid if amount > unknown)
