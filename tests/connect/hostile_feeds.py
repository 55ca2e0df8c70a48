"""More than forty faults of a feed, each over the same made-up borrowers: no line moves that a fault does not touch.

`python -m tests.connect.hostile_feeds [--only NAME ...] [--json]` takes in the files of a clean feed, a file a day, and
in place of one day's file what a fault makes of it. Each fault says what has to become of it:

- accepted: the file is right, or cannot be told from a right one;
- cleaned: the rows that are wrong are rejected by name, and all others count;
- held: nothing of the file is taken in, since it breaks the feed's contract or cannot be read at all.

After it come the right file, where the wrong one was held, and the next day's. Then the lines of all accounts but those
that the fault touches must be those of the clean feed, byte for byte.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal
from unittest.mock import patch

import typer
from sqlalchemy import select

from linekeeper.cli.answers.events import RunAnswer
from linekeeper.cli.run_commands import run
from linekeeper.connect.first_contract import contract_lines, good_batches, proposed_contract
from linekeeper.connect.mapping_file import load_columns
from linekeeper.core.bounds import DAY_MS, HOUR_MS
from linekeeper.core.dates import date_of
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.clock import Clock
from linekeeper.journal import tables as t
from linekeeper.journal.store import open_store
from linekeeper.kernel.calendar import calendar
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from linekeeper.texts.material import shipped

Outcome = Literal["accepted", "cleaned", "held"]
Row = dict[str, str]
COLUMNS = ("id", "account", "kind", "at", "amount", "limit", "due_on", "category", "new", "code")
MONEY = ("amount", "limit")
ACCOUNTS, DAYS = 3_000, 100
GOOD_DAYS = 10  # the contract is proposed from so many
LAST_DAY = 77  # of the population that comes in; later, the bills of its last month are not written yet
ALL = frozenset({"*"})  # in place of accounts: the fault touches all of them
MAPPING = "source: core\nmoney: major\ndecimal: '.'\n"


# ------------------------------------------------------------------ files as a feed writes them


def as_csv(rows: Iterable[Row], columns: Iterable[str] = COLUMNS, delimiter: str = ",") -> bytes:
    """The rows as a CSV file."""
    names = list(columns)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return text.getvalue().encode()


def changed(rows: Iterable[Row], change: Callable[[Row], dict[str, str]], of: Iterable[int] | None = None) -> list[Row]:
    """The rows with the cells that `change` gives; only those at the places `of`, where given."""
    chosen = None if of is None else set(of)
    return [{**row, **change(row)} if chosen is None or place in chosen else row for place, row in enumerate(rows)]


def times(factor: str, kinds: Iterable[str] | None = None) -> Callable[[Row], dict[str, str]]:
    """A change that multiplies the amounts of these kinds, or of all."""
    chosen = None if kinds is None else set(kinds)

    def change(row: Row) -> dict[str, str]:
        if not row["amount"] or (chosen is not None and row["kind"] not in chosen):
            return {}
        return {"amount": str((Decimal(row["amount"]) * Decimal(factor)).quantize(Decimal("0.01")))}

    return change


def shifted(by: timedelta) -> Callable[[Row], dict[str, str]]:
    """A change that moves the time of an event."""
    return lambda row: {"at": _instant(datetime.fromisoformat(row["at"]) + by)}


def cells(**values: str) -> Callable[[Row], dict[str, str]]:
    """A change that writes the same cells into each row."""
    return lambda row: values


def swapped(one: str, other: str) -> Callable[[Row], dict[str, str]]:
    """A change that swaps two columns."""
    return lambda row: {one: row[other], other: row[one]}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ------------------------------------------------------------------ the clean feed


@dataclass(frozen=True)
class CleanFeed:
    """A folder with the clean files, the mapping with its contract, and a store that has all but the last two days.

    `before`, `right` and `after` are the rows of three days, of which a fault spoils the second.
    """

    folder: Path
    policy: Path
    days: tuple[int, ...]
    before: list[Row]
    right: list[Row]
    after: list[Row]
    lines: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def mapping(self) -> Path:
        return self.folder / "core.yaml"

    def start(self, store: Path) -> None:
        """A store of one's own with all that came before the day of the fault."""
        _copy(self.folder / "before.db", store)


