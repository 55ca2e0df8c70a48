"""Who may use the service: keys, their roles and their ends; every role against every route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.errors import LinekeeperError, NotFound, Refused, UsageError
from linekeeper.engine.clock import machine_clock_ms
from linekeeper.journal.store import open_store
from linekeeper.service import state
from linekeeper.service.access_keys import add_key, key_of_text, list_keys, revoke_key
from linekeeper.service.roles import EVERYONE, Role
from linekeeper.service.server import serve_forever
from tests.service.roles_page import PAGE, Declared, declared_routes, roles_page
from tests.service.running import Running, running, store_with_example

NOW = machine_clock_ms()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[Role, str]]]:
    url = store_with_example(tmp_path_factory.mktemp("keyed"))
    with closing(open_store(url)) as store:
        texts = {role: add_key(store, f"the {role}", role, NOW, 1)[1] for role in Role}
    with running(url) as made:
        yield made, texts


def test_the_page_of_roles_is_that_of_the_routes() -> None:
    assert PAGE.read_text("utf-8") == roles_page(), "run `python -m tests.service.roles_page`"


@pytest.mark.parametrize("route", list(declared_routes()), ids=lambda one: f"{one.method} {one.path}")
def test_every_role_against_a_route(keyed: tuple[Running, dict[Role, str]], route: Declared) -> None:
    made, texts = keyed
    path = re.sub(r"\{number\}", "9", re.sub(r"\{(?!number)\w+\}", "none", route.path))
    for role in (None, *Role):
        headers = {} if role is None else {"authorization": f"Bearer {texts[role]}"}
        answer = made.http.request(route.method, path, headers=headers)
        if route.roles is EVERYONE or (role is not None and role in route.roles):
            assert answer.status_code not in (401, 403, 500), (role, answer.text)
        else:
            code = "access-key-missing" if role is None else "role-not-allowed"
            assert answer.json()["code"] == code
            assert answer.status_code == (401 if role is None else 403)


def test_a_key_is_shown_once_and_known_by_its_hash(tmp_path: Path) -> None:
    url = store_with_example(tmp_path)
    with closing(open_store(url)) as store:
        key, text = add_key(store, "core", Role.SYSTEM, NOW, 7)
        with store.reading() as connection:
            assert key_of_text(connection, text, NOW) == key
            assert key_of_text(connection, text, NOW + 7 * DAY_MS - 1) == key
            with pytest.raises(Refused, match="not valid"):
                key_of_text(connection, text, NOW + 7 * DAY_MS)
            other = "0" if text[-1] != "0" else "1"
            for wrong in ("", "lk_", text[:-1], text[:-1] + other, f"{text} ", text.upper()):
                with pytest.raises(Refused, match="not valid"):
                    key_of_text(connection, wrong, NOW)
        assert revoke_key(store, key.id, NOW).state_at(NOW) == "revoked"
        assert revoke_key(store, key.id, NOW + 5).revoked_at == NOW
        with store.reading() as connection:
            assert list_keys(connection)[0].state_at(NOW) == "revoked"
            with pytest.raises(Refused):
                key_of_text(connection, text, NOW)
    secret = text.rpartition("_")[2].encode()
    assert all(secret not in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


def test_what_cannot_be_a_key_is_refused(tmp_path: Path) -> None:
    with closing(open_store(store_with_example(tmp_path))) as store:
        for holder in ("", " ", "a" * 201, "a\u200bb"):
            with pytest.raises(UsageError) as refused:
                add_key(store, holder, Role.ADMIN, NOW, 1)
            assert refused.value.code == "key-holder-not-usable"
        for days in (0, 3_651):
            with pytest.raises(UsageError):
                add_key(store, "a", Role.ADMIN, NOW, days)
        with pytest.raises(NotFound) as unknown:
            revoke_key(store, "none", NOW)
        assert unknown.value.code == "access-key-not-known"


def test_a_revoked_key_ends_at_a_service_that_runs(
    keyed: tuple[Running, dict[Role, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = keyed
    monkeypatch.setattr(state, "CHECKED_FOR_S", 0.0)
    key, text = add_key(made.service.engine.store, "a", Role.VIEWER, NOW, 1)
    headers = {"authorization": f"Bearer {text}"}
    assert made.http.get("/v1/accounts", headers=headers).status_code == 200
    revoke_key(made.service.engine.store, key.id, NOW)
    answer = made.http.get("/v1/accounts", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "access-key-not-valid")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_without_keys_only_this_machine_is_served(tmp_path: Path) -> None:
    url = store_with_example(tmp_path)
    with running(url) as made:
        answer = made.http.get("/v1/accounts", headers={"host": "lender.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "role-not-allowed")
        assert made.http.get("/v1/accounts").status_code == 200
        with pytest.raises(LinekeeperError) as refused:
            serve_forever(made.service, "0.0.0.0", 0, print)
        assert refused.value.code == "service-keys-needed"
