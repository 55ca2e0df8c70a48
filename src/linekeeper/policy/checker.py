"""The type checker: from the tree of an expression to checked nodes, each with its unit; every fault named.

A checked part also carries the interval that its value lies in, so that what could exceed 64 bits is refused here and
the kernel needs no check at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn, cast

from lark import Tree

from linekeeper.core.bounds import INT64_MAX, MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy.daily import OWN_WORDS, is_daily
from linekeeper.policy.event_fields import check_readable, field_bounds
from linekeeper.policy.functions import (
    FACTS,
    FUNCTIONS,
    MEASURES,
    RELIEF_FACT,
    Alike,
    Argument,
    DaysPastDue,
    Events,
    Function,
    Several,
    Span,
)
from linekeeper.policy.kinds import MORATORIUM, is_relief
from linekeeper.policy.model import Field, Kind
from linekeeper.policy.other_languages import OTHER_FUNCTIONS, OTHER_NAMES, how_to_select, how_to_span
from linekeeper.policy.rule_cells import SEGMENT, by_cell
from linekeeper.policy.scope import NUMERIC, UNIT_WORDS, Checked, Loose, Mistyped, Scope
from linekeeper.policy.source import nearest, quoted
from linekeeper.policy.syntax import Branch, render
from linekeeper.scorecard.card import SCORE_MAX

DAYS_MAX = 36_500
LATE_DAYS_MAX = 3650
WINDOW_MAX: Mapping[str, int] = {"h": 168, "d": 400, "m": 60}
# What `where` may say of the day of an event; a field of the event that has the same name goes before.
DAY_PARTS: Mapping[str, Checked] = {
    "weekday": Checked(ex.Weekday(), 0, 6),
    "day_of_month": Checked(ex.DayOfMonth(), 1, 31),
    "holiday": Checked(ex.Holiday(), 0, 1),
    **{name: Checked(ex.LineBefore(name), 0, MONEY_MAX, missing=True) for name in ("limit", "granted")},
}


def check(tree: Branch, scope: Scope) -> Checked:
    """The tree as a checked part. Raises Mistyped at the first fault inside it."""
    return _CHECKS[str(tree.data)](tree, scope)


def check_condition(tree: Branch, scope: Scope) -> ex.Expr:
    """The tree as a condition. Raises Mistyped."""
    part = check(tree, scope)
    if part.unit != "flag":
        _fail(
            tree, f"`{quoted(render(tree))}` is {UNIT_WORDS[part.unit]}, not a condition", "compare it with something"
        )
    return part.expr


def check_feature(tree: Branch, scope: Scope) -> Checked:
    """The tree as the value of a feature, which may be nothing but a measure. Raises Mistyped."""
    if tree.data == "call" and str(tree.children[0]) in {*MEASURES, *OWN_WORDS}:
        return _measure(tree, scope)
    part = check(tree, scope)
    if part.loose in ("text", "span"):
        raise Mistyped(f"`{quoted(render(tree))}` is not a value a feature can have", 0)
    return with_own_unit(tree, part)


def coerce(tree: Branch, part: Checked, unit: ex.Unit | Loose, choices: tuple[str, ...] = ()) -> Checked:
    """A loose literal given the unit of what it is compared with or added to; other parts stay as they are.

    Raises Mistyped where the literal cannot have that unit.
    """
    if part.axes:
        return by_cell([coerce(tree, one, unit, choices) for one in part.by_segment], part.axes)
    if part.loose == "number" and unit in ("count", "days", "points"):
        return Checked(ex.Literal(part.low, cast(ex.Unit, unit)), part.low, part.high)
    if part.loose == "number" and unit == "money":
        _fail(tree, f"`{part.low}` is a bare number, the other side is money", "write the currency, like `100 CNY`")
    if part.loose == "number" and unit in ("share", "pd"):
        _fail(tree, f"`{part.low}` is a bare number, the other side is {UNIT_WORDS[unit]}", f"write `{part.low}%`")
    if part.loose == "percent" and unit in ("share", "pd"):
        return _percentage(tree, part.text, cast(ex.Unit, unit))
    if part.loose == "text" and unit == "category":
        if part.text not in choices:
            _fail(tree, f"`{quoted(part.text)}` is not one of the list", nearest(part.text, choices))
        index = choices.index(part.text)
        return Checked(ex.Literal(index, ex.CATEGORY, choices), index, index)
    return part


# ------------------------------------------------------------------ steps that all checks share


def _fail(tree: Branch, message: str, way_out: str = "") -> NoReturn:
    raise Mistyped(message, tree.meta.start_pos or 0, way_out)


def _subtrees(tree: Branch) -> list[Branch]:
    return [part for part in tree.children if isinstance(part, Tree)]


def with_own_unit(tree: Branch, part: Checked) -> Checked:
    """A part that got no unit from beside it: a bare number counts, a percentage is a share, the rest is a fault."""
    if part.loose == "number":
        return coerce(tree, part, ex.COUNT)
    if part.loose == "percent":
        return coerce(tree, part, ex.SHARE)
    if part.loose is not None:
        _fail(tree, f"{UNIT_WORDS[part.loose]} cannot stand here")
    return part


def _alike(sides: list[Branch], scope: Scope, verb: str) -> tuple[Checked, Checked]:
    """Two sides of the same unit. Raises Mistyped naming both."""
    left, right = (check(tree, scope) for tree in sides)
    left = coerce(sides[0], left, right.unit, right.choices)
    right = coerce(sides[1], right, left.unit, left.choices)
    left, right = with_own_unit(sides[0], left), with_own_unit(sides[1], right)
    if left.unit != right.unit:
        texts = [
            f"`{quoted(render(tree))}` ({UNIT_WORDS[part.unit]})"
            for tree, part in zip(sides, (left, right), strict=True)
        ]
        _fail(sides[1], f"cannot {verb} {texts[0]} and {texts[1]}", "both sides need one unit")
    if left.unit == "category" and left.choices != right.choices:
        _fail(sides[1], "the two lists of words differ", "compare words of one list")
    return left, right


def _numeric(tree: Branch, part: Checked) -> None:
    if part.unit not in NUMERIC:
        _fail(tree, f"{UNIT_WORDS[part.unit]} cannot be calculated with")


def _within(tree: Branch, part: Checked, limit: int | None) -> None:
    """Refuses an argument that could be larger than what the kernel can calculate with."""
    if limit is None or max(abs(part.low), abs(part.high)) <= limit:
        return
    if limit == MONEY_MAX:
        way_out = "name it as a feature: features are kept within 10^15"
        _fail(tree, f"`{quoted(render(tree))}` could exceed 10^15", way_out)
    _fail(tree, f"`{quoted(render(tree))}` could exceed the ceiling of {limit // 100:,} %")


def _arguments(tree: Branch, count: int) -> list[Branch]:
    arguments = _subtrees(tree)
    if len(arguments) != count:
        word = tree.children[0]
        window = word in MEASURES and count == 2 and len(arguments) == 1
        way_out = "add a window, like `30d`" if window else ""
        _fail(tree, f"`{word}` takes {count} argument{'s' * (count > 1)}, not {len(arguments)}", way_out)
    return arguments


# ------------------------------------------------------------------ literals


def _literal(tree: Branch, scope: Scope) -> Checked:
    kind = str(tree.data)
    if kind in ("true", "false"):
        value = int(kind == "true")
        return Checked(ex.Literal(value, ex.FLAG), value, value)
    if kind == "negative":
        return _negative(tree, scope)
    word = str(tree.children[0])
    if kind == "string":
        return Checked(ex.Literal(0, ex.CATEGORY), loose="text", text=word[1:-1])
    if kind == "percent":
        return Checked(ex.Literal(0, ex.SHARE), loose="percent", text=word[:-1].replace("_", ""))
    digits = word.replace("_", "")
    if len(digits) > 40:
        _fail(tree, f"`{quoted(word)}` is too large", "amounts go up to 10^15")
    if kind == "money":
        return _constant(tree, _money(tree, digits, scope), ex.MONEY)
    if kind == "duration":
        return _duration(tree, digits)
    _bounded(tree, int(digits), word)
    return Checked(ex.Literal(int(digits), ex.COUNT), int(digits), int(digits), loose="number")


def _constant(tree: Branch, value: int, unit: ex.Unit) -> Checked:
    _bounded(tree, value, render(tree))
    return Checked(ex.Literal(value, unit), value, value)


def _bounded(tree: Branch, value: int, word: str) -> None:
    if abs(value) > MONEY_MAX:
        _fail(tree, f"`{quoted(word)}` is too large", "values go up to 10^15 in minor units")


def _money(tree: Branch, word: str, scope: Scope) -> int:
    amount, code = Decimal(word[:-3].strip()), word[-3:]
    if code != scope.currency:
        _fail(tree, f"`{code}` is not the policy's currency `{scope.currency}`", f"write `{amount} {scope.currency}`")
    minor = amount.scaleb(scope.exponent)
    if minor != minor.to_integral_value():
        _fail(
            tree, f"`{quoted(word)}` is finer than the minor unit", f"at most {scope.exponent} digits after the point"
        )
    return int(minor)


def _duration(tree: Branch, word: str) -> Checked:
    count, unit = int(word[:-1]), word[-1]
    if unit not in "dy":
        return Checked(ex.Literal(0, ex.DAYS), loose="span", text=word)
    days = count * (365 if unit == "y" else 1)
    if days > DAYS_MAX:
        _fail(tree, f"`{quoted(word)}` is longer than a hundred years")
    return Checked(ex.Literal(days, ex.DAYS), days, days)


def _negative(tree: Branch, scope: Scope) -> Checked:
    part = check(_subtrees(tree)[0], scope)
    if not isinstance(part.expr, ex.Literal) or part.unit in ("text", "flag", "span"):
        _fail(tree, "a minus sign stands only before a number", "write `0 - x`, or subtract")
    if part.loose == "percent":
        return replace(part, text=part.text[1:] if part.text[:1] == "-" else f"-{part.text}")
    value = -part.expr.value
    return replace(part, expr=replace(part.expr, value=value), low=value, high=value)


def _percentage(tree: Branch, word: str, unit: ex.Unit) -> Checked:
    if len(word) > 20:
        _fail(tree, f"`{quoted(word)}%` is too long")
    scaled = Decimal(word) * (100 if unit == "share" else 10_000)
    if scaled != scaled.to_integral_value():
        finest = "0.01%" if unit == "share" else "0.0001%"
        _fail(tree, f"`{word}%` is finer than {finest}, the smallest step here", "round it")
    return _constant(tree, int(scaled), unit)


# ------------------------------------------------------------------ names


def _name(tree: Branch, scope: Scope) -> Checked:
    word = str(tree.children[0])
    if scope.event is not None:
        return _event_field(tree, word, scope.event, scope)
    if word == "amount" and scope.asked_amount:
        return Checked(ex.FieldRef("amount", ex.MONEY), 0, MONEY_MAX)
    if word in scope.later:
        way_out = "use it outside features, or take the score out of it"
        _fail(tree, f"`{word}` reads the score, and no feature can", way_out)
    if word in scope.feature_names:
        return scope.feature(word)
    if word in scope.defined:
        return _definition(tree, word, scope)
    if word == RELIEF_FACT and not is_relief(scope.kinds.get(MORATORIUM)):
        _fail(tree, f"`{word}` needs the section `moratorium`", "add `moratorium: {}`")
    if word in FACTS:
        fact = FACTS[word]
        part = Checked(ex.Fact(word, fact.unit), *fact.bounds)
        return replace(part, expr=ex.Ref(scope.hoist(word, part), fact.unit))
    if word in scope.scores:
        return Checked(ex.ScoreRef(word), -SCORE_MAX, SCORE_MAX)
    if scope.card_unreadable and word not in OTHER_NAMES:
        raise KeyError(word)
    if word in ("score", "pd", "ability", "willingness"):
        _fail(tree, f"`{word}` needs a score", "declare `score`, or use it outside features")
    known = (*scope.feature_names, *scope.defined, *FACTS, *scope.scores)
    return _fail(tree, f"`{quoted(word)}` is not known here", OTHER_NAMES.get(word) or nearest(word, known))


def _definition(tree: Branch, word: str, scope: Scope) -> Checked:
    """What the name stands for, as if it were written in its place."""
    meaning = scope.defined[word]
    if meaning is None:
        raise KeyError(word)
    try:
        return check(meaning, scope)
    except Mistyped as error:
        _fail(tree, f"`{word}` cannot stand here: {error.message}", error.way_out)


def _param(tree: Branch, scope: Scope) -> Checked:
    """A number with a name: one, or the one of the account's segment."""
    word = str(tree.children[0])[1:]
    if word not in scope.params:
        way_out = nearest(f"${word}", [f"${name}" for name in scope.params], "declare it in `params`")
        _fail(tree, f"the parameter `${quoted(word)}` is not known", way_out)
    values = scope.params[word]
    if values is None:
        raise KeyError(f"${word}")
    parts = [check(value, scope) for value in values]
    if len(parts) == 1:
        return parts[0]
    differs = "differs by segment" if SEGMENT in scope.axes else "differs by arm"
    if scope.event is not None:
        _fail(tree, f"`${word}` {differs}, and a filter is one for all", "give it one value")
    if SEGMENT in scope.later and SEGMENT in scope.axes:
        _fail(tree, f"`${word}` goes by segment, segments read the score, and no feature can", "give it one value")
    return by_cell(parts, tuple(scope.feature(name).expr for name in scope.axes))


