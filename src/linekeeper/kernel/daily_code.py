"""Code for the ends of days: what a kernel keeps of account facts through time, and when that changes by itself."""

from __future__ import annotations

from linekeeper.kernel.constants import Constants, NamedExpressionCompiler
from linekeeper.kernel.dues_code import DuesCode
from linekeeper.kernel.emit_rings import add, entry
from linekeeper.kernel.layout import Layout, Ring, is_of_days
from linekeeper.kernel.lines import indented
from linekeeper.kernel.names import Names
from linekeeper.policy import expression as ex
from linekeeper.policy.functions import record_of

_TILE_OF_DAY = {"d": "day", "m": "s[MONTH]"}


def rings_of_days(layout: Layout) -> list[Ring]:
    """The rings that hold the ends of days."""
    return [ring for ring in layout.rings if is_of_days(ring)]


def ends_days(layout: Layout) -> bool:
    """Whether something is kept of each day that ends."""
    return layout.line_days > 0 or any(map(is_of_days, layout.rings))


def line_before() -> list[str]:
    """Lines that say how the line was as the day before an event ended; a filter reads them."""
    return [
        "line = line_on(s, LINE_DAYS, hour // 24 - 1)",
        "is_known = s[LINE_DAYS + 1] > 0 and s[line] < hour // 24",
        "limit_before = s[line + 1] if is_known else MISSING",
        "granted_before = s[line + 2] if is_known else MISSING",
    ]


def now_call(names: Names, ring: Ring, day: str = "day", limit: str = "s[LIMIT]", granted: str = "s[GRANTED]") -> str:
    """The value of what a ring holds, as it stands on a day under such a line."""
    return f"{names.day_values[ring.name]}(s, {day}, {limit}, {granted})"


def day_functions(layout: Layout, names: Names, constants: Constants, dues: DuesCode) -> list[str]:
    """For each ring a function that says what it holds of a day; and the one that ends a day."""
    rings = rings_of_days(layout)
    if not ends_days(layout):
        return []
    made = [*(_value(ring, names, constants, dues) for ring in rings), _end_day(layout, rings, names)]
    return [line for lines in made for line in (*lines, "", "")]


def _value(ring: Ring, names: Names, constants: Constants, dues: DuesCode) -> list[str]:
    facts = {
        "balance": "s[BALANCE]",
        "limit": "limit",
        "granted": "granted",
        "utilisation": "percent(s[BALANCE], limit)",
        **dues.facts(),
    }
    expr = constants.day_ends[_expr(ring)]
    used = dict.fromkeys(node.name for node in ex.nodes_of(expr) if isinstance(node, ex.Fact))
    lines = [f"    {name} = {facts[name]}" for name in used if facts[name] != name]
    lines = [
        f"def {names.day_values[ring.name]}(s, day, limit, granted):",
        f'    """What counts of that day: {constants.day_texts[_expr(ring)]}."""',
        *lines,
    ]
    if isinstance(expr, ex.Fact):
        return [*lines, f"    return {expr.name}"]
    compiler = NamedExpressionCompiler({name: name for name in used}, frozenset())
    test = compiler.condition(_by_name(expr))
    return [*lines, *indented(compiler.lines), f"    return 1 if {test} else 0"]


def _expr(ring: Ring) -> ex.Expr:
    assert not isinstance(ring.key.source, str | ex.Select)
    return ring.key.source


def _by_name(expr: ex.Expr) -> ex.Expr:
    return ex.Ref(expr.name, expr.unit) if isinstance(expr, ex.Fact) else ex.with_children(expr, _by_name)


