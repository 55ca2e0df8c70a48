"""Where the lines of two policies over the same events part: which accounts, since when, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from linekeeper.core.line import Status
from linekeeper.evaluate.event_batch import Ints
from linekeeper.lab.backtest.dated_labels import Flags
from linekeeper.lab.backtest.line_paths import LINE_STATUSES, LinePaths
from linekeeper.policy.model import Policy, Trigger

CHAMPION, CANDIDATE, BOTH = "champion", "candidate", "both"
TRIGGER, WAY_BACK, OTHER_GRANT, OTHER = "trigger", "way back", "granted", "other"
_DAYS = 1 << 24


@dataclass(frozen=True)
class PolicyLines:
    """A policy and the paths of the lines under it."""

    policy: Policy
    paths: LinePaths


@dataclass(frozen=True)
class LineStates:
    """Lines at some moment, one a row: money in minor units, `status` by number, `row` in the paths or -1."""

    row: Ints
    status: Ints
    limit: Ints
    granted: Ints

    @property
    def usable(self) -> Ints:
        """What each line lets its borrower owe in all: the limit, or 0 where draws are suspended or it is closed."""
        return np.where(self.status >= Status.SUSPENDED, 0, self.limit)

    def differ(self, other: LineStates) -> Flags:
        """Where the two lines are not the same."""
        changed = (self.status != other.status) | (self.limit != other.limit) | (self.granted != other.granted)
        return np.asarray(changed, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class LineState:
    """One line: its status, and its limit in minor units."""

    status: str
    limit: int


@dataclass(frozen=True, slots=True)
class Mover:
    """An account whose line differs on some day.

    `first_day`: the first local day at whose end it differs. `cause` is `trigger`, `way back`, `granted` or `other`,
    and `rule` the trigger's name, or empty; `side` says under which policy alone the trigger was set: `champion` or
    `candidate`, and `both` where it was set under both and does something else. `moved`: the usable line of the
    candidate at the end less that of the champion, in minor units. `bad`: whether a label of it is; None without one.
    """

    account: str
    first_day: int
    cause: str
    rule: str
    side: str
    champion_first: LineState
    candidate_first: LineState
    champion_end: LineState
    candidate_end: LineState
    moved: int
    bad: bool | None


@dataclass(frozen=True)
class PathPair:
    """The lines of both policies over the same accounts."""

    accounts: Sequence[str]
    champion: PolicyLines
    candidate: PolicyLines

    def at(self, days: Ints, places: Ints) -> tuple[LineStates, LineStates]:
        """Both lines of the accounts at these places as those days began. Before its first decision a line is whole."""
        names = [self.accounts[place] for place in places.tolist()]
        return self._states(self.champion, names, days), self._states(self.candidate, names, days)

    def _states(self, lines: PolicyLines, names: Sequence[str], days: Ints) -> LineStates:
        paths = lines.paths
        row = paths.before(names, days)
        opened = self._opened(names)
        columns = (paths.status, paths.limit, paths.granted)
        status, limit, granted = (
            np.where(row >= 0, column[np.maximum(row, 0)], opened[:, place]) if len(column) else opened[:, place]
            for place, column in enumerate(columns)
        )
        return LineStates(row, status, limit, granted)

    def _opened(self, names: Sequence[str]) -> Ints:
        """Status, limit and granted before the first decision of either policy; zeros where neither ever decided."""
        known = {
            name: row
            for paths in (self.candidate.paths, self.champion.paths)
            for name, row in zip(paths.accounts, paths.opened.tolist(), strict=True)
        }
        return np.array([known.get(name, (0, 0, 0)) for name in names], dtype=np.int64).reshape(-1, 3)


def first_differences(pair: PathPair) -> tuple[Ints, Ints]:
    """The places of the accounts whose lines differ at the end of some day, and the first such day of each."""
    place_of = {name: place for place, name in enumerate(pair.accounts)}
    day_ends = [np.empty(0, dtype=np.int64)]
    for lines in (pair.champion, pair.candidate):
        places = np.array([place_of[name] for name in lines.paths.accounts], dtype=np.int64)
        day_ends.append(places[lines.paths.account] * _DAYS + lines.paths.day)
    at = np.unique(np.concatenate(day_ends))
    champion, candidate = pair.at(at % _DAYS + 1, at // _DAYS)
    parted = at[champion.differ(candidate)]
    places, first = np.unique(parted // _DAYS, return_index=True)
    return places, parted[first] % _DAYS


def list_movers(pair: PathPair, end_day: int, bad: Mapping[str, bool]) -> list[Mover]:
    """The movers, those whose usable line moved most first. `end_day`: the day after all decisions."""
    places, first_days = first_differences(pair)
    then = pair.at(first_days + 1, places)
    end = pair.at(np.full(len(places), end_day, dtype=np.int64), places)
    moved = end[1].usable - end[0].usable
    movers = []
    for row, place in enumerate(places.tolist()):
        name = pair.accounts[place]
        cause, rule, side = _cause(pair, then, row)
        lines = [_line(states, row) for states in (*then, *end)]
        champion_first, candidate_first, champion_end, candidate_end = lines
        movers.append(
            Mover(
                account=name,
                first_day=int(first_days[row]),
                cause=cause,
                rule=rule,
                side=side,
                champion_first=champion_first,
                candidate_first=candidate_first,
                champion_end=champion_end,
                candidate_end=candidate_end,
                moved=int(moved[row]),
                bad=bad.get(name),
            )
        )
    return sorted(movers, key=lambda one: (-abs(one.moved), one.first_day, one.account))


def _line(states: LineStates, row: int) -> LineState:
    return LineState(LINE_STATUSES[int(states.status[row])], int(states.limit[row]))


def _cause(pair: PathPair, then: tuple[LineStates, LineStates], row: int) -> tuple[str, str, str]:
    """What parted the lines: the gravest trigger that the lower line alone has, else one that does something else."""
    sides = ((CHAMPION, pair.champion, then[0]), (CANDIDATE, pair.candidate, then[1]))
    rank = [(int(s.usable[row]), -int(s.status[row]), int(s.limit[row])) for _, _, s in sides]
    lower, higher = sides if rank[0] < rank[1] else sides[::-1]
    of_lower, of_higher = (_in_force(lines, int(states.row[row])) for _, lines, states in (lower, higher))
    alone = [trigger for name, trigger in of_lower.items() if name not in of_higher]
    if alone:
        return TRIGGER, _gravest(alone), lower[0]
    changed = [one for name, one in of_lower.items() if _effect(one) != _effect(of_higher[name])]
    if changed:
        return TRIGGER, _gravest(changed), BOTH
    if then[0].granted[row] != then[1].granted[row]:
        return OTHER_GRANT, "", BOTH
    on_its_way = any(int(states.status[row]) == Status.RESTORING for states in then)
    return (WAY_BACK if on_its_way or not (of_lower or of_higher) else OTHER), "", BOTH


def _in_force(lines: PolicyLines, row: int) -> dict[str, Trigger]:
    """The triggers of a decision that may restrict and are set, by name."""
    if row < 0:
        return {}
    names = [name for name, on in zip(lines.paths.triggers, lines.paths.in_force[row], strict=True) if on]
    known = {trigger.name: trigger for trigger in lines.policy.triggers}
    return {name: known[name] for name in names}


def _gravest(triggers: Sequence[Trigger]) -> str:
    return max(triggers, key=lambda one: (one.close, one.suspend, -one.cap_bp)).name


def _effect(one: Trigger) -> tuple[object, ...]:
    """What the trigger does to a line once it is set."""
    return one.cap_bp, one.suspend, one.close, one.by_segment, one.limit, one.effective_days
