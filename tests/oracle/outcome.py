"""What the oracle says: its decisions, how an account stands, whether a draw may happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.oracle.line import LatchState
from tests.oracle.nouns import Action, Line
from tests.oracle.values import Value


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision as the page has it. `event` is None at the start of a day; money in minor units, `pd` in ppm."""

    event: str | None
    day: int
    hour: int
    before: Line
    after: Line
    action: Action
    set_before: tuple[str, ...]
    set_after: tuple[str, ...]
    values: Mapping[str, Value]
    score: Value
    sub_scores: Mapping[str, int]
    pd: Value
    offered: int | None = None
    offer_number: int | None = None
    offer_name: str = ""
    pending_before: tuple[str, ...] = ()
    pending: Mapping[str, int] = field(default_factory=dict)  # what is announced, by the day of its effect
    pending_limit: int | None = None  # the most that all of it will leave
    contacted: tuple[str, ...] = ()  # the triggers for which the borrower is contacted
    refused_by: tuple[str, ...] = ()  # the rules of `assign` that refuse the line
    own_choice: tuple[object, ...] | None = None  # see `own_choice.Wishes.said`
    at: int = 0  # UTC ms
    corrects: tuple[int, ...] = ()  # the places, from 1, of the decisions that a correction shows to have been wrong


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that changed nothing, and why."""

    event: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account stands after the last look."""

    day: int
    hour: int
    line: Line
    latches: Mapping[str, LatchState]
    balance: int
    past_due: int
    days_past_due: int
    on_time_streak: int
    status_day: int
    restoration_day: int | None  # of the last step; None: no restoration is under way
    offer_number: int  # of the last offer made; 0: none
    offer_open: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that came of the events. `final` is None where the account was never opened."""

    rulings: tuple[Ruling, ...]
    refused: tuple[Refused, ...]
    evaluations: int
    final: Standing | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a draw may happen: the rules that deny it, and `closed`, `suspended`, `over_available` or `not_open`.

    `values` are the features that the rules saw.
    """

    allowed: bool
    denied_by: tuple[str, ...]
    line: str | None
    values: Mapping[str, Value]
