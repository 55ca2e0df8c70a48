"""override, consent: what a person or a borrower decides, entered as events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import day_number, instant_ms, share_bp
from linekeeper.cli.opening import open_engine
from linekeeper.cli.output import JsonOption, Keys, StoreUrl, data_text, print_json, print_line
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine

By = Annotated[str, typer.Option("--by", help="Who decides this.")]
Why = Annotated[str, typer.Option("--why", help="Why, in a sentence.")]
At = Annotated[
    str | None, typer.Option("--at", help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00 (default: now).")
]
EventId = Annotated[str | None, typer.Option("--id", help="Id of the event; the same id again changes nothing.")]

STALE_DAYS = 31  # a store whose latest event is older holds history, so a ruling there needs a date of its own


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (override, consent):
        app.command()(command)


def override(
    account: str,
    store: StoreUrl,
    until: Annotated[str, typer.Option(help="Last day on which it holds, YYYY-MM-DD.")],
    by: By,
    why: Why,
    trigger: Annotated[str | None, typer.Option(help="Waive this trigger of the policy.")] = None,
    cap: Annotated[str | None, typer.Option(help="Cap the line at this share of what is granted, like 50%.")] = None,
    at: At = None,
    id: EventId = None,
    keys: Keys = None,
    json: JsonOption = False,
) -> None:
    """Waive a trigger, or impose a cap, up to and including a day."""
    from linekeeper.engine.rulings import Ruling, new_id, rule

    if (trigger is None) == (cap is None):
        raise UsageError(
            "an override waives a trigger or imposes a cap",
            code="argument-missing",
            way_out="name one of `--trigger`, `--cap`",
        )
    engine = open_engine(store, keys=keys)
    day = day_number(until)
    assert day is not None
    share = None if cap is None else share_bp(cap)
    name = id or new_id()
    show_made(
        engine, name, rule(engine, [Ruling(account, instant(engine, at), day, by, why, trigger, share, name)]), json
    )


def consent(
    account: str,
    store: StoreUrl,
    offer: Annotated[int, typer.Option(help="Number of the offer.", min=1)],
    at: At = None,
    id: EventId = None,
    keys: Keys = None,
    json: JsonOption = False,
) -> None:
    """Accept an open offer for a borrower."""
    from linekeeper.engine.rulings import consent as consented
    from linekeeper.engine.rulings import new_id

    engine = open_engine(store, keys=keys)
    name = id or new_id()
    show_made(engine, name, consented(engine, account, offer, instant(engine, at), name), json)


# ------------------------------------------------------------------ pieces


def instant(engine: Engine, text: str | None) -> int:
    """The instant of a ruling in UTC ms; `now` only for a store that is kept up to date."""
    from linekeeper.core.bounds import DAY_MS
    from linekeeper.engine.rulings import store_now

    if text is not None:
        return instant_ms(text)
    now, known = time.time_ns() // 1_000_000, store_now(engine)
    if known is not None and now - known > STALE_DAYS * DAY_MS:
        raise UsageError(
            f"the store's latest event or review is {(now - known) // DAY_MS} days old",
            code="day-needed",
            way_out="name the time of the ruling: `--at`",
        )
    return now


def show_made(engine: Engine, event: str, made: list[Decision], json: bool) -> None:
    """Print the decisions that a ruling led to."""
    from linekeeper.cli.show_commands import decision_line

    if json:
        records = [{"account": d.account, "number": d.number, "action": d.action, "limit": d.after.limit} for d in made]
        print_json({"event": event, "decisions": records})
        return
    print_line(f"event `{data_text(event)}`, {len(made)} decision{'' if len(made) == 1 else 's'}")
    for decision in made:
        print_line(f"{data_text(decision.account)}{decision_line(engine.policy, decision)}")
