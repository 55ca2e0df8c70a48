"""Code for the fact half of a kernel: what happened, and the values of the features."""

from __future__ import annotations

from linekeeper.kernel.constants import Constants, NamedExpressionCompiler
from linekeeper.kernel.daily_code import advance_by_day, daily_value, day_functions, ends_days, line_before
from linekeeper.kernel.dues_code import DuesCode
from linekeeper.kernel.emit_rings import add
from linekeeper.kernel.expressions import HOLIDAYS, LIST, WORKDAYS
from linekeeper.kernel.layout import GREATEST, Layout, Ring, arm_slot, columns_read, lengths_of
from linekeeper.kernel.lines import bare, indented
from linekeeper.kernel.names import Names
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import record_of
from linekeeper.policy.kinds import OPENING_KINDS

_TILE = {"h": "{hour}", "d": "{hour} // 24", "m": "{month}"}
_CURRENT_TILE = {"h": "hour", "d": "day", "m": "month"}


class FactsEmitter:
    """Emits begin, advance, apply_event and features."""

    def __init__(self, layout: Layout, names: Names, constants: Constants, dues: DuesCode) -> None:
        self.policy, self.layout, self.names, self.constants = constants.policy, layout, names, constants
        self.dues = dues
        self.fact_rings = [ring for ring in layout.rings if ring.key.source != "restrictions"]

    # -------------------------------------------------------------- begin

    def begin(self) -> str:
        """An opened account's state, before its first event."""
        at = self.names.at
        latest = (*self.layout.lasts.values(), *self.layout.firsts.values())
        missing = [slot + offset for slot in latest for offset in (0, 1)]
        missing += self.layout.since.values()
        lines = [
            "def begin(s, hour):",
            '    """Start a state: what is missing is missing, rings are empty, the clock shows the first hour."""',
        ]
        lines += [f"    {at(slot)} = MISSING" for slot in missing]
        for ring in self.layout.rings:
            lines.append(f"    {at(ring.entries)} = NEVER")
            for length, columns in ring.windows:
                tops = (column for column in columns if column[0] in GREATEST)
                lines += [f"    {at(ring.slot(length, column))} = MISSING" for column in tops]
        lines += [
            "    s[HOUR] = hour",
            "    s[MONTH] = month_of(hour // 24)",
            "    s[MONTH_END] = month_start(s[MONTH] + 1)",
        ]
        if "OPEN_DAY" in self.layout.slots:
            lines.append("    s[OPEN_DAY] = hour // 24")
        return "\n".join(lines)

    # -------------------------------------------------------------- advance

    def advance(self) -> str:
        """Bring facts to an hour: the clock, overnight dues, tiles that leave their windows."""
        relief = self.policy.moratorium is not None
        by_day = ends_days(self.layout)
        within = self.names.space.take("advance_one_day") if by_day else "advance"
        name = self.names.space.take("advance_within") if relief else within
        lines = [
            *day_functions(self.layout, self.names, self.constants, self.dues),
            f"def {name}(s, hour):",
            '    """Bring the facts to that hour; a late hour changes nothing."""',
            "    if hour < s[HOUR]:",
            "        return",
            "    day = hour // 24",
            "    morning = day > s[HOUR] // 24",
            "    s[HOUR] = hour",
            "    if day >= s[MONTH_END]:",
            "        s[MONTH] = month_of(day)",
            "        s[MONTH_END] = month_start(s[MONTH] + 1)",
            "    month = s[MONTH]",
            *(["    stand_still(s, DUES, DUE, RELIEF_FROM, day)"] if relief else []),
            f"    if {self.dues.is_past_due('day', ' and morning')}:",
            "        s[STREAK] = 0",
            "    # Tiles leave before anything is added: a ring has room for its longest window alone.",
        ]
        for ring in self.layout.rings:
            tile = _CURRENT_TILE[ring.key.unit]
            lines += [
                f"    if {tile} >= {self.names.at(ring.leaves)}:",
                f"        {self.names.rings[ring.name].expire}(s, {tile})",
            ]
        for days, above in self.layout.above.items():
            reached = self.names.at(above)
            lines += [
                f"    if {reached} == 0 and {self.dues.has_reached('day', days)}:",
                f"        {reached} = 1",
                *indented(self._add_late(days, f"s[DUE] + {self.dues.days_after(str(days))}"), 2),
            ]
        return "\n".join(
            [*lines, *(_advance_in_parts(name, within) if relief else []), *(advance_by_day(within) if by_day else [])]
        )

    def _add_late(self, days: int, day: str) -> list[str]:
        """Calls that count a rise of days past due to `days`, on the day on which it came."""
        lines = []
        for ring in self.fact_rings:
            if ring.key.source == "late" and ring.key.days == days:
                by_month = ring.key.unit == "m"
                tile, now = (f"month_of({day})", "s[MONTH]") if by_month else (day, "s[HOUR] // 24")
                lines.append(add(ring, self.names, tile, now))
        return lines

    # -------------------------------------------------------------- apply_event

    def apply_event(self) -> str:
        """The event's effect on the facts."""
        lines = [
            "def apply_event(s, at, hour, kind, x):",
            '    """Take one event into the facts; the tile is the event\'s own, however late it comes."""',
            "    s[SEEN] = max(s[SEEN], at)",
            "    now = s[HOUR]",
            "    today = now // 24",
        ]
        word = "if"
        for kind in self.policy.kinds:
            block = self._kind_block(kind)
            if block:
                lines += [f"    {word} kind == {self.names.kinds[kind.name]}:", *indented(block, 2)]
                word = "elif"
        for days, above in self.layout.above.items():
            reached = self.names.at(above)
            lines += [
                f"    if ({self.dues.has_reached('today', days)}) or s[REPORTED] >= {days}:",
                f"        if {reached} == 0:",
                f"            {reached} = 1",
                *indented(self._add_late(days, "today"), 3),
                "    else:",
                f"        {reached} = 0",
            ]
        return "\n".join(lines)

    def _kind_block(self, kind: m.Kind) -> list[str]:
        read = "stated_field(x, {})" if kind.name == "opening" else "x[{}]"
        fields = {f".{one.name}": read.format(self.names.fields[kind.name, one.name]) for one in kind.fields}
        optional = frozenset(fields[f".{one.name}"] for one in kind.fields if one.optional)
        if self.policy.dues.business_days:
            fields |= {key: self.constants.of("dues", days) for key, days in ((HOLIDAYS, "off"), (WORKDAYS, "working"))}
        fields |= {LIST.format(one.name): self.constants.of("lists", one.name) for one in self.policy.lists}
        lines = self.dues.account_lines(kind.name)
        if kind.name == "opening" and "OPEN_DAY" in self.layout.slots:
            lines = [*lines, "s[OPEN_DAY] = stated_day(x, OPENING_OPENED_ON, hour // 24)"]
        if lines and kind.name != "opening":  # what an opening states holds all that came before it
            lines = ["if at >= s[OPEN_AT]:", *indented(lines)]
        if kind.name in OPENING_KINDS:
            lines = [*lines, *self._arms(len(kind.fields))]
        rings = (ring.key.source for ring in self.fact_rings if isinstance(ring.key.source, ex.Select))
        lasts = (last.select for last in self.layout.lasts)
        firsts = (first.select for first in self.layout.firsts)
        since = (since.select for since in self.layout.since)
        for select in dict.fromkeys((*rings, *lasts, *firsts, *since)):
            if select.kind == kind.name:
                lines += self._select_block(select, fields, optional)
        return lines

    def _arms(self, place: int) -> list[str]:
        """In which arm of each split the account is: its mark stands behind the fields of the event that opens it."""
        lines = []
        for split in self.policy.splits:
            owner, slot = f"{split.name}_split", f"s[{arm_slot(split.name)}]"
            numbers = ", ".join(self.constants.of(owner, key) for key in ("first", "second", "third"))
            lines += [f"bucket = bucket_of(stated_field(x, {place}), {numbers})", f"{slot} = 0"]
            for arm in range(1, len(split.arms)):
                lines += [f"if bucket >= {self.constants.of(owner, str(arm))}:", f"    {slot} = {arm}"]
        return lines

    def _select_block(self, select: ex.Select, fields: dict[str, str], optional: frozenset[str]) -> list[str]:
        body = [self._add_event(ring, fields, optional) for ring in self.fact_rings if ring.key.source == select]
        for last, slot in self.layout.lasts.items():
            if last.select == select:
                value, at, latest = fields[f".{last.field}"], self.names.at(slot), self.names.at(slot + 1)
                known = f"{value} != MISSING and " if value in optional else ""
                body += [f"if {known}at >= {at}:", f"    {at} = at", f"    {latest} = {value}"]
        for first, slot in self.layout.firsts.items():
            if first.select == select:
                value, at, earliest = fields[f".{first.field}"], self.names.at(slot), self.names.at(slot + 1)
                known = f"{value} != MISSING and " if value in optional else ""
                body += [f"if {known}({at} == MISSING or at < {at}):", f"    {at} = at", f"    {earliest} = {value}"]
        for since, slot in self.layout.since.items():
            if since.select == select:
                body.append(f"{self.names.at(slot)} = max({self.names.at(slot)}, hour // 24)")
        if select.where is None:
            return body
        compiler = NamedExpressionCompiler(fields, optional)
        test = compiler.condition(self.constants.filters[select])
        before = line_before() if ex.line_facts_in(select) else []
        return [*before, *compiler.lines, f"if {bare(test)}:", *indented(body)]

    def _add_event(self, ring: Ring, fields: dict[str, str], optional: frozenset[str]) -> str:
        tile = _TILE[ring.key.unit].format(hour="hour", month="month_of(hour // 24)")
        now = _TILE[ring.key.unit].format(hour="now", month="s[MONTH]")
        values = []
        for how, field in ring.columns:
            if how != "count":
                value = fields[f".{field}"]
                values.append(_brought(how, value, value in optional))
        return add(ring, self.names, tile, now, *values)

    # -------------------------------------------------------------- features

    def features(self) -> str:
        """The value of every feature, into `out`."""
        lines: list[str] = []
        known: dict[str, str] = {}
        compiler = NamedExpressionCompiler(known, frozenset())
        later = self.policy.after_score  # these are written with the score
        for feature in self.policy.features:
            if feature.name in later:
                continue
            variable = self.names.variables[feature.name]
            code = measured(self.layout, self.names, self.dues, feature.expr)
            if code is None:
                code = clamped(feature.expr, compiler.value(feature.expr), feature.maybe_missing)
            lines += [*compiler.lines, f"{variable} = {code}"]
            compiler.lines.clear()
            known[feature.name] = variable
            if feature.maybe_missing:
                compiler.missing |= {variable}
        stores = [f"out[{self.names.columns[name]}] = {variable}" for name, variable in known.items()]
        return "\n".join(
            [
                "def features(s, out):",
                '    """Write the value of every feature as of the clock."""',
                "    day = s[HOUR] // 24",
                *indented(lines),
                "    out[O_NOW_HOUR] = s[HOUR]",
                *indented(stores),
            ]
        )


