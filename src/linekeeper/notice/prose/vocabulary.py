"""Words for the names that a policy chooses itself: event kinds, fields, words of a list, features, score groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from linekeeper.texts.language import Text
from linekeeper.texts.material import MaterialError, read_yaml, shipped

SORTS = ("kinds", "plurals", "plain", "fields", "choices", "groups", "features", "stops", "lists", "offers", "prices")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words by sort and name; a name without an entry is shown as it is written, `_` as a space.

    >>> words = Vocabulary({"choices": {"gambling": Text(zh="博彩", en="gambling")}})
    >>> words.of("choices", "gambling").zh, words.of("fields", "open_loans").zh
    ('博彩', 'open loans')
    """

    words: Mapping[str, Mapping[str, Text]]

    def of(self, sort: str, name: str) -> Text:
        plain = name.replace("_", " ")
        return self.words.get(sort, {}).get(name) or Text(zh=plain, en=plain)

    def has(self, sort: str, name: str) -> bool:
        """Whether a name has words of its own."""
        return name in self.words.get(sort, {})

    def events(self, kind: str) -> Text:
        """Several events of a kind; English adds the plural where `plurals` has none."""
        one = self.of("kinds", kind)
        return self.words.get("plurals", {}).get(kind) or Text(zh=one.zh, en=f"{one.en} events")

    def feature(self, name: str) -> Text | None:
        """What a feature measures, or for a flag what holds, where the lender has words of its own for it."""
        return self.words.get("features", {}).get(name)

    def plain(self, kind: str) -> Text:
        """Several events of a kind, as a borrower calls them."""
        return self.words.get("plain", {}).get(kind) or self.events(kind)


def read_vocabulary(path: Path) -> Vocabulary:
    """The words of one YAML file: sort -> name -> {zh, en}."""
    raw = read_yaml(path)
    if not isinstance(raw, dict) or set(raw) - set(SORTS):
        raise MaterialError(
            f"`{path.name}` may hold {', '.join(f'`{sort}`' for sort in SORTS)} only",
            code="material-not-complete",
            place=str(path),
        )
    return Vocabulary(
        {sort: {name: _text(path, name, item) for name, item in part.items()} for sort, part in raw.items()}
    )


def _text(path: Path, name: str, item: object) -> Text:
    if not isinstance(item, dict) or set(item) != {"zh", "en"}:
        raise MaterialError(
            f"`{name}` in `{path.name}` needs its words in `zh` and `en`", code="material-not-complete", place=str(path)
        )
    return Text(zh=str(item["zh"]), en=str(item["en"]))


@cache
def shipped_vocabulary() -> Vocabulary:
    """The words that come with the product: `policies/reasons/words.yaml`."""
    return read_vocabulary(shipped("reasons") / "words.yaml")
