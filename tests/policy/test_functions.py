"""One record a function, measure and fact: each is complete, and the kernel's code does what its record says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.core.errors import PolicyError
from linekeeper.kernel import prelude
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import feature_words
from linekeeper.policy.analysis.monotonicity import Trends
from linekeeper.policy.expression import COUNT, FLAG, MONEY, SHARE, Call, Literal, Ref, nodes_of
from linekeeper.policy.functions import (
    FACTS,
    FUNCTIONS,
    MEASURES,
    RELIEF_FACT,
    AccountFact,
    Alike,
    DaysPastDue,
    Events,
    Function,
    Interval,
    MeasureFunction,
    Several,
    Span,
    by_itself,
    record_of,
)
from linekeeper.policy.load import load_text
from linekeeper.policy.trends import Trend
from linekeeper.texts.language import language
from tests.policy.texts import HEAD, feature

RECORDS: Mapping[str, Function | MeasureFunction | AccountFact] = {**FUNCTIONS, **MEASURES, **FACTS}
EXAMPLES = {None: "limit", SHARE: "30%", COUNT: "3"}
EDGES = (0, 1, -1, 9_999, 10_000, 10**6, -(10**6), 123_456_789, MONEY_MAX - 1, MONEY_MAX, -MONEY_MAX)


def written(record: Function | MeasureFunction | AccountFact) -> str:
    """The word as a policy may write it."""
    match record:
        case AccountFact(name):
            return name
        case Function(name, Alike() | Several()):
            return f"{name}(balance, limit)"
        case Function(name, arguments):
            return f"{name}({', '.join(EXAMPLES[argument.unit] for argument in arguments)})"  # type: ignore[union-attr]
        case MeasureFunction(name, arguments):
            return f"{name}({', '.join(map(example, arguments))})"


def example(argument: Events | Span | DaysPastDue) -> str:
    match argument:
        case Events(listed=words) if words:
            return "override.trigger"
        case Events(field):
            return "draw.amount" if field else "draw"
        case Span():
            return "3d"
        case DaysPastDue():
            return "1"


def test_a_word_has_one_meaning() -> None:
    assert len(RECORDS) == len(FUNCTIONS) + len(MEASURES) + len(FACTS)


@pytest.mark.parametrize("name", RECORDS)
def test_every_word_has_its_chinese(name: str) -> None:
    words = RECORDS[name].words
    assert language("zh").translations.ugettext(words) != words


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_checker_gives_a_call_what_its_record_says(name: str) -> None:
    function = FUNCTIONS[name]
    named = feature(written(function))
    assert isinstance(named.expr, Call)
    first = named.expr.args[0]
    assert named.unit == named.expr.unit == (function.unit or first.unit)
    assert named.maybe_missing == function.missing([False] * len(named.expr.args))
    assert len(function.moves(named.expr.args)) == len(named.expr.args)


@pytest.mark.parametrize("name", [*MEASURES, *(name for name in FACTS if name != RELIEF_FACT)])
def test_the_checker_gives_a_measure_what_its_record_says(name: str) -> None:
    record = RECORDS[name]
    named = feature(written(record))
    measure = named.expr if name in MEASURES else feature(f"{name} + {name}").expr
    assert named.unit == named.expr.unit
    if isinstance(record, MeasureFunction):
        assert record_of(measure) is record  # type: ignore[arg-type]
        assert named.maybe_missing == record.missing
    else:
        assert isinstance(record, AccountFact)
        assert [node.unit for node in nodes_of(measure)] == [record.unit] * 3
        assert not named.maybe_missing


# ------------------------------------------------------------------ functions: any values


def computed(name: str, values: Sequence[int | None]) -> int | None:
    """The value of a function in the kernel's code, where any argument may be missing; None where it is missing."""
    names = {f"a{place}": f"a{place}" for place in range(len(values))}
    call = Call(name, tuple(Ref(argument, MONEY) for argument in names), FUNCTIONS[name].unit or MONEY)
    compiler = ExpressionCompiler(names, frozenset(names))
    code = compiler.value(call)
    space: dict[str, Any] = dict(vars(prelude))
    space |= {f"a{place}": MISSING if value is None else value for place, value in enumerate(values)}
    exec("\n".join([*compiler.lines, f"value = {code}"]), space)
    return None if space["value"] == MISSING else int(space["value"])


