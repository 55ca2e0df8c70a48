"""Code for the day of the next look: the first on which, with no further event, anything could differ (law 4)."""

from __future__ import annotations

from collections.abc import Mapping

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.branches import tree
from linekeeper.kernel.cuts import Use
from linekeeper.kernel.emit_facts import FACT_CODE, note, title
from linekeeper.kernel.layout import LATCH_WIDTH, Layout, Ring
from linekeeper.policy import model as m

# For each unit of tiles: the day that a tile's leaving brings, the tiles whose leaving comes before day `d`,
# and whether any tile of a ring leaves before then.
LEAVES_DAY = {"h": "({tile} + {length} + 23) // 24", "d": "{tile} + {length}", "m": "month_start({tile} + {length})"}
LEAVES_BEFORE = {"h": "d * 24 - 23 - {length}", "d": "d - {length}", "m": "NEVER"}
SOME_LEAVE = {"h": "s[{leaves}] <= d * 24 - 24", "d": "s[{leaves}] < d", "m": "s[MONTH_END] < d"}


class NextEmitter:
    """Emits next_look."""

    def __init__(self, policy: m.Policy, layout: Layout, used: Mapping[str, Use]) -> None:
        self.policy, self.layout, self.used = policy, layout, used

    def next_look(self) -> str:
        """The first later day whose start could differ with no further event (law 4)."""
        lines = [
            "def next_look(s, before):",
            '    """The first later day on which, with no event, anything could differ; at most `before`."""',
            "    d = before",
            "    day = s[HOUR] // 24",
            "    due = s[DUE] if s[DUES] > 0 else NEVER",
        ]
        for number in range(len(self.policy.triggers)):
            slot = self.layout.latches + number * LATCH_WIDTH
            lines.append(f"    if s[{slot}] != FREE or s[{slot} + WAIVED] > day:")
            lines.append(f"        d = min(d, latch_next(s, LATCH{number}, day))")
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
        used = [feature for feature in self.policy.features if feature.name in self.used]
        for feature in used:
            lines += self._growing(feature, self.used[feature.name])
        for ring in self.layout.rings:
            lines += self._leaving(ring, used)
        return "\n".join([*lines, "    return max(d, day + 1)"])

    def _growing(self, feature: m.Feature, use: Use) -> list[str]:
        """What rises with time alone."""
        head = f"    {note(feature.name)}"
        match feature.expr:
            case m.DaysSince():
                slot = self.layout.since[feature.expr]
                return [head, *grows(use, f"day - s[{slot}]", f"s[{slot}] + {{cut}}", f"s[{slot}] != MISSING")]
            case m.Fact("days_in_status"):
                return [head, *grows(use, "day - s[STATUS_DAY]", "s[STATUS_DAY] + {cut}")]
            case m.Fact("months_on_book"):
                return [head, *grows(use, "s[MONTH] - s[OPEN_MONTH]", "month_start(s[OPEN_MONTH] + {cut})")]
            case m.Fact("days_past_due" as name):
                return [head, *grows(use, FACT_CODE[name], "due + {cut}", "due < NEVER")]
            case m.Fact("past_due"):
                return [head, *_NEXT_DUE]
            case m.Fact("on_time_streak"):
                return [head, "    if s[STREAK] > 0:", "        d = min(d, due + 1)"]
            case _:
                return []

    def _leaving(self, ring: Ring, used: list[m.Feature]) -> list[str]:
        """What falls as tiles leave the windows of a ring."""
        blocks = []
        for feature in used:
            match feature.expr:
                case m.Windowed() | m.LateCount() | m.Restrictions() if self.layout.ring(feature.expr) == ring:
                    block = self._window(ring, feature.expr, self.used[feature.name])
                    blocks += [f"        {note(feature.name)}", *block] if block else []
        some = SOME_LEAVE[ring.key.unit].format(leaves=ring.leaves)
        return [f"    {note(title(ring))}", f"    if {some}:", *blocks] if blocks else []

    def _window(self, ring: Ring, measure: m.Windowed | m.LateCount | m.Restrictions, use: Use) -> list[str]:
        how, field = (measure.how, measure.field) if isinstance(measure, m.Windowed) else ("count", None)
        window, column, length = ring.window(measure.window.length), ring.column(how, field), measure.window.length
        day = LEAVES_DAY[ring.key.unit].replace("{length}", str(length))
        if use.any:
            oldest = f"s[{ring.entries} + (s[{window}] & {ring.capacity - 1}) * {ring.width}]"
            some = f"s[{window}] < s[{ring.base}]"
            return [f"        if {some}:", f"            d = min(d, {day.format(tile=oldest)})"]
        cuts = [cut for cut in use.cuts if cut > (MISSING if how == "max" else 0)]
        if not cuts:
            return []
        args = f"s, RING{ring.number}, {window}, {column}, c"
        before = LEAVES_BEFORE[ring.key.unit].format(length=length)
        find = f"fades_below({args})" if how == "max" else f"falls_below({args}, {before})"
        pick = tree("v", tuple(cuts), [f"c = {cut}" for cut in (MISSING, *cuts)], "            ")
        return [
            f"        v = s[{window + column}]",
            f"        if v >= {cuts[0]}:",
            *pick,
            f"            d = min(d, {day.format(tile=find)})",
        ]


def grows(use: Use, value: str, day: str, only_if: str = "") -> list[str]:
    """When a value that rises by itself next reaches a cut; `day` gives the day of a `{cut}`."""
    cuts = [cut for cut in use.cuts if cut > 0]
    if use.any:
        lines = ["d = min(d, " + day.format(cut="(v + 1)") + ")"]
    elif cuts:
        leaves = [f"d = min(d, {day.format(cut=cut)})" for cut in cuts] + ["pass"]
        lines = tree("v", tuple(cuts), leaves, "")
    else:
        return []
    lines = [f"v = {value}", *lines]
    indent = "        " if only_if else "    "
    return [*([f"    if {only_if}:"] if only_if else []), *(indent + line for line in lines)]


_NEXT_DUE = [
    "    for i in range(s[DUES]):",
    "        if s[DUE + 2 * i] >= day:",
    "            d = min(d, s[DUE + 2 * i] + 1)",
    "            break",
]
