"""The score is exact: one by one and many at once agree, sub-totals and lost points add up."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.card import Bins, PointsTable, Score
from linekeeper.scorecard.many import points_many, score_many
from linekeeper.scorecard.points import best_score, lost_by_feature, parts, score_one
from tests.scorecard.cards import FEATURES, accounts, scores

card = Score(
    500,
    ("ability", "willingness"),
    (Bins("burden", "ability", (3_000, 6_000), (60, 25, -20), 0), Bins("late", "willingness", (1,), (40, -60), 10)),
    (PointsTable("burden", "late", "ability", (3_000,), (1,), ((5, -5, 0), (0, -9, 0), (0, 0, 0))),),
    (480, 560),
    (180_000, 60_000, 12_000),
)


def columns_of(rows: list[dict[str, int | None]]) -> dict[str, np.ndarray]:
    return {
        name: np.array([MISSING if row[name] is None else row[name] for row in rows], dtype=np.int64)
        for name in FEATURES
    }


def test_a_value_on_a_cut_belongs_to_the_bin_above() -> None:
    found = [
        score_one(card, {"burden": burden, "late": 0}).groups["ability"] for burden in (2_999, 3_000, 5_999, 6_000)
    ]
    assert found == [60 + 5, 25 + 0, 25 + 0, -20 + 0]


def test_missing_has_points_of_its_own() -> None:
    assert score_one(card, {"burden": None, "late": None}).score == 500 + 0 + 10 + 0


def test_pd_is_read_from_the_table() -> None:
    assert score_one(card, {"burden": 9_000, "late": 3}).pd_ppm == 180_000
    assert score_one(card, {"burden": 0, "late": 0}).pd_ppm == 12_000


def test_the_loss_of_a_table_is_shared_between_its_two_features() -> None:
    # table: best cell 5 (low burden, never late), here -9; moving burden alone costs 5 first and 4 last, late 10 and 9
    lost = lost_by_feature(card, {"burden": 9_000, "late": 3})
    assert lost == {"burden": 80 + 4, "late": 100 + 10}
    assert sum(lost.values()) == best_score(card) - score_one(card, {"burden": 9_000, "late": 3}).score


@given(st.data())
def test_many_at_once_agree_with_one_by_one(data: st.DataObject) -> None:
    score = data.draw(scores())
    rows = data.draw(st.lists(accounts(score), min_size=1, max_size=20))
    many = score_many(score, columns_of(rows))
    by_part = points_many(score, columns_of(rows))
    for index, row in enumerate(rows):
        one = score_one(score, row)
        assert one.score == many.score[index]
        assert one.pd_ppm == many.pd_ppm[index]
        assert one.groups == {group: points[index] for group, points in many.groups.items()}
        assert [part.points for part in parts(score, row)] == [points[index] for points in by_part]


@given(st.data())
def test_sub_totals_and_lost_points_add_up(data: st.DataObject) -> None:
    score = data.draw(scores())
    row = data.draw(accounts(score))
    one, lost = score_one(score, row), lost_by_feature(score, row)
    assert score.base + sum(one.groups.values()) == one.score
    assert sum(lost.values()) == sum(part.lost for part in parts(score, row)) == best_score(score) - one.score
    assert all(points >= 0 for points in lost.values())


def test_no_rows_give_no_scores() -> None:
    assert len(score_many(card, {"burden": np.array([], np.int64), "late": np.array([], np.int64)}).score) == 0


def test_more_rows_than_a_chunk() -> None:
    burden = np.arange(40_000, dtype=np.int64) % 9_000
    many = score_many(card, {"burden": burden, "late": burden % 2})
    assert [many.score[i] for i in (0, 16_384, 39_999)] == [
        score_one(card, {"burden": int(burden[i]), "late": int(burden[i] % 2)}).score for i in (0, 16_384, 39_999)
    ]
