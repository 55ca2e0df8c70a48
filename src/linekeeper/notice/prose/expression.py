"""Every expression of the policy language in words: conditions as clauses, values as nouns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from linekeeper.notice.prose.sorts import Sort, sort_of
from linekeeper.notice.prose.vocabulary import Vocabulary
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.texts.language import Language

SPELLED_OUT_MAX = 40  # nodes; a larger feature is told by its name
RELATIONS = {
    ">=": "{left} is at least {right}",
    "<=": "{left} is at most {right}",
    ">": "{left} is more than {right}",
    "<": "{left} is less than {right}",
    "=": "{left} is {right}",
    "!=": "{left} is not {right}",
}
FACT_WORDS = {
    "balance": "the balance",
    "limit": "the limit",
    "granted": "the granted line",
    "available": "the amount still available",
    "utilisation": "the share of the limit in use",
    "past_due": "the amount past due",
    "days_past_due": "the time past due",
    "on_time_streak": "the number of payments made on time in a row",
    "months_on_book": "the number of months since the line was opened",
    "days_in_status": "the time since the status last changed",
}
SCORE_WORDS = {"score": "the score", "pd": "the estimated chance of not repaying"}


@dataclass(frozen=True)
class Teller:
    """Tells the expressions of one policy in one language.

    `kind` is the event kind whose fields may be named (inside `where`). With `by_name`, a feature that is more than
    a bare measure is told by its quoted name, as in a description that also lists the features; without, it is
    spelled out where that stays short, as in a notice.
    """

    policy: m.Policy
    language: Language
    vocabulary: Vocabulary
    by_name: bool = True
    kind: m.Kind | None = None

    @cached_property
    def _features(self) -> dict[str, m.Feature]:
        return {feature.name: feature for feature in self.policy.features}

    def _sort(self, node: ex.Expr) -> Sort:
        return sort_of(node, self.policy, self._features, self.kind)

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """Nodes of each feature with all that it refers to; features stand in order of use."""
        sizes: dict[str, int] = {}
        for feature in self.policy.features:
            sizes[feature.name] = sum(sizes[n.name] if isinstance(n, ex.Ref) else 1 for n in ex.walk(feature.expr))
        return sizes

    # -------------------------------------------------------------- conditions

    def clause(self, node: ex.Expr) -> str:
        """A condition as a clause: "the time past due is at least 30 days"."""
        translate = self.language.translate
        match node:
            case ex.Not(item):
                return translate("it is not so that {item}", item=self.grouped(item))
            case ex.And(items):
                return translate(" and ").join(map(self.grouped, items))
            case ex.Or(items):
                return translate(" or ").join(map(self.grouped, items))
            case ex.Compare(op, left, right):
                return translate(RELATIONS[op], left=self._side(left, right), right=self._side(right, left))
            case ex.In(item, values):
                listed = self.language.one_of([self._value(value, *self._sort(item)) for value in values])
                return translate("{item} is one of these: {listed}", item=self.noun(item), listed=listed)
            case ex.Call("known", (item,)):
                return translate("{item} is known", item=self.noun(item))
            case ex.Literal(value):
                return translate("always") if value else translate("never")
            case ex.Ref(name) if self._is_spelled_out(name):
                return self.clause(self._features[name].expr)
            case ex.Ref(name):
                return translate("{feature} holds", feature=self.language.quote(name))
            case _:
                return translate("{flag} says yes", flag=self.noun(node))

    def grouped(self, node: ex.Expr) -> str:
        """A clause that can stand inside another: joined ones get brackets."""
        inner = self._seen_through(node)
        return self._bracketed(self.clause(inner), isinstance(inner, ex.And | ex.Or | ex.Not | ex.If))

    def _seen_through(self, node: ex.Expr) -> ex.Expr:
        """What a name stands for, where it is told spelled out."""
        while isinstance(node, ex.Ref) and self._is_spelled_out(node.name):
            node = self._features[node.name].expr
        return node

    def _bracketed(self, words: str, needed: bool) -> str:
        return self.language.translate("({inner})", inner=words) if needed else words

    # -------------------------------------------------------------- values

    def noun(self, node: ex.Expr, beside: ex.Expr | None = None) -> str:
        """A value as a noun: "the total amount of repayments". `beside` is what it is compared with."""
        translate = self.language.translate
        match node:
            case ex.Literal(value, unit):
                return self._value(value, unit, self._sort(beside)[1] if beside else ())
            case ex.Ref(name):
                return self.noun(self._features[name].expr) if self._is_spelled_out(name) else self.language.quote(name)
            case ex.ScoreRef(name):
                group = self.vocabulary.of("groups", name).in_(self.language.code)
                return (
                    translate(SCORE_WORDS[name])
                    if name in SCORE_WORDS
                    else translate("the {group} part of the score", group=group)
                )
            case ex.FieldRef(name):
                return self._field(name)
            case ex.HourOfDay():
                return translate("the hour of the day")
            case ex.Not() | ex.And() | ex.Or() | ex.Compare() | ex.In():
                return translate("whether {inner}", inner=self.grouped(node))
            case ex.Arith(op, left, right):
                sides = {"left": self._factor(left, right), "right": self._factor(right, left)}
                return translate(_ARITHMETIC[op], **sides)
            case ex.Call(name, args):
                return self._call(name, args, beside)
            case ex.If(test, yes, no):
                values = {"yes": self._factor(yes, beside or no), "no": self._factor(no, beside or yes)}
                return translate("{yes} if {test}, otherwise {no}", test=self.grouped(test), **values)
            case ex.Windowed() | ex.Last() | ex.DaysSince() | ex.LateCount() | ex.Restrictions() | ex.Fact():
                return self._measure(node)
            case _:
                assert_never(node)

    def _factor(self, node: ex.Expr, beside: ex.Expr | None = None) -> str:
        """A noun that can stand inside another: sums, choices and calls get brackets."""
        inner = self._seen_through(node)
        return self._bracketed(self.noun(inner, beside), isinstance(inner, ex.Arith | ex.If | ex.Call))

    def _side(self, node: ex.Expr, beside: ex.Expr) -> str:
        """A noun on one side of a comparison: only a choice needs brackets there."""
        inner = self._seen_through(node)
        return self._bracketed(self.noun(inner, beside), isinstance(inner, ex.If))

    def _call(self, name: str, args: tuple[ex.Expr, ...], beside: ex.Expr | None) -> str:
        translate, parts = self.language.translate, [self._factor(arg, beside) for arg in args]
        if name == "fallback":
            parts = [self._factor(args[0], args[1]), self._factor(args[1], beside or args[0])]
        match name:
            case "percent":
                return translate("{part} as a share of {whole}", part=parts[0], whole=parts[1])
            case "part":
                return translate("{share} of {whole}", share=parts[1], whole=parts[0])
            case "per":
                return translate("{whole} divided by {count}", whole=parts[0], count=parts[1])
            case "smallest":
                return translate("the smallest of {items}", items=self._listed(parts))
            case "largest":
                return translate("the largest of {items}", items=self._listed(parts))
            case "fallback":
                return translate("{value} (where that is not known: {other})", value=parts[0], other=parts[1])
            case "known":
                return translate("whether {inner}", inner=self.clause(ex.Call(name, args)))
        raise KeyError(name)

    def _listed(self, parts: Sequence[str]) -> str:
        return self.language.all_of([self.language.translate("({inner})", inner=part) for part in parts])

    # -------------------------------------------------------------- measures

    def _measure(self, node: ex.Measure) -> str:
        translate = self.language.translate
        match node:
            case ex.Windowed("count", select, _, window):
                return translate(
                    "the number of {events} in {window}", events=self._events(select), window=self.window(window)
                )
            case ex.Windowed(how, select, field, window):
                return translate(
                    "the total {field} of {events} in {window}"
                    if how == "sum"
                    else "the largest {field} of {events} in {window}",
                    field=self._word("fields", field or ""),
                    events=self._events(select),
                    window=self.window(window),
                )
            case ex.Last(select, field):
                return translate(
                    "the {field} of the latest {event}", field=self._word("fields", field), event=self._event(select)
                )
            case ex.DaysSince(select):
                return translate("the time since the latest {event}", event=self._event(select))
            case ex.LateCount(days, window):
                span = self.language.span(days)
                return translate(
                    "the number of times the time past due reached {span} in {window}",
                    span=span,
                    window=self.window(window),
                )
            case ex.Restrictions(window):
                return translate("the number of restrictions of the line in {window}", window=self.window(window))
            case ex.Fact(name):
                return translate(FACT_WORDS[name])
            case _:
                assert_never(node)

    def window(self, window: ex.Window) -> str:
        """The last so many hours, days or calendar months, the current one included."""
        one, many = _WINDOWS[window.unit]
        return self.language.translate_count(one, many, window.length)

    def _events(self, select: ex.Select) -> str:
        words = self.vocabulary.events(select.kind).in_(self.language.code)
        return self._filtered(words, select)

    def _event(self, select: ex.Select) -> str:
        return self._filtered(self._word("kinds", select.kind), select)

    def _filtered(self, words: str, select: ex.Select) -> str:
        if select.where is None:
            return words
        inside = replace(self, kind=self.policy.kind(select.kind))
        return self.language.translate(
            "{events} (only where {condition})", events=words, condition=inside.clause(select.where)
        )

    # -------------------------------------------------------------- words and units

    def _word(self, sort: str, name: str) -> str:
        return self.vocabulary.of(sort, name).in_(self.language.code)

    def _field(self, name: str) -> str:
        if self.kind is None:
            return self.language.translate("the amount asked for")
        return self.language.translate("the {field}", field=self._word("fields", name))

    def _is_spelled_out(self, name: str) -> bool:
        feature = self._features[name]
        if self.by_name:
            return not feature.named or isinstance(feature.expr, ex.Measure)
        return self._sizes[name] <= SPELLED_OUT_MAX

    def _value(self, value: int, unit: ex.Unit, choices: tuple[str, ...]) -> str:
        """A constant in the locale's form."""
        match unit:
            case "money":
                return self.language.money(value, self.policy.currency, self.policy.exponent)
            case "days":
                return self.language.span(value)
            case "share":
                return self.language.share(value)
            case "pd":
                return self.language.chance(value)
            case "flag":
                return self.language.translate("yes") if value else self.language.translate("no")
            case "category":
                return self.language.quote(self._word("choices", choices[value]))
            case "points":
                return self.language.translate_count("{number} point", "{number} points", value)
            case "count":
                return self.language.number(value)
            case _:
                assert_never(unit)

    def constant(self, value: int, feature: str) -> str:
        """A value of that feature, as in the bins of a scorecard."""
        found = self._features[feature]
        return self._value(value, found.unit, found.choices)


_ARITHMETIC = {"+": "{left} plus {right}", "-": "{left} minus {right}", "*": "{left} times {right}"}
_WINDOWS = {
    "h": ("the current hour", "the last {number} hours"),
    "d": ("the current day", "the last {number} days"),
    "m": ("the current calendar month", "the last {number} calendar months"),
}
