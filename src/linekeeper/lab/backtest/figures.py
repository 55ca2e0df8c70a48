"""The figures of a back-test: who was restricted in time and who for nothing, told apart in many ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.core.dates import date_of
from linekeeper.lab.backtest.account_bootstrap import (
    RESAMPLES,
    FloatTable,
    percentile_interval,
    rate_of_sums,
    resampled_sums,
)
from linekeeper.lab.backtest.dated_labels import Flags
from linekeeper.lab.backtest.label_cases import LabelCases
from linekeeper.lab.backtest.line_paths import LinePaths
from linekeeper.lab.outcome import GRADES

RateInterval = tuple[float, float]
LEADS_SHOWN = (0, 1, 3, 7, 14, 30, 60, 90, 120, 180, 270, 360, 540, 720, 1_080)


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Labels by what became of them and by whether the line was restricted (hit) when their day began.

    `by` says by what the labels were told apart, `group` which of them these are. Of a trigger, `bad` and `good` are
    all labels, a hit is one that it had a part in, and `only` are the hits that no other trigger had a part in;
    elsewhere `only` is None. A rate is None where there is nothing to divide by. Money in minor units, summed over the
    labels of which it is known; None where it is known of none.
    """

    by: str
    group: str
    bad: int
    good: int
    bad_hit: int
    good_hit: int
    hit_rate: float | None
    hit_interval: RateInterval | None
    false_rate: float | None
    false_interval: RateInterval | None
    bad_rate_of_hits: float | None
    median_lead_days: float | None
    bad_amount: int | None
    bad_amount_hit: int | None
    good_amount_hit: int | None
    withheld: int
    loss: int | None
    loss_hit: int | None
    avoided: int | None
    forgone: int | None
    only_bad: int | None = None
    only_good: int | None = None


@dataclass(frozen=True, slots=True)
class LeadPoint:
    """Of the bad and of the good labels, how many had been restricted for at least so many days without a break."""

    lead_days: int
    bad: int
    good: int
    captured: float | None
    false_rate: float | None


@dataclass(frozen=True, slots=True)
class DayConfusion:
    """The lines as they stood when a day began, against the labels of that day and of later ones."""

    day: int
    bad_restricted: int
    bad_open: int
    good_restricted: int
    good_open: int


@dataclass(frozen=True)
class BacktestFigures:
    """All figures of a back-test. The months and grades add up to the total; triggers may share a label."""

    total: LabelCounts
    by_trigger: list[LabelCounts]
    by_grade: list[LabelCounts]
    by_segment: list[LabelCounts]
    by_month: list[LabelCounts]
    customers: LabelCounts | None
    curve: list[LeadPoint]
    confusion: list[DayConfusion]


@dataclass(frozen=True)
class _Group:
    by: str
    name: str
    rows: Flags
    hit: Flags
    only: Flags | None = None


def backtest_figures(
    cases: LabelCases,
    paths: LinePaths,
    customers: Mapping[str, str] | None = None,
    days: Sequence[int] = (),
    resamples: int = RESAMPLES,
) -> BacktestFigures:
    """All figures of these cases; `customers`: of accounts that have one; `days`: those of the confusion."""
    groups = list(_groups(cases))
    rows = _with_intervals(cases, groups, resamples)
    by: dict[str, list[LabelCounts]] = {"total": [], "trigger": [], "grade": [], "month": [], "segment": []}
    for row in rows:
        by[row.by.partition(":")[0]].append(row)
    return BacktestFigures(
        total=by["total"][0],
        by_trigger=by["trigger"],
        by_grade=by["grade"],
        by_segment=by["segment"],
        by_month=by["month"],
        customers=_customers(cases, customers, resamples) if customers else None,
        curve=_curve(cases),
        confusion=[_confusion(cases, paths, day) for day in days],
    )


def _groups(cases: LabelCases) -> Iterator[_Group]:
    labels, hit = cases.labels, cases.restricted
    every = np.ones(len(labels), dtype=bool)
    yield _Group("total", "", every, hit)
    alone = cases.caught.sum(axis=1) == 1
    for place, name in enumerate(cases.triggers):
        caught = cases.caught[:, place]
        yield _Group("trigger", name, every, caught, caught & alone)
    for number, name in enumerate(GRADES):
        rows = cases.grade == number
        yield _Group("grade", name, rows, hit & rows)
    months = np.array([f"{date_of(int(day)):%Y-%m}" for day in labels.day], dtype=object)
    words = {"month": months}
    words |= {f"segment:{name}": np.array(column, dtype=object) for name, column in labels.segments.items()}
    for by, column in words.items():
        for name in sorted(set(column.tolist())):
            rows = column == name
            yield _Group(by, name, rows, hit & rows)


def _with_intervals(cases: LabelCases, groups: Sequence[_Group], resamples: int) -> list[LabelCounts]:
    bad = cases.labels.bad
    columns = [part for one in groups for part in (one.rows & bad, one.hit & bad, one.rows & ~bad, one.hit & ~bad)]
    drawn = resampled_sums(cases.labels.account, np.column_stack(columns).astype(float), resamples)
    rows = []
    for place, group in enumerate(groups):
        bads, bad_hits, goods, good_hits = drawn[:, 4 * place : 4 * place + 4].T
        hit_interval = percentile_interval(rate_of_sums(bad_hits, bads))
        rows.append(_counts(cases, group, hit_interval, percentile_interval(rate_of_sums(good_hits, goods))))
    return rows


