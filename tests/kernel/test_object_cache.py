"""Object code on disk: whole or absent, and from nobody but its owner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linekeeper.kernel import machine_code, object_cache
from linekeeper.kernel.machine_code import Host, OptimisationLevel
from linekeeper.kernel.native import NativeKernel
from linekeeper.kernel.object_cache import KernelCacheWarning

# Machine code is made for however few events.
REPLAY = """import linekeeper.kernel.kernel as kernel
kernel.WORTH_COMPILING = 0
from linekeeper.cli.main import main
main()"""
TWICE = "def f(a):\n    return 2 * a\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for kernels that is yet to be made."""
    folder = tmp_path / "some" / "kernels"
    monkeypatch.setenv("LINEKEEPER_CACHE", str(folder))
    return folder


def only_file(folder: Path) -> Path:
    """The one file that a folder holds."""
    (file,) = folder.iterdir()
    return file


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert object_cache.read_kept("name") is None
    assert not object_cache.is_kept("name")
    object_cache.keep("name", b"code")
    object_cache.keep("name", b"newer")
    assert object_cache.read_kept("name") == b"newer"
    assert object_cache.is_kept("name")
    assert [file.name for file in folder.iterdir()] == ["name"]
    assert (folder.stat().st_mode & 0o777, only_file(folder).stat().st_mode & 0o077) == (0o700, 0)


def test_kept_code_says_what_it_takes_and_its_source_is_not_read_again(folder: Path) -> None:
    text = "def f(a, row, rows, unread):\n    row[2] = a\n    return rows[0][1] + a\n"
    made, kept = NativeKernel(text), NativeKernel(text)
    assert made.function("f").parameters == kept.function("f").parameters
    assert only_file(folder)
    assert ("_source" in vars(made), "_source" in vars(kept)) == (True, False)


@pytest.mark.parametrize("damage", ["cut", "empty", "turned", "longer"])
def test_a_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    assert NativeKernel(TWICE).f(21) == 42
    file = only_file(folder)
    whole = file.read_bytes()
    turned = whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]
    file.write_bytes({"cut": whole[:-1], "empty": b"", "turned": turned, "longer": whole + b"\0"}[damage])
    assert object_cache.read_kept(file.name) is None
    assert NativeKernel(TWICE).f(21) == 42
    assert file.read_bytes() == whole


def test_what_is_kept_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NativeKernel(TWICE).f(21) == 42
    monkeypatch.setattr(machine_code, "object_code", lambda *_: pytest.fail("was made anew"))
    assert NativeKernel(TWICE).f(21) == 42
    assert NativeKernel(TWICE).is_kept("f")


@pytest.mark.parametrize("other", ["source", "function", "processor", "compiler", "version"])
def test_code_of_another_source_or_host_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    assert NativeKernel(TWICE).f(21) == 42
    here = machine_code.host()
    if other == "source":
        assert not NativeKernel(TWICE + "\n").is_kept("f")
    elif other == "function":
        assert not NativeKernel(TWICE).is_kept("g")
    elif other == "version":
        monkeypatch.setattr("linekeeper.kernel.lowering.LOWERING_VERSION", 0)
        assert not NativeKernel(TWICE).is_kept("f")
    else:
        changed = {"processor": "another", "compiler": here.compiler}
        if other == "compiler":
            changed = {"processor": here.processor, "compiler": "another"}
        monkeypatch.setattr(machine_code, "host", lambda: Host(here.triple, features=here.features, **changed))
        assert not NativeKernel(TWICE).is_kept("f")


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702])
def test_a_folder_that_others_can_write_to_is_not_used(folder: Path, mode: int) -> None:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.warns(KernelCacheWarning, match="others can write to it; `chmod go-w` it, or name another folder in"):
        assert NativeKernel(TWICE).f(21) == 42
    assert list(folder.iterdir()) == []


def test_a_folder_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(KernelCacheWarning, match="it belongs to another user; name another folder in LINEKEEPER_CACHE"):
        assert NativeKernel(TWICE).f(21) == 42
    assert list(folder.iterdir()) == []


def test_without_a_folder_the_command_goes_on(tmp_path: Path) -> None:
    """A policy that is compiled without being kept decides the same, and the warning is one line."""
    (tmp_path / "file").write_text("")
    words = [sys.executable, "-c", REPLAY, *("replay", "docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl")]
    environment = {**os.environ, "LINEKEEPER_CACHE": str(tmp_path / "file" / "kernels")}
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith(f"warning: compiled policies are not kept in `{tmp_path / 'file' / 'kernels'}`: ")
    assert ended.stderr.count("\n") == 1


def test_a_file_that_others_could_write_to_is_not_used(folder: Path) -> None:
    object_cache.keep("name", b"code")
    only_file(folder).chmod(0o666)
    with pytest.warns(
        KernelCacheWarning, match="name` is not used: another user may have written it; it is made again"
    ):
        assert object_cache.read_kept("name") is None
    object_cache.keep("name", b"code")
    assert object_cache.read_kept("name") == b"code"


def test_optimised_code_lies_beside_the_plain(folder: Path) -> None:
    kernel = NativeKernel(TWICE)
    kernel.optimise("f")
    kernel.wait()
    assert len(list(folder.iterdir())) == len(OptimisationLevel)


def test_two_processes_at_once(folder: Path) -> None:
    """Both make the same code in the same folder, and both use it."""
    code = f"from linekeeper.kernel.native import NativeKernel\nprint(NativeKernel({TWICE!r}).f(21))"
    environment = {**os.environ, "PYTHONPATH": "src"}
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == ["42\n", "42\n"]
    assert [process.returncode for process in running] == [0, 0]
    assert only_file(folder).suffix == ".object"
