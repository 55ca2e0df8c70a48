"""Faulty policies beside their messages: each `faults/NAME.yaml` with its `faults/NAME.txt`.

The pairs are meant to be read by whoever writes policies: every fault of a file is shown at once, with file, line and
column, what was meant, and the nearest name that is known.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linekeeper.core.errors import FileError, PolicyError
from linekeeper.policy.load import load_file, load_text

FAULTS = Path(__file__).parent / "faults"
CASES = sorted(path.stem for path in FAULTS.glob("*.yaml"))


def messages(path: Path) -> list[str]:
    """The messages for the policy in that file, without its folder."""
    with pytest.raises(PolicyError) as caught:
        load_file(path)
    return [line.removeprefix(f"{path.parent}/") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_every_fault_of_a_file_is_told(name: str) -> None:
    expected = (FAULTS / f"{name}.txt").read_text("utf-8").splitlines()
    assert messages(FAULTS / f"{name}.yaml") == expected


@pytest.mark.parametrize("name", CASES)
def test_a_fault_says_where_it_stands(name: str) -> None:
    lines = (FAULTS / f"{name}.yaml").read_text("utf-8").split("\n")
    for message in messages(FAULTS / f"{name}.yaml"):
        place = re.match(r"[\w.]+:(\d+):(\d+): ", message)
        assert place is not None
        line, column = int(place[1]), int(place[2])
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1


@pytest.mark.parametrize("name", CASES)
def test_the_column_points_at_the_word_in_the_message(name: str) -> None:
    """Where a message begins with a word of the file in backticks, that word stands at its place."""
    lines = (FAULTS / f"{name}.yaml").read_text("utf-8").split("\n")
    for message in messages(FAULTS / f"{name}.yaml"):
        match = re.match(r"[\w.]+:(\d+):(\d+): `([a-z_0-9.]+)` (is not (known here|a plain)|has no meaning)", message)
        if match:
            assert lines[int(match[1]) - 1][int(match[2]) - 1 :].lstrip("'\"").startswith(match[3])


def test_faults_are_told_in_the_same_order_each_time() -> None:
    """Several faults at one place are shown in the order in which they come up."""
    with pytest.raises(PolicyError) as caught:
        load_text("policy: x", "p.yaml")
    assert [fault.message.split("`")[1] for fault in caught.value.faults] == [
        "version",
        "currency",
        "time_zone",
        "triggers",
    ]


def test_a_faulty_feature_is_told_once() -> None:
    """What uses it is not blamed: its unit is not known."""
    text = """
policy: x
version: 1
currency: CNY
time_zone: UTC
features:
  drawn: sum(drow.amount, 7d)
  twice: drawn * 2
score:
  ability:
    drawn: {below 5 CNY: 0, otherwise: 5}
triggers:
  t: {when: drawn > 5 CNY and twice > 3, suspend: yes, reason: rapid}
"""
    with pytest.raises(PolicyError, match=r"^p.yaml:7:14: the event kind `drow` is not known.*`draw`\?$"):
        load_text(text, "p.yaml")


@pytest.mark.parametrize(("place", "code"), [("nowhere.yaml", "file-missing"), ("", "file-is-folder")])
def test_a_file_that_cannot_be_read(tmp_path: Path, place: str, code: str) -> None:
    with pytest.raises(FileError) as refused:
        load_file(tmp_path / place)
    assert refused.value.code == code


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "gb18030", "latin-1"])
def test_a_file_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes("policy: x # é 消费\n".encode(encoding, "replace"))
    with pytest.raises(PolicyError, match="is not UTF-8; save the file as UTF-8"):
        load_file(path)
