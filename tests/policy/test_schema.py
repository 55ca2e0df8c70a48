"""The JSON Schema: it accepts every policy that is valid, and refuses the usual slips."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from linekeeper.policy.schema import schema
from tests.oracle.strategies import policy_texts
from tests.policy.texts import EVENTS, HEAD, TRIGGERS

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
VALIDATOR = Draft202012Validator(schema())


def faults(text: str, version: str = "1.2") -> list[str]:
    """The messages of the schema for a policy, as an editor reads it: YAML 1.2, or the older 1.1 (`yes` is true)."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    read: Any = as_json(yaml.load(text))
    return [error.message for error in VALIDATOR.iter_errors(read)]


def as_json(read: Any) -> Any:
    """What JSON has for it: a date is its text."""
    if isinstance(read, dict):
        return {key: as_json(value) for key, value in read.items()}
    if isinstance(read, list):
        return [as_json(item) for item in read]
    return read.isoformat() if isinstance(read, date) else read


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_policies_that_come_with_it(path: Path, version: str) -> None:
    assert faults(path.read_text("utf-8"), version) == []


@given(policy_texts())
def test_generated_policies(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize("word", ["yes", "no", "true", "false"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_yes_and_no_however_yaml_reads_them(word: str, version: str) -> None:
    text = f"triggers:\n  t: {{when: true, cap: 50%, suspend: {word}, close: {word}, terminal: {word}, reason: r}}\n"
    assert faults(HEAD + text, version) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("polcy: x\n" + TRIGGERS, "polcy"),
        ("triggers:\n  t: {when: x, suspnd: yes, reason: r}\n", "suspnd"),
        ("triggers:\n  t: {suspend: yes, reason: r}\n", "when"),
        ("triggers:\n  t: {when: x, suspend: yes}\n", "reason"),
        ("triggers:\n  t: {when: x, suspend: perhaps, reason: r}\n", "perhaps"),
        ("triggers:\n  t: {when: x, cap: 50, reason: r}\n", "50"),
        ("triggers:\n  t: {when: x, suspend: yes, hold: 30 days, reason: r}\n", "30 days"),
        ("triggers:\n  t: {when: x, suspend: yes, reason: Late payments}\n", "Late payments"),
        ("triggers: [late]\n", "late"),
        (TRIGGERS + "restoration: {first: 40%, every: 30d}\n", "step"),
        (TRIGGERS + "offer: {when: true}\n", "increase"),
        (TRIGGERS + "brake: {lines: 2, exposure: 3%}\n", "2"),
        (TRIGGERS + "events:\n  income: {amount: cash}\n", "cash"),
        (TRIGGERS + "features:\n  a: {value: x, worse: up}\n", "up"),
        (TRIGGERS + "score:\n  ability:\n    a: {under 5: 1, otherwise: 2}\n", "under 5"),
        (TRIGGERS + "score:\n  capacity:\n    a: {otherwise: 2}\n", "capacity"),
        (TRIGGERS + "authorise:\n  a: {deny: x}\n", "reason"),
        (TRIGGERS + "protected: age\n", "age"),
        (TRIGGERS + "dues: {patience: 3d}\n", "patience"),
        (TRIGGERS + "dues: {grace: 3 days}\n", "3 days"),
        (TRIGGERS + "dues: {prepaid: maybe}\n", "maybe"),
        (TRIGGERS + "dues: {holidays: China}\n", "China"),
        (TRIGGERS + "dues: {holidays: {weekend: [moonday]}}\n", "moonday"),
        (TRIGGERS + "calendar: {name: cn}\n", "years"),
    ],
)
def test_the_usual_slips(text: str, word: str) -> None:
    messages = faults(HEAD + EVENTS + text) if "events:" not in text else faults(HEAD + text)
    assert any(word in message for message in messages) or any("not valid under" in message for message in messages)


def test_the_old_key_of_restoration() -> None:
    """Editors take either word, say that the old one is old, and refuse both at once."""
    old, new = (f"{key}: {{first: 40%, step: 20%, every: 30d}}\n" for key in ("recovery", "restoration"))
    assert faults(HEAD + TRIGGERS + old) == []
    assert schema()["properties"]["recovery"]["deprecated"]
    assert len(faults(HEAD + TRIGGERS + old + new)) == 1


@pytest.mark.parametrize("key", ["policy", "version", "currency", "time_zone"])
def test_the_head_is_required(key: str) -> None:
    text = "".join(line + "\n" for line in (HEAD + TRIGGERS).splitlines() if not line.startswith(key))
    assert faults(text) == [f"'{key}' is a required property"]
