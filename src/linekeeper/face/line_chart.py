"""Charts of lines as SVG text: no library and no script; text takes the colour of the page around it.

One row a line: its height is the limit, its colour the status, and a dashed line is what was granted. Of a portfolio:
the share of lines in each status over time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

_WIDTH = 720
PLOT_LEFT, PLOT_RIGHT = 104, 596  # where the time axis begins and ends; names stand left of it, amounts right of it
_LEGEND, _DATES = 30, 26  # the legend above, the dates below
ROW, _ROW_GAP = 40, 14
SHARE_HEIGHT = 150
SHARE_STEPS = 164
TICKS_MAX = 9
DAYS_WITHOUT_MONTHS = 62
NAME_MAX = 14
STATUS_FILL = {  # what is usual is pale, so that restrictions are seen first
    "active": 'fill="#2a9d76" fill-opacity=".32"',
    "restoring": 'fill="#3f88d9" fill-opacity=".85"',
    "reduced": 'fill="#e3a008" fill-opacity=".9"',
    "suspended": 'fill="#b455a6" fill-opacity=".6"',
    "closed": 'fill="#c8412f" fill-opacity=".9"',
}
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}" '
    'style="display:block;width:100%;min-width:560px;max-width:{width}px" font-family="system-ui,sans-serif" '
    'font-size="11" fill="currentColor">{body}</svg>'
)


@dataclass(frozen=True, slots=True)
class ChartStep:
    """A limit and a status from an instant on; amounts in minor units, `words` says the limit to people."""

    at: datetime
    limit: int
    granted: int
    status: str
    words: str


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart: at least one step, in order of time, and how far it goes."""

    name: str
    steps: tuple[ChartStep, ...]
    end: datetime


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The time that a chart shows, from left to right."""

    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        """Where an instant stands."""
        whole = (self.last - self.first).total_seconds() or 1.0
        return PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * (at - self.first).total_seconds() / whole

    def ticks(self) -> Iterator[tuple[float, str]]:
        """The first days of months, at most a few: where each stands, and its name; of a short time, its ends."""
        if (self.last - self.first).days < DAYS_WITHOUT_MONTHS:
            yield from ((self.x(at), f"{at:%Y-%m-%d}") for at in (self.first, self.last))
            return
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
        step = next(size for size in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if months // size < TICKS_MAX)
        first = self.first.year * 12 + self.first.month  # the month after the first one, counted from 0
        for month in range(-(-first // step) * step, self.last.year * 12 + self.last.month, step):
            day = datetime(month // 12, month % 12 + 1, 1, tzinfo=self.first.tzinfo)
            if self.first <= day <= self.last:
                yield self.x(day), f"{day:%Y-%m}"

    def picture(self, bottom: float) -> str:
        """The ticks with their names below, and thin lines up to the legend."""
        parts = [
            f'<path d="M{x:.1f} {_LEGEND}V{bottom}" stroke="currentColor" stroke-opacity=".12"/>'
            f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" opacity=".75">{name}</text>'
            for x, name in self.ticks()
        ]
        return "".join(parts)


def line_chart(lines: Sequence[ChartLine]) -> str:
    """At least one line, a row each, over the same time."""
    axis = TimeSpan(min(line.steps[0].at for line in lines), max(line.end for line in lines))
    bottom = _LEGEND + len(lines) * (ROW + _ROW_GAP)
    rows = (_row(line, axis, _LEGEND + place * (ROW + _ROW_GAP) + _ROW_GAP) for place, line in enumerate(lines))
    body = _legend({step.status for line in lines for step in line.steps}) + axis.picture(bottom) + "".join(rows)
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    return _picture(f"The limit of {count} over time", body, bottom + _DATES)


def _row(line: ChartLine, axis: TimeSpan, top: float) -> str:
    """One line: an area a step, the outline of what was granted, its name and its last limit."""
    most = max(max(step.granted, step.limit) for step in line.steps) or 1
    ends = [*(step.at for step in line.steps[1:]), line.end]
    areas, granted = list[str](), list[str]()
    for step, end in zip(line.steps, ends, strict=True):
        left, right = axis.x(step.at), axis.x(end)
        height = max(ROW * step.limit / most, 2)  # a closed line stays visible
        tip = f"{step.at:%Y-%m-%d}: {step.status}, limit {step.words}"
        areas.append(
            f'<rect x="{left:.1f}" y="{top + ROW - height:.1f}" width="{right - left:.1f}" height="{height:.1f}" '
            f"{STATUS_FILL[step.status]}><title>{escape(tip)}</title></rect>"
        )
        granted.append(f"{'L' if granted else 'M'}{left:.1f} {top + ROW - ROW * step.granted / most:.1f}H{right:.1f}")
    name = line.name if len(line.name) <= NAME_MAX else line.name[: NAME_MAX - 1] + "…"
    last = line.steps[-1]
    return (
        f'<g shape-rendering="crispEdges">{"".join(areas)}</g>'
        + f'<path d="{"".join(granted)}" fill="none" stroke="currentColor" stroke-opacity=".5" stroke-dasharray="3 3"/>'
        + f'<text x="{PLOT_LEFT - 10}" y="{top + ROW - 14}" text-anchor="end"><title>{escape(line.name)}</title>'
        + f"{escape(name)}</text>"
        + f'<text x="{PLOT_RIGHT + 10}" y="{top + ROW - 21}">{escape(last.words)}</text>'
        + f'<text x="{PLOT_RIGHT + 10}" y="{top + ROW - 6}" opacity=".75">{last.status}</text>'
    )


def status_chart(lines: Sequence[ChartLine]) -> str:
    """The share of lines in each status over time, of the lines that were open by then; what is restricted, below."""
    axis = TimeSpan(min(line.steps[0].at for line in lines), max(line.end for line in lines))
    bottom = _LEGEND + _ROW_GAP + SHARE_HEIGHT
    floors = [0.0] * SHARE_STEPS
    columns, body = _counts(lines, axis), ""
    for status in reversed(STATUS_FILL):
        tops = [
            floor + (count[status] / total if (total := count.total()) else 0.0)
            for floor, count in zip(floors, columns, strict=True)
        ]
        if tops != floors:
            body += _band(floors, tops, bottom, status)
        floors = tops
    for share in (0, 50, 100):
        y = bottom - SHARE_HEIGHT * share / 100
        body += f'<text x="{PLOT_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" opacity=".75">{share} %</text>'
    for place, (status, number) in enumerate((name, columns[-1][name]) for name in STATUS_FILL):
        y = _LEGEND + _ROW_GAP + 12 + 16 * place
        body += f'<text x="{PLOT_RIGHT + 10}" y="{y}">{number:,} <tspan opacity=".75">{status}</tspan></text>'
    statuses = {status for count in columns for status in count}
    return _picture(
        f"The status of {len(lines):,} lines over time",
        _legend(statuses) + axis.picture(bottom) + body,
        bottom + _DATES,
    )


def _counts(lines: Sequence[ChartLine], axis: TimeSpan) -> list[Counter[str]]:
    """How many lines were in each status, at instants evenly spread from the first to the last."""
    changes = []
    for line in lines:
        before = ""
        for step in line.steps:
            changes.append((step.at, before, step.status))
            before = step.status
    changes.sort()
    counts, standing, place = [], Counter[str](), 0
    for column in range(SHARE_STEPS):
        instant = axis.first + (axis.last - axis.first) * (column / (SHARE_STEPS - 1))
        while place < len(changes) and changes[place][0] <= instant:
            _, before, after = changes[place]
            standing[after] += 1
            if before:
                standing[before] -= 1
            place += 1
        counts.append(+standing)
    return counts


def _band(floors: Sequence[float], tops: Sequence[float], bottom: float, status: str) -> str:
    """The area between two rows of shares."""
    width = (PLOT_RIGHT - PLOT_LEFT) / (SHARE_STEPS - 1)
    upper = [f"{PLOT_LEFT + width * i:.1f} {bottom - SHARE_HEIGHT * share:.1f}" for i, share in enumerate(tops)]
    lower = [f"{PLOT_LEFT + width * i:.1f} {bottom - SHARE_HEIGHT * share:.1f}" for i, share in enumerate(floors)]
    outline = "L".join([*upper, *reversed(lower)])
    return f'<path d="M{outline}Z" {STATUS_FILL[status]}><title>{status}</title></path>'


def _legend(statuses: set[str]) -> str:
    """The colours of the statuses that are shown."""
    parts, x = [], PLOT_LEFT
    for status in (name for name in STATUS_FILL if name in statuses):
        parts.append(
            f'<rect x="{x}" y="6" width="10" height="10" rx="2" {STATUS_FILL[status]}/>'
            f'<text x="{x + 15}" y="15">{status}</text>'
        )
        x += 34 + 6 * len(status)
    return "".join(parts)


def _picture(title: str, body: str, height: float) -> str:
    """A whole picture; a screen reader says its title. A narrow page scrolls it rather than shrink its words."""
    svg = _SVG.format(width=_WIDTH, height=f"{height:.0f}", title=escape(title), body=body)
    return f'<div style="overflow-x:auto">{svg}</div>'
