"""outcome: a policy's restrictions against what became of the borrowers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.output import Json, print_json, progress

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.lab.outcome import GradeRow, Outcome


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(outcome)


def outcome(
    policy: Path,
    events: Path,
    labels: Annotated[Path, typer.Argument(help="Parquet: account, granted, defaulted (0 or 1).")],
    json: Json = False,
) -> None:
    """Replay a file and say, as a Markdown table, how its restrictions fall on those who later defaulted."""
    from linekeeper.cli.run_commands import read_file
    from linekeeper.engine.run import replay_table
    from linekeeper.kernel.kernel import kernel_of
    from linekeeper.lab.outcome import outcome as found
    from linekeeper.lab.outcome import read_labels
    from linekeeper.policy.load import load_file

    kernel = kernel_of(load_file(policy))
    table = read_file(events, kernel.policy, None, json).table
    kept: list[Decision] = []
    with progress("events", table.num_rows, json) as tell:
        replay_table(kernel, table, tell=tell, keep=kept.append)
    result = found(kept, read_labels(labels))
    if json:
        print_json(result.as_json())
        return
    unit = 10**kernel.policy.exponent
    for line in _markdown(result, unit, kernel.policy.currency):
        typer.echo(line)


def _markdown(result: Outcome, unit: int, currency: str) -> list[str]:
    rows = result.rows
    goods, bads = sum(row.good for row in rows), sum(row.bad for row in rows)
    lines = [
        f"| line at the end | defaulted | others | default rate | granted to defaulters, M {currency} "
        f"| their limit now, M {currency} | granted to others, M {currency} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(_row(row.grade, row, bads, goods, unit))
    shares = (result.restricted(name) for name in ("bad", "good", "bad_granted", "good_granted"))
    bad, good, bad_granted, good_granted = (f"{share:.1%}" for share in shares)
    return [
        *lines,
        "",
        f"Restricted: {bad} of those who defaulted and {good} of the others; "
        f"{bad_granted} and {good_granted} of what was granted.",
    ]


def _row(name: str, row: GradeRow, bads: int, goods: int, unit: int) -> str:
    money = (f"{amount / unit / 1e6:,.1f}" for amount in (row.bad_granted, row.bad_limit, row.good_granted))
    accounts = f"{row.bad:,} ({row.bad / max(bads, 1):.1%}) | {row.good:,} ({row.good / max(goods, 1):.1%})"
    return f"| {name} | {accounts} | {row.bad_rate:.1%} | {' | '.join(money)} |"
