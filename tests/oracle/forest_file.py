"""Reads the file of a card of trees, and writes such files: JSON, by no code of the program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle import tree as t

Columns = Mapping[str, list[Any]]


def forest_score(data: bytes, sha256: str) -> t.Score:
    """The card in that file, whose hash the policy states."""
    card = json.loads(data)
    stated = card.pop("sha256")
    assert stated == sha256 == hashed(card), "the file of the card is another"
    assert (card["format"], card["kind"]) == ("linekeeper-scorecard/2", "trees")
    score = card["score"]
    forests = tuple(forest(one) for one in score["trees"])
    return t.Score(score["base"], (), (), tuple(score["pd_below"]), tuple(score["pd_ppm"]), forests)


def forest(columns: Mapping[str, Any]) -> t.Forest:
    """One ensemble; the columns of its nodes become trees."""
    trees = tuple(_tree(columns, root) for root in columns["roots"])
    return t.Forest(columns["group"], columns["point_parts"], trees)


def _tree(columns: Mapping[str, Any], child: int) -> t.Fork | t.Tip:
    if child < 0:
        return t.Tip(columns["leaves"][abs(child) - 1])
    which = columns["choices"][child]
    yes, no = _tree(columns, columns["below"][child]), _tree(columns, columns["rest"][child])
    return t.Fork(
        columns["features"][columns["feature"][child]],
        columns["cut"][child],
        tuple(columns["sets"][which]) if which != -1 else None,
        columns["missing_value"][child],
        yes,
        no,
        yes if columns["missing_below"][child] == 1 else no,
    )


def hashed(card: Mapping[str, Any]) -> str:
    """SHA-256 of a card as canonical JSON."""
    return hashlib.sha256(canonical(card)).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def written_card(score: t.Score) -> bytes:
    """The file of a card of trees; each leaf stands for as many rows as its place says."""
    body: dict[str, Any] = {
        "format": "linekeeper-scorecard/2",
        "kind": "trees",
        "name": "generated",
        "inputs": [],
        "provenance": {},
        "scale": {"score": 600, "odds": 30, "double_points": 20},
        "score": {
            "base": score.base,
            "bins": [],
            "tables": [],
            "card": None,
            "groups": list(t.GROUPS),
            "pd_below": list(score.pd_below),
            "pd_ppm": list(score.pd_ppm),
            "trees": [_columns(one) for one in score.forests],
        },
    }
    return canonical({**body, "sha256": hashed(body)}) + b"\n"


def _columns(one: t.Forest) -> dict[str, Any]:
    features = list(dict.fromkeys(fork.feature for fork in one.forks()))
    names = ("feature", "cut", "choices", "missing_value", "below", "rest", "missing_below", "leaves", "rows", "sets")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    roots = [_add(tree, features, columns) for tree in one.trees]
    head = {"group": one.group, "features": features, "point_parts": one.parts_of_a_point, "roots": roots}
    return {**head, **columns}


def _add(tree: t.Fork | t.Tip, features: Sequence[str], columns: Columns) -> int:
    if isinstance(tree, t.Tip):
        columns["leaves"].append(tree.parts)
        columns["rows"].append(len(columns["leaves"]))
        return -len(columns["leaves"])
    place = len(columns["feature"])
    columns["feature"].append(features.index(tree.feature))
    columns["cut"].append(tree.cut)
    columns["choices"].append(-1 if tree.choices is None else len(columns["sets"]))
    if tree.choices is not None:
        columns["sets"].append(list(tree.choices))
    columns["missing_value"].append(tree.counts_as_missing)
    columns["missing_below"].append(int(tree.missing is tree.yes))
    for side in ("below", "rest"):
        columns[side].append(0)
    columns["below"][place] = _add(tree.yes, features, columns)
    columns["rest"][place] = _add(tree.no, features, columns)
    return place
