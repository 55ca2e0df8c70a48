"""Segments, and numbers with a name: where they may stand, what they mean there, and that nothing else changes."""

from __future__ import annotations

import pytest

from linekeeper.core.event import Event
from linekeeper.decide.explain import explain_triggers
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import describe
from linekeeper.policy import model as m
from linekeeper.policy.expression import Compare, If, In, Literal, Ref
from linekeeper.policy.load import load_text
from linekeeper.recourse.dependencies import dependencies_of
from tests.decide.lives import decisions
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.policy.texts import HEAD

TEXT = f"""{HEAD}
segments:
  new: months_on_book < 3
  prime: on_time_streak >= 2
  standard: otherwise
params:
  late: {{new: 5d, otherwise: 30d}}
  cap: {{new: 20%, prime: 80%, otherwise: 50%}}
  hold: {{prime: 2d, otherwise: 10d}}
  step: {{prime: 50%, otherwise: 10%}}
  every: {{new: 30d, otherwise: 10d}}
  most: {{new: 2_000 CNY, otherwise: 9_000 CNY}}
  night: 6
triggers:
  arrears: {{when: days_past_due >= $late, clear: past_due = 0 CNY, hold: $hold, cap: $cap, reason: r}}
  rush: {{when: "count(draw where hour < $night, 7d) >= 3", cap: 50%, reason: r}}
restoration: {{first: 30%, step: $step, every: $every}}
offer: {{when: balance > 0 CNY, increase: 20%, up_to: $most, every: $every, valid: 5d}}
"""
DAY_MS = 86_400_000
BEGIN = 19_800


def at(day: float) -> int:
    return int((BEGIN + day) * DAY_MS)


def life() -> list[Event]:
    """Opened; a due three months on that is not paid for forty days; then paid, and nothing more."""
    facts: list[tuple[float, str, dict[str, int | str]]] = [
        (0.5, "open", {"limit": 100_000}),
        (1.5, "draw", {"amount": 60_000}),
        (5.5, "due", {"amount": 5_000, "due_on": BEGIN + 10}),
        (17.5, "repay", {"amount": 5_000}),
        (95.5, "due", {"amount": 5_000, "due_on": BEGIN + 100}),
        (140.5, "repay", {"amount": 5_000}),
    ]
    return [Event(str(n), "A", kind, at(day), fields) for n, (day, kind, fields) in enumerate(facts)]


def test_a_number_is_that_of_the_segment() -> None:
    """Five days late bring a new account to 20 %; three months on it takes thirty days, and 50 % stay."""
    policy = load_text(TEXT)
    rulings, _ = by_arrival(Kernel(policy), life(), BEGIN + 400)
    lowered = [(one.day - BEGIN, one.after.limit) for one in rulings if one.action.value == "decrease"]
    assert lowered == [(15, 20_000), (130, 50_000)]
    assert {one.values["segment"] for one in rulings} == {0, 2}


def test_the_oracle_agrees_lazy_and_every_day() -> None:
    policy = load_text(TEXT)
    kernel, until = Kernel(policy), BEGIN + 400
    expected = run(read(TEXT), life(), until)
    assert differences(policy, expected, *by_arrival(kernel, life(), until)) == []
    for lazy in (True, False):
        assert differences(policy, expected, *in_bulk(kernel, [life()], until, compiled=False, lazy=lazy)[0]) == []


def test_a_row_stands_for_each_segment() -> None:
    policy = load_text(TEXT)
    arrears, restoration = policy.triggers[0], policy.restoration
    assert dict(arrears.by_segment) == {"hold_days": (10, 2, 10), "cap_bp": (2_000, 8_000, 5_000)}
    assert (arrears.hold_days, arrears.cap_bp) == (10, 2_000)  # the strictest
    assert m.in_segment(arrears, policy.cells[1]).cap_bp == 8_000
    assert m.in_segment(arrears, None) == arrears
    assert restoration is not None
    assert dict(restoration.by_segment) == {"step_bp": (1_000, 5_000, 1_000), "every_days": (30, 10, 10)}


