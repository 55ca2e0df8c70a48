"""The forms of answers that only the service gives; all others are those of the commands."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.accounts import DecisionRecord
from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Currency, Sha256
from linekeeper.core.event import RejectionCode


class RejectedEvent(AnswerPart, frozen=True):
    """An event that was not admitted."""

    place: Annotated[str, Meta(description="The row or the line of the request, or the id of the event.")]
    code: RejectionCode
    reason: str


class EventsReceivedAnswer(CommandAnswer, frozen=True, tag="linekeeper/events-received/1"):
    """What became of the events of a request. It is sent once all of it is durable."""

    source: str
    currency: Currency
    events: Annotated[int, Meta(description="How many there were in the request.")]
    repeats: Annotated[int, Meta(description="Events that came before just so; they count once.")]
    conflicts: Annotated[int, Meta(description="Of the rejected: ids that came before for another event.")]
    rejected: list[RejectedEvent]
    pending: Annotated[int, Meta(description="Restrictions that the brake made wait for a person.")]
    excess_draws: Annotated[int, Meta(description="Draws of more than was available; they count like any other.")]
    unowed_dues: Annotated[int, Meta(description="Accounts whose unpaid dues are above all that they owe.")]
    decisions: list[DecisionRecord]
    replayed: Annotated[bool, Meta(description="Whether the same key of idempotency came before with the same body.")]


class HealthAnswer(CommandAnswer, frozen=True, tag="linekeeper/health/1"):
    """That the service answers, and of which version it is."""

    version: str


class ReadyAnswer(CommandAnswer, frozen=True, tag="linekeeper/ready/1"):
    """Whether the service can take events in: the store answers, and not too much waits to be written."""

    ready: bool
    policy: str
    policy_version: int
    waiting: Annotated[int, Meta(description="Requests that wait to be written.")]


class PolicyTextAnswer(CommandAnswer, frozen=True, tag="linekeeper/policy-text/1"):
    """A version of the policy, as it was brought into force."""

    policy: str
    version: int
    digest: Sha256
    text: Annotated[str, Meta(description="YAML.")]


class ProblemTypeAnswer(CommandAnswer, frozen=True, tag="linekeeper/problem-type/1"):
    """What a code of an error means, and what to do about it."""

    code: str
    kind: str
    meaning: str
    way_out: str
