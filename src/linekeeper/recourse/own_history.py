"""The borrower's own past, as far as the state still shows it: how much of a kind of event came, how often, how lately.

A plan asks for nothing that lies beyond this past, and lets life go on as this past was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import Ring
from linekeeper.kernel.prelude import month_start
from linekeeper.policy import expression as ex

MONTH_DAYS = 30
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class OwnTile:
    """What one tile of a window still shows: its first local day, how many events, and the sum or greatest of a field.

    `count` and `amount` are None where no window keeps them.
    """

    day: int
    count: int | None
    amount: int | None


def tiles_of_kind(kernel: Kernel, state: Sequence[int], kind: str, field: str | None = None) -> Iterator[list[OwnTile]]:
    """For each window over events of the kind (all or some of them): its tiles, the oldest first."""
    for ring in kernel.layout.rings:
        if isinstance(ring.key.source, ex.Select) and ring.key.source.kind == kind:
            yield list(_tiles(state, ring, field))


def _tiles(state: Sequence[int], ring: Ring, field: str | None) -> Iterator[OwnTile]:
    count = _column(ring, ("count", None))
    amount = _column(ring, ("sum", field)) or _column(ring, ("max", field))
    for index in range(state[ring.base + 1], state[ring.base]):
        tile = ring.entries + (index & ring.capacity - 1) * ring.width
        yield OwnTile(
            first_day_of_tile(state[tile], str(ring.key.unit)),
            state[tile + count] if count else None,
            state[tile + amount] if amount else None,
        )


def _column(ring: Ring, column: tuple[str, str | None]) -> int | None:
    return 1 + ring.columns.index(column) if column in ring.columns else None


def first_day_of_tile(number: int, unit: str) -> int:
    """The first local day of a tile: an hour, a day or a month since 1970-01-01.

    >>> first_day_of_tile(49, "h"), first_day_of_tile(3, "d"), first_day_of_tile(1, "m")
    (2, 3, 31)
    """
    if unit == "h":
        return number // HOURS_A_DAY
    return number if unit == "d" else month_start(number)


def most_in_a_month(kernel: Kernel, state: Sequence[int], kind: str, field: str) -> int | None:
    """The most of a money field that the kind brought in any 30 days that the state still shows; None where none shows.

    A tile of a month counts as a month. The latest event counts too, where the policy keeps its amount.
    """
    most: list[int] = []
    for tiles in tiles_of_kind(kernel, state, kind, field):
        known = [(tile.day, tile.amount) for tile in tiles if tile.amount is not None]
        for day, _ in known:
            most.append(sum(amount for other, amount in known if day <= other < day + MONTH_DAYS))
    for last, slot in kernel.layout.lasts.items():
        if last.select.kind == kind and last.field == field and state[slot] != MISSING:
            most.append(state[slot + 1])
    return max((amount for amount in most if amount > 0), default=None)
