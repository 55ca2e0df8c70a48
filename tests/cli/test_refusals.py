"""What a command cannot do it says in one line, before it has done any of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import UsageFault, build, usage_error
from linekeeper.core.errors import FileError, LinekeeperError
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read

PLAN = str(Path(POLICY).parents[2] / "src/linekeeper/datasets/plans/taiwan.yaml")
NO_FOLDER = "there is no folder `/nowhere` to write to"
NO_STORE = "there is no store `sqlite:///none.db`; `linekeeper run` makes one"
NO_TIME = "`at` is 'soon', which is not a time with its UTC offset"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fmt", "none.yaml"), "there is no file `none.yaml`"),
        (("check", POLICY, "none.yaml"), "there is no file `none.yaml`"),
        (("check", "/"), "`/` is a folder; name a file in it"),
        (("replay", POLICY, EVENTS, "-o", "/nowhere/d.parquet"), NO_FOLDER),
        (("replay", POLICY, EVENTS, "--rejected", "/nowhere/a.jsonl"), NO_FOLDER),
        (("run", POLICY, EVENTS, "--store", "new.db", "--rejected", "."), "`.` is a folder; name a file in it"),
        (("import", "jsonl", EVENTS, POLICY, "-o", "/nowhere/e.parquet"), NO_FOLDER),
        (("show", "A", "--store", "none.db"), NO_STORE),
        (("verify", "--store", "none.db"), NO_STORE),
        (("demo", "--folder", "/dev/null/x", "--accounts", "1", "--days", "30"), "`/dev/null/x` cannot be used: "),
    ],
)
def test_one_line_and_exit_code_1(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """As a person sees it: a process of its own, in an empty folder, which stays empty."""
    command = [sys.executable, "-m", "linekeeper.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_instant_that_is_none(tmp_path: Path) -> None:
    store = str(tmp_path / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", store)
    command = [
        sys.executable,
        "-m",
        "linekeeper.cli.main",
        "authorise",
        "A-1001",
        "5",
        "--at",
        "soon",
        "--store",
        store,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith(NO_TIME)) == (1, True)


def test_fmt_writes_all_files_or_none(tmp_path: Path) -> None:
    loose, broken = tmp_path / "loose.yaml", tmp_path / "broken.yaml"
    text = Path(POLICY).read_text("utf-8").replace("days_past_due >= 3,", "days_past_due>=3,")
    loose.write_text(text, "utf-8")
    broken.write_text("a: [", "utf-8")
    command = [sys.executable, "-m", "linekeeper.cli.main", "fmt", str(loose), str(broken)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert loose.read_text("utf-8") == text
    assert read("fmt", str(loose)) == {"schema": "linekeeper/fmt/1", "changed": [str(loose)], "written": True}
    assert read("fmt", str(loose)) == {"schema": "linekeeper/fmt/1", "changed": [], "written": True}
    assert "days_past_due >= 3," in loose.read_text("utf-8")


def test_fmt_keeps_line_ends_and_mode(tmp_path: Path) -> None:
    policy = tmp_path / "windows.yaml"
    loose = Path(POLICY).read_bytes().replace(b"days_past_due >= 3,", b"days_past_due>=3,").replace(b"\n", b"\r\n")
    policy.write_bytes(loose)
    policy.chmod(0o600)
    assert read("fmt", "--check", str(policy), code=1)["changed"] == [str(policy)]
    assert read("fmt", str(policy))["changed"] == [str(policy)]
    assert policy.read_bytes() == loose.replace(b"days_past_due>=3,", b"days_past_due >= 3,")
    assert policy.stat().st_mode & 0o777 == 0o600
    assert read("fmt", "--check", str(policy))["changed"] == []


@pytest.mark.parametrize("wrong", [["nofile.jsonl"], ["docs/examples/cash-line.jsonl", "--until", "nonsense"]])
def test_a_run_that_cannot_begin_leaves_no_store(tmp_path: Path, wrong: list[str]) -> None:
    """To open an empty store begins it under a policy, so whatever else is given is read before."""
    store = tmp_path / "lines.db"
    result = CliRunner().invoke(build(), ["run", "docs/examples/cash-line.yaml", *wrong, "--store", str(store)])
    assert result.exit_code != 0
    assert not store.exists()


JSON_ERRORS = [
    (("show", "A", "--store", "none.db"), "store-missing", "store", "sqlite:///none.db"),
    (("fmt", "none.yaml"), "file-missing", "file", "none.yaml"),
    (("check", "none.yaml"), "file-missing", "file", "none.yaml"),
    (("replay", POLICY, EVENTS, "-o", "/nowhere/d.parquet"), "folder-missing", "file", "/nowhere"),
    (("replay", POLICY, "none.jsonl"), "file-missing", "file", "none.jsonl"),
    (("demo", "--folder", "/dev/null/x", "--accounts", "1", "--days", "30"), "file-not-usable", "file", "/dev/null/x"),
]


@pytest.mark.parametrize(("words", "code", "kind", "place"), JSON_ERRORS)
def test_with_json_an_error_is_one_object_on_standard_output(
    words: tuple[str, ...], code: str, kind: str, place: str, tmp_path: Path
) -> None:
    """Where a program awaits the answer, it finds the same sentence as a person, with its code."""
    command = [sys.executable, "-m", "linekeeper.cli.main", *words]
    plain = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (1, "", 1)
    error = json.loads(done.stdout)
    assert list(error) == ["schema", "error", "kind", "message", "place", "way_out", "details"]
    assert (error["error"], error["kind"], error["place"]) == (code, kind, place)
    assert plain.returncode == 1
    assert plain.stderr == "; ".join(filter(None, (error["message"], error["way_out"]))) + "\n"


def test_the_details_of_an_error_name_what_was_given(tmp_path: Path) -> None:
    store = str(tmp_path / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", store)
    command = [sys.executable, "-m", "linekeeper.cli.main", "show", "B", "--json", "--store", store]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)
    assert (done.returncode, error["error"], error["kind"]) == (1, "account-not-known", "not-found")
    assert error["details"] == {"account": "B"}
    assert error["way_out"] == "send its `open` event first"


def test_an_account_that_is_called_like_the_option_is_no_option(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "linekeeper.cli.main", "show", "--store", "none.db", "--", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{NO_STORE}\n")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "none"),
        ("fit", "none", "--plan", PLAN),
        ("fit", "none", "--plan", "none"),
        ("fit", "none", "--policy", "none"),
        ("fit", "none", "--policy", POLICY),
        ("fit", "none", "--data", "taiwan"),
        ("forecast", "none"),
        ("replay", POLICY, "none.csv"),
        ("replay", POLICY, EVENTS, "--mapping", "none"),
        ("run", POLICY, "none.csv", "--store", "new.db"),
        ("import", "csv", "none", "--policy", POLICY),
        ("import", "taiwan", "none"),
        ("receipt", "verify", "none", "--vkey", "none"),
    ],
)
def test_a_file_that_is_not_there_has_one_code_wherever_it_is_named(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="there is no file `none") as refused:
        linekeeper(*words)
    assert (refused.value.code, refused.value.place) == ("file-missing", next(w for w in words if w.startswith("none")))


# ------------------------------------------------------------------ wrong usage


@pytest.mark.parametrize(
    ("words", "code", "message", "way_out"),
    [
        (("show", "A", "--foo"), "option-not-known", "no such option: `--foo`", "see `linekeeper show --help`"),
        (("show",), "argument-missing", "missing argument `ACCOUNT`", "see `linekeeper show --help`"),
        (("shw",), "command-line-not-readable", "no such command `shw`", "did you mean `show`?"),
        (("log", "pubish"), "command-line-not-readable", "no such command `pubish`", "did you mean `publish`?"),
        (
            ("replay", POLICY, EVENTS, "--until", "2025-12-31", "--until", "2025-01-31"),
            "command-line-not-readable",
            "invalid value for `--until`: given 2 times, and may be given once",
            "see `linekeeper replay --help`",
        ),
    ],
)
def test_with_json_wrong_usage_is_one_object_too(
    words: tuple[str, ...], code: str, message: str, way_out: str, tmp_path: Path
) -> None:
    command = [str(Path(sys.executable).with_name("linekeeper")), *words]
    plain = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (plain.returncode, plain.stdout) == (2, "")
    assert plain.stderr == f"{message}; {way_out}\n"
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (2, "", 1)
    error = json.loads(done.stdout)
    assert (error["error"], error["kind"], error["message"], error["way_out"]) == (code, "usage", message, way_out)


@pytest.mark.parametrize(
    ("words", "code"), [(("show", "A", "--foo"), "option-not-known"), (("shw",), "command-line-not-readable")]
)
def test_wrong_usage_has_a_code(words: tuple[str, ...], code: str) -> None:
    with pytest.raises(UsageFault) as fault:
        build()(list(words), standalone_mode=False)
    assert usage_error(fault.value).code == code


@pytest.mark.parametrize(
    "words", [("settings", "--json", "--json"), ("import", "csv", "a", "--map", "a=", "--map", "b=")]
)
def test_flags_and_lists_may_be_repeated(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(build(), list(words)).exit_code != 2


# ------------------------------------------------------------------ a first run that fails binds nothing

REJECTED = '{"id": "1", "account": "A", "kind": "opn", "at": "2025-03-03T10:00:00+08:00"}\n'
NOT_OPEN = '{"id": "1", "account": "A", "kind": "draw", "at": "2025-03-03T10:00:00+08:00", "amount": 1}\n'


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (REJECTED, ()),
        (NOT_OPEN, ("--until", "2025-01-01")),
        (None, ("--keys", "none")),
        (None, ("--by", " ")),
        (None, ("--jurisdiction", "XX", "--product", "credit_card")),
        (None, ("--jurisdiction", "EU", "--product", "bananas")),
        (None, ("--brake",)),
    ],
)
def test_a_run_that_fails_binds_a_new_store_to_nothing(
    text: str | None, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same store then takes another policy, and another law."""
    monkeypatch.chdir(tmp_path)
    events, other = tmp_path / "events.jsonl", tmp_path / "other.yaml"
    events.write_text(text or Path(EVENTS).read_text("utf-8"), "utf-8")
    other.write_text(Path(POLICY).read_text("utf-8").replace("policy: cash-line", "policy: other"), "utf-8")
    policy = tmp_path / "policy.yaml"
    policy.write_text(Path(POLICY).read_text("utf-8").replace("brake: ", "# brake: "), "utf-8")
    result = CliRunner().invoke(build(), ["run", str(policy), str(events), "--store", "new.db", *options])
    assert result.exit_code != 0
    if text != NOT_OPEN:  # that the account is not open is known only where a store is
        assert not Path("new.db").exists()
    ran = read("run", str(other), EVENTS, "--store", "new.db", "--jurisdiction", "eu", "--product", "Credit_Card")
    assert ran["events"] == 10
    assert read("verify", "--store", "new.db")["same"] is True


