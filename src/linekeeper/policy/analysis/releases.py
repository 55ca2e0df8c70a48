"""Latches that are never released: by what their conditions say, or where a kind of event is not sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.domains import MISSING_ALONE, Domain, Domains
from linekeeper.policy.analysis.proofs import Assignment, Prover
from linekeeper.policy.analysis.remarks import Remark
from linekeeper.policy.expression_text import ExpressionText

_ZERO = Domain(0, 0)
_WAY_OUT = "add `expires: 1y`, or a `clear` that can hold"
_RISING = ("months_on_book", "days_observed", "days_on_book")  # these never fall
# What a lender's core system sends that knows balances alone, and the kinds without which a fact stays 0.
BALANCES_ALONE = frozenset(("draw", "charge", "repay", "due", "delinquency", "opening"))
NO_ARREARS = frozenset(("due", "delinquency", "opening"))
_FED_BY: Mapping[str, tuple[frozenset[str], ...]] = {
    "past_due": (frozenset(("due",)), frozenset(("opening",))),
    "days_past_due": (frozenset(("due",)), frozenset(("delinquency",)), frozenset(("opening",))),
    "on_time_streak": (frozenset(("delinquency",)), frozenset(("due", "repay")), frozenset(("opening", "repay"))),
}


@dataclass(frozen=True, slots=True)
class _Feed:
    """Kinds of event that a lender does not send, and how a sentence says so."""

    unsent: frozenset[str]
    words: str


def release_warnings(policy: m.Policy, text: ExpressionText) -> Iterator[Remark]:
    """Of every trigger that only its own conditions release: whether they ever do."""
    prover = Prover(Domains(policy))
    feeds = [
        _Feed(BALANCES_ALONE, "a core system sends balances alone"),
        _Feed(NO_ARREARS, "neither dues nor reports of delinquency are sent"),
    ]
    feeds += [_Feed(frozenset((kind.name,)), f"no `{kind.name}` is sent") for kind in policy.kinds]
    for trigger in policy.triggers:
        restricts = trigger.suspend or trigger.close or trigger.cap_bp < 10_000
        if trigger.terminal or trigger.expires_days is not None or not restricts or prover.never(trigger.when):
            continue
        release = release_of(trigger)
        construct = ("triggers", trigger.name, "clear" if trigger.clear is not None else "when")
        if prover.never(*release):
            if trigger.clear is not None or not prover.always(trigger.when):  # a warning of its own says the latter
                what = f"nothing releases `{trigger.name}`: {_release_text(trigger, text)}"
                yield Remark("release_never", construct, what, _WAY_OUT)
        elif _never_goes_back(prover, trigger, release):
            what = f"nothing releases `{trigger.name}`: what sets it never goes back"
            yield Remark("release_never", construct, what, "add `expires: 1y`, or say `terminal: yes`")
        else:
            yield from _unfed(policy, trigger, release, feeds, text)


def release_of(trigger: m.Trigger) -> tuple[ex.Expr, ...]:
    """What must hold together for a latch to be released, besides its hold."""
    over = ex.Not(trigger.when)
    return (over,) if trigger.clear is None else (over, trigger.clear)


def _release_text(trigger: m.Trigger, text: ExpressionText) -> str:
    """What never holds, in the policy's words."""
    if trigger.clear is None:
        return f"`{text.of(trigger.when)}` never fails again"
    return f"`{text.of(trigger.clear)}` never holds while `when` does not"


# ------------------------------------------------------------------ what never goes back


def _never_goes_back(prover: Prover, trigger: m.Trigger, release: tuple[ex.Expr, ...]) -> bool:
    """Whether each release asks for something to go back that never does: from known to missing, to less tenure."""
    starts = _rising_parts(prover, trigger.when, *release[1:], wanted=(trigger.when,))
    ends = _rising_parts(prover, trigger.when, *release[1:], wanted=release)
    if not starts or not ends:
        return False
    return not any(_reaches(start, end) for start in starts for end in ends)


def _rising_parts(prover: Prover, *read: ex.Expr, wanted: tuple[ex.Expr, ...]) -> set[tuple[tuple[str, int, int], ...]]:
    """For each combination in which the wanted conditions hold: how far the parts are that never go back.

    Of each: its name, and from where to where it is; what can only come to be known is 0 while missing, else 1.
    """
    rising = sorted(
        leaf.name
        for leaf in set().union(*(prover.leaves(one) for one in read))
        if isinstance(leaf, ex.Ref) and _is_rising(prover.domains.exprs[leaf.name])
    )
    if not rising:
        return set()
    parts: set[tuple[tuple[str, int, int], ...]] = set()
    for assignment in prover.assignments(*wanted):
        if not assignment:
            return set()  # too many to try
        parts.add(tuple((name, *_reach(prover, assignment, name)) for name in rising))
    return parts


def _is_rising(expr: ex.Expr) -> bool:
    return isinstance(expr, ex.Last | ex.First | ex.DaysSince) or (isinstance(expr, ex.Fact) and expr.name in _RISING)


def _reach(prover: Prover, assignment: Assignment, name: str) -> tuple[int, int]:
    cell = next((cell for leaf, cell in assignment.items() if isinstance(leaf, ex.Ref) and leaf.name == name), None)
    expr = prover.domains.exprs[name]
    if cell is None:
        return 0, 2**62  # these conditions do not ask for it
    if isinstance(expr, ex.Fact):
        return cell.low, cell.high
    return (0, 0) if cell.missing else (1, 1)


def _reaches(start: tuple[tuple[str, int, int], ...], end: tuple[tuple[str, int, int], ...]) -> bool:
    """Whether time can lead from one combination to the other: each part is where it was, or further."""
    return all(at_end[2] >= at_start[1] for at_start, at_end in zip(start, end, strict=True))


# ------------------------------------------------------------------ what is not sent


def _unfed(
    policy: m.Policy, trigger: m.Trigger, release: tuple[ex.Expr, ...], feeds: list[_Feed], text: ExpressionText
) -> Iterator[Remark]:
    """The first feed without which the latch can be set and is never released."""
    for feed in feeds:
        given = {f.name: empty for f in policy.features if (empty := _without(f.expr, feed.unsent)) is not None}
        if not given:
            continue
        prover = Prover(Domains(policy, given))
        if not prover.never(trigger.when) and prover.never(*release):
            what = f"where {feed.words}, nothing releases `{trigger.name}`: {_release_text(trigger, text)}"
            construct = ("triggers", trigger.name, "clear" if trigger.clear is not None else "when")
            yield Remark("release_needs", construct, what, "let `clear` hold where it is missing, or add `expires: 1y`")
            return


def _without(expr: ex.Expr, unsent: frozenset[str]) -> Domain | None:
    """What a measure is worth where these kinds are never sent; None where it does not need them."""
    match expr:
        case ex.Fact(name) if name in _FED_BY:
            return _ZERO if all(needed & unsent for needed in _FED_BY[name]) else None
        case ex.LateCount():
            return _ZERO if all(needed & unsent for needed in _FED_BY["days_past_due"]) else None
        case ex.Windowed(how, select) if select.kind in unsent:
            return _ZERO if how in ("count", "sum", "active", "in_a_row", "distinct") else MISSING_ALONE
        case ex.Last(select) | ex.First(select) | ex.DaysSince(select) if select.kind in unsent:
            return MISSING_ALONE
    return None
