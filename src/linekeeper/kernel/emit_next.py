"""Code for the day of the next look: the first on which, with no further event, anything could differ (law 4)."""

from __future__ import annotations

from collections.abc import Mapping

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.branches import tree
from linekeeper.kernel.cuts import Use
from linekeeper.kernel.emit_facts import note
from linekeeper.kernel.layout import LATCH_WIDTH, Layout
from linekeeper.kernel.rows import RowShape
from linekeeper.policy import model as m

LEAVES_DAY = {"h": "({tile} + {length} + 23) // 24", "d": "{tile} + {length}", "m": "month_start({tile} + {length})"}


def whens(policy: m.Policy) -> str:
    """The arguments that carry what each trigger's `when` said."""
    return "".join(f", w{number}" for number in range(len(policy.triggers)))


class NextEmitter:
    """Emits next_look."""

    def __init__(self, policy: m.Policy, layout: Layout, shape: RowShape, used: Mapping[str, Use]) -> None:
        self.policy, self.layout, self.shape, self.used = policy, layout, shape, used
        self.places = {feature.name: place for place, feature in enumerate(policy.features)}

    def _column(self, feature: str) -> int:
        return self.shape.values + self.places[feature]

    def next_look(self) -> str:
        """The first later day whose start could differ with no further event (law 4)."""
        lines = [
            f"def next_look(s, out, day{whens(self.policy)}):",
            '    """The first later day on which, with no further event, anything could differ."""',
            "    d = NEVER",
            "    due = s[DUE] if s[DUES] > 0 else NEVER",
        ]
        for number in range(len(self.policy.triggers)):
            slot = self.layout.latches + number * LATCH_WIDTH
            lines.append(f"    if s[{slot}] != FREE or s[{slot} + WAIVED] > day:")
            lines.append(f"        d = min(d, latch_next(s, LATCH{number}, w{number}, day))")
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
        day = LEAVES_DAY[ring.key.unit].replace("{length}", str(length))
        some = f"s[{window}] < s[{ring.base}]"
        if use.any:
            oldest = f"s[{ring.entries} + (s[{window}] & {ring.capacity - 1}) * {ring.width}]"
            return [f"    if {some}:", f"        d = min(d, {day.format(tile=oldest)})"]
        word, lowest = ("fades_below", MISSING + 1) if how == "max" else ("falls_below", 1)
        find = f"{word}(s, RING{ring.number}, {window}, {column}, c)"
        cuts = [cut for cut in use.cuts if cut >= lowest]
        if not cuts:
            return []
        pick = tree("v", tuple(cuts), [f"c = {cut}" for cut in (MISSING, *cuts)], "        ")
        guard = f"    if {some} and {value} >= {cuts[0]}:"
        return [guard, f"        v = {value}", *pick, f"        d = min(d, {day.format(tile=find)})"]


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
