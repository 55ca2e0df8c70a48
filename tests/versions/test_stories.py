"""A policy changes under borrowers who were told a road back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.cli.road_commands import _show_road
from linekeeper.core.errors import LinekeeperError, StoreError
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of, view
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.point_in_time import state_after
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt, check_succession, promise_of, standings
from linekeeper.evaluate.evaluator import BULK_EVENTS_MIN
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.store import Store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from linekeeper.recourse import RoadBack, find_road_back
from tests.engine.conftest import NewStore
from tests.engine.lives import contents, send

DAY = 86_400_000
MILD = """policy: card
version: 1
currency: CNY
time_zone: UTC
events:
  enquiry: {}
features: {asked_30d: 'count(enquiry, 30d)'}
triggers:
  arrears: {when: past_due > 0 CNY, cap: 50%, hold: 5d, reason: arrears}
  asking: {when: asked_30d >= 2, cap: 80%, reason: credit_seeking}
restoration: {first: 60%, step: 40%, every: 10d}
honour: 30d
"""
STRICT = (
    MILD.replace("version: 1", "version: 2")
    .replace("cap: 50%, hold: 5d", "cap: 20%, hold: 60d")
    .replace("asked_30d >= 2", "asked_30d >= 1")
    .replace("step: 40%", "step: 10%")
)


SUSPENDS = "  drawing: {when: drawn_7d > 0 CNY, suspend: yes, reason: rapid_borrowing}\n"


def event(account: str, kind: str, day: int, **fields: int | str) -> Event:
    """Something at noon."""
    return Event(f"{account}-{kind}-{day}", account, kind, day * DAY + DAY // 2, fields)


def late_payer(store: Store) -> Engine:
    """`a` misses a bill of day 20 and is restricted on day 21; `b` is as good as gold. All is reviewed up to day 25."""
    engine = Engine(store, load_text(MILD))
    events = [event("a", "open", 10, limit=100_000), event("b", "open", 10, limit=100_000)]
    send(engine, [*events, event("a", "draw", 11, amount=30_000), event("a", "due", 12, amount=5_000, due_on=20)])
    engine.review(25)
    return engine


def stricter(engine: Engine) -> Engine:
    """The same store from the moment on at which the strict version came into force."""
    policy = load_text(STRICT)
    adopt(engine.store, policy, engine.keeper)
    return Engine(engine.store, policy, engine.keeper)


def lines(engine: Engine, account: str) -> list[tuple[int, str, int, str]]:
    """Day, action, limit and version of every decision."""
    names = {engine.policy.digest: "2"}
    return [
        (one.at // DAY, one.action, one.after.limit, names.get(one.policy, "1"))
        for one in decisions_of(engine, account)
    ]


def test_a_road_that_was_told_comes_true_under_its_own_version(new_store: NewStore) -> None:
    """Told on day 21, promised for 30 days; the rules change on day 25; it is followed, and every day of it holds."""
    engine = late_payer(new_store())
    [decision] = decisions_of(engine, "a")
    state = state_after(engine, decision)
    assert state is not None
    road = find_road_back(engine.kernel, state, 21)
    assert isinstance(road, RoadBack)
    # The plan in two parts leads back on day 66, beyond `honour`: the promise lasts to its end and seven days.
    assert [plan.restored_day for plan in road.plans] == [36, 66]
    assert road.honour_until_day == 73
    engine = stricter(engine)
    early = event("a", "repay", 25, amount=5_000)
    send(engine, [early])
    for day in range(26, 60):
        engine.review(day)
    assert lines(engine, "a") == [
        (21, "decrease", 50_000, "1"),
        (30, "restore", 60_000, "1"),
        (40, "restore", 100_000, "1"),
    ]
    assert road.fastest.path[-1].day <= 40  # paid four days later than it could have been
    assert verify(engine.store).same


def test_whom_nothing_was_promised_goes_over_at_the_next_review(new_store: NewStore) -> None:
    engine = stricter(late_payer(new_store()))
    assert [engine.engine_of(name).policy.version for name in ("a", "b", "new")] == [1, 1, 2]
    engine.review(26)
    assert [engine.engine_of(name).policy.version for name in ("a", "b")] == [1, 2]
    send(engine, [event("b", "enquiry", 26), event("a", "enquiry", 26), event("c", "open", 26, limit=500)])
    assert lines(engine, "b") == [(26, "decrease", 80_000, "2")]
    assert lines(engine, "a") == [(21, "decrease", 50_000, "1")]  # one enquiry is none too many under its version
    assert engine.engine_of("c").policy.version == 2
    assert verify(engine.store).same


def test_the_promise_ends_and_the_new_version_decides(new_store: NewStore) -> None:
    """Nothing is paid. The last day of the promise is 51; on the morning of day 52 the strict version takes over."""
    engine = stricter(late_payer(new_store()))
    for day in (51, 52):
        engine.review(day)
        with engine.store.reading() as connection:
            told = [(one.version, one.accounts, one.promised, one.until_day) for one in standings(connection)]
        assert told == ([(1, 1, 1, 51), (2, 1, 0, 0)] if day == 51 else [(1, 0, 0, 0), (2, 2, 0, 0)])
    assert lines(engine, "a") == [(21, "decrease", 50_000, "1"), (52, "decrease", 20_000, "2")]
    with engine.store.reading() as connection:
        assert promise_of(connection, engine.kernel, "a", 60) == 82
    assert verify(engine.store).same


def test_whoever_is_on_the_way_keeps_the_version_that_promised(new_store: NewStore) -> None:
    """Paid on day 48, three days before `honour` ends: the way back takes longer, and is gone to its end."""
    engine = stricter(late_payer(new_store()))
    send(engine, [event("a", "repay", 48, amount=5_000)])
    for day in range(49, 70):
        engine.review(day)
    assert lines(engine, "a") == [
        (21, "decrease", 50_000, "1"),
        (53, "restore", 60_000, "1"),
        (63, "restore", 100_000, "1"),
    ]
    assert engine.engine_of("a").policy.version == 2  # the line is whole, so nothing keeps the account any more
    assert verify(engine.store).same


def test_a_late_fact_corrects_across_versions(new_store: NewStore) -> None:
    """The payment was made on day 19 and is told on day 60, long after the strict version took over."""
    engine = stricter(late_payer(new_store()))
    engine.review(60)
    assert lines(engine, "a")[-1] == (60, "decrease", 20_000, "2")
    send(engine, [event("a", "repay", 19, amount=5_000)])
    assert lines(engine, "a")[-1] == (60, "correct", 100_000, "2")
    assert verify(engine.store).same


def test_the_morning_of_a_migration_comes_before_what_follows_in_bulk(new_store: NewStore) -> None:
    engine = Engine(new_store(), load_text(MILD))
    send(engine, [event("b", "open", 10, limit=100_000), event("b", "enquiry", 15)])
    engine.review(25)
    engine = stricter(engine)
    engine.review(26)
    send(engine, [replace(event("b", "charge", 26, amount=1), id=f"b-{number}") for number in range(BULK_EVENTS_MIN)])
    assert lines(engine, "b") == [(26, "decrease", 80_000, "2")]
    assert verify(engine.store).first_difference is None


def test_one_that_went_over_too_early_is_named(new_store: NewStore) -> None:
    engine = stricter(late_payer(new_store()))
    engine.review(52)
    with engine.store.writing() as connection:
        connection.execute(update(t.version_migrations).where(t.version_migrations.c.account == "a").values(day=51))
    difference = verify(engine.store).first_difference
    assert difference == "`a` migrated to another version while a road back was promised to it"


def test_the_log_has_every_version(new_store: NewStore, tmp_path: Path) -> None:
    store = new_store()
    keeper = new_keeper(tmp_path / "keys", tmp_path / "log", "log.example")
    engine = Engine(store, load_text(MILD), keeper)
    send(engine, [event("a", "open", 10, limit=100)])
    with pytest.raises(LinekeeperError, match="keeps a log; name the folder of its keys"):
        adopt(store, load_text(STRICT))
    other = Engine(new_store(), load_text(MILD)).store
    with pytest.raises(LinekeeperError, match="keep a log from the first event on"):
        adopt(other, load_text(STRICT), keeper)
    before = keeper.publish(store).checkpoint.size
    adopt(store, load_text(STRICT), keeper)
    assert keeper.publish(store).checkpoint.size == before + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 2", "version: 1", "the store is at version 1; write `version: 2` or more"),
        ("currency: CNY", "currency: TWD", "`currency` is `CNY` in the store and `TWD` here"),
        ("time_zone: UTC", "time_zone: Asia/Shanghai", "`time_zone` is `UTC` in the store and `Asia/Shanghai` here"),
        ("policy: card", "policy: loan", "`policy` is `card` in the store and `loan` here"),
        ("enquiry: {}", "enquiry: {loans: count}", "the field `loans` of `enquiry` is new, and events of before"),
        ("  asking:", "  asked:", "the trigger `asking` of version 1 is not in its place; keep its place"),
    ],
)
def test_what_cannot_follow_is_refused(old: str, new: str, said: str) -> None:
    text = STRICT.replace("20%, hold", "20 %, hold").replace(old, new).replace("20 %, hold", "20%, hold")
    if "TWD" in new:
        text = text.replace("0 CNY", "0 TWD")
    with pytest.raises(LinekeeperError) as error:
        check_succession(load_text(MILD), load_text(text))
    assert str(error.value).startswith(said)


def test_an_engine_of_the_version_before_is_refused(new_store: NewStore) -> None:
    old = late_payer(new_store())
    stricter(old)
    with pytest.raises(LinekeeperError, match="another version of the policy came into force meanwhile"):
        send(old, [event("a", "repay", 26, amount=5_000)])
    with pytest.raises(LinekeeperError, match="policy `card` version 2, and this file is not that version"):
        Engine(old.store, load_text(MILD))
    with pytest.raises(LinekeeperError, match="bring it into force with `linekeeper adopt`"):
        Engine(old.store, load_text(STRICT.replace("version: 2", "version: 3")))


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        found = CliRunner().invoke(build(), list(words))
        assert found.exit_code == 0, found.output
        return found.stdout

    store = str(tmp_path / "lines.db")
    mild, strict, trap = (tmp_path / f"{name}.yaml" for name in ("mild", "strict", "trap"))
    mild.write_text(MILD)
    strict.write_text(STRICT)
    trap.write_text(STRICT.replace("hold: 60d", "clear: on_time_streak >= 3, suspend: yes, close: yes"))
    events = tmp_path / "events.jsonl"
    rows = [
        {"id": "1", "account": "a", "kind": "open", "at": "2024-01-10T09:00Z", "limit": 100000},
        {"id": "2", "account": "a", "kind": "draw", "at": "2024-01-11T09:00Z", "amount": 30000},
        {
            "id": "3",
            "account": "a",
            "kind": "due",
            "at": "2024-01-12T09:00Z",
            "amount": 5000,
            "due_on": "2024-01-20",
        },
    ]
    events.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("run", str(mild), str(events), "--store", store, "--until", "2024-01-25")
    refused = CliRunner().invoke(build(), ["adopt", str(trap), "--store", store])
    assert "can hold a line for good" in str(refused.exception)
    run("adopt", str(strict), "--store", store, "--by", "A. Li", "--json")
    run("review", "--store", store, "--until", "2024-01-26")
    [first, second] = json.loads(run("versions", "--store", store, "--json"))["versions"]
    assert (first["version"], first["accounts"], first["promised"], first["until"]) == (1, 1, 1, "2024-02-20")
    assert (second["version"], second["accounts"], second["signed_by"]) == (2, 0, "A. Li")
    assert "1 account, 1 kept by a promise until 2024-02-20" in run("versions", "--store", store)
    assert "version 1" in run("show", "a", "--store", store)
    assert "We keep this promise until 20 February, even if our rules change." in run("road", "a", "--store", store)
    run("review", "--store", store, "--until", "2024-02-21")
    assert "version 2" in run("show", "a", "--store", store)
    assert json.loads(run("verify", "--store", store, "--json"))["same"]


def test_states_of_all_versions_are_a_cache(new_store: NewStore) -> None:
    engine = stricter(late_payer(new_store()))
    engine.review(26)
    states = {name: engine.state_of(name)[1] for name in ("a", "b")}
    with engine.store.writing() as connection:
        connection.execute(update(t.accounts).values(state=b"", layout="of another kernel"))
    for name in ("a", "b"):
        with pytest.raises(StoreError, match="states that another Linekeeper made"):
            engine.state_of(name)
    with pytest.raises(StoreError, match="states that another Linekeeper made"):
        send(engine, [event("a", "enquiry", 27)])
    with pytest.raises(StoreError, match="states that another Linekeeper made"):
        Engine(engine.store, engine.policy)
    rebuild_states(engine.store)
    again = Engine(engine.store, engine.policy)
    assert {name: again.state_of(name)[1] for name in ("a", "b")} == states


def test_an_engine_of_before_never_reads_a_state_by_the_wrong_layout(new_store: NewStore) -> None:
    """While both are open, `b` migrates to a version of another layout and is suspended there: no draw is allowed."""
    stale = late_payer(new_store())
    text = STRICT.replace("features: {", "features: {drawn_7d: 'sum(draw.amount, 7d)', ")
    policy = load_text(text.replace("restoration:", f"{SUSPENDS}restoration:"))
    adopt(stale.store, policy)
    fresh = Engine(stale.store, policy)
    fresh.review(26)
    send(fresh, [event("b", "draw", 26, amount=1_000)])
    assert view(fresh, "b").line.status == "suspended"
    for engine in (stale, fresh):
        answer = engine.authorise("b", 26 * DAY + DAY // 2, 100)
        assert (answer.allowed, answer.reasons) == (False, ("suspended",))
        assert view(engine, "b").line == view(fresh, "b").line
        assert engine.engine_of("b").policy.version == 2
    with pytest.raises(LinekeeperError, match="another version of the policy came into force meanwhile"):
        send(stale, [event("b", "draw", 27, amount=1)])


def test_a_road_is_worded_by_the_version_of_its_account(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`a` is under the first version, in a store whose version in force is the second."""
    engine = stricter(late_payer(new_store()))
    engine.review(26)
    versions: list[int] = []

    def note_version(road: object, policy: Policy, lang: str, day: int) -> str:
        versions.append(policy.version)
        return ""

    monkeypatch.setattr("linekeeper.notice.render.road_as_text", note_version)
    _show_road(engine, "a", "en", None, json=False)
    assert (engine.policy.version, versions) == (2, [1])


def test_a_batch_over_two_versions_is_one_transaction(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`a` is under the first version, `b` under the second. The second part fails: nothing of the first is stored."""
    engine = stricter(late_payer(new_store()))
    engine.review(26)
    before, receive_part, parts = contents(engine.store), Engine._receive, []

    def fail_at_the_second(self: Engine, *arguments: object) -> object:
        parts.append(self.policy.version)
        if len(parts) == 2:
            raise OSError("the disk is full")
        return receive_part(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "_receive", fail_at_the_second)
    with pytest.raises(OSError, match="the disk is full"):
        send(engine, [event("a", "enquiry", 27), event("b", "enquiry", 27)])
    assert sorted(parts) == [1, 2]
    assert contents(engine.store) == before
