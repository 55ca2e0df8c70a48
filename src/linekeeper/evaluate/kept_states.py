"""States of an account's replay, kept at intervals, so that a late fact costs what comes after it alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

INTERVAL_EVENTS = 256  # a replay from the nearest of them takes some 3 ms, a copy of a state some 10 us
KEPT_MAX = 128  # of one replay: a few megabytes


class KeptState(NamedTuple):
    """The state after the first `events` of an account, in order of time, that have not been reversed."""

    events: int
    state: list[int]


NO_STATE = KeptState(0, [])


@dataclass
class KeptStates:
    """The kept states of one replay under one kernel, earliest first; `first` is where the replay itself begins.

    >>> kept = KeptStates()
    >>> for events in range(1, 600):
    ...     kept.offer(events, [events])
    >>> kept.latest()
    KeptState(events=512, state=[512])
    >>> kept.drop_after(400)  # a late fact came to stand behind the 400th event
    >>> kept.latest()
    KeptState(events=256, state=[256])
    """

    kept: list[KeptState] = field(default_factory=list)
    first: KeptState = NO_STATE
    interval_events: int = field(default_factory=lambda: INTERVAL_EVENTS)

    @property
    def last(self) -> KeptState:
        """The last of them; without a state where the replay begins from nothing."""
        return self.kept[-1] if self.kept else self.first

    def latest(self) -> KeptState:
        """The last of them, its state a copy to go on from."""
        return self.last._replace(state=self.last.state.copy())

    def before(self, events: int) -> KeptState:
        """The last of at most so many events, its state a copy; where there is none, that of the beginning."""
        last = next((one for one in reversed(self.kept) if one.events <= events), self.first)
        return last._replace(state=last.state.copy())

    def offer(self, events: int, state: list[int]) -> None:
        """Keep a copy of the state after so many events, where enough of them have passed since the last."""
        if events - (self.kept[-1].events if self.kept else 0) < self.interval_events:
            return
        if len(self.kept) == KEPT_MAX:
            self.kept, self.interval_events = self.kept[1::2], 2 * self.interval_events
        self.kept.append(KeptState(events, state.copy()))

    def drop_after(self, events: int) -> None:
        """Forget those of more events than that, for what comes behind them has changed."""
        while self.kept and self.kept[-1].events > events:
            self.kept.pop()