def _event_field(tree: Branch, word: str, kind: Kind, scope: Scope) -> Checked:
    if word == "hour":
        return Checked(ex.HourOfDay(), 0, 23)
    field = next((field for field in kind.fields if field.name == word), None)
    if field is None and word == "holiday" and not scope.holidays:
        _fail(tree, "`holiday` needs the days of a calendar", "write `dues: {holidays: cn}`")
    if field is None and word in DAY_PARTS:
        return DAY_PARTS[word]
    if field is None:
        known = [field.name for field in kind.fields] + ["hour", *DAY_PARTS]
        is_choice = any(word in field.choices for field in kind.fields)
        way_out = f'write `"{word}"`' if is_choice else OTHER_NAMES.get(word) or nearest(word, known)
        _fail(tree, f"`{quoted(word)}` is not a field of `{kind.name}`", way_out)
    check_readable(tree, field, scope)
    expr = ex.FieldRef(field.name, field.unit, field.choices)
    return Checked(expr, *field_bounds(field), missing=field.optional)


def _path(tree: Branch, scope: Scope) -> Checked:
    word = ".".join(map(str, tree.children))
    _fail(tree, f"`{quoted(word)}` stands only inside a measure", f"write for example `last({word})`")


# ------------------------------------------------------------------ logic, comparison and arithmetic


