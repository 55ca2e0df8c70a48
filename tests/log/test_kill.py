"""Killed without warning while writing and publishing: nothing promised is lost, doubled or contradicted."""

from __future__ import annotations

import pytest

from tests.log.kill import Kills, kill_many
from tests.log.promises import Promises, keeps_its_heads, leaves_lost, read_promises
from tests.log.support import House, decisions


def test_a_few_kills() -> None:
    kills = kill_many(times=6, seed=11)
    assert kills == Kills(6, kills.leaves, kills.heads, lost=0)
    assert kills.leaves > 0
    assert kills.heads > 0


@pytest.mark.nightly
def test_two_hundred_kills() -> None:
    kills = kill_many(times=200, seed=12)
    assert (kills.kills, kills.lost) == (200, 0)


# ------------------------------------------------------------------ the harness itself can fail


def test_promises_are_read_up_to_a_line_cut_short() -> None:
    assert read_promises("leaves 5\nhead 5 aa\nleaves 17\nleaves 99") == Promises(17, {5: "aa"})
    with pytest.raises(AssertionError, match="two heads of 5 leaves"):
        read_promises("head 5 aa\nhead 5 bb\n")


def test_lost_leaves_are_counted(house: House) -> None:
    house.add(decisions(10))
    assert leaves_lost(house, Promises(10, {})) == 0
    assert leaves_lost(house, Promises(13, {})) == 3


def test_doubled_leaves_are_noticed(house: House) -> None:
    house.add([*decisions(10), *decisions(1, 9)])
    with pytest.raises(AssertionError):
        leaves_lost(house, Promises(10, {}))


def test_a_foreign_head_is_noticed(house: House) -> None:
    house.add(decisions(10))
    house.publish()
    keeps_its_heads(house, Promises(10, {10: house.publish().checkpoint.root.hex()}))
    with pytest.raises(AssertionError):
        keeps_its_heads(house, Promises(10, {10: "00" * 32}))
    with pytest.raises(AssertionError, match="the head of 7 leaves is not one of this log"):
        keeps_its_heads(house, Promises(10, {7: "00" * 32}))
