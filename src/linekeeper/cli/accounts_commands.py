"""accounts, decisions, events, features: what a store holds, page by page or as a file."""

from __future__ import annotations

import sys
from datetime import date
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from linekeeper.cli import completion
from linekeeper.cli.arguments import day_number
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import JsonOption, StoreUrl, TableFile
from linekeeper.cli.output import data_text, print_answer, print_line, write_extract

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.cli.answers.accounts import FeaturesRecord
    from linekeeper.cli.answers.events import EventRecord
    from linekeeper.engine.engine import Engine

_Row = TypeVar("_Row")
PAGE_LENGTH = 100
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]
TriggerOption = Annotated[str | None, typer.Option("--trigger", help="Only those with this trigger set.")]
OneAccount = Annotated[
    str | None,
    typer.Argument(metavar="ACCOUNT", help="Only those of this account.", autocompletion=completion.complete_account),
]
ReasonCode = Annotated[str | None, typer.Option("--reason", help="Only those with this reason code.")]
AtEndOf = Annotated[
    str | None, typer.Option("--day", help="As was known at the end of this day, YYYY-MM-DD (default: now).")
]
From = Annotated[str | None, typer.Option("--from", help="From this day on, YYYY-MM-DD.")]
UntilDay = Annotated[str | None, typer.Option("--until", help="Up to and including this day, YYYY-MM-DD.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("accounts")(list_accounts)
    app.command("decisions")(list_decisions)
    app.command("events")(list_events)
    app.command("features")(list_features)


def list_accounts(
    store: StoreUrl,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", help="Only lines with this status, like `suspended`.", autocompletion=completion.complete_status
        ),
    ] = None,
    trigger: TriggerOption = None,
    reason: ReasonCode = None,
    day: AtEndOf = None,
    after: Annotated[str, typer.Option("--after", help="Begin after this account.")] = "",
    limit: Limit = PAGE_LENGTH,
    output: TableFile = None,
    json: JsonOption = False,
) -> None:
    """List the accounts of a store with their lines, in order of their names, a page at a time; all to a file."""
    from linekeeper.cli.answers.accounts import AccountsAnswer, account_record
    from linekeeper.connect.extracts import extract_accounts
    from linekeeper.engine.account import AccountFilter, account_page

    engine, number = open_engine(store), day_number(day)
    wanted = AccountFilter(None if status is None else status.lower(), trigger, reason)
    if output:
        write_extract(extract_accounts(engine, wanted, number), output, json)
        return
    page, rest = _split(account_page(engine, wanted, after, limit + 1, number), limit)
    next_after = page[-1].account if rest else None
    if json:
        records = [account_record(one, engine.policy.time_zone) for one in page]
        print_answer(AccountsAnswer(currency=engine.policy.currency, accounts=records, next_after=next_after))
        return
    from linekeeper.cli.show_commands import STATUS_COLOUR, review_words
    from linekeeper.decide.explain import money

    for one in page:
        colour, line = STATUS_COLOUR[one.line.status], one.line
        amounts = f"{money(engine.policy, line.limit):>18} of {money(engine.policy, line.granted):<18}"
        review = review_words(one.next_review)
        print_line(f"{data_text(f'{one.account:<20}')} [{colour}]{line.status:<9}[/] {amounts} next review {review}")
    if next_after is not None:
        print_line(data_text(f"... more with --after {quote(next_after)}"))


def list_decisions(
    store: StoreUrl,
    account: OneAccount = None,
    action: Annotated[
        str | None,
        typer.Option(
            "--action", help="Only those that do this, like `decrease`.", autocompletion=completion.complete_action
        ),
    ] = None,
    trigger: Annotated[str | None, typer.Option("--trigger", help="Only those that set this trigger.")] = None,
    reason: ReasonCode = None,
    from_day: From = None,
    until: UntilDay = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Begin after the decision at this place.")] = 0,
    limit: Limit = PAGE_LENGTH,
    output: TableFile = None,
    json: JsonOption = False,
) -> None:
    """List the decisions of a store, or of one account, in the order in which they were made; all to a file."""
    from linekeeper.cli.answers.accounts import DecisionsAnswer, listed_decision
    from linekeeper.connect.extracts import extract_decisions
    from linekeeper.engine.account import DecisionFilter, decision_page

    engine = open_engine(store)
    action = None if action is None else action.lower()
    wanted = DecisionFilter(account, action, trigger, reason, day_number(from_day), day_number(until))
    if output:
        write_extract(extract_decisions(engine, wanted), output, json)
        return
    page, rest = _split(decision_page(engine, wanted, after, limit + 1), limit)
    if json:
        zone = engine.policy.time_zone
        records = [listed_decision(place, decision, zone) for place, decision in page]
        last = page[-1][0] if page else None
        print_answer(DecisionsAnswer(currency=engine.policy.currency, decisions=records, next_after=last))
        return
    from linekeeper.cli.show_commands import decision_line

    for place, decision in page:
        print_line(f"{place:>9}  {data_text(f'{decision.account:<16}')}{decision_line(engine.policy, decision)}")
    if rest:
        print_line(f"... more with --after {page[-1][0]}")


