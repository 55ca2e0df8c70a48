"""Each stored decision against its leaf: what the log has sealed is what the store says, all of it and no more."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from linekeeper.decide.canonical import read_decision
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import DECISIONS
from linekeeper.journal.log.read import opened
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.store import Store, as_bytes, within

LEAVES_AT_ONCE = 2_000


def differing_leaf(store: Store, vault: Vault) -> str | None:
    """The first leaf that is not its decision, or the decision that has none; None where all agree.

    Leaves of erased borrowers do not open any more and are passed over, as their decisions are gone.
    """
    pending = 0
    with store.reading() as connection:
        size = size_of(connection, t.LOG)
        for start in range(0, size, LEAVES_AT_ONCE):
            said, count = _some(connection, vault, start, min(start + LEAVES_AT_ONCE, size))
            if said:
                return said
            pending += count
        stored = int(connection.execute(select(func.count()).select_from(t.decisions)).scalar_one())
    return None if pending == stored else f"{stored} decisions are stored, and {pending} have a leaf"


def _some(connection: Connection, vault: Vault, start: int, end: int) -> tuple[str | None, int]:
    """The first difference among leaves [start, end), and how many of them are decisions."""
    leaves = [
        (position, leaf.data, read_decision(leaf.data))
        for position, leaf in opened(connection, t.LOG, vault, range(start, end))
        if leaf is not None and leaf.kind in DECISIONS
    ]
    d = t.decisions.c
    names = sorted({decision.account for _, _, decision in leaves})
    rows = connection.execute(select(d.account, d.number, d.record).where(within(connection, d.account, names)))
    stored = {(account, number): as_bytes(record) for account, number, record in rows}
    for position, data, decision in leaves:
        if stored.get((decision.account, decision.number)) != data:
            place = f"decision {decision.number} of `{decision.account}`"
            return f"leaf {position} is {place}, and the store has it otherwise", 0
    return None, len(leaves)
