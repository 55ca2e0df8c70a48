"""describe, lesson, repay-plan and clock, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.core.errors import LinekeeperError
from linekeeper.notice.prose import describe
from linekeeper.policy.load import load_file

POLICY = Path(__file__).parents[2] / "policies" / "credit-card.yaml"


def run(*words: str) -> str:
    """What the command prints; its error is raised."""
    result = CliRunner().invoke(build(), list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_describe() -> None:
    assert run("describe", str(POLICY), "--lang", "zh") == f"{describe(load_file(POLICY), 'zh')}\n"
    shown = json.loads(run("describe", str(POLICY), "--json"))
    assert shown["sections"][0]["title"] == "Ground"


def test_lessons() -> None:
    assert "days_past_due: 什么是逾期天数\n" in run("lesson", "--lang", "zh")
    shown = run("lesson", "borrowing_elsewhere", "--amount", "8000", "--days", "60")
    assert "CN¥8,000 for 60 days at 24% a year costs about CN¥315.62 in interest." in shown
    assert "JP¥5,000 for 90 days" in run("lesson", "borrowing_elsewhere", "--currency", "JPY")


def test_a_repayment_plan() -> None:
    debts = ("card:6000:18%:200", "shop:1500:12%:100")
    assert run("repay-plan", *debts, "--monthly", "1000") == (
        "Dearest first: done after 8 months, CN¥465.12 in interest.\n"
        "Smallest first: done after 9 months, CN¥503.68 in interest.\n"
    )
    assert [
        plan["months"] for plan in json.loads(run("repay-plan", *debts, "--monthly", "1000", "--json"))["plans"]
    ] == [8, 9]


def test_a_clock() -> None:
    shown = run("clock", "US", "credit_card", "reasons_request", "--day", "2026-05-02", "--zone", "America/New_York")
    assert shown == "due before 2026-06-02 00:00, alarm from 2026-05-26 00:00 (us-regb-reasons-on-request, published)\n"
    assert (
        json.loads(run("clock", "CN", "consumer_loan", "close", "--day", "2026-05-02", "--json"))["rule"]
        == "house-notice"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lesson", "luck"), "the lesson `luck` does not exist; choose one of account_safety"),
        (("lesson", "--lang", "fr"), "`fr` is not a language of the notices"),
        (("lesson", "limit_use", "--amount", "much"), "`much` is not an amount"),
        (("lesson", "limit_use", "--amount", "0.001"), "`0.001` is not an amount"),
        (("repay-plan", "card:600", "--monthly", "10"), "`card:600` is not a debt; write NAME:BALANCE:RATE:MINIMUM"),
        (
            ("repay-plan", "card:600:1%:20", "--monthly", "10"),
            "CN¥10 a month does not cover the minimums, which are CN¥",
        ),
        (("clock", "CN", "consumer_loan", "dance", "--day", "2026-05-02"), "no clock is known for `dance`"),
    ],
)
def test_mistakes_are_shown(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(LinekeeperError) as error:
        run(*words)
    assert message in str(error.value)
