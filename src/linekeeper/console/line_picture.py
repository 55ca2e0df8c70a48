"""The line of one account as a picture: what it was, today, and the road back as it is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from linekeeper.core.bounds import DAY_MS

WrittenAs = Callable[[int], str]
Place = Callable[[int], float]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 250, 64, 748, 26, 200
_AHEAD_DAYS_MIN, _LEVELS = 7, 4
_EVENT_Y, _DATE_Y = 219, 242


@dataclass(frozen=True, slots=True)
class LineChange:
    """From an instant (UTC ms) on the limit is so much; `name` is what the picture writes beside it."""

    at: int
    limit_minor: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class LinePicture:
    """What is drawn: changes up to now, then those that a road back promises. Instants in UTC ms, money in minor units.

    `caption` says in words what the picture shows.
    """

    past: Sequence[LineChange]
    ahead: Sequence[LineChange]
    now: int
    granted_minor: int
    events: Sequence[int]
    caption: str
    now_word: str


def svg_of_line(picture: LinePicture, amount: WrittenAs, day: WrittenAs) -> Markup:
    """The picture as SVG without any style of its own; `amount` and `day` write money and instants."""
    first = picture.past[0].at
    last = max([picture.now + _AHEAD_DAYS_MIN * DAY_MS, *(one.at for one in picture.ahead)])
    last += (last - first) // 20
    most = max(picture.granted_minor, *(one.limit_minor for one in [*picture.past, *picture.ahead]), 1)

    def x(at: int) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (min(max(at, first), last) - first) / max(last - first, 1)

    def y(minor: int) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * minor / most

    parts = list(_grid(most, y, amount))
    line = _steps([(x(one.at), y(one.limit_minor)) for one in picture.past], x(picture.now))
    parts.append(f'<path class="under" d="{line}V{_BOTTOM}H{x(first):.1f}Z"/>')
    granted = y(picture.granted_minor)
    parts.append(f'<path class="granted" d="M{_LEFT} {granted:.1f}H{_RIGHT}"/><path class="limit" d="{line}"/>')
    if picture.ahead:
        begun = (x(picture.now), y(picture.past[-1].limit_minor))
        road = _steps([begun, *((x(one.at), y(one.limit_minor)) for one in picture.ahead)], _RIGHT)
        parts.append(f'<path class="ahead" d="{road}"/>')
    parts += _marks(picture, x)
    parts += [f'<circle class="event" cx="{x(at):.1f}" cy="{_EVENT_Y}" r="2.5"/>' for at in picture.events]
    parts.append(_text(_LEFT, _DATE_Y, "start", day(first)))
    if x(picture.now) - _LEFT > 150:
        parts.append(_text(x(picture.now), _DATE_Y, "middle", picture.now_word))
    if picture.ahead and _RIGHT - x(picture.ahead[-1].at) < _RIGHT - x(picture.now) - 90:
        parts.append(_text(min(x(picture.ahead[-1].at), _RIGHT - 30), _DATE_Y, "middle", day(picture.ahead[-1].at)))
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    body = "".join(parts)
    return Markup(f'<svg class="picture" {size} role="img" aria-label="{escape(picture.caption)}">{body}</svg>')


def _grid(most: int, y: Place, amount: WrittenAs) -> Iterator[str]:
    for level in range(_LEVELS + 1):
        minor = most * level // _LEVELS
        yield f'<path class="grid" d="M{_LEFT} {y(minor):.1f}H{_RIGHT}"/>'
        if level in (0, _LEVELS // 2, _LEVELS):
            yield _text(_LEFT - 8, y(minor) + 4, "end", amount(minor))


def _marks(picture: LinePicture, x: Place) -> Iterator[str]:
    """A dashed line at each change that has a name, and a plain one at now; names that would touch are left out."""
    free_from = _LEFT
    for one in picture.past:
        if not one.name:
            continue
        yield f'<path class="mark" d="M{x(one.at):.1f} {_TOP - 8}V{_BOTTOM}"/>'
        if x(one.at) >= free_from and x(one.at) < _RIGHT - 70:
            yield _text(x(one.at) + 3, _TOP - 12, "start", one.name)
            free_from = int(x(one.at)) + 12 + 11 * len(one.name)
    yield f'<path class="now" d="M{x(picture.now):.1f} {_TOP - 8}V{_EVENT_Y + 6}"/>'


def _steps(points: Sequence[tuple[float, float]], end: float) -> str:
    """A line that keeps each height until the next point."""
    (first_x, first_y), *others = points
    return f"M{first_x:.1f} {first_y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in others) + f"H{end:.1f}"


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
