"""Lines over time: as objects, as a table, and as a picture where a notebook shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pyarrow as pa

from linekeeper.core.decision import LineRecord
from linekeeper.decide.explain import money
from linekeeper.face.decision import Decision
from linekeeper.face.line_chart import ChartLine, ChartStep, line_chart, status_chart
from linekeeper.face.policy import Policy
from linekeeper.face.records import Records

LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class LinePoint:
    """A line from an instant on. `decision` is the number of the decision that set it so; None at the opening."""

    at: datetime
    limit_minor: int
    granted_minor: int
    status: str
    decision: int | None


def opening_of(at: datetime, line: LineRecord) -> LinePoint:
    """The first point of a line."""
    return LinePoint(at, line.limit, line.granted, line.status, None)


def point_of(decision: Decision) -> LinePoint:
    """The line as a decision set it."""
    return LinePoint(decision.at, decision.limit_minor, decision.granted_minor, decision.status, decision.number)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The line of one account over time, up to a day: its opening, then a point for each decision, in order."""

    account: str
    points: tuple[LinePoint, ...]
    until: date
    policy: Policy = field(repr=False)

    def chart(self) -> str:
        """The line as a picture: HTML with an SVG in it, which stands alone. A notebook shows it by itself.

        >>> import linekeeper as lk
        >>> (line,) = lk.replay("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl").timelines
        >>> "limit 5,000.00 CNY" in line.chart()
        True
        """
        return line_chart([self.chart_line()])

    def _repr_html_(self) -> str:
        return self.chart()

    def chart_line(self) -> ChartLine:
        """The line as the charts take it."""
        steps = (
            ChartStep(
                point.at,
                point.limit_minor,
                point.granted_minor,
                point.status,
                money(self.policy.definition, point.limit_minor),
            )
            for point in self.points
        )
        zone = ZoneInfo(self.policy.time_zone)
        end = max(datetime.combine(self.until, time(), zone), self.points[-1].at)
        return ChartLine(self.account, tuple(steps), end)


class Timelines(Records[Timeline]):
    """The lines of all accounts over time."""

    def __init__(self, items: Callable[[], Iterable[Timeline]], time_zone: str) -> None:
        super().__init__(items, lambda: _table_of_timelines(self, time_zone))

    def chart(self) -> str:
        """The first lines as a picture, and of many the share in each status; HTML that stands alone.

        A notebook shows it by itself.

        >>> import linekeeper as lk
        >>> lines = lk.replay("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl").timelines
        >>> "The limit of 1 line over time" in lines.chart()
        True
        """
        if not len(self):
            return "<p>no lines</p>"
        first = line_chart([line.chart_line() for line in self[:LINES_SHOWN]])
        if len(self) <= LINES_SHOWN:
            return first
        statuses = status_chart([line.chart_line() for line in self])
        return f"{statuses}{first}<p>{len(self) - LINES_SHOWN:,} further lines</p>"

    def _repr_html_(self) -> str:
        return self.chart()


def _table_of_timelines(timelines: Sequence[Timeline], zone: str) -> pa.Table:
    points = [(line.account, point) for line in timelines for point in line.points]
    return pa.table(
        {
            "account": pa.array([account for account, _ in points], pa.string()),
            "at": pa.array([point.at for _, point in points], pa.timestamp("ms", zone)),
            "limit_minor": pa.array([point.limit_minor for _, point in points], pa.int64()),
            "granted_minor": pa.array([point.granted_minor for _, point in points], pa.int64()),
            "status": pa.array([point.status for _, point in points], pa.string()),
            "decision": pa.array([point.decision for _, point in points], pa.int64()),
        }
    )
