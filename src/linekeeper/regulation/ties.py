"""What the law says of ties between accounts, held against a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from linekeeper.policy.model import Policy
from linekeeper.regulation.records import RegulationRecord, in_force


@dataclass(frozen=True, slots=True)
class BarredTie:
    """A tie that a record does not let a policy read: at all for its purpose, or without consent."""

    tie: str
    purpose: str
    why: OneOf["barred", "consent"]
    rule: str


def barred_ties(
    policy: Policy, records: Iterable[RegulationRecord], jurisdiction: str, product: str, day: int
) -> Iterator[BarredTie]:
    """The ties of a policy that a record in force on local `day` bars, by the name of the record."""
    for record in in_force(records, jurisdiction, product, day) if policy.links else ():
        barred, purposes = (record.parameter.get(name, ()) for name in ("barred_ties", "barred_purposes"))
        with_consent = record.parameter.get("ties_with_consent", ())
        for tie in policy.links.ties if policy.links else ():
            if tie.name in barred and tie.purpose in purposes:
                yield BarredTie(tie.name, tie.purpose, "barred", record.id)
            elif tie.name in with_consent and not tie.needs_consent:
                yield BarredTie(tie.name, tie.purpose, "consent", record.id)
