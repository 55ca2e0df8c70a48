"""check, fmt, schema: reading and writing policies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.output import Json, print_json, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(check)
    app.command()(fmt)
    app.command()(schema)


def check(policies: list[Path], json: Json = False) -> None:
    """Read policies and tell every fault: file, line, column, what was meant."""
    from linekeeper.core.errors import PolicyError
    from linekeeper.policy.load import load_file

    faults, good = [], []
    for path in policies:
        try:
            good.append((path, load_file(path)))
        except PolicyError as error:
            faults += error.faults
    if json:
        keys = ("file", "line", "column", "message", "way_out")
        told = [{key: getattr(fault, key) for key in keys} for fault in faults]
        print_json({"ok": not faults, "faults": told, "policies": {str(path): p.digest for path, p in good}})
    else:
        for path, policy in good:
            say(
                f"[green]ok[/] {path}: {len(policy.features)} features, {len(policy.triggers)} triggers, "
                f"hash {policy.digest[:12]}"
            )
        for fault in faults:
            sys.stderr.write(f"{fault}\n")
    if faults:
        raise typer.Exit(1)


def fmt(
    policies: list[Path],
    check: Annotated[bool, typer.Option("--check", help="Only say which files would change (exit code 1).")] = False,
) -> None:
    """Write expressions in their one canonical form; layout and comments stay."""
    from linekeeper.policy.fmt import format_text

    changed = []
    for path in policies:
        text = path.read_text("utf-8")
        formatted = format_text(text, str(path))
        if formatted != text:
            changed.append(path)
            if not check:
                path.write_text(formatted, "utf-8")
    for path in changed:
        say(f"{'would change' if check else 'formatted'} {path}")
    if check and changed:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from linekeeper.policy.schema import schema as made

    print_json(made())
