"""Where the value of a feature matters: the breakpoints, or cuts, at which some rule would answer otherwise.

A feature that is only compared with constants can change a decision only by crossing one of them, so the kernel need
not evaluate the account before that (law 4). A feature used in arithmetic matters at any change, but only while its
guards hold: of `a and b` the second cannot matter before the first holds, and the first is watched. Solvers of logic
formulas watch literals in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from linekeeper.core.bounds import MISSING
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.monotonicity import Trends
from linekeeper.policy.offers import amounts_of
from linekeeper.policy.trends import Trend
from linekeeper.scorecard.card import Bins, PointsTable
from linekeeper.scorecard.trees import TreeEnsemble, change_max, cuts_of_feature


@dataclass(frozen=True, slots=True)
class Clearing:
    """A guard: the latch of that trigger is set and `when` no longer holds."""

    trigger: int


@dataclass(frozen=True, slots=True)
class Latched:
    """A guard: the latch of that trigger is set."""

    trigger: int


@dataclass(frozen=True, slots=True)
class Restoring:
    """A guard: the line stands below its target and rises as the restoration allows."""


@dataclass(frozen=True, slots=True)
class Slack:
    """A guard: the score stands no further than this from where a rule would answer otherwise."""

    fall: int
    rise: int


@dataclass(frozen=True, slots=True)
class TreeInput:
    """A feature of trees: where some tree answers otherwise, and by how many points it can move the score."""

    feature: str
    cuts: tuple[int, ...]
    moves: int


Guard = tuple[ex.Expr | Clearing | Latched | Restoring | Slack, ...]  # all of it holds; nothing: always

# A kernel evaluates its guards after every evaluation, so they are kept few and small. Leaving one out is safe: the
# account is then evaluated earlier than it need be, never later.
GUARDS_MAX = 4
GUARD_LENGTH_MAX, GUARD_NODES_MAX = 8, 40


@dataclass(frozen=True, slots=True)
class Use:
    """How the rules use a feature.

    Between two neighbouring cuts all values mean the same, and a crossing matters while a guard of `crossing` holds.
    Every change of the value matters while a guard of `any` holds.
    """

    cuts: tuple[int, ...]
    crossing: tuple[Guard, ...] = ()
    any: tuple[Guard, ...] = ()


Entries = Iterator[tuple[str, int | None, Guard]]  # a feature, one of its cuts (None: any change), and the guard


def uses(policy: m.Policy) -> dict[str, Use]:
    """The use of every feature that an evaluation depends on; no rule reads a feature that is not named here."""
    return _UseCollector(policy).collect()


class _UseCollector:
    def __init__(self, policy: m.Policy) -> None:
        self.policy, self.trends = policy, Trends(policy)
        self.measures = {name for name, expr in self.trends.exprs.items() if isinstance(expr, ex.Measure)}

    def collect(self) -> dict[str, Use]:
        """From the rules down to the measures: a feature comes after all that is made of it."""
        entries: dict[str, list[tuple[int | None, Guard]]] = {}
        for name, cut, guard in self._roots():
            entries.setdefault(name, []).append((cut, guard))
        for feature in reversed(self.policy.features):
            for outer in _fewest(guard for _, guard in entries.get(feature.name, [])):
                for name, cut, guard in self._in_value(feature.expr, outer):
                    entries.setdefault(name, []).append((cut, guard))
        return {name: _use(uses_of_one) for name, uses_of_one in entries.items()}

    def _roots(self) -> Entries:
        """What the rules read themselves.

        The two ways of a trigger's `when` both matter. Of the other conditions only that they come to hold, so each is
        guarded by its own negation.
        """
        for number, trigger in enumerate(self.policy.triggers):
            yield from self._in_condition(trigger.when, ())
            if trigger.clear is not None:
                guard = self._with((Clearing(number),), ex.Not(trigger.clear))
                yield from self._in_condition(trigger.clear, guard)
            if trigger.limit is not None and trigger.limit.follows:
                yield from self._in_value(trigger.limit.value, (Latched(number),))
        for schedule in self.policy.restorations:
            if (condition := schedule.condition) is not None:
                yield from self._in_condition(condition, self._with((Restoring(),), ex.Not(condition)))
        for offer in self.policy.offers:
            yield from self._in_condition(offer.when, self._with((), ex.Not(offer.when)))
        for amount in amounts_of(self.policy.offers):
            yield from self._in_value(amount.value, ())
        if self.policy.differs_by_segment and self.policy.segments:  # another segment, other numbers
            yield "segment", None, ()
        for part, guard in self._score_parts():
            if isinstance(part, TreeInput):
                yield from ((part.feature, cut, guard) for cut in (MISSING + 1, *part.cuts))
            elif isinstance(part, Bins):
                yield from ((part.feature, cut, guard) for cut in (MISSING + 1, *part.below))
                yield from ((part.feature, value, guard) for value in range(len(part.by_choice)))
            else:
                yield from ((part.row, cut, guard) for cut in (MISSING + 1, *part.row_below))
                yield from ((part.column, cut, guard) for cut in (MISSING + 1, *part.column_below))

    def _score_parts(self) -> Iterator[tuple[Bins | PointsTable | TreeInput, Guard]]:
        """The parts of the score, each with a guard: together, those left out cannot take the score over a cut.

        Those that can move it least come first: each is left out while there is slack for it and all before it.
        """
        score, cuts = self.policy.score, score_breakpoints(self.policy)
        if score is None or cuts == ():
            return
        parts: list[Bins | PointsTable | TreeInput] = [*score.bins, *score.tables]
        parts += [part for trees in score.trees for part in self._tree_inputs(trees)]
        fall = rise = 0
        for part in sorted(parts, key=lambda part: sum(self._moves(part))):
            most = self._moves(part)
            fall, rise = fall + most[0], rise + most[1]
            yield part, () if cuts is None else (Slack(fall, rise),)

    def _tree_inputs(self, trees: TreeEnsemble) -> Iterator[TreeInput]:
        """The features of trees. What several change together is no more than what each can change alone, added up."""
        for name in trees.features:
            still = self.trends.of_feature(name) == Trend.STILL
            moves = 0 if still else change_max(trees, frozenset({name}))
            yield TreeInput(name, tuple(cuts_of_feature(trees, name)), moves)

    def _moves(self, part: Bins | PointsTable | TreeInput) -> tuple[int, int]:
        """How far at most the points of a part can fall, and rise, by time alone."""
        if isinstance(part, TreeInput):
            return part.moves, part.moves
        if isinstance(part, PointsTable):
            flat = [value for row in part.points for value in row]
            still = self.trends.of_feature(part.row) == self.trends.of_feature(part.column) == Trend.STILL
            return (0, 0) if still else (max(flat) - min(flat),) * 2
        known = part.by_choice or part.points
        points = [part.missing, *known] if part.feature in self.trends.missing else [*known]
        trend = self.trends.of_feature(part.feature)
        if trend == Trend.STILL:
            return 0, 0
        if trend == Trend.UP:
            points.reverse()
        steps = list(combinations(points, 2))  # down: from the second to the first
        if trend == Trend.ANY:
            steps += [(after, before) for before, after in steps]
        if part.feature in self.trends.fading:  # whichever way it moves, it may end in missing
            steps += [(part.missing, before) for before in known]
        falls = [before - after for after, before in steps]
        return max([0, *falls]), max([0, *(-fall for fall in falls)])

    def _with(self, guard: Guard, *more: ex.Expr) -> Guard:
        """A guard that asks for more, as far as that costs little.

        What is long, or names a derived feature or a score, is left out: the kernel would have to work those out again.
        A guard that asks for less holds more often, so the account is evaluated early at worst.
        """
        room = max(GUARD_LENGTH_MAX - len(guard), 0)
        return guard + tuple(expr for expr in more[:room] if self._is_cheap(expr) and expr not in guard)

    def _is_cheap(self, expr: ex.Expr) -> bool:
        nodes = list(ex.nodes_of(expr))
        if len(nodes) > GUARD_NODES_MAX:
            return False
        refs = (node.name in self.measures for node in nodes if isinstance(node, ex.Ref))
        return all(refs) and not any(isinstance(node, ex.ScoreRef) for node in nodes)

    def _in_value(self, expr: ex.Expr, guard: Guard) -> Entries:
        """Uses inside an expression whose value matters."""
        match expr:
            case ex.Ref(name):
                yield name, None, guard
            case ex.Not() | ex.And() | ex.Or() | ex.Compare() | ex.In():
                yield from self._in_condition(expr, guard)
            case ex.If(test, yes, no):
                yield from self._in_condition(test, guard)
                yield from self._in_value(yes, self._with(guard, test))
                yield from self._in_value(no, self._with(guard, ex.Not(test)))
            case ex.Call("known", (ex.Ref(name),)):
                yield name, MISSING + 1, guard
            case ex.Call("percent", (of, whole)) if not self.trends.may_miss(expr):
                some = self._with(
                    guard, ex.Compare(">", of, ex.Literal(0, ex.SHARE))
                )  # it is 0 where `of` is not above 0
                yield from self._in_value(of, guard if self.trends.of(of) in (Trend.UP, Trend.ANY) else some)
                yield from self._in_value(whole, some)
            case _:
                for child in ex.children(expr):
                    yield from self._in_value(child, guard)

    def _in_condition(self, expr: ex.Expr, guard: Guard) -> Entries:
        """Uses inside an expression of which only the truth matters."""
        match expr:
            case ex.Compare(op, ex.Ref(name), ex.Literal(value)):
                yield from ((name, cut, guard) for cut in _cuts(op, value))
            case ex.Compare(op, ex.Literal(value), ex.Ref(name)):
                yield from ((name, cut, guard) for cut in _cuts(_MIRRORED.get(op, op), value))
            case ex.In(ex.Ref(name), values):
                yield from ((name, cut, guard) for value in values for cut in _cuts("=", value))
            case ex.Not(item):
                yield from self._in_condition(item, guard)
            case ex.And(items) | ex.Or(items):
                # While the first decides the whole, the others cannot turn it. What time moves least is the first, so
                # that the others are watched seldom.
                for item in sorted(items, key=self.trends.parts):
                    yield from self._in_condition(item, guard)
                    guard = self._with(guard, item if isinstance(expr, ex.And) else ex.Not(item))
            case ex.Ref(name):  # a flag
                yield from ((name, cut, guard) for cut in (MISSING + 1, 1))
            case ex.Compare(op, left, ex.If(test, yes, no)) if _asks_for_cell(test, self.policy):
                # A number that differs by segment: each is compared by itself, so that its cuts are known.
                yield from self._in_condition(ex.If(test, ex.Compare(op, left, yes), ex.Compare(op, left, no)), guard)
            case ex.Compare():
                yield from self._each(expr, self._with(guard, *self._before_turning(expr)))
            case ex.If() | ex.Call():
                yield from self._in_value(expr, guard)
            case _:
                yield from self._each(expr, guard)

    def _each(self, expr: ex.Expr, guard: Guard) -> Entries:
        for child in ex.children(expr):
            yield from self._in_value(child, guard)

    def _before_turning(self, expr: ex.Compare) -> tuple[ex.Expr, ...]:
        """What a comparison says now, where time alone can turn it only one way: what falls never rises above."""
        trend = self.trends.of_difference(expr.left, expr.right)
        above = expr.op in (">", ">=")
        if self.trends.may_miss(expr.right) or (
            self.trends.may_miss(expr.left) and not (above and trend == Trend.DOWN)
        ):
            return ()
        if expr.op in ("=", "!=") or trend not in (Trend.DOWN, Trend.UP):
            return ()
        return (expr,) if above == (trend == Trend.DOWN) else (ex.Not(expr),)


def score_breakpoints(policy: m.Policy) -> tuple[int, ...] | None:
    """Where a rule answers otherwise for another score; None where it is used in another way than compared."""
    cuts: set[int] = set()
    for node in (node for expr in conditions(policy) for node in _outside_comparisons(expr, cuts, policy)):
        if isinstance(node, ex.ScoreRef):
            return None
    return tuple(sorted(cuts))


def conditions(policy: m.Policy) -> list[ex.Expr]:
    """Every condition that an evaluation asks: of triggers, restorations and offers, with what amounts read."""
    exprs = [*(trigger.when for trigger in policy.triggers), *(trigger.clear for trigger in policy.triggers)]
    exprs += [trigger.limit.value for trigger in policy.triggers if trigger.limit and trigger.limit.follows]
    exprs += [restoration.condition for restoration in policy.restorations]
    exprs += [offer.when for offer in policy.offers]
    exprs += [amount.value for amount in amounts_of(policy.offers)]
    after = policy.after_score
    exprs += [feature.expr for feature in policy.features if feature.name in after]
    return [expr for expr in exprs if expr is not None]


def _outside_comparisons(expr: ex.Expr, cuts: set[int], policy: m.Policy) -> Iterator[ex.Expr]:
    """The nodes of an expression; comparisons of the score with constants leave their cuts instead."""
    match expr:
        case ex.Compare(op, ex.ScoreRef("score") as score, ex.If(test, yes, no)) if _asks_for_cell(test, policy):
            for one in (test, ex.Compare(op, score, yes), ex.Compare(op, score, no)):
                yield from _outside_comparisons(one, cuts, policy)
        case ex.Compare(op, ex.ScoreRef("score"), ex.Literal(value)):
            cuts.update(_cuts(op, value)[1:])
        case ex.Compare(op, ex.Literal(value), ex.ScoreRef("score")):
            cuts.update(_cuts(_MIRRORED.get(op, op), value)[1:])
        case _:
            yield expr
            for child in ex.children(expr):
                yield from _outside_comparisons(child, cuts, policy)


def _asks_for_cell(test: ex.Expr, policy: m.Policy) -> bool:
    """Whether a test asks for the account's segment, or for its arm in a split."""
    if not isinstance(test, ex.Compare) or not isinstance(test.left, ex.Ref):
        return False
    name = test.left.name
    return bool(policy.segments and name == "segment") or any(split.name == name for split in policy.splits)


def _use(entries: list[tuple[int | None, Guard]]) -> Use:
    cuts = {cut for cut, _ in entries if cut is not None}
    crossing = _fewest(guard for cut, guard in entries if cut is not None)
    return Use(tuple(sorted(cuts)), crossing, _fewest(guard for cut, guard in entries if cut is None))


def _fewest(guards: Iterator[Guard]) -> tuple[Guard, ...]:
    """Each guard once; one that always holds stands for all, and so it is where there are many."""
    distinct = tuple(dict.fromkeys(guards))
    return ((),) if () in distinct or len(distinct) > GUARDS_MAX else distinct


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _cuts(op: str, value: int) -> tuple[int, ...]:
    """Where `feature op value` changes its answer; missing lies below everything.

    >>> _cuts(">=", 5)[1:], _cuts(">", 5)[1:], _cuts("=", 5)[1:]
    ((5,), (6,), (5, 6))
    """
    edges = {">=": (value,), "<": (value,), ">": (value + 1,), "<=": (value + 1,)}.get(op, (value, value + 1))
    return (MISSING + 1, *edges)
