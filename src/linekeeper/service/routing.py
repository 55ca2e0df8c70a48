"""How a route is declared: its path, its roles, the form of its body, the problems that it can answer with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody

from linekeeper.service.intake import JSON
from linekeeper.service.problems import PROBLEM_TYPE, Problem
from linekeeper.service.roles import Role

PROBLEM_STATUSES = (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503)
RouteDeclaration = Callable[[Callable[..., Any]], Any]


def problem_specs() -> dict[int, ResponseSpec]:
    """The problems that any route can answer with, by status."""
    return {
        status: ResponseSpec(
            Problem,
            False,
            "A problem; its `code` says which.",
            PROBLEM_TYPE,
        )
        for status in PROBLEM_STATUSES
    }


def reading(path: str, roles: frozenset[Role] | None, **more: Any) -> RouteDeclaration:
    """A route that only reads, in a thread of its own."""
    options: dict[str, Any] = {"sync_to_thread": True, "responses": problem_specs()} | more
    return get(path, opt={"roles": roles}, **options)


def writing(path: str, roles: frozenset[Role], **more: Any) -> RouteDeclaration:
    """A route that writes."""
    return post(path, opt={"roles": roles}, status_code=200, responses=problem_specs(), **more)


def with_body(form: type[Any]) -> type[Operation]:
    """The description of a route that reads a body of that form itself."""

    @dataclass
    class OperationWithBody(Operation):
        def __post_init__(self) -> None:
            schema = Reference(ref=f"#/components/schemas/{form.__name__}")
            self.request_body = RequestBody(required=True, content={JSON: OpenAPIMediaType(schema=schema)})

    return OperationWithBody
