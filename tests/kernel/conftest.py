"""Compiled kernels are kept between runs, in pytest's cache, so that each is compiled once."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _kernel_cache(request: pytest.FixtureRequest) -> None:
    cache = request.config.cache
    assert cache is not None
    patch = pytest.MonkeyPatch()
    patch.setenv("LINEKEEPER_CACHE", str(cache.mkdir("kernels")))
    request.addfinalizer(patch.undo)
