"""A borrower who is erased was never there, for everybody else: letters, roads and records stay as they would be.

`python -m tests.erasure.interleavings --count 20 [--seed 0] [--json]` drives that many random interleavings, half on
SQLite and half on PostgreSQL. Each is a store in which borrowers are erased among late events, reversals, rulings,
reviews, adoptions and files that are sent again under other names, in part or with new events in them. A second store
gets the same steps without anything of these borrowers. After each step the stored rows of all others must be the same
in both, no number may be given twice, and of an erased borrower nothing may come back. At the end, and after each
erasure, letters, roads and records are compared, every receipt that was ever made must verify, and so must both stores.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import RejectionCode
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import ABOUT_AN_ACCOUNT, Keeper, new_keeper
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.engine.interleavings import FIRST_DAY, account_as_text, instant, iso_day, run_and_report, version_text
from tests.engine.lives import kept_every

OTHERS = ("a", "b", "c")
ERASABLE = ("x", "y")
STEPS = 18
VERSIONS = 4
LAW = Law("CN", "internet_consumer_loan")
Rows = list[dict[str, Any]]
# Tables in which a number differs where another borrower has been: it is not compared.
COMPARED = {
    t.accounts: ("account", "layout", "state", "next_review", "decisions", "last_hash", "policy"),
    t.decisions: ("account", "number", "at", "action", "record", "hash"),
    t.notices: ("account", "number", "action", "due_at", "alarm_at", "rule", "status", "state"),
    t.version_migrations: ("account", "day", "was", "policy"),
    t.events: ("account", "source", "id", "kind", "at", "body"),
    t.rejected_events: ("account", "source", "id", "body", "reason"),
}


@dataclass
class Side:
    """One store with the keys of its log, and the engine over it."""

    store: Store
    keeper: Keeper = field(init=False)
    engine: lk.Engine = field(init=False)

    def begin(self, folder: Path) -> None:
        """Empty the store and begin it with the first version, and with a new log in that folder."""
        with self.store.writing() as connection:
            for table in reversed(t.SCHEMA.sorted_tables):
                connection.execute(table.delete())
        self.keeper = new_keeper(folder / "keys", folder / "public", "example.com/lines")
        Engine(self.store, load_text(version_text(1)), self.keeper, law=LAW)
        self.open_engine()

    def open_engine(self) -> None:
        """The engine of the version in force now."""
        self.engine = lk.Engine(Engine(self.store, None, self.keeper))

    def rows_of_others(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is stored of those who are never erased."""
        with self.store.reading() as connection:
            return {
                table.name: [
                    tuple(row)
                    for row in connection.execute(
                        select(*(table.c[name] for name in names))
                        .where(table.c.account.in_(OTHERS))
                        .order_by(*(table.c[name] for name in names))
                    )
                ]
                for table, names in COMPARED.items()
            }

    def said_to_others(self) -> dict[str, Any]:
        """Every letter, every road and every account, as those who are never erased see them."""
        said: dict[str, Any] = {}
        for account in OTHERS:
            try:
                seen = self.engine.account(account)
            except LinekeeperError as error:
                said[account] = error.code
                continue
            said[account] = account_as_text(seen)
            said[f"road of {account}"] = repr(self.engine.recourse(account))
            for decision in seen.decisions:
                try:
                    said[f"letter {account}#{decision.number}"] = self.engine.notice(decision)
                except LinekeeperError as error:
                    said[f"letter {account}#{decision.number}"] = error.code
        return said


