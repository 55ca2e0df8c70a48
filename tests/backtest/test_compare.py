"""One policy against another: what is refused, what shows nothing, and SQL that gives every number of the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from linekeeper.cli.main import build
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.taiwan import read_taiwan
from tests.backtest.statements import SqlBacktest
from tests.backtest.streams import POLICY, german_like
from tests.cli.every_answer import read
from tests.style.repository import ROOT

CARD_POLICY = ROOT / "policies" / "credit-card.yaml"
CANDIDATE = (
    POLICY.replace("version: 1", "version: 2")
    .replace("busy: {when: draws_30d >= 3", "busy: {when: draws_30d >= 2")
    .replace("late: {when: behind >= 30, cap: 50%", "late: {when: behind >= 30, cap: 40%")
    .replace("step: 20%, every: 7d", "step: 20%, every: 5d")
)

# Both lines of each account as every day ends on which either policy decided; before its first decision a line is as it
# was opened. The paths are the test's own.
PAIRS = """
CREATE TABLE decided AS
SELECT p.side, p.account, p.number, p.status_before, p.limit_before, p.granted_before, p.status_after AS status,
       p.limit_after AS line_limit, p.granted_after AS granted, coalesce(p.triggers_in_force, '') AS triggers,
       max(CAST(to_timestamp(greatest(p.at, coalesce(a.arrived, p.at)) / 1000) AT TIME ZONE '{zone}' AS DATE))
         OVER (PARTITION BY p.side, p.account ORDER BY p.number) AS day
FROM (SELECT 'champion' AS side, * FROM read_parquet('{folder}/champion.parquet') UNION ALL BY NAME
      SELECT 'candidate' AS side, * FROM read_parquet('{folder}/candidate.parquet')) p
LEFT JOIN arrivals a ON a.id = p.event AND a.account = p.account;
CREATE TABLE opened AS
SELECT account, arg_min(status_before, (number, side != 'champion')) AS status,
       arg_min(limit_before, (number, side != 'champion')) AS line_limit,
       arg_min(granted_before, (number, side != 'champion')) AS granted FROM decided GROUP BY account;
CREATE TABLE day_end AS
SELECT side, account, day, arg_max(status, number) AS status, arg_max(line_limit, number) AS line_limit,
       arg_max(granted, number) AS granted, arg_max(triggers, number) AS triggers
FROM decided GROUP BY side, account, day;
CREATE TABLE moment AS
SELECT DISTINCT account, day FROM decided
UNION SELECT account, DATE '{day}' - 1 FROM opened UNION SELECT account, DATE '2999-01-01' FROM opened;
CREATE TABLE one_side AS
SELECT s.side, m.account, m.day, coalesce(d.status, o.status) AS status,
       coalesce(d.line_limit, o.line_limit) AS line_limit,
       coalesce(d.granted, o.granted) AS granted, coalesce(d.triggers, '') AS triggers
FROM moment m CROSS JOIN (VALUES ('champion'), ('candidate')) s(side) JOIN opened o ON o.account = m.account
ASOF LEFT JOIN day_end d ON d.side = s.side AND d.account = m.account AND d.day <= m.day;
CREATE TABLE pair AS
SELECT a.account, a.day, a.status AS champion, b.status AS candidate, a.line_limit AS champion_limit,
       b.line_limit AS candidate_limit, string_split(a.triggers, ',') AS champion_triggers,
       string_split(b.triggers, ',') AS candidate_triggers,
       CASE WHEN a.status IN ('suspended', 'closed') THEN 0 ELSE a.line_limit END AS champion_usable,
       CASE WHEN b.status IN ('suspended', 'closed') THEN 0 ELSE b.line_limit END AS candidate_usable,
       candidate_usable - champion_usable AS moved,
       a.status != b.status OR a.line_limit != b.line_limit OR a.granted != b.granted AS differs
FROM one_side a JOIN one_side b ON a.side = 'champion' AND b.side = 'candidate'
 AND a.account = b.account AND a.day = b.day;
