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
from linekeeper.lab.backtest.line_paths import LinePaths, PathRecorder, arrival_times
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


def replay_paths(
    policy: Policy,
    table: pa.Table,
    arrivals: RecordedArrivals | None,
    until_day: int | None = None,
    progress: ShowProgress | None = None,
    clock: Clock | None = None,
    keep: Callable[[Decision], object] | None = None,
) -> tuple[LinePaths, int]:
    """Events in order of time through the policy's kernel, by arrival where the feed says how they arrived.

    Returns the paths of the lines and the local day up to which they were reviewed; `keep` takes each decision.
    """
    kernel, ruling = kernel_of(policy), clock or Clock()
    last_review = None if arrivals is None else arrivals.last_review
    last_day = day_to_review(ruling, kernel.calendar, until_day, last_review, table["at"].to_numpy())
    recorder = PathRecorder(policy, kernel.calendar, arrival_times(table, arrivals))

    def take(decision: Decision) -> None:
        recorder.add(decision)
        if keep is not None:
            keep(decision)

    replay_table(kernel, table, last_day, progress=progress, keep=take, clock=ruling, arrivals=arrivals)
    return recorder.paths(), last_day


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
    decisions: list[Decision] = []
    paths, last_day = replay_paths(policy, table, arrivals, question.until_day, progress, clock, decisions.append)
    cases = label_cases(paths, labels, question.money)
    customers = customers_of_table(table)
    figures = backtest_figures(cases, paths, customers, question.days, question.resamples)
    return Backtest(policy, decisions, cases, figures, question.money, last_day, question.resamples)
