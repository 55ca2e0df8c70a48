"""How a model's columns are called in a policy: a small YAML file, and the whole numbers that stand for their values.

A policy has whole numbers. A model that was trained on 1,234.56 reads the policy's 123,456 with `decimals: 2`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import FileError
from linekeeper.lab.card_import.lender_model import not_possible
from linekeeper.scorecard.tree_validation import WorseWhen
from linekeeper.scorecard.trees import CUT_MAX
from linekeeper.texts.yaml_files import YamlFault, read_yaml_tree

COLUMN_KEYS = ("feature", "decimals", "choices", "worse", "missing_as", "missing_code")
MODEL_DECIMALS_MAX = 9
_FEATURE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """One column of a model. `feature`: its name in the policy. `decimals`: digits after the point that a whole number
    of the policy has in the model. `choices`: a category's words in the order of the model's codes. `missing_as`: what
    the model is given in the place of a missing value. `missing_code`: a whole number that the model takes for missing.
    """

    name: str
    feature: str
    decimals: int = 0
    choices: tuple[str, ...] = ()
    worse: WorseWhen | None = None
    missing_as: int | None = None
    missing_code: int | None = None

    def value_of(self, whole: int) -> float:
        """What the model was given for a whole number of the policy."""
        return whole / 10**self.decimals if self.decimals else float(whole)


def model_columns_of(
    names: Sequence[str], choices: Mapping[str, tuple[str, ...]], path: Path | None
) -> tuple[ModelColumn, ...]:
    """The columns of a model by name, as the file says where there is one; `choices` are those that the model states.

    Raises FileError where the file names what the model does not have, or a name cannot stand in a policy.
    """
    stated = _read(path) if path else {}
    unknown = sorted(map(str, set(stated) - set(names)))
    if unknown:
        raise _fault(path, f"`{unknown[0]}` is no column of the model", f"it has {', '.join(names[:20])}")
    columns = tuple(_column(name, stated.get(name, {}), choices.get(name, ()), path) for name in names)
    features = [column.feature for column in columns]
    for feature in features:
        if not _FEATURE_NAME.fullmatch(feature):
            raise _fault(path, f"`{feature}` cannot be the name of a feature", "give it one with `feature: name`")
        if features.count(feature) > 1:
            raise _fault(path, f"two columns are called `{feature}`", "give one of them another `feature`")
    return columns


def _read(path: Path) -> Mapping[str, Any]:
    try:
        root = read_yaml_tree(path)
    except YamlFault as fault:
        raise _fault(path, f"cannot be read: {fault}", "write one line for each column") from None
    if not isinstance(root, Mapping) or not all(isinstance(value, Mapping) for value in root.values()):
        raise _fault(path, "is no list of columns", "write `COLUMN: {feature: name, decimals: 2}`")
    return root


def _column(name: str, stated: Mapping[str, Any], of_model: tuple[str, ...], path: Path | None) -> ModelColumn:
    for key in stated:
        if key not in COLUMN_KEYS:
            raise _fault(path, f"`{name}` has the key `{key}`, which is not known", f"use {', '.join(COLUMN_KEYS)}")
    decimals, worse = stated.get("decimals", 0), stated.get("worse")
    if not (isinstance(decimals, int) and 0 <= decimals <= MODEL_DECIMALS_MAX):
        raise _fault(path, f"`{name}` has `decimals: {decimals}`", f"write 0 to {MODEL_DECIMALS_MAX}")
    if worse not in (None, "higher", "lower"):
        raise _fault(path, f"`{name}` has `worse: {worse}`", "write `higher` or `lower`")
    for key in ("missing_as", "missing_code"):
        number = stated.get(key)
        if number is not None and not (isinstance(number, int) and abs(number) <= MONEY_MAX):
            raise _fault(path, f"`{name}` has `{key}: {number}`", "write a whole number, in the unit of the policy")
    choices = tuple(map(str, stated.get("choices") or of_model))
    feature = str(stated.get("feature", name))
    return ModelColumn(name, feature, decimals, choices, worse, stated.get("missing_as"), stated.get("missing_code"))


def _fault(path: Path | None, what: str, way_out: str) -> FileError:
    place = f"`{path}`: " if path else ""
    return FileError(f"{place}{what}", code="columns-not-usable", way_out=way_out, place=str(path) if path else None)


def cut_of(threshold: float, column: ModelColumn, threshold_below: bool, float32: bool) -> int:
    """The least whole number of the policy that the model does not send below the threshold.

    Found by halving, with the model's own comparison: what it does to a number is monotone, but not always exact.

    >>> amount = ModelColumn("amount", "amount", decimals=2)
    >>> cut_of(12.34, amount, True, False), cut_of(12.34, amount, False, False)
    (1235, 1234)
    """
    if threshold != threshold:
        raise not_possible("compares with a number that is none", "train it anew")

    def is_below(whole: int) -> bool:
        value = column.value_of(whole)
        value = float(np.float32(value)) if float32 else value
        return value <= threshold if threshold_below else value < threshold

    low, high = -CUT_MAX, CUT_MAX  # the cut lies above `low` or at it, and at `high` or before it
    if is_below(high):
        return high
    while low < high:
        middle = (low + high) // 2
        if is_below(middle):
            low = middle + 1
        else:
            high = middle
    return low
