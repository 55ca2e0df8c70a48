"""Reasons are ranked, and the parts of the score add up to it."""

from __future__ import annotations

from hypothesis import given

from linekeeper.core.decision import ADVERSE_ACTIONS, Decision
from linekeeper.core.event import Event
from linekeeper.decide.explain import explain_triggers, waterfall
from linekeeper.decide.reasons import severity
from linekeeper.policy.model import Policy, in_segment
from tests.decide.lives import decisions
from tests.oracle.strategies import cases


def ranks(policy: Policy, decision: Decision) -> list[tuple[int, int]]:
    """How severe the trigger of each reason is, for the segment that the account is in."""
    segment = policy.segment_in(decision.values)
    by_name = {trigger.name: in_segment(trigger, segment) for trigger in policy.triggers}
    return [severity(by_name[reason.trigger]) for reason in decision.reasons if reason.trigger]


@given(cases())
def test_reasons_are_ranked(case: tuple[Policy, list[Event]]) -> None:
    """A person's cap first, then triggers from the most severe on; of one trigger's features the costliest first."""
    for decision in decisions(*case):
        assert ranks(case[0], decision) == sorted(ranks(case[0], decision))
        assert [one.trigger for one in decision.reasons].count("") <= 1
        assert all(one.trigger for one in decision.reasons[1:])
        named = {one.trigger for one in decision.reasons if one.trigger}
        coming, new = decision.announcements, set(decision.triggers_set)
        # What was announced is a reason again on the day of its effect, and a treatment is none of a restriction.
        assert named <= new | set(coming.in_effect if coming else ())
        assert named == new or coming is not None or decision.treatments
        for name in new & named:
            lost = [one.points_lost for one in decision.reasons if one.trigger == name]
            assert lost == [None] or lost == sorted(filter(None, lost), reverse=True)


@given(cases())
def test_no_silence(case: tuple[Policy, list[Event]]) -> None:
    """An adverse decision has a reason: a trigger newly set, or a person's cap."""
    for decision in decisions(*case):
        assert decision.reasons or decision.action not in ADVERSE_ACTIONS


@given(cases())
def test_the_waterfall_adds_up(case: tuple[Policy, list[Event]]) -> None:
    """base + the points of all parts = score; those of a group are its sub-score; none lost a negative number."""
    policy = case[0]
    for decision in decisions(*case):
        parts = waterfall(policy, decision)
        if policy.score is None:
            assert (parts, decision.score, decision.sub_scores) == ([], None, {})
            continue
        assert policy.score.base + sum(part.points for part in parts) == decision.score
        for group, total in decision.sub_scores.items():
            assert sum(part.points for part in parts if part.group == group) == total
        assert all(part.lost >= 0 for part in parts)
        assert [part.lost for part in parts] == sorted((part.lost for part in parts), reverse=True)


@given(cases())
def test_the_story_of_each_trigger_is_told(case: tuple[Policy, list[Event]]) -> None:
    """Set, in force or released, once each; a trigger newly set held by at least one of its comparisons."""
    for decision in decisions(*case):
        stories = explain_triggers(case[0], decision)
        told = {story.name for story in stories}
        assert told == {*decision.triggers_set, *decision.triggers_in_force, *decision.triggers_released}
        assert len(told) == len(stories)
        pending = {one.trigger for one in decision.announcements.pending} if decision.announcements else set()
        assert {story.name for story in stories if story.state == "set"} == set(decision.triggers_set) - pending
