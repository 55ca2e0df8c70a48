"""contract propose: a first contract of a source, so that nobody has to type it by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.opening import clock_of, columns_of_file
from linekeeper.cli.options import JsonOption, MappingFile, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.sections import WholeLines


def register(app: typer.Typer) -> None:
    """Add the commands."""
    about = "What each batch of a source has to keep; one that does not waits for a person."
    contract = typer.Typer(cls=WholeLines, help=about, no_args_is_help=True)
    contract.command()(propose)
    app.add_typer(contract, name="contract")


def propose(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="Files that are known to be good, each a batch.")
    ],
    policy: Annotated[Path, typer.Option(help="Whose kinds the events are.")],
    mapping: MappingFile = None,
    output: Annotated[Path | None, to_write("--output", "-o", about="Write the contract to this file.")] = None,
    json: JsonOption = False,
) -> None:
    """Write a first contract from good files: what they have, and some room around it. Several files show more."""
    from linekeeper.cli.answers.events import FirstContractAnswer
    from linekeeper.connect.first_contract import contract_lines, good_batches, proposed_contract
    from linekeeper.policy.load import load_file

    checked = load_file(policy)
    batches = good_batches(files, checked, columns_of_file(mapping), clock_of(simulate=False))
    tree = proposed_contract(batches, checked)
    text = "\n".join(contract_lines(tree, len(batches)))
    if output:
        output.write_text(text + "\n", "utf-8")
    if json:
        written = None if output is None else str(output)
        print_answer(FirstContractAnswer(files=len(batches), contract=tree, output=written))
    elif output:
        print_line(data_text(f"a contract from {counted(len(batches), 'file', 'files')}, written to {output}"))
    else:
        print_line(data_text(text))
