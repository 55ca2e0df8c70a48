"""What a lender sees of it all: events are noted day by day as arrays, and bound into one event table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OFFSET_MS = 8 * HOUR_MS  # Asia/Shanghai, no summer time since 1991


@dataclass
class Diary:
    """Notes of one population that begins on `first_day` (days since 1970-01-01)."""

    first_day: int
    notes: dict[str, list[dict[str, np.ndarray]]] = field(default_factory=dict)

    def note(self, kind: str, day: int, who: np.ndarray, hour: np.ndarray | float, **fields: np.ndarray) -> None:
        """Events of one kind on one day: `who` are indices of people, `hour` the local hour with its fraction."""
        import numpy as np

        if len(who):
            time = np.broadcast_to((np.asarray(hour) * HOUR_MS).astype(np.int64), who.shape)
            at = (self.first_day + day) * DAY_MS - OFFSET_MS + time
            self.notes.setdefault(kind, []).append({"who": who, "at": at} | fields)

    def bound(self, names: pa.Array, words: dict[str, tuple[str, ...]]) -> pa.Table:
        """All notes in order of time, with ids such as `B0007-0012`. `words`: the choices behind an index."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        tables = []
        for kind, notes in self.notes.items():
            columns: dict[str, Any] = {name: np.concatenate([note[name] for note in notes]) for name in notes[0]}
            for name in words.keys() & columns.keys():
                columns[name] = pa.array(words[name]).take(pa.array(columns[name]))
            tables.append(pa.table(columns | {"kind": pa.repeat(kind, len(columns["who"]))}))
        table = pa.concat_tables(tables, promote_options="default")
        table = table.take(np.argsort(table["at"].to_numpy(), kind="stable")).combine_chunks()
        who = table["who"].to_numpy()
        number = pc.utf8_lpad(pa.array(_ranks(who)).cast(pa.string()), 4, "0")
        account = names.take(pa.array(who))
        fixed = {"id": pc.binary_join_element_wise(account, number, "-"), "account": account}
        rest = [name for name in table.column_names if name not in ("who", "at", "kind")]
        return pa.table(fixed | {name: table[name] for name in ("kind", "at", *rest)})


def _ranks(who: np.ndarray) -> np.ndarray:
    """For each event, how many its person has had up to it, from 1.

    >>> import numpy as np
    >>> _ranks(np.array([5, 7, 5, 5, 7]))
    array([1, 1, 2, 3, 2])
    """
    import numpy as np

    order = np.argsort(who, kind="stable")
    starts = np.searchsorted(who[order], who[order], side="left")
    ranks = np.empty(len(who), dtype=np.int64)
    ranks[order] = np.arange(len(who)) - starts + 1
    return ranks
