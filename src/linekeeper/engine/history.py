"""An account's events as the journal holds them, in the kernel's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, and_, or_, select

from linekeeper.core.bounds import MISSING
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import Row

_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


def row_of(kernel: Kernel, kind: str, at: int, fields: Mapping[str, int | str]) -> Row:
    """One event as the kernel reads it."""
    found = kernel.policy.kind(kind)
    x = []
    for field in found.fields:
        value = fields.get(field.name)
        x.append(MISSING if value is None else field.choices.index(value) if isinstance(value, str) else value)
    return Row(at, kernel.calendar.hour(at), found.number, tuple(x))


def history_rows(connection: Connection, kernel: Kernel, account: str, first_seq: int, so_far: int) -> Sequence[Row]:
    """The account's events in order of `at`, then arrival: those before `first_seq`, and `so_far` from there on."""
    e = t.events.c
    own = select(e.seq).where(e.account == account, e.seq >= first_seq).order_by(e.seq).limit(so_far)
    last = max((row[0] for row in connection.execute(own)), default=first_seq - 1)
    query = select(e.kind, e.at, e.body).where(e.account == account, or_(e.seq < first_seq, and_(e.seq <= last)))
    rows = connection.execute(query.order_by(e.at, e.seq))
    return [row_of(kernel, kind, at, _DECODE(body)) for kind, at, body in rows]
