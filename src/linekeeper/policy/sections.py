"""The sections of a policy below its features: score, triggers, restoration, authorise, brake."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal as OneOf

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import FileError
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allow
from linekeeper.policy.checker import DAYS_MAX
from linekeeper.policy.functions import FACTS, RELIEF_FACT
from linekeeper.policy.reader import Reader
from linekeeper.policy.source import Listing, Node, Scalar, Table
from linekeeper.policy.treatments import TREATMENT_KEYS, read_treatments
from linekeeper.scorecard.artifact import Artifact, open_artifact
from linekeeper.scorecard.card import SCORE_MAX, Bins, Score, reach, scored_features
from linekeeper.scorecard.tree_validation import direction_fault

GROUPS = ("ability", "willingness")
TRIGGERS_MAX = 60
BINS_MAX = 200
EFFECTIVE_MAX = 365
COOLING_DAYS_MAX = 3_650
POINTS_MAX = 100_000
OVER_LIMIT_WORDS = ("accept", "flag", "reject")

# ------------------------------------------------------------------ score


def read_score(node: Node | None, reader: Reader, read_card: Callable[[str], bytes] | None) -> Score | None:
    """The scorecard, written in place or named as a fitted artifact."""
    if node is None:
        return None
    table = reader.table(node, "`score`")
    card = table.get("card")
    if card is not None:
        return _card(card, table, reader, read_card)
    reader.only(table, ("base", *GROUPS, "pd"))
    base = table.get("base")
    written = [
        (group, *entry)
        for group in GROUPS
        if (part := table.get(group)) is not None
        for entry in reader.table(part, f"`{group}`").entries
    ]
    bins = [_bins(key, value, group, reader) for group, key, value in written]
    if not written:
        reader.faults.add(table, "the score has no parts", "put features under `ability` and `willingness`")
    pd = table.get("pd")
    below, ppm = (
        _steps(reader.table(pd, "`pd`"), "points", "pd", (0, 1_000_000), reader) if pd is not None else ((), (0,))
    )
    base_points = reader.constant(base, "points", -POINTS_MAX, POINTS_MAX) if base is not None else 0
    score = Score(base_points, GROUPS, tuple(part for part in bins if part is not None), (), below, ppm)
    if max(map(abs, reach(score))) > SCORE_MAX:
        reader.faults.add(table, f"the points add up to more than {SCORE_MAX:,}", "score fewer features, or with less")
    return score


def _card(node: Node, table: Table, reader: Reader, read_card: Callable[[str], bytes] | None) -> Score | None:
    reader.only(table, ("card", "sha256"))
    name = node.text if isinstance(node, Scalar) else ""
    if not name or name.startswith(("/", "\\")) or ".." in name or read_card is None:
        reader.faults.add(
            node, f"the card `{name}` is not a file beside the policy", "name a file in the policy's folder"
        )
        return None
    try:
        artifact = open_artifact(read_card(name))
    except (FileError, ValueError) as error:
        reader.faults.add(node, f"the card `{name}` cannot be read: {error}")
        return None
    scorecard = artifact.score
    for feature in scored_features(scorecard):
        if feature not in reader.features and not (feature in FACTS and reader.fact(feature)):
            reader.faults.unknown(node, f"in the card `{name}` the feature", feature, reader.features)
    for group in scorecard.groups:
        if group in reader.features or group in (*FACTS, "score", "pd"):
            message = f"the card `{name}` has a group of points `{group}`, and that is the name of another value"
            reader.faults.add(node, message, "give the group a name of its own")
    stated = table.get("sha256")
    if not isinstance(stated, Scalar) or stated.text != scorecard.card:
        what = "`sha256` is missing" if stated is None else f"`sha256` is not that of the card `{name}`"
        reader.faults.add(stated or node, what, f"write `sha256: {scorecard.card}` if this is the card that you mean")
    for part in scorecard.bins:
        if part.feature in reader.features:
            _check_direction(node, reader.features[part.feature], part.points, reader)
    if scorecard.trees:
        _check_trees(node, artifact, reader)
    _check_inputs(node, artifact, reader)
    return scorecard


def _check_trees(node: Node, artifact: Artifact, reader: Reader) -> None:
    """Directions that the policy declares, proved by the trees."""
    inputs = {one.name: one for one in artifact.inputs}
    for name in scored_features(artifact.score):
        feature = reader.features.get(name)
        if feature is None:
            continue
        special = inputs[name].special if name in inputs else ()
        worse, every = feature.worse, artifact.score.trees
        places = (direction_fault(trees, name, worse, special) for trees in every) if worse else ()
        if place := next((place for place in places if place), None):
            message = f"`{name}` is declared `worse: {feature.worse}`, but {place} of the card gives more points"
            reader.faults.add(node, message, "fit the trees with that direction, or remove `worse`")


def _check_inputs(node: Node, artifact: Artifact, reader: Reader) -> None:
    """Choices in the order that the card knows, and amounts in its unit: both are numbers to the card."""
    scored = {*scored_features(artifact.score)}
    for one in artifact.inputs:
        feature = reader.features.get(one.name)
        if feature is None or one.name not in scored:
            continue
        if one.choices and feature.choices and one.choices != feature.choices:
            listed = ", ".join(f"`{choice}`" for choice in one.choices[:12])
            message = f"the card's choices of `{one.name}` are not those of the policy, in their order"
            reader.faults.add(node, message, f"list them as the card does: {listed}")
        expected = {"share": ("%", 2), "money": (reader.currency, reader.exponent)}.get(feature.unit)
        if one.unit and expected and (one.unit, one.unit_digits) != expected:
            unit, digits = expected
            message = f"on the card, `{one.name}` is in {one.unit} with {one.unit_digits} digits after the point"
            reader.faults.add(node, message, f"fit it in {unit} with {digits}, as the policy counts it")


def _bins(key: Scalar, node: Node, group: str, reader: Reader) -> Bins | None:
    if key.text in reader.later:
        reader.faults.add(key, f"`{key.text}` reads the score, so it cannot be scored", "score what it is made of")
        return None
    feature = reader.features.get(key.text) or (reader.fact(key.text) if key.text in FACTS else None)
    if feature is None:
        if key.text not in reader.declared:  # otherwise its own fault is noted where it stands
            reader.faults.unknown(key, "the feature", key.text, (*reader.declared, *FACTS))
        return None
    table = reader.table(node, f"the bins of `{key.text}`")
    if len(table.entries) > BINS_MAX:
        reader.faults.add(node, f"`{key.text}` has more than {BINS_MAX} bins")
    missing = _missing(key, table, feature, reader)
    if feature.unit in ("category", "flag"):
        return Bins(key.text, group, (), (), missing, _by_choice(key, table, feature, reader))
    rest = Table(tuple(entry for entry in table.entries if entry[0].text != "missing"), table.line, table.column)
    below, points = _steps(rest, feature.unit, "points", (-POINTS_MAX, POINTS_MAX), reader)
    _check_direction(key, feature, points, reader)
    return Bins(key.text, group, below, points, missing)


def _missing(key: Scalar, table: Table, feature: m.Feature, reader: Reader) -> int:
    node = table.get("missing")
    if node is None:
        if feature.maybe_missing:
            way_out = "add `missing: POINTS`"
            reader.faults.add(key, f"`{key.text}` may be missing and has no bin for it", way_out)
        return 0
    return reader.constant(node, "points", -POINTS_MAX, POINTS_MAX)


def _check_direction(node: Node, feature: m.Feature, points: tuple[int, ...], reader: Reader) -> None:
    if feature.worse is None:
        return
    steps = list(pairwise(points))
    wrong = any(b > a for a, b in steps) if feature.worse == "higher" else any(b < a for a, b in steps)
    if wrong:
        message = f"`{feature.name}` is declared `worse: {feature.worse}`, but a worse bin gets more points"
        reader.faults.add(node, message, "put the points in order, or remove `worse`")


def _steps(
    table: Table, unit: ex.Unit, value_unit: ex.Unit, bounds: tuple[int, int], reader: Reader
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`below X: v` lines and a last `otherwise: v` as (cuts, values)."""
    cuts: list[int] = []
    values: list[int] = []
    for position, (key, value) in enumerate(table.entries):
        values.append(reader.constant(value, value_unit, *bounds))
        word, _, rest = key.text.partition(" ")
        last = position == len(table.entries) - 1
        if key.text == "otherwise" and last:
            return tuple(cuts), tuple(values)
        if word != "below" or last:
            break
        cuts.append(reader.constant(Scalar(rest, rest, key.line, key.column + 6), unit, -MONEY_MAX, MONEY_MAX))
        if len(cuts) > 1 and cuts[-1] <= cuts[-2]:
            reader.faults.add(
                key, f"`{key.text}` does not lie above the line before it", "put the bins in rising order"
            )
    reader.faults.add(table, "bins are `below X: value` lines and a last `otherwise: value`")
    return (), (0,)


