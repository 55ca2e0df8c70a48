"""What processes do to one log at once: each act is one that a command does, again and again over an open store."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.engine import Engine as InnerEngine
from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.rotation import finish_rotation, rotate_master
from linekeeper.journal.store import Store, open_store
from tests.log_flow.logged import events_of

Act = Callable[[int], object]
IN_THE_WAY = {"log-busy", "scrub-blocked"}  # what another process that works just now leads to


def do(url: str, keys: Path, what: str, times: int, name: str) -> list[str]:
    """Do something so many times over a store and an engine that stay open: for each, `done` or the code of a refusal.

    Where another process is in the way, it is done again until it is not.
    """
    outcomes: list[str] = []
    with closing(open_store(url)) as store:
        act = acts_on(store, keys, name)[what]
        while len(outcomes) < times:
            try:
                act(len(outcomes))
            except LinekeeperError as error:
                if error.code in IN_THE_WAY:
                    time.sleep(0.001)
                else:
                    outcomes.append(error.code)
            else:
                outcomes.append("done")
    return outcomes


def acts_on(store: Store, keys: Path, name: str) -> dict[str, Act]:
    keeper = open_keeper(keys)
    engine = lk.Engine(InnerEngine(store, None, keeper))
    how: dict[str, Any] = {"until": "2026-03-01", "by": "Li", "why": "asked", "at": "2026-01-05T09:00:00+08:00"}

    def erase(number: int) -> None:
        engine.receive(events_of(f"{name}-{number}"))
        engine.erase(f"{name}-{number}", at="2026-01-05T09:00:00+08:00")

    return {
        "receive": lambda number: engine.receive(events_of(f"{name}-{number}")),
        "rule": lambda number: engine.rule("A", cap_bp=6_000, id=f"{name}-{number}", **how),
        "erase": erase,
        "rotate": lambda _: rotate_master(keys, store),
        "finish": lambda _: finish_rotation(keys, store),
        "publish": lambda _: keeper.publish(store),
    }


# ------------------------------------------------------------------ killed at one step


def killed_at(url: str, keys: Path, what: str, step: int) -> bool:
    """Do it in a process of its own that is killed right before that step, counted from 1; False where it ended before.

    Steps are what leaves a trace: files that are opened, synced and renamed, statements of SQL, and commits.
    """
    child = os.fork()
    if not child:
        try:
            with closing(open_store(url)) as store:
                act = {"rotate": rotate_master, "finish": finish_rotation}[what]
                count_steps(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == step else None)
                act(keys, store)
                os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def count_steps(reached: Callable[[int], object]) -> None:
    """From here on, say each step of this process before it is taken; and once more after a file was opened."""
    number = 0

    def step() -> None:
        nonlocal number
        number += 1
        reached(number)

    def before(function: Callable[..., Any], again: bool = False) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            step()
            result = function(*arguments, **named)
            if again:
                step()
            return result

        return counted

    os.open, os.fsync, os.replace = before(os.open, again=True), before(os.fsync), before(os.replace)  # type: ignore[assignment]
    event.listen(Engine, "before_cursor_execute", lambda *_: step())
    DefaultDialect.do_commit = before(DefaultDialect.do_commit, again=True)  # type: ignore[method-assign]


def copied(folder: Path, to: Path) -> Path:
    """A copy of a key folder without the signer's last head, as a backup has it."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("signer.head", ".*"))
    to.chmod(0o700)
    return to
