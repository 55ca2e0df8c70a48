"""Bins that a person changed: the direction holds, the card says who and why, and undoing them gives the fit's card."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import Refused, UsageError
from linekeeper.scorecard.artifact import Artifact, ArtifactError, Input, open_artifact, write_artifact
from linekeeper.scorecard.bin_override import BinChange, override_bin, without_overrides
from linekeeper.scorecard.card import Bins, Score

GROUPS = ("ability", "willingness")
CARD = Artifact(
    "demo",
    Score(
        500,
        GROUPS,
        (
            Bins("burden", "ability", (3_000, 6_000), (60, 0, -20), 5),
            Bins("late", "willingness", (-2, -1, 1), (10, 40, 10, -30), 0),
            Bins("channel", "willingness", (), (), 0, (5, -5, 0)),
        ),
        (),
        (500,),
        (200_000, 50_000),
    ),
    inputs=(
        Input("burden", "higher"),
        Input("late", "higher", special=(-2,)),
        Input("channel", choices=("app", "branch", "phone")),
    ),
)


def changed(feature: str, value: int | None, points: int, card: Artifact = CARD) -> Artifact:
    return override_bin(card, BinChange(feature, value, points), "A. Li", "a new kind of loan", "2026-05-02")


@pytest.mark.parametrize("points", [60, 0, -20])
def test_points_between_those_of_the_neighbours_are_taken(points: int) -> None:
    made = changed("burden", 4_000, points)
    assert made.score.bins[0].points == (60, points, -20)
    (override,) = made.overrides
    assert (override.bin, override.points_before, override.points, override.by) == (1, 0, points, "A. Li")


@pytest.mark.parametrize("points", [61, -21])
def test_points_beyond_those_of_the_neighbours_are_refused(points: int) -> None:
    with pytest.raises(Refused, match="`burden` is declared `worse: higher`") as refused:
        changed("burden", 4_000, points)
    assert refused.value.code == "override-against-direction"


def test_special_codes_missing_values_and_choices_have_no_order() -> None:
    assert changed("late", -2, -90).score.bins[1].points == (10, -90, 10, -30)
    assert changed("burden", None, 90).score.bins[0].missing == 90
    assert changed("channel", 2, 99).score.bins[2].by_choice == (5, -5, 99)


def test_what_the_card_lacks_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no bins of `income`; it has bins of `burden`"):
        changed("income", 1, 1)
    with pytest.raises(UsageError, match="`channel` has no choice 3; name one from 0 to 2"):
        changed("channel", 3, 1)


def test_a_card_without_overrides_has_no_such_key() -> None:
    assert b"overrides" not in write_artifact(CARD)
    assert json.loads(write_artifact(changed("burden", None, 9)))["overrides"][0]["why"] == "a new kind of loan"


def test_an_override_that_the_points_contradict_is_refused() -> None:
    made = changed("burden", 4_000, -10)
    contradicted = replace(made, score=CARD.score)
    with pytest.raises(ArtifactError, match="an override gives bin 1 of `burden` -10 points, and the card does not"):
        write_artifact(contradicted)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from([("burden", 4_000), ("burden", None), ("late", -2), ("late", 0), ("channel", 1)]),
        st.integers(-99, 99),
    ),
    max_size=6,
)


@given(CHANGES)
def test_overrides_outlive_the_file_and_can_be_undone(changes: list[tuple[tuple[str, int | None], int]]) -> None:
    made, taken = CARD, 0
    for (feature, value), points in changes:
        try:
            made = changed(feature, value, points, made)
        except Refused:
            continue
        taken += 1
    read = open_artifact(write_artifact(made))
    assert len(read.overrides) == taken
    assert read.score.bins == made.score.bins
    assert without_overrides(read).score == replace(CARD.score, card=None if taken else read.score.card)
