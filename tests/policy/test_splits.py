"""Splits: who is in which arm, what an arm changes, and what a decision says of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.account_mark import SALT_PRIME, account_mark
from linekeeper.core.errors import PolicyError, Refused
from linekeeper.core.event import Event
from linekeeper.decide.explain import explain_triggers
from linekeeper.engine.versions import check_succession
from linekeeper.evaluate.event_batch import batch_of_few
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.split_arms import arm_of
from linekeeper.kernel.split_code import PRIME
from linekeeper.notice.from_decision import reasons_of
from linekeeper.notice.prose import describe
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Split, SplitArm
from linekeeper.recourse.dead_ends import survey_dead_ends
from tests.decide.lives import decisions
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle import arms
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.tree import Split as OwnSplit
from tests.policy.texts import HEAD

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/split.yaml"
DAY_MS = 86_400_000
BEGIN = 19_800
THIRDS = Split("trial", "salt", (SplitArm("a", 3_333), SplitArm("b", 3_333), SplitArm("c", 3_334)))


def names(count: int, start: int = 0) -> list[str]:
    return [f"A-{number:06}" for number in range(start, start + count)]


def in_arms(split: Split, accounts: list[str]) -> list[int]:
    return [arm_of(split, account_mark(account)) for account in accounts]


# ------------------------------------------------------------------ who is in which arm


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=20), st.integers(0, 10_000))
def test_the_arm_is_that_of_the_oracle(account: str, salt: str, share: int) -> None:
    split = Split("trial", salt, (SplitArm("a", share), SplitArm("b", 10_000 - share)))
    own = OwnSplit("trial", salt, (("a", share), ("b", 10_000 - share)))
    assert arm_of(split, account_mark(account)) == arms.arm_of(own, account)


def test_the_prime_is_one_and_the_same() -> None:
    assert SALT_PRIME == PRIME == arms.PRIME


def test_arms_do_not_move_as_the_portfolio_grows_or_is_shuffled() -> None:
    """Through the engine's own arrays: each account alone, all together, in any order."""
    kernel = Kernel(load_file(EXAMPLE))
    place = kernel.layout.slots["GENTLER_CUTS_SPLIT_ARM"]
    events = [Event(f"o-{name}", name, "open", BEGIN * DAY_MS, {"limit": 1_000}) for name in names(300)]
    shuffled = Random(1).sample(events, len(events))

    def arms_of(some: list[Event]) -> dict[str, int]:
        batch = batch_of_few(kernel.policy, kernel.calendar, some)
        states = replay(kernel, batch, BEGIN + 1, compiled=False, keep_states=True).states
        assert states is not None
        return dict(zip(batch.accounts, states[:, place].tolist(), strict=True))

    whole = arms_of(events)
    assert arms_of(shuffled) == whole
    assert {name: arm for event in events[:40] for name, arm in arms_of([event]).items()}.items() <= whole.items()
    assert dict(zip(names(300), in_arms(kernel.policy.splits[0], names(300)), strict=True)) == whole
    assert 10 < sum(whole.values()) < 60


@pytest.mark.parametrize("salt", ["salt", "2026-autumn", "x"])
def test_shares_are_met(salt: str) -> None:
    """Of 30,000 accounts each third has 10,000, give or take five standard deviations (82 each)."""
    counts = Counter(in_arms(Split("t", salt, THIRDS.arms), names(30_000)))
    assert all(abs(counts[place] - 10_000) < 410 for place in range(3))


def test_three_salts_are_independent() -> None:
    """All 64 combinations of four buckets of three salts are alike often: chi-squared with 63 degrees, 5 deviations."""
    quarters = tuple(SplitArm(name, 2_500) for name in "abcd")
    columns = [in_arms(Split("t", salt, quarters), names(32_000)) for salt in ("one", "two", "three")]
    counts = Counter(zip(*columns, strict=True))
    assert len(counts) == 64
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 63 + 5 * 126**0.5


# ------------------------------------------------------------------ what an arm changes


def life(account: str) -> list[Event]:
    """A due that is not paid for forty days."""
    facts: list[tuple[float, str, dict[str, int | str]]] = [
        (0.5, "open", {"limit": 100_000}),
        (1.5, "draw", {"amount": 60_000}),
        (95.5, "due", {"amount": 5_000, "due_on": BEGIN + 100}),
        (140.5, "repay", {"amount": 5_000}),
    ]
    return [
        Event(str(n), account, kind, int((BEGIN + day) * DAY_MS), fields) for n, (day, kind, fields) in enumerate(facts)
    ]


def of_arm(policy_arm: int) -> str:
    split = load_file(EXAMPLE).splits[0]
    return next(name for name in names(200) if arm_of(split, account_mark(name)) == policy_arm)


