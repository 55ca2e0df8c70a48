"""The lender's own words, beside those that come with the product: a folder with one file for each language.

A lender file names the folder (`wording: wording`); `check` also looks for `wording/` beside the policy. `zh.yaml` and
`en.yaml` hold words for the names that the lender's policies chose (kinds of event, fields, words of lists, features,
groups of the score) and texts for its reason codes. What a file does not say, the product says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from linekeeper.core.errors import Fault
from linekeeper.education.lessons import shipped_lessons
from linekeeper.notice.prose.expression import feature_words, trigger_words
from linekeeper.notice.prose.vocabulary import SORTS, Vocabulary, shipped_vocabulary
from linekeeper.notice.reasons import Wording, Wordings, shipped_wordings
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.remarks import Remark
from linekeeper.recourse.dependencies import dependencies_of_releasable
from linekeeper.scorecard.card import scored_features
from linekeeper.texts.language import LANGS, PLACEHOLDER, Lang, Text
from linekeeper.texts.material import MaterialError, read_yaml

REASONS, WORDING_FOLDER = "reasons", "wording"
RAW_NAMES_SHOWN = 5
NO_WORDING = Wording(Text(zh="", en=""), (Text(zh="", en=""),), ())
WORDS_MAX = 400  # characters of one text; a letter is read, not studied


@dataclass(frozen=True)
class LenderWords:
    """All words of a lender's letters: names, reasons, and in which languages the lender wrote words of its own."""

    vocabulary: Vocabulary = field(default_factory=shipped_vocabulary)
    wordings: Wordings = field(default_factory=shipped_wordings)
    files: Mapping[Lang, Path] = field(default_factory=dict)


def read_lender_words(folder: Path) -> LenderWords:
    """The words of a folder with `zh.yaml`, `en.yaml` or both, over those that come with the product.

    Raises MaterialError where the folder has neither, or a file holds anything else.
    """
    files = _files_in(folder)
    if not files:
        raise MaterialError(
            f"`{folder.name}` has no words",
            code="material-not-complete",
            way_out="write `zh.yaml`, `en.yaml` or both in it",
            place=str(folder),
        )
    written = {lang: _sections(path) for lang, path in files.items()}
    return LenderWords(_with_names(written), _with_reasons(written, files), files)


def _files_in(folder: Path) -> dict[Lang, Path]:
    return {lang: path for lang in LANGS if (path := folder / f"{lang}.yaml").exists()}


def _sections(path: Path) -> dict[str, dict[str, Any]]:
    """The sections of one file, each a table by name."""
    raw = read_yaml(path) or {}
    known = (REASONS, *SORTS)
    is_table = isinstance(raw, dict) and set(raw) <= set(known)
    if not is_table or not all(isinstance(one, dict) for one in raw.values()):
        raise MaterialError(
            f"`{path.name}` may hold {', '.join(f'`{one}`' for one in known)} only, each a table by name",
            code="material-not-complete",
            way_out="write `features: {burden: your bills against your income}`",
            place=str(path),
        )
    for sort in set(raw) & set(SORTS):
        for name, words in raw[sort].items():
            _check_words(path, f"{sort}.{name}", words)
    return raw


def _check_words(path: Path, name: str, words: object) -> None:
    if not isinstance(words, str) or not words.strip() or len(words) > WORDS_MAX:
        raise MaterialError(
            f"`{name}` in `{path.name}` is no text of 1 to {WORDS_MAX} characters",
            code="material-not-complete",
            way_out="write its words, in quotes where they hold a colon",
            place=str(path),
        )


def _with_names(written: Mapping[Lang, Mapping[str, Mapping[str, str]]]) -> Vocabulary:
    """The product's vocabulary with the lender's words over it. A language that it left out keeps what there was."""
    shipped = shipped_vocabulary()
    words = {sort: dict(shipped.words.get(sort, {})) for sort in SORTS}
    for lang, sections in written.items():
        for sort in SORTS:
            for name, own in sections.get(sort, {}).items():
                before = words[sort].get(name) or shipped.of(sort, name)
                words[sort][name] = replace(before, **{lang: own})
    return Vocabulary(words)


