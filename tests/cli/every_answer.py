"""Every command with `--json`, over small real stores: what each answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.brake.bank import POLICY as BANK_POLICY
from tests.brake.bank import everyone_late, openings, small_bank, table
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read
from tests.face.test_fit import WITHOUT_CARD
from tests.forecast.test_forecast import made_panel
from tests.scorecard.test_card_import import TWO_LEAVES

Answer = dict[str, Any]
ACCOUNT, END = "A-1001", "2025-12-30T09:00+08:00"
WHO = ("--by", "m.chen", "--why", "looked at by hand")
COMMAND = [sys.executable, "-m", "linekeeper.cli.main"]


def every_answer(folder: Path) -> dict[str, list[Answer]]:
    """The answers of each command, by its words; errors under `error`, rejected rows under `rejected-row`."""
    answers: dict[str, list[Answer]] = {}
    for part in (_policies, _example, _relief, _contracts, _bank, _notices, _log, _service, _measuring, _demo):
        home = folder / part.__name__.strip("_")
        home.mkdir()
        for words, answer in part(home):
            answers.setdefault(words, []).append(answer)
    return answers


def _policies(home: Path) -> Iterator[tuple[str, Answer]]:
    yield "check", read("check", "docs/examples/faulty.yaml", code=1)
    yield "check", read("check", POLICY)
    yield "fmt", read("fmt", "--check", POLICY)
    yield "schema", read("schema", "log", "init")
    yield "schema", read("schema")
    yield "schema", read("schema", "mapping")
    yield "describe", read("describe", POLICY, "--lang", "zh")
    yield "kernel", read("kernel", POLICY, "--output", str(home / "kernel.py"))
    yield "settings", read("settings")
    yield "lesson", read("lesson", "borrowing_elsewhere", "--amount", "8000")
    yield "lesson", read("lesson")
    yield "repay-plan", read("repay-plan", "card:6000:18%:200", "shop:1500:12%:100", "--monthly", "1000")
    yield "clock", read("clock", "US", "credit_card", "reasons_request", "--day", "2026-05-02")


def _relief(home: Path) -> Iterator[tuple[str, Answer]]:
    """A line that gets a moratorium, and an account that nobody knows."""
    store, events, listed = ("--store", str(home / "relief.db")), home / "events.jsonl", home / "accounts.txt"
    opened = {"id": "o", "account": "A", "kind": "open", "at": "2026-01-05T09:00:00+08:00", "limit": 100_000}
    events.write_text(json.dumps(opened) + "\n", "utf-8")
    listed.write_text("A\nnobody\n", "utf-8")
    read("run", "docs/examples/relief.yaml", str(events), *store)
    days = ("--from", "2026-01-10", "--until", "2026-02-10", "--why", "an earthquake")
    yield "relief", read("relief", str(listed), *days, "--at", "2026-01-06T09:00+08:00", *store)


def _example(home: Path) -> Iterator[tuple[str, Answer]]:
    """The tutorial's borrower, with a row that is rejected, and two versions of the policy."""
    store, events, listed = ("--store", str(home / "lines.db")), home / "events.jsonl", home / "rejected.jsonl"
    events.write_text(Path(EVENTS).read_text("utf-8") + '{"id": "of-no-kind"}\n', "utf-8")
    given = (str(events), "--rejected", str(listed))
    table_file = str(home / "events.parquet")
    yield "import", read("import", "jsonl", str(events), "--policy", POLICY, "--output", table_file)
    yield "import", read("import", "jsonl", str(events), "--policy", POLICY, "--dry-run")
    yield "run", read("run", POLICY, *given, *store, "--until", "2025-06-01")
    yield "rejected-row", json.loads(listed.read_text("utf-8"))
    yield "replay", read("replay", POLICY, *given, "--output", str(home / "decisions.parquet"))
    yield "road", read("road", ACCOUNT, *store)
    yield "what-if", read("what-if", ACCOUNT, "--pay", "100@2026-01-10", *store)
    yield "show", read("show", ACCOUNT, *store)
    yield "review", read("review", "--until", "2025-12-30", *store)
    yield "road", read("road", ACCOUNT, *store)
    yield "road", read("road", "--check-all", *store)
    yield "accounts", read("accounts", *store)
    yield "accounts", read("accounts", "--status", "closed", *store)
    yield "accounts", read("accounts", "--output", str(home / "accounts.csv"), *store)
    yield "decisions", read("decisions", "--limit", "2", *store)
    yield "decisions", read("decisions", "--output", str(home / "decisions.csv"), *store)
    yield "events", read("events", *store)
    yield "events", read("events", "--output", str(home / "out.parquet"), *store)
    yield "features", read("features", "--day", "2025-05-20", *store)
    yield "features", read("features", "--output", str(home / "features.jsonl"), *store)
    yield "decisions", read("decisions", ACCOUNT, "--after", "4", *store)
    yield "explain", read("explain", f"{ACCOUNT}#1", *store)
    yield "notice", read("notice", f"{ACCOUNT}#1", *store)
    yield "authorise", read("authorise", ACCOUNT, "250", "--at", END, *store)
    yield "override", read("override", ACCOUNT, "--cap", "50%", "--until", "2026-01-31", *WHO, "--at", END, *store)
    second = home / "second.yaml"
    second.write_text(Path(POLICY).read_text("utf-8").replace("version: 1", "version: 2"), "utf-8")
    yield "adopt", read("adopt", str(second), *store, "--by", "A. Li")
    yield "versions", read("versions", *store)
    yield "verify", read("verify", *store)
    yield "store status", read("store", "status", *store)
    yield "store upgrade", read("store", "upgrade", *store)
    yield "error", json.loads(_process("show", "B", *store).stdout)


