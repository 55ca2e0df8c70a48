"""The policies and events whose decisions are projected. All that is asked of the product is imported here."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.event import Event
from linekeeper.datasets.approval import read_approval
from linekeeper.datasets.taiwan import read_taiwan
from linekeeper.engine.account import decisions_of
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import last_day, replay_table, run_table
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import kernel_of
from linekeeper.lab.outcome import without_score_triggers
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from tests.engine.lives import ANY_TIME
from tests.oracle.generate import policy_text, stream
from tests.projection.projection import ProjectionDigest

REPOSITORY = Path(__file__).resolve().parents[2]
POLICIES = REPOSITORY / "policies"
TAIWAN = "taiwan_credit_card/taiwan_credit_card.parquet"
APPROVAL = "credit_card_approval/credit_record.parquet"

# The first twenty seeds from 1 on whose kinds fit into one event table: in other policies a field is a number in one
# kind and a word in another.
GENERATED_SEEDS = (2, 3, 6, 7, 8, 10, 11, 13, 14, 15, 16, 17, 18, 22, 24, 25, 26, 27, 30, 32)
GENERATED_STREAMS = 50
REVERSALS = 2  # their weight in every other stream; a repayment's is 6
AFTER_DAYS = 40  # reviews go on so long after the last event of a generated stream

Case = tuple[Policy, Sequence[pa.Table]]  # tables of different accounts, in order of the accounts


@dataclass(frozen=True)
class Projection:
    """What one case comes to. `input` is SHA-256 of its events, `digest` that of the projection of its decisions.

    `accounts` and `events` are those of the table; `accepted` events are the ones that the kernel did not refuse.
    """

    accounts: int
    events: int
    accepted: int
    decisions: dict[str, int]
    input: str
    digest: str

    def as_json(self) -> dict[str, object]:
        """As `expected.json` keeps it."""
        return asdict(self)


# ------------------------------------------------------------------ cases


def taiwan(data: Path) -> Case:
    """The Taiwan cards under the card policy; `data` is the folder of the public data sets."""
    return load_file(POLICIES / "credit-card.yaml"), [read_taiwan(data / TAIWAN)[0]]


def taiwan_rules_alone(data: Path) -> Case:
    """The same without the triggers that read the score, as docs/evidence/results.md compares them."""
    policy, events = taiwan(data)
    return without_score_triggers(policy), events


def approval(data: Path) -> Case:
    """The approval panel under the card policy."""
    return load_file(POLICIES / "credit-card.yaml"), [read_approval(data / APPROVAL)]


def demo(accounts: int) -> Case:
    """The population of `linekeeper demo` under its policy, two years of so many borrowers."""
    return load_file(POLICIES / "consumer-loan.yaml"), [population(accounts=accounts, days=730, seed=1).events]


def generated(seed: int, late: bool = False) -> Case:
    """The generated policy of that seed; an account for each of 50 generated streams, its events in order of arrival.

    With `late`, events of every stream arrive after events that happened later.
    """
    policy = load_text(policy_text(seed))
    schema = schema_of(policy)
    streams = (stream(policy, number, late, REVERSALS * (number % 2)) for number in range(GENERATED_STREAMS))
    return policy, [table_of(_of_account(f"A{number:02}", events), schema) for number, events in enumerate(streams)]


def _of_account(account: str, events: Sequence[Event]) -> list[Event]:
    """A generated stream as that account's; its ids become unique among all accounts."""
    return [
        replace(
            event,
            id=f"{account}-{event.id}",
            account=account,
            fields={name: f"{account}-{value}" if name == "of" else value for name, value in event.fields.items()},
        )
        for event in events
    ]


SEEDED: dict[str, Callable[[], Case]] = {"demo": partial(demo, 300), "demo_full": partial(demo, 3_000)}
PUBLIC: dict[str, Callable[[Path], Case]] = {
    "taiwan": taiwan,
    "taiwan_rules_alone": taiwan_rules_alone,
    "approval": approval,
}
COMPILED = {"demo_full", *PUBLIC}  # the cases that are large enough for it to be worth while

# ------------------------------------------------------------------ from a case to its projection


def project(case: Case, compiled: bool, after_days: int = 0) -> Projection:
    """Replay each table in order of time, with reviews up to `after_days` after its last event.

    Whether the kernel is compiled or interpreted makes no difference.
    """
    policy, tables = case
    kernel, digest, accepted = kernel_of(policy), ProjectionDigest(), 0
    for table in tables:
        until = last_day(kernel, table) + after_days
        accepted += replay_table(kernel, table, until, compiled=compiled, keep=digest.add, clock=ANY_TIME).events
    return _projection(pa.concat_tables(tables), accepted, digest)


def project_arrivals(case: Case) -> Projection:
    """Let all events arrive at an engine over a new store, in the order of the tables: late ones lead to corrections.

    There are no reviews after an account's last event.
    """
    policy, tables = case
    table, digest = pa.concat_tables(tables), ProjectionDigest()
    names = [feature.name for feature in policy.features]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"{folder}/lines.db")
        engine = Engine(store, policy, clock=ANY_TIME)
        accepted = run_table(engine, table, "projection", until_day=0).events
        for account in sorted(table["account"].unique().to_pylist()):
            for decision in decisions_of(engine, account):
                # A record sorts the values by name; the projection has them in the order of the policy.
                digest.add(replace(decision, values={name: decision.values[name] for name in names}))
        store.close()
    return _projection(table, accepted, digest)


def project_generated(seed: int, compiled: bool) -> Projection:
    """The generated policy of that seed over streams in order of time."""
    return project(generated(seed), compiled, AFTER_DAYS)


def project_late(seed: int) -> Projection:
    """The generated policy of that seed over streams with late events."""
    return project_arrivals(generated(seed, late=True))


def _projection(table: pa.Table, accepted: int, digest: ProjectionDigest) -> Projection:
    return Projection(
        accounts=pc.count_distinct(table["account"]).as_py(),
        events=table.num_rows,
        accepted=accepted,
        decisions=dict(sorted(digest.actions.items())),
        input=input_digest(table),
        digest=digest.hexadecimal,
    )


def input_digest(table: pa.Table) -> str:
    """SHA-256 of an event table, column by column in the order of their names; columns without a value are left out.

    It tells a difference of the events from one of the decisions.

    >>> import pyarrow as pa
    >>> table = pa.table({"id": ["e1"], "at": [5]})
    >>> input_digest(table) == input_digest(table.append_column("amount", pa.array([None], pa.int64())))
    True
    """
    columns = hashlib.sha256()
    for name in sorted(table.column_names):
        if table[name].null_count < table.num_rows:
            values = json.dumps([name, table[name].to_pylist()], separators=(",", ":"))
            columns.update(values.encode("ascii") + b"\n")
    return columns.hexdigest()
