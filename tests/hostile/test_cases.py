"""Hostile cases of a fixed seed: each ends in time, in little memory, with an answer or an error that has a code."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import pytest

from linekeeper.cli.answers.catalogue import ANSWERS
from tests.hostile.cases import OPTIONS, case_of
from tests.hostile.damage import BY_SUFFIX
from tests.hostile.home import PLAIN, READERS
from tests.hostile.trial import FAULTS

COUNT, SEED = 120, 11


@pytest.mark.skipif(sys.platform != "linux", reason="the bounds of a process are those of Linux")
def test_hostile_cases_end_well() -> None:
    words = [sys.executable, "-m", "tests.hostile", "--count", str(COUNT), "--seed", str(SEED), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    figures = json.loads(done.stdout)
    assert {fault: figures[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0), done.stderr
    assert figures["cases"] == figures["typed"] + figures["correct"] == COUNT
    assert figures["typed"] > COUNT / 3
    assert figures["codes"] > 15


def test_the_cases_reach_every_command_and_every_file() -> None:
    assert set(PLAIN) == set(ANSWERS) <= set(OPTIONS)
    names = {case_of(seed, number).name for seed in range(3) for number in range(1_000)}
    assert {name for name in names if name.startswith("argument of ")} == {f"argument of {name}" for name in PLAIN}
    assert {name for name in names if name.startswith("damaged ")} == {f"damaged {name}" for name in READERS}


def test_a_seed_and_a_number_always_make_the_same_case() -> None:
    for number in range(50):
        first, again = case_of(5, number), case_of(5, number)
        assert (first.name, first.words, first.variables) == (again.name, again.words, again.variables)


@pytest.mark.parametrize("suffix", BY_SUFFIX)
def test_every_damage_changes_a_file(suffix: str) -> None:
    data = b'{"id": "e1", "account": "A-1", "amount": 500}\n' * 40
    for how in set(BY_SUFFIX[suffix]):
        changed = {how(data, Random(seed)) for seed in range(6)}
        assert changed - {data}, how
