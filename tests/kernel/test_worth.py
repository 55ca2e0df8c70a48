"""When compiled code is used: where it is the quicker way."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from linekeeper.core.bounds import DAY_MS
from linekeeper.engine.run import evaluations_of
from linekeeper.kernel.kernel import WORTH_COMPILING, WORTH_LOADING, WORTH_OPTIMISING, WORTH_USING, Kernel
from linekeeper.kernel.machine_code import OptimisationLevel
from linekeeper.kernel.object_cache import KernelCacheWarning
from linekeeper.policy.load import load_file
from tests.kernel.agree import in_bulk
from tests.oracle.generate import stream

CASH_LINE = "docs/examples/cash-line.yaml"


def test_what_is_to_be_made_is_worth_it_for_many_looks_and_what_is_there_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEKEEPER_CACHE", str(tmp_path))
    policy = load_file(CASH_LINE)
    first = Kernel(policy)
    assert not first.compiled.is_kept("replay")
    assert [first.is_worth_compiling(evaluations) for evaluations in (WORTH_COMPILING - 1, WORTH_COMPILING)] == [
        False,
        True,
    ]
    in_bulk(first, [stream(policy, 1)], 0, compiled=True)
    assert first.compiled.is_kept("replay")
    assert [first.is_worth_compiling(evaluations) for evaluations in (WORTH_USING - 1, WORTH_USING)] == [False, True]
    again = Kernel(policy)
    assert [again.is_worth_compiling(evaluations) for evaluations in (WORTH_LOADING - 1, WORTH_LOADING)] == [
        False,
        True,
    ]


def test_better_code_is_made_for_very_much_work_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_CACHE", str(tmp_path))
    kernel = Kernel(load_file(CASH_LINE))
    for evaluations, level in (
        (WORTH_OPTIMISING - 1, OptimisationLevel.PLAIN),
        (WORTH_OPTIMISING, OptimisationLevel.OPTIMISED),
    ):
        kernel.compile_for(evaluations)
        kernel.compiled.wait()
        assert kernel.compiled.replay.level == level


def test_few_evaluations_do_not_wait_for_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "linekeeper.kernel.native", None)  # an import of it fails
    assert not Kernel(load_file(CASH_LINE)).is_worth_compiling(WORTH_LOADING - 1)


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_CACHE", "/dev/null/kernels")
    kernel = Kernel(load_file(CASH_LINE))
    assert not kernel.is_worth_compiling(WORTH_LOADING - 1)
    with pytest.warns(KernelCacheWarning, match="kept in `/dev/null/kernels`: not a directory; name another folder"):
        assert not kernel.is_worth_compiling(WORTH_LOADING)


def test_looking_every_day_is_more_work() -> None:
    """Two accounts over ten days."""
    table = pa.table({"account": ["A", "B", "A"], "at": [0, 1, 10 * DAY_MS]})
    assert (evaluations_of(table, lazy=True), evaluations_of(table, lazy=False)) == (3, 3 + 2 * 10)
    assert evaluations_of(table.slice(0, 0), lazy=False) == 0
