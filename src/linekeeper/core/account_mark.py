"""The mark of a text or an account, a whole number that follows from it alone, and the numbers of a salt.

A kernel makes of an account's mark and a salt, by whole numbers alone, which arm of a split the account is in.
"""

from __future__ import annotations

import hashlib

MARK_BITS = 62  # two halves of 31 bits, so that a kernel multiplies either within 64
SALT_PRIME = 2**31 - 1


def account_mark(account: str) -> int:
    """The first 62 bits of the SHA-256 of what an arm belongs to, in UTF-8: the account's id.

    It depends on no other account, so a portfolio may grow, and its order may change. This is the one place that says
    what an arm belongs to.

    >>> account_mark("A-1") == int(hashlib.sha256(b"A-1").hexdigest(), 16) >> 194
    True
    """
    return text_mark(account)


def text_mark(text: str) -> int:
    """The same of any text, by which a kernel knows it. Of two texts in a list of 10,000, some one pair in 10^11 lists
    would share one.

    >>> 0 <= text_mark("device 7") < 2**MARK_BITS
    True
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 64 - MARK_BITS


def numbers_of_salt(salt: str) -> tuple[int, int, int]:
    """The three numbers of a salt: of the first twelve bytes of its SHA-256 each four, from 1 to below the prime.

    >>> all(0 < number < SALT_PRIME for number in numbers_of_salt("autumn"))
    True
    """
    digest = hashlib.sha256(salt.encode()).digest()
    parts = [int.from_bytes(digest[place : place + 4], "big") for place in (0, 4, 8)]
    first, second, third = (part % (SALT_PRIME - 1) + 1 for part in parts)
    return first, second, third
