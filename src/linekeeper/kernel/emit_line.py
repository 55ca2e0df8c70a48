"""Code for the line half of a kernel: score, latches, envelope, status, offer, authorisation."""

from __future__ import annotations

from linekeeper.kernel.branches import blocks, tree
from linekeeper.kernel.emit_facts import add, note
from linekeeper.kernel.layout import Layout
from linekeeper.kernel.rows import RowShape
from linekeeper.kernel.words import Words
from linekeeper.policy import model as m
from linekeeper.scorecard.card import Bins, Table


class LineEmitter:
    """Emits score, look and authorise."""

    def __init__(self, policy: m.Policy, layout: Layout, shape: RowShape) -> None:
        self.policy, self.layout, self.shape = policy, layout, shape
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
            "    s[NEXT] = day + 1 if changed else UNKNOWN",
            "    return 1 if changed or offered > 0 else 0",
        ]
        return "\n".join(lines)

    def _latches(self) -> list[str]:
        lines = ["    cap = 10000", "    suspends = 0", "    closes = 0", "    latched = 0"]
        words = self.words()
        for number, trigger in enumerate(self.policy.triggers):
            when = words.condition(trigger.when)
            clear = words.condition(trigger.clear) if trigger.clear is not None else "True"
            lines += [f"    {note(trigger.name)}", *(f"    {line}" for line in words.lines)]
            words.lines.clear()
            lines.append(f"    w{number} = {when}")
            lines.append(f"    if latch(s, LATCH{number}, w{number}, {clear}, day, start):")
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
                lines.append("        " + add(ring, tile, tile, "1"))
        return lines

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
