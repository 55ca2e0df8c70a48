"""XGBoost's JSON files (`Booster.save_model("model.json")`), read by the schema that its documentation gives.

A value below the threshold goes left, both in single precision; what is missing goes by the default direction; of
categories those that are listed go right. The leaves of all trees and the margin of `base_score` add up to log-odds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree, not_possible, not_readable

_LOGISTIC = ("binary:logistic", "binary:logitraw", "reg:logistic")
_SINGLE_ROUNDING = 2.0**-23


def read_xgboost(text: str, rounds: int | None = None) -> LenderModel:
    """The model of a JSON file, of its first `rounds` rounds where given (as early stopping keeps them).

    Raises FileError where the file is broken, or holds no model of the log-odds of one event.
    """
    try:
        learner = json.loads(text)["learner"]
        booster = learner["gradient_booster"]
        name = booster["name"]
        if name == "gblinear":
            raise not_possible("is linear", "bring its coefficients as a table of points")
        model = booster["gbtree"]["model"] if name == "dart" else booster["model"]
        weights = booster.get("weight_drop") if name == "dart" else None
        constant = _base_margin(learner)
        raw = _rounds(model, rounds)
        trees = tuple(_tree(tree, 1.0 if weights is None else weights[place]) for place, tree in enumerate(raw))
        features = tuple(learner.get("feature_names") or ())
        count = int(learner["learner_model_param"]["num_feature"])
    except (KeyError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise not_readable(f"is no JSON file of XGBoost, or is broken: {error!r}") from None
    most = abs(constant) + sum(max((abs(value) for value in tree.values), default=0.0) for tree in trees)
    return LenderModel(
        made_by="XGBoost",
        features=features or tuple(f"f{number}" for number in range(count)),
        trees=trees,
        threshold_below=False,
        float32=True,
        constant=constant,
        rounding=most * _SINGLE_ROUNDING * (len(trees) + 4),
        choices=_choices(model, features),
    )


def _base_margin(learner: Mapping[str, Any]) -> float:
    """The log-odds with which every account begins."""
    objective, stated = learner["objective"]["name"], learner["learner_model_param"]
    if int(stated.get("num_class", "0")) > 1 or int(stated.get("num_target", "1")) > 1:
        raise not_possible("has several classes", "train one model for bad against good")
    if objective not in _LOGISTIC:
        raise not_possible(
            f"was trained for `{objective}`, which is no probability of one event", "train it with `binary:logistic`"
        )
    score = np.float32(str(stated["base_score"]).strip("[]"))
    if objective == "binary:logitraw":  # it is log-odds already
        return float(score)
    return float(np.float32(-math.log(1.0 / float(score) - 1.0)))


def _rounds(model: Mapping[str, Any], rounds: int | None) -> list[Any]:
    trees: list[Any] = model["trees"]
    if rounds is None:
        return trees
    each = int(model["gbtree_model_param"].get("num_parallel_tree", "1") or 1)
    return trees[: rounds * each]


def _tree(tree: Mapping[str, Any], weight: float) -> LenderTree:
    """A tree whose nodes and leaves are numbered apart."""
    left, right = tree["left_children"], tree["right_children"]
    if int(tree["tree_param"].get("size_leaf_vector") or 1) > 1:
        raise not_possible("has leaves of several numbers", "train one model for bad against good")
    nodes = [node for node, child in enumerate(left) if child != -1]
    leaves = [node for node, child in enumerate(left) if child == -1]
    reached = _reached(left, right)
    nodes, leaves = ([one for one in some if one in reached] for some in (nodes, leaves))
    place = {node: number for number, node in enumerate(nodes)} | {leaf: -1 - n for n, leaf in enumerate(leaves)}
    conditions = [np.float32(value) for value in tree["split_conditions"]]
    sets = _sets(tree)
    return LenderTree(
        root=place[0],
        feature=tuple(int(tree["split_indices"][node]) for node in nodes),
        threshold=tuple(float(conditions[node]) for node in nodes),
        categories=tuple(sets.get(node) for node in nodes),
        # What is listed goes right: there `below` is the right child.
        below=tuple(place[right[node] if node in sets else left[node]] for node in nodes),
        rest=tuple(place[left[node] if node in sets else right[node]] for node in nodes),
        missing_below=tuple(bool(tree["default_left"][node]) != (node in sets) for node in nodes),
        zero_missing=(False,) * len(nodes),
        values=tuple(float(np.float32(weight) * conditions[leaf]) for leaf in leaves),
        rows=tuple(float(tree["sum_hessian"][leaf]) for leaf in leaves),
    )


def _reached(left: list[int], right: list[int]) -> set[int]:
    """The nodes that stand in the tree: what pruning took out of it stays in the file."""
    waiting, reached = [0], set[int]()
    while waiting:
        node = waiting.pop()
        if node in reached:
            raise ValueError(f"node {node} stands below two others")
        reached.add(node)
        if left[node] != -1:
            waiting += [left[node], right[node]]
    return reached


def _sets(tree: Mapping[str, Any]) -> dict[int, frozenset[int]]:
    """The categories of each node that asks for some."""
    listed = tree.get("categories", [])
    parts = zip(
        tree.get("categories_nodes", []),
        tree.get("categories_segments", []),
        tree.get("categories_sizes", []),
        strict=True,
    )
    return {node: frozenset(map(int, listed[first : first + size])) for node, first, size in parts}


def _choices(model: Mapping[str, Any], features: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The words of categories, where the file has them: letters one after the other, cut by their offsets."""
    choices = {}
    for name, enc in zip(features, (model.get("cats") or {}).get("enc") or (), strict=False):
        offsets, letters = enc.get("offsets") or (), enc.get("values") or ()
        if offsets:
            data = bytes(letter & 255 for letter in letters)
            pieces = pairwise(offsets)
            choices[name] = tuple(data[low:high].decode("utf-8") for low, high in pieces)
    return choices
