"""What a plan rests on: each thing that it leaves out is let go on as it was, and the kernel says whether that matters.

What does not change where the plan leads, or makes it better, is no condition. What does is told: as something to stop,
where it is in the borrower's hands, and only for as long as it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.actions import Deviation, fields_selected, kernel_fields
from linekeeper.recourse.baseline import NOON_HOUR, Baseline
from linekeeper.recourse.candidates import Candidate, CandidateSearch
from linekeeper.recourse.dependencies import dependencies_of_releasable
from linekeeper.recourse.draws import least_loan
from linekeeper.recourse.meaning import Meaning, amount_field, meanings_of
from linekeeper.recourse.model import PathPoint
from linekeeper.recourse.own_history import MONTH_DAYS, most_in_a_month, tiles_of_kind
from linekeeper.recourse.simulate import Simulation

CHARGE_BP = 200  # a month's interest and fees that stay unpaid, of the balance, where the state shows no charge
EVENTS_A_DAY_MAX = 20


@dataclass(frozen=True, slots=True)
class Stop:
    """Events of a kind that a plan cannot stand, until the day from which on they no longer matter.

    `fields` says which of the kind: by word, flag or number, or by the local `hour`; empty where all of them count.
    """

    kind: m.Kind
    fields: dict[str, int]
    until_day: int


@dataclass(frozen=True)
class LifeGoesOn:
    """Lets what a candidate leaves out go on, one thing at a time."""

    search: CandidateSearch
    candidate: Candidate

    @property
    def baseline(self) -> Baseline:
        """The account on the day of asking."""
        return self.search.baseline

    @property
    def end(self) -> int:
        """The day on which the plan restores the line."""
        return self.candidate.simulation.day

    def is_worse(self, deviation: Deviation) -> bool:
        """Whether the line stands lower on any day, or comes back later, than the plan says."""
        simulation = self.search.simulate(self.candidate.actions, self.end, deviation)
        return stands_lower(simulation, self.candidate.simulation.path, self.end)

    # -------------------------------------------------------------- what is not in the borrower's conduct

    def rests_on_bills(self) -> bool:
        """Whether bills of twice the size, each paid on time, lead elsewhere."""
        return self.is_worse(Deviation(bill_minor=2 * self.baseline.routine.bill_minor))

    def rests_on_income(self) -> bool:
        """Whether no income at all leads elsewhere."""
        return bool(self.baseline.routine.incomes) and self.is_worse(Deviation(without_income=True))

    def rests_on_charges(self) -> bool:
        """Whether interest and fees that nobody pays lead elsewhere."""
        own = most_in_a_month(self.baseline.kernel, self.baseline.state, "charge", "amount")
        charge = own or self.baseline.balance_minor * CHARGE_BP // 10_000
        return charge > 0 and self.is_worse(Deviation(charge_minor=charge))

    def rests_on_reports(self) -> bool:
        """Whether reports that something has been overdue for a month lead elsewhere."""
        return self.is_worse(Deviation(reported_days=MONTH_DAYS))

    # -------------------------------------------------------------- what the borrower can stop

    def no_draws_until(self) -> int | None:
        """Until which day new loans would lead elsewhere; None where they do not matter while the line gives them."""
        draws = [
            [(day, amount) for day in self._open_days() if (amount := min(self._usual_draw(), self._room(day))) > 0],
            [(day, amount) for day in self._open_days()[:1] if (amount := self._room(day)) > 0],
        ]
        until = [self._matters_until(lambda day, some=some: _draws_from(some, day)) for some in draws if some]  # type: ignore[misc]
        return max((day for day in until if day is not None), default=None)

    def stops(self) -> Iterator[Stop]:
        """The kinds of the borrower's own conduct that the plan cannot stand, each selection of the rules by itself."""
        meanings = meanings_of(self.baseline.kernel.policy)
        for select in dependencies_of_releasable(self.baseline.kernel.policy).selects:
            if meanings.get(select.kind) in (Meaning.SPENDING, Meaning.NEUTRAL):
                kind = self.baseline.kernel.policy.kind(select.kind)
                if kind.number in {confirmed.kind for confirmed in self.candidate.actions.confirmations}:
                    continue
                until = self._matters_until(lambda day, one=select: Deviation(events=self._usual_events(one, day)))  # type: ignore[misc]
                if until is not None:
                    yield Stop(kind, fields_selected(select).named, until)

    def _matters_until(self, resumed: Callable[[int], Deviation]) -> int | None:
        """The last day on which it matters whether something is left out; None where it never does.

        `resumed(day)` lets it go on from that day. Found by bisection: where it may resume, it may resume later too.
        """
        low, high = self.baseline.day, self.end
        if not self.is_worse(resumed(low)):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_worse(resumed(middle)):
                low = middle
            else:
                high = middle
        return high

    def _open_days(self) -> list[int]:
        """A day of each month on which the plan's path lets the borrower draw."""
        path, days = self.candidate.simulation.path, range(self.baseline.day + 1, self.end, MONTH_DAYS)
        return [day for day in days if point_on(path, day).usable_minor > 0]

    def _usual_draw(self) -> int:
        return least_loan(self.baseline)

    def _room(self, day: int) -> int:
        """What of the limit is free on a day, at most: the plan's payments only make more room."""
        return point_on(self.candidate.simulation.path, day).limit_minor - max(self.baseline.balance_minor, 0)

    def _usual_events(self, select: ex.Select, start: int) -> tuple[EventRow, ...]:
        """Selected events as often, and as large, as the state shows them; at least one in 30 days. From a day on."""
        baseline, kind = self.baseline, self.baseline.kernel.policy.kind(select.kind)
        selected, usual = fields_selected(select), self._latest_fields(kind)
        if usual is None:
            return ()
        count, amount = self._rate(select)
        field = amount_field(kind)
        fields = {**usual, **({field.name: amount} if field and amount else {}), **selected.fields}
        x = kernel_fields(kind, **fields)
        hour = NOON_HOUR if selected.hour is None else selected.hour
        first = baseline.day + 1
        gap = max(MONTH_DAYS // count, 1)
        together = max(count // MONTH_DAYS, 1)
        days = (day for day in range(first, self.end + 1, gap) if day >= start)
        return tuple(EventRow(*baseline.instant(day, hour), kind.number, x) for day in days for _ in range(together))

    def _rate(self, select: ex.Select) -> tuple[int, int]:
        """How many selected events came in the busiest 30 days that the state shows, and how much each brought."""
        kind = self.baseline.kernel.policy.kind(select.kind)
        field = amount_field(kind)
        most, amount = 1, 0
        for tiles in tiles_of_kind(
            self.baseline.kernel, self.baseline.state, select.kind, field.name if field else None
        ):
            for tile in tiles:
                near = [one for one in tiles if tile.day <= one.day < tile.day + MONTH_DAYS]
                most = max(most, sum(one.count or 0 for one in near))
                amount = max(amount, (tile.amount or 0) // max(tile.count or 1, 1))
        return min(most, EVENTS_A_DAY_MAX * MONTH_DAYS), amount or max(self.baseline.slot("GRANTED") // 100, 1)

    def _latest_fields(self, kind: m.Kind) -> dict[str, int] | None:
        """The fields of the latest event of a kind, where the rules keep them; None where a kept field never came.

        What the rules keep of a report (a score, a number of loans) is unknown before the first report.
        """
        baseline, fields = self.baseline, dict[str, int]()
        for last, slot in baseline.kernel.layout.lasts.items():
            if last.select.kind == kind.name:
                if baseline.state[slot] == MISSING:
                    return None
                fields[last.field] = baseline.state[slot + 1]
        return fields


def _draws_from(draws: list[tuple[int, int]], day: int) -> Deviation:
    return Deviation(draws=tuple(one for one in draws if one[0] >= day))


def point_on(path: tuple[PathPoint, ...], day: int) -> PathPoint:
    """The line at the end of a day."""
    return [point for point in path if point.day <= day][-1]


def stands_lower(simulation: Simulation, path: tuple[PathPoint, ...], end: int) -> bool:
    """Whether a simulation leaves less to use on any day up to `end` than a path does, or is not restored by then."""
    if not simulation.restored or simulation.day > end:
        return True
    days = sorted({point.day for point in (*simulation.path, *path)})
    return any(point_on(simulation.path, day).usable_minor < point_on(path, day).usable_minor for day in days)


def merged_stops(stops: Iterable[Stop]) -> list[Stop]:
    """Each kind and fields once, with the latest day; where all of a kind matters, its parts go without saying."""
    merged: dict[tuple[str, tuple[tuple[str, int], ...]], Stop] = {}
    for stop in stops:
        key = (stop.kind.name, tuple(sorted(stop.fields.items())))
        if key not in merged or merged[key].until_day < stop.until_day:
            merged[key] = stop
    whole = {name: stop.until_day for (name, fields), stop in merged.items() if not fields}
    return [stop for stop in merged.values() if not stop.fields or stop.until_day > whole.get(stop.kind.name, 0)]
