"""Synthetic events for policies/cash-line.yaml, as the kernel's arrays: the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import Batch, Ints
from linekeeper.kernel.calendar import calendar
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy

EVENTS_PER_ACCOUNT = 100
KINDS = {"draw": 0.20, "repay": 0.15, "due": 0.10, "charge": 0.02, "income": 0.10, "purchase": 0.40, "enquiry": 0.03}
MEAN_MINOR = {"draw": 60_000, "repay": 90_000, "due": 70_000, "charge": 2_000, "income": 500_000, "purchase": 20_000}
START_MS, SPREAD_MS, MEAN_GAP_MS = 1_640_995_200_000, 180 * 86_400_000, 2 * 86_400_000
DUE_IN_DAYS = 25
SEED = 20_240_229


def bench_policy() -> Policy:
    """The policy that is measured."""
    return load_file(Path(__file__).parent / "policies" / "cash-line.yaml")


def cash_line_batch(policy: Policy, events: int) -> Batch:
    """About `events` events of `events / 100` accounts over two years, sorted by account and time."""
    rng = np.random.default_rng(SEED)
    accounts = max(events // EVENTS_PER_ACCOUNT, 1)
    shape = (accounts, EVENTS_PER_ACCOUNT)
    kind = _kinds(policy, rng, shape)
    at = _instants(rng, shape)
    hour = calendar(policy.time_zone).hours(at)
    width = max(len(one.fields) for one in policy.kinds)
    x = _fields(policy, rng, kind, hour, width)
    names = [f"A{number:07d}" for number in range(accounts)]
    starts = np.arange(accounts + 1, dtype=np.int64) * EVENTS_PER_ACCOUNT
    return Batch(names, starts, np.arange(at.size), at.ravel(), hour.ravel(), kind.ravel(), x.reshape(-1, width))


def _kinds(policy: Policy, rng: np.random.Generator, shape: tuple[int, int]) -> Ints:
    numbers = np.array([policy.kind(name).number for name in KINDS], dtype=np.int64)
    kind = rng.choice(numbers, shape, p=list(KINDS.values()))
    kind[:, 0] = policy.kind("open").number
    return kind


def _instants(rng: np.random.Generator, shape: tuple[int, int]) -> Ints:
    """UTC ms, rising strictly within an account; some come in bursts of minutes."""
    gaps = rng.exponential(MEAN_GAP_MS, shape)
    steps: Ints = np.where(rng.random(shape) < 0.2, gaps / 2_000, gaps).astype(np.int64) + 1
    steps[:, 0] = START_MS + rng.integers(0, SPREAD_MS, shape[0])
    return np.cumsum(steps, axis=1)


def _fields(policy: Policy, rng: np.random.Generator, kind: Ints, hour: Ints, width: int) -> Ints:
    x = np.full((*kind.shape, width), MISSING, dtype=np.int64)
    x[:, 0, 0] = rng.integers(10, 60, len(kind)) * 100_000
    for name, mean in MEAN_MINOR.items():
        chosen = kind == policy.kind(name).number
        x[chosen, 0] = rng.exponential(mean, int(chosen.sum())).astype(np.int64)
    due, purchase = kind == policy.kind("due").number, kind == policy.kind("purchase").number
    x[due, 1] = hour[due] // 24 + DUE_IN_DAYS
    x[purchase, 1] = rng.choice(4, int(purchase.sum()), p=[0.6, 0.15, 0.05, 0.2])
    return x
