"""A lender's folder: a small store with a log, and every kind of file that a command reads, each right as it stands.

`words_of` gives for every command the words that work in that folder. The borrowers of the store are named in no file,
so a message that names one of them has it from the store.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from linekeeper.cli.answers.catalogue import ANSWERS
from linekeeper.core.event import Event
from linekeeper.policy.load import load_text
from linekeeper.scorecard.artifact import Artifact, write_artifact
from linekeeper.scorecard.card import Bins, Score
from linekeeper.texts.material import shipped
from tests.brake.bank import at, event, table
from tests.cli.test_commands import linekeeper
from tests.connect.feed_files import FEEDS
from tests.forecast.test_forecast import made_panel

DOCS = FEEDS.parent
KEPT = [f"KEPT-{number * 7919:06}" for number in range(1, 13)]  # the borrowers of the store
FED = [f"FED-{number * 104729:07}" for number in range(1, 9)]  # those of the files
CARD = write_artifact(
    Artifact("tiny", Score(600, ("willingness",), (Bins("paid", "willingness", (1, 3), (-150, 0, 20), 0),)))
)
SHA256 = json.loads(CARD)["sha256"]
POLICY = f"""\
policy: small-bank
version: 1
currency: CNY
time_zone: UTC
features: {{paid: "count(repay, 30d)"}}
score: {{card: card.json, sha256: {SHA256}}}
triggers:
  arrears_30: {{when: days_past_due >= 30, hold: 10d, cap: 50%, reason: arrears}}
  many_draws: {{when: "count(draw, 7d) >= 3", cap: 70%, reason: rapid_borrowing}}
  weak: {{when: score < 500, cap: 50%, reason: weak_score}}
restoration: {{first: 40%, step: 20%, every: 30d}}
offer: {{when: "months_on_book >= 0", increase: 20%, up_to: 5_000 CNY, every: 90d, valid: 30d}}
brake: {{lines: 10%, exposure: 20%}}
"""
MAPPING = """\
columns: {ref: id, contract: account, booked: at, type: kind, credit_line: limit}
ignore: [branch]
money: major
decimal: "."
dates: "%Y-%m-%d"
zone: Asia/Shanghai
values: {kind: {DRW: draw, PMT: repay, NEW: open}}
source: core
"""
CONTRACT = """\
contract:
  volume: [3, 30]
  kinds:
    draw: [0%, 100%]
  medians:
    draw.amount: [300.00, 6000.00]
  rejected: 2%