def _copy(store: Path, to: Path) -> None:
    """Copy a store as it is, also what stands in its write-ahead log."""
    with closing(sqlite3.connect(store)) as one, closing(sqlite3.connect(to)) as other:
        one.backup(other)


def make_clean_feed(folder: Path) -> CleanFeed:
    """Make the files, propose a contract from ten of them, and take in all but the last two."""
    policy = Path(shipped("consumer-loan.yaml"))
    checked = load_file(policy)
    days = _rows_by_day(calendar(checked.time_zone).day)
    known = sorted(days)
    good, feed_days = known[-GOOD_DAYS - 3 : -3], known[-3:]
    for day in (*good, *feed_days):
        (folder / f"{date_of(day)}.csv").write_bytes(as_csv(days[day]))
    (folder / "history.csv").write_bytes(as_csv(row for day in known[:-3] for row in days[day]))
    mapping = folder / "core.yaml"
    mapping.write_text(MAPPING, "utf-8")
    batches = good_batches([folder / f"{date_of(day)}.csv" for day in good], checked, load_columns(mapping), Clock())
    tree = proposed_contract(batches, checked) | {"freshness": "36h", "known_accounts": "95%"}
    feed = CleanFeed(folder, policy, tuple(feed_days), *(days[day] for day in feed_days))
    store = folder / "before.db"
    _run(feed, folder / "history.csv", store, feed_days[0])
    mapping.write_text(MAPPING + "\n".join(contract_lines(tree, len(batches))) + "\n", "utf-8")
    assert _run(feed, folder / f"{date_of(feed_days[0])}.csv", store, feed_days[0] + 1) == (0, None)
    whole = folder / "whole.db"
    feed.start(whole)
    for day in feed_days[1:]:
        assert _run(feed, folder / f"{date_of(day)}.csv", whole, day + 1) == (0, None), "the clean feed is not clean"
    feed.lines.update(lines_of(whole))
    return feed


def _rows_by_day(day_of: Callable[[int], int]) -> dict[int, list[Row]]:
    """The population's events as a core system writes them, by local day. The bureau's reports are another feed."""
    days: dict[int, list[Row]] = {}
    first: int | None = None
    for event in population(accounts=ACCOUNTS, days=DAYS, seed=1).events.to_pylist():
        day = day_of(event["at"])
        first = day if first is None else first
        if event["kind"] == "bureau" or day - first > LAST_DAY:
            continue
        row = {name: "" if event.get(name) is None else str(event[name]) for name in COLUMNS}
        row["at"] = _instant(datetime.fromtimestamp(event["at"] / 1_000, UTC))
        row |= {name: str(Decimal(event[name]).scaleb(-2)) for name in MONEY if event.get(name) is not None}
        if event.get("due_on") is not None:
            row["due_on"] = str(date_of(event["due_on"]))
        if event.get("new") is not None:
            row["new"] = "true" if event["new"] else "false"
        days.setdefault(day, []).append(row)
    return days


def lines_of(store: Path) -> dict[str, tuple[Any, ...]]:
    """Each account's state and the hash of its last decision, which covers all before it."""
    a = t.accounts.c
    opened = open_store(str(store), made=True)
    with opened.reading() as connection:
        rows = connection.execute(select(a.account, a.state, a.next_review, a.decisions, a.last_hash)).all()
    opened.close()
    return {row.account: tuple(row)[1:] for row in rows}


_load_once = cache(load_file)  # the same policy for all of them


