"""How a policy's restrictions fall on those who later defaulted and on those who did not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.decision import Decision
from linekeeper.core.errors import FileError, Refused
from linekeeper.lab.parquet import read_parquet_table
from linekeeper.lab.policy_variants import with_other_triggers
from linekeeper.policy.expression import Expr, ScoreRef, nodes_of
from linekeeper.policy.model import Policy

UNRESTRICTED = "not restricted"
GRADES = (UNRESTRICTED, "capped at 75% or more", "capped below 75%", "suspended", "closed")


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One grade: accounts and granted money of those who defaulted (bad) and of the others (good)."""

    grade: str
    good: int
    bad: int
    good_granted: int
    bad_granted: int
    bad_limit: int

    @property
    def bad_rate(self) -> float:
        """Share of this grade's accounts that defaulted."""
        return self.bad / max(self.good + self.bad, 1)


@dataclass(frozen=True)
class OutcomeTable:
    """All grades, from none to most severe; money in minor units."""

    rows: list[GradeRow]

    def restricted(self, name: str) -> float:
        """The share of a column that falls on restricted lines."""
        total: int = sum(getattr(row, name) for row in self.rows)
        part: int = sum(getattr(row, name) for row in self.rows if row.grade != UNRESTRICTED)
        return part / max(total, 1)


def restriction_grade(status: str, limit: int, granted: int) -> str:
    """The grade of a line as it stands.

    >>> grades = (("active", 100, 100), ("reduced", 50, 100), ("closed", 0, 100))
    >>> [restriction_grade(*line) for line in grades]
    ['not restricted', 'capped below 75%', 'closed']
    """
    if status in ("suspended", "closed"):
        return status
    if limit >= granted:
        return UNRESTRICTED
    return GRADES[1] if 4 * limit >= 3 * granted else GRADES[2]


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Restricted lines: of those who defaulted (bad) and of the others (good), with what was granted to them."""

    good: int
    bad: int
    good_granted: int
    bad_granted: int

    @property
    def bad_rate(self) -> float:
        """Share of these accounts that defaulted."""
        return self.bad / max(self.good + self.bad, 1)


OutcomeLabels = Mapping[str, tuple[int, bool]]


def outcome_by_grade(decisions: Iterable[Decision], labels: OutcomeLabels) -> OutcomeTable:
    """How the lines stand after their last decisions, against what became of them.

    `labels`: granted (minor units) and whether it defaulted, for every account; one without a decision is unrestricted.
    """
    last = {decision.account: decision.after for decision in decisions}
    sums = {grade: [0, 0, 0, 0, 0] for grade in GRADES}
    for account, (granted, bad) in labels.items():
        line = last.get(account)
        grade = restriction_grade(line.status, line.limit, line.granted) if line else UNRESTRICTED
        row = sums[grade]
        row[int(bad)] += 1
        row[2 + int(bad)] += granted
        row[4] += (line.limit if line else granted) if bad else 0
    return OutcomeTable([GradeRow(grade, *row) for grade, row in sums.items()])


def restricted_accounts(decisions: Iterable[Decision]) -> set[str]:
    """The accounts whose line, after their last decision, is restricted."""
    last = {decision.account: decision.after for decision in decisions}
    grades = {account: restriction_grade(line.status, line.limit, line.granted) for account, line in last.items()}
    return {account for account, grade in grades.items() if grade != UNRESTRICTED}


def count_outcomes(accounts: Iterable[str], labels: OutcomeLabels) -> OutcomeCounts:
    """Those accounts by what became of them; an account without a label does not count.

    >>> count_outcomes(["A", "B"], {"A": (100, True), "B": (50, False), "C": (10, True)})
    OutcomeCounts(good=1, bad=1, good_granted=50, bad_granted=100)
    """
    sums = [0, 0, 0, 0]
    for account in accounts:
        if account in labels:
            granted, bad = labels[account]
            sums[int(bad)] += 1
            sums[2 + int(bad)] += granted
    return OutcomeCounts(*sums)


def events_of_accounts(table: pa.Table, wanted: Callable[[str], bool]) -> pa.Table:
    """The events of the accounts that are wanted."""
    accounts = [account for account in pc.unique(table["account"]).to_pylist() if wanted(account)]
    return table.filter(pc.is_in(table["account"], pa.array(accounts, pa.string())))


def without_score_triggers(policy: Policy) -> Policy:
    """The policy without the triggers that read the score. Raises Refused where no other is left."""
    of_score = {trigger.name for trigger in policy.triggers if any(map(_reads_score, (trigger.when, trigger.clear)))}
    if len(of_score) == len(policy.triggers):
        raise Refused(
            "every trigger of the policy reads the score; without it there are no rules", code="policy-has-no-rules"
        )

    def leave_out(triggers: dict[str, Any]) -> None:
        for name in of_score:
            del triggers[name]

    return with_other_triggers(policy, leave_out, "the policy without its score")


def _reads_score(condition: Expr | None) -> bool:
    return condition is not None and any(isinstance(node, ScoreRef) for node in nodes_of(condition))


def read_labels(path: Path) -> dict[str, tuple[int, bool]]:
    """A Parquet file with `account`, `granted` (minor units) and `defaulted` (0 or 1), each account once.

    FileError otherwise; also where the ids are no text, since no account of an event is a number.
    """
    names = ("account", "granted", "defaulted")
    table = read_parquet_table(path)
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise FileError(
            f"the labels `{path}` have no column `{missing[0]}`; they need {', '.join(names)}",
            code="column-missing",
            place=str(path),
            details={"column": missing[0]},
        )
    accounts = table["account"]
    if not (pa.types.is_string(accounts.type) or pa.types.is_large_string(accounts.type)) or accounts.null_count:
        raise FileError(
            f"the ids in `account` of the labels `{path}` are `{accounts.type}`"
            if not accounts.null_count
            else f"the labels `{path}` have a row without `account`",
            code="column-of-wrong-type",
            way_out="write the ids as text, as the events have them",
            place=str(path),
            details={"column": "account"},
        )
    twice = [one["values"] for one in pc.value_counts(accounts).to_pylist() if one["counts"] > 1]
    if twice:
        raise FileError(
            f"the labels `{path}` have the account `{twice[0]}` more than once",
            code="account-twice",
            way_out="keep one label an account",
            place=str(path),
        )
    columns = (table[name].to_pylist() for name in names)
    return {account: (granted, bool(bad)) for account, granted, bad in zip(*columns, strict=True)}