CREATE TABLE first_of AS SELECT account, min(day) AS first_day FROM pair WHERE differs GROUP BY account;
CREATE TABLE mover AS
SELECT f.account, f.first_day, t.champion AS champion_first_status, t.champion_limit AS champion_first_limit_minor,
       t.candidate AS candidate_first_status, t.candidate_limit AS candidate_first_limit_minor,
       e.champion AS champion_end_status, e.champion_limit AS champion_end_limit_minor,
       e.candidate AS candidate_end_status, e.candidate_limit AS candidate_end_limit_minor, e.moved AS moved_minor,
       e.differs AS differs_at_end, t.champion_triggers, t.candidate_triggers,
       {rank} AS candidate_lower
FROM first_of f JOIN pair t ON t.account = f.account AND t.day = f.first_day
JOIN pair e ON e.account = f.account AND e.day = DATE '2999-01-01';
"""
STATUSES = "['active', 'restoring', 'reduced', 'suspended', 'closed']"
RANK = (
    f"(t.candidate_usable, -list_position({STATUSES}, t.candidate), t.candidate_limit)"
    f" <= (t.champion_usable, -list_position({STATUSES}, t.champion), t.champion_limit)"
)
CAUSES = """
WITH sides AS (
  SELECT account, CASE WHEN candidate_lower THEN 'candidate' ELSE 'champion' END AS lower_side,
    CASE WHEN candidate_lower THEN candidate_triggers ELSE champion_triggers END AS low,
    CASE WHEN candidate_lower THEN champion_triggers ELSE candidate_triggers END AS high FROM mover),
causes AS (
  SELECT account, lower_side,
    list_filter({gravest}, lambda x: list_contains(low, x) AND NOT list_contains(high, x))[1] AS alone,
    list_filter({changed}, lambda x: list_contains(low, x) AND list_contains(high, x))[1] AS changed FROM sides)
SELECT account, coalesce(alone, changed), CASE WHEN alone IS NOT NULL THEN lower_side ELSE 'both' END FROM causes
"""
FLOW = """
SELECT champion, candidate, count(*), count(*) FILTER (differs), coalesce(-sum(moved) FILTER (moved < 0), 0),
       coalesce(sum(moved) FILTER (moved > 0), 0)