"""
PLAN = "name: tiny\nlabel: label\nlabel_meaning: default\nperiod: 2024\nability:\n  paid: {worse: lower}\n"
POINTS = 'variable,bin,points\nLate,"[-inf,30)",5\nLate,"[30,inf)",-40\n'
SETTINGS = 'store = "lines.db"\nkeys = "keys"\nlang = "en"\nsource = "core"\ntolerance = "24h"\n'


def build_home(home: Path) -> None:
    """Make the folder with everything in it."""
    home.mkdir(parents=True)
    _write_texts(home)
    _write_events(home)
    write_tables(home)
    _write_store(home)


def _write_texts(home: Path) -> None:
    (home / "card.json").write_bytes(CARD)
    (home / "ids.txt").write_text("\n".join(KEPT))
    (home / "policy.yaml").write_text(POLICY)
    (home / "second.yaml").write_text(POLICY.replace("version: 1", "version: 2"))
    (home / "mapping.yaml").write_text(MAPPING)
    (home / "contract.yaml").write_text(CONTRACT)
    (home / "plan.yaml").write_text(PLAN)
    (home / "points.csv").write_text(POINTS)
    (home / "columns.yaml").write_text("Late: {feature: late, worse: higher}\n")
    (home / "settings").mkdir()
    (home / "settings" / "linekeeper.toml").write_text(SETTINGS)
    shutil.copy(shipped("lender") / "example.yaml", home / "lender.yaml")
    feed = FEEDS / "19-camt053"
    shutil.copy(feed / "statement.xml", home / "statement.xml")
    shutil.copy(feed / "mapping.yaml", home / "camt.yaml")
    feed = FEEDS / "06-mainframe-fixed"
    shutil.copy(feed / "CLPOST.TXT", home / "fixed.txt")
    shutil.copy(feed / "mapping.yaml", home / "fixed.yaml")
    for name in ("lender-eur.yaml", "lender-usd.yaml"):
        shutil.copy(FEEDS / name, home / name)


def _fed_events() -> list[Event]:
    rows = [event(f"fed {n}", name, "open", at(0), limit=100_000) for n, name in enumerate(FED)]
    rows += [event(f"fed {n} {day}", FED[n], "draw", at(day), amount=500 + n) for n in range(4) for day in range(3, 9)]
    return rows + [event(f"fed {n} late", FED[n], "delinquency", at(40), days=45) for n in range(2)]


def _write_events(home: Path) -> None:
    policy = load_text(POLICY, read_card=lambda _: CARD)
    events = _fed_events()
    pq.write_table(table(policy, events), home / "events.parquet")
    with (home / "events.jsonl").open("w") as file:
        for one in events:
            body = {"id": one.id, "account": one.account, "kind": one.kind, "at": one.at, **one.fields}
            file.write(json.dumps(body) + "\n")
    names = ["id", "account", "kind", "at", "amount", "limit", "days"]
    rows = [[one.id, one.account, one.kind, one.at, *(one.fields.get(n, "") for n in names[4:])] for one in events]
    with (home / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    book = Workbook()
    for row in [names, *rows]:
        book.active.append([None if cell == "" else cell for cell in row])
    book.save(home / "events.xlsx")
    lines = ["ref,contract,booked,type,amount,credit_line,branch"]
    lines += [f"m{n},{name},2024-10-01,NEW,,1000.00,north" for n, name in enumerate(FED)]
    lines += [f"d{n},{name},2024-10-02,DRW,{400 + n}.50,,south" for n, name in enumerate(FED)]
    (home / "mapped.csv").write_text("\n".join(lines) + "\n")


def write_tables(home: Path) -> None:
    paid = [row % 7 for row in range(400)]
    accounts = [FED[row % len(FED)] + f"/{row}" for row in range(400)]
    columns = {"account": accounts, "at_day": [20_000] * 400, "paid": paid}
    bad = [int(row % 3 > times) for row, times in enumerate(paid)]
    pq.write_table(pa.table({**columns, "label": bad}), home / "training.parquet")
    count = len(FED)
    labels = {"account": FED, "granted": [100_000] * count, "defaulted": [n % 2 for n in range(count)]}
    labels["observed_on"] = ["2024-11-10"] * count
    pq.write_table(pa.table(labels), home / "labels.parquet")
    made, letters = made_panel(60), {-1: "C", 0: "0", 1: "1"}
    borrowers, months = made.levels.shape
    rows = {
        "account": [f"FED-{borrower}" for borrower in range(borrowers) for _ in range(months)],
        "month": [month for _ in range(borrowers) for month in range(months)],
        "bucket": [letters[int(level)] for level in made.levels.reshape(-1)],
    }
    pq.write_table(pa.table(rows), home / "panel.parquet")


def _write_store(home: Path) -> None:
    store, keys = ("--store", str(home / "lines.db")), ("--keys", str(home / "keys"))
    linekeeper("log", "init", *keys, "--folder", str(home / "public"), "--name", "example.com/lines")
    rows = [event(f"kept {n}", name, "open", at(0), limit=100_000) for n, name in enumerate(KEPT)]
    rows += [event(f"kept {n} draw", name, "draw", at(2), amount=500 + n) for n, name in enumerate(KEPT)]
    rows += [event("kept 0 late", KEPT[0], "delinquency", at(40), days=45)]
    source, policy = home / "kept.parquet", load_text(POLICY, read_card=lambda _: CARD)
    pq.write_table(table(policy, rows), source)
    law = ("--jurisdiction", "CN", "--product", "consumer_loan")
    linekeeper("run", str(home / "policy.yaml"), str(source), *store, *keys, *law)
    source.unlink()
    linekeeper("log", "publish", *store, *keys)
    linekeeper("receipt", "make", f"{KEPT[0]}#1", "--output", str(home / "receipt"), *store, *keys)


# ------------------------------------------------------------------ what works there

_STORE, _KEYS = ("--store", "lines.db"), ("--keys", "keys")
_WHO = ("--by", "m.chen", "--why", "looked at by hand")
_AT = ("--at", "2024-11-14T09:00Z")
PLAIN: dict[str, tuple[str, ...]] = {
    "check": ("policy.yaml",),
    "fmt": ("--check", "policy.yaml"),
    "schema": ("log", "init"),
    "describe": ("policy.yaml", "--lang", "zh"),
    "kernel": ("policy.yaml", "--output", "kernel.py"),
    "adopt": ("second.yaml", *_STORE, *_KEYS, "--by", "A. Li"),
    "versions": _STORE,
    "import": ("csv", "mapped.csv", "--policy", "policy.yaml", "--mapping", "mapping.yaml", "-o", "out.parquet"),
    "contract propose": ("mapped.csv", "--policy", "policy.yaml", "--mapping", "mapping.yaml"),
    "run": ("policy.yaml", "events.jsonl", *_STORE, *_KEYS, "--rejected", "rejected.jsonl"),
    "review": (*_STORE, *_KEYS, "--until", "2024-12-01"),
    "replay": ("policy.yaml", "events.csv", "--output", "decisions.parquet", "--workers", "1"),
    "verify": (*_STORE, *_KEYS),
    "authorise": (KEPT[1], "250", *_STORE, *_AT),
    "pending list": (*_STORE, *_KEYS),
    "pending release": (KEPT[0], *_WHO, *_AT, *_STORE, *_KEYS),
    "pending refuse": ("--all", "--until", "2024-12-31", *_WHO, *_AT, *_STORE, *_KEYS),
    "pending batches list": (*_STORE, "--ended"),
    "pending batches release": ("abc123", *_WHO, *_STORE, *_KEYS, "--source", "core"),
    "pending batches reject": ("abc123", *_WHO, *_STORE, *_KEYS),
    "override": (KEPT[0], "--cap", "50%", "--until", "2024-12-31", *_WHO, *_AT, "--id", "r1", *_STORE, *_KEYS),
    "consent": (KEPT[1], "--offer", "1", *_AT, "--id", "c1", *_STORE, *_KEYS),
    "accounts": (*_STORE, "--limit", "5", "--status", "active", "--day", "2024-11-10"),
    "decisions": (KEPT[0], *_STORE, "--from", "2024-10-01", "--limit", "2", "--after", "0"),
    "events": (KEPT[0], *_STORE, "--kind", "draw", "--limit", "3"),
    "changes": (*_STORE, "--after", "0", "--limit", "3"),
    "features": (*_STORE, "--day", "2024-11-10", "--limit", "3"),
    "show": (KEPT[0], *_STORE),
    "explain": (f"{KEPT[0]}#1", *_STORE),
    "road": (KEPT[0], *_STORE, "--day", "2024-11-14"),
    "what-if": (KEPT[0], "--pay", "10@2024-11-20", "--until", "2025-01-31", *_STORE),
    "lesson": ("borrowing_elsewhere", "--amount", "8000", "--days", "30", "--currency", "CNY"),
    "repay-plan": ("card:6000:18%:200", "shop:1500:12%:100", "--monthly", "1000"),
    "notice": (f"{KEPT[0]}#1", *_STORE, *_KEYS, "--lender", "lender.yaml", "--lang", "zh"),
    "notices list": (*_STORE, *_KEYS, *_AT),
    "notices sent": (f"{KEPT[0]}#1", *_STORE, *_KEYS, *_AT),
    "notices preview": ("policy.yaml", "--lang", "zh", "--lender", "lender.yaml", "--to", "letters"),
    "clock": ("CN", "consumer_loan", "close", "--day", "2026-05-02", "--zone", "Asia/Shanghai"),
    "log init": ("--keys", "keys2", "--folder", "public2", "--name", "example.com/other"),
    "log publish": (*_STORE, *_KEYS),
    "log status": (*_STORE, *_KEYS),
    "log rotate": (*_STORE, *_KEYS),
    "log export": ("--output", "auditor", "--account", KEPT[0], *_STORE, *_KEYS),
    "receipt make": (f"{KEPT[0]}#1", "--output", "made", "--qr", "made.svg", *_STORE, *_KEYS),
    "receipt verify": ("receipt", "--vkey", "public/log.vkey"),
    "receipt check-all": ("--flip", "--limit", "5", "--seed", "1", *_STORE, *_KEYS),
    "serve": (*_STORE, *_KEYS, "--lender", "lender.yaml", "--host", "127.0.0.1", "--port", "PORT"),
    "key add": ("core-ledger", *_STORE, "--role", "system", "--days", "30"),
    "key list": _STORE,
    "key revoke": ("0123456789abcdef", *_STORE),
    "witness": ("public/log.vkey", "--folder", "witness", "--name", "witness.localhost", "--port", "PORT"),
    "erase": (KEPT[2], "--yes", *_STORE, *_KEYS),
    "snapshot": ("policy.yaml", "events.jsonl", "--day", "2024-11-10", "--output", "snapshot.parquet"),
    "fit": ("training.parquet", "--plan", "plan.yaml", "--method", "woe", "--folds", "2", "--output", "fitted"),
    "card validate": ("card.json", "training.parquet", "--plan", "plan.yaml", "--output", "validated"),
    "card override": (
        "card.json",
        *("--feature", "f_0", "--value", "1", "--points", "3", "--output", "overridden.json", *_WHO),
    ),
    "relief": ("ids.txt", "--from", "2024-11-01", "--until", "2024-11-30", "--why", "flood", *_STORE, *_KEYS),
    "card import model": ("points.csv", "--columns", "columns.yaml", "--output", "made-card.json"),
    "forecast": ("panel.parquet", "--limit", "1", "--output", "forecast"),
    "outcome": ("policy.yaml", "events.jsonl", "labels.parquet", "--part", "1/2"),
    "backtest": ("policy.yaml", "events.jsonl", "--labels", "labels.parquet", "--output", "tested"),
    "compare": (*("policy.yaml", "second.yaml", "events.jsonl", "--labels", "labels.parquet", "--output", "compared"),),
    "demo": ("--accounts", "3", "--days", "40", "--folder", "demo", "--no-serve"),
    "store status": _STORE,
    "store upgrade": _STORE,
    "settings": (),
}  # PORT stands for a port that another program holds, so that no witness goes on serving

assert set(PLAIN) == set(ANSWERS), set(PLAIN) ^ set(ANSWERS)


# The files that are damaged, and the commands that read each.
READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "events.jsonl": (
        ("replay", "policy.yaml", "events.jsonl"),
        ("run", "policy.yaml", "events.jsonl", *_STORE, *_KEYS),
    ),
    "events.csv": (("replay", "policy.yaml", "events.csv"), ("run", "policy.yaml", "events.csv", *_STORE, *_KEYS)),
    "events.parquet": (
        ("replay", "policy.yaml", "events.parquet"),
        ("run", "policy.yaml", "events.parquet", *_STORE, *_KEYS),
        ("snapshot", "policy.yaml", "events.parquet", "--day", "2024-11-10", "--output", "snapshot.parquet"),
    ),
    "events.xlsx": (("replay", "policy.yaml", "events.xlsx"),),
    "mapped.csv": (
        ("import", "csv", "mapped.csv", "--policy", "policy.yaml", "--mapping", "mapping.yaml", "-o", "out.parquet"),
        ("contract", "propose", "mapped.csv", "--policy", "policy.yaml", "--mapping", "mapping.yaml"),
    ),
    "statement.xml": (
        ("import", "camt", "statement.xml", "--policy", "lender-eur.yaml", "--mapping", "camt.yaml", "-o", "o.parquet"),
    ),
    "fixed.txt": (
        ("import", "fixed", "fixed.txt", "--policy", "lender-usd.yaml", "--mapping", "fixed.yaml", "-o", "o.parquet"),
    ),
    "mapping.yaml": (("replay", "policy.yaml", "mapped.csv", "--mapping", "mapping.yaml"),),
    "camt.yaml": (("replay", "lender-eur.yaml", "statement.xml", "--mapping", "camt.yaml"),),
    "fixed.yaml": (("replay", "lender-usd.yaml", "fixed.txt", "--mapping", "fixed.yaml"),),
    "contract.yaml": (
        ("run", "policy.yaml", "events.csv", "--contract", "contract.yaml", *_STORE, *_KEYS, "--source", "core"),
    ),
    "policy.yaml": (("check", "policy.yaml"), ("describe", "policy.yaml"), ("fmt", "--check", "policy.yaml")),
    "second.yaml": (("adopt", "second.yaml", *_STORE, *_KEYS, "--by", "A. Li"),),
    "card.json": (("check", "policy.yaml"), ("replay", "policy.yaml", "events.csv")),
    "lender.yaml": (("notice", f"{KEPT[0]}#1", *_STORE, *_KEYS, "--lender", "lender.yaml"),),
    "plan.yaml": (("fit", "training.parquet", "--plan", "plan.yaml", "--method", "woe", "--folds", "2"),),
    "training.parquet": (("fit", "training.parquet", "--plan", "plan.yaml", "--method", "woe", "--folds", "2"),),
    "points.csv": (("card", "import", "model", "points.csv"),),
    "columns.yaml": (("card", "import", "model", "points.csv", "--columns", "columns.yaml"),),
    "labels.parquet": (
        ("outcome", "policy.yaml", "events.csv", "labels.parquet"),
        ("backtest", "policy.yaml", "events.csv", "--labels", "labels.parquet"),
        ("compare", "policy.yaml", "second.yaml", "events.csv", "--labels", "labels.parquet"),
    ),
    "panel.parquet": (("forecast", "panel.parquet", "--limit", "1"),),
    "settings/linekeeper.toml": (("settings",), ("accounts",)),
    "keys/log.json": (
        ("verify", *_STORE, *_KEYS),
        ("log", "publish", *_STORE, *_KEYS),
        ("log", "rotate", *_STORE, *_KEYS),
    ),
    "keys/master.key": (
        ("verify", *_STORE, *_KEYS),
        ("receipt", "make", f"{KEPT[0]}#1", "-o", "made", *_STORE, *_KEYS),
    ),
    "keys/signer.key": (("log", "publish", *_STORE, *_KEYS), ("log", "status", *_STORE, *_KEYS)),
    "keys/signer.head": (("log", "publish", *_STORE, *_KEYS), ("log", "status", *_STORE, *_KEYS)),
    "public/log.vkey": (("receipt", "verify", "receipt", "--vkey", "public/log.vkey"),),
    "public/checkpoint": (("log", "status", *_STORE, *_KEYS), ("receipt", "check-all", *_STORE, *_KEYS)),
    "receipt": (("receipt", "verify", "receipt", "--vkey", "public/log.vkey"),),
    "lines.db": (
        ("show", KEPT[0], *_STORE),
        ("verify", *_STORE),
        ("accounts", *_STORE),
        ("run", "policy.yaml", "events.csv", *_STORE, *_KEYS),
        ("explain", f"{KEPT[0]}#1", *_STORE),
    ),
}
