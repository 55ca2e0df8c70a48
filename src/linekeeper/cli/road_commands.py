"""road, what-if: the way back of one account, or of all; and what the borrower's own plan would lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import day_number
from linekeeper.cli.opening import open_engine
from linekeeper.cli.output import Json, StoreUrl, print_json, progress, say

if TYPE_CHECKING:
    from linekeeper.engine.engine import Engine
    from linekeeper.policy.model import Policy
    from linekeeper.recourse.what_if import Payment

Day = Annotated[str | None, typer.Option("--day", help="Ask as of this day, YYYY-MM-DD (default: the store's last).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(road)
    app.command("what-if")(what_if)


def road(
    store: StoreUrl,
    account: Annotated[str | None, typer.Argument(help="The account; left out with --check-all.")] = None,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Every adverse decision of the store: has it a road, does it come true?")
    ] = False,
    sample: Annotated[int | None, typer.Option(min=1, help="Check only so many decisions, evenly spread.")] = None,
    day: Day = None,
    json: Json = False,
) -> None:
    """The road back: what to do by when, and the limit on each date, found and verified by running the kernel."""
    from linekeeper.core.errors import LinekeeperError

    if check_all == (account is not None):
        raise LinekeeperError("name one account, or ask for all with `--check-all`")
    engine = open_engine(store)
    if account is None:
        _check_all(engine, sample, json)
    else:
        _one(engine, account, day, json)


def _one(engine: Engine, account: str, day: str | None, json: bool) -> None:
    from dataclasses import replace

    from linekeeper.engine.account import state_of
    from linekeeper.engine.versions import promise_of
    from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
    from linekeeper.recourse.words import no_road_words, road_lines

    engine = engine.engine_of(account)
    state = state_of(engine, account)
    asked = _day(engine, state, day)
    found = find_road_back(engine.kernel, state, asked, compiled=False)
    if isinstance(found, RoadBack):
        with engine.store.reading() as connection:
            found = replace(found, honour_until_day=promise_of(connection, engine.kernel, account, asked))
    if json:
        print_json({"account": account} | (found.as_json() if found else {"road": False, "why": "not_restricted"}))
    elif found is None:
        say(f"the line of [bold]{account}[/] is not held down: there is nothing to come back from")
    elif isinstance(found, NoRoadBack):
        say(no_road_words(engine.policy, found))
    else:
        for line in road_lines(engine.policy, found):
            say(line)


def _check_all(engine: Engine, sample: int | None, json: bool) -> None:
    from linekeeper.lab.roads import check_all, count_adverse

    total = min(sample or count_adverse(engine), count_adverse(engine))
    with progress("roads", total, json) as advance:
        found = check_all(engine, sample, advance)
    if json:
        print_json(found.as_json())
    else:
        say(f"{found.adverse:,} adverse decisions: {found.terminal:,} terminal, {found.with_road:,} with a road back")
        say(f"{found.followed:,} roads followed, event by event and day by day: {found.came_true:,} came true")
        for fault in found.faults:
            say(f"  [red]{fault}[/]")
    if not found.holds:
        raise typer.Exit(3)


def what_if(
    account: str,
    store: StoreUrl,
    pay: Annotated[list[str], typer.Option(help="AMOUNT@DATE, like 500.00@2025-06-03; give it once a payment.")],
    until: Annotated[
        str | None, typer.Option(help="Look as far as this day (default: a year after the last payment).")
    ] = None,
    day: Day = None,
    goes_on: Annotated[
        bool, typer.Option("--goes-on", help="Bills come and are paid on time, income goes on, as a road back assumes.")
    ] = False,
    json: Json = False,
) -> None:
    """Your own plan: payments in, the path of limits out. Nothing else is taken to happen unless you say so."""
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.engine.account import state_of
    from linekeeper.recourse.model import path_json
    from linekeeper.recourse.what_if import what_if as path_of
    from linekeeper.recourse.words import point_words

    engine = open_engine(store).engine_of(account)
    payments = [payment_of(engine.policy, text) for text in pay]
    state = state_of(engine, account)
    first = _day(engine, state, day)
    early = next((text for text, one in zip(pay, payments, strict=True) if one.day < first), None)
    if early is not None:
        raise LinekeeperError(f"`{early}` lies before {_iso(first)}, the day this account stands at; name a later day")
    end = day_number(until) or max(one.day for one in payments) + 365
    try:
        found = path_of(engine.kernel, state, first, payments, end, goes_on=goes_on)
    except ValueError as error:
        raise LinekeeperError(f"`--until` cannot be used: {error}") from None
    if json:
        print_json({"account": account, "day": found.day, "until_day": found.until_day, "path": path_json(found.path)})
        return
    for point in found.path:
        say(point_words(engine.policy, point))


def payment_of(policy: Policy, text: str) -> Payment:
    """A payment from `AMOUNT@DATE`, the amount in major units. Raises LinekeeperError where it is none."""
    from decimal import Decimal, InvalidOperation

    from linekeeper.core.bounds import MONEY_MAX
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.recourse.what_if import Payment

    amount, at, date = text.partition("@")
    try:
        minor = Decimal(amount.replace("_", "")).scaleb(policy.exponent)
        whole = int(minor)
    except (InvalidOperation, ValueError, OverflowError):
        whole, minor = 0, Decimal(1)
    if not at or whole != minor or not 0 < whole <= MONEY_MAX:
        form = f"in {policy.currency} with at most {policy.exponent} digits after the point"
        raise LinekeeperError(f"`{text}` is not a payment; write it like `500@2025-06-03`, {form}")
    return Payment(day_number(date) or 0, whole)


def _day(engine: Engine, state: list[int], text: str | None) -> int:
    """The day asked for, else the latest that the account or the store has seen."""
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.engine.history import reviewed_day

    with engine.store.reading() as connection:
        latest = max(state[engine.kernel.layout.slots["HOUR"]] // 24, reviewed_day(connection))
    asked = day_number(text)
    if asked is not None and asked < latest:
        raise LinekeeperError(f"`--day {text}` is before {_iso(latest)}, which this account has already seen")
    return latest if asked is None else asked


def _iso(day: int) -> str:
    from linekeeper.recourse.words import date

    return date(day)
