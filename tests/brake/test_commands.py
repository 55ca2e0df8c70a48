"""The brake on the command line: loud where it holds, and every way out of a hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linekeeper.core.errors import LinekeeperError
from tests.brake.bank import everyone_late, openings
from tests.brake.commands import given, read, run_feed

COUNT = 30
WHEN = "2024-10-10T09:00+00:00"
WHO = ("--by", "m.chen", "--why", "looked at by hand", "--at", WHEN)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Thirty lines; a feed has said that all are 90 days late; the brake let three restrictions pass."""
    run_feed(tmp_path, "openings", openings(COUNT))
    run_feed(tmp_path, "feed", everyone_late(COUNT, 5), "--brake")
    return str(tmp_path / "bank.db")


def test_a_braked_run_says_so_loudly(tmp_path: Path) -> None:
    run_feed(tmp_path, "openings", openings(COUNT))
    result = run_feed(tmp_path, "feed", everyone_late(COUNT, 5), "--brake", "--json")
    assert "BRAKE: 27 restrictions wait for a person; see `linekeeper pending list`" in result.stderr
    told = json.loads(result.stdout)
    assert told["pending"] == 27
    assert told["decisions"]["suspend"] == 3


def test_without_the_flag_a_file_is_history(tmp_path: Path) -> None:
    run_feed(tmp_path, "openings", openings(COUNT))
    result = run_feed(tmp_path, "feed", everyone_late(COUNT, 5), "--json")
    assert result.stderr == ""
    told = json.loads(result.stdout)
    assert told["pending"] == 0
    assert told["decisions"]["suspend"] == 30


def test_list_release_refuse(store: str) -> None:
    waiting = read("pending", "list", "--store", store)["restrictions"]
    assert len(waiting) == 27
    assert waiting[0]["account"] == "A003"
    assert (waiting[0]["action"], waiting[0]["limit_minor"]) == ("suspend", 50_000)
    assert waiting[0]["reasons"] == ["serious_arrears", "arrears"]
    assert read("pending", "release", "A003", "A004", "--store", store, *WHO)["released"] == 2
    assert read("pending", "refuse", "A005", "--store", store, "--until", "2024-12-31", *WHO)["refused"] == 1
    refused = read("pending", "refuse", "--all", "--store", store, "--until", "2024-12-31", *WHO)
    assert (refused["refused"], refused["still_waiting"], refused["decisions"]) == (24, [], 0)
    assert read("pending", "list", "--store", store)["restrictions"] == []
    rows = read("pending", "list", "--ended", "--store", store)["restrictions"]
    ended = {row["account"]: row["ended"] for row in rows}
    assert (ended["A003"], ended["A005"], ended["A029"]) == ("released", "refused", "refused")
    assert read("show", "A003", "--store", store)["limit_minor"] == 50_000
    assert read("show", "A005", "--store", store)["limit_minor"] == 100_000
    assert read("verify", "--store", store)["same"] is True


def test_the_list_in_words(store: str) -> None:
    said = given("pending", "list", "--store", store).stdout
    assert "27 restrictions waiting for a person" in said
    assert "A003  since 2024-10-09  suspend  1,000.00 CNY -> 500.00 CNY  arrears_30, arrears_90" in said


@pytest.mark.parametrize("accounts", [[], ["A003", "--all"]])
def test_a_release_says_of_whom(store: str, accounts: list[str]) -> None:
    with pytest.raises(LinekeeperError, match="say which accounts, or `--all`, not both"):
        given("pending", "release", *accounts, "--store", store, *WHO)


def test_a_ruling_on_history_needs_its_own_time(store: str) -> None:
    with pytest.raises(LinekeeperError, match="days old; name the time of the ruling: `--at`"):
        given("pending", "release", "A003", "--store", store, *WHO[:-2])


def test_override_and_consent(store: str) -> None:
    common = ("A000", "--store", store, "--until", "2024-12-31", *WHO)
    made = read("override", *common, "--trigger", "arrears_90", "--id", "r1")
    assert made["event"] == "r1"
    assert read("override", *common, "--cap", "12.5%")["decisions"][0]["limit_minor"] == 12_500
    with pytest.raises(LinekeeperError, match="name one of `--trigger`, `--cap`"):
        given("override", *common)
    with pytest.raises(LinekeeperError, match="`half` is not a share"):
        given("override", *common, "--cap", "half")
    with pytest.raises(LinekeeperError, match="no offer to `A000` is open"):
        given("consent", "A000", "--offer", "1", "--store", store, "--at", WHEN)


def test_a_review_is_braked_where_asked(tmp_path: Path) -> None:
    run_feed(tmp_path, "openings", openings(COUNT))
    run_feed(tmp_path, "feed", everyone_late(COUNT, 5), "--brake")
    told = read("review", "--store", str(tmp_path / "bank.db"), "--until", "2024-10-20", "--brake")
    assert (told["until"], told["decisions"], told["pending"]) == ("2024-10-20", {}, 0)
