"""Where the policies that come with Linekeeper lie: beside `src` in the repository, inside an installed package."""

from __future__ import annotations

from pathlib import Path

import linekeeper
from linekeeper.core.errors import LinekeeperError


def shipped(name: str) -> Path:
    """The file (or folder) of that name under `policies/`. Raises LinekeeperError where there is none.

    >>> shelf("consumer-loan.yaml").name
    'consumer-loan.yaml'
    """
    package = Path(linekeeper.__file__).parent
    for folder in (package / "policies", package.parents[1] / "policies"):
        if (folder / name).exists():
            return folder / name
    raise LinekeeperError(f"there is no `{name}` among the policies that come with Linekeeper")
