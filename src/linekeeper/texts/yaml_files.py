"""YAML that people write: its plain values, or one reason why it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from linekeeper.core.bounded import TEXT_BYTES_MAX, read_bounded

_HALVES = re.compile("[\ud800-\udfff]")  # no file can hold them; YAML can, by an escape


class YamlFault(ValueError):
    """Why a text cannot be read as YAML, on one line."""


def read_yaml_tree(path: Path | Traversable, bytes_max: int = TEXT_BYTES_MAX) -> Any:
    """The plain values of one YAML file; dates stay dates.

    Raises FileError where the file cannot be read or is larger than that, YamlFault where it does not hold YAML.
    """
    data = read_bounded(path, bytes_max) if isinstance(path, Path) else path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlFault(f"the byte {error.start} is not UTF-8") from None
    return yaml_tree(text)


def yaml_tree(text: str) -> Any:
    """The plain values of a YAML text. Raises YamlFault where it is none.

    >>> yaml_tree("{days: 30, alarm: yes}")
    {'days': 30, 'alarm': 'yes'}
    >>> yaml_tree("until: 2025-02-30")
    Traceback (most recent call last):
    linekeeper.texts.yaml_files.YamlFault: day is out of range for month
    """
    try:
        tree = YAML(typ="safe", pure=True).load(text)
        if any(_HALVES.search(part) for part in _strings(tree)):
            raise YamlFault("it holds half a character, as `\\ud800` writes it")
        return tree
    except YamlFault:
        raise
    except RecursionError:
        raise YamlFault("it is nested too deeply") from None
    # A date that there is not, a number of thousands of digits, an odd tag: each ends in another error of the library.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise YamlFault(reason or "it cannot be read") from None


def _strings(tree: Any) -> Iterator[str]:
    """Every text of the tree, keys too."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list | tuple | set):
        for part in (*tree, *tree.values()) if isinstance(tree, dict) else tree:
            yield from _strings(part)
