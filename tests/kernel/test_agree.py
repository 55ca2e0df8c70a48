"""Laws 1, 2, 4 and 5: the kernel in each of its settings, and the oracle, decide alike on generated lives."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.evaluate import replay as replay_module
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import batch_of_streams, by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import policy_text, stream
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.strategies import cases

REPOSITORY = Path(__file__).parents[2]
AFTER_DAYS = 40
STREAMS = 40


@given(cases())
def test_in_order_of_time(case: tuple[Policy, list[Event]]) -> None:
    """One by one, in bulk, and in bulk with a look every day: all as the oracle says."""
    policy, events = case[0], unreversed(case[1])
    kernel, until = Kernel(policy), last_day(policy, events) + AFTER_DAYS
    expected = run(read(policy.source), events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False)[0]) == []
    assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=False)[0]) == []


@given(cases(late=True, reversals=2))
def test_late_events_and_reversals(case: tuple[Policy, list[Event]]) -> None:
    policy, events = case
    until = last_day(*case) + AFTER_DAYS
    expected = run(read(policy.source), events, until)
    assert differences(policy, expected, *by_arrival(Kernel(policy), events, until)) == []


@given(cases(), st.integers(0, 400))
def test_when_it_is_looked_at_last_does_not_matter(case: tuple[Policy, list[Event]], days: int) -> None:
    """The decisions up to a day are the first of those up to any later day."""
    policy, events = case[0], unreversed(case[1])
    kernel, until = Kernel(policy), last_day(policy, events)
    early, _ = in_bulk(kernel, [events], until, compiled=False)[0]
    later, _ = in_bulk(kernel, [events], until + days, compiled=False)[0]
    assert later[: len(early)] == early


# ------------------------------------------------------------------ compiled

EXTREMES = """
policy: extremes
version: 1
currency: CNY
time_zone: Pacific/Apia
events:
  pay: {amount: money, owed: "signed money?", rate: share}
features:
  all: sum(draw.amount, 400d)
  paid: sum(pay.amount, 60m)
  most: max(pay.owed, 168h)
  owed: last(pay.owed)
  rate: last(pay.rate)
  times: balance * 4611
  less: balance * 2000 - limit * 2611
  shared: part(balance, 10000%)
  rated: part(all, rate_kept)
  rate_kept: smallest(fallback(rate, 0%), 10000%)
  each: per(all, draws)
  draws: count(draw, 400d)
  used: percent(all, paid)
  short: percent(0 CNY - owed, limit)
score:
  base: 100
  ability:
    times: {below -10_000_000_000_000 CNY: 5, below 10_000_000_000_000 CNY: 3, otherwise: -100000}
    owed: {below 0 CNY: 7, otherwise: -7, missing: 1}
triggers:
  a: {when: used >= 10000%, cap: 99.99%, hold: 36500d, reason: r}
  b: {when: most <= -10_000_000_000_000 CNY or rated > 1 CNY, cap: 0.01%, expires: 1d, reason: r}
  c: {when: score < -90000 and shared != less, suspend: yes, reason: r}
  d: {when: known(each) and each >= 10_000_000_000_000 CNY, close: yes, reason: r}
  e: {when: short = 10000%, cap: 50%, reason: r}
restoration: {first: 0.01%, step: 0.01%, every: 1d}
offer: {when: all >= 0 CNY, increase: 10000%, up_to: 10_000_000_000_000 CNY, every: 1d, valid: 0d}
"""


def compiled_policies() -> dict[str, str]:
    """Few; the nightly run compiles many."""
    bench = (REPOSITORY / "benchmarks" / "policies" / "cash-line.yaml").read_text("utf-8")
    return {"seed 3": policy_text(3), "seed 20": policy_text(20), "extremes": EXTREMES, "cash line": bench}


@pytest.mark.parametrize("name", list(compiled_policies()))
def test_compiled(name: str) -> None:
    """The same source, compiled, lazy and eager: bit for bit as the oracle says."""
    policy = load_text(compiled_policies()[name])
    kernel = Kernel(policy)
    for seed in range(STREAMS):
        events = unreversed(stream(policy, seed))
        until = last_day(policy, events) + AFTER_DAYS
        expected = run(read(policy.source), events, until)
        for lazy in (True, False):
            assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=True, lazy=lazy)[0]) == []


def test_many_accounts_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are cut into pieces, a piece may hold more decisions than its table of rows; nothing is lost, and
    what comes out is in the order of accounts and of time whatever the number of workers."""
    policy = load_text(compiled_policies()["seed 3"])
    kernel = Kernel(policy)
    lives = [unreversed(stream(policy, seed)) for seed in range(60)]
    alone = [in_bulk(kernel, [events], 0, compiled=False)[0] for events in lives]
    assert in_bulk(kernel, lives * 100, 0, compiled=True) == alone * 100
    batch = batch_of_streams(kernel, lives * 100)
    outcomes = [replay(kernel, batch, 0, workers=workers, keep_states=True) for workers in (1, 2, 3)]
    monkeypatch.setattr(replay_module, "ROWS", 7)
    outcomes.append(replay(kernel, batch, 0, keep_states=True))
    for one, other in pairwise(outcomes):
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("account", "event", "rows"))
        assert np.array_equal(one.states, other.states)
        assert one.evaluations == other.evaluations


# ------------------------------------------------------------------ the same everywhere


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_source_does_not_depend_on_the_process(seed: str) -> None:
    """Hashes of strings differ from process to process; what is generated does not."""
    code = """
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_file, load_text
from tests.oracle.generate import policy_text
policies = [*(load_text(policy_text(seed)) for seed in range(12)), load_file("policies/consumer-loan.yaml")]
print(*(Kernel(policy).digest + Kernel(policy).layout.digest for policy in policies))
"""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(["src", "."])}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=REPOSITORY, check=True
    )
    policies = [*(load_text(policy_text(number)) for number in range(12))]
    policies.append(load_file(REPOSITORY / "policies" / "consumer-loan.yaml"))
    assert ran.stdout.split() == [Kernel(policy).digest + Kernel(policy).layout.digest for policy in policies]
