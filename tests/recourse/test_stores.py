"""Whole stores: every adverse decision that is not terminal has a road back, and every road comes true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import typer
from typer.testing import CliRunner

from linekeeper.cli import road_commands
from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.taiwan import read_taiwan
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.evaluate.event_batch import batch_of
from linekeeper.journal.store import open_store
from linekeeper.lab.population import population
from linekeeper.lab.roads import check_roads, count_adverse_decisions
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.render import road_as_text
from linekeeper.notice.road_back import render_assumptions, render_plans, render_promise
from linekeeper.policy.load import load_file
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.actions import ActionPlan
from linekeeper.recourse.baseline import baseline_of
from linekeeper.recourse.candidates import CandidateSearch
from linekeeper.recourse.simulate import Simulator
from linekeeper.texts.language import LANGS, Lang, language

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
    check = check_roads(engine.store, sample=1_000)
    assert check.adverse == min(1_000, count_adverse_decisions(engine.store))
    assert check.terminal > 0
    assert check.holds, check.faults
    assert (check.underived, check.faults) == (0, [])


@pytest.mark.data
def test_the_card_data(data_dir: Path, tmp_path: Path) -> None:
    events, _ = read_taiwan(data_dir / "taiwan_credit_card" / "taiwan_credit_card.parquet")
    few = events.filter(pc.less_equal(events["account"].cast(pa.int64()), TAIWAN_ACCOUNTS))
    engine = engine_of(f"sqlite:///{tmp_path}/cards.db", "credit-card", few)
    check = check_roads(engine.store, sample=1_000)
    engine.store.close()
    assert check.adverse > 500
    assert check.terminal > 0
    assert check.holds, check.faults
    assert (check.underived, check.faults) == (0, [])


def test_a_road_followed_through_the_engine_leads_back(tmp_path: Path) -> None:
    """The plan's events go in at the front door; the store's decisions lead to the limit named, on the day named."""
    few = population(accounts=60, days=500, seed=11).events
    other = engine_of(f"sqlite:///{tmp_path}/road.db", "consumer-loan", few)
    kernel = other.kernel
    last = kernel.calendar.day(int(few["at"].to_numpy().max()))
    roads = {}
    for account in batch_of(kernel.policy, kernel.calendar, few).accounts:
        road = find_road_back(kernel, other.state_of(account)[1], last, compiled=False)
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
        state = other.state_of(account)[1]
        assert state[slots["LIMIT"]] == state[slots["GRANTED"]] == plan.path[-1].limit_minor, account
    other.store.close()


def test_no_other_amounts_are_faster_or_lighter(people: tuple[Engine, str]) -> None:
    """Payments chosen at random, today and in a month, never beat the two plans that were check."""
    engine, rng, met = people[0], Random(5), 0
    for number in range(1, 700):
        state = engine.state_of(f"B{number:05d}")[1]
        day = state[engine.kernel.layout.slots["HOUR"]] // 24
        road = find_road_back(engine.kernel, state, day)
        if not isinstance(road, RoadBack) or met == 25:
            continue
        met += 1
        baseline = baseline_of(engine.kernel, state, day)
        search = CandidateSearch(baseline, Simulator(baseline, compiled=True), baseline.day + 400)
        for _ in range(10):
            today = rng.randint(-(-baseline.overdue_minor // 3), baseline.owed_minor)
            candidate = search.candidate(ActionPlan(today, max(baseline.overdue_minor - today, 0)))
            # A part of the arrears that is paid after the end would leave them unpaid: no road is told so.
            settled = today >= baseline.overdue_minor or candidate.simulation.day >= baseline.day + 30
            if candidate.restored and candidate.simulation.setbacks == 0 and settled:
                assert candidate.simulation.day >= road.fastest.restored_day
                assert candidate.early_minor >= min(plan.early_minor for plan in road.plans)
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
        state = engine.state_of(name)[1]
        road = find_road_back(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=False)
        if isinstance(road, RoadBack) and road.fastest.early_minor:
            return name, road
    raise AssertionError("no account is held down")


def no_road_of(engine: Engine) -> tuple[str, NoRoadBack]:
    """An account that a terminal trigger holds down today."""
    kernel = engine.kernel
    for number in range(1, 700):
        name = f"B{number:05d}"
        state = engine.state_of(name)[1]
        road = find_road_back(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=False)
        if isinstance(road, NoRoadBack) and road.why == "terminal":
            return name, road
    raise AssertionError("no account is held down for good")


def test_road_prints_the_plan(people: tuple[Engine, str]) -> None:
    engine, url = people
    name, road = held_down(engine)
    answer = json.loads(run("road", name, "--store", url, "--json"))
    row = answer["road_back"]
    assert (answer["account"], row["road"], row["verified"]) == (name, True, True)
    assert row["fastest"]["path"][-1]["status"] == "active"
    assert row["policy"] == engine.policy.digest
    printed = run("road", name, "--store", url)
    assert ("The fastest way" if len(road.plans) > 1 else "What you can do") in printed
    assert "We have checked that these steps work." in printed
    assert road.verified


@pytest.mark.parametrize("lang", LANGS)
def test_the_command_and_the_letter_show_the_same_sentences(people: tuple[Engine, str], lang: Lang) -> None:
    engine, url = people
    name, _ = held_down(engine)
    row = json.loads(run("road", name, "--store", url, "--json"))["road_back"]
    day, until = (epoch_day(date.fromisoformat(row[key])) for key in ("day", "honoured_until"))
    asked = find_road_back(engine.kernel, engine.state_of(name)[1], day, compiled=False)  # of the day that it names
    assert isinstance(asked, RoadBack)
    road = replace(asked, honour_until_day=until)
    phrases = Phrasebook(language(lang), engine.policy.currency, engine.policy.exponent, road.day)
    plans = render_plans(road, phrases)
    sentences = {line.text for plan in plans for line in (*plan.steps, *plan.path)} | {plan.goal for plan in plans}
    sentences |= {*render_promise(road, phrases), *render_assumptions(road, phrases)}
    printed = run("road", name, "--store", url, "--lang", lang)
    assert [sentence for sentence in sentences if sentence not in printed] == []


def test_check_all_counts(people: tuple[Engine, str]) -> None:
    check = json.loads(run("road", "--check-all", "--store", people[1], "--limit", "10", "--json"))
    assert check["adverse"] == 10
    assert check["terminal"] + check["with_road"] == 10
    assert check["with_road"] == check["followed"] == check["confirmed"]


def test_what_if_prints_the_path(people: tuple[Engine, str]) -> None:
    engine, url = people
    name, road = held_down(engine)
    first = road.fastest.events[0]
    day = (engine.kernel.calendar.day_start(first.day) + 12 * 3_600_000) // 86_400_000
    amount = f"{int(first.fields['amount']) // 100}@{_iso(day)}"
    row = json.loads(run("what-if", name, "--pay", amount, "--store", url, "--json"))
    assert row["path"][0]["status"] == road.fastest.path[0].status.name.lower()
    printed = run("what-if", name, "--pay", amount, "--store", url).splitlines()
    assert len(printed) == len(row["path"])
    limit = language("en").money(row["path"][0]["limit_minor"], engine.policy.currency, engine.policy.exponent)
    assert printed[0].startswith(f"{language('en').short_day(epoch_day(date.fromisoformat(row['day'])))}: {limit}")


def _iso(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["road"], "name one account"),
        (["road", "B00001", "--check-all"], "name one account"),
        (["road", "nobody"], "the account `nobody` is not known"),
        (["road", "B00001", "--day", "2020-01-01"], "already seen"),
        (["road", "B00001", "--lang", "fr"], "`fr` is not a language"),
        (["what-if", "B00001", "--pay", "a lot@2030-01-01"], "is not a payment"),
        (["what-if", "B00001", "--pay", "0.001@2030-01-01"], "2 digits after the point"),
        (["what-if", "B00001", "--pay", "5@2020-01-01"], "lies before"),
        (["what-if", "B00001", "--pay", "5@2030-01-01", "--until", "2120-01-01"], "or after 2099"),
        (["what-if", "B00001", "--pay", "5@2030-01-01", "--lang", "fr"], "`fr` is not a language"),
    ],
)
def test_mistakes_are_reported(people: tuple[Engine, str], words: list[str], said: str) -> None:
    with pytest.raises(LinekeeperError, match=said):
        run(*words, "--store", people[1])


def test_the_command_says_why_there_is_no_road_back_and_which_trigger_is_final(people: tuple[Engine, str]) -> None:
    engine, url = people
    name, none = no_road_of(engine)
    printed = run("road", name, "--store", url)
    assert "Under our rules this decision is final." in printed
    assert f"triggers that stay set: `{none.triggers[0]}`" in printed


def test_the_day_to_ask_again_is_shown_where_time_changes_something(people: tuple[Engine, str]) -> None:
    policy = people[0].policy
    later = road_as_text(NoRoadBack("terminal", ("written_off",), 20_000), policy, "en", 19_000)
    assert later.endswith("You can ask again from 4 October 2024.\n")
    assert "ask again" not in road_as_text(NoRoadBack("terminal", ("estate",), None), policy, "en", 19_000)


def test_a_road_that_the_second_run_did_not_confirm_is_no_promise(people: tuple[Engine, str]) -> None:
    engine, _ = people
    _, road = held_down(engine)
    unconfirmed = replace(road, fastest=replace(road.fastest, verified=False))
    printed = road_as_text(unconfirmed, engine.policy, "en", road.day)
    assert "Do not rely on them." in printed
    assert "promise" not in printed
    assert "have checked" not in printed
