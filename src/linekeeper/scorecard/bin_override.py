"""A person gives a bin of a card other points, with a name and a reason that stay on the card.

What a fit says of a bin of few rows, or of rows that the lender no longer takes, may be known to be wrong. The card
then says who changed which bin and why, and the declared direction of the feature holds as before.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise

from linekeeper.core.errors import Refused, UsageError
from linekeeper.scorecard.artifact import Artifact, BinOverride, Input
from linekeeper.scorecard.card import Bins


@dataclass(frozen=True, slots=True)
class BinChange:
    """What a person asks for: the bin that holds `value` (None: a missing value) gets these points."""

    feature: str
    value: int | None
    points: int


def override_bin(artifact: Artifact, change: BinChange, by: str, why: str, day: str) -> Artifact:
    """The card with the bin changed, and the override written on it. `value` is in the units of the card's cuts.

    Raises UsageError where the card has no bins for the feature, Refused where the points would go against the
    direction that the fit was given.

    >>> from linekeeper.scorecard.card import Score
    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> made = Artifact("demo", card, inputs=(Input("burden", "higher"),))
    >>> lower = override_bin(made, BinChange("burden", 4500, -30), "A. Li", "a new kind of loan", "2026-05-02")
    >>> lower.score.bins[0].points
    (60, -30)
    >>> override_bin(made, BinChange("burden", 4500, 70), "A. Li", "a try", "2026-05-02")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    linekeeper.core.errors.Refused: `burden` is declared `worse: higher`, ... fit again without the direction
    """
    part = _part(artifact, change.feature)
    number = _bin_of(part, change.value)
    before = part.missing if number is None else (part.by_choice or part.points)[number]
    changed = _with_points(part, number, change.points)
    declared = next((one for one in artifact.inputs if one.name == change.feature), None)
    if declared is not None:
        _refuse_against_direction(changed, declared)
    bins = tuple(changed if one is part else one for one in artifact.score.bins)
    override = BinOverride(change.feature, number, before, change.points, by, why, day)
    score = replace(artifact.score, bins=bins, card=None)
    return replace(artifact, score=score, overrides=(*artifact.overrides, override))


def without_overrides(artifact: Artifact) -> Artifact:
    """The card as the fit left it: every override undone, the last one first."""
    score = artifact.score
    for one in reversed(artifact.overrides):
        bins = tuple(
            _with_points(part, one.bin, one.points_before) if part.feature == one.feature else part
            for part in score.bins
        )
        score = replace(score, bins=bins, card=None)
    return replace(artifact, score=score, overrides=())


def bins_of_codes(part: Bins, codes: tuple[int, ...]) -> set[int]:
    """The numbers of the bins that hold a special code: they lie in no order with the others."""
    return {bisect_right(part.below, code) for code in codes}


def _part(artifact: Artifact, feature: str) -> Bins:
    part = next((one for one in artifact.score.bins if one.feature == feature), None)
    if part is not None:
        return part
    has_trees = bool(artifact.score.trees)
    known = ", ".join(f"`{one.feature}`" for one in artifact.score.bins)
    raise UsageError(
        f"the card has no bins of `{feature}`",
        code="choice-not-known",
        way_out="a card of trees has none: fit one of points" if has_trees else f"it has bins of {known}",
        details={"given": feature},
    )


def _bin_of(part: Bins, value: int | None) -> int | None:
    if value is None:
        return None
    if not part.by_choice:
        return bisect_right(part.below, value)
    if not 0 <= value < len(part.by_choice):
        raise UsageError(
            f"`{part.feature}` has no choice {value}",
            code="choice-not-known",
            way_out=f"name one from 0 to {len(part.by_choice) - 1}",
            details={"given": str(value)},
        )
    return value


def _with_points(part: Bins, number: int | None, points: int) -> Bins:
    if number is None:
        return replace(part, missing=points)
    own = [*(part.by_choice or part.points)]
    own[number] = points
    return replace(part, by_choice=tuple(own)) if part.by_choice else replace(part, points=tuple(own))


def _refuse_against_direction(part: Bins, declared: Input) -> None:
    """Raises Refused where a worse amount would get more points; special codes and missing values have no order."""
    if declared.worse is None or part.by_choice:
        return
    codes = bins_of_codes(part, declared.special)
    amounts = [points for number, points in enumerate(part.points) if number not in codes]
    rising = amounts if declared.worse == "lower" else amounts[::-1]
    for worse, better in pairwise(rising):
        if worse > better:
            raise Refused(
                f"`{part.feature}` is declared `worse: {declared.worse}`, and a worse value would get {worse} points"
                f" beside {better}",
                code="override-against-direction",
                way_out="choose points between those of the bins beside it, or fit again without the direction",
                details={"feature": part.feature},
            )
