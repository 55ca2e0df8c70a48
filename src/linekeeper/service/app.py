"""The application: its routes, who may ask for each, its errors, its description as OpenAPI 3.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import msgspec
from litestar import Litestar, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

import linekeeper
from linekeeper.core.errors import LinekeeperError, NotFound, ProgramFault, UsageError
from linekeeper.service.accounts_routes import ACCOUNTS_ROUTES
from linekeeper.service.events_routes import EVENTS_ROUTES
from linekeeper.service.gate import REQUEST_LOG, Gate
from linekeeper.service.operations_routes import OPERATIONS_ROUTES
from linekeeper.service.problems import PROBLEM_TYPE, problem_of
from linekeeper.service.proof_routes import PROOF_ROUTES
from linekeeper.service.requests import BODIES, Asked
from linekeeper.service.roles import EVERYONE, demand_role
from linekeeper.service.routing import reading
from linekeeper.service.state import Service, caller_of

READERS_AT_ONCE = 8  # that read at one time; each has a connection of its own


@reading("/v1/openapi.json", EVERYONE, sync_to_thread=False, include_in_schema=False)
def show_description(request: Asked) -> dict[str, Any]:
    """The description of all routes (OpenAPI 3.1)."""
    return description_of(request.app)


ROUTES: list[Any] = [*EVENTS_ROUTES, *ACCOUNTS_ROUTES, *PROOF_ROUTES, *OPERATIONS_ROUTES, show_description]


def service_app(service: Service, pages: Sequence[Any] = ()) -> Litestar:
    """The application that answers for a service, with further `pages`: routers of the rooms above."""

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = READERS_AT_ONCE
        service.writer.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.writer.stop)

    return Litestar(
        route_handlers=[*ROUTES, *pages],
        state=State({"service": service}),
        guards=[demand_caller],
        lifespan=[running],
        exception_handlers={
            LinekeeperError: answer_problem,
            HTTPException: answer_http_problem,
            Exception: answer_fault,
        },
        openapi_config=_description(),
        logging_config=None,
    )


def gated_app(service: Service, pages: Sequence[Any] = ()) -> ASGIApp:
    """The same behind the gate, as a server runs it."""
    return Gate(service_app(service, pages), service)


async def demand_caller(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Note who asks. Raises LinekeeperError where nobody with that key may ask for this."""
    roles = handler.opt.get("roles", frozenset())
    if roles is EVERYONE:
        return
    service: Service = connection.app.state["service"]
    caller = await asyncio.to_thread(caller_of, service, connection.headers.get("authorization"))
    demand_role(caller.role, roles)
    connection.scope["state"]["caller"] = caller


# ------------------------------------------------------------------ errors


def answer_problem(_: Asked, error: LinekeeperError) -> Response[Any]:
    """An error of the public API as a problem."""
    problem = problem_of(error)
    headers = {"www-authenticate": "Bearer"} if problem.status == 401 else {}
    return Response(msgspec.json.encode(problem), status_code=problem.status, headers=headers, media_type=PROBLEM_TYPE)


def answer_http_problem(request: Asked, error: HTTPException) -> Response[Any]:
    """What the framework refuses, with a code of ours."""
    if error.status_code == 404:
        unknown = NotFound("there is no such route", code="route-not-known", way_out="see `/v1/openapi.json`")
        return answer_problem(request, unknown)
    if error.status_code == 405:
        refused = UsageError("the route has no such method", code="method-not-known", way_out="see `/v1/openapi.json`")
        return answer_problem(request, refused)
    if error.status_code >= 500:
        return answer_fault(request, error)
    extra: Any = error.extra or []
    named = [str(one.get("key")) for one in extra if isinstance(one, dict)] if isinstance(extra, list) else []
    which = f": {', '.join(f'`{name[:40]}`' for name in named)}" if named else ""
    refused = UsageError(
        f"a parameter cannot be read{which}", code="parameter-not-readable", way_out="see `/v1/openapi.json`"
    )
    return answer_problem(request, refused)


def answer_fault(request: Asked, error: Exception) -> Response[Any]:
    """What no line of the program foresaw. The log names the kind of the error and its place, and no value."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "nowhere"
    REQUEST_LOG.error("a request failed: %s at %s", type(error).__name__, where)
    fault = ProgramFault("the program failed", code="program-failed", way_out="report it, with the log's line")
    return answer_problem(request, fault)


# ------------------------------------------------------------------ OpenAPI


def _description() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Linekeeper",
        version=linekeeper.__version__,
        description="Decides on revolving credit lines, explains what it decided, and proves it.",
        use_handler_docstrings=True,
        security=[{"key": []}],
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
    )


def description_of(app: Litestar) -> dict[str, Any]:
    """The whole description, with the forms of the bodies that routes read themselves."""
    description: dict[str, Any] = app.openapi_schema.to_schema()
    _, forms = msgspec.json.schema_components(BODIES, ref_template="#/components/schemas/{name}")
    description["components"]["schemas"] |= forms
    return description
