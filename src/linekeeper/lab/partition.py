"""A part of the accounts, the same on every machine: fit on one, measure on another."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from linekeeper.core.errors import LinekeeperError

PARTS_MAX = 1_000
_SHAPE = re.compile(r"(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number` (from 1) of `of`: by the SHA-256 of the account's id, so neither order nor chance matters."""

    number: int
    of: int

    def has(self, account: str) -> bool:
        """Whether the account belongs to this part; each account belongs to exactly one of them.

        >>> [Part(number, 2).has("A-1001") for number in (1, 2)]
        [False, True]
        """
        digest = hashlib.sha256(account.encode()).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1


def read_partition(text: str) -> Part:
    """`1/2`: the first of two parts. Raises LinekeeperError.

    >>> read_part("2/3")
    Part(number=2, of=3)
    """
    found = _SHAPE.fullmatch(text)
    part = Part(int(found[1]), int(found[2])) if found else Part(0, 0)
    if not 1 <= part.number <= part.of <= PARTS_MAX:
        raise LinekeeperError(f"`{text[:20]}` is no part; write it like `1/2`, the first of two")
    return part
