"""The account after a late fact, held against the truth: what all that really happened would have led to in its time.

The truth is the oracle's run over the facts in order of time; nothing is late in it, so no correction is made there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from linekeeper.core.decision import Decision, LineRecord
from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.oracle.clock import clock, day_of
from tests.oracle.line import share
from tests.oracle.oracle import Outcome, in_truth
from tests.oracle.reader import read

ORDER = ("active", "restoring", "reduced", "suspended", "closed")


@dataclass
class Found:
    """What was found: counts by name, and everything that is wrong, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.counts += other.counts
        self.wrong += other.wrong


@dataclass(frozen=True)
class Moment:
    """After an event, which may count as late: what had happened by then, now (UTC ms), what was decided up to then."""

    event: Event
    late: bool
    facts: list[Event]
    now: int
    decisions: list[Decision]


def moments(
    policy: Policy,
    events: Sequence[Event],
    reviews: Mapping[int, int],
    refused: Counter[str],
    decisions: Sequence[Decision],
) -> list[Moment]:
    """The moment after every event that was taken, in order of arrival; `refused` counts vain attempts."""
    vain = refused.copy()
    here = clock(policy.time_zone)
    taken: dict[str, Event] = {}
    reversed_: set[str] = set()
    now = 0
    found = []
    for position, event in enumerate(events):
        if taken:
            now = max(now, here.start_of_hour(24 * reviews.get(position, 0)))
        vain[event.id] -= 1
        if vain[event.id] >= 0 or event.id in taken:
            continue
        late = bool(taken) and (event.at < now or event.kind == "reversal")
        taken[event.id] = event
        now = max(now, event.at)
        if event.kind == "reversal":
            reversed_.add(str(event.fields["of"]))
        facts = [one for one in taken.values() if one.id not in reversed_]
        so_far = [one for one in decisions if one.at <= now and (one.event is None or one.event in taken)]
        found.append(Moment(event, late, facts, now, so_far))
    return found


def against_truth(
    policy: Policy, account: str, told: Sequence[Moment], decisions: Sequence[Decision], most: int
) -> Found:
    """The laws of a correction, at `most` moments of the account: the last ones at which something stood restricted."""
    found = Found()
    found.wrong += [f"{account}#{one.number} {fault}" for one in decisions for fault in made_worse(one)]
    restricted = [moment for moment in told if moment.late and moment.decisions and is_telling(moment.decisions[-1])]
    for moment in restricted[-most:]:
        truth = in_truth(read(policy.source), moment.facts, day_of(clock(policy.time_zone).hour(moment.now)))
        found.counts["moments"] += 1
        found.wrong += [f"{account} after {moment.event.id}: {fault}" for fault in faults(policy, moment, truth)]
    return found


def at_the_end(
    policy: Policy, account: str, told: Sequence[Moment], decisions: Sequence[Decision], until: int
) -> Found:
    """Weeks after all has arrived: what stands and the truth does not support.

    Not of a line that was once better than in truth, for what was told late and bad counts from its arrival on, nor
    of one with another sum granted, for an offer and its consent follow arrival: their later days may well differ.
    """
    found = Found()
    if not told or not decisions:
        return found
    last = Moment(told[-1].event, True, told[-1].facts, told[-1].now, list(decisions))
    truth = in_truth(read(policy.source), last.facts, until)
    assert truth.final is not None
    if decisions[-1].after.granted == truth.final.line.granted and not was_better(policy, decisions, truth):
        found.counts["compared at the end"] += 1
        found.wrong += [f"{account} at the end: {fault}" for fault in standing(policy, last, truth)]
    return found


def was_better(policy: Policy, decisions: Sequence[Decision], truth: Outcome) -> bool:
    """Whether at any hour the limit was above that of the truth, or draws were open that the truth had stopped."""
    here = clock(policy.time_zone)
    lines = [(here.hour(one.at), 0, one.after.limit, is_open(one.after.status)) for one in decisions]
    lines += [(one.hour, 1, one.after.limit, is_open(one.after.status.name.lower())) for one in truth.rulings]
    granted = decisions[0].before.granted
    now = [(granted, True), (granted, True)]  # as it was, as it would have been
    lines.sort(key=lambda line: line[0])  # stable: each run's own order stays
    for place, (hour, which, limit, draws) in enumerate(lines):
        now[which] = (limit, draws)
        settled = place + 1 == len(lines) or lines[place + 1][0] > hour
        if settled and (now[0][0] > now[1][0] or now[0][1] > now[1][1]):
            return True
    return False


def is_open(status: str) -> bool:
    """Whether draws are possible."""
    return ORDER.index(status) < ORDER.index("suspended")


def is_telling(decision: Decision) -> bool:
    """Whether there is something to hold against the truth."""
    return bool(decision.triggers_in_force) or decision.action == "correct"


def made_worse(decision: Decision) -> Iterator[str]:
    """What a correction may never do."""
    if decision.action != "correct":
        return
    before, after = decision.before, decision.after
    if after.limit < before.limit or after.granted != before.granted or decision.triggers_set or decision.offer:
        yield f"makes {before} {after}, and sets {decision.triggers_set}"
    if ORDER.index(after.status) > ORDER.index(before.status) and after.limit == before.limit:
        yield f"makes {before.status} {after.status}"


def faults(policy: Policy, moment: Moment, truth: Outcome) -> Iterator[str]:
    """What stands unsupported; and what the truth supports and was undone."""
    yield from standing(policy, moment, truth)
    for one in moment.decisions:
        undone = set_in(truth).intersection(one.triggers_released)
        if undone and one.action == "correct" and one.event == moment.event.id:
            yield f"{sorted(undone)} were freed, and would be set"


def standing(policy: Policy, moment: Moment, truth: Outcome) -> Iterator[str]:
    """A restriction that stands and that the truth does not support."""
    assert truth.final is not None
    last = moment.decisions[-1]
    for name in last.triggers_in_force:
        if name not in set_in(truth):
            yield f"`{name}` stands, and would not be set"
    least = min(truth.final.line.limit, target(policy, last.after, last))
    if last.after.limit < least:
        yield f"the limit is {last.after.limit}, and would be {least}"


def set_in(truth: Outcome) -> set[str]:
    """The triggers whose latches are set."""
    return {name for name, state in truth.final.latches.items() if state == "set"} if truth.final else set()


def target(policy: Policy, line: LineRecord, decision: Decision) -> int:
    """The lowest cap of what stands set, a person's among them."""
    standing = [trigger for trigger in policy.triggers if trigger.name in decision.triggers_in_force]
    caps = [10_000, *(trigger.cap_bp for trigger in standing)]
    if decision.imposed_bp is not None:
        caps.append(decision.imposed_bp)
    return 0 if any(trigger.close for trigger in standing) else share(line.granted, min(caps))
