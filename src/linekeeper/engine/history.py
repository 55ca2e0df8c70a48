"""Accounts' events as the journal holds them, in the kernel's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import Action
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.found import Chain, Findings
from linekeeper.journal import tables as t
from linekeeper.journal.store import within
from linekeeper.kernel.batch import Batch
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import REVERSAL, Past, Row

_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


def row_of(kernel: Kernel, kind: str, at: int, fields: Mapping[str, int | str]) -> Row:
    """One event as the kernel reads it."""
    found = kernel.policy.kind(kind)
    x = []
    for field in found.fields:
        value = fields.get(field.name)
        x.append(MISSING if value is None else field.choices.index(value) if isinstance(value, str) else value)
    return Row(at, kernel.calendar.hour(at), found.number, tuple(x))


def pasts_before(connection: Connection, kernel: Kernel, accounts: Sequence[str], first_seq: int) -> dict[str, Past]:
    """What each of the accounts had seen before event `first_seq` arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body).order_by(e.seq)
    pasts: dict[str, Past] = {}
    numbers: dict[tuple[str, str], int] = {}
    for seq, source, name, account, kind, at, body in connection.execute(
        query.where(within(connection, e.account, accounts), e.seq < first_seq)
    ):
        past, fields = pasts.setdefault(account, Past()), _DECODE(body)
        if kind == REVERSAL:
            past.reverse(numbers[source, str(fields["of"])])
        past.add(seq, row_of(kernel, kind, at, fields))
        numbers[source, name] = seq
    return pasts


def recall(connection: Connection, kernel: Kernel, batch: Batch, findings: Findings, chains: list[Chain]) -> None:
    """Tell the chains of accounts that are corrected which stored decision last set each trigger."""
    place = kernel.shape.place("ACTION")
    corrected = {found.account for found in findings.decisions if found.row[place] == Action.CORRECT}
    chain_of = {batch.accounts[account]: chains[account] for account in corrected}
    d = t.decisions.c
    query = select(d.account, d.record).where(within(connection, d.account, list(chain_of))).order_by(d.number)
    for account, stored in connection.execute(query) if corrected else ():
        chain_of[account].note(read_decision(bytes(stored)))
