"""Laws 3, 4 and 5 at the engine: journal = replay = oracle, lazy = eager, and what was altered is found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from linekeeper.connect.event_table import schema_of
from linekeeper.core.errors import LinekeeperError, StoreError
from linekeeper.core.event import Event
from linekeeper.core.formats import EDITION, RECORD_FORMAT
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import last_day, replay_table, run_table
from linekeeper.engine.verify import verify
from linekeeper.evaluate.event_batch import time_of_event
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, borrowers, contents, in_time, parts, policy_of, records, send, table_for
from tests.oracle.oracle import Ruling
from tests.oracle.oracle import run as ask_oracle
from tests.oracle.reader import read
from tests.oracle.strategies import cases

SEEDS = (3, 7, 11)

# ------------------------------------------------------------------ run and replay


@pytest.mark.parametrize("seed", SEEDS)
def test_run_and_replay_end_in_the_same_digest(new_store: NewStore, seed: int) -> None:
    """Through the store, and through the kernel alone with any number of workers, lazy and with a look every day."""
    policy = policy_of(seed)
    table = table_for(policy, in_time(borrowers(policy)))
    ran = run_table(Engine(new_store(), policy, clock=ANY_TIME), table, "file")
    kernel = Kernel(policy)
    for workers, lazy in ((1, True), (2, True), (1, False)):
        again = replay_table(kernel, table, workers=workers, lazy=lazy, clock=ANY_TIME)
        assert (again.digest, again.decisions, again.events) == (ran.digest, ran.decisions, ran.events)
        assert {one.place for one in again.rejected} == {one.place for one in ran.rejected}
        assert again.evaluations == ran.evaluations or not lazy
        assert again.accounts == ran.accounts


def test_the_digest_tells_runs_apart(tmp_path: Path) -> None:
    policy = policy_of()
    table = table_for(policy, in_time(borrowers(policy)))
    digests = {replay_table(Kernel(policy), table.slice(0, rows)).digest for rows in (100, 200, table.num_rows)}
    assert len(digests) == 3


def test_reviews_of_a_whole_span_equal_daily_reviews(new_store: NewStore) -> None:
    """A review of 400 days at once, day by day, or in leaps: the same decisions and states."""
    policy = policy_of()
    events = in_time(borrowers(policy))
    until = last_day(Kernel(policy), table_for(policy, events)) + 60
    stores = []
    for step in (1, 13, 10**6):
        engine = Engine(new_store(), policy, clock=ANY_TIME)
        send(engine, events)
        for day in [*range(until - 60, until, step), until]:
            engine.review(day)
        stores.append(contents(engine.store))
    assert stores[0] == stores[1] == stores[2]


# ------------------------------------------------------------------ late events and reviews


def told(policy: Policy, store: Store) -> list[tuple[object, ...]]:
    """The decisions in the words that they share with the oracle."""
    found = [read_decision(record) for record in records(store)]
    return [
        (
            d.event,
            d.action,
            d.after.limit,
            d.after.granted,
            d.after.status,
            d.triggers_in_force,
            dict(d.values),
            d.score,
        )
        for d in found
    ]


def ruled(ruling: Ruling) -> tuple[object, ...]:
    """A ruling of the oracle in those words."""
    after = ruling.after
    line = (ruling.action.name.lower(), after.limit, after.granted, after.status.name.lower())
    return (ruling.event, *line, ruling.set_after, dict(ruling.values), ruling.score)


def fits_a_table(policy: Policy) -> bool:
    """A name that is a number in one kind and a word in another has no column."""
    with suppress(LinekeeperError):
        return bool(schema_of(policy))
    return False


def agree(policy: Policy, store: Store, visits: Sequence[tuple[int | None, Sequence[Event]]]) -> None:
    """Each visit is a review (where a day is named), then a batch: as the oracle has them; and the journal verifies."""
    engine, arrived, reviews = Engine(store, policy, clock=ANY_TIME), list[Event](), dict[int, int]()
    for reviewed, part in visits:
        if reviewed is not None:
            engine.review(reviewed)
            reviews[len(arrived)] = reviewed
        send(engine, part)
        arrived += sorted(part, key=time_of_event)
    until = max([*reviews.values(), engine.kernel.calendar.day(max(event.at for event in arrived)) + 10])
    engine.review(until)
    expected = ask_oracle(read(policy.source), arrived, until, reviews)
    assert told(policy, store) == [ruled(ruling) for ruling in expected.rulings]
    assert verify(store).first_difference is None


def visits_of(policy: Policy, events: Sequence[Event], rng: Random) -> Iterator[tuple[int | None, Sequence[Event]]]:
    """The events in batches, now and then with a review before one, some days before or after the latest event."""
    day, seen, reviewed = Kernel(policy).calendar.day, 0, 0
    for part in parts(events, rng):
        due = seen > 0 and rng.random() < 0.4
        if due:
            reviewed = max(reviewed, day(seen) + rng.randrange(-3, 20))
        yield reviewed if due else None, part
        seen = max(seen, *(event.at for event in part))


@settings(max_examples=settings().max_examples // 2)
@given(cases(late=True, reversals=2), st.integers(0, 1_000))
def test_late_events_and_reviews_as_the_oracle_has_them(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Policy, list[Event]], seed: int
) -> None:
    """Events late and in batches, reviews in between: the oracle's decisions; and the journal verifies."""
    policy, events = case
    assume(fits_a_table(policy))
    with closing(open_store(str(tmp_path_factory.mktemp("late") / "x.db"))) as store:
        agree(policy, store, list(visits_of(policy, events, Random(seed))))


