"""log, witness, erase: the transparency log of a store."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli import completion
from linekeeper.cli.arguments import day_number
from linekeeper.cli.opening import clock_of
from linekeeper.cli.options import AccountName, JsonOption, LogKeys, Simulate, StoreUrl, folder_to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_unreadable
from linekeeper.cli.sections import ShownArguments, WholeLines
from linekeeper.core.errors import LogError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from linekeeper.cli.answers.proof import LogMaster
    from linekeeper.journal.keeper import Keeper, KeyCheck
    from linekeeper.journal.log.audit import Audit
    from linekeeper.journal.log.cosign import Remote
    from linekeeper.journal.log.export import Export
    from linekeeper.journal.log.publish import Published
    from linekeeper.journal.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands."""
    log = typer.Typer(cls=WholeLines, help="The transparency log of a store.", no_args_is_help=True)
    for command in (init, publish, status, rotate):
        log.command()(command)
    log.command(cls=ShownArguments)(export)
    app.add_typer(log, name="log")
    app.command()(erase)
    app.command()(witness)


# ------------------------------------------------------------------ log


def init(
    keys: LogKeys,
    folder: Annotated[Path, folder_to_write("--folder", about="Public folder for checkpoint and tiles.")],
    name: Annotated[str, typer.Option("--name", help="The log's name, like example.com/lines.")],
    json: JsonOption = False,
) -> None:
    """Make the keys and the public folder of a log; give `--keys` to `run` from the first event on."""
    from linekeeper.cli.answers.proof import LogInitAnswer
    from linekeeper.journal.keeper import new_keeper

    keeper = new_keeper(keys, folder, name)
    if json:
        print_answer(LogInitAnswer(keys=str(keys), folder=str(folder), vkey=keeper.signer.verifier.vkey))
        return
    print_line(data_text(f"keys in {keys} (keep a copy of master.key elsewhere), public folder {folder}"))
    print_line(f"public key {keeper.signer.verifier.vkey}")


