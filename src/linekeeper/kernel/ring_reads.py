"""What the later measures read of a ring: tiles in a row, and words of a list.

This file is copied, as it stands, into the kernels of the policies that have such measures, after the prelude.
"""

from __future__ import annotations

from typing import Any


def tiles_in_a_row(s: Any, ring: Any, first: int) -> int:
    """How many tiles in a row, the newest one last, have an entry; entry `first` is the oldest that counts."""
    base, entries, mask, width = ring
    i = s[base] - 1
    tile = s[entries + (i & mask) * width]
    n = 0
    while i >= first and s[entries + (i & mask) * width] == tile:
        i -= 1
        tile -= 1
        n += 1
    return n


def union_of(s: Any, ring: Any, first: int, end: int, c: int) -> int:
    """The bits of column `c` that any entry from `first` to before `end` has."""
    _, entries, mask, width = ring
    bits = 0
    for i in range(first, end):
        bits = bits | s[entries + (i & mask) * width + c]
    return bits


def count_bits(bits: int) -> int:
    """How many bits are set.

    >>> count_bits(0), count_bits(0b1011)
    (0, 3)
    """
    n = 0
    while bits != 0:
        bits = bits & (bits - 1)
        n += 1
    return n
