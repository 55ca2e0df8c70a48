"""Code for the day of the next look: the first on which, with no further event, anything could differ (law 4)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.emit_facts import measured
from linekeeper.kernel.emit_rings import entry, note, title
from linekeeper.kernel.expressions import ExpressionCompiler, blocks, tree
from linekeeper.kernel.layout import LATCH_WIDTH, Layout, Ring, column_of
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import Clearing, Guard, Restoring, Slack, Use, score_breakpoints
from linekeeper.policy.functions import FACTS

# For each unit of tiles: the day that a tile's leaving brings, the tiles whose leaving comes before day `d`,
# and whether any tile of a ring leaves before then.
LEAVES_DAY = {"h": "({tile} + {length} + 23) // 24", "d": "{tile} + {length}", "m": "month_start({tile} + {length})"}
LEAVES_BEFORE = {"h": "d * 24 - 23 - {length}", "d": "d - {length}", "m": "NEVER"}
SOME_LEAVE = {"h": "s[{leaves}] <= d * 24 - 24", "d": "s[{leaves}] < d", "m": "s[MONTH_END] < d"}


class NextEmitter:
    """Emits next_review."""

    def __init__(self, policy: m.Policy, layout: Layout, used: Mapping[str, Use]) -> None:
        self.policy, self.layout, self.used = policy, layout, used
        codes = {feature.name: measured(layout, feature.expr) for feature in policy.features}
        self.codes = {name: f"({code})" if " " in code else code for name, code in codes.items() if code is not None}
        missing = (feature.name for feature in policy.features if feature.maybe_missing)
        self.missing = frozenset(self.codes[name] for name in missing if name in self.codes)

    def next_review(self) -> str:
        """The first later day whose start could differ with no further event (law 4)."""
        lines = [
            "def next_review(s, before):",
            '    """The first later day on which, with no event, anything could differ; at most `before`."""',
            "    d = min(before, s[LATCH_DAY])",
            "    day = s[HOUR] // 24",
            "    due = s[DUE] if s[DUES] > 0 else NEVER",
            *self._slack(),
        ]
        lines += ["    if s[IMPOSED_END] > day:", "        d = min(d, s[IMPOSED_END])"]
        if self.policy.restoration:
            every = self.policy.restoration.every_days
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
        used = [feature for feature in self.policy.features if feature.name in self.used]
        for feature in used:
            lines += self._growing(feature, self.used[feature.name])
        for ring in self.layout.rings:
            lines += self._leaving(ring, used)
        return "\n".join([*lines, "    return max(d, day + 1)"])

    def _slack(self) -> list[str]:
        """How far the score may fall, and rise, before a rule answers otherwise."""
        cuts = score_breakpoints(self.policy)
        if not self.policy.score or not cuts:
            return []
        ends = ("-NEVER", *map(str, cuts), "NEVER")
        leaves = [[f"fall = s[POINTS] - {low}", f"rise = {high} - 1 - s[POINTS]"] for low, high in pairwise(ends)]
        return blocks("s[POINTS]", cuts, leaves, "    ")

    def _growing(self, feature: m.Feature, use: Use) -> list[str]:
        """What rises with time alone."""
        match feature.expr:
            case ex.DaysSince():
                slot = self.layout.since[feature.expr]
                lines = self._grows(use, f"day - s[{slot}]", f"s[{slot}] + {{cut}}")
                lines = [f"if s[{slot}] != MISSING:", *indented(lines)] if lines else []
            case ex.Fact("days_in_status"):
                lines = self._grows(use, "day - s[STATUS_DAY]", "s[STATUS_DAY] + {cut}")
            case ex.Fact("months_on_book"):
                lines = self._grows(use, "s[MONTH] - s[OPEN_MONTH]", "month_start(s[OPEN_MONTH] + {cut})")
            case ex.Fact("days_past_due" as name):
                lines = self._grows(use, FACTS[name].code, "due + {cut}")
                lines = ["if due < NEVER:", *indented(lines)] if lines else []
            case ex.Fact("past_due"):
                lines = self._while((*use.any, *use.crossing), _NEXT_DUE)
            case ex.Fact("on_time_streak"):
                lines = self._while((*use.any, *use.crossing), ["if s[STREAK] > 0:", "    d = min(d, due + 1)"])
            case _:
                return []
        return indented([note(feature.name), *lines]) if lines else []

    def _grows(self, use: Use, value: str, day: str) -> list[str]:
        """When a value that rises by itself next reaches a cut; `day` gives the day of a `{cut}`."""
        cuts = tuple(cut for cut in use.cuts if cut > 0)
        leaves = [f"d = min(d, {day.format(cut=cut)})" for cut in cuts] + ["pass"]
        lines = self._while(use.any, [f"d = min(d, {day.format(cut='(v + 1)')})"])
        lines += self._while(use.crossing, tree("v", cuts, leaves, "")) if cuts and () not in use.any else []
        return [f"v = {value}", *lines] if lines else []

    def _leaving(self, ring: Ring, used: list[m.Feature]) -> list[str]:
        """What falls as tiles leave the windows of a ring."""
        blocks = []
        for feature in used:
            match feature.expr:
                case ex.Windowed() | ex.LateCount() | ex.Restrictions() if self.layout.ring(feature.expr) == ring:
                    block = self._window(ring, feature.expr, self.used[feature.name])
                    blocks += [note(feature.name), *block] if block else []
        some = SOME_LEAVE[ring.key.unit].format(leaves=ring.leaves)
        return indented([note(title(ring)), f"if {some}:", *indented(blocks)]) if blocks else []

    def _window(self, ring: Ring, measure: ex.Windowed | ex.LateCount | ex.Restrictions, use: Use) -> list[str]:
        column, length = column_of(measure), measure.window.length
        head, slot, top = ring.head(length), ring.slot(length, column), column[0] == "max"
        day = LEAVES_DAY[ring.key.unit].replace("{length}", str(length))
        oldest = day.format(tile=f"s[{entry(ring, f's[{head}]')}]")
        lines = self._while(use.any, [f"if s[{head}] < s[{ring.base}]:", f"    d = min(d, {oldest})"])
        cuts = tuple(cut for cut in use.cuts if cut > (MISSING if top else 0))
        if not cuts or () in use.any:
            return lines
        args = f"s, RING{ring.number}, s[{head}], {ring.column(*column)}"
        before = LEAVES_BEFORE[ring.key.unit].format(length=length)
        find = f"fades_below({args}, c)" if top else f"falls_below({args}, v, c, {before})"
        pick = tree("v", cuts[1:], [f"c = {cut}" for cut in cuts], "")
        found = [f"v = s[{slot}]", f"if v >= {cuts[0]}:", *indented([*pick, f"d = min(d, {day.format(tile=find)})"])]
        return lines + self._while(use.crossing, found)

    def _while(self, guards: tuple[Guard, ...], lines: list[str]) -> list[str]:
        """The lines, where any of the guards holds."""
        if () in guards or not guards:
            return lines if guards else []
        compiler = ExpressionCompiler(self.codes, self.missing)
        test = " or ".join(" and ".join(self._holds(compiler, one) for one in guard) for guard in guards)
        return [*compiler.lines, f"if {test}:", *indented(lines)]

    def _holds(self, compiler: ExpressionCompiler, one: ex.Expr | Clearing | Restoring | Slack) -> str:
        match one:
            case Clearing(trigger):
                slot = self.layout.latches + trigger * LATCH_WIDTH
                return f"s[{slot}] == SET and not s[{slot} + HOLDING]"
            case Restoring():
                return "s[STATUS] == RESTORING"
            case Slack(fall, rise):
                return f"(fall < {fall} or rise < {rise})"
            case _:
                return compiler.condition(one)


def indented(lines: list[str]) -> list[str]:
    """The lines, one step further in."""
    return [f"    {line}" for line in lines]


_NEXT_DUE = [
    "for i in range(s[DUES]):",
    "    if s[DUE + 2 * i] >= day:",
    "        d = min(d, s[DUE + 2 * i] + 1)",
    "        break",
]
