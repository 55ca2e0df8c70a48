"""Linekeeper keeps revolving credit lines in step with their risk: decided by one policy file, explained, replayable.

    import linekeeper as lk

    policy = lk.load_policy("policy.yaml")       # read, with all its faults at once
    policy.check(), policy.describe("zh")        # dead ends; the policy in plain words

    result = lk.replay(policy, events)           # a table of pandas, polars, DuckDB or pyarrow; a file; dictionaries
    result.decisions, result.timelines, result.features, result.rejected

    table = lk.snapshots(policy, events, ["2025-06-30"], label="days_past_due >= 60 within 12m")
    lk.fit(table, policy)                        # a scorecard with its evidence

    with lk.open("lines.db", policy) as engine:  # a store: SQLite or PostgreSQL
        engine.receive(events)                   # decisions, all durable together
        engine.review("2025-12-31")              # what time alone changes
        engine.explain("A-1001#1"), engine.notice("A-1001#1", "zh"), engine.recourse("A-1001")
        engine.authorise("A-1001", 25_000, "2026-01-05T09:00+08:00")

    with lk.Client("http://127.0.0.1:7462", key) as client:   # a store that `linekeeper serve` has online
        client.send(events), client.authorise("A-1001", 25_000)

Eleven names: `load_policy`, `replay`, `snapshots`, `fit` and `open` do; `Policy`, `Engine`, `Client` and `Decision` are
what they give; `LinekeeperError` and its `PolicyError` are what they raise. `help` of each has an example that runs.

Days are `datetime.date`, instants are aware `datetime`s in the policy's time zone, and money is a whole number of
minor units under a name that ends in `_minor`. The command `linekeeper` does the same from a shell.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linekeeper.core.errors import LinekeeperError, PolicyError
    from linekeeper.face.decision import Decision
    from linekeeper.face.engine import Engine, open
    from linekeeper.face.policy import Policy, load_policy
    from linekeeper.face.replay import replay
    from linekeeper.face.training import fit, snapshots
    from linekeeper.service.client import Client

    __version__: str

__all__ = [
    "Client",
    "Decision",
    "Engine",
    "LinekeeperError",
    "Policy",
    "PolicyError",
    "fit",
    "load_policy",
    "open",
    "replay",
    "snapshots",
]

# Where each name stands. It is imported when it is first asked for: the command line passes through here, and must not
# wait for libraries that a command may not need.
_MODULES = {
    "Client": "service.client",
    "Decision": "face.decision",
    "Engine": "face.engine",
    "LinekeeperError": "core.errors",
    "Policy": "face.policy",
    "PolicyError": "core.errors",
    "fit": "face.training",
    "load_policy": "face.policy",
    "open": "face.engine",
    "replay": "face.replay",
    "snapshots": "face.training",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("linekeeper")
    if name not in _MODULES:
        raise AttributeError(f"module `linekeeper` has no attribute `{name}`")
    value = getattr(import_module(f"linekeeper.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
