"""Compiled kernels are kept between runs, in pytest's cache, so that each is compiled once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _kernel_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    cache = request.config.cache
    assert cache is not None
    with pytest.MonkeyPatch.context() as patch:
        folder = cache.mkdir("kernels")
        folder.chmod(0o700)  # pytest leaves it open to the user's group where the umask does
        patch.setenv("LINEKEEPER_CACHE", str(folder))
        yield
