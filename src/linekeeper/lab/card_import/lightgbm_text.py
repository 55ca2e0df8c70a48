"""LightGBM's text files (`Booster.save_model`), read by their documented keys.

What a node does is that of `Tree::NumericalDecision` and `Tree::CategoricalDecision` in LightGBM 4: a value of at most
the threshold goes left; what is missing goes by the default direction, is taken for 0, or counts with 0 as missing,
each as the node's `decision_type` says; of categories those in the bit set go left, and what is missing goes right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree, not_possible, not_readable

_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a node's `decision_type`; the next two say what counts as missing
_MISSING_NONE, _MISSING_ZERO = 0, 1  # a third: NaN alone
_OBJECTIVES = ("binary", "cross_entropy")
_DOUBLE_ROUNDING = 2.0**-52


def read_lightgbm(text: str) -> LenderModel:
    """The model of a text file. Raises FileError where it is broken, or is no model of the log-odds of one event."""
    head, *blocks = text.replace("\r\n", "\n").split("\nTree=")
    stated = _pairs(head)
    if "end of trees" not in text or not blocks:
        raise not_readable("is no whole text file of LightGBM")
    factor = _objective(stated)
    last, _, after = blocks[-1].partition("end of trees")
    trees = tuple(_tree(_pairs(block)) for block in (*blocks[:-1], last))
    features = tuple(stated.get("feature_names", "").split())
    if "average_output" in head.split("\n"):
        factor /= len(trees)
    most = sum(max((abs(value) for value in tree.values), default=0.0) for tree in trees)
    return LenderModel(
        made_by="LightGBM",
        features=features,
        trees=trees,
        threshold_below=True,
        float32=False,
        factor=factor,
        rounding=abs(factor) * most * _DOUBLE_ROUNDING * (len(trees) + 4),
        choices=_choices(after, features, stated.get("feature_infos", "").split(" ")),
    )


def _pairs(block: str) -> dict[str, str]:
    """The lines `key=value` of a block."""
    return {key: value for key, equals, value in (line.partition("=") for line in block.split("\n")) if equals}


def _objective(stated: Mapping[str, str]) -> float:
    """What the sum of all leaves is multiplied by to give log-odds."""
    name, *options = stated.get("objective", "none").split()
    if stated.get("num_class", "1") != "1" or stated.get("num_tree_per_iteration", "1") != "1":
        raise not_possible("has several classes", "train one model for bad against good")
    if name not in _OBJECTIVES:
        raise not_possible(
            f"was trained for `{name}`, which is no probability of one event", "train it with `objective=binary`"
        )
    sigmoid = next((option.removeprefix("sigmoid:") for option in options if option.startswith("sigmoid:")), "1")
    return float(sigmoid)


def _tree(stated: Mapping[str, str]) -> LenderTree:
    try:
        values = _floats(stated, "leaf_value")
        if stated.get("is_linear", "0") != "0":
            raise not_possible("has linear leaves", "train it with `linear_tree=false`")
        if int(stated["num_leaves"]) == 1:
            return LenderTree(-1, (), (), (), (), (), (), (), values[:1], (1.0,))
        kinds = [int(kind) for kind in stated["decision_type"].split()]
        thresholds = _floats(stated, "threshold")
        sets = _sets(stated)
        return LenderTree(
            root=0,
            feature=tuple(map(int, stated["split_feature"].split())),
            threshold=thresholds,
            categories=tuple(
                sets[int(threshold)] if kind & _CATEGORICAL else None
                for kind, threshold in zip(kinds, thresholds, strict=True)
            ),
            below=tuple(map(int, stated["left_child"].split())),
            rest=tuple(map(int, stated["right_child"].split())),
            missing_below=tuple(map(_missing_goes_left, kinds, thresholds)),
            zero_missing=tuple(kind >> 2 & 3 == _MISSING_ZERO and not kind & _CATEGORICAL for kind in kinds),
            values=values,
            rows=_floats(stated, "leaf_count") if "leaf_count" in stated else (1.0,) * len(values),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise not_readable(f"has a tree that cannot be read: {error}") from None


def _missing_goes_left(kind: int, threshold: float) -> bool:
    if kind & _CATEGORICAL:
        return False
    if kind >> 2 & 3 == _MISSING_NONE:  # it is taken for 0
        return threshold >= 0
    return bool(kind & _DEFAULT_LEFT)


def _sets(stated: Mapping[str, str]) -> list[frozenset[int]]:
    """The sets of categories, each a row of 32-bit words."""
    if int(stated.get("num_cat", "0")) == 0:
        return []
    edges = [int(edge) for edge in stated["cat_boundaries"].split()]
    words = [int(word) for word in stated["cat_threshold"].split()]
    return [_set_of_words(words[low:high]) for low, high in pairwise(edges)]


def _set_of_words(words: Sequence[int]) -> frozenset[int]:
    return frozenset(32 * place + bit for place, word in enumerate(words) for bit in range(32) if word >> bit & 1)


def _floats(stated: Mapping[str, str], key: str) -> tuple[float, ...]:
    return tuple(map(float, stated[key].split()))


def _choices(after: str, features: Sequence[str], infos: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The words of categories that pandas gave, where there are as many lists of them as columns of categories."""
    line = next((line for line in after.split("\n") if line.startswith("pandas_categorical:")), "")
    try:
        lists = json.loads(line.partition(":")[2] or "null") or []
    except (ValueError, RecursionError) as error:
        raise not_readable(f"has `pandas_categorical` that is no list of lists: {error}") from None
    names = [name for name, info in zip(features, infos, strict=False) if info != "none" and not info.startswith("[")]
    texts = [tuple(map(str, words)) for words in lists]
    return dict(zip(names, texts, strict=True)) if len(names) == len(texts) else {}
