"""A portfolio as a risk officer asks for it: lines by status, exposure, what was restricted and restored, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.core.line import Status
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.versions import kernels_of
from linekeeper.journal.store import decision_records, states_under


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
    story: str | None  # the account whose story shows the most


def report(engine: Engine) -> PortfolioReport:
    """Read the store once and add it all up."""
    statuses = _statuses(engine)
    actions: Counter[str] = Counter()
    by_reason: defaultdict[str, Counter[str]] = defaultdict(Counter)
    restricted: set[str] = set()
    returned: set[str] = set()
    waits: list[int] = []
    scores: Counter[str] = Counter()
    since: dict[str, int] = {}
    with engine.store.reading() as connection:
        for account, _, record, _ in decision_records(connection):
            decision = read_decision(record)
            actions[decision.action] += 1
            if decision.action in ADVERSE_ACTIONS:
                restricted.add(account)
                returned.discard(account)
                since.setdefault(account, decision.at)
                for code in dict.fromkeys(reason.code for reason in decision.reasons):
                    by_reason[code][account] += 1
            elif decision.after.status == "active" and account in since:
                returned.add(account)
                waits.append((decision.at - since.pop(account)) // 86_400_000)
            scores[account] += {"suspend": 3, "close": 4, "decrease": 2, "restore": 2, "offer": 1}.get(
                decision.action, 0
            )
    reasons = [
        ReasonRow(code, sum(found.values()), len(found), len(returned & found.keys()))
        for code, found in sorted(by_reason.items(), key=lambda item: -sum(item[1].values()))
    ]
    story = max(sorted(returned), key=lambda account: min(scores[account], 24), default=None)
    median = int(np.median(waits)) if waits else None
    lines = sum(row.lines for row in statuses)
    return PortfolioReport(lines, dict(actions), statuses, reasons, len(returned), len(restricted), median, story)


def _statuses(engine: Engine) -> list[StatusRow]:
    """Lines, granted, limit, balance and undrawn by status."""
    rows = []
    with engine.store.reading() as connection:
        for digest, kernel in kernels_of(connection).items():
            wanted = [kernel.layout.slots[name] for name in ("STATUS", "GRANTED", "LIMIT", "BALANCE")]
            rows += [np.frombuffer(state, dtype="<i8")[wanted] for state in states_under(connection, digest)]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 4)
    found = []
    for status in Status:
        part = table[table[:, 0] == status]
        open_part = np.maximum(part[:, 2] - part[:, 3], 0).sum() if status < Status.SUSPENDED else 0
        granted, limit, balance = (int(part[:, column].sum()) for column in (1, 2, 3))
        found.append(StatusRow(status.name.lower(), len(part), granted, limit, balance, int(open_part)))
    return found
