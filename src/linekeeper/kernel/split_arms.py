"""The arm of an account outside a kernel, as its kernel has it."""

from __future__ import annotations

from itertools import accumulate

from linekeeper.core.account_mark import numbers_of_salt
from linekeeper.kernel.split_code import bucket_of
from linekeeper.policy.model import Split


def arm_of(split: Split, mark: int) -> int:
    """The place of the arm in which an account of that mark is.

    >>> from linekeeper.core.account_mark import account_mark
    >>> from linekeeper.policy.model import SplitArm
    >>> split = Split("cuts", "autumn", (SplitArm("champion", 9_000), SplitArm("gentle", 1_000)))
    >>> [arm_of(split, account_mark(f"A-{number}")) for number in range(12)].count(1) < 4
    True
    """
    bucket = bucket_of(mark, *numbers_of_salt(split.salt))
    return next(place for place, end in enumerate(accumulate(arm.share_bp for arm in split.arms)) if bucket < end)
