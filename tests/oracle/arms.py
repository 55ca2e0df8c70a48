"""Section 5.4 of the page: which arm of a split an account is in.

>>> arm_of(Split("s", "salt", (("a", 10_000), ("b", 0))), "A-1")
0
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from math import floor

from tests.oracle.tree import Split

PRIME = 2_147_483_647


def bits(text: str, first: int, count: int) -> int:
    """Some bits of the SHA-256 of a text, as a number."""
    whole = f"{int(sha256(text.encode()).hexdigest(), 16):0256b}"
    return int(whole[first : first + count], 2)


def share_below(split: Split, account: str) -> Fraction:
    """Where the account stands between 0 and 1, in basis points as whole ones."""
    upper, lower = bits(account, 0, 31), bits(account, 31, 31)
    a, b, c = (bits(split.salt, 32 * place, 32) % (PRIME - 1) + 1 for place in range(3))
    mixed = pow(upper * a + lower * b + c, 5, PRIME)
    return Fraction(floor(Fraction(mixed * 10_000, PRIME)), 10_000)


def arm_of(split: Split, account: str) -> int:
    """The place of the first arm up to whose end, with all before it, the account stands."""
    stands, end = share_below(split, account), Fraction(0)
    for place, (_, share) in enumerate(split.arms):
        end += Fraction(share, 10_000)
        if stands < end:
            return place
    raise AssertionError("the shares are not the whole")
