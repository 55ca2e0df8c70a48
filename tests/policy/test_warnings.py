"""The warnings of `check`: each is given where it is due, not where it is not, and can be silenced with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.notice.reasons import shipped_wordings
from linekeeper.policy.analysis.policy_warnings import PolicyWarning, find_warnings
from linekeeper.policy.analysis.remarks import Remark
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.warning_codes import WARNING_CODES
from tests.policy.texts import HEAD

POLICIES = Path(__file__).parents[2] / "policies"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
RESTORATION = "restoration: {first: 0%, step: 10%, every: 1d}\n"


def warnings(text: str, worded: tuple[str, ...] | None = None) -> list[PolicyWarning]:
    """The warnings of the policy of that text."""
    return find_warnings(load_text(HEAD + text + RESTORATION), "p.yaml", worded)


def trigger(when: str, rest: str = "cap: 50%") -> str:
    """A policy of one trigger."""
    quoted = when.replace("'", "''")
    return f"triggers:\n  it: {{when: '{quoted}', {rest}, reason: arrears}}\n"


def codes(text: str, worded: tuple[str, ...] | None = None) -> list[str]:
    """The codes alone."""
    return [one.code for one in warnings(text, worded)]


# ------------------------------------------------------------------ conditions


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("days_past_due < 0", "never_true"),
        ("days_past_due >= 30 and days_past_due < 10", "never_true"),
        ("on_time_streak >= 0", "always_true"),
        ("days_past_due >= 3 or days_past_due < 5", "always_true"),
        ("days_past_due >= 30 and days_past_due >= 3", "adds_nothing"),
        ("days_past_due >= 30 or days_past_due >= 3", "adds_nothing"),
        ("count(draw, 7d) >= 5 and count(draw, 30d) >= 5", "adds_nothing"),
        ("days_past_due >= 30 and utilisation <= 10000%", "always_true"),
        ("count(draw where hour < 25, 7d) >= 3", "always_true"),
        ("count(draw where hour >= 24, 7d) >= 3", "never_true"),
        ("count(draw, 2m) >= 3", "short_month_window"),
        ("restrictions(1m) >= 1 and days_past_due >= 3", "short_month_window"),
    ],
)
def test_a_condition_that_says_too_little(when: str, code: str) -> None:
    assert code in codes(trigger(when))


@pytest.mark.parametrize(
    "when",
    [
        "days_past_due >= 30",
        "days_past_due >= 30 and past_due > 5 CNY",
        "days_past_due >= 30 or count(draw, 7d) >= 3",
        "count(draw, 7d) >= 5 and count(draw, 30d) >= 6",
        "count(draw where hour < 5, 3m) >= 3",
        "percent(balance, granted) >= 90%",
        "not (days_past_due < 30)",
        "max(draw.amount, 7d) >= 5 CNY",
        "false",
    ],
)
def test_a_condition_that_says_what_it_should(when: str) -> None:
    assert codes(trigger(when)) == []


def test_a_message_names_the_part_and_the_way_out() -> None:
    (one,) = warnings(trigger("days_past_due >= 3 and days_past_due >= 30"))
    assert str(one) == (
        "p.yaml:6:15: note adds_nothing: `days_past_due >= 3` adds nothing to `days_past_due >= 30` in `it`; remove it"
    )


# ------------------------------------------------------------------ triggers


def test_a_trigger_that_another_outdoes() -> None:
    both = "triggers:\n  late_60: {when: days_past_due >= 60, cap: 50%, reason: arrears}\n"
    both += "  late_30: {when: days_past_due >= 30, cap: 50%, reason: arrears}\n"
    (one,) = warnings(both)
    assert one.construct == ("triggers", "late_60")
    harder = both.replace("60, cap: 50%", "60, cap: 40%")
    longer = both.replace("60, cap: 50%", "60, hold: 90d, cap: 50%")
    ending = both.replace("30, cap: 50%", "30, expires: 1y, cap: 50%")
    assert [warnings(text) for text in (harder, longer, ending)] == [[], [], []]


def test_a_cap_of_all_that_is_granted() -> None:
    assert codes(trigger("days_past_due >= 30", "cap: 100%")) == ["cap_100"]
    assert codes(trigger("days_past_due >= 30", "cap: 100%, suspend: yes")) == []


def test_a_reason_without_a_text() -> None:
    assert codes(trigger("days_past_due >= 30"), worded=("other",)) == ["no_wording"]
    assert codes(trigger("days_past_due >= 30"), worded=("arrears",)) == []


# ------------------------------------------------------------------ releases


@pytest.mark.parametrize(
    ("when", "clear", "code"),
    [
        ("days_past_due >= 30", "days_past_due >= 40", "release_never"),
        ("days_past_due >= 30", "false", "release_never"),
        ("count(draw, 7d) >= 3", "on_time_streak >= 2", "release_needs"),
        ("utilisation = 0%", "last(charge.amount) > 5 CNY", "release_needs"),
        ("balance > 9 CNY", "count(repay, 30d) >= 1", "release_needs"),
        ("balance > 9 CNY", "known(days_since(dispute))", "release_needs"),
    ],
)
def test_a_release_that_does_not_come(when: str, clear: str, code: str) -> None:
    text = trigger(when, f"clear: '{clear}', cap: 50%")
    assert code in codes(text)
    assert code not in codes(text.replace("cap:", "expires: 1y, cap:"))
    assert code not in codes(text.replace("cap:", "terminal: yes, cap:"))


def test_a_latch_that_is_set_by_what_never_goes_back() -> None:
    assert codes(trigger("known(days_since(dispute))")) == ["release_never"]
    assert codes(trigger("months_on_book >= 6")) == ["release_never"]
    assert codes(trigger("months_on_book < 6")) == []
    assert codes(trigger("known(days_since(dispute)) and days_past_due >= 3")) == []


def test_a_core_system_that_sends_balances_alone() -> None:
    """What kept a line at half for ten years: the streak needs dues or reports, and neither ever comes."""
    (one,) = warnings(trigger("balance > 9 CNY", "clear: on_time_streak >= 2, cap: 50%"))
    assert "where a core system sends balances alone, nothing releases `it`" in one.message
    assert codes(trigger("days_past_due >= 30", "clear: on_time_streak >= 2, cap: 50%")) == []


# ------------------------------------------------------------------ what a cut moves


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("utilisation >= 80%", "utilisation_feedback"),
        ("percent(balance, limit) >= 80%", "utilisation_feedback"),
        ("available < 5 CNY and balance > 0 CNY", "utilisation_feedback"),
        ("balance > limit", "utilisation_feedback"),
        ("restrictions(12m) >= 2", "moved_by_cut"),
    ],
)
def test_what_a_cut_of_the_line_moves(when: str, code: str) -> None:
    late = "  late: {when: days_past_due >= 30, cap: 50%, reason: arrears}\n"
    assert codes(trigger(when) + late) == [code]
    assert codes(trigger(when) + late.replace("cap: 50%", "cap: 100%, allow: {cap_100: x}")) in (
        [code, "cap_100"],
        ["cap_100", code],
    )


@pytest.mark.parametrize(
    "when", ["utilisation < 10%", "percent(balance, granted) >= 80%", "limit > 5_000 CNY", "available > 5 CNY"]
)
def test_what_a_cut_moves_away_from_the_trigger(when: str) -> None:
    late = "  late: {when: days_past_due >= 30, cap: 50%, reason: arrears}\n"
    assert not {"utilisation_feedback", "moved_by_cut"} & set(codes(trigger(when) + late))


# ------------------------------------------------------------------ what nothing reads


def test_what_is_declared_and_not_read() -> None:
    text = """protected: [age]