def _run(feed: CleanFeed, file: Path, store: Path, day: int) -> tuple[int, str | None]:
    """How many rows `linekeeper run` rejects at one in the morning of that local day, or the code that ended it."""
    now = day * DAY_MS - 8 * HOUR_MS + HOUR_MS  # the population lives in Shanghai
    clock, answers = Clock(lambda: now), list[RunAnswer]()
    given: dict[str, Any] = {"store": str(store), "keys": None, "jurisdiction": None, "product": None, "json": True}
    with (
        patch("linekeeper.cli.run_commands.clock_of", lambda simulate: clock),
        patch("linekeeper.cli.opening.clock_of", lambda simulate: clock),
        patch("linekeeper.policy.load.load_file", _load_once),
        patch("linekeeper.cli.run_commands.print_answer", answers.append),
    ):
        try:
            run(feed.policy, file, mapping=feed.mapping, **given)
        except LinekeeperError as error:
            return 0, error.code
        except typer.Exit:  # all rows were rejected
            pass
    return answers[0].rejected, None


# ------------------------------------------------------------------ the faults


def nobody(feed: CleanFeed) -> frozenset[str]:
    """The fault touches no account, or the file is held and the right one comes after it."""
    return frozenset()


@dataclass(frozen=True)
class Fault:
    """One fault: what it makes of the right file, what has to become of that, and which accounts it touches.

    `code`: of the error that ends the run of a file that is held. `rejected`: how many rows are rejected by name.
    """

    name: str
    outcome: Outcome
    spoil: Callable[[CleanFeed], bytes]
    touches: Callable[[CleanFeed], frozenset[str]] = nobody
    rejected: int = 0
    code: str = "batch-waits"
    file: str = "core.csv"


def places(feed: CleanFeed, count: int = 2, kind: str = "purchase") -> list[int]:
    """The places of some rows of one kind, of as many accounts."""
    found: dict[str, int] = {}
    for place, row in enumerate(feed.right):
        if row["kind"] == kind:
            found.setdefault(row["account"], place)
    return list(found.values())[5 : 5 + count]


def of_places(feed: CleanFeed, count: int = 2, kind: str = "purchase") -> frozenset[str]:
    """The accounts of those rows."""
    return frozenset(feed.right[place]["account"] for place in places(feed, count, kind))


def of_one(feed: CleanFeed) -> frozenset[str]:
    """The account of one purchase."""
    return of_places(feed, 1)


def each_row(change: Callable[[Row], dict[str, str]]) -> Callable[[CleanFeed], bytes]:
    """Every row of the file is changed."""
    return lambda feed: as_csv(changed(feed.right, change))


def some_rows(count: int, change: Callable[[Row], dict[str, str]]) -> Callable[[CleanFeed], bytes]:
    """A few rows are changed."""
    return lambda feed: as_csv(changed(feed.right, change, places(feed, count)))


def without(*kinds: str) -> Callable[[CleanFeed], bytes]:
    """Some kinds do not come."""
    return lambda feed: as_csv(row for row in feed.right if row["kind"] not in kinds)


def as_bytes(spoil: Callable[[bytes], bytes]) -> Callable[[CleanFeed], bytes]:
    """The right file's bytes are changed."""
    return lambda feed: spoil(as_csv(feed.right))


def _in_other_order(feed: CleanFeed) -> bytes:
    rows = list(feed.right)
    Random(7).shuffle(rows)
    return as_csv(rows)


def _cut_in_a_row(text: bytes) -> bytes:
    """Cut within the last row, after the time and before its end: what is left can be read."""
    return text[: text.rstrip(b"\n").rindex(b"Z,") + 3]


