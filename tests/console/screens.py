"""Each screen of the console in a browser: `python -m tests.console.screens STORE FOLDER` makes pictures of all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.console.routes import console_router
from linekeeper.texts.language import LANGS, Lang
from tests.notice.test_pages import AXE, QUIET
from tests.service.running import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

NARROW, WIDE = 390, 1280
THEMES = ("light", "dark")


@contextmanager
def browsing(chromium: str) -> Iterator[Browser]:
    """A Chromium that talks to nobody on its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


class Visitor:
    """Somebody at a browser: goes to pages, and notes what the browser complains about."""

    def __init__(self, browser: Browser, url: str, lang: Lang, theme: str = "light", width: int = WIDE) -> None:
        scheme = "dark" if theme == "dark" else "light"
        context = browser.new_context(
            base_url=url, viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._note_failure)
        self.lang = lang

    def _note_failure(self, failed: Request) -> None:
        if failed.failure != "net::ERR_ABORTED":  # the browser left the page before all of it had come
            self.complaints.append(failed.url)

    def sign_in(self, key: str = "") -> None:
        """Sign in on the page for it."""
        self.page.goto(f"/console/sign-in?lang={self.lang}")
        if key:
            self.page.fill("#key", key)
        self.page.click("button.first")
        self.page.wait_for_url("**/console/today")

    def faults(self) -> list[str]:
        """What axe finds on the page: rule and element."""
        # The page's own rules let no script in, so axe is given to the browser beside them.
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then(result => result.violations)")
        return [f"{fault['id']}: {node['html'][:160]}" for fault in found for node in fault["nodes"]]

    def is_too_wide(self, width: int) -> bool:
        """Whether the page scrolls sideways at that width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def too_wide_parts(self) -> list[str]:
        """Elements that reach beyond the right edge, for whoever mends it."""
        script = """[...document.querySelectorAll('body *')]
            .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .filter(one => !one.closest('.wide, .rail')).map(one => one.outerHTML.slice(0, 120))"""
        return list(self.page.evaluate(script))

    def leave(self) -> None:
        """Close the browser's window."""
        self.page.context.close()


def make_pictures(store: str, folder: Path, paths: dict[str, str], keys: Path | None, chromium: str) -> None:
    """Pictures of the pages at those paths, in both languages and themes, narrow and wide."""
    folder.mkdir(parents=True, exist_ok=True)
    with running(store, keys=keys, pages=[console_router()]) as served, browsing(chromium) as browser:
        for lang in LANGS:
            for theme in THEMES:
                visitor = Visitor(browser, served.url, lang, theme)
                visitor.sign_in()
                for name, path in paths.items():
                    visitor.page.goto(path)
                    for width in (NARROW, WIDE):
                        visitor.page.set_viewport_size({"width": width, "height": 900})
                        picture = folder / f"{name}.{lang}.{theme}.{width}.png"
                        visitor.page.screenshot(path=str(picture), full_page=True)
                for complaint in visitor.complaints:
                    print(complaint)
                visitor.leave()


def screens_of(account: str) -> dict[str, str]:
    """The screens by name, for a store that has that account."""
    return {
        "sign-in": "/console/sign-in",
        "today": "/console/today",
        "cases": "/console/cases",
        "policy": "/console/policy",
        "accounts": "/console/accounts",
        "account": f"/console/accounts/{account}",
        "decision": f"/console/accounts/{account}/decisions/1",
    }


if __name__ == "__main__":
    at, into, shown = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    own_keys = Path(at).parent / "keys"
    make_pictures(at, into, screens_of(shown), own_keys if own_keys.exists() else None, "/usr/bin/chromium")
