"""What things are called in a kernel: a policy's own names, as far as Python and the kernel leave them free.

One rule: a feature is a variable of its name, a measure written in place one of its text (`count(draw, 7d)` is
`count_draw_7d`); what stays the same for an account's life is in capitals. Where that name is taken (by Python, by the
fixed part of a kernel, by what was named before) a number follows: `day_2`. Features that have names come first.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass, field
from functools import cache

from linekeeper.core.line import Action, Status
from linekeeper.kernel.layout import FACT_SLOTS, LATCH_WIDTH, LINE_SLOTS, Layout, Ring, RowShape, is_of_days
from linekeeper.kernel.lines import note
from linekeeper.policy import model as m
from linekeeper.policy.expression_text import ExpressionText, Namespace, slug

# What generated functions are called, and the variables that those of them use which read features.
GENERATED = (
    *(
        "begin",
        "advance",
        "apply_event",
        "features",
        "count_points",
        "pd_of",
        "update_latches",
        "target_of",
        "move_limit",
    ),
    *("propose_offer", "count_restriction", "next_review", "authorise"),
)
LOCALS = (
    *(
        "s",
        "out",
        "day",
        "start",
        "latched",
        "latch_day",
        "observed",
        "stated",
        "when",
        "clear",
        "target",
        "first_step",
        "most",
        "next_step",
    ),
    *("points", "pd", "proposed", "hour", "amount", "denied"),
)
FIXED = (
    *(*FACT_SLOTS, *LINE_SLOTS, "DUE", "DUES_MAX", "LATCHES", "LATCH_WIDTH", "CLOSING", "SUSPENDING"),
    *(status.name for status in Status),
    *(f"DO_{action.name}" for action in Action),
)


def schedule_locals(policy: m.Policy) -> tuple[str, ...]:
    """Variables of `move_limit` where there are several schedules of restoration."""
    if not policy.further_restorations:
        return ()
    numbered = (f"{word}_{number}" for number in range(1, len(policy.restorations) + 1) for word in ("left", "most"))
    return ("lowest", "rises", *numbered)


@cache
def names_of(source: str) -> frozenset[str]:
    """What a source defines for all its functions: their own names, and constants."""
    assigned: set[str] = set()
    for statement in ast.parse(source).body:
        match statement:
            case ast.FunctionDef(name):
                assigned.add(name)
            case ast.Assign(targets):
                assigned |= {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return frozenset(assigned)


@dataclass(frozen=True)
class RingNames:
    """Of one ring: its constant, the places of its end and its entries, its two functions."""

    ring: str
    end: str
    entries: str
    expire: str
    add: str


@dataclass
class Names:
    """The names of one kernel: places of the state by slot; variables and columns by feature, and by score group;
    a latch's place, terms and bit by trigger; event kinds, and fields by (kind, field)."""

    space: Namespace
    slots: dict[int, str] = field(default_factory=dict)
    rings: dict[str, RingNames] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    group_columns: dict[str, str] = field(default_factory=dict)
    latches: dict[str, str] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    bits: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    day_values: dict[str, str] = field(default_factory=dict)  # by ring: the function of what it holds of a day

    def at(self, slot: int) -> str:
        """A place of the state, as code: `s[DRAW_7D_COUNT]`."""
        return f"s[{self.slots[slot]}]"


def name_all(policy: m.Policy, layout: Layout, shape: RowShape, fixed: str) -> Names:
    """The names of a policy's kernel; `fixed` is the source that all kernels share."""
    taken = {
        *keyword.kwlist,
        *dir(builtins),
        *names_of(fixed),
        *GENERATED,
        *LOCALS,
        *FIXED,
        *layout.slots,
        *shape.columns,
        *schedule_locals(policy),
        *(("end_day", "LINE_DAYS", "LINE_CHANGES") if layout.line_days or any(map(is_of_days, layout.rings)) else ()),
        *(
            ("announced", "note_announced", "treat", "action", "newly_set", "contacts")
            if policy.decides_in_stages
            else ()
        ),
    }
    names = Names(_Space(taken))
    _name_kinds(policy, names)
    for ring in layout.rings:
        name_ring(ring, names)
    _name_facts(policy, layout, names)
    for group in policy.groups:
        names.groups[group] = names.space.take(slug(group))
        names.group_columns[group] = names.space.take(f"O_{slug(group).upper()}")
    for feature in sorted(policy.features, key=lambda feature: not feature.named):
        plain = feature.name if feature.named else slug(feature.name)
        names.variables[feature.name] = names.space.take(plain)
        names.columns[feature.name] = names.space.take(f"O_{plain.upper()}")
    for place, trigger in enumerate(policy.triggers):
        latch = names.latches[trigger.name] = names.space.take(trigger.name.upper())
        names.terms[trigger.name] = names.space.take(f"{latch}_LATCH")
        names.bits[trigger.name] = names.space.take(f"{latch}_BIT")
        names.slots[layout.latches + place * LATCH_WIDTH] = latch
    return names


