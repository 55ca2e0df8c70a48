"""Errors as HTTP has them: problem details after RFC 9457, with the code, the way out and the details of the error."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart
from linekeeper.core.error_codes import ERROR_CODES
from linekeeper.core.errors import LinekeeperError

PROBLEM_TYPE = "application/problem+json"
OF_KIND = {
    "usage": 400,
    "file": 422,
    "policy": 422,
    "event-rejected": 422,
    "not-found": 404,
    "conflict": 409,
    "refused": 422,
    "store": 503,
    "log": 503,
    "notice": 422,
    "program": 500,
    "kernel": 500,
}
# Codes whose meaning HTTP has a number of its own for.
OF_CODE = {
    "access-key-missing": 401,
    "access-key-not-valid": 401,
    "role-not-allowed": 403,
    "method-not-known": 405,
    "body-too-slow": 408,
    "body-too-large": 413,
    "media-type-not-known": 415,
    "requests-too-many": 429,
    "idempotency-key-taken": 422,
    "decision-not-in-log": 404,
    "nothing-published": 404,
    "leaf-not-published": 404,
    "log-missing": 404,
    "log-keys-needed": 503,
    "store-closed": 503,
}


class Problem(AnswerPart, frozen=True):
    """What stands in the place of an answer where the service cannot give one (RFC 9457)."""

    type: Annotated[str, Meta(description="Where the code is described.")]
    title: Annotated[str, Meta(description="What the code means.")]
    status: int
    detail: Annotated[str, Meta(description="What is wrong here.")]
    code: Annotated[str, Meta(description="It stays, and the page on errors lists it.")]
    kind: str
    place: str | None
    way_out: str | None
    details: Annotated[dict[str, Any], Meta(description="Values by name; which there are depends on the code.")]


def http_status_of(error: LinekeeperError) -> int:
    """The HTTP status of an error.

    >>> from linekeeper.core.errors import NotFound
    >>> http_status_of(NotFound("the account `B` is not known", code="account-not-known"))
    404
    """
    return OF_CODE.get(error.code, OF_KIND[error.kind])


def problem_of(error: LinekeeperError) -> Problem:
    """An error as a problem."""
    return Problem(
        type=f"/v1/problems/{error.code}",
        title=ERROR_CODES[error.kind][error.code].partition(";")[0],
        status=http_status_of(error),
        detail=error.message,
        code=error.code,
        kind=error.kind,
        place=error.place,
        way_out=error.way_out,
        details=error.details,
    )