def _contracts(home: Path) -> Iterator[tuple[str, Answer]]:
    """Wednesday's amounts are divided by 100, and Thursday's too; one file is released, the other rejected."""
    store, days = ("--store", str(home / "lines.db")), Path(POLICY).parent / "contract"
    given = ("--mapping", str(days / "core.yaml"))
    good = [str(days / f"{day}.csv") for day in ("monday", "tuesday")]
    yield "contract propose", read("contract", "propose", *good, "--policy", POLICY, *given)
    linekeeper("run", POLICY, good[0], *given, *store)
    wednesday, thursday = days / "wednesday.csv", home / "thursday.csv"
    thursday.write_text(wednesday.read_text("utf-8").replace("2025-05-07", "2025-05-08"), "utf-8")
    for file, ruling in ((wednesday, "release"), (thursday, "reject")):
        error = json.loads(_process("run", POLICY, str(file), *given, *store).stdout)
        yield "error", error
        yield "pending batches list", read("pending", "batches", "list", *store)
        content = error["details"]["content"]
        yield f"pending batches {ruling}", read("pending", "batches", ruling, content[:12], *WHO, *store)
    yield "pending batches list", read("pending", "batches", "list", "--ended", *store)


def _bank(home: Path) -> Iterator[tuple[str, Answer]]:
    """Thirty lines: offers, one of which is accepted; then a feed says that all are late, and the brake acts."""
    policy, store = home / "bank.yaml", ("--store", str(home / "bank.db"))
    policy.write_text(BANK_POLICY, "utf-8")
    for name, events in (("openings", openings(30)), ("feed", everyone_late(30, 5))):
        pq.write_table(table(small_bank(), events), home / f"{name}.parquet")
    linekeeper("run", str(policy), str(home / "openings.parquet"), *store, "--until", "2024-10-06")
    offer = str(read("explain", "A000", *store)["offer"]["number"])
    yield "explain", read("explain", "A000", *store)
    yield "consent", read("consent", "A000", "--offer", offer, "--at", "2024-10-07T09:00+00:00", *store)
    linekeeper("run", str(policy), str(home / "feed.parquet"), "--brake", *store)
    at = ("--at", "2024-10-10T09:00+00:00")
    yield "pending list", read("pending", "list", *store)
    yield "pending release", read("pending", "release", "A005", *WHO, *at, *store)
    yield "pending refuse", read("pending", "refuse", "--all", "--until", "2024-12-31", *WHO, *at, *store)
    yield "pending list", read("pending", "list", "--ended", *store)


