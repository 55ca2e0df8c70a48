"""What a person, a shell or a system does to the command line: full disks, odd bytes, Ctrl-C, missing extras."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from linekeeper.cli.interruption import KEPT, what_is_kept
from linekeeper.cli.main import as_error, demand_readable
from linekeeper.cli.sections import SECTIONS
from linekeeper.connect.event_table import write_events
from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.population import population
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read

COMMAND = [sys.executable, "-m", "linekeeper.cli.main"]
needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def ended(*words: str | bytes, to: str | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own; its standard output goes to the file `to`, if one is named."""
    output = subprocess.PIPE if to is None else os.open(to, os.O_WRONLY)
    environment = {**os.environ, **variables}
    return subprocess.run([*COMMAND, *words], stdout=output, stderr=subprocess.PIPE, env=environment, check=False)


# ------------------------------------------------------------------ output that finds no place


@needs_full_disk
@pytest.mark.parametrize("words", [("schema",), ("schema", "--json"), ("kernel", POLICY), ("describe", POLICY)])
def test_a_full_disk_behind_standard_output_is_one_line(words: tuple[str, ...]) -> None:
    done = ended(*words, to="/dev/full")
    assert done.returncode == 1
    if "--json" not in words:  # with it, the error too belongs on standard output
        assert done.stderr == b"the output cannot be written: no space left on device\n"
    assert b"Traceback" not in done.stderr


