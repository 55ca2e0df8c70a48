"""adopt, versions: bring a new version of the policy into force, and see which accounts are under which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from linekeeper.cli.arguments import iso_date
from linekeeper.cli.output import JsonOption, Keys, SignedBy, StoreUrl, print_json, print_line
from linekeeper.core.errors import Refused

if TYPE_CHECKING:
    from linekeeper.engine.versions import Standing


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(adopt)
    app.command()(versions)


def adopt(policy: Path, store: StoreUrl, by: SignedBy = None, keys: Keys = None, json: JsonOption = False) -> None:
    """Bring a new version of the store's policy into force; promised roads back are kept under the old one."""
    from linekeeper.engine.versions import adopt as bring_into_force
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store
    from linekeeper.policy.load import load_file
    from linekeeper.recourse.dead_ends import describe_dead_end, find_dead_ends

    new = load_file(policy)
    dead_ends = [describe_dead_end(new, dead_end) for dead_end in find_dead_ends(new)]
    if dead_ends:
        raise Refused(
            "\n".join(f"{policy}: {text}" for text in dead_ends),
            code="policy-has-dead-ends",
            place=str(policy),
            details={"dead_ends": dead_ends},
        )
    bring_into_force(open_store(store, made=True), new, open_keeper(keys) if keys else None, by)
    if json:
        print_json({"policy": new.name, "version": new.version, "digest": new.digest})
    else:
        print_line(f"version {new.version} of {new.name} is in force; see `linekeeper versions`")


def versions(store: StoreUrl, json: JsonOption = False) -> None:
    """The versions of a store's policy: how many accounts are under each, and how long promises keep them there."""
    from linekeeper.engine.versions import standings
    from linekeeper.journal.store import open_store

    with open_store(store, made=True).reading() as connection:
        rows = standings(connection)
    if json:
        print_json([_plain(row) for row in rows])
        return
    for one in rows:
        accounts = f"{one.accounts:,} account{'' if one.accounts == 1 else 's'}"
        words = [f"version {one.version}  {one.digest[:12]}  {accounts}"]
        if one.promised:
            words.append(f"{one.promised:,} kept by a promise until {iso_date(one.until_day)} at the latest")
        if one.signed_by:
            words.append(f"signed off by {one.signed_by}")
        print_line(", ".join(words))


def _plain(one: Standing) -> dict[str, object]:
    names = ("version", "digest", "model", "signed_by", "accounts", "promised")
    return {name: getattr(one, name) for name in names} | {"until": iso_date(one.until_day) if one.promised else None}
