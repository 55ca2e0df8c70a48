"""One policy against another over the same events: champion and candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import Decision
from linekeeper.core.errors import Refused
from linekeeper.engine.clock import Clock
from linekeeper.evaluate.event_batch import Ints, RecordedArrivals
from linekeeper.kernel.kernel import kernel_of
from linekeeper.lab.backtest.account_bootstrap import (
    RESAMPLES,
    FloatTable,
    percentile_interval,
    rate_of_sums,
    resampled_sums,
)
from linekeeper.lab.backtest.dated_labels import DatedLabels
from linekeeper.lab.backtest.figures import rate_of
from linekeeper.lab.backtest.label_cases import LabelCases, MoneyTerms, label_cases
from linekeeper.lab.backtest.line_paths import LINE_STATUSES
from linekeeper.lab.backtest.path_differences import Mover, PathPair, PolicyLines, list_movers
from linekeeper.lab.backtest.run import NO_MONEY, ShowProgress, replay_paths
from linekeeper.policy.model import Policy

_MUST_AGREE = {"name": "policy", "currency": "currency", "exponent": "minor_digits", "time_zone": "time_zone"}
RATES = ("hit_rate", "false_rate")
SUMS = ("bad_amount_hit", "withheld", "avoided", "forgone")  # amounts that depend on the policy


def demand_one_product(champion: Policy, candidate: Policy) -> None:
    """Raises Refused where the two are of different products, currencies or time zones: what differs would be that.

    A product is the name that a policy gives itself, `policy:`.
    """
    for name, word in _MUST_AGREE.items():
        ours, theirs = getattr(champion, name), getattr(candidate, name)
        if ours != theirs:
            raise Refused(
                f"`{word}` is `{ours}` in the champion and `{theirs}` in the candidate",
                code="policies-not-comparable",
                way_out="compare policies of one product, in one currency and time zone",
                details={"key": word},
            )


@dataclass(frozen=True)
class ComparisonQuestion:
    """What is asked: labels (None: none), money terms, days of the flow, draws for the intervals."""

    labels: DatedLabels | None = None
    money: MoneyTerms = NO_MONEY
    days: tuple[int, ...] = ()
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class PolicyRun:
    """What one policy made of the events. `first_day`: by account, the local day on which it was first heard of."""

    lines: PolicyLines
    last_day: int
    decisions: int
    first_day: dict[str, int]


@dataclass(frozen=True, slots=True)
class FlowCell:
    """Accounts by their status under either policy as a day began; `day` is None at the end, after all decisions.

    `differ` of them have another line. `lowered` and `raised`: how much less, or more, the candidate lets them owe in
    all, in minor units.
    """

    day: int | None
    champion: str
    candidate: str
    accounts: int
    differ: int
    lowered: int
    raised: int


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """The movers of one cause: how many, what moved at the end, how many of them have a bad label, and a good one."""

    cause: str
    rule: str
    side: str
    accounts: int
    lowered: int
    raised: int
    bad: int
    good: int


@dataclass(frozen=True, slots=True)
class MeasuredDifference:
    """A figure of the labels under both policies, and the candidate's less the champion's with its 95 % interval.

    Amounts in minor units, rates from 0 to 1; None where it is not known, or where there is nothing to divide by.
    """

    measure: str
    champion: float | None
    candidate: float | None
    difference: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class PolicyComparison:
    """All that differs between two policies over the same events."""

    champion: PolicyRun
    candidate: PolicyRun
    accounts: int
    movers: list[Mover]
    rules: list[RuleCounts]
    flow: list[FlowCell]
    measures: list[MeasuredDifference]
    question: ComparisonQuestion

    @property
    def policy(self) -> Policy:
        """The champion."""
        return self.champion.lines.policy

    @property
    def same_at_end(self) -> int:
        """Movers whose two lines are the same again at the end."""
        return sum(one.champion_end == one.candidate_end for one in self.movers)

    @property
    def lowered(self) -> list[Mover]:
        """Those who may owe less under the candidate at the end."""
        return [one for one in self.movers if one.moved < 0]

    @property
    def raised(self) -> list[Mover]:
        """Those who may owe more under the candidate at the end."""
        return [one for one in self.movers if one.moved > 0]


def run_policy(
    policy: Policy,
    table: pa.Table,
    arrivals: RecordedArrivals | None,
    until_day: int | None = None,
    progress: ShowProgress | None = None,
    clock: Clock | None = None,
    keep: Callable[[Decision], object] | None = None,
) -> PolicyRun:
    """Replay the events under one policy; `keep` takes each decision. The decisions themselves are not kept."""
    paths, last_day = replay_paths(policy, table, arrivals, until_day, progress, clock, keep)
    at = table["at"].to_numpy()
    known = at if arrivals is None else np.maximum(at, arrivals.arrived)
    heard = pa.table({"account": table["account"], "known": known}).group_by("account").aggregate([("known", "min")])
    days = kernel_of(policy).calendar.hours(heard["known_min"].to_numpy()) // 24
    first_day = dict(zip(heard["account"].to_pylist(), days.tolist(), strict=True))
    return PolicyRun(PolicyLines(policy, paths), last_day, len(paths.account), first_day)


def compare_runs(champion: PolicyRun, candidate: PolicyRun, question: ComparisonQuestion) -> PolicyComparison:
    """Both runs beside one another."""
    first_day = candidate.first_day | champion.first_day
    pair = PathPair(sorted(first_day), champion.lines, candidate.lines)
    labels = question.labels
    bad: dict[str, bool] = {}
    for account, one in zip(labels.account, labels.bad.tolist(), strict=True) if labels is not None else ():
        bad[account] = bad.get(account, False) or one
    all_days = (lines.paths.day.max(initial=0) for lines in (champion.lines, candidate.lines))
    end_day = max(*map(int, all_days), champion.last_day) + 1
    movers = list_movers(pair, end_day, bad)
    began = np.array([first_day[name] for name in pair.accounts], dtype=np.int64)
    flow = [cell for day in question.days for cell in _flow(pair, began, day, day)]
    flow += _flow(pair, began, end_day, None)
    measures = [] if labels is None else _measures(champion.lines, candidate.lines, labels, question)
    return PolicyComparison(champion, candidate, len(pair.accounts), movers, _rules(movers), flow, measures, question)


def _flow(pair: PathPair, began: Ints, day: int, named: int | None) -> list[FlowCell]:
    places = np.flatnonzero(began < day) if named is not None else np.arange(len(began))
    champion, candidate = pair.at(np.full(len(places), day, dtype=np.int64), places)
    differ, moved = champion.differ(candidate), candidate.usable - champion.usable
    cells = []
    for was, now in sorted(set(zip(champion.status.tolist(), candidate.status.tolist(), strict=True))):
        rows = (champion.status == was) & (candidate.status == now)
        lowered, raised = _lowered_and_raised(moved[rows].tolist())
        counts = int(np.count_nonzero(rows)), int(np.count_nonzero(rows & differ))
        cells.append(FlowCell(named, LINE_STATUSES[was], LINE_STATUSES[now], *counts, lowered, raised))
    return cells


def _lowered_and_raised(moved: Iterable[int]) -> tuple[int, int]:
    """The sums of what fell and of what rose, both positive; in Python's integers, which have no bound.

    >>> _lowered_and_raised([-5, 3, 0, 4])
    (5, 7)
    """
    amounts = list(moved)
    return -sum(one for one in amounts if one < 0), sum(one for one in amounts if one > 0)


def _rules(movers: Sequence[Mover]) -> list[RuleCounts]:
    """The movers by what parted their lines first, the most frequent cause first; each mover is in one row."""
    of_cause: dict[tuple[str, str, str], list[Mover]] = {}
    for one in movers:
        of_cause.setdefault((one.cause, one.rule, one.side), []).append(one)
    rows = []
    for cause, those in of_cause.items():
        outcomes = Counter(one.bad for one in those)
        lowered, raised = _lowered_and_raised(one.moved for one in those)
        rows.append(RuleCounts(*cause, len(those), lowered, raised, outcomes[True], outcomes[False]))
    return sorted(rows, key=lambda row: (-row.accounts, row.cause, row.rule, row.side))


# ------------------------------------------------------------------ by labels


def _measures(
    champion: PolicyLines, candidate: PolicyLines, labels: DatedLabels, question: ComparisonQuestion
) -> list[MeasuredDifference]:
    """The figures of a back-test under both policies, and by how much they differ, over accounts drawn again."""
    cases = [label_cases(one.paths, labels, question.money) for one in (champion, candidate)]
    names = list(_columns(cases[0]))
    tables = [np.column_stack([_columns(one)[name] for name in names]) for one in cases]
    drawn = resampled_sums(labels.account, np.hstack(tables), question.resamples)
    halves = drawn[:, : len(names)], drawn[:, len(names) :]
    rows = []
    for name in RATES:
        whole, part = (names.index(f"{name}:{end}") for end in ("whole", "part"))
        shares = [rate_of(int(table[:, part].sum()), int(table[:, whole].sum())) for table in tables]
        spread = [rate_of_sums(half[:, part], half[:, whole]) for half in halves]
        rows.append(_row(name, shares[0], shares[1], percentile_interval(spread[1] - spread[0])))
    for name in SUMS:
        place = names.index(name)
        sums = [_exact(one, name) for one in cases]
        interval = percentile_interval(halves[1][:, place] - halves[0][:, place])
        rows.append(_row(name, sums[0], sums[1], interval if sums[0] is not None else None))
    return rows


def _row(
    name: str, champion: float | None, candidate: float | None, interval: tuple[float, float] | None
) -> MeasuredDifference:
    difference = None if champion is None or candidate is None else candidate - champion
    return MeasuredDifference(name, champion, candidate, difference, interval)


def _amounts(cases: LabelCases, name: str) -> tuple[Ints, np.ndarray]:
    """The amounts of a measure, and the labels that it is summed over."""
    bad, hit = cases.labels.bad, cases.restricted
    return {
        "bad_amount_hit": (np.where(hit | (cases.labels.amount == MISSING), cases.labels.amount, 0), bad),
        "withheld": (cases.withheld, np.ones(len(bad), dtype=bool)),
        "avoided": (cases.avoided, bad),
        "forgone": (cases.forgone, ~bad),
    }[name]


def _columns(cases: LabelCases) -> dict[str, FloatTable]:
    bad, hit = cases.labels.bad, cases.restricted
    columns: dict[str, FloatTable] = {
        "hit_rate:whole": bad.astype(float),
        "hit_rate:part": (bad & hit).astype(float),
        "false_rate:whole": (~bad).astype(float),
        "false_rate:part": (~bad & hit).astype(float),
    }
    for name in SUMS:
        values, rows = _amounts(cases, name)
        columns[name] = np.where(rows & (values != MISSING), values, 0).astype(float)
    return columns


def _exact(cases: LabelCases, name: str) -> int | None:
    """The sum of the amounts that are known; None where none is."""
    values, rows = _amounts(cases, name)
    known = values[rows & (values != MISSING)]
    return sum(known.tolist()) if len(known) else None
