"""The example of the page "From your strategy to this language", and the words of that page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import stream
from tests.oracle.held import parted
from tests.oracle.oracle import run
from tests.oracle.reader import read

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "strategy" / "policy.yaml"
PAGE = (ROOT / "docs" / "guides" / "from-your-strategy.md").read_text("utf-8")


def test_the_oracle_reads_it_alike() -> None:
    policy = load_file(EXAMPLE)
    assert parted(read(policy.source), policy) == []
    assert load_text(policy.source) == policy


def test_it_is_formatted() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert format_text(text) == text


@pytest.mark.parametrize("seed", range(6))
def test_oracle_and_kernel_agree_on_it(seed: int) -> None:
    policy = load_file(EXAMPLE)
    events = unreversed(stream(policy, seed, takes_over=seed % 2 == 1))
    kernel, until = Kernel(policy), last_day(policy, events) + 40
    expected = run(read(policy.source), events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


def test_the_page_answers_all_of_the_forty_five() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert sorted(numbers) == list(range(1, 46))
