"""What drives a kernel, copied to the end of each: one event, one review, one account's history, many accounts.

`decide_line` calls the functions of one evaluation in their order. Everything here runs over lists, or compiled over
arrays. In bulk, events are sorted by account, then by time; `starts[a]` to `starts[a + 1]` are the rows of account `a`.
The day of the next review is worked out only where the next event comes on a later day, and only up to that day.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.prelude import (
    HELD_DAY,
    HOLDING,
    MODE,
    NEVER,
    SET,
    SET_DAY,
    STANDSTILL,
    UNKNOWN,
    WAIVED,
    month_of,
)

MISSING = 0  # from here on: names whose real meaning is in the generated source
HOUR = MONTH = OPENED = OPEN_AT = OPEN_MONTH = GRANTED = LIMIT = STATUS = STATUS_DAY = MASK = POINTS = NEXT_REVIEW = 0
IMPOSED_BP = IMPOSED_END = OFFER_NUMBER = OFFER_LIMIT = OFFER_END = LATCHES = LATCH_WIDTH = CLOSING = SUSPENDING = 0
OBSERVED_DAY = STANDS_UNTIL = STATED = STATED_LIMIT = RISING = RISE_DAY = 0
KIND_OPEN = OPEN_LIMIT = KIND_CONSENT = CONSENT_OFFER = 0
KIND_OPENING = OPENING_GRANTED = OPENING_LIMIT = OPENING_STATUS = OPENING_SINCE = OPENING_OPENED_ON = 0
OPENING_TRIGGER = OPENING_SECOND_TRIGGER = OPENING_THIRD_TRIGGER = OPENING_HISTORY_FROM = 0
KIND_OVERRIDE = OVERRIDE_TRIGGER = OVERRIDE_CAP = OVERRIDE_UNTIL = 0
ACTIVE = RESTORING = REDUCED = SUSPENDED = CLOSED = 0
DO_KEEP = DO_DECREASE = DO_SUSPEND = DO_CLOSE = DO_RESTORE = DO_OFFER = DO_INCREASE = 0
O_NOW_HOUR = O_ACTION = O_LIMIT_BEFORE = O_LIMIT_AFTER = O_GRANTED_BEFORE = O_GRANTED_AFTER = O_STATUS_BEFORE = 0
O_STATUS_AFTER = O_MASK_BEFORE = O_MASK_AFTER = O_IMPOSED = O_OFFERED = O_OFFER_NO = O_SCORE = O_PD = 0
begin: Any = None
advance: Any = None
apply_event: Any = None
features: Any = None
count_points: Any = None
pd_of: Any = None
update_latches: Any = None
target_of: Any = None
move_limit: Any = None
propose_offer: Any = None
count_restriction: Any = None
next_review: Any = None


def admit(s: Any, at: int, hour: int, kind: int) -> int:
    """0 where the event is taken, 1 where the account is not open yet, 2 where it was opened before.

    What came before an opening is taken as its history, from the day on that the opening names.
    """
    if opens(kind):
        if s[OPENED]:
            return 2
        begin(s, hour)
        return 0
    if s[OPENED] and (at >= s[OPEN_AT] or (s[STANDS_UNTIL] > 0 and hour // 24 >= s[OBSERVED_DAY])):
        return 0
    return 1


def opens(kind: int) -> int:
    """1 where an account begins with such an event."""
    if kind == KIND_OPENING:
        return 1
    return 1 if kind == KIND_OPEN else 0


def take_over(s: Any, at: int, x: Any) -> None:
    """The line as the former system states it: a restriction in force stays so, under the latches of its triggers.

    Whatever their `when` says now, it held until today: so their `hold` counts from here.
    """
    day = s[HOUR] // 24
    since = stated_day(x, OPENING_SINCE, day)
    s[OPENED] = 1
    s[OPEN_AT] = at
    s[OPEN_MONTH] = month_of(stated_day(x, OPENING_OPENED_ON, day))
    s[OBSERVED_DAY] = stated_day(x, OPENING_HISTORY_FROM, day)
    s[STANDS_UNTIL] = day + 1
    s[GRANTED] = stated_field(x, OPENING_GRANTED)
    s[LIMIT] = stated_field(x, OPENING_LIMIT)
    s[STATED_LIMIT] = stated_field(x, OPENING_LIMIT)
    s[STATUS] = stated_field(x, OPENING_STATUS)
    s[STATUS_DAY] = since
    if s[STATUS] == RESTORING:
        s[RISING] = 1
        s[RISE_DAY] = day
    state_latch(s, stated_field(x, OPENING_TRIGGER), since, day)
    state_latch(s, stated_field(x, OPENING_SECOND_TRIGGER), since, day)
    state_latch(s, stated_field(x, OPENING_THIRD_TRIGGER), since, day)
    s[MASK] = s[STATED]


def stated_field(x: Any, place: int) -> int:
    """One field of an opening. It has more than other kinds, so `x` is as wide only where there are openings."""
    return int(x[place])


def stated_day(x: Any, place: int, otherwise: int) -> int:
    """A day of an opening, or another where it states none."""
    day = stated_field(x, place)
    return otherwise if day == MISSING else day


def state_latch(s: Any, trigger: int, since: int, day: int) -> None:
    """A latch that an opening states to be set, where it names the trigger."""
    if trigger != MISSING:
        at = LATCHES + trigger * LATCH_WIDTH
        s[at + MODE] = SET
        s[at + HOLDING] = 1
        s[at + SET_DAY] = since
        s[at + HELD_DAY] = day
        s[STATED] = s[STATED] | 1 << trigger


def apply_ruling(s: Any, at: int, kind: int, x: Any) -> None:
    """Take opening, consent and override into the line; they follow arrival."""
    day = s[HOUR] // 24
    if kind == KIND_OPEN:
        s[OPENED] = 1
        s[OPEN_AT] = at
        s[OPEN_MONTH] = s[MONTH]
        s[OBSERVED_DAY] = day
        s[GRANTED] = x[OPEN_LIMIT]
        s[LIMIT] = x[OPEN_LIMIT]
        s[STATUS_DAY] = day
    elif kind == KIND_OPENING:
        take_over(s, at, x)
    elif kind == KIND_CONSENT:
        if x[CONSENT_OFFER] == s[OFFER_NUMBER] and day < s[OFFER_END]:
            if s[LIMIT] == s[GRANTED]:
                s[LIMIT] = s[OFFER_LIMIT]
            s[GRANTED] = s[OFFER_LIMIT]
            s[OFFER_END] = 0
    elif kind == KIND_OVERRIDE:
        if x[OVERRIDE_TRIGGER] != MISSING:
            s[LATCHES + x[OVERRIDE_TRIGGER] * LATCH_WIDTH + WAIVED] = x[OVERRIDE_UNTIL] + 1
        if x[OVERRIDE_CAP] != MISSING:
            s[IMPOSED_BP] = x[OVERRIDE_CAP]
            s[IMPOSED_END] = x[OVERRIDE_UNTIL] + 1


def imposed_cap(s: Any) -> int:
    """The share, in basis points, of a cap that a person imposed and that is in force; -1 where there is none."""
    cap: int = s[IMPOSED_BP] if s[HOUR] // 24 < s[IMPOSED_END] else -1
    return cap


def score(s: Any, out: Any) -> None:
    """Write score, sub-scores and the probability of default from the features in `out`."""
    count_points(s, out)
    out[O_PD] = pd_of(out[O_SCORE])


def status_of(s: Any, latched: int, target: int) -> int:
    """The status that the set latches and the limit give; `target` is the most that they allow."""
    if latched & CLOSING:
        return CLOSED
    if latched & SUSPENDING:
        return SUSPENDED
    if s[LIMIT] < target:
        return RESTORING
    if target < s[GRANTED]:
        return REDUCED
    return ACTIVE


def action_of(s: Any, limit_before: int, granted_before: int, status_before: int, offered: int) -> int:
    """What a decision does, by what it changed: what takes most away comes first."""
    if s[STATUS] == CLOSED and status_before < CLOSED:
        return DO_CLOSE
    if s[STATUS] == SUSPENDED and status_before < SUSPENDED:
        return DO_SUSPEND
    if s[LIMIT] < limit_before:
        return DO_DECREASE
    if s[GRANTED] > granted_before:
        return DO_INCREASE
    if s[LIMIT] > limit_before or (status_before >= SUSPENDED and s[STATUS] < status_before):
        return DO_RESTORE
    if offered > 0:
        return DO_OFFER
    return DO_KEEP


def note_standstill(s: Any, out: Any) -> int:
    """The line stands, whatever the policy would say: only which latches are barred is noted. There is no decision."""
    s[MASK] = update_latches(s, out, STANDSTILL)
    s[POINTS] = out[O_SCORE]
    s[NEXT_REVIEW] = s[HOUR] // 24 + 1
    return 0


def decide_line(s: Any, out: Any, start: int, limit_before: int, granted_before: int) -> int:
    """Features, score, latches, limit, status, offer as of the clock; 1 where `out` holds a decision.

    `start`: 1 at the start of a day, 2 after an event that is history of an opening, 0 after any other event.
    """
    features(s, out)
    count_points(s, out)
    day = s[HOUR] // 24
    status_before = s[STATUS]
    mask_before = s[MASK]
    if start == STANDSTILL or day < s[STANDS_UNTIL]:
        return note_standstill(s, out)
    latched = update_latches(s, out, start)
    target = target_of(s, latched)
    move_limit(s, out, latched, target)
    status = status_of(s, latched, target)
    if status != status_before:
        s[STATUS] = status
        s[STATUS_DAY] = day
    s[MASK] = latched
    s[POINTS] = out[O_SCORE]
    moved = s[LIMIT] != limit_before or s[GRANTED] != granted_before or status != status_before
    changed = moved or latched != mask_before
    offered = 0
    if not changed and status == ACTIVE:
        offered = propose_offer(s, out)
    if not changed and offered == 0:
        s[NEXT_REVIEW] = UNKNOWN
        return 0
    action = action_of(s, limit_before, granted_before, status_before, offered)
    if DO_DECREASE <= action <= DO_CLOSE:  # decrease, suspend, close
        count_restriction(s)
    out[O_ACTION] = action
    out[O_LIMIT_BEFORE] = limit_before
    out[O_LIMIT_AFTER] = s[LIMIT]
    out[O_GRANTED_BEFORE] = granted_before
    out[O_GRANTED_AFTER] = s[GRANTED]
    out[O_STATUS_BEFORE] = status_before
    out[O_STATUS_AFTER] = status
    out[O_MASK_BEFORE] = mask_before
    out[O_MASK_AFTER] = latched
    out[O_IMPOSED] = imposed_cap(s)
    out[O_OFFERED] = offered
    out[O_OFFER_NO] = s[OFFER_NUMBER]
    out[O_PD] = pd_of(out[O_SCORE])
    # Features may read the line itself (`limit`, `restrictions`): what changed is evaluated again the next morning.
    s[NEXT_REVIEW] = day + 1 if changed else UNKNOWN
    return 1


def evaluate(s: Any, out: Any, start: int, at: int, hour: int, kind: int, x: Any) -> int:
    """The evaluation at the start of a day (`start`), or what the event does and the evaluation after it."""
    limit_before = s[LIMIT]
    granted_before = s[GRANTED]
    advance(s, hour)
    if not start:
        apply_event(s, at, hour, kind, x)
        apply_ruling(s, at, kind, x)
        if kind == KIND_OPEN:
            limit_before = s[LIMIT]
            granted_before = s[GRANTED]
        if at < s[OPEN_AT]:
            start = STANDSTILL
    return decide_line(s, out, start, limit_before, granted_before)


def review_day(s: Any, last: int) -> int:
    """The day of the next review, worked out as far as day `last`: a later one is said to be the day after that."""
    if s[NEXT_REVIEW] != UNKNOWN:
        return int(s[NEXT_REVIEW])
    day: int = min(next_review(s, last + 1), NEVER)
    if day <= last:
        s[NEXT_REVIEW] = day
    return day


def step(s: Any, out: Any, at: int, hour: int, kind: int, x: Any) -> int:
    """One event: 1 where `out` holds a decision, 0 where not, -1 not open yet, -2 opened before."""
    refusal = admit(s, at, hour, kind)
    if refusal:
        return -refusal
    result = evaluate(s, out, 0, at, hour, kind, x)
    review_day(s, NEVER)
    return result


def review(s: Any, out: Any, day: int) -> int:
    """The evaluation at the start of a day: 1 where `out` holds a decision."""
    result = evaluate(s, out, 1, 0, day * 24, 0, s)
    review_day(s, NEVER)
    return result


def evaluate_rebuilt(s: Any, out: Any, at: int, kind: int, x: Any) -> int:
    """The evaluation after a late event whose facts have been rebuilt."""
    limit_before = s[LIMIT]
    granted_before = s[GRANTED]
    apply_ruling(s, at, kind, x)
    result = decide_line(s, out, STANDSTILL if at < s[OPEN_AT] else 0, limit_before, granted_before)
    review_day(s, NEVER)
    return result


def replay_facts(s: Any, at: int, hour: int, kind: int, x: Any) -> None:
    """One event's facts alone, for rebuilding them in time order."""
    advance(s, hour)
    apply_event(s, at, hour, kind, x)


