"""receipt make|verify|check-all: proofs of single decisions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli import completion
from linekeeper.cli.options import JsonOption, LogKeys, StoreUrl, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_unreadable, progress
from linekeeper.cli.sections import WholeLines
from linekeeper.core.bounded import TEXT_BYTES_MAX, read_bounded

ReceiptFile = Annotated[Path, typer.Argument(metavar="FILE", help="The receipt.")]
WitnessKeys = Annotated[
    list[Path] | None,
    typer.Option("--witness", help="The public key of a witness that must have cosigned; repeatable."),
]
Vkey = Annotated[Path, typer.Option("--vkey", help="The log's public key: the file `log.vkey`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    receipt = typer.Typer(cls=WholeLines, help="Receipts: proofs of single decisions.", no_args_is_help=True)
    receipt.command()(make)
    receipt.command()(verify)
    receipt.command("check-all")(check_all)
    app.add_typer(receipt, name="receipt")


def make(
    decision: Annotated[
        str, typer.Argument(metavar="DECISION", help="ACCOUNT#NUMBER", autocompletion=completion.complete_account)
    ],
    store: StoreUrl,
    keys: LogKeys,
    output: Annotated[Path, to_write("--output", "-o", about="The receipt file.")],
    qr: Annotated[Path | None, to_write("--qr", about="Also draw it as a QR code (SVG).")] = None,
    json: JsonOption = False,
) -> None:
    """Write the receipt of one decision."""
    from linekeeper.cli.answers.proof import ReceiptMakeAnswer
    from linekeeper.engine.account import decision_name_refused, number_in_name
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.log.qr import draw
    from linekeeper.journal.store import open_store

    number = number_in_name(decision)
    if number is None:
        raise decision_name_refused(decision)
    data = open_keeper(keys).receipt(open_store(store, made=True), decision.rpartition("#")[0], number)
    output.write_bytes(data)
    if qr is not None:
        qr.write_text(draw(data), "utf-8")
    if json:
        drawn = None if qr is None else str(qr)
        print_answer(ReceiptMakeAnswer(decision=decision, output=str(output), qr=drawn))
    else:
        print_line(data_text(f"receipt of {decision} in {output}"))


def verify(file: ReceiptFile, vkey: Vkey, witness: WitnessKeys = None, json: JsonOption = False) -> None:
    """Verify a receipt offline, with public keys alone (exit code 3 where it does not hold)."""
    # A key that cannot be used says nothing of the receipt: that ends the command with exit code 1 instead.
    from linekeeper.cli.answers.proof import ReceiptVerifyAnswer
    from linekeeper.journal.log.errors import LogError
    from linekeeper.journal.log.key_files import read_verifier
    from linekeeper.journal.log.note import COSIGNATURE
    from linekeeper.journal.log.receipt import verify_receipt

    data = read_bounded(file, TEXT_BYTES_MAX)
    log, witnesses = read_verifier(vkey), [read_verifier(path, COSIGNATURE) for path in witness or []]
    try:
        receipt = verify_receipt(data, log, witnesses)
    except LogError as error:
        if json:
            nothing = dict.fromkeys(("leaf", "size", "origin", "record"))
            print_answer(ReceiptVerifyAnswer(holds=False, **nothing, why=str(error), error=error.code))
        else:
            print_line(f"[red]does not hold[/]: {data_text(error)}")
        raise typer.Exit(3) from None
    head = receipt.seen.checkpoint
    record = receipt.opened.data.decode()
    if json:
        print_answer(
            ReceiptVerifyAnswer(
                holds=True,
                leaf=receipt.index,
                size=head.size,
                origin=head.origin,
                record=record,
                why=None,
                error=None,
            )
        )
    else:
        print_line(f"[green]holds[/]: leaf {receipt.index:,} of {head.size:,} in {data_text(head.origin)}")
        for name, at_s in receipt.seen.cosigned_at_s.items():
            print_line(data_text(f"cosigned by {name} at {datetime.fromtimestamp(at_s, UTC).isoformat()}"))
        print_line(data_text(record))


def check_all(
    store: StoreUrl,
    keys: LogKeys,
    flip: Annotated[
        bool, typer.Option("--flip", help="Also flip one bit of each receipt: all must be refused.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many receipts, evenly spread.")] = 10_000,
    witness: WitnessKeys = None,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the bits that are flipped.")] = 1,
    json: JsonOption = False,
) -> None:
    """Make and verify the receipts of the published leaves (exit code 3 where one does not hold)."""
    from linekeeper.cli.answers.proof import ReceiptCheckAnswer
    from linekeeper.journal import tables as t
    from linekeeper.journal.keeper import open_keeper, unreadable_accounts
    from linekeeper.journal.log.audit import check_receipts
    from linekeeper.journal.log.key_files import read_verifier
    from linekeeper.journal.log.note import COSIGNATURE
    from linekeeper.journal.store import open_store

    keeper, witnesses = open_keeper(keys), [read_verifier(path, COSIGNATURE) for path in witness or []]
    head = keeper.head()
    step = max(head.checkpoint.size // limit, 1)
    positions = list(range(0, head.checkpoint.size, step))[:limit]
    verifier = keeper.signer.verifier
    with progress("receipts", len(positions), json) as advance, open_store(store, made=True).reading() as connection:
        arguments = (connection, t.LOG, keeper.vault, head, verifier, positions)
        summary = check_receipts(*arguments, seed if flip else None, witnesses)
        accounts = unreadable_accounts(connection, summary.unreadable)
        advance(len(positions))
    closed = len(summary.unreadable)
    if json:
        figures = {name: getattr(summary, name) for name in ("receipts", "accepted", "flipped", "flipped_refused")}
        print_answer(ReceiptCheckAnswer(**figures, unreadable_accounts=list(accounts), unreadable_leaves=closed))
    else:
        print_line(f"{summary.accepted:,} of {counted(summary.receipts, 'receipt', 'receipts')} hold")
        if flip:
            print_line(f"{summary.flipped_refused:,} of {summary.flipped:,} with one bit flipped were refused")
        print_unreadable(accounts, closed)
    if closed or summary.accepted != summary.receipts or summary.flipped_refused != summary.flipped:
        raise typer.Exit(3)
