"""Errors that a person can act on: what is wrong in backticks, the place, the way out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a file: a lower-case sentence, where it stands (1-based), and the way out.

    >>> print(Fault("`lmit` is not known here", "p.yaml", 3, 9, "did you mean `limit`?"))
    p.yaml:3:9: `lmit` is not known here; did you mean `limit`?
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    way_out: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else (f"{self.file}: " if self.file else "")
        return f"{place}{self.message}" + (f"; {self.way_out}" if self.way_out else "")


class LinekeeperError(Exception):
    """The base of every error that is shown to a person; its message is complete."""


class PolicyError(LinekeeperError):
    """All faults of one policy file at once."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))
