"""changes: what changed in a store since a position, for a system that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import JsonOption, StoreUrl
from linekeeper.cli.output import data_text, print_answer, print_line

if TYPE_CHECKING:
    from linekeeper.cli.answers.accounts import ChangeRecord
    from linekeeper.engine.changes import Change
    from linekeeper.policy.model import Policy


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(changes)


def changes(
    store: StoreUrl,
    after: Annotated[int, typer.Option("--after", min=0, help="Begin after this position.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")] = 1_000,
    json: JsonOption = False,
) -> None:
    """What changed after a position, in the order of commits: decisions, corrections, notices that went out."""
    from linekeeper.cli.answers.accounts import ChangesAnswer
    from linekeeper.engine.changes import changes_after

    engine = open_engine(store)
    listed = changes_after(engine, after, limit)
    if json:
        records = [_change_record(one, engine.policy.time_zone) for one in listed]
        last = listed[-1].position if listed else after
        print_answer(ChangesAnswer(currency=engine.policy.currency, changes=records, next_after=last))
        return
    for one in listed:
        print_line(f"{one.position:>9}  {one.kind:<12} {data_text(f'{one.account:<16}')}{_words(engine.policy, one)}")
    if len(listed) == limit:
        print_line(f"... more with --after {listed[-1].position}")


def _words(policy: Policy, one: Change) -> str:
    from linekeeper.cli.show_commands import decision_line, local_time

    if one.decision is not None:
        return decision_line(policy, one.decision)
    return f"  #{one.number:<3} {local_time(one.sent_at or 0, policy.time_zone)}"


def _change_record(one: Change, zone: str) -> ChangeRecord:
    from linekeeper.cli.answers.accounts import ChangeRecord, NoticeDue, decision_record
    from linekeeper.face.times import instant_of

    clock = one.clock
    return ChangeRecord(
        position=one.position,
        kind=one.kind,
        account=one.account,
        number=one.number,
        decision=None if one.decision is None else decision_record(one.decision, zone),
        corrects=[] if one.decision is None else list(one.decision.corrects),
        notice=None
        if clock is None
        else NoticeDue(
            due_at=instant_of(clock.due_at, zone),
            alarm_at=instant_of(clock.alarm_at, zone),
            rule=clock.rule,
            rule_status=clock.status,
        ),
        sent_at=None if one.sent_at is None else instant_of(one.sent_at, zone),
    )
