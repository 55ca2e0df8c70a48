"""Code for the fact half of a kernel: what happened, and the values of the features."""

from __future__ import annotations

from linekeeper.kernel.emit_rings import add, note, title
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.kernel.layout import LATCH_WIDTH, Layout, Ring, column_of
from linekeeper.kernel.rows import RowShape
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import record_of
from linekeeper.policy.kinds import BUILT_IN

TILE = {"h": "{hour}", "d": "{hour} // 24", "m": "{month}"}
_NUMBER = {name: number for number, (name, _, _) in enumerate(BUILT_IN)}


class FactsEmitter:
    """Emits begin, advance, absorb, rule and features."""

    def __init__(self, policy: m.Policy, layout: Layout, shape: RowShape) -> None:
        self.policy, self.layout, self.shape = policy, layout, shape
        self.fact_rings = [ring for ring in layout.rings if ring.key.source != "restrictions"]

    # -------------------------------------------------------------- begin

    def begin(self) -> str:
        """An opened account's state, before its first event."""
        lines = [
            "def begin(s, hour):",
            '    """Start a state: missing things are missing, the clock shows the first hour."""',
        ]
        lines += [f"    s[{slot + 1}] = s[{slot}] = MISSING" for slot in self.layout.lasts.values()]
        lines += [f"    s[{slot}] = MISSING" for slot in self.layout.since.values()]
        for ring in self.layout.rings:
            lines.append(f"    s[{ring.entries}] = NEVER")
            for length, columns in ring.windows:
                tops = (column for column in columns if column[0] == "max")
                lines += [f"    s[{ring.slot(length, column)}] = MISSING" for column in tops]
        lines += [
            "    s[HOUR] = hour",
            "    s[MONTH] = month_of(hour // 24)",
            "    s[MONTH_END] = month_start(s[MONTH] + 1)",
        ]
        return "\n".join(lines)

    # -------------------------------------------------------------- advance

    def advance(self) -> str:
        """Bring facts to an hour: the clock, overnight dues, tiles that leave their windows."""
        lines = [
            "def advance(s, hour):",
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
            "    if s[DUES] > 0 and s[DUE] < day and morning:",
            "        s[STREAK] = 0",
        ]
        for ring in self.layout.rings:  # before anything is added: a ring holds no more than its longest window
            lines += self._expire(ring)
        for days, above in self.layout.above.items():
            lines += [
                f"    if s[{above}] == 0 and s[DUES] > 0 and day - s[DUE] >= {days}:",
                f"        s[{above}] = 1",
                *self._add_late(days, f"(s[DUE] + {days})", "        "),
            ]
        return "\n".join(lines)

    def _expire(self, ring: Ring) -> list[str]:
        tile = {"h": "hour", "d": "day", "m": "month"}[ring.key.unit]
        return [
            f"    {note(title(ring))}",
            f"    if {tile} >= s[{ring.leaves}]:",
            f"        expire_{ring.number}(s, {tile})",
        ]

    def _add_late(self, days: int, day: str, indent: str) -> list[str]:
        lines = []
        for ring in self.fact_rings:
            if ring.key.source == "late" and ring.key.days == days:
                tile = f"month_of({day})" if ring.key.unit == "m" else day
                now = "s[MONTH]" if ring.key.unit == "m" else "s[HOUR] // 24"
                lines.append(indent + add(ring, tile, now))
        return lines

    # -------------------------------------------------------------- absorb

    def absorb(self) -> str:
        """The event's effect on the facts."""
        lines = [
            "def absorb(s, at, hour, kind, x):",
            '    """Take one event into the facts; the tile is the event\'s own, however late it comes."""',
            "    s[SEEN] = max(s[SEEN], at)",
            "    now = s[HOUR]",
            "    today = now // 24",
        ]
        blocks = [(kind, self._kind_block(kind)) for kind in self.policy.kinds]
        word = "if"
        for kind, block in blocks:
            if block:
                lines += [f"    {word} kind == {kind.number}:  # {kind.name}", *block]
                word = "elif"
        for days, above in self.layout.above.items():
            overdue = f"(s[DUES] > 0 and today - s[DUE] >= {days}) or s[REPORTED] >= {days}"
            lines += [
                f"    if {overdue}:",
                f"        if s[{above}] == 0:",
                f"            s[{above}] = 1",
                *self._add_late(days, "today", "            "),
                "    else:",
                f"        s[{above}] = 0",
            ]
        return "\n".join(lines)

    def _kind_block(self, kind: m.Kind) -> list[str]:
        names = {f".{field.name}": f"x[{place}]" for place, field in enumerate(kind.fields)}
        optional = frozenset(names[f".{field.name}"] for field in kind.fields if field.optional)
        lines = [f"        {line}" for line in _ACCOUNT.get(kind.name, ())]
        rings = (ring.key.source for ring in self.fact_rings if isinstance(ring.key.source, ex.Select))
        lasts = (last.select for last in self.layout.lasts)
        since = (since.select for since in self.layout.since)
        selects = dict.fromkeys((*rings, *lasts, *since))
        for select in selects:
            if select.kind == kind.name:
                lines += self._select_block(select, names, optional)
        return lines

    def _select_block(self, select: ex.Select, names: dict[str, str], optional: frozenset[str]) -> list[str]:
        body = [
            add_line
            for ring in self.fact_rings
            if ring.key.source == select
            for add_line in self._adds(ring, names, optional)
        ]
        for last, slot in self.layout.lasts.items():
            if last.select == select:
                value = names[f".{last.field}"]
                known = f"{value} != MISSING and " if value in optional else ""
                body += [f"if {known}at >= s[{slot}]:", f"    s[{slot}] = at", f"    s[{slot + 1}] = {value}"]
        for since, slot in self.layout.since.items():
            if since.select == select:
                body.append(f"s[{slot}] = max(s[{slot}], hour // 24)")
        if select.where is None:
            return [f"        {line}" for line in body]
        compiler = ExpressionCompiler(names, optional)
        test = compiler.condition(select.where)
        return [f"        {line}" for line in (*compiler.lines, f"if {test}:")] + [
            f"            {line}" for line in body
        ]

    def _adds(self, ring: Ring, names: dict[str, str], optional: frozenset[str]) -> list[str]:
        tile = TILE[ring.key.unit].format(hour="hour", month="month_of(hour // 24)")
        now = TILE[ring.key.unit].format(hour="now", month="s[MONTH]")
        values = []
        for how, field in ring.columns:
            if how == "count":
                continue
            value = names[f".{field}"]
            values.append(f"max({value}, 0)" if how == "sum" and value in optional else value)
        return [add(ring, tile, now, *values)]

    # -------------------------------------------------------------- rule

    def rule(self) -> str:
        """The event's effect on the line itself: opening, consent, a person's ruling."""
        return "\n".join(
            [
                "def rule(s, at, kind, x):",
                '    """Take opening, consent and override into the line; they follow arrival."""',
                "    day = s[HOUR] // 24",
                f"    if kind == {_NUMBER['open']}:",
                "        s[OPENED] = 1",
                "        s[OPEN_AT] = at",
                "        s[OPEN_MONTH] = s[MONTH]",
                "        s[GRANTED] = s[LIMIT] = x[0]",
                "        s[STATUS_DAY] = day",
                f"    elif kind == {_NUMBER['consent']}:",
                "        if x[0] == s[OFFER_NUMBER] and day < s[OFFER_END]:",
                "            if s[LIMIT] == s[GRANTED]:",
                "                s[LIMIT] = s[OFFER_LIMIT]",
                "            s[GRANTED] = s[OFFER_LIMIT]",
                "            s[OFFER_END] = 0",
                f"    elif kind == {_NUMBER['override']}:",
                "        if x[0] != MISSING:",
                f"            s[{self.layout.latches} + x[0] * {LATCH_WIDTH} + WAIVED] = x[2] + 1",
                "        if x[1] != MISSING:",
                "            s[IMPOSED_BP] = x[1]",
                "            s[IMPOSED_END] = x[2] + 1",
            ]
        )

    # -------------------------------------------------------------- features

    def features(self) -> str:
        """The value of every feature, into `out`."""
        lines = [
            "def features(s, out):",
            '    """Write the value of every feature as of the clock."""',
            "    day = s[HOUR] // 24",
            "    out[O_NOW_HOUR] = s[HOUR]",
            *values(self.policy, self.layout),
        ]
        return "\n".join([*lines, *stores(self.policy, self.shape)])


