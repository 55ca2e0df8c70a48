"""What a person types as money, a share, a time or a currency is read as meant, or refused by name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from linekeeper.cli.arguments import instant_ms, minor_units, share_bp
from linekeeper.cli.main import build
from linekeeper.cli.road_commands import payment_of
from linekeeper.core.errors import LinekeeperError
from linekeeper.policy.load import load_file

ODD = [
    "250,50",
    "1,000",
    "18,5",
    "1 000",
    "-5",
    "+5",
    "５",
    "1e3",
    "0x5",
    "",
    ".",
    "1.",
    ".5",
    "NaN",
    "1.005",
    "1.000",
    "1.500",
    "9" * 30,
]


@pytest.mark.parametrize("text", ODD)
def test_what_may_mean_two_amounts_or_none_is_refused(text: str) -> None:
    with pytest.raises(LinekeeperError, match="is not an amount") as refused:
        minor_units(text, 2)
    assert refused.value.code == "amount-not-readable"
    with pytest.raises(LinekeeperError, match="is not a share"):
        share_bp(text + "%")
    with pytest.raises(LinekeeperError, match="is not a payment"):
        payment_of(load_file("docs/examples/cash-line.yaml"), text + "@2025-06-03")


def test_plain_amounts_are_read_to_the_cent() -> None:
    assert [minor_units(text, 2) for text in ("250", "250.5", "250.50", "0.07", "1_000")] == [
        25_000, 25_050, 25_050, 7, 100_000,
    ]  # fmt: skip
    assert minor_units("250", 0) == 250
    assert [share_bp(text) for text in ("50%", "12.5%", "0.01%")] == [5_000, 1_250, 1]


@pytest.mark.parametrize("offset", ["+08:60", "+0860", "+24:00", "+99:99"])
def test_an_offset_that_no_clock_has_is_refused(offset: str) -> None:
    with pytest.raises(LinekeeperError, match="is not a time with its UTC offset"):
        instant_ms(f"2025-03-01T08:00:00{offset}")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["repay-plan", "card:6000:18,5%:200", "--monthly", "500"], "amount-not-readable"),
        (["repay-plan", "card:6000:18%:200", "--monthly", "500,50"], "amount-not-readable"),
        (["repay-plan", "card:6000:18%:200", "--monthly", "500", "--currency", ""], "currency-not-readable"),
        (["repay-plan", "card:6000:18%:200", "--monthly", "500", "--currency", "日本円"], "currency-not-readable"),
        (["lesson", "budget_check", "--amount", "500", "--currency", ""], "currency-not-readable"),
        (["clock", "US", "credit", "decrease", "--day", "2025-05-01", "--zone", "Mars/Olympus"], "time-zone-not-known"),
        (["clock", "US", "credit", "decrease", "--day", "2025-05-01", "--zone", ""], "time-zone-not-known"),
        (
            ["clock", "US", "credit", "decrease", "--day", "2025-05-01", "--zone", "../etc/passwd"],
            "time-zone-not-known",
        ),
    ],
)
def test_a_command_refuses_by_name(words: list[str], code: str) -> None:
    result = CliRunner().invoke(build(), words)
    assert isinstance(result.exception, LinekeeperError), result.exception
    assert result.exception.code == code
