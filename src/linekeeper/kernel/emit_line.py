"""Code for the line half of a kernel: score, latches, envelope, status, offer, and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.cuts import Use
from linekeeper.kernel.emit_facts import note
from linekeeper.kernel.layout import LATCH_WIDTH, Layout
from linekeeper.kernel.rows import RowShape
from linekeeper.kernel.words import Words
from linekeeper.policy import model as m
from linekeeper.scorecard.card import Bins, Table

LEAVES_DAY = {"h": "({tile} + {length} + 23) // 24", "d": "{tile} + {length}", "m": "month_start({tile} + {length})"}


class LineEmitter:
    """Emits score, look, next_look and authorise."""

    def __init__(self, policy: m.Policy, layout: Layout, shape: RowShape, used: Mapping[str, Use]) -> None:
        self.policy, self.layout, self.shape, self.used = policy, layout, shape, used
        self.places = {feature.name: place for place, feature in enumerate(policy.features)}
        self.missing = frozenset(f"f{place}" for place, feature in enumerate(policy.features) if feature.maybe_missing)

    def words(self) -> Words:
        """A fresh translator in which features stand in variables."""
        names = {name: f"f{place}" for name, place in self.places.items()}
        names |= {"score": "out[O_SCORE]", "pd": "out[O_PD]"}
        names |= {group: f"out[O_GROUP{i}]" for i, group in enumerate(self.policy.groups)}
        return Words(names | {".amount": "amount"}, self.missing)

    def loads(self, *exprs: m.Expr | None) -> list[str]:
        """Lines that fetch the features which these expressions name."""
        named = {node.name for expr in exprs if expr is not None for node in m.walk(expr) if isinstance(node, m.Ref)}
        places = sorted(self.places[name] for name in named)
        return [f"    f{place} = out[{self.shape.values + place}]" for place in places]

    # -------------------------------------------------------------- score

    def score(self) -> str:
        """Points of every part; sub-totals by group; PD from the table."""
        head = ["def score(s, out):", '    """Write score, sub-scores and PD from the features in `out`."""']
        found = self.policy.score
        if found is None:
            return "\n".join([*head, "    out[O_SCORE] = 0", "    out[O_PD] = 0"])
        lines = [*head, *(f"    g{i} = 0" for i in range(len(found.groups)))]
        for part in found.bins:
            group = found.groups.index(part.group)
            lines += [
                f"    {note(part.feature)}",
                f"    v = out[{self._column(part.feature)}]",
                *self._bins(part, f"g{group}"),
            ]
        for table in found.tables:
            group = found.groups.index(table.group)
            lines += [f"    {note(f'{table.row} by {table.column}')}"]
            lines += [f"    v = out[{self._column(table.row)}]", f"    w = out[{self._column(table.column)}]"]
            lines += self._table(table, f"g{group}")
        total = " + ".join([str(found.base), *(f"g{i}" for i in range(len(found.groups)))])
        lines += [f"    out[O_GROUP{i}] = g{i}" for i in range(len(found.groups))]
        lines += [f"    v = {total}", "    out[O_SCORE] = v"]
        lines += tree("v", found.pd_below, [f"out[O_PD] = {ppm}" for ppm in found.pd_ppm], "    ")
        return "\n".join(lines)

    def _column(self, feature: str) -> int:
        return self.shape.values + self.places[feature]

    def _bins(self, part: Bins, group: str) -> list[str]:
        points = part.by_choice or part.points
        below = tuple(range(1, len(part.by_choice))) if part.by_choice else part.below
        leaves = [f"{group} += {value}" for value in points]
        known = f"f{self.places[part.feature]}" in self.missing
        if not known:
            return tree("v", below, leaves, "    ")
        inner = tree("v", below, leaves, "        ")
        return ["    if v == MISSING:", f"        {group} += {part.missing}", "    else:", *inner]

    def _table(self, table: Table, group: str) -> list[str]:
        rows = []
        for row in table.points:
            leaves = [f"{group} += {value}" for value in row]
            rows.append(self._with_missing("w", table.column_below, [[leaf] for leaf in leaves]))
        return ["    " + line for line in self._with_missing("v", table.row_below, rows)]

    @staticmethod
    def _with_missing(variable: str, below: tuple[int, ...], leaves: list[list[str]]) -> list[str]:
        *known, missing = leaves
        inner = blocks(variable, below, known, "    ")
        return [f"if {variable} == MISSING:", *(f"    {line}" for line in missing), "else:", *inner]

    # -------------------------------------------------------------- look

    def look(self) -> str:
        """One look: latches, target and envelope, status, offer, the decision."""
        exprs = [t.when for t in self.policy.triggers] + [t.clear for t in self.policy.triggers if t.clear]
        condition = self.policy.recovery.condition if self.policy.recovery else None
        offer = self.policy.offer.when if self.policy.offer else None
        lines = [
            "def look(s, out, start, limit, granted):",
            '    """Look at the line now; 1 where `out` holds a decision. `start`: the look at the start of a day."""',
            "    features(s, out)",
            "    score(s, out)",
            "    day = s[HOUR] // 24",
            *self.loads(*exprs, condition, offer),
            "    status = s[STATUS]",
            "    mask = s[MASK]",
            *self._latches(),
            *self._target(),
            *self._envelope(condition),
            *_STATUS,
            *self._offer(),
            *_ACTION,
            *self._count_restriction(),
            *_RECORD,
            f"    s[NEXT] = day + 1 if changed else next_look(s, out, day{self._whens()})",
            "    return 1 if changed or offered > 0 else 0",
        ]
        return "\n".join(lines)

    def _whens(self) -> str:
        return "".join(f", w{number}" for number in range(len(self.policy.triggers)))

    def _latches(self) -> list[str]:
        lines = ["    cap = 10000", "    suspends = 0", "    closes = 0", "    latched = 0"]
        words = self.words()
        for number, trigger in enumerate(self.policy.triggers):
            slot = self.layout.latches + number * LATCH_WIDTH
            when = words.condition(trigger.when)
            clear = words.condition(trigger.clear) if trigger.clear is not None else "True"
            lines += [f"    {note(trigger.name)}", *(f"    {line}" for line in words.lines)]
            words.lines.clear()
            expires = trigger.expires_days if trigger.expires_days is not None else "NEVER"
            lines.append(f"    w{number} = {when}")
            args = f"s, {slot}, w{number}, {clear}, day, start, {trigger.hold_days}, {expires}, {int(trigger.terminal)}"
            lines.append(f"    if latch({args}):")
            lines.append(f"        latched |= {1 << number}")
            lines += [f"        cap = min(cap, {trigger.cap_bp})"] if trigger.cap_bp < 10_000 else []
            lines += ["        suspends = 1"] if trigger.suspend else []
            lines += ["        closes = 1"] if trigger.close else []
        return lines

    def _target(self) -> list[str]:
        return [
            "    imposed = s[IMPOSED_BP] if day < s[IMPOSED_END] else -1",
            "    if imposed >= 0:",
            "        cap = min(cap, imposed)",
            "    if closes:",
            "        cap = 0",
            "    target = part(s[GRANTED], cap)",
        ]

    def _envelope(self, condition: m.Expr | None) -> list[str]:
        recovery = self.policy.recovery
        lines = [
            "    if s[LIMIT] >= target:",
            "        s[LIMIT] = target",
            "        s[RISING] = 0",
        ]
        if recovery is None:
            return lines
        words = self.words()
        test = words.condition(condition) if condition is not None else "True"
        return [
            *(f"    {line}" for line in words.lines),
            *lines,
            f"    elif not suspends and {test}:",
            "        if not s[RISING]:",
            f"            s[LIMIT] = min(target, max(s[LIMIT], part(s[GRANTED], {recovery.first_bp})))",
            "            s[RISING] = 1",
            "            s[RISE_DAY] = day",
            f"        elif day - s[RISE_DAY] >= {recovery.every_days}:",
            f"            s[LIMIT] = min(target, s[LIMIT] + part(s[GRANTED], {recovery.step_bp}))",
            "            s[RISE_DAY] = day",
            "        if s[LIMIT] == target:",
            "            s[RISING] = 0",
        ]

    def _offer(self) -> list[str]:
        lines = ["    offered = 0"]
        offer = self.policy.offer
        if offer is None:
            return lines
        words = self.words()
        test = words.condition(offer.when)
        return [
            *lines,
            *(f"    {line}" for line in words.lines),
            "    quiet = not changed and s[STATUS] == ACTIVE and day >= s[OFFER_END]",
            f"    waited = s[OFFER_NUMBER] == 0 or day >= s[OFFER_DAY] + {offer.every_days}",
            f"    if quiet and waited and {test}:",
            f"        proposed = min(s[GRANTED] + part(s[GRANTED], {offer.increase_bp}), {offer.up_to_minor})",
            "        if proposed > s[GRANTED]:",
            "            offered = proposed",
            "            s[OFFER_NUMBER] += 1",
            "            s[OFFER_LIMIT] = proposed",
            "            s[OFFER_DAY] = day",
            f"            s[OFFER_END] = day + {offer.valid_days + 1}",
        ]

    def _count_restriction(self) -> list[str]:
        lines = [
            "    if action == DO_CLOSE or action == DO_SUSPEND or action == DO_DECREASE:",
            "        s[OFFER_END] = 0",
        ]
        for ring in self.layout.rings:
            if ring.key.source == "restrictions":
                tile = "s[MONTH]" if ring.key.unit == "m" else "day"
                lengths = "(" + ", ".join(map(str, ring.lengths)) + ",)"
                place = f"{ring.base}, {ring.entries}, {ring.capacity - 1}, {ring.width}, {ring.sums}, {lengths}"
                lines.append(f"        add(s, {place}, {tile}, {tile}, (1,))")
        return lines

    # -------------------------------------------------------------- next look

    def next_look(self) -> str:
        """The first later day whose start could differ with no further event (law 4)."""
        triggers = self.policy.triggers
        lines = [
            f"def next_look(s, out, day{self._whens()}):",
            '    """The first later day on which, with no further event, anything could differ."""',
            "    d = NEVER",
            "    due = s[DUE] if s[DUES] > 0 else NEVER",
        ]
        for number, trigger in enumerate(triggers):
            slot = self.layout.latches + number * LATCH_WIDTH
            expires = trigger.expires_days if trigger.expires_days is not None else "NEVER"
            args = f"s, {slot}, w{number}, day, {trigger.hold_days}, {expires}, {int(trigger.terminal)}"
            lines.append(f"    if s[{slot}] != FREE or s[{slot} + WAIVED] > day:")
            lines.append(f"        d = min(d, latch_next({args}))")
        lines += ["    if s[IMPOSED_END] > day:", "        d = min(d, s[IMPOSED_END])"]
        if self.policy.recovery:
            every = self.policy.recovery.every_days
            lines += [
                "    if s[RISING] and s[RISE_DAY] + " + f"{every} > day:",
                f"        d = min(d, s[RISE_DAY] + {every})",
            ]
        if self.policy.offer:
            wait = f"s[OFFER_DAY] + {self.policy.offer.every_days}"
            lines += [f"    if s[OFFER_NUMBER] > 0 and {wait} > day:", f"        d = min(d, {wait})"]
            lines += ["    if s[OFFER_END] > day:", "        d = min(d, s[OFFER_END])"]
        for days, above in self.layout.above.items():
            lines += [f"    if s[{above}] == 0:", f"        d = min(d, due + {days})"]
        for feature in self.policy.features:
            if feature.name in self.used:
                lines += self._next_of(feature, self.used[feature.name])
        return "\n".join([*lines, "    return max(d, day + 1)"])

    def _next_of(self, feature: m.Feature, use: Use) -> list[str]:
        value = f"out[{self._column(feature.name)}]"
        head = f"    {note(feature.name)}"
        match feature.expr:
            case m.Windowed() | m.LateCount() | m.Restrictions():
                return [head, *self._leaving(feature.expr, use, value)]
            case m.DaysSince():
                return [head, *grows(use, value, "day - v + {cut}", "v != MISSING")]
            case m.Fact("days_in_status"):
                return [head, *grows(use, value, "day - v + {cut}")]
            case m.Fact("months_on_book"):
                return [head, *grows(use, value, "month_start(s[OPEN_MONTH] + {cut})")]
            case m.Fact("days_past_due"):
                return [head, *grows(use, value, "due + {cut}", "due < NEVER")]
            case m.Fact("past_due"):
                return [head, *_NEXT_DUE]
            case m.Fact("on_time_streak"):
                return [head, "    if s[STREAK] > 0:", "        d = min(d, due + 1)"]
            case _:
                return []

    def _leaving(self, measure: m.Windowed | m.LateCount | m.Restrictions, use: Use, value: str) -> list[str]:
        ring = self.layout.ring(measure)
        how, field = (measure.how, measure.field) if isinstance(measure, m.Windowed) else ("count", None)
        window, column, length = ring.window(measure.window.length), ring.column(how, field), measure.window.length
        day: Callable[[str], str] = lambda tile: LEAVES_DAY[ring.key.unit].format(tile=tile, length=length)
        mask = ring.capacity - 1
        some = f"s[{window}] < s[{ring.base}]"
        if use.any:
            oldest = f"s[{ring.entries} + (s[{window}] & {mask}) * {ring.width}]"
            return [f"    if {some}:", f"        d = min(d, {day(oldest)})"]
        place = f"{window}, {ring.entries}, {mask}, {ring.width}, {column}"
        if how == "max":
            find, lowest = f"fades_below(s, {ring.base}, {place}, c)", MISSING + 1
        else:
            find, lowest = f"falls_below(s, {place}, c)", 1
        cuts = [cut for cut in use.cuts if cut >= lowest]
        if not cuts:
            return []
        pick = tree("v", tuple(cuts), [f"c = {cut}" for cut in (MISSING, *cuts)], "        ")
        guard = f"    if {some} and {value} >= {cuts[0]}:"
        return [guard, f"        v = {value}", *pick, f"        d = min(d, {day(find)})"]

    # -------------------------------------------------------------- authorise

    def authorise(self) -> str:
        """May this draw happen now? Bits: 1 suspended, 2 closed, 4 over available, then the rules."""
        rules = self.policy.authorise
        words = self.words()
        lines = [
            "def authorise(s, out, hour, amount):",
            '    """0 where the draw may happen now, else the bits of what denies it. `s` is a copy."""',
            "    advance(s, hour)",
            "    features(s, out)",
            "    score(s, out)",
            *self.loads(*(rule.deny for rule in rules)),
            "    denied = 1 if s[STATUS] == SUSPENDED else 2 if s[STATUS] == CLOSED else 0",
            "    if amount > (0 if s[STATUS] >= SUSPENDED else max(s[LIMIT] - s[BALANCE], 0)):",
            "        denied |= 4",
        ]
        for number, rule in enumerate(rules):
            test = words.condition(rule.deny)
            lines += [f"    {note(rule.name)}", *(f"    {line}" for line in words.lines)]
            words.lines.clear()
            lines += [f"    if {test}:", f"        denied |= {8 << number}"]
        return "\n".join([*lines, "    return denied"])


# ------------------------------------------------------------------ pieces of code


def tree(variable: str, below: tuple[int, ...], leaves: list[str], indent: str) -> list[str]:
    """`if` branches that find the leaf of `variable` in a few comparisons; len(leaves) == len(below) + 1."""
    return blocks(variable, below, [[leaf] for leaf in leaves], indent)


def blocks(variable: str, below: tuple[int, ...], leaves: list[list[str]], indent: str) -> list[str]:
    """As `tree`, with a block of lines in each leaf."""
    if not below:
        return [indent + line for line in leaves[0]]
    middle = len(below) // 2
    left = blocks(variable, below[:middle], leaves[: middle + 1], indent + "    ")
    right = blocks(variable, below[middle + 1 :], leaves[middle + 1 :], indent + "    ")
    return [f"{indent}if {variable} < {below[middle]}:", *left, f"{indent}else:", *right]


def grows(use: Use, value: str, day: str, only_if: str = "") -> list[str]:
    """When a value that rises by itself next reaches a cut; `day` gives the day of a `{cut}`."""
    cuts = [cut for cut in use.cuts if cut > 0]
    if use.any:
        lines = ["    d = min(d, " + day.format(cut="(v + 1)") + ")"]
    elif cuts:
        leaves = [f"d = min(d, {day.format(cut=cut)})" for cut in cuts] + ["pass"]
        lines = tree("v", tuple(cuts), leaves, "    ")
    else:
        return []
    if only_if:
        lines = [f"    if {only_if}:", *(f"    {line}" for line in lines)]
    return [f"    v = {value}", *lines]


_NEXT_DUE = [
    "    for i in range(s[DUES]):",
    "        if s[DUE + 2 * i] >= day:",
    "            d = min(d, s[DUE + 2 * i] + 1)",
    "            break",
]

_STATUS = [
    "    now = ACTIVE",
    "    if closes:",
    "        now = CLOSED",
    "    elif suspends:",
    "        now = SUSPENDED",
    "    elif s[LIMIT] < target:",
    "        now = RESTORING",
    "    elif target < s[GRANTED]:",
    "        now = REDUCED",
    "    if now != status:",
    "        s[STATUS] = now",
    "        s[STATUS_DAY] = day",
    "    s[MASK] = latched",
    "    moved = s[LIMIT] != limit or s[GRANTED] != granted or now != status",
    "    changed = moved or latched != mask",
]

_ACTION = [
    "    action = DO_KEEP",
    "    if now == CLOSED and status < CLOSED:",
    "        action = DO_CLOSE",
    "    elif now == SUSPENDED and status < SUSPENDED:",
    "        action = DO_SUSPEND",
    "    elif s[LIMIT] < limit:",
    "        action = DO_DECREASE",
    "    elif s[GRANTED] > granted:",
    "        action = DO_INCREASE",
    "    elif s[LIMIT] > limit or (status >= SUSPENDED and now < status):",
    "        action = DO_RESTORE",
    "    elif offered > 0:",
    "        action = DO_OFFER",
]

_RECORD = [
    "    out[O_ACTION] = action",
    "    out[O_LIMIT_BEFORE] = limit",
    "    out[O_LIMIT_AFTER] = s[LIMIT]",
    "    out[O_GRANTED_BEFORE] = granted",
    "    out[O_GRANTED_AFTER] = s[GRANTED]",
    "    out[O_STATUS_BEFORE] = status",
    "    out[O_STATUS_AFTER] = now",
    "    out[O_MASK_BEFORE] = mask",
    "    out[O_MASK_AFTER] = latched",
    "    out[O_IMPOSED] = imposed",
    "    out[O_OFFERED] = offered",
    "    out[O_OFFER_NO] = s[OFFER_NUMBER]",
]
