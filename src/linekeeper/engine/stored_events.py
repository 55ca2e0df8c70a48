"""Stored events as events, though another hand may have altered them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS
from linekeeper.core.errors import StoreError
from linekeeper.core.event import Event
from linekeeper.evaluate.event_batch import EventRow, event_rows
from linekeeper.journal.store import as_bytes

if TYPE_CHECKING:
    from linekeeper.kernel.kernel import Kernel

_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


def stored_fields(body: bytes | str) -> dict[str, int | str]:
    """The fields by name. Raises StoreError where the body holds none.

    >>> stored_fields(b'{"amount": 500}')
    {'amount': 500}
    """
    try:
        return _DECODE(as_bytes(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _altered() from None


def stored_event(id: str, account: str, kind: str, at: object, body: bytes | str) -> Event:
    """The event of a row. Raises StoreError where its time or its fields are none."""
    if not isinstance(at, int) or not AT_MIN_MS <= at < AT_END_MS:
        raise _altered()
    return Event(id, account, kind, at, stored_fields(body))


def stored_rows(
    kernel: Kernel,
    accounts: Sequence[str],
    kinds: Sequence[str],
    at: Sequence[object],
    bodies: Sequence[bytes | str],
) -> list[EventRow]:
    """Many stored events as the kernel reads them. Raises StoreError where a time or the fields of one are none."""
    times = [instant for instant in at if isinstance(instant, int) and AT_MIN_MS <= instant < AT_END_MS]
    if len(times) != len(at):
        raise _altered()
    return event_rows(kernel.policy, kernel.calendar, accounts, kinds, times, [stored_fields(one) for one in bodies])


def _altered() -> StoreError:
    return StoreError(
        "a stored event cannot be read; it was altered or damaged",
        code="event-not-readable",
        way_out="run `linekeeper verify`, and restore the store from a backup",
    )
