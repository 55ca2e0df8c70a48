"""Every figure of a back-test in SQL, over exported decisions and labels: it shares nothing with the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

# `line`: each decision with the local day on which it could be made. `run`: unbroken restrictions. `case_of`: the last
# decision before the label's day. The paths are the tests' own.
CASES = """
CREATE TABLE line AS
SELECT account, number, status_after AS status, limit_after AS usable_limit, granted_after AS granted,
       coalesce(triggers_in_force, '') AS triggers,
       status_after IN ('suspended', 'closed') OR limit_after < granted_after AS restricted,
       max(day) OVER (PARTITION BY account ORDER BY number) AS day
FROM (SELECT d.*, CAST(to_timestamp(greatest(d.at, coalesce(a.arrived, d.at)) / 1000)
                       AT TIME ZONE '{zone}' AS DATE) AS day
      FROM read_parquet('{decisions}') d LEFT JOIN arrivals a ON a.id = d.event AND a.account = d.account);
CREATE TABLE spell AS
SELECT *, sum(CASE WHEN restricted THEN 0 ELSE 1 END) OVER (PARTITION BY account ORDER BY number) AS spell_no FROM line;
CREATE TABLE label AS
SELECT account, CAST(observed_on AS DATE) AS day, outcome = 'bad' AS bad,
       CAST(amount AS BIGINT) AS amount, segment
FROM read_parquet('{labels}');
CREATE TABLE last_line AS
SELECT l.*, s.status, s.usable_limit, s.granted, s.number, s.spell_no, coalesce(s.restricted, false) AS restricted
FROM label l LEFT JOIN spell s ON s.account = l.account
 AND s.number = (SELECT max(x.number) FROM spell x WHERE x.account = l.account AND x.day < l.day);
CREATE TABLE cases AS
SELECT c.*,
  CASE WHEN NOT restricted THEN 'not restricted' WHEN status IN ('suspended', 'closed') THEN status
       WHEN 4 * usable_limit >= 3 * granted THEN 'capped at 75% or more' ELSE 'capped below 75%' END AS grade,
  CASE WHEN restricted THEN c.day - (SELECT min(s.day) FROM spell s WHERE s.account = c.account
       AND s.spell_no = c.spell_no AND s.restricted) END AS lead,
  CASE WHEN status IN ('suspended', 'closed') THEN 0 ELSE usable_limit END AS usable,
  CASE WHEN restricted THEN (SELECT list_distinct(flatten(list(string_split(s.triggers, ','))))
       FROM spell s WHERE s.account = c.account AND s.spell_no = c.spell_no AND s.restricted
       AND s.number <= c.number) ELSE [] END AS caught
FROM last_line c;
CREATE TABLE money AS
SELECT *, CASE WHEN bad THEN amount * {lgd} // 10000 END AS loss,
  CASE WHEN bad AND restricted THEN greatest(amount - usable, 0) * {lgd} // 10000 WHEN bad THEN 0 END AS avoided,
  CASE WHEN restricted AND NOT bad THEN CAST(granted - usable AS HUGEINT) * {margin} * lead // 3650000
       ELSE 0 END AS forgone
FROM cases;
"""

COUNTS = """
SELECT count(*) FILTER (bad), count(*) FILTER (NOT bad),
  count(*) FILTER (bad AND {hit}), count(*) FILTER (NOT bad AND {hit}),
  median(lead) FILTER (bad AND {hit}), sum(amount) FILTER (bad), sum(amount) FILTER (bad AND {hit}),
  sum(amount) FILTER (NOT bad AND {hit}), sum(granted - usable) FILTER ({hit}),
  sum(loss) FILTER (bad), sum(loss) FILTER (bad AND {hit}), sum(avoided) FILTER (bad AND {hit}),
  sum(forgone) FILTER (NOT bad AND {hit})
FROM money WHERE {rows}
"""


class SqlBacktest:
    """A back-test of exported files in DuckDB; money in minor units, shares in basis points."""

    def __init__(self, decisions: Path, labels: Path, zone: str, lgd: int, margin: int, arrivals: Any = None) -> None:
        self._db = duckdb.connect()
        self._db.execute("CREATE TABLE arrivals (account VARCHAR, id VARCHAR, arrived BIGINT)")
        for row in arrivals or ():
            self._db.execute("INSERT INTO arrivals VALUES (?, ?, ?)", row)
        self._db.execute(CASES.format(decisions=decisions, labels=labels, zone=zone, lgd=lgd, margin=margin))

    def counts(self, hit: str = "restricted", rows: str = "true") -> tuple[Any, ...]:
        """The counts and sums of the labels of `rows`, where `hit` says which were caught."""
        answer = self._db.execute(COUNTS.format(hit=hit, rows=rows)).fetchone()
        assert answer is not None
        return answer

    def all(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query over `money`, `spell` and `label`."""
        return self._db.execute(statement).fetchall()
