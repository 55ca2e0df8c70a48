"""What every request passes first: its size, its time, how many its caller sends, and the line that is logged of it.

The line says the pattern of the route, never the path: a path names an account.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec
from litestar.types import ASGIApp, Message, Receive, Send

from linekeeper.core.errors import LinekeeperError, Refused, UsageError
from linekeeper.service.problems import PROBLEM_TYPE, problem_of
from linekeeper.service.state import Limits, Service

REQUEST_LOG = logging.getLogger("linekeeper.service")
CALLERS_MAX = 10_000
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
NO_ROUTE = "none"


class Gate:
    """An ASGI application before another: it limits, counts and logs, and lets pass what is within the limits."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service
        self.rates = Rates(service.limits)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, answered = time.monotonic(), list[int]()
        request = uuid4().hex

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        try:
            whole = await self._admitted(scope, receive)
        except LinekeeperError as error:
            await send_problem(error, noted)
        else:
            # Percent signs stay as they were sent: an account may have a slash in its name, and a route has not.
            scope["path"] = scope["raw_path"].decode("ascii", "replace")
            await self.app(scope, whole, noted)
        self._note(scope, request, answered[0] if answered else 499, begun)

    async def _admitted(self, scope: Any, receive: Receive) -> Receive:
        """The body, read whole, as the application receives it. Raises LinekeeperError where it is beyond a limit."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._demand_own_host(headers)
        self.rates.demand(self._mark_of(scope, headers))
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise UsageError(
                "the body is compressed",
                code="media-type-not-known",
                way_out="send it as it is, without `Content-Encoding`",
            )
        body = await _body(receive, headers, self.service.limits)
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def whole() -> Any:
            return given.pop() if given else await receive()

        return whole

    def _demand_own_host(self, headers: Mapping[bytes, bytes]) -> None:
        """Where no key protects the service, a page of another site may not reach it under a name of its own."""
        host = headers.get(b"host", b"localhost").decode("latin-1")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name.lower() not in LOOPBACK_NAMES and self.service.keys.is_open():
            raise Refused(
                "the service has no keys and answers this machine alone",
                code="role-not-allowed",
                way_out="ask `localhost`, or make a key: `linekeeper key add`",
            )

    def _mark_of(self, scope: Any, headers: Mapping[bytes, bytes]) -> bytes:
        """What tells callers apart: a key that was valid when it was last shown, else their address."""
        shown = headers.get(b"authorization", b"").decode("latin-1").partition(" ")[2].strip()
        if shown and self.service.keys.was_valid(shown):
            return sha256(shown.encode()).digest()
        client = scope.get("client")
        return (client[0] if client else "").encode()

    def _note(self, scope: Any, request: str, status: int, begun: float) -> None:
        took_ms = int((time.monotonic() - begun) * 1_000)
        route = str(scope.get("path_template") or NO_ROUTE) if status != 404 or scope.get("path_template") else NO_ROUTE
        method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE") else "OTHER"
        self.service.metrics.note(method, route, status, took_ms)
        REQUEST_LOG.info(
            json.dumps({"request": request, "method": method, "route": route, "status": status, "ms": took_ms})
        )


async def send_problem(error: LinekeeperError, send: Send) -> None:
    """Answer with a problem, before any route is known."""
    problem = problem_of(error)
    headers = [(b"content-type", PROBLEM_TYPE.encode())]
    if problem.status == 429:
        headers.append((b"retry-after", b"1"))
    if problem.status in (408, 413):
        headers.append((b"connection", b"close"))  # its body was not read to the end
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem), "more_body": False})


async def _body(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> bytes:
    """The whole body. Raises UsageError where it is too large, or does not come in time."""
    too_large = UsageError(
        f"the body has more than {limits.body_bytes:,} bytes",
        code="body-too-large",
        way_out="send it in several requests",
    )
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 18 or int(length) > limits.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    break
                body += message["body"]
                if len(body) > limits.body_bytes:
                    raise too_large
                if not message["more_body"]:
                    break
    except TimeoutError:
        raise UsageError(
            f"the body was not whole after {limits.body_seconds:g} seconds",
            code="body-too-slow",
            way_out="send it faster, or in several requests",
        ) from None
    return bytes(body)


class Rates:
    """How many requests each caller may still send: a bucket that fills with time, and holds a burst."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def demand(self, caller: bytes) -> None:
        """Raises UsageError where a caller sends too many."""
        now = time.monotonic()
        left, at = self._left.pop(caller, (float(self.limits.burst), now))
        left = min(left + (now - at) * self.limits.a_second, float(self.limits.burst))
        self._left[caller] = (max(left - 1, 0.0), now)
        if len(self._left) > CALLERS_MAX:
            self._left.popitem(last=False)
        if left < 1:
            raise UsageError(
                f"more than {self.limits.a_second} requests a second came from one caller",
                code="requests-too-many",
                way_out="send them more slowly, or many events in one",
            )
