"""A fitted scorecard as one JSON file: canonical, hashed, with its provenance.

A card of points has the format `linekeeper-scorecard/1`. A card with trees has `linekeeper-scorecard/2` and says
`kind: trees`; its score has the key `trees`, one entry for each `TreeEnsemble`.

The file is canonical JSON (RFC 8785: sorted keys, no spaces, whole numbers only). Its `sha256` is that of the same JSON
without the key `sha256`; a policy that names the file records the hash, and a file that was changed is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import msgspec

from linekeeper.core.errors import FileError
from linekeeper.scorecard.card import SCORE_MAX, Bins, PointsTable, Score, reach
from linekeeper.scorecard.pd import Scale
from linekeeper.scorecard.tree_validation import direction_fault, tree_faults

FORMAT: Literal["linekeeper-scorecard/1"] = "linekeeper-scorecard/1"
TREES_FORMAT: Literal["linekeeper-scorecard/2"] = "linekeeper-scorecard/2"
_GROUP_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
UNIT_LENGTH_MAX, UNIT_DIGITS_MAX = 20, 12
JSON_WHOLE_MAX = 2**53  # beyond it, JSON readers disagree about a whole number


class ArtifactError(FileError, ValueError):
    """A scorecard file that cannot be used: what is wrong, and the way out."""


@dataclass(frozen=True, slots=True)
class Input:
    """What the fit knew about one feature: its direction, its special codes, its choices.

    `decimals`: how many digits after the point its amounts had; the card's cuts are in units of the last of them.
    `unit`: what stands after an amount when a person reads it (`%`, `days`, `CNY`); `unit_digits` of the digits of a
    whole number then stand after the point. A share of 4,532 basis points has the unit `%` and two digits.
    """

    name: str
    worse: Literal["higher", "lower"] | None = None
    special: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    decimals: int = 0
    unit: str = ""
    unit_digits: int = 0


@dataclass(frozen=True, slots=True)
class BinOverride:
    """Points that a person gave a bin in place of those of the fit: who, on which day (YYYY-MM-DD), and why.

    `bin` is the number of the bin, from the lowest values up, or of the choice; None is the bin for missing values.
    """

    feature: str
    bin: int | None
    points_before: int
    points: int
    by: str
    why: str
    day: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A scorecard and its provenance, which holds texts and whole numbers only; `overrides` in the order of making."""

    name: str
    score: Score
    scale: Scale = field(default_factory=Scale)
    inputs: tuple[Input, ...] = ()
    provenance: Mapping[str, str | int] = field(default_factory=dict)
    overrides: tuple[BinOverride, ...] = ()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["linekeeper-scorecard/1", "linekeeper-scorecard/2"]
    name: str
    score: Score
    scale: Scale
    inputs: tuple[Input, ...]
    provenance: dict[str, str | int]
    sha256: str
    kind: Literal["trees"] | None = None
    overrides: tuple[BinOverride, ...] = ()


def write_artifact(artifact: Artifact) -> bytes:
    """The file's bytes. The same artifact always gives the same bytes.

    Raises ArtifactError where the card is not sound.


    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> read_artifact(write_artifact(Artifact("demo", card))).bins == card.bins
    True
    """
    check_score(artifact.score)
    check_directions(artifact)
    _check_units(artifact)
    check_overrides(artifact)
    body = {"format": FORMAT, **_plain(artifact)}
    body["score"]["card"] = None
    if artifact.score.trees:
        body |= {"format": TREES_FORMAT, "kind": "trees"}
    else:
        del body["score"]["trees"]  # a card of points has no such key
    if not artifact.overrides:
        del body["overrides"]  # nor has a card that no person changed this one
    return _canonical({**body, "sha256": hashlib.sha256(_canonical(body)).hexdigest()}) + b"\n"


def read_artifact(data: bytes) -> Score:
    """The score of such a file, `card` set to its hash. ArtifactError (a ValueError) says what is wrong with it."""
    return open_artifact(data).score


def open_artifact(data: bytes) -> Artifact:
    """The whole artifact. Raises ArtifactError where it is no such file, was changed, or holds an unsound card."""
    try:
        raw = msgspec.json.decode(data)
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200].lower()
        raise ArtifactError(f"this is not a scorecard file: {reason}", code="scorecard-not-readable") from None
    # The hash is taken of what the file says, not of what was read from it: a default value would hide a deleted key.
    stated = raw.pop("sha256")
    if hashlib.sha256(_canonical(raw)).hexdigest() != stated:
        raise ArtifactError(
            "the scorecard was changed after it was made (its `sha256` does not fit)",
            code="scorecard-altered",
            way_out="fit it again",
        )
    has_trees = bool(file.score.trees)
    if (file.format == TREES_FORMAT, file.kind == "trees") != (has_trees, has_trees):
        raise ArtifactError(
            f"the format `{file.format}` does not go with what the card holds",
            code="scorecard-not-usable",
            way_out=f"a card with trees has the format `{TREES_FORMAT}` and `kind: trees`, another `{FORMAT}`",
        )
    check_score(file.score)
    score = replace(file.score, card=stated)
    artifact = Artifact(file.name, score, file.scale, file.inputs, file.provenance, file.overrides)
    check_directions(artifact)
    _check_units(artifact)
    check_overrides(artifact)
    return artifact