def test_a_threshold_is_chosen_by_segment() -> None:
    when = load_text(TEXT).triggers[0].when
    segment, days = Ref("segment", "category"), Ref("days_past_due", "days")
    chosen = If(
        Compare("=", segment, Literal(0, "category")),
        Literal(5, "days"),
        If(Compare("=", segment, Literal(1, "category")), Literal(30, "days"), Literal(30, "days")),
    )
    assert when == Compare(">=", days, chosen)


def test_one_value_for_all_is_a_plain_number() -> None:
    named = f"{HEAD}params: {{cap: 50%, late: 30, owed: 5 CNY}}\n"
    rule = "when: days_past_due >= {} or past_due > {}, cap: {}, reason: r"
    rest = "restoration: {first: 30%, step: 10%, every: 5d}\n"
    one = load_text(f"{named}triggers: {{t: {{{rule.format('$late', '$owed', '$cap')}}}}}\n{rest}")
    other = load_text(f"{HEAD}triggers: {{t: {{{rule.format('30', '5 CNY', '50%')}}}}}\n{rest}")
    assert one.triggers == other.triggers
    assert Kernel(one).source == Kernel(other).source


def test_a_condition_asks_for_the_segment() -> None:
    text = TEXT.replace("when: balance > 0 CNY", 'when: \'segment in ("prime", "standard")\'')
    offer = load_text(text).offer
    assert offer is not None
    assert offer.when == In(Ref("segment", "category"), (1, 2))


def test_a_policy_without_segments_records_none() -> None:
    policy = load_text(f"{HEAD}triggers: {{t: {{when: days_past_due >= 3, suspend: yes, reason: r}}}}\n")
    assert [feature.name for feature in policy.features] == ["days_past_due"]
    assert "SEGMENT" not in Kernel(policy).layout.slots


def test_a_segment_may_read_the_score() -> None:
    score = "score: {base: 500, ability: {utilisation: {below 50%: 50, otherwise: 0}}}\n"
    text = TEXT.replace("on_time_streak >= 2", "score >= 550") + score
    policy = load_text(text)
    assert policy.after_score == {"segment"}
    expected = run(read(text), life(), BEGIN + 400)
    assert differences(policy, expected, *by_arrival(Kernel(policy), life(), BEGIN + 400)) == []


def test_an_explanation_shows_the_number_that_counted() -> None:
    policy = load_text(TEXT)
    first = next(one for one in decisions(policy, life()) if one.triggers_set)
    (explained,) = explain_triggers(policy, first)
    assert explained.effect == "cap 20%"
    assert [(one.name, one.op, one.threshold) for one in explained.comparisons] == [("days_past_due", ">=", "5d")]


def test_a_description_has_the_numbers_of_all() -> None:
    policy = load_text(TEXT)
    assert "at most (by segment: “new”: 20%; “prime”: 80%; “standard”: 50%) of the granted" in str(
        describe(policy, "en")
    )
    assert "（按客群：“new”：20%；“prime”：80%；“standard”：50%）" in str(describe(policy, "zh"))


def test_a_road_back_knows_what_moves_the_segment() -> None:
    assert "on_time_streak" in dependencies_of(load_text(TEXT)).facts


@pytest.mark.parametrize("wide", ["21", "1"])
def test_there_are_two_to_twenty_segments(wide: str) -> None:
    lines = "".join(f"  s{n}: days_past_due = {n}\n" for n in range(int(wide) - 1))
    text = f"{HEAD}segments:\n{lines}  last: otherwise\ntriggers: {{t: {{when: true, suspend: yes, reason: r}}}}\n"
    with pytest.raises(Exception, match="`segments` are 2 to 20 names, each with a condition"):
        load_text(text)
