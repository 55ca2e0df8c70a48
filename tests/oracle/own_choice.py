"""The borrower's own wish, section 8.1 of the page: what he allows himself, beside what the lender allows.

>>> wishes = Wishes(cooling_days=7)
>>> wishes.take("lower", 500, day=10), wishes.usable(900)
(True, 500)
>>> wishes.take("lift", None, day=11), wishes.usable(900)
(False, 500)
>>> wishes.turn(day=18), wishes.usable(900)
(None, 900)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

RANKS = {"lift": 0, "lower": 1, "freeze": 2, "close": 3}  # what takes more away comes later


class Wish(NamedTuple):
    """A word, and the most that it leaves; None: as much as the lender allows."""

    word: str = "lift"
    most: int | None = None

    def is_no_looser_than(self, other: Wish) -> bool:
        """Whether it takes away at least as much, in its word and in its amount."""
        amount = other.most is None or (self.most is not None and self.most <= other.most)
        return RANKS[self.word] >= RANKS[other.word] and amount


NO_WISH = Wish()


@dataclass(slots=True)
class Wishes:
    """The wish in force, and the one that waits for its day."""

    cooling_days: int
    now: Wish = NO_WISH
    waiting: tuple[int, Wish] | None = None
    news: bool = False  # whether a decision has yet to tell

    def take(self, word: str, amount: int | None, day: int) -> bool:
        """Take a wish; whether it is in force at once and was not before."""
        if word == "lower" and amount is None:
            return False
        wish = Wish(word, amount if word == "lower" else None if word == "lift" else 0)
        if wish == self.now:
            self.news = self.news or self.waiting is not None
            self.waiting = None
            return False
        if wish.is_no_looser_than(self.now):
            self.now, self.waiting, self.news = wish, None, True
            return True
        if self.waiting is None or self.waiting[1] != wish:
            self.waiting, self.news = (day + self.cooling_days, wish), True
        return False

    def turn(self, day: int) -> None:
        """The wish that waits comes into force on its day."""
        if self.waiting is not None and day >= self.waiting[0]:
            self.now, self.waiting, self.news = self.waiting[1], None, True

    @property
    def in_force(self) -> bool:
        return self.now.word != "lift"

    def usable(self, limit: int) -> int:
        """What is left of a limit."""
        return limit if self.now.most is None else min(limit, self.now.most)

    def said(self) -> tuple[object, ...] | None:
        """As a decision records it: the wish in force, the day of the next one and what it is; None: nothing."""
        if not (self.in_force or self.waiting or self.news):
            return None
        word = self.now.word if self.in_force else None
        return (word, self.now.most, *((self.waiting[0], *self.waiting[1]) if self.waiting else (None, None, None)))
