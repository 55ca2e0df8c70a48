"""The example of section 12 of the policy language, as a credit officer works it out by hand."""

from __future__ import annotations

import linekeeper as lk

EXAMPLE = "docs/examples/customers"


def test_the_example_is_decided_by_hand() -> None:
    result = lk.replay(f"{EXAMPLE}.yaml", f"{EXAMPLE}.jsonl", until="2025-04-20")
    decided = [(one.account, f"{one.at:%m-%d}", one.action, one.limit_minor // 100) for one in result.decisions]
    assert decided == [
        ("card", "03-03", "decrease", 4_000),  # 4,000 here and 9,000 on the loan since the day before: over 12,000
        ("card", "03-15", "decrease", 3_000),  # the loan is 5 days late, the card is not: 60 %
        ("card", "03-21", "keep", 3_000),  # the loan was settled the day before; 60 % is where a restoration begins
        ("card", "03-31", "restore", 4_000),
        ("card", "04-10", "restore", 5_000),
        ("loan", "03-04", "decrease", 8_000),  # the card owes 4,000 since the day before
        ("loan", "03-13", "decrease", 5_000),  # 3 days late itself
        ("loan", "03-20", "keep", 5_000),  # 6,000 repaid: 7,000 on both
        ("loan", "03-30", "restore", 6_000),  # 10 days after it was last late
        ("loan", "04-09", "restore", 8_000),
        ("loan", "04-19", "restore", 10_000),
    ]


def test_the_road_back_asks_to_see_to_the_other_accounts() -> None:
    with lk.open(":memory:", f"{EXAMPLE}.yaml") as engine:
        engine.receive(f"{EXAMPLE}.jsonl")
        road = engine.recourse("card", "2025-03-20")
        assert road is not None
        assert road.is_open
        assert "请处理您在我们这里的其他账户" in str(engine.notice("card#2", lang="zh"))
        assert "On your other accounts with us, see to this" in str(engine.notice("card#2", lang="en"))
