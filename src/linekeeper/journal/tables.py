"""The store's tables: one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

from linekeeper.journal.log import tables as log_tables
from linekeeper.journal.log.tables import Blob, Name, Whole

SCHEMA = MetaData()

# Policies by content hash: `text` is the file, `card` the scorecard artifact that it names, `signed_by` who signed both
# off. `edition` is the number of the language's meaning under which the version decides, `record_format` that of its
# decision records: a later Linekeeper verifies each version by the numbers that stand here.
policies = Table(
    "policies",
    SCHEMA,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("card", Blob),
    Column("kernel", Text, nullable=False),
    Column("signed_by", Text),
    Column("edition", Integer, nullable=False),
    Column("record_format", Integer, nullable=False),
)

# What happened, in order of arrival. An id names one event of a source; `body` holds the fields as JSON. `arrived` is
# when the lender knew of it: UTC ms, null in what a schema before 0014 wrote.
events = Table(
    "events",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("account", Name, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Whole, nullable=False),
    Column("arrived", Whole),
    Column("body", Blob, nullable=False),
    UniqueConstraint("id", "source"),  # the id first: an event is also looked for under the other sources
)
Index("events_account", events.c.account, events.c.at, events.c.seq)
_REVERSALS = events.c.kind == "reversal"
Index("events_reversals", events.c.account, sqlite_where=_REVERSALS, postgresql_where=_REVERSALS)

# How accounts that were erased are known again: by a hash under a key that only the master key opens (see `keeper`).
# `scrubbed` is 1 once the database's files hold nothing of the account any more, and 0 until then.
erased_accounts = Table(
    "erased_accounts",
    SCHEMA,
    Column("mark", Text, primary_key=True),
    Column("scrubbed", Integer, nullable=False, server_default="0"),
)

# Events that were not admitted: ids that came before for another event, events that their account refuses.
rejected_events = Table(
    "rejected_events",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("account", Name, nullable=False),
    Column("body", Blob, nullable=False),
    Column("reason", Text, nullable=False),
)
Index("rejected_events_id", rejected_events.c.id)

# How each account stands: a cache, rebuilt from the events. `state` is int64s, little-endian, packed; `policy` is the
# digest of the version that the account is under. `in_order` counts the events since a state was last kept, as long as
# all of the account's events came in order of time and no restriction of it ever waited; else, and where nobody
# knows, null.
accounts = Table(
    "accounts",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("layout", Text, nullable=False),
    Column("state", Blob, nullable=False),
    Column("next_review", Whole, nullable=False),
    Column("decisions", Integer, nullable=False),
    Column("last_hash", Text),
    Column("policy", Text, nullable=False),
    Column("in_order", Integer),
)
Index("accounts_next_review", accounts.c.next_review)

# States of long lives, from which a late fact goes on: how the account stood right after `event` (its number of
# arrival; `at` is its place in time), had every event that is known come in time. `policy` is the digest of the version
# that the account was under, `layout` and `state` are as in `accounts`. A cache: without them all of a life is read.
kept_states = Table(
    "kept_states",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("at", Whole, primary_key=True, autoincrement=False),
    Column("event", Whole, primary_key=True, autoincrement=False),
    Column("policy", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("state", Blob, nullable=False),
)

# Which accounts are of one customer. Each was given what the others publish up to the start of day `given_until`; on
# `next_day` what it publishes itself may next be otherwise. `fixed_until`: up to that day what it was given stands,
# since an account that had its part in it was erased.
customer_accounts = Table(
    "customer_accounts",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("given_until", Whole, nullable=False),
    Column("next_day", Whole, nullable=False),
    Column("fixed_until", Whole, nullable=False),
)
Index("customer_accounts_customer", customer_accounts.c.customer)
Index("customer_accounts_next_day", customer_accounts.c.next_day)

# Which accounts say, or once said, that they share something. Each was given what those that it is tied to publish up
# to the start of day `given_until`; on `next_day` it may next have to be given something. `fixed_until` as above.
linked_accounts = Table(
    "linked_accounts",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("given_until", Whole, nullable=False),
    Column("next_day", Whole, nullable=False),
    Column("fixed_until", Whole, nullable=False),
)
Index("linked_accounts_next_day", linked_accounts.c.next_day)

# What each of them named: a tie, and the key of the thing that is shared.
link_things = Table(
    "link_things",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("tie", Name, primary_key=True),
    Column("thing", Name, primary_key=True),
)
Index("link_things_thing", link_things.c.thing)

# Every decision, as it was recorded (canonical JSON) and hashed (SHA-256, hex).
decisions = Table(
    "decisions",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("account", Name, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Whole, nullable=False),
    Column("action", Text, nullable=False),
    Column("record", Blob, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("account", "number"),
)

# Reviews: after event `after_event`, every account was reviewed up to the start of local day `until_day`.
reviews = Table(
    "reviews",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=True),
    Column("after_event", Whole, nullable=False),
    Column("until_day", Whole, nullable=False),
)

# Reviews that have begun and not ended, by `seq` of `reviews`: under which version (its digest), and whether behind the
# brake. A review takes many transactions; a row that stands here when nobody reviews is of one that was broken off.
unfinished_reviews = Table(
    "unfinished_reviews",
    SCHEMA,
    Column("review", Whole, primary_key=True, autoincrement=False),
    Column("policy", Text, nullable=False),
    Column("brake", Integer, nullable=False),
)

# Runs that have begun and not ended: of which source and file (its SHA-256), and how many events they had received.
unfinished_runs = Table(
    "unfinished_runs",
    SCHEMA,
    Column("source", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("events", Whole, nullable=False),
)

# Accounts that migrated from one version of the policy (`was`) to another, at the start of `day`, after `after_event`.
# `verify` needs both: the day for the evaluation, the event for what was known by then.
version_migrations = Table(
    "version_migrations",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("day", Whole, primary_key=True, autoincrement=False),
    Column("after_event", Whole, nullable=False),
    Column("was", Text, nullable=False),
    Column("policy", Text, nullable=False),
)

# How many lines are open, and what is granted on them: the whole of which the brake lets a share be restricted.
book = Table(
    "book",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("lines", Whole, nullable=False),
    Column("granted", Whole, nullable=False),
)

# Lines that were restricted automatically, by local day: what the brake counts.
restricted = Table(
    "restricted",
    SCHEMA,
    Column("day", Whole, primary_key=True, autoincrement=False),
    Column("account", Name, primary_key=True),
    Column("granted", Whole, nullable=False),
)

# Restrictions that wait, or waited, for a person. `day` and `event` (0: the start of the day) name the evaluation at
# which the restriction became pending; `record` is the decision that the latest withdrawn evaluation would have made.
# `ended` says how it stopped being pending (see `evaluate.circuit_breaker`); null while it waits.
pending_restrictions = Table(
    "pending_restrictions",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("day", Whole, primary_key=True, autoincrement=False),
    Column("event", Whole, primary_key=True, autoincrement=False),
    Column("record", Blob, nullable=False),
    Column("ended", Text),
    Column("ended_event", Whole),
)
Index(
    "pending_restrictions_waiting",
    pending_restrictions.c.account,
    sqlite_where=pending_restrictions.c.ended.is_(None),
    postgresql_where=pending_restrictions.c.ended.is_(None),
)

# Batches of sources that have a contract (see `engine.feed_batches`): no event, only the SHA-256 of the content, the
# name of the file, its figures and the terms that it broke (JSON), its `state`, and when it was first read (UTC ms).
feed_batches = Table(
    "feed_batches",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("broken", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("arrived_at", Whole, nullable=False),
    UniqueConstraint("source", "content"),
)

# What persons ruled on batches. Rows are only added.
batch_rulings = Table(
    "batch_rulings",
    SCHEMA,
    Column("seq", Whole, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("ruling", Text, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Whole, nullable=False),
)

# Under which law borrowers are notified of decisions; one row, written by the first engine that was given a law.
law = Table(
    "law",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("jurisdiction", Text, nullable=False),
    Column("product", Text, nullable=False),
)

# The outbox: which decisions a borrower has to be notified of, by when, and whether the notice went out. UTC ms.
# `sent_position` is the place of its going out among the changes of the store.
notices = Table(
    "notices",
    SCHEMA,
    Column("account", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("action", Text, nullable=False),
    Column("due_at", Whole, nullable=False),
    Column("alarm_at", Whole, nullable=False),
    Column("rule", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sent_at", Whole),
    Column("sent_position", Whole),
)
Index("notices_pending", notices.c.state, notices.c.due_at)
Index("notices_sent", notices.c.sent_position, unique=True)

# The highest number given so far: `events` counts arrivals (`events.seq`), `changes` what a follower of the store is
# told (`decisions.seq`, `notices.sent_position`). An erasure deletes rows; a number is not given a second time.
counters = Table(
    "counters",
    SCHEMA,
    Column("name", Text, primary_key=True),
    Column("last", Whole, nullable=False),
)

# What all amounts and days of the store are in, since it began; one row. `utc_offsets` says what local time is ahead of
# UTC from an instant on. Only the views read these: a database knows no time zones of its own (SQLite), or other ones.
store_units = Table(
    "store_units",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("currency", Text, nullable=False),
    Column("minor_digits", Integer, nullable=False),
    Column("time_zone", Text, nullable=False),
)
utc_offsets = Table(
    "utc_offsets",
    SCHEMA,
    Column("from_at", Whole, primary_key=True, autoincrement=False),
    Column("offset_ms", Whole, nullable=False),
)

# Who may use the service: a key is known by its `id`, and of its secret only the SHA-256 is kept (hex). UTC ms; null
# where a key does not expire, or was not revoked.
access_keys = Table(
    "access_keys",
    SCHEMA,
    Column("id", Text, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("expires_at", Whole),
    Column("revoked_at", Whole),
)

# Requests that came with a key of idempotency, by the key's holder: the SHA-256 of what was sent, and what it led to.
# The decisions are those of `decisions` with numbers from `first_seq` to `last_seq`; `figures` (JSON) names nobody. The
# row is written in the transaction of the events, and is deleted some days later.
answered_requests = Table(
    "answered_requests",
    SCHEMA,
    Column("holder", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("first_seq", Whole, nullable=False),
    Column("last_seq", Whole, nullable=False),
    Column("figures", Text, nullable=False),
    Column("at", Whole, nullable=False),
)
Index("answered_requests_at", answered_requests.c.at)

LOG = log_tables.define(SCHEMA)
