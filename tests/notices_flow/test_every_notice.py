"""Law 9 on the demo population: every adverse decision has reasons, a notice in both languages, and a due time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from linekeeper.core.dates import EPOCH_DATE
from linekeeper.core.decision import ADVERSE_ACTIONS, Decision
from linekeeper.kernel.calendar import calendar
from linekeeper.notice.from_decision import is_notified
from linekeeper.notice.model import BorrowerFact, NoticeReason
from linekeeper.notice.reasons import shipped_wordings
from linekeeper.notice.render import render_notice
from linekeeper.policy.load import load_file
from linekeeper.recourse import NoRoadBack, RoadBack
from linekeeper.texts.language import LANGS, PLACEHOLDER, Lang
from tests.notices_flow.demo import POLICY, NotifiedDecision, decisions, demo, notified

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
POLICY_READ = load_file(POLICY)


@pytest.fixture(scope="module")
def adverse() -> list[NotifiedDecision]:
    """Every adverse decision of the population, with its notice."""
    return list(notified(demo(300, 400), ADVERSE_ACTIONS))


def local_day(decision: Decision) -> int:
    return calendar(POLICY_READ.time_zone).day(decision.at)


def test_the_population_has_adverse_decisions_of_many_kinds(adverse: list[NotifiedDecision]) -> None:
    assert len(adverse) > 100
    assert {one.decision.action for one in adverse} == ADVERSE_ACTIONS
    assert len({reason.code for one in adverse for reason in one.notice.reasons}) > 8


def test_each_has_reasons_a_road_and_a_receipt(adverse: list[NotifiedDecision]) -> None:
    for one in adverse:
        assert one.decision.reasons
        assert one.notice.reasons
        assert one.notice.receipt is not None
        road = one.notice.road
        assert isinstance(road, RoadBack) or (isinstance(road, NoRoadBack) and road.why == "terminal"), (
            one.notice.number
        )


def test_each_has_a_due_time_after_the_decision_and_an_alarm_before_it(adverse: list[NotifiedDecision]) -> None:
    for one in adverse:
        assert one.entry is not None
        assert one.entry.state == "pending"
        assert one.notice.due == one.entry.clock
        assert one.decision.at < one.entry.clock.alarm_at < one.entry.clock.due_at


def test_each_fact_stands_in_the_decision(adverse: list[NotifiedDecision]) -> None:
    for one in adverse:
        for reason in one.notice.reasons:
            for name, fact in reason.facts.items():
                assert _is_held(fact, one.decision), (one.notice.number, name, fact)


def _is_held(fact: BorrowerFact, decision: Decision) -> bool:
    values = [*decision.values.values(), decision.score]
    if fact.unit == "date":  # a date is so many days before the decision
        assert fact.value is not None
        return local_day(decision) - fact.value in [*values, 0]
    return fact.value in values


@pytest.mark.parametrize("lang", LANGS)
def test_each_number_that_is_shown_stands_in_the_decision_or_in_the_rule(
    adverse: list[NotifiedDecision], lang: Lang
) -> None:
    for one in adverse:
        rendered = render_notice(one.notice, lang)
        numbers = {
            number for reason in rendered.reasons for text in (reason.text, *reason.details) for number in found(text)
        }
        strange = numbers - numbers_of(one.decision) - constants(one.notice.reasons, lang)
        assert not strange, (one.notice.number, strange, rendered.reasons)
        head = set(found(rendered.headline)) | set(found(rendered.lead))
        assert head <= numbers_of(one.decision), (one.notice.number, rendered.headline, rendered.lead)


def found(text: str) -> Iterator[Decimal]:
    """The numbers of a text."""
    return (Decimal(number.replace(",", "").rstrip(".")) for number in NUMBER.findall(text))


def numbers_of(decision: Decision) -> set[Decimal]:
    """Every number that a notice may show of a decision: its values as they are, as money or percent, and its dates."""
    lines = (decision.before.limit, decision.after.limit, decision.score or 0)
    values = [value for value in (*decision.values.values(), *lines) if value is not None]
    plain = {Decimal(value) for value in values} | {Decimal(value) / 100 for value in values}
    since = [decision.values[one.name] for one in POLICY_READ.features if one.unit == "days"]
    days = [local_day(decision) - (value or 0) for value in (0, *since)]
    dates = [EPOCH_DATE + timedelta(day) for day in days]
    return plain | {Decimal(part) for date in dates for part in (date.year, date.month, date.day)}


def constants(reasons: tuple[NoticeReason, ...], lang: Lang) -> set[Decimal]:
    """The numbers of the rules themselves: windows and steps, as the wording of a measurement or its own words say."""
    numbers = set()
    for reason in reasons:
        labels = [fact.label for fact in reason.facts.values() if fact.label] + ([reason.words] if reason.words else [])
        for label in labels:
            numbers |= set(found(label.in_(lang)))
            wording = shipped_wordings().measures.get(label.en)
            numbers |= {
                n for text in (wording.texts if wording else ()) for n in found(PLACEHOLDER.sub("", text.in_(lang)))
            }
    return numbers


def test_every_notified_decision_and_no_other_stands_in_the_outbox() -> None:
    engine = demo(300, 400)
    with engine.store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT account, number FROM notices ORDER BY account, number").all()
    expected = [(one.account, one.number) for one in decisions(engine) if is_notified(one)]
    assert [tuple(row) for row in rows] == expected
