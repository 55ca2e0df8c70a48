"""Facts that others confirm: an income proven, advice taken, a better report.

They are tried where paying and waiting do not lead back. The policy's own kinds are tried, with values next to the
constants that the policy compares them with; a value is kept where it leaves fewer latches set, or a better score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.policy import model as m
from linekeeper.recourse.actions import ActionPlan, Report, fill
from linekeeper.recourse.baseline import income_kind
from linekeeper.recourse.candidates import Candidate, CandidateSearch
from linekeeper.recourse.dependencies import conditions, literals

ROUTINE = frozenset(("income", "statement"))  # kinds that the plan makes by itself
ASKABLE_BUILT_IN = frozenset(("hardship", "dispute"))
VALUES_MAX = 12  # values tried for a field
KINDS_AT_ONCE = 3


def best_with_reports(search: CandidateSearch, efforts: list[ActionPlan]) -> Candidate:
    """The best plan that rests on such facts too, from the best of the efforts on; it may still not lead back."""
    best = min(map(search.tries, efforts), key=progress)
    income = _income(search, best)
    best = min(best, income, key=progress)
    for _ in range(KINDS_AT_ONCE):
        if best.reached:
            break
        found = min((_tune(search, best, kind) for kind in _askable(search)), key=progress, default=best)
        if progress(found) >= progress(best):
            break
        best = found
    return best


def much_income(search: CandidateSearch) -> int | None:
    """More income than any rule of the policy will ask for; None where the policy knows no income."""
    if income_kind(search.baseline.kernel.policy) is None or "income" not in search.baseline.reads.kinds:
        return None
    return min(100 * max(search.baseline.owed, search.baseline.slot("GRANTED"), 1), MONEY_MAX // 100)


def progress(tried: Candidate) -> tuple[bool, int, int, int]:
    """Sorts plans by how far they lead."""
    walk = tried.walk
    restrictive = walk.mask.bit_count() if not walk.reached else 0
    return (not walk.reached, restrictive, walk.day if walk.reached else 0, -walk.score)


def _income(search: CandidateSearch, best: Candidate) -> Candidate:
    much = much_income(search)
    return best if much is None else search.tries(replace(best.effort, income_minor=much))


def _askable(search: CandidateSearch) -> Iterator[m.Kind]:
    for kind in search.baseline.kernel.policy.kinds:
        own = not kind.built_in and kind.name not in ROUTINE
        if kind.name in search.baseline.reads.kinds and (own or kind.name in ASKABLE_BUILT_IN):
            yield kind


def _tune(search: CandidateSearch, best: Candidate, kind: m.Kind) -> Candidate:
    """The best report of that kind, field by field; monthly, or once where that does as well."""
    found = best
    values = {item.name: candidates(search.baseline.kernel.policy, kind, item) for item in kind.fields}
    chosen = {name: listed[-1] for name, listed in values.items()}
    for name in [*values, *values] or [""]:
        for value in values.get(name, (0,)):
            here = {**chosen, name: value} if name else {}
            tried = search.tries(_with(best.effort, Report(kind.number, fill(kind, **here), monthly=True)))
            if progress(tried) < progress(found):
                found, chosen = tried, here
    if found is best:
        return best
    once = search.tries(_with(best.effort, replace(found.effort.reports[-1], monthly=False)))
    return once if progress(once) <= progress(found) else found


def _with(effort: ActionPlan, report: Report) -> ActionPlan:
    return replace(effort, reports=(*effort.reports, report))


def candidates(policy: m.Policy, kind: m.Kind, item: m.Field) -> list[int]:
    """Values of a field that may make a difference: beside the constants its features are compared with."""
    if item.choices:
        return list(range(len(item.choices)))
    if item.unit == "flag":
        return [0, 1]
    found = {0, MONEY_MAX // 1000}
    for constant in _constants(policy, kind, item):
        found |= {constant - 1, constant, constant + 1}
    known = sorted(value for value in found if item.signed or value >= 0)
    step = max(len(known) // VALUES_MAX, 1)
    return [*([MISSING] if item.optional else []), *known[::step], known[-1]]


def _constants(policy: m.Policy, kind: m.Kind, item: m.Field) -> Iterator[int]:
    """Constants of the field's unit inside filters on it, and against features that reach the kind."""
    reached = _reaching(policy, kind.name)
    for feature in policy.features:
        if isinstance(feature.expr, m.Windowed | m.Last | m.DaysSince) and feature.expr.select.kind == kind.name:
            where = feature.expr.select.where
            yield from (node.value for node in literals(where, item.unit)) if where else ()
    exprs = [*conditions(policy, policy.triggers), *(feature.expr for feature in policy.features)]
    for node in (node for expr in exprs for node in m.walk(expr)):
        if isinstance(node, m.Compare) and reached & {ref.name for ref in m.walk(node) if isinstance(ref, m.Ref)}:
            yield from (one.value for one in literals(node, item.unit))
    for bins in policy.score.bins if policy.score else ():
        if bins.feature in reached and policy.feature(bins.feature).unit == item.unit:
            yield from bins.below


def _reaching(policy: m.Policy, kind: str) -> set[str]:
    """Features that reach a measure of that kind."""
    found: set[str] = set()
    for feature in policy.features:  # each uses only earlier ones
        expr = feature.expr
        own = isinstance(expr, m.Windowed | m.Last | m.DaysSince) and expr.select.kind == kind
        if own or found & {node.name for node in m.walk(expr) if isinstance(node, m.Ref)}:
            found.add(feature.name)
    return found