@needs_full_disk
def test_a_full_disk_behind_a_file_is_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{nonsense\n" * 20_000)
    done = ended("replay", POLICY, str(bad), "--rejected", "/dev/full")
    assert (done.returncode, done.stderr) == (1, b"the output cannot be written: no space left on device\n")
    assert Path("/dev/full").is_char_device()


def test_a_full_disk_has_a_code() -> None:
    error = as_error(OSError(28, "No space left on device"))
    assert (error.code, error.kind) == ("output-not-writable", "file")


def test_a_reader_that_goes_away_is_no_error() -> None:
    line = f"{' '.join(COMMAND)} describe {POLICY} | head -c 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["fit", "forecast"])
def test_a_folder_that_is_a_file_is_refused_before_the_work(command: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    for output in ("taken", "taken/below"):
        with pytest.raises(LinekeeperError, match="is a file; name a folder") as raised:
            linekeeper(command, "none.parquet", "--output", str(tmp_path / output))
        assert raised.value.code == "folder-is-file"


def test_a_kernel_is_not_written_to_a_folder_that_is_not_there() -> None:
    with pytest.raises(LinekeeperError, match="there is no folder `/nowhere`"):
        linekeeper("kernel", POLICY, "-o", "/nowhere/k.py")


# ------------------------------------------------------------------ odd bytes


@pytest.mark.parametrize("word", [b"A\xff", b"\xed\xa0\x80"])
def test_an_argument_that_is_not_utf8_is_refused_by_name(word: bytes) -> None:
    done = ended("show", word, "--store", "none.db", "--json")
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["error"] == "argument-not-readable"


def test_an_argument_in_utf8_is_taken_and_half_a_character_is_not() -> None:
    demand_readable(["show", "账户"], {})
    with pytest.raises(LinekeeperError, match="is not in UTF-8") as raised:
        demand_readable(["show", "A\udcff"], {})
    assert raised.value.code == "argument-not-readable"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_json_is_utf8_on_any_terminal(encoding: str) -> None:
    done = ended("describe", POLICY, "--lang", "zh", "--json", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["sections"][0]["title"] == "基础"


def test_words_that_a_terminal_cannot_show_end_no_command() -> None:
    done = ended("describe", POLICY, "--lang", "zh", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("describe", POLICY, "--lang", "fr"), "choice-not-known"),
        (("lesson", "--lang", "EN\x00"), "choice-not-known"),
        (("clock", "CN", "consumer_loan", "close", "--day", "2026-13-01"), "day-not-readable"),
        (("clock", "CN", "consumer_loan", "close", "--day", "2026-05-01", "--zone", "../etc"), "time-zone-not-known"),
        (("clock", "CN", "consumer_loan", "close", "--day", "2026-05-01", "--zone", ""), "time-zone-not-known"),
        (("schema", "nonsense"), "choice-not-known"),
        (("fit", "none.parquet", "--method", "magic"), "choice-not-known"),
        (("erase", "A", "--store", "none.db", "--keys", "none", "--json"), "argument-missing"),
    ],
)
def test_what_is_no_choice_is_refused_by_its_code(words: tuple[str, ...], code: str) -> None:
    with pytest.raises(LinekeeperError) as raised:
        linekeeper(*words)
    assert raised.value.code == code


# ------------------------------------------------------------------ nothing was admitted


def test_a_file_of_rejected_rows_alone_is_no_success(tmp_path: Path) -> None:
    bad, listed = tmp_path / "bad.jsonl", tmp_path / "listed.jsonl"
    bad.write_text('{"id": "1", "account": "A", "kind": "nonsense", "at": "2025-01-01T00:00Z"}\n{"id"\n')
    store = ("--store", str(tmp_path / "lines.db"))
    for words in (("run", POLICY, str(bad), *store), ("replay", POLICY, str(bad))):
        answer = read(*words, "--rejected", str(listed), code=1)
        assert (answer["events"], answer["rejected"], answer["rejected_file"]) == (0, 2, str(listed))
        assert len(listed.read_text().splitlines()) == 2
    imported = read("import", "jsonl", str(bad), "--policy", POLICY, "-o", str(tmp_path / "e.parquet"), code=1)
    assert (imported["events"], imported["rejected"]) == (0, 2)
    assert imported["rejected_file"] == str(tmp_path / "e.rejected.jsonl")
    importing = ("import", "jsonl", str(bad), "--policy", POLICY, "-o", str(tmp_path / "e.parquet"))
    assert read(*importing, "--rejected", str(listed), code=1)["rejected_file"] == str(listed)
    assert sorted(path.name for path in tmp_path.glob("e.*")) == ["e.parquet"]


def test_rejected_by_the_store_alone_is_no_success_and_repeats_are_none(tmp_path: Path) -> None:
    first = json.loads(Path(EVENTS).read_text("utf-8").splitlines()[0])
    url, other = str(tmp_path / "lines.db"), tmp_path / "other.jsonl"
    linekeeper("run", POLICY, EVENTS, "--store", url)
    other.write_text(json.dumps(first | {"limit": 5_000}) + "\n")
    answer = read("run", POLICY, str(other), "--store", url, "--source", Path(EVENTS).name, code=1)
    assert (answer["events"], answer["rejected"]) == (0, 1)
    assert read("run", POLICY, EVENTS, "--store", url)["events"] == 0


# ------------------------------------------------------------------ Ctrl-C


SMALL_BATCHES = """import time
import linekeeper.cli.main as main
import linekeeper.engine.engine as engine
import linekeeper.engine.run as run

run.BATCH_EVENTS = run.BATCH_EVENTS_MAX = 100
receive = engine.Engine.receive


def receive_slowly(*given, **how):
    summary = receive(*given, **how)
    time.sleep(0.05)  # so that the signal comes before the last batch, however busy the machine
    return summary


engine.Engine.receive = receive_slowly
main.main()
"""


def test_ctrl_c_says_what_is_kept_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """The signal comes once the first of many batches is durable."""
    policy, file, url = "policies/consumer-loan.yaml", tmp_path / "events.parquet", str(tmp_path / "lines.db")
    write_events(population(accounts=200, days=300, seed=7).events, file)
    words = ["run", policy, str(file), "--store", url]
    with subprocess.Popen(
        [sys.executable, "-c", SMALL_BATCHES, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        deadline = time.monotonic() + 120
        while running.poll() is None and _events(url) == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        # A signal that comes while Python cleans up after an object is lost with it, so a person presses again.
        for _ in range(5):
            running.send_signal(signal.SIGINT)
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
            break
        output, said = running.communicate(timeout=120)
    assert (running.returncode, output) == (130, b""), said
    told = re.fullmatch(rf"interrupted: ([0-9,]+) of ([0-9,]+) events .*; {what_is_kept('run')}\n", said.decode())
    assert told, said
    named, whole_file = (int(each.replace(",", "")) for each in told.groups())
    kept = _events(url)
    assert 0 < kept < whole_file
    assert named <= kept
    assert read("verify", "--store", url)["same"] is True
    rest, whole = read(*words), read("replay", policy, str(file))
    assert rest["events"] > 0
    assert (kept + rest["events"], rest["digest"]) == (whole["events"], whole["digest"])


def _events(url: str) -> int:
    """How many events a store holds; 0 while it is being made."""
    if not Path(url).exists():
        return 0
    try:
        with sqlite3.connect(f"file:{url}?mode=ro", uri=True) as connection:
            return int(connection.execute("select count(*) from events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_what_is_kept_is_said_of_commands_that_there_are() -> None:
    assert {*KEPT} - {name for _, names in SECTIONS for name in names} == set()


# ------------------------------------------------------------------ extras that are not installed


@pytest.mark.parametrize(("module", "extra"), [("lightgbm", "fit"), ("sklearn.metrics", "fit"), ("scipy", "fit")])
def test_a_missing_extra_says_what_to_install(module: str, extra: str) -> None:
    error = as_error(ModuleNotFoundError(f"No module named '{module}'", name=module))
    assert error.code == "extra-missing"
    assert error.way_out == f"install it: `pip install 'linekeeper[{extra}]'`"


def test_a_fit_without_its_extra(tmp_path: Path) -> None:
    """As where the extra was never installed: its library cannot be imported."""
    (tmp_path / "lightgbm.py").write_text("raise ModuleNotFoundError(\"No module named 'lightgbm'\", name='lightgbm')")
    done = ended("forecast", "none.parquet", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == b"this needs the extra `fit`; install it: `pip install 'linekeeper[fit]'`\n"


def test_a_store_on_postgresql_without_its_extra(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError(\"No module named 'psycopg'\", name='psycopg')")
    done = ended("accounts", "--store", "postgresql+psycopg://a@127.0.0.1:1/b", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith(b"needs the extra `postgres`; install it: `pip install 'linekeeper[postgres]'`\n")


@pytest.mark.usefixtures("no_store_open")
def test_a_module_of_our_own_that_is_missing_is_a_fault_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    error = as_error(ModuleNotFoundError("No module named 'linekeeper.lost'", name="linekeeper.lost"))
    assert (error.code, error.kind) == ("program-failed", "program")
