"""The example of the guide on links, as a fraud officer works it out by hand."""

from __future__ import annotations

import linekeeper as lk

EXAMPLE = "docs/examples/fraud-ring"


def test_the_ring_is_decided_by_hand() -> None:
    result = lk.replay(f"{EXAMPLE}.yaml", f"{EXAMPLE}.jsonl", until="2025-04-20")
    decided = [(one.account, f"{one.at:%m-%d}", one.action, one.limit_minor // 100) for one in result.decisions]
    assert decided == [
        ("anan", "03-20", "decrease", 2_500),  # ten days late himself
        ("bobo", "03-22", "decrease", 2_500),
        ("coco", "03-15", "decrease", 3_000),  # the first on her device is five days late, and known the next morning
        ("coco", "03-17", "suspend", 3_000),  # the second
        ("dana", "03-17", "suspend", 5_000),  # she owes something, so the first does not lower her limit
        ("dana", "03-28", "restore", 5_000),  # she unlinked on the 20th, known on the 21st; held for 7 days
    ]


def test_the_letter_says_what_is_shared_and_names_nobody() -> None:
    with lk.open(":memory:", f"{EXAMPLE}.yaml") as engine:
        engine.receive(f"{EXAMPLE}.jsonl")
        engine.review("2025-03-19")
        for lang, told in (("en", "The number of other accounts that share a device"), ("zh", "共用设备")):
            letter = str(engine.notice("dana#1", lang=lang))
            assert told in letter
            assert not any(name in letter for name in ("anan", "bobo", "coco", "5f3a"))
        assert "Tell us if you no longer share this" in str(engine.notice("dana#1", lang="en"))
        road = engine.recourse("dana", "2025-03-20")
        assert road is not None
        assert road.is_open
