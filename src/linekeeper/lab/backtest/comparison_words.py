"""A comparison in words, and under the names that answers and files have."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from linekeeper.core.dates import date_of
from linekeeper.lab.backtest.comparison import RATES, FlowCell, MeasuredDifference, RuleCounts
from linekeeper.lab.backtest.path_differences import BOTH, CANDIDATE, OTHER_GRANT, TRIGGER, WAY_BACK, LineState, Mover
from linekeeper.policy.model import Policy
from linekeeper.texts.language import Language


def cause_words(one: Mover | RuleCounts, language: Language) -> str:
    """What parted the lines, as a clause."""
    translate = language.translate
    if one.cause == TRIGGER and one.side == BOTH:
        return translate("{rule} does something else", rule=one.rule)
    if one.cause == TRIGGER and one.side == CANDIDATE:
        return translate("{rule} is set under the candidate alone", rule=one.rule)
    if one.cause == TRIGGER:
        return translate("{rule} is set under the champion alone", rule=one.rule)
    if one.cause == WAY_BACK:
        return translate("the line comes back in other steps")
    if one.cause == OTHER_GRANT:
        return translate("another line is granted")
    return translate("the same triggers leave another line")


def mover_words(one: Mover, policy: Policy, language: Language) -> str:
    """How the line of one account differs: since when, why, and what came of it."""
    translate = language.translate
    then = translate(
        "{account}, from {day}: {cause}; champion {champion}, candidate {candidate}",
        account=one.account,
        day=date_of(one.first_day),
        cause=cause_words(one, language),
        champion=line_words(one.champion_first, policy, language),
        candidate=line_words(one.candidate_first, policy, language),
    )
    if one.champion_end == one.candidate_end:
        return language.sentences(f"{then}.", translate("At the end both are the same."))
    end = translate(
        "At the end: champion {champion}, candidate {candidate}.",
        champion=line_words(one.champion_end, policy, language),
        candidate=line_words(one.candidate_end, policy, language),
    )
    return language.sentences(f"{then}.", end)


def status_words(status: str, language: Language) -> str:
    """A status of a line in this language."""
    translate = language.translate
    return {
        "active": translate("active"),
        "restoring": translate("restoring"),
        "reduced": translate("reduced"),
        "suspended": translate("suspended"),
        "closed": translate("closed"),
    }[status]


def line_words(line: LineState, policy: Policy, language: Language) -> str:
    """A line: its status and limit."""
    amount = language.money(line.limit, policy.currency, policy.exponent)
    return f"{status_words(line.status, language)} {amount}"


def measure_words(measure: str, language: Language) -> str:
    """A figure of the labels by name."""
    translate = language.translate
    return {
        "hit_rate": translate("share of the bad restricted in time"),
        "false_rate": translate("share of the good restricted"),
        "bad_amount_hit": translate("amount of the bad restricted"),
        "withheld": translate("withheld from all"),
        "avoided": translate("avoided at most"),
        "forgone": translate("forgone at most"),
    }[measure]


# ------------------------------------------------------------------ as they go out


def public_mover(one: Mover) -> dict[str, Any]:
    """A mover as answers and files have it."""
    record: dict[str, Any] = {
        "account": one.account,
        "first_day": date_of(one.first_day),
        "cause": one.cause,
        "trigger": one.rule or None,
        "side": one.side,
    }
    for name in ("champion_first", "candidate_first", "champion_end", "candidate_end"):
        line: LineState = getattr(one, name)
        record |= {f"{name}_status": line.status, f"{name}_limit_minor": line.limit}
    outcome = None if one.bad is None else "bad" if one.bad else "good"
    return record | {"moved_minor": one.moved, "outcome": outcome}


def public_flow(cell: FlowCell) -> dict[str, Any]:
    """A cell of the flow as answers and files have it."""
    record = asdict(cell)
    record |= {"lowered_minor": record.pop("lowered"), "raised_minor": record.pop("raised")}
    return record | {"day": None if cell.day is None else date_of(cell.day)}


def public_rule(row: RuleCounts, labelled: bool) -> dict[str, Any]:
    """The movers of one cause as answers and files have them; without labels nobody is good or bad."""
    record = asdict(row)
    record |= {"lowered_minor": record.pop("lowered"), "raised_minor": record.pop("raised")}
    record |= {"trigger": record.pop("rule") or None}
    return record if labelled else record | {"bad": None, "good": None}


def public_measure(one: MeasuredDifference) -> dict[str, Any]:
    """A figure of the labels under both policies; the name of an amount says its unit."""
    return asdict(one) | {"measure": one.measure if one.measure in RATES else f"{one.measure}_minor"}
