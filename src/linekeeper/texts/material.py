"""Where the shipped wording lies: reason texts, lessons and regulation records are data, not code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from linekeeper.core.errors import LinekeeperError

HERE = Path(__file__).resolve().parent


class MaterialError(LinekeeperError):
    """A file of texts, lessons or rules that cannot be used as it stands."""


@cache
def shipped(name: str) -> Path:
    """The folder `policies/<name>`: beside the package where it is installed, at the top of a checkout otherwise.

    >>> shipped("reasons").name
    'reasons'
    """
    for root in (HERE.parent / "policies", HERE.parents[2] / "policies"):
        if (root / name).is_dir():
            return root / name
    raise MaterialError(
        f"the folder `policies/{name}` is missing; install linekeeper again, or run from a full checkout"
    )


def read_yaml(path: Path) -> Any:
    """The plain values of one YAML file; dates stay dates."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as fault:
        raise MaterialError(f"`{path.name}` cannot be read: {fault}; mend the file") from fault


def parse_yaml(text: str) -> Any:
    """The plain values of a YAML text. Raises `YAMLError` where it is none.

    >>> parse_yaml("{days: 30, alarm: yes}")
    {'days': 30, 'alarm': 'yes'}
    """
    return YAML(typ="safe", pure=True).load(text)
