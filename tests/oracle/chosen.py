"""Lets a written policy take up built-in kinds: what a borrower wishes for his own line, and what a lender grants.

>>> from tests.oracle.policies import write_policy
>>> written = take_up(write_policy(Random(7)), Random(7))
>>> written.policy.kind("grant").fields[0].name, written.policy.cooling_days in COOLING.values()
('granted', True)
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.oracle import tree as t
from tests.oracle.policies import Written
from tests.oracle.reader import read

COOLING = {"0d": 0, "1d": 1, "3": 3, "7d": 7, "30d": 30}


def take_up(written: Written, rng: Random) -> Written:
    """The policy with `own_limit` and `grant`, among its own kinds, before or after them."""
    cooling, first = rng.choice(tuple(COOLING)), rng.random() < 0.5
    lines = [f"  own_limit: {{cooling: {cooling}}}", "  grant: {}"]
    text = written.text.split("\n")
    if "events:" not in text:
        text = ["events:", *text]
    start = text.index("events:") + 1
    end = next(place for place in range(start, len(text)) if not text[place].startswith(" "))
    place = start if first else end
    kinds = [t.taken_up(name) for name in ("own_limit", "grant")]
    built_in = len(t.built_in_kinds(()))
    built_in += bool(written.policy.publish) + 3 * bool(written.policy.ties)  # of customers and links there are more
    position = built_in if first else len(written.policy.kinds)
    known = [*written.policy.kinds[:position], *kinds, *written.policy.kinds[position:]]
    policy = replace(written.policy, kinds=tuple(known), cooling_days=COOLING[cooling])
    return Written("\n".join([*text[:place], *lines, *text[place:]]), policy, written.card)


def assigns(written: Written, rng: Random) -> Written:
    """The policy with a first limit: an amount of what `open` asks for, and rules that refuse it now and then.

    >>> from tests.oracle.policies import write_policy
    >>> assigns(write_policy(Random(7)), Random(7)).policy.assign is not None
    True
    """
    currency, most = written.policy.currency, rng.choice((1, 50, 2_000))
    amount = rng.choice(
        (
            "part(limit, 60%)",
            f"smallest(limit, {most} {currency})",
            f"fallback(last(open.income), {most} {currency})",
            f"largest(part(limit, 33.33%), {most} {currency})",
        )
    )
    rounds = rng.choice((f", round: {most} {currency}", f", round_down: {most} {currency}", ""))
    lines = [f"  limit: {{amount: '{amount}'{rounds}, floor: 1 {currency}}}"]
    rules = [f"    poor: {{when: 'last(open.income) < {most} {currency}', reason: burden}}"]
    if written.policy.score:
        rules.append(f"    weak: {{when: 'score < {written.policy.score.base}', reason: rapid}}")
    if rng.random() < 0.7:
        lines += ["  refuse:", *rules]
    text = written.text.split("\n")
    if "events:" not in text:
        text = ["events:", *text]
    place = text.index("events:") + 1
    text = [*text[:place], '  open: {income: "money?"}', *text[place:]]
    whole = "\n".join([*text[:-1], "assign:", *lines]) + "\n"
    read_anew = read(whole, written.card)
    policy = replace(written.policy, kinds=read_anew.kinds, assign=read_anew.assign)
    return Written(whole, policy, written.card)