def _with_reasons(written: Mapping[Lang, Mapping[str, Mapping[str, Any]]], files: Mapping[Lang, Path]) -> Wordings:
    """The product's reasons with the lender's over them. A language that left one out keeps what there was."""
    shipped = shipped_wordings()
    codes = dict(shipped.codes)
    for lang, sections in written.items():
        for code, raw in sections.get(REASONS, {}).items():
            codes[code] = _with_own_text(codes.get(code, NO_WORDING), lang, _own_reason(files[lang], code, raw))
    return Wordings(codes, shipped.measures)


class _OwnReason(NamedTuple):
    """A reason in one language, as a file has it."""

    title: str
    texts: tuple[str, ...]
    lessons: tuple[str, ...]


def _own_reason(path: Path, code: str, raw: object) -> _OwnReason:
    """The last text must fit whatever is known, so it names no fact."""
    if isinstance(raw, dict) and {"title", "text"} <= set(raw) <= {"title", "text", "lessons"}:
        texts = raw["text"] if isinstance(raw["text"], list) else [raw["text"]]
        for one in (raw["title"], *texts):
            _check_words(path, f"{REASONS}.{code}", one)
        lessons = raw.get("lessons", [])
        known = isinstance(lessons, list) and all(
            isinstance(one, str) and one in shipped_lessons("en") for one in lessons
        )
        if known and texts and not PLACEHOLDER.search(texts[-1]):
            return _OwnReason(raw["title"], tuple(texts), tuple(lessons))
    raise MaterialError(
        f"the reason `{code}` in `{path.name}` needs `title` and `text`, and may have `lessons` that there are",
        code="material-not-complete",
        way_out="write several texts as a list; the last one names no `{fact}`, so that it always fits",
        place=str(path),
    )


def _with_own_text(before: Wording, lang: Lang, own: _OwnReason) -> Wording:
    """Both languages have as many texts in the end; the last one of each stands for those that it has not."""
    size = max(len(own.texts), len(before.texts))
    others = [before.texts[min(place, len(before.texts) - 1)] for place in range(size)]
    mine = [own.texts[min(place, len(own.texts) - 1)] for place in range(size)]
    return Wording(
        replace(before.title, **{lang: own.title}),
        tuple(replace(other, **{lang: text}) for other, text in zip(others, mine, strict=True)),
        own.lessons or before.lessons,
    )


# ------------------------------------------------------------------ what has no words


class RawName(NamedTuple):
    """A name that letters in that language would show as the policy writes it, and its section of a wording file."""

    lang: Lang
    sort: str
    name: str


@dataclass(frozen=True, slots=True)
class _Listening(Vocabulary):
    """A vocabulary that remembers which names it was asked for."""

    asked: set[tuple[str, str]] = field(default_factory=set)

    def of(self, sort: str, name: str) -> Text:
        self.asked.add((sort, name))
        return Vocabulary.of(self, sort, name)

    def feature(self, name: str) -> Text | None:
        self.asked.add(("features", name))
        return Vocabulary.feature(self, name)


def names_shown_raw(policy: m.Policy, words: LenderWords, langs: Collection[Lang] = LANGS) -> list[RawName]:
    """Which names of the policy its letters would show raw, by language, section and name.

    A letter names what its reasons measured, rules whose reason has no text of its own, and, on the road back, the
    kinds, fields and words of lists of whatever can release a restriction. English reads a name of plain words, like
    `open_loans`, as those words; Chinese reads none.

    >>> from linekeeper.policy.load import load_text
    >>> policy = load_text('''
    ... policy: tiny
    ... version: 1
    ... currency: CNY
    ... time_zone: UTC
    ... events: {levy: {amount: money}}
    ... triggers: {levied: {when: "count(levy, 30d) >= 3", suspend: yes, reason: levies}}
    ... ''')
    >>> names_shown_raw(policy, LenderWords())
    [RawName(lang='zh', sort='kinds', name='levy')]
    """
    return [
        RawName(lang, sort, name)
        for sort, name in sorted(_shown_names(policy, words))
        for lang in langs
        if _is_raw(words.vocabulary, sort, name, lang)
    ]


