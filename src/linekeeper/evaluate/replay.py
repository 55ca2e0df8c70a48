"""Many accounts at once: a kernel over a batch, as machine code on all cores, or interpreted for a few events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from linekeeper.evaluate.event_batch import Batch, EventRow, Ints, batch_of_one
from linekeeper.kernel.kernel import Kernel

ROWS = 16_384  # rows of decisions that one call of machine code has room for
PIECE_EVENTS_MAX = 200_000
PIECES_A_WORKER = 16


@dataclass(frozen=True)
class Outcome:
    """What a batch led to: decision rows (see `kernel.layout`), sorted by account and time.

    `account[i]` and `event[i]` (-1: the start of a day) are places in the batch; `refused[j]` is 0, or why event `j`
    was refused (1: the account is not open yet, 2: it was opened before); `states` are the states after the batch,
    int64[accounts, size], where they were asked for.
    """

    account: Ints
    event: Ints
    rows: Ints
    refused: Ints
    evaluations: int
    states: Ints | None


def replay(
    kernel: Kernel,
    batch: Batch,
    until_day: int,
    *,
    states: Ints | None = None,
    workers: int | None = None,
    lazy: bool = True,
    compiled: bool = True,
    keep_states: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Outcome:
    """Run every account of the batch from `states` (default: from empty) to the start of `until_day`.

    The result does not depend on `workers`, `compiled` or `lazy`; `states`, where given, are changed in place.
    """
    workers = workers or os.cpu_count() or 1
    pieces = list(_pieces(batch, min(PIECE_EVENTS_MAX, len(batch) // (workers * PIECES_A_WORKER) + 1)))
    refused = np.zeros(len(batch), dtype=np.int64)
    keep_states = keep_states or states is not None
    size = kernel.layout.size
    if states is None:
        states = np.zeros((len(batch.accounts) if keep_states else 0, size), dtype=np.int64)
    whole = states
    run = _compiled if compiled else _interpreted
    if compiled:
        kernel.compile_for(_expected_evaluations(batch, until_day, lazy))

    def work(piece: tuple[int, int]) -> tuple[list[Ints], list[Ints], int]:
        # Where nobody asks for the states, each piece needs room for the one account that it is at.
        own = whole[piece[0] : piece[1]] if keep_states else np.zeros((1, size), dtype=np.int64)
        result = run(kernel, batch, piece, own, (until_day, int(lazy), int(keep_states)), refused)
        if progress:
            progress(int(batch.starts[piece[1]] - batch.starts[piece[0]]))
        return result

    threads = min(workers, len(pieces)) if compiled else 1
    with ExitStack() as stack:
        # A pool costs more than one event does, so the thread at hand does what it would only wait for.
        map_pieces = stack.enter_context(ThreadPoolExecutor(threads)).map if threads > 1 else map
        results = list(map_pieces(work, pieces))
        heads = _joined([head for result in results for head in result[0]], 2, map_pieces)
        rows = _joined([rows for result in results for rows in result[1]], kernel.shape.width, map_pieces)
    evaluations = sum(result[2] for result in results)
    return Outcome(heads[:, 0], heads[:, 1], rows, refused, evaluations, whole if keep_states else None)


def replay_rows(kernel: Kernel, state: list[int], rows: Sequence[EventRow], *, compiled: bool) -> None:
    """Run one account from `state`, in place, through events in order of time; nobody asks what was decided."""
    if not rows:
        return
    batch = batch_of_one(kernel.policy, "", rows)
    states = np.array([state], dtype=np.int64)
    replay(kernel, batch, 0, states=states, workers=1, compiled=compiled)  # day 0: no review after the last of them
    state[:] = states[0].tolist()


def _expected_evaluations(batch: Batch, until_day: int, lazy: bool) -> int:
    """About how many evaluations a replay makes: one an event, and where it is not lazy one an account and day."""
    if lazy or not len(batch):
        return len(batch)
    first_day, last_day = int(batch.hour.min()) // 24, max(until_day, int(batch.hour.max()) // 24)
    return len(batch) + len(batch.accounts) * (last_day - first_day)


def _joined(parts: list[Ints], width: int, map_parts: Callable[..., Iterator[None]]) -> Ints:
    """All parts in one array, copied side by side."""
    ends = list(accumulate((len(part) for part in parts), initial=0))
    whole = np.empty((ends[-1], width), dtype=np.int64)

    def copy(start: int, part: Ints) -> None:
        whole[start : start + len(part)] = part

    list(map_parts(copy, ends, parts))
    return whole


def _pieces(batch: Batch, events: int) -> Iterator[tuple[int, int]]:
    """Ranges of accounts with about so many events each."""
    first = 0
    accounts = len(batch.accounts)
    while first < accounts:
        goal = batch.starts[first] + events
        last = int(np.searchsorted(batch.starts, goal, side="left"))
        last = min(max(last, first + 1), accounts, first + 4_000)
        yield first, last
        first = last


def _compiled(
    kernel: Kernel, batch: Batch, piece: tuple[int, int], states: Ints, settings: tuple[int, int, int], refused: Ints
) -> tuple[list[Ints], list[Ints], int]:
    starts = np.ascontiguousarray(batch.starts[piece[0] : piece[1] + 1])
    room = min(ROWS, int(starts[-1] - starts[0]) + len(starts))
    cursor = np.zeros(3, dtype=np.int64)
    heads, rows = [], []
    while cursor[0] < len(starts) - 1:
        out = np.empty((room, kernel.shape.width), dtype=np.int64)
        head = np.empty((room, 2), dtype=np.int64)
        n = kernel.compiled.replay(
            states, starts, batch.at, batch.hour, batch.kind, batch.x, *settings, out, head, refused, cursor
        )
        heads.append(head[:n] + np.array([piece[0], 0]))
        rows.append(out[:n])
    return heads, rows, int(cursor[2])


def _interpreted(
    kernel: Kernel, batch: Batch, piece: tuple[int, int], states: Ints, settings: tuple[int, int, int], refused: Ints
) -> tuple[list[Ints], list[Ints], int]:
    """The same over lists: nothing to compile, so quicker for a few thousand events."""
    low, high = int(batch.starts[piece[0]]), int(batch.starts[piece[1]])
    lists: list[Any] = [column[low:high].tolist() for column in (batch.at, batch.hour, batch.kind, batch.x)]
    starts = (batch.starts[piece[0] : piece[1] + 1] - low).tolist()
    state_lists = states.tolist()
    refusals = [0] * (high - low)
    heads, rows = [], []
    cursor, room = [0, 0, 0], min(64, high - low + len(starts))
    while cursor[0] < len(starts) - 1:
        out = [kernel.new_row() for _ in range(room)]
        head = [[0, 0] for _ in range(room)]
        n = kernel.interpreted.replay(state_lists, starts, *lists, *settings, out, head, refusals, cursor)
        rows += out[:n]
        heads += [[a + piece[0], i + low if i >= 0 else i] for a, i in head[:n]]
    states[:] = state_lists
    refused[low:high] = refusals
    shape = (len(rows), kernel.shape.width)
    return (
        [np.array(heads, dtype=np.int64).reshape(len(heads), 2)],
        [np.array(rows, dtype=np.int64).reshape(shape)],
        cursor[2],
    )


def snapshots(kernel: Kernel, batch: Batch, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Features and score of every open account at the start of each of the sorted `days`, from the kernel itself.

    Returns (account, index into `days`, rows): one entry for each account that is open then.
    """
    parts: list[tuple[Ints, Ints]] = []
    for first, last in _pieces(batch, PIECE_EVENTS_MAX):
        size = last - first
        states = np.zeros((size, kernel.layout.size), dtype=np.int64)
        out = np.zeros((size * len(days), kernel.shape.width), dtype=np.int64)
        head = np.zeros((size * len(days), 2), dtype=np.int64)
        starts = np.ascontiguousarray(batch.starts[first : last + 1])
        scratch = np.zeros(kernel.shape.width, dtype=np.int64)
        columns = (batch.at, batch.hour, batch.kind, batch.x)
        n = kernel.compiled.snapshots(states, starts, *columns, days, out, head, scratch)
        parts.append((head[:n] + np.array([first, 0]), out[:n]))
    heads = np.concatenate([head for head, _ in parts]) if parts else np.zeros((0, 2), dtype=np.int64)
    rows = np.concatenate([row for _, row in parts]) if parts else np.zeros((0, kernel.shape.width), dtype=np.int64)
    return heads[:, 0], heads[:, 1], rows
