"""Faults that a stranger met, each by its kind: one line that names the thing, the place and the way out."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.core.errors import LinekeeperError, PolicyError
from linekeeper.journal.keeper import new_keeper, open_keeper
from linekeeper.journal.log.cosign import Remote
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.note import COSIGNATURE, ED25519, SigningKey
from linekeeper.journal.log.signer import load_key
from linekeeper.journal.log.witness import Request
from linekeeper.policy.load import load_file
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read
from tests.hostile.home import CARD, write_tables
from tests.log.test_note import vkey_of

DEEP = "[" * 20_000
SCORED = """\
policy: scored
version: 1
currency: CNY
time_zone: Asia/Shanghai
score: {card: card.json, sha256: "00"}
triggers:
  weak: {when: score < 500, cap: 50%, reason: weak_score}
  unable: {when: burden < 10 and pd >= 2%, cap: 50%, reason: weak_score}
restoration: {first: 40%, step: 20%, every: 30d}
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, its keys and what it has published."""
    folder = tmp_path_factory.mktemp("first")
    new_keeper(folder / "keys", folder / "public", "example.com/lines")
    linekeeper("run", POLICY, EVENTS, *given(folder))
    linekeeper("log", "publish", *given(folder))
    with closing(sqlite3.connect(folder / "lines.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def logged(first: Path, tmp_path: Path) -> Path:
    """A copy of it, which is whole in itself."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return tmp_path


def given(folder: Path) -> tuple[str, ...]:
    """The options that name the store and the keys of that folder."""
    return "--store", str(folder / "lines.db"), "--keys", str(folder / "keys")


def refused(code: str, *words: str) -> LinekeeperError:
    """The error that ends the command, which is one line and has that code."""
    with pytest.raises(LinekeeperError) as raised:
        linekeeper(*words)
    assert (raised.value.code, str(raised.value).count("\n")) == (code, 0)
    return raised.value