def names_without_words(policy: m.Policy, words: LenderWords) -> list[Fault]:
    """Of a lender with words of its own: a fault for each name that its letters would show raw, in its languages."""
    return [
        Fault(
            f"letters of the policy `{policy.name}` would show `{raw.name}` as it is written",
            str(words.files[raw.lang]),
            way_out=f"write its words under `{raw.sort}`",
        )
        for raw in names_shown_raw(policy, words, tuple(words.files))
    ]


def names_note(policy: m.Policy, words: LenderWords) -> tuple[Remark, ...]:
    """Where the lender has no words of its own: one remark that counts the names which letters would show raw."""
    raw = [] if words.files else names_shown_raw(policy, words)
    if not raw:
        return ()
    names = list(dict.fromkeys(one.name for one in raw))
    more = ", ..." if len(names) > RAW_NAMES_SHOWN else ""
    shown = ", ".join(f"`{name}`" for name in names[:RAW_NAMES_SHOWN]) + more
    what = f"letters would show names of the policy as they are written: {shown}"
    return (Remark("raw_names", ("policy",), what, "write words for them in `wording/zh.yaml` beside the policy"),)


def words_for(policy_file: Path) -> LenderWords:
    """The words of the folder `wording` beside a policy file; those of the product where there is none."""
    folder = policy_file.parent / WORDING_FOLDER
    return read_lender_words(folder) if _files_in(folder) else LenderWords()


def _is_raw(vocabulary: Vocabulary, sort: str, name: str, lang: Lang) -> bool:
    words = vocabulary.words.get(sort, {}).get(name)
    plain = name.replace("_", " ")
    if lang == "en":
        return sort in ("features", "prices", "lists") and (words is None or words.en == plain)
    return words is None or (words.zh == plain and words.en != plain) or words == Text(zh=plain, en=plain)


def _shown_names(policy: m.Policy, words: LenderWords) -> set[tuple[str, str]]:
    """Every name that a letter of that policy asks the vocabulary for, by section and name."""
    listening = _Listening(words.vocabulary.words)
    measured: set[str] = set(scored_features(policy.score)) if policy.score else set()
    rules: tuple[m.Trigger | m.AuthoriseRule, ...] = (*policy.rules_with_reasons, *policy.authorise)
    for rule in rules:
        for cell in policy.cells or (None,):
            stated = _in_cell(rule, cell)
            if rule.reason not in words.wordings.codes:
                trigger_words(policy, stated, listening)
            condition = stated.when if isinstance(stated, m.Trigger) else stated.deny
            measured |= {node.name for node in ex.nodes_of(condition) if isinstance(node, ex.Ref)}
    for name in measured - {name for name, _ in policy.axes}:
        feature_words(policy, name, listening)
        listening.asked.update(("choices", choice) for choice in policy.feature(name).choices)
    listening.asked.update(("prices", code) for code in _prices(policy))
    for kind in policy.kinds:
        if kind.name in dependencies_of_releasable(policy).kinds and not kind.built_in:
            listening.asked.add(("kinds", kind.name))
            listening.asked.update(("fields", one.name) for one in kind.fields)
            listening.asked.update(("choices", choice) for one in kind.fields for choice in one.choices)
    return listening.asked


def _prices(policy: m.Policy) -> set[str]:
    """The codes of price of which letters may tell."""
    of_triggers = {trigger.treatments.price for trigger in policy.triggers if trigger.treatments}
    return (of_triggers | {offer.price for offer in policy.offers}) - {""}


def _in_cell(rule: m.Trigger | m.AuthoriseRule, cell: ex.RuleCell | None) -> m.Trigger | m.AuthoriseRule:
    """The rule as it is in a cell: of what differs by segment or arm, letters show what counts for their reader."""
    if isinstance(rule, m.Trigger):
        return replace(rule, when=ex.expression_in_segment(rule.when, cell))
    return replace(rule, deny=ex.expression_in_segment(rule.deny, cell))
