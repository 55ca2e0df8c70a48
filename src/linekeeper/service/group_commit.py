"""One writer for many requests: those that wait together are made durable together, in one transaction.

A commit waits for the disk, and a store has one write lock. So requests hand their work to one thread. It takes all
that waits, does each piece in a savepoint of one transaction and commits; only then does anybody get an answer. A
piece that fails leaves nothing and disturbs no other. Where the commit fails, all that was in it fails.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection

from linekeeper.core.errors import StoreError
from linekeeper.journal.database_errors import DatabaseFailure
from linekeeper.journal.store import Store

PieceOutcome = TypeVar("PieceOutcome")
WAITING_MAX = 1_000  # pieces; whoever comes then is asked to come again
TOGETHER_MAX = 100  # pieces in one transaction, so that the first of them does not wait for long


@dataclass
class WriterFigures:
    """How many pieces were written, and in how many transactions."""

    pieces: int = 0
    commits: int = 0
    failed: int = 0


@dataclass(frozen=True)
class _Work:
    """What a request has to write, and who waits for it; `alone`: it makes its own transactions."""

    piece: Callable[..., Any]
    future: Future[Any]
    alone: bool


class GroupWriter:
    """The one thread that writes to a store for a service. Use `start` and `stop`; `submit` from any thread."""

    def __init__(self, store: Store) -> None:
        self.store, self.figures = store, WriterFigures()
        self._waiting: queue.Queue[_Work | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="writer")
        self._stopping = False

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping = True
        self._waiting.put(None)
        self._thread.join()

    def waiting(self) -> int:
        """How many pieces wait."""
        return self._waiting.qsize()

    def submit(self, piece: Callable[[Connection], PieceOutcome]) -> Future[PieceOutcome]:
        """Have a piece done in a transaction of the store; its outcome comes once that is durable.

        Raises StoreError where too many wait, or the service is stopping.
        """
        return self._put(piece, alone=False)

    def submit_alone(self, call: Callable[[], PieceOutcome]) -> Future[PieceOutcome]:
        """The same of a call that makes its transactions itself: nobody else of this service writes meanwhile."""
        return self._put(call, alone=True)

    def _put(self, piece: Callable[..., PieceOutcome], alone: bool) -> Future[PieceOutcome]:
        future: Future[PieceOutcome] = Future()
        try:
            if self._stopping:
                raise queue.Full
            self._waiting.put_nowait(_Work(piece, future, alone))
        except queue.Full:
            raise StoreError(
                "the service has too much to write, or is stopping",
                code="service-busy",
                way_out="send it again in a second",
            ) from None
        return future

    def _run(self) -> None:
        ended = False
        while not ended:
            works = [self._waiting.get()]
            with suppress(queue.Empty):
                while len(works) < TOGETHER_MAX:
                    works.append(self._waiting.get_nowait())
            ended = None in works
            # Who has given up waiting is passed over; from here on nobody can, so that all get an answer.
            wanted = [work for work in works if work and work.future.set_running_or_notify_cancel()]
            for alone, group in groupby(wanted, lambda work: work.alone):
                if alone:
                    for work in group:
                        self._do_alone(work)
                else:
                    self._write(list(group))

    @staticmethod
    def _do_alone(work: _Work) -> None:
        try:
            outcome = work.piece()
        except Exception as error:
            work.future.set_exception(error)
        else:
            work.future.set_result(outcome)

    def _write(self, together: list[_Work]) -> None:
        outcomes: list[tuple[Any, Exception | None]] = []
        try:
            with self.store.writing() as connection:
                outcomes = [self._outcome(connection, work) for work in together]
        except Exception as error:
            self.figures.failed += 1
            for work in together:
                work.future.set_exception(error)
            return
        # Only now: nobody is told of anything that a power cut could still take away.
        self.figures.commits += 1
        self.figures.pieces += len(together)
        for work, (outcome, failure) in zip(together, outcomes, strict=True):
            if failure is None:
                work.future.set_result(outcome)
            else:
                work.future.set_exception(failure)

    @staticmethod
    def _outcome(connection: Connection, work: _Work) -> tuple[Any, Exception | None]:
        try:
            with connection.begin_nested():
                return work.piece(connection), None
        except DatabaseFailure:  # what failed may be the transaction itself
            raise
        except Exception as error:  # whatever it is, it is no reason to fail the others
            return None, error
