"""Names of a policy that stand in a text for people as they are written: such a text is not fit to be sent."""

from __future__ import annotations

import re
from functools import lru_cache

from linekeeper.policy import model as m
from linekeeper.texts.language import Lang

COMPOUND = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")  # words joined by underscores are nobody's language
WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _][A-Za-z0-9]+)*")


def raw_names(text: str, policy: m.Policy, lang: Lang) -> tuple[str, ...]:
    """The names of the policy's kinds, fields, words, features and triggers that the text shows, each once, sorted.

    In English a plain word may be a name by chance, so only names of several joined words count there. In Chinese each
    name counts, with its underscores or with spaces in their place.
    """
    compound = set(COMPOUND.findall(text))
    if lang == "en":
        return tuple(sorted(compound & _names(policy)))
    shown = {word.lower() for word in WORD.findall(text)}
    return tuple(sorted(name for name in _names(policy) if name.replace("_", " ") in shown or name in shown | compound))


@lru_cache(maxsize=16)
def _names(policy: m.Policy) -> frozenset[str]:
    names = {feature.name for feature in policy.features if feature.named}
    names |= {trigger.name for trigger in policy.triggers}
    for kind in policy.kinds:
        names.add(kind.name)
        for field in kind.fields:
            names |= {field.name, *field.choices}
    return frozenset(names)
