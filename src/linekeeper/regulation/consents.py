"""What the law says of increases for which the borrower is not asked, held against a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from linekeeper.policy.model import Policy
from linekeeper.regulation.records import RegulationRecord, in_force

PARAMETER = "increase_needs_consent"


@dataclass(frozen=True, slots=True)
class ConsentMissing:
    """An offer that raises the line without consent, and the record that asks for it."""

    offer: str
    rule: str


def consents_missing(
    policy: Policy, records: Iterable[RegulationRecord], jurisdiction: str, product: str, day: int
) -> Iterator[ConsentMissing]:
    """The offers of a policy that need no consent, where a record in force on local `day` asks for it."""
    unasked = [offer for offer in policy.offers if not offer.needs_consent]
    for record in in_force(records, jurisdiction, product, day) if unasked else ():
        if record.parameter.get(PARAMETER):
            yield from (ConsentMissing(offer.name, record.id) for offer in unasked)