def _advance_in_parts(name: str, whole: str) -> list[str]:
    """Days before a moratorium, in it and after it, one part after another: what a due reaches, it reaches before."""
    return [
        "",
        "",
        f"def {whole}(s, hour):",
        '    """Bring the facts to that hour, with a stop before a moratorium and at its end."""',
        "    eve = s[RELIEF_FROM] * 24 - 24",
        "    last = s[RELIEF_UNTIL] * 24",
        "    if eve > s[HOUR] and eve < hour:",
        f"        {name}(s, eve)",
        "    if last > s[HOUR] and last < hour:",
        f"        {name}(s, last)",
        f"    {name}(s, hour)",
    ]


def _brought(how: str, value: str, optional: bool) -> str:
    """What an event with that value of a field brings to a column."""
    match how:
        case "sum":
            return f"max({value}, 0)" if optional else value
        case "min":
            return f"0 - {value} if {value} != MISSING else MISSING" if optional else f"0 - {value}"
        case "distinct":
            return f"1 << {value} if {value} != MISSING else 0" if optional else f"1 << {value}"
        case "known":
            return f"1 if {value} != MISSING else 0" if optional else "1"
        case _:
            return value


def measured(layout: Layout, names: Names, dues: DuesCode, expr: ex.Expr) -> str | None:
    """Code for the value of a measure as of `day`; None where the expression is not one."""
    match expr:
        case ex.Windowed() | ex.LateCount() | ex.Restrictions():
            return record_of(expr).code.format(**_read(layout, names, expr))
        case ex.Daily():
            return daily_value(layout, names, expr)
        case ex.Last():
            slot = names.at(layout.lasts[expr] + 1)
        case ex.First():
            slot = names.at(layout.firsts[expr] + 1)
        case ex.DaysSince():
            slot = names.at(layout.since[expr])
        case ex.Arm(split):
            slot = f"s[{arm_slot(split)}]"
        case ex.Fact():
            slot = ""  # the code of a fact names its own slots
        case _:
            return None
    return record_of(expr).code.format(slot=slot, **dues.facts())


