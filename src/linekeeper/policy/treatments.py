"""What a trigger does beside restricting: it watches, has the borrower contacted, or sets a price.

None of these ever takes anything away: a trigger that has nothing else leaves the line as it is.
"""

from __future__ import annotations

import re

from linekeeper.policy import model as m
from linekeeper.policy.reader import Reader
from linekeeper.policy.source import Node, Scalar, Table

TREATMENT_KEYS = ("watch", "contact", "price")
CONTACT_KEYS = ("code", "at_most", "quiet")
CONTACTS_MAX, CONTACT_DAYS_MAX = 10, 365
_AT_MOST = re.compile(r"(\d{1,3}) in (\d{1,4})d")
_QUIET = re.compile(r"(\d{2}):00\s*-\s*(\d{2}):00")


def read_treatments(table: Table, reader: Reader) -> m.Treatments | None:
    """The treatments of a trigger; None where it has none."""
    watch, contact, price = (table.get(key) for key in TREATMENT_KEYS)
    if watch is None and contact is None and price is None:
        return None
    return m.Treatments(
        watch=reader.name(watch, "the code of `watch`") if watch is not None else "",
        contact=_contact(contact, reader) if contact is not None else None,
        price=reader.name(price, "the code of `price`") if price is not None else "",
    )


def _contact(node: Node, reader: Reader) -> m.Contact:
    """A code alone, or a mapping with more said about it."""
    if isinstance(node, Scalar):
        return m.Contact(reader.name(node, "the code of `contact`"))
    table = reader.table(node, "`contact`")
    reader.only(table, CONTACT_KEYS)
    code, at_most, quiet = (table.get(key) for key in CONTACT_KEYS)
    if code is None:
        reader.faults.add(node, "the key `code` is missing", 'write `contact: {code: reminder, at_most: "2 in 30d"}`')
    count, days = _numbers(at_most, _AT_MOST, (1, CONTACTS_MAX), (1, CONTACT_DAYS_MAX), "2 in 30d", reader)
    begins, ends = _numbers(quiet, _QUIET, (0, 23), (0, 23), "21:00-08:00", reader)
    if quiet is not None and begins == ends:
        reader.faults.add(quiet, "the quiet hours begin when they end", 'write for example `quiet: "21:00-08:00"`')
    name = reader.name(code, "the code of `contact`") if code is not None else ""
    return m.Contact(name, count, days, (begins, ends) if quiet is not None else None)


def _numbers(
    node: Node | None,
    form: re.Pattern[str],
    first: tuple[int, int],
    second: tuple[int, int],
    example: str,
    reader: Reader,
) -> tuple[int, int]:
    """The two numbers of a text of that form, each within its bounds; zeros where it is absent or has a fault."""
    if node is None:
        return 0, 0
    read = form.fullmatch(node.text.strip()) if isinstance(node, Scalar) else None
    if read is not None:
        low, high = int(read[1]), int(read[2])
        if first[0] <= low <= first[1] and second[0] <= high <= second[1]:
            return low, high
    shown = node.text[:40] if isinstance(node, Scalar) else "this"
    bounds = f"from {first[0]} to {first[1]}, and from {second[0]} to {second[1]}"
    reader.faults.add(node, f"`{shown}` does not fit here; {bounds}", f'write for example `"{example}"`')
    return 0, 0
