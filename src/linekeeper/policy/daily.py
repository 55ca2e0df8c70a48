"""What account facts come to through time: each day counts as it ended, and the current one as it stands.

The words of these measures, their code and the facts that they may read stand here; `policy/daily_check.py` reads them,
and `kernel/daily_code.py` has what a kernel keeps of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from lark import Token, Tree

# Facts of which the end of each day is known, whatever came late: events move them, and the limit is remembered.
DAILY_FACTS = ("balance", "limit", "granted", "utilisation", "past_due", "days_past_due")
LINE_FACTS = frozenset(("limit", "granted", "utilisation"))  # those that need the limits of earlier days


class DailyWords(TypedDict):
    """The code of a measure (of `now`, and of what its ring holds), and its words, as in `functions`."""

    code: str
    words: str


DAILY: Mapping[str, DailyWords] = {
    "max": {"code": "max({slot}, {now})", "words": "the highest value of {value} on any day in {window}"},
    "min": {"code": "min(0 - {slot}, {now})", "words": "the lowest value of {value} on any day in {window}"},
    "average": {
        "code": "divide({slot} + {now}, {second_slot} + 1)",
        "words": "the average of {value} over the days in {window}",
    },
    "days_where": {"code": "{slot} + {now}", "words": "the number of days in {window} on which {value}"},
}
DAILY_WORDS = {**{how: how for how in DAILY}, "worst": "max"}  # what is written, and what it means
OWN_WORDS = frozenset(("days_where", "worst"))  # words that no measure of events has


def is_daily(tree: Tree[Token]) -> bool:
    """Whether a call measures an account fact through time, and not events."""
    word, arguments = str(tree.children[0]), [part for part in tree.children if isinstance(part, Tree)]
    of_fact = bool(arguments) and arguments[0].data == "name" and str(arguments[0].children[0]) in DAILY_FACTS
    spans = len(arguments) < 2 or arguments[1].data == "duration"
    return word in OWN_WORDS or (word in DAILY_WORDS and of_fact and spans)
