"""Limits on what every room handles; the limits of a policy file stand in `policy.sections`."""

from __future__ import annotations

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1  # what a number of the kernel can hold
MONEY_MAX = 10**15  # minor units, either way; also the clamp of every feature value
SHARE_CEILING_BP = 1_000_000  # percent(a, b) never says more than a hundredfold
AT_MIN_MS = 0  # 1970-01-01T00:00:00Z
AT_END_MS = 4_102_444_800_000  # 2100-01-01T00:00:00Z, not included
DAY_MAX = 60_000  # a due date, an until or a review, in days since 1970-01-01 (year 2134)
TEXT_MAX = 200  # characters of an id, an account, a text field
DUES_MAX = 24  # unpaid dues kept by an account
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MISSING = -(2**62)  # how the kernel and the scorecard write a missing value
