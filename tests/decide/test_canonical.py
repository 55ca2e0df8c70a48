"""Records are canonical JSON (RFC 8785), hold the decision whole, and chain by their hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.decision import Decision
from linekeeper.core.event import Event
from linekeeper.decide.canonical import canonical_json, digest_all, digest_of, read_decision
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.decide.lives import decisions
from tests.oracle.generate import policy_text, stream
from tests.oracle.strategies import cases


def in_full(decision: Decision) -> dict[str, Any]:
    """The decision as plain values, without the keys that came later and have nothing to say."""
    record: dict[str, Any] = msgspec.to_builtins(decision)
    if decision.offer is not None and not decision.offer.name:
        del record["offer"]["name"]
    later = ("announcements", "own_choice", "treatments")
    return {key: value for key, value in record.items() if key not in later or value not in (None, [], ())}


@given(cases(), st.text())
def test_records_are_canonical_json(case: tuple[Policy, list[Event]], account: str) -> None:
    """As an RFC 8785 library writes them, whatever letters the account has; and read back they are the decision."""
    for decision in decisions(*case, account=account):
        record = canonical_json(decision)
        assert record == rfc8785.dumps(in_full(decision))
        assert read_decision(record) == decision


@pytest.mark.parametrize("word", ["赌博", "naïve", "ﬀ", "\u20ac", "a/b", "a\\b", "<b>"])
def test_words_of_lists_stand_in_names(word: str) -> None:
    """A measure written in place is named by its text, with any word of a list in it."""
    text = f"""
policy: words
version: 1
currency: CNY
time_zone: UTC
events:
  purchase: {{category: ['{word}', é, z]}}
triggers:
  a: {{when: 'count(purchase where category = "{word}", 7d) >= 1', suspend: yes, reason: r}}
  b: {{when: 'count(purchase where category = "é", 7d) >= 5', suspend: yes, reason: r}}
  c: {{when: 'count(purchase where category = "z", 7d) >= 5', suspend: yes, reason: r}}
"""
    events = [Event("1", "A", "open", 0, {"limit": 5}), Event("2", "A", "purchase", 1, {"category": word})]
    (set_, released) = decisions(load_text(text), events)
    assert set_.values[f'count(purchase where category = "{word}", 7d)'] == 1
    assert set_.triggers_set == released.triggers_released == ("a",)
    assert canonical_json(set_) == rfc8785.dumps(in_full(set_))


@given(cases())
def test_numbers_are_whole_and_exact_in_any_reader(case: tuple[Policy, list[Event]]) -> None:
    """Below 2^53, so that a reader of JSON with floating numbers reads the same."""

    def numbers(part: object) -> list[int]:
        if isinstance(part, dict):
            return [number for value in part.values() for number in numbers(value)]
        if isinstance(part, list):
            return [number for value in part for number in numbers(value)]
        return [part] if isinstance(part, int) else []

    for decision in decisions(*case):
        found = numbers(
            json.loads(canonical_json(decision), parse_float=lambda text: pytest.fail(f"{text} is not whole"))
        )
        assert all(abs(number) < 2**53 for number in found)


def test_each_record_names_the_one_before() -> None:
    policy = load_text(policy_text(3))
    found = decisions(policy, stream(policy, 4))
    assert len(found) > 3
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    hashes = [hashlib.sha256(canonical_json(one)).hexdigest() for one in found]
    assert [one.previous for one in found] == [None, *hashes[:-1]]
    assert [digest_of(canonical_json(one)) for one in found] == hashes


def test_the_digest_of_all_depends_on_each() -> None:
    policy = load_text(policy_text(3))
    records = [canonical_json(one) for one in decisions(policy, stream(policy, 4))]
    whole = digest_all(records)
    joined = b"".join(record + b"\n" for record in records)
    assert whole == hashlib.sha256(joined).hexdigest()
    assert digest_all(records[::-1]) != whole != digest_all(records[:-1])


@pytest.mark.parametrize("change", [{"account": "B"}, {"at": 1}, {"number": 9}, {"event": None}, {"corrects": (1,)}])
def test_any_change_changes_the_hash(change: dict[str, object]) -> None:
    policy = load_text(policy_text(3))
    decision = decisions(policy, stream(policy, 4))[0]
    changed = replace(decision, **({"event": "x"} if change == {"event": decision.event} else change))  # type: ignore[arg-type]
    assert digest_of(canonical_json(changed)) != digest_of(canonical_json(decision))