numbers = st.one_of(st.sampled_from(EDGES), st.integers(-200, 200), st.integers(-MONEY_MAX, MONEY_MAX))


def arguments_of(function: Function, draw: st.DataObject) -> list[int]:
    """Arguments as the checker admits them: a share is at most 10,000 %."""
    match function.arguments:
        case Alike():
            return [draw.draw(numbers), draw.draw(numbers)]
        case Several(_, least, most):
            return draw.draw(st.lists(numbers, min_size=least, max_size=most))
        case arguments:
            limits = (argument.limit or MONEY_MAX for argument in arguments)
            return [max(min(draw.draw(numbers), limit), -limit) for limit in limits]


@pytest.mark.parametrize("name", FUNCTIONS)
@given(draw=st.data())
def test_a_value_is_missing_where_the_record_says(name: str, draw: st.DataObject) -> None:
    function = FUNCTIONS[name]
    values = [value if draw.draw(st.booleans()) else None for value in arguments_of(function, draw)]
    absent = [value is None for value in values]
    if function.missing is by_itself:
        assert computed(name, values) is None or not any(absent)
    else:
        assert (computed(name, values) is None) == function.missing(absent)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(draw=st.data())
def test_a_value_lies_within_its_bounds(name: str, draw: st.DataObject) -> None:
    """The bounds of any intervals that hold the arguments hold the value."""
    function = FUNCTIONS[name]
    values = arguments_of(function, draw)
    margins = [(draw.draw(st.integers(0, 50)), draw.draw(st.integers(0, 50))) for _ in values]
    intervals = [Interval(one - below, one + above) for one, (below, above) in zip(values, margins, strict=True)]
    bounds, value = function.bounds(*intervals), computed(name, values)
    assert value is None or bounds.low <= value <= bounds.high


@pytest.mark.parametrize("name", FUNCTIONS)
@given(draw=st.data())
def test_a_value_moves_as_the_record_says(name: str, draw: st.DataObject) -> None:
    """One argument rises and the others stay; `any` says nothing, and a value that is missing has no direction."""
    function = FUNCTIONS[name]
    values = arguments_of(function, draw)
    place = draw.draw(st.integers(0, len(values) - 1))
    raised = [*values]
    raised[place] += draw.draw(st.integers(0, 10**6))
    move = function.moves([Literal(value, MONEY) for value in values])[place]
    before, after = computed(name, values), computed(name, raised)
    if before is not None and after is not None:
        assert {Trend.STILL: before == after, Trend.UP: before <= after, Trend.DOWN: before >= after}.get(move, True)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(draw=st.data())
def test_the_code_for_known_arguments_agrees_with_the_code_for_all(name: str, draw: st.DataObject) -> None:
    function = FUNCTIONS[name]
    values = arguments_of(function, draw)
    call = Call(name, tuple(Literal(value, MONEY) for value in values), function.unit or MONEY)
    compiler = ExpressionCompiler({}, frozenset())
    code = compiler.value(call)
    space: dict[str, Any] = dict(vars(prelude))
    exec("\n".join([*compiler.lines, f"value = {code}"]), space)
    known = int(space["value"])
    assert (None if known == MISSING else known) == computed(name, values)
    assert function.unit != FLAG or known in (0, 1)


