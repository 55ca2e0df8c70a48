"""What a call of the engine did, and what a whole run did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from linekeeper.core.event import Rejection, repeat_figures
from linekeeper.decide.canonical import digest_all


@dataclass
class AffectedAccounts:
    """For which accounts something has come to be so during a call, and for which it has ceased to be."""

    new: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def with_later(self, later: AffectedAccounts) -> AffectedAccounts:
        """This, and what came later.

        >>> AffectedAccounts({"A", "B"}).with_later(AffectedAccounts({"C"}, {"A"}))
        AffectedAccounts(new={...}, ended={'A'})
        """
        return AffectedAccounts((self.new - later.ended) | later.new, (self.ended - later.new) | later.ended)


@dataclass
class BatchSummary:
    """What a call did: events admitted, repeats, rejections, decisions by action, evaluations made.

    `pending` counts the restrictions that the brake made wait for a person and that still do, `excess_draws` the draws
    of more than was available, `unowed_dues` the accounts whose unpaid dues are now above all that they owe.
    `flagged_draws` are the ids of the draws of more than was available where the policy flags them.
    `unreadable_accounts` are those that reviews passed over, since their keys in the log do not open.
    `last_at` is the latest `at` (UTC ms) of the events that count or came before.
    """

    events: int = 0
    same: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    evaluations: int = 0
    waiting: AffectedAccounts = field(default_factory=AffectedAccounts)
    excess_draws: int = 0
    flagged_draws: list[str] = field(default_factory=list)
    unowed_accounts: AffectedAccounts = field(default_factory=AffectedAccounts)  # by dues above all that is owed
    unreadable_accounts: set[str] = field(default_factory=set)
    last_at: int | None = None

    @property
    def pending(self) -> int:
        """How many restrictions have begun to wait for a person."""
        return len(self.waiting.new)

    @property
    def unowed_dues(self) -> int:
        """Of how many accounts, among those that had events, the unpaid dues are above all that is owed."""
        return len(self.unowed_accounts.new)

    def add(self, other: BatchSummary) -> None:
        """Add the summary of another call."""
        self.events += other.events
        self.same += other.same
        self.rejected += other.rejected
        self.actions += other.actions
        self.evaluations += other.evaluations
        self.waiting = self.waiting.with_later(other.waiting)
        self.excess_draws += other.excess_draws
        self.flagged_draws += other.flagged_draws
        self.unowed_accounts = self.unowed_accounts.with_later(other.unowed_accounts)
        self.unreadable_accounts |= other.unreadable_accounts
        self.last_at = max((at for at in (self.last_at, other.last_at) if at is not None), default=None)


@dataclass(frozen=True)
class RunSummary:
    """What a whole run or replay did. `digest` is SHA-256 over all decisions in canonical form and order.

    `same` counts the events that the store had before. `pending` counts the restrictions that the brake made wait for
    a person and that still do; a replay has no brake. `excess_draws` counts the draws of more than was available, and
    `flagged_draws` has their ids where the policy flags them; `unowed_dues` counts the accounts with events whose
    unpaid dues are above all that they owe. The counts are None where nobody counted, as in a replay.
    `unreadable_accounts` are those that the reviews passed over, since their keys in the log do not open.
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
    unowed_dues: int | None = None
    flagged_draws: tuple[str, ...] = ()
    unreadable_accounts: tuple[str, ...] = ()

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
