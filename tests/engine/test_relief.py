"""Moratoriums: which days stand still, what comes after, and relief for a whole list of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError, UsageError
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.relief import ReliefSummary, give_relief
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.notice.prose import describe
from linekeeper.notice.relief_notice import relief_notice
from linekeeper.policy.load import load_file, load_text
from tests.engine.lives import ANY_TIME, send
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle.oracle import run
from tests.oracle.reader import read

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/relief.yaml"
POLICY = load_file(EXAMPLE)
DAY_MS = 86_400_000
BEGIN = 19_800
NOON_MS = 4 * 3_600_000  # 12:00 in Shanghai


def event(number: int, day: int, kind: str, account: str = "A", **fields: int | str) -> Event:
    return Event(f"{account}-{number}", account, kind, (BEGIN + day) * DAY_MS + NOON_MS, fields)


def owing(due_day: int, account: str = "A") -> list[Event]:
    """A line of 1,000 with 600 drawn, and a due of 50 that nobody pays."""
    due = {"amount": 5_000, "due_on": BEGIN + due_day}
    return [
        event(0, 0, "open", account, limit=100_000),
        event(1, 1, "draw", account, amount=60_000),
        event(2, 2, "due", account, **due),
    ]


def relief(day: int, first: int, last: int) -> Event:
    return event(90 + day, day, "moratorium", **{"from": BEGIN + first, "until": BEGIN + last})


def first_restriction(events: list[Event]) -> int:
    """The day of the first restriction, counted from the beginning."""
    rulings, _ = by_arrival(kernel_of(POLICY), sorted(events, key=lambda one: one.at), BEGIN + 400)
    return next(one.day for one in rulings if one.action.value in ("suspend", "decrease")) - BEGIN


# ------------------------------------------------------------------ days that stand still


@given(st.integers(3, 60), st.integers(3, 90), st.integers(0, 90))
@example(10, 20, 9)
@example(10, 10, 0)
@example(20, 10, 30)
def test_nobody_is_restricted_by_days_that_stood_still(due_day: int, first: int, length: int) -> None:
    """The restriction comes on the first day after 30 days past due that did not stand still, and on none before."""
    last = first + length
    counted, day = 0, due_day
    while counted < 30:
        day += 1
        counted += not first <= day <= last
    assert first_restriction([*owing(due_day), relief(3, first, last)]) == day


@pytest.mark.parametrize(("due_day", "expected"), [(10, 50 + 21), (25, 50 + 30), (50, 50 + 30), (51, 51 + 30)])
def test_a_due_goes_on_from_where_it_stood(due_day: int, expected: int) -> None:
    """Relief of days 20 to 50. Due on day 10: 9 days past due before it, and 21 after it; dated in it: as on day 50."""
    assert first_restriction([*owing(due_day), relief(3, 20, 50)]) == expected


def test_an_extension_and_an_early_end() -> None:
    due = owing(10)
    assert first_restriction([*due, relief(3, 20, 30)]) == 40 + 11
    assert first_restriction([*due, relief(3, 20, 30), relief(25, 20, 40)]) == 40 + 21
    assert first_restriction([*due, relief(3, 20, 60), relief(31, 20, 30)]) == 40 + 12  # day 31 stood when it began


def test_a_report_in_it_does_not_raise_the_days() -> None:
    base = [event(0, 0, "open", limit=100_000), event(1, 1, "delinquency", days=5)]
    late = [event(3, 12, "delinquency", days=45), event(4, 40, "delinquency", days=31)]
    assert first_restriction([*base, *late]) == 12
    assert first_restriction([*base, relief(10, 10, 30), *late]) == 40


def test_a_trigger_waits_and_the_flag_says_so() -> None:
    draws = [event(10 + n, 5, "draw", amount=100) for n in range(6)]
    opened = [event(0, 0, "open", limit=100_000)]
    assert first_restriction([*opened, *draws]) == 5
    rulings, _ = by_arrival(kernel_of(POLICY), [*opened, relief(4, 4, 30), *draws], BEGIN + 100)
    assert [one for one in rulings if one.action.value == "decrease"] == []


@pytest.mark.parametrize("relieved", [(3, 20, 50), (25, 20, 50), (25, 60, 70), (3, 5, 4)])
def test_the_oracle_agrees_lazy_and_every_day(relieved: tuple[int, int, int]) -> None:
    events, until = [*owing(10), relief(*relieved)], BEGIN + 200
    events += [event(20, 45, "repay", amount=2_000), event(21, 55, "due", amount=100, due_on=BEGIN + 30)]
    events.sort(key=lambda one: one.at)
    kernel, expected = Kernel(POLICY), run(read(POLICY.source), events, until)
    assert differences(POLICY, expected, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(POLICY, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


# ------------------------------------------------------------------ a list of accounts


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with closing(open_store(str(tmp_path / "relief.db"))) as store:
        yield Engine(store, POLICY, clock=ANY_TIME)


def given_to(engine: Engine, names: list[str], first: int, last: int, now: int) -> ReliefSummary:
    at = (BEGIN + now) * DAY_MS + NOON_MS
    return give_relief(engine, names, BEGIN + first, BEGIN + last, why="an earthquake", now=at)


def test_relief_for_a_list_names_who_is_left_out_and_counts_once(engine: Engine) -> None:
    names = [f"A{number}" for number in range(50)]
    send(engine, [one for name in names for one in owing(10, name)])
    given = given_to(engine, [*names, "nobody"], 20, 50, 15)
    assert (given.accounts, given.same, list(given.rejected)) == (50, 0, ["nobody"])
    assert given_to(engine, names, 20, 50, 15).same == 50
    engine.review(BEGIN + 70)
    assert [one.action for name in names for one in decisions_of(engine, name)] == []
    engine.review(BEGIN + 71)
    assert {one.action for name in names for one in decisions_of(engine, name)} == {"suspend"}
    assert verify(engine.store).same


def test_relief_from_a_day_that_has_passed_corrects_what_it_caused(engine: Engine) -> None:
    """Restricted on day 40; relief from day 20 on is given on day 45: the line is whole again at once."""
    send(engine, owing(10))
    engine.review(BEGIN + 44)
    assert [one.action for one in decisions_of(engine, "A")] == ["suspend"]
    assert given_to(engine, ["A"], 20, 60, 45).corrected == 1
    made = decisions_of(engine, "A")
    assert [one.action for one in made] == ["suspend", "correct"]
    assert (made[-1].after.limit, made[-1].after.status) == (100_000, "active")
    assert verify(engine.store).same
    rebuild_states(engine.store)
    assert verify(engine.store).same


def test_what_cannot_be_meant_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        given_to(engine, ["A"], 20, 19, 10)
    assert error.value.code == "moratorium-not-usable"
    plain = load_text("policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\ntriggers: {}\n")
    with closing(open_store(str(tmp_path / "plain.db"))) as store:
        other = Engine(store, plain, clock=ANY_TIME)
        with pytest.raises(UsageError, match="knows no moratorium"):
            given_to(other, ["A"], 20, 30, 10)


FAULTS = {
    "moratorium: {waits: arrears_30}": "`waits` is a list of triggers",
    "moratorium: {waits: [arrears]}": "the trigger `arrears` is not known",
    "moratorium: {}\nevents: {moratorium: {from: days}}": "has fields of its own",
    "features: {calm: not in_moratorium}": "needs the section `moratorium`",
}


@pytest.mark.parametrize("section", list(FAULTS))
def test_a_fault_is_named(section: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("moratorium: {waits: [rapid_draws]}", section)
    with pytest.raises(PolicyError) as error:
        load_text(text)
    assert FAULTS[section] in str(error.value)


def test_a_kind_of_ones_own_keeps_its_name_and_its_meaning() -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("moratorium: {waits: [rapid_draws]}", "events: {moratorium: {}}")
    policy = load_text(text)
    assert (policy.moratorium, policy.kind("moratorium").fields) == (None, ())


def test_the_letter_and_the_policy_say_it_as_help() -> None:
    english, chinese = (relief_notice(BEGIN, BEGIN + 30, "··01", "Bank", lang) for lang in ("en", "zh"))
    assert "does not lower your limit" in english
    assert "不会降低您的额度" in chinese
    assert "days stand still" in str(describe(POLICY, "en"))
    assert "宽限期" in str(describe(POLICY, "zh"))
