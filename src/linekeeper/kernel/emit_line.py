"""Code for the line half of a kernel: score, latches, target, restoration, authorisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from linekeeper.kernel.constants import Constants, NamedExpressionCompiler, schedule_key
from linekeeper.kernel.emit_facts import clamped
from linekeeper.kernel.emit_rings import add
from linekeeper.kernel.emit_trees import TreeEmitter
from linekeeper.kernel.layout import (
    Layout,
    ScheduleSlots,
    amount_slot,
    effect_slot,
    schedule_slots,
)
from linekeeper.kernel.lines import bare, branches, indented, note
from linekeeper.kernel.names import Names
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.windows import longest_window
from linekeeper.scorecard.card import Bins, PointsTable


class LineEmitter:
    """Emits the functions of the line, from count_points to authorise."""

    def __init__(self, layout: Layout, names: Names, constants: Constants, trees: TreeEmitter) -> None:
        self.policy, self.layout, self.names, self.constants = constants.policy, layout, names, constants
        self.trees = trees
        missing = (feature.name for feature in self.policy.features if feature.maybe_missing)
        self.missing = frozenset(names.variables[name] for name in missing)
        self._terms_by_segment: dict[tuple[str, int], str] = {}
        self._announced_names: dict[str, str] = {}

    def compiler(self) -> NamedExpressionCompiler:
        """A fresh compiler of expressions, for which features and scores stand in variables."""
        scores = {"score": "points", "pd": "pd", **self.names.groups}
        return NamedExpressionCompiler({**self.names.variables, **scores, ".amount": "amount"}, self.missing)

    def read(self, exprs: Iterable[ex.Expr | None]) -> list[str]:
        """Lines that read what the expressions name from `out`."""
        nodes = [node for expr in exprs if expr is not None for node in ex.nodes_of(expr)]
        scores = {"score": "points = out[O_SCORE]", "pd": "pd = pd_of(out[O_SCORE])"}
        for group, column in self.names.group_columns.items():
            scores[group] = f"{self.names.groups[group]} = out[{column}]"
        lines: dict[str, None] = {}
        for node in nodes:
            match node:
                case ex.Ref(name):
                    lines[f"{self.names.variables[name]} = out[{self.names.columns[name]}]"] = None
                case ex.ScoreRef(name):
                    lines[scores[name]] = None
        return list(lines)

    # -------------------------------------------------------------- score

    def count_points(self) -> str:
        """Points of every part, with sub-totals by group."""
        score, groups = self.policy.score, self.names.groups
        later = self.policy.after_score
        more = ", and the features that read them" if later else ""
        what = f"score and sub-scores from the features in `out`{more}"
        lines = ["def count_points(s, out):", f'    """Write {what}."""']
        if score is None:
            return "\n".join([*lines, "    out[O_SCORE] = 0"])
        body = [f"{groups[group]} = 0" for group in score.groups]
        for bins in score.bins:
            body += self._bins(bins)
        for table in score.tables:
            body += self._table(table)
        body += self.trees.points()
        body.append("out[O_SCORE] = " + " + ".join([self.constants.of("score", "base"), *groups.values()]))
        body += [f"out[{self.names.group_columns[group]}] = {groups[group]}" for group in score.groups]
        for feature in self.policy.features:
            body += self._after_score(feature) if feature.name in later else []
        return "\n".join([*lines, *indented(body)])

    def _after_score(self, feature: m.Feature) -> list[str]:
        """A segment or a table that reads the score."""
        compiler = self.compiler()
        code = clamped(feature.expr, compiler.value(feature.expr), feature.maybe_missing)
        return [*self.read([feature.expr]), *compiler.lines, f"out[{self.names.columns[feature.name]}] = {code}"]

    def pd_of(self) -> str:
        """The probability of default of a score."""
        score = self.policy.score
        lines = ["def pd_of(points):", '    """The probability of default of a score, in parts per million."""']
        if score is None:
            return "\n".join([*lines, "    return 0"])
        cuts = [self.constants.of("pd below", str(i)) for i in range(len(score.pd_below))]
        leaves = [[f"pd = {self.constants.of('pd', str(i))}"] for i in range(len(score.pd_ppm))]
        return "\n".join([*lines, *indented(branches("points", cuts, leaves)), "    return pd"])

    def _bins(self, bins: Bins) -> list[str]:
        key, group = f"{bins.group}.{bins.feature}", self.names.groups[bins.group]
        variable, points = self.names.variables[bins.feature], bins.by_choice or bins.points
        leaves = [[f"{group} += {self.constants.of('points', key, str(i))}"] for i in range(len(points))]
        below = [str(choice) for choice in range(1, len(points))]
        if not bins.by_choice:
            below = [self.constants.of("below", key, str(i)) for i in range(len(bins.below))]
        lines = branches(variable, below, leaves)
        if variable in self.missing:
            missing = [f"{group} += {self.constants.of('points', key, 'missing')}"]
            lines = _with_missing(variable, missing, lines)
        return [f"{variable} = out[{self.names.columns[bins.feature]}]", *lines]

    def _table(self, table: PointsTable) -> list[str]:
        key, group = f"{table.group}.{table.row}.{table.column}", self.names.groups[table.group]
        row, column = (self.names.variables[name] for name in (table.row, table.column))
        row_below = [self.constants.of("below", f"{key} row", str(i)) for i in range(len(table.row_below))]
        column_below = [self.constants.of("below", f"{key} column", str(i)) for i in range(len(table.column_below))]
        rows = []
        for i, points in enumerate(table.points):
            leaves = [[f"{group} += {self.constants.of('points', key, str(i), str(k))}"] for k in range(len(points))]
            *known, missing = leaves
            rows.append(_with_missing(column, missing, branches(column, column_below, known)))
        *known_rows, missing_row = rows
        lines = _with_missing(row, missing_row, branches(row, row_below, known_rows))
        reads = [
            f"{self.names.variables[name]} = out[{self.names.columns[name]}]" for name in (table.row, table.column)
        ]
        return [*reads, *lines]

    # -------------------------------------------------------------- latches and the target

    def latch_constants(self) -> list[str]:
        """Of each latch its place, hold, expiry, whether it is terminal, its window; its bit in the mask."""
        lines = ["# Latches: place, hold, expires, terminal, longest window. Bits of the mask of latches that are set."]
        closing = suspending = 0
        for number, trigger in enumerate(self.policy.triggers):
            bit = 1 << number
            lines += [f"{name} = ({', '.join(terms)})" for name, terms in self._terms(trigger)]
            if trigger.announced:  # before its day it has no hold
                for name, (at, _, *others) in self._terms(trigger):
                    lines.append(f"{self._announced_name(name)} = ({', '.join((at, '0', *others))})")
            lines.append(f"{self.names.bits[trigger.name]} = {bit}")
            closing |= bit * trigger.close
            suspending |= bit * trigger.suspend
        closers = note(", ".join(trigger.name for trigger in self.policy.triggers if trigger.close) or "none", 70)
        suspenders = note(", ".join(trigger.name for trigger in self.policy.triggers if trigger.suspend) or "none", 70)
        return [*lines, f"CLOSING = {closing}  {closers}", f"SUSPENDING = {suspending}  {suspenders}"]

    def _terms(self, trigger: m.Trigger) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What never changes of a latch, by its name: once, or once for each segment where a time differs."""
        varying, count = dict(trigger.by_segment), 1
        if "hold_days" in varying or "expires_days" in varying:
            count = len(self.policy.cells)
        for number in range(count):

            def of(key: str, place: str, number: int = number) -> str:
                return self.constants.of(trigger.name, key, *([str(number)] if place in varying else []))

            hold = of("hold", "hold_days") if trigger.hold_days else "0"
            expires = of("expires", "expires_days") if trigger.expires_days is not None else "NEVER"
            window = str(longest_window(self.policy, trigger.when))
            terms = (self.names.latches[trigger.name], hold, expires, str(int(trigger.terminal)), window)
            yield self._terms_name(trigger, number if count > 1 else None), terms

    def _terms_name(self, trigger: m.Trigger, segment: int | None) -> str:
        name = self.names.terms[trigger.name]
        if segment is None:
            return name
        key = (trigger.name, segment)
        if key not in self._terms_by_segment:
            words = "_".join(self.policy.cell_words(self.policy.cells[segment]))
            wanted = f"{name}_{words}".upper()
            self._terms_by_segment[key] = self.names.space.take(wanted)
        return self._terms_by_segment[key]

    def _announced_name(self, terms_name: str) -> str:
        """What the terms of a latch are called that count while its restriction is only announced."""
        if terms_name not in self._announced_names:
            self._announced_names[terms_name] = self.names.space.take(f"{terms_name}_ANNOUNCED")
        return self._announced_names[terms_name]

    def _latched(self, trigger: m.Trigger, announced: bool = False) -> list[str]:
        """Bring a latch up to now, by its own terms or by those of the account's segment."""
        names = [name for name, _ in self._terms(trigger)]
        names = [self._announced_name(name) for name in names] if announced else names
        bit = self.names.bits[trigger.name]
        lines: list[str] = []
        for number, name in enumerate(names):
            calls = [
                f"if latch(s, {name}, when, clear, day, start, observed):",
                f"    latched |= {bit}",
                f"latch_day = min(latch_day, latch_next(s, {name}, day))",
            ]
            if len(names) == 1:
                return calls
            word = "if" if number == 0 else "elif" if number < len(names) - 1 else "else"
            test = f" s[SEGMENT] == {number}" if word != "else" else ""
            lines += [f"{word}{test}:", *indented(calls)]
        return lines

    def update_latches(self) -> str:
        """Every trigger's condition and latch."""
        compiler = self.compiler()
        lines = [
            "def update_latches(s, out, start):",
            '    """Bring every latch up to what its trigger says now; the mask of those that are set.',
            "",
            "    `start`: 1 at the start of a day, 2 where the line stands still, 0 after an event.",
            '    """',
            "    day = s[HOUR] // 24",
            "    observed = day - s[OBSERVED_DAY]",
            *([f"    s[SEGMENT] = {self._cell()}"] if self.policy.differs_by_segment else []),
            *indented(self.read(self._asked())),
            "    latched = 0",
            *(["    announced = 0"] if self.policy.decides_in_stages else []),
            "    latch_day = NEVER",
        ]
        for trigger in self.policy.triggers:
            latch = self.names.latches[trigger.name]
            when = compiler.condition(trigger.when)
            clear = compiler.condition(trigger.clear) if trigger.clear is not None else "True"
            lines += [
                f"    {note(trigger.name)}",
                *indented(compiler.lines),
                f"    when = {bare(when)}",
                f"    if s[{latch}] != FREE or when:",
                f"        clear = {bare(clear)}",
                *indented(self._stated(trigger), 2),
                *indented(self._announced(trigger), 2),
                *indented(self._amount(trigger, compiler), 2),
            ]
            compiler.lines.clear()
        lines += ["    s[ANNOUNCED] = announced"] if self.policy.decides_in_stages else []
        lines += ["    s[LATCH_DAY] = latch_day", "    s[STATED] = s[STATED] & latched", "    return latched"]
        return "\n".join(lines)

    def _cell(self) -> str:
        """The number of the account's cell: its segment, where there are no splits."""
        code = ""
        for name, words in self.policy.axes:
            place = f"out[{self.names.columns[name]}]"
            code = f"({code}) * {len(words)} + {place}" if code else place
        return code

    def _asked(self) -> Iterator[ex.Expr | None]:
        """What the triggers read."""
        for trigger in self.policy.triggers:
            yield from (trigger.when, trigger.clear, trigger.limit.value if trigger.limit else None)

    def _announced(self, trigger: m.Trigger) -> list[str]:
        """Where an announced latch stands: until its day it restricts nobody, and its `hold` does not count."""
        if not trigger.announced:
            return self._latched(trigger)
        bit, effect_day = self.names.bits[trigger.name], f"s[{effect_slot(trigger)}]"
        return [
            f"if s[ANNOUNCED] & {bit}:",
            *indented(self._latched(trigger, announced=True)),
            "else:",
            *indented(self._latched(trigger)),
            f"if not latched & {bit}:",
            f"    {effect_day} = 0",
            f"elif {effect_day} == 0:",
            f"    {effect_day} = day",
            "    if start != STANDSTILL and not s[STATED] & " + bit + ":",
            *indented(self._effect_day(trigger, effect_day), 2),
            f"if day < {effect_day}:",
            f"    announced |= {bit}",
            f"    latch_day = min(latch_day, {effect_day})",
        ]

    def _effect_day(self, trigger: m.Trigger, effect_day: str) -> list[str]:
        """So many days from now, or so many as the account's segment has."""
        if "effective_days" not in dict(trigger.by_segment):
            return [f"{effect_day} = day + {self.constants.of(trigger.name, 'effective')}"]
        lines = []
        for number in range(len(self.policy.cells)):
            days = self.constants.of(trigger.name, "effective", str(number))
            lines += [f"if s[SEGMENT] == {number}:", f"    {effect_day} = day + {days}"]
        return lines

    def _amount(self, trigger: m.Trigger, compiler: NamedExpressionCompiler) -> list[str]:
        """Take the amount of a `limit` where the latch has been set, and forget it where it is no longer."""
        limit, bit = trigger.limit, self.names.bits[trigger.name]
        if limit is None:
            return []
        compiler.lines.clear()
        slot = f"s[{amount_slot(trigger)}]"
        lines = self.amount_lines(limit, trigger.name, compiler)
        taken = f"start != STANDSTILL{'' if limit.follows else f' and {slot} == 0'}"
        return [
            f"if not latched & {bit}:",
            f"    {slot} = 0",
            f"elif {taken}:",
            *indented([*lines, f"{slot} = most + 1"]),
        ]

    def amount_lines(self, limit: m.LimitAmount, owner: str, compiler: NamedExpressionCompiler) -> list[str]:
        """Lines that work out an amount: never negative, rounded, and not below its floor."""
        value = compiler.value(limit.value)
        lines = [*compiler.lines, f"most = min(max({value}, 0), MONEY_MAX)"]
        compiler.lines.clear()
        if limit.round_minor:
            step = self.constants.of(owner, "round")
            lines.append(f"most = {'most' if limit.down else f'(most + {step} - 1)'} // {step} * {step}")
        if limit.floor_minor:
            lines.append(f"most = max(most, {self.constants.of(owner, 'floor')})")
        return lines

    def _stated(self, trigger: m.Trigger) -> list[str]:
        """A latch that an opening stated waits for an event where no `hold` says how long it stays set."""
        if trigger.hold_days:
            return []
        return [f"if start and s[STATED] & {self.names.bits[trigger.name]}:", "    clear = False"]

    def target_of(self) -> str:
        """The target, from the caps of set latches and a person's."""
        caps = []
        for trigger in self.policy.triggers:
            if trigger.cap_bp < 10_000 and not trigger.close:
                cap = self.constants.of(trigger.name, "cap")
                caps += [f"if latched & {self.names.bits[trigger.name]}:", f"    cap = min(cap, {cap})"]
        amounts: list[str] = []
        for trigger in self.policy.triggers:
            if trigger.limit is not None and not trigger.close:
                slot, bit = f"s[{amount_slot(trigger)}]", self.names.bits[trigger.name]
                amounts += [f"if latched & {bit} and {slot} > 0:", f"    target = min(target, {slot} - 1)"]
        return "\n".join(
            [
                "def target_of(s, latched):",
                '    """The most that the set latches, and a cap imposed by a person, leave of what is granted."""',
                *self._only_in_effect(),
                "    cap = FULL_BP",
                "    stated = latched & s[STATED]  # as long as these are set, the limit that was stated is their cap",
                "    if latched:",
                "        if latched & CLOSING:",
                "            return 0",
                "        latched -= stated",
                *indented(caps, 2),
                "    imposed = imposed_cap(s)",
                "    if imposed >= 0:",
                "        cap = min(cap, imposed)",
                "    target = share_of(s[GRANTED], cap) if cap < FULL_BP else s[GRANTED]",
                *indented(amounts),
                "    return min(target, s[STATED_LIMIT]) if stated else target",
            ]
        )

    def _only_in_effect(self) -> list[str]:
        """What is announced takes nothing away yet."""
        every = (1 << len(self.policy.triggers)) - 1
        return [f"    latched &= {every} - s[ANNOUNCED]"] if self.policy.decides_in_stages else []

    # -------------------------------------------------------------- the first limit

    def assign_limit(self) -> str:
        """The first limit of a line that was just opened, where the policy sets it."""
        assign = self.policy.assign
        if assign is None:
            return ""
        compiler = self.compiler()
        asked = (*(rule.when for rule in assign.refuse), assign.limit.value)
        lines = [
            "def assign_limit(s, out):",
            '    """Set the first limit, at most what `open` asks for; a bit for each rule that refuses it, else 0."""',
            *indented(self.read(asked)),
            "    denied = 0",
        ]
        for number, rule in enumerate(assign.refuse):
            test = compiler.condition(rule.when)
            lines += [f"    {note(rule.name)}", *indented(compiler.lines)]
            compiler.lines.clear()
            lines += [f"    if {bare(test)}:", f"        denied |= {1 << number}"]
        most = self.amount_lines(assign.limit, "assign", compiler)
        return "\n".join(
            [
                *lines,
                *indented(most),
                "    s[GRANTED] = min(most, s[GRANTED]) if denied == 0 else 0",
                "    s[LIMIT] = s[GRANTED]",
                "    return denied",
            ]
        )

    # -------------------------------------------------------------- restoration

    def move_limit(self) -> str:
        """The limit follows the target: down at once, up by the restoration schedule."""
        lines = [
            "def move_limit(s, out, latched, target):",
            '    """The limit follows the target: down at once, up by the restoration schedule alone."""',
            *self._only_in_effect(),
            "    if s[LIMIT] >= target:",
            "        s[LIMIT] = target",
            "        s[RISING] = 0",
        ]
        if self.policy.further_restorations:
            return "\n".join([*lines[:1], *self._move_by_schedules()])
        restoration = self.policy.restoration
        if restoration is None:
            return "\n".join(lines)
        first, step, every = (self.constants.of(schedule_key(restoration), key) for key in ("first", "step", "every"))
        compiler = self.compiler()
        test = compiler.condition(restoration.condition) if restoration.condition is not None else "True"
        return "\n".join(
            [
                *lines,
                "        return",
                *indented([*self.read([restoration.condition]), *compiler.lines]),
                f"    if not latched & SUSPENDING and {test}:",
                "        day = s[HOUR] // 24",
                "        # The first step starts the wait for the next, even where the limit is that high already.",
                "        if not s[RISING]:",
                f"            first_step = share_of(s[GRANTED], {first})",
                "            s[LIMIT] = min(target, max(s[LIMIT], first_step))",
                "            s[RISING] = 1",
                "            s[RISE_DAY] = day",
                f"        elif day - s[RISE_DAY] >= {every}:",
                f"            next_step = share_of(s[GRANTED], {step})",
                "            s[LIMIT] = min(target, s[LIMIT] + next_step)",
                "            s[RISE_DAY] = day",
                "        if s[LIMIT] == target:",
                "            s[RISING] = 0",
            ]
        )

    def _move_by_schedules(self) -> list[str]:
        """The body of `move_limit` where there are several schedules, each with the triggers that name it."""
        schedules = list(zip(self.policy.restorations, schedule_slots(self.policy), strict=True))
        compiler = self.compiler()
        lines = [
            '    """The limit is the lowest of what the schedules leave. Each follows the triggers that name it."""',
            "    day = s[HOUR] // 24",
            *self._only_in_effect(),
            "    rises = not latched & SUSPENDING",
            *indented(self.read(schedule.condition for schedule, _ in schedules)),
        ]
        for number, (_, slots) in enumerate(schedules, 1):
            bits = sum(1 << place for place, one in enumerate(self.policy.triggers) if one.restore == number - 1)
            left = f"s[{slots.left}]"
            lines += [
                f"    most_{number} = target_of(s, latched & {bits})",
                f"    left_{number} = min({left} - 1 if {left} > 0 else s[GRANTED], most_{number})",
            ]
        lefts = ", ".join(f"left_{number}" for number in range(1, len(schedules) + 1))
        lines += [
            "    # What was lowered before there were schedules comes back by the first.",
            f"    if s[LIMIT] < min({lefts}):",
            "        left_1 = s[LIMIT]",
        ]
        for number, (schedule, slots) in enumerate(schedules, 1):
            lines += [f"    {note(schedule.name)}", *indented(self._schedule(number, schedule, slots, compiler))]
        return [*lines, f"    s[LIMIT] = min({lefts})"]

    def _schedule(
        self, number: int, schedule: m.Restoration, slots: ScheduleSlots, compiler: NamedExpressionCompiler
    ) -> list[str]:
        """One schedule: at its target it rests, below it it rises by its steps."""
        compiler.lines.clear()
        test = compiler.condition(schedule.condition) if schedule.condition is not None else ""
        first, step, every = (self.constants.of(schedule_key(schedule), key) for key in ("first", "step", "every"))
        left, most = f"left_{number}", f"most_{number}"
        return [
            *compiler.lines,
            f"if {left} < {most} and rises{' and ' + test if test else ''}:",
            f"    if not s[{slots.rising}]:",
            f"        first_step = share_of(s[GRANTED], {first})",
            f"        {left} = min({most}, max({left}, first_step))",
            f"        s[{slots.rising}] = 1",
            f"        s[{slots.rise_day}] = day",
            f"    elif day - s[{slots.rise_day}] >= {every}:",
            f"        next_step = share_of(s[GRANTED], {step})",
            f"        {left} = min({most}, {left} + next_step)",
            f"        s[{slots.rise_day}] = day",
            f"if {left} >= {most}:",
            f"    s[{slots.rising}] = 0",
            f"s[{slots.left}] = {left} + 1 if {left} < s[GRANTED] else 0",
        ]

    def count_restriction(self) -> str:
        """A restriction joins the rings that count them."""
        lines = [
            "def count_restriction(s):",
            '    """The line is restricted now: an open offer ends, and what counts restrictions counts one."""',
        ]
        lines.append("    s[OFFER_END] = 0")
        for ring in self.layout.rings:
            if ring.key.source == "restrictions":
                tile = "s[MONTH]" if ring.key.unit == "m" else "s[HOUR] // 24"
                lines.append("    " + add(ring, self.names, tile, tile))
        return "\n".join(lines)

    # -------------------------------------------------------------- authorise

    def authorise(self) -> str:
        """May this draw happen now? Bits: 1 suspended, 2 closed, 4 over available, then the rules."""
        compiler = self.compiler()
        usable = "usable_limit(s)" if self.policy.own_limit else "s[LIMIT]"
        lines = [
            "def authorise(s, out, hour, amount):",
            '    """0 where the draw may happen now, else the bits of what denies it. `s` is a copy.',
            "",
            "    1 suspended, 2 closed, 4 more than is available; from 8 on the rules in their order.",
            '    """',
            "    advance(s, hour)",
            "    features(s, out)",
            "    count_points(s, out)",
            *indented(self.read(rule.deny for rule in self.policy.authorise)),
            "    denied = 1 if s[STATUS] == SUSPENDED else 2 if s[STATUS] == CLOSED else 0",
            f"    if amount > (0 if s[STATUS] >= SUSPENDED else max({usable} - s[BALANCE], 0)):",
            "        denied |= 4",
        ]
        for number, rule in enumerate(self.policy.authorise):
            test = compiler.condition(rule.deny)
            lines += [f"    {note(rule.name)}", *indented(compiler.lines)]
            compiler.lines.clear()
            lines += [f"    if {bare(test)}:", f"        denied |= {8 << number}"]
        return "\n".join([*lines, "    return denied"])


def _with_missing(variable: str, missing: list[str], known: list[str]) -> list[str]:
    """What to do where a value is missing, else what to do with it: one line, or one `if`."""
    lines = [f"if {variable} == MISSING:", *indented(missing)]
    if known[0].startswith("if "):
        return [*lines, f"el{known[0]}", *known[1:]]
    return [*lines, "else:", *indented(known)]