def _end_day(layout: Layout, rings: list[Ring], names: Names) -> list[str]:
    """The day of the clock ends, under the line as it was then."""
    lines = ["def end_day(s):", '    """Keep how the day ends at which the clock stands."""', "    day = s[HOUR] // 24"]
    limit, granted = "0", "0"
    if layout.line_days:
        lines.append("    note_line(s, LINE_DAYS, LINE_CHANGES, day, s[LIMIT], s[GRANTED])")
        lines += ["    line = line_on(s, LINE_DAYS, day)"] if rings else []
        limit, granted = "s[line + 1]", "s[line + 2]"
    for ring in rings:
        tile, value = _TILE_OF_DAY[ring.key.unit], now_call(names, ring, "day", limit, granted)
        if ring.columns == (("count", None),):
            lines += [f"    if {value}:", f"        {add(ring, names, tile, tile)}"]
            continue
        brought = {"max": "value", "min": "0 - value", "total": "value", "known": "1"}
        values = (brought[how] for how, _ in ring.columns)
        lines += [f"    value = {value}", f"    {add(ring, names, tile, tile, *values)}"]
    return lines


def advance_by_day(name: str) -> list[str]:
    """The clock goes on day by day, and each day that ends is kept."""
    return [
        "",
        "",
        "def advance(s, hour):",
        '    """Bring the facts to that hour, day by day: how each ends is kept."""',
        "    while s[HOUR] // 24 < hour // 24:",
        "        end_day(s)",
        f"        {name}(s, min(s[HOUR] // 24 * 24 + 24, hour))",
        f"    {name}(s, hour)",
    ]


def daily_value(layout: Layout, names: Names, measure: ex.Daily) -> str:
    """The code of a measure: what its ring holds, and the day that is now."""
    ring = layout.ring(measure)
    known = _known(ring, names, measure.window.length)
    return record_of(measure).code.format(
        slot=_slot(measure, ring, names), second_slot=known, now=now_call(names, ring)
    )


def _slot(measure: ex.Daily, ring: Ring, names: Names) -> str:
    column = {"days_where": ("count", None), "average": ("total", "value")}.get(measure.how, (measure.how, "value"))
    return names.at(ring.slot(measure.window.length, column))


def _known(ring: Ring, names: Names, length: int) -> str:
    columns = dict(ring.windows)[length]
    return names.at(ring.slot(length, ("known", "value"))) if ("known", "value") in columns else ""


def changes_daily(layout: Layout, names: Names, dues: DuesCode, measure: ex.Daily) -> list[str]:
    """Lines that bring `first` to the next day on which the value moves though no day leaves its window."""
    ring, length = layout.ring(measure), measure.window.length
    lines: list[str] = []
    if measure.facts & {"days_past_due"}:
        lines += ["if oldest_due < NEVER:", f"    first = min(first, oldest_due + {dues.days_after('1')})"]
    if "past_due" in measure.facts:
        lines += dues.next_past_due()
    if measure.how == "days_where":
        lines += [f"if {now_call(names, ring)}:", "    first = min(first, day + 1)"]
    if measure.how == "average":
        top, least = (names.at(ring.slot(length, (how, "value"))) for how in ("max", "min"))
        lines += [
            f"value = {now_call(names, ring)}",
            f"if {top} != MISSING and ({top} != value or 0 - {least} != value):",
            "    first = min(first, day + 1)",
        ]
    return lines


def leaves_daily(layout: Layout, names: Names, measure: ex.Daily, day_of: str) -> list[str]:
    """Lines that bring `first` to the day on which the value moves because a day leaves its window."""
    ring, length = layout.ring(measure), measure.window.length
    oldest = names.at(ring.head(length))
    if measure.how == "average":
        return []
    if measure.how == "days_where":
        leaving = day_of.format(tile=f"s[{entry(ring, names, oldest)}]")
        return [f"if {oldest} < {names.at(ring.base)}:", f"    first = min(first, {leaving})"]
    slot, place = _slot(measure, ring, names), ring.column(measure.how, "value")
    now = now_call(names, ring) if measure.how == "max" else f"0 - {now_call(names, ring)}"
    return [
        f"if {slot} > {now}:",
        f"    tile = fades_below(s, {names.rings[ring.name].ring}, {oldest}, {place}, {slot})",
        f"    first = min(first, {day_of.format(tile='tile')})",
    ]