def test_an_account_told_of_after_a_review_comes_up_to_its_day(new_store: NewStore) -> None:
    """The review looked at day 100; the account opened on day 10, unknown then: its next event finds it on day 100."""
    policy = load_text(
        "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
        "features: {draws_5d: 'count(draw, 5d)'}\n"
        "triggers:\n  drew: {when: draws_5d >= 1, suspend: yes, reason: drew}\n"
    )

    def event(name: str, kind: str, day: int, **fields: int) -> Event:
        return Event(name, "a", kind, day * 86_400_000, fields)

    unknown, late = event("e1", "draw", 9, amount=5), event("e2", "open", 10, limit=500)
    agree(policy, new_store(), [(None, [unknown]), (100, [late, event("e3", "draw", 20, amount=5)])])


def test_an_opening_that_is_refused_hides_no_late_event(new_store: NewStore) -> None:
    """An opening comes first in its batch, whenever it was; what follows it there may be late all the same."""
    policy = load_text(
        "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
        "features: {draws_5d: 'count(draw, 5d)'}\n"
        "triggers:\n  drew: {when: draws_5d >= 1, suspend: yes, reason: drew}\n"
    )

    def event(name: str, kind: str, day: int, **fields: int | str) -> Event:
        return Event(name, "a", kind, day * 86_400_000, fields)

    opened, later = event("e1", "open", 10, limit=500), event("e2", "repay", 12, amount=1)
    again = event("e3", "opening", 40, granted=500, limit=500, status="active", balance=0)
    agree(policy, new_store(), [(None, [opened]), (None, [later]), (None, [again, event("e4", "draw", 11, amount=5)])])


@pytest.mark.parametrize("seed", SEEDS)
def test_states_are_a_cache(new_store: NewStore, seed: int) -> None:
    """Made anew from the events they are what they were, late events and reviews included."""
    policy = policy_of(seed)
    engine = Engine(new_store(), policy, clock=ANY_TIME)
    for number, part in enumerate(
        parts([e for one in borrowers(policy, late=True, reversals=2) for e in one], Random(seed))
    ):
        send(engine, part)
        if number == 5:
            engine.review(last_day(engine.kernel, table_for(policy, part)) - 100)
    before = contents(engine.store)
    with engine.store.writing() as connection:
        connection.execute(update(t.accounts).values(state=b"\x01" * 8, layout="of another kernel"))
    with pytest.raises(StoreError, match="`linekeeper store upgrade --store "):
        Engine(engine.store, policy)
    for _ in range(2):
        assert rebuild_states(engine.store) == len(before["accounts"])
        assert contents(engine.store) == before
    assert Engine(engine.store, policy).accounts() == len(before["accounts"])


# ------------------------------------------------------------------ what was altered


