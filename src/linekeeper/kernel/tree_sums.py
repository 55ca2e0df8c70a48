"""Trees of a card, walked as constant rows, and the cuts of their features, searched in constant rows.

This file is copied, as it stands, into the kernels of policies whose card has trees, after the prelude. A node takes
six numbers of its row: the column of its feature, its cut, a value that counts as missing, and where it goes on: below,
else, and with a missing value. A node that asks for choices has `-1 - column`, and its cut says where its bits begin.
What follows a node is the place of another one, or `-1 - leaf`.
"""

from __future__ import annotations

from typing import Any

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.prelude import NEVER


def sum_of_leaves(out: Any, roots: Any, nodes: Any, bits: Any, leaves: Any) -> int:
    """The parts of a point that all trees give together, for the features in `out`."""
    total = 0
    for tree in range(len(roots)):
        node = roots[tree]
        while node >= 0:
            column = nodes[node]
            value = out[column] if column >= 0 else out[-1 - column]
            if value == MISSING or value == nodes[node + 2]:
                node = nodes[node + 5]
            elif value < nodes[node + 1] if column >= 0 else is_in_set(bits, nodes[node + 1], value):
                node = nodes[node + 3]
            else:
                node = nodes[node + 4]
        total += leaves[-1 - node]
    return total


def is_in_set(bits: Any, first: int, value: int) -> int:
    """1 where the value is one of a set: its number of choices stands at `first`, then 32 choices in each number."""
    if value < 0 or value >= bits[first]:
        return 0
    return int(bits[first + 1 + value // 32]) >> value % 32 & 1


def cut_above(cuts: Any, value: int) -> int:
    """The first of the cuts, which rise, that lies above the value; NEVER where none does."""
    place = cuts_reached(cuts, value)
    return int(cuts[place]) if place < len(cuts) else NEVER


def cuts_reached(cuts: Any, value: int) -> int:
    """How many of the cuts, which rise, are at most the value."""
    low = 0
    high = len(cuts)
    while low < high:
        middle = (low + high) // 2
        if cuts[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low
