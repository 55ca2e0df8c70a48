"""A lender's model as its file says it: trees over floating-point columns, before they become a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from linekeeper.core.errors import FileError


@dataclass(frozen=True, slots=True)
class LenderTree:
    """One tree in columns, one entry a node. A child is the number of a node, or `-1 - leaf`.

    A value goes `below` where it is at most its `threshold` (less than it, where the model says so), or where it is one
    of `categories`, if these are not None. `zero_missing`: a 0 goes where a missing value goes. `own_code`: of each
    node, a number that goes where a missing value goes, or None; empty, where the columns say it for all nodes.
    """

    root: int
    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    categories: tuple[frozenset[int] | None, ...]
    below: tuple[int, ...]
    rest: tuple[int, ...]
    missing_below: tuple[bool, ...]
    zero_missing: tuple[bool, ...]
    values: tuple[float, ...]
    rows: tuple[float, ...]
    own_code: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class LenderModel:
    """Trees whose leaves add up to the log-odds of bad, or to its probability where `is_probability`.

    The sum of all leaves is multiplied by `factor`, and `constant` is added. `threshold_below`: a value that is the
    threshold goes below. `float32`: the model keeps columns and thresholds in single precision. `choices`: the words
    of a category in the order of its codes, where the file has them. `rounding`: the most by which the model's own sum
    may be off, by the arithmetic that it uses. `missing_unknown`: the file does not say where a missing value goes.
    """

    made_by: str
    features: tuple[str, ...]
    trees: tuple[LenderTree, ...]
    threshold_below: bool
    float32: bool
    constant: float = 0.0
    factor: float = 1.0
    is_probability: bool = False
    rounding: float = 0.0
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_unknown: bool = False


def not_readable(what: str, way_out: str = "export the model anew with its own library") -> FileError:
    """The error for a file that is no such model, or is a broken one."""
    return FileError(f"the model file {what}", code="model-not-readable", way_out=way_out)


def not_possible(what: str, way_out: str) -> FileError:
    """The error for a model that no card can equal."""
    return FileError(f"the model {what}", code="model-not-possible", way_out=way_out)
