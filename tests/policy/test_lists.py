"""Lists of texts: section 2.1 of the language reference, its example, and what becomes of a list that changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.account_mark import MARK_BITS, text_mark
from linekeeper.core.errors import PolicyError
from linekeeper.core.event import Event
from linekeeper.evaluate.event_batch import batch_of, batch_of_few
from linekeeper.kernel.calendar import calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import stream
from tests.oracle.held import parted
from tests.oracle.oracle import run
from tests.oracle.reader import read

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "block-list"
HEAD = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
DAY_MS = 86_400_000


def policy_of(lists: str, where: str = "device in blocked", files: Mapping[str, str] | None = None) -> Policy:
    text = f"""{HEAD}events: {{login: {{device: "text?", place: text, hour_of: count}}}}
lists: {lists}
triggers: {{t: {{when: 'count(login where {where}, 30d) >= 1', suspend: yes, reason: device_security}}}}
"""
    return load_text(text, read_part=(files or {}).__getitem__)


def test_the_example_is_decided_by_hand() -> None:
    result = lk.replay(EXAMPLE / "policy.yaml", EXAMPLE / "events.jsonl")
    decided = [(one.account, f"{one.at:%m-%d}", one.action, one.triggers_set) for one in result.decisions]
    assert decided == [
        ("B-1", "01-09", "suspend", ("blocked_device",)),  # 3 in the morning of the 9th in Shanghai
        ("B-2", "01-09", "decrease", ("risky_spending",)),  # 2,100 of 10,000; what is written otherwise is not counted
    ]


def test_oracle_and_program_read_the_example_alike_and_decide_alike() -> None:
    policy = load_file(EXAMPLE / "policy.yaml")
    assert parted(read(policy.source), policy) == []
    assert load_text(policy.source) == policy
    text = (EXAMPLE / "policy.yaml").read_text("utf-8")
    assert format_text(text) == text
    kernel = Kernel(policy)
    for seed in range(3):
        events = unreversed(stream(policy, seed))
        until = last_day(policy, events) + 40
        expected = run(read(policy.source), events, until)
        assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=True, lazy=True)[0]) == []


def test_pay_later_is_decided_by_hand() -> None:
    """A takes out cash for 900 of 4,000: his other purchase is with a branch that is not listed. B's alarm was false.

    C and D never pay, and share a device with E, who owes nothing: E is stopped when both are five days late. F spends
    150 of 500 on games, which is only noted.
    """
    folder = EXAMPLE.parent / "pay-later"
    result = lk.replay(folder / "policy.yaml", folder / "events.jsonl", until="2026-04-20")
    decided = [(one.account, f"{one.at:%m-%d}", one.action, one.limit_minor // 100) for one in result.decisions]
    late = [("03-02", "assign", 500), ("03-23", "suspend", 500), ("03-30", "decrease", 100)]
    assert decided == [
        ("A", "03-02", "assign", 4_000),
        ("A", "03-10", "decrease", 2_000),
        ("B", "03-02", "assign", 2_000),
        ("B", "03-06", "suspend", 2_000),
        ("B", "03-13", "restore", 2_000),
        *(("C", *one) for one in late),
        *(("D", *one) for one in late),
        ("E", "03-02", "assign", 4_000),
        ("E", "03-25", "suspend", 4_000),
        ("F", "03-02", "assign", 500),
        ("F", "03-04", "watch", 500),
        ("F", "04-03", "keep", 500),
    ]
    policy = load_file(folder / "policy.yaml")
    assert parted(read(policy.source), policy) == []
    text = (folder / "policy.yaml").read_text("utf-8")
    assert format_text(text) == text


def test_the_hash_of_a_policy_covers_its_lists() -> None:
    one, other = (policy_of("{blocked: b.txt}", files={"b.txt": text}) for text in ("a\nb\n", "a\nc\n"))
    assert one.lists[0].words == ("a", "b")
    assert one.digest != other.digest
    assert "sha256" in one.source
    commented = policy_of("{blocked: b.txt}", files={"b.txt": "# devices\n\n b \na\n"})
    assert commented.lists == one.lists


@pytest.mark.parametrize(
    ("lists", "where", "message"),
    [
        ("{blocked: [a]}", "device in bloked", "the list `bloked` is not known; did you mean `blocked`"),
        ("{blocked: [a]}", 'device = "a"', "`device` is a text, which is only looked up in a list"),
        ("{blocked: [a]}", "known(device)", "`device` is a text, which is only looked up in a list"),
        ("{blocked: [a]}", "hour_of in blocked", "`hour_of` is a count, and a list holds texts"),
        ("{blocked: [a]}", "gadget in blocked", "`gadget` is not a text field of `login`"),
        ("{blocked: []}", "device in blocked", "the list `blocked` has 0 texts"),
        ("{blocked: [a, a]}", "device in blocked", "`a` stands twice in the list `blocked`"),
        ("{blocked: ['']}", "device in blocked", "a text of the list `blocked` has 1 to 200 characters"),
        ("{blocked: ../b.txt}", "device in blocked", "the part `../b.txt` is not a file beside the policy"),
        ("{balance: [a]}", "device in balance", "the name `balance` is built in"),
    ],
)
def test_what_is_refused(lists: str, where: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message.replace("(", r"\(")):
        policy_of(lists, where)


def test_a_list_stands_only_in_filters_and_a_text_in_no_measure() -> None:
    text = f"{HEAD}events: {{login: {{device: text}}}}\nlists: {{blocked: [a]}}\n"
    tail = "\ntriggers: {t: {when: x > 0, suspend: yes, reason: r}}\n"
    with pytest.raises(PolicyError, match="holds texts of events, and no event is named here"):
        load_text(f"{text}features: {{x: if balance in blocked then 1 else 0}}{tail}")
    with pytest.raises(PolicyError, match="`device` is a text, which is only looked up in a list"):
        load_text(f"{text}features: {{x: last(login.device)}}{tail}")
    with pytest.raises(PolicyError, match="a list with a name needs `lists`; write"):
        load_text(f"{text.split('lists')[0]}features: {{x: 'count(login where device in blocked, 3d)'}}{tail}")
    protected = f"{text}protected: [device]\nfeatures: {{x: 'count(login where device in blocked, 3d)'}}{tail}"
    with pytest.raises(PolicyError, match="`device` is protected"):
        load_text(protected)


def test_a_large_list_is_one_row_of_the_kernel_and_compiles() -> None:
    words = [f"device {number}" for number in range(9_000)]
    policy = policy_of("{blocked: b.txt}", files={"b.txt": "\n".join(words)})
    kernel = Kernel(policy)
    events = [
        Event("1", "A", "open", DAY_MS, {"limit": 1000}),
        Event("2", "A", "login", 2 * DAY_MS, {"place": "x", "hour_of": 1, "device": "device 9000"}),
        Event("3", "A", "login", 3 * DAY_MS, {"place": "x", "hour_of": 1}),
        Event("4", "A", "login", 5 * DAY_MS, {"place": "x", "hour_of": 1, "device": "device 4711"}),
    ]
    outcome = in_bulk(kernel, [events], 9, compiled=True, lazy=True)[0]
    expected = run(read(policy.source), events, 9)
    assert [ruling.day for ruling in expected.rulings] == [5]
    assert differences(policy, expected, *outcome) == []


@given(st.lists(st.one_of(st.none(), st.text(min_size=1, max_size=9)), min_size=1, max_size=9))
def test_a_few_events_and_a_table_of_them_are_read_alike(devices: list[str | None]) -> None:
    policy = policy_of("{blocked: [a]}")
    events = [
        Event(
            str(number), "A", "login", DAY_MS + number, {"place": "y", "hour_of": 1} | ({"device": one} if one else {})
        )
        for number, one in enumerate(devices)
    ]
    clock = calendar(policy.time_zone)
    few, many = batch_of_few(policy, clock, events), batch_of(policy, clock, table_of(events, schema_of(policy)))
    assert np.array_equal(few.x, many.x)
    assert all(0 <= text_mark(one) < 2**MARK_BITS for one in devices if one)


def test_a_new_version_looks_up_what_came_before_in_its_own_lists(tmp_path: Path) -> None:
    """The store keeps each version's list: nothing is lost with the file."""
    text, store = (EXAMPLE / "policy.yaml").read_text("utf-8"), str(tmp_path / "a.db")
    folder = tmp_path / "lists"
    folder.mkdir()
    policy, devices = tmp_path / "policy.yaml", folder / "blocked-devices.txt"
    policy.write_text(text, "utf-8")
    devices.write_text("8f3a-2201\n", "utf-8")
    command("run", str(policy), str(EXAMPLE / "events.jsonl"), "--store", store)
    assert "B-1   block-list version 1\nactive" in command("show", "B-1", "--store", store)
    policy.write_text(text.replace("version: 1", "version: 2"), "utf-8")
    devices.write_text("c07e-9914\n", "utf-8")
    command("adopt", str(policy), "--store", store)
    devices.unlink()
    command("review", "--until", "2026-01-20", "--store", store)
    assert "B-1   block-list version 2\nsuspended" in command("show", "B-1", "--store", store)
    assert "the same" in command("verify", "--store", store)


def command(*words: str) -> str:
    result = CliRunner().invoke(build(), list(words))
    assert result.exit_code == 0, result.output
    return result.output
