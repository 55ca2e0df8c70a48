"""Rings that count what days bring about, not events: restrictions, and dues that came to be late.

How such a ring lies in the state depends on the days on which it was looked at; what it counts does not.
"""

from __future__ import annotations

from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import Ring
from linekeeper.kernel.prelude import NEVER


def restriction_rings(kernel: Kernel) -> list[Ring]:
    """The rings that count restrictions."""
    return [ring for ring in kernel.layout.rings if ring.key.source == "restrictions"]


def tiles_of(state: list[int], ring: Ring) -> list[int]:
    """The tile of all that it counts within the longest window, latest first."""
    tiles: list[int] = []
    for i in range(state[ring.base + 1], state[ring.base]):
        entry = ring.entries + i % ring.capacity * ring.width
        tiles += [state[entry]] * state[entry + 1]
    return tiles[::-1]


def fill_ring(kernel: Kernel, state: list[int], ring: Ring, tiles: list[int], now: int) -> None:
    """Make the ring count exactly these (tiles, latest first); `now` is the current tile."""
    state[ring.base : ring.end] = [0] * (ring.end - ring.base)
    state[ring.entries] = NEVER
    add = getattr(kernel.interpreted, f"add_{ring.name}")
    for tile in reversed(tiles):
        add(state, tile, now)


def current_tile(kernel: Kernel, state: list[int], ring: Ring) -> int:
    """The day or the month that the state is at, as the ring counts it."""
    slots = kernel.layout.slots
    return state[slots["MONTH"]] if ring.key.unit == "m" else state[slots["HOUR"]] // 24


def fill_late_rings(kernel: Kernel, state: list[int]) -> None:
    """Lay the rings of late dues as if all that they count had come at once, whatever days were evaluated before."""
    for ring in kernel.layout.rings:
        if ring.key.source == "late":
            fill_ring(kernel, state, ring, tiles_of(state, ring), current_tile(kernel, state, ring))
