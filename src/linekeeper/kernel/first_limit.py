"""The first limit of a line, copied to a kernel whose policy has `assign`.

`assign_limit`, which is generated, has set the limit of a line that was just opened; here its decision is named.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import DO_INCREASE, DO_KEEP

ASSIGN_DUE = O_REFUSED_BY = DO_ASSIGN = DO_REFUSE = 0  # names whose real meaning is in the generated source


def write_first_limit(s: Any, out: Any, action: int, denied: int) -> int:
    """The action of the decision on an `open`, unless a trigger restricts the line at once; which rules refuse it."""
    out[O_REFUSED_BY] = denied
    if s[ASSIGN_DUE] == 0:
        return action
    s[ASSIGN_DUE] = 0
    if denied > 0:
        return DO_REFUSE if action == DO_KEEP else action
    if action == DO_KEEP:
        return DO_ASSIGN
    return DO_ASSIGN if action == DO_INCREASE else action