FROM pair WHERE day = DATE '{day}' {known} GROUP BY ALL
"""
LINES = ("champion_first", "candidate_first", "champion_end", "candidate_end")
MOVER = (
    *("account", "first_day"),
    *(f"{line}_{what}" for line in LINES for what in ("status", "limit_minor")),
    "moved_minor",
)


def compared(
    folder: Path,
    policies: tuple[Path, Path],
    zone: str,
    day: str,
    gravest: Sequence[str],
    changed: Sequence[str] = (),
    arrivals: Any = (),
) -> dict[str, Any]:
    """Run the command, and hold each of its numbers against SQL."""
    out, labels = folder / "out", folder / "labels.parquet"
    asked = ("--labels", str(labels), "--lgd", "45%", "--margin", "12.5%", "--day", day, "-o", str(out))
    answer = read("compare", *map(str, policies), str(folder / "events.parquet"), *asked)
    db = duckdb.connect()
    db.execute("CREATE TABLE arrivals (account VARCHAR, id VARCHAR, arrived BIGINT)")
    for row in arrivals:
        db.execute("INSERT INTO arrivals VALUES (?, ?, ?)", row)
    db.execute(PAIRS.format(folder=out, zone=zone, day=day, rank=RANK))
    movers = pq.read_table(out / "movers.parquet").to_pylist()
    expected = db.execute(f"SELECT {', '.join(MOVER)} FROM mover").fetchall()
    assert sorted(tuple(one[name] for name in MOVER) for one in movers) == sorted(expected)
    causes = db.execute(CAUSES.format(gravest=list(gravest), changed=list(changed) or "[]::VARCHAR[]")).fetchall()
    assert sorted((one["account"], one["trigger"] or "", one["side"]) for one in movers) == sorted(
        (account, trigger or "", side) for account, trigger, side in causes
    )
    figures = db.execute(
        "SELECT count(*), count(*) FILTER (NOT differs_at_end), count(*) FILTER (moved_minor < 0), "
        "coalesce(-sum(moved_minor) FILTER (moved_minor < 0), 0), count(*) FILTER (moved_minor > 0), "
        "coalesce(sum(moved_minor) FILTER (moved_minor > 0), 0) FROM mover"
    ).fetchone()
    names = ("differ", "same_at_end", "lowered", "lowered_minor", "raised", "raised_minor")
    assert tuple(answer[name] for name in names) == figures
    events = f"read_parquet('{folder}/events.parquet')"
    hold_flow(db, answer, events, zone, day)
    hold_rules(answer, movers, labels)
    hold_measures(answer, out, labels, zone, arrivals)
    return answer


def hold_flow(db: Any, answer: dict[str, Any], events: str, zone: str, day: str) -> None:
    """Each cell of the flow; lines on which neither policy ever decided are active under both."""
    arrived = "greatest(e.at, coalesce(a.arrived, e.at)) / 1000"
    heard = (
        f"SELECT e.account FROM {events} e LEFT JOIN arrivals a ON a.id = e.id AND a.account = e.account "
        f"GROUP BY e.account "
        f"HAVING CAST(to_timestamp(min({arrived})) AT TIME ZONE '{zone}' AS DATE) < DATE '{day}'"
    )
    for named, sql_day, known in (
        (day, str(np.datetime64(day) - 1), f"AND account IN ({heard})"),
        (None, "2999-01-01", ""),
    ):
        accounts = f"({heard})" if named else f"(SELECT DISTINCT account FROM {events})"
        whole, quiet = db.execute(
            f"SELECT count(*), count(*) FILTER (account NOT IN (SELECT account FROM opened)) FROM {accounts}"
        ).fetchone()
        cells = {row[:2]: list(row[2:]) for row in db.execute(FLOW.format(day=sql_day, known=known)).fetchall()}
        if quiet:
            cells.setdefault(("active", "active"), [0, 0, 0, 0])[0] += quiet
        flow = [cell for cell in answer["flow"] if cell["day"] == named]
        counts = ("accounts", "differ", "lowered_minor", "raised_minor")
        assert {(one["champion"], one["candidate"]): [one[name] for name in counts] for one in flow} == cells
        assert sum(one["accounts"] for one in flow) == whole
    assert answer["accounts"] == whole


def hold_rules(answer: dict[str, Any], movers: list[dict[str, Any]], labels: Path) -> None:
    """The movers by cause, counted again from the file of movers and from the labels."""
    table = pa.Table.from_pylist(movers)
    db = duckdb.connect()
    db.register("mover", table)
    rows = db.execute(
        "WITH label AS (SELECT account, bool_or(outcome = 'bad') AS bad "
        f"FROM read_parquet('{labels}') GROUP BY account) "
        "SELECT cause, trigger, side, count(*), coalesce(-sum(moved_minor) FILTER (moved_minor < 0), 0), "
        "coalesce(sum(moved_minor) FILTER (moved_minor > 0), 0), count(*) FILTER (bad), count(*) FILTER (NOT bad) "
        "FROM mover LEFT JOIN label USING (account) GROUP BY ALL"
    ).fetchall()
    names = ("cause", "trigger", "side", "accounts", "lowered_minor", "raised_minor", "bad", "good")
    found = [tuple(row[name] for name in names) for row in answer["by_rule"]]
    assert sorted(found, key=str) == sorted(rows, key=str)
    assert sum(row["accounts"] for row in answer["by_rule"]) == answer["differ"] == len(movers)


def hold_measures(answer: dict[str, Any], out: Path, labels: Path, zone: str, arrivals: Any) -> None:
    """The figures of the labels under both policies, by the SQL of the back-test."""
    sides = [
        SqlBacktest(out / f"{name}.parquet", labels, zone, 4_500, 1_250, arrivals).counts()
        for name in ("champion", "candidate")
    ]
    figures: dict[str, Any] = {
        "hit_rate": lambda c: c[2] / c[0],
        "false_rate": lambda c: c[3] / c[1],
        "bad_amount_hit_minor": lambda c: c[6],
        "withheld_minor": lambda c: c[8],
        "avoided_minor": lambda c: c[11],
        "forgone_minor": lambda c: c[12],
    }
    assert [one["measure"] for one in answer["measures"]] == list(figures)
    for one in answer["measures"]:
        champion, candidate = (figures[one["measure"]](side) or 0 for side in sides)
        assert (one["champion"], one["candidate"]) == pytest.approx((champion, candidate), abs=1e-12)
        assert one["difference"] == pytest.approx(candidate - champion, abs=1e-12)
        low, high = one["interval"]
        assert low <= one["difference"] <= high


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both policies, the made stream and its labels."""
    events, labels, _ = german_like(accounts=300, seed=11)
    pq.write_table(events, tmp_path / "events.parquet")
    pq.write_table(labels, tmp_path / "labels.parquet")
    (tmp_path / "champion.yaml").write_text(POLICY, "utf-8")
    (tmp_path / "candidate.yaml").write_text(CANDIDATE, "utf-8")
    return tmp_path


