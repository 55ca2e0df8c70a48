"""The example policies, run: they bite where they should, and nobody is locked out for good."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linekeeper.core.line import Status
from linekeeper.datasets.monthly import REPORT, STATEMENT, join_by_time, monthly_events
from linekeeper.evaluate.event_batch import batch_of
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.population import population
from linekeeper.policy.expression import Ref, nodes_of
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy

POLICIES = Path(__file__).resolve().parents[2] / "policies"
DAY_MS = 86_400_000
FIRST_DAY = 19_358  # 2023-01-01


@pytest.fixture(scope="module")
def consumer_loan() -> Policy:
    return load_file(POLICIES / "consumer-loan.yaml")


@pytest.fixture(scope="module")
def credit_card() -> Policy:
    return load_file(POLICIES / "credit-card.yaml")


class Run:
    """A replay: by account, the triggers ever set, and how the line stood in the end."""

    def __init__(self, policy: Policy, events: pa.Table, until_day: int) -> None:
        kernel = Kernel(policy)
        batch = batch_of(policy, kernel.calendar, events)
        outcome = replay(kernel, batch, until_day, compiled=False)
        place = kernel.shape.place
        names = [trigger.name for trigger in policy.triggers]
        self.ever: dict[str, set[str]] = {account: set() for account in batch.accounts}
        self.status = dict.fromkeys(batch.accounts, Status.ACTIVE)
        self.held: dict[str, set[str]] = {account: set() for account in batch.accounts}
        for index, row in zip(outcome.account, outcome.rows, strict=True):
            account = batch.accounts[index]
            mask = int(row[place("MASK_AFTER")])
            self.held[account] = {name for bit, name in enumerate(names) if mask >> bit & 1}
            self.ever[account] |= self.held[account]
            self.status[account] = Status(int(row[place("STATUS_AFTER")]))


def terminal(policy: Policy) -> set[str]:
    return {trigger.name for trigger in policy.triggers if trigger.terminal}


def test_the_policies_score_enough_in_both_groups(consumer_loan: Policy, credit_card: Policy) -> None:
    for policy in (consumer_loan, credit_card):
        assert policy.score is not None
        groups = Counter(part.group for part in policy.score.bins)
        assert groups.total() >= 12
        assert set(groups) == {"ability", "willingness"}


def used(policy: Policy) -> set[str]:
    """The features that a condition, another feature or the score reads."""
    assert policy.score is not None
    assert policy.restoration is not None
    assert policy.offer is not None
    conditions = [feature.expr for feature in policy.features] + [policy.restoration.condition, policy.offer.when]
    conditions += [part for trigger in policy.triggers for part in (trigger.when, trigger.clear)]
    conditions += [rule.deny for rule in policy.authorise]
    parts = (part for condition in conditions if condition for part in nodes_of(condition))
    return {part.name for part in parts if isinstance(part, Ref)} | {bins.feature for bins in policy.score.bins}


def test_no_named_feature_lies_idle(consumer_loan: Policy, credit_card: Policy) -> None:
    """Each feature is used by a condition, another feature, or the score; the rest would be noise in every decision."""
    for policy in (consumer_loan, credit_card):
        assert {feature.name for feature in policy.features if feature.named} - used(policy) == set()


def test_the_consumer_policy_bites_in_the_right_places(consumer_loan: Policy) -> None:
    found = population(accounts=250, days=730, seed=3)
    run = Run(consumer_loan, found.events, FIRST_DAY + 730)
    behaviour = dict(zip(found.people["account"].to_pylist(), found.people["behaviour"].to_pylist(), strict=True))
    hit: dict[str, Counter[str]] = {name: Counter() for name in set(behaviour.values())}
    for account, triggers in run.ever.items():
        hit[behaviour[account]].update(triggers | ({"any"} if triggers else set()))
    count = Counter(behaviour.values())
    assert hit["fraud"]["confirmed_fraud"] == count["fraud"]
    assert hit["steady"]["any"] < 0.25 * count["steady"]
    assert hit["job loss"]["any"] > 0.9 * count["job loss"]
    assert hit["rapid borrower"]["rapid_borrowing"] > 0.5 * count["rapid borrower"]
    assert (
        hit["rapid borrower"]["gambling"] > 10 * hit["steady"]["gambling"] * count["rapid borrower"] / count["steady"]
    )


@pytest.mark.parametrize("days", [300, 500, 730])
def test_whoever_pays_everything_back_gets_the_line_back(consumer_loan: Policy, days: int) -> None:
    """On one day all borrowers repay what they owe; with nothing else, every line is whole again in the end."""
    events = population(accounts=250, days=days, seed=3).events
    balance: Counter[str] = Counter()
    for row in events.select(["account", "kind", "amount"]).to_pylist():
        sign = {"draw": 1, "charge": 1, "repay": -1}.get(row["kind"], 0)
        balance[row["account"]] += sign * (row["amount"] or 0)
    owing = [account for account, owed in balance.items() if owed]
    settled = pa.table({
        "id": [f"last-{account}" for account in owing],
        "account": owing,
        "kind": ["repay"] * len(owing),
        "at": [(FIRST_DAY + days) * DAY_MS] * len(owing),
        "amount": [balance[account] for account in owing],
    })  # fmt: skip
    run = Run(consumer_loan, pa.concat_tables([events, settled], promote_options="default"), FIRST_DAY + days + 900)
    assert any(run.ever.values())
    locked_out = {
        a for a, status in run.status.items() if status != Status.ACTIVE and not run.held[a] & terminal(consumer_loan)
    }
    assert locked_out == set()


@pytest.mark.parametrize("with_statements", [True, False])
def test_a_card_that_comes_current_gets_its_line_back(credit_card: Policy, with_statements: bool) -> None:
    """Accounts fall up to four months behind, once or twice; then come a year and more of good reports."""
    depth, again = (axis.ravel() for axis in np.meshgrid(np.arange(5), np.arange(2)))
    accounts = np.arange(depth.size)
    parts = [monthly_events("open", accounts, np.full(depth.size, 420), (1, 12), limit=np.full(depth.size, 50_000))]
    for month in range(420, 450):
        falls = [(month - 424, 0), *([(month - 430, 1)] if month >= 430 else [])]
        days = sum(30 * np.where((step >= 0) & (step < depth) & (again >= turn), step + 1, 0) for step, turn in falls)
        months = np.full(depth.size, month)
        parts.append(monthly_events("delinquency", accounts, months, REPORT, days=days))
        if with_statements:
            paid = np.where(np.asarray(days) > 0, 0, 20_000)
            standing = np.where(np.asarray(days) > 0, "behind", "paid")
            fields = {"balance": np.full(depth.size, 20_000), "previous": np.full(depth.size, 20_000)}
            minimum = np.full(depth.size, 1_000)
            statement = monthly_events(
                "statement", accounts, months, STATEMENT, paid=paid, standing=standing, minimum=minimum, **fields
            )
            parts.append(statement)
    run = Run(credit_card, join_by_time(parts), 13_700)
    deep = run.ever[str(4)]
    assert {"one_month_behind", "two_months_behind", "three_months_behind"} <= deep
    assert ("missed_payment" in run.ever["1"]) is with_statements
    assert set(run.status.values()) == {Status.ACTIVE}
    assert all(not held for held in run.held.values())
