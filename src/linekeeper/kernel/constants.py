"""The numbers of a policy by name, so that a kernel's body has none: each stands once, with the policy's own text.

Conditions and formulas are taken apart and put together again with a `NamedNumber` in the place of each number. A
window's length and the days of a late count are no constants: they shape the state, as the layout does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from linekeeper.core.account_mark import MARK_BITS, numbers_of_salt, text_mark
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.kernel.lines import LINE_MAX, note, shortened
from linekeeper.kernel.names import Names
from linekeeper.kernel.prelude import NEVER
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import Slack, Use
from linekeeper.policy.expression_text import ExpressionText, slug
from linekeeper.scorecard.card import Bins, PointsTable

_Part = tuple[str, str, str, ex.Unit]  # of a rule's number: its key, its place, the end of its name, its unit


@dataclass(frozen=True, slots=True, eq=False)
class NamedNumber(ex.Literal):
    """A number of the policy that has a name; equal to any other of the same value and unit."""

    name: str = field(kw_only=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ex.Literal) and (self.value, self.unit) == (other.value, other.unit)

    __hash__ = ex.Literal.__hash__


@dataclass(frozen=True, slots=True)
class NamedChoice(ex.In):
    """A choice among values that have names."""

    names: tuple[str, ...]


class NamedExpressionCompiler(ExpressionCompiler):
    """Expressions as code in which constants stand by name."""

    def condition(self, expr: ex.Expr) -> str:
        """A Python truth value."""
        if isinstance(expr, NamedChoice):
            value = self.atom(expr.item)
            return "(" + " or ".join(f"{value} == {name}" for name in expr.names) + ")"
        return super().condition(expr)

    def atom(self, expr: ex.Expr) -> str:
        """A name or a number for the value of the expression."""
        return expr.name if isinstance(expr, NamedNumber) else super().atom(expr)


def schedule_key(schedule: m.Restoration) -> str:
    """By what the numbers of a schedule of restoration are asked for."""
    return f"restoration_{schedule.name}" if schedule.name else "restoration"


def offer_key(offer: m.Offer) -> str:
    """By what the numbers of an offer are asked for."""
    return f"offer_{offer.name}" if offer.name else "offer"


class Constants:
    """The constants of one policy.

    `policy` is the policy with every number of its conditions and formulas named; `filters` gives the named condition
    of selected events. Other numbers are asked for by what they belong to: `of("arrears_30", "cap")`.
    """

    def __init__(self, policy: m.Policy, names: Names) -> None:
        self._names, self._text = names, ExpressionText(policy)
        self._cells = ["_".join(policy.cell_words(cell)) for cell in policy.cells]
        self._lines: list[str] = []
        self._by_place: dict[tuple[str, ...], str] = {}
        self._answers: dict[tuple[str, int], str] = {}  # where a value's answer changes: (feature, number)
        self.filters: dict[ex.Select, ex.Expr] = {}
        self._name_dues(policy)
        self._name_splits(policy)
        self._name_lists(policy)
        self._name_filters(policy)
        self.day_ends: dict[ex.Expr, ex.Expr] = {}
        self.day_texts: dict[ex.Expr, str] = {}
        self._name_days(policy)
        features = tuple(self._named_feature(feature) for feature in policy.features)
        self._name_score(policy)
        triggers = tuple(self._named_trigger(trigger) for trigger in policy.triggers)
        restorations = tuple(self._named_restoration(restoration) for restoration in policy.restorations)
        authorise = tuple(replace(rule, deny=self._named(rule.deny, f"{rule.name}_DENY")) for rule in policy.authorise)
        offers = tuple(self._named_offer(offer) for offer in policy.offers)
        if policy.own_limit:
            self._setting(
                "own_limit", "cooling", "COOLING_DAYS", policy.own_limit.cooling_days, "days", "events.own_limit"
            )
        self.policy = replace(
            policy,
            features=features,
            triggers=triggers,
            restoration=restorations[0] if restorations else None,
            further_restorations=restorations[1:],
            authorise=authorise,
            offer=offers[0] if policy.offer else None,
            named_offers=offers if policy.named_offers else (),
            assign=self._named_assign(policy.assign),
        )

    def of(self, *place: str) -> str:
        """The name of a number by its place: `of("points", "burden", "0")`."""
        return self._by_place[place]

    def cut(self, feature: str, value: int) -> str:
        """A value at which some rule answers otherwise, by the name of the number that says so where there is one."""
        if (feature, value) in self._answers:
            return self._answers[feature, value]
        below = self._answers.get((feature, value - 1))
        return f"{below} + 1" if below else str(value)

    def lines(self) -> list[str]:
        """All of them, one a line: name, number, the policy's own text."""
        return ["# The numbers of the policy.", *self._lines]

    # -------------------------------------------------------------- in general

    def _add(self, wanted: str, value: int, text: str, *place: str) -> str:
        name = self._names.space.take(wanted.upper())
        line = f"{name} = {value}"
        self._lines.append(f"{line}  {note(text, LINE_MAX - len(line) - 4)}")
        if place:
            self._by_place[place] = name
        return name

    def _setting(self, owner: str, key: str, suffix: str, value: int, unit: ex.Unit, path: str) -> None:
        """A number that stands for itself: `triggers.arrears_30.cap: 50%`."""
        self._add(f"{owner}_{suffix}", value, f"{path}.{key}: {self._text.number(value, unit)}", owner, key)

    def _settings(self, owner: str, rule: m.Trigger | m.Restoration | m.Offer, path: str, *parts: _Part) -> None:
        """The numbers of a rule: of each its key, its place in the rule, the end of its name, and its unit.

        One that differs by segment is a row of numbers; but the days of a latch have a name for each segment.
        """
        varying = dict(rule.by_segment)
        for key, place, suffix, unit in parts:
            if place not in varying:
                self._setting(owner, key, suffix, getattr(rule, place), unit, path)
                continue
            if isinstance(rule, m.Trigger) and unit == "days":
                for number, (segment, value) in enumerate(zip(self._cells, varying[place], strict=True)):
                    text = f"{path}.{key}, {segment}: {self._text.number(value, unit)}"
                    self._add(f"{owner}_{suffix}_{segment}", value, text, owner, key, str(number))
                continue
            name = self._names.space.take(f"{owner}_{suffix}".upper())
            shown = ", ".join(map(str, varying[place]))
            row, comment = f"{name} = ({shown})", note(f"{path}.{key}, by segment", 60)
            whole = f"{row}  {comment}"
            self._lines += [whole] if len(whole) <= LINE_MAX else [comment, row]
            self._by_place[owner, key] = f"{name}[s[SEGMENT]]"

    def _named(self, expr: ex.Expr, prefix: str, kind: str = "", numbers: Iterator[int] | None = None) -> ex.Expr:
        """The expression with its numbers named PREFIX_1, PREFIX_2... from left to right."""
        numbers = numbers or count(1)

        def name(value: int, text: str) -> str:
            return self._add(f"{prefix}_{next(numbers)}", value, text)

        def named(one: ex.Expr, around: ex.Expr) -> ex.Expr:
            match one:
                case ex.Literal(_, "flag"):
                    return one
                case ex.Literal(value, unit):
                    return NamedNumber(value, unit, one.choices, name=name(value, self._text.of(around, kind)))
                case ex.In(item, values):
                    called = tuple(name(value, self._text.of(one, kind)) for value in values)
                    self._answer(item, zip(values, called, strict=True))
                    return NamedChoice(named(item, one), values, called)
            made = ex.with_children(one, lambda child: named(child, one))
            if isinstance(made, ex.Compare):
                for side, other in ((made.left, made.right), (made.right, made.left)):
                    if isinstance(side, NamedNumber):
                        self._answer(other, [(side.value, side.name)])
            return made

        return named(expr, expr)

    def _answer(self, of: ex.Expr, numbers: Iterable[tuple[int, str]]) -> None:
        if isinstance(of, ex.Ref | ex.ScoreRef):
            for value, name in numbers:
                self._answers.setdefault((of.name, value), name)

    # -------------------------------------------------------------- section by section

    def _name_dues(self, policy: m.Policy) -> None:
        """Grace and tolerance; the days of the week without business, and the days that are listed."""
        dues, days = policy.dues, policy.dues.business_days
        if dues.grace_days:
            self._setting("dues", "grace", "GRACE_DAYS", dues.grace_days, "days", "dues")
        if dues.tolerance_minor:
            self._setting("dues", "tolerance", "TOLERANCE_MINOR", dues.tolerance_minor, "money", "dues")
        if days is None:
            return
        weekend = sum(1 << weekday for weekday in days.weekend)
        self._add("DUES_WEEKEND", weekend, "dues.holidays: a bit for each day of the week", "dues", "weekend")
        self._add_days("DUES_OFF_DAYS", days.off, "no business days, beside the weekend", "off")
        self._add_days("DUES_WORKING_DAYS", days.working, "business days, whatever else says otherwise", "working")

    def _name_splits(self, policy: m.Policy) -> None:
        """The three numbers of each salt, and the first bucket of each arm but the first."""
        for split in policy.splits:
            owner = f"{split.name}_split"
            for key, number in zip(("first", "second", "third"), numbers_of_salt(split.salt), strict=True):
                self._add(f"{owner}_{key}", number, f"split.{split.name}: the {key} number of its salt", owner, key)
            begin = 0
            for place, arm in enumerate(split.arms):
                if place:
                    text = f"split.{split.name}: the first bucket of {arm.name}"
                    self._add(f"{owner}_from_{place}", begin, text, owner, str(place))
                begin += arm.share_bp

    def _name_lists(self, policy: m.Policy) -> None:
        """The marks of the texts of each list, in rising order, ended by what no mark is."""
        for one in policy.lists:
            name = self._names.space.take(f"{one.name.upper()}_LIST")
            marks = [*sorted(map(text_mark, one.words)), 1 << MARK_BITS]
            rows = [", ".join(map(str, marks[first : first + 5])) for first in range(0, len(marks), 5)]
            self._lines += [
                f"# lists.{one.name}: the marks of its texts.",
                f"{name} = (",
                *(f"    {row}," for row in rows),
                ")",
            ]
            self._by_place["lists", one.name] = name

    def _add_days(self, wanted: str, days: tuple[int, ...], text: str, part: str) -> None:
        """A list of days, which NEVER ends: a search for a day then stays within it."""
        name = self._names.space.take(wanted)
        numbers = ", ".join(map(str, (*days, NEVER)))
        self._lines += [f"# dues.holidays: {text}.", f"{name} = ({numbers},)" if not days else f"{name} = ({numbers})"]
        self._by_place["dues", part] = name

    def _name_filters(self, policy: m.Policy) -> None:
        """The numbers of filters count through for each kind of event: PURCHASE_WHERE_1, PURCHASE_WHERE_2."""
        numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
        for feature in policy.features:
            if isinstance(feature.expr, ex.Windowed | ex.Last | ex.First | ex.DaysSince):
                chosen = feature.expr.select
                if chosen.where is not None and chosen not in self.filters:
                    prefix, counted = f"{chosen.kind}_WHERE", numbers[chosen.kind]
                    self.filters[chosen] = self._named(chosen.where, prefix, chosen.kind, counted)

    def _name_days(self, policy: m.Policy) -> None:
        """The numbers of the conditions that count days."""
        for feature in policy.features:
            if isinstance(feature.expr, ex.Daily) and (of := feature.expr.of) not in self.day_ends:
                self.day_texts[of] = shortened(self._text.of(of), 80)
                self.day_ends[of] = self._named(of, f"DAYS_WHERE_{len(self.day_ends) + 1}")

    def _named_feature(self, feature: m.Feature) -> m.Feature:
        if isinstance(feature.expr, ex.Measure):
            return feature
        return replace(feature, expr=self._named(feature.expr, self._names.variables[feature.name]))

    def _named_trigger(self, trigger: m.Trigger) -> m.Trigger:
        name, path = trigger.name, f"triggers.{trigger.name}"
        when = self._named(trigger.when, f"{name}_WHEN")
        clear = self._named(trigger.clear, f"{name}_CLEAR") if trigger.clear is not None else None
        if trigger.hold_days:
            self._settings(name, trigger, path, ("hold", "hold_days", "HOLD_DAYS", "days"))
        if trigger.cap_bp < 10_000:
            self._settings(name, trigger, path, ("cap", "cap_bp", "CAP_BP", "share"))
        if trigger.expires_days is not None:
            self._settings(name, trigger, path, ("expires", "expires_days", "EXPIRES_DAYS", "days"))
        if trigger.announced:
            self._settings(name, trigger, path, ("effective", "effective_days", "EFFECTIVE_DAYS", "days"))
        limit = None if trigger.limit is None else self._named_limit(trigger.limit, name, path)
        return replace(trigger, when=when, clear=clear, limit=limit)

    def _named_limit(self, limit: m.LimitAmount, name: str, path: str) -> m.LimitAmount:
        if limit.round_minor:
            self._setting(name, "round", "ROUND_MINOR", limit.round_minor, "money", f"{path}.limit")
        if limit.floor_minor:
            self._setting(name, "floor", "FLOOR_MINOR", limit.floor_minor, "money", f"{path}.limit")
        return replace(limit, value=self._named(limit.value, f"{name}_LIMIT"))

    def _named_assign(self, assign: m.Assign | None) -> m.Assign | None:
        if assign is None:
            return None
        rules = (replace(rule, when=self._named(rule.when, f"{rule.name}_REFUSE")) for rule in assign.refuse)
        return m.Assign(self._named_limit(assign.limit, "assign", "assign"), tuple(rules))

    def _named_restoration(self, restoration: m.Restoration) -> m.Restoration:
        section = schedule_key(restoration)
        self._settings(
            section,
            restoration,
            f"restoration.{restoration.name}" if restoration.name else section,
            ("first", "first_bp", "FIRST_BP", "share"),
            ("step", "step_bp", "STEP_BP", "share"),
            ("every", "every_days", "EVERY_DAYS", "days"),
        )
        if restoration.condition is None:
            return restoration
        return replace(restoration, condition=self._named(restoration.condition, f"{section}_while"))

    def _named_offer(self, offer: m.Offer) -> m.Offer:
        owner, path = offer_key(offer), f"offers.{offer.name}" if offer.name else "offer"
        when = self._named(offer.when, f"{owner}_WHEN")
        parts: list[_Part] = [
            ("increase", "increase_bp", "INCREASE_BP", "share"),
            ("up_to", "up_to_minor", "UP_TO_MINOR", "money"),
            ("every", "every_days", "EVERY_DAYS", "days"),
            ("valid", "valid_days", "VALID_DAYS", "days"),
        ]
        if offer.name:
            further: list[_Part] = [
                ("add", "add_minor", "ADD_MINOR", "money"),
                ("after_decline", "decline_days", "DECLINE_DAYS", "days"),
                ("after_accept", "accept_days", "ACCEPT_DAYS", "days"),
            ]
            varying = dict(offer.by_segment)
            parts = [part for part in (*parts, *further) if getattr(offer, part[1]) or part[1] in varying]
        self._settings(owner, offer, path, *parts)
        return replace(offer, when=when, to=self._named_limit(offer.to, owner, path) if offer.to else None)

    def _name_score(self, policy: m.Policy) -> None:
        score = policy.score
        if score is None:
            return
        self._add("SCORE_BASE", score.base, f"score.base: {score.base}", "score", "base")
        for bins in score.bins:
            self._name_bins(policy, bins)
        for table in score.tables:
            self._name_table(policy, table)
        texts = [f"below {cut}" for cut in score.pd_below] + ["otherwise"]
        for i, cut in enumerate(score.pd_below):
            self._add(f"PD_BELOW_{i + 1}", cut, f"score.pd: {texts[i]}", "pd below", str(i))
        for i, ppm in enumerate(score.pd_ppm):
            text = f"score.pd: {texts[i]}: {self._text.number(ppm, 'pd')}"
            self._add(f"PD_PPM_{i + 1}", ppm, text, "pd", str(i))

    def _name_bins(self, policy: m.Policy, bins: Bins) -> None:
        feature, owner = policy.feature(bins.feature), self._names.variables[bins.feature]
        path, key = f"score.{bins.group}.{bins.feature}", f"{bins.group}.{bins.feature}"
        texts = self._below(feature, owner, path, bins.below, key)
        points = bins.by_choice or bins.points
        if bins.by_choice:
            texts = [f"is {word}" for word in feature.choices or ("false", "true")]
        for i, value in enumerate(points):
            self._add(f"{owner}_POINTS_{i + 1}", value, f"{path}: {texts[i]}: {value}", "points", key, str(i))
        if feature.maybe_missing:
            text = f"{path}: missing: {bins.missing}"
            self._add(f"{owner}_POINTS_MISSING", bins.missing, text, "points", key, "missing")

    def _name_table(self, policy: m.Policy, table: PointsTable) -> None:
        owner = f"{self._names.variables[table.row]}_by_{self._names.variables[table.column]}"
        path, key = f"score.{table.group}.{table.row} by {table.column}", f"{table.group}.{table.row}.{table.column}"
        sides = ((table.row, f"{owner}_ROW", table.row_below), (table.column, f"{owner}_COLUMN", table.column_below))
        rows, columns = (
            [*self._below(policy.feature(name), prefix, path, below, f"{key} {side}"), "missing"]
            for side, (name, prefix, below) in zip(("row", "column"), sides, strict=True)
        )
        for i, row in enumerate(table.points):
            for k, value in enumerate(row):
                text = f"{path}: {rows[i]}, {columns[k]}: {value}"
                self._add(f"{owner}_POINTS_{i + 1}_{k + 1}", value, text, "points", key, str(i), str(k))

    def _below(self, feature: m.Feature, owner: str, path: str, below: tuple[int, ...], key: str) -> list[str]:
        """Names the cut points of one feature; the text of each bin."""
        texts = [f"below {self._text.of(ex.Literal(cut, feature.unit))}" for cut in below]
        for i, cut in enumerate(below):
            name = self._add(f"{owner}_BELOW_{i + 1}", cut, f"{path}: {texts[i]}", "below", key, str(i))
            self._answers.setdefault((feature.name, cut), name)
        return [*texts, "otherwise"]


def slack_names(used: dict[str, Use], names: Names) -> tuple[dict[Slack, tuple[str, str]], list[str]]:
    """Names for how far the score may stand from a cut for its parts to matter, and their lines."""
    slack: dict[Slack, tuple[str, str]] = {}
    lines: list[str] = []
    for feature, use in used.items():
        for guard in (*use.crossing, *use.any):
            for one in guard:
                if isinstance(one, Slack) and one not in slack:
                    owner = slug(names.variables[feature]).upper()
                    slack[one] = names.space.take(f"{owner}_FALL"), names.space.take(f"{owner}_RISE")
                    lines += [f"{name} = {most}" for name, most in zip(slack[one], (one.fall, one.rise), strict=True)]
    why = (
        "# Worked out from the points: by time alone a feature and all that move the score less can take it down,",
        "# and up, by no more than this.",
    )
    return slack, [*why, *lines] if lines else []
