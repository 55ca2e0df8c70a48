"""Answers about a store as a whole: how it stands, and what an upgrade did."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.style import CommandAnswer


class StoreStatusAnswer(CommandAnswer, frozen=True, tag="linekeeper/store-status/1"):
    """How a store stands. What stands in a schema that has to be migrated first is not read: it is null."""

    schema_revision: str
    newest_revision: str
    policy: str | None
    versions: list[int] | None
    accounts: int | None
    events: int | None
    decisions: int | None
    stale_states: Annotated[int | None, Meta(description="Accounts whose states were made by another Linekeeper.")]
    upgrade_due: bool


class StoreUpgradeAnswer(CommandAnswer, frozen=True, tag="linekeeper/store-upgrade/1"):
    """What an upgrade did."""

    changed: bool
    revision_before: str
    schema_revision: str
    rebuilt_states: int
