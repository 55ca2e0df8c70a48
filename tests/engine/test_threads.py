"""Many threads at once: what is made once is made once, and caches give what they were asked for."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.masters import LocalMaster
from linekeeper.journal.log.vault import Vault
from linekeeper.kernel import kernel as kernels
from linekeeper.kernel import native
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy.load import load_text
from tests.engine.interleavings import version_text
from tests.face.examples import EVENTS, POLICY, example_rows
from tests.kernel.conftest import _kernel_cache as _kernel_cache

THREADS = 8
Given = TypeVar("Given")


def at_once(act: Callable[[int], Given], threads: int = THREADS) -> list[Given]:
    """What `act` gives in each of some threads that begin at the same moment; raises what any of them raises."""
    barrier = threading.Barrier(threads)

    def begin(number: int) -> Given:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def slowly(make: Callable[..., Any], calls: Counter[str]) -> Callable[..., Any]:
    """The same, counted, and slow enough for every thread to ask before it is done."""

    def counted(*arguments: Any, **named: Any) -> Any:
        calls["made"] += 1
        time.sleep(0.05)
        return make(*arguments, **named)

    return counted


def test_a_kernel_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    monkeypatch.setattr(kernels, "emit", slowly(kernels.emit, calls))
    policy = load_text(version_text(1).replace("policy: card", "policy: made-once"))
    made = at_once(lambda _: kernel_of(policy))
    assert calls == {"made": 1}
    assert len(set(map(id, made))) == 1


def test_machine_code_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    monkeypatch.setattr(native.NativeKernel, "__init__", slowly(native.NativeKernel.__init__, calls))
    monkeypatch.setattr(native.NativeKernel, "_make", slowly(native.NativeKernel._make, calls))
    monkeypatch.setattr(native.NativeKernel, "_kept", lambda self, name: None)  # whatever an earlier run has kept
    kernel = Kernel(load_text(version_text(2).replace("policy: card", "policy: compiled-once")))
    functions = at_once(lambda _: kernel.compiled.function("replay"))
    assert calls == {"made": 2}  # the kernel's machine code, and its one function
    assert len(set(map(id, functions))) == 1


def test_the_interpreted_kernel_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    monkeypatch.setattr(kernels, "with_numbers", slowly(kernels.with_numbers, calls))
    kernel = Kernel(load_text(version_text(3)))
    assert len(set(at_once(lambda _: id(kernel.interpreted)))) == 1
    assert calls == {"made": 1}


class Unhurried(OrderedDict[bytes, Any]):
    """A cache that lets other threads come between the look-up of a key and what is done with it."""

    def get(self, key: bytes, default: Any = None) -> Any:
        found = super().get(key, default)
        time.sleep(0.0005)
        return found


def test_a_vault_keeps_each_key_to_its_own_records() -> None:
    """A cache with room for few ciphers, so that threads drop each other's: every record opens with its own key."""
    vault = Vault([LocalMaster(bytes(32))], ciphers_max=2)
    vault._ciphers = Unhurried()
    keys = [vault.new_key() for _ in range(5)]

    def seal_and_open(number: int) -> int:
        for turn in range(25):
            key, data = keys[(number + turn) % len(keys)], f"{number}/{turn}".encode()
            cipher = vault.cipher(vault.master.name, key)
            [(entry, sealed)] = vault.seal([Record(RecordKind.DECISION, "A", data)], [cipher])
            assert vault.open(entry, sealed, vault.cipher(vault.master.name, key)).data == data
        return number

    assert at_once(seal_and_open) == list(range(THREADS))
    assert len(vault._ciphers) <= 2


@pytest.mark.parametrize("where", ["file", ":memory:"])
def test_one_engine_in_many_threads(tmp_path: Path, where: str) -> None:
    """Each thread sends accounts of its own, one event at a time, and asks: the decisions are those of one thread."""
    url = where if where == ":memory:" else str(tmp_path / "lines.db")

    def rows(name: str) -> list[dict[str, Any]]:
        return [row | {"id": f"{name}/{row['id']}", "account": name} for row in example_rows()]

    with lk.open(url, POLICY) as engine, lk.open(":memory:", POLICY) as alone:

        def send(number: int) -> list[tuple[str, int]]:
            decisions = []
            for row in rows(f"T{number}"):
                decisions += [(one.action, one.limit_minor) for one in engine.receive([row])]
                engine.authorise(f"T{number}", 1, "2025-07-11T09:00+08:00")
            return decisions

        expected = [(one.action, one.limit_minor) for one in alone.receive(EVENTS)]
        assert at_once(send, 4) == [expected] * 4
        assert engine.verify().same
        assert len(engine.accounts()) == 4


def test_versions_are_met_by_many_threads(tmp_path: Path) -> None:
    """Accounts under an earlier version, whose engine all threads ask for at once."""
    from linekeeper.engine.versions import adopt
    from linekeeper.journal.store import open_store

    url = str(tmp_path / "lines.db")
    opened = {"id": "1", "account": "a", "kind": "open", "at": "2025-03-03T10:00:00+08:00", "limit": 100_000}
    (tmp_path / "card.yaml").write_text(version_text(1))
    with lk.open(url, tmp_path / "card.yaml") as first:
        first.receive([opened])
        adopt(store := open_store(url), load_text(version_text(2)))
        store.close()
    with lk.open(url) as engine:
        answers = at_once(lambda _: engine.authorise("a", 1, "2025-03-04T10:00:00+08:00").allowed)
        assert answers == [True] * THREADS
        with pytest.raises(LinekeeperError, match="is not known"):
            engine.authorise("b", 1, "2025-03-04T10:00:00+08:00")
