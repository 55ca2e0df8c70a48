"""Forests of scikit-learn from files of skops: a ZIP archive with a schema in JSON and arrays, no pickles.

The archive is read as data. No class that it names is made, and no array that would need unpickling is loaded. A tree
sends a value of at most the threshold to the left, with the value in single precision, and what is missing as the node
says; the forest's probability is the mean over its trees.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.lab.card_import.lender_model import LenderModel, LenderTree, not_possible, not_readable

FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier")
PART_BYTES_MAX = 256 * 1024 * 1024  # unpacked
_MEAN_ROUNDING = 2.0**-52


def read_skops(data: bytes) -> LenderModel:
    """The model of an archive. Raises FileError where it is broken, or is no forest or tree of two classes."""
    try:
        archive = _Archive(data)
        kind, state = archive.root()
        if kind == "DecisionTreeClassifier":
            trees: tuple[LenderTree, ...] = (archive.tree(state),)
        elif kind in FORESTS:
            trees = tuple(archive.tree(_state(one)) for one in state["estimators_"]["content"])
        else:
            known = ", ".join((*FORESTS, "DecisionTreeClassifier"))
            raise not_possible(f"is a `{kind}`", f"bring one of {known}, or a booster of LightGBM or XGBoost")
        names = archive.names(state)
        count = archive.whole(state["n_features_in_"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, RecursionError) as error:
        way_out = "write it with `skops.io.dump`"
        raise not_readable(f"is no archive of skops, or is broken: {error!r}", way_out) from None
    return LenderModel(
        made_by="scikit-learn",
        features=names or tuple(f"x{number}" for number in range(count)),
        trees=trees,
        threshold_below=True,
        float32=True,
        factor=1 / len(trees),
        is_probability=True,
        rounding=_MEAN_ROUNDING * (len(trees) + 4),
    )


def _state(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes of an object, as the schema has them."""
    state: Mapping[str, Any] = node["content"]["content"]
    return state


class _Archive:
    def __init__(self, data: bytes) -> None:
        self._members = zipfile.ZipFile(io.BytesIO(data))
        self._schema = json.loads(self._read("schema.json"))

    def root(self) -> tuple[str, Mapping[str, Any]]:
        """The class of the model, as its file names it, and its attributes."""
        return str(self._schema["__class__"]), _state(self._schema)

    def whole(self, node: Mapping[str, Any]) -> int:
        """A whole number that stands in the schema."""
        return int(json.loads(node["content"]))

    def names(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the columns, where the forest was fitted with some."""
        node = state.get("feature_names_in_")
        if node is None:
            return ()
        if node.get("type") == "numpy":
            return tuple(map(str, self._array(node).tolist()))
        return tuple(str(json.loads(one["content"])) for one in node["content"]["content"])

    def tree(self, state: Mapping[str, Any]) -> LenderTree:
        """One tree, whose nodes and leaves are numbered apart."""
        if self.whole(state["n_outputs_"]) != 1:
            raise not_possible("has several outputs", "train one model for bad against good")
        content = state["tree_"]["content"]["content"]
        nodes, values = self._array(content["nodes"]), self._array(content["values"])
        if values.shape[1:] != (1, 2):
            raise not_possible("has not two classes", "train it for bad (1) against good (0)")
        is_leaf = nodes["left_child"] == -1
        place = np.where(is_leaf, -np.cumsum(is_leaf), np.cumsum(~is_leaf) - 1)
        inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        weights = values[leaves, 0, :]
        bad = weights[:, 1] / weights.sum(axis=1)  # older files have weights, newer ones shares
        return LenderTree(
            root=int(place[0]),
            feature=tuple(nodes["feature"][inner].tolist()),
            threshold=tuple(nodes["threshold"][inner].tolist()),
            categories=(None,) * len(inner),
            below=tuple(place[nodes["left_child"][inner]].tolist()),
            rest=tuple(place[nodes["right_child"][inner]].tolist()),
            missing_below=tuple(bool(left) for left in nodes["missing_go_to_left"][inner].tolist()),
            zero_missing=(False,) * len(inner),
            values=tuple(bad.tolist()),
            rows=tuple(nodes["weighted_n_node_samples"][leaves].tolist()),
        )

    def _array(self, node: Mapping[str, Any]) -> npt.NDArray[Any]:
        if node.get("type") != "numpy":
            raise ValueError("an array is missing")
        array: npt.NDArray[Any] = np.load(io.BytesIO(self._read(str(node["file"]))), allow_pickle=False)
        return array

    def _read(self, name: str) -> bytes:
        if self._members.getinfo(name).file_size > PART_BYTES_MAX:
            raise ValueError(f"`{name}` is too large")
        return self._members.read(name)
