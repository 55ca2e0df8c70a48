"""One account's life from empty, event by event as they arrived, under each version of the policy that it was under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from linekeeper.engine.brake import Gate, Look, from_ledger
from linekeeper.engine.found import Arrivals, Findings, find_arrivals, review_account, row_at
from linekeeper.kernel.batch import Batch, Ints, in_words_of
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import Past
from linekeeper.kernel.over import go_over

NO_END = 2**62


@dataclass(frozen=True, slots=True)
class Stage:
    """What happened under one version: the events up to arrival number `last_event`, the looks before `end_day`."""

    kernel: Kernel
    last_event: int = NO_END
    end_day: int = NO_END


def live(
    stages: Sequence[Stage],
    batch: Batch,
    account: int,
    arrivals: Arrivals,
    reviewed: Ints,
    until_day: int,
    held: Sequence[tuple[str, Look]],
    state: list[int],
    new_findings: Callable[[], Findings] = Findings,
) -> list[Findings]:
    """What each stage led to, up to the start of `until_day`; `state`, in place, becomes the last one's.

    `batch` is encoded by the newest version, `reviewed` the day reviewed before each of its events arrived, `held`
    the looks that were the first to be held by the brake.
    """
    past, found, first = Past(), list[Findings](), -1
    whole = np.arange(batch.starts[account], batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[whole]]
    for place, stage in enumerate(stages):
        own = in_words_of(stage.kernel.policy, _part(batch, account, whole))
        past.rows |= {int(n): row_at(own, event) for event, n in enumerate(numbers) if int(n) in past.rows}
        if place:
            past.under.append((stages[place - 1].kernel, stages[place - 1].end_day))
            go_over(stages[place - 1].kernel, stage.kernel, state, past.standing(), stages[place - 1].end_day)
        events = np.flatnonzero((numbers > first) & (numbers <= stage.last_event))
        part, kernel, findings = _part(own, 0, events), stage.kernel, new_findings()
        gate = Gate(kernel, arrivals.numbers[part.rows].tolist(), {}, from_ledger(held)) if held else None
        find_arrivals(kernel, part, 0, state, past, arrivals, reviewed[whole[events]], findings, gate)
        review_account(kernel, part, 0, state, min(until_day, stage.end_day - 1), kernel.new_row(), findings, gate)
        found.append(findings.placed(np.array([account]), whole[events]))
        first = stage.last_event
    return found


def _part(batch: Batch, account: int, events: Ints) -> Batch:
    """Some events of one account."""
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch([batch.accounts[account]], np.array([0, len(events)], dtype=np.int64), *columns)
