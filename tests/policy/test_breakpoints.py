"""When a value matters: the guards that a kernel puts before it works out the day of a value's next change."""

from __future__ import annotations

import pytest

from linekeeper.policy.analysis.breakpoints import Clearing, Restoring, Slack, Use, score_breakpoints, uses
from linekeeper.policy.analysis.monotonicity import Trends
from linekeeper.policy.expression import Compare, Literal, Ref
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from linekeeper.policy.trends import Trend

FEATURES = """
policy: watched
version: 1
currency: CNY
time_zone: UTC
features:
  draws: count(draw, 7d)
  drawn: sum(draw.amount, 7d)
  repaid: sum(repay.amount, 30d)
  billed: sum(due.amount, 30d)
  largest: max(draw.amount, 30d)
  cover: percent(repaid, billed)
  owing: percent(past_due, granted)
"""


def policy_of(rules: str) -> Policy:
    """The features above, with these rules."""
    return load_text(FEATURES + rules)


def uses_under(when: str, more: str = "") -> dict[str, Use]:
    """How the features are used by one trigger."""
    return uses(policy_of(f"triggers:\n  t: {{when: '{when}', hold: 1d, suspend: yes, reason: arrears{more}}}\n"))


def guards_under(when: str, feature: str) -> list[str]:
    """The guards under which any change of the feature matters, in short."""
    return [", ".join(map(_short, guard)) for guard in uses_under(when)[feature].any]


def _short(guard: object) -> str:
    match guard:
        case Compare(op, Ref(name), Literal(value)):
            return f"{name} {op} {value}"
        case Compare(op, Ref(name), _):
            return f"{name} {op} ..."
    return type(guard).__name__


@pytest.mark.parametrize(
    ("when", "feature", "guards"),
    [
        # what only falls can only fall below: watched while above
        ("drawn >= part(granted, 50%)", "drawn", ["drawn >= ..."]),
        ("drawn < part(granted, 50%)", "drawn", ["Not"]),
        ("drawn = part(granted, 50%)", "drawn", [""]),
        # an empty window is missing, and missing is not less than anything
        ("largest < part(granted, 50%)", "largest", [""]),
        ("largest > part(granted, 50%)", "largest", ["largest > ..."]),
        # either side may move
        ("drawn > repaid", "drawn", [""]),
        # `and`: only once what is simpler to watch holds; `or`: only while it does not
        ("drawn > repaid and draws >= 3", "repaid", ["draws >= 3"]),
        ("drawn > repaid or draws >= 3", "repaid", ["Not"]),
        # nothing of nothing stays nothing, unless it can grow
        ("cover < part(cover, 50%)", "billed", ["repaid > 0"]),
        ("cover < part(cover, 50%)", "repaid", ["repaid > 0"]),
        ("owing > part(owing, 50%)", "past_due", [""]),
    ],
)
def test_a_value_is_watched_while_it_can_matter(when: str, feature: str, guards: list[str]) -> None:
    assert guards_under(when, feature) == guards


def test_a_clear_matters_only_where_it_can_free() -> None:
    used = uses_under("draws >= 3", ", clear: drawn < repaid")["repaid"].any
    assert [guard[0] for guard in used] == [Clearing(0)]


def test_the_condition_of_a_restoration_matters_only_while_a_limit_rises() -> None:
    rules = "triggers: {t: {when: draws >= 3, cap: 50%, reason: arrears}}\n"
    restoration = "restoration: {first: 50%, step: 10%, every: 5d, while: drawn < repaid}\n"
    assert [guard[0] for guard in uses(policy_of(rules + restoration))["repaid"].any] == [Restoring()]


SCORE = """
score:
  base: 500
  ability:
    draws: {below 2: 10, otherwise: -5}
    largest: {below 100 CNY: 0, otherwise: -20, missing: 5}
    owing: {below 10%: 0, otherwise: -40}
triggers:
  weak: {when: WHEN, suspend: yes, reason: arrears}
"""


def test_the_score_matters_as_far_as_it_can_move() -> None:
    """As draws leave the window, points rise by 15 at most; as the largest fades, by 25; what is owed can only cost."""
    used = uses(policy_of(SCORE.replace("WHEN", "score < 480")))
    assert used["draws"].crossing == ((Slack(0, 15),),)
    assert used["largest"].crossing == ((Slack(0, 40),),)
    assert used["past_due"].any == ((Slack(40, 40),),)


@pytest.mark.parametrize(
    ("when", "cuts"),
    [
        ("score < 480", (480,)),
        ("score > 480 and score <= 500", (481, 501)),
        ("draws >= 3", ()),
        ("ability < 0", None),
        ("pd >= 5%", None),
    ],
)
def test_the_cuts_of_a_score(when: str, cuts: tuple[int, ...] | None) -> None:
    policy = policy_of(SCORE.replace("WHEN", when).replace("owing: {", "cover: {") + "# pd\n")
    assert score_breakpoints(policy) == cuts


def test_a_score_that_no_rule_asks_for_is_not_watched() -> None:
    assert "largest" not in uses(policy_of(SCORE.replace("WHEN", "draws >= 3")))


@pytest.mark.parametrize(
    ("feature", "trend"),
    [
        ("drawn", Trend.DOWN),
        ("largest", Trend.DOWN),
        ("cover", Trend.ANY),
        ("owing", Trend.UP),
        ("granted", Trend.STILL),
    ],
)
def test_which_way_a_value_moves(feature: str, trend: Trend) -> None:
    assert Trends(policy_of(SCORE.replace("WHEN", "granted > 0 CNY"))).of_feature(feature) == trend
