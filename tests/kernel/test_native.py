"""Machine code called from Python: what it takes, several threads at once, better code taken up on the way."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.machine_code import OptimisationLevel
from linekeeper.kernel.native import ArgumentFault, NativeKernel
from linekeeper.kernel.object_cache import KernelCacheWarning
from linekeeper.policy.load import load_file, load_text
from tests.kernel.agree import batch_of_streams, unreversed
from tests.kernel.settings import differing_fields
from tests.oracle.generate import stream

SUM = """
def f(table, row, n, unread):
    row[0] = table[0][1] + n
    return row[0]
"""
COUNT = """
def f(row, turns):
    for i in range(turns):
        row[0] = (row[0] * 31 + i) % 1_000_003
    return row[0]
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_CACHE", str(tmp_path / "kernels"))


def row(*numbers: int) -> Any:
    return np.array(numbers, dtype=np.int64)


READ_ONLY = row(1, 2)
READ_ONLY.flags.writeable = False
TABLE = row(1, 2, 3, 4).reshape(2, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TABLE, row(1), 1), "`f` takes 4 arguments, and was given 3"),
        ((TABLE, [1], 1, 0), "`row` of `f` is no array; it takes int64[n] in one piece, writable"),
        ((TABLE, row(1).astype(np.int32), 1, 0), "`row` of `f` is int32 with 1 dimensions"),
        ((TABLE, row(1).astype(">i8"), 1, 0), "`row` of `f` is >i8 with 1 dimensions"),
        ((TABLE, np.array([1.0]), 1, 0), "`row` of `f` is float64 with 1 dimensions"),
        ((TABLE, TABLE, 1, 0), "`row` of `f` is int64 with 2 dimensions"),
        ((row(1, 2), row(1), 1, 0), "`table` of `f` is int64 with 1 dimensions; it takes int64[n, m] in one piece"),
        ((TABLE, row(1, 2, 3)[::2], 1, 0), "`row` of `f` does not lie in one piece"),
        ((TABLE.T, row(1), 1, 0), "`table` of `f` does not lie in one piece"),
        ((TABLE, READ_ONLY, 1, 0), "`row` of `f` cannot be written to"),
        ((TABLE, row(), 1, 0), "`row` of `f` has 0 places of 1"),
        ((TABLE[:, :1].copy(), row(1), 1, 0), "`table` of `f` has 1 places of 2"),
        ((TABLE, row(1), 1.0, 0), "`n` of `f` is no whole number; it takes a whole number of 64 bits"),
        ((TABLE, row(1), None, 0), "`n` of `f` is no whole number"),
        ((TABLE, row(1), 2**63, 0), "`n` of `f` does not fit 64 bits"),
        ((TABLE, row(1), -(2**63) - 1, 0), "`n` of `f` does not fit 64 bits"),
    ],
)
def test_what_it_does_not_take(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ArgumentFault) as caught:
        NativeKernel(SUM).f(*arguments)
    assert words in str(caught.value)


def test_what_it_takes() -> None:
    """A table that is only read may be read-only; whole numbers of any kind; anything for what is never read."""
    table = TABLE.copy()
    table.flags.writeable = False
    given = row(0)
    assert NativeKernel(SUM).f(table, given, np.int32(5), "unread") == 7
    assert NativeKernel(SUM).f(table, given, True, None) == 3
    assert given[0] == 3


def test_an_empty_table_has_no_row() -> None:
    with pytest.raises(Exception, match="an index outside of its row"):
        NativeKernel(SUM).f(np.zeros((0, 2), dtype=np.int64), row(0), 1, 0)


def test_a_name_that_is_no_function() -> None:
    with pytest.raises(Exception, match="`g` in line 1 of the kernel is no function of it"):
        NativeKernel(SUM).g(1)


# ------------------------------------------------------------------ threads


def test_many_threads_ask_for_the_same_function_at_once() -> None:
    """It is made once, and gives each of them what it gives alone."""
    kernel, together = NativeKernel(COUNT), threading.Barrier(8)
    alone = NativeKernel(COUNT).f(row(7), 20_000)

    def work(_: int) -> tuple[int, int]:
        together.wait()
        function = kernel.f
        return id(function), function(row(7), 20_000)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert {result for _, result in results} == {alone}
    assert len({made for made, _ in results}) == 1


def test_better_code_is_taken_up_while_others_call() -> None:
    kernel = NativeKernel(COUNT)
    alone = kernel.f(row(7), 1_000)
    assert kernel.f.level == OptimisationLevel.PLAIN
    kernel.optimise("f")
    kernel.optimise("f")
    with ThreadPoolExecutor(2) as pool:
        results = set(pool.map(lambda _: kernel.f(row(7), 1_000), range(200)))
    kernel.wait()
    assert kernel.f.level == OptimisationLevel.OPTIMISED
    assert results == {alone}
    assert kernel.f(row(7), 1_000) == alone
    assert NativeKernel(COUNT).f.level == OptimisationLevel.OPTIMISED  # from disk


