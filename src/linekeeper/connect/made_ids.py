"""Ids for files that have none: what an event says, and how many just like it stand above it in its file.

So the same file again gives the same ids, whatever it is called, and so does a row that two files share; two equal rows
of one file are two events. Two equal events in two files cannot be told from one that was sent twice: they count once.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import msgspec
import pyarrow as pa

_ENCODE = msgspec.json.Encoder(order="sorted").encode
DIGEST_LENGTH = 32  # 128 bits: no two events of any feed share one by chance


class IdMaker:
    """Makes the ids of one file's events, block after block.

    >>> maker = IdMaker()
    >>> rows = pa.table({"id": ["", "", ""], "account": ["A", "A", "B"], "kind": ["draw"] * 3, "at": [1, 1, 1]})
    >>> first, second, third = maker.with_ids(rows)["id"].to_pylist()
    >>> first[:-1] == second[:-1], first[-2:], second[-2:], third[-2:]
    (True, '-1', '-2', '-1')
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def with_ids(self, table: pa.Table) -> pa.Table:
        """The event table with an id for each row, in the order of the file."""
        ids = []
        for row in table.drop_columns(["id"]).to_pylist():
            filled = {name: value for name, value in row.items() if value is not None}
            digest = sha256(_ENCODE(filled)).hexdigest()[:DIGEST_LENGTH]
            self._seen[digest] += 1
            ids.append(f"{digest}-{self._seen[digest]}")
        return table.set_column(table.column_names.index("id"), "id", pa.array(ids, pa.string()))
