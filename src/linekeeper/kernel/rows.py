"""The columns of what a kernel writes: one row of int64s for a decision, or for a snapshot of features."""

from __future__ import annotations

from dataclasses import dataclass

from linekeeper.policy import model as m

HEAD = (
    "NOW_HOUR",
    "ACTION",
    "LIMIT_BEFORE",
    "LIMIT_AFTER",
    "GRANTED_BEFORE",
    "GRANTED_AFTER",
    "STATUS_BEFORE",
    "STATUS_AFTER",
    "MASK_BEFORE",
    "MASK_AFTER",
    "IMPOSED",  # share in bp of a cap imposed by a person and in force, else -1
    "OFFERED",  # limit proposed, 0 where none
    "OFFER_NO",
    "SCORE",
    "PD",
)


@dataclass(frozen=True)
class RowShape:
    """Names of the columns: the head, a sub-total for each score group, the value of each feature."""

    columns: dict[str, int]
    groups: int
    values: int
    width: int

    @staticmethod
    def of(policy: m.Policy) -> RowShape:
        """The shape of this policy's rows."""
        names = [f"O_{name}" for name in HEAD] + [f"O_GROUP{i}" for i in range(len(policy.groups))]
        columns = {name: place for place, name in enumerate(names)}
        values = len(columns)
        return RowShape(columns, len(HEAD), values, values + len(policy.features))

    def place(self, name: str) -> int:
        """The column of a head name."""
        return self.columns[f"O_{name}"]
