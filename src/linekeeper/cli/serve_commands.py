"""serve, key add|list|revoke: a store online, and who may use it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.opening import clock_of
from linekeeper.cli.options import BrakeOn, JsonOption, Keys, LenderOption, Simulate, StoreUrl
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.sections import WholeLines

if TYPE_CHECKING:
    from linekeeper.cli.answers.service import AccessKeyRecord
    from linekeeper.engine.engine import Engine
    from linekeeper.service.access_keys import AccessKey
    from linekeeper.service.server import Listening


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    key = typer.Typer(cls=WholeLines, help="Keys of the service: who may use it.", no_args_is_help=True)
    key.command()(add)
    key.command(name="list")(list_keys)
    key.command()(revoke)
    app.add_typer(key, name="key")


def serve(
    store: StoreUrl,
    keys: Keys,
    lender: LenderOption,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; with no keys, one of this machine's own.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Its port; 0 for any that is free.")] = 7462,
    brake: BrakeOn = False,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Serve a store over HTTP, until Ctrl-C: events in, draws authorised, decisions explained and proven."""
    from linekeeper.cli.answers.service import ServeAnswer
    from linekeeper.console.routes import console_router
    from linekeeper.engine.opening import engine_of_store
    from linekeeper.service.server import serve_forever
    from linekeeper.service.state import Service

    def open_again() -> Engine:
        return engine_of_store(store, None, keys, brake, clock=clock_of(simulate))

    def announce(listening: Listening) -> None:
        if json:
            print_answer(ServeAnswer(url=listening.url, keys_needed=not listening.is_open))
        else:
            print_line(f"listening on {listening.url}/v1, and the console on {listening.url}/console")
            if listening.is_open:
                print_line("the store has no keys: only this machine can ask, and may do everything")
        sys.stdout.flush()  # whoever started it waits for the address

    engine = open_again()
    engine.require_keys()
    serve_forever(Service(engine, open_again, lender=lender), host, port, announce, [console_router()])


def add(
    holder: Annotated[str, typer.Argument(metavar="HOLDER", help="Whose key it is, as rulings will show it.")],
    store: StoreUrl,
    keys: Keys,
    role: Annotated[
        str,
        typer.Option("--role", help="viewer, agent, analyst, approver, auditor, admin, or system (a feed)."),
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=3_650, help="It is valid for so many days.")] = 365,
    json: JsonOption = False,
) -> None:
    """Make a key of the service. It is shown this once."""
    from linekeeper.cli.answers.service import KeyAddAnswer
    from linekeeper.core.errors import demand_choice
    from linekeeper.engine.clock import machine_clock_ms
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store
    from linekeeper.service.access_keys import add_key
    from linekeeper.service.roles import Role

    demand_choice("role", role, [one.value for one in Role])
    keeper = open_keeper(keys) if keys is not None else None
    key, text = add_key(open_store(store, made=True), holder, Role(role), machine_clock_ms(), days, keeper)
    if json:
        print_answer(KeyAddAnswer(key=_record(key), secret=text))
    else:
        print_line(data_text(text))
        print_line(f"keep it: it is not shown again; `linekeeper key revoke {key.id}` ends it")


def list_keys(store: StoreUrl, json: JsonOption = False) -> None:
    """The keys of the service, without their secrets."""
    from linekeeper.cli.answers.service import KeyListAnswer
    from linekeeper.journal.store import open_store
    from linekeeper.service.access_keys import list_keys as read_keys

    with open_store(store, made=True).reading() as connection:
        records = [_record(key) for key in read_keys(connection)]
    if json:
        print_answer(KeyListAnswer(keys=records))
        return
    print_line(counted(len(records), "key", "keys"))
    for one in records:
        until = "" if one.expires_at is None else f"until {one.expires_at:%Y-%m-%d}"
        print_line(data_text(f"  {one.id}  {one.role:<9} {one.state:<8} {until:<17} {one.holder}"))


def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of the key, as `key list` shows it.")],
    store: StoreUrl,
    keys: Keys,
    json: JsonOption = False,
) -> None:
    """End a key for good; a service that runs takes it no more within a second."""
    from linekeeper.cli.answers.service import KeyRevokeAnswer
    from linekeeper.engine.clock import machine_clock_ms
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store
    from linekeeper.service.access_keys import revoke_key

    keeper = open_keeper(keys) if keys is not None else None
    ended = revoke_key(open_store(store, made=True), key, machine_clock_ms(), keeper)
    if json:
        print_answer(KeyRevokeAnswer(key=_record(ended)))
    else:
        print_line(data_text(f"the key {ended.id} of {ended.holder} is revoked"))


def _record(key: AccessKey) -> AccessKeyRecord:
    from linekeeper.cli.answers.service import AccessKeyRecord
    from linekeeper.engine.clock import machine_clock_ms
    from linekeeper.face.times import instant_of

    return AccessKeyRecord(
        id=key.id,
        holder=key.holder,
        role=key.role.value,
        state=key.state_at(machine_clock_ms()),
        made_at=instant_of(key.made_at, "UTC"),
        expires_at=None if key.expires_at is None else instant_of(key.expires_at, "UTC"),
        revoked_at=None if key.revoked_at is None else instant_of(key.revoked_at, "UTC"),
    )
