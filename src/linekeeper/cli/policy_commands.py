"""check, fmt, schema, kernel: reading and writing policies, and the code that comes of one."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.output import JsonOption, data_text, print_json, print_line

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy


class SchemaOf(StrEnum):
    """What the schema is of."""

    policy = "policy"
    mapping = "mapping"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(check)
    app.command()(fmt)
    app.command()(schema)
    app.command()(kernel)


def check(
    policies: list[Path],
    quick: Annotated[bool, typer.Option("--quick", help="Do not look for dead ends (seconds a policy).")] = False,
    json: JsonOption = False,
) -> None:
    """Read policies and report every fault (file, line, column) and every trigger that has no way out."""
    from linekeeper.core.errors import PolicyError
    from linekeeper.policy.load import load_file

    faults, good = [], []
    for path in policies:
        try:
            good.append((path, load_file(path)))
        except PolicyError as error:
            faults += error.faults
    dead_ends = {} if quick else {str(path): _dead_ends(policy) for path, policy in good}
    refused = bool(faults) or any(dead_ends.values())
    if json:
        keys = ("file", "line", "column", "message", "way_out")
        records = [{key: getattr(fault, key) for key in keys} for fault in faults]
        digests = {str(path): policy.digest for path, policy in good}
        print_json({"ok": not refused, "faults": records, "dead_ends": dead_ends, "policies": digests})
    else:
        for path, policy in good:
            if not dead_ends.get(str(path)):
                print_line(f"[green]ok[/] {data_text(path)}: {_counted(policy)}, hash {policy.digest[:12]}")
        for path_of, texts in dead_ends.items():
            for text in texts:
                sys.stderr.write(f"{path_of}: {text}\n")
        for fault in faults:
            sys.stderr.write(f"{fault}\n")
    if refused:
        raise typer.Exit(1)


def _dead_ends(policy: Policy) -> list[str]:
    from linekeeper.recourse.dead_ends import describe_dead_end, find_dead_ends

    return [describe_dead_end(policy, dead_end) for dead_end in find_dead_ends(policy)]


def _counted(policy: Policy) -> str:
    return f"{len(policy.features)} features, {len(policy.triggers)} triggers"


def fmt(
    policies: list[Path],
    check: Annotated[bool, typer.Option("--check", help="Only say which files would change (exit code 1).")] = False,
    json: JsonOption = False,
) -> None:
    """Write expressions in their one canonical form; layout and comments stay. With one fault none is written."""
    from linekeeper.journal.log.durable import write
    from linekeeper.policy.fmt import format_text
    from linekeeper.policy.load import read_text

    changed: dict[Path, str] = {}
    for path in policies:
        text = read_text(path)
        formatted = format_text(text.replace("\r\n", "\n"), str(path))
        if "\r\n" in text:
            formatted = formatted.replace("\n", "\r\n")
        if formatted != text:
            changed[path] = formatted
    if not check:
        for path, formatted in changed.items():
            write(path.resolve(), formatted.encode(), path.stat().st_mode & 0o777)
    if json:
        print_json({"changed": [str(path) for path in changed], "written": not check})
    else:
        for path in changed:
            print_line(f"{'would change' if check else 'formatted'} {data_text(path)}")
    if check and changed:
        raise typer.Exit(1)


def schema(of: Annotated[SchemaOf, typer.Argument(help="policy or mapping.")] = SchemaOf.policy) -> None:
    """Print the JSON Schema of a policy file, or of a mapping file, for editors."""
    from linekeeper.connect.mapping_schema import mapping_schema
    from linekeeper.policy.schema import schema as policy_schema

    print_json(mapping_schema() if of is SchemaOf.mapping else policy_schema())


def kernel(
    policy: Path,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write it to this file.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the code that decides under a policy: its numbers by name, then features, triggers and line."""
    from linekeeper.journal.log.durable import write
    from linekeeper.kernel.kernel import Kernel
    from linekeeper.policy.load import load_file

    made = Kernel(load_file(policy))
    if output:
        write(output.resolve(), made.source.encode())
    if json:
        digests = {"policy": made.policy.name, "version": made.policy.version, "digest": made.digest}
        print_json(digests | {"source": made.source})
    elif output:
        print_line(f"wrote {output}: {made.source.count(chr(10)):,} lines, hash {made.digest[:12]}")
    else:
        sys.stdout.write(made.source)
