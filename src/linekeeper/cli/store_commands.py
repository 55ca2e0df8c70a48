"""store status|upgrade: how a store stands, and bringing it up to date after Linekeeper was updated."""

from __future__ import annotations

import typer

from linekeeper.cli.options import JsonOption, StoreUrl
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.sections import WholeLines


def register(app: typer.Typer) -> None:
    """Add the commands."""
    store = typer.Typer(cls=WholeLines, help="How a store stands; bringing it up to date.", no_args_is_help=True)
    store.command()(status)
    store.command()(upgrade)
    app.add_typer(store, name="store")


def status(store: StoreUrl, json: JsonOption = False) -> None:
    """The store's schema, policy, accounts, and whether an upgrade is due. It is only read."""
    from linekeeper.cli.answers.store import StoreStatusAnswer
    from linekeeper.engine.upgrade import store_status

    shown = store_status(store)
    if json:
        print_answer(
            StoreStatusAnswer(
                schema_revision=shown.schema,
                newest_revision=shown.newest_schema,
                policy=shown.policy,
                versions=None if shown.versions is None else list(shown.versions),
                accounts=shown.accounts,
                events=shown.events,
                decisions=shown.decisions,
                stale_states=shown.stale_states,
                upgrade_due=shown.upgrade_due,
            )
        )
        return
    newest = "" if shown.schema == shown.newest_schema else f", the newest is {shown.newest_schema}"
    print_line(f"schema {shown.schema}{newest}")
    if shown.policy is not None and shown.versions is not None:
        versions = ", ".join(map(str, shown.versions))
        print_line(data_text(f"policy {shown.policy}, version{'s' if len(shown.versions) > 1 else ''} {versions}"))
    if shown.accounts is not None:
        accounts = counted(shown.accounts, "account", "accounts")
        print_line(f"{accounts}, {shown.events:,} events, {shown.decisions:,} decisions")
    if shown.stale_states:
        print_line(f"{shown.stale_states:,} states were made by another Linekeeper")
    print_line("an upgrade is due: `linekeeper store upgrade`" if shown.upgrade_due else "up to date")


def upgrade(store: StoreUrl, json: JsonOption = False) -> None:
    """Migrate the store's schema and rebuild the states that another Linekeeper made; decisions stay as they are."""
    from linekeeper.cli.answers.store import StoreUpgradeAnswer
    from linekeeper.engine.upgrade import upgrade_store

    done = upgrade_store(store)
    if json:
        print_answer(
            StoreUpgradeAnswer(
                changed=done.changed,
                revision_before=done.schema_before,
                schema_revision=done.schema,
                rebuilt_states=done.rebuilt_states,
            )
        )
        return
    if done.schema_before != done.schema:
        print_line(f"schema {done.schema_before} -> {done.schema}")
    if done.rebuilt_states:
        print_line(f"{done.rebuilt_states:,} states rebuilt from the events")
    if not done.changed:
        print_line("the store is up to date; nothing was done")
