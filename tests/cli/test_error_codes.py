"""What a command cannot do carries a code that a program can compare."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from linekeeper.core.errors import LinekeeperError, file_error
from linekeeper.engine.history import Unreadable
from linekeeper.engine.versions import stored_policy
from linekeeper.journal import tables as t
from linekeeper.journal.store import open_store
from linekeeper.texts.material import shipped
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read

ACCOUNT = "A-1001"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the tutorial's borrower, which no test changes."""
    url = str(tmp_path_factory.mktemp("store") / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", url)
    return url


def code_of(*words: str) -> str:
    """The code with which a command ends."""
    with pytest.raises(LinekeeperError) as raised:
        linekeeper(*words)
    return raised.value.code


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("what-if", ACCOUNT, "--pay", "1@2020-01-01"), "day-too-early"),
        (("what-if", ACCOUNT, "--pay", "much@2030-01-01"), "payment-not-readable"),
        (("what-if", ACCOUNT, "--pay", "1@2030-01-01", "--until", "2020-01-01"), "until-not-usable"),
        (("authorise", ACCOUNT, "5", "--at", "soon"), "instant-not-readable"),
        (("receipt", "make", "A-1001", "-o", "r.proof", "--keys", "none"), "decision-name-not-readable"),
        (("receipt", "make", "A-1001#1", "-o", "r.proof", "--keys", "none"), "keys-missing"),
    ],
)
def test_a_command_on_a_store_ends_with_a_code(words: tuple[str, ...], code: str, store: str, tmp_path: Path) -> None:
    words = tuple(str(tmp_path / word) if word in ("r.proof", "none") else word for word in words)
    assert code_of(*words, "--store", store) == code


def test_a_folder_where_a_file_is_needed(tmp_path: Path) -> None:
    assert code_of("replay", POLICY, EVENTS, "-o", str(tmp_path)) == "file-is-folder"


def test_who_signs_off_has_a_name(tmp_path: Path) -> None:
    new = str(tmp_path / "lines.db")
    assert code_of("run", POLICY, EVENTS, "--store", new, "--by", " ") == "signer-name-not-usable"


def test_a_log_has_its_keys_once_and_nothing_is_published_at_first(tmp_path: Path) -> None:
    keys, new = str(tmp_path / "keys"), str(tmp_path / "lines.db")
    init = ("log", "init", "--keys", keys, "--folder", str(tmp_path / "public"), "--name", "example.com/lines")
    linekeeper(*init)
    assert code_of(*init) == "keys-already-there"
    linekeeper("run", POLICY, EVENTS, "--store", new, "--keys", keys)
    receipt = ("receipt", "make", "A-1001#1", "-o", str(tmp_path / "r.proof"))
    assert code_of(*receipt, "--store", new, "--keys", keys) == "nothing-published"
    (tmp_path / "false.proof").write_text("no proof\n")
    verify = ("receipt", "verify", str(tmp_path / "false.proof"), "--vkey", str(tmp_path / "public" / "log.vkey"))
    assert read(*verify, code=3)["error"] == "proof-not-readable"


def test_a_store_without_a_policy_is_empty(tmp_path: Path) -> None:
    new = str(tmp_path / "lines.db")
    open_store(new).close()
    assert code_of("show", ACCOUNT, "--store", new) == "store-empty"


def test_a_policy_of_a_newer_language_is_not_read(tmp_path: Path) -> None:
    new = str(tmp_path / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", new)
    with open_store(new).writing() as connection:
        connection.execute(update(t.policies).values(edition=99))
    with pytest.raises(LinekeeperError, match="edition 99 of the language") as raised:
        stored_policy(open_store(new))
    assert raised.value.code == "policy-of-newer-linekeeper"


def test_an_error_of_the_system_names_its_file() -> None:
    error = file_error(PermissionError(13, "Permission denied", "a.parquet"))
    assert str(error) == "`a.parquet` cannot be used: permission denied"
    assert (error.code, error.kind, error.place) == ("file-not-usable", "file", "a.parquet")


def test_a_file_of_the_product_that_is_not_there() -> None:
    with pytest.raises(LinekeeperError) as raised:
        shipped("none.yaml")
    assert raised.value.code == "material-missing"


def test_a_stored_event_that_cannot_be_read_is_named_with_its_account() -> None:
    assert Unreadable("e1", "A").details == {"account": "A", "event": "e1"}
