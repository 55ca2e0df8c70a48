"""A service in this process, on a port of the loopback address that is free, for as long as a block lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.opening import engine_of_store
from linekeeper.policy.load import load_file
from linekeeper.service.app import gated_app
from linekeeper.service.server import listen
from linekeeper.service.state import Limits, Service

POLICY = Path("docs/examples/cash-line.yaml")
EVENTS = Path("docs/examples/cash-line.jsonl")
AT = "2025-07-11T09:00:00+08:00"
MANY = Limits(a_second=100_000, burst=100_000)  # a test is no caller that sends too many


@dataclass
class Running:
    """A service that runs: its address, and a plain client of it."""

    service: Service
    url: str
    http: httpx.Client

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """Send JSON."""
        return self.http.post(path, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def store_with_example(folder: Path, keys: Path | None = None) -> str:
    """A store that has received the example; its line is on its way back."""
    url = str(folder / "lines.db")
    engine = engine_of_store(url, load_file(POLICY), keys, clock=Clock())
    import linekeeper.face.engine as face

    face.Engine(engine).receive(EVENTS)
    engine.store.close()
    return url


@contextmanager
def running(url: str, limits: Limits = MANY, keys: Path | None = None, pages: Sequence[Any] = ()) -> Iterator[Running]:
    """Run a service over the store; it has ended when the block ends."""

    def opened() -> Engine:
        return engine_of_store(url, None, keys, clock=Clock())

    service = Service(opened(), opened, limits)
    bound = listen("127.0.0.1", 0)
    config = uvicorn.Config(gated_app(service, pages), log_config=None, lifespan="on", http="h11", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        with httpx.Client(base_url=address, timeout=30) as http:
            yield Running(service, address, http)
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
        service.engine.store.close()
