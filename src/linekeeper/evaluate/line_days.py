"""The line at the end of earlier days, as an account remembers it for measures of its facts through time."""

from __future__ import annotations

from linekeeper.kernel.kernel import Kernel

Change = tuple[int, int, int]  # from the end of that day on, the limit and what was granted, in minor units


def line_changes(kernel: Kernel, state: list[int]) -> list[Change]:
    """The changes that the account remembers, earliest first; none where no measure asks for them."""
    first = kernel.layout.line_days
    if not first:
        return []
    places = range(first + 2, first + 2 + 3 * state[first + 1], 3)
    return [(state[place], state[place + 1], state[place + 2]) for place in places]


def keep_line_changes(kernel: Kernel, state: list[int], changes: list[Change]) -> None:
    """Have the account remember these; its days have ended up to where its clock stands."""
    first, most = kernel.layout.line_days, kernel.layout.line_changes
    state[first : first + _width(kernel)] = [0] * _width(kernel)
    for day, limit, granted in changes:
        kernel.interpreted.note_line(state, first, most, day, limit, granted)
    state[first] = state[kernel.layout.slots["HOUR"]] // 24


def keep_line_days(kernel: Kernel, state: list[int], fresh: list[int]) -> None:
    """Let facts that are rebuilt know the lines of the days that they pass over."""
    first = kernel.layout.line_days
    if first:
        fresh[first : first + _width(kernel)] = state[first : first + _width(kernel)]


def _width(kernel: Kernel) -> int:
    return 2 + 3 * kernel.layout.line_changes


def higher_of_each_day(changes: list[Change], others: list[Change]) -> list[Change]:
    """Of each day the higher limit, and the higher amount granted, of two runs of an account.

    >>> higher_of_each_day([(1, 900, 900), (5, 400, 900)], [(1, 900, 900), (7, 300, 900)])
    [(1, 900, 900), (5, 900, 900), (7, 400, 900)]
    """
    days = sorted({day for day, _, _ in (*changes, *others)})
    pairs = ((day, _on(changes, day), _on(others, day)) for day in days)
    return [(day, max(own[0], other[0]), max(own[1], other[1])) for day, own, other in pairs]


def _on(changes: list[Change], day: int) -> tuple[int, int]:
    """The line as that day ended; the earliest that is remembered counts for all days before it."""
    _, limit, granted = [changes[0], *(one for one in changes if one[0] <= day)][-1]
    return limit, granted
