"""A remark: what an analysis says of one construct of a policy, before its place in the file is known."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str, ...]  # the names that lead to a construct: ("triggers", "late_30", "when")


class Remark(NamedTuple):
    """The code of the warning, the construct, what is said of it, and the way out."""

    code: str
    construct: Path
    message: str
    way_out: str
