"""Real decisions of a population: every adverse one has its reasons in words, and names only recorded facts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from linekeeper.core.decision import ADVERSE_ACTIONS, Decision
from linekeeper.engine.run import replay_table
from linekeeper.kernel.kernel import kernel_of
from linekeeper.lab.population import population
from linekeeper.notice.from_decision import change_of, reasons_of
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.reasons import render_reason
from linekeeper.policy.load import load_file
from linekeeper.texts.language import LANGS, Lang, language

POLICY = load_file(Path(__file__).parents[2] / "policies" / "consumer-loan.yaml")


@cache
def adverse() -> tuple[tuple[Decision, int], ...]:
    """The adverse decisions of a small population, each with its local day."""
    kernel, decisions = kernel_of(POLICY), list[Decision]()
    replay_table(kernel, population(accounts=150, days=400, seed=11).events, keep=decisions.append)
    found = [decision for decision in decisions if decision.action in ADVERSE_ACTIONS]
    return tuple((decision, kernel.calendar.hour(decision.at) // 24) for decision in found)


def test_there_is_something_to_tell() -> None:
    assert len(adverse()) > 50
    assert len({reason.code for decision, _ in adverse() for reason in decision.reasons}) >= 5


@pytest.mark.parametrize("lang", LANGS)
def test_every_adverse_decision_is_shown_in_plain_words(lang: Lang) -> None:
    for decision, day in adverse():
        phrases = Phrasebook(language(lang), POLICY.currency, POLICY.exponent, day)
        shown = [render_reason(reason, phrases) for reason in reasons_of(POLICY, decision, day)]
        assert shown
        for reason in shown:
            text = " ".join([reason.title, reason.text, *reason.details])
            assert "{" not in text
            assert "This rule applied" not in text
            assert "适用的规则是" not in text


def test_only_recorded_facts_are_named() -> None:
    for decision, day in adverse():
        recorded = {value for value in decision.values.values() if value is not None}
        known = recorded | {day - value for value in recorded} | {decision.score}
        for reason in reasons_of(POLICY, decision, day):
            assert all(fact.value is None or fact.value in known for fact in reason.facts.values())


def test_every_amount_shown_is_one_that_was_recorded() -> None:
    for decision, day in adverse():
        phrases = Phrasebook(language("en"), POLICY.currency, POLICY.exponent, day)
        amounts = {phrases.money(value) for value in decision.values.values() if value is not None}
        for reason in reasons_of(POLICY, decision, day):
            shown = render_reason(reason, phrases)
            named = re.findall(r"CN¥[\d,]+(?:\.\d\d)?", " ".join([shown.text, *shown.details]))
            assert set(named) <= amounts


def test_the_change_is_the_decisions() -> None:
    for decision, day in adverse():
        change = change_of(decision, day)
        assert (change.before.limit, change.after.limit) == (decision.before.limit, decision.after.limit)
        assert change.after.status.name.lower() == decision.after.status