def test_a_record_is_all_that_a_new_function_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`excess(a, b)`: how far a lies above b. Checker, analysis, kernel and prose know it by its record alone."""
    excess = Function(
        "excess",
        Alike(("value", "other"), "compare", numeric=True),
        unit=None,
        bounds=lambda value, other: Interval(max(value.low - other.high, 0), max(value.high - other.low, 0)),
        missing=any,
        moves=lambda args: (Trend.UP, Trend.DOWN),
        code="max({0} - {1}, 0)",
        words="the part of {value} above {other}",
    )
    monkeypatch.setitem(FUNCTIONS, "excess", excess)  # type: ignore[arg-type]
    rules = "triggers:\n  late: {when: over > 5 CNY, suspend: yes, reason: arrears}\n"
    policy = load_text(f"{HEAD}features:\n  over: excess(past_due, 100 CNY)\n{rules}")
    assert policy.feature("over").unit == MONEY
    assert Trends(policy).of_feature("over") == Trend.UP
    assert re.search(r"max\(\w+ - \w+, 0\)", Kernel(policy).source)
    assert feature_words(policy, "over").en == "the part of the amount past due above CN¥100"
    with pytest.raises(PolicyError, match=re.escape("cannot compare `past_due` (money) and `30d` (days)")):
        load_text(f"{HEAD}features:\n  over: excess(past_due, 30d)\n{rules}")


# ------------------------------------------------------------------ measures and facts: any account

POLICY = load_text(
    HEAD
    + "features:\n"
    + "".join(f"  it_{name}: {written(record)}\n" for name, record in {**MEASURES, **FACTS}.items())
    + "triggers:\n  late: {when: days_past_due >= 1, cap: 50%, reason: arrears}\n"
    + "restoration: {first: 50%, step: 10%, every: 5d}\n"
    + "moratorium: {}\n"
)
KERNEL = Kernel(POLICY)
START = 19_700


def happened(rng: Random) -> list[int]:
    """The state of an account to which a few things have happened."""
    state, row, hour = KERNEL.new_state(), KERNEL.new_row(), START * 24
    width = max(len(kind.fields) for kind in POLICY.kinds)

    def step(kind: str, *fields: int) -> None:
        x = (*fields, *[MISSING] * (width - len(fields)))
        KERNEL.interpreted.step(state, row, hour * 3_600_000, hour, POLICY.kind(kind).number, x)

    step("open", 100_000)
    for _ in range(rng.randint(0, 12)):
        hour += rng.choice((0, 1, 5, 24, 60))
        kind = rng.choice(("draw", "draw", "repay", "due", "delinquency"))
        amount = rng.choice((0, 500, 20_000))
        fields = {"due": (amount, hour // 24 + rng.randint(-1, 4)), "delinquency": (rng.choice((0, 0, 2)),)}
        step(kind, *fields.get(kind, (amount,)))
    return state


def values_on(state: list[int], day: int) -> dict[str, int]:
    """The value of every word at the start of a day, with no event and no evaluation since."""
    copy, row = [*state], KERNEL.new_row()
    KERNEL.interpreted.advance(copy, day * 24)
    KERNEL.interpreted.features(copy, row)
    named = zip(POLICY.features, row[KERNEL.shape.values :], strict=True)
    return {one.name.removeprefix("it_"): value for one, value in named if one.name.startswith("it_")}


@given(st.integers(0, 2**32))
def test_time_alone_moves_a_measure_as_its_record_says(seed: int) -> None:
    """Day after day: the direction, the bounds, and what may be missing and what may come to be.

    The day on which days past due reach the number of `late_count` is left out: the kernel evaluates the account then.
    """
    state = happened(Random(seed))
    first = state[KERNEL.layout.slots["HOUR"]] // 24 + 1
    series = [values_on(state, day) for day in (*range(first, first + 8), first + 40, first + 400)]
    for name, record in {**MEASURES, **FACTS}.items():
        fades = isinstance(record, MeasureFunction) and record.fades
        may_miss = isinstance(record, MeasureFunction) and record.missing
        for before, after in pairwise(series):
            old, new = before[name], after[name]
            moves = {Trend.STILL: old == new, Trend.UP: old <= new, Trend.DOWN: old >= new}
            moves_so = moves.get(record.trend, True) or (fades and new == MISSING)
            turns_late = name == "late_count" and before["days_past_due"] < 1 <= after["days_past_due"]
            assert moves_so or turns_late, (name, old, new)
            assert old == MISSING or new != MISSING or fades, name
        for values in series:
            low, high = record.bounds or Interval(0, MONEY_MAX)
            assert low <= values[name] <= high or (values[name] == MISSING and may_miss), (name, values[name])
