"""Every route of the service over the tutorial's borrower: what it answers, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import linekeeper as lk
from linekeeper.core.errors import Conflict, NotFound, StoreError
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.service.state import Limits
from tests.service.running import AT, EVENTS, POLICY, Running, running, store_with_example


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    new_keeper(folder / "keys", folder / "public", "example.com/lines")
    url = store_with_example(folder, folder / "keys")
    with running(url, keys=folder / "keys") as made:
        keeper = made.service.engine.keeper
        assert keeper is not None
        keeper.publish(made.service.engine.store)
        yield made


def opened(account: str, id: str, at: str = "2025-07-01T10:00:00+08:00") -> dict[str, Any]:
    return {"id": id, "account": account, "kind": "open", "at": at, "limit": 500_000}


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, status), body
    assert answer.headers["content-type"] == "application/problem+json"
    return body


def test_an_account_is_shown_as_the_face_shows_it(served: Running, tmp_path: Path) -> None:
    shown = served.http.get("/v1/accounts/A-1001").json()
    with lk.open(tmp_path / "same.db", POLICY) as engine:
        engine.receive(EVENTS)
        account = engine.account("A-1001")
    assert (shown["status"], shown["limit_minor"]) == (account.status, account.limit_minor) == ("restoring", 600_000)
    assert shown["values"] == dict(account.features)
    assert [one["number"] for one in shown["decisions"]] == [1, 2]


def test_events_lead_to_the_decisions_of_the_engine(served: Running) -> None:
    rows = [json.loads(line) for line in EVENTS.read_text("utf-8").splitlines()]
    renamed = [row | {"id": f"B{row['id']}", "account": "B/1 中"} for row in rows]
    answer = served.post("/v1/events", renamed).json()
    assert [one["action"] for one in answer["decisions"]] == ["decrease", "restore"]
    assert (answer["events"], answer["rejected"], answer["repeats"]) == (len(rows), [], 0)
    assert served.post("/v1/events", renamed).json()["repeats"] == len(rows)
    with lk.Client(served.url) as client:
        assert client.account("B/1 中").limit_minor == 600_000


def test_json_lines_and_cloud_events_are_the_same_events(served: Running) -> None:
    lines = json.dumps(opened("L", "l1")) + "\n{\n\n" + json.dumps(opened("M", "l2") | {"limit": 1.5}) + "\n"
    answer = served.http.post("/v1/events", content=lines, headers={"content-type": "application/x-ndjson"}).json()
    assert [one["place"] for one in answer["rejected"]] == ["line 2", "line 4"]
    head = {"specversion": "1.0", "id": "c1", "source": "core", "time": "2025-07-02T10:00:00+08:00"}
    event = head | {"type": "com.bank.draw", "subject": "L", "data": {"amount": 1_000}}
    media = {"content-type": "application/cloudevents+json"}
    answer = served.http.post("/v1/events", content=json.dumps(event), headers=media).json()
    assert (answer["source"], answer["rejected"]) == ("core", [])
    assert served.http.get("/v1/accounts/L").json()["balance_minor"] == 1_000


def test_the_same_idempotency_key_is_answered_alike_and_done_once(served: Running) -> None:
    events = [opened("K", "k1"), opened("K", "k2"), {"id": "k3"}]
    first = served.post("/v1/events", events, idempotency_key="of-k").json()
    again = served.post("/v1/events", events, idempotency_key="of-k").json()
    assert len(first["rejected"]) == 2
    assert not first["replayed"]
    assert again["replayed"]
    kept = ("events", "repeats", "pending", "excess_draws", "unowed_dues", "decisions", "conflicts")
    assert [first[name] for name in kept] == [again[name] for name in kept]
    assert [one["code"] for one in first["rejected"]] == [one["code"] for one in again["rejected"]]
    other = served.post("/v1/events", [opened("K2", "k4")], idempotency_key="of-k")
    problem(other, 422, "idempotency-key-taken")
    problem(served.http.get("/v1/accounts/K2"), 404, "account-not-known")
    problem(served.post("/v1/events", events, idempotency_key="a b"), 400, "parameter-not-readable")


def test_a_draw_is_asked_about_and_taken_in(served: Running) -> None:
    asked = {"account": "A-1001", "amount_minor": 700_000, "at": AT}
    answer = served.post("/v1/authorise", asked).json()
    assert (answer["allowed"], answer["reasons"]) == (False, ["over_limit"])
    served.post("/v1/events", [opened("D", "d1")])
    draw = {"account": "D", "amount_minor": 400_000, "at": AT, "draw": "d-1"}
    assert [served.post("/v1/authorise", draw).json()["allowed"] for _ in range(2)] == [True, True]
    assert not served.post("/v1/authorise", draw | {"draw": "d-2"}).json()["allowed"]
    assert served.http.get("/v1/accounts/D").json()["balance_minor"] == 400_000


def test_a_person_rules_in_the_name_of_the_caller(served: Running) -> None:
    served.post("/v1/events", [opened("R", "r1")])
    ruling = {"account": "R", "cap_bp": 1_000, "until": "2025-08-31", "why": "audit", "at": AT, "id": "r-1"}
    (decision,) = served.post("/v1/rulings", ruling).json()["decisions"]
    assert (decision["limit_minor"], decision["reasons"]) == (50_000, ["person"])
    problem(served.post("/v1/rulings", ruling | {"trigger": "late_3"}), 400, "argument-missing")
    problem(served.post("/v1/rulings", ruling | {"account": "nobody"}), 404, "account-not-known")
    problem(
        served.post("/v1/pending/release", {"accounts": ["R"], "why": "x", "at": AT}), 404, "restriction-not-pending"
    )
    refusal = {"accounts": ["R"], "why": "x", "at": AT, "until": "2025-09-01"}
    problem(served.post("/v1/pending/refuse", refusal), 404, "restriction-not-pending")
    assert served.http.get("/v1/pending").json()["restrictions"] == []


def test_pages_are_walked_by_their_cursor(served: Running) -> None:
    with lk.Client(served.url) as client:
        names = [one.account for one in client.accounts(page=1)]
        assert names == sorted(names)
        assert {"A-1001"} <= set(names)
        assert [one.account for one in client.accounts(page=1_000)] == names
        places = [one.place for one in client.decisions(page=1)]
        assert places == sorted(set(places))
        assert [one.place for one in client.decisions(after=places[0])] == places[1:]


def test_a_decision_is_explained_notified_and_proven(served: Running) -> None:
    with lk.Client(served.url) as client:
        explained = client.explain("A-1001", 1)
        assert [one.name for one in explained.triggers] == ["late_3"]
        assert "5,000" in str(client.notice("A-1001", 1, "en").rendered)
        assert client.recourse("A-1001").road_back.verified
        receipt = client.receipt("A-1001", 1)
        keeper = served.service.engine.keeper
        assert keeper is not None
        assert verify_receipt(receipt.encode(), keeper.signer.verifier).index >= 0
        assert client.notices().notices == []
        assert [one.version for one in client.versions().versions] == [1]
        assert client.ready().ready
        digest = client.versions().versions[0].digest
    shown = served.http.get(f"/v1/policies/{digest}").json()
    assert "cash-line" in shown["text"]
    problem(served.http.get("/v1/policies/00"), 404, "version-not-known")
    problem(served.http.post("/v1/accounts/A-1001/decisions/1/notice/sent"), 404, "notice-not-known")


def test_the_log_is_served_as_its_folder_has_it(served: Running) -> None:
    keeper = served.service.engine.keeper
    assert keeper is not None
    for path in ("checkpoint", "log.vkey"):
        assert served.http.get(f"/v1/log/{path}").content == (keeper.folder / path).read_bytes()
    tiles = [file.relative_to(keeper.folder) for file in keeper.folder.glob("tile/*/**/*") if file.is_file()]
    assert tiles
    for tile in tiles:
        assert served.http.get(f"/v1/log/{tile.as_posix()}").content == (keeper.folder / tile).read_bytes()
    for path in ("0/999", "0/%2e%2e/%2e%2e/checkpoint", "entries/x001"):
        problem(served.http.get(f"/v1/log/tile/{path}"), 404, "tile-not-known")


def test_what_cannot_be_read_is_a_problem_with_a_code(served: Running) -> None:
    text = {"content-type": "application/json"}
    bodies = (b"", b"{", b"[]", b'{"id": 1, "id": 2}', b"[NaN]", b"\xff", b"[" * 50 + b"]" * 50, b"1" * 5_000)
    for body in bodies:
        refused = problem(served.http.post("/v1/events", content=body, headers=text), 400, "body-not-readable")
        assert refused["way_out"]
    packed, table = text | {"content-encoding": "gzip"}, {"content-type": "text/csv"}
    problem(served.http.post("/v1/events", content=b"x", headers=table), 415, "media-type-not-known")
    problem(served.http.post("/v1/events", content=b"x", headers=packed), 415, "media-type-not-known")
    problem(served.http.get("/v1/nothing"), 404, "route-not-known")
    problem(served.http.delete("/v1/accounts"), 405, "method-not-known")
    problem(served.http.get("/v1/decisions?limit=none"), 400, "parameter-not-readable")
    problem(served.http.get("/v1/accounts/%ff"), 400, "parameter-not-readable")
    problem(served.http.get("/v1/problems/none"), 404, "code-not-known")
    shown = served.http.get("/v1/problems/store-busy").json()
    assert shown["kind"] == "store"
    assert shown["way_out"]


def test_a_request_beyond_its_limits_is_refused(tmp_path: Path) -> None:
    url = store_with_example(tmp_path)
    with running(url, Limits(body_bytes=1_000, body_seconds=0.2, a_second=1, burst=6)) as small:
        text = {"content-type": "application/json"}
        problem(small.http.post("/v1/events", content=b" " * 1_001, headers=text), 413, "body-too-large")
        problem(small.http.get("/v1/accounts/A-1001/decisions/1/receipt"), 404, "service-without-log")

        def slowly() -> Iterator[bytes]:
            import time

            yield b"["
            time.sleep(0.6)
            yield b"]"

        problem(small.http.post("/v1/events", content=slowly(), headers=text), 408, "body-too-slow")
        answers = [small.http.get("/v1/health").status_code for _ in range(8)]
        assert answers[-1] == 429
        assert 200 in answers
        problem(small.http.get("/v1/health"), 429, "requests-too-many")


def test_the_client_raises_what_the_service_said(served: Running) -> None:
    with lk.Client(served.url) as client:
        with pytest.raises(NotFound, match="nobody") as unknown:
            client.account("nobody")
        assert unknown.value.code == "account-not-known"
        sent = client.send([opened("C", "c9")], idempotency_key="one")
        assert (sent.events, sent.rejected) == (1, [])
        with pytest.raises(Conflict):
            client.send([opened("C", "c8")], idempotency_key="one")
        assert client.rule("C", until="2025-08-31", why="w", cap_bp=5_000, at=AT).decisions
        assert client.authorise("C", 1_000, at=AT).allowed
    with lk.Client("http://127.0.0.1:9") as nobody, pytest.raises(StoreError) as unreached:
        nobody.ready()
    assert unreached.value.code == "service-not-reached"


def test_figures_and_description_name_no_borrower(served: Running) -> None:
    served.http.get("/v1/accounts/A-1001")
    figures = served.http.get("/v1/metrics").text
    assert 'route="/v1/accounts/{account}"' in figures
    assert "A-1001" not in figures
    description = served.http.get("/v1/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert "/v1/events" in description["paths"]
