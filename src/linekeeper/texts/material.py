"""The shipped material: policies, reason texts, lessons and regulation records are data under `policies/`, not code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from linekeeper.core.errors import FileError
from linekeeper.texts.yaml_files import YamlFault, read_yaml_tree


class MaterialError(FileError):
    """A shipped file, or a lender's own file of the same form, that is missing or cannot be used as it stands."""


@cache
def shipped(name: str) -> Path:
    """The file or folder `policies/<name>`. Raises `MaterialError` where there is none.

    >>> shipped("reasons").name, shipped("consumer-loan.yaml").name
    ('reasons', 'consumer-loan.yaml')
    """
    # `policies/` stands inside the package once installed from a wheel, and beside `src/` in a checkout.
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "policies", package.parents[1] / "policies"):
        if (folder / name).exists():
            return folder / name
    raise MaterialError(
        f"`policies/{name}` is missing",
        code="material-missing",
        way_out="install linekeeper again, or run from a full checkout",
    )


def read_yaml(path: Path) -> Any:
    """The plain values of one YAML file; dates stay dates. Raises `MaterialError` where it cannot be read."""
    try:
        return read_yaml_tree(path)
    except YamlFault as fault:
        raise MaterialError(
            f"`{path.name}` cannot be read: {fault}",
            code="material-not-complete",
            way_out="mend the file",
            place=str(path),
        ) from None