def _counts(cases: LabelCases, group: _Group, hit: RateInterval | None, false: RateInterval | None) -> LabelCounts:
    bad = cases.labels.bad
    bads, goods, bad_hits, good_hits = group.rows & bad, group.rows & ~bad, group.hit & bad, group.hit & ~bad
    bad_count, good_count, caught, for_nothing = (
        int(np.count_nonzero(part)) for part in (bads, goods, bad_hits, good_hits)
    )
    leads = cases.lead_days[bad_hits]
    amount = cases.labels.amount
    return LabelCounts(
        by=group.by,
        group=group.name,
        bad=bad_count,
        good=good_count,
        bad_hit=caught,
        good_hit=for_nothing,
        hit_rate=rate_of(caught, bad_count),
        hit_interval=hit,
        false_rate=rate_of(for_nothing, good_count),
        false_interval=false,
        bad_rate_of_hits=rate_of(caught, caught + for_nothing),
        median_lead_days=float(np.median(leads)) if len(leads) else None,
        bad_amount=_sum(amount, bads),
        bad_amount_hit=_sum(amount, bad_hits, bads),
        good_amount_hit=_sum(amount, good_hits, goods),
        withheld=int(cases.withheld[group.hit].sum()),
        loss=_sum(cases.loss, bads),
        loss_hit=_sum(cases.loss, bad_hits, bads),
        avoided=_sum(cases.avoided, bad_hits, bads),
        forgone=_sum(cases.forgone, good_hits, goods),
        only_bad=None if group.only is None else int(np.count_nonzero(group.only & bad)),
        only_good=None if group.only is None else int(np.count_nonzero(group.only & ~bad)),
    )


def _sum(column: np.ndarray, rows: Flags, of: Flags | None = None) -> int | None:
    """The sum over the rows that are known; None where the column is known of none of the labels asked about (`of`)."""
    asked = column[rows if of is None else of]
    if not np.any(asked != MISSING):
        return None
    return sum(int(value) for value in column[rows] if value != MISSING)


def rate_of(part: int, whole: int) -> float | None:
    """The share, None where there is nothing to divide by.

    >>> rate_of(1, 4), rate_of(0, 0)
    (0.25, None)
    """
    return part / whole if whole else None


def _curve(cases: LabelCases) -> list[LeadPoint]:
    bad = cases.labels.bad
    bads, goods = int(np.count_nonzero(bad)), int(np.count_nonzero(~bad))
    leads = np.where(cases.restricted, cases.lead_days, -1)
    most = int(leads.max()) if len(leads) else 0
    points = []
    for days in (days for days in LEADS_SHOWN if days <= max(most, 0)):
        early = leads >= days
        of_bad, of_good = int(np.count_nonzero(early & bad)), int(np.count_nonzero(early & ~bad))
        points.append(LeadPoint(days, of_bad, of_good, rate_of(of_bad, bads), rate_of(of_good, goods)))
    return points


def _confusion(cases: LabelCases, paths: LinePaths, day: int) -> DayConfusion:
    later = cases.labels.take(cases.labels.day >= day)
    rows = paths.before(later.account, np.full(len(later), day, dtype=np.int64))
    restricted = (rows >= 0) & (paths.grade[rows] > 0) if len(paths.grade) else np.zeros(len(later), dtype=bool)
    cells = (later.bad & restricted, later.bad & ~restricted, ~later.bad & restricted, ~later.bad & ~restricted)
    return DayConfusion(day, *(int(np.count_nonzero(cell)) for cell in cells))


def _customers(cases: LabelCases, customers: Mapping[str, str], resamples: int) -> LabelCounts:
    """The same of customers: bad where one of his labels is, hit where one of his lines was restricted.

    An account without a customer stands for itself. Money and days are those of the labels, so they are left out here.
    """
    named = np.array([customers.get(account, account) for account in cases.labels.account], dtype=object)
    names, place = np.unique(named, return_inverse=True)
    bad, hit = np.zeros(len(names), dtype=bool), np.zeros(len(names), dtype=bool)
    np.logical_or.at(bad, place, cases.labels.bad)
    np.logical_or.at(hit, place, cases.restricted)
    cells = (bad, bad & hit, ~bad, ~bad & hit)
    drawn: FloatTable = resampled_sums(names.tolist(), np.column_stack(cells).astype(float), resamples)
    bads, bad_hits, goods, good_hits = (int(np.count_nonzero(cell)) for cell in cells)
    return LabelCounts(
        by="customer",
        group="",
        bad=bads,
        good=goods,
        bad_hit=bad_hits,
        good_hit=good_hits,
        hit_rate=rate_of(bad_hits, bads),
        hit_interval=percentile_interval(rate_of_sums(drawn[:, 1], drawn[:, 0])),
        false_rate=rate_of(good_hits, goods),
        false_interval=percentile_interval(rate_of_sums(drawn[:, 3], drawn[:, 2])),
        bad_rate_of_hits=rate_of(bad_hits, bad_hits + good_hits),
        median_lead_days=None,
        bad_amount=None,
        bad_amount_hit=None,
        good_amount_hit=None,
        withheld=0,
        loss=None,
        loss_hit=None,
        avoided=None,
        forgone=None,
    )


# ------------------------------------------------------------------ as they go out

_AMOUNTS = ("bad_amount", "bad_amount_hit", "good_amount_hit", "withheld", "loss", "loss_hit", "avoided", "forgone")


def public_record(row: LabelCounts) -> dict[str, Any]:
    """The counts by name, with the unit at the end of the names of amounts, as answers and files have them."""
    return {f"{name}_minor" if name in _AMOUNTS else name: value for name, value in asdict(row).items()}


def all_rows(figures: BacktestFigures) -> list[LabelCounts]:
    """Every row of counts, the total first."""
    customers = [figures.customers] if figures.customers is not None else []
    parts = (figures.by_trigger, figures.by_grade, figures.by_segment, figures.by_month, customers)
    return [figures.total, *(row for part in parts for row in part)]
