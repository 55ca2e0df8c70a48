"""Faults that were found once, as the smallest stories that showed them."""

from __future__ import annotations

from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import by_arrival, differences
from tests.oracle.oracle import run
from tests.oracle.reader import read

DAY = 86_400_000


def test_a_late_count_that_rises_after_a_pause_in_a_full_window() -> None:
    """Two rises on neighbouring days fill a window of two; the third comes by the calendar alone, days later.

    The ring took the third in before it had let the first two go, and held more tiles than it has places.
    """
    policy = load_text(
        """
policy: full-window
version: 1
currency: CNY
time_zone: UTC
triggers:
  often: {when: "late_count(3, 2d) >= 9", suspend: yes, reason: arrears}
  draw: {when: "count(draw, 9d) >= 1", suspend: yes, reason: rapid}
"""
    )
    facts: list[tuple[float, str, dict[str, int | str]]] = [
        (0, "open", {"limit": 1_000}),
        (1.1, "due", {"amount": 50, "due_on": 20_000 + 8}),
        (1.2, "delinquency", {"days": 3}),
        (1.3, "delinquency", {"days": 0}),
        (2.2, "delinquency", {"days": 3}),
        (2.3, "delinquency", {"days": 0}),
        (30.0, "draw", {"amount": 1}),
    ]
    events = [
        Event(str(n), "A", kind, int((20_000 + day) * DAY), fields) for n, (day, kind, fields) in enumerate(facts)
    ]
    found, refused = by_arrival(Kernel(policy), events, 20_040)
    assert differences(policy, run(read(policy.source), events, 20_040), found, refused) == []
    assert [ruling.values["late_count(3, 2d)"] for ruling in found] == [0, 0]
    assert [ruling.after.status.name for ruling in found] == ["SUSPENDED", "ACTIVE"]


def test_a_due_that_comes_on_the_day_on_which_a_moratorium_is_shortened() -> None:
    """The day began standing still for every due; one that joins on it, after the moratorium was ended, is no other.

    The oracle forgot that day with the moratorium that it belonged to.
    """
    policy = load_text(
        """
policy: shortened-relief
version: 1
currency: CNY
time_zone: UTC
moratorium: {waits: [late]}
triggers:
  late: {when: "days_past_due >= 1", cap: 50%, reason: arrears}
restoration: {first: 40%, step: 20%, every: 30d}
"""
    )
    facts: list[tuple[float, str, dict[str, int | str]]] = [
        (0, "open", {"limit": 100_000}),
        (1, "draw", {"amount": 50_000}),
        (10, "moratorium", {"from": 20_010, "until": 20_020, "why": "flood"}),
        (13.1, "moratorium", {"from": 20_010, "until": 20_012, "why": "the water went"}),
        (13.2, "due", {"amount": 10_000, "due_on": 20_005}),
    ]
    events = [
        Event(str(n), "A", kind, int((20_000 + day) * DAY), fields) for n, (day, kind, fields) in enumerate(facts)
    ]
    rulings, refused = by_arrival(Kernel(policy), events, 20_040)
    assert differences(policy, run(read(policy.source), events, 20_040), rulings, refused) == []
    assert [ruling.values["days_past_due"] for ruling in rulings] == [7]
