"""Plots as SVG text: no library, no script, colours from the page's style sheet (light and dark)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

PLOT_WIDTH = 440
ROW_HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Axes:
    """A plotting area: data from (left, low) to (right, high), drawn within margins."""

    left: float
    right: float
    low: float
    high: float
    height: int = 280
    margin: tuple[int, int, int, int] = (10, 24, 36, 58)  # top, right, bottom, left

    def x(self, value: float) -> float:
        """Where a value stands, across."""
        room = PLOT_WIDTH - self.margin[1] - self.margin[3]
        return self.margin[3] + room * (value - self.left) / ((self.right - self.left) or 1)

    def y(self, value: float) -> float:
        """Where a value stands, down."""
        room = self.height - self.margin[0] - self.margin[2]
        return self.margin[0] + room * (1 - (value - self.low) / ((self.high - self.low) or 1))

    def frame(self, across: str, up: str, x_ticks: Iterable[float], y_ticks: Iterable[float], share: str = "xy") -> str:
        """Grid lines, ticks and the names of both axes; `share` says which are percentages."""
        bottom, left = self.height - self.margin[2], self.margin[3]
        parts = []
        for tick in y_ticks:
            at = self.y(tick)
            parts.append(line(left, at, PLOT_WIDTH - self.margin[1], at, "grid"))
            parts.append(text(left - 6, at + 4, _tick(tick, "y" in share), "tick end"))
        for tick in x_ticks:
            at = self.x(tick)
            parts.append(line(at, bottom, at, bottom + 4, "grid"))
            parts.append(text(at, bottom + 17, _tick(tick, "x" in share), "tick middle"))
        parts.append(text((left + PLOT_WIDTH - self.margin[1]) / 2, self.height - 4, across, "name middle"))
        middle = (self.margin[0] + bottom) / 2
        parts.append(
            f'<text transform="translate(11 {middle:.1f}) rotate(-90)" class="name middle">{escape(up)}</text>'
        )
        return "".join(parts)


def cut_words(words: str, most: int = 24) -> str:
    """Words that have room beside a plot.

    >>> cut_words("app, branch, phone", 12)
    'app, branch…'
    """
    return words if len(words) <= most else words[: most - 1] + "…"


def picture(body: str, height: float, title: str) -> str:
    """A whole picture; the title is what a screen reader says."""
    head = f'<svg viewBox="0 0 {PLOT_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return f"{head}<title>{escape(title)}</title>{body}</svg>"


def line(x: float, y: float, to_x: float, to_y: float, style: str) -> str:
    """A straight line."""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" class="{style}"/>'


def text(x: float, y: float, words: str, style: str) -> str:
    """A word at a place; `style` holds `end` or `middle` for its anchor."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(words)}</text>'


def dot(x: float, y: float, style: str, radius: float = 3.5) -> str:
    """A round mark."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{style}"/>'


def bar(x: float, y: float, width: float, height: float, style: str, tooltip: str = "") -> str:
    """A rectangle; a negative width grows to the left; `tooltip` shows under the pointer."""
    x, width = (x, width) if width >= 0 else (x + width, -width)
    inside = f"<title>{escape(tooltip)}</title>" if tooltip else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{style}">{inside}</rect>'


def path(points: Iterable[tuple[float, float]], style: str) -> str:
    """A line through points."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{steps}" class="{style}"/>'


def whisker(axes: Axes, x: float, low: float, high: float, style: str) -> str:
    """An interval as an upright line."""
    return line(axes.x(x), axes.y(low), axes.x(x), axes.y(high), style)


def bars(rows: Sequence[tuple[str, float, str]], title: str, limits: Sequence[float] = ()) -> str:
    """Horizontal bars: (name, length at least 0, what is written beside it); `limits` are marked by upright lines."""
    label = 150
    most = max([value for _, value, _ in rows] + list(limits) + [1e-9]) * 1.25
    scale = (PLOT_WIDTH - label - 8) / most
    body = "".join(line(label + at * scale, 0, label + at * scale, len(rows) * ROW_HEIGHT, "limit") for at in limits)
    for index, (name, value, caption) in enumerate(rows):
        top = index * ROW_HEIGHT
        length = max(value, 0) * scale
        body += text(label - 6, top + 14, name, "tick end") + bar(label, top + 4, length, ROW_HEIGHT - 8, "own")
        body += text(label + length + 4, top + 14, caption, "tick")
    return picture(body, len(rows) * ROW_HEIGHT + 4, title)


def ranges(
    rows: Sequence[tuple[str, float, tuple[float, float] | None, str]],
    title: str,
    middle: float | None = None,
    share: bool = True,
) -> str:
    """Dots with intervals, one a row: (name, value, interval, style). `middle` is marked by an upright line."""
    label, foot = 190, 24
    ends = [edge for _, value, span, _ in rows for edge in (span or (value, value))] + (
        [] if middle is None else [middle]
    )
    low, high = min(ends), max(ends)
    pad = (high - low or 0.01) * 0.06
    scale = (PLOT_WIDTH - label - 16) / (high - low + 2 * pad)

    def x(value: float) -> float:
        return label + (value - low + pad) * scale

    tall = len(rows) * ROW_HEIGHT
    body = line(x(middle), 0, x(middle), tall, "limit") if middle is not None else ""
    for index, (name, value, span, style) in enumerate(rows):
        at = index * ROW_HEIGHT + ROW_HEIGHT / 2
        body += text(label - 6, at + 4, name, "tick end") + line(label, at, PLOT_WIDTH - 8, at, "grid")
        body += line(x(span[0]), at, x(span[1]), at, f"span {style}") if span else ""
        body += dot(x(value), at, style)
    for tick in round_ticks(low, high, 4):
        body += text(x(tick), tall + 16, _tick(tick, share), "tick middle")
    return picture(body, tall + foot, title)


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between two values, about `count` of them.

    >>> round_ticks(0, 0.72)
    [0.0, 0.2, 0.4, 0.6]
    """
    rough = (high - low) / count or 1.0
    power = 10.0 ** int(f"{rough:e}".split("e")[1])
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    first = -(-low // step)
    return [round((first + index) * step, 10) for index in range(int((high - first * step) / step + 1e-9) + 1)]


def _tick(value: float, share: bool) -> str:
    if share:
        return f"{value * 100:.4g} %"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.4g}"
