"""Every expression of the policy language in words: conditions as clauses, values as nouns.

The words of functions, measures and account facts stand in their records (`policy.functions`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from linekeeper.notice.prose.customers import is_of_customer, of_customer
from linekeeper.notice.prose.links import is_of_linked, of_linked
from linekeeper.notice.prose.vocabulary import Vocabulary, shipped_vocabulary
from linekeeper.policy import expression as ex
from linekeeper.policy.functions import FUNCTIONS, Several, record_of
from linekeeper.policy.model import AuthoriseRule, Feature, Kind, Policy, Trigger
from linekeeper.texts.language import Language, Text, language

SPELLED_OUT_MAX = 40  # nodes; a larger feature is named instead
RELATIONS = {
    ">=": "{left} is at least {right}",
    "<=": "{left} is at most {right}",
    ">": "{left} is more than {right}",
    "<": "{left} is less than {right}",
    "=": "{left} is {right}",
    "!=": "{left} is not {right}",
}
ARITHMETIC = {"+": "{left} plus {right}", "-": "{left} minus {right}", "*": "{left} times {right}"}
SCORE_WORDS = {"score": "the score", "pd": "the estimated chance of not repaying"}
LINE_BEFORE = {"limit": "the limit of the day before", "granted": "the granted line of the day before"}
ENDINGS = {
    "h": ("an hour ago", "{number} hours ago"),
    "d": ("a day ago", "{number} days ago"),
    "m": ("a calendar month ago", "{number} calendar months ago"),
}
TILES = {"h": "hours", "d": "days", "m": "calendar months"}
WINDOWS = {
    "h": ("the current hour", "the last {number} hours"),
    "d": ("the current day", "the last {number} days"),
    "m": ("the current calendar month", "the last {number} calendar months"),
}


@dataclass(frozen=True)
class ExpressionRenderer:
    """Renders the expressions of one policy in one language.

    `kind` is the event kind whose fields may be named (inside `where`). With `by_name`, a feature that is more than a
    bare measure is rendered as its quoted name, as in a description that also lists the features; without, it is
    spelled out where that stays short, as in a notice.
    """

    policy: Policy
    language: Language
    vocabulary: Vocabulary
    by_name: bool = True
    kind: Kind | None = None

    @cached_property
    def _features(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.policy.features}

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """Nodes of each feature with all that it refers to; features stand in order of use."""
        sizes: dict[str, int] = {}
        for feature in self.policy.features:
            sizes[feature.name] = sum(sizes[n.name] if isinstance(n, ex.Ref) else 1 for n in ex.nodes_of(feature.expr))
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
                return translate(RELATIONS[op], left=self._side(left), right=self._side(right))
            case ex.In(item, values):
                listed = self.language.one_of([self._value(value, item.unit, item.choices) for value in values])
                return translate("{item} is one of these: {listed}", item=self.noun(item), listed=listed)
            case ex.Call(name) if FUNCTIONS[name].unit == ex.FLAG:
                return self._call(node, self.noun)
            case ex.Literal(value):
                return translate("always") if value else translate("never")
            case ex.Holiday():
                return translate("the day is a holiday")
            case ex.Listed(item, name):
                own = self.vocabulary.of("lists", name).in_(self.language.code)
                called = own if self.vocabulary.has("lists", name) else name
                return translate("{item} is on the list {name}", item=self.noun(item), name=self.language.quote(called))
            case ex.Ref(name) if self._is_spelled_out(name):
                return self.clause(self._features[name].expr)
            case ex.Ref(name):
                return self._own_words(name) or translate("{feature} holds", feature=self.language.quote(name))
            case _:
                return translate("{flag} says yes", flag=self.noun(node))

    def grouped(self, node: ex.Expr) -> str:
        """A clause that can stand inside another: joined ones get brackets."""
        inner = self._spelled_out(node)
        return self._bracketed(self.clause(inner), isinstance(inner, ex.And | ex.Or | ex.Not | ex.If))

    def _spelled_out(self, node: ex.Expr) -> ex.Expr:
        """What a name stands for, where it is not rendered as a name."""
        while isinstance(node, ex.Ref) and self._is_spelled_out(node.name):
            node = self._features[node.name].expr
        return node

    def _bracketed(self, words: str, needed: bool) -> str:
        return self.language.translate("({inner})", inner=words) if needed else words

    # -------------------------------------------------------------- values

    def noun(self, node: ex.Expr) -> str:
        """A value as a noun: "the total amount of repayments"."""
        translate = self.language.translate
        match node:
            case ex.Literal(value, unit, choices):
                return self._value(value, unit, choices)
            case ex.Ref(name):
                return self.feature_noun(name)
            case ex.ScoreRef(name):
                if name in SCORE_WORDS:
                    return translate(SCORE_WORDS[name])
                return translate("the {group} part of the score", group=self._word("groups", name))
            case ex.FieldRef(name):
                return self._field(name)
            case ex.HourOfDay():
                return translate("the hour of the day")
            case ex.DayOfMonth():
                return translate("the day of the month")
            case ex.Weekday():
                return translate("the day of the week")
            case ex.LineBefore(name):
                return translate(LINE_BEFORE[name])
            case ex.Not() | ex.And() | ex.Or() | ex.Compare() | ex.In() | ex.Holiday() | ex.Listed():
                return translate("whether {inner}", inner=self.grouped(node))
            case ex.Arithmetic(op, left, right):
                return translate(ARITHMETIC[op], left=self._factor(left), right=self._factor(right))
            case ex.Call(name):
                if FUNCTIONS[name].unit == ex.FLAG:
                    return translate("whether {inner}", inner=self.clause(node))
                return self._call(node, self._factor)
            case ex.If(test, yes, no):
                values = {"yes": self._factor(yes), "no": self._factor(no)}
                return translate("{yes} if {test}, otherwise {no}", test=self.grouped(test), **values)
            case _:
                return self._measure(node)

    def feature_noun(self, name: str) -> str:
        """The feature as a noun: what it measures, or its quoted name."""
        if not self._features[name].named:
            words = of_customer(name, self.policy, self.language) or of_linked(name, self.policy, self.language)
            if words is not None:
                return words
        if self._is_spelled_out(name):
            return self.noun(self._features[name].expr)
        return self._own_words(name) or self.language.quote(name)

    def _own_words(self, name: str) -> str:
        """The lender's words for a feature, in a letter; empty where it has none."""
        words = None if self.by_name else self.vocabulary.feature(name)
        return words.in_(self.language.code) if words else ""

    def _factor(self, node: ex.Expr) -> str:
        """A noun that can stand inside another: sums, choices and calls get brackets."""
        inner = self._spelled_out(node)
        return self._bracketed(self.noun(inner), isinstance(inner, ex.Arithmetic | ex.If | ex.Call))

    def _side(self, node: ex.Expr) -> str:
        """A noun on one side of a comparison: only a choice needs brackets there."""
        inner = self._spelled_out(node)
        return self._bracketed(self.noun(inner), isinstance(inner, ex.If))

    def _call(self, call: ex.Call, render: Callable[[ex.Expr], str]) -> str:
        """The words of the function's record, with each argument rendered in its place."""
        function = FUNCTIONS[call.name]
        names, words = function.argument_names(), [render(arg) for arg in call.args]
        if isinstance(function.arguments, Several):
            words = [self._listed(words)]
        return self.language.translate(function.words, **dict(zip(names, words, strict=True)))

    def _listed(self, parts: Sequence[str]) -> str:
        return self.language.all_of([self.language.translate("({inner})", inner=part) for part in parts])

    # -------------------------------------------------------------- measures

    def _measure(self, measure: ex.Measure) -> str:
        """The words of the measure's record, with its events, field and window in their places."""
        places: dict[str, str] = {}
        match measure:
            case ex.Windowed(_, select, field, window):
                places = {"events": self._events(select), "window": self._window_of(measure)}
                places["tiles"] = self.language.translate(TILES[window.unit])
                places |= {"field": self._word("fields", field)} if field is not None else {}
            case ex.Last(select, field) | ex.First(select, field):
                places = {"event": self._event(select), "field": self._word("fields", field)}
            case ex.DaysSince(select):
                places = {"event": self._event(select)}
            case ex.LateCount(days, window):
                places = {"span": self.language.span(days), "window": self.window(window)}
            case ex.Restrictions(window):
                places = {"window": self.window(window)}
            case ex.Daily(how, of, window):
                value = self.clause(of) if how == "days_where" else self.noun(of)
                places = {"value": value, "window": self.window(window)}
            case ex.Arm(split):
                places = {"split": self.language.quote(split)}
        return self.language.translate(record_of(measure).words, **places)

    def window(self, window: ex.Window) -> str:
        """The last so many hours, days or calendar months, the current one included."""
        one, many = WINDOWS[window.unit]
        return self.language.translate_count(one, many, window.length)

    def _window_of(self, measure: ex.Windowed) -> str:
        """The window of a measure, which may have ended before the current tile."""
        window = self.window(measure.window)
        if not measure.ending:
            return window
        one, many = ENDINGS[measure.window.unit]
        ago = self.language.translate_count(one, many, measure.ending)
        return self.language.translate("{window}, counted up to {ago}", window=window, ago=ago)

    def _events(self, select: ex.Select) -> str:
        return self._filtered(self.vocabulary.events(select.kind).in_(self.language.code), select)

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
        if not feature.named and (is_of_customer(name) or is_of_linked(name)):
            return False
        if self.by_name:
            return not feature.named or isinstance(feature.expr, ex.Measure)
        return self._sizes[name] <= SPELLED_OUT_MAX and name not in self.vocabulary.words.get("features", {})

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
            case "count" | "text":  # no rule has the mark of a text for a value
                return self.language.number(value)
            case _:
                assert_never(unit)

    def constant(self, value: int, name: str) -> str:
        """A value of the feature of that name, as in the bins of a scorecard."""
        feature = self._features[name]
        return self._value(value, feature.unit, feature.choices)


# ------------------------------------------------------------------ one rule, one feature, in both languages


def trigger_words(policy: Policy, rule: Trigger | AuthoriseRule, vocabulary: Vocabulary | None = None) -> Text:
    """What sets the trigger (or denies the draw), as a clause: "the time past due is at least 30 days".

    For a reason that has no wording of its own.
    """
    condition = rule.when if isinstance(rule, Trigger) else rule.deny
    return _in_both_languages(policy, vocabulary, lambda renderer: renderer.clause(condition))


def feature_words(policy: Policy, name: str, vocabulary: Vocabulary | None = None) -> Text:
    """What the feature measures, as a noun: "the number of draws in the last 7 days"."""
    return _in_both_languages(policy, vocabulary, lambda renderer: renderer.feature_noun(name))


def _in_both_languages(
    policy: Policy, vocabulary: Vocabulary | None, render: Callable[[ExpressionRenderer], str]
) -> Text:
    words = vocabulary or shipped_vocabulary()
    chinese, english = (ExpressionRenderer(policy, language(lang), words, by_name=False) for lang in ("zh", "en"))
    return Text(zh=render(chinese), en=render(english))
