"""A version decides by the edition of the language, and by the days of the calendar, with which it came into force."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import Conflict
from linekeeper.core.event import Event
from linekeeper.core.line import Status
from linekeeper.engine import versions
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal.store import Store, open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

DAY_MS = 86_400_000
START = 20_500  # 2026-02-16, a Monday
CHINA = "dues: {holidays: {calendar: cn, years: 2026}}\n"


def policy_of(version: int = 1, dues: str = "") -> Policy:
    """A policy that suspends a line where anything is past due."""
    head = f"policy: plain\nversion: {version}\ncurrency: CNY\ntime_zone: UTC\n"
    return load_text(f"{head}triggers:\n  late: {{when: past_due > 0 CNY, suspend: yes, reason: arrears}}\n{dues}")


def event(number: int, day: int, kind: str, account: str = "A", **fields: int | str) -> Event:
    """An event, so many days after the start."""
    return Event(f"{account}{number}", account, kind, (START + day) * DAY_MS, fields)


def unowed(account: str, day: int) -> list[Event]:
    """A bill that is past due when the core system says that nothing is owed."""
    return [
        event(0, day, "open", account, limit=1_000),
        event(1, day, "draw", account, amount=300),
        event(2, day + 1, "due", account, amount=300, due_on=START + day + 2),
        event(3, day + 2, "balance", account, amount=0),
    ]


def status_of(store: Store, account: str) -> str:
    """The status of an account of a store."""
    engine, state = Engine(store, None).state_of(account)
    return "active" if state[engine.kernel.layout.slots["STATUS"]] == Status.ACTIVE else "restricted"


def test_a_version_of_the_first_edition_keeps_its_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened by this program, with its file or without, it goes on as it began, and is verified so."""
    store = open_store(str(tmp_path / "lines.db"))
    with monkeypatch.context() as earlier:
        earlier.setattr(versions, "EDITION", 1)
        engine = Engine(store, policy_of())
    assert engine.kernel.edition == 1
    engine = Engine(store, policy_of())
    assert engine.kernel.edition == Engine(store, None).kernel.edition == 1
    engine.receive(unowed("A", 0), "core")
    engine.review(START + 10)
    assert status_of(store, "A") == "restricted"
    assert verify(store).same
    adopt(store, policy_of(2))
    engine = Engine(store, None)
    assert engine.kernel.edition == 3
    engine.receive(unowed("B", 20), "core")
    engine.review(START + 30)
    assert (status_of(store, "A"), status_of(store, "B")) == ("restricted", "active")
    assert verify(store).same


def test_a_new_list_of_holidays_changes_nothing_for_a_version_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library of another year knows no Spring Festival; the version in force has it, and is verified by it."""
    import holidays

    store, policy = open_store(str(tmp_path / "lines.db")), policy_of(dues=CHINA)
    engine = Engine(store, policy)
    events = [
        event(0, 0, "open", limit=1_000),
        event(1, 0, "draw", amount=300),
        event(2, 0, "due", amount=300, due_on=START + 1),  # moves to Tuesday, the 24th
    ]
    engine.receive(events, "core")
    monkeypatch.setattr(holidays, "country_holidays", lambda *_, **__: holidays.HolidayBase())
    changed = policy_of(dues=CHINA)
    assert changed.digest != policy.digest
    engine = Engine(store, changed)
    assert engine.policy.digest == policy.digest
    engine.review(START + 8)
    assert status_of(store, "A") == "active"
    engine.review(START + 9)
    assert status_of(store, "A") == "restricted"
    assert verify(store).same
    adopt(store, policy_of(2, CHINA))
    assert Engine(store, None).policy.digest == policy_of(2, CHINA).digest
    with pytest.raises(Conflict):
        Engine(store, policy_of(2, CHINA.replace("2026", "2027")))


def test_the_first_edition_is_emitted_as_it_was() -> None:
    """The kernel of an older edition has nothing of the newer one in it."""
    source = Kernel(policy_of(), 1).source
    assert "OWED_KNOWN" not in source
    assert "sum_past_due(s, DUES, DUE, day)\n" in source
