"""Notices in a browser: no accessibility faults, no sideways scrolling, one sheet of paper.

The checker is axe-core (`axe/`). Needs Chromium, and playwright from the development dependencies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from linekeeper.notice.render import as_html
from linekeeper.texts.language import LANGS, Lang
from tests.notice import examples as made

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.chromium

AXE = Path(__file__).parent / "axe" / "axe.min.js"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NARROW, WIDE = 390, 1100


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: `pip install playwright`")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield running
        running.close()


def opened(browser: Browser, html: str) -> Page:
    page = browser.new_context(bypass_csp=True, offline=True).new_page()
    page.set_content(html)
    page.add_script_tag(path=str(AXE))
    return page


def faults(page: Page) -> list[str]:
    """What axe finds: rule, element."""
    found = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{fault['id']}: {node['html'][:120]}" for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", made.ALL)
def test_a_notice_can_be_read_by_everyone_on_any_screen_and_on_one_sheet(
    browser: Browser, name: str, lang: Lang
) -> None:
    page = opened(browser, as_html(made.ALL[name], lang))
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))
    assert len(sheets) == 1
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_faults_are_seen(browser: Browser) -> None:
    page = opened(browser, as_html(made.SUSPENDED, "en").replace(' lang="en"', ""))
    assert [fault.split(":")[0] for fault in faults(page)] == ["html-has-lang"]
    page.context.close()
