"""The demo population run once, with its notices: what the tests of this folder look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from linekeeper.core.decision import Decision
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import Reviews
from linekeeper.engine.notices import build_notice
from linekeeper.engine.outbox import Entry, Law, find_entry
from linekeeper.engine.point_in_time import states_after
from linekeeper.engine.run import run_table
from linekeeper.engine.versions import kernels_of
from linekeeper.journal.store import decision_records, open_store
from linekeeper.lab.population import population
from linekeeper.notice.from_decision import NOTIFIED_ACTIONS, read_lender_profile
from linekeeper.notice.model import Notice
from linekeeper.policy.load import load_file

POLICY = Path(__file__).resolve().parents[2] / "policies" / "consumer-loan.yaml"
LAW = Law("CN", "internet_consumer_loan")


@dataclass(frozen=True)
class NotifiedDecision:
    """A decision with its notice and its entry in the outbox."""

    decision: Decision
    notice: Notice
    entry: Entry | None


@cache
def demo(accounts: int, days: int, seed: int = 1) -> Engine:
    """The engine after the population's events."""
    engine = Engine(open_store(f"{mkdtemp()}/demo.db"), load_file(POLICY), law=LAW)
    run_table(engine, population(accounts=accounts, days=days, seed=seed).events, "demo")
    return engine


def decisions(engine: Engine) -> list[Decision]:
    """All decisions of the store."""
    with engine.store.reading() as connection:
        return [read_decision(row[2]) for row in decision_records(connection)]


def notified(engine: Engine, actions: frozenset[str] = frozenset(NOTIFIED_ACTIONS)) -> Iterator[NotifiedDecision]:
    """Every decision with one of these actions, with its notice."""
    profile = read_lender_profile()
    with engine.store.reading() as connection:
        reviews, kernels, states = Reviews.of(connection), kernels_of(connection), ("", {})
        for decision in decisions(engine):
            if decision.action not in actions:
                continue
            if states[0] != decision.account:
                states = (decision.account, states_after(connection, kernels, decision.account, reviews))
            after = states[1].get(decision.number)
            notice = build_notice(engine, decision, profile, after.state if after else None)
            yield NotifiedDecision(decision, notice, find_entry(connection, decision.account, decision.number))
