"""Draws of more than was available: they count like any other, unless the policy rejects them, and are reported. Pure.

The kernel keeps no record of them. They follow from what it gives: the line of each account before a batch, the events
of the batch, and the decisions that changed the line in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from linekeeper.core.line import Status
from linekeeper.evaluate.evaluator import EvaluationResult, RawDecision
from linekeeper.evaluate.event_batch import Batch, Ints
from linekeeper.kernel.kernel import Kernel

LINE = ("OPENED", "BALANCE", "LIMIT", "STATUS", "OPEN_AT")
LIMIT_COLUMN = LINE.index("LIMIT")
_ADDED = {"draw": 1, "charge": 1, "repay": -1}  # what an event's amount does to the balance


def line_columns(kernel: Kernel, states: Ints) -> Ints:
    """What of the states is needed here, as a copy: whether and when the account opened, balance, limit, status."""
    columns = states[:, [kernel.layout.slots[name] for name in LINE]]
    if kernel.policy.own_limit:  # the limit that may be used
        wish, most = (states[:, kernel.layout.slots[name]] for name in ("OWN_WISH", "OWN_LIMIT"))
        columns[:, LIMIT_COLUMN] = np.where(
            wish > 0, np.minimum(columns[:, LIMIT_COLUMN], most), columns[:, LIMIT_COLUMN]
        )
    return columns


def excess_draws(kernel: Kernel, batch: Batch, before: Ints, result: EvaluationResult) -> list[int]:
    """The draws of the batch, by place, that count and were of more than was available just before them.

    `before`: `line_columns` the states before the batch. What an event in the batch reverses counts as if it stood.
    """
    by_account: dict[int, list[RawDecision]] = defaultdict(list)
    for raw in result.decisions:
        by_account[raw.account].append(raw)
    accounts = _doubtful(kernel, batch, before, by_account)
    of_accounts = (_excess(kernel, batch, one, before[one], by_account[one], result) for one in accounts)
    return [event for events in of_accounts for event in events]


def _doubtful(kernel: Kernel, batch: Batch, before: Ints, decided: dict[int, list[RawDecision]]) -> list[int]:
    """The accounts with a draw that can have gone beyond the limit: for nearly all others the sums show it did not."""
    number = {kind.name: kind.number for kind in kernel.policy.kinds}
    draws = batch.kind == number["draw"]
    if not draws.any():
        return []
    owner, count = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts)), len(batch.accounts)
    adds = draws | (batch.kind == number["charge"])
    # As floats: no sum of a batch leaves their range, and up to 2^53, beyond any limit, they are exact.
    added = np.bincount(owner[adds], batch.x[adds, 0].astype(np.float64), count)
    drawn = np.bincount(owner[draws], minlength=count) > 0
    opened, balance, limit, status, _ = before.T
    clear = (opened != 0) & (status < Status.SUSPENDED) & (balance + added <= limit)
    clear[owner[batch.kind == number["balance"]]] = False
    clear[list(decided)] = False
    return np.flatnonzero(drawn & ~clear).tolist()


def _excess(
    kernel: Kernel, batch: Batch, account: int, line: Ints, decisions: list[RawDecision], result: EvaluationResult
) -> Iterator[int]:
    """The draws of one account that were of more than was available, in order of time."""
    limit_after, status_after = kernel.shape.place("LIMIT_AFTER"), kernel.shape.place("STATUS_AFTER")
    _, balance, limit, status, open_at = line.tolist()
    waiting = decisions[::-1]
    for event in range(int(batch.starts[account]), int(batch.starts[account + 1])):
        at = int(batch.at[event])
        while waiting and (waiting[-1].event < event if waiting[-1].event >= 0 else waiting[-1].at <= at):
            row = waiting.pop().row
            limit, status = row[limit_after], row[status_after]
            if kernel.policy.own_limit and row[kernel.shape.place("OWN_WISH")] > 0:
                limit = min(limit, row[kernel.shape.place("OWN_LIMIT")])
        if event in result.refused or at < open_at:  # the history of an opening, which states what it led to
            continue
        kind, amount = kernel.policy.kind_name(int(batch.kind[event])), int(batch.x[event, 0])
        if kind == "draw" and amount > (0 if status >= Status.SUSPENDED else max(limit - balance, 0)):
            yield event
        if kind == "open":
            limit = amount
        if kind == "opening":
            open_at, (limit, balance, status) = at, batch.x[event, 1:4].tolist()
            continue
        balance = amount if kind == "balance" else balance + _ADDED.get(kind or "", 0) * amount