def _junction(tree: Branch, scope: Scope) -> Checked:
    items = tuple(check_condition(part, scope) for part in _subtrees(tree))
    return Checked(ex.Or(items) if tree.data == "or_" else ex.And(items))


def _not(tree: Branch, scope: Scope) -> Checked:
    return Checked(ex.Not(check_condition(_subtrees(tree)[0], scope)))


def _compare(tree: Branch, scope: Scope) -> Checked:
    op = "=" if str(tree.children[1]) == "==" else str(tree.children[1])
    left, right = _alike(_subtrees(tree), scope, "compare")
    if op not in ("=", "!=") and left.unit in ("category", "flag"):
        _fail(tree, f"`{op}` does not order {UNIT_WORDS[left.unit]}", "use `=`, `!=` or `in`")
    return Checked(ex.Compare(op, left.expr, right.expr))


def _in(tree: Branch, scope: Scope) -> Checked:
    first, *rest = _subtrees(tree)
    item = with_own_unit(first, check(first, scope))
    values = []
    for part in rest:
        value = coerce(part, check(part, scope), item.unit, item.choices)
        if value.unit != item.unit or not isinstance(value.expr, ex.Literal):
            _fail(part, f"`{quoted(render(part))}` is not a constant that `{quoted(render(first))}` can be")
        values.append(value.expr.value)
    return Checked(ex.In(item.expr, tuple(sorted(set(values)))))