def test_a_stream_with_late_facts(folder: Path) -> None:
    arrivals = german_like(accounts=300, seed=11)[2]
    policies = folder / "champion.yaml", folder / "candidate.yaml"
    gravest = ("gone", "very_late", "late", "busy")
    answer = compared(folder, policies, "Europe/Berlin", "2024-05-01", gravest, ("late",), arrivals)
    causes = {(row["trigger"], row["side"]) for row in answer["by_rule"]}
    assert {("busy", "candidate"), ("late", "both")} <= causes
    assert 0 < answer["same_at_end"] < answer["differ"] <= answer["accounts"]


@pytest.mark.data
def test_taiwan_and_the_example_of_the_page(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "taiwan_credit_card/taiwan_credit_card.parquet"
    events, labels = read_taiwan(source)
    bills = pq.read_table(source)["BILL_AMT1"].to_numpy()
    dated = pa.table({
        "account": labels["account"],
        "observed_on": pa.array(["2005-10-31"] * labels.num_rows),
        "outcome": pa.array(np.where(labels["defaulted"].to_numpy() == 1, "bad", "good")),
        "amount": pa.array(np.maximum(bills, 0)),
        "segment": labels["sex"].cast(pa.string()),
    })  # fmt: skip
    pq.write_table(events, tmp_path / "events.parquet")
    pq.write_table(dated, tmp_path / "labels.parquet")
    page = (ROOT / "docs/guides/compare.md").read_text("utf-8")
    before, after = re.findall(r"sed 's/(when: score < \d+)/(when: score < \d+)/' policies/credit-card.yaml", page)[0]
    candidate = CARD_POLICY.with_name("credit-card.yaml").read_text("utf-8").replace(before, after)
    (tmp_path / "cards").symlink_to(CARD_POLICY.parent / "cards")
    (tmp_path / "candidate.yaml").write_text(candidate, "utf-8")
    policies = CARD_POLICY, tmp_path / "candidate.yaml"
    answer = compared(tmp_path, policies, "Asia/Taipei", "2005-08-01", ("weak_score",))
    rates = answer["measures"][:2]
    for told in (
        f"{answer['differ']:,} of 30,000",
        f"{answer['raised']:,}",
        f"{answer['raised_minor']:,} TWD",
        f"{answer['same_at_end']:,}",
        f"{answer['by_rule'][0]['bad']:,} bad, {answer['by_rule'][0]['good']:,} good",
        *(f"{one['champion']:.1%} -> {one['candidate']:.1%}, difference {one['difference']:.1%}" for one in rates),
    ):
        assert told in page, told


# ------------------------------------------------------------------ nothing, and what is refused


def test_a_policy_against_itself_shows_nothing(folder: Path) -> None:
    (folder / "commented.yaml").write_text(f"# The same, explained.\n{POLICY}\n# The end.\n", "utf-8")
    for other in ("champion.yaml", "commented.yaml"):
        asked = ("--labels", str(folder / "labels.parquet"), "--lgd", "45%", "--resamples", "50")
        files = (str(folder / name) for name in ("champion.yaml", other, "events.parquet"))
        answer = read("compare", *files, *asked, "-o", str(folder / "out"))
        assert (answer["differ"], answer["by_rule"], answer["movers"]) == (0, [], [])
        assert all(cell["differ"] == 0 and cell["champion"] == cell["candidate"] for cell in answer["flow"])
        known = [one for one in answer["measures"] if one["champion"] is not None]
        assert all(one["difference"] == 0 and one["interval"] == [0, 0] for one in known)
        assert len(known) == 5, "without a margin no income is forgone"
        assert pq.read_table(folder / "out/movers.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("currency: EUR", "currency: USD", "currency"),
        ("time_zone: Europe/Berlin", "time_zone: Europe/Paris", "time_zone"),
        ("policy: instalments", "policy: cards", "policy"),
        ("currency: EUR", "currency: EUR\nminor_digits: 0", "minor_digits"),
    ],
)
def test_policies_that_measure_otherwise_are_refused_by_name(folder: Path, before: str, after: str, key: str) -> None:
    (folder / "other.yaml").write_text(POLICY.replace(before, after), "utf-8")
    refused(folder, "policies-not-comparable", f"`{key}` is", candidate="other.yaml")


