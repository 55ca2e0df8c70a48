"""Writes policies whose restrictions come back by several schedules; the rest is as in `wider.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.oracle import tree as t
from tests.oracle.policies import Written
from tests.oracle.wider import WiderWriter

WAITS = {"0d": 0, "1d": 1, "2d": 2, "7d": 7, "30d": 30}
SCHEDULES = ("slowly", "soon", "at_once", "by_halves")


class StagedWriter(WiderWriter):
    """One policy in the making. `schedules` are the names of its schedules, none where there is one without a name."""

    schedules: tuple[str, ...] = ()
    more: tuple[t.Restoration, ...] = ()

    def varied_triggers(self, least: int) -> Iterator[str]:
        """The same, each restored by some schedule."""
        count = self.rng.choice((0, 2, 2, 3, 4))
        self.schedules = tuple(self.rng.sample(SCHEDULES, count))
        for line in super().varied_triggers(least):
            if self.schedules and self.chance(0.7):
                place = self.rng.randrange(len(self.schedules))
                self.trigger_trees[-1] = replace(self.trigger_trees[-1], restore=place)
                line = f"{line[:-1]}, restore: {self.schedules[place]}}}"
            one = self.trigger_trees[-1]
            takes = one.suspend or one.close or one.limit is not None or min(t.numbers_of(one.cap_bp)) < 10_000
            if takes and self.chance(0.4):
                text = self.rng.choice(tuple(WAITS))
                text, days = self.number(text, WAITS[text], WAITS)
                self.trigger_trees[-1] = replace(self.trigger_trees[-1], effective_days=days)
                line = f"{line[:-1]}, effective: {text}}}"
            yield self.treated(line)

    def treated(self, line: str) -> str:
        """Some triggers treat beside what they restrict; a few do nothing else."""
        if not self.chance(0.5):
            return line
        rng, parts, given = self.rng, [], t.Treating()
        if self.chance(0.4):
            parts, given = [*parts, "watch: dormant"], replace(given, watch="dormant")
        if self.chance(0.3):
            parts, given = [*parts, "price: dearer"], replace(given, price="dearer")
        if not parts or self.chance(0.5):
            count, days = rng.choice(((0, 0), (1, 1), (1, 7), (2, 30), (3, 2)))
            quiet = rng.choice((None, (21, 8), (12, 14)))
            more = [f'at_most: "{count} in {days}d"'] * bool(count)
            more += [f'quiet: "{quiet[0]:02}:00-{quiet[1]:02}:00"'] if quiet else []
            parts.append(f"contact: {{code: reminder, {', '.join(more)}}}" if more else "contact: reminder")
            given = replace(given, contact="reminder", count=count, days=days, quiet=quiet)
        one = replace(self.trigger_trees[-1], treating=given)
        if self.chance(0.4):  # nothing else
            kept = r", (cap|limit|suspend|close|effective): (\{[^}]*\}|'[^']*'|[^,}]+)"
            bare = re.sub(kept, "", line.replace("{", "{, ", 1)).replace("{, ", "{", 1)
            if "limit" not in line:
                line = bare
                one = replace(one, cap_bp=10_000, limit=None, suspend=False, close=False, effective_days=0)
        self.trigger_trees[-1] = one
        return f"{line[:-1]}, {', '.join(parts)}}}"

    def restoration(self) -> str:
        """One without a name, or several with names."""
        if not self.schedules:
            return super().restoration()
        lines, trees = ["restoration:"], []
        for name in self.schedules:
            if self.chance(0.4):
                lines.append(f"  {name}: {{first: 100%}}")
                trees.append(t.Restoration(10_000, 10_000, 1, None, name))
                continue
            lines.append(f"  {name}: {super().restoration().partition(': ')[2]}")
            trees.append(replace(self.recovery_tree, name=name))
        self.recovery_tree, self.more = trees[0], tuple(trees[1:])
        return "\n".join(lines)

    def body(self, least: int = 1) -> Iterator[str]:
        self.more = ()
        yield from super().body(least)
        self.policy = replace(self.policy, further_restorations=self.more)


def write_staged(rng: Random) -> Written:
    """A whole policy from the chances of `rng`.

    >>> write_staged(Random(7)) == write_staged(Random(7))
    True
    """
    writer = StagedWriter(rng)
    text = "\n".join([*writer.head(), *writer.body()]) + "\n"
    return Written(text, writer.policy)
