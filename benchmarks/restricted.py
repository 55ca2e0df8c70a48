"""Accounts right after an adverse decision, for benchmarks: of the simulated borrowers, and of the card data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import ADVERSE
from linekeeper.evaluate.event_batch import Batch, batch_of
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Restricted:
    """An account right after an adverse decision, with the features that the decision saw."""

    state: list[int]
    day: int
    values: dict[str, int | None]


def restricted(kernel: Kernel, batch: Batch, wanted: int) -> Iterator[Restricted]:
    """Accounts after adverse decisions, spread over all accounts: at most `wanted`, one in so many."""
    until = int(batch.hour.max()) // 24 + 1
    found = [one for account in range(len(batch.accounts)) for one in _of_account(kernel, batch, account, until)]
    yield from found[:: max(len(found) // wanted, 1)][:wanted]


def _of_account(kernel: Kernel, batch: Batch, account: int, until: int) -> Iterator[Restricted]:
    """The compiled replay, stopped after each decision."""
    state = np.zeros((1, kernel.layout.size), dtype=np.int64)
    starts = batch.starts[account : account + 2].copy()
    out, head = np.zeros((1, kernel.shape.width), dtype=np.int64), np.zeros((1, 2), dtype=np.int64)
    cursor, refused = np.zeros(3, dtype=np.int64), np.zeros(len(batch), dtype=np.int64)
    events = (batch.at, batch.hour, batch.kind, batch.x)
    while cursor[0] < 1:
        count = kernel.compiled.replay(state, starts, *events, until, 1, 1, out, head, refused, cursor)
        if count and out[0, kernel.shape.place("ACTION")] in ADVERSE:
            names = [feature.name for feature in kernel.policy.features]
            seen = [None if value == MISSING else value for value in out[0, kernel.shape.values :].tolist()]
            day = int(out[0, kernel.shape.place("NOW_HOUR")]) // 24
            yield Restricted(state[0].tolist(), day, dict(zip(names, seen, strict=True)))


def borrowers(policy: Policy, accounts: int, wanted: int) -> tuple[Kernel, list[Restricted]]:
    """Restricted accounts of the simulated population."""
    kernel = kernel_of(policy)
    batch = batch_of(policy, kernel.calendar, population(accounts=accounts, days=730, seed=1).events)
    return kernel, list(restricted(kernel, batch, wanted))


def card_data(wanted: int) -> tuple[Kernel, list[Restricted]] | None:
    """The same on the card data, where they are."""
    from linekeeper.datasets.taiwan import read_taiwan

    path = REPOSITORY.parent / "shared" / "data" / "taiwan_credit_card" / "taiwan_credit_card.parquet"
    if not path.exists():
        return None
    kernel = kernel_of(load_file(REPOSITORY / "policies" / "credit-card.yaml"))
    events = read_taiwan(path)[0]
    batch = batch_of(kernel.policy, kernel.calendar, events.slice(0, events.num_rows))
    few = Batch(batch.accounts[:3_000], batch.starts[:3_001], batch.rows, batch.at, batch.hour, batch.kind, batch.x)
    return kernel, list(restricted(kernel, few, wanted))
