"""The pictures of a notice, as inline SVG: the road back as a chart, and the QR code of the receipt made safe."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree

from linekeeper.core.errors import NoticeError
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.road_back import plans_by_kind
from linekeeper.recourse.model import Plan, RoadBack

CHART_WIDTH = 360
LEFT, RIGHT, TOP, BOTTOM = 8, 352, 30, 156
LABEL_HALF = 26  # about half of a date label
DATE_ROW = 16  # between two rows of dates
PlansByKind = tuple[tuple[str, Plan], ...]
QR_SHAPES = {"svg", "g", "path", "rect", "title"}
QR_ATTRIBUTES = {
    "fill-opacity",
    "fill-rule",
    "width",
    "height",
    "viewBox",
    "version",
    "d",
    "x",
    "y",
    "fill",
    "stroke",
    "stroke-width",
    "id",
    "class",
}
QR_MAX = 200_000  # characters


@dataclass(frozen=True, slots=True)
class Frame:
    """Where days and amounts lie in the chart, in whole units of its view box."""

    first_day: int
    last_day: int
    top_minor: int

    def x(self, day: int) -> int:
        """The place of a day, from left to right."""
        return LEFT + (RIGHT - LEFT) * (day - self.first_day) // max(1, self.last_day - self.first_day)

    def y(self, minor: int) -> int:
        """The place of an amount, from the bottom up."""
        return BOTTOM - (BOTTOM - TOP) * minor // max(1, self.top_minor)


def road_chart(road: RoadBack, phrases: Phrasebook) -> str:
    """The limit over time as an `<svg>`, a step line for each plan, with a description for those who do not see it.

    Empty where all of the limit comes back on the first day: there would be no line to draw.
    """
    points = [point for plan in road.plans for point in plan.path]
    last_day = max(point.day for point in points)
    if last_day == points[0].day:
        return ""
    tail = max(1, (last_day - points[0].day) // 12)
    frame = Frame(points[0].day, last_day + tail, max(point.usable_minor for point in points))
    title = phrases.language.translate("How much you can use")
    described = (f"{phrases.day(p.day)}: {phrases.money(p.usable_minor)}" for p in road.fastest.path)
    plans = plans_by_kind(road)
    lines = [_line(plan, frame, kind) for kind, plan in plans]
    height = BOTTOM + 8 + DATE_ROW * (len(plans) + 1)
    parts = [
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {height}" role="img" aria-labelledby="chart-title chart-text">',
        f'<title id="chart-title">{escape(title)}</title><desc id="chart-text">{escape("; ".join(described))}</desc>',
        f'<line class="axis" x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}"/>',
        *reversed(lines),
        *_amounts(road.fastest, frame, phrases),
        *_dates(plans, frame, phrases),
        "</svg>",
    ]
    return "".join(parts)


def _line(plan: Plan, frame: Frame, name: str) -> str:
    """A step line: level until the next point, then straight up or down, level to the end."""
    first, *rest = plan.path
    steps = [f"M{frame.x(first.day)} {frame.y(first.usable_minor)}"]
    steps += [f"H{frame.x(point.day)}V{frame.y(point.usable_minor)}" for point in rest]
    dots = "".join(f'<circle cx="{frame.x(p.day)}" cy="{frame.y(p.usable_minor)}" r="3"/>' for p in plan.path)
    return f'<g class="{name}"><path d="{"".join(steps)}H{RIGHT}"/>{dots}</g>'


def _amounts(plan: Plan, frame: Frame, phrases: Phrasebook) -> list[str]:
    """The amounts at the start and at the end, above the line."""
    first, last = plan.path[0], plan.path[-1]
    labels = [(LEFT, first, "start"), (RIGHT, last, "end")]
    return [_text(x, frame.y(p.usable_minor) - 8, phrases.money(p.usable_minor), anchor) for x, p, anchor in labels]


def _dates(plans: PlansByKind, frame: Frame, phrases: Phrasebook) -> list[str]:
    """The first day, and the day on which each plan ends, in a row of its own so that dates never touch."""
    first, arrivals = plans[0][1].path[0].day, [(kind, plan.restored_day) for kind, plan in plans]
    below = frame.x(arrivals[0][1]) < LEFT + 4 * LABEL_HALF  # too near to share the row of the first day
    labels = [_text(LEFT, BOTTOM + 18, phrases.day(first), "start")]
    for row, (kind, day) in enumerate(arrivals, start=below):
        x = max(LEFT + 2 * LABEL_HALF, min(RIGHT, frame.x(day) + LABEL_HALF))
        labels.append(_text(x, BOTTOM + 18 + DATE_ROW * row, phrases.day(day), "end", kind))
    return labels


def _text(x: int, y: int, text: str, anchor: str, name: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{name}">{escape(text)}</text>'


# ------------------------------------------------------------------ the QR code


def plain_shapes(svg: str) -> str:
    """The QR code, where it holds plain shapes only. Raises `NoticeError` for scripts, links, styles and entities.

    A notice is a page in the lender's name, and the picture comes from outside: whatever could load or run is refused.

    >>> plain_shapes('<svg viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>')[:4]
    '<svg'
    """
    body = svg.removeprefix("<?xml version='1.0' encoding='UTF-8'?>")
    if len(svg) > QR_MAX or any(mark in body for mark in ("<!", "<?", "url(")):
        raise NoticeError(
            "the receipt's `qr_svg` is too long, or not a plain picture",
            code="picture-not-plain",
            way_out="make it of `path` alone",
        )
    try:
        root = ElementTree.fromstring(svg)  # declarations and entities are refused above
    except ElementTree.ParseError as fault:
        raise NoticeError(f"the receipt's `qr_svg` is not well-formed: {fault}", code="picture-not-plain") from fault
    for part in root.iter():
        name = part.tag.rpartition("}")[2]
        odd = sorted(set(part.attrib) - QR_ATTRIBUTES)
        if name not in QR_SHAPES or odd:
            raise NoticeError(
                f"the receipt's `qr_svg` holds `{odd[0] if odd else name}`; only plain shapes are shown",
                code="picture-not-plain",
            )
        part.tag = name
    root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode")
