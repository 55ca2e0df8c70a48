"""The reasons of a decision: the triggers that it set, the most severe one first.

A trigger that a weak score set gives the features that lost points as its reasons. They are causes: with the best
points for these features, the trigger would not be set. Where that is not so, because the condition holds by something
else or asks for a high score, the trigger itself is the reason.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import FEATURES_JOINED_BY, Reason
from linekeeper.kernel import prelude
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.scorecard.points import FeatureValues, ScorePart, parts

PERSON = "person"  # the reason code of a cap that a person imposed


def severity(trigger: m.Trigger) -> tuple[int, int]:
    """A key that sorts triggers by what they do to the line: close, suspend, then the lowest cap."""
    return (0 if trigger.close else 1 if trigger.suspend else 2, trigger.cap_bp)


def on_score(policy: m.Policy, trigger: m.Trigger) -> bool:
    """Whether the trigger asks for the score, a sub-score or the PD."""
    return any(isinstance(node, ex.ScoreRef) for node in ex.nodes_of(trigger.when))


def reasons(policy: m.Policy, newly_set: list[m.Trigger], capped: bool, values: FeatureValues) -> tuple[Reason, ...]:
    """All reasons of a decision, the most important one first.

    `capped`: a cap that a person imposed lowered the limit.
    """
    listed = [Reason(PERSON, "")] if capped else []
    for trigger in sorted(newly_set, key=severity):
        lost = _lost(policy, trigger, values) if on_score(policy, trigger) else []
        listed += lost or [Reason(trigger.reason, trigger.name)]
    return tuple(listed)


def _lost(policy: m.Policy, trigger: m.Trigger, values: FeatureValues) -> list[Reason]:
    """The parts of the card that lost points, most first, of the groups the trigger asks for; none if not the cause."""
    assert policy.score is not None
    asked = {node.name for node in ex.nodes_of(trigger.when) if isinstance(node, ex.ScoreRef)}
    groups = set(policy.groups) if asked & {"score", "pd"} else asked
    score_parts = parts(policy.score, values)
    if condition_holds(trigger.when, values, _at_best(policy, score_parts, groups)):
        return []
    lost = [part for part in score_parts if part.group in groups and part.lost > 0]
    lost.sort(key=lambda part: -part.lost)
    return [Reason(trigger.reason, trigger.name, FEATURES_JOINED_BY.join(part.features), part.lost) for part in lost]


def _at_best(policy: m.Policy, score_parts: list[ScorePart], groups: set[str]) -> dict[str, int]:
    """Score, sub-scores and PD, had every part of those groups its best points."""
    score = policy.score
    assert score is not None
    totals = dict.fromkeys(score.groups, 0)
    for part in score_parts:
        totals[part.group] += part.best if part.group in groups else part.points
    total = score.base + sum(totals.values())
    return {**totals, "score": total, "pd": score.pd_ppm[bisect_right(score.pd_below, total)]}


# ------------------------------------------------------------------ conditions


def condition_holds(when: ex.Expr, values: FeatureValues, totals: Mapping[str, int]) -> bool:
    """Whether a condition holds for these features and this score; by the kernel's own code for it.

    >>> when = ex.Compare("<", ex.ScoreRef("score"), ex.Literal(540, "points"))
    >>> condition_holds(when, {}, {"score": 539}), condition_holds(when, {}, {"score": 540})
    (True, False)
    """
    plain = {name: MISSING if value is None else value for name, value in values.items()}
    return bool(_compiled(when)(plain, totals))


@lru_cache(maxsize=1_024)
def _compiled(when: ex.Expr) -> Callable[[Mapping[str, int], Mapping[str, int]], bool]:
    features = {node.name: f"v[{node.name!r}]" for node in ex.nodes_of(when) if isinstance(node, ex.Ref)}
    scores = {node.name: f"t[{node.name!r}]" for node in ex.nodes_of(when) if isinstance(node, ex.ScoreRef)}
    compiler = ExpressionCompiler({**features, **scores}, frozenset(features.values()))
    test = compiler.condition(when)
    lines = ["def holds(v, t):", *(f"    {line}" for line in compiler.lines), f"    return {test}"]
    names: dict[str, Any] = dict(vars(prelude))
    exec("\n".join(lines), names)
    made: Callable[[Mapping[str, int], Mapping[str, int]], bool] = names["holds"]
    return made
