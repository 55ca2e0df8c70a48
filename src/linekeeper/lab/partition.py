"""A partition of the accounts, the same on every machine: fit on one part, measure on another."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from linekeeper.core.errors import UsageError

PARTS_MAX = 1_000
_SHAPE = re.compile(r"(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Partition:
    """Part `number` (from 1) of `of`: by the SHA-256 of the account's id, so neither order nor chance matters."""

    number: int
    of: int

    def has(self, account: str) -> bool:
        """Whether the account belongs to this part; each account belongs to exactly one of them.

        >>> [Partition(number, 2).has("A-1001") for number in (1, 2)]
        [False, True]
        """
        digest = hashlib.sha256(account.encode()).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1


def read_partition(text: str) -> Partition:
    """`1/2`: the first of two parts. Raises UsageError.

    >>> read_partition("2/3")
    Partition(number=2, of=3)
    """
    numbers = _SHAPE.fullmatch(text)
    partition = Partition(int(numbers[1]), int(numbers[2])) if numbers else Partition(0, 0)
    if not 1 <= partition.number <= partition.of <= PARTS_MAX:
        raise UsageError(
            f"`{text[:20]}` is no part",
            code="part-not-readable",
            way_out="write it like `1/2`, the first of two",
            details={"given": text[:20]},
        )
    return partition