def check_score(score: Score) -> None:
    """ArtifactError where a part of the card is not sound; names the part."""
    _check_groups(score.groups)
    for bins in score.bins:
        _check_bins(bins, score.groups)
    for table in score.tables:
        _check_table(table, score.groups)
    for number, trees in enumerate(score.trees):
        _group(trees.group, score.groups, f"the ensemble {number} of trees")
        for fault in tree_faults(trees):
            raise ArtifactError(f"in the ensemble {number} of trees {fault}", code="scorecard-not-usable")
    low, high = reach(score)
    if max(-low, high) > SCORE_MAX:
        raise ArtifactError(
            f"the points add up to scores from {low:,} to {high:,}",
            code="scorecard-not-usable",
            way_out=f"keep every score within {SCORE_MAX:,} either way",
        )
    _rising(score.pd_below, "the PD table")
    if len(score.pd_ppm) != len(score.pd_below) + 1 or any(not 0 <= ppm <= 1_000_000 for ppm in score.pd_ppm):
        raise ArtifactError(
            "the PD table needs one PD (0 to 1,000,000 ppm) more than it has cuts", code="scorecard-not-usable"
        )
    if any(b > a for a, b in pairwise(score.pd_ppm)):
        raise ArtifactError(
            "the PD table rises with the score; a better score must not mean a higher PD", code="scorecard-not-usable"
        )


def _check_units(artifact: Artifact) -> None:
    for one in artifact.inputs:
        if not (
            len(one.unit) <= UNIT_LENGTH_MAX and one.unit.isprintable() and abs(one.unit_digits) <= UNIT_DIGITS_MAX
        ):
            raise ArtifactError(
                f"`{one.name}` has a unit that cannot be shown",
                code="scorecard-not-usable",
                way_out=f"keep it to {UNIT_LENGTH_MAX} characters, and to {UNIT_DIGITS_MAX} digits after the point",
            )


def check_directions(artifact: Artifact) -> None:
    """ArtifactError where trees give a worse value of an input more points; names the tree and the node.

    Points by bin are held against the directions of the policy, which may differ from those of the fit.
    """
    for trees in artifact.score.trees:
        for one in artifact.inputs:
            place = direction_fault(trees, one.name, one.worse, one.special) if one.worse else None
            if place:
                raise ArtifactError(
                    f"`{one.name}` is declared `worse: {one.worse}`, but {place} gives a worse value more points",
                    code="scorecard-not-usable",
                    way_out="fit the trees with that direction, or leave the direction out",
                )


def check_overrides(artifact: Artifact) -> None:
    """ArtifactError where an override names a bin that the card lacks, or that has other points by now."""
    points_now: dict[tuple[str, int | None], int] = {}
    for part in artifact.score.bins:
        by_bin: list[int] = [*(part.by_choice or part.points)]
        points_now |= {(part.feature, number): points for number, points in enumerate(by_bin)}
        points_now[part.feature, None] = part.missing
    latest = {(one.feature, one.bin): one for one in artifact.overrides}
    for key, one in latest.items():
        if points_now.get(key) != one.points:
            place = "the bin for missing values" if one.bin is None else f"bin {one.bin}"
            raise ArtifactError(
                f"an override gives {place} of `{one.feature}` {one.points} points, and the card does not",
                code="scorecard-not-usable",
                way_out="make the override again with `card override`",
            )


def _check_groups(groups: tuple[str, ...]) -> None:
    if len(set(groups)) != len(groups) or not all(_GROUP_NAME.fullmatch(group) for group in groups):
        raise ArtifactError(
            "the groups of points need different names of small letters, digits and `_`", code="scorecard-not-usable"
        )


def _check_bins(bins: Bins, groups: tuple[str, ...]) -> None:
    name = f"`{bins.feature}`"
    _group(bins.group, groups, name)
    _rising(bins.below, name)
    if bins.by_choice and (bins.below or bins.points):
        raise ArtifactError(f"{name} has points by choice and by cut", code="scorecard-not-usable", way_out="keep one")
    if not bins.by_choice and len(bins.points) != len(bins.below) + 1:
        raise ArtifactError(
            f"{name} has {len(bins.below)} cuts and {len(bins.points)} bins; it needs one more than cuts",
            code="scorecard-not-usable",
        )
    _whole((*bins.points, *bins.by_choice, bins.missing), name)


def _check_table(table: PointsTable, groups: tuple[str, ...]) -> None:
    name = f"the table of `{table.row}` and `{table.column}`"
    _group(table.group, groups, name)
    _rising(table.row_below, name)
    _rising(table.column_below, name)
    width = len(table.column_below) + 2
    if len(table.points) != len(table.row_below) + 2 or any(len(row) != width for row in table.points):
        raise ArtifactError(
            f"{name} is not full: it needs a row and a column for each bin and for missing", code="scorecard-not-usable"
        )
    for row in table.points:
        _whole(row, name)


def _group(group: str, groups: tuple[str, ...], name: str) -> None:
    if group not in groups:
        raise ArtifactError(
            f"{name} is in the group `{group}`, which the card does not have", code="scorecard-not-usable"
        )


def _rising(cuts: tuple[int, ...], name: str) -> None:
    _whole(cuts, name)
    if any(b <= a for a, b in pairwise(cuts)):
        raise ArtifactError(f"{name} has cuts that do not rise", code="scorecard-not-usable")


def _whole(numbers: tuple[int, ...], name: str) -> None:
    if any(abs(number) > JSON_WHOLE_MAX for number in numbers):
        raise ArtifactError(f"{name} has a number beyond 2^53", code="scorecard-not-usable")


def _plain(artifact: Artifact) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(artifact)
    for one in plain["inputs"]:
        if not one["unit"]:  # an input without a unit has no such keys, as in cards of before
            del one["unit"], one["unit_digits"]
    return plain


def _canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")