def values(policy: m.Policy, layout: Layout) -> list[str]:
    """Lines that bring the value of every feature into a variable, `f0` and on, as of `day`."""
    lines: list[str] = []
    names: dict[str, str] = {}
    missing: set[str] = set()
    for place, feature in enumerate(policy.features):
        compiler = ExpressionCompiler(names, frozenset(missing), temporaries=place * 100)
        code = measured(layout, feature.expr)
        if code is None:
            code = clamped(feature.expr, compiler.value(feature.expr), feature.maybe_missing)
        variable = f"f{place}"
        lines += [f"    {note(feature.name)}", *(f"    {line}" for line in compiler.lines), f"    {variable} = {code}"]
        names[feature.name] = variable
        if feature.maybe_missing:
            missing.add(variable)
    return lines


def stores(policy: m.Policy, shape: RowShape) -> list[str]:
    """Lines that write those variables into `out`."""
    return [f"    out[{shape.values + place}] = f{place}" for place in range(len(policy.features))]


def measured(layout: Layout, expr: ex.Expr) -> str | None:
    """Code for the value of a measure; None where the expression is not one."""
    if not isinstance(expr, ex.Measure):
        return None
    return record_of(expr).code.format(slot=f"s[{slot_of(layout, expr)}]")


def slot_of(layout: Layout, measure: ex.Measure) -> int | None:
    """The slot of the state that holds what is measured; None for a fact, whose code names its own."""
    match measure:
        case ex.Windowed() | ex.LateCount() | ex.Restrictions():
            return layout.ring(measure).slot(measure.window.length, column_of(measure))
        case ex.Last():
            return layout.lasts[measure] + 1
        case ex.DaysSince():
            return layout.since[measure]
        case ex.Fact():
            return None


def clamped(expr: ex.Expr, code: str, may_miss: bool) -> str:
    """A derived value within 10^15; missing stays missing."""
    if may_miss:
        return f"keep({code})"
    return code if isinstance(expr, ex.Call) and expr.name == "percent" else f"clamp({code})"


_ACCOUNT = {
    "draw": ("s[BALANCE] = clamp(s[BALANCE] + x[0])",),
    "charge": ("s[BALANCE] = clamp(s[BALANCE] + x[0])",),
    "repay": (
        "s[BALANCE] = clamp(s[BALANCE] - x[0])",
        "if s[DUES] > 0:",
        "    s[STREAK] += pay_dues(s, DUES, DUE, x[0], today)",
    ),
    "due": (
        "add_due(s, DUES, DUE, DUES_MAX, x[0], x[1])",
        "if x[0] > 0 and x[1] < today:",
        "    s[STREAK] = 0",
    ),
    "balance": ("s[BALANCE] = x[0]",),
    "delinquency": ("s[REPORTED] = x[0]", "s[STREAK] = s[STREAK] + 1 if x[0] == 0 else 0"),
}
