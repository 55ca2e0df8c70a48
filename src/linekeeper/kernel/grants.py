"""What the lender grants anew, copied to a kernel whose policy takes up `grant`.

A grant is taken at the start of its own evaluation, so that features and caps go by it at once. Where the line stands,
on a cut-over day, it waits for the next morning.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import GRANTED, HOUR, LIMIT, OFFER_END, STANDS_UNTIL
from linekeeper.kernel.prelude import STANDSTILL

GRANT_WAITING = 0  # a name whose real meaning is in the generated source


def take_grant(s: Any, start: int) -> None:
    """Grant another amount: a line that is whole follows at once, and no limit stays above what is granted.

    A limit that a restriction holds below it rises by the restoration alone. An offer goes by what was granted before.
    """
    if s[GRANT_WAITING] == 0 or start == STANDSTILL or s[HOUR] // 24 < s[STANDS_UNTIL]:
        return
    granted = s[GRANT_WAITING] - 1
    if s[LIMIT] == s[GRANTED] or s[LIMIT] > granted:
        s[LIMIT] = granted
    if s[GRANTED] != granted:
        s[OFFER_END] = 0
    s[GRANTED] = granted
    s[GRANT_WAITING] = 0
