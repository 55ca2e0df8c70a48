"""Today and the cases: what waits is shown, and is released or withheld by whoever may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.console.routes import console_router
from linekeeper.engine.account import find_decision, view
from linekeeper.engine.clock import machine_clock_ms
from linekeeper.journal.store import open_store
from linekeeper.service.access_keys import add_key
from linekeeper.service.roles import RULES, Role
from tests.console.held import LINES, store_with_held
from tests.console.test_pages import entered, token_of
from tests.service.running import Running, running

CASES = "/console/cases"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Running, dict[Role, str]]]:
    url = store_with_held(tmp_path)
    with closing(open_store(url)) as store:
        texts = {role: add_key(store, f"the {role}", role, machine_clock_ms(), 1)[1] for role in Role}
    with running(url, pages=[console_router()]) as made:
        yield made, texts


def test_today_says_what_waits_and_what_was_done(held: tuple[Running, dict[Role, str]]) -> None:
    made, texts = held
    with entered(made, texts[Role.AGENT]) as browser:
        twin, page = browser.get("/console/today.json").json(), browser.get("/console/today")
        assert twin["sentence"].startswith(f"These wait for a person: {LINES - 3} restrictions.")
        assert twin["sentence"] in page.text
        assert twin["restrictions_waiting"] == LINES - 3
        done = {one["action"]: one for one in twin["actions"]}
        assert done["suspend"]["decisions"] == done["suspend"]["accounts"] == 3
        assert 'href="/console/cases"' in page.text
        listed = browser.get(f"{CASES}.json").json()["restrictions"]
        assert len(listed) == LINES - 3


def test_an_approver_releases_and_withholds(held: tuple[Running, dict[Role, str]]) -> None:
    made, texts = held
    with entered(made, texts[Role.APPROVER]) as browser:
        token = token_of(browser.get(CASES))
        first, second = (one["account"] for one in browser.get(f"{CASES}.json").json()["restrictions"][:2])
        fields = {"token": token, "why": "looked at by hand"}
        released = browser.post(CASES, data=fields | {"account": first, "act": "release"})
        assert released.headers["location"] == f"{CASES}?done=release"
        engine = made.service.engine
        assert view(engine, first).line.status == "suspended"
        assert find_decision(engine, first).event is not None
        withheld = browser.post(CASES, data=fields | {"account": second, "act": "withhold", "until": "2030-01-31"})
        assert withheld.headers["location"] == f"{CASES}?done=withhold"
        assert view(engine, second).line.status == "active"
        left = [one["account"] for one in browser.get(f"{CASES}.json").json()["restrictions"]]
        assert len(left) == LINES - 5
        assert not {first, second} & set(left)
        assert "the lines stay as they are" in browser.get(f"{CASES}?done=withhold").text
        again = browser.post(CASES, data=fields | {"account": first, "act": "release"})
        assert again.status_code == 404
        assert "restriction-not-pending" in again.text


def test_a_ruling_needs_its_role_accounts_a_reason_and_a_day(held: tuple[Running, dict[Role, str]]) -> None:
    made, texts = held
    for role in set(Role) - {Role.SYSTEM}:
        with entered(made, texts[role]) as browser:
            page = browser.get(CASES)
            assert ('name="account"' in page.text) == (role in RULES)
            fields = {"token": token_of(page), "why": "w", "account": "A010", "act": "release"}
            if role not in RULES:
                assert browser.post(CASES, data=fields).status_code == 403
                continue
            for missing in ("why", "account", "act"):
                given = {name: text for name, text in fields.items() if name != missing}
                assert browser.post(CASES, data=given).status_code == 400
            assert browser.post(CASES, data=fields | {"act": "withhold"}).status_code == 400
            assert browser.post(CASES, data=fields | {"token": "0" * 64}).status_code == 422
    with entered(made, texts[Role.AUDITOR]) as browser:
        assert len(browser.get(f"{CASES}.json").json()["restrictions"]) == LINES - 3