def list_events(
    store: StoreUrl,
    account: OneAccount = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only events of this kind, like `repay`.")] = None,
    day: AtEndOf = None,
    after: Annotated[str, typer.Option("--after", help="Begin after this account.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Of at most so many accounts.")] = 10,
    output: TableFile = None,
    json: JsonOption = False,
) -> None:
    """List the events of a store by account, in the order in which they arrived; all to a file, to rebuild it from."""
    from linekeeper.cli.answers.events import EventsAnswer
    from linekeeper.connect.extracts import extract_events

    engine = open_engine(store)
    stream = extract_events(engine, account, kind, day_number(day), after)
    if output:
        write_extract(stream, output, json)
        _warn_of_rebuild(engine)
        return
    rows, next_after = _rows_of_accounts(stream, limit)
    if json:
        records = [_event_record(row) for row in rows]
        print_answer(EventsAnswer(currency=engine.policy.currency, events=records, next_after=next_after))
        return
    for row in rows:
        record = _event_record(row)
        fields = "  ".join(f"{name} {value}" for name, value in record.fields.items())
        print_line(data_text(f"{record.at:%Y-%m-%d %H:%M}  {record.account:<16} {record.kind:<12} {fields}"))
    if next_after is not None:
        print_line(data_text(f"... more with --after {quote(next_after)}"))


def list_features(
    store: StoreUrl,
    day: AtEndOf = None,
    after: Annotated[str, typer.Option("--after", help="Begin after this account.")] = "",
    limit: Limit = PAGE_LENGTH,
    output: TableFile = None,
    json: JsonOption = False,
) -> None:
    """List the features and scores of all accounts at the end of a day, from the kernel itself; all to a file."""
    from linekeeper.cli.answers.accounts import FeaturesAnswer, units_of
    from linekeeper.connect.extracts import extract_features

    engine = open_engine(store)
    stream = extract_features(engine, day_number(day), after)
    if output:
        write_extract(stream, output, json)
        return
    rows, next_after = _rows_of_accounts(stream, limit)
    records = [_features_record(row) for row in rows]
    if json:
        units, currency = units_of(engine.policy), engine.policy.currency
        print_answer(FeaturesAnswer(currency=currency, units=units, accounts=records, next_after=next_after))
        return
    for record in records:
        values = "  ".join(f"{name} {'missing' if one is None else one}" for name, one in record.values.items())
        score = "" if record.score is None else f"  score {record.score}"
        print_line(data_text(f"{record.account:<16} {record.day}{score}  {values}"))
    if next_after is not None:
        print_line(data_text(f"... more with --after {quote(next_after)}"))


# ------------------------------------------------------------------ pieces


def _split(rows: list[_Row], limit: int) -> tuple[list[_Row], list[_Row]]:
    """A page, and what was read beyond it to know whether there is more."""
    return rows[:limit], rows[limit:]


def _rows_of_accounts(stream: pa.RecordBatchReader, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of the first accounts of a stream, and the last of these where there are more."""
    rows: list[dict[str, Any]] = []
    accounts: dict[str, None] = {}
    for batch in stream:
        for row in batch.to_pylist():
            if row["account"] not in accounts and len(accounts) == limit:
                return rows, list(accounts)[-1]
            accounts[row["account"]] = None
            rows.append(row)
    return rows, None


def _event_record(row: dict[str, Any]) -> EventRecord:
    from linekeeper.cli.answers.events import EventRecord
    from linekeeper.connect.arrivals import ARRIVAL_AT, ARRIVAL_COLUMNS, ARRIVAL_NUMBER, ARRIVAL_SOURCE, REVIEWED
    from linekeeper.core.event import EVENT_HEAD

    head = {name: row[name] for name in EVENT_HEAD}
    fields = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in row.items()
        if value is not None and name not in EVENT_HEAD and name not in ARRIVAL_COLUMNS
    }
    return EventRecord(
        number=row[ARRIVAL_NUMBER],
        source=row[ARRIVAL_SOURCE],
        arrived_at=row[ARRIVAL_AT],
        reviewed_until=row[REVIEWED],
        **head,
        fields=fields,
    )


def _features_record(row: dict[str, Any]) -> FeaturesRecord:
    from linekeeper.cli.answers.accounts import FeaturesRecord

    def named(head: str) -> dict[str, int | None]:
        return {name.removeprefix(head): value for name, value in row.items() if name.startswith(head)}

    return FeaturesRecord(
        account=row["account"],
        day=row["day"],
        version=row["version"],
        score=row["score"],
        sub_scores={group: value for group, value in named("score.").items() if value is not None},
        pd_ppm=row["pd_ppm"],
        values=named("value."),
    )


def _warn_of_rebuild(engine: Engine) -> None:
    """Say on standard error what is in no event, where the store has it: a store that is rebuilt lacks it."""
    from linekeeper.engine.versions import version_count

    with engine.store.reading() as connection:
        versions = version_count(connection)
    if versions > 1:
        warning = f"note: the store has had {versions} versions of its policy, and which account was under which"
        sys.stderr.write(f"{warning} is in no event; a store rebuilt from the file decides all by one version\n")