def _if(tree: Branch, scope: Scope) -> Checked:
    test, *branches = _subtrees(tree)
    yes, no = _alike(branches, scope, "choose between")
    expr = ex.If(check_condition(test, scope), yes.expr, no.expr)
    return Checked(expr, min(yes.low, no.low), max(yes.high, no.high), yes.missing or no.missing)


def _arith(tree: Branch, scope: Scope) -> Checked:
    part = _scaled(tree, scope) if str(tree.children[1]) == "*" else _summed(tree, scope)
    if max(abs(part.low), abs(part.high)) >= INT64_MAX // 2:
        way_out = "name a part of it as a feature: it is kept within 10^15"
        _fail(tree, f"`{quoted(render(tree))}` could exceed 64 bits", way_out)
    return part


def _summed(tree: Branch, scope: Scope) -> Checked:
    op = str(tree.children[1])
    left, right = _alike(_subtrees(tree), scope, "add" if op == "+" else "subtract")
    _numeric(tree, left)
    if op == "+":
        low, high = left.low + right.low, left.high + right.high
    else:
        low, high = left.low - right.high, left.high - right.low
    return Checked(ex.Arithmetic(op, left.expr, right.expr), low, high, left.missing or right.missing)


def _scaled(tree: Branch, scope: Scope) -> Checked:
    left, right = (check(part, scope) for part in _subtrees(tree))
    if left.loose == "number":
        left, right = right, left
    if right.loose != "number" or not isinstance(right.expr, ex.Literal):
        _fail(tree, "`*` needs a bare number on one side", "for a share of money write `part(money, share)`")
    left = with_own_unit(tree, left)
    _numeric(tree, left)
    ends = (left.low * right.low, left.high * right.low)
    return Checked(ex.Arithmetic("*", left.expr, right.expr), min(ends), max(ends), left.missing)