def publish(
    store: StoreUrl,
    keys: LogKeys,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="A witness that must cosign: VKEYFILE=URL.")
    ] = None,
    witness_wait: Annotated[
        float, typer.Option("--witness-wait", min=0.1, help="Seconds in which a witness has to have cosigned.")
    ] = 10.0,
    every: Annotated[
        int | None, typer.Option("--every", min=1, help="Publish again every so many seconds, until ended.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Publish all committed leaves: tiles, then a signed checkpoint."""
    from linekeeper.cli.answers.proof import LogPublishAnswer
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.cosign import quorum
    from linekeeper.journal.store import open_store

    remotes = [_witness_of(text, witness_wait) for text in witness or []]
    cosign = quorum(remotes, len(remotes)) if remotes else None
    keeper, opened = open_keeper(keys), open_store(store, made=True)
    compared = False
    while True:
        # A long log takes its time to compare, so `--every` does it once, and then by the last published leaf.
        head = keeper.publish(opened, cosign, whole=not compared).checkpoint
        compared = True
        if json:
            print_answer(LogPublishAnswer(origin=head.origin, size=head.size, root=head.root.hex()))
        else:
            leaves = counted(head.size, "leaf", "leaves")
            print_line(f"{data_text(head.origin)}: {leaves}, root {head.root.hex()}")
        if every is None:
            return
        sys.stdout.flush()
        time.sleep(every)


def _witness_of(text: str, wait_s: float) -> Remote:
    """The witness of one `--witness`. Raises LogError where its key or its address cannot be used."""
    from linekeeper.journal.log.cosign import Remote
    from linekeeper.journal.log.key_files import read_verifier
    from linekeeper.journal.log.note import COSIGNATURE

    file, _, url = text.partition("=")
    if not (file and url):
        raise LogError(
            f"`--witness {text}` lacks {'the address' if file else 'the file of the key'} of a witness",
            code="witness-address-not-usable",
            way_out="write it like `--witness witness.vkey=https://witness.example`",
            details={"given": text},
        )
    remote = Remote(read_verifier(Path(file), COSIGNATURE), url, wait_s)
    remote.demand_address()
    return remote


def status(store: StoreUrl, keys: LogKeys, json: JsonOption = False) -> None:
    """Re-derive the log from the store's entries, compare tiles and heads, open all keys (exit code 3: they differ)."""
    from linekeeper.cli.answers.proof import LogStatusAnswer
    from linekeeper.journal.keeper import check_keys, open_keeper
    from linekeeper.journal.store import open_store

    keeper, figures, difference = open_keeper(keys), None, None
    with open_store(store, made=True).reading() as connection:
        keeper.demand_log_of(connection)
        checked = check_keys(connection, keeper.vault)
        try:
            figures = keeper.audit(connection)
        except LogError as error:  # a leaf or a tile that is gone is a difference too
            difference = error
    difference = difference or checked.error
    masters = _masters(keys, checked.by_master)
    if json:
        answer = LogStatusAnswer(
            same=difference is None,
            leaves=figures.leaves if figures else None,
            published=figures.published if figures else None,
            heads=figures.heads if figures else None,
            difference=str(difference) if difference else None,
            error=difference.code if difference else None,
            masters=masters,
            unreadable_accounts=list(checked.unreadable_accounts),
            unreadable_leaves=checked.unreadable_leaves,
        )
        print_answer(answer)
    else:
        _print_status(figures, difference, checked, masters)
    if difference:
        raise typer.Exit(3)


def _print_status(
    figures: Audit | None, difference: LogError | None, checked: KeyCheck, masters: list[LogMaster]
) -> None:
    if difference:
        print_line(f"[red]different[/]: {data_text(difference)}")
    if figures:
        leaves, heads = counted(figures.leaves, "leaf", "leaves"), counted(figures.heads, "head", "heads")
        same = "tree, tiles and heads are the same" if difference else "[green]the same[/]"
        print_line(f"{same}: {leaves}, {figures.published:,} published, {heads}")
    print_unreadable(checked.unreadable_accounts, checked.unreadable_leaves)
    for master in masters:
        print_line(data_text(f"{counted(master.keys, 'key', 'keys')} under {master.place or master.master}"))


def _masters(keys: Path, by_master: dict[str, int]) -> list[LogMaster]:
    """Every master key that is at hand, with what hangs on it, and those that are not and should be."""
    from linekeeper.cli.answers.proof import LogMaster
    from linekeeper.journal.key_folder import masters_by_place

    places = {place: master.name for place, master in masters_by_place(keys).items()}
    at_hand = [LogMaster(master=name, place=place, keys=by_master.get(name, 0)) for place, name in places.items()]
    absent = [name for name in by_master if name not in places.values()]
    return at_hand + [LogMaster(master=name, place=None, keys=by_master[name]) for name in absent]


def rotate(
    store: StoreUrl,
    keys: LogKeys,
    finish: Annotated[
        bool, typer.Option("--finish", help="Say which former master keys can be destroyed, once nothing needs them.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Wrap every borrower's key under a new master key; `--finish`, later, says that the old one can be destroyed."""
    from linekeeper.cli.answers.proof import LogRotateAnswer
    from linekeeper.journal.log.keys import shown_accounts
    from linekeeper.journal.rotation import rotate_master
    from linekeeper.journal.store import open_store

    opened = open_store(store, made=True)
    if finish:
        _finish_rotation(keys, opened, json)
        return
    done = rotate_master(keys, opened)
    if json:
        names = {name: getattr(done, name) for name in ("keys", "master", "place")}
        print_answer(LogRotateAnswer(**names, unreadable_accounts=list(done.unreadable)))
        return
    print_line(data_text(f"{counted(done.keys, 'key is', 'keys are')} under a new master key, {done.place}"))
    if done.unreadable:
        whose = data_text(shown_accounts(done.unreadable))
        print_line(f"[red]keys that do not open stay as they were[/]: {whose}")
    print_line("copy it to a safe place, make a backup of the store, then run `linekeeper log rotate --finish`")


def _finish_rotation(keys: Path, store: Store, json: bool) -> None:
    from linekeeper.cli.answers.proof import LogRotateFinishAnswer
    from linekeeper.journal.rotation import finish_rotation

    done = finish_rotation(keys, store)
    if json:
        names = {name: getattr(done, name) for name in ("keys", "master", "place")}
        print_answer(LogRotateFinishAnswer(**names, free=list(done.free)))
        return
    print_line(data_text(f"{counted(done.keys, 'key opens', 'keys open')} with {done.place}"))
    for place in done.free:
        print_line(data_text(f"nothing of this store hangs on {place}; destroy it, with its copies"))
    if not done.free:
        print_line("there is no other master key")


def export(
    store: StoreUrl,
    keys: LogKeys,
    former_folder: Annotated[Path | None, typer.Argument(hidden=True, metavar="FOLDER")] = None,
    output: Annotated[Path | None, folder_to_write("--output", "-o", about="A new folder for the auditor.")] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", help="The records of this account.", autocompletion=completion.complete_account),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Records from this day (UTC) on, YYYY-MM-DD.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Records up to and including this day (UTC), YYYY-MM-DD.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write what an auditor needs to check the log with other people's tools."""
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import open_keeper, unreadable_accounts
    from linekeeper.journal.log.export import export as write
    from linekeeper.journal.store import open_store

    folder = output or former_folder  # a folder without its option is the former spelling
    if folder is None:
        raise UsageError("say where to: `--output FOLDER`", code="argument-missing")
    if account is None and since is None:
        raise UsageError(
            "say what to open: `--account NAME`, or `--from DAY` and perhaps `--until DAY`", code="argument-missing"
        )
    first, last = day_number(since), day_number(until)
    opened, keeper = open_store(store, made=True), open_keeper(keys)
    head, verifier = keeper.head(), keeper.signer.verifier
    with opened.reading() as connection:
        sources = _sources(connection)
        positions = _positions(connection, keeper, head, account, first, last)
        done = write(connection, t.LOG, keeper.vault, head, verifier, folder, positions, sources)
        accounts = unreadable_accounts(connection, done.unreadable)
    if json:
        _print_export(folder, done, accounts)
        return
    records, files = counted(done.records, "record", "records"), counted(done.files, "file", "files")
    print_line(data_text(f"{records} opened, {done.erased:,} erased, {files} in {folder}"))
    print_unreadable(accounts, len(done.unreadable))


def _print_export(folder: Path, done: Export, accounts: Sequence[str]) -> None:
    from linekeeper.cli.answers.proof import LogExportAnswer

    answer = LogExportAnswer(
        output=str(folder),
        records=done.records,
        erased=done.erased,
        files=done.files,
        unreadable_accounts=list(accounts),
        unreadable_leaves=len(done.unreadable),
    )
    print_answer(answer)


def _sources(connection: Connection) -> dict[str, bytes]:
    """The policies of a store with their cards and kernels, by the name of the file in which an auditor finds them."""
    from linekeeper.engine.versions import kernels_of

    sources = {}
    kernels = list(kernels_of(connection).values())
    for kernel in kernels:
        policy = kernel.policy
        label = policy.name if kernel is kernels[-1] else f"{policy.name}.version-{policy.version}"
        sources[f"policies/{label}.yaml"] = policy.source.encode()
        sources[f"kernel/{label}.py"] = kernel.source.encode()
        if policy.card:
            sources[f"policies/{label}.card.json"] = policy.card
    return sources


def _positions(
    connection: Connection, keeper: Keeper, head: Published, account: str | None, first: int | None, last: int | None
) -> list[int]:
    """The leaves of an account, or of a time: from the first day to the end of the last one."""
    from linekeeper.core.bounds import AT_END_MS, DAY_MS
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import demand_opens
    from linekeeper.journal.log.export import in_period
    from linekeeper.journal.log.read import positions_of

    if account is not None:
        positions = positions_of(connection, t.LOG, account)
        if not positions:
            demand_opens(connection, account, 1, ())
        return [position for position in positions if position < head.checkpoint.size]
    end = AT_END_MS if last is None else (last + 1) * DAY_MS
    return list(in_period(connection, t.LOG, keeper.vault, head, (first or 0) * DAY_MS, end))


def witness(
    log_vkey: Annotated[Path, typer.Argument(metavar="LOG-VKEY", help="The file `log.vkey` of the log to watch.")],
    folder: Annotated[Path, folder_to_write("--folder", about="The witness's own key, and the heads it has seen.")],
    name: Annotated[str, typer.Option("--name", help="The witness's name.")] = "witness.localhost",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port on the loopback address.")] = 7461,
    json: JsonOption = False,
) -> None:
    """Serve a witness on this machine: it cosigns heads that continue the last one it saw, and refuses any other."""
    from linekeeper.cli.answers.proof import WitnessAnswer
    from linekeeper.journal.log import durable
    from linekeeper.journal.log.key_files import demand_own, read_verifier
    from linekeeper.journal.log.note import COSIGNATURE
    from linekeeper.journal.log.signer import load_key, new_key
    from linekeeper.journal.log.witness import PATH, Witness, serve

    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    demand_own(folder)
    path = folder / "witness.key"
    key = load_key(path) if path.exists() else new_key(path, name, COSIGNATURE)
    log = read_verifier(log_vkey)
    with serve(Witness(key, folder, {log.name: log}), port) as server:
        vkey, url = folder / "witness.vkey", f"http://127.0.0.1:{server.server_port}{PATH}"
        durable.write(vkey, f"{key.verifier.vkey}\n".encode())
        if json:
            print_answer(WitnessAnswer(vkey_file=str(vkey), url=url))
        else:
            print_line(data_text(f"public key in {vkey}"))
            print_line(f"listening on {url}")
        sys.stdout.flush()  # whoever started it waits for the address
        server.serve_forever()


# ------------------------------------------------------------------ erasure


def erase(
    account: AccountName,
    store: StoreUrl,
    keys: LogKeys,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Erase a borrower: destroy the key of the records, delete events, state and decisions; other proofs stay."""
    from linekeeper.cli.answers.proof import EraseAnswer
    from linekeeper.engine.rulings import demand_clock
    from linekeeper.journal.keeper import erase_borrower, open_keeper
    from linekeeper.journal.store import open_store

    if not yes and json:
        raise UsageError("with `--json` nothing is asked", code="argument-missing", way_out="say `--yes`")
    if not yes:
        typer.confirm(f"Erase `{account}` for good?", abort=True)
    clock, opened = clock_of(simulate), open_store(store, made=True)
    demand_clock(opened, clock)
    done = erase_borrower(opened, open_keeper(keys), account, clock.now_ms())
    if json:
        print_answer(EraseAnswer(account=account, leaf=done.position, leaves_closed=len(done.leaves)))
    elif done.position is None:
        print_line(
            data_text(f"`{account}` was erased before, and that was broken off; nothing is left in the files now")
        )
    else:
        closed = counted(len(done.leaves), "leaf opens", "leaves open")
        print_line(data_text(f"`{account}` is erased; leaf {done.position} says so, {closed} no more"))
