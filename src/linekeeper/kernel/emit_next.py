"""Code for the day of the next review: the first on which, with no further event, anything could differ (law 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.constants import Constants, NamedExpressionCompiler, schedule_key
from linekeeper.kernel.daily_code import changes_daily, leaves_daily
from linekeeper.kernel.dues_code import DuesCode
from linekeeper.kernel.emit_facts import measured
from linekeeper.kernel.emit_rings import entry, title
from linekeeper.kernel.emit_trees import TreeEmitter
from linekeeper.kernel.layout import (
    GREATEST,
    LATCH_WIDTH,
    ONLY_SCHEDULE,
    Layout,
    Ring,
    columns_read,
    lengths_of,
    schedule_slots,
)
from linekeeper.kernel.lines import bare, branches, indented, note
from linekeeper.kernel.names import Names
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import Clearing, Guard, Latched, Restoring, Slack, Use, score_breakpoints

# For each unit of tiles: the day that a tile's leaving brings, the tiles whose leaving comes before day `first`,
# and whether any tile of a ring leaves before then.
_LEAVES_DAY = {"h": "({tile} + {length} + 23) // 24", "d": "{tile} + {length}", "m": "month_start({tile} + {length})"}
_LEAVES_BEFORE = {"h": "first * 24 - 23 - {length}", "d": "first - {length}", "m": "NEVER"}
_SOME_LEAVE = {"h": "{leaves} <= first * 24 - 24", "d": "{leaves} < first", "m": "s[MONTH_END] < first"}


class NextEmitter:
    """Emits next_review.

    A value that is only compared with constants matters where it crosses one; any other change matters while a guard
    holds. Guards are asked in the kernel itself, since they hold on one day and not on another: what they leave out is
    work, never a decision.
    """

    def __init__(
        self,
        layout: Layout,
        names: Names,
        constants: Constants,
        dues: DuesCode,
        used: Mapping[str, Use],
        slack: Mapping[Slack, tuple[str, str]],
        trees: TreeEmitter,
    ) -> None:
        self.policy, self.layout, self.names, self.constants = constants.policy, layout, names, constants
        self.dues, self.used, self.slack, self.trees = dues, used, slack, trees
        codes = {feature.name: measured(layout, names, dues, feature.expr) for feature in self.policy.features}
        self.codes = {name: _operand(code) for name, code in codes.items() if code is not None}
        missing = (feature.name for feature in self.policy.features if feature.maybe_missing)
        self.missing = frozenset(self.codes[name] for name in missing if name in self.codes)

    def next_review(self) -> str:
        """The first later day whose start could differ with no further event (law 4)."""
        lines = [
            "def next_review(s, before):",
            '    """The first later day on which, with no event, anything could differ; at most `before`.',
            "",
            "    A guard stands before each day: until the rest of a condition holds, a value that turns changes",
            "    nothing, and the rest is watched itself. Too early a day is more work; too late would be a mistake.",
            '    """',
            "    first = min(before, s[LATCH_DAY])",
            "    day = s[HOUR] // 24",
            f"    oldest_due = s[DUE] if {self.dues.some_due_counts} else NEVER",
            *indented(self._slack()),
            "    if s[IMPOSED_END] > day:",
            "        first = min(first, s[IMPOSED_END])",
            *indented(self._schedules()),
            *indented(self._relief()),
        ]
        for days, above in self.layout.above.items():
            reached = f"oldest_due + {self.dues.days_after(str(days))}"
            lines += [f"    if {self.names.at(above)} == 0:", f"        first = min(first, {reached})"]
        used = [feature for feature in self.policy.features if feature.name in self.used]
        for feature in used:
            lines += self._growing(feature, self.used[feature.name])
        for ring in self.layout.rings:
            lines += self._leaving(ring, used)
        return "\n".join([*lines, "    return max(first, day + 1)"])

    def _schedules(self) -> list[str]:
        """Days of the next restoration step, and of an offer's end or the next one's turn."""
        lines = []
        restorations = self.policy.restorations
        slots_of_each = schedule_slots(self.policy) or (ONLY_SCHEDULE,) * len(restorations)
        for schedule, slots in zip(restorations, slots_of_each, strict=True):
            step = f"s[{slots.rise_day}] + {self.constants.of(schedule_key(schedule), 'every')}"
            lines += [f"if s[{slots.rising}] and {step} > day:", f"    first = min(first, {step})"]
        if self.policy.named_offers:
            lines += ["if s[OFFER_RESTS] > day:", "    first = min(first, s[OFFER_RESTS])"]
        elif self.policy.offer:
            turn = f"s[OFFER_DAY] + {self.constants.of('offer', 'every')}"
            lines += [f"if s[OFFER_NUMBER] > 0 and {turn} > day:", f"    first = min(first, {turn})"]
        if self.policy.offers:
            lines += ["if s[OFFER_END] > day:", "    first = min(first, s[OFFER_END])"]
        if self.policy.own_limit:
            lines += ["if s[OWN_NEXT_DAY] > day:", "    first = min(first, s[OWN_NEXT_DAY])"]
        return lines

    def _relief(self) -> list[str]:
        """The first day of a moratorium that is to come, and the day after its last."""
        if self.policy.moratorium is None:
            return []
        return [
            "if s[RELIEF_FROM] > day:",
            "    first = min(first, s[RELIEF_FROM])",
            "if s[RELIEF_UNTIL] >= day:",
            "    first = min(first, s[RELIEF_UNTIL] + 1)",
        ]

    def _slack(self) -> list[str]:
        """How far the score may fall, and rise, before a rule answers otherwise."""
        cuts = score_breakpoints(self.policy)
        if not self.policy.score or not cuts:
            return []
        named = [self.constants.cut("score", cut) for cut in cuts]
        falls = ["fall = NEVER", *(f"fall = s[POINTS] - {_operand(low)}" for low in named)]
        rises = [*(f"rise = {high} - 1 - s[POINTS]" for high in named), "rise = NEVER"]
        leaves = [list(pair) for pair in zip(falls, rises, strict=True)]
        return branches("s[POINTS]", named, leaves)

    def _growing(self, feature: m.Feature, use: Use) -> list[str]:
        """What rises with time alone."""
        at = self.names.at
        match feature.expr:
            case ex.DaysSince():
                slot = at(self.layout.since[feature.expr])
                lines = self._grows(feature, use, f"day - {slot}", f"{slot} + {{cut}}")
                lines = [f"if {slot} != MISSING:", *indented(lines)] if lines else []
            case ex.Fact("days_in_status"):
                lines = self._grows(feature, use, "day - s[STATUS_DAY]", "s[STATUS_DAY] + {cut}")
            case ex.Fact("days_observed"):
                lines = self._grows(feature, use, "day - s[OBSERVED_DAY]", "s[OBSERVED_DAY] + {cut}")
            case ex.Fact("months_on_book"):
                lines = self._grows(feature, use, "s[MONTH] - s[OPEN_MONTH]", "month_start(s[OPEN_MONTH] + {cut})")
            case ex.Fact("days_on_book"):
                lines = self._grows(feature, use, "day - s[OPEN_DAY]", "s[OPEN_DAY] + {cut}")
            case ex.Fact("days_past_due" as name):
                lines = self._grows(
                    feature, use, self.dues.facts()[name], f"oldest_due + {self.dues.days_after('{cut}')}"
                )
                lines = ["if oldest_due < NEVER:", *indented(lines)] if lines else []
            case ex.Fact("past_due"):
                lines = self._while((*use.any, *use.crossing), self.dues.next_past_due())
            case ex.Fact("on_time_streak"):
                streak_ends = ["if s[STREAK] > 0:", f"    first = min(first, oldest_due + {self.dues.days_after('1')})"]
                lines = self._while((*use.any, *use.crossing), streak_ends)
            case ex.Daily() as measure:
                changes = changes_daily(self.layout, self.names, self.dues, measure)
                lines = self._while((*use.any, *use.crossing), changes) if changes else []
            case _:
                return []
        return indented([note(feature.name), *lines]) if lines else []

    def _grows(self, feature: m.Feature, use: Use, value: str, day: str) -> list[str]:
        """When a value that rises by itself next reaches a cut; `day` gives the day of a `{cut}`."""
        cuts = [self.constants.cut(feature.name, cut) for cut in use.cuts if cut > 0]
        leaves = [[f"first = min(first, {day.format(cut=cut)})"] for cut in cuts] + [["pass"]]
        lines = self._while(use.any, [f"first = min(first, {day.format(cut='value + 1')})"])
        row = self.trees.row_of_cuts(feature.name, use.cuts)
        if row and () not in use.any:
            next_cut = [f"cut = cut_above({row}, value)", "if cut < NEVER:"]
            lines += self._while(use.crossing, [*next_cut, f"    first = min(first, {day.format(cut='cut')})"])
        elif cuts and () not in use.any:
            crossings = branches("value", cuts, leaves)
            lines += self._while(use.crossing, crossings[:-2] if crossings[-2:] == _NOTHING_MORE else crossings)
        return [f"value = {value}", *lines] if lines else []

    def _leaving(self, ring: Ring, used: list[m.Feature]) -> list[str]:
        """What falls as tiles leave the windows of a ring."""
        lines: list[str] = []
        for feature in used:
            match feature.expr:
                case ex.Windowed() | ex.LateCount() | ex.Restrictions() if self.layout.ring(feature.expr) == ring:
                    block = self._window(ring, feature, feature.expr)
                    lines += [note(feature.name), *block] if block else []
                case ex.Daily() as measure if self.layout.ring(measure) == ring:
                    day_of = _LEAVES_DAY[ring.key.unit].replace("{length}", str(measure.window.length))
                    block = leaves_daily(self.layout, self.names, measure, day_of)
                    guards = (*self.used[feature.name].any, *self.used[feature.name].crossing)
                    block = self._while(guards, block) if block else []
                    lines += [note(feature.name), *block] if block else []
        some = _SOME_LEAVE[ring.key.unit].format(leaves=self.names.at(ring.leaves))
        return indented([note(title(ring)), f"if {some}:", *indented(lines)]) if lines else []

    def _window(
        self, ring: Ring, feature: m.Feature, measure: ex.Windowed | ex.LateCount | ex.Restrictions
    ) -> list[str]:
        use, length = self.used[feature.name], measure.window.length
        if not isinstance(measure, ex.Windowed) or (measure.how in ("count", "sum", *GREATEST) and not measure.ending):
            column = columns_read(measure)[0]
        else:
            return self._while((*use.any, *use.crossing), self._any_leaves(ring, lengths_of(measure)))
        oldest, top = self.names.at(ring.head(length)), column[0] in GREATEST
        day = _LEAVES_DAY[ring.key.unit].replace("{length}", str(length))
        next_day = day.format(tile=f"s[{entry(ring, self.names, oldest)}]")
        holds_any = [f"if {oldest} < {self.names.at(ring.base)}:", f"    first = min(first, {next_day})"]
        lines = self._while(use.any, holds_any)
        cuts = [self.constants.cut(feature.name, cut) for cut in use.cuts if cut > (MISSING if top else 0)]
        if column[0] == "min":  # the ring keeps negatives: what rises to a cut falls below its negative
            known = [self.constants.cut(feature.name, cut) for cut in reversed(use.cuts) if cut > MISSING + 1]
            cuts = [*(str(MISSING + 1) for cut in use.cuts if cut == MISSING + 1), *(f"1 - ({one})" for one in known)]
        if not cuts or () in use.any:
            return lines
        args = f"s, {self.names.rings[ring.name].ring}, {oldest}, {ring.column(*column)}"
        before = _LEAVES_BEFORE[ring.key.unit].format(length=length)
        crossed = f"fades_below({args}, cut)" if top else f"falls_below({args}, value, cut, {before})"
        highest_below = branches("value", cuts[1:], [[f"cut = {cut}"] for cut in cuts])
        row = self.trees.row_of_cuts(feature.name, use.cuts)
        if row:
            highest_below = [f"cut = {row}[cuts_reached({row}, value) - 1]"]
        falls = [
            f"value = {self.names.at(ring.slot(length, column))}",
            f"if value >= {cuts[0]}:",
            *indented([*highest_below, f"tile = {crossed}", f"first = min(first, {day.format(tile='tile')})"]),
        ]
        return lines + self._while(use.crossing, falls)

    def _any_leaves(self, ring: Ring, lengths: tuple[int, ...]) -> list[str]:
        """Lines that bring `first` to the day on which any of these windows next loses a tile."""
        lines: list[str] = []
        for length in lengths:
            oldest = self.names.at(ring.head(length))
            day = _LEAVES_DAY[ring.key.unit].format(tile=f"s[{entry(ring, self.names, oldest)}]", length=length)
            lines += [f"if {oldest} < {self.names.at(ring.base)}:", f"    first = min(first, {day})"]
        return lines

    def _while(self, guards: tuple[Guard, ...], lines: Sequence[str]) -> list[str]:
        """The lines, where any of the guards holds."""
        if () in guards or not guards:
            return list(lines) if guards else []
        compiler = NamedExpressionCompiler(self.codes, self.missing)
        tests = [" and ".join(self._holds(compiler, one) for one in guard) for guard in guards]
        test = bare(tests[0]) if len(tests) == 1 else " or ".join(f"({bare(one)})" for one in tests)
        return [*compiler.lines, f"if {test}:", *indented(lines)]

    def _holds(self, compiler: NamedExpressionCompiler, one: ex.Expr | Clearing | Latched | Restoring | Slack) -> str:
        match one:
            case Clearing(trigger):
                latch = self.names.slots[self.layout.latches + trigger * LATCH_WIDTH]
                return f"s[{latch}] == SET and not s[{latch} + HOLDING]"
            case Latched(trigger):
                return f"s[{self.names.slots[self.layout.latches + trigger * LATCH_WIDTH]}] == SET"
            case Restoring():
                several = bool(self.policy.further_restorations)  # one may rise while another holds the limit down
                return "ACTIVE < s[STATUS] < SUSPENDED" if several else "s[STATUS] == RESTORING"
            case Slack():
                fall, rise = self.slack[one]
                return f"(fall < {fall} or rise < {rise})"
            case _:
                return compiler.condition(one)


def _operand(code: str) -> str:
    """The code as it may stand beside an operator: a name, a call or a place as it is, else in parentheses."""
    return code if re.fullmatch(r"\w+|\w+\([^()]*\)|s\[\w+\]", code) else f"({code})"


_NOTHING_MORE = ["else:", "    pass"]