def _group(tree: Branch, scope: Scope) -> Checked:
    return check(_subtrees(tree)[0], scope)


def _where(tree: Branch, scope: Scope) -> Checked:
    _fail(tree, "`where` stands only inside a measure")


# ------------------------------------------------------------------ calls


def _call(tree: Branch, scope: Scope) -> Checked:
    word = str(tree.children[0])
    if word in FUNCTIONS:
        return _function(tree, FUNCTIONS[word], scope)
    if word in MEASURES or word in OWN_WORDS:
        if not scope.measures:
            _fail(tree, f"the measure `{word}` cannot stand here", "name it as a feature")
        part = _measure(tree, scope)
        name = scope.hoist(render(tree), part)
        return replace(part, expr=ex.Ref(name, part.expr.unit, part.choices))
    way_out = OTHER_FUNCTIONS.get(word) or nearest(word, (*MEASURES, *OWN_WORDS, *FUNCTIONS))
    return _fail(tree, f"the function `{quoted(word)}` is not known", way_out)


def _function(tree: Branch, function: Function, scope: Scope) -> Checked:
    match function.arguments:
        case Alike() as shape:
            parts = _two_alike(tree, shape, scope)
        case Several() as shape:
            parts = _several_alike(tree, shape, scope)
        case arguments:
            sides = _arguments(tree, len(arguments))
            parts = [_argument(side, argument, scope) for side, argument in zip(sides, arguments, strict=True)]
    first = parts[0].expr
    unit, choices = (first.unit, first.choices) if function.unit is None else (function.unit, ())
    expr = ex.Call(function.name, tuple(part.expr for part in parts), unit, choices)
    bounds = function.bounds(*(part.bounds for part in parts))
    return Checked(expr, *bounds, missing=function.missing([part.missing for part in parts]))


