"""Rotation of a store's master key in two steps: all keys go under a new one, then the former one is declared free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection

from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, demand_log, open_keeper
from linekeeper.journal.key_folder import add_master, masters_by_place, places_of_files, read_key_settings
from linekeeper.journal.log import durable
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.keys import KeyCounts, count_keys, shown_accounts
from linekeeper.journal.log.rotate import rotate
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.store import Store

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Rotation:
    """The new master by its place and name, how many keys it wraps now, and whose keys do not open and stayed."""

    place: str
    master: str
    keys: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinishedRotation:
    """The master that wraps all keys, by its place and name; and the places of those on which nothing hangs."""

    place: str
    master: str
    keys: int
    free: tuple[str, ...]


def rotate_master(keys: Path, store: Store) -> Rotation:
    """Make a new master key and wrap every data key of the store by it, in one transaction.

    A writer that is open meanwhile waits, and goes on under the new master. The former one stays where it is, until
    `finish_rotation` finds that nothing hangs on it. After a crash, the rotation is done again from its beginning.
    Raises LogError, with nothing done, where the keys are not those of the store's log, or it keeps none, or another
    process rotates at the same time.
    """
    with _alone(keys, store) as (_, connection):
        place, new = add_master(keys)
        settings = read_key_settings(keys)
        # It is on the disk, and named there, before the first key is wrapped by it.
        replace(settings, masters=(place, *settings.masters)).write(keys)
        done = rotate(connection, t.LOG, Vault([new, *masters_by_place(keys).values()]))
    return Rotation(place, new.name, done.keys, done.unreadable)


def finish_rotation(keys: Path, store: Store) -> FinishedRotation:
    """Declare free every master key but the newest one, once every data key of the store opens with that.

    They are taken out of the settings and left where they are: to destroy them, with their copies, is for a person, who
    knows which backups are still needed. Raises LogError where a key is still wrapped by another master, or does not
    open: then nothing is free.
    """
    with _alone(keys, store) as (keeper, connection):
        settings, masters = read_key_settings(keys), masters_by_place(keys)
        newest, counts = settings.masters[0], count_keys(connection, t.LOG, keeper.vault)
        _demand_finished(counts, masters[newest].name if newest in masters else None, newest)
        master = masters[newest].name
        kept = tuple(place for place in masters if masters[place].name == master)
        replace(settings, masters=kept).write(keys)
        places = dict.fromkeys([*masters, *places_of_files(keys)])  # also of one that was begun and holds no key
    return FinishedRotation(newest, master, counts.keys, tuple(place for place in places if place not in kept))


def _demand_finished(counts: KeyCounts, master: str | None, place: str) -> None:
    """Raises LogError where a key of the store does not open, or is not under that master."""
    left = counts.keys - counts.by_master.get(master or "", 0)
    if counts.unreadable:
        reason = f"{shown_accounts(list(counts.unreadable))}: the key does not open"
        way_out = "put it back from a backup of the store, or erase the borrower, and rotate again"
    elif left:
        reason = f"{left} of {counts.keys} keys are not under the newest master key `{place}`"
        way_out = "run `linekeeper log rotate` again"
    else:
        return
    raise LogError(
        f"the rotation is not finished, and no master key may be destroyed: {reason}",
        code="rotation-not-finished",
        way_out=way_out,
        details={"unreadable": list(counts.unreadable), "keys_left": left},
    )


@contextmanager
def _alone(keys: Path, store: Store) -> Iterator[tuple[Keeper, Connection]]:
    """The keeper and a writing transaction: nobody else changes the key folder meanwhile, nor writes to the store."""
    busy = f"the master keys in `{keys}` are being rotated by another process; try again"
    keeper = open_keeper(keys)
    with store.reading() as connection:  # first: what is refused leaves not even the file of a lock
        demand_log(connection, "name the store whose keys are to be rotated")
        keeper.demand_log_of(connection)
    with durable.locked(keys / LOCK, busy), store.writing() as connection:
        yield keeper, connection
