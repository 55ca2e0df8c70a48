"""The first limit of a line, copied to a kernel whose policy has `assign`.

`assign_limit`, which is generated, has set the limit of a line that was just opened; here its decision is named.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import DO_CLOSE, DO_DECREASE

ASSIGN_DUE = O_REFUSED_BY = DO_ASSIGN = DO_REFUSE = 0  # names whose real meaning is in the generated source


def write_first_limit(s: Any, out: Any, action: int, denied: int) -> int:
    """The action of the decision on an `open`, unless a trigger restricts the line at once; which rules refuse it."""
    out[O_REFUSED_BY] = denied
    if s[ASSIGN_DUE] == 0:
        return action
    s[ASSIGN_DUE] = 0
    if DO_DECREASE <= action <= DO_CLOSE:  # decrease, suspend, close
        return action
    return DO_REFUSE if denied > 0 else DO_ASSIGN