# ------------------------------------------------------------------ scorecards


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "{card}", "none.parquet"),
        ("override", "{card}", "--feature", "f", "--points", "3", "--by", "m.chen", "--why", "seen", "-o", "made.json"),
    ],
)
@pytest.mark.parametrize("text", [DEEP, '{"a":' * 20_000, "{}", "\ufeff{}", '{"a": NaN}', '{"a": 1e400}', ""])
def test_a_card_that_is_none_is_named(words: tuple[str, ...], text: str, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(text, "utf-8")
    error = refused("scorecard-not-readable", "card", *(word.format(card=card) for word in words))
    assert str(error).startswith(f"the card `{card}` cannot be read: ")
    assert error.place == str(card)


@pytest.mark.parametrize("text", [DEEP, "{}", None])
def test_a_faulty_card_is_the_only_fault_of_its_policy(text: str | None, tmp_path: Path) -> None:
    """Which names it gives to its points nobody knows, so no name is called unknown."""
    if text is not None:
        (tmp_path / "card.json").write_text(text, "utf-8")
    (tmp_path / "policy.yaml").write_text(SCORED, "utf-8")
    with pytest.raises(PolicyError) as raised:
        load_file(tmp_path / "policy.yaml")
    assert [fault.line for fault in raised.value.faults] == [5]
    assert "the card `card.json` cannot be read" in str(raised.value)


def test_faults_that_are_not_of_the_card_stay(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(SCORED.replace("score < 500", "days_past_due >= 30 CNY"), "utf-8")
    with pytest.raises(PolicyError) as raised:
        load_file(tmp_path / "policy.yaml")
    assert [fault.line for fault in raised.value.faults] == [5, 7]


def test_a_card_whose_features_nobody_describes_is_not_judged(tmp_path: Path) -> None:
    write_tables(tmp_path)
    (tmp_path / "card.json").write_bytes(CARD)
    error = refused(
        "plan-not-usable", "card", "validate", str(tmp_path / "card.json"), str(tmp_path / "training.parquet")
    )
    assert "the card scores `paid`" in str(error)
    assert "--plan" in str(error)


# ------------------------------------------------------------------ a store that is damaged


def test_an_index_that_has_lost_its_rows_is_called_damage(tmp_path: Path) -> None:
    """The rows are written again then, which another index refuses: no fault of the program, and none to report."""
    store = tmp_path / "lines.db"
    linekeeper("run", POLICY, EVENTS, "--store", str(store))
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = ?"
        page, size = connection.execute(pages, ("sqlite_autoindex_counters_1",)).fetchone()
    with store.open("r+b") as file:
        file.seek((page - 1) * size + 3)  # how many cells the page of the index has
        file.write(b"\0\0")
    more = tmp_path / "more.jsonl"
    more.write_text(Path(EVENTS).read_text("utf-8").replace('"id": "', '"id": "more-').replace("A-1001", "B"), "utf-8")
    command = [sys.executable, "-m", "linekeeper", "run", POLICY, str(more), "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"the file of the store `sqlite:///{store}` is damaged: ")
    assert "`linekeeper verify` says more; restore the store from its newest backup" in done.stderr
    assert read("verify", "--store", str(store), code=3)["same"] is False


def test_a_file_that_is_no_store_has_a_way_out() -> None:
    error = refused("store-not-opened", "show", "A-1001", "--store", POLICY)
    assert "file is not a database; `linekeeper verify` says more; restore" in str(error)


# ------------------------------------------------------------------ keys of a log


@pytest.mark.parametrize("text", [None, "", "xx", "PRIVATE+KEY+a+b+c", DEEP])
def test_a_signing_key_that_is_none_is_named_with_a_way_out(text: str | None, logged: Path) -> None:
    key = logged / "keys" / "signer.key"
    key.unlink()
    if text is not None:
        key.write_text(text, "utf-8")
        key.chmod(0o600)
    code = "signing-key-missing" if text is None else "signing-key-not-readable"
    error = refused(code, "log", "publish", *given(logged))
    assert error.place == str(key)
    assert f"`{key}`" in error.message
    assert "put it back from its safe copy; without one, begin a new log" in str(error.way_out)


def test_a_folder_is_no_signing_key(tmp_path: Path) -> None:
    with pytest.raises(LinekeeperError, match="is a folder; name a file in it"):
        load_key(tmp_path)


@pytest.mark.parametrize("name", ["example.com/lines", "example.com/other"])
def test_the_signing_key_of_another_log_is_named(name: str, logged: Path) -> None:
    key = logged / "keys" / "signer.key"
    key.write_text(f"{SigningKey.generate(name).skey}\n", "utf-8")
    error = refused("signing-key-of-another-log", "log", "publish", *given(logged))
    assert str(error).startswith(f"`{key}` is the key of another log than `{logged / 'public' / 'log.vkey'}`; put")
    status = read("log", "status", *given(logged), code=3)
    assert (status["same"], status["error"]) == (False, "signing-key-of-another-log")


def test_a_log_is_moved_with_both_its_folders(logged: Path) -> None:
    """The settings name the public folder from the folder of the keys, where one lies beside the other."""
    moved = logged / "moved"
    moved.mkdir()
    for name in ("keys", "public"):
        (logged / name).rename(moved / name)
    words = ("--store", str(logged / "lines.db"), "--keys", str(moved / "keys"))
    assert read("log", "status", *words)["same"] is True
    linekeeper("run", POLICY, EVENTS, *words)
    assert read("log", "publish", *words)["size"] > 0
    assert not (logged / "public").exists()


def test_a_copy_of_a_log_leaves_the_folder_of_the_first_alone(logged: Path) -> None:
    assert open_keeper(logged / "keys").folder == logged / "public"


def test_keys_on_a_disk_of_their_own_are_moved_alone(tmp_path: Path) -> None:
    new_keeper(tmp_path / "disk" / "keys", tmp_path / "public", "example.com/lines")
    (tmp_path / "disk").rename(tmp_path / "other")
    assert open_keeper(tmp_path / "other" / "keys").folder == tmp_path / "public"


def test_a_public_folder_that_was_moved_away_is_not_begun_anew(logged: Path) -> None:
    (logged / "public").rename(logged / "elsewhere")
    error = refused("public-folder-missing", "log", "publish", *given(logged))
    assert f"`folder` into `{logged / 'keys' / 'log.json'}`" in str(error.way_out)
    assert not (logged / "public").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("open", "key-open-to-others"),
        ("empty", "verifier-key-not-readable"),
        ("weak", "verifier-key-weak"),
        ("gone", "file-missing"),
    ],
)
def test_a_public_key_that_cannot_be_used_says_nothing_of_the_receipt(change: str, code: str, logged: Path) -> None:
    """Exit code 1, something to mend, and not 3, which would call the receipt false."""
    receipt, vkey = str(logged / "receipt"), logged / "public" / "log.vkey"
    linekeeper("receipt", "make", "A-1001#1", "--output", receipt, *given(logged))
    if change == "open":
        vkey.chmod(0o666)
    elif change == "empty":
        vkey.write_text("", "utf-8")
    elif change == "weak":
        vkey.write_text(vkey_of(bytes(32), ED25519), "utf-8")
    else:
        vkey.unlink()
    error = refused(code, "receipt", "verify", receipt, "--vkey", str(vkey))
    assert f"`{vkey}`" in error.message


# ------------------------------------------------------------------ witnesses


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("w.vkey", "`--witness w.vkey` lacks the address of a witness"),
        ("w.vkey=", "`--witness w.vkey=` lacks the address of a witness"),
        ("=http://127.0.0.1", "`--witness =http://127.0.0.1` lacks the file of the key of a witness"),
    ],
)
def test_a_witness_without_key_or_address_is_named(text: str, said: str, logged: Path) -> None:
    error = refused("witness-address-not-usable", "log", "publish", *given(logged), "--witness", text)
    assert str(error) == f"{said}; write it like `--witness witness.vkey=https://witness.example`"