def refused(folder: Path, code: str, words: str, *asked: str, candidate: str = "candidate.yaml") -> None:
    """The command refuses, and has made no folder of files by then."""
    files = [str(folder / name) for name in ("champion.yaml", candidate, "events.parquet")]
    with pytest.raises(LinekeeperError, match=words) as error:
        get_command(build())(["compare", *files, *asked, "-o", str(folder / "out")], standalone_mode=False)
    assert error.value.code == code
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("labels", "code", "words"),
    [
        ({"account": ["nobody"], "observed_on": ["2024-05-01"]}, "label-without-account", "`nobody`"),
        ({"account": ["G0001"] * 2, "observed_on": ["2024-05-01"] * 2}, "label-twice", "`G0001` twice"),
        ({"account": ["G0001"], "observed_on": ["2024-02-30"]}, "column-of-wrong-type", "`2024-02-30`"),
    ],
)
def test_labels_that_measure_nothing_are_refused(folder: Path, labels: dict[str, Any], code: str, words: str) -> None:
    table = pa.table(labels | {"outcome": ["bad"] * len(labels["account"])})
    pq.write_table(table, folder / "wrong.parquet")
    refused(folder, code, words, "--labels", str(folder / "wrong.parquet"))


@pytest.mark.parametrize(
    ("example", "before", "after", "cause"),
    [
        ("first-limit", "part(income, 80%)", "part(income, 60%)", "granted"),
        ("corrections", "cap: 50%", "cap: 40%", "trigger"),
        ("fraud-ring", "version: 1", "version: 2", None),
    ],
)
def test_a_cause_is_named(example: str, before: str, after: str, cause: str | None, tmp_path: Path) -> None:
    """Of one change to a policy of the documentation, over its own events."""
    champion, events = (ROOT / f"docs/examples/{example}{end}" for end in (".yaml", ".jsonl"))
    text = champion.read_text("utf-8")
    assert before in text
    (tmp_path / "candidate.yaml").write_text(text.replace(before, after), "utf-8")
    answer = read("compare", str(champion), str(tmp_path / "candidate.yaml"), str(events))
    assert {row["cause"] for row in answer["by_rule"]} == ({cause} if cause else set())


def test_other_steps_back_are_a_cause(folder: Path) -> None:
    (folder / "candidate.yaml").write_text(POLICY.replace("step: 20%", "step: 10%"), "utf-8")
    files = (str(folder / name) for name in ("champion.yaml", "candidate.yaml", "events.parquet"))
    answer = read("compare", *files)
    (row,) = answer["by_rule"]
    assert (row["cause"], row["trigger"], row["side"]) == ("way back", None, "both")
    assert answer["raised"] == 0, "smaller steps leave nobody more"


def test_no_events_are_refused_by_name(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / "events.parquet").slice(0, 0), folder / "events.parquet")
    refused(folder, "file-empty", "`events.parquet` is empty")


def test_events_that_all_fail_leave_nothing_to_compare(folder: Path) -> None:
    (folder / "none.jsonl").write_text('{"id": "of-no-kind"}\n', "utf-8")
    files = (str(folder / name) for name in ("champion.yaml", "candidate.yaml", "none.jsonl"))
    answer = read("compare", *files, "--day", "2024-05-01")
    assert (answer["accounts"], answer["differ"], answer["flow"], answer["labels"]) == (0, 0, [], None)
    assert (answer["rejected"], answer["candidate"]["rejected"]) == (1, 1)
