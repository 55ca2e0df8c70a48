"""Lets a written policy look texts up in lists: a kind with texts, two lists, and a trigger that reads them.

>>> from tests.oracle.policies import write_policy
>>> written = with_lists(write_policy(Random(7)), Random(7))
>>> [name for name, _ in written.policy.lists], written.policy.triggers[-1].name
(['blocked', 'watched'], 'on_a_list')
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.oracle.policies import Written
from tests.oracle.reader import read
from tests.oracle.tree import Field

TEXTS = ("8f3a 2201", "c07e-9914", "d4b1", "裕泰商行", "night market #24")
KIND = "sign_in"


def with_lists(written: Written, rng: Random) -> Written:
    """The policy with the kind, the lists and the trigger after its own."""
    blocked, watched = rng.sample(TEXTS, rng.randint(1, 3)), rng.sample(TEXTS, rng.randint(1, 4))
    test = rng.choice(
        (
            "gadget in blocked",
            "not gadget in watched",
            "gadget in blocked or shop in watched and hour < 12",
            "shop in watched and count_of > 1",
        )
    )
    measure = rng.choice(
        (
            f"count({KIND} where {test}, {rng.choice(('1d', '7d', '36h', '2m'))}) >= {rng.choice((1, 2))}",
            f"days_since({KIND} where {test}) <= {rng.choice((0, 3, 20))}",
            f"last({KIND}.count_of where {test}) >= 1",
        )
    )
    effect = rng.choice(("cap: 40%", "suspend: yes", "cap: 70%, hold: 3d"))
    lines = written.text.rstrip("\n").split("\n")
    lines = lines if "events:" in lines else ["events:", *lines]
    _append(lines, "events:", f'  {KIND}: {{gadget: "text?", shop: text, count_of: count}}')
    _append(lines, "triggers:", f"  on_a_list: {{when: '{measure}', {effect}, reason: rapid}}")
    lines += [
        "lists:",
        *(f"  {name}: {_listed(texts)}" for name, texts in (("blocked", blocked), ("watched", watched))),
    ]
    whole = "\n".join(lines) + "\n"
    read_anew = read(whole, written.card)
    kinds = tuple(
        replace(kind, fields=given) if (given := _given(written, kind.name)) else kind for kind in read_anew.kinds
    )
    place = next(n for n, one in enumerate(read_anew.triggers) if one.name == "on_a_list")  # those of arms come after
    before, after = written.policy.triggers[:place], written.policy.triggers[place:]
    triggers = (*before, read_anew.triggers[place], *after)
    policy = replace(written.policy, kinds=kinds, triggers=triggers, lists=read_anew.lists)
    return Written(whole, policy, written.card)


def _append(lines: list[str], section: str, line: str) -> None:
    """Put a line at the end of a section."""
    start = lines.index(section) + 1
    lines.insert(next((n for n in range(start, len(lines)) if not lines[n].startswith(" ")), len(lines)), line)


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _given(written: Written, name: str) -> tuple[Field, ...]:
    """The fields of what other accounts come to, which only the writer knows."""
    if name not in ("customer", "linked") or not (written.policy.publish or written.policy.ties):
        return ()
    return written.policy.kind(name).fields