def _two_alike(tree: Branch, shape: Alike, scope: Scope) -> list[Checked]:
    sides = _arguments(tree, 2)
    parts = _alike(sides, scope, shape.verb)
    if shape.numeric:
        _numeric(tree, parts[0])
    for side, part in zip(sides, parts, strict=True):
        _within(side, part, shape.limit)
    return [*parts]


def _several_alike(tree: Branch, shape: Several, scope: Scope) -> list[Checked]:
    word, sides = str(tree.children[0]), _subtrees(tree)
    if not shape.least <= len(sides) <= shape.most:
        _fail(tree, f"`{word}` takes {shape.least} to {shape.most} arguments, not {len(sides)}")
    parts = [check(side, scope) for side in sides]
    model = next((part for part in parts if part.loose not in ("number", "percent")), parts[0])
    parts = [with_own_unit(side, coerce(side, part, model.unit)) for side, part in zip(sides, parts, strict=True)]
    for side, part in zip(sides, parts, strict=True):
        _numeric(side, part)
        if part.unit != parts[0].unit:
            units = f"{UNIT_WORDS[parts[0].unit]} and {UNIT_WORDS[part.unit]}"
            _fail(side, f"cannot compare {units} in `{word}`", "all arguments need one unit")
    return parts


def _argument(tree: Branch, argument: Argument, scope: Scope) -> Checked:
    part = check(tree, scope)
    if argument.unit is not None:
        part = coerce(tree, part, argument.unit)
    part = with_own_unit(tree, part)
    if argument.unit is not None and part.unit != argument.unit:
        _fail(tree, f"`{quoted(render(tree))}` is {UNIT_WORDS[part.unit]}, not {UNIT_WORDS[argument.unit]}")
    if argument.unit is None and not argument.any_unit:
        _numeric(tree, part)
    _within(tree, part, argument.limit)
    return part


# ------------------------------------------------------------------ measures


def _measure(tree: Branch, scope: Scope) -> Checked:
    """A measure by itself, not yet a feature."""
    if is_daily(tree):
        return scope.daily_call(tree, scope)
    measure = MEASURES[str(tree.children[0])]
    *_, last = [tree, *_subtrees(tree)]
    past = last if last.data == "ending" and measure.ends else None
    trees = _arguments(tree, len(measure.arguments) + (past is not None))
    arguments: list[object] = []
    fields: list[Field] = []
    for side, argument in zip(trees, measure.arguments, strict=past is None):
        match argument:
            case Events(field=wants_field):
                select, field = _select(side, scope, wants_field)
                fields += [_suitable(side, field, argument, measure.name)] if field is not None else []
                arguments += [select, *fields]
            case Span(units, least):
                arguments.append(window_of(side, units, least))
            case DaysPastDue():
                arguments.append(_days_past_due(side, scope))
    bounds = measure.bounds if measure.bounds is not None else field_bounds(*fields)
    node = measure.node(*arguments)
    if past is not None and isinstance(node, ex.Windowed):
        node = replace(node, ending=_ending(past, node.window))
    if not isinstance(node, ex.Windowed) and any(map(ex.line_facts_in, arguments)):
        _fail(tree, f"`{measure.name}` has no window, and the line is kept for a time only", "measure in a window")
    return Checked(node, *bounds, missing=measure.missing)


def _ending(tree: Branch, window: ex.Window) -> int:
    """How many tiles ago the window ends."""
    span = str(tree.children[0]).split()[1].replace("_", "")
    most = WINDOW_MAX[window.unit] - window.length
    if span[-1] != window.unit or not 1 <= int(span[:-1]) <= most:
        what = f"a window of `{window.length}{window.unit}` cannot end {span} ago"
        _fail(tree, what, f"from 1{window.unit} to {most}{window.unit} ago" if most else "choose a shorter window")
    return int(span[:-1])


