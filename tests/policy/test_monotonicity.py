"""The guards from within: values move as time alone may move them, and what is not watched turns no rule (law 4)."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import Clearing, Guard, Restoring, Slack, Use, score_breakpoints, uses
from linekeeper.policy.analysis.monotonicity import Trends
from linekeeper.policy.functions import record_of
from linekeeper.policy.load import load_text
from linekeeper.policy.trends import Trend
from tests.oracle.held import expression
from tests.oracle.phrases import Said, calculated, called, fact, number
from tests.oracle.policies import write_policy
from tests.oracle.reader import read
from tests.oracle.tree import Expr, Policy
from tests.oracle.values import Values, clamped, evaluate, holds, scored
from tests.oracle.watched import WINDOWS, Writer, percent, windowed

MOVES = 40
FAR = 10**9
SOME = {
    "money": (0, 0, 1, 5_000, 20_000, 30_000, 60_000, 100_000),
    "count": (0, 0, 1, 2, 3, 4),
    "days": (0, 1, 2, 3, 5, 8),
    "share": (0, 500, 2_000, 8_000, 15_000),
    "flag": (0, 1),
}
Seen = Mapping[str, int | None]


class Wilder(Writer):
    """Values that rise as a window's greatest fades, negative shares, and bins for missing that lie far off."""

    def value(self, name: str) -> Said:
        unit, window = name.split("_")[0], self.rng.choice(WINDOWS)
        top = windowed("max", "draw", window).inline()
        if self.rng.random() < 0.4 and unit == "money":
            drawn = windowed("sum", "draw", window).inline()
            shapes = (
                calculated(fact("limit"), "-", top),
                calculated(top, "*", number(-1, "count")),
                called("part", drawn, percent(-100)),
                called("part", top, percent(-50)),
            )
            return self.rng.choice(shapes)
        if self.rng.random() < 0.4 and unit == "share":
            whole = fact(self.rng.choice(("granted", "past_due", "balance")))
            return called("percent", whole, top)
        return super().value(name)

    def missing(self) -> int:
        return {10: 70, -5: -70, 0: 0}[super().missing()]


def policy_of(rng: Random) -> m.Policy:
    """A policy of one of the three writers."""
    wild = rng.random()
    written = Wilder(rng).written() if wild < 0.5 else Writer(rng).written() if wild < 0.7 else write_policy(rng)
    return load_text(written.text)


def now(rng: Random, feature: m.Feature) -> int | None:
    """Some value of a measure."""
    some = range(len(feature.choices)) if feature.choices else SOME[feature.unit]
    return None if feature.maybe_missing and rng.random() < 0.2 else rng.choice(some)


def later(rng: Random, feature: m.Feature, value: int | None) -> int | None:
    """The value after some time with no event and no look."""
    expr = feature.expr
    if value is None or rng.random() < 0.4:
        return value
    if isinstance(expr, ex.Windowed) and expr.how == "max":
        return rng.choice((None, min(value, now(rng, feature) or 0)))
    if isinstance(expr, ex.Windowed | ex.LateCount | ex.Restrictions):
        return rng.choice((0, min(value, now(rng, feature) or 0)))
    assert isinstance(expr, ex.Measure)
    trend = record_of(expr).trend
    if trend == Trend.DOWN:
        return 0
    return value + rng.choice((1, 3, 30_000 if feature.unit == "money" else 6)) if trend == Trend.UP else value


def all_of(policy: m.Policy, measured: Seen) -> Values:
    """Every feature and the score, as the oracle works them out."""
    own = read(policy.source)
    meant = {feature.name: feature.expr for feature in own.features if feature.name not in measured}
    known: dict[str, int | None] = dict(measured)
    for feature in policy.features:  # each after those that it uses
        if feature.name in meant:
            known[feature.name] = clamped(evaluate(meant[feature.name], lambda leaf: known[leaf.name]))  # type: ignore[union-attr]
    return scored(own, known)


def order(value: int | None) -> int:
    """Missing lies below everything."""
    return MISSING if value is None else value


def is_watched(policy: m.Policy, used: Mapping[str, Use], before: Values, after: Values) -> bool:
    """Whether the kernel looks for one of the moves; clearing and restoring are taken to go on."""
    cuts, score = score_breakpoints(policy) or (), before.score or 0
    fall = score - max((cut for cut in cuts if cut <= score), default=-FAR)
    rise = min((cut for cut in cuts if cut > score), default=FAR) - 1 - score

    def open_(guards: tuple[Guard, ...]) -> bool:
        return any(all(map(true, guard)) for guard in guards)

    def true(one: ex.Expr | Clearing | Restoring | Slack) -> bool:
        if isinstance(one, Clearing | Restoring):
            return True
        if isinstance(one, Slack):
            return fall < one.fall or rise < one.rise
        return holds(expression(one, policy), before.leaf)

    for name, use in used.items():
        old, new = order(before.features[name]), order(after.features[name])
        expr = policy.feature(name).expr
        if old == new or not isinstance(expr, ex.Measure):
            continue
        whatever = isinstance(expr, ex.Fact) and expr.name in ("past_due", "on_time_streak")
        crosses = whatever or any((old < cut) != (new < cut) for cut in use.cuts)
        if open_(use.any) or (crosses and open_(use.crossing)):
            return True
    return False


def turned(policy: Policy, before: Values, after: Values) -> list[str]:
    """The rules that would now decide otherwise."""

    def comes(expr: Expr | None) -> bool:
        return expr is not None and not holds(expr, before.leaf) and holds(expr, after.leaf)

    found = [one.name for one in policy.triggers if holds(one.when, before.leaf) != holds(one.when, after.leaf)]
    found += [f"clear of {one.name}" for one in policy.triggers if comes(one.clear)]
    found += ["restoration"] if policy.restoration and comes(policy.restoration.condition) else []
    return found + (["offer"] if policy.offer and comes(policy.offer.when) else [])


@given(st.integers(0, 2**32))
@example(259)  # what rises as a window's greatest fades ends in missing
@example(1_283_724)  # a negative share of what falls rises
def test_what_is_not_watched_turns_no_rule(seed: int) -> None:
    rng = Random(seed)
    policy = policy_of(rng)
    used, trends = uses(policy), Trends(policy)
    measured = [feature for feature in policy.features if isinstance(feature.expr, ex.Measure)]
    for _ in range(MOVES):
        first = {feature.name: now(rng, feature) for feature in measured}
        second = {feature.name: later(rng, feature, first[feature.name]) for feature in measured}
        before, after = all_of(policy, first), all_of(policy, second)
        for feature in policy.features:
            old, new = (order(values.features[feature.name]) for values in (before, after))
            as_said = {Trend.STILL: old == new, Trend.DOWN: new <= old, Trend.UP: new >= old, Trend.ANY: True}
            faded = new == MISSING and feature.name in trends.fading
            assert as_said[trends.of_feature(feature.name)] or faded, (policy.source, feature.name, first, second)
        if not is_watched(policy, used, before, after):
            assert turned(read(policy.source), before, after) == [], (policy.source, first, second)
