"""The data sets that `linekeeper fit --data NAME` knows by name."""

from __future__ import annotations

from pathlib import Path

from linekeeper.core.errors import UsageError
from linekeeper.datasets.south_german import south_german_training_data
from linekeeper.datasets.taiwan import taiwan_training_data
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import TrainingTable

TRAINING_DATA = {"taiwan": taiwan_training_data, "south-german": south_german_training_data}


def read_data_set(name: str, path: Path, derived: bool = False) -> tuple[TrainingTable, FitPlan]:
    """The training table and the plan of a data set. Raises UsageError where the name or the file is not that.

    `derived`: features measured over the raw columns, in their place.
    """
    if name not in TRAINING_DATA:
        raise UsageError(
            f"`{name}` is no data set known here",
            code="choice-not-known",
            way_out=f"known are {', '.join(TRAINING_DATA)}",
            details={"given": name},
        )
    return TRAINING_DATA[name](path, derived)
