"""Every screen in a browser, in both languages and themes: no fault of axe, nothing blocked, nothing sideways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from linekeeper.console.routes import console_router
from linekeeper.texts.language import LANGS, Lang
from tests.console.held import store_with_held
from tests.console.screens import THEMES, Visitor, browsing, screens_of
from tests.service.running import Running, running, store_with_example

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.chromium
NARROWEST = 320


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    pytest.importorskip("playwright.sync_api", reason="no playwright: `pip install playwright`")
    with browsing(chromium_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(store_with_example(tmp_path_factory.mktemp("screens")), pages=[console_router()]) as made:
        yield made


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(store_with_held(tmp_path_factory.mktemp("held")), pages=[console_router()]) as made:
        yield made


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("lang", LANGS)
def test_every_screen_can_be_read_by_everyone(browser: Browser, served: Running, lang: Lang, theme: str) -> None:
    visitor = Visitor(browser, served.url, lang, theme)
    visitor.sign_in()
    for name, path in screens_of("A-1001").items():
        visitor.page.goto(path)
        visitor.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert visitor.faults() == [], name
        assert not visitor.is_too_wide(NARROWEST), (name, visitor.too_wide_parts())
        visitor.page.set_viewport_size({"width": 1280, "height": 900})
    assert visitor.complaints == []
    visitor.leave()


def test_the_keyboard_alone_leads_from_signing_in_to_why(browser: Browser, served: Running) -> None:
    visitor = Visitor(browser, served.url, "en")
    page = visitor.page
    page.goto("/console/sign-in?lang=en")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/today")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "find":
            break
    page.keyboard.type("A-1001")
    page.keyboard.press("Enter")
    page.wait_for_url("**/A-1001")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "button first":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/decisions/2")
    assert "the limit went from" in (page.text_content("h1") or "")
    visitor.leave()


@pytest.mark.parametrize("lang", LANGS)
def test_restrictions_that_wait_are_ruled_on(browser: Browser, held: Running, lang: Lang) -> None:
    visitor = Visitor(browser, held.url, lang)
    page = visitor.page
    visitor.sign_in()
    assert visitor.faults() == []
    before = int((page.text_content(".rail .count") or "0").strip())
    page.click("main .button.first")
    page.wait_for_url("**/console/cases")
    assert visitor.faults() == []
    assert not visitor.is_too_wide(NARROWEST), visitor.too_wide_parts()
    page.locator("input[name=account]").first.check()
    page.fill("#why", "the feed was wrong")
    page.click("button[value=release]")
    page.wait_for_url("**/console/cases?done=release")
    assert int((page.text_content(".rail .count") or "0").strip()) == before - 1
    assert visitor.complaints == []
    visitor.leave()


def test_what_the_browser_blocks_is_seen(browser: Browser, served: Running) -> None:
    visitor = Visitor(browser, served.url, "en")
    visitor.sign_in()
    visitor.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    visitor.page.evaluate("document.querySelector('h1').remove()")
    assert any("style" in said for said in visitor.complaints)
    visitor.leave()
