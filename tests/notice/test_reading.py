"""Plain words: short sentences, easy to read, no jargon, never selling credit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from linekeeper.education.lessons import example_loan, render_lesson, shipped_lessons
from linekeeper.notice.reasons import Wording, shipped_wordings
from linekeeper.notice.render import as_text
from linekeeper.texts.language import LANGS, PLACEHOLDER, Lang
from linekeeper.texts.material import read_yaml, shipped
from tests.notice import examples as made

GRADE_MAX = 8  # Flesch-Kincaid: about thirteen years of age
SENTENCE_MAX = 25  # Chinese characters in a sentence, on average
JARGON = read_yaml(shipped("reasons") / "jargon.yaml")
ADDRESS = re.compile(r"https?://\S+|\S+\.(?:gov|com|org|uk|eu|example)\S*")


def lesson_text(key: str, lang: Lang) -> str:
    return str(render_lesson(shipped_lessons(lang)[key], example_loan("CNY", 2), "CN"))


def wordings() -> Iterator[tuple[str, Wording]]:
    yield from shipped_wordings().codes.items()
    yield from shipped_wordings().measures.items()


def texts(lang: Lang) -> Iterator[tuple[str, str]]:
    """Every text that a borrower may read: name, text."""
    for name, notice in made.ALL.items():
        yield f"notice {name}", as_text(notice, lang)
    for key in shipped_lessons(lang):
        yield f"lesson {key}", lesson_text(key, lang)
    for name, wording in wordings():
        for text in wording.texts:
            yield f"reason {name}", f"{wording.title.in_(lang)}. {PLACEHOLDER.sub('3', text.in_(lang))}"


ENGLISH, CHINESE = dict(texts("en")), dict(texts("zh"))


# ------------------------------------------------------------------ measures


def syllables(word: str) -> int:
    """Groups of vowels, a silent e not counted: right for most words, one off for few."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith(("le", "ee", "ye", "ue")) and groups > 1
    return max(1, groups - silent)


def sentences(text: str) -> list[str]:
    """Sentences and lines; each item of a list is a sentence of its own."""
    return [part for part in re.split(r"[.!?:;\n。！？：；]+", ADDRESS.sub("", text)) if re.search(r"\w", part)]


def grade(text: str) -> float:
    """The Flesch-Kincaid grade: 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    words = re.findall(r"[A-Za-z][A-Za-z'’]*", ADDRESS.sub("", text))
    return 0.39 * len(words) / len(sentences(text)) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def characters(text: str) -> float:
    """Chinese characters, and other words and numbers, in a sentence on average."""
    parts = sentences(text)
    return sum(len(re.findall(r"[\u4e00-\u9fff]|[\w.,¥$%]+", part, re.ASCII)) for part in parts) / len(parts)


@pytest.mark.parametrize(("word", "count"), [("pay", 1), ("limit", 2), ("late", 1), ("overdue", 3), ("decision", 3)])
def test_syllables_are_counted(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_measure_tells_hard_from_easy() -> None:
    easy = "You were three days late. Please pay what is overdue. Then we can raise your limit again."
    hard = (
        "Notwithstanding the aforementioned contractual provisions, the institution unilaterally determined that "
        "continued availability of revolving facilities necessitated immediate recalibration of applicable limitations."
    )
    assert grade(easy) < 4
    assert grade(hard) > 20


# ------------------------------------------------------------------ the texts


@pytest.mark.parametrize("name", [name for name in ENGLISH if name.startswith(("notice", "lesson"))])
def test_english_reads_easily(name: str) -> None:
    assert grade(ENGLISH[name]) <= GRADE_MAX


def test_english_reasons_read_easily_together() -> None:
    assert grade("\n".join(text for name, text in ENGLISH.items() if name.startswith("reason"))) <= GRADE_MAX


@pytest.mark.parametrize("name", CHINESE)
def test_chinese_sentences_are_short(name: str) -> None:
    assert characters(CHINESE[name]) <= SENTENCE_MAX


def jargon(text: str, lang: Lang) -> list[str]:
    """The words of the list that a text uses; English ones as beginnings of words."""
    if lang == "zh":
        return [word for word in JARGON["zh"] if word in text]
    return [word for word in JARGON["en"] if re.search(rf"\b{word}", text, re.IGNORECASE)]


@pytest.mark.parametrize(("lang", "shown"), [("en", ENGLISH), ("zh", CHINESE)])
def test_no_jargon(lang: Lang, shown: dict[str, str]) -> None:
    found = {name: words for name, text in shown.items() if (words := jargon(text, lang))}
    assert found == {}


def test_jargon_is_seen() -> None:
    assert jargon("Your utilisation is above the threshold.", "en") == ["utilisation", "threshold"]
    assert jargon("已触发风控模型", "zh") == ["风控", "触发", "模型"]


@pytest.mark.parametrize("lang", LANGS)
def test_lessons_are_short(lang: Lang) -> None:
    for key in shipped_lessons(lang):
        text = lesson_text(key, lang)
        length = len(text.split()) if lang == "en" else len(re.findall(r"[\u4e00-\u9fff]", text))
        assert length <= (160 if lang == "en" else 260), key


def test_the_code_has_no_wording_of_its_own_reasons() -> None:
    source = Path(__file__).parents[2] / "src" / "linekeeper"
    rooms = ("notice", "education", "texts")
    code = "\n".join(path.read_text("utf-8") for room in rooms for path in (source / room).rglob("*.py"))
    titles = [wording.title.zh for _, wording in wordings()]
    assert not [title for title in titles if title in code and len(title) > 3]