def _by_choice(key: Scalar, table: Table, feature: m.Feature, reader: Reader) -> tuple[int, ...]:
    choices = feature.choices or ("false", "true")
    points: dict[str, int] = {}
    for where, value in table.entries:
        if where.text == "missing":
            continue
        word = where.text.removeprefix("is ").strip().strip("\"'")
        if word not in (*choices, "otherwise") or (word != "otherwise" and not where.text.startswith("is ")):
            way_out = 'write `is "word": points`, one of ' + ", ".join(f"`{choice}`" for choice in choices[:12])
            reader.faults.add(where, f"`{where.text}` is not a bin of `{key.text}`", way_out)
            continue
        points[word] = reader.constant(value, "points", -POINTS_MAX, POINTS_MAX)
    if "otherwise" not in points and set(points) != set(choices):
        reader.faults.add(key, f"`{key.text}` has words without points", "add `otherwise: POINTS`")
    return tuple(points.get(choice, points.get("otherwise", 0)) for choice in choices)


# ------------------------------------------------------------------ triggers

TRIGGER_KEYS = (
    *("when", "clear", "hold", "cap", "suspend", "close", "reason", "terminal", "expires", "limit", "allow"),
    *("restore", "effective", "watch", "contact", "price"),
)
LIMIT_KEYS = ("amount", "round", "round_down", "floor", "follow")
MOVED_BY_CUTS = ("limit", "available", "utilisation", "days_in_status")  # what a limit that follows would follow itself


