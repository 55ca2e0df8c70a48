"""The example of docs/guides/own-choice.md happens as the page tells it."""

from __future__ import annotations

import re
from pathlib import Path

import linekeeper as lk
from tests.oracle.oracle import run
from tests.oracle.story import day, expected, ledger, sentence, written

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, EXAMPLES = DOCS / "guides" / "own-choice.md", DOCS / "examples"


def test_the_example_happens_as_it_is_told() -> None:
    page = PAGE.read_text(encoding="utf-8")
    policy_text, story = (re.findall(rf"```{name}\n(.*?)```", page, re.DOTALL)[0] for name in ("yaml", "text"))
    policy = written(policy_text, "Asia/Shanghai")
    rulings = run(policy, ledger(policy, story), day("2024-04-30")).rulings
    assert [sentence(ruling) for ruling in rulings] == expected(story)


def test_the_example_runs_from_its_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"^=> (\S+) \S+ (\w+), (\S+) of", page, re.MULTILINE)
    result = lk.replay(EXAMPLES / "own-choice.yaml", EXAMPLES / "own-choice.jsonl")
    decided = [(f"{one.at:%Y-%m-%d}", one.action, f"{one.limit_minor / 100:.2f}") for one in result.decisions]
    assert decided == shown
