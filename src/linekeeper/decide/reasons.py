"""The reasons of a decision: the triggers that it set, the most severe one first.

A trigger that a weak score set gives the features that lost points as its reasons. They are causes: with the best
points for these features, the trigger would not be set. Where that is not so, because the condition holds by something
else or asks for a high score, the trigger itself is the reason.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.core.decision import FEATURES_JOINED_BY, Reason
from linekeeper.kernel import prelude
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.scorecard.attributions import Attributions
from linekeeper.scorecard.card import Bins, PointsTable
from linekeeper.scorecard.points import FeatureValues, best_of, features_of, points_of

PERSON = "person"  # the reason code of a cap that a person imposed
GRANT = "granted_less"  # the reason code of a limit that fell because the lender grants less


def severity(trigger: m.Trigger) -> tuple[int, int]:
    """A key that sorts triggers by what they do to the line: close, suspend, then the lowest cap."""
    lowest = min(trigger.cap_bp, 9_999) if trigger.limit is not None else trigger.cap_bp
    return (0 if trigger.close else 1 if trigger.suspend else 2, lowest)


class ReasonWriter:
    """Gives the reasons of decisions under one policy. What follows from the policy alone is worked out once."""

    def __init__(self, policy: m.Policy) -> None:
        self._score = score = policy.score
        self._segment_in = policy.segment_in
        binned: list[Bins | PointsTable] = [] if score is None else [*score.bins, *score.tables]
        self._parts = [(part, best_of(part)) for part in binned]
        self._trees = [] if score is None else [(trees, Attributions(trees)) for trees in score.trees]
        self._on_score = {}
        for trigger in policy.rules_with_reasons:
            asked = {node.name for node in ex.nodes_of(trigger.when) if isinstance(node, ex.ScoreRef)}
            if asked:
                groups = frozenset(policy.groups) if asked & {"score", "pd"} else frozenset(asked)
                self._on_score[trigger.name] = (groups, condition_of(trigger.when))

    def reasons(self, newly_set: Iterable[m.Trigger], capped: bool, values: FeatureValues) -> tuple[Reason, ...]:
        """All reasons of a decision, the most important one first.

        `capped`: a cap that a person imposed lowered the limit.
        """
        listed = [Reason(PERSON, "")] if capped else []
        segment = self._segment_in(values)
        for trigger in sorted(newly_set, key=lambda one: severity(m.in_segment(one, segment))):
            listed += self._lost(trigger, values) or [Reason(trigger.reason, trigger.name)]
        return tuple(listed)

    def _lost(self, trigger: m.Trigger, values: FeatureValues) -> list[Reason]:
        """The parts of the card that lost points, most first, of the groups that the trigger asks for.

        Of trees these are the features whose attribution lies below 0, and their best points are those of the mean.
        None where it asks for no score, or they are not the cause: it would be set with their best points as well.
        """
        if trigger.name not in self._on_score:
            return []
        groups, condition = self._on_score[trigger.name]
        score = self._score
        assert score is not None, "a policy without a score has no trigger on it"
        totals, lost = dict.fromkeys(score.groups, 0), list[tuple[int, tuple[str, ...]]]()
        for trees, attributions in self._trees:
            totals[trees.group] += points_of(trees, values)
            for feature, points in attributions.points(values).items() if trees.group in groups else ():
                if points < 0:
                    totals[trees.group] -= points
                    lost.append((-points, (feature,)))
        for part, best in self._parts:
            points = points_of(part, values)
            totals[part.group] += best if part.group in groups else points
            if part.group in groups and best > points:
                lost.append((best - points, features_of(part)))
        total = score.base + sum(totals.values())
        at_best = {**totals, "score": total, "pd": score.pd_ppm[bisect_right(score.pd_below, total)]}
        if condition(values, at_best):
            return []
        lost.sort(key=lambda one: -one[0])  # a stable sort: the card's order stays among equals
        return [
            Reason(trigger.reason, trigger.name, FEATURES_JOINED_BY.join(features), points) for points, features in lost
        ]


# ------------------------------------------------------------------ conditions and amounts


def amount_of(limit: m.LimitAmount, values: FeatureValues, totals: Mapping[str, int]) -> int:
    """The most that a trigger's `limit` leaves for features and a score that are given, in minor units.

    Computed by the kernel's own code for the expression, then rounded and floored as the language says.
    """
    features = {node.name: f"v[{node.name!r}]" for node in ex.nodes_of(limit.value) if isinstance(node, ex.Ref)}
    scores = {node.name: f"t[{node.name!r}]" for node in ex.nodes_of(limit.value) if isinstance(node, ex.ScoreRef)}
    compiler = ExpressionCompiler({**features, **scores}, frozenset(features.values()))
    value = compiler.value(limit.value)
    lines = ["def amount(v, t):", *(f"    {line}" for line in compiler.lines), f"    return {value}"]
    names: dict[str, Any] = dict(vars(prelude))
    exec("\n".join(lines), names)
    plain = {name: MISSING if (known := values[name]) is None else known for name in features}
    most = min(max(int(names["amount"](plain, totals)), 0), MONEY_MAX)
    if limit.round_minor:
        most = (most if limit.down else most + limit.round_minor - 1) // limit.round_minor * limit.round_minor
    return max(most, limit.floor_minor)


Condition = Callable[[FeatureValues, Mapping[str, int]], bool]


def condition_of(when: ex.Expr) -> Condition:
    """Whether a condition holds for features and a score that are given; by the kernel's own code for it.

    >>> holds = condition_of(ex.Compare("<", ex.ScoreRef("score"), ex.Literal(540, "points")))
    >>> holds({}, {"score": 539}), holds({}, {"score": 540})
    (True, False)
    """
    features = {node.name: f"v[{node.name!r}]" for node in ex.nodes_of(when) if isinstance(node, ex.Ref)}
    scores = {node.name: f"t[{node.name!r}]" for node in ex.nodes_of(when) if isinstance(node, ex.ScoreRef)}
    compiler = ExpressionCompiler({**features, **scores}, frozenset(features.values()))
    test = compiler.condition(when)
    lines = ["def holds(v, t):", *(f"    {line}" for line in compiler.lines), f"    return {test}"]
    names: dict[str, Any] = dict(vars(prelude))
    exec("\n".join(lines), names)
    holds: Callable[[Mapping[str, int], Mapping[str, int]], bool] = names["holds"]
    read = list(features)

    def of_values(values: FeatureValues, totals: Mapping[str, int]) -> bool:
        plain = {name: MISSING if (value := values[name]) is None else value for name in read}
        return bool(holds(plain, totals))

    return of_values