class Numbers:
    """Reads the numbers of one rule; those that differ by segment are kept in `by_segment`."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.by_segment = reader, list[tuple[str, tuple[int, ...]]]()

    def of(
        self,
        name: str,
        node: Node | None,
        unit: ex.Unit,
        bounds: tuple[int, int],
        strictest: Callable[[tuple[int, ...]], int],
    ) -> int:
        """The number, or the strictest of all segments; the least that it may be where it is absent."""
        if node is None:
            return bounds[0]
        values = self.reader.constants(node, unit, *bounds)
        if len(set(values)) > 1:
            self.by_segment.append((name, values))
        return strictest(values)


def read_triggers(node: Node, reader: Reader) -> tuple[m.Trigger, ...]:
    """All triggers, in the order of the file (which has no effect)."""
    table = reader.table(node, "`triggers`") if not isinstance(node, Scalar) or node.text else Table((), 0, 0)
    if len(table.entries) > TRIGGERS_MAX:
        reader.faults.add(table, f"there are {len(table.entries)} triggers, at most {TRIGGERS_MAX} are possible")
    return tuple(_trigger(key, value, reader) for key, value in table.entries)


def _trigger(key: Scalar, node: Node, reader: Reader) -> m.Trigger:
    name = reader.name(key, "the trigger")
    table = reader.table(node, f"the trigger `{name}`")
    reader.only(table, TRIGGER_KEYS)
    check_allow(table.get("allow"), reader.faults)
    for needed in ("when", "reason"):
        if table.get(needed) is None:
            reader.faults.add(key, f"the trigger `{name}` has no `{needed}`", f"add `{needed}: ...`")
    if not any(table.get(effect) for effect in ("cap", "limit", "suspend", "close", *TREATMENT_KEYS)):
        reader.faults.add(key, f"the trigger `{name}` does nothing", "add `cap: 50%`, `suspend: yes` or `close: yes`")
    when, clear, reason = table.get("when"), table.get("clear"), table.get("reason")
    expires, numbers = table.get("expires"), Numbers(reader)
    effective = numbers.of("effective_days", table.get("effective"), "days", (0, EFFECTIVE_MAX), min)
    trigger = m.Trigger(
        name,
        _guarded(name, reader.condition(when) if when is not None else ex.Literal(0, "flag"), reader),
        reader.condition(clear) if clear is not None else None,
        reader.name(reason, "the reason") if reason is not None else "",
        numbers.of("hold_days", table.get("hold"), "days", (0, DAYS_MAX), max),
        10_000 if table.get("cap") is None else numbers.of("cap_bp", table.get("cap"), "share", (0, 10_000), min),
        reader.flag(table.get("suspend")),
        reader.flag(table.get("close")),
        reader.flag(table.get("terminal")),
        numbers.of("expires_days", expires, "days", (1, DAYS_MAX), max) if expires is not None else None,
        tuple(numbers.by_segment),
        read_amount(table.get("limit"), reader),
        effective,
        read_treatments(table, reader),
        _schedule_place(table.get("restore"), reader),
    )
    if trigger.announced and not trigger.restricts:
        message = f"the trigger `{name}` takes nothing away, so there is nothing to announce"
        reader.faults.add(table.get("effective") or key, message, "remove `effective`, or add `cap: 50%` or the like")
    return trigger


def _schedule_place(node: Node | None, reader: Reader) -> int:
    """The place of the schedule of restoration that a trigger names; the first where it names none."""
    if node is None:
        return 0
    if reader.schedules:
        return reader.schedules.index(reader.word(node, reader.schedules))
    way_out = "remove it, or give the schedules names: `restoration: {slowly: {first: 40%, ...}, ...}`"
    reader.faults.add(node, "`restore` names a schedule, and those of `restoration` have no names", way_out)
    return 0


def _guarded(name: str, when: ex.Expr, reader: Reader) -> ex.Expr:
    """A condition that holds in no arm without the trigger, and in no moratorium in which the trigger waits."""
    tests = reader.guards.get(name, ())
    return ex.And((*tests, when)) if tests else when


def read_amount(node: Node | None, reader: Reader) -> m.LimitAmount | None:
    """The amount to which a trigger takes the limit: an expression, or a mapping with more said about it."""
    if node is None:
        return None
    table = node if isinstance(node, Table) else Table((), node.line, node.column, node.file)
    reader.only(table, LIMIT_KEYS)
    amount = table.get("amount") if isinstance(node, Table) else node
    up, down, floor = (table.get(key) for key in ("round", "round_down", "floor"))
    if amount is None:
        reader.faults.add(node, "the key `amount` is missing", 'write `limit: {amount: "part(granted, 60%)", ...}`')
        return None
    if up is not None and down is not None:
        reader.faults.add(down, "`round` and `round_down` contradict each other", "write one of the two")
    step, follows = up or down, reader.flag(table.get("follow"))
    value = reader.amount(amount)
    if follows and isinstance(amount, Scalar):
        for name in sorted({node.name for node in reader.reached(value)} & set(MOVED_BY_CUTS)):
            message = f"a limit that follows cannot read `{name}`, which it moves"
            reader.faults.add(amount, message, "remove `follow`, or take it from `granted` or `balance`")
    return m.LimitAmount(
        value,
        reader.constant(step, "money", 1, MONEY_MAX) if step is not None else 0,
        up is None and down is not None,
        reader.constant(floor, "money", 0, MONEY_MAX) if floor is not None else 0,
        follows,
    )


def needed(table: Table, key: str, reader: Reader) -> Node | None:
    """What stands under a key; a fault, and None, where it is absent."""
    node = table.get(key)
    if node is None:
        reader.faults.add(table, f"the key `{key}` is missing", f"write `{key}: ...`")
    return node


# ------------------------------------------------------------------ authorise, brake


def read_authorise(node: Node | None, reader: Reader) -> tuple[m.AuthoriseRule, ...]:
    """Rules that deny a draw; `amount` is the draw asked for."""
    rules = []
    for key, value in reader.table(node, "`authorise`").entries if node is not None else ():
        table = reader.table(value, f"the rule `{key.text}`")
        reader.only(table, ("deny", "reason", "allow"))
        check_allow(table.get("allow"), reader.faults)
        deny, reason = needed(table, "deny", reader), needed(table, "reason", reader)
        if deny is not None and reason is not None:
            condition = reader.condition(deny, asked_amount=True)
            rules.append(m.AuthoriseRule(reader.name(key, "the rule"), condition, reader.name(reason, "the reason")))
    if len(rules) > TRIGGERS_MAX:
        reader.faults.add(node or Listing((), 0, 0), f"there are more than {TRIGGERS_MAX} rules")
    return tuple(rules)


def read_taken_up(events: Node | None, reader: Reader) -> m.OwnLimit | None:
    """The terms of the built-in kinds that a policy takes up under `events`: of `own_limit` its cooling period."""
    terms = {key.text: (key, value) for key, value in events.entries} if isinstance(events, Table) else {}
    if "grant" in terms:
        key, value = terms["grant"]
        if not (isinstance(value, Table) and not value.entries) and not (isinstance(value, Scalar) and not value.text):
            reader.faults.add(key, "the event kind `grant` is built in", "write `grant: {}`, or choose another name")
    if "own_limit" not in terms:
        return None
    key, value = terms["own_limit"]
    cooling = value.get("cooling") if isinstance(value, Table) else None
    if cooling is None or not isinstance(value, Table) or len(value.entries) > 1:
        message = "the event kind `own_limit` is built in, and has one term"
        reader.faults.add(key, message, "write `own_limit: {cooling: 7d}`: how long a wish to lift waits")
        return None
    return m.OwnLimit(reader.constant(cooling, "days", 0, COOLING_DAYS_MAX))


def read_assign(node: Node | None, triggers: tuple[m.Trigger, ...], reader: Reader) -> m.Assign | None:
    """The first limit of a line: an amount, and the rules that refuse it."""
    if node is None:
        return None
    table = reader.table(node, "`assign`")
    reader.only(table, ("limit", "refuse"))
    limit, refuse = table.get("limit"), table.get("refuse")
    if limit is None:
        reader.faults.add(node, "`assign` has no `limit`", 'write `limit: "part(limit, 60%)"`, an amount of money')
        return None
    amount = read_amount(limit, reader)
    if amount is None:
        return None
    if not amount.floor_minor:
        way_out = "write `limit: {amount: ..., floor: 500 CNY}`; whoever is to get nothing is refused, with a reason"
        reader.faults.add(limit, "a first limit without `floor` could be nothing", way_out)
    if amount.follows:
        reader.faults.add(limit, "a first limit is taken once, so `follow` says nothing", "remove it")
    rules = []
    for key, value in reader.table(refuse, "`refuse`").entries if refuse is not None else ():
        rule = reader.table(value, f"the rule `{key.text}`")
        reader.only(rule, ("when", "reason"))
        when, reason = needed(rule, "when", reader), needed(rule, "reason", reader)
        if key.text in {trigger.name for trigger in triggers}:
            reader.faults.add(key, f"`{key.text}` is the name of a trigger", "give the rule another name")
        if when is not None and reason is not None:
            code = reader.name(reason, "the reason")
            rules.append(m.Trigger(reader.name(key, "the rule"), reader.condition(when), None, code))
    if len(rules) > TRIGGERS_MAX:
        reader.faults.add(node, f"there are more than {TRIGGERS_MAX} rules")
    return m.Assign(amount, tuple(rules))


def read_draws(node: Node | None, reader: Reader) -> OneOf["accept", "flag", "reject"]:
    """What becomes of a draw that has happened, of more than was available."""
    table = reader.table(node, "`draws`") if node is not None else Table((), 0, 0)
    reader.only(table, ("over_limit",))
    over = table.get("over_limit")
    match reader.word(over, OVER_LIMIT_WORDS) if over is not None else "accept":
        case "flag":
            return "flag"
        case "reject":
            return "reject"
    return "accept"


def read_moratorium(node: Node | None, trigger_names: tuple[str, ...], reader: Reader) -> m.Moratorium | None:
    """Which triggers wait while an account is in a moratorium; each of them asks for it from now on."""
    if node is None:
        return None
    table = reader.table(node, "`moratorium`")
    reader.only(table, ("waits",))
    listed = table.get("waits")
    if listed is not None and not isinstance(listed, Listing):
        reader.faults.add(listed, "`waits` is a list of triggers", "write `waits: [arrears_30]`")
    waits: list[str] = []
    for item in listed.items if isinstance(listed, Listing) else ():
        name = item.text if isinstance(item, Scalar) else ""
        if name not in trigger_names:
            reader.faults.unknown(item, "the trigger", name, trigger_names)
        elif name not in waits:
            waits.append(name)
            in_moratorium = ex.Ref(reader.fact(RELIEF_FACT).name, ex.FLAG)
            reader.guards[name] = (*reader.guards.get(name, ()), ex.Not(in_moratorium))
    return m.Moratorium(tuple(waits))


def read_brake(node: Node | None, reader: Reader) -> m.Brake | None:
    """How much automatic restrictions may hit in a day."""
    if node is None:
        return None
    table = reader.table(node, "`brake`")
    reader.only(table, ("lines", "exposure"))
    lines, exposure = needed(table, "lines", reader), needed(table, "exposure", reader)
    return m.Brake(
        reader.constant(lines, "share", 1, 10_000) if lines is not None else 1,
        reader.constant(exposure, "share", 1, 10_000) if exposure is not None else 1,
    )