def _select(tree: Branch, scope: Scope, wants_field: bool) -> tuple[ex.Select, Field | None]:
    source, where = _subtrees(tree) if tree.data == "where" else (tree, None)
    if source.data != ("path" if wants_field else "name"):
        way_out = how_to_select(source, scope.kinds, scope.feature_names, wants_field)
        _fail(source, f"`{quoted(render(source))}` does not select events", way_out)
    word = str(source.children[0])
    kind = scope.kinds.get(word)
    if kind is None:
        _fail(source, f"the event kind `{quoted(word)}` is not known", nearest(word, scope.kinds))
    field = _field_of(source, kind, scope) if wants_field else None
    inner = replace(scope, event=kind, measures=False)
    return ex.Select(word, check_condition(where, inner) if where else None), field


def _field_of(source: Branch, kind: Kind, scope: Scope) -> Field:
    word = str(source.children[1])
    field = next((field for field in kind.fields if field.name == word), None)
    if field is None:
        _fail(source, f"`{quoted(word)}` is not a field of `{kind.name}`", nearest(word, [f.name for f in kind.fields]))
    check_readable(source, field, scope)
    return field


def _suitable(tree: Branch, field: Field, argument: Events, word: str) -> Field:
    """The field, where the measure can take its values. Raises Mistyped."""
    if argument.amount and (field.unit not in NUMERIC or field.is_date):
        _fail(tree, f"`{field.name}` is {UNIT_WORDS[field.unit]}, `{word}` needs an amount")
    if argument.listed and not 1 <= len(field.choices) <= argument.listed:
        way_out = f"`{word}` counts the words of a list of at most {argument.listed}"
        _fail(tree, f"`{field.name}` is {UNIT_WORDS[field.unit]} of {len(field.choices)} words", way_out)
    if field.signed and not argument.signed:
        way_out = "use `last` or `max`"
        _fail(tree, f"`{field.name}` may be negative, `{word}` needs amounts that cannot be", way_out)
    return field


def window_of(tree: Branch, units: str, least: int = 1) -> ex.Window:
    """The window that is written there, in those units of tiles. Raises Mistyped."""
    word = str(tree.children[0]).replace("_", "") if tree.data == "duration" else ""
    if not word or word[-1] not in units:
        _fail(tree, f"`{quoted(render(tree))}` is not a window", how_to_span(tree, render(tree), units))
    length, unit = int(word[:-1]), cast(ex.TileUnit, word[-1])
    if not least <= length <= WINDOW_MAX[unit]:
        _fail(tree, f"a window of `{quoted(word)}` is not possible", f"from {least}{unit} to {WINDOW_MAX[unit]}{unit}")
    return ex.Window(length, unit)


def _days_past_due(tree: Branch, scope: Scope) -> int:
    days = coerce(tree, check(tree, replace(scope, measures=False)), ex.DAYS)
    if days.unit != "days" or not isinstance(days.expr, ex.Literal) or not 1 <= days.low <= LATE_DAYS_MAX:
        way_out = "write for example `late_count(30, 12m)`"
        _fail(tree, f"`{quoted(render(tree))}` is not a number of days past due", way_out)
    return days.low


_CHECKS: Mapping[str, Callable[[Branch, Scope], Checked]] = {
    **dict.fromkeys(("money", "percent", "duration", "number", "string", "true", "false", "negative"), _literal),
    "name": _name,
    "param": _param,
    "path": _path,
    "or_": _junction,
    "and_": _junction,
    "not_": _not,
    "compare": _compare,
    "in_": _in,
    "if_": _if,
    "arith": _arith,
    "group": _group,
    "where": _where,
    "call": _call,
    "customer_call": lambda tree, scope: scope.customer_call(tree, scope),
    "in_list": lambda tree, scope: scope.list_call(tree, scope),
}
