"""Events in, draws asked about, and what persons rule."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import HeaderParameter, QueryParameter
from sqlalchemy import Connection

from linekeeper.cli.answers.accounts import decision_record
from linekeeper.cli.answers.events import (
    AuthoriseAnswer,
    OverrideAnswer,
    PendingRefuseAnswer,
    PendingReleaseAnswer,
)
from linekeeper.core.bounds import TEXT_MAX
from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import UsageError
from linekeeper.core.event import source_of_feed
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import pending_rows
from linekeeper.engine.rulings import Ruling, new_id, refuse, release, rule
from linekeeper.evaluate.authorisation import Authorisation
from linekeeper.face.times import instant_of
from linekeeper.service.answers import EventsReceivedAnswer
from linekeeper.service.intake import EVENT_TYPES, JSON_LINES, rows_of_body
from linekeeper.service.received_events import request_key, take_in, validate_events
from linekeeper.service.requests import (
    Asked,
    DrawRequest,
    RefusalRequest,
    ReleaseRequest,
    RulingRequest,
    asking,
    body_of,
    instant_in,
    media_type_of,
    service_of,
)
from linekeeper.service.roles import ASKS_DRAWS, RULES, SENDS_EVENTS
from linekeeper.service.routing import with_body, writing

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="The same key with the same body is answered alike, and decides nothing again; kept for 3 days.",
        max_length=TEXT_MAX,
        pattern="^[!-~]+$",
    ),
]
SourceParameter = Annotated[
    str | None, QueryParameter(description="The feed that the events are of; by default `main`.", max_length=TEXT_MAX)
]


@dataclass
class EventsOperation(Operation):
    """How events are sent: in one of four media types."""

    def __post_init__(self) -> None:
        one = Schema(type=OpenAPIType.OBJECT, additional_properties=True)
        many = Schema(one_of=[one, Schema(type=OpenAPIType.ARRAY, items=one)])
        lines = Schema(type=OpenAPIType.STRING)
        self.request_body = RequestBody(
            required=True,
            content={
                media_type: OpenAPIMediaType(schema=lines if media_type == JSON_LINES else many)
                for media_type in EVENT_TYPES
            },
        )


@writing("/v1/events", SENDS_EVENTS, operation_class=EventsOperation)
async def receive_events(
    request: Asked, idempotency_key: IdempotencyKey = None, source: SourceParameter = None
) -> EventsReceivedAnswer:
    """Take events in and decide: one, many, JSON Lines, or CloudEvents 1.0. Answered once all of it is durable."""
    service, body, media_type = service_of(request), await request.body(), media_type_of(request)
    given = rows_of_body(body, media_type)
    if not given.count:
        raise UsageError("the body has no events", code="body-not-readable", way_out="send at least one")
    named = source_of_feed(source, given.source)
    asked = request_key(asking(request).holder, idempotency_key, media_type, named, body)
    read = await asyncio.to_thread(validate_events, given, service.validator, named)

    def piece(connection: Connection, engine: Engine) -> EventsReceivedAnswer:
        return take_in(connection, engine, read, asked)

    return await asyncio.wrap_future(service.write(piece))


@writing("/v1/authorise", ASKS_DRAWS, operation_class=with_body(DrawRequest))
async def authorise_draw(request: Asked) -> AuthoriseAnswer:
    """Whether a draw may happen, and why not. With an id (`draw`) it happens where it may, and nobody comes between."""
    service, draw = service_of(request), await body_of(request, DrawRequest)
    at = instant_in(service, draw.at)

    def ask(connection: Connection | None, engine: Engine) -> Authorisation:
        return engine.authorise(draw.account, at, draw.amount_minor, draw.draw, connection)

    if draw.draw is None:
        answer = await asyncio.to_thread(ask, None, service.engine)
    else:
        answer = await asyncio.wrap_future(service.write(ask))
    return AuthoriseAnswer(
        account=draw.account,
        at=instant_of(at, service.engine.policy.time_zone),
        currency=service.engine.policy.currency,
        amount_minor=draw.amount_minor,
        allowed=answer.allowed,
        reasons=list(answer.reasons),
        rules=list(answer.rules),
    )


@writing("/v1/rulings", RULES, operation_class=with_body(RulingRequest))
async def enter_ruling(request: Asked) -> OverrideAnswer:
    """Waive a trigger, or impose a cap, up to and including a day. The same id again changes nothing."""
    service, asked = service_of(request), await body_of(request, RulingRequest)
    if (asked.trigger is None) == (asked.cap_bp is None):
        raise UsageError(
            "a ruling waives a trigger or imposes a cap",
            code="argument-missing",
            way_out="name one of `trigger`, `cap_bp`",
        )
    name, at, until = asked.id or new_id(), instant_in(service, asked.at), epoch_day(asked.until)
    by = asking(request).holder
    ruling = Ruling(asked.account, at, until, by, asked.why, asked.trigger, asked.cap_bp, name)
    made = await asyncio.wrap_future(service.write_alone(lambda engine: rule(engine, [ruling])))
    zone, currency = service.engine.policy.time_zone, service.engine.policy.currency
    records = [decision_record(decision, zone) for decision in made]
    return OverrideAnswer(event=name, currency=currency, decisions=records)


@writing("/v1/pending/release", RULES, operation_class=with_body(ReleaseRequest))
async def release_pending(request: Asked) -> PendingReleaseAnswer:
    """Let restrictions that wait because of the brake act now."""
    service, asked, by = service_of(request), await body_of(request, ReleaseRequest), asking(request).holder
    at = instant_in(service, asked.at)
    made = await asyncio.wrap_future(
        service.write_alone(lambda engine: release(engine, asked.accounts, by=by, why=asked.why, at=at))
    )
    still = await asyncio.to_thread(_still_waiting, service.engine, asked.accounts)
    done = len(dict.fromkeys(asked.accounts)) - len(still)
    return PendingReleaseAnswer(released=done, still_waiting=still, decisions=len(made))


@writing("/v1/pending/refuse", RULES, operation_class=with_body(RefusalRequest))
async def refuse_pending(request: Asked) -> PendingRefuseAnswer:
    """Do not restrict: waive the triggers of restrictions that wait, up to and including a day."""
    service, asked, by = service_of(request), await body_of(request, RefusalRequest), asking(request).holder
    at, until = instant_in(service, asked.at), epoch_day(asked.until)
    made = await asyncio.wrap_future(
        service.write_alone(lambda engine: refuse(engine, asked.accounts, until, by=by, why=asked.why, at=at))
    )
    still = await asyncio.to_thread(_still_waiting, service.engine, asked.accounts)
    done = len(dict.fromkeys(asked.accounts)) - len(still)
    return PendingRefuseAnswer(refused=done, still_waiting=still, decisions=len(made))


def _still_waiting(engine: Engine, accounts: list[str]) -> list[str]:
    with engine.store.reading() as connection:
        waiting = {row.account for row in pending_rows(connection)}
    return [account for account in dict.fromkeys(accounts) if account in waiting]


EVENTS_ROUTES: list[Any] = [receive_events, authorise_draw, enter_ruling, release_pending, refuse_pending]
