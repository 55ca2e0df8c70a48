"""What calls of the engine did, added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from linekeeper.core.event import SetAside


@dataclass
class Tally:
    """What a call did, added up: events taken, repeats, set aside, decisions by action, looks made.

    `held` counts the restrictions that the brake began to hold for a person.
    """

    events: int = 0
    same: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    held: int = 0

    def add(self, other: Tally) -> None:
        """Take in another call's tally."""
        self.events += other.events
        self.same += other.same
        self.set_aside += other.set_aside
        self.actions += other.actions
        self.looks += other.looks
        self.held += other.held
