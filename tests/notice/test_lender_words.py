"""The lender's own words: read from a folder, used in letters, and asked for where a letter would show a raw name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.notice.lender_words import (
    LenderWords,
    RawName,
    names_note,
    names_shown_raw,
    read_lender_words,
    words_for,
)
from linekeeper.policy.load import load_file, load_text
from linekeeper.texts.material import MaterialError, shipped

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "own-words"
SHIPPED = sorted(shipped("consumer-loan.yaml").parent.glob("*.yaml"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The example of the page, to be changed."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "stall"))


def checked(policy: Path) -> tuple[int, str]:
    """`linekeeper check`: its exit code, and what it printed."""
    ended = CliRunner().invoke(build(), ["check", "--quick", "--strict", str(policy)])
    return ended.exit_code, ended.output


def test_letters_say_the_lenders_words_in_both_languages(tmp_path: Path) -> None:
    with lk.open(tmp_path / "lines.db", EXAMPLE / "policy.yaml") as engine:
        engine.receive(EXAMPLE / "events.jsonl")
        english, chinese = (engine.notice("S-7#1", lang=lang, lender=EXAMPLE / "lender.yaml") for lang in ("en", "zh"))
    assert "Your takings have fallen" in english
    assert "This month's takings against last month's: 0%." in english
    assert "营业收入下降" in chinese
    assert "本月营业收入与上月之比：0%。" in chinese
    assert "takings" not in chinese
    assert "falling" not in chinese


def test_without_a_lender_the_letter_is_marked_as_an_example(tmp_path: Path) -> None:
    with lk.open(tmp_path / "lines.db", EXAMPLE / "policy.yaml") as engine:
        engine.receive(EXAMPLE / "events.jsonl")
        assert engine.notice("S-7#1").startswith("Specimen: ")
        assert engine.notice("S-7#1", lang="zh").startswith("样张：")
        assert 'class="specimen"' in engine.notice("S-7#1", form="html")
        assert "Specimen" not in engine.notice("S-7#1", lender=EXAMPLE / "lender.yaml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_letter_of_a_shipped_policy_shows_a_raw_name(path: Path) -> None:
    assert names_shown_raw(load_file(path), LenderWords()) == []


def test_a_policy_whose_letters_would_show_a_raw_name_does_not_pass(copied: Path) -> None:
    """Once the lender has words of its own, a name that is left out is a fault of the policy."""
    assert checked(copied / "policy.yaml")[0] == 0
    file = copied / "wording" / "zh.yaml"
    file.write_text(file.read_text("utf-8").replace("kinds: {takings: 营业收入}\n", ""), "utf-8")
    code, printed = checked(copied / "policy.yaml")
    assert code == 1
    assert f"{file}: letters of the policy `market-stall` would show `takings` as it is written" in printed
    assert "write its words under `kinds`" in printed


def test_without_words_of_its_own_a_lender_is_told_which_are_wanted(copied: Path) -> None:
    shutil.rmtree(copied / "wording")
    code, printed = checked(copied / "policy.yaml")
    assert code == 1  # by --strict
    assert "note raw_names: letters would show names of the policy as they are written: `" in printed
    policy = load_file(copied / "policy.yaml")
    assert "`takings`" in names_note(policy, words_for(copied / "policy.yaml"))[0].message
    assert names_note(policy, words_for(EXAMPLE / "policy.yaml")) == ()


def test_a_feature_that_is_too_long_to_spell_out_needs_words(tmp_path: Path) -> None:
    """A letter calls it by its name, in quotes; so it is raw in English, too."""
    long = " + ".join(f"count(draw where hour < {hour}, 30d)" for hour in range(1, 24))
    policy = load_text(f"""
policy: nights
version: 1
currency: CNY
time_zone: UTC
features:
  nightly: {long}
triggers:
  nights: {{when: nightly >= 40, suspend: yes, reason: rapid_borrowing}}
""")
    assert names_shown_raw(policy, LenderWords()) == [RawName(lang, "features", "nightly") for lang in ("zh", "en")]
    folder = tmp_path / "wording"
    folder.mkdir()
    (folder / "en.yaml").write_text("features: {nightly: your draws at night}\n")
    words = read_lender_words(folder)
    assert names_shown_raw(policy, words, ("en",)) == []
    assert names_shown_raw(policy, words) == [RawName("zh", "features", "nightly")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature: {a: b}", "may hold `reasons`, `kinds`"),
        ("- a", "may hold"),
        ("features: [a]", "each a table by name"),
        ("features: {a: ''}", "`features.a` in `en.yaml` is no text of 1 to 400 characters"),
        ("features: {a: 5}", "`features.a` in `en.yaml` is no text"),
        ("reasons: {late: {title: Late}}", "the reason `late` in `en.yaml` needs `title` and `text`"),
        ("reasons: {late: {title: Late, text: 'You owe {past_due}.'}}", "the last one names no `{fact}`"),
        ("reasons: {late: {title: Late, text: []}}", "needs `title` and `text`"),
        ("reasons: {late: {title: Late, text: Late., lessons: [magic]}}", "may have `lessons` that there are"),
        ("reasons: {late: {title: Late, text: Late., lessons: 7}}", "may have `lessons` that there are"),
        ("reasons: late", "each a table by name"),
        ("features: {1: [}", "cannot be read"),
    ],
)
def test_a_file_of_words_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "en.yaml").write_text(text)
    with pytest.raises(MaterialError) as refused:
        read_lender_words(tmp_path)
    assert message in str(refused.value)


def test_a_folder_without_words(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="has no words"):
        read_lender_words(tmp_path)


def test_texts_of_different_number_fit_both_languages(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text(
        "reasons: {arrears: {title: Late, text: ['{past_due} is late.', A bill is late.]}}\n"
    )
    wording = read_lender_words(tmp_path).wordings.codes["arrears"]
    assert [text.en for text in wording.texts[:2]] == ["{past_due} is late.", "A bill is late."]
    assert wording.texts[-1].en == "A bill is late."
    assert wording.texts[0].zh == LenderWords().wordings.codes["arrears"].texts[0].zh
    assert wording.lessons == LenderWords().wordings.codes["arrears"].lessons