events:
  income: {amount: money, source: count, age: count}
  gift: {}
features:
  income: last(income.amount)
  low: income < 100 CNY
  spare: count(draw, 7d)
triggers:
  poor: {when: "low or balance > 9 CNY", suspend: yes, reason: arrears}
"""
    assert [(one.code, one.construct[-1]) for one in warnings(text)] == [
        ("unused_field", "source"),
        ("unused_kind", "gift"),
        ("unused_feature", "spare"),
    ]


# ------------------------------------------------------------------ allow


def test_a_warning_is_silenced_in_its_place_with_a_reason() -> None:
    text = """events:
  gift: {}
features:
  spare: {value: "count(draw, 7d)", allow: {unused_feature: for the next card}}
triggers:
  watched: {when: days_past_due >= 30, cap: 100%, reason: arrears, allow: {cap_100: only counted}}
allow:
  events.gift: {unused_kind: the feed has them}
"""
    assert [(one.code, one.allowed) for one in warnings(text)] == [
        ("unused_kind", "the feed has them"),
        ("unused_feature", "for the next card"),
        ("cap_100", "only counted"),
    ]
    assert format_text(HEAD + text) == HEAD + text


def test_a_silenced_warning_that_is_not_given_is_told() -> None:
    text = trigger("days_past_due >= 30", "cap: 50%, allow: {cap_100: only counted}")
    assert codes(text) == ["allow_unneeded"]


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        ("{cap_10: x}", "the warning `cap_10` is not known"),
        ("{cap_100: ''}", "is allowed without a reason"),
        ("cap_100", "`allow` is a mapping of warnings to reasons"),
    ],
)
def test_an_allow_that_is_wrong(allow: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_text(HEAD + trigger("days_past_due >= 30", f"cap: 50%, allow: {allow}") + RESTORATION)


def test_an_allow_of_events_that_are_not_there() -> None:
    with pytest.raises(PolicyError, match=r"the place `events.gift` is not known"):
        load_text(HEAD + trigger("days_past_due >= 30") + RESTORATION + "allow: {events.gift: {unused_kind: x}}\n")


def test_what_is_allowed_decides_nothing() -> None:
    """The policy is the same value, but for the hash of its text."""
    plain = load_text(HEAD + trigger("days_past_due >= 30", "cap: 100%") + RESTORATION)
    allowed = load_text(HEAD + trigger("days_past_due >= 30", "cap: 100%, allow: {cap_100: x}") + RESTORATION)
    assert (plain.triggers, plain.features, plain.restoration) == (
        allowed.triggers,
        allowed.features,
        allowed.restoration,
    )


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_policies_that_come_with_it_have_none_that_is_not_allowed(path: Path) -> None:
    found = find_warnings(load_file(path), path.name, shipped_wordings().codes)
    assert [str(one) for one in found if one.allowed is None] == []


@pytest.mark.parametrize("name", ["cash-line", "corrections"])
def test_the_examples_of_the_pages_have_none(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    assert find_warnings(load_file(path), path.name, shipped_wordings().codes) == []


def test_raw_names_are_counted_once_a_policy() -> None:
    """A remark of the letters is one of the policy's warnings; the names themselves are tried in `tests/notice`."""
    policy = load_text(HEAD + trigger("days_past_due >= 30") + RESTORATION)
    remark = Remark("raw_names", ("policy",), "letters would show names", "write words for them")
    assert [one.code for one in find_warnings(policy, others=(remark, remark))].count("raw_names") == 1


def test_every_code_is_tried_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [code for code in WARNING_CODES if f'"{code}"' not in text] == []


def test_a_trigger_that_takes_the_limit_to_an_amount_restricts() -> None:
    """It needs no cap, what its amount reads is used, and which of two amounts is lower depends on the account."""
    amount = trigger("days_past_due >= 30", "limit: 'fallback(seen, 100 CNY)'")
    text = f"features:\n  seen: max(draw.amount, 30d)\n{amount}"
    assert not {"cap_100", "unused_feature", "adds_nothing"} & set(codes(text))
