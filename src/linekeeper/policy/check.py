"""Types: from the tree of an expression to the checked nodes of `model`, with every fault named.

Each checked part carries its unit and the interval it lies in, so that what could exceed 64 bits is refused
here and the kernel needs no check at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal as OneOf
from typing import NoReturn, cast

from lark import Token, Tree

from linekeeper.core.bounds import MONEY_MAX, SHARE_CEILING_BP
from linekeeper.policy import model as m
from linekeeper.policy.source import nearest, shown
from linekeeper.policy.syntax import Branch, render

INT64_MAX = 2**63 - 1
Loose = OneOf["number", "percent", "text", "span"]  # literals that take their unit from the other side

UNIT_WORDS: Mapping[str, str] = {
    "money": "money",
    "count": "a count",
    "days": "days",
    "share": "a share",
    "flag": "a condition",
    "category": "a word of a list",
    "points": "points",
    "pd": "a probability of default",
    "number": "a bare number",
    "percent": "a percentage",
    "text": "a text",
    "span": "a duration",
}
NUMERIC: frozenset[str] = frozenset({"money", "count", "days", "share", "points", "pd"})
MEASURES = ("count", "sum", "max", "last", "days_since", "late_count", "restrictions")
FUNCTIONS = ("percent", "part", "per", "smallest", "largest", "fallback", "known")
KEYWORDS = ("and", "or", "not", "if", "then", "else", "in", "where", "true", "false", "hour", "amount")
WINDOW_MAX: Mapping[str, int] = {"h": 168, "d": 400, "m": 60}


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked part: its node, unit (or a loose literal's), interval, and whether it may be missing."""

    expr: m.Expr
    unit: m.Unit | Loose
    low: int = 0
    high: int = 1
    missing: bool = False
    choices: tuple[str, ...] = ()
    literal: str = ""  # text of a loose literal


