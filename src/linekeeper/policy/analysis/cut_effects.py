"""Conditions that a restriction of the line itself can make hold: a cut raises what is measured against the limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.proofs import COMBINATIONS_MAX, Cell, Prover
from linekeeper.policy.analysis.remarks import Remark
from linekeeper.policy.functions import FUNCTIONS
from linekeeper.policy.trends import Trend

# Which way a cut of the limit moves a fact; a status that has just changed begins its days anew.
_MOVED: Mapping[str, Trend] = {
    "limit": Trend.DOWN,
    "available": Trend.DOWN,
    "utilisation": Trend.UP,
    "days_in_status": Trend.DOWN,
}
_AGAINST_LIMIT = ("limit", "available", "utilisation")


def cut_warnings(policy: m.Policy, prover: Prover) -> Iterator[Remark]:
    """Triggers whose `when` a cut by some trigger can make hold, with nothing else having changed."""
    restricting = [
        trigger
        for trigger in policy.triggers
        if (trigger.close or trigger.suspend or trigger.cap_bp < 10_000) and not prover.never(trigger.when)
    ]
    cutting = [trigger for trigger in restricting if trigger.close or trigger.cap_bp < 10_000]
    moves = _CutTrends(policy)
    for trigger in policy.triggers:
        sources = moves.sources(trigger.when)
        against_limit = [name for name in sources if name in _AGAINST_LIMIT]
        causes = cutting if against_limit else restricting
        if not sources or not causes or not _turns(prover, moves, trigger.when):
            continue
        others = [t for t in causes if t is not trigger]
        cause = f"a restriction by `{others[0].name}`" if others else "its own restriction"
        verb = "can set" if others else "keeps up what sets"
        read = " and ".join(f"`{name}`" for name in sources)
        what = f"{cause} moves {read} and {verb} `{trigger.name}`, though the borrower does nothing"
        code = "utilisation_feedback" if against_limit else "moved_by_cut"
        way_out = (
            "measure against the granted line, like `percent(balance, granted)`"
            if against_limit
            else ("measure what the borrower does, or allow it with the reason")
        )
        yield Remark(code, ("triggers", trigger.name, "when"), what, way_out)


class _CutTrends:
    """Which way a cut moves any expression of a policy."""

    def __init__(self, policy: m.Policy) -> None:
        self._exprs = {feature.name: feature.expr for feature in policy.features}
        self._trends: dict[str, Trend] = {}
        for feature in policy.features:
            self._trends[feature.name] = self.of(feature.expr)

    def of(self, expr: ex.Expr) -> Trend:
        """The direction of the value, or of a condition from failing to holding."""
        match expr:
            case ex.Fact(name):
                return _MOVED.get(name, Trend.STILL)
            case ex.Restrictions():
                return Trend.UP
            case ex.Daily(_, of):
                return self.of(of)  # whatever a cut does to the days to come, it does to the measure
            case ex.Ref(name):
                return self._trends[name]
            case ex.Arithmetic("-", left, right):
                return self.of(left) + -self.of(right)
            case ex.Arithmetic("*", left, ex.Literal(factor)):
                return self.of(left) if factor >= 0 else -self.of(left)
            case ex.Arithmetic(_, left, right):
                return self.of(left) + self.of(right)
            case ex.Call(name, args):
                return FUNCTIONS[name].trend(args, [self.of(arg) for arg in args])
            case ex.Compare(op, left, right):
                difference = self.of(left) + -self.of(right)
                if op in ("=", "!="):
                    return Trend.STILL if difference == Trend.STILL else Trend.ANY
                return difference if op in (">", ">=") else -difference
            case ex.ScoreRef():
                return Trend.STILL  # a score weighs much besides, and says with its reasons what lowers it
            case _:
                still = all(self.of(child) == Trend.STILL for child in ex.children(expr))
                return Trend.STILL if still else Trend.ANY

    def sources(self, expr: ex.Expr) -> list[str]:
        """The facts and measures of the expression that a cut moves, by name."""
        names: dict[str, None] = {}
        waiting = [expr]
        while waiting:
            for node in ex.nodes_of(waiting.pop()):
                match node:
                    case ex.Ref(name):
                        waiting.append(self._exprs[name])
                    case ex.Fact(name) if name in _MOVED:
                        names[name] = None
                    case ex.Daily(_, of):
                        waiting.append(of)
                    case ex.Restrictions():
                        names["restrictions"] = None
        return sorted(names)


def _turns(prover: Prover, moves: _CutTrends, condition: ex.Expr) -> bool:
    """Whether the condition can come to hold by what a cut moves alone."""
    cells = prover.cells(condition)
    moved = {leaf: moves.of(leaf) for leaf in cells if moves.of(leaf) != Trend.STILL}
    if not moved or prod(map(len, cells.values())) > COMBINATIONS_MAX:
        return False
    steps = [_before(cells[leaf], trend) for leaf, trend in moved.items()]
    if prod(map(len, steps)) > COMBINATIONS_MAX:
        return False
    still = [leaf for leaf in cells if leaf not in moved]
    for rest in product(*(cells[leaf] for leaf in still)):
        fixed = dict(zip(still, rest, strict=True))
        for pairs in product(*steps):
            before = fixed | {leaf: pair[0] for leaf, pair in zip(moved, pairs, strict=True)}
            after = fixed | {leaf: pair[1] for leaf, pair in zip(moved, pairs, strict=True)}
            if not prover.holds(condition, before) and prover.holds(condition, after):
                return True
    return False


def _before(cells: list[Cell], trend: Trend) -> list[tuple[Cell, Cell]]:
    """Pairs of cells between which a value that moves this way may go; what is missing stays so."""
    return [
        (one, other)
        for one in cells
        for other in cells
        if one.missing == other.missing
        and (
            one == other
            or trend == Trend.ANY
            or (trend == Trend.UP and other.low > one.low)
            or (trend == Trend.DOWN and other.low < one.low)
        )
    ]
