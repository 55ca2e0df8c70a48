"""What an `opening` states must hold together: one that contradicts itself is rejected, with the reason.

An opening says how a line of a live book stands on the cut-over day. What it says wrongly would be held for right from
then on, so each statement is held against the others, and against what the policy's triggers do to a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from linekeeper.core.dates import date_of
from linekeeper.policy.kinds import STATED_TRIGGERS
from linekeeper.policy.model import Policy, Trigger

Fields = Mapping[str, int | str]


def contradiction(policy: Policy, day: int, fields: Fields) -> str | None:
    """The first contradiction of an opening on that local day; None where it holds together.

    Money is in minor units, dates are days since 1970-01-01.
    """
    named = [str(fields[name]) for name in STATED_TRIGGERS if name in fields]
    triggers = [trigger for trigger in policy.triggers if trigger.name in named]
    checks = (_of_amounts(fields), _of_dates(day, fields), _of_triggers(fields, named), _of_status(fields, triggers))
    return next((reason for check in checks for reason in check), None)


def _of_amounts(fields: Fields) -> Iterator[str]:
    past_due, days = int(fields.get("past_due", 0)), int(fields.get("days_past_due", 0))
    if int(fields["limit"]) > int(fields["granted"]):
        yield "`limit` is above `granted`; what may be drawn is at most what was granted"
    if past_due > max(int(fields["balance"]), 0):
        yield "`past_due` is above `balance`; what is past due is owed"
    if days > 0 and int(fields["balance"]) <= 0:
        yield "`days_past_due` is above 0, and nothing is owed"
    if past_due > 0 and days == 0:
        yield "`past_due` is above 0 and `days_past_due` is not; the oldest unpaid due has a date"
    if days > 0 and fields.get("past_due") == 0:
        yield "`days_past_due` is above 0 and `past_due` is 0; leave `past_due` out where it is not known"


def _of_dates(day: int, fields: Fields) -> Iterator[str]:
    for name in ("opened_on", "history_from", "since", "notified_on"):
        if int(fields.get(name, day)) > day:
            yield f"`{name}` lies after the day of the opening, {date_of(day)}"
    for early, later in (("opened_on", "history_from"), ("opened_on", "since"), ("since", "notified_on")):
        if early in fields and int(fields.get(later, day)) < int(fields[early]):
            yield f"`{later}` lies before `{early}`"
    if int(fields.get("days_past_due", 0)) > day:
        yield "`days_past_due` reaches back to before 1970"


def _of_triggers(fields: Fields, named: list[str]) -> Iterator[str]:
    given = [name for name in STATED_TRIGGERS if name in fields]
    if given != list(STATED_TRIGGERS[: len(given)]):
        yield f"`{given[-1]}` is given and `{STATED_TRIGGERS[len(given) - 1]}` is not"
    if len(set(named)) < len(named):
        yield "a trigger is named twice"
    for name in ("since", "notified_on"):
        if name in fields and not named:
            yield f"`{name}` is given, and no `trigger` whose restriction it could be of"


def _of_status(fields: Fields, triggers: list[Trigger]) -> Iterator[str]:
    status, whole = str(fields["status"]), fields["limit"] == fields["granted"]
    if status in ("active", "restoring"):
        if triggers:
            yield f"`status` is `{status}`, and `{triggers[0].name}` would restrict the line"
    elif not triggers:
        way_out = "where the cause is not known, name a trigger that the policy has for such lines"
        yield f"`status` is `{status}`, and no `trigger` says what holds the line; {way_out}"
    elif (effect := effect_of(triggers)) != status:
        yield f"`status` is `{status}`, and by `trigger` the line would be `{effect}`"
    if status == "active" and not whole:
        yield "`status` is `active`, and `limit` is below `granted`"
    if status in ("restoring", "reduced") and whole:
        yield f"`status` is `{status}`, and `limit` is all that was granted"
    if status == "closed" and fields["limit"] != 0:
        yield "`status` is `closed`, and `limit` is above 0"


def effect_of(triggers: list[Trigger]) -> str:
    """The status to which these triggers together bring a line."""
    if any(trigger.close for trigger in triggers):
        return "closed"
    return "suspended" if any(trigger.suspend for trigger in triggers) else "reduced"
