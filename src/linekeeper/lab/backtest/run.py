"""A back-test from events and labels to its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.decision import Decision
from linekeeper.engine.clock import Clock
from linekeeper.engine.customers import customers_of_table
from linekeeper.engine.run import day_to_review, replay_table
from linekeeper.evaluate.event_batch import RecordedArrivals
from linekeeper.kernel.kernel import kernel_of
from linekeeper.lab.backtest.account_bootstrap import RESAMPLES
from linekeeper.lab.backtest.dated_labels import DatedLabels
from linekeeper.lab.backtest.figures import BacktestFigures, backtest_figures
from linekeeper.lab.backtest.label_cases import LabelCases, MoneyTerms, label_cases
from linekeeper.lab.backtest.line_paths import LinePaths, arrival_times, line_paths
from linekeeper.policy.model import Policy

ShowProgress = Callable[[int], object]
NO_MONEY = MoneyTerms()


@dataclass(frozen=True)
class BacktestQuestion:
    """What is asked: labels and the `place` they are of, money terms, days of the confusion, the last day of review."""

    labels: DatedLabels
    place: str
    money: MoneyTerms = NO_MONEY
    days: tuple[int, ...] = ()
    until_day: int | None = None
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class Backtest:
    """What came of it. `last_day`: the local day up to which the replay was reviewed."""

    policy: Policy
    decisions: list[Decision]
    cases: LabelCases
    figures: BacktestFigures
    money: MoneyTerms
    last_day: int
    resamples: int

    @property
    def accounts(self) -> int:
        """How many accounts have a label."""
        return len(set(self.cases.labels.account))

    @property
    def labels_after_last_day(self) -> int:
        """Labels whose day comes after all reviews: their line is as the events left it."""
        return int(np.count_nonzero(self.cases.labels.day > self.last_day + 1))


@dataclass(frozen=True)
class ReplayedPolicy:
    """A replay: its decisions, the paths that follow from them, the day up to which it was reviewed."""

    decisions: list[Decision]
    paths: LinePaths
    last_day: int


def replay_policy(
    policy: Policy,
    table: pa.Table,
    arrivals: RecordedArrivals | None,
    until_day: int | None = None,
    progress: ShowProgress | None = None,
    clock: Clock | None = None,
) -> ReplayedPolicy:
    """Events in order of time through the policy's kernel, by arrival where the feed says how they arrived."""
    kernel = kernel_of(policy)
    decisions: list[Decision] = []
    ruling = clock or Clock()
    last_review = None if arrivals is None else arrivals.last_review
    last_day = day_to_review(ruling, kernel.calendar, until_day, last_review, table["at"].to_numpy())
    replay_table(kernel, table, last_day, progress=progress, keep=decisions.append, clock=ruling, arrivals=arrivals)
    paths = line_paths(policy, decisions, kernel.calendar, arrival_times(table, arrivals))
    return ReplayedPolicy(decisions, paths, last_day)


def run_backtest(
    policy: Policy,
    table: pa.Table,
    arrivals: RecordedArrivals | None,
    question: BacktestQuestion,
    progress: ShowProgress | None = None,
    clock: Clock | None = None,
) -> Backtest:
    """Replay the events and hold each label against the line as it stood when the label's day began.

    Raises FileError where a label is of an account that no event is of.
    """
    labels = question.labels
    labels.demand_accounts(set(pc.unique(table["account"]).to_pylist()), question.place)
    replayed = replay_policy(policy, table, arrivals, question.until_day, progress, clock)
    cases = label_cases(replayed.paths, labels, question.money)
    customers = customers_of_table(table)
    figures = backtest_figures(cases, replayed.paths, customers, question.days, question.resamples)
    return Backtest(policy, replayed.decisions, cases, figures, question.money, replayed.last_day, question.resamples)
