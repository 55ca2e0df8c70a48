"""Stated reasons are the causes: switched off, they change or weaken the decision; nothing unstated does as much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from linekeeper.core.decision import Reason
from linekeeper.core.event import Event
from linekeeper.decide.reasons import PERSON
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.brake.bank import DAY, at, event
from tests.fidelity.many import measured, of_generated_policies, of_the_population
from tests.fidelity.switch import Adverse, Fidelity, adverse_decisions

HEAD = """
policy: causes
version: 1
currency: CNY
time_zone: UTC
features:
  draws: {value: "count(draw, 30d)", worse: higher}
  used: {value: utilisation, worse: higher}
score:
  base: 500
  ability: {used: {below 50%: 60, otherwise: 0}}
  willingness: {draws: {below 1: 40, below 3: 10, otherwise: 0}}
  pd: {below 520: 20%, otherwise: 2%}
restoration: {first: 40%, step: 20%, every: 30d}
"""
OPEN = event("open", "A", "open", at(0), limit=100_000)


def draw(number: int, day: int, amount: int = 20_000) -> Event:
    return event(f"draw {number}", "A", "draw", at(day), amount=amount)


def adverse(triggers: str, *events: Event) -> tuple[Kernel, list[Adverse]]:
    """The adverse decisions of one account under a policy with those triggers."""
    kernel = Kernel(load_text(HEAD + triggers))
    return kernel, list(adverse_decisions(kernel, [OPEN, *events], DAY + 60))


def stated(case: Adverse) -> list[tuple[str, str | None]]:
    """(trigger or code, feature) of the reasons on record."""
    return [(one.trigger or one.code, one.feature) for one in case.decision.reasons]


def test_the_population_is_told_the_causes() -> None:
    found = measured(of_the_population(1, days=400), 150)
    assert found.holds, found.first_fault
    assert found.told == found.decisions


def test_generated_policies_tell_the_causes() -> None:
    found = measured(of_generated_policies(1), 150)
    assert found.holds, found.first_fault


def test_a_low_score_is_told_by_what_lost_points() -> None:
    kernel, cases = adverse(
        "triggers: {weak: {when: score < 520, cap: 50%, reason: weak_score}}", draw(1, 1), draw(2, 2), draw(3, 3)
    )
    assert [stated(case) for case in cases] == [[("weak", "used"), ("weak", "draws")]]
    assert measured(((kernel, case) for case in cases), 1).holds


def test_a_score_that_is_not_the_cause_is_not_told_as_one() -> None:
    kernel, cases = adverse(
        "triggers: {mixed: {when: score < 520 or draws >= 1, cap: 50%, reason: weak_score}}", draw(1, 1, 60_000)
    )
    assert [stated(case) for case in cases] == [[("mixed", None)]]
    assert measured(((kernel, case) for case in cases), 1).holds


def test_a_high_score_is_never_told_as_points_lost() -> None:
    kernel, cases = adverse(
        "triggers: {odd: {when: score >= 520 and draws >= 1, cap: 50%, reason: weak_score}}", draw(1, 1)
    )
    assert [stated(case) for case in cases] == [[("odd", None)]]
    assert measured(((kernel, case) for case in cases), 1).holds


def test_a_persons_cap_is_a_reason_only_where_it_lowers_the_limit() -> None:
    cap = event("cap", "A", "override", at(1), cap=6_000, until=DAY + 50, by="m.chen", why="asked for")
    kernel, cases = adverse(
        "triggers: {many: {when: draws >= 2, suspend: yes, reason: rapid_borrowing}}", cap, draw(1, 2), draw(2, 3)
    )
    assert [stated(case) for case in cases] == [[(PERSON, None)], [("many", None)]]
    assert measured(((kernel, case) for case in cases), 2).holds


def cases_of_the_bank() -> Iterator[tuple[Kernel, Adverse]]:
    kernel, cases = adverse(
        "triggers:\n"
        "  many: {when: draws >= 2, suspend: yes, reason: rapid_borrowing}\n"
        "  weak: {when: score < 570, cap: 50%, reason: weak_score}\n",
        draw(1, 1),
        draw(2, 2),
    )
    return ((kernel, case) for case in cases)


@pytest.mark.parametrize(
    "told",
    [
        (),
        (Reason("weak_score", "weak", "used", 60),),
        (Reason("rapid_borrowing", "many"), Reason("rapid_borrowing", "idle")),
    ],
)
def test_a_false_account_is_found(told: tuple[Reason, ...]) -> None:
    kernel, case = list(cases_of_the_bank())[-1]
    assert measured(iter([(kernel, case)]), 1).holds
    found = Fidelity()
    found.add(kernel, Adverse(replace(case.decision, reasons=told), case.look))
    assert not found.holds


@pytest.mark.nightly
@pytest.mark.parametrize("cases", [of_the_population, of_generated_policies])
def test_at_length(cases: Callable[[int], Iterator[tuple[Kernel, Adverse]]]) -> None:
    found = measured(cases(1), 5_000)
    assert found.holds, found.first_fault
