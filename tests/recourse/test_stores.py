"""Whole stores: every adverse decision that is not terminal has a road back, and every road comes true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import typer
from typer.testing import CliRunner

from linekeeper.cli import road_commands
from linekeeper.connect.taiwan import read_taiwan
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.account import state_of
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.evaluate.event_batch import batch_of
from linekeeper.journal.store import open_store
from linekeeper.lab.population import population
from linekeeper.lab.roads import check_all, count_adverse
from linekeeper.policy.load import load_file
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.actions import ActionPlan
from linekeeper.recourse.baseline import baseline_of
from linekeeper.recourse.candidates import CandidateSearch
from linekeeper.recourse.simulate import Simulator

ROOT = Path(__file__).resolve().parents[2]
TAIWAN_ACCOUNTS = 1_500


def engine_of(url: str, policy: str, events: pa.Table) -> Engine:
    """A store with these events under one of the example policies."""
    engine = Engine(open_store(url), load_file(ROOT / "policies" / f"{policy}.yaml"))
    run_table(engine, events, "test")
    return engine


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, str]]:
    """Two years of simulated borrowers, and the store's URL."""
    url = f"sqlite:///{tmp_path_factory.mktemp('people')}/lines.db"
    engine = engine_of(url, "consumer-loan", population(accounts=700, days=730, seed=3).events)
    yield engine, url
    engine.store.close()


def test_the_demo_population(people: tuple[Engine, str]) -> None:
    engine, _ = people
    found = check_all(engine, sample=1_000)
    assert found.adverse == min(1_000, count_adverse(engine))
    assert found.terminal > 0
    assert found.holds, found.faults
    assert (found.underived, found.faults) == (0, [])


@pytest.mark.data
def test_the_card_data(data_dir: Path, tmp_path: Path) -> None:
    events, _ = read_taiwan(data_dir / "taiwan_credit_card" / "taiwan_credit_card.parquet")
    few = events.filter(pc.less_equal(events["account"].cast(pa.int64()), TAIWAN_ACCOUNTS))
    engine = engine_of(f"sqlite:///{tmp_path}/cards.db", "credit-card", few)
    found = check_all(engine, sample=1_000)
    engine.store.close()
    assert found.adverse > 500
    assert found.terminal > 0
    assert found.holds, found.faults
    assert (found.underived, found.faults) == (0, [])


def test_a_road_followed_through_the_engine_leads_back(tmp_path: Path) -> None:
    """The plan's events go in at the front door; the store's decisions lead to the limit named, on the day named."""
    few = population(accounts=60, days=500, seed=11).events
    other = engine_of(f"sqlite:///{tmp_path}/road.db", "consumer-loan", few)
    kernel = other.kernel
    last = kernel.calendar.day(int(few["at"].to_numpy().max()))
    roads = {}
    for account in batch_of(kernel.policy, kernel.calendar, few).accounts:
        road = find_road_back(kernel, state_of(other, account), last, compiled=False)
        if isinstance(road, RoadBack):
            roads[account] = road.fastest
    assert len(roads) >= 3
    planned = [
        {"id": f"{account}-road-{n}", "account": account, "kind": event.kind, "at": event.at, **event.fields}
        for account, plan in roads.items()
        for n, event in enumerate(plan.events)
    ]
    other.receive(pa.Table.from_pylist(_with_all_fields(planned)), "road")
    slots = kernel.layout.slots
    for account, plan in sorted(roads.items(), key=lambda item: item[1].restored_day):
        other.review(plan.restored_day)
        state = state_of(other, account)
        assert state[slots["LIMIT"]] == state[slots["GRANTED"]] == plan.path[-1].limit_minor, account
    other.store.close()


