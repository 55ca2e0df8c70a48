"""Training data from the kernel itself, and the scorecards that are fitted to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from linekeeper.core.errors import UsageError
from linekeeper.core.event import Rejection
from linekeeper.engine.clock import Clock
from linekeeper.face.arguments import optional_text, refused_argument
from linekeeper.face.events import ArrowStream, Columns, EventInput, intake_of
from linekeeper.face.policy import Policy, policy_of
from linekeeper.face.records import Records, html_of_pairs
from linekeeper.face.times import day_of
from linekeeper.kernel.calendar import calendar
from linekeeper.lab import JsonObject
from linekeeper.lab.snapshot import read_label, read_span, take_snapshots

if TYPE_CHECKING:
    from linekeeper.lab.fit.training_run import TrainingRun


@dataclass(frozen=True, slots=True)
class AccountFeatures:
    """The features of one account at the start of `day`, as whole numbers in their units; None where missing.

    `label` is 1 where the account went bad afterwards, 0 where it did not, None where no label was asked for; and one
    of the words `good`, `bad` and `indeterminate` where accounts that are neither were asked for.
    """

    account: str
    day: date
    values: Mapping[str, int | None]
    label: int | str | None = None


class Snapshots(Records[AccountFeatures]):
    """Features of accounts at chosen days; `linekeeper.fit` takes them as they are.

    `already`: rows left out because the label's condition held at the day itself. `unseen`: rows left out because the
    events end before its horizon does, good and bad alike. `short_history`: rows left out because the account's history
    before the day was too short. `rejected`: rows of the events that were not admitted.
    """

    def __init__(
        self, table: pa.Table, already: int, unseen: int, rejected: tuple[Rejection, ...], short_history: int = 0
    ) -> None:
        super().__init__(lambda: _features_of_rows(table), lambda: table)
        self.already, self.unseen, self.rejected, self.short_history = already, unseen, rejected, short_history


def snapshots(
    policy: Policy | str | Path,
    events: EventInput,
    days: date | str | Iterable[date | str],
    *,
    label: str | None = None,
    indeterminate: str | None = None,
    history: str | None = None,
    columns: Columns | None = None,
    simulate: bool = False,
) -> Snapshots:
    """The features of every open account at the start of each day (or of one), and labels from after it alone.

    `events` and `columns` are as in `linekeeper.replay`; an event that arrived later is in no feature of a day before.
    `label` says what counts as bad, like
    `days_past_due >= 60 within 12m`; without it there are features alone. `indeterminate` says who is neither good nor
    bad, in the same way. `history`, like `6m`, leaves out accounts that had less of it before the day. Raises
    LinekeeperError where one of these or the events cannot be read, or a day has not begun and you do not `simulate`.

    >>> import linekeeper as lk
    >>> taken = lk.snapshots("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl", ["2025-05-15"])
    >>> taken[0].account, taken[0].day, taken[0].values["days_past_due"]
    ('A-1001', datetime.date(2025, 5, 15), 5)
    """
    policy, named, clock = policy_of(policy), optional_text("label", label), Clock(simulated=simulate)
    listed = [days] if isinstance(days, date | str) else days
    if not isinstance(listed, Iterable):
        raise refused_argument("days", days, "give a list of days, like ['2024-05-31']")
    chosen = [day_of(day) for day in listed]
    for day in chosen:
        clock.demand_day(day, calendar(policy.time_zone))
    neither, span = optional_text("indeterminate", indeterminate), optional_text("history", history)
    if neither and not named:
        raise refused_argument("indeterminate", neither, "say with `label` who is bad")
    wanted, other = read_label(named) if named else None, read_label(neither) if neither else None
    intake, past = intake_of(events, policy, columns, clock), read_span(span) if span else None
    taken = take_snapshots(policy.definition, intake.table, chosen, wanted, intake.arrivals, other, past)
    return Snapshots(_with_dates(taken.table), taken.already, taken.unseen, tuple(intake.rejected), taken.short_history)


def features_of_snapshot(table: pa.Table) -> Records[AccountFeatures]:
    """The rows of a snapshot table of the lab."""
    dated = _with_dates(table)
    return Records(lambda: _features_of_rows(dated), lambda: dated)


def _with_dates(table: pa.Table) -> pa.Table:
    """A snapshot table with `day`, a date, for `at_day`, a number."""
    days = table["at_day"].cast(pa.int32()).cast(pa.date32())
    return table.set_column(table.column_names.index("at_day"), "day", days)


def _features_of_rows(table: pa.Table) -> Iterator[AccountFeatures]:
    for row in table.to_pylist():
        account, day, label = row.pop("account"), row.pop("day"), row.pop("label", None)
        yield AccountFeatures(account, day, row, label)


# ------------------------------------------------------------------ scorecards


@dataclass(frozen=True, repr=False)
class FittedCard:
    """A scorecard with its evidence. `run` is the whole training run; `data` names the table for the model card."""

    run: TrainingRun = field(repr=False)
    data: str

    @cached_property
    def card(self) -> bytes:
        """The card as the file that a policy names."""
        from linekeeper.lab.fit.training_run import artifact_of_run
        from linekeeper.scorecard.artifact import write_artifact

        return write_artifact(artifact_of_run(self.run, self.data))

    @property
    def sha256(self) -> str:
        """The hash by which a policy names the card: `score: {card: card.json, sha256: ...}`."""
        from linekeeper.scorecard.artifact import read_artifact

        return read_artifact(self.card).card or ""

    @cached_property
    def evidence(self) -> JsonObject:
        """The model card: ranking, calibration, bins, groups and limits, as plain values."""
        from linekeeper.lab.fit.model_card import model_card_of

        return model_card_of(self.run, self.data)

    @property
    def auc(self) -> float:
        """How well the card ranks rows that its folds had not seen."""
        from linekeeper.lab.fit.metrics import auc

        return auc(self.run.table.label, -self.run.points, self.run.table.weight)

    def save(self, folder: str | Path) -> dict[str, Path]:
        """Write `card.json`, `model-card.json` and `model-card.html` to a folder, which is made; their paths."""
        from linekeeper.lab.fit.card_files import write_card_files

        return write_card_files(Path(folder), self.card, self.evidence)

    def __repr__(self) -> str:
        score = self.run.score
        return f"FittedCard({self.run.plan.name}: {len(score.bins)} features, AUC {self.auc:.4f} on unseen rows)"

    def _repr_html_(self) -> str:
        score = self.run.score
        pairs = [("rows", len(self.run.table)), ("AUC on unseen rows", f"{self.auc:.4f}"), ("base", score.base)]
        return html_of_pairs(self.run.plan.name, [*pairs, *((part.feature, part.points) for part in score.bins)])


def fit(
    table: ArrowStream,
    policy: Policy | str | Path,
    *,
    label: str = "label",
    method: Literal["tables", "main", "woe"] = "tables",
    folds: int = 5,
    seed: int = 0,
    data: str = "snapshots",
) -> FittedCard:
    """Fit a scorecard: bins and whole points, calibrated, with its evidence. It needs the extra `fit`.

    `table` is what `linekeeper.snapshots` gave, or any table that speaks Arrow with the columns `account`, `day`, the
    label (1 for bad) and a column of whole numbers for each named feature of the `policy`, whose directions and
    protected fields apply. `method`: `tables` (points, and tables of pairs), `main` (no tables) or `woe`. The same
    `seed` gives the same card. Raises LinekeeperError where a column is missing, or the rows are too few.

    >>> import linekeeper as lk
    >>> paid = [place % 7 for place in range(400)]
    >>> table = pa.table({"paid": paid, "label": [int(place % 3 > value) for place, value in enumerate(paid)]})
    >>> policy = lk.load_policy('''
    ... policy: tiny
    ... version: 1
    ... currency: CNY
    ... time_zone: Asia/Shanghai
    ... features: {paid: "count(repay, 30d)"}
    ... triggers: {none_paid: {when: paid = 0, cap: 50%, reason: arrears}}
    ... restoration: {first: 60%, step: 20%, every: 30d}
    ... ''')
    >>> lk.fit(table, policy, method="woe").auc > 0.7
    True
    """
    try:
        from linekeeper.lab.fit.plan import fit_plan_of_policy
        from linekeeper.lab.fit.training_run import fit_scorecard
        from linekeeper.lab.fit.training_table import training_table
    except ImportError:
        raise UsageError(
            "a fit needs the extra `fit`",
            code="extra-missing",
            way_out="install it: `pip install 'linekeeper[fit]'`",
        ) from None

    plan = replace(fit_plan_of_policy(policy_of(policy).definition), label=label, seed=seed)
    rows = training_table(_with_day_numbers(pa.RecordBatchReader.from_stream(table).read_all()), plan)
    return FittedCard(fit_scorecard(rows, plan, folds, method), data)


def _with_day_numbers(table: pa.Table) -> pa.Table:
    """The table with `at_day`, a number, for `day`, a date."""
    if "day" not in table.column_names:
        return table
    days = table["day"].cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return table.set_column(table.column_names.index("day"), "at_day", days)
