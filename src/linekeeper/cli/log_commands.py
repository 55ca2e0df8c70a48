"""log, receipt, erase: the transparency log of a store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.arguments import day_number, to_write
from linekeeper.cli.output import JsonOption, StoreUrl, data_text, print_json, print_line, progress
from linekeeper.core.errors import FileError, UsageError

KeyFolder = Annotated[Path, typer.Option("--keys", help="Folder of the log's keys.", envvar="LINEKEEPER_KEYS")]
Vkey = Annotated[Path, typer.Option("--vkey", help="The log's public key: the file `log.vkey`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    log = typer.Typer(help="The transparency log of a store.", no_args_is_help=True)
    for command in (init, publish, status, rotate, export):
        log.command()(command)
    receipt = typer.Typer(help="Receipts: proofs of single decisions.", no_args_is_help=True)
    receipt.command()(make)
    receipt.command()(verify)
    receipt.command("check-all")(check_all)
    app.add_typer(log, name="log")
    app.add_typer(receipt, name="receipt")
    app.command()(erase)
    app.command()(witness)


# ------------------------------------------------------------------ log


def init(
    keys: KeyFolder,
    folder: Annotated[Path, typer.Option("--folder", help="Public folder for checkpoint and tiles.")],
    name: Annotated[str, typer.Option(help="The log's name, like example.com/lines.")],
    json: JsonOption = False,
) -> None:
    """Make the keys and the public folder of a log; give `--keys` to `run` from the first event on."""
    from linekeeper.journal.keeper import new_keeper

    keeper = new_keeper(keys, folder, name)
    if json:
        print_json({"keys": str(keys), "folder": str(folder), "vkey": keeper.signer.verifier.vkey})
        return
    print_line(f"keys in {keys} (keep a copy of master.key elsewhere), public folder {folder}")
    print_line(f"public key {keeper.signer.verifier.vkey}")


def publish(
    store: StoreUrl,
    keys: KeyFolder,
    witness: Annotated[list[str] | None, typer.Option(help="A witness that must cosign: VKEYFILE=URL.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Publish again every so many seconds, until ended.")] = None,
    json: JsonOption = False,
) -> None:
    """Publish all committed leaves: tiles, then a signed checkpoint."""
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.cosign import Remote, quorum
    from linekeeper.journal.log.note import Verifier
    from linekeeper.journal.store import open_store

    remotes = []
    for text in witness or []:
        file, _, url = text.partition("=")
        remotes.append(Remote(Verifier.parse(Path(file).read_text("utf-8").strip()), url))
    cosign = quorum(remotes, len(remotes)) if remotes else None
    keeper, opened = open_keeper(keys), open_store(store, made=True)
    while True:
        head = keeper.publish(opened, cosign).checkpoint
        if json:
            print_json({"origin": head.origin, "size": head.size, "root": head.root.hex()})
        else:
            print_line(f"{data_text(head.origin)}: {head.size:,} leaves, root {head.root.hex()}")
        if every is None:
            return
        time.sleep(every)


def status(store: StoreUrl, keys: KeyFolder, json: JsonOption = False) -> None:
    """Re-derive the log from the store's entries and compare tiles and signed heads (exit code 3: they differ)."""
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.audit import audit
    from linekeeper.journal.log.errors import ProofError
    from linekeeper.journal.log.publish import published
    from linekeeper.journal.store import open_store

    keeper = open_keeper(keys)
    try:
        with open_store(store, made=True).reading() as connection:
            result = audit(connection, t.LOG, published(keeper.folder, keeper.signer.verifier))
    except ProofError as error:
        answer = {"same": False, "difference": str(error), "error": error.code}
        print_json(answer) if json else print_line(f"[red]different[/]: {data_text(error)}")
        raise typer.Exit(3) from None
    if json:
        print_json({"same": True, "leaves": result.leaves, "published": result.published, "heads": result.heads})
    else:
        print_line(
            f"[green]the same[/]: {result.leaves:,} leaves, {result.published:,} published, {result.heads:,} heads"
        )