class Mistyped(Exception):
    """A type fault: what is wrong, at which character of the expression, and the way out."""

    def __init__(self, message: str, offset: int, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


@dataclass(frozen=True)
class Scope:
    """What an expression may name. `feature` resolves a feature's name (and detects cycles);
    `hoist` gives the name of a measure that is written in place."""

    kinds: Mapping[str, m.Kind]
    currency: str
    exponent: int
    feature_names: tuple[str, ...]
    feature: Callable[[str], Typed]
    hoist: Callable[[str, Typed], str]
    scores: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    measures: bool = True
    event: m.Kind | None = None  # inside `where`
    asked_amount: bool = False  # inside `authorise`
    extra: Mapping[str, Typed] = field(default_factory=dict)


def _fail(tree: Branch | Token, message: str, way_out: str = "") -> NoReturn:
    offset = tree.start_pos if isinstance(tree, Token) else tree.meta.start_pos
    raise Mistyped(message, offset or 0, way_out)


def _trees(tree: Branch) -> list[Branch]:
    return [part for part in tree.children if isinstance(part, Tree)]


def condition(tree: Branch, scope: Scope) -> m.Expr:
    """The tree as a condition. Raises Mistyped."""
    part = typed(tree, scope)
    if part.unit != "flag":
        _fail(tree, f"`{shown(render(tree))}` is {UNIT_WORDS[part.unit]}, not a condition", "compare it with something")
    return part.expr


def typed(tree: Branch, scope: Scope) -> Typed:
    """Check one tree. Raises Mistyped at the first fault inside it."""
    name = str(tree.data)
    if name in _LITERALS:
        return _literal(tree, scope)
    return _CHECKS[name](tree, scope)


# ------------------------------------------------------------------ literals

_LITERALS = {"money", "percent", "duration", "number", "string", "true", "false", "negative"}


def _literal(tree: Branch, scope: Scope) -> Typed:
    kind = str(tree.data)
    if kind in ("true", "false"):
        value = int(kind == "true")
        return Typed(m.Literal(value, m.FLAG), m.FLAG, value, value)
    if kind == "negative":
        return _negative(tree, scope)
    word = str(tree.children[0])
    if kind == "string":
        return Typed(m.Literal(0, m.CATEGORY), "text", literal=word[1:-1])
    if kind == "percent":
        return Typed(m.Literal(0, m.SHARE), "percent", literal=word[:-1].replace("_", ""))
    digits = word.replace("_", "")
    if len(digits) > 40:
        _fail(tree, f"`{shown(word)}` is too large", "amounts go up to 10^15")
    if kind == "money":
        return _constant(tree, _money(tree, digits, scope), m.MONEY)
    if kind == "duration":
        return _duration(tree, digits)
    return _loose_number(tree, int(digits), word)


def _loose_number(tree: Branch, value: int, word: str) -> Typed:
    _bounded(tree, value, word)
    return Typed(m.Literal(value, m.COUNT), "number", value, value)


def _constant(tree: Branch, value: int, unit: m.Unit) -> Typed:
    _bounded(tree, value, render(tree))
    return Typed(m.Literal(value, unit), unit, value, value)


def _bounded(tree: Branch, value: int, word: str) -> None:
    if abs(value) > MONEY_MAX:
        _fail(tree, f"`{shown(word)}` is too large", "values go up to 10^15 in minor units")


def _money(tree: Branch, word: str, scope: Scope) -> int:
    amount, code = Decimal(word[:-3].strip()), word[-3:]
    if code != scope.currency:
        _fail(tree, f"`{code}` is not the policy's currency `{scope.currency}`", f"write `{amount} {scope.currency}`")
    minor = amount.scaleb(scope.exponent)
    if minor != minor.to_integral_value():
        _fail(tree, f"`{shown(word)}` is finer than the minor unit", f"at most {scope.exponent} digits after the point")
    return int(minor)


def _duration(tree: Branch, word: str) -> Typed:
    count, unit = int(word[:-1]), word[-1]
    if unit not in "dy":
        return Typed(m.Literal(0, m.DAYS), "span", literal=word)
    days = count * (365 if unit == "y" else 1)
    if days > 36_500:
        _fail(tree, f"`{shown(word)}` is longer than a hundred years")
    return Typed(m.Literal(days, m.DAYS), m.DAYS, days, days, literal=word)


def _negative(tree: Branch, scope: Scope) -> Typed:
    part = typed(_trees(tree)[0], scope)
    if not isinstance(part.expr, m.Literal) or part.unit in ("text", "flag", "span"):
        _fail(tree, "a minus sign stands only before a number", "write `0 - x`, or subtract")
    if part.unit == "percent":
        return replace(part, literal="-" + part.literal)
    value = -part.expr.value
    return replace(part, expr=m.Literal(value, part.expr.unit), low=value, high=value)


def settle(tree: Branch, part: Typed, unit: m.Unit | Loose, choices: tuple[str, ...] = ()) -> Typed:
    """A loose literal given its unit by what it is compared with or added to."""
    if part.unit == "number" and unit in ("count", "days", "points"):
        literal = m.Literal(part.low, cast(m.Unit, unit))
        return Typed(literal, cast(m.Unit, unit), part.low, part.high)
    if part.unit == "number" and unit == "money":
        _fail(tree, f"`{part.low}` is a bare number, the other side is money", "write the currency, like `100 CNY`")
    if part.unit == "number" and unit in ("share", "pd"):
        _fail(tree, f"`{part.low}` is a bare number, the other side is {UNIT_WORDS[unit]}", f"write `{part.low}%`")
    if part.unit == "percent" and unit in ("share", "pd"):
        return _percentage(tree, part.literal, cast(m.Unit, unit))
    if part.unit == "text" and unit == "category":
        if part.literal not in choices:
            _fail(tree, f"`{shown(part.literal)}` is not one of the list", nearest(part.literal, choices))
        index = choices.index(part.literal)
        return Typed(m.Literal(index, m.CATEGORY), m.CATEGORY, index, index, choices=choices)
    return part


def _percentage(tree: Branch, word: str, unit: m.Unit) -> Typed:
    if len(word) > 20:
        _fail(tree, f"`{shown(word)}%` is too long")
    scaled = Decimal(word) * (100 if unit == "share" else 10_000)
    if scaled != scaled.to_integral_value():
        finest = "0.01%" if unit == "share" else "0.0001%"
        _fail(tree, f"`{word}%` is finer than {finest}, the smallest step here", "round it")
    return _constant(tree, int(scaled), unit)


def _firm(tree: Branch, part: Typed) -> Typed:
    """A part that got no unit from anywhere: bare numbers count, the rest is a fault."""
    if part.unit == "number":
        return settle(tree, part, m.COUNT)
    if part.unit == "percent":
        return settle(tree, part, m.SHARE)
    if part.unit in ("text", "span"):
        _fail(tree, f"{UNIT_WORDS[part.unit]} cannot stand here")
    return part


def _pair(trees: list[Branch], scope: Scope, doing: str) -> tuple[Typed, Typed]:
    """Two sides of the same unit. Raises Mistyped naming both."""
    left, right = (typed(tree, scope) for tree in trees)
    left = settle(trees[0], left, right.unit, right.choices)
    right = settle(trees[1], right, left.unit, left.choices)
    left, right = _firm(trees[0], left), _firm(trees[1], right)
    if left.unit != right.unit:
        texts = [
            f"`{shown(render(tree))}` ({UNIT_WORDS[part.unit]})"
            for tree, part in zip(trees, (left, right), strict=True)
        ]
        _fail(trees[1], f"cannot {doing} {texts[0]} with {texts[1]}", "both sides need one unit")
    if left.unit == "category" and left.choices != right.choices:
        _fail(trees[1], "the two lists of words differ", "compare words of one list")
    return left, right


# ------------------------------------------------------------------ names


def _name(tree: Branch, scope: Scope) -> Typed:
    word = str(tree.children[0])
    if scope.event is not None:
        return _field(tree, word, scope)
    if word == "amount" and scope.asked_amount:
        return Typed(m.FieldRef("amount"), m.MONEY, 0, MONEY_MAX)
    if word in scope.feature_names:
        found = scope.feature(word)
        return replace(found, expr=m.Ref(word), literal="")
    if word in m.FACTS:
        return _fact(word, scope)
    if word in scope.scores:
        unit = m.PD if word == "pd" else m.POINTS
        return Typed(m.ScoreRef(word), unit, -(10**9), 10**9)
    if word in ("score", "pd", "ability", "willingness"):
        _fail(tree, f"`{word}` needs a score", "declare `score`, or use it outside features")
    _fail(tree, f"`{shown(word)}` is not known here", nearest(word, (*scope.feature_names, *m.FACTS, *scope.scores)))


def _fact(word: str, scope: Scope) -> Typed:
    unit = m.FACTS[word]
    low, high = {
        "money": (-MONEY_MAX if word == "balance" else 0, MONEY_MAX),
        "share": (0, SHARE_CEILING_BP),
    }.get(unit, (0, MONEY_MAX))
    part = Typed(m.Fact(word), unit, low, high)
    return replace(part, expr=m.Ref(scope.hoist(word, part)))


def _field(tree: Branch, word: str, scope: Scope) -> Typed:
    assert scope.event is not None
    if word == "hour":
        return Typed(m.HourOfDay(), m.COUNT, 0, 23)
    found = next((item for item in scope.event.fields if item.name == word), None)
    if found is None:
        known = [item.name for item in scope.event.fields] + ["hour"]
        _fail(tree, f"`{shown(word)}` is not a field of `{scope.event.name}`", nearest(word, known))
    _unprotected(tree, word, scope)
    return _field_typed(found)


def _unprotected(tree: Branch, word: str, scope: Scope) -> None:
    if word in scope.protected:
        _fail(tree, f"`{word}` is protected and must not be an input", "remove it here, or from `protected`")


def _field_typed(found: m.Field) -> Typed:
    low = -MONEY_MAX if found.signed else 0
    high = {"flag": 1, "category": len(found.choices) - 1}.get(found.unit, MONEY_MAX)
    return Typed(m.FieldRef(found.name), found.unit, low, high, found.optional, found.choices)


def _path(tree: Branch, scope: Scope) -> Typed:
    word = ".".join(map(str, tree.children))
    _fail(tree, f"`{shown(word)}` stands only inside a measure", f"write for example `last({word})`")


# ------------------------------------------------------------------ logic and comparison


def _junction(tree: Branch, scope: Scope) -> Typed:
    items = tuple(condition(part, scope) for part in _trees(tree))
    return Typed(m.Or(items) if tree.data == "or_" else m.And(items), m.FLAG)


def _not(tree: Branch, scope: Scope) -> Typed:
    return Typed(m.Not(condition(_trees(tree)[0], scope)), m.FLAG)


def _compare(tree: Branch, scope: Scope) -> Typed:
    op = "=" if str(tree.children[1]) == "==" else str(tree.children[1])
    left, right = _pair(_trees(tree), scope, "compare")
    if op not in ("=", "!=") and left.unit in ("category", "flag"):
        _fail(tree, f"`{op}` does not order {UNIT_WORDS[left.unit]}", "use `=`, `!=` or `in`")
    return Typed(m.Compare(op, left.expr, right.expr), m.FLAG)


def _in(tree: Branch, scope: Scope) -> Typed:
    first, *rest = _trees(tree)
    item = _firm(first, typed(first, scope))
    values = []
    for part in rest:
        value = settle(part, typed(part, scope), item.unit, item.choices)
        if value.unit != item.unit or not isinstance(value.expr, m.Literal):
            _fail(part, f"`{shown(render(part))}` is not a constant that `{shown(render(first))}` can be")
        values.append(value.expr.value)
    return Typed(m.In(item.expr, tuple(sorted(set(values)))), m.FLAG)


def _if(tree: Branch, scope: Scope) -> Typed:
    test, *branches = _trees(tree)
    yes, no = _pair(branches, scope, "choose between")
    expr = m.If(condition(test, scope), yes.expr, no.expr)
    missing = yes.missing or no.missing
    return Typed(expr, yes.unit, min(yes.low, no.low), max(yes.high, no.high), missing, yes.choices)


# ------------------------------------------------------------------ arithmetic


def _arith(tree: Branch, scope: Scope) -> Typed:
    op = str(tree.children[1])
    return _scaled(tree, scope) if op == "*" else _summed(tree, scope, op)


def _summed(tree: Branch, scope: Scope, op: str) -> Typed:
    left, right = _pair(_trees(tree), scope, "add" if op == "+" else "subtract")
    _numeric(tree, left)
    if op == "+":
        low, high = left.low + right.low, left.high + right.high
    else:
        low, high = left.low - right.high, left.high - right.low
    return _fits(tree, Typed(m.Arith(op, left.expr, right.expr), left.unit, low, high, left.missing or right.missing))


def _scaled(tree: Branch, scope: Scope) -> Typed:
    trees = _trees(tree)
    left, right = (typed(part, scope) for part in trees)
    if left.unit == "number":
        left, right = right, left
    if right.unit != "number" or not isinstance(right.expr, m.Literal):
        _fail(tree, "`*` needs a bare number on one side", "for a share of money write `part(money, share)`")
    left = _firm(tree, left)
    _numeric(tree, left)
    ends = (left.low * right.low, left.high * right.low)
    return _fits(tree, Typed(m.Arith("*", left.expr, right.expr), left.unit, min(ends), max(ends), left.missing))


def _numeric(tree: Branch, part: Typed) -> None:
    if part.unit not in NUMERIC:
        _fail(tree, f"{UNIT_WORDS[part.unit]} cannot be calculated with")


def _fits(tree: Branch, part: Typed) -> Typed:
    if max(abs(part.low), abs(part.high)) >= INT64_MAX // 2:
        _fail(
            tree,
            f"`{shown(render(tree))}` could exceed 64 bits",
            "name a part of it as a feature: it is kept within 10^15",
        )
    return part


# ------------------------------------------------------------------ calls


def _call(tree: Branch, scope: Scope) -> Typed:
    word = str(tree.children[0])
    if word in FUNCTIONS:
        return _FUNCTIONS[word](tree, scope)
    if word in MEASURES:
        if not scope.measures:
            _fail(tree, f"the measure `{word}` cannot stand here", "name it as a feature")
        part = _MEASURES[word](tree, scope)
        name = scope.hoist(render(tree), part)
        return replace(part, expr=m.Ref(name))
    _fail(tree, f"the function `{shown(word)}` is not known", nearest(word, MEASURES + FUNCTIONS))


def measure(tree: Branch, scope: Scope) -> Typed | None:
    """The tree as a bare measure (a feature that is nothing else), or None."""
    if tree.data == "call" and str(tree.children[0]) in MEASURES:
        return _MEASURES[str(tree.children[0])](tree, scope)
    return None


def _arguments(tree: Branch, count: int) -> list[Branch]:
    trees = _trees(tree)
    if len(trees) != count:
        word = tree.children[0]
        _fail(tree, f"`{word}` takes {count} argument{'s' * (count > 1)}, not {len(trees)}")
    return trees


def _percent(tree: Branch, scope: Scope) -> Typed:
    trees = _arguments(tree, 2)
    left, right = _pair(trees, scope, "divide")
    _numeric(tree, left)
    missing = left.missing or right.missing
    return Typed(
        m.Call("percent", (_kept(trees[0], left), _kept(trees[1], right))), m.SHARE, 0, SHARE_CEILING_BP, missing
    )


def _kept(tree: Branch, part: Typed) -> m.Expr:
    """An argument of percent, part or per must lie within 10^15."""
    if max(abs(part.low), abs(part.high)) > MONEY_MAX:
        _fail(
            tree, f"`{shown(render(tree))}` could exceed 10^15", "name it as a feature: features are kept within 10^15"
        )
    return part.expr


def _part(tree: Branch, scope: Scope) -> Typed:
    trees = _arguments(tree, 2)
    whole = _firm(trees[0], typed(trees[0], scope))
    share = settle(trees[1], typed(trees[1], scope), m.SHARE)
    _numeric(trees[0], whole)
    if share.unit != "share":
        _fail(trees[1], f"`{shown(render(trees[1]))}` is {UNIT_WORDS[share.unit]}, not a share")
    if max(abs(share.low), abs(share.high)) > SHARE_CEILING_BP:
        _fail(trees[1], f"`{shown(render(trees[1]))}` could exceed the ceiling of 10,000 %")
    ends = [value * factor // 10_000 for value in (whole.low, whole.high) for factor in (share.low, share.high)]
    expr = m.Call("part", (_kept(trees[0], whole), share.expr))
    return Typed(expr, whole.unit, min(ends), max(ends), whole.missing or share.missing)


def _per(tree: Branch, scope: Scope) -> Typed:
    trees = _arguments(tree, 2)
    whole = _firm(trees[0], typed(trees[0], scope))
    number = _firm(trees[1], typed(trees[1], scope))
    _numeric(trees[0], whole)
    if number.unit != "count":
        _fail(trees[1], f"`{shown(render(trees[1]))}` is {UNIT_WORDS[number.unit]}, not a count")
    expr = m.Call("per", (_kept(trees[0], whole), _kept(trees[1], number)))
    return Typed(expr, whole.unit, min(whole.low, 0), max(whole.high, 0), True)


def _extreme(tree: Branch, scope: Scope) -> Typed:
    trees = _trees(tree)
    if not 2 <= len(trees) <= 8:
        _fail(tree, f"`{tree.children[0]}` takes 2 to 8 arguments, not {len(trees)}")
    parts = [typed(part, scope) for part in trees]
    model = next((part for part in parts if part.unit not in ("number", "percent")), parts[0])
    parts = [_firm(where, settle(where, part, model.unit)) for where, part in zip(trees, parts, strict=True)]
    for where, part in zip(trees, parts, strict=True):
        _numeric(where, part)
        if part.unit != parts[0].unit:
            units = f"{UNIT_WORDS[parts[0].unit]} and {UNIT_WORDS[part.unit]}"
            _fail(where, f"cannot compare {units} in `{tree.children[0]}`", "all arguments need one unit")
    pick = min if str(tree.children[0]) == "smallest" else max
    low, high = pick(part.low for part in parts), pick(part.high for part in parts)
    expr = m.Call(str(tree.children[0]), tuple(part.expr for part in parts))
    return Typed(expr, parts[0].unit, low, high, any(part.missing for part in parts))


def _fallback(tree: Branch, scope: Scope) -> Typed:
    trees = _arguments(tree, 2)
    first, other = _pair(trees, scope, "replace")
    low, high = min(first.low, other.low), max(first.high, other.high)
    expr = m.Call("fallback", (first.expr, other.expr))
    return Typed(expr, first.unit, low, high, first.missing and other.missing, first.choices)


def _known(tree: Branch, scope: Scope) -> Typed:
    (inner,) = _arguments(tree, 1)
    return Typed(m.Call("known", (_firm(inner, typed(inner, scope)).expr,)), m.FLAG)


# ------------------------------------------------------------------ measures


def _select(tree: Branch, scope: Scope, wants_field: bool) -> tuple[m.Select, m.Field | None]:
    source, where = (_trees(tree)[0], _trees(tree)[1]) if tree.data == "where" else (tree, None)
    if source.data != ("path" if wants_field else "name"):
        shape = "kind.field" if wants_field else "kind"
        _fail(source, f"`{shown(render(source))}` does not select events", f"write `{shape}`")
    word = str(source.children[0])
    kind = scope.kinds.get(word)
    if kind is None:
        _fail(source, f"the event kind `{shown(word)}` is not known", nearest(word, scope.kinds))
    found = _field_of(source, kind, scope) if wants_field else None
    inner = replace(scope, event=kind, measures=False)
    return m.Select(word, condition(where, inner) if where else None), found


def _field_of(source: Branch, kind: m.Kind, scope: Scope) -> m.Field:
    word = str(source.children[1])
    found = next((item for item in kind.fields if item.name == word), None)
    if found is None:
        _fail(source, f"`{shown(word)}` is not a field of `{kind.name}`", nearest(word, [f.name for f in kind.fields]))
    _unprotected(source, word, scope)
    return found


def _window(tree: Branch, units: str = "hdm") -> m.Window:
    word = str(tree.children[0]).replace("_", "") if tree.data == "duration" else ""
    if not word or word[-1] not in units:
        _fail(tree, f"`{shown(render(tree))}` is not a window", "write " + " or ".join(f"`30{u}`" for u in units))
    length, unit = int(word[:-1]), cast(m.TileUnit, word[-1])
    if not 1 <= length <= WINDOW_MAX[unit]:
        _fail(tree, f"a window of `{shown(word)}` is not possible", f"from 1{unit} to {WINDOW_MAX[unit]}{unit}")
    return m.Window(length, unit)


def _windowed(tree: Branch, scope: Scope) -> Typed:
    how = cast(OneOf["count", "sum", "max"], str(tree.children[0]))
    selector, span = _arguments(tree, 2)
    select, found = _select(selector, scope, how != "count")
    window = _window(span)
    if found is None:
        return Typed(m.Windowed(how, select, None, window), m.COUNT, 0, MONEY_MAX)
    if found.unit not in NUMERIC or found.is_date:
        _fail(selector, f"`{found.name}` is {UNIT_WORDS[found.unit]}, `{how}` needs an amount")
    if how == "sum" and found.signed:
        _fail(selector, f"`{found.name}` may be negative, `sum` needs amounts that cannot be", "use `last` or `max`")
    low = -MONEY_MAX if found.signed else 0
    return Typed(m.Windowed(how, select, found.name, window), found.unit, low, MONEY_MAX, how == "max")


def _last(tree: Branch, scope: Scope) -> Typed:
    (selector,) = _arguments(tree, 1)
    select, found = _select(selector, scope, wants_field=True)
    assert found is not None
    part = _field_typed(found)
    return replace(part, expr=m.Last(select, found.name), missing=True)


def _days_since(tree: Branch, scope: Scope) -> Typed:
    (selector,) = _arguments(tree, 1)
    select, _ = _select(selector, scope, wants_field=False)
    return Typed(m.DaysSince(select), m.DAYS, 0, 10**6, True)


def _late_count(tree: Branch, scope: Scope) -> Typed:
    number, span = _arguments(tree, 2)
    days = settle(number, typed(number, replace(scope, measures=False)), m.DAYS)
    if days.unit != "days" or not isinstance(days.expr, m.Literal) or not 1 <= days.low <= 3650:
        _fail(
            number,
            f"`{shown(render(number))}` is not a number of days past due",
            "write for example `late_count(30, 12m)`",
        )
    return Typed(m.LateCount(days.low, _window(span, "dm")), m.COUNT, 0, MONEY_MAX)


def _restrictions(tree: Branch, scope: Scope) -> Typed:
    (span,) = _arguments(tree, 1)
    return Typed(m.Restrictions(_window(span, "dm")), m.COUNT, 0, MONEY_MAX)


Check = Callable[[Branch, Scope], Typed]

_FUNCTIONS: Mapping[str, Check] = {
    "percent": _percent,
    "part": _part,
    "per": _per,
    "smallest": _extreme,
    "largest": _extreme,
    "fallback": _fallback,
    "known": _known,
}
_MEASURES: Mapping[str, Check] = {
    "count": _windowed,
    "sum": _windowed,
    "max": _windowed,
    "last": _last,
    "days_since": _days_since,
    "late_count": _late_count,
    "restrictions": _restrictions,
}
_CHECKS: Mapping[str, Check] = {
    "name": _name,
    "path": _path,
    "group": lambda tree, scope: typed(_trees(tree)[0], scope),
    "or_": _junction,
    "and_": _junction,
    "not_": _not,
    "compare": _compare,
    "in_": _in,
    "if_": _if,
    "arith": _arith,
    "call": _call,
    "where": lambda tree, scope: _fail(tree, "`where` stands only inside a measure"),
}