def _cut_at_half(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join(lines[: len(lines) // 2])


def _header_again(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join([*lines[:50], lines[0], *lines[50:]])


def _one_more_cell(feed: CleanFeed) -> bytes:
    lines, place = as_csv(feed.right).splitlines(keepends=True), places(feed, 1)[0] + 1
    lines[place] = lines[place].replace(b",", b",,", 1)
    return b"".join(lines)


def _quote_left_open(feed: CleanFeed) -> bytes:
    lines, place = as_csv(feed.right).splitlines(keepends=True), places(feed, 1)[0] + 1
    lines[place] = b'"' + lines[place]
    return b"".join(lines)


def _ids_of_others(feed: CleanFeed) -> bytes:
    """Two rows have the ids of events that came the day before."""
    first, second = places(feed)
    taken = {first: feed.before[0]["id"], second: feed.before[1]["id"]}
    return as_csv({**row, "id": taken.get(place, row["id"])} for place, row in enumerate(feed.right))


def _ids_twice(feed: CleanFeed) -> bytes:
    """A row has the id of the first row of the same file."""
    return as_csv(changed(feed.right, cells(id=feed.right[0]["id"]), places(feed, 1)))


def _under_anothers_id(feed: CleanFeed) -> bytes:
    one, other = sorted(of_places(feed))
    return as_csv(changed(feed.right, lambda row: {"account": other} if row["account"] == one else {}))


def _another_lenders(feed: CleanFeed) -> bytes:
    return as_csv(changed(feed.right, lambda row: {"account": f"X{row['account']}", "id": f"X{row['id']}"}))


def _german(feed: CleanFeed) -> bytes:
    return as_csv(changed(feed.right, lambda row: {"amount": row["amount"].replace(".", ",")}))


def _with_thousands(feed: CleanFeed) -> bytes:
    return as_csv(changed(feed.right, lambda row: {"amount": f"{Decimal(row['amount']):,}" if row["amount"] else ""}))


def _major_and_minor(feed: CleanFeed) -> bytes:
    """Half of the rows are in minor units."""
    return as_csv(changed(feed.right, times("100"), range(0, len(feed.right), 2)))


def _with_currency(row: Row) -> dict[str, str]:
    return {"amount": f"{row['amount']} CNY"} if row["amount"] else {}


def _with_nul(row: Row) -> dict[str, str]:
    return {"account": row["account"] + "\0"}


def _with_other_column(feed: CleanFeed) -> bytes:
    return as_csv(feed.right).replace(b"code", b"branch", 1)


def _account_column_twice(text: bytes) -> bytes:
    return text.replace(b"kind", b"account", 1)


def _without_column(name: str) -> Callable[[CleanFeed], bytes]:
    return lambda feed: as_csv(feed.right, [column for column in COLUMNS if column != name])


def _swapped_names(text: bytes) -> bytes:
    return text.replace(b"amount,limit,due_on", b"due_on,limit,amount", 1)


YEAR, WEEK = timedelta(days=365), timedelta(days=7)
HTML = b"<html><body><h1>503 Service Unavailable</h1></body></html>\n"
FAULTS: tuple[Fault, ...] = (
    # -- what is wrong with the whole file: it has to be held, so that no line moves
    Fault("amounts in minor units", "held", each_row(times("100"))),
    Fault("amounts divided by 100", "held", each_row(times("0.01"))),
    Fault("amounts times 1000", "held", each_row(times("1000"))),
    Fault("income halved", "held", each_row(times("0.5", ["income"]))),
    Fault("income doubled", "held", each_row(times("2", ["income"]))),
    Fault("half the rows in minor units", "held", _major_and_minor),
    Fault("half the kinds missing", "held", without("income", "repay", "due", "charge", "draw")),
    Fault("no income", "held", without("income")),
    Fault("no repayments and no bills", "held", without("repay", "due")),
    Fault("repayments as draws", "held", each_row(lambda row: {"kind": "draw"} if row["kind"] == "repay" else {})),
    Fault("a week early", "held", each_row(shifted(-WEEK))),
    Fault("a year early", "held", each_row(shifted(-YEAR))),
    Fault("a year late", "held", each_row(shifted(YEAR))),
    Fault("local times as UTC", "held", each_row(shifted(timedelta(hours=8)))),
    Fault("seconds since 1970", "held", each_row(lambda row: {"at": "1684108800"})),
    Fault("account and id swapped", "held", each_row(swapped("account", "id"))),
    Fault("account and kind swapped", "held", each_row(swapped("account", "kind"))),
    Fault("names of two columns swapped", "held", as_bytes(_swapped_names)),
    Fault("another lender's accounts", "held", _another_lenders),
    Fault("negative amounts", "held", each_row(times("-1"))),
    Fault("decimal commas", "held", _german),
    Fault("thousands marks", "held", _with_thousands),
    Fault("amounts with their currency", "held", each_row(_with_currency)),
    Fault("a kind that is not known, in half the rows", "held", lambda feed: as_csv(
        changed(feed.right, cells(kind="transfer"), range(0, len(feed.right), 2)))),
    Fault("cut within a row", "held", as_bytes(_cut_in_a_row)),
    Fault("cut at half", "held", as_bytes(_cut_at_half)),
    Fault("header only", "held", lambda feed: as_csv([]), code="file-empty"),
    Fault("two days in one file", "held", lambda feed: as_csv([*feed.right, *feed.after])),
    Fault("one absurd amount", "held", some_rows(1, cells(amount="99999999.00"))),
    # -- what cannot be read at all
    Fault("empty", "held", lambda feed: b"", code="file-empty"),
    Fault("another delimiter", "held", lambda feed: as_csv(feed.right, delimiter=";"), code="file-not-readable"),
    Fault("an error page", "held", lambda feed: HTML, code="column-not-known"),
    Fault("another encoding", "held", as_bytes(lambda text: text.decode().encode("cp037")), code="file-not-readable"),
    Fault("compressed", "held", as_bytes(gzip.compress), code="file-not-readable"),
    Fault("a column twice", "held", as_bytes(_account_column_twice), code="mapping-not-usable"),
    Fault("no column of times", "held", _without_column("at"), code="column-missing"),
    Fault("an unknown column", "held", _with_other_column, code="column-not-known"),
    # -- rows that are rejected by name, while all others count
    Fault("a row of 2052", "cleaned", some_rows(1, cells(at="2052-05-16T08:00:00Z")), of_one, 1),
    Fault("a row of 1970", "cleaned", some_rows(1, cells(at="1970-01-01T00:00:00Z")), of_one, 1),
    Fault("a row in seconds", "cleaned", some_rows(1, cells(at="1684108800")), of_one, 1),
    Fault("a row before its account", "cleaned", some_rows(1, cells(at="2001-05-16T08:00:00Z")), of_one, 1),
    Fault("the header again", "cleaned", as_bytes(_header_again), nobody, 1),
    Fault("two rows of an unknown kind", "cleaned", some_rows(2, cells(kind="transfer")), of_places, 2),
    Fault("two rows without account", "cleaned", some_rows(2, cells(account="")), of_places, 2),
    Fault("two rows of unknown accounts", "cleaned", some_rows(2, cells(account="Z-1")), of_places, 2),
    Fault("two negative amounts", "cleaned", some_rows(2, times("-1")), of_places, 2),
    Fault("an amount beyond all bounds", "cleaned", some_rows(1, cells(amount="9" * 30)), of_one, 1),
    Fault("an amount that is no number", "cleaned", some_rows(1, cells(amount="NaN")), of_one, 1),
    Fault("a NUL byte in an account", "cleaned", some_rows(1, _with_nul), of_one, 1),
    Fault("a very long cell", "cleaned", some_rows(1, cells(id="9" * 1_000_000)), of_one, 1),
    Fault("a row with a cell too many", "cleaned", _one_more_cell, of_one, 1),
    Fault("a quote left open", "cleaned", _quote_left_open, of_one, 1),
    Fault("ids of other events", "cleaned", _ids_of_others, of_places, 2),
    Fault("an id twice in the file", "cleaned", _ids_twice, of_one, 1),
    # -- what is right, or cannot be told from it
    Fault("nothing wrong", "accepted", lambda feed: as_csv(feed.right)),
    Fault("another name", "accepted", lambda feed: as_csv(feed.right), file="core (1).csv"),
    Fault("rows in another order", "accepted", _in_other_order),
    Fault("rows backwards", "accepted", lambda feed: as_csv(feed.right[::-1])),
    Fault("columns in another order", "accepted", lambda feed: as_csv(feed.right, COLUMNS[::-1])),
    Fault("each row twice", "accepted", lambda feed: as_csv([*feed.right, *feed.right])),
    Fault("the day before again", "accepted", lambda feed: as_csv(feed.before)),
    Fault("a byte order mark", "accepted", as_bytes(lambda text: b"\xef\xbb\xbf" + text)),
    Fault("UTF-16", "accepted", as_bytes(lambda text: text.decode().encode("utf-16"))),
    Fault("line ends of Windows", "accepted", as_bytes(lambda text: text.replace(b"\n", b"\r\n"))),
    Fault("one account's events under another's", "accepted", _under_anothers_id, of_places),
)  # fmt: skip


# ------------------------------------------------------------------ one fault after another


@dataclass(frozen=True)
class Finding:
    """What became of one fault. `differing`: accounts that it does not touch and whose lines differ all the same.

    `wrong` says what is not as it has to be; empty where all is.
    """

    name: str
    outcome: str
    code: str | None
    rejected: int
    differing: tuple[str, ...]
    seconds: float
    wrong: str


def find(feed: CleanFeed, fault: Fault, folder: Path) -> Finding:
    """Take the faulty file in, then the right one where it was held, then the next day's, and compare all lines."""
    began = time.perf_counter()
    folder.mkdir()
    store, file = folder / "lines.db", folder / fault.file
    feed.start(store)
    before = lines_of(store)
    file.write_bytes(fault.spoil(feed))
    rejected, code = _run(feed, file, store, feed.days[1] + 1)
    held = code is not None
    outcome = "held" if held else "cleaned" if rejected else "accepted"
    moved = held and lines_of(store) != before
    # The day before, sent again, is no wrong file, but the right one is still to come.
    if held or fault.name == "the day before again":
        _run(feed, feed.folder / f"{date_of(feed.days[1])}.csv", store, feed.days[1] + 1)
    _run(feed, feed.folder / f"{date_of(feed.days[2])}.csv", store, feed.days[2] + 1)
    lines, touched = lines_of(store), fault.touches(feed)
    names = sorted({*lines, *feed.lines})
    differing = tuple(name for name in names if name not in touched and lines.get(name) != feed.lines.get(name))
    wrong = [
        f"it was {outcome}, and has to be {fault.outcome}" if outcome != fault.outcome else "",
        f"the code is {code}, and has to be {fault.code}" if held and code != fault.code else "",
        f"{rejected} rows were rejected, and have to be {fault.rejected}" if rejected != fault.rejected else "",
        "lines moved though the file was held" if moved else "",
        f"{len(differing)} lines differ that it does not touch" if differing else "",
    ]
    seconds = round(time.perf_counter() - began, 3)
    return Finding(fault.name, outcome, code, rejected, differing, seconds, "; ".join(filter(None, wrong)))


def findings(faults: Iterable[Fault], folder: Path) -> Iterator[Finding]:
    """The finding of each fault, over one clean feed."""
    feed = make_clean_feed(folder)
    for number, fault in enumerate(faults):
        yield find(feed, fault, folder / f"fault-{number}")
        shutil.rmtree(folder / f"fault-{number}")


def main() -> None:
    """Run all faults, or those that are named, and say what became of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of faults")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began, chosen = time.perf_counter(), [fault for fault in FAULTS if not given.only or fault.name in given.only]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for each in findings(chosen, Path(folder)):
            found.append(each)
            if not given.json:
                sys.stdout.write(f"{each.outcome:<9}{each.code or '':<20}{each.name:<44}{each.wrong or 'right'}\n")
                sys.stdout.flush()
    wrong = [each.name for each in found if each.wrong]
    seconds = round(time.perf_counter() - began, 1)
    if given.json:
        outcomes = {
            outcome: sum(each.outcome == outcome for each in found) for outcome in ("accepted", "cleaned", "held")
        }
        figures = {"faults": len(found), **outcomes, "lines": ACCOUNTS, "wrong": wrong, "seconds": seconds}
        sys.stdout.write(json.dumps({**figures, "findings": [vars_of(each) for each in found]}) + "\n")
    else:
        sys.stdout.write(f"{len(found)} faults in {seconds} s, {len(wrong)} wrong\n")
    sys.exit(bool(wrong))


def vars_of(finding: Finding) -> dict[str, Any]:
    """A finding as a JSON object."""
    return {**asdict(finding), "differing": len(finding.differing)}


if __name__ == "__main__":
    main()
