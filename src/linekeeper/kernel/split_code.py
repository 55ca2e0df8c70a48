"""The arm of an account in a split, from the account's mark.

This file is copied, as it stands, into the kernels of policies with splits, after the prelude.
A salt becomes three numbers below the prime 2^31 - 1. With them the two halves of a mark make one number, and its fifth
power spreads the numbers of several salts apart: it reaches every residue of this prime once, and is no sum.
"""

from __future__ import annotations

PRIME = 2**31 - 1
MARK_HALF = 2**31  # a mark has two halves of 31 bits
BUCKETS = 10_000  # a bucket is a basis point of all accounts


def bucket_of(mark: int, first: int, second: int, third: int) -> int:
    """Which of the 10,000 buckets of a salt an account is in.

    >>> [bucket_of(mark, 3, 5, 7) for mark in (0, 1, 2**40)]
    [0, 1, 6538]
    """
    mixed = (mark // MARK_HALF * first % PRIME + mark % MARK_HALF * second % PRIME + third) % PRIME
    square = mixed * mixed % PRIME
    return square * square % PRIME * mixed % PRIME * BUCKETS // PRIME
