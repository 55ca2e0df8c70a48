"""The page of a back-test, in Chromium: everyone can read it, on a phone and on a wide screen, in both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from linekeeper.kernel.calendar import calendar
from linekeeper.lab.backtest.comparison import ComparisonQuestion, PolicyComparison, compare_runs, run_policy
from linekeeper.lab.backtest.comparison_page import render_comparison
from linekeeper.lab.backtest.dated_labels import labels_of_table
from linekeeper.lab.backtest.label_cases import MoneyTerms
from linekeeper.lab.backtest.page import render_backtest
from linekeeper.lab.backtest.run import Backtest, BacktestQuestion, run_backtest
from linekeeper.policy.load import load_text
from linekeeper.texts.language import LANGS, Lang, language
from tests.backtest.streams import POLICY, german_like
from tests.notice.test_pages import faults, opened

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def comparison() -> PolicyComparison:
    """A comparison with labels, money and a day of the flow."""
    events, table, _ = german_like(accounts=40, seed=3)
    policies = load_text(POLICY), load_text(POLICY.replace("cap: 50%", "cap: 30%"))
    day = calendar(policies[0].time_zone).day(events["at"][0].as_py()) + 120
    question = ComparisonQuestion(labels_of_table(table, "labels"), MoneyTerms(4_500, 1_200), (day,), resamples=50)
    runs = [run_policy(policy, events.drop_columns(["arrived"]), None) for policy in policies]
    return compare_runs(*runs, question)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_of_a_comparison_can_be_read_on_any_screen(
    browser: Browser, comparison: PolicyComparison, lang: Lang
) -> None:
    page = opened(browser, render_comparison(comparison, language(lang)))
    for width in (390, 1_200):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    words = page.inner_text("body")
    assert len(comparison.movers) > 1
    for mover in comparison.movers[:3]:
        assert mover.account in words
        assert mover.rule in words
    page.context.close()


@pytest.fixture(scope="module")
def result() -> Backtest:
    """A back-test with segments, money and a confusion."""
    events, table, _ = german_like(accounts=40, seed=3)
    policy = load_text(POLICY)
    labels = labels_of_table(table, "labels", ("segment",))
    day = calendar(policy.time_zone).day(events["at"][0].as_py()) + 120
    question = BacktestQuestion(labels, "labels", MoneyTerms(4_500, 1_200), (day,), resamples=50)
    return run_backtest(policy, events.drop_columns(["arrived"]), None, question)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_can_be_read_by_everyone_on_any_screen(browser: Browser, result: Backtest, lang: Lang) -> None:
    page = opened(browser, render_backtest(result, language(lang)))
    for width in (390, 1_200):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    words = page.inner_text("body")
    assert f"{result.figures.total.hit_rate:.1%}" in words
    for row in result.figures.by_trigger:
        assert row.group in words
    page.context.close()
