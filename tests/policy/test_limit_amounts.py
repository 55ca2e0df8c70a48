"""The amount to which a trigger takes the limit: when it is taken, how it is rounded, and what is refused."""

from __future__ import annotations

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import describe
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.policy.texts import HEAD

DAY_MS, BEGIN = 86_400_000, 19_800
REST = "restoration: {first: 100%, step: 100%, every: 1d}\n"


def text_of(limit: str, more: str = "") -> str:
    return f"{HEAD}triggers:\n  late: {{when: days_past_due >= 5, limit: {limit}, reason: r{more}}}\n{REST}"


def life(*facts: tuple[float, str, dict[str, int | str]]) -> list[Event]:
    opened = (0.5, "open", {"limit": 100_000})
    return [
        Event(str(n), "A", kind, int((BEGIN + day) * DAY_MS), fields)
        for n, (day, kind, fields) in enumerate((opened, *facts))
    ]


# A draw of 310.50, a due that is not paid for twenty days, a draw in between, and the payment of all of it.
LATE = life(
    (1.5, "draw", {"amount": 31_050}),
    (2.5, "due", {"amount": 5_000, "due_on": BEGIN + 10}),
    (17.5, "draw", {"amount": 8_000}),
    (30.5, "repay", {"amount": 39_050}),
)


def limits(text: str, events: list[Event]) -> list[tuple[int, int]]:
    """Day and limit of each decision, in which oracle and kernel agree, lazy and every day."""
    policy, until = load_text(text), BEGIN + 60
    expected = run(read(text), events, until)
    kernel = Kernel(policy)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []
    return [(one.day - BEGIN, one.after.limit) for one in expected.rulings]


def test_it_is_taken_when_the_latch_is_set_and_kept() -> None:
    """What is owed rises to 390.50 two days later, and the limit stays at 310.50."""
    assert limits(text_of("balance"), LATE) == [(15, 31_050), (30, 100_000)]


def test_one_that_follows_moves_with_what_it_reads() -> None:
    assert limits(text_of("{amount: balance, follow: yes}"), LATE) == [(15, 31_050), (17, 39_050), (30, 100_000)]


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        ("balance + part(balance, 10%)", 34_155),
        ("{amount: balance, round: 100 CNY}", 40_000),
        ("{amount: balance, round_down: 100 CNY}", 30_000),
        ("{amount: balance, round: 310.50 CNY}", 31_050),
        ("{amount: balance, floor: 500 CNY}", 50_000),
        ("{amount: balance - 900 CNY}", 0),
        ("{amount: balance - 900 CNY, floor: 20 CNY, round: 7 CNY}", 2_000),
        ("{amount: 'part(granted, 60%)'}", 60_000),
        ("{amount: 'smallest(part(granted, 60%), balance)'}", 31_050),
    ],
)
def test_how_much_is_left(limit: str, left: int) -> None:
    quoted = f"'{limit}'" if "(" in limit and not limit.startswith("{") else limit
    assert limits(text_of(quoted), LATE)[0] == (15, left)


def test_a_cap_beside_it_counts_where_it_is_lower() -> None:
    assert limits(text_of("balance", ", cap: 20%"), LATE)[0] == (15, 20_000)
    assert limits(text_of("balance", ", cap: 90%"), LATE)[0] == (15, 31_050)


def test_an_amount_above_what_is_granted_leaves_that() -> None:
    assert limits(text_of("balance + 5_000 CNY", ", suspend: yes"), LATE)[0] == (15, 100_000)


def test_a_latch_that_is_set_anew_takes_it_anew() -> None:
    again = life(
        (1.5, "draw", {"amount": 31_050}),
        (2.5, "due", {"amount": 5_000, "due_on": BEGIN + 10}),
        (16.5, "repay", {"amount": 5_000}),
        (17.5, "due", {"amount": 5_000, "due_on": BEGIN + 20}),
    )
    assert limits(text_of("balance"), again) == [(15, 31_050), (16, 100_000), (25, 26_050)]


def test_a_late_payment_gives_back_what_it_would_have_left() -> None:
    """Half of the due was paid in time, but told late: it does not free the latch; the higher amount is kept."""
    paid = Event("late", "A", "charge", int((BEGIN + 12.5) * DAY_MS), {"amount": 4_000})
    events = [*LATE[:3], Event("look", "A", "draw", int((BEGIN + 16.5) * DAY_MS), {"amount": 1}), paid]
    text = text_of("balance")
    policy, until = load_text(text), BEGIN + 40
    expected = run(read(text), events, until)
    assert differences(policy, expected, *by_arrival(Kernel(policy), events, until)) == []
    assert [(one.day - BEGIN, one.action.value, one.after.limit) for one in expected.rulings] == [
        (15, "decrease", 31_050),
        (16, "correct", 35_050),
    ]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("utilisation", "`utilisation` is a share, not money; for a share of what is granted write `cap`"),
        ("last(draw.amount)", r"`last\(draw.amount\)` may be missing, and a limit cannot be; say what holds then"),
        ("{round: 5 CNY}", "the key `amount` is missing"),
        ("{amount: balance, round: 5 CNY, round_down: 5 CNY}", "`round` and `round_down` contradict each other"),
        ("{amount: balance, round: 5%}", "`5%` does not fit here"),
        ("{amount: limit, follow: yes}", "a limit that follows cannot read `limit`, which it moves"),
        ("{amount: balance, rounded: 5 CNY}", "the key `rounded` is not known; did you mean `round`?"),
    ],
)
def test_what_is_refused(limit: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_text(text_of(limit))


def test_a_kept_amount_may_read_the_limit() -> None:
    assert load_text(text_of("'part(limit, 50%)'")).triggers[0].caps_limit


def test_it_needs_a_restoration() -> None:
    with pytest.raises(PolicyError, match="the trigger `late` lowers the limit and there is no `restoration`"):
        load_text(text_of("balance").replace(REST, ""))


def test_the_formatter_knows_it() -> None:
    formatted = format_text(text_of("{amount: balance+5 CNY, floor: 5 CNY}"))
    assert "limit: {amount: balance + 5 CNY, floor: 5 CNY}" in formatted


def test_words() -> None:
    policy: Policy = load_text(text_of("{amount: balance, round: 100 CNY, floor: 500 CNY}"))
    words = str(describe(policy, "en"))
    assert "at most the balance, rounded up to CN¥100, but at least CN¥500, as it was at the start" in words
    assert "以触发时为准" in str(describe(policy, "zh"))