def rotate(store: StoreUrl, keys: KeyFolder, json: JsonOption = False) -> None:
    """Wrap every borrower's key under a new master key; afterwards the old one can be destroyed."""
    from linekeeper.journal.keeper import rotate_master
    from linekeeper.journal.store import open_store

    wrapped = rotate_master(keys, open_store(store, made=True))
    print_json({"keys": wrapped}) if json else print_line(f"{wrapped:,} keys are under a new master key")


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder for the auditor.")],
    store: StoreUrl,
    keys: KeyFolder,
    account: Annotated[str | None, typer.Option(help="The records of this account.")] = None,
    since: Annotated[str | None, typer.Option(help="Records from this day on, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Records before this day, YYYY-MM-DD.")] = None,
    json: JsonOption = False,
) -> None:
    """Write what an auditor needs to check the log with other people's tools."""
    from linekeeper.core.bounds import AT_END_MS, DAY_MS
    from linekeeper.engine.versions import read_versions
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.export import export as write
    from linekeeper.journal.log.export import in_period
    from linekeeper.journal.log.read import positions_of
    from linekeeper.journal.store import open_store
    from linekeeper.kernel.kernel import kernel_of

    if account is None and since is None:
        raise UsageError(
            "say what to open: `--account NAME`, or `--since DAY` and perhaps `--until DAY`", code="argument-missing"
        )
    opened, keeper = open_store(store, made=True), open_keeper(keys)
    sources, head = {}, keeper.head()
    with opened.reading() as connection:
        for policy in (versions := read_versions(connection)):
            label = policy.name if policy is versions[-1] else f"{policy.name}.version-{policy.version}"
            sources[f"policies/{label}.yaml"] = policy.source.encode()
            sources[f"kernel/{label}.py"] = kernel_of(policy).source.encode()
            if policy.card:
                sources[f"policies/{label}.card.json"] = policy.card
        if account is not None:
            positions = [p for p in positions_of(connection, t.LOG, account) if p < head.checkpoint.size]
        else:
            start = (day_number(since) or 0) * DAY_MS
            end = AT_END_MS if until is None else (day_number(until) or 0) * DAY_MS
            positions = list(in_period(connection, t.LOG, keeper.vault, head, start, end))
        verifier = keeper.signer.verifier
        done = write(connection, t.LOG, keeper.vault, head, verifier, folder, positions, sources)
    if json:
        print_json({"records": done.records, "erased": done.erased, "files": done.files})
    else:
        print_line(f"{done.records:,} records opened, {done.erased:,} erased, {done.files:,} files in {folder}")


def witness(
    log_vkey: Annotated[Path, typer.Argument(help="The file `log.vkey` of the log to watch.")],
    folder: Annotated[Path, typer.Option("--folder", help="The witness's own key, and the heads it has seen.")],
    name: Annotated[str, typer.Option(help="The witness's name.")] = "witness.localhost",
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 7461,
) -> None:
    """Serve a witness on this machine: it cosigns heads that continue the last one it saw, and refuses any other."""
    from linekeeper.journal.log.note import COSIGNATURE, Verifier
    from linekeeper.journal.log.signer import load_key, new_key
    from linekeeper.journal.log.witness import Witness, serve

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "witness.key"
    key = load_key(path) if path.exists() else new_key(path, name, COSIGNATURE)
    log = Verifier.parse(log_vkey.read_text("utf-8").strip())
    with serve(Witness(key, folder, {log.name: log}), port) as server:
        (folder / "witness.vkey").write_text(f"{key.verifier.vkey}\n", "utf-8")
        print_line(f"public key in {folder / 'witness.vkey'}")
        print_line(f"listening on http://127.0.0.1:{server.server_port}/add-checkpoint")
        server.serve_forever()


# ------------------------------------------------------------------ receipts


