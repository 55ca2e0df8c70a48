"""What requests bring beside events: bodies that are read strictly, and the parameters that routes share."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from linekeeper.core.bounds import MONEY_MAX, TEXT_MAX
from linekeeper.core.errors import UsageError
from linekeeper.face.times import ms_of
from linekeeper.service.intake import JSON, body_tree
from linekeeper.service.state import Caller, Service

LISTED_UNLESS_ASKED, LISTED_AT_MOST = 100, 1_000
Asked = Request[Any, Any, Any]
Body = TypeVar("Body")
BodyText = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
InstantText = Annotated[str, Meta(max_length=40, description="ISO 8601 with an offset; by default now.")]
AccountInPath = Annotated[str, PathParameter(description="The name of an account, percent-encoded.")]
NumberInPath = Annotated[int, PathParameter(description="The account's decisions are numbered from 1.", ge=1, le=2**31)]
AfterName = Annotated[str, QueryParameter(description="Begin after this account.", max_length=TEXT_MAX)]
AfterPlace = Annotated[int, QueryParameter(description="Begin after this place.", ge=0, le=2**62)]
PageLimit = Annotated[int, QueryParameter(description="At most so many.", ge=1, le=LISTED_AT_MOST)]
Word = Annotated[str | None, QueryParameter(max_length=TEXT_MAX)]
DayText = Annotated[str | None, QueryParameter(description="YYYY-MM-DD.", max_length=10)]


class RequestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object that has exactly these keys."""


class DrawRequest(RequestBody, frozen=True):
    """May this draw happen? With `draw`, an id, it happens at once where it may."""

    account: BodyText
    amount_minor: Annotated[int, Meta(ge=1, le=MONEY_MAX)]
    at: InstantText | None = None
    draw: BodyText | None = None


class RulingRequest(RequestBody, frozen=True):
    """A person waives a trigger or imposes a cap, up to and including a day; `by` is the holder of the key."""

    account: BodyText
    until: dt.date
    why: BodyText
    trigger: BodyText | None = None
    cap_bp: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    at: InstantText | None = None
    id: BodyText | None = None


class ReleaseRequest(RequestBody, frozen=True):
    """Let the pending restrictions of these accounts act."""

    accounts: Annotated[list[BodyText], Meta(min_length=1, max_length=LISTED_AT_MOST)]
    why: BodyText
    at: InstantText | None = None


class RefusalRequest(RequestBody, frozen=True):
    """Waive the triggers of the pending restrictions of these accounts, up to and including a day."""

    accounts: Annotated[list[BodyText], Meta(min_length=1, max_length=LISTED_AT_MOST)]
    why: BodyText
    until: dt.date
    at: InstantText | None = None


BODIES: tuple[type[RequestBody], ...] = (DrawRequest, RulingRequest, ReleaseRequest, RefusalRequest)


def service_of(request: Asked) -> Service:
    """The service that answers."""
    service = request.app.state["service"]
    assert isinstance(service, Service)
    return service


def asking(request: Asked) -> Caller:
    """Who asks, as the guard has noted."""
    caller = request.scope["state"]["caller"]
    assert isinstance(caller, Caller)
    return caller


def media_type_of(request: Asked) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower()


async def body_of(request: Asked, form: type[Body]) -> Body:
    """The body in that form. Raises UsageError where it is none."""
    if media_type_of(request) != JSON:
        raise UsageError(
            f"this cannot be sent as `{media_type_of(request)[:60]}`",
            code="media-type-not-known",
            way_out=f"send {JSON}",
        )
    try:
        return msgspec.convert(body_tree(await request.body()), form)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "")
        raise UsageError(
            f"the body is not of its form: {reason[:1].lower()}{reason[1:]}",
            code="body-not-readable",
            way_out="see `/v1/openapi.json`",
        ) from None


def name_in_path(text: str) -> str:
    """The name that a part of a path encodes. Raises UsageError where it is not UTF-8."""
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            "a name in the path is not in UTF-8",
            code="parameter-not-readable",
            way_out="encode it as UTF-8, then by percent signs",
        ) from None


def instant_in(service: Service, at: str | None) -> int:
    """The instant that a body names, in UTC ms; by default now. Raises UsageError where it is none."""
    return service.engine.clock.now_ms() if at is None else ms_of(at)
