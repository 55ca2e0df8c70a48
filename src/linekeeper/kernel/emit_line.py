"""Code for the line half of a kernel: score, latches, envelope, status, offer, authorisation."""

from __future__ import annotations

from linekeeper.kernel.emit_facts import stores, values
from linekeeper.kernel.emit_rings import add, note
from linekeeper.kernel.expressions import ExpressionCompiler, blocks, tree
from linekeeper.kernel.layout import LATCH_WIDTH, Layout
from linekeeper.kernel.rows import RowShape
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import conditions
from linekeeper.scorecard.card import Bins, Table


class LineEmitter:
    """Emits score, look and authorise."""

    def __init__(self, policy: m.Policy, layout: Layout, shape: RowShape) -> None:
        self.policy, self.layout, self.shape = policy, layout, shape
        self.places = {feature.name: place for place, feature in enumerate(policy.features)}
        self.missing = frozenset(f"f{place}" for place, feature in enumerate(policy.features) if feature.maybe_missing)

    def compiler(self) -> ExpressionCompiler:
        """A fresh compiler of expressions, for which features and scores stand in variables."""
        names = {name: f"f{place}" for name, place in self.places.items()}
        names |= {"score": "points", "pd": "pd"}
        names |= {group: f"g{i}" for i, group in enumerate(self.policy.groups)}
        return ExpressionCompiler(names | {".amount": "amount"}, self.missing)

    # -------------------------------------------------------------- score

    def score(self) -> str:
        """Points of every part; sub-totals by group; PD from the table."""
        found = self.policy.score
        named = [part.feature for part in found.bins] if found else []
        named += [name for table in found.tables for name in (table.row, table.column)] if found else []
        return "\n".join(
            [
                "def score(s, out):",
                '    """Write score, sub-scores and PD from the features in `out`."""',
                *(f"    f{self.places[name]} = out[{self._column(name)}]" for name in dict.fromkeys(named)),
                *self._points(),
                *self._pd(),
                *self._scored(),
            ]
        )

    def _points(self) -> list[str]:
        """Lines that bring the score into `points`, and the sub-total of each group into `g0` and on."""
        found = self.policy.score
        if found is None:
            return ["    points = 0"]
        lines = [f"    g{i} = 0" for i in range(len(found.groups))]
        for part in found.bins:
            lines += [f"    {note(part.feature)}", *self._bins(part, f"g{found.groups.index(part.group)}")]
        for table in found.tables:
            lines.append(f"    {note(f'{table.row} by {table.column}')}")
            lines += self._table(table, f"g{found.groups.index(table.group)}")
        total = " + ".join([str(found.base), *(f"g{i}" for i in range(len(found.groups)))])
        return [*lines, f"    points = {total}"]

    def _pd(self) -> list[str]:
        """Lines that bring the PD of `points` into `pd`."""
        found = self.policy.score
        if found is None:
            return ["    pd = 0"]
        return tree("points", found.pd_below, [f"pd = {ppm}" for ppm in found.pd_ppm], "    ")

    def _scored(self) -> list[str]:
        """Lines that write score, PD and sub-totals into `out`."""
        groups = [f"    out[O_GROUP{i}] = g{i}" for i in range(len(self.policy.groups))]
        return ["    out[O_SCORE] = points", "    out[O_PD] = pd", *groups]

    def _column(self, feature: str) -> int:
        return self.shape.values + self.places[feature]

    def _bins(self, part: Bins, group: str) -> list[str]:
        points = part.by_choice or part.points
        below = tuple(range(1, len(part.by_choice))) if part.by_choice else part.below
        leaves = [f"{group} += {value}" for value in points]
        value = f"f{self.places[part.feature]}"
        if value not in self.missing:
            return tree(value, below, leaves, "    ")
        inner = tree(value, below, leaves, "        ")
        return [f"    if {value} == MISSING:", f"        {group} += {part.missing}", "    else:", *inner]

    def _table(self, table: Table, group: str) -> list[str]:
        row_value, column_value = f"f{self.places[table.row]}", f"f{self.places[table.column]}"
        rows = []
        for row in table.points:
            leaves = [f"{group} += {value}" for value in row]
            rows.append(self._with_missing(column_value, table.column_below, [[leaf] for leaf in leaves]))
        return ["    " + line for line in self._with_missing(row_value, table.row_below, rows)]

    @staticmethod
    def _with_missing(variable: str, below: tuple[int, ...], leaves: list[list[str]]) -> list[str]:
        *known, missing = leaves
        inner = blocks(variable, below, known, "    ")
        return [f"if {variable} == MISSING:", *(f"    {line}" for line in missing), "else:", *inner]

    # -------------------------------------------------------------- look

    def look(self) -> str:
        """One look: latches, target and envelope, status, offer, the decision."""
        condition = self.policy.restoration.condition if self.policy.restoration else None
        by_pd = any(node == ex.ScoreRef("pd") for expr in conditions(self.policy) for node in ex.walk(expr))
        lines = [
            "def look(s, out, start, limit, granted):",
            '    """Look at the line now; 1 where `out` holds a decision. `start`: the look at the start of a day."""',
            "    day = s[HOUR] // 24",
            *values(self.policy, self.layout),
            *self._points(),
            *(self._pd() if by_pd else []),
            "    status = s[STATUS]",
            "    mask = s[MASK]",
            *self._latches(),
            *self._target(),
            *self._envelope(condition),
            *_STATUS,
            *(["    s[POINTS] = points"] if self.policy.score else []),
            *self._offer(),
            *_NOTHING,
            *_ACTION,
            *self._count_restriction(),
            *_RECORD,
            *([] if by_pd else self._pd()),
            *self._scored(),
            *stores(self.policy, self.shape),
            "    s[NEXT] = day + 1 if changed else UNKNOWN",
            "    return 1",
        ]
        return "\n".join(lines)

    def _latches(self) -> list[str]:
        lines = ["    cap = 10000", "    suspends = 0", "    closes = 0", "    latched = 0", "    latch_day = NEVER"]
        compiler = self.compiler()
        for number, trigger in enumerate(self.policy.triggers):
            when = compiler.condition(trigger.when)
            clear = compiler.condition(trigger.clear) if trigger.clear is not None else "True"
            lines += [f"    {note(trigger.name)}", *(f"    {line}" for line in compiler.lines)]
            compiler.lines.clear()
            lines.append(f"    w{number} = {when}")
            lines.append(f"    if s[{self.layout.latches + number * LATCH_WIDTH}] != FREE or w{number}:")
            lines.append(f"        if latch(s, LATCH{number}, w{number}, {clear}, day, start):")
            lines.append(f"            latched |= {1 << number}")
            lines += [f"            cap = min(cap, {trigger.cap_bp})"] if trigger.cap_bp < 10_000 else []
            lines += ["            suspends = 1"] if trigger.suspend else []
            lines += ["            closes = 1"] if trigger.close else []
            lines.append(f"        latch_day = min(latch_day, latch_next(s, LATCH{number}, day))")
        lines.append("    s[LATCH_DAY] = latch_day")
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

    def _envelope(self, condition: ex.Expr | None) -> list[str]:
        restoration = self.policy.restoration
        lines = [
            "    if s[LIMIT] >= target:",
            "        s[LIMIT] = target",
            "        s[RISING] = 0",
        ]
        if restoration is None:
            return lines
        compiler = self.compiler()
        test = compiler.condition(condition) if condition is not None else "True"
        return [
            *(f"    {line}" for line in compiler.lines),
            *lines,
            f"    elif not suspends and {test}:",
            "        if not s[RISING]:",
            f"            s[LIMIT] = min(target, max(s[LIMIT], part(s[GRANTED], {restoration.first_bp})))",
            "            s[RISING] = 1",
            "            s[RISE_DAY] = day",
            f"        elif day - s[RISE_DAY] >= {restoration.every_days}:",
            f"            s[LIMIT] = min(target, s[LIMIT] + part(s[GRANTED], {restoration.step_bp}))",
            "            s[RISE_DAY] = day",
            "        if s[LIMIT] == target:",
            "            s[RISING] = 0",
        ]

    def _offer(self) -> list[str]:
        lines = ["    offered = 0"]
        offer = self.policy.offer
        if offer is None:
            return lines
        compiler = self.compiler()
        test = compiler.condition(offer.when)
        return [
            *lines,
            *(f"    {line}" for line in compiler.lines),
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
                lines.append("        " + add(ring, tile, tile))
        return lines

    # -------------------------------------------------------------- authorise

    def authorise(self) -> str:
        """May this draw happen now? Bits: 1 suspended, 2 closed, 4 over available, then the rules."""
        rules = self.policy.authorise
        compiler = self.compiler()
        lines = [
            "def authorise(s, hour, amount):",
            '    """0 where the draw may happen now, else the bits of what denies it. `s` is a copy."""',
            "    advance(s, hour)",
            "    day = s[HOUR] // 24",
            *values(self.policy, self.layout),
            *self._points(),
            *self._pd(),
            "    denied = 1 if s[STATUS] == SUSPENDED else 2 if s[STATUS] == CLOSED else 0",
            "    if amount > (0 if s[STATUS] >= SUSPENDED else max(s[LIMIT] - s[BALANCE], 0)):",
            "        denied |= 4",
        ]
        for number, rule in enumerate(rules):
            test = compiler.condition(rule.deny)
            lines += [f"    {note(rule.name)}", *(f"    {line}" for line in compiler.lines)]
            compiler.lines.clear()
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

_NOTHING = [
    "    if not changed and offered == 0:",
    "        s[NEXT] = UNKNOWN",
    "        return 0",
]

_RECORD = [
    "    out[O_NOW_HOUR] = s[HOUR]",
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
