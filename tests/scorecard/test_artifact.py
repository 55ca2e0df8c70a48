"""The scorecard file: canonical, the same back, refused when changed or unsound."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given

from linekeeper.scorecard.artifact import Artifact, ArtifactError, Input, open_artifact, read_artifact, write_artifact
from linekeeper.scorecard.card import Bins, PointsTable, Score
from tests.scorecard.cards import scores
from tests.scorecard.test_points import card

whole = Artifact(
    "cards-2024", card, inputs=(Input("burden", "higher"), Input("late", special=(-1,))), provenance={"rows": 7}
)


@given(scores())
def test_what_was_written_is_read(score: Score) -> None:
    assert replace(read_artifact(write_artifact(Artifact("any", score))), card=None) == score


def test_the_whole_artifact_comes_back() -> None:
    back = open_artifact(write_artifact(whole))
    assert (back.name, back.inputs, back.provenance, back.scale) == (whole.name, whole.inputs, {"rows": 7}, whole.scale)


def test_bytes_are_canonical_and_the_same_each_time() -> None:
    data = write_artifact(whole)
    assert data == write_artifact(whole) == rfc8785.dumps(json.loads(data)) + b"\n"


def test_the_card_is_named_by_its_hash() -> None:
    assert read_artifact(write_artifact(whole)).card == json.loads(write_artifact(whole))["sha256"]


def test_a_changed_point_is_refused() -> None:
    data = write_artifact(whole).replace(b"-60", b"-61")
    with pytest.raises(ArtifactError, match="was changed after it was made"):
        read_artifact(data)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"format":"linekeeper-scorecard/2"}'])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="this is not a scorecard file"):
        read_artifact(data)


bins = card.bins[0]
table = card.tables[0]


@pytest.mark.parametrize(
    ("unsound", "message"),
    [
        (replace(card, bins=(replace(bins, below=(5, 5)),)), "`burden` has cuts that do not rise"),
        (replace(card, bins=(replace(bins, points=(1, 2)),)), "`burden` has 2 cuts and 2 bins"),
        (replace(card, bins=(replace(bins, group="luck"),)), "the group `luck`"),
        (replace(card, bins=(Bins("burden", "ability", (1,), (1, 2), 0, (1, 2)),)), "by choice and by cut"),
        (replace(card, tables=(replace(table, points=table.points[1:]),)), "is not full"),
        (
            replace(card, tables=(PointsTable("burden", "late", "ability", (), (), ((2**53 + 1, 0), (0, 0))),)),
            r"beyond 2\^53",
        ),
        (replace(card, base=2**63 - 1), "the points add up to scores from 9,223,372,036,854,775,"),
        (replace(card, groups=("ability", "ability", "willingness")), "different names"),
        (replace(card, groups=("ability", "willingness", "s[0]=1")), "different names"),
        (replace(card, pd_ppm=(1, 2)), "one PD"),
        (replace(card, pd_ppm=(1, 2, 3)), "rises with the score"),
    ],
)
def test_an_unsound_card_is_not_written(unsound: Score, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        write_artifact(Artifact("unsound", unsound))
