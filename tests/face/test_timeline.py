"""Lines over time as charts: what a notebook shows of one line, of several, of a portfolio."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import linekeeper as lk
from linekeeper.face.line_chart import (
    PLOT_LEFT,
    PLOT_RIGHT,
    ROW,
    SHARE_HEIGHT,
    STATUS_FILL,
    ChartLine,
    ChartStep,
    TimeSpan,
    line_chart,
    status_chart,
)
from tests.face.examples import EVENTS, POLICY, UNTIL, example_rows, opened

START = datetime.fromisoformat("2025-01-01T00:00:00+08:00")
Rect = tuple[float, float, float, float]


def chart_line(name: str, *steps: tuple[int, int, str], days: int = 100) -> ChartLine:
    """A line of (day, limit, status), granted 100."""
    points = (
        ChartStep(START + timedelta(days=day), limit, 100, status, f"{limit} CNY") for day, limit, status in steps
    )
    return ChartLine(name, tuple(points), START + timedelta(days=days))


def areas(picture: str, status: str) -> list[Rect]:
    """The areas of a status: left, width, top, height."""
    number = '="([^"]+)" '
    pattern = f"<rect x{number}y{number}width{number}height{number}{STATUS_FILL[status]}><title>"
    rects = (map(float, rect) for rect in re.findall(pattern, picture))
    return [(x, width, y, height) for x, y, width, height in rects]


def test_a_chart_has_an_area_a_step_as_wide_as_it_lasts_and_as_high_as_its_limit() -> None:
    picture = line_chart([chart_line("A", (0, 100, "active"), (50, 40, "reduced"), (75, 0, "closed"))])
    ElementTree.fromstring(picture)
    width = PLOT_RIGHT - PLOT_LEFT
    ((left, wide, _, high),) = areas(picture, "active")
    assert (left, wide, high) == (PLOT_LEFT, width / 2, ROW)
    ((left, wide, _, high),) = areas(picture, "reduced")
    assert (left, wide, high) == (PLOT_LEFT + width / 2, width / 4, 0.4 * ROW)
    ((_, wide, _, high),) = areas(picture, "closed")
    assert (wide, high) == (width / 4, 2)  # no limit is left, and it is seen all the same
    assert "2025-02-20: reduced, limit 40 CNY" in picture


def test_lines_of_one_chart_share_their_time_and_stand_below_one_another() -> None:
    early, late = chart_line("A", (0, 100, "active")), chart_line("B", (60, 100, "active"))
    first, second = areas(line_chart([early, late]), "active")
    assert first[0] == PLOT_LEFT
    assert second[0] == PLOT_LEFT + 0.6 * (PLOT_RIGHT - PLOT_LEFT)
    assert second[2] >= first[2] + ROW


def test_a_portfolio_shows_the_share_of_each_status() -> None:
    """One of two lines is reduced from the middle on: from there its band is half as high as the whole."""
    lines = [chart_line("A", (0, 100, "active")), chart_line("B", (0, 100, "active"), (50, 10, "reduced"))]
    picture = status_chart(lines)
    ElementTree.fromstring(picture)
    outline = re.findall(rf'<path d="M([^"]+)Z" {STATUS_FILL["reduced"]}', picture)[0]
    heights = [float(point.split()[1]) for point in outline.split("L")]
    upper, lower = heights[: len(heights) // 2], heights[len(heights) // 2 :][::-1]
    bands = [round(low - up, 3) for up, low in zip(upper, lower, strict=True)]
    assert (bands[0], bands[-1]) == (0, SHARE_HEIGHT / 2)
    assert all(before <= after for before, after in pairwise(bands))
    assert "1 <tspan" in picture


@pytest.mark.parametrize(("days", "first", "count"), [(100, "2025-02", 3), (700, "2025-04", 7), (3650, "2026-01", 5)])
def test_the_axis_names_a_few_months(days: int, first: str, count: int) -> None:
    ticks = list(TimeSpan(START, START + timedelta(days=days)).ticks())
    assert (ticks[0][1], len(ticks)) == (first, count)
    assert all(PLOT_LEFT <= x <= PLOT_RIGHT for x, _ in ticks)


def test_the_axis_of_a_short_time_names_its_ends() -> None:
    ticks = list(TimeSpan(START, START + timedelta(days=20)).ticks())
    assert ticks == [(PLOT_LEFT, "2025-01-01"), (PLOT_RIGHT, "2025-01-21")]


def test_a_line_of_one_instant_can_be_drawn() -> None:
    picture = line_chart([chart_line("A", (0, 100, "active"), days=0)])
    assert areas(picture, "active") == [(PLOT_LEFT, 0, pytest.approx(44), ROW)]


def test_notebooks_show_lines_as_charts() -> None:
    result = lk.replay(POLICY, EVENTS, until=UNTIL)
    (line,) = result.timelines
    for picture in (line._repr_html_(), result.timelines._repr_html_()):
        assert len(areas(picture, "restoring")) == 2
        assert "10,000.00 CNY" in picture
    empty = lk.replay(POLICY, [])
    assert empty.timelines._repr_html_() == "<p>no lines</p>"


def test_of_many_lines_the_first_are_shown_and_the_statuses_of_all() -> None:
    result = lk.replay(POLICY, [opened(f"A{number:02}", f"{number}") for number in range(25)])
    picture = result.timelines._repr_html_()
    assert "The status of 25 lines over time" in picture
    assert "The limit of 12 lines over time" in picture
    assert "13 further lines" in picture


def test_names_from_data_are_text() -> None:
    rows = [row | {"account": "<b>&" + "x" * 40} for row in example_rows()]
    picture = lk.replay(POLICY, rows).timelines._repr_html_()
    assert "<b>" not in picture
    ElementTree.fromstring(picture)


def test_an_account_of_a_store_has_the_line_of_a_replay() -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive(EVENTS)
        engine.review(UNTIL)
        account = engine.account("A-1001")
    (line,) = lk.replay(POLICY, EVENTS, until=UNTIL).timelines
    assert account.timeline == line
    assert len(areas(account._repr_html_(), "reduced")) == 1