def _notices(home: Path) -> Iterator[tuple[str, Answer]]:
    store, law = ("--store", str(home / "lines.db")), ("--jurisdiction", "CN", "--product", "consumer_loan")
    linekeeper("run", POLICY, EVENTS, *law, *store)
    at = ("--at", "2025-05-14T09:00+08:00")
    yield "notice", read("notice", f"{ACCOUNT}#1", "--lang", "zh", *store)
    yield "notices list", read("notices", "list", *at, *store)
    yield "notices sent", read("notices", "sent", f"{ACCOUNT}#1", *at, *store)
    yield "notices preview", read("notices", "preview", POLICY, "--lang", "zh")
    yield "notices list", read("notices", "list", "--output", str(home / "notices.csv"), *store)
    yield "changes", read("changes", *store)


def _log(home: Path) -> Iterator[tuple[str, Answer]]:
    keys, store, public = ("--keys", str(home / "keys")), ("--store", str(home / "lines.db")), str(home / "public")
    vkey, receipt = ("--vkey", f"{public}/log.vkey"), str(home / "first.tlog-proof")
    yield "log init", read("log", "init", *keys, "--folder", public, "--name", "example.com/lines")
    linekeeper("run", POLICY, EVENTS, *store, *keys)
    yield "log publish", read("log", "publish", *store, *keys)
    yield "log status", read("log", "status", *store, *keys)
    yield "receipt make", read("receipt", "make", f"{ACCOUNT}#1", "--output", receipt, *store, *keys)
    yield "receipt verify", read("receipt", "verify", receipt, *vkey)
    Path(receipt).write_text("no proof\n")
    yield "receipt verify", read("receipt", "verify", receipt, *vkey, code=3)
    yield "receipt check-all", read("receipt", "check-all", "--flip", *store, *keys)
    yield "log export", read("log", "export", "--output", str(home / "auditor"), "--account", ACCOUNT, *store, *keys)
    yield "log rotate", read("log", "rotate", *store, *keys)
    yield "log rotate", read("log", "rotate", "--finish", *store, *keys)
    yield "witness", _first_answer("witness", f"{public}/log.vkey", "--folder", str(home / "witness"), "--port", "0")
    yield "erase", read("erase", ACCOUNT, "--yes", *store, *keys)
    for tile in (home / "public" / "tile").rglob("*"):
        if tile.is_file():
            tile.chmod(0o600)
            tile.write_bytes(b"altered")
    yield "log status", read("log", "status", *store, *keys, code=3)


def _service(home: Path) -> Iterator[tuple[str, Answer]]:
    store = ("--store", str(home / "lines.db"))
    linekeeper("run", POLICY, EVENTS, *store)
    yield "serve", _first_answer("serve", "--port", "0", *store)
    added = read("key", "add", "core-ledger", "--role", "system", *store)
    yield "key add", added
    yield "key list", read("key", "list", *store)
    yield "key revoke", read("key", "revoke", added["key"]["id"], *store)


