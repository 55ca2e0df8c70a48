"""What most commands begin with: a store's engine, a file of events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.cli.output import progress_of_share

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.outbox import Law
    from linekeeper.policy.model import Policy


def open_engine(
    url: str,
    policy: Policy | None = None,
    keys: Path | None = None,
    brake: bool = False,
    law: Law | None = None,
    signed_by: str | None = None,
) -> Engine:
    """The engine over that store; without a policy, under the one that the store holds."""
    from linekeeper.engine.opening import engine_of_store

    return engine_of_store(url, policy, keys, brake, law, signed_by)


def read_file(path: Path, policy: Policy, mapping: Path | None, quiet: bool) -> Intake:
    """A file as admitted events: an event table of ours, or any file with a mapping of its columns."""
    from linekeeper.connect.files import read_event_file
    from linekeeper.connect.mapping_file import load_columns

    with progress_of_share("reading", quiet) as show_share:
        return read_event_file(path, policy, load_columns(mapping) if mapping else None, progress=show_share)
