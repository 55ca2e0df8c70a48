"""Whatever a caller hands over by mistake is refused by name, with a code, and never ends in Python's own error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from tests.face.examples import EVENTS, POLICY, example_rows

AT = "2025-07-11T09:00:00+08:00"
WRONG: list[Any] = [
    None, 5, -1, 2.5, "", "x#y", "A-1001#²", b"x", [], {}, object(), 10**30, float("nan"), True, ("a",), "\ud800",
    "a" * 5_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> lk.Engine:
    """An engine that has received the example."""
    made = lk.open(":memory:", POLICY)
    made.receive(EVENTS)
    return made


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(LinekeeperError) as refused:
        act()
    return refused.value.code


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("account", {"name": "A-1001"}),
    ("accounts", {"status": None, "after": "", "page_size": 5}),
    ("authorise", {"account": "A-1001", "amount_minor": 5, "at": AT}),
    ("explain", {"decision": "A-1001#1"}),
    ("notice", {"decision": "A-1001#1", "lang": "en", "form": "text", "lender": None}),
    ("recourse", {"account": "A-1001", "day": None}),
    ("erase", {"account": "A-1001", "at": AT}),
    ("rule", {"account": "A-1001", "until": "2025-08-01", "by": "a", "why": "b", "at": AT, "cap_bp": 5_000, "id": "i"}),
    ("rule", {"account": "A-1001", "until": "2025-08-01", "by": "a", "why": "b", "at": AT, "trigger": "late_3"}),
    ("review", {"day": "2025-05-01"}),
    ("receive", {"events": [], "source": "p", "columns": None, "transaction": None}),
    ("load_policy", {"source": POLICY}),
    ("replay", {"policy": POLICY, "events": EVENTS, "until": None, "columns": None, "workers": 1}),
    ("snapshots", {"policy": POLICY, "events": EVENTS, "days": ["2025-05-15"], "label": None, "columns": None}),
    ("open", {"store": ":memory:", "policy": POLICY, "keys": None, "brake": False, "jurisdiction": None}),
    ("open", {"store": ":memory:", "policy": POLICY, "product": None, "signed_by": None}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "good", "argument"), [(method, good, argument) for method, good in CALLS for argument in good]
)
def test_no_argument_ends_in_an_error_of_python(
    engine: lk.Engine,
    method: str,
    good: dict[str, Any],
    argument: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Path.cwd()
    monkeypatch.chdir(tmp_path)  # a text may be taken for the path of a store
    act = getattr(engine, method, None) or getattr(lk, method)
    given = {name: here / value if value in (POLICY, EVENTS) else value for name, value in good.items()}
    refused = 0
    for value in WRONG:
        try:
            act(**{**given, argument: value})
        except LinekeeperError as error:
            refused += bool(error.code and error.message)
    assert refused > 5


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda engine: engine.accounts(page_size=-1), "argument-not-usable"),
        (lambda engine: engine.explain(None), "argument-not-usable"),
        (lambda engine: engine.explain("A-1001#x"), "decision-name-not-readable"),
        (lambda engine: engine.explain("B"), "account-not-known"),
        (lambda engine: engine.explain("B#1"), "account-not-known"),
        (lambda engine: engine.explain("A-1001#9"), "decision-not-known"),
        (lambda engine: engine.notice("A-1001#1", lender="none.yaml"), "file-missing"),
        (lambda engine: engine.receive([], transaction=sqlite3.connect(":memory:")), "transaction-not-usable"),
        (lambda engine: lk.open("", POLICY), "argument-not-usable"),
    ],
)
def test_each_mistake_has_its_code(engine: lk.Engine, act: Callable[[lk.Engine], object], code: str) -> None:
    assert code_of(lambda: act(engine)) == code


def test_an_account_may_have_the_sign_of_decisions_in_its_name() -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive([row | {"account": "A#x"} for row in example_rows()])
        assert engine.explain("A#x#1").decision.number == 1
        assert engine.explain("A#x").decision.number == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cap_bp": 30.5}, "ruling-out-of-bounds"),
        ({"cap_bp": 10_001}, "ruling-out-of-bounds"),
        ({"cap_bp": 5_000, "trigger": "late_3"}, "arguments-do-not-go-together"),
        ({"id": "a\x85b"}, "ruling-out-of-bounds"),
        ({"why": "a\u2028b"}, "ruling-out-of-bounds"),
    ],
)
def test_a_ruling_says_one_thing_that_a_ruling_can_say(change: dict[str, Any], code: str) -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive(EVENTS)
        ruling = {"until": "2025-08-31", "by": "Li", "why": "audit", "at": AT}
        assert code_of(lambda: engine.rule("A-1001", **(ruling | change))) == code
        assert len(engine.account("A-1001").decisions) == 2


def test_a_day_alone_is_a_list_of_one() -> None:
    listed = lk.snapshots(POLICY, EVENTS, ["2025-05-15"]).table
    assert lk.snapshots(POLICY, EVENTS, "2025-05-15").table == listed
    assert lk.snapshots(POLICY, EVENTS, listed["day"][0].as_py()).table == listed


def test_an_engine_that_is_closed_is_not_used() -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive(EVENTS)
    acts: list[Callable[[], object]] = [
        lambda: engine.account("A-1001"),
        lambda: engine.receive([]),
        lambda: engine.review("2025-12-31"),
        lambda: engine.accounts(),
        lambda: engine.verify(),
        lambda: engine.transaction().__enter__(),
    ]
    assert [code_of(act) for act in acts] == ["store-closed"] * len(acts)
    engine.close()


def test_before_an_account_opened_nothing_can_be_drawn(engine: lk.Engine) -> None:
    """It opened at 10:00:00 on 3 March 2025."""
    at_once = engine.authorise("A-1001", 1, "2025-03-03T10:00:00+08:00")
    before = engine.authorise("A-1001", 1, "2025-03-03T09:59:59.999+08:00")
    assert at_once.allowed
    assert (before.allowed, before.reasons) == (False, ("not_open",))


@pytest.mark.parametrize("events", [example_rows(), EVENTS])
@pytest.mark.parametrize("columns", [{"branhc": None}, {"reversed": "of"}])
def test_a_column_that_is_named_and_is_not_there_is_a_mistake(events: Any, columns: dict[str, str | None]) -> None:
    assert code_of(lambda: lk.replay(POLICY, events, columns=columns)) == "column-missing"
    assert code_of(lambda: lk.open(":memory:", POLICY).receive(events, columns=columns)) == "column-missing"