def test_the_interpreter_runs_on_during_a_call() -> None:
    """One thread is in a long call; this one gets its turn meanwhile."""
    kernel = NativeKernel(COUNT)
    kernel.f(row(0), 1)
    done = threading.Event()

    def long_call() -> None:
        kernel.f(row(0), 40_000_000)
        done.set()

    thread = threading.Thread(target=long_call)
    thread.start()
    turns = 0
    while not done.is_set() and turns < 1_000:
        turns += 1
        done.wait(0.0001)
    thread.join()
    assert turns > 5


def with_events_alone(source: str) -> str:
    """A policy of the same events and trigger names, without its score: the oracle makes streams, and reads no card."""
    body = YAML(typ="safe", pure=True).load(source)
    head = {key: body[key] for key in ("policy", "version", "currency", "time_zone", "minor_digits") if key in body}
    events = {"events": body["events"]} if "events" in body else {}
    triggers = {name: {"when": "false", "suspend": True, "reason": "none"} for name in body["triggers"]}
    return json.dumps({**head, **events, "triggers": triggers})


POLICIES = ("policies/consumer-loan.yaml", "policies/credit-card.yaml", "docs/examples/cash-line.yaml")


@pytest.mark.parametrize("path", POLICIES)
def test_features_scores_and_authorisations_of_the_policies_at_hand(path: str) -> None:
    """The functions that are called from Python beside `replay`, compiled and interpreted, on the same accounts."""
    kernel = Kernel(load_file(path))
    python, machine, size = kernel.interpreted, kernel.compiled, kernel.layout.size
    events = load_text(with_events_alone(kernel.policy.source))
    batch = batch_of_streams(kernel, [unreversed(stream(events, seed)) for seed in range(8)])
    days = np.unique(batch.hour // 24)[::20].copy()
    columns = [batch.starts, batch.at, batch.hour, batch.kind, batch.x, days]
    sizes = ((8, size), (8 * len(days), kernel.shape.width), (8 * len(days), 2), (kernel.shape.width,))
    states, rows, heads, scratch = (np.zeros(one, dtype=np.int64) for one in sizes)
    lists = [array.tolist() for array in (states, *columns, rows, heads, scratch)]
    assert machine.snapshots(states, *columns, rows, heads, scratch) == python.snapshots(*lists) > 0
    assert [states.tolist(), rows.tolist(), heads.tolist()] == [lists[0], lists[7], lists[8]]
    opened = [place for place, state in enumerate(lists[0]) if state[kernel.layout.slots["OPENED"]]]
    assert len(opened) > 4
    for place in opened:  # the others have no hour to go on from
        state, array, row = lists[0][place], states[place], kernel.new_row()
        python.features(state, row)
        python.score(state, row)
        machine.features(array, scratch)
        machine.score(array, scratch)
        assert scratch.tolist()[kernel.shape.values :] == row[kernel.shape.values :]
        hour = state[kernel.layout.slots["HOUR"]] + 30
        assert machine.authorise(array, scratch, hour, 100) == python.authorise(state, row, hour, 100)


def optimise_at_once(kernel: NativeKernel) -> None:
    kernel.optimise("f")
    kernel.wait()


def test_code_that_cannot_be_kept_is_used_all_the_same(tmp_path: Path) -> None:
    kernel = NativeKernel(COUNT)
    alone = kernel.f(row(7), 10)
    (tmp_path / "kernels").chmod(0o777)
    with pytest.warns(KernelCacheWarning, match="others can write to it"):
        optimise_at_once(kernel)
    assert kernel.f.level == OptimisationLevel.OPTIMISED
    assert kernel.f(row(7), 10) == alone


def test_a_replay_does_not_depend_on_the_code_nor_on_the_number_of_threads() -> None:
    policy = load_file("docs/examples/cash-line.yaml")
    kernel = Kernel(policy)
    batch = batch_of_streams(kernel, [unreversed(stream(policy, seed)) for seed in range(100)])
    expected = replay(kernel, batch, 0, compiled=False, keep_states=True)
    for level in OptimisationLevel:
        if level == OptimisationLevel.OPTIMISED:
            kernel.compiled.optimise("replay")
            kernel.compiled.wait()
        for workers in (1, 2, 5):
            given = replay(kernel, batch, 0, workers=workers, keep_states=True)
            assert differing_fields(given, expected) == []
        assert kernel.compiled.replay.level == level
