"""The ceiling of a customer: no draw that was authorised takes what is owed on all accounts together above it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.customers.lives import DAY_MS, FIRST_DAY, POLICY
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME

CEILING = 100_000
TEXT = POLICY.replace("late: days_past_due}", "late: days_past_due}\n  ceiling: 1_000 CNY")
ACCOUNTS = ("a", "b", "c")
AT = (FIRST_DAY + 1) * DAY_MS


def engine_of(store: Store) -> Engine:
    """Three lines of 800 CNY of one customer."""
    engine = Engine(store, load_text(TEXT), clock=ANY_TIME)
    opened = FIRST_DAY * DAY_MS
    engine.receive([Event(f"o{n}", n, "open", opened, {"limit": 80_000, "customer": "C"}) for n in ACCOUNTS], "main")
    return engine


def owed(engine: Engine) -> int:
    slot = engine.kernel.layout.slots["BALANCE"]
    return sum(max(engine.state_of(name)[1][slot], 0) for name in ACCOUNTS)


def test_a_draw_up_to_the_ceiling_happens_and_one_more_unit_does_not() -> None:
    engine = engine_of(open_store("sqlite:///:memory:"))
    assert engine.authorise("a", AT, 60_000, draw="d1").allowed
    assert engine.authorise("b", AT, 40_001).reasons == ("customer_ceiling",)
    answer = engine.authorise("b", AT, 40_000, draw="d2")
    assert (answer.allowed, answer.customer_owed_minor) == (True, 60_000)
    assert engine.authorise("b", AT, 40_000, draw="d2").allowed  # the same again draws nothing
    assert (owed(engine), engine.authorise("c", AT, 1, draw="d3").allowed) == (CEILING, False)
    assert verify(engine.store).first_difference is None


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(1, 90_000), st.booleans()), max_size=6))
def test_no_authorised_draw_takes_a_customer_above_the_ceiling(steps: list[tuple[str, int, bool]]) -> None:
    """In any order of draws and repayments."""
    engine = engine_of(open_store("sqlite:///:memory:"))
    for number, (name, amount, repays) in enumerate(steps):
        at, before = AT + number, owed(engine)
        if repays:
            engine.receive([Event(f"r{number}", name, "repay", at, {"amount": amount})], "main")
            continue
        answer = engine.authorise(name, at, amount, draw=f"d{number}")
        assert owed(engine) <= before + (amount if answer.allowed else 0)  # less, where too much had been paid
        assert owed(engine) <= CEILING


@pytest.mark.parametrize("seed", range(1))
def test_nor_do_draws_that_are_authorised_at_one_time(new_store: NewStore, seed: int) -> None:
    """In threads, on both databases: each reads what the customer owes under the lock under which it draws."""
    engine, rng = engine_of(new_store()), Random(seed)
    asked = [(rng.choice(ACCOUNTS), rng.randrange(1, 30_000), f"d{number}") for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: engine.authorise(one[0], AT, one[1], draw=one[2]).allowed, asked))
    drawn = sum(amount for (_, amount, _), allowed in zip(asked, answers, strict=True) if allowed)
    assert owed(engine) == drawn <= CEILING
    assert verify(engine.store).first_difference is None
