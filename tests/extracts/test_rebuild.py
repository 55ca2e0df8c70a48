"""A store can be rebuilt from the events that it gave out: the same decisions, to the last byte of their records."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.core.errors import FileError
from linekeeper.decide.canonical import digest_all
from linekeeper.engine.account import AccountFilter, account_page
from linekeeper.engine.engine import Engine
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.engine.verify import verify
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import decision_records, open_store
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy
from tests.cli.test_commands import linekeeper, read
from tests.extracts.stores import SOURCES, eventful
from tests.kernel.conftest import _kernel_cache as _kernel_cache

AT = 4_089_000_000_000  # 29 July 2099, after the last of the generated events
SUFFIXES = (".parquet", ".csv", ".jsonl")
POLICY = """
policy: rebuilt
version: 1
currency: CNY
time_zone: America/New_York
triggers:
  overdue: {when: past_due > 0 CNY, clear: past_due = 0 CNY, cap: 60%, hold: 5d, reason: arrears}
  arrears: {when: days_past_due >= 20, suspend: yes, cap: 30%, hold: 10d, reason: arrears}
  deep: {when: utilisation >= 90%, cap: 90%, reason: use}
restoration: {first: 40%, step: 20%, every: 15d}
offer: {when: "months_on_book >= 0", increase: 20%, up_to: 50_000 CNY, every: 40d, valid: 300d}
"""


def digest_of_store(url: str) -> str:
    with closing(open_store(url, made=True)) as store, store.reading() as connection:
        return digest_all(row[2] for row in decision_records(connection))


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    file = tmp_path / "rebuilt.yaml"
    file.write_text(POLICY, "utf-8")
    return file


@pytest.fixture
def url(tmp_path: Path, policy_file: Path) -> str:
    """A store with late events, reversals, consents, rulings, a review beyond the last event, and two erasures."""
    url, policy = str(tmp_path / "lines.db"), load_file(policy_file)
    keeper = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/rebuilt")
    store = open_store(url)
    engine = eventful(store, policy, 5, keeper=keeper)
    names = [one.account for one in account_page(engine, AccountFilter())]
    _rule(engine, names)
    for name in (names[-1], names[4]):
        erase_borrower(store, keeper, name, AT)
    store.close()
    return url


def _rule(engine: Engine, names: list[str]) -> None:
    """Two rulings, and a review beyond the last event; the generated events hold consents of their own."""
    day = engine.kernel.calendar.day(AT)
    who = {"by": "m.chen", "why": "=looked at, by hand"}
    rule(
        engine,
        [Ruling(names[0], AT, day + 100, cap_bp=5_000, **who), Ruling(names[1], AT, day + 100, trigger="deep", **who)],
    )
    engine.review(day + 60)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_store_is_rebuilt_from_its_events(tmp_path: Path, url: str, policy_file: Path, suffix: str) -> None:
    file, rebuilt = str(tmp_path / f"events{suffix}"), str(tmp_path / "rebuilt.db")
    written = read("events", "--output", file, "--store", url)
    ran = read("run", str(policy_file), file, "--store", rebuilt, "--simulate")
    assert (ran["events"], ran["rejected"], ran["repeats"]) == (written["rows"], 0, 0)
    assert ran["digest"] == digest_of_store(rebuilt) == digest_of_store(url)
    assert ran["decisions"].get("correct", 0) > 0
    assert read("verify", "--store", rebuilt)["same"]
    assert kinds_of(rebuilt) >= {"override", "consent", "reversal"}
    again = tmp_path / f"again{suffix}"
    linekeeper("events", "--output", str(again), "--store", rebuilt)
    assert sources_of(again, rebuilt) >= {*SOURCES, "person"}
    assert arrivals_in(rebuilt) == arrivals_in(url)
    assert (
        read("run", str(policy_file), file, "--store", rebuilt, "--simulate")["events"] == 0
    )  # each event counts once


def kinds_of(url: str) -> set[str]:
    return {event["kind"] for event in read("events", "--limit", "1000", "--store", url)["events"]}


def arrivals_in(url: str) -> dict[tuple[str, str], str]:
    """When each event arrived."""
    listed = read("events", "--limit", "1000", "--store", url)["events"]
    return {(event["source"], event["id"]): event["arrived_at"] for event in listed}


def sources_of(file: Path, url: str) -> set[str]:
    assert file.stat().st_size
    return {event["source"] for event in read("events", "--limit", "1000", "--store", url)["events"]}


def test_sorted_by_hand_or_shuffled_it_is_rebuilt_alike(tmp_path: Path, url: str, policy_file: Path) -> None:
    """The order of arrival stands in the rows, so the order of the rows does not matter."""
    file = tmp_path / "events.jsonl"
    linekeeper("events", "--output", str(file), "--store", url)
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join(sorted(lines, key=lambda line: json.loads(line)["id"])) + "\n", "utf-8")
    ran = read("run", str(policy_file), str(file), "--store", str(tmp_path / "rebuilt.db"), "--simulate")
    assert ran["digest"] == digest_of_store(url)


def test_a_damaged_column_is_named(tmp_path: Path, url: str, policy_file: Path) -> None:
    file = tmp_path / "events.csv"
    linekeeper("events", "--output", str(file), "--store", url)
    head, first, *rest = file.read_text("utf-8").splitlines()
    broken = first.replace(f'"{SOURCES[0]}"', "").replace('"\'=bureau"', "")
    file.write_text("\n".join([head, broken, *rest]) + "\n", "utf-8")
    with pytest.raises(FileError, match=r"`arrival.source` of `events.csv` is not as it was exported"):
        linekeeper("run", str(policy_file), str(file), "--store", str(tmp_path / "rebuilt.db"), "--simulate")
    with pytest.raises(FileError, match=r"name it .parquet, .csv or .jsonl"):
        linekeeper("events", "--output", str(tmp_path / "events.xlsx"), "--store", url)


def test_a_store_that_was_never_reviewed_stays_so(tmp_path: Path, policy_file: Path) -> None:
    policy: Policy = load_file(policy_file)
    url, rebuilt = str(tmp_path / "lines.db"), str(tmp_path / "rebuilt.db")
    with closing(open_store(url)) as store:
        eventful(store, policy, 5, reviews=False)
    file = str(tmp_path / "events.jsonl")
    linekeeper("events", "--output", file, "--store", url)
    assert read("run", str(policy_file), file, "--store", rebuilt, "--simulate")["digest"] == digest_of_store(url)
    with closing(open_store(rebuilt)) as store:
        assert verify(store).same
        assert Engine(store, None).policy == policy