def _read(layout: Layout, names: Names, expr: ex.Windowed | ex.LateCount | ex.Restrictions) -> dict[str, str]:
    """The places of the ring that a measure reads; of a window that ended in the past, a difference of two."""
    ring, (longest, *later) = layout.ring(expr), lengths_of(expr)
    own, base, oldest = names.rings[ring.name].ring, names.at(ring.base), names.at(ring.head(longest))
    end = names.at(ring.head(later[0])) if later else base
    slots = []
    for column in columns_read(expr):
        slot = names.at(ring.slot(longest, column))
        if later and column[0] in GREATEST:
            slot = f"greatest(s, {own}, {oldest}, {end}, {ring.column(*column)})"
        elif later:
            slot = f"({slot} - {names.at(ring.slot(later[0], column))})"
        slots.append(slot)
    return {
        **dict(zip(("slot", "second_slot"), slots, strict=False)),
        **{"tiles": f"{end} - {oldest}", "ring": own, "oldest": oldest},
        "lives": f"{names.at(ring.head(later[0] if later else longest))} < {base}",  # of `in_a_row`
    }


def clamped(expr: ex.Expr, code: str, may_miss: bool) -> str:
    """A derived value within 10^15; missing stays missing."""
    if may_miss:
        return f"clamp_or_missing({code})"
    return code if isinstance(expr, ex.Call) and expr.name == "percent" else f"clamp({code})"
