"""Running a service: one process, one store, one address."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from linekeeper.core.errors import Refused, port_error
from linekeeper.service.app import gated_app
from linekeeper.service.state import Service

LOOPBACK = ("127.0.0.1", "::1", "localhost")
STOP_SECONDS = 20  # in which requests that have begun may end


@dataclass(frozen=True)
class Listening:
    """Where a service listens, and whether it asks for no keys."""

    url: str
    is_open: bool


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 picks a free one. Raises UsageError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # whoever is told the address may ask at once, and waits until the service answers
    except OSError as error:
        raise port_error(error, port) from None
    return bound


def serve_forever(
    service: Service, host: str, port: int, announce: Callable[[Listening], object], pages: Sequence[Any] = ()
) -> None:
    """Answer requests until the process is asked to end; what waits to be written then is written.

    `pages` are routers of the rooms above, beside the routes of the service.

    Raises Refused where the store has no keys and others than this machine could ask.
    """
    is_open = service.keys.is_open()
    if is_open and host not in LOOPBACK:
        raise Refused(
            f"the store has no keys, and everybody who reaches `{host}` could use the service",
            code="service-keys-needed",
            way_out="make one first: `linekeeper key add`; or listen on 127.0.0.1",
        )
    bound = listen(host, port)
    with bound, _lines_on_error():
        shown = f"[{host}]" if ":" in host else host
        announce(Listening(f"http://{shown}:{bound.getsockname()[1]}", is_open))
        config = uvicorn.Config(
            gated_app(service, pages),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            http="h11",
            ws="none",
            timeout_graceful_shutdown=STOP_SECONDS,
            h11_max_incomplete_event_size=16 << 10,
        )
        uvicorn.Server(config).run(sockets=[bound])


@contextmanager
def _lines_on_error() -> Iterator[None]:
    """One line of JSON on standard error for each request; nothing of what the libraries below would say."""
    log, handler = logging.getLogger("linekeeper.service"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