def write_head(heads: Any, rows: int, a: int, i: int) -> int:
    """Say whose the newest row is; returns how many there are."""
    heads[rows][0] = a
    heads[rows][1] = i
    return rows + 1


def review_day_by(s: Any, last: int, more: bool, lazy: int) -> int:
    """The day of the next review, worked out as far as day `last`, and beyond it where no `more` events come."""
    if not s[OPENED] or (more and last <= s[HOUR] // 24):
        return NEVER
    if lazy:
        return int(review_day(s, last if more else NEVER))
    return int(s[HOUR]) // 24 + 1


def replay_account(
    s: Any,
    i: int,
    end: int,
    at: Any,
    hour: Any,
    kind: Any,
    x: Any,
    until: int,
    lazy: int,
    out: Any,
    heads: Any,
    rows: int,
    refused: Any,
    cursor: Any,
) -> int:
    """One account's events `i` to `end`, with the reviews between and after them, while `out` has room: the rows."""
    while True:
        if i < end and opens(kind[i]) and s[OPENED]:
            refused[i] = 2  # changes nothing: not even reviews come before it
            i += 1
            continue
        last = hour[i] // 24 if i < end else until
        day = review_day_by(s, last, i < end, lazy)
        start = 1 if day <= last else 0  # whether the evaluation at the start of a day comes next
        if rows == len(out):
            cursor[1] = i
            return rows
        if not start and i >= end:
            break
        if not start:
            refused[i] = admit(s, at[i], hour[i], kind[i])
            if refused[i]:
                i += 1
                continue
        now = day * 24 if start else hour[i]
        cursor[2] += 1
        if evaluate(s, out[rows], start, 0 if start else at[i], now, 0 if start else kind[i], s if start else x[i]):
            rows = write_head(heads, rows, cursor[0], -1 if start else i)
        if not start:
            i += 1
    if s[OPENED]:
        review_day(s, NEVER)
    cursor[0] += 1
    return rows


def replay(
    states: Any,
    starts: Any,
    at: Any,
    hour: Any,
    kind: Any,
    x: Any,
    until: int,
    lazy: int,
    kept: int,
    out: Any,
    heads: Any,
    refused: Any,
    cursor: Any,
) -> int:
    """Run accounts through their events, and reviews up to the start of day `until`.

    Each account has its own row of `states`; where they are not `kept`, all use the first, each from empty.
    Decisions go to `out` with (account, event or -1) in `heads`; returns how many. `cursor` is
    (account, event, evaluations): where to go on when `out` was full, and how many evaluations were made.
    """
    rows = 0
    while cursor[0] < len(starts) - 1:
        a = cursor[0]
        s = states[a * kept]
        i = max(starts[a], cursor[1])
        if not kept and i == starts[a]:
            for slot in range(len(s)):
                s[slot] = 0
        rows = replay_account(s, i, starts[a + 1], at, hour, kind, x, until, lazy, out, heads, rows, refused, cursor)
        if cursor[0] == a:
            break
    return rows


def snapshots(
    states: Any, starts: Any, at: Any, hour: Any, kind: Any, x: Any, days: Any, out: Any, heads: Any, scratch: Any
) -> int:
    """Features and scores of every open account at the start of each of the sorted `days`; returns rows."""
    rows = 0
    for a in range(len(states)):
        s = states[a]
        i = starts[a]
        end = starts[a + 1]
        for k in range(len(days)):
            while i < end and hour[i] // 24 < days[k]:
                while s[OPENED] and s[NEXT_REVIEW] <= hour[i] // 24:
                    review(s, scratch, s[NEXT_REVIEW])
                step(s, scratch, at[i], hour[i], kind[i], x[i])
                i += 1
            if not s[OPENED]:
                continue
            while s[NEXT_REVIEW] < days[k]:
                review(s, scratch, s[NEXT_REVIEW])
            advance(s, days[k] * 24)
            features(s, out[rows])
            score(s, out[rows])
            rows = write_head(heads, rows, a, k)
    return rows
