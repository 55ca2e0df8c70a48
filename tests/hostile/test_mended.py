"""What hostile cases met once, each by itself: a trace, a full memory, a standstill, or the name of a borrower."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event as happening
from sqlalchemy.exc import OperationalError

from linekeeper.cli.demo_pages import serve_pages
from linekeeper.cli.fault_report import REPORTS_MAX, program_fault, report_folder, write_report
from linekeeper.cli.main import WORD_MAX, as_error, demand_readable
from linekeeper.connect.files import read_event_file
from linekeeper.connect.large_files import sorting_store
from linekeeper.core.bounded import CARD_BYTES_MAX, demand_regular, read_bounded
from linekeeper.core.errors import (
    FAULTS_MAX,
    FAULTS_SHOWN_MAX,
    MESSAGE_MAX,
    Conflict,
    FileError,
    LinekeeperError,
    LogError,
    PolicyError,
    StoreError,
    UsageError,
)
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.opening import engine_of_store
from linekeeper.engine.rulings import Ruling, demand_clock, rule
from linekeeper.engine.verify import verify
from linekeeper.journal.database_errors import failure_of
from linekeeper.journal.keeper import new_keeper, open_keeper
from linekeeper.journal.store import as_bytes, open_store
from linekeeper.lab.fit.plan import read_fit_plan
from linekeeper.lab.parquet import read_parquet_table
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.policy.load import load_file
from linekeeper.policy.syntax import Misread, parse
from linekeeper.texts.material import shipped
from linekeeper.texts.yaml_files import YamlFault, yaml_tree
from tests.brake.bank import openings, small_bank, table
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read

needs_devices = pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
COMMAND = [sys.executable, "-m", "linekeeper.cli.main"]


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with the tutorial's borrower, all of it in its file."""
    url = str(tmp_path / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", url)
    with closing(sqlite3.connect(url)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return url


def altered(url: str, statement: str, *values: object) -> None:
    """The store after another hand changed it."""
    with closing(sqlite3.connect(url)) as connection:
        connection.execute(statement, values)
        connection.commit()


def refused(code: str, *words: str) -> LinekeeperError:
    """The error of a command, which has that code."""
    with pytest.raises(LinekeeperError) as raised:
        linekeeper(*words)
    assert raised.value.code == code, raised.value
    return raised.value


# ------------------------------------------------------------------ files without an end


@needs_devices
def test_nothing_is_read_to_its_end_that_has_none(tmp_path: Path) -> None:
    endless = "/dev/zero"
    refused("policy-too-large", "fmt", endless)
    refused("file-too-large", "replay", POLICY, EVENTS, "--mapping", endless)
    refused("file-too-large", "receipt", "verify", endless, "--vkey", endless)
    refused("file-not-usable", "replay", POLICY, endless)
    refused("file-not-usable", "outcome", POLICY, EVENTS, endless)
    override = ("--feature", "f", "--value", "1", "--points", "3", "--by", "m.chen", "--why", "looked at")
    refused("file-too-large", "card", "override", endless, *override, "--output", str(tmp_path / "card.json"))
    for read_file in (read_fit_plan, read_lender_profile):
        with pytest.raises(FileError, match="is larger than such a file can be") as raised:
            read_file(Path(endless))
        assert raised.value.code == "file-too-large"


def test_a_review_beyond_the_calendar_ends_a_run_before_it_begins(store: str) -> None:
    altered(store, "INSERT INTO reviews (after_event, until_day) VALUES (0, ?)", 2**53)
    refused("stored-value-not-readable", "run", POLICY, EVENTS, "--store", store)


def test_bytes_that_are_no_text_in_a_column_of_texts(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"account": broken}), tmp_path / "t.parquet")
    with pytest.raises(FileError, match="cannot be read as Parquet"):
        read_parquet_table(tmp_path / "t.parquet")


