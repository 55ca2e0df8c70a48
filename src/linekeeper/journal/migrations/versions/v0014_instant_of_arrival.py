"""Each event keeps when the lender knew of it; of what is there already, nobody can say it any more."""

from __future__ import annotations

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Whole

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column, and make the view of events anew with it."""
    op.add_column("events", sa.Column("arrived", Whole))
    op.execute("DROP VIEW events_view")
    view = dedent(_SQLITE_VIEW if op.get_bind().dialect.name == "sqlite" else _POSTGRES_VIEW)
    op.execute(sa.text(view.replace(":", r"\:")))


# `shift` and `arrived_shift` are what local time was ahead of UTC, in milliseconds. To null, SQLite's `printf` gives
# the text of zero, so the arrival that nobody knows is left out by a CASE.
_SHIFT = "(SELECT offset_ms FROM utc_offsets WHERE from_at <= {at} ORDER BY from_at DESC LIMIT 1)"
_EVENTS = f"SELECT events.*, {_SHIFT.format(at='at')} AS shift, {_SHIFT.format(at='arrived')} AS arrived_shift"


def _sqlite_instant(at: str, shift: str) -> str:
    clock = f"strftime('%Y-%m-%dT%H:%M:%S', ({at} + {shift}) / 1000, 'unixepoch') || printf('.%03d', {at} % 1000)"
    sign = f"CASE WHEN {shift} < 0 THEN '-' ELSE '+' END"
    return f"{clock} || printf('%s%02d:%02d', {sign}, abs({shift}) / 3600000, abs({shift}) / 60000 % 60)"


def _postgres_instant(at: str, shift: str) -> str:
    local = f"TIMESTAMP '1970-01-01' + ({at} + {shift}) * INTERVAL '1 millisecond'"
    sign = f"CASE WHEN {shift} < 0 THEN '-' ELSE '+' END"
    hours, minutes = (f"lpad((abs({shift}) / {one})::text, 2, '0')" for one in ("3600000", "60000 % 60"))
    return f"to_char({local}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') || {sign} || {hours} || ':' || {minutes}"


_SQLITE_VIEW = f"""
    CREATE VIEW events_view AS SELECT
        e.seq AS number, e.source, e.id, e.account, e.kind, {_sqlite_instant("e.at", "e.shift")} AS at,
        strftime('%Y-%m-%d', (e.at + e.shift) / 1000, 'unixepoch') AS day,
        CASE WHEN e.kind IN ('draw', 'charge', 'repay', 'due', 'balance')
            THEN json_extract(e.record, '$.amount') END AS amount_minor,
        CASE WHEN e.kind IN ('open') THEN json_extract(e.record, '$.limit') END AS limit_minor, u.currency,
        CASE WHEN e.kind IN ('due')
            THEN date(json_extract(e.record, '$.due_on') * 86400, 'unixepoch') END AS due_on,
        CAST(e.record AS TEXT) AS fields,
        CASE WHEN e.arrived IS NOT NULL THEN {_sqlite_instant("e.arrived", "e.arrived_shift")} END AS arrived_at
    FROM ({_EVENTS}, CAST(body AS TEXT) AS record FROM events) e CROSS JOIN store_units u
"""

_POSTGRES_VIEW = f"""
    CREATE VIEW events_view AS SELECT
        e.seq AS number, e.source, e.id, e.account, e.kind, {_postgres_instant("e.at", "e.shift")} AS at,
        to_char(TIMESTAMP '1970-01-01' + (e.at + e.shift) * INTERVAL '1 millisecond', 'YYYY-MM-DD') AS day,
        CASE WHEN e.kind IN ('draw', 'charge', 'repay', 'due', 'balance')
            THEN (e.record #>> '{{amount}}')::bigint END AS amount_minor,
        CASE WHEN e.kind IN ('open') THEN (e.record #>> '{{limit}}')::bigint END AS limit_minor, u.currency,
        CASE WHEN e.kind IN ('due')
            THEN to_char(DATE '1970-01-01' + (e.record #>> '{{due_on}}')::int, 'YYYY-MM-DD') END AS due_on,
        CAST(e.record AS TEXT) AS fields,
        CASE WHEN e.arrived IS NOT NULL THEN {_postgres_instant("e.arrived", "e.arrived_shift")} END AS arrived_at
    FROM ({_EVENTS}, convert_from(body, 'UTF8')::jsonb AS record FROM events) e CROSS JOIN store_units u
"""
