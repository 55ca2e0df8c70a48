"""Decisions as people read them, and a decision taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from linekeeper.core import decision as core
from linekeeper.decide.explain import ExplainedTrigger, explain_triggers, waterfall
from linekeeper.face.records import Records, html_of_pairs
from linekeeper.face.times import instant_of
from linekeeper.lab.decision_table import public_decision_table
from linekeeper.policy import model
from linekeeper.scorecard.points import ScorePart


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: what changed on a line, and why. `record` is the whole of it, as it is stored and hashed.

    >>> import linekeeper as lk
    >>> decisions = lk.replay("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl").decisions
    >>> decisions[0]
    Decision(A-1001#1: decrease at 2025-05-13T00:00:00+08:00, 1000000 -> 500000, reasons arrears)
    >>> decisions[0].status, decisions[0].triggers_set
    ('reduced', ('late_3',))
    """

    record: core.Decision
    time_zone: str

    @property
    def account(self) -> str:
        """The account."""
        return self.record.account

    @property
    def number(self) -> int:
        """The account's decisions are numbered from 1."""
        return self.record.number

    @property
    def name(self) -> str:
        """`ACCOUNT#NUMBER`, which names the decision in commands and in methods of the engine."""
        return f"{self.record.account}#{self.record.number}"

    @property
    def at(self) -> datetime:
        """When it was made, in the policy's time zone."""
        return instant_of(self.record.at, self.time_zone)

    @property
    def event(self) -> str | None:
        """The id of the event that led to it; None for a review at the start of a day."""
        return self.record.event

    @property
    def action(self) -> str:
        """What it does: `decrease`, `suspend`, `close`, `restore`, `offer`, `increase`, `keep`, `correct`.

        Where the policy has stages also `announce`, `withdraw`, `contact`, `price`, `watch`.
        """
        return self.record.action

    @property
    def limit_before_minor(self) -> int:
        """The limit before, in minor units."""
        return self.record.before.limit

    @property
    def limit_minor(self) -> int:
        """The limit from now on, in minor units."""
        return self.record.after.limit

    @property
    def granted_minor(self) -> int:
        """What is granted from now on, in minor units."""
        return self.record.after.granted

    @property
    def status_before(self) -> str:
        """The status before: `active`, `restoring`, `reduced`, `suspended`, `closed`."""
        return self.record.before.status

    @property
    def status(self) -> str:
        """The status from now on."""
        return self.record.after.status

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reason codes, the most important one first."""
        return tuple(dict.fromkeys(reason.code for reason in self.record.reasons))

    @property
    def triggers_set(self) -> tuple[str, ...]:
        """The triggers that it set."""
        return self.record.triggers_set

    @property
    def triggers_released(self) -> tuple[str, ...]:
        """The triggers that it released."""
        return self.record.triggers_released

    @property
    def triggers_in_force(self) -> tuple[str, ...]:
        """The triggers that are set after it."""
        return self.record.triggers_in_force

    @property
    def values(self) -> Mapping[str, int | None]:
        """The features that it used, as whole numbers in their units; None where one was missing."""
        return self.record.values

    @property
    def score(self) -> int | None:
        """The score that it used; None where the policy has none."""
        return self.record.score

    def __repr__(self) -> str:
        moved = f"{self.limit_before_minor} -> {self.limit_minor}"
        why = f", reasons {', '.join(self.reasons)}" if self.reasons else ""
        return f"Decision({self.name}: {self.action} at {self.at.isoformat()}, {moved}{why})"

    def _repr_html_(self) -> str:
        names = ("at", "event", "action", "limit_before_minor", "limit_minor", "status_before", "status")
        pairs = [(name, getattr(self, name)) for name in names]
        lists = ("reasons", "triggers_set", "triggers_released", "triggers_in_force")
        return html_of_pairs(self.name, [*pairs, *((name, ", ".join(getattr(self, name))) for name in lists)])


def decisions_of_records(records: Sequence[core.Decision], time_zone: str) -> Records[Decision]:
    """Recorded decisions as people read them."""
    return Records(
        lambda: (Decision(record, time_zone) for record in records), lambda: public_decision_table(records, time_zone)
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision taken apart: its triggers with each value against its threshold, and the parts of its score.

    `score_parts` stand in order of the points that they lost, most first; there are none without a score.
    """

    decision: Decision
    triggers: tuple[ExplainedTrigger, ...]
    score_parts: tuple[ScorePart, ...]

    def __str__(self) -> str:
        return "\n".join([repr(self.decision), *(f"{name}: {text}" for name, text in self._pairs())])

    def _repr_html_(self) -> str:
        return html_of_pairs(self.decision.name, self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for trigger in self.triggers:
            yield trigger.name, f"{trigger.state}: {trigger.effect}; reason {trigger.reason}"
            for one in trigger.comparisons:
                held = "holds" if one.holds else "does not hold"
                yield f"  {one.name}", f"{one.value or 'missing'}; {one.op} {one.threshold} {held}"
        for part in self.score_parts:
            yield part.label, f"{part.points:+d} points, {part.lost} below the best"


def explanation_of(policy: model.Policy, decision: Decision) -> Explanation:
    """The explanation of a decision by the version of the policy that made it."""
    triggers = tuple(explain_triggers(policy, decision.record))
    return Explanation(decision, triggers, tuple(waterfall(policy, decision.record)))
