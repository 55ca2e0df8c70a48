"""What people write who come from another language: each advice has a message that says what to write here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError
from linekeeper.policy.other_languages import OTHER_FUNCTIONS, OTHER_NAMES, wording_at
from linekeeper.policy.syntax import parse
from tests.policy.texts import HEAD, TRIGGERS, policy

RULES = "reason: r}\nrestoration: {first: 0%, step: 10%, every: 1d}\n"


def way_out(text: str) -> str:
    """What the only fault of that policy says to write."""
    with pytest.raises(PolicyError) as caught:
        policy(text)
    (fault,) = caught.value.faults
    return fault.way_out


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("count(draw, 1w) > 3", "write `7d`"),
        ("count(draw, 90 days) > 3", "write `90d`"),
        ("count(draw, 3 months) > 3", "write `3m`"),
        ("count(draw, 2 quarters) > 3", "write `182d`"),
        ("balance / limit > 30%", "write `percent(balance, limit)` for a share, or `per(balance, limit)`"),
        ("balance > 5 CNY && limit > 5 CNY", "write `and`"),
        ("balance > 5 CNY || limit > 5 CNY", "write `or`"),
        ("balance > 5 CNY AND limit > 5 CNY", "write `and`"),
        ("!(balance > 5 CNY)", "write `not`"),
        ('count(purchase where category in ["AT"], 7d) > 3', 'write a list as `in ("AT")`'),
        ('count(purchase where category in "food", 7d) > 3', 'write `in ("food")`'),
        ('count(purchase where category not in ("food"), 7d) > 3', "write `not (x in (...))`"),
        ("count(purchase where category = food, 7d) > 3", 'write `"food"`'),
        ("days_past_due => 30", "write `>=`"),
        ("days_past_due =< 30", "write `<=`"),
        ("days_past_due <> 30", "write `!=`"),
        ("days_past_due === 30", "write `=`"),
        ("days_past_due ≥ 30", "write `>=`"),
        ("days_past_due ＞ 30", "write the narrow `>`"),
        ("count(draw，7d) > 3", "write the narrow `,`"),
        ("utilisation > 0.9", "write a share as `90%`"),
        ("utilisation > 90", "write `90%`"),
        ("utilisation > 90 %", "write `90%`, without a blank"),
        ("utilisation > 250bps", "write `2.5%`"),
        ("balance > 5,000 CNY", "write `5_000 CNY`"),
        ("balance > CNY 5000", "write `5000 CNY`"),
        ("balance > 5000 cny", "write `5000 CNY`"),
        ("balance > ¥5000", "write the currency's code"),
        ("balance > 5k", "write the number out"),
        ("Balance > 5 CNY", "names are written small: `balance`"),
        ("days_past_due between 3 and 30", "write `days_past_due >= 3 and days_past_due <= 30`"),
        ("balance is null", "write `not known(x)`"),
        ("balance is not null", "write `known(x)`"),
        ("balance = null", "write `known(x)`, or `not known(x)`"),
        ("dpd > 30", "write `days_past_due`"),
        ("count(draw) > 3", "add a window, like `30d`"),
        ("count(draw 7d) > 3", "put a comma before `7d`"),
        ("count(draw, last 7d) > 3", "write the window alone: `7d`"),
        ("count(draw, 7) > 3", "write `7d` for days, `7m` for months"),
        ("count(draw, 1y) > 3", "write `12m`"),
        ("count(draw, 7d where hour < 5) > 3", "`where` stands beside the events"),
        ("late_count(30, 24h) > 3", "write `1d`"),
        ("count(draw.amount, 7d) > 3", "write `draw`"),
        ("sum(draw, 7d) > 3 CNY", "write `draw.amount`"),
        ("max(limit, granted) > 3 CNY", "the larger `largest(a, b)`"),
        ("coalesce(balance, 0 CNY) > 3 CNY", "write `fallback(a, b)`"),
        ("if(balance > 5 CNY) then 1", "add `else` and a value"),
        ("balance > 5 CNY ? 1 : 2", "write `if a then b else c`"),
    ],
)
def test_a_condition(written: str, instead: str) -> None:
    quoted = written.replace("'", "''")
    text = f"triggers:\n  t: {{when: '{quoted}', suspend: yes, reason: r}}\n"
    assert instead in way_out(text)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("cap: 0.5", "write a share as `50%`"),
        ("cap: 50", "write `50%`"),
        ("cap: 50 %", "write `50%`, without a blank"),
        ("cap: 50%, hold: 1w", "write `7d`"),
        ("cap: 50%, hold: 90 days", "write `90d`"),
        ("cap: 50%, hold: 12m", "write `360d`"),
        ("cap: 50%, hold: 24h", "write `1d`"),
        ("cap: 50%, hold: 1.5d", "write a whole number of days"),
        ("cap: 50%, expires: 1 year", "write `1y`"),
    ],
)
def test_a_constant(written: str, instead: str) -> None:
    assert instead in way_out(f"triggers:\n  t: {{when: days_past_due > 3, {written}, {RULES}")


def test_a_list_where_a_condition_stands() -> None:
    text = "triggers:\n  t: {when: [days_past_due > 3, balance > 5 CNY], suspend: yes, reason: r}\n"
    assert way_out(text) == "write `days_past_due > 3 and balance > 5 CNY`"


def test_an_amount_without_its_currency() -> None:
    text = "offer: {when: 'true', increase: 20%, up_to: 200000, every: 90d, valid: 30d}\n"
    assert "like `100 CNY`" in way_out(TRIGGERS + text)


@pytest.mark.parametrize("word", [*OTHER_NAMES, *OTHER_FUNCTIONS])
def test_words_of_other_languages_mean_nothing_here(word: str) -> None:
    """None of them is a word of this language, or the advice would never be seen."""
    for text in (word, f"{word}(draw)"):
        with pytest.raises(PolicyError) as caught:
            policy(f"features:\n  it: '{text} = 1'\n{TRIGGERS}")
        assert caught.value.faults


@given(st.text(max_size=80), st.integers(0, 90))
def test_advice_is_short_and_points_into_the_text(text: str, offset: int) -> None:
    wording = wording_at(text, offset)
    if wording is not None:
        assert 0 <= wording.offset <= len(text)
        assert len(wording.message) < 100
        assert (wording.message + wording.way_out).isprintable()


@pytest.mark.parametrize("text", ["balance > 5 CNY and limit > 3 CNY", "1 < 2", "percent(balance, limit) >= 30%"])
def test_what_is_right_gets_no_wording_at_its_end(text: str) -> None:
    parse(text)
    assert wording_at(text, len(text) + 2) is None


def test_the_head_of_these_policies_is_sound() -> None:
    assert policy(TRIGGERS).source.startswith(HEAD)
