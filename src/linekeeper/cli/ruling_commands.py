"""override, consent: what a person or a borrower decides, entered as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import instant_ms, required_day, share_bp
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import AccountName, At, By, JsonOption, Keys, Simulate, StoreUrl, Why
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.cli.answers.events import RulingFigures
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine

EventId = Annotated[str | None, typer.Option("--id", help="Id of the event; the same id again changes nothing.")]

STALE_DAYS = 31  # a store whose latest event is older holds history, so a ruling there needs a date of its own


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (override, consent):
        app.command()(command)


def override(
    account: AccountName,
    store: StoreUrl,
    until: Annotated[str, typer.Option("--until", help="It holds up to and including this day, YYYY-MM-DD.")],
    by: By,
    why: Why,
    keys: Keys,
    trigger: Annotated[str | None, typer.Option("--trigger", help="Waive this trigger of the policy.")] = None,
    cap: Annotated[
        str | None, typer.Option("--cap", help="Cap the line at this share of what is granted, like 50%.")
    ] = None,
    at: At = None,
    simulate: Simulate = False,
    id: EventId = None,
    json: JsonOption = False,
) -> None:
    """Waive a trigger, or impose a cap, up to and including a day."""
    from linekeeper.cli.answers.events import OverrideAnswer
    from linekeeper.engine.rulings import Ruling, new_id, rule

    if (trigger is None) == (cap is None):
        raise UsageError(
            "an override waives a trigger or imposes a cap",
            code="argument-missing",
            way_out="name one of `--trigger`, `--cap`",
        )
    engine = open_engine(store, keys=keys, simulate=simulate)
    day, share, name = required_day(until), None if cap is None else share_bp(cap), id or new_id()
    ruling = Ruling(account, instant(engine, at), day, by, why, trigger, share, name)
    show_made(engine, name, rule(engine, [ruling]), OverrideAnswer if json else None)


def consent(
    account: AccountName,
    store: StoreUrl,
    keys: Keys,
    offer: Annotated[int, typer.Option("--offer", help="Number of the offer.", min=1)],
    at: At = None,
    simulate: Simulate = False,
    id: EventId = None,
    json: JsonOption = False,
) -> None:
    """Accept an open offer for a borrower."""
    from linekeeper.cli.answers.events import ConsentAnswer
    from linekeeper.engine.rulings import consent as consented
    from linekeeper.engine.rulings import new_id

    engine = open_engine(store, keys=keys, simulate=simulate)
    name = id or new_id()
    made = consented(engine, account, offer, instant(engine, at), name)
    show_made(engine, name, made, ConsentAnswer if json else None)


# ------------------------------------------------------------------ pieces


def instant(engine: Engine, text: str | None) -> int:
    """The instant of a ruling in UTC ms; `now` only for a store that is kept up to date."""
    from linekeeper.core.bounds import DAY_MS
    from linekeeper.engine.rulings import store_now

    if text is not None:
        return instant_ms(text)
    now, known = engine.clock.now_ms(), store_now(engine)
    if known is not None and now - known > STALE_DAYS * DAY_MS:
        raise UsageError(
            f"the store's latest event or review is {(now - known) // DAY_MS} days old",
            code="day-needed",
            way_out="name the time of the ruling: `--at`",
        )
    return now


def show_made(engine: Engine, event: str, made: list[Decision], answer: type[RulingFigures] | None) -> None:
    """Print the decisions that a ruling led to; `answer` is the form for programs, None for people."""
    if answer:
        from linekeeper.cli.answers.accounts import decision_record

        records = [decision_record(decision, engine.policy.time_zone) for decision in made]
        print_answer(answer(event=event, currency=engine.policy.currency, decisions=records))
        return
    from linekeeper.cli.show_commands import decision_line

    print_line(f"event `{data_text(event)}`, {counted(len(made), 'decision', 'decisions')}")
    for decision in made:
        print_line(f"{data_text(decision.account)}{decision_line(engine.policy, decision)}")
