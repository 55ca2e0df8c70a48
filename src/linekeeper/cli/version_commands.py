"""adopt, versions: bring a new version of the policy into force, and see which accounts are under which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import JsonOption, Keys, PolicyFile, SignedBy, StoreUrl
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.core.dates import date_of
from linekeeper.core.errors import Refused

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(adopt)
    app.command()(versions)


def adopt(policy: PolicyFile, store: StoreUrl, keys: Keys, by: SignedBy = None, json: JsonOption = False) -> None:
    """Bring a new version of the store's policy into force; promised roads back are kept under the old one."""
    from linekeeper.cli.answers.policies import AdoptAnswer
    from linekeeper.connect.event_table import number_columns
    from linekeeper.engine.versions import adopt as bring_into_force
    from linekeeper.policy.load import load_file
    from linekeeper.recourse.dead_ends import describe_dead_end, find_dead_ends

    new = load_file(policy)
    number_columns(new)  # refuses fields that no table of events could hold, before any event meets them
    dead_ends = [describe_dead_end(new, dead_end) for dead_end in find_dead_ends(new)]
    if dead_ends:
        raise Refused(
            "\n".join(f"{policy}: {text}" for text in dead_ends),
            code="policy-has-dead-ends",
            place=str(policy),
            details={"dead_ends": dead_ends},
        )
    engine = open_engine(store, keys=keys)
    engine.resume_reviews()  # one that was broken off is of the version before
    bring_into_force(engine.store, new, engine.keeper, by)
    if json:
        print_answer(AdoptAnswer(policy=new.name, version=new.version, digest=new.digest))
    else:
        print_line(data_text(f"version {new.version} of {new.name} is in force; see `linekeeper versions`"))


def versions(store: StoreUrl, json: JsonOption = False) -> None:
    """The versions of a store's policy: how many accounts are under each, and how long promises keep them there."""
    from linekeeper.cli.answers.policies import VersionsAnswer, version_record
    from linekeeper.engine.versions import standings
    from linekeeper.journal.store import open_store

    with open_store(store, made=True).reading() as connection:
        rows = standings(connection)
    if json:
        print_answer(VersionsAnswer(versions=[version_record(row) for row in rows]))
        return
    for one in rows:
        accounts = counted(one.accounts, "account", "accounts")
        words = [f"version {one.version}  {one.digest[:12]}  {accounts}"]
        if one.promised:
            words.append(f"{one.promised:,} kept by a promise until {date_of(one.until_day)} at the latest")
        if one.signed_by:
            words.append(f"signed off by {one.signed_by}")
        print_line(data_text(", ".join(words)))
