"""Views with plain columns, for programs that read a store by SQL; and numbers that are never given twice."""

from __future__ import annotations

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Whole

revision = "0011"
down_revision = "0010"

LAST_DAY = 60_000  # a later day, since 1970-01-01, stands for "never"


def upgrade() -> None:
    """Create the tables, number what is there, and create the views."""
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("last", Whole, nullable=False),
    )
    op.create_table(
        "store_units",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("minor_digits", sa.Integer, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
    )
    op.create_table(
        "utc_offsets",
        sa.Column("from_at", Whole, primary_key=True, autoincrement=False),
        sa.Column("offset_ms", Whole, nullable=False),
    )
    op.add_column("notices", sa.Column("sent_position", Whole))
    op.create_index("notices_sent", "notices", ["sent_position"], unique=True)
    _number()
    words = _Sqlite() if op.get_bind().dialect.name == "sqlite" else _Postgres()
    for view in (_accounts_view, _decisions_view, _events_view, _notices_view):
        op.execute(sa.text(dedent(view(words)).replace(":", r"\:")))


def _number() -> None:
    """Positions of what was sent, after those of all decisions; and the highest numbers given so far."""
    op.execute(
        """
        UPDATE notices SET sent_position = ordered.position FROM (
            SELECT account, number, (SELECT coalesce(max(seq), 0) FROM decisions)
                + row_number() OVER (ORDER BY sent_at, account, number) AS position
            FROM notices WHERE state = 'sent'
        ) AS ordered
        WHERE notices.account = ordered.account AND notices.number = ordered.number
        """
    )
    highest = {
        "events": (
            "max(seq) AS n FROM events",
            "max(after_event) FROM reviews",
            "max(after_event) FROM version_migrations",
        ),
        "changes": ("max(seq) AS n FROM decisions", "max(sent_position) FROM notices"),
    }
    for name, queries in highest.items():
        union = " UNION ALL ".join(f"SELECT {query}" for query in queries)
        op.execute(f"INSERT INTO counters SELECT '{name}', coalesce(max(n), 0) FROM ({union}) AS numbers")


# ------------------------------------------------------------------ views


class _Sqlite:
    """How SQLite says what the views need. `at` is UTC milliseconds, `shift` what local time is ahead, in the same."""

    def record(self, blob: str) -> str:
        return f"CAST({blob} AS TEXT)"

    def number(self, record: str, *path: str) -> str:
        return f"json_extract({record}, '$.{'.'.join(path)}')"

    text = number

    def joined(self, record: str, key: str) -> str:
        return f"(SELECT coalesce(group_concat(value, ','), '') FROM json_each({record}, '$.{key}'))"

    def codes(self, record: str) -> str:
        listed = f"SELECT json_extract(value, '$.code') AS code FROM json_each({record}, '$.reasons')"
        return f"(SELECT coalesce(group_concat(code, ','), '') FROM ({listed} GROUP BY 1 ORDER BY min(key)) AS listed)"

    def instant(self, at: str, shift: str) -> str:
        clock = f"strftime('%Y-%m-%dT%H:%M:%S', ({at} + {shift}) / 1000, 'unixepoch') || printf('.%03d', {at} % 1000)"
        return f"{clock} || printf('%s%02d:%02d', {_sign(shift)}, abs({shift}) / 3600000, abs({shift}) / 60000 % 60)"

    def day(self, at: str, shift: str) -> str:
        return f"strftime('%Y-%m-%d', ({at} + {shift}) / 1000, 'unixepoch')"

    def date(self, day: str) -> str:
        return f"date({day} * 86400, 'unixepoch')"


class _Postgres:
    """The same in PostgreSQL."""

    def record(self, blob: str) -> str:
        return f"convert_from({blob}, 'UTF8')::jsonb"

    def number(self, record: str, *path: str) -> str:
        return f"({self.text(record, *path)})::bigint"

    def text(self, record: str, *path: str) -> str:
        return f"{record} #>> '{{{','.join(path)}}}'"

    def joined(self, record: str, key: str) -> str:
        listed = f"jsonb_array_elements_text({record} -> '{key}') WITH ORDINALITY AS listed(value, place)"
        return f"(SELECT coalesce(string_agg(value, ',' ORDER BY place), '') FROM {listed})"

    def codes(self, record: str) -> str:
        listed = f"jsonb_array_elements({record} -> 'reasons') WITH ORDINALITY AS each(value, place)"
        listed = f"SELECT value ->> 'code' AS code, min(place) AS place FROM {listed} GROUP BY 1"
        return f"(SELECT coalesce(string_agg(code, ',' ORDER BY place), '') FROM ({listed}) AS listed)"

    def instant(self, at: str, shift: str) -> str:
        clock = f"to_char({self._local(at, shift)}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')"
        hours, minutes = (f"lpad((abs({shift}) / {one})::text, 2, '0')" for one in ("3600000", "60000 % 60"))
        return f"{clock} || {_sign(shift)} || {hours} || ':' || {minutes}"

    def day(self, at: str, shift: str) -> str:
        return f"to_char({self._local(at, shift)}, 'YYYY-MM-DD')"

    def date(self, day: str) -> str:
        return f"to_char(DATE '1970-01-01' + ({day})::int, 'YYYY-MM-DD')"

    def _local(self, at: str, shift: str) -> str:
        return f"TIMESTAMP '1970-01-01' + ({at} + {shift}) * INTERVAL '1 millisecond'"


def _sign(shift: str) -> str:
    return f"CASE WHEN {shift} < 0 THEN '-' ELSE '+' END"


def _shift(at: str) -> str:
    """What local time was ahead of UTC at that instant."""
    return f"(SELECT offset_ms FROM utc_offsets WHERE from_at <= {at} ORDER BY from_at DESC LIMIT 1)"


def _decisions(words: _Sqlite | _Postgres) -> str:
    """The decisions with their records read, and what local time was ahead when each was made."""
    return f"(SELECT decisions.*, {words.record('record')} AS body, {_shift('decisions.at')} AS shift FROM decisions)"


def _accounts_view(words: _Sqlite | _Postgres) -> str:
    opening = "SELECT seq FROM events WHERE events.account = a.account ORDER BY at, seq LIMIT 1"
    opened = f"(SELECT events.*, {words.record('body')} AS record, {_shift('events.at')} AS shift FROM events)"

    def line(key: str) -> str:
        opened_with, decided = words.number("o.record", "limit"), words.number("d.body", "after", key)
        return f"CASE WHEN d.seq IS NULL THEN {opened_with} ELSE {decided} END"

    return f"""
        CREATE VIEW accounts_view AS SELECT
            a.account, coalesce({words.text("d.body", "after", "status")}, 'active') AS status,
            {line("limit")} AS limit_minor, {line("granted")} AS granted_minor, u.currency,
            {words.instant("o.at", "o.shift")} AS opened_at,
            CASE WHEN a.next_review <= {LAST_DAY} THEN {words.date("a.next_review")} END AS next_review,
            p.name AS policy, p.version, a.decisions,
            d.action AS last_action, {words.instant("d.at", "d.shift")} AS last_decided_at,
            {words.day("d.at", "d.shift")} AS last_decided_on,
            coalesce({words.joined("d.body", "triggers_in_force")}, '') AS triggers
        FROM accounts a CROSS JOIN store_units u JOIN policies p ON p.digest = a.policy
            JOIN {opened} o ON o.seq = ({opening})
            LEFT JOIN {_decisions(words)} d ON d.account = a.account AND d.number = a.decisions
    """


def _decisions_view(words: _Sqlite | _Postgres) -> str:
    def line(when: str, key: str) -> str:
        return words.number("d.body", when, key)

    return f"""
        CREATE VIEW decisions_view AS SELECT
            d.seq AS place, d.account, d.number, {words.instant("d.at", "d.shift")} AS at,
            {words.day("d.at", "d.shift")} AS day, {words.text("d.body", "event")} AS event, d.action,
            {line("before", "limit")} AS limit_before_minor, {line("after", "limit")} AS limit_minor,
            {line("before", "granted")} AS granted_before_minor, {line("after", "granted")} AS granted_minor,
            u.currency,
            {words.text("d.body", "before", "status")} AS status_before,
            {words.text("d.body", "after", "status")} AS status,
            {words.joined("d.body", "triggers_set")} AS triggers_set,
            {words.joined("d.body", "triggers_released")} AS triggers_released,
            {words.joined("d.body", "triggers_in_force")} AS triggers_in_force,
            {words.codes("d.body")} AS reasons,
            {words.number("d.body", "score")} AS score, {words.number("d.body", "pd_ppm")} AS pd_ppm,
            p.name AS policy, p.version, d.hash
        FROM {_decisions(words)} d CROSS JOIN store_units u
            JOIN policies p ON p.digest = {words.text("d.body", "policy")}
    """


def _events_view(words: _Sqlite | _Postgres) -> str:
    events = f"(SELECT events.*, {words.record('body')} AS record, {_shift('events.at')} AS shift FROM events)"

    def field(name: str, *kinds: str) -> str:
        named = ", ".join(f"'{kind}'" for kind in kinds)
        return f"CASE WHEN e.kind IN ({named}) THEN {words.number('e.record', name)} END"

    return f"""
        CREATE VIEW events_view AS SELECT
            e.seq AS number, e.source, e.id, e.account, e.kind, {words.instant("e.at", "e.shift")} AS at,
            {words.day("e.at", "e.shift")} AS day,
            {field("amount", "draw", "charge", "repay", "due", "balance")} AS amount_minor,
            {field("limit", "open")} AS limit_minor, u.currency,
            {words.date(field("due_on", "due"))} AS due_on, CAST(e.record AS TEXT) AS fields
        FROM {events} e CROSS JOIN store_units u
    """


def _notices_view(words: _Sqlite | _Postgres) -> str:
    def instant(name: str) -> str:
        return words.instant(f"n.{name}", _shift(f"n.{name}"))

    return f"""
        CREATE VIEW notices_view AS SELECT
            n.account, n.number, n.action, {words.instant("d.at", _shift("d.at"))} AS decided_at,
            {instant("due_at")} AS due_at, {instant("alarm_at")} AS alarm_at, n.rule, n.status AS rule_status, n.state,
            {instant("sent_at")} AS sent_at
        FROM notices n JOIN decisions d ON d.account = n.account AND d.number = n.number
    """
