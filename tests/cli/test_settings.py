"""Where an option is not given: the environment, then the nearest `linekeeper.toml`, then a default."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.cli.settings import DEFAULTS, setting, variable
from linekeeper.core.errors import LinekeeperError
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read
from tests.style.repository import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in DEFAULTS:
        monkeypatch.delenv(variable(name), raising=False)
    return tmp_path


def run_example(*options: str) -> None:
    """Take the example's events in."""
    linekeeper("run", str(ROOT / POLICY), str(ROOT / EVENTS), *options)


def code_of(*words: str) -> str:
    """The code with which a command ends."""
    with pytest.raises(LinekeeperError) as raised:
        linekeeper(*words)
    return raised.value.code


def test_without_any_setting_the_store_lies_in_the_working_folder(folder: Path) -> None:
    run_example()
    assert (folder / "linekeeper.db").exists()
    assert read("show", "A-1001")["status"] == "restoring"


def test_who_only_asks_makes_no_store_and_hears_where_one_was_looked_for(folder: Path) -> None:
    with pytest.raises(LinekeeperError, match=r"no store `linekeeper\.db` here.*name one with `--store`") as raised:
        linekeeper("show", "A-1001")
    assert raised.value.code == "store-missing"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["", " "])
def test_a_store_without_a_name_is_none_in_memory(name: str) -> None:
    """As where a shell's variable is not set: all that was decided would be lost, and nobody would hear of it."""
    with pytest.raises(LinekeeperError, match="the name of the store is empty"):
        run_example("--store", name)


def test_an_option_goes_before_a_variable_and_a_variable_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "linekeeper.toml").write_text('store = "of-file.db"\n')
    run_example()
    assert (folder / "of-file.db").exists()
    monkeypatch.setenv("LINEKEEPER_STORE", "of-variable.db")
    run_example()
    assert (folder / "of-variable.db").exists()
    run_example("--store", "of-option.db")
    assert (folder / "of-option.db").exists()
    assert not (folder / "linekeeper.db").exists()


@pytest.mark.parametrize("written", ["lines.db", "sqlite:///lines.db"])
def test_the_nearest_file_above_counts_and_its_paths_are_from_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    (folder / "linekeeper.toml").write_text(f'store = "{written}"\nkeys = "secret"\nlang = "zh"\n')
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    store, keys, lang, *others = read("settings")["settings"]
    assert store["value"].removeprefix("sqlite:///") == str(folder / "lines.db")
    assert (keys["value"], lang["value"]) == (str(folder / "secret"), "zh")
    assert {one["origin"] for one in (store, keys, lang)} == {str(folder / "linekeeper.toml")}
    assert {(one["value"], one["origin"]) for one in others} == {
        (None, "default"),
        ("main", "default"),
        ("24h", "default"),
    }
    (folder / "a" / "linekeeper.toml").write_text('store = "nearer.db"\n')
    assert setting("store").value == str(folder / "a" / "nearer.db")
    assert setting("lang").value == "en"


def test_a_language_and_a_lender_from_the_file(folder: Path) -> None:
    run_example()
    assert "Your credit limit" in linekeeper("notice", "A-1001")
    (folder / "linekeeper.toml").write_text('lang = "zh"\n')
    assert "额度" in linekeeper("notice", "A-1001")
    (folder / "linekeeper.toml").write_text('lender = "none.yaml"\n')
    with pytest.raises((LinekeeperError, OSError), match=r"none\.yaml"):
        linekeeper("notice", "A-1001")


def test_the_log_needs_keys_that_an_option_or_a_setting_names(folder: Path) -> None:
    assert code_of("log", "init", "--folder", "public", "--name", "example.com/lines") == "log-keys-needed"
    (folder / "linekeeper.toml").write_text('keys = "keys"\n')
    linekeeper("log", "init", "--folder", "public", "--name", "example.com/lines")
    assert (folder / "keys").is_dir()


@pytest.mark.parametrize(
    ("text", "code", "line", "reason"),
    [
        ('store = "a.db"\nstore = "b.db"\n', "settings-not-readable", 2, "cannot overwrite a value"),
        ("store =", "settings-not-readable", 1, "invalid value"),
        ('# mine\n\nstroe = "a.db"\n', "setting-not-usable", 3, "`stroe` is no setting"),
        ('lang = "zh"\nstore = 5\n', "setting-not-usable", 2, "not a text"),
        ('[store]\npath = "a.db"\n', "setting-not-usable", 1, "`store` is not a text"),
        ('store = ""\n', "setting-not-usable", 1, "not a text"),
    ],
)
def test_a_faulty_file_is_named_with_the_line(folder: Path, text: str, code: str, line: int, reason: str) -> None:
    (folder / "linekeeper.toml").write_text(text)
    with pytest.raises(LinekeeperError, match=rf"linekeeper\.toml:{line}\b") as raised:
        linekeeper("show", "A-1001")
    assert raised.value.code == code
    assert reason in str(raised.value)
    assert linekeeper("show", "--help")


def test_a_file_that_is_not_text_is_no_settings(folder: Path) -> None:
    (folder / "linekeeper.toml").write_bytes(b"store = '\xff'\n")
    assert code_of("settings") == "settings-not-readable"
