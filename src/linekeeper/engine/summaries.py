"""What a call of the engine did, and what a whole run did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from linekeeper.core.event import Rejection, repeat_figures
from linekeeper.decide.canonical import digest_all


@dataclass
class PendingAccounts:
    """Whose restrictions the brake has made wait for a person, and whose have stopped waiting, for whatever reason."""

    new: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def with_later(self, later: PendingAccounts) -> PendingAccounts:
        """This, and what came later.

        >>> PendingAccounts({"A", "B"}).with_later(PendingAccounts({"C"}, {"A"}))
        PendingAccounts(new={...}, ended={'A'})
        """
        return PendingAccounts((self.new - later.ended) | later.new, (self.ended - later.new) | later.ended)


@dataclass
class BatchSummary:
    """What a call did: events admitted, repeats, rejections, decisions by action, evaluations made.

    `pending` counts the restrictions that the brake made wait for a person and that still do, `excess_draws` the draws
    of more than was available. `last_at` is the latest `at` (UTC ms) of the events that count or came before.
    """

    events: int = 0
    same: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    evaluations: int = 0
    waiting: PendingAccounts = field(default_factory=PendingAccounts)
    excess_draws: int = 0
    last_at: int | None = None

    @property
    def pending(self) -> int:
        """How many restrictions have begun to wait for a person."""
        return len(self.waiting.new)

    def add(self, other: BatchSummary) -> None:
        """Add the summary of another call."""
        self.events += other.events
        self.same += other.same
        self.rejected += other.rejected
        self.actions += other.actions
        self.evaluations += other.evaluations
        self.waiting = self.waiting.with_later(other.waiting)
        self.excess_draws += other.excess_draws
        self.last_at = max((at for at in (self.last_at, other.last_at) if at is not None), default=None)


@dataclass(frozen=True)
class RunSummary:
    """What a whole run or replay did. `digest` is SHA-256 over all decisions in canonical form and order.

    `same` counts the events that the store had before. `pending` counts the restrictions that the brake made wait for
    a person and that still do; a replay has no brake. `excess_draws` counts the draws of more than was available; None
    where nobody counted, as in a replay.
    """

    accounts: int
    events: int
    rejected: list[Rejection]
    decisions: dict[str, int]
    evaluations: int
    seconds: float
    digest: str
    pending: int = 0
    same: int = 0
    excess_draws: int | None = None

    @classmethod
    def empty(cls) -> RunSummary:
        """The summary of a run that took no event in, and found no store."""
        return cls(0, 0, [], {}, 0, 0.0, digest_all([]))

    def as_json(self) -> dict[str, object]:
        """The figures as a JSON object, the rejected rows as numbers."""
        return {
            "accounts": self.accounts,
            "events": self.events,
            **repeat_figures(self.same, self.rejected),
            "decisions": self.decisions,
            "evaluations": self.evaluations,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
            "pending": self.pending,
        }
