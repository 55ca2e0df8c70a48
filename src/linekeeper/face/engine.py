"""An engine over a store: events come in, decisions come out, and both are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Literal, Unpack

import pyarrow as pa
from sqlalchemy import Connection

from linekeeper.connect.batch_files import content_digest
from linekeeper.connect.table_output import demand_table_file, write_table
from linekeeper.connect.validation import Validator
from linekeeper.core import decision as core
from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError
from linekeeper.core.event import Rejection, RejectionCode, count_by_code, source_of_feed
from linekeeper.engine import engine as rooms
from linekeeper.engine.account import ACCOUNTS_A_PAGE, AccountFilter, AccountSummary, account_page, find_decision, view
from linekeeper.engine.changes import CHANGES_A_PAGE, changes_after
from linekeeper.engine.clock import Clock
from linekeeper.engine.feed_batches import batch_records, taking_in
from linekeeper.engine.notices import build_notice
from linekeeper.engine.opening import engine_of_store, law_named
from linekeeper.engine.point_in_time import state_after
from linekeeper.engine.roads import day_of_road, road_of_account
from linekeeper.engine.rulings import Ruling, demand_clock, new_id
from linekeeper.engine.rulings import rule as enter_rulings
from linekeeper.engine.verify import Verdict
from linekeeper.engine.verify import verify as verify_store
from linekeeper.evaluate.authorisation import Authorisation
from linekeeper.face.arguments import given_count, given_path, given_text, optional_text, refused_argument
from linekeeper.face.batches import FeedBatch, feed_batch_of, ruled_batch
from linekeeper.face.decision import Decision, Explanation, decisions_of_records, explanation_of
from linekeeper.face.events import Columns, EventInput, batch_of_input, few_events_of, intake_of
from linekeeper.face.extracts import Change, ExtractFilters, Subject, changes_of, extract_of
from linekeeper.face.policy import Policy, policy_of
from linekeeper.face.records import Records, html_of_pairs
from linekeeper.face.road import Road, road_as_dates
from linekeeper.face.timeline import Timeline, opening_of, point_of
from linekeeper.face.times import day_of, instant_of, ms_of, review_date
from linekeeper.journal.keeper import erase_borrower
from linekeeper.journal.log.erase import Erasure
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.notice.render import as_html, as_json, as_text
from linekeeper.texts.language import Lang

PAGE_SIZE_MAX = 1_000_000
POSITION_MAX = 2**63 - 1
NoticeFormat = Literal["text", "html", "json"]
RENDER_AS = {"text": as_text, "html": as_html, "json": as_json}


class Received(Records[Decision]):
    """The decisions that events led to, in the order of accounts and then of time.

    `rejected` are the events not admitted, with reason and code, `conflicts` those of them whose id came before for
    another event, `repeats` came before; the brake made `pending` restrictions wait; `excess_draws` (`flagged_draws`:
    their ids, where they are flagged) were of more than was available; `unowed_dues` accounts owe less than their dues.
    """

    def __init__(
        self,
        decisions: Records[Decision],
        rejected: Sequence[Rejection],
        repeats: int,
        pending: int,
        excess_draws: int,
        unowed_dues: int,
        flagged_draws: Sequence[str],
    ) -> None:
        super().__init__(lambda: decisions, lambda: decisions.table)
        self.rejected, self.repeats, self.pending = tuple(rejected), repeats, pending
        self.excess_draws, self.unowed_dues, self.flagged_draws = excess_draws, unowed_dues, tuple(flagged_draws)
        self.rejected_by_code = count_by_code(self.rejected)
        self.conflicts = self.rejected_by_code.get(RejectionCode.CONFLICT, 0)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands in the store, at `now`. `features` are whole numbers in their units, None where missing.

    `next_review` is the first day on which something could differ without a further event; None where there is none.
    """

    account: str
    status: str
    limit_minor: int
    granted_minor: int
    balance_minor: int
    opened_at: datetime
    now: datetime
    next_review: date | None
    features: Mapping[str, int | None]
    decisions: Records[Decision]
    timeline: Timeline

    def _repr_html_(self) -> str:
        names = ("status", "limit_minor", "granted_minor", "balance_minor", "opened_at", "now", "next_review")
        pairs = [*((name, getattr(self, name)) for name in names), *self.features.items()]
        return html_of_pairs(self.account, pairs) + self.timeline._repr_html_() + self.decisions._repr_html_()


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account of a list."""

    account: str
    status: str
    limit_minor: int
    granted_minor: int
    balance_minor: int
    next_review: date | None


class Engine:
    """A store under its policy, held open: see `linekeeper.open`. Use it in `with`, or call `close`.

    A decision is named by the object, by `ACCOUNT#NUMBER`, or by an account for its latest.
    """

    def __init__(self, engine: rooms.Engine) -> None:
        self._engine = engine
        self.policy = Policy(engine.policy)
        self._validator = Validator(engine.policy, clock=engine.clock)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Engine({self.policy.name}, version {self.policy.version})"

    def close(self) -> None:
        """Close the store's connections."""
        self._engine.store.close()

    # -------------------------------------------------------------- what acts

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction on the store's database, as a SQLAlchemy connection: for rows of your own beside decisions.

        What `receive` does with it and what you write commit together, or not at all where the block ends with an
        error. Whatever else writes to the store waits meanwhile, so keep it short.

        >>> import linekeeper as lk
        >>> from sqlalchemy import text
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     with engine.transaction() as tx:
        ...         table = tx.execute(text("CREATE TABLE payments (id TEXT PRIMARY KEY, event TEXT)"))
        ...     with engine.transaction() as tx:
        ...         row = tx.execute(text("INSERT INTO payments VALUES ('p-1', '1')"))
        ...         received = engine.receive("docs/examples/cash-line.jsonl", transaction=tx)
        >>> len(received)
        2
        """
        return self._engine.transaction()

    def receive(
        self,
        events: EventInput,
        *,
        source: str | None = None,
        allow_other_source: bool = False,
        columns: Columns | None = None,
        transaction: Connection | None = None,
    ) -> Received:
        """Take events in, decide, and make all of it durable; the decisions that they led to.

        `events` and `columns` are as in `linekeeper.replay`. An event is known by its `id` within a `source`, which is
        a property of the feed: by default what the mapping file or the event table says, else `main`. The same again
        changes nothing, and another under the same `id` is rejected. So is an event that another source gave before
        under that `id`, unless `allow_other_source`, and an event of a borrower who was erased. With a `transaction`,
        all of it is a part of that one, and durable once it commits: one that `transaction()` gave, or a SQLAlchemy
        connection to the same database on which you began one. A file whose mapping has a contract, and that breaks it,
        waits as a whole (`pending_batches`). Raises LinekeeperError, with nothing done, where it does, the events
        cannot be read at all, the transaction cannot be joined, or the store keeps a log and the engine has no keys.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     again = engine.receive("docs/examples/cash-line.jsonl")
        >>> received
        Decision(A-1001#1: decrease at 2025-05-13T00:00:00+08:00, 1000000 -> 500000, reasons arrears)
        Decision(A-1001#2: restore at 2025-06-17T00:00:00+08:00, 500000 -> 600000)
        >>> len(again), again.repeats
        (0, 10)
        """
        optional_text("source", source)
        few, batch = few_events_of(events, self._validator, columns), None
        if few is not None:
            given, aside, same, noted = few[0], few[1], 0, None
        else:
            intake = intake_of(events, self.policy, columns, self._engine.clock)
            given, aside, same, noted = intake.table, intake.rejected, intake.same, intake.source
            batch = batch_of_input(events, intake, columns, source_of_feed(source, noted))
        kept: list[core.Decision] = []
        named = source_of_feed(source, noted)
        file = given_path("events", events) if isinstance(events, str | PathLike) else None
        content = None if file is None else partial(content_digest, [file])
        with taking_in(self._engine, None if file is None else named, batch, content, transaction):
            summary = self._engine.receive(
                given,
                named,
                allow_other_source=allow_other_source,
                keep=kept.append,
                transaction=transaction,
            )
        return Received(
            self._decisions(kept),
            [*aside, *summary.rejected],
            same + summary.same,
            summary.pending,
            summary.excess_draws,
            summary.unowed_dues,
            summary.flagged_draws,
        )

    def review(self, day: date | str) -> Records[Decision]:
        """Review every account that is due, up to the start of a day; the decisions that this led to.

        An account whose key in the log does not open is passed over (`linekeeper log status` names it), and reviewed
        once the key is put back. Raises LinekeeperError where the day has not begun.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     engine.review("2025-12-31")
        Decision(A-1001#3: restore at 2025-07-17T00:00:00+08:00, 600000 -> 800000)
        Decision(A-1001#4: restore at 2025-08-16T00:00:00+08:00, 800000 -> 1000000)
        """
        kept: list[core.Decision] = []
        self._engine.review(day_of(day), keep=kept.append)
        return self._decisions(kept)

    def rule(
        self,
        account: str,
        *,
        until: date | str,
        by: str,
        why: str,
        at: datetime | str,
        trigger: str | None = None,
        cap_bp: int | None = None,
        id: str | None = None,
    ) -> Records[Decision]:
        """A person waives a `trigger`, or imposes a cap (basis points of what is granted), up to and including a day.

        With neither, a restriction that waits because of the brake may act. The same `id` again changes nothing.
        Raises LinekeeperError, with nothing done, where the account or the trigger is not known or the day has passed.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     engine.rule("A-1001", cap_bp=5_000, until="2025-08-31", by="Li", why="audit", at="2025-07-11T09:00Z")
        Decision(A-1001#3: decrease at 2025-07-11T17:00:00+08:00, 600000 -> 500000, reasons person)
        """
        ruling = Ruling(
            given_text("account", account),
            ms_of(at),
            day_of(until),
            given_text("by", by),
            given_text("why", why),
            optional_text("trigger", trigger),
            cap_bp,
            optional_text("id", id) or new_id(),
        )
        return self._decisions(enter_rulings(self._engine, [ruling]))

    def pending_batches(self, *, ended: bool = False) -> list[FeedBatch]:
        """Batches that wait because they break their contract, or that are to be given again; with `ended`, all others.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     engine.pending_batches()
        []
        """
        with self._engine.store.reading() as connection:
            return [feed_batch_of(record) for record in batch_records(connection, ended=ended)]

    def release_batch(self, content: str, *, by: str, why: str, source: str | None = None) -> FeedBatch:
        """A person lets a batch that waits be taken in: its file goes through when it is received again.

        `content` is its hash, or the first digits. Raises LinekeeperError, with nothing done, where no such batch
        waits.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     try:
        ...         engine.receive("docs/examples/contract/wednesday.csv", columns="docs/examples/contract/core.yaml")
        ...     except lk.LinekeeperError as held:
        ...         engine.release_batch(held.details["content"], by="m.chen", why="small draws are free").state
        'released'
        """
        return ruled_batch(self._engine, content, "release", by, why, source)

    def reject_batch(self, content: str, *, by: str, why: str, source: str | None = None) -> FeedBatch:
        """A person rejects a batch that waits: it is never taken in. The arguments are as in `release_batch`.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     try:
        ...         engine.receive("docs/examples/contract/wednesday.csv", columns="docs/examples/contract/core.yaml")
        ...     except lk.LinekeeperError as held:
        ...         engine.reject_batch(held.details["content"], by="m.chen", why="divided by 100").state
        'rejected'
        """
        return ruled_batch(self._engine, content, "reject", by, why, source)

    def erase(self, account: str, *, at: datetime | str) -> Erasure:
        """Erase a borrower: what the store holds is deleted, and the key of the log's records is destroyed.

        The log says so in a leaf of its own, and every proof still holds. It cannot be undone. Raises LinekeeperError
        where the account is not known, or the engine was opened without `keys`.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     engine.erase("A-1001", at="2025-12-31T09:00+08:00")
        Traceback (most recent call last):
        linekeeper.core.errors.UsageError: a borrower is erased in the log too; open the store with the `keys` ...
        """
        if self._engine.keeper is None:
            raise UsageError(
                "a borrower is erased in the log too",
                code="log-keys-needed",
                way_out="open the store with the `keys` of its log",
            )
        demand_clock(self._engine.store, self._engine.clock)
        return erase_borrower(self._engine.store, self._engine.keeper, given_text("account", account), ms_of(at))

    # -------------------------------------------------------------- what answers

    def authorise(self, account: str, amount_minor: int, at: datetime | str, draw: str | None = None) -> Authorisation:
        """Whether a draw of so many minor units may happen at that instant, and why not; a `draw` (its id) then does.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     engine.authorise("A-1001", 700_000, "2025-07-11T09:00+08:00")
        Authorisation(allowed=False, reasons=('over_limit',), rules=())
        """
        return self._engine.authorise(given_text("account", account), ms_of(at), amount_minor, draw)

    def explain(self, decision: Decision | str) -> Explanation:
        """A decision taken apart: its triggers with each value against its threshold, and the parts of its score.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     print(engine.explain("A-1001#1"))
        Decision(A-1001#1: decrease at 2025-05-13T00:00:00+08:00, 1000000 -> 500000, reasons arrears)
        late_3: set: cap 50%; reason arrears
          days_past_due: 3d; >= 3d holds
        """
        record = self._record(decision)
        policy = self._engine.engine_of_version(record.policy).policy
        return explanation_of(policy, Decision(record, policy.time_zone))

    def recourse(self, account: str, day: date | str | None = None) -> Road | None:
        """The road back: what the borrower can do by when, and the limit on each date. It is verified by a second run.

        None where nothing holds the line down. As of `day`; by default the latest that the account has seen. Raises
        LinekeeperError where the account is not known, or has seen a later day.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     road = engine.recourse("A-1001")
        >>> road.is_open, road.restored_on
        (True, datetime.date(2025, 8, 16))
        """
        asked = day_of_road(self._engine, given_text("account", account), None if day is None else day_of(day))
        road = road_of_account(self._engine, account, asked)
        return None if road is None else road_as_dates(road, self._engine.engine_of(account).policy, asked)

    def notice(
        self,
        decision: Decision | str,
        lang: Lang = "en",
        *,
        form: NoticeFormat = "text",
        lender: str | Path | None = None,
    ) -> str:
        """The notice of a decision as the borrower reads it, in English (`en`) or Simplified Chinese (`zh`).

        `form`: `text`, `html` or `json`. `lender`: the file that says who the lender is, by default an example. Raises
        LinekeeperError where the decision has nothing to be notified.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     "5,000" in engine.notice("A-1001#1")
        True
        """
        given_text("lang", lang)
        if given_text("form", form) not in RENDER_AS:
            raise UsageError(
                f"`{form}` is no form of a notice",
                code="choice-not-known",
                way_out=f"use one of {', '.join(RENDER_AS)}",
            )
        record = self._record(decision)
        profile = read_lender_profile(None if lender is None else given_path("lender", lender))
        notice = build_notice(self._engine, record, profile, state_after(self._engine, record))
        return RENDER_AS[form](notice, lang, profile.words)

    def account(self, name: str) -> Account:
        """One account: its line, its features, its decisions. LinekeeperError where it is not known.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     account = engine.account("A-1001")
        >>> account.status, account.limit_minor, account.features["past_due"], len(account.decisions)
        ('restoring', 600000, 0, 2)
        """
        seen = view(self._engine, given_text("name", name))
        zone = self.policy.time_zone
        decisions = self._decisions(seen.decisions)
        until = date_of(day_of_road(self._engine, name, None))
        opening = opening_of(instant_of(seen.opened_at, zone), seen.opening)
        return Account(
            account=seen.account,
            status=seen.line.status,
            limit_minor=seen.line.limit,
            granted_minor=seen.line.granted,
            balance_minor=seen.balance,
            opened_at=instant_of(seen.opened_at, zone),
            now=instant_of(seen.now, zone),
            next_review=review_date(seen.next_review),
            features=seen.values,
            decisions=decisions,
            timeline=Timeline(seen.account, (opening, *map(point_of, decisions)), until, self.policy),
        )

    def accounts(
        self, status: str | None = None, *, after: str = "", page_size: int = ACCOUNTS_A_PAGE
    ) -> Records[AccountLine]:
        """A page of accounts in order of their names, those of a `status` alone where one is named.

        The next page begins `after` the last account of this one.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     engine.accounts("restoring").table.column("limit_minor").to_pylist()
        ...     len(engine.accounts(after="A-1001"))
        [600000]
        0
        """
        size = given_count("page_size", page_size, 1, PAGE_SIZE_MAX)
        wanted = AccountFilter(optional_text("status", status))
        page = account_page(self._engine, wanted, given_text("after", after), size)
        return Records(lambda: map(_account_line, page), lambda: _table_of_accounts(page))

    def extract(
        self, what: Subject, *, day: date | str | None = None, **filters: Unpack[ExtractFilters]
    ) -> pa.RecordBatchReader:
        """All `accounts`, `decisions`, `notices`, `events` or `features`, as a stream that pandas and others take.

        It is read page by page while it is used, so it may be larger than memory. With a `day`, all as was known at its
        end. `filters` narrow it: accounts by `status`, `trigger`, `reason`; decisions by `account`, `action`,
        `trigger`, `reason`, `from_day`; events by `account`, `kind`; notices by `state`.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     for day in ("2025-05-12", "2025-05-13"):
        ...         engine.extract("accounts", day=day).read_all().select(["limit_minor", "triggers"]).to_pylist()
        [{'limit_minor': 1000000, 'triggers': ''}]
        [{'limit_minor': 500000, 'triggers': 'late_3'}]
        """
        return extract_of(self._engine, what, day, **filters)

    def extract_to(
        self, path: str | Path, what: Subject, *, day: date | str | None = None, **filters: Unpack[ExtractFilters]
    ) -> int:
        """The same written to a .parquet, .csv or .jsonl file, whole or not at all; how many rows there were.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     engine.extract_to("accounts.xlsx", "accounts")
        Traceback (most recent call last):
        linekeeper.core.errors.FileError: `accounts.xlsx` does not say what it is to be; name it .parquet, ...
        """
        demand_table_file(Path(path))
        return write_table(Path(path), extract_of(self._engine, what, day, **filters))

    def changes(self, after: int = 0, *, limit: int = CHANGES_A_PAGE) -> tuple[Change, ...]:
        """What changed after a position, in the order of commits: at most `limit` decisions and sent notices.

        The next ones come after the `position` of the last. Raises LinekeeperError where the store never gave that
        position, as after an older copy of it was restored.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     [(one.position, one.kind, one.decision.action) for one in engine.changes()]
        ...     engine.changes(after=2)
        [(1, 'decision', 'decrease'), (2, 'decision', 'restore')]
        ()
        """
        given_count("after", after, 0, POSITION_MAX)
        return changes_of(changes_after(self._engine, after, limit), self.policy.time_zone)

    def verify(self) -> Verdict:
        """Derive every decision and state again from the events and compare them with the store, and with its log.

        The log is compared where the store was opened with its `keys`.

        >>> import linekeeper as lk
        >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
        ...     received = engine.receive("docs/examples/cash-line.jsonl")
        ...     engine.verify().same
        True
        """
        keeper = self._engine.keeper
        return verify_store(self._engine.store, vault=keeper.vault if keeper else None)

    def _record(self, decision: Decision | str) -> core.Decision:
        if isinstance(decision, Decision):
            return decision.record
        return find_decision(self._engine, given_text("decision", decision))

    def _decisions(self, records: Sequence[core.Decision]) -> Records[Decision]:
        return decisions_of_records(records, self.policy.time_zone)


def open(
    store: str | Path,
    policy: Policy | str | Path | None = None,
    *,
    keys: str | Path | None = None,
    brake: bool = False,
    jurisdiction: str | None = None,
    product: str | None = None,
    signed_by: str | None = None,
    simulate: bool = False,
) -> Engine:
    """An engine over a store: the path of an SQLite file, or a database URL, as in the commands.

    With a `policy`, a store that does not exist yet is made; without one, the store exists and its own policy holds.
    `keys`: the folder of the log's keys, where the store keeps a log. `brake`: a burst of restrictions waits for a
    person. `jurisdiction` and `product`: notices are noted under that law, from the first event on. `signed_by`: who
    signs off the policy where the store begins with it. Events dated more than a day ahead of this machine's clock are
    rejected, and no day is reviewed that has not begun, unless you `simulate`.

    Raises LinekeeperError where the store cannot be opened, or holds decisions of another policy or version.

    >>> import linekeeper as lk
    >>> with lk.open(":memory:", "docs/examples/cash-line.yaml") as engine:
    ...     received = engine.receive("docs/examples/cash-line.jsonl")
    ...     engine.account("A-1001").limit_minor
    600000
    """
    if not isinstance(store, str | PathLike) or not str(store).strip():
        raise refused_argument("store", store, "give the path of an SQLite file, or a database URL")
    for name, flag in (("brake", brake), ("simulate", simulate)):
        if not isinstance(flag, bool):
            raise refused_argument(name, flag, "give True or False")
    return Engine(
        engine_of_store(
            given_text("store", str(store)),
            None if policy is None else policy_of(policy).definition,
            None if keys is None else given_path("keys", keys),
            brake,
            law_named(optional_text("jurisdiction", jurisdiction), optional_text("product", product)),
            optional_text("signed_by", signed_by),
            Clock(simulated=simulate),
        )
    )


def _account_line(summary: AccountSummary) -> AccountLine:
    line, due = summary.line, review_date(summary.next_review)
    return AccountLine(summary.account, line.status, line.limit, line.granted, summary.balance, due)


def _table_of_accounts(page: Sequence[AccountSummary]) -> pa.Table:
    return pa.table(
        {
            "account": pa.array([one.account for one in page], pa.string()),
            "status": pa.array([one.line.status for one in page], pa.string()),
            "limit_minor": pa.array([one.line.limit for one in page], pa.int64()),
            "granted_minor": pa.array([one.line.granted for one in page], pa.int64()),
            "balance_minor": pa.array([one.balance for one in page], pa.int64()),
            "next_review": pa.array([review_date(one.next_review) for one in page], pa.date32()),
        }
    )
