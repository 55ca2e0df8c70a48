"""One fit of a synthetic table, shared by the tests of its parts."""

from __future__ import annotations

import pytest

from linekeeper.lab.fit.training_run import TrainingRun, fit_scorecard
from tests.fit.synthetic import PLAN, synthetic_table


@pytest.fixture(scope="session")
def run() -> TrainingRun:
    """A card of a synthetic table, with every other method on the same folds."""
    return fit_scorecard(synthetic_table(), PLAN, folds=3, compare=("exact", "main", "forest", "woe"))
