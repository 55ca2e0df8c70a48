"""Rings: the code that a kernel has for them, against plain lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.kernel import emit_rings
from linekeeper.kernel.emit import prelude
from linekeeper.kernel.layout import Column, Layout, Ring, RingKey
from linekeeper.kernel.names import Names, name_ring
from linekeeper.kernel.prelude import NEVER, fades_below, falls_below
from linekeeper.policy import expression as ex
from linekeeper.policy.expression_text import Namespace

INT64 = 2**63
COUNT: Column = ("count", None)
SUM: Column = ("sum", "amount")
MAX: Column = ("max", "amount")
READ = st.lists(st.sampled_from([COUNT, SUM, MAX]), min_size=1, max_size=3, unique=True).map(tuple)
WINDOWS = st.dictionaries(st.integers(1, 9), READ, min_size=1, max_size=3)
VALUES = st.integers(0, 6) | st.just(MONEY_MAX)
STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12), VALUES), max_size=40)


class Naive:
    """A ring as a list of (tile, value); what one tile holds is clamped."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []

    def tiles(self, now: int, span: int) -> dict[int, list[int]]:
        inside: dict[int, list[int]] = {}
        for tile, value in self.events:
            if now - span < tile <= now:
                inside.setdefault(tile, []).append(value)
        return inside

    def read(self, now: int, span: int, column: Column) -> int:
        """Count, sum or greatest value of a window."""
        tiles = self.tiles(now, span).values()
        if column == COUNT:
            return sum(map(len, tiles))
        if column == SUM:
            return sum(min(sum(values), MONEY_MAX) for values in tiles)
        return max(map(max, tiles), default=MISSING)

    def leaving(self, now: int, span: int, column: Column, cut: int) -> int:
        """The tile with whose leaving the column first falls below the cut."""
        at = now
        while self.read(at, span, column) >= cut:
            at += 1
        return at - span


class Held:
    """A ring over a plain list, run by the code that a kernel would have for it."""

    def __init__(self, windows: dict[int, tuple[Column, ...]]) -> None:
        longest_first = tuple(sorted(windows.items(), reverse=True))
        self.ring = Ring("draw_by_day", RingKey(ex.Select("draw"), 0, "d"), longest_first, 0)
        layout = Layout({}, (self.ring,), 0, {}, {}, {}, {}, 0, 0, 0, 0, self.ring.end, "")
        names = Names(Namespace())
        name_ring(self.ring, names)
        slots = [f"{name} = {place}" for place, name in names.slots.items()]
        rings = [*emit_rings.constants(layout, names), emit_rings.functions(layout, names)]
        code: dict[str, Any] = {}
        exec("\n".join([prelude(), *slots, *rings]), code)
        self.code = SimpleNamespace(**code)
        self.state = [0] * self.ring.end
        self.state[self.ring.entries] = NEVER
        for length, columns in longest_first:
            for column in columns:
                if column == MAX:
                    self.state[self.ring.slot(length, column)] = MISSING

    def take(self, tile: int, now: int, value: int) -> None:
        """Bring the ring to `now`, and add an event to it."""
        self.code.expire_draw_by_day(self.state, now)
        values = [value for column in self.ring.columns if column != COUNT]
        self.code.add_draw_by_day(self.state, tile, now, *values)

    def leaving(self, length: int, column: Column, cut: int, before: int) -> int:
        """What the kernel says of the tile with whose leaving the column falls below the cut."""
        terms, first = self.code.DRAW_BY_DAY, self.state[self.ring.head(length)]
        place, total = self.ring.column(*column), self.state[self.ring.slot(length, column)]
        if column == MAX:
            return fades_below(self.state, terms, first, place, cut)
        return falls_below(self.state, terms, first, place, total, cut, before)


@given(WINDOWS, STEPS)
def test_rings_hold_what_lists_hold(windows: dict[int, tuple[Column, ...]], steps: list[tuple[int, int, int]]) -> None:
    """Events of the current tile and late ones, in any order; tiles that leave; when a total falls below a cut."""
    held, naive, now = Held(windows), Naive(), 100
    for pause, age, value in steps:
        now += pause
        held.take(now - age, now, value)
        naive.events.append((now - age, value))
        for length, columns in windows.items():
            for column in columns:
                expected = naive.read(now, length, column)
                assert held.state[held.ring.slot(length, column)] == expected
                if naive.read(now, length, COUNT):
                    _leaves_alike(held, naive, now, length, column, expected)


def _leaves_alike(held: Held, naive: Naive, now: int, length: int, column: Column, value: int) -> None:
    for cut in {0, value} if column == MAX else {1, value // 3, value // 2, value} - {0}:
        if cut > value:
            continue
        leaving = naive.leaving(now, length, column, cut)
        assert held.leaving(length, column, cut, now + 1) == leaving
        for before in (leaving + 1, leaving, leaving - 1) if column != MAX else ():
            assert held.leaving(length, column, cut, before) == min(leaving, before)


@given(WINDOWS, STEPS)
def test_nothing_leaves_before_it_is_said_to(
    windows: dict[int, tuple[Column, ...]], steps: list[tuple[int, int, int]]
) -> None:
    """Until the tile that a ring names, letting tiles leave changes nothing."""
    held, now = Held(windows), 100
    for pause, age, value in steps:
        now += pause
        held.take(now - age, now, value)
        quiet = list(held.state)
        held.code.expire_draw_by_day(quiet, min(held.state[held.ring.leaves] - 1, now + 12))
        quiet[held.ring.leaves] = held.state[held.ring.leaves]
        assert quiet == held.state


def test_a_full_window_of_the_largest_amounts() -> None:
    """400 tiles of 10^15 each, and more in each: the total stays within 64 bits."""
    held = Held({16: (COUNT, SUM, MAX)})
    for now in range(40):
        for _ in range(3):
            held.take(now, now, MONEY_MAX)
    read = [held.state[held.ring.slot(16, column)] for column in (COUNT, SUM, MAX)]
    assert read == [48, 16 * MONEY_MAX, MONEY_MAX]
    assert 400 * MONEY_MAX < INT64
