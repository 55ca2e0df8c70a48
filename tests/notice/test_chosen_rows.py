"""Of a table a borrower reads the row that applied, in a whole sentence, and never the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from linekeeper.notice.chosen_rows import chooses, with_chosen_rows
from linekeeper.notice.prose import trigger_words
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Trigger

POLICY = load_file(Path(__file__).resolve().parents[2] / "docs" / "examples" / "strategy" / "policy.yaml")


def rapid(weekly_share: int | None) -> Trigger:
    """The trigger that compares with the share of a table, as it stood."""
    trigger = next(one for one in POLICY.triggers if one.name == "rapid_draws")
    return replace(trigger, when=with_chosen_rows(POLICY, trigger.when, {"weekly_share": weekly_share}))


def test_the_row_that_applied_stands_in_the_rule() -> None:
    words = trigger_words(POLICY, rapid(6_000))
    assert words.en == "the total amount of draws in the last 7 days is more than 60% of the granted line"
    assert words.zh == "最近7天借款的金额合计高于授予额度的60%"


def test_a_row_that_is_not_known_leaves_the_rule_as_it_is() -> None:
    assert "otherwise" in trigger_words(POLICY, rapid(None)).en


def test_only_what_chooses_among_constants_is_looked_up() -> None:
    assert [feature.name for feature in POLICY.features if chooses(POLICY, feature.name)] == [
        "treatment",
        "segment",
        "weekly_share",
    ]