def _first_answer(*given: str) -> Answer:
    """What a command that goes on serving prints first; it is ended then."""
    words = [*COMMAND, *given, "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as serving:
        assert serving.stdout is not None
        answer: Answer = json.loads(serving.stdout.readline())
        serving.terminate()
    return answer


def _measuring(home: Path) -> Iterator[tuple[str, Answer]]:
    label = ("--label", "days_past_due >= 3 within 1m")
    taken = ("--day", "2025-05-15", "--output", str(home / "snapshots.parquet"))
    yield "snapshot", read("snapshot", POLICY, EVENTS, *taken)
    yield "snapshot", read("snapshot", POLICY, EVENTS, *taken, *label)
    paid = [row % 7 for row in range(400)]
    columns = {"account": [f"A{row}" for row in range(400)], "at_day": [20_000] * 400, "paid": paid}
    bad = [int(row % 3 > times) for row, times in enumerate(paid)]
    pq.write_table(pa.table({**columns, "label": bad}), home / "training.parquet")
    (home / "policy.yaml").write_text(WITHOUT_CARD, "utf-8")
    fit = ("fit", str(home / "training.parquet"), "--policy", str(home / "policy.yaml"))
    yield "fit", read(*fit, "--method", "woe", "--folds", "2", "--output", str(home / "card"))
    card, ruled = str(home / "card" / "card.json"), str(home / "ruled.json")
    person = ("--by", "A. Li", "--why", "a new kind of loan", "--day", "2026-05-02")
    ruling = ("card", "override", card, "--feature", "paid", "--points", "-5", *person)
    yield "card override", read(*ruling, "--output", ruled)
    later = pa.table({**columns, "at_day": [20_100] * 400, "label": bad[1:] + bad[:1]})
    pq.write_table(later, home / "later.parquet")
    validated = ("card", "validate", ruled, str(home / "later.parquet"), "--segment", "paid")
    yield "card validate", read(*validated, "--output", str(home / "validation"))
    yield "fit", read(*fit, "--kind", "trees", "--folds", "2")
    yield "fit", read(*fit, "--cross-validate", "2")
    yield "fit", read("fit", "--plan-from", str(home / "training.parquet"))
    (home / "model.txt").write_text(TWO_LEAVES.format(kind=8).replace("=Late", "=late"), "utf-8")
    yield "card import model", read("card", "import", "model", str(home / "model.txt"))
    (home / "points.csv").write_text('variable,bin,points\nlate,"[-inf,inf)",5\n', "utf-8")
    yield "card import model", read("card", "import", "model", str(home / "points.csv"))
    yield "forecast", read("forecast", _panel(home / "panel.parquet"), "--limit", "1")
    labels = pa.table({"account": [ACCOUNT, "B"], "granted": [1_000_000, 500_000], "defaulted": [1, 0]})
    dated = pa.table({"account": [ACCOUNT], "observed_on": ["2025-06-20"], "outcome": ["bad"], "amount": [800_000]})
    pq.write_table(dated, home / "dated.parquet")
    asked = ("--labels", str(home / "dated.parquet"), "--lgd", "45%", "--margin", "12%", "--day", "2025-06-01")
    yield "backtest", read("backtest", POLICY, EVENTS, *asked, "--resamples", "20", "--segment", "outcome")
    gentler = home / "gentler.yaml"
    gentler.write_text(Path(POLICY).read_text("utf-8").replace("version: 1", "version: 2"), "utf-8")
    yield "compare", read("compare", POLICY, str(gentler), EVENTS, *asked, "--resamples", "20")
    pq.write_table(labels, home / "labels.parquet")
    yield "outcome", read("outcome", POLICY, EVENTS, str(home / "labels.parquet"))
    yield "outcome", read("outcome", POLICY, EVENTS, str(home / "labels.parquet"), "--rules-alone")


def _panel(file: Path) -> str:
    """The panel of the forecast's own tests, as a file."""
    made = made_panel(400)
    letters = {-1: "C", 0: "0", 1: "1"}
    accounts, months = made.levels.shape
    rows = {
        "account": [str(account) for account in range(accounts) for _ in range(months)],
        "month": [month for _ in range(accounts) for month in range(months)],
        "bucket": [letters[int(level)] for level in made.levels.reshape(-1)],
    }
    pq.write_table(pa.table(rows), file)
    return str(file)


def _demo(home: Path) -> Iterator[tuple[str, Answer]]:
    yield "demo", read("demo", "--accounts", "40", "--days", "300", "--folder", str(home / "demo"), "--no-serve")
    store = ("--store", str(home / "demo" / "lines.db"))
    for account in {one["account"] for one in read("decisions", "--action", "suspend", *store)["decisions"][:3]}:
        yield "show", read("show", account, *store)
        yield "explain", read("explain", account, *store)
        yield "road", read("road", account, *store)


def _process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words, "--json"], capture_output=True, text=True, check=False)
