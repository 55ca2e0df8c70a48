"""The commands of these tests, as a person gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner, Result

from linekeeper.cli import notice_commands, pending_commands, ruling_commands, run_commands, show_commands
from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from tests.brake.bank import POLICY, small_bank

APP = typer.Typer()
for module in (run_commands, show_commands, ruling_commands, pending_commands, notice_commands):
    module.register(APP)


def given(*arguments: str, code: int = 0) -> Result:
    """What a command printed; LinekeeperError where it ended in one."""
    result = CliRunner().invoke(APP, list(arguments))
    if isinstance(result.exception, LinekeeperError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def read(*arguments: str) -> Any:
    """The JSON line of a command."""
    return json.loads(given(*arguments, "--json").stdout.splitlines()[-1])


def run_feed(folder: Path, name: str, events: list[Event], *options: str) -> Result:
    """`linekeeper run` of these events into the folder's store."""
    import pyarrow.parquet as pq

    policy, file = folder / "small-bank.yaml", folder / f"{name}.parquet"
    policy.write_text(POLICY, "utf-8")
    pq.write_table(table_of(events, schema_of(small_bank())), file)
    return given("run", str(policy), str(file), "--store", str(folder / "bank.db"), *options)
