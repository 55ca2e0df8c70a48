"""Which past restrictions late facts show to have been wrong (section 7 of the language reference).

What was decided is compared, decision by decision, with a replay in which every event arrived on time. A decision was
wrong where it set a trigger that this replay does not have set at the same moment: also where that trigger has been
released since, and the line is whole again. A decision that the facts support is never among them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from linekeeper.evaluate.late_events import History, PastRestriction, evaluate_until, row_as_read_by
from linekeeper.evaluate.replay import replay_rows
from linekeeper.evaluate.version_migration import into_next_version
from linekeeper.kernel.kernel import Kernel

CORRECTS_WHAT_WAS_WRONG = 3  # the first edition in which a correction names the decisions that were wrong, and no other
NO_END_DAY = 2**62


def wrong_restrictions(kernel: Kernel, history: History, since: int) -> tuple[int, ...]:
    """The numbers of the restrictions, decided at `since` (UTC ms) or later, that the facts do not support.

    Nothing before the late fact can have changed, so earlier ones are not asked. Those that a correction has named
    before are not among them.
    """
    asked = [one for one in history.restrictions.values() if one.at >= since]
    if not asked:
        return ()
    asked.sort(key=lambda one: (one.at, not one.at_day_start))
    on_time = triggers_on_time(kernel, history, asked)
    pairs = zip(asked, on_time, strict=True)
    return tuple(sorted(one.number for one, supported in pairs if not supported.issuperset(one.triggers)))


def triggers_on_time(kernel: Kernel, history: History, asked: Sequence[PastRestriction]) -> Iterator[frozenset[str]]:
    """The triggers that are set in a replay on time when each of these was decided, in order, and all that restrict
    nothing: there is nothing to be wrong about them.

    A decision at the start of a day comes before the events of that day, any other after every event that is no later.
    """
    ends = [bisect_left(history.order, (one.at + (not one.at_day_start), -1)) for one in asked]
    applied, state = history.on_time.before(ends[0])
    versions = [(kernel, NO_END_DAY)]
    if not state:
        versions = [*history.under, *versions]
        state = versions[0][0].new_state()
    place = 0
    for turn, (version, end_day) in enumerate(versions):
        while place < len(asked) and (day := version.calendar.day(asked[place].at)) < end_day:
            _replay_between(version, history, state, applied, ends[place])
            applied = max(applied, ends[place])
            then = state.copy()
            evaluate_until(version, then, day)
            yield _supported(version, then)
            place += 1
        if place == len(asked):
            return
        applied = into_next_version(version, versions[turn + 1][0], history, state, applied, end_day)


def _replay_between(kernel: Kernel, history: History, state: list[int], first: int, end: int) -> None:
    """Apply the events from the `first` up to the `end` of the order of time, as that version reads them."""
    rows = [row_as_read_by(kernel, history.rows[number]) for _, number in history.order[first:end]]
    replay_rows(kernel, state, rows, compiled=kernel.is_worth_compiling(len(rows)))


def _supported(kernel: Kernel, state: list[int]) -> frozenset[str]:
    mask = state[kernel.layout.slots["MASK"]]
    triggers = enumerate(kernel.policy.triggers)
    return frozenset(one.name for number, one in triggers if mask >> number & 1 or not one.restricts)