ADDRESSES = ["w", "127.0.0.1:99", "ftp://a/b", "http://", "http:///x", "http://[::1", "http://a:x", "http://a:99999"]


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_of_no_witness_is_refused_before_anything_is_published(url: str, logged: Path) -> None:
    path = logged / "w.vkey"
    path.write_text(SigningKey.generate("w.example", COSIGNATURE).verifier.vkey, "utf-8")
    path.chmod(0o644)
    words = ("log", "publish", *given(logged), "--witness", f"{path}={url}")
    error = refused("witness-address-not-usable", *words)
    assert str(error).startswith(f"`{url}` is no address of a witness; write it like `--witness ")


def test_a_witness_that_is_not_there_is_named_with_its_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"  # nobody listens there
        witness = Remote(SigningKey.generate("w.example", COSIGNATURE).verifier, url, 5.0)
        with pytest.raises(LogError) as refusal:
            witness.ask(Request(0, (), b""))
    assert str(refusal.value).startswith(f"the witness `w.example` cannot be reached at `{url}`: connection refused; ")


# ------------------------------------------------------------------ notices


def test_what_is_said_of_a_notice_that_went_out(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "lines.db"))
    linekeeper("run", POLICY, EVENTS, *store, "--jurisdiction", "CN", "--product", "consumer_loan")
    due = read("notices", "list", *store)["notices"][0]
    name = f"{due['account']}#{due['number']}"
    words = ("notices", "sent", name, *store, "--at")
    assert linekeeper(*words, "2025-12-31T09:00+08:00") == f"the notice of {name} is marked as sent\n"
    assert linekeeper(*words, "2026-01-02T09:00+08:00") == (
        f"the notice of {name} was marked as sent before, at 2025-12-31 09:00; that stands\n"
    )


# ------------------------------------------------------------------ outputs


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("kernel", POLICY, "--output"), b'"""'),
        (("accounts", "--store", "{store}", "--output"), b'"account"'),
    ],
)
def test_a_pipe_that_is_written_to_stays_a_pipe(
    words: tuple[str, ...], begins: bytes, first: Path, tmp_path: Path
) -> None:
    """No file takes its place, as none may take that of a device: root could do so to `/dev/null`."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "linekeeper", *(word.format(store=first / "lines.db") for word in words)]
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        subprocess.run([*command, str(pipe)], check=True, timeout=30, stdout=subprocess.DEVNULL)
        came, _ = reader.communicate(timeout=10)
    assert pipe.is_fifo()
    assert came.startswith(begins)
