"""The search: from a few corner plans down to the fastest and the lightest one, exact to the minor unit.

Every question is put to the kernel itself (`Walker`). A plan on which the line never falls again comes before one
on which it does; then the fastest is the earliest, the lightest the one that asks for least in the first 30 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from linekeeper.core.line import Status
from linekeeper.decide.road.ground import Ground, ground_of
from linekeeper.decide.road.model import EARLY_DAYS, NoRoad, Plan, Road
from linekeeper.decide.road.moves import Effort, rows_of
from linekeeper.decide.road.reports import with_reports
from linekeeper.decide.road.story import plan_of
from linekeeper.decide.road.walk import Walk, Walker
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import Row

SHORT_DAYS = 400  # most roads end within so many days; only where none does is the whole horizon walked


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
    def speed(self) -> tuple[bool, bool, int, int]:
        """Sorts plans: those that lead back, without a fall, early, for little early money."""
        return (not self.walk.reached, self.walk.falls, self.walk.day, self.early_minor)

    @property
    def weight(self) -> tuple[bool, bool, int, int]:
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

    def best(self, efforts: Iterable[Effort], key: Callable[[Tried], tuple[bool, bool, int, int]]) -> Tried:
        """The first of them by that order."""
        return min((self.tries(effort) for effort in efforts), key=key)

    def least(self, low: Effort, high: Effort, name: str, good: Callable[[Tried], bool]) -> Effort:
        """The least value of one number of the effort, from `low`'s to `high`'s (which is good), that is still good."""
        if good(self.tries(low)):
            return low
        bad, fine = getattr(low, name), getattr(high, name)
        while fine - bad > 1:
            middle = (bad + fine) // 2
            if good(self.tries(self.at(high, name, middle))):
                fine = middle
            else:
                bad = middle
        return self.at(high, name, fine)

    def at(self, effort: Effort, name: str, value: int) -> Effort:
        """The effort with another amount; what is overdue and not paid today is paid later."""
        changed = replace(effort, **{name: value})
        return replace(changed, later_minor=max(self.ground.overdue - changed.today_minor, 0))


def early_minor(ground: Ground, rows: Sequence[Row], walk: Walk) -> int:
    """What the plan pays on its first 30 days, as long as it lasts."""
    repay = ground.kernel.policy.kind("repay").number
    end = min(ground.day + EARLY_DAYS - 1, walk.day) if walk.reached else ground.day + EARLY_DAYS - 1
    return sum(row.x[0] for row in rows if row.kind == repay and row.hour // 24 <= end)
