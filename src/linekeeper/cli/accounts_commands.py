"""accounts, decisions: lists of a store, page by page."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from linekeeper.cli import completion
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import JsonOption, StoreUrl
from linekeeper.cli.output import data_text, print_answer, print_line

if TYPE_CHECKING:
    from linekeeper.cli.answers.accounts import AccountRecord
    from linekeeper.engine.account import AccountSummary

Row = TypeVar("Row")
PAGE_LENGTH = 100
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("accounts")(list_accounts)
    app.command("decisions")(list_decisions)


def list_accounts(
    store: StoreUrl,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", help="Only lines with this status, like `suspended`.", autocompletion=completion.complete_status
        ),
    ] = None,
    after: Annotated[str, typer.Option("--after", help="Begin after this account.")] = "",
    limit: Limit = PAGE_LENGTH,
    json: JsonOption = False,
) -> None:
    """List the accounts of a store with their lines, in order of their names, a page at a time."""
    from linekeeper.cli.answers.accounts import AccountsAnswer
    from linekeeper.engine.account import account_page

    engine = open_engine(store)
    page, rest = _split(account_page(engine, status, after, limit + 1), limit)
    next_after = page[-1].account if rest else None
    if json:
        records = [_account_record(one) for one in page]
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
    account: Annotated[
        str | None,
        typer.Argument(
            metavar="ACCOUNT", help="Only those of this account.", autocompletion=completion.complete_account
        ),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(
            "--action", help="Only those that do this, like `decrease`.", autocompletion=completion.complete_action
        ),
    ] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Begin after the decision at this place.")] = 0,
    limit: Limit = PAGE_LENGTH,
    json: JsonOption = False,
) -> None:
    """List the decisions of a store, or of one account, in the order in which they were made, a page at a time."""
    from linekeeper.cli.answers.accounts import DecisionsAnswer, listed_decision
    from linekeeper.engine.account import decision_page

    engine = open_engine(store)
    page, rest = _split(decision_page(engine, account, action, after, limit + 1), limit)
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


def _split(rows: list[Row], limit: int) -> tuple[list[Row], list[Row]]:
    """A page, and what was read beyond it to know whether there is more."""
    return rows[:limit], rows[limit:]


def _account_record(one: AccountSummary) -> AccountRecord:
    from linekeeper.cli.answers.accounts import AccountRecord
    from linekeeper.face.times import review_date

    return AccountRecord(
        account=one.account,
        status=one.line.status,
        limit_minor=one.line.limit,
        granted_minor=one.line.granted,
        balance_minor=one.balance,
        next_review=review_date(one.next_review),
    )