def test_no_other_amounts_are_faster_or_lighter(people: tuple[Engine, str]) -> None:
    """Payments chosen at random, today and in a month, never beat the two plans that were found."""
    engine, rng, met = people[0], Random(5), 0
    for number in range(1, 700):
        state = state_of(engine, f"B{number:05d}")
        day = state[engine.kernel.layout.slots["HOUR"]] // 24
        road = find_road_back(engine.kernel, state, day)
        if not isinstance(road, RoadBack) or met == 25:
            continue
        met += 1
        baseline = baseline_of(engine.kernel, state, day)
        search = CandidateSearch(baseline, Simulator(baseline, compiled=True), baseline.day + 400)
        for _ in range(10):
            today = rng.randint(-(-baseline.overdue // 3), baseline.owed)
            tried = search.tries(ActionPlan(today, max(baseline.overdue - today, 0)))
            if tried.reached and tried.walk.falls == 0:
                assert tried.walk.day >= road.fastest.restored_day
                assert tried.early_minor >= min(plan.early_minor for plan in road.plans)
    assert met > 5


def _with_all_fields(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    names = {name: None for row in rows for name in row}
    return [{**names, **row} for row in rows]


# ------------------------------------------------------------------ commands


def run(*words: str) -> str:
    """Standard output of a command that ends well."""
    app = typer.Typer()
    road_commands.register(app)
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def held_down(engine: Engine) -> tuple[str, RoadBack]:
    """An account that has a road back today."""
    kernel = engine.kernel
    for number in range(1, 700):
        name = f"B{number:05d}"
        state = state_of(engine, name)
        road = find_road_back(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=False)
        if isinstance(road, RoadBack) and road.fastest.early_minor:
            return name, road
    raise AssertionError("no account is held down")


def test_road_prints_the_plan(people: tuple[Engine, str]) -> None:
    engine, url = people
    name, road = held_down(engine)
    told = json.loads(run("road", name, "--store", url, "--json"))
    assert (told["account"], told["road"], told["verified"]) == (name, True, True)
    assert told["fastest"]["path"][-1]["status"] == "active"
    assert told["policy"] == engine.policy.digest
    words = run("road", name, "--store", url)
    assert "the fastest way" in words
    assert "run a second time, and led there" in words
    assert road.verified


def test_check_all_counts(people: tuple[Engine, str]) -> None:
    told = json.loads(run("road", "--check-all", "--store", people[1], "--sample", "10", "--json"))
    assert told["adverse"] == 10
    assert told["terminal"] + told["with_road"] == 10
    assert told["with_road"] == told["followed"] == told["came_true"]


def test_what_if_prints_the_path(people: tuple[Engine, str]) -> None:
    engine, url = people
    name, road = held_down(engine)
    first = road.fastest.events[0]
    day = (engine.kernel.calendar.day_start(first.day) + 12 * 3_600_000) // 86_400_000
    amount = f"{int(first.fields['amount']) // 100}@{_iso(day)}"
    told = json.loads(run("what-if", name, "--pay", amount, "--store", url, "--json"))
    assert told["path"][0]["status"] == road.fastest.path[0].status.name.lower()
    assert _iso(told["day"]) in run("what-if", name, "--pay", amount, "--store", url)


def _iso(day: int) -> str:
    from linekeeper.recourse.words import date

    return date(day)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["road"], "name one account"),
        (["road", "B00001", "--check-all"], "name one account"),
        (["road", "nobody"], "the account `nobody` is not known"),
        (["road", "B00001", "--day", "2020-01-01"], "already seen"),
        (["what-if", "B00001", "--pay", "a lot@2030-01-01"], "is not a payment"),
        (["what-if", "B00001", "--pay", "0.001@2030-01-01"], "2 digits after the point"),
        (["what-if", "B00001", "--pay", "5@2020-01-01"], "lies before"),
        (["what-if", "B00001", "--pay", "5@2030-01-01", "--until", "2120-01-01"], "after the year 2099"),
    ],
)
def test_mistakes_are_told(people: tuple[Engine, str], words: list[str], said: str) -> None:
    with pytest.raises(LinekeeperError, match=said):
        run(*words, "--store", people[1])


def test_no_road_is_told_in_words(people: tuple[Engine, str]) -> None:
    from linekeeper.recourse.words import no_road_words

    policy = people[0].policy
    words = no_road_words(policy, NoRoadBack("terminal", ("written_off",), 20_000))
    assert words == "there is no road back: `written_off` is final under this policy; ask again on 2024-10-04"
    assert no_road_words(policy, NoRoadBack("terminal", ("estate",), None)).endswith("ask a person")
