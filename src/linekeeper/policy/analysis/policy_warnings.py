"""What a valid policy says that its author may not have meant: conditions, latches and names, one warning each.

A warning is given only where it is proved: by the intervals that values lie in, or by trying every combination of the
values between a condition's constants. Each has a code of `warning_codes`, its place in the file and a way out.

>>> from linekeeper.policy.load import load_text
>>> policy = load_text('''
... policy: tiny
... version: 1
... currency: CNY
... time_zone: UTC
... triggers:
...   late: {when: days_past_due >= 30 and days_past_due >= 3, suspend: yes, reason: arrears}
... ''')
>>> print(find_warnings(policy)[0])
policy.yaml:7:16: note adds_nothing: `days_past_due >= 3` adds nothing to `days_past_due >= 30` in `late`; remove it
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.allowances import Allowances, allowances
from linekeeper.policy.analysis.cut_effects import cut_warnings
from linekeeper.policy.analysis.domains import Domains
from linekeeper.policy.analysis.proofs import Prover
from linekeeper.policy.analysis.releases import release_warnings
from linekeeper.policy.analysis.remarks import Path, Remark
from linekeeper.policy.analysis.unused import read_names, unused_warnings
from linekeeper.policy.expression_text import ExpressionText
from linekeeper.policy.source import Node, Scalar, Table, read
from linekeeper.policy.warning_codes import WARNING_CODES, Severity

SHORT_MONTHS = 2
_TEXT_MAX = 120


@dataclass(frozen=True, slots=True)
class PolicyWarning:
    """One warning: its code, where it stands (1-based; 0 where the file does not say), and the way out.

    `construct` are the names that lead to it in the file, `allowed` is the reason for which the file silences it.
    """

    code: str
    message: str
    way_out: str
    construct: tuple[str, ...]
    file: str = ""
    line: int = 0
    column: int = 0
    allowed: str | None = None

    @property
    def severity(self) -> Severity:
        """`warning` for what decides, `note` for what is superfluous."""
        return WARNING_CODES[self.code].severity

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        return f"{place}{self.severity} {self.code}: {self.message}; {self.way_out}"


def find_warnings(
    policy: m.Policy,
    file: str = "policy.yaml",
    worded: Collection[str] | None = None,
    others: Collection[Remark] = (),
) -> list[PolicyWarning]:
    """All warnings of a policy, those that it allows with them, in the order of the file.

    `worded` are the reason codes that have a text of their own; None: that is not asked. `others` are remarks by
    whoever looks at more than the policy: at the words of its letters.
    """
    remarks = list(dict.fromkeys((*_Search(policy).remarks(worded), *others)))
    root = read(policy.written or policy.source, file)
    allowed = allowances(root)
    warnings = [_placed(one, root, file, allowed) for one in remarks]
    given = {(*_owner(one.construct), one.code) for one in remarks}
    for place, (code, _) in allowed.items():
        if place not in given and place[-1] != "allow_unneeded":
            line, column = code.place()
            what = f"`{'.'.join(place[:-1])}` allows `{place[-1]}`, which is not given there"
            warnings.append(PolicyWarning("allow_unneeded", what, "remove it", place[:-1], file, line, column))
    return sorted(warnings, key=lambda one: (one.line, one.column, one.code, one.message))


def _owner(construct: Path) -> Path:
    """The construct whose `allow` silences a warning: a trigger, not its `when`."""
    if construct[0] == "restoration":  # one without a name, or several with names
        return construct[: max(1, len(construct) - 1)]
    return construct if construct[0] == "events" else construct[: 2 if construct[0] in _NAMED else 1]


_NAMED = ("triggers", "features", "authorise")


def _placed(remark: Remark, root: Table, file: str, allowed: Allowances) -> PolicyWarning:
    code, reason = allowed.get((*_owner(remark.construct), remark.code), (None, None))
    del code
    line, column = _place(root, remark.construct)
    return PolicyWarning(remark.code, remark.message, remark.way_out, remark.construct, file, line, column, reason)


def _place(root: Table, construct: Path) -> tuple[int, int]:
    """Where the names lead: to the expression where there is one, else to the key; (0, 0) where there is neither."""
    node: Node = root
    place = (0, 0)
    for name in construct:
        if not isinstance(node, Table):
            return place
        entry = next(((key, value) for key, value in node.entries if key.text == name), None)
        if entry is None:
            return place
        key, node = entry
        place = (node if isinstance(node, Scalar) and node.text else key).place()
    return place


# ------------------------------------------------------------------ the search


@dataclass(frozen=True, slots=True)
class _Place:
    """A condition of the policy: where it stands, whose it is, and of which kind of event where it is a filter."""

    construct: Path
    owner: str
    condition: ex.Expr
    kind: str = ""


class _Search:
    def __init__(self, policy: m.Policy) -> None:
        self.policy, self.text = policy, ExpressionText(policy)
        self.prover = Prover(Domains(policy))

    def remarks(self, worded: Collection[str] | None) -> Iterator[Remark]:
        """Every remark, in no particular order."""
        for place in self._conditions():
            yield from self._condition(place)
        for trigger in self.policy.triggers:
            yield from self._caps(trigger)
            yield from self._wordings(trigger, worded)
        yield from self._implied_triggers()
        yield from self._short_months()
        yield from release_warnings(self.policy, self.text)
        yield from cut_warnings(self.policy, self.prover)
        yield from unused_warnings(self.policy)

    # -------------------------------------------------------------- conditions

    def _conditions(self) -> Iterator[_Place]:
        """Every condition that is written in the file, filters and the tests of choices among them."""
        for trigger in self.policy.triggers:
            yield _Place(("triggers", trigger.name, "when"), trigger.name, trigger.when)
            if trigger.clear is not None:
                yield _Place(("triggers", trigger.name, "clear"), trigger.name, trigger.clear)
        for rule in self.policy.authorise:
            yield _Place(("authorise", rule.name, "deny"), rule.name, rule.deny)
        for schedule in self.policy.restorations:
            if schedule.condition is not None:
                names = (schedule.name,) if schedule.name else ()
                yield _Place(("restoration", *names, "while"), schedule.name or "restoration", schedule.condition)
        for offer in self.policy.offers:
            path = ("offers", offer.name, "when") if offer.name else ("offer", "when")
            yield _Place(path, offer.name or "offer", offer.when)
        for feature in self.policy.features:
            yield from self._conditions_of_feature(feature)

    def _conditions_of_feature(self, feature: m.Feature) -> Iterator[_Place]:
        construct = ("features", feature.name)
        select = getattr(feature.expr, "select", None)
        if isinstance(select, ex.Select) and select.where is not None:
            yield _Place(construct, feature.name, select.where, select.kind)
        if isinstance(feature.expr, ex.Not | ex.And | ex.Or | ex.Compare | ex.In):
            yield _Place(construct, feature.name, feature.expr)
        else:
            for node in ex.nodes_of(feature.expr):
                if isinstance(node, ex.If):
                    yield _Place(construct, feature.name, node.test)

    def _condition(self, place: _Place) -> Iterator[Remark]:
        """The condition as a whole; where that can turn, its parts."""
        condition = place.condition
        if isinstance(condition, ex.Literal):  # a word that was written on purpose; but a latch always set is none
            if condition.value == 1 and place.construct[0] == "triggers" and place.construct[-1] == "when":
                yield self._remark("always_true", place, condition, self.prover)
            return
        prover = Prover(self.prover.domains, place.kind) if place.kind else self.prover
        if prover.never(condition):
            yield self._remark("never_true", place, condition, prover)
        elif prover.always(condition):
            yield self._remark("always_true", place, condition, prover)
        else:
            yield from self._parts(condition, place, prover)

    def _parts(self, expr: ex.Expr, place: _Place, prover: Prover) -> Iterator[Remark]:
        if isinstance(expr, ex.Not):
            yield from self._parts(expr.item, place, prover)
        if not isinstance(expr, ex.And | ex.Or):
            return
        turning = []
        for item in expr.items:
            if not isinstance(item, ex.Literal) and (prover.never(item) or prover.always(item)):
                code = "never_true" if prover.never(item) else "always_true"
                yield self._remark(code, place, item, prover)
            else:
                turning.append(item)
                yield from self._parts(item, place, prover)
        yield from self._implied(expr, turning, place, prover)

    def _implied(self, expr: ex.And | ex.Or, items: list[ex.Expr], place: _Place, prover: Prover) -> Iterator[Remark]:
        """Parts that another part makes superfluous: of an `and` the weaker, of an `or` the stronger."""
        gone: set[int] = set()
        for number, item in enumerate(items):
            for other_number, other in enumerate(items):
                if number == other_number or other_number in gone or isinstance(item, ex.Literal):
                    continue
                superfluous = prover.implies(other, item) if isinstance(expr, ex.And) else prover.implies(item, other)
                if superfluous:
                    gone.add(number)
                    what = (
                        f"{self._quoted(item, place)} adds nothing to {self._quoted(other, place)} in `{place.owner}`"
                    )
                    yield Remark("adds_nothing", self._written_at(place), what, "remove it")
                    break

    def _remark(self, code: str, place: _Place, condition: ex.Expr, prover: Prover) -> Remark:
        answer = "can never hold" if code == "never_true" else "always holds"
        what = f"{self._quoted(condition, place)} {answer} in `{place.owner}`"
        return Remark(code, self._written_at(place), what, self._bounds(condition, place, prover))

    def _written_at(self, place: _Place) -> Path:
        """A measure that is written in a rule stands there; it is a feature of its own only inside the program."""
        if place.construct[0] != "features" or self.policy.feature(place.owner).named:
            return place.construct
        for rule in self._conditions():
            if rule.construct[0] != "features" and place.owner in _names_in(rule.condition):
                return rule.construct
        for feature in self.policy.features:
            if feature.named and place.owner in _names_in(feature.expr):
                return ("features", feature.name)
        return place.construct

    def _quoted(self, condition: ex.Expr, place: _Place) -> str:
        text = self.text.of(condition, place.kind)
        return f"`{text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 3] + '...'}`"

    def _bounds(self, condition: ex.Expr, place: _Place, prover: Prover) -> str:
        """What the values of a single comparison can be, as a way out."""
        for node in ex.nodes_of(condition):
            if isinstance(node, ex.HourOfDay):
                return "`hour` is from 0 to 23: change the constant, or remove the test"
        match condition:
            case ex.Compare(_, (ex.Ref() | ex.FieldRef() | ex.ScoreRef()) as leaf, ex.Literal(_, unit)):
                domain = prover.domains.of(leaf, place.kind)
                low, high = (self.text.number(end, unit, leaf.choices) for end in (domain.low, domain.high))
                span = f"is never below {low}" if domain.high >= MONEY_MAX else f"is from {low} to {high}"
                span = span if domain.known else "is never known"
                return f"{self._quoted(leaf, place)} {span}: change the constant, or remove the test"
        return "change it, or remove it"

    # -------------------------------------------------------------- triggers

    @staticmethod
    def _caps(trigger: m.Trigger) -> Iterator[Remark]:
        if not (trigger.caps_limit or trigger.suspend or trigger.close or trigger.treatments):
            what = f"`{trigger.name}` has a cap of 100% and restricts nothing: its latch is only recorded"
            yield Remark("cap_100", ("triggers", trigger.name, "cap"), what, "set a lower cap, or remove the trigger")

    @staticmethod
    def _wordings(trigger: m.Trigger, worded: Collection[str] | None) -> Iterator[Remark]:
        if worded is not None and trigger.reason not in worded:
            what = f"no text comes with the product for the reason `{trigger.reason}`: borrowers read the rule itself"
            yield Remark("no_wording", ("triggers", trigger.name, "reason"), what, "choose a reason that has a text")

    def _implied_triggers(self) -> Iterator[Remark]:
        """Triggers that never restrict more, or longer, than another one that is set whenever they are."""
        for trigger in self.policy.triggers:
            for other in self.policy.triggers:
                if other is not trigger and self._outlasts(other, trigger):
                    what = f"`{trigger.name}` never restricts more or longer than `{other.name}` does"
                    yield Remark("adds_nothing", ("triggers", trigger.name), what, "remove one of them")
                    break

    def _outlasts(self, strict: m.Trigger, mild: m.Trigger) -> bool:
        """Whether `strict` is set whenever `mild` is, and restricts at least as much. Of two alike the first stays."""
        effects = [(t.cap_bp, not t.suspend, not t.close) for t in (strict, mild)]
        if not all(one <= other for one, other in zip(*effects, strict=True)) or strict.expires_days is not None:
            return False
        if strict.hold_days < mild.hold_days or (mild.terminal and not strict.terminal):
            return False
        if mild.limit is not None or mild.by_segment or strict.by_segment:
            return False  # which of them restricts more depends on the account
        names = [t.name for t in self.policy.triggers]
        alike = replace(strict, name="", reason="") == replace(mild, name="", reason="")
        if alike and names.index(strict.name) > names.index(mild.name):
            return False
        prover = self.prover
        if not (mild.caps_limit or mild.suspend or mild.close):
            return False  # it restricts nothing, which has a warning of its own
        if not prover.leaves(strict.when) <= prover.leaves(mild.when) | self._related(mild.when):
            return False
        if prover.never(mild.when) or not prover.implies(mild.when, strict.when):
            return False
        if strict.terminal:
            return True
        return prover.implies(_release(strict), _release(mild))

    def _related(self, condition: ex.Expr) -> set[ex.Expr]:
        """Counts of the same in longer windows, which a condition on a shorter one says something about."""
        names = {leaf.name for leaf in self.prover.leaves(condition) if isinstance(leaf, ex.Ref)}
        return {longer for name in names for longer in self.prover.longer_windows(name)}

    # -------------------------------------------------------------- windows

    def _short_months(self) -> Iterator[Remark]:
        """Windows of one or two months that a rule reads: they lose a whole month at midnight of its last day."""
        read_by_rules = read_names(self.policy)
        for feature in self.policy.features:
            window = getattr(feature.expr, "window", None)
            if window is None or window.unit != "m" or window.length > SHORT_MONTHS:
                continue
            if feature.name in read_by_rules:
                construct = self._written_at(_Place(("features", feature.name), feature.name, ex.Literal(1, ex.FLAG)))
                text = self.text.of(feature.expr)
                what = f"`{text}` loses a whole month at once: what came on the 31st may be gone at midnight"
                yield Remark(
                    "short_month_window", construct, what, f"write `{30 * window.length}d`, which loses a day at a time"
                )


def _names_in(expr: ex.Expr) -> set[str]:
    return {node.name for node in ex.nodes_of(expr) if isinstance(node, ex.Ref)}


def _release(trigger: m.Trigger) -> ex.Expr:
    """What must hold for the latch to be released, besides the hold."""
    over = ex.Not(trigger.when)
    return over if trigger.clear is None else ex.And((over, trigger.clear))