def test_links_that_lead_in_a_circle_are_no_place_for_an_output(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    refused("file-not-usable", "kernel", POLICY, "--output", str(tmp_path / "loop"))


@needs_devices
def test_a_card_without_an_end_is_a_fault_of_its_policy(tmp_path: Path) -> None:
    (tmp_path / "card.json").symlink_to("/dev/zero")
    text = Path(POLICY).read_text("utf-8") + "score: {card: card.json}\n"
    (tmp_path / "policy.yaml").write_text(text, "utf-8")
    with pytest.raises(PolicyError, match=rf"the card `card.json` cannot be read: .* \({CARD_BYTES_MAX // 1024} KiB\)"):
        load_file(tmp_path / "policy.yaml")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linekeeper.core.bounded.PIPE_WAIT_MS", 50)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="nothing came from") as raised:
        read_bounded(tmp_path / "pipe", 10)
    assert raised.value.code == "file-not-usable"
    with pytest.raises(FileError, match="is a pipe or a device"):
        demand_regular(tmp_path / "pipe")


def test_a_pipe_that_is_written_to_is_read() -> None:
    line = f"{' '.join(COMMAND)} check <(cat {POLICY})"
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=False).returncode == 0


def test_a_path_that_cannot_be_one_has_a_code(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop", Path("x" * 300), Path("a\0b")):
        for use in (demand_regular, lambda path: read_bounded(path, 10)):
            with pytest.raises(FileError) as raised:
                use(path)
            assert raised.value.code == "file-not-usable"


def test_a_parquet_file_whose_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    given, out = ("jsonl", str(Path(EVENTS)), "--policy", POLICY), tmp_path / "events.parquet"
    linekeeper("import", *given, "--output", str(out))
    out.write_bytes(out.read_bytes().replace(b"due_on", b"due_o\xff"))
    error = refused("file-not-readable", "replay", POLICY, str(out))
    assert "the name of a column is not in utf-8" in error.message
    with pytest.raises(FileError, match="cannot be read as Parquet"):
        read_parquet_table(out)


@pytest.mark.parametrize("folder", ["/", ".", ".."])
def test_a_folder_is_no_store(folder: str) -> None:
    refused("store-not-opened", "verify", "--store", folder)


def test_a_file_that_is_named_like_an_address_is_written_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library that writes Parquet would ask `s3` for it, or know no such system of files."""
    policy, events = Path(POLICY).resolve(), Path(EVENTS).resolve()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sqlite:" / "dev").mkdir(parents=True)
    given, named = ("jsonl", str(events), "--policy", str(policy)), "sqlite:////dev/out.parquet"
    linekeeper("import", *given, "--output", named)
    for command in (("replay",), ("snapshot", "--day", "2025-05-20")):
        linekeeper(*command, str(policy), named, "--output", f"s3:{command[0]}.parquet")
        assert (tmp_path / f"s3:{command[0]}.parquet").exists()


def test_a_line_without_an_end_ends_the_reading(tmp_path: Path) -> None:
    for form in ("jsonl", "csv"):
        path = tmp_path / f"events.{form}"
        with path.open("wb") as file:
            file.write(b"id,account,kind,at,amount\n" if form == "csv" else b"")
            file.truncate(2**40)
        with pytest.raises(FileError, match="of more than 64 MiB") as raised:
            read_event_file(path, small_bank())
        assert raised.value.code == "file-not-readable"


# ------------------------------------------------------------------ YAML


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 2025-02-30", "day is out of range"),
        ("a: " + "9" * 5_000, "."),
        ("a: !!int ²", "."),
        ("a: !!timestamp soon", "."),
        ("a: !!bool maybe", "."),
        ("[" * 20_000, "it is nested too deeply"),
        ("? {a: 1}\n: 2", "."),
        ("a: *b", "."),
        ('a: "\\ud800"', "half a character"),
        ('{"\\udfff": [1]}', "half a character"),
    ],
)
def test_what_is_no_yaml_has_one_reason_on_one_line(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(YamlFault, match=reason) as raised:
        yaml_tree(text)
    assert "\n" not in str(raised.value)
    path = tmp_path / "f.yaml"
    path.write_text(text, "utf-8")
    for read_file in (read_fit_plan, read_lender_profile):
        with pytest.raises(FileError):
            read_file(path)
    with pytest.raises(FileError, match="is not YAML or JSON"):
        linekeeper("replay", POLICY, EVENTS, "--mapping", str(path))


# ------------------------------------------------------------------ keys


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 50_000,
        b'{"folder": "p"}',
        b'{"folder": 1, "masters": ["file:m"]}',
        b'{"folder": "p", "masters": [["file:m"]]}',
        b'{"folder": "p", "masters": [null]}',
        b'{"folder": "p", "masters": []}',
        b'{"folder": "p", "masters": ["file:m"], "more": 1}',
        b'{"folder": "' + b"p" * 9_000 + b'", "masters": ["file:m"]}',
    ],
)
def test_damaged_settings_of_a_log_have_a_code(text: bytes, tmp_path: Path) -> None:
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    (tmp_path / "keys" / "log.json").write_bytes(text)
    with pytest.raises(LogError, match="are damaged") as raised:
        open_keeper(tmp_path / "keys")
    assert (raised.value.code, raised.value.place) == ("log-settings-not-readable", str(tmp_path / "keys" / "log.json"))


@pytest.mark.parametrize(
    ("file", "code"), [("master.key", "master-key-not-usable"), ("signer.key", "signing-key-not-readable")]
)
def test_keys_that_are_no_text_have_a_code(file: str, code: str, tmp_path: Path) -> None:
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    (tmp_path / "keys" / file).write_bytes(b"PRIVATE+KEY+\xff\xfe" * 20)
    with pytest.raises(LogError) as raised:
        open_keeper(tmp_path / "keys")
    assert raised.value.code == code


def test_a_damaged_record_of_a_demo_has_a_code(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"population": {"accounts": 3}}')
    error = refused("demo-record-not-readable", "demo", "--folder", str(tmp_path), "--no-serve")
    assert "--again" in str(error)


# ------------------------------------------------------------------ stores


@pytest.mark.parametrize("value", [b"\xff", b"[" * 5_000, "x", 2**62, 1.5])
def test_an_altered_record_has_a_code_and_is_a_finding(store: str, value: object) -> None:
    altered(store, "UPDATE decisions SET record = ?", value)
    refused("decision-not-readable", "decisions", "--store", store)
    refused("decision-not-readable", "show", "A-1001", "--store", store)
    altered(store, "UPDATE accounts SET state = ?", value)
    assert read("verify", "--store", store, code=3)["same"] is False


def test_a_number_in_the_place_of_bytes_makes_no_bytes_of_that_number() -> None:
    assert as_bytes(2**62) == str(2**62).encode()  # type: ignore[arg-type]


def full_engine(tmp_path: Path) -> Engine:
    """An engine over a store whose disk is nearly full."""
    opened = open_store(str(tmp_path / "lines.db"))

    @happening.listens_for(opened.engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 80")

    opened.engine.dispose()
    return Engine(opened, small_bank())


def test_a_full_disk_has_a_code_and_names_no_borrower(tmp_path: Path) -> None:
    engine = full_engine(tmp_path)
    with pytest.raises(StoreError, match="database or disk is full") as raised:
        engine.receive(table(small_bank(), openings(2_000)), "core")
    assert raised.value.code == "store-full"
    assert raised.value.__suppress_context__
    assert "A0" not in json.dumps(raised.value.as_json())
    assert engine.accounts() == 0


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("database or disk is full", "store-full"),
        ('could not extend file "base/1": No space left on device', "store-full"),
        ("database disk image is malformed", "store-damaged"),
        ("attempt to write a readonly database", "store-read-only"),
        ("database is locked", "store-busy"),
        ("server closed the connection unexpectedly", "store-failed"),
    ],
)
def test_what_a_database_says_has_a_code(cause: str, code: str) -> None:
    behind = OperationalError(
        "INSERT", [{"account": "A-SECRET"}], sqlite3.OperationalError(f"{cause}\nDETAIL: A-SECRET")
    )
    failure = failure_of(behind, "lines.db")
    assert (failure.code, failure.cause) == (code, cause)
    assert "SECRET" not in json.dumps(failure.as_json())


def test_a_page_of_the_file_that_is_damaged_has_a_code(store: str) -> None:
    with open(store, "r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * 100_000)
    with pytest.raises(StoreError) as raised:
        linekeeper("show", "A-1001", "--store", store)
    assert raised.value.code in ("store-damaged", "store-not-opened")


# ------------------------------------------------------------------ stores that are only read

READING = (
    ("verify",),
    ("show", "A-1001"),
    ("explain", "A-1001#1"),
    ("events",),
    ("accounts",),
    ("decisions",),
    ("features",),
    ("changes",),
    ("versions",),
    ("road", "A-1001"),
    ("pending", "list"),
    ("store", "status"),
)


@pytest.fixture
def read_only(store: str, tmp_path: Path) -> Iterator[list[str]]:
    """How a command is begun for whom the folder of the store is read-only; there the store is `lines.db`."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    shutil.copy(store, folder / "lines.db")
    if os.geteuid():
        folder.chmod(0o500)
        (folder / "lines.db").chmod(0o400)
        yield ["sh", "-c", f'cd {folder}; "$@"', "sh"]
        folder.chmod(0o700)
        return
    mounted = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && cd {folder} && "$@"'
    begin = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*begin, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no folder can be made read-only for this user")
    yield begin


def test_a_store_that_may_only_be_read_is_read(read_only: list[str]) -> None:
    """In one process for all commands: each of them answers as from a store that can be written to."""
    commands = [[*words, "--store", "lines.db", "--json"] for words in READING]
    program = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from linekeeper.cli.main import app, build\n"
        "build()\n"
        f"ended = [CliRunner().invoke(app, words) for words in {commands!r}]\n"
        "print(json.dumps([[one.exit_code, repr(one.exception)] for one in ended]))\n"
    )
    done = subprocess.run([*read_only, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == [[0, "None"]] * len(READING), done.stderr
    said = subprocess.run([*read_only, *COMMAND, "review", "--until", "2025-12-01", "--store", "lines.db", "--json"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (said.returncode, json.loads(said.stdout)["error"]) == (1, "store-read-only")


def test_opening_an_engine_to_look_takes_no_lock(store: str) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        engine = engine_of_store(store)
        assert engine.is_known("A-1001")
        assert verify(engine.store).same


def test_a_store_that_is_written_to_while_it_is_read_is_read_again(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linekeeper.journal.store.is_read_only", lambda file: True)
    opened = open_store(store, made=True)
    with pytest.raises(StoreError, match="was written to while it was read") as raised, opened.reading():
        altered(store, "UPDATE accounts SET next_review = 0")
    assert raised.value.code == "store-busy"
    with pytest.raises(StoreError) as kept, opened.writing():
        pass
    assert kept.value.code == "store-read-only"


# ------------------------------------------------------------------ ports


def test_a_port_that_is_taken_or_is_none_is_refused_by_name(tmp_path: Path) -> None:
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        witness = ("witness", str(tmp_path / "public" / "log.vkey"), "--folder", str(tmp_path / "witness"))
        assert f"the port {port} cannot be listened on" in str(
            refused("port-not-usable", *witness, "--port", str(port))
        )
        with pytest.raises(UsageError, match="cannot be listened on"):
            serve_pages(tmp_path, port)
    for words in ((*witness, "--port", "65536"), ("demo", "--port", "65536"), ("demo", "--port", "-1")):
        linekeeper(*words, code=2)


# ------------------------------------------------------------------ the clock


def test_a_clock_that_was_set_back_makes_no_ruling_and_no_erasure(store: str) -> None:
    """The store's last event is of 10 July 2025; a clock of June is refused, one of a few hours before is not."""
    late = Clock(lambda: 1_750_000_000_000)
    engine = engine_of_store(store, clock=late)
    altered(store, "UPDATE events SET arrived = at")
    day = engine.kernel.calendar.day(1_750_000_000_000)
    with pytest.raises(Conflict, match=r"clock is behind the store: here it is 2025-06-15, .* of 2025-07-10") as raised:
        rule(engine, [Ruling("A-1001", 1_750_000_000_000, day, "m.chen", "looked at", cap_bp=5_000)])
    assert raised.value.code == "clock-behind-store"
    demand_clock(engine.store, Clock(lambda: 1_750_000_000_000, simulated=True))
    newest = 1_752_105_900_000  # 2025-07-10T08:05+08:00
    for now, behind in ((newest - 86_400_000, False), (newest - 86_400_001, True)):
        clock = Clock(lambda now=now: now)  # type: ignore[misc]
        if behind:
            with pytest.raises(Conflict):
                demand_clock(engine.store, clock)
        else:
            demand_clock(engine.store, clock)


# ------------------------------------------------------------------ arguments and what nobody foresaw


def test_an_argument_that_is_longer_than_any_is_refused() -> None:
    demand_readable(["a" * WORD_MAX], {})
    with pytest.raises(UsageError, match="longer than 4,096 characters") as raised:
        demand_readable(["show", "a" * (WORD_MAX + 1)], {})
    assert raised.value.code == "argument-too-long"
    assert len(str(raised.value)) < 200


def test_a_variable_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UsageError, match="the variable LINEKEEPER_STORE is not in UTF-8") as raised:
        demand_readable([], {"LINEKEEPER_STORE": "a\udcff.db", "OTHER": "\udcff"})
    assert raised.value.code == "argument-not-readable"


def failing(account: str) -> None:
    """A fault of the program, whose message names a borrower, and whose cause does too."""
    try:
        raise KeyError(f"no {account}")
    except KeyError as cause:
        raise ValueError(f"of {account}") from cause


@pytest.mark.usefixtures("no_store_open")
def test_what_nobody_foresaw_is_one_line_and_a_report_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["linekeeper", "show", "SECRET-7", "--store=secret.db", "--lang", "log"])
    with pytest.raises(ValueError, match="SECRET") as raised:
        failing("SECRET-7")
    error = as_error(raised.value)
    assert (error.code, error.kind) == ("program-failed", "program")
    (report,) = report_folder().iterdir()
    assert error.place == str(report)
    text = report.read_text("utf-8")
    assert report.stat().st_mode & 0o077 == 0
    for shown in (text, json.dumps(error.as_json()).replace(str(tmp_path), "")):
        assert "secret" not in shown.lower()
        assert str(Path.cwd()) not in shown
    assert "command: show . --store --lang ." in text
    assert [line for line in text.splitlines() if not line.startswith(" ")][2:] == ["KeyError", "ValueError"]
    assert text.splitlines()[-1].startswith("  test_mended.py:")


@pytest.mark.usefixtures("no_store_open")
def test_a_report_that_finds_no_place_is_in_the_line_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    with pytest.raises(ValueError, match="SECRET") as raised:
        failing("SECRET-7")
    error = program_fault(raised.value, ["show", "SECRET-7"])
    assert "it stood in test_mended.py:" in str(error)
    assert "SECRET" not in str(error)


def test_old_reports_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for number in range(REPORTS_MAX + 5):
        newest = write_report([f"fault {number}"])
    kept = list(report_folder().iterdir())
    assert len(kept) == REPORTS_MAX
    assert newest in kept


def test_too_little_memory_has_a_code() -> None:
    assert as_error(MemoryError()).code == "memory-exhausted"


def test_a_full_disk_under_a_sort_has_a_code(tmp_path: Path) -> None:
    numbers = pa.table({"n": list(range(1_000_000))})  # noqa: F841 -- the statement below reads it by its name
    with pytest.raises(FileError, match="cannot be sorted") as raised, sorting_store(tmp_path) as database:
        database.execute("SET temp_directory = ''; SET memory_limit = '2MB'; CREATE TABLE s AS FROM numbers ORDER BY n")
    assert raised.value.code == "output-not-writable"


def test_a_command_ends_with_one_line_whatever_fails(tmp_path: Path) -> None:
    """As a person sees it: a command that fails by a fault of the program, in a process of its own."""
    program = (
        "import linekeeper.cli.main as m, linekeeper.cli.show_commands as s\n"
        "def fails(*_, **__): raise ZeroDivisionError('SECRET-7')\n"
        "s.open_engine = fails\n"
        "m.main()\n"
    )
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    words = [sys.executable, "-c", program, "show", "SECRET-7", "--store", "x.db"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("this is a fault of Linekeeper (ZeroDivisionError); `")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "program-failed")


SORTING_LONG = """import os, signal, sys, threading
from pathlib import Path
from linekeeper.connect.large_files import sorting_store

threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    with sorting_store(Path(sys.argv[1])) as database:
        out = Path(sys.argv[1]) / "sorted.parquet"
        database.execute(f"COPY (SELECT range FROM range(300000000) ORDER BY hash(range)) TO '{out}' (FORMAT parquet)")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_a_sort_as_it_ends_all_else(tmp_path: Path) -> None:
    """The library that sorts takes the signal for itself: it once ended as a fault of the program."""
    ended = subprocess.run(
        [sys.executable, "-c", SORTING_LONG, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("interrupted\n", "", 0)


# ------------------------------------------------------------------ messages that a person can read


def test_a_file_of_many_faults_is_told_by_its_first_ones(tmp_path: Path) -> None:
    """Thousands of lines of the same fault would bury the first of them."""
    twice = "".join("  weak: {when: score < 1, suspend: yes, reason: weak_score}\n" for _ in range(3_000))
    path = tmp_path / "policy.yaml"
    path.write_text(f"policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\ntriggers:\n{twice}", "utf-8")
    with pytest.raises(PolicyError) as raised:
        load_file(path)
    assert len(raised.value.faults) == FAULTS_MAX + 1
    assert raised.value.faults[-1].message == f"{2_999 - FAULTS_MAX} more faults follow"
    assert len(str(raised.value).splitlines()) == FAULTS_SHOWN_MAX + 1


def test_a_message_stays_readable_whatever_it_quotes() -> None:
    error = LinekeeperError(
        "`" + "9" * 100_000 + "` is no name", code="choice-not-known", way_out="give it one" * 1_000
    )
    assert len(error.message) == len(error.way_out or "") == MESSAGE_MAX
    assert len(pickle.loads(pickle.dumps(error)).message) == MESSAGE_MAX


def test_a_long_expression_is_refused_before_it_is_searched_for_foreign_words() -> None:
    """The search tries patterns at every place of the text; on 100,000 digits it took more than ten seconds."""
    with pytest.raises(Misread, match="has at most 4000 characters"):
        parse("score < " + "9" * 100_000)


@pytest.mark.parametrize("days", ["1.5", "-3", "x", "[1]", "yes", "9" * 30])
def test_a_lender_whose_days_to_object_are_no_number(days: str, tmp_path: Path) -> None:
    text = (shipped("lender") / "example.yaml").read_text("utf-8")
    path = tmp_path / "lender.yaml"
    path.write_text(text.replace("days: 30", f"days: {days}"), "utf-8")
    with pytest.raises(FileError, match="does not say who the lender is"):
        read_lender_profile(path)
