"""Signing in, what each role may see, and pages with their twins, as a browser asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from linekeeper.console.routes import console_router
from linekeeper.console.sessions import IDLE_SECONDS, SESSION_COOKIE, WHOLE_SECONDS, Sessions
from linekeeper.console.signing_in import own_path
from linekeeper.core.errors import Refused, UsageError
from linekeeper.engine.clock import machine_clock_ms
from linekeeper.journal.store import open_store
from linekeeper.service.access_keys import add_key, revoke_key
from linekeeper.service.roles import Role
from tests.service.running import Running, running, store_with_example

ACCOUNT = "/console/accounts/A-1001"
PATHS = ("/console/policy", "/console/today", "/console/cases", "/console/accounts", ACCOUNT, f"{ACCOUNT}/decisions/1")
TWINS = (
    "/console/policy.json",
    "/console/today.json",
    "/console/cases.json",
    "/console/accounts.json",
    f"{ACCOUNT}/account.json",
    f"{ACCOUNT}/decisions/1/decision.json",
)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[Role, str]]]:
    url = store_with_example(tmp_path_factory.mktemp("console"))
    with closing(open_store(url)) as store:
        texts = {role: add_key(store, f"the {role}", role, machine_clock_ms(), 1)[1] for role in Role}
    with running(url, pages=[console_router()]) as made:
        yield made, texts


@contextmanager
def entered(made: Running, key: str, lang: str = "en") -> Iterator[httpx.Client]:
    """A browser that has signed in."""
    with httpx.Client(base_url=made.url, timeout=30) as browser:
        answer = browser.post("/console/sign-in", data={"key": key, "lang": lang, "next": "/console/accounts"})
        assert answer.status_code == 303
        yield browser


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert found
    return found[1]


def test_who_is_not_signed_in_is_asked_to_and_led_back(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    for path in PATHS:
        answer = made.http.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/sign-in?next=%2Fconsole%2F")
    for path in TWINS:
        answer = made.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "session-missing")
    wrong = made.http.post("/console/sign-in", data={"key": "lk_none", "lang": "en"})
    assert wrong.status_code == 401
    assert "not valid" in wrong.text
    with entered(made, texts[Role.AGENT]) as browser:
        assert all(browser.get(path).status_code == 200 for path in PATHS)


def test_the_cookie_is_for_this_site_and_no_script(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    sent = made.http.post("/console/sign-in", data={"key": texts[Role.AGENT], "lang": "en"})
    cookie = sent.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    assert texts[Role.AGENT] not in sent.headers["set-cookie"]
    made.http.cookies.clear()
    other = made.http.post(
        "/console/sign-in", data={"key": texts[Role.AGENT], "lang": "en"}, headers={"origin": "https://else.example"}
    )
    assert other.status_code == 400
    assert SESSION_COOKIE not in other.headers.get("set-cookie", "")


def test_every_answer_binds_the_browser(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    with entered(made, texts[Role.AUDITOR]) as browser:
        for path in (*PATHS, *TWINS, "/console/accounts/none", "/console/sign-in"):
            answer = browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "script-src" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert " style=" not in answer.text
            assert "<script" not in answer.text
            if path in PATHS:
                assert not re.search(r"(src|href|action)=.(https?:)?//", answer.text)


def test_a_role_that_reads_no_accounts_sees_none(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    for role in Role:
        with entered(made, texts[role]) as browser:
            for path in (*PATHS, *TWINS):
                assert browser.get(path).status_code == (403 if role is Role.SYSTEM else 200), (role, path)


def test_a_viewer_reads_names_in_part(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    with entered(made, texts[Role.VIEWER]) as browser:
        for path in ("/console/accounts", "/console/accounts.json", "/console/accounts?find=A-1"):
            listed = browser.get(path).text.replace("A-1001</option>", "")
            assert "A-1001" not in listed
        assert browser.get("/console/accounts?find=A-1001").headers["location"] == ACCOUNT
    with entered(made, texts[Role.AGENT]) as browser:
        assert "A-1001" in browser.get("/console/accounts?find=A-1").text
        assert "There is no account B" in browser.get("/console/accounts?find=B").text


def test_pages_say_what_their_twins_say_in_both_languages(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    for lang, status, action in (("en", "restoring", "decrease"), ("zh", "恢复中", "降低")):
        with entered(made, texts[Role.AGENT], lang) as browser:
            twin, page = browser.get(f"{ACCOUNT}/account.json").json(), browser.get(ACCOUNT)
            assert twin["sentence"] in page.text
            assert status in page.text
            assert twin["account"]["limit_minor"] == 600_000
            assert twin["may_draw_minor"] == max(600_000 - twin["account"]["balance_minor"], 0)
            assert twin["plans"][0]["steps"][0]["text"] in page.text
            twin, page = (
                browser.get(f"{ACCOUNT}/decisions/1/decision.json").json(),
                browser.get(f"{ACCOUNT}/decisions/1"),
            )
            assert twin["explained"]["decision"]["action"] == "decrease"
            assert twin["sentence"] in page.text
            assert twin["notice"]["headline"] in page.text
            assert twin["proof"]["state"] == "no-log"
            assert action in page.text
            assert page.text.startswith(f'<!doctype html>\n<html lang="{"zh-Hans" if lang == "zh" else "en"}"')


def test_rules_show_their_values_against_their_thresholds(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    with entered(made, texts[Role.AGENT]) as browser:
        rules = browser.get(f"{ACCOUNT}/account.json").json()["rules"]
        explained = browser.get(f"{ACCOUNT}/decisions/1/decision.json").json()["explained"]["triggers"]
    assert [rule["set"] for rule in rules] == sorted((rule["set"] for rule in rules), reverse=True)
    assert {rule["trigger"] for rule in rules} >= {one["name"] for one in explained}
    assert all(rule["comparisons"] for rule in rules)


def test_a_form_of_another_session_does_nothing(keyed: tuple[Running, dict[Role, str]]) -> None:
    made, texts = keyed
    with entered(made, texts[Role.AGENT]) as one, entered(made, texts[Role.AGENT]) as other:
        token = token_of(one.get(ACCOUNT))
        refused = other.post("/console/preferences", data={"token": token, "lang": "zh"})
        assert refused.status_code == 422
        assert "form-not-of-session" in refused.text
        assert other.post("/console/preferences", data={"lang": "zh"}).status_code == 422
        assert 'lang="en"' in other.get(ACCOUNT).text[:60]
        assert one.post("/console/preferences", json={"token": token}).status_code == 415
        done = one.post("/console/preferences", data={"token": token, "theme": "dark", "lang": "zh", "next": ACCOUNT})
        assert done.headers["location"] == ACCOUNT
        assert 'lang="zh-Hans" data-theme="dark"' in one.get(ACCOUNT).text
        assert one.post("/console/sign-out", data={"token": token}).status_code == 303
        assert one.get(ACCOUNT).status_code == 303


def test_a_session_ends_with_its_key_and_with_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = store_with_example(tmp_path)
    with closing(open_store(url)) as store:
        key, text = add_key(store, "an agent", Role.AGENT, machine_clock_ms(), 1)
    with running(url, pages=[console_router()]) as made, entered(made, text) as browser:
        assert browser.get(ACCOUNT).status_code == 200
        sessions = Sessions()
        name, session = sessions.begin(made.service, text, "en")
        assert sessions.session_of(name) is session
        with pytest.raises(Refused, match="not valid"):
            sessions.begin(made.service, "lk_none", "en")
        for seconds in (IDLE_SECONDS, WHOLE_SECONDS):
            name, session = sessions.begin(made.service, text, "en")
            if seconds == WHOLE_SECONDS:
                session.begun -= seconds + 1
            else:
                session.used -= seconds + 1
            with pytest.raises(UsageError, match="nobody is signed in"):
                sessions.session_of(name)
        revoke_key(made.service.engine.store, key.id, machine_clock_ms())
        made.service.keys._checked.clear()  # it is looked up anew after a second
        assert browser.get(ACCOUNT).headers["location"].startswith("/console/sign-in")


def test_a_form_leads_to_pages_of_the_console_alone() -> None:
    for path in ("/console", "/console/accounts?status=reduced&after=B", "/console/accounts/A%2F1"):
        assert own_path(path) == path
    for path in (
        "",
        "/v1/accounts",
        "//else.example",
        "https://else.example/console",
        "/console\\else",
        "/console\r\nx: y",
    ):
        assert own_path(path) == "/console"


def test_names_that_are_no_path_are_found(tmp_path: Path) -> None:
    url = store_with_example(tmp_path)
    odd = "</title><i>é/1"
    with running(url, pages=[console_router()]) as made:
        at = "2025-07-11T09:00:00+08:00"
        sent = made.post("/v1/events", {"id": "o", "account": odd, "kind": "open", "at": at, "limit": 500_000})
        assert sent.json()["rejected"] == []
        with entered(made, "") as browser:
            page = browser.get("/console/accounts", params={"find": odd}, follow_redirects=True)
            assert page.status_code == 200
            assert "<i>" not in page.text
            assert "&lt;i&gt;é/1" in page.text
            assert browser.get(f"{page.url.raw_path.decode()}/account.json").json()["account"]["account"] == odd