@pytest.mark.parametrize(("arm", "expected"), [(0, (110, 50_000, "arrears_10")), (1, (120, 70_000, "arrears_20"))])
def test_each_arm_has_its_own_rules(arm: int, expected: tuple[int, int, str]) -> None:
    """The champion cuts to 50 % at ten days, the challenger to 70 % at twenty."""
    rulings, _ = by_arrival(kernel_of(load_file(EXAMPLE)), life(of_arm(arm)), BEGIN + 400)
    first = next(one for one in rulings if one.action.value == "decrease")
    assert (first.day - BEGIN, first.after.limit, *first.set_after) == expected
    assert first.values["gentler_cuts"] == arm
    assert first.values["propensity(gentler_cuts)"] == (9_000, 1_000)[arm]


@pytest.mark.parametrize("arm", [0, 1])
def test_the_oracle_agrees_lazy_and_every_day(arm: int) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    policy, events, until = load_text(text), life(of_arm(arm)), BEGIN + 400
    kernel, expected = Kernel(policy), run(read(text), events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


def test_who_is_told_hears_of_the_rule_and_not_of_the_arm() -> None:
    policy = load_file(EXAMPLE)
    made = decisions(policy, life(of_arm(1)))
    cut = next(one for one in made if one.action == "decrease")
    (reason,) = reasons_of(policy, cut, BEGIN + 120)
    assert "gentle" not in str(reason.words)
    (explained,) = explain_triggers(policy, cut)
    assert (explained.name, explained.effect) == ("arrears_20", "cap 70%")
    assert [one.name for one in explained.comparisons] == ["days_past_due"]


def test_dead_ends_are_looked_for_in_each_arm() -> None:
    survey = survey_dead_ends(load_file(EXAMPLE))
    assert survey.reached >= {"arrears_10", "arrears_20"}
    assert survey.dead_ends == []


def test_a_policy_in_words_names_the_arms() -> None:
    english, chinese = (str(describe(load_file(EXAMPLE), lang)) for lang in ("en", "zh"))
    assert "accounts are parted by chance" in english
    assert "账户随机分组" in chinese
    assert "by segment and arm" in english


def test_the_formatter_writes_the_expressions_of_arms() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert format_text(text) == text
    untidy = text.replace("days_past_due >= 20", "days_past_due>=20")
    assert format_text(untidy) == text


# ------------------------------------------------------------------ what is refused

TRIGGERS = "triggers: {late: {when: days_past_due >= 30, suspend: yes, reason: r}}\n"
FAULTS = {
    "t: {salt: x, arms: {a: 50%, b: 40%}}": "the shares of `t` add up to 90%, not to 100%",
    "t: {arms: {a: 100%}}": "the split `t` needs a `salt`",
    "t: {salt: x, arms: {a: 100%}}, u: {salt: x, arms: {a: 100%}}": "has the salt `x` too",
    "t: {salt: x, arms: {a: {set: {}}}}": "the arm `a` has no `share`",
    "t: {salt: x, arms: {a: {share: 100%, set: {cap: 5%}}}}": "the parameter `cap` is not known",
    "t: {salt: x, arms: {a: {share: 100%, tables: {pace: {hit: first, rows: [{then: 1}]}}}}}": "the table `pace`",
    "t: {salt: x, arms: {a: {share: 100%, without: [lat]}}}": "the trigger `lat` is not known",
    "late: {salt: x, arms: {A: 100%}}": "the arm `A` is not a plain name",
    "balance: {salt: x, arms: {a: 100%}}": "the name `balance` is built in",
    "t: {salt: x, arms: {a: {share: 100%, triggers: {late: {when: 'true', suspend: yes, reason: r}}}}}": "already",
}


@pytest.mark.parametrize("section", list(FAULTS))
def test_a_fault_is_named(section: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_text(f"{HEAD}\nsplit: {{{section}}}\n{TRIGGERS}")
    assert FAULTS[section] in str(error.value)


def test_two_splits_cannot_set_one_parameter() -> None:
    arm = "{a: {share: 100%, set: {n: 5d}}}"
    text = f"{HEAD}\nparams: {{n: 3d}}\nsplit: {{t: {{salt: x, arms: {arm}}}, u: {{salt: y, arms: {arm}}}}}\n{TRIGGERS}"
    with pytest.raises(PolicyError, match="two splits set the parameter `n`"):
        load_text(text)


@pytest.mark.parametrize(
    ("later", "fault"),
    [
        ("", "the split `t` of version 1 is missing"),
        ("split: {t: {salt: x, arms: {a: 80%, b: 20%}}}\n", "has other arms under the salt `x`"),
        ("split: {t: {salt: y, arms: {a: 100%}}}\n", ""),
        ("split: {t: {salt: x, arms: {a: 90%, b: 10%}}, u: {salt: z, arms: {a: 100%}}}\n", ""),
    ],
)
def test_a_version_keeps_the_arms_of_accounts(later: str, fault: str) -> None:
    first = load_text(f"{HEAD}\nsplit: {{t: {{salt: x, arms: {{a: 90%, b: 10%}}}}}}\n{TRIGGERS}")
    second = load_text(f"{HEAD}\n{later}{TRIGGERS}".replace("version: 1", "version: 2"))
    if not fault:
        check_succession(first, second)
        return
    with pytest.raises(Refused) as error:
        check_succession(first, second)
    assert fault in str(error.value)
