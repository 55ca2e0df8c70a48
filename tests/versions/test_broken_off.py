"""A review under two versions that is killed anywhere is finished by whatever comes next, as it was begun."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from linekeeper.engine import engine as rooms
from linekeeper.engine.engine import Engine
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.engine.verify import verify
from linekeeper.journal.store import Store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.lives import contents, send
from tests.versions.test_stories import DAY, MILD, event, stricter

MORE_STRICT = MILD.replace("version: 1", "version: 3").replace("cap: 50%, hold: 5d", "cap: 10%, hold: 90d")
NEXT: dict[str, Callable[[Engine], object]] = {
    "the same": lambda engine: engine.review(26),
    "a later review": lambda engine: engine.review(40),
    "an event": lambda engine: send(engine, [event("b", "enquiry", 26), event("a", "enquiry", 26)]),
    "a ruling": lambda engine: rule(engine, [Ruling("b", 26 * DAY, 60, "Li", "asked", cap_bp=4_000, id="ruling")]),
    "an event in the caller's transaction": lambda engine: joined(engine),
}


def joined(engine: Engine) -> None:
    with engine.transaction() as transaction:
        engine.receive([event("b", "enquiry", 26)], "core", transaction=transaction)


def begun(store: Store) -> Engine:
    """Three lines that are reviewed up to day 25, and the strict version in force; `c` asks twice on day 25."""
    engine = Engine(store, load_text(MILD))
    events = [event(name, "open", 10, limit=100_000) for name in ("a", "b", "c")]
    send(engine, [*events, event("a", "draw", 11, amount=30_000), event("a", "due", 12, amount=5_000, due_on=20)])
    engine.review(25)
    engine = stricter(engine)
    send(engine, [event("b", "due", 25, amount=100, due_on=25), event("c", "enquiry", 25)])
    return engine


def killed_at(engine: Engine, step: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a review end without warning at the `number`-th call of that step."""
    original, calls = getattr(Engine, step), list[None]()

    def perhaps(self: Engine, *arguments: object) -> object:
        calls.append(None)
        if len(calls) == number:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(rooms, "REVIEW_BATCH", 1)
    monkeypatch.setattr(Engine, step, perhaps)
    with pytest.raises(KeyboardInterrupt):
        engine.review(26)
    monkeypatch.undo()


@pytest.mark.parametrize("following", NEXT)
@pytest.mark.parametrize(("step", "number"), [("_migrate_due", 1), ("_review_accounts", 2)])
def test_a_killed_review_is_finished_by_what_comes_next(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch, step: str, number: int, following: str
) -> None:
    whole, broken = begun(new_store()), begun(new_store())
    whole.review(26)
    killed_at(broken, step, number, monkeypatch)
    said = verify(broken.store).first_difference
    assert said == "the review up to 1970-01-27 was broken off; `linekeeper review --until 1970-01-27` finishes it"
    for engine in (whole, broken):
        NEXT[following](engine)
        assert engine.engine_of("b").policy.version == 2
    assert contents(broken.store) == contents(whole.store)
    assert verify(broken.store).same


def test_a_review_is_finished_under_the_version_that_began_it(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from linekeeper.engine.versions import adopt

    engine = begun(new_store())
    killed_at(engine, "_migrate_due", 1, monkeypatch)
    third = load_text(MORE_STRICT)
    adopt(engine.store, third)
    newest = Engine(engine.store, third)
    newest.resume_reviews()
    assert [newest.engine_of(name).policy.version for name in ("a", "b")] == [1, 2]
    assert verify(engine.store).same


def test_a_living_review_is_left_alone_by_an_event(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event waits for no more than a page of it."""
    engine = begun(new_store())
    other, due = Engine(engine.store, engine.policy), Engine._migrate_due
    received: list[int] = []

    def receive_first(self: Engine, *arguments: object) -> None:
        received.append(send(other, [event("c", "draw", 25, amount=100)]).events)
        assert other.engine_of("b").policy.version == 1
        due(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "_migrate_due", receive_first)
    engine.review(26)
    assert received == [1]
    assert verify(engine.store).same
