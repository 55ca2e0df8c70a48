"""Decisions of generated lives, as the recorder writes them."""

from __future__ import annotations

from collections.abc import Sequence

from linekeeper.core.decision import Decision
from linekeeper.core.event import Event
from linekeeper.decide.canonical import canonical_json, digest_of
from linekeeper.decide.record import Recorder
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.kernel.agree import batch_of_streams, last_day, unreversed


def decisions(policy: Policy, events: Sequence[Event], account: str = "A") -> list[Decision]:
    """All decisions on one account, each with the hash of the one before."""
    kernel, lives = Kernel(policy), unreversed(events)
    recorder = Recorder(kernel)
    outcome = replay(kernel, batch_of_streams(kernel, [lives]), last_day(policy, lives) + 40, compiled=False)
    found: list[Decision] = []
    for number, (event, row) in enumerate(zip(outcome.event.tolist(), outcome.rows.tolist(), strict=True), start=1):
        previous = digest_of(canonical_json(found[-1])) if found else None
        at, name = (lives[event].at, lives[event].id) if event >= 0 else (0, None)
        found.append(recorder.decision(row, account, number, at, name, previous))
    return found
