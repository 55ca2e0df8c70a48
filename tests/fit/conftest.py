"""One fit of a made-up table, shared by the tests that look at it."""

from __future__ import annotations

import pytest

from linekeeper.lab.fit.training_run import TrainingRun, fit
from tests.fit.synthetic import PLAN, made_table


@pytest.fixture(scope="session")
def run() -> TrainingRun:
    """A card of a made-up table, with every other method on the same folds."""
    return fit(made_table(), PLAN, folds=3, compare=("exact", "main", "forest", "woe"))
