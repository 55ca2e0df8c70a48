"""Notices and the outbox on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linekeeper.core.errors import LinekeeperError
from tests.brake.bank import everyone_late, openings
from tests.brake.commands import given, read, run_feed

LAW = ("--jurisdiction", "CN", "--product", "internet_consumer_loan")


@pytest.fixture
def store(tmp_path: Path) -> str:
    """One line, late on day 5, notified under the law of China."""
    run_feed(tmp_path, "openings", openings(1), *LAW)
    run_feed(tmp_path, "feed", everyone_late(1, 5))
    return str(tmp_path / "bank.db")


def test_a_notice_as_text_html_and_json(store: str) -> None:
    text = given("notice", "A000#2", "--store", store).stdout
    assert "You cannot borrow on this line for now" in text
    assert "90 days late" in text
    assert "90天" in given("notice", "A000", "--store", store, "--lang", "zh").stdout
    page = given("notice", "A000", "--store", store, "--format", "html").stdout
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    shown = json.loads(given("notice", "A000", "--store", store, "--format", "json").stdout)
    assert shown["due_at"] == "2024-10-11T00:00:00Z"
    assert shown["road_back"]["fastest"]["verified"] is True


def test_the_outbox_from_due_to_sent(store: str) -> None:
    def listed(at: str) -> list[tuple[int, str]]:
        rows = read("notices", "list", "--store", store, "--at", at)["notices"]
        return [(row["number"], row["clock_state"]) for row in rows]

    assert listed("2024-10-09T13:00+00:00") == [(1, "late"), (2, "running")]
    assert listed("2024-10-10T13:00+00:00") == [(1, "late"), (2, "alarm")]
    assert listed("2024-10-11T00:00+00:00") == [(1, "late"), (2, "late")]
    given("notices", "sent", "A000#1", "--store", store, "--at", "2024-10-09T13:00+00:00")
    assert listed("2024-10-09T13:00+00:00") == [(2, "running")]
    assert "1 notice to send" in given("notices", "list", "--store", store, "--at", "2024-10-09T13:00+00:00").stdout
    by_the_clock = read("notices", "list", "--store", store)  # the store's latest event is years old
    assert [row["clock_state"] for row in by_the_clock["notices"]] == ["late"]


def test_wrong_words_are_said_plainly(store: str, tmp_path: Path) -> None:
    with pytest.raises(LinekeeperError, match="`pdf` is no form of a notice"):
        given("notice", "A000", "--store", store, "--format", "pdf")
    with pytest.raises(LinekeeperError, match="`fr`"):
        given("notice", "A000", "--store", store, "--lang", "fr")
    with pytest.raises(LinekeeperError, match="no decision `A000#9`"):
        given("notice", "A000#9", "--store", store)
    with pytest.raises(LinekeeperError, match="need both `--jurisdiction` and `--product`"):
        run_feed(tmp_path, "more", everyone_late(1, 6), "--jurisdiction", "CN")
