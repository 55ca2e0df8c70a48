"""A policy as people hold it: read, checked, described."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from linekeeper.core.errors import Fault
from linekeeper.face.arguments import given_path, given_text
from linekeeper.notice.lender_words import LenderWords, names_note
from linekeeper.notice.prose import describe
from linekeeper.policy import model
from linekeeper.policy.analysis.policy_warnings import PolicyWarning, find_warnings
from linekeeper.policy.load import load_file, load_text
from linekeeper.recourse.dead_ends import describe_dead_end, find_dead_ends
from linekeeper.texts.language import Lang


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, read and free of faults. `definition` is what the rooms below work with."""

    definition: model.Policy = field(repr=False)

    def __repr__(self) -> str:
        return f"Policy({self.name}, version {self.version})"

    @property
    def name(self) -> str:
        """The policy's name, as its file has it."""
        return self.definition.name

    @property
    def version(self) -> int:
        """The number of its version."""
        return self.definition.version

    @property
    def digest(self) -> str:
        """The SHA-256 of its file and of the scorecard that it names, in hexadecimal digits."""
        return self.definition.digest

    @property
    def currency(self) -> str:
        """The ISO 4217 code of its amounts."""
        return self.definition.currency

    @property
    def time_zone(self) -> str:
        """The IANA name of the time zone in which its days begin."""
        return self.definition.time_zone

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features, in the order of the file; built-in facts and inline measures are among them."""
        return tuple(feature.name for feature in self.definition.features)

    @property
    def triggers(self) -> tuple[str, ...]:
        """The names of its triggers, in the order of the file."""
        return tuple(trigger.name for trigger in self.definition.triggers)

    def check(self) -> tuple[Fault, ...]:
        """Its dead ends: restrictions from which a borrower finds no way back. Empty where none is found.

        The faults of the file itself are raised by `load_policy`. The search runs a spread of account histories
        through the policy and takes seconds; what it finds is real, and what it does not find may still be there.

        >>> load_policy("docs/examples/cash-line.yaml").check()
        ()
        """
        dead_ends = find_dead_ends(self.definition)
        return tuple(Fault(describe_dead_end(self.definition, dead_end)) for dead_end in dead_ends)

    def warnings(self) -> tuple[PolicyWarning, ...]:
        """What the policy says that its author may not have meant, those that it allows with their reasons.

        >>> load_policy("docs/examples/cash-line.yaml").warnings()
        ()
        """
        words = LenderWords()
        return tuple(
            find_warnings(self.definition, "policy.yaml", words.wordings.codes, names_note(self.definition, words))
        )

    def describe(self, lang: Lang = "en") -> str:
        """The policy in plain words, made from its rules: `en` for English, `zh` for Simplified Chinese.

        >>> policy = load_policy("docs/examples/cash-line.yaml")
        >>> print(policy.describe("zh").splitlines()[0])
        策略cash-line，第1版
        """
        given_text("lang", lang)
        return str(describe(self.definition, lang))

    def _repr_html_(self) -> str:
        description = describe(self.definition, "en")
        parts = [f"<h4>{escape(description.title)}</h4>"]
        for section in description.sections:
            lines = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
            parts.append(f"<b>{escape(section.title)}</b><ul>{lines}</ul>")
        return "".join(parts)


def policy_of(source: Policy | str | Path) -> Policy:
    """A policy as it is, or the one that `load_policy` reads from there."""
    return source if isinstance(source, Policy) else load_policy(source)


def load_policy(source: str | Path) -> Policy:
    """The policy in a file, or in a text of several lines. A scorecard that it names is read from beside the file.

    Raises PolicyError with all faults at once, each with its line, its column and the way out.

    >>> policy = load_policy("docs/examples/cash-line.yaml")
    >>> policy.name, policy.version, policy.triggers
    ('cash-line', 1, ('rapid_borrowing', 'late_3', 'late_30'))
    >>> load_policy("policy: tiny\\nversion: 1")
    Traceback (most recent call last):
    linekeeper.core.errors.PolicyError: policy.yaml:1:1: the key `currency` is missing; write `currency: ...`
    ...
    """
    is_text = isinstance(source, str) and "\n" in source
    return Policy(load_text(given_text("source", source)) if is_text else load_file(given_path("source", source)))
