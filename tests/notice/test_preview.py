"""Every letter of the shipped policies, in both languages, is fit to be read: no name, no formula, no empty place."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.errors import UsageError
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.notice.lender_words import words_for
from linekeeper.notice.preview import preview_notices
from linekeeper.notice.raw_names import raw_names
from linekeeper.notice.render import as_html, as_text, render_notice
from linekeeper.policy.load import load_file
from linekeeper.texts.language import LANGS, Lang
from tests.cli.test_commands import linekeeper

ROOT = Path(__file__).parents[2]
POLICIES = [*sorted((ROOT / "policies").glob("*.yaml")), ROOT / "docs/examples/pay-later/policy.yaml"]
FORMULA = re.compile(r"[<>=]=|[a-z0-9]+_[a-z0-9]|\$[a-z]|[{}]|\bNone\b|\b(and|or) not\b")
EMPTY = re.compile(r"[:：]\s*[.。]|[ ，,] [.。]|“”|  - \s*$|\(\)|（）", re.MULTILINE)
MINOR = re.compile(r"(?<![\d.,/…-])\d{6,}(?!\d|-)")  # an amount has its thousands apart


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("path", POLICIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_letter_is_fit_to_be_read(path: Path, lang: Lang) -> None:
    policy, words = load_file(path), words_for(path)
    cases = preview_notices(policy, replace(read_lender_profile(), words=words))
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        text = as_text(case.notice, lang, words)
        receipt = case.notice.receipt
        assert receipt is not None
        said = text.replace(receipt.text, "").replace(case.notice.objection.url, "")
        assert raw_names(said, policy, lang) == (), (case.name, said)
        for pattern in (FORMULA, EMPTY, MINOR):
            assert not pattern.search(said), (case.name, pattern.search(said))
        rendered = render_notice(case.notice, lang, words)
        assert rendered.headline in as_html(case.notice, lang, words).replace("&#39;", "'")
        assert rendered.lead


def test_what_takes_away_has_reasons_and_a_road_or_says_why_not() -> None:
    for path in POLICIES:
        for case in preview_notices(load_file(path), read_lender_profile()):
            if case.action in ("decrease", "suspend", "close", "refuse", "announce"):
                assert case.notice.reasons, case.name
            if case.action in ("decrease", "suspend", "close"):
                assert case.notice.road is not None, case.name


def test_each_trigger_and_offer_of_a_policy_has_its_letter() -> None:
    policy = load_file(POLICIES[-1])
    names = {case.name.partition("_")[2] for case in preview_notices(policy, read_lender_profile())}
    watching = {"gaming_heavy"}  # is told to nobody
    assert {trigger.name for trigger in policy.triggers} - watching <= names
    assert {offer.name for offer in policy.offers} <= names


def test_the_command_writes_each_letter_as_text_and_as_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    done = linekeeper("notices", "preview", str(POLICIES[-1]), "--lang", "zh", "--to", str(folder))
    count = len(preview_notices(load_file(POLICIES[-1]), read_lender_profile()))
    assert f"{count} letters" in done
    assert len(list(folder.iterdir())) == 2 * count
    one = linekeeper("notices", "preview", str(POLICIES[-1]), "--case", "suspend_late_3")
    assert one.startswith("=== suspend_late_3")
    assert one.count("===") == 1
    with pytest.raises(UsageError, match="did you mean `suspend_late_3`"):
        linekeeper("notices", "preview", str(POLICIES[-1]), "--case", "suspend_late_4")