@pytest.fixture
def audited(tmp_path: Path) -> Store:
    """A store of three borrowers that verifies."""
    policy = policy_of()
    store = open_store(str(tmp_path / "x.db"))
    engine = Engine(store, policy, clock=ANY_TIME)
    send(engine, in_time(borrowers(policy, 3)))
    verdict = verify(store)
    assert (verdict.same, verdict.accounts) == (True, 3)
    assert verdict.decisions == len(records(store)) > 5
    return store


def flip(data: bytes, place: int) -> bytes:
    """One byte changed."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("what", ["record", "state", "body"])
def test_one_altered_byte_is_found_and_named(audited: Store, what: str, seed: int) -> None:
    """In any decision, state or event: the verdict names the account. An event may change and change nothing."""
    table = {"record": t.decisions, "state": t.accounts, "body": t.events}[what]
    key = t.accounts.c.account if what == "state" else table.c.seq
    rng = Random(seed)
    with audited.writing() as connection:
        rows = connection.execute(select(key, table.c.account, table.c[what]).order_by(key)).all()
        name, account, data = rng.choice([row for row in rows if len(row[2]) > 2])
        altered = flip(bytes(data), rng.randrange(len(data)))
        connection.execute(update(table).where(key == name).values({what: altered}))
    verdict = verify(audited)
    if what != "body":
        assert not verdict.same
    assert verdict.same or f"`{account}`" in str(verdict.first_difference)


Alter = Callable[[Store], None]


def altering(table: str, **values: object) -> Alter:
    """Sets columns in the row in the middle of a table."""

    def alter(store: Store) -> None:
        found = t.SCHEMA.tables[table]
        key = next(iter(found.primary_key))
        with store.writing() as connection:
            keys = connection.execute(select(key).order_by(key)).scalars().all()
            connection.execute(update(found).where(key == keys[len(keys) // 2]).values(values))

    return alter


def losing(table: str) -> Alter:
    """Deletes the row in the middle of a table."""

    def alter(store: Store) -> None:
        found = t.SCHEMA.tables[table]
        key = next(iter(found.primary_key))
        with store.writing() as connection:
            keys = connection.execute(select(key).order_by(key)).scalars().all()
            connection.execute(found.delete().where(key == keys[len(keys) // 2]))

    return alter


@pytest.mark.parametrize(
    ("said", "alter"),
    [
        ("with a hash that is not its own", altering("decisions", hash="0" * 64)),
        ("otherwise than the events say", altering("decisions", action="allow")),
        ("otherwise than the events say", altering("decisions", at=1)),
        ("follow", altering("decisions", number=900)),
        ("follow", altering("decisions", account="nobody")),
        ("follow", losing("decisions")),
        ("the state of", altering("accounts", next_review=2**40)),
        ("the state of", altering("accounts", decisions=900)),
        ("the state of", altering("accounts", last_hash="0" * 64)),
        ("the state of", altering("accounts", account="nobody")),
        ("the state of", losing("accounts")),
        ("cannot be read", altering("events", kind="nothing")),
        ("cannot be read", altering("events", body=b"{")),
        ("cannot be read", altering("events", body=b"[]")),
        ("cannot be read", altering("events", body=b'{"amount":"x"}')),
        ("cannot be read", altering("events", body=b'{"amount":99999999999999999999}')),
        ("cannot be read", altering("events", at=-(2**62))),
        ("could not have been admitted", altering("events", at=0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_altered_is_told(audited: Store, said: str, alter: Alter) -> None:
    alter(audited)
    verdict = verify(audited)
    assert not verdict.same
    assert said in str(verdict.first_difference)
    assert "`" in str(verdict.first_difference)


@pytest.mark.parametrize("column", ["edition", "record_format"])
def test_each_version_keeps_the_numbers_it_decides_by(audited: Store, column: str) -> None:
    """A store whose version decides by rules that are not known here is not verified by others in their place."""
    with audited.writing() as connection:
        stored = connection.execute(select(t.policies.c.edition, t.policies.c.record_format)).one()
        connection.execute(update(t.policies).values({column: 99}))
    assert tuple(stored) == (EDITION, RECORD_FORMAT)
    with pytest.raises(LinekeeperError, match=r"version \d+ of .* which this Linekeeper does not know; update it"):
        verify(audited)
