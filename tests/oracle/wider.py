"""Writes policies that use names: conditions that are defined once and stand in several places.

The same chances as in `policies.py`, with more on top: each seed is another policy here than there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from tests.oracle.phrases import NUMERIC, Said
from tests.oracle.policies import Writer, Written
from tests.oracle.tree import ScoreRef, walk

DEFINED_MAX = 6


class WiderWriter(Writer):
    """One policy in the making. `defined` are its conditions with a name so far: text and meaning."""

    defined: dict[str, Said]

    def condition(self, depth: int = 0, units: Sequence[str] = NUMERIC) -> Said:
        """Now and then a condition gets a name, or one that has a name is used again."""
        usable = [name for name, said in self.defined.items() if "points" in units or not reads_score(said)]
        if usable and self.chance(0.2):
            name = self.rng.choice(usable)
            return Said(name, self.defined[name].tree)
        said = super().condition(depth, units)
        if len(self.defined) >= DEFINED_MAX or not self.chance(0.2):
            return said
        name = f"defined_{len(self.defined)}"
        self.defined[name] = said
        return Said(name, said.tree)

    def body(self, least: int = 1) -> Iterator[str]:
        """The sections of names may stand anywhere in the file; here they come last."""
        self.defined = {}
        yield from super().body(least)
        if self.defined:
            yield "define:"
            yield from (f"  {name}: '{said.text}'" for name, said in self.defined.items())


def reads_score(said: Said) -> bool:
    """Whether it means something only where there is a score."""
    return any(isinstance(part, ScoreRef) for part in walk(said.tree))


def write_wider(rng: Random) -> Written:
    """A whole policy from the chances of `rng`.

    >>> write_wider(Random(7)) == write_wider(Random(7))
    True
    """
    writer = WiderWriter(rng)
    text = "\n".join([*writer.head(), *writer.body()]) + "\n"
    return Written(text, writer.policy)