def make(
    decision: Annotated[str, typer.Argument(help="ACCOUNT#NUMBER")],
    store: StoreUrl,
    keys: KeyFolder,
    output: Annotated[Path, to_write("-o", "--output", about="The receipt file.")],
    qr: Annotated[Path | None, to_write("--qr", about="Also draw it as a QR code (SVG).")] = None,
    json: JsonOption = False,
) -> None:
    """Write the receipt of one decision."""
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.qr import draw
    from linekeeper.journal.store import open_store

    account, _, number = decision.rpartition("#")
    if not account or not number.isdigit():
        raise UsageError(
            f"`{decision}` is not a decision",
            code="decision-name-not-readable",
            way_out="write ACCOUNT#NUMBER",
            details={"given": decision},
        )
    data = open_keeper(keys).receipt(open_store(store, made=True), account, int(number))
    output.write_bytes(data)
    if qr is not None:
        qr.write_text(draw(data), "utf-8")
    print_json({"decision": decision, "receipt": str(output)}) if json else print_line(
        f"receipt of {decision} in {output}"
    )


def verify(file: Path, vkey: Vkey, json: JsonOption = False) -> None:
    """Verify a receipt offline, with only the log's public key (exit code 3 where it does not hold)."""
    from linekeeper.journal.log.errors import LogError, ProofError
    from linekeeper.journal.log.note import Verifier
    from linekeeper.journal.log.receipt import verify_receipt

    for path in (file, vkey):
        if not path.is_file():
            raise FileError(f"there is no file `{path}`", code="file-missing", place=str(path))
    try:
        receipt = verify_receipt(file.read_bytes(), Verifier.parse(vkey.read_text("utf-8").strip()))
    except (ProofError, LogError) as error:
        answer = {"holds": False, "why": str(error), "error": error.code}
        print_json(answer) if json else print_line(f"[red]does not hold[/]: {data_text(error)}")
        raise typer.Exit(3) from None
    head = receipt.seen.checkpoint
    if json:
        record = receipt.opened.data.decode()
        print_json({"holds": True, "leaf": receipt.index, "size": head.size, "origin": head.origin, "record": record})
    else:
        print_line(f"[green]holds[/]: leaf {receipt.index:,} of {head.size:,} in {data_text(head.origin)}")
        print_line(receipt.opened.data.decode())


def check_all(
    store: StoreUrl,
    keys: KeyFolder,
    flip: Annotated[
        bool, typer.Option("--flip", help="Also flip one bit of each receipt: all must be refused.")
    ] = False,
    most: Annotated[int, typer.Option(help="At most so many receipts, evenly spread.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Chooses the bits that are flipped.")] = 1,
    json: JsonOption = False,
) -> None:
    """Make and verify the receipts of the published leaves (exit code 3 where one does not hold)."""
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.audit import check_receipts
    from linekeeper.journal.store import open_store

    keeper = open_keeper(keys)
    head = keeper.head()
    step = max(head.checkpoint.size // most, 1)
    positions = list(range(0, head.checkpoint.size, step))[:most]
    verifier = keeper.signer.verifier
    with progress("receipts", len(positions), json) as advance, open_store(store, made=True).reading() as connection:
        summary = check_receipts(connection, t.LOG, keeper.vault, head, verifier, positions, seed if flip else None)
        advance(len(positions))
    if json:
        names = ("receipts", "accepted", "flipped", "flipped_refused")
        print_json({name: getattr(summary, name) for name in names})
    else:
        print_line(f"{summary.accepted:,} of {summary.receipts:,} receipts hold")
        if flip:
            print_line(f"{summary.flipped_refused:,} of {summary.flipped:,} with one bit flipped were refused")
    if summary.accepted != summary.receipts or summary.flipped_refused != summary.flipped:
        raise typer.Exit(3)


# ------------------------------------------------------------------ erasure


def erase(
    account: str,
    store: StoreUrl,
    keys: KeyFolder,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Erase a borrower: destroy the key of the records, delete events, state and decisions; other proofs stay."""
    from linekeeper.journal.keeper import erase_borrower, open_keeper
    from linekeeper.journal.store import open_store

    if not yes:
        typer.confirm(f"Forget `{account}` for good?", abort=True)
    done = erase_borrower(open_store(store, made=True), open_keeper(keys), account, time.time_ns() // 1_000_000)
    if json:
        print_json({"account": account, "leaf": done.position, "leaves_closed": len(done.leaves)})
    else:
        print_line(f"`{account}` is forgotten; leaf {done.position} says so, {len(done.leaves)} leaves open no more")