def test_a_law_is_named_in_any_case_and_is_one_law(tmp_path: Path) -> None:
    store = str(tmp_path / "lines.db")
    law = ("--product", "consumer_loan", "--jurisdiction")
    linekeeper("run", POLICY, EVENTS, "--store", store, *law, "eu")
    linekeeper("run", POLICY, EVENTS, "--store", store, *law, "EU")
    with pytest.raises(LinekeeperError, match="use one of CN, EU, UK, US"):
        linekeeper("run", POLICY, EVENTS, "--store", store, *law, "XX")


@pytest.fixture(scope="module")
def asked_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the example in it."""
    url = str(tmp_path_factory.mktemp("asked") / "lines.db")
    read("run", POLICY, EVENTS, "--store", url)
    return url


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("accounts", "--day", "2052-01-01"), "day-not-begun"),
        (("events", "--day", "2052-01-01"), "day-not-begun"),
        (("features", "--day", "2052-01-01"), "day-not-begun"),
        (("accounts", "--day", "2052-01-01", "-o", "a.csv"), "day-not-begun"),
        (("notices", "list", "--day", "2052-01-01", "-o", "n.csv"), "day-not-begun"),
        (("authorise", "A-1001", "5", "--at", "2052-01-01T00:00+08:00"), "instant-not-begun"),
        (("authorise", "A-1001", "5", "--at", "1970-01-20T00:00+08:00"), "instant-not-begun"),
        (("decisions", "--from", "2025-06-01", "--until", "2025-05-01"), "until-not-usable"),
    ],
)
def test_nobody_is_told_what_nobody_can_know(
    asked_store: str, words: tuple[str, ...], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LinekeeperError) as refused:
        linekeeper(*words, "--store", asked_store)
    assert refused.value.code == code
    assert not any(tmp_path.iterdir())


def test_a_simulation_may_ask_about_the_future(asked_store: str) -> None:
    words = ("authorise", "A-1001", "5", "--at", "2052-01-01T00:00+08:00", "--simulate")
    assert read(*words, "--store", asked_store)["account"] == "A-1001"


@pytest.mark.parametrize("given", ["forever", "-1d", "40000d"])
def test_settings_do_not_show_what_no_command_takes(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_TOLERANCE", given)
    with pytest.raises(LinekeeperError) as refused:
        linekeeper("settings")
    assert refused.value.code == "setting-not-usable"


UNSEEN = "a\nb\x1b[31m\u202ec"  # a new line, a colour of the terminal, and letters that run backwards


@pytest.mark.parametrize(
    "words",
    [
        ("check", UNSEEN),
        (UNSEEN,),
        ("show", f"--{UNSEEN}"),
        ("replay", POLICY, EVENTS, "--until", UNSEEN),
        ("show", UNSEEN, "--store", f"{UNSEEN}.db"),
        ("receipt", "verify", EVENTS, "--vkey", UNSEEN),
    ],
)
def test_an_error_is_one_line_whatever_was_typed(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("linekeeper")), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
