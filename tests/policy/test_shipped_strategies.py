"""The shipped strategies decide as a credit officer would say: each story stands beside the events that tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

import linekeeper as lk
from linekeeper.notice.lender_words import LenderWords, names_shown_raw
from linekeeper.policy.load import load_file

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "docs" / "examples" / "policies"
Decided = list[tuple[str, str, str, int]]


def decided(name: str, until: str) -> Decided:
    """Account, local day, action and limit in whole units, of each decision."""
    result = lk.replay(ROOT / "policies" / f"{name}.yaml", EVENTS / f"{name}.jsonl", until=until)
    return [(one.account, one.at.date().isoformat(), one.action, one.limit_minor // 100) for one in result.decisions]


def test_short_loans() -> None:
    """A earns 4,500 and begins with 2,000; after three loans repaid on time a rung is offered. B earns too little.

    C pays 20 days late and steps down, then repays a small loan on time and climbs back. D's line is taken over, or so
    it looks, and is whole again as soon as the alarm has passed. E wants no more than 500, and that is no restriction.
    """
    assert decided("short-loans", "2026-06-20") == [
        ("A", "2026-01-05", "assign", 2_000),
        ("A", "2026-04-15", "offer", 2_000),
        ("B", "2026-01-05", "refuse", 0),
        ("C", "2026-01-05", "assign", 3_000),
        ("C", "2026-02-08", "suspend", 3_000),
        ("C", "2026-02-20", "decrease", 1_200),
        ("C", "2026-02-25", "keep", 1_200),
        ("C", "2026-03-31", "restore", 1_200),
        ("C", "2026-04-14", "restore", 1_800),
        ("C", "2026-04-28", "restore", 2_400),
        ("C", "2026-05-12", "restore", 3_000),
        ("D", "2026-01-05", "assign", 3_000),
        ("D", "2026-01-20", "suspend", 3_000),
        ("D", "2026-01-23", "restore", 3_000),
        ("E", "2026-01-05", "assign", 3_000),
        ("E", "2026-02-01", "own_choice", 3_000),
    ]


def test_overdraft() -> None:
    """A is paid each month and owes no more than that carries: nothing happens.

    B's income stops: he is told on 9 June, and cut to what he owes on 9 July. C does not meet a call, and is let back
    when it is met. D is nearly full, and hears a word before it hurts; then his income stops, and a cut is announced.
    """
    assert decided("overdraft", "2026-10-01") == [
        ("B", "2026-06-09", "announce", 2_000),
        ("B", "2026-07-09", "decrease", 900),
        ("C", "2026-02-10", "suspend", 1_000),
        ("C", "2026-02-20", "restore", 1_000),
        ("D", "2026-03-25", "contact", 1_000),
        ("D", "2026-05-21", "announce", 1_000),
        ("D", "2026-06-03", "announce", 1_000),
        ("D", "2026-06-20", "decrease", 600),
        ("D", "2026-07-03", "keep", 600),
    ]


def test_the_overdraft_keeps_to_the_law_that_it_names() -> None:
    """Whatever lowers the line is told 30 days before it is in effect; what only stops new drawing works at once."""
    policy = load_file(ROOT / "policies" / "overdraft.yaml")
    lowers = [one for one in policy.triggers if one.caps_limit and not one.close]
    assert lowers
    assert {one.effective_days for one in lowers} == {30}
    assert {one.effective_days for one in policy.triggers if one.suspend} == {0}


@pytest.mark.parametrize("name", ["short-loans", "overdraft"])
def test_their_letters_show_no_raw_name(name: str) -> None:
    assert names_shown_raw(load_file(ROOT / "policies" / f"{name}.yaml"), LenderWords()) == []
