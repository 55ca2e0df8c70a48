"""A portfolio as a risk officer asks for it: lines by status, exposure, what was restricted and restored, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.decision import ADVERSE_ACTIONS, Decision
from linekeeper.core.line import Status
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.versions import kernels_of
from linekeeper.journal.store import Store, decision_records, states_under

EVENTFULNESS = {"suspend": 3, "close": 4, "decrease": 2, "restore": 2, "offer": 1}
EVENTFUL_ENOUGH = 24
HELD_DOWN = ("reduced", "suspended")


@dataclass(frozen=True, slots=True)
class StatusRow:
    """Lines in one status; money in minor units. `undrawn` is what could still be drawn."""

    status: str
    lines: int
    granted: int
    limit: int
    balance: int
    undrawn: int


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """One reason code: restrictions for it, accounts they hit, how many of those came all the way back."""

    code: str
    restrictions: int
    accounts: int
    back: int


@dataclass(frozen=True)
class PortfolioReport:
    """The whole portfolio at the end of a run."""

    accounts: int
    decisions: dict[str, int]
    statuses: list[StatusRow]
    reasons: list[ReasonRow]
    restored_fully: int
    restricted_ever: int
    median_days_to_return: int | None
    example_account: str | None  # the account whose history shows the most
    held_down: list[str]  # accounts whose line is reduced or suspended, the most eventful first


def portfolio_report(store: Store) -> PortfolioReport:
    """Read all states and decisions of the store once, in one view, and add them up."""
    with store.reading() as connection:
        statuses = _status_rows(connection)
        history = _History()
        for account, _, record, _ in decision_records(connection):
            history.add(account, read_decision(record))
    reasons = [
        ReasonRow(code, sum(accounts.values()), len(accounts), len(history.returned & accounts.keys()))
        for code, accounts in sorted(history.by_reason.items(), key=lambda item: -sum(item[1].values()))
    ]
    lines = sum(row.lines for row in statuses)
    median = int(np.median(history.days_to_return)) if history.days_to_return else None
    return PortfolioReport(
        accounts=lines,
        decisions=dict(history.actions),
        statuses=statuses,
        reasons=reasons,
        restored_fully=len(history.returned),
        restricted_ever=len(history.restricted),
        median_days_to_return=median,
        example_account=history.example_account(),
        held_down=history.held_down(),
    )


class _History:
    """What the decisions of all accounts add up to; those of one account come in order."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.by_reason: defaultdict[str, Counter[str]] = defaultdict(Counter)  # code -> account -> restrictions
        self.restricted: set[str] = set()
        self.returned: set[str] = set()
        self.days_to_return: list[int] = []
        self._eventfulness: Counter[str] = Counter()
        self._status: dict[str, str] = {}
        self._restricted_at: dict[str, int] = {}

    def add(self, account: str, decision: Decision) -> None:
        """Count one more decision."""
        self.actions[decision.action] += 1
        self._eventfulness[account] += EVENTFULNESS.get(decision.action, 0)
        self._status[account] = decision.after.status
        if decision.action in ADVERSE_ACTIONS:
            self.restricted.add(account)
            self.returned.discard(account)
            self._restricted_at.setdefault(account, decision.at)
            for code in dict.fromkeys(reason.code for reason in decision.reasons):
                self.by_reason[code][account] += 1
        elif decision.after.status == "active" and account in self._restricted_at:
            self.returned.add(account)
            self.days_to_return.append((decision.at - self._restricted_at.pop(account)) // DAY_MS)

    def example_account(self) -> str | None:
        """The account that shows the most: one that came back, eventful, but no longer than a reader likes."""
        return next(iter(self._by_eventfulness(self.returned)), None)

    def held_down(self) -> list[str]:
        """The accounts whose line is reduced or suspended as it stands."""
        return self._by_eventfulness(account for account, status in self._status.items() if status in HELD_DOWN)

    def _by_eventfulness(self, accounts: Iterable[str]) -> list[str]:
        return sorted(accounts, key=lambda account: (-min(self._eventfulness[account], EVENTFUL_ENOUGH), account))


def _status_rows(connection: Connection) -> list[StatusRow]:
    """Lines, granted, limit, balance and undrawn by status."""
    lines = []
    for digest, kernel in kernels_of(connection).items():
        slots = [kernel.layout.slots[name] for name in ("STATUS", "GRANTED", "LIMIT", "BALANCE")]
        lines += [np.frombuffer(state, dtype="<i8")[slots] for state in states_under(connection, digest)]
    table = np.array(lines, dtype=np.int64).reshape(len(lines), 4)
    rows = []
    for status in Status:
        part = table[table[:, 0] == status]
        undrawn = np.maximum(part[:, 2] - part[:, 3], 0).sum() if status < Status.SUSPENDED else 0
        granted, limit, balance = (int(part[:, column].sum()) for column in (1, 2, 3))
        rows.append(StatusRow(status.name.lower(), len(part), granted, limit, balance, int(undrawn)))
    return rows