class _Space(Namespace):
    """Names but for `t1`, `t2`...: values on the way to a feature or a condition."""

    def take(self, wanted: str) -> str:
        return super().take(f"{wanted}_" if re.fullmatch(r"t\d+(_\d+)*", wanted) else wanted)


def _name_kinds(policy: m.Policy, names: Names) -> None:
    for kind in policy.kinds:  # built-in ones first: the fixed part of a kernel has theirs
        names.kinds[kind.name] = names.space.take(f"KIND_{kind.name.upper()}")
        for one in kind.fields:
            names.fields[kind.name, one.name] = names.space.take(f"{kind.name}_{one.name}".upper())


def name_ring(ring: Ring, names: Names) -> None:
    """Name one ring's constant, places and functions."""
    take, capital = names.space.take, ring.name.upper()
    ring_name, end, leaves, entries = (take(f"{capital}{part}") for part in ("", "_END", "_LEAVES", "_ENTRIES"))
    names.rings[ring.name] = RingNames(ring_name, end, entries, take(f"expire_{ring.name}"), take(f"add_{ring.name}"))
    names.slots |= {ring.base: end, ring.leaves: leaves, ring.entries: entries}
    if is_of_days(ring):
        names.day_values[ring.name] = take(f"{ring.name}_value")
    what = capital.rpartition("_BY_")[0]
    for length, columns in ring.windows:
        window = f"{what}_{length}{ring.key.unit.upper()}"
        names.slots[ring.head(length)] = take(f"{window}_OLDEST")
        for how, one in columns:
            name = f"{window}_{how}_{one}" if one else f"{window}_{how}"
            names.slots[ring.slot(length, (how, one))] = take(name.upper())


def _name_facts(policy: m.Policy, layout: Layout, names: Names) -> None:
    """The places of latest values and days, and whether so many days past due have been reached."""
    text, take = ExpressionText(policy), names.space.take
    for last, slot in layout.lasts.items():
        name = slug(text.select(last.select, last.field)).upper()
        names.slots[slot], names.slots[slot + 1] = take(f"{name}_LAST_AT"), take(f"{name}_LAST")
    for first, slot in layout.firsts.items():
        name = slug(text.select(first.select, first.field)).upper()
        names.slots[slot], names.slots[slot + 1] = take(f"{name}_FIRST_AT"), take(f"{name}_FIRST")
    for since, slot in layout.since.items():
        names.slots[slot] = take(f"{slug(text.select(since.select)).upper()}_LAST_DAY")
    for days, slot in layout.above.items():
        names.slots[slot] = take(f"LATE_{days}_REACHED")


def slot_lines(layout: Layout, names: Names) -> list[str]:
    """The places of a state, in their order."""
    fixed = {place: name for name, place in layout.slots.items()} | {layout.dues: "DUE"}
    places = sorted((fixed | names.slots).items())
    return ["# Places in the state of an account.", *(f"{name} = {place}" for place, name in places)]


def row_lines(policy: m.Policy, shape: RowShape, names: Names) -> list[str]:
    """The columns of a row; a feature's is followed by its own text where its name is another."""
    lines = ["# Columns of a row.", *(f"{name} = {place}" for name, place in shape.columns.items())]
    lines += [f"{names.group_columns[group]} = {shape.groups + i}" for i, group in enumerate(policy.groups)]
    for place, feature in enumerate(policy.features):
        own = "" if names.variables[feature.name] == feature.name else f"  {note(feature.name, 50)}"
        lines.append(f"{names.columns[feature.name]} = {shape.values + place}{own}")
    return lines


def kind_lines(policy: m.Policy, names: Names) -> list[str]:
    """Kinds of events, and the places of their fields in `x`."""
    lines = ["# Kinds of events, and the places of their fields in `x`."]
    for kind in policy.kinds:
        lines.append(f"{names.kinds[kind.name]} = {kind.number}")
        for place, one in enumerate(kind.fields):
            words = ", ".join(f"{number} {word}" for number, word in enumerate(one.choices))
            lines.append(f"{names.fields[kind.name, one.name]} = {place}{'  ' + note(words, 60) if words else ''}")
    return lines
