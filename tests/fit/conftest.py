"""One fit of a made-up table, shared by the tests that look at it."""

from __future__ import annotations

import pytest

from linekeeper.lab.fit.fitted import Fitted, fit
from tests.fit.made import PLAN, made_table


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    """A card of a made-up table, with every other method on the same folds."""
    return fit(made_table(), PLAN, folds=3, compare=("exact", "main", "forest", "woe"))