class Interleaving:
    """Random steps on `full`, and the same without the borrowers who may be erased on `without`."""

    def __init__(self, full: Side, without: Side, folder: Path, seed: int) -> None:
        self.full, self.without, self.folder, self.rng, self.seed = full, without, folder, Random(seed), seed
        self.counts: Counter[str] = Counter()
        self.day, self.version = FIRST_DAY, 1
        self.sent: list[Rows] = []
        self.erased: set[str] = set()
        self.numbers: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.receipts: dict[str, bytes] = {}
        self.trail: list[str] = []

    def run(self) -> Counter[str]:
        """Raises AssertionError, with the steps that led there, at the first difference."""
        for side, name in ((self.full, "full"), (self.without, "without")):
            side.begin(self.folder / f"{name}-{self.seed}")
        try:
            opened = [self._event(account, "open") for account in (*OTHERS, *ERASABLE)]
            self._send("the first file", opened)
            for _ in range(STEPS):
                self._step()
                self._compare_rows()
            self._compare_all()
        except Exception as error:
            raise AssertionError("\n".join([f"seed {self.seed}", *self.trail, repr(error)])) from error
        return self.counts

    # -------------------------------------------------------------- steps

    def _step(self) -> None:
        share, account = self.rng.random(), self.rng.choice((*OTHERS, *ERASABLE))
        if share < 0.34:
            self._send("new events", self._new_events())
        elif share < 0.48:
            self._send_again()
        elif share < 0.72:
            self.day += self.rng.randrange(0, 8)
            self._on_both(f"review {iso_day(self.day)}", lambda side: side.engine.review(iso_day(self.day)))
        elif share < 0.78:
            self._rule(account)
        elif share < 0.85 and self.version < VERSIONS:
            self.version += 1
            self._on_both(f"adopt {self.version}", self._adopt)
        else:
            self._erase()

    def _on_both(self, name: str, act: Any) -> None:
        self.trail.append(name)
        self.counts[name.split()[0]] += 1
        for side in (self.full, self.without):
            act(side)

    def _adopt(self, side: Side) -> None:
        adopt(side.store, load_text(version_text(self.version)), side.keeper)
        side.open_engine()

    def _rule(self, account: str) -> None:
        how: dict[str, Any] = {"until": iso_day(self.day + 4), "by": "Li", "why": "asked", "at": instant(self.day)}
        how |= self.rng.choice(({"trigger": "arrears"}, {"cap_bp": 6_000}, {"cap_bp": 1_000}))
        how["id"] = f"ruling {len(self.trail)}"
        self.trail.append(f"rule {account}")
        self.counts["rule"] += 1
        for side in (self.full, self.without):
            if account in ERASABLE and (side is self.without or account in self.erased):
                assert code_of(lambda side=side: side.engine.rule(account, **how)) == "account-not-known"
            else:
                side.engine.rule(account, **how)

    def _erase(self) -> None:
        account = self.rng.choice(ERASABLE)
        self.trail.append(f"erase {account}")
        if account in self.erased:
            assert code_of(lambda: self.full.engine.erase(account, at=instant(self.day))) == "account-not-known"
            return
        self.counts["erase"] += 1
        self._take_receipts()
        self.full.engine.erase(account, at=instant(self.day))
        self.erased.add(account)
        self._compare_all()

    def _send(self, name: str, rows: Rows) -> None:
        """Send a file to both stores, without the erasable borrowers to the second; what it says must be the same."""
        shown = ", ".join(f"{row['account']} {row['kind']} {row['id']}" for row in rows)
        self.trail.append(f"{name}: {shown}")
        self.counts[name.split()[0]] += 1
        self.sent.append(rows)
        full = self.full.engine.receive(self._file(rows))
        without = self.without.engine.receive(self._file([row for row in rows if row["account"] in OTHERS]))
        of_erased = {row["id"] for row in rows if row["account"] in self.erased}
        rejected = [row for row in full.rejected if row.code is RejectionCode.ERASED]
        assert len(rejected) == len(of_erased), f"{len(rejected)} rejected of {len(of_erased)}"
        self.counts["events rejected, of the erased"] += len(rejected)
        others = {row["id"] for row in rows if row["account"] in OTHERS}
        said = [[row for row in each.rejected if row.place.split()[-1] in others] for each in (full, without)]
        assert said[0] == said[1], f"{said[0]} is not {said[1]}"
        made = [[decision for decision in each if decision.account in OTHERS] for each in (full, without)]
        assert list(map(str, made[0])) == list(map(str, made[1]))
        if not self.erased and all(row["account"] in OTHERS for row in rows):
            assert (full.repeats, full.conflicts) == (without.repeats, without.conflicts)

    def _send_again(self) -> None:
        """A file that was sent before, or parts of several, now and then with new events; under another name."""
        files = self.rng.sample(self.sent, min(len(self.sent), self.rng.choice((1, 1, 2))))
        rows = [row for file in files for row in file]
        if self.rng.random() < 0.4:
            rows = self.rng.sample(rows, max(1, len(rows) // 2))
        if self.rng.random() < 0.4:
            rows = rows + self._new_events()
        self._send("again", list({row["id"]: row for row in rows}.values()))

    def _file(self, rows: Rows) -> Path | Rows:
        """The rows as a file of a name that no other file had; none where there are none, for a file is never empty."""
        if not rows:
            return []
        path = self.folder / f"{self.rng.choice(('events', 'may', 'export'))}-{len(self.trail)}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return path

    def _new_events(self) -> Rows:
        rows: Rows = []
        for _ in range(self.rng.choice((1, 2, 6, 9))):
            self.day += self.rng.random() < 0.3
            account = self.rng.choice((*OTHERS, *ERASABLE))
            reversible = [
                row
                for file in self.sent
                for row in file
                if row["account"] == account and row["kind"] in ("draw", "due", "repay", "enquiry")
            ]
            if reversible and self.rng.random() < 0.12:
                rows.append(self._event(account, "reversal") | {"of": self.rng.choice(reversible)["id"]})
            else:
                kind = self.rng.choice(("open", "draw", "draw", "due", "due", "repay", "enquiry", "enquiry"))
                rows.append(self._event(account, kind))
        return rows

    def _event(self, account: str, kind: str) -> dict[str, Any]:
        """An event of today, now and then of a past day."""
        late = self.rng.randrange(1, 9) if self.rng.random() < 0.2 and kind != "open" else 0
        self.counts["late events"] += late > 0
        self.counts["reversals"] += kind == "reversal"
        row: dict[str, Any] = {"id": f"{account}{self.rng.getrandbits(40):x}", "account": account, "kind": kind}
        row["at"] = instant(self.day - late)
        row |= {"limit": 100_000} if kind == "open" else {}
        row |= {"amount": self.rng.choice((1_000, 20_000))} if kind in ("draw", "due", "repay") else {}
        row |= {"due_on": iso_day(self.day - late + self.rng.randrange(0, 5))} if kind == "due" else {}
        return row

    # -------------------------------------------------------------- what must hold

    def _compare_rows(self) -> None:
        here, there = self.full.rows_of_others(), self.without.rows_of_others()
        for table in here:
            assert here[table] == there[table], f"{table}: {here[table]} is not {there[table]}"
        with self.full.store.reading() as connection:
            for table in ABOUT_AN_ACCOUNT:
                held = set(connection.execute(select(table.c.account).distinct()).scalars())
                assert not held & self.erased, f"{table.name} holds an erased borrower"
            columns = {t.events: ("source", "id"), t.decisions: ("account", "number")}
            for table, names in columns.items():
                for seq, *what in connection.execute(select(table.c.seq, *(table.c[name] for name in names))):
                    assert self.numbers.setdefault((table.name, seq), tuple(what)) == tuple(what), f"{seq} given twice"

    def _compare_all(self) -> None:
        here, there = self.full.said_to_others(), self.without.said_to_others()
        for what in here:
            assert here[what] == there.get(what), f"{what}: {here[what]} is not {there.get(what)}"
        assert set(here) == set(there)
        self.counts["letters"] += sum(what.startswith("letter") for what in here)
        self._take_receipts()
        for name, receipt in self.receipts.items():
            verify_receipt(receipt, self.full.keeper.signer.verifier)
            self.counts["receipts verified"] += name[0] in OTHERS
        for side in (self.full, self.without):
            verdict = verify(side.store, vault=side.keeper.vault)
            assert verdict.first_difference is None, verdict.first_difference
        with self.full.store.reading() as connection:
            self.full.keeper.audit(connection)

    def _take_receipts(self) -> None:
        """A receipt of each decision that has none yet; those of borrowers who are erased later stay valid too."""
        keeper, store = self.full.keeper, self.full.store
        keeper.publish(store)
        for account in (*OTHERS, *(set(ERASABLE) - self.erased)):
            try:
                decisions = self.full.engine.account(account).decisions
            except LinekeeperError:
                continue
            for decision in decisions:
                name = f"{account}#{decision.number}"
                if name not in self.receipts:
                    self.receipts[name] = keeper.receipt(store, account, decision.number)


def code_of(act: Any) -> str | None:
    """The code of the error that an act ends with; None where it ends with none."""
    try:
        act()
    except LinekeeperError as error:
        return error.code
    return None


# ------------------------------------------------------------------ many


@contextmanager
def sides(url: str, folder: Path) -> Iterator[tuple[Side, Side]]:
    """The store at that URL, and an SQLite one for the comparison."""
    with ExitStack() as stack:
        made = []
        for where in (url, str(folder / "without.db")):
            store = open_store(where)
            stack.callback(store.close)
            made.append(Side(store))
        yield made[0], made[1]


def drive(url: str, folder: Path, seeds: range) -> Counter[str]:
    """Run the interleavings of these seeds over that database; how many steps and checks there were of each kind."""
    total: Counter[str] = Counter()
    with sides(url, folder) as (full, without):
        for seed in seeds:
            with kept_every(1 + seed % 7):
                total += Interleaving(full, without, folder, seed).run()
    return total


if __name__ == "__main__":
    run_and_report(__doc__, 20, "counts", drive)
