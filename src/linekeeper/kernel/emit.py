"""From a policy to the source of its kernel: readable, straight-line, integers only.

The source has the prelude, then one function for each station on the way from event to decision:

    begin, advance, absorb, rule      facts and rulings: what happened
    features, score                   what it means
    look, next_look                   latches, envelope, status, offer; when to look again
    step, review, authorise           the doors
"""

from __future__ import annotations

import ast
import hashlib
from importlib.resources import files

from linekeeper.core.bounds import DUES_MAX
from linekeeper.core.line import Action, Status
from linekeeper.kernel.cuts import uses
from linekeeper.kernel.emit_facts import FactsEmitter, note, title
from linekeeper.kernel.emit_line import LineEmitter
from linekeeper.kernel.emit_next import NextEmitter
from linekeeper.kernel.layout import FACT_SLOTS, LATCH_WIDTH, LINE_SLOTS, Layout, lay_out
from linekeeper.kernel.rows import RowShape
from linekeeper.policy import model as m


def prelude() -> str:
    """The prelude's source, without its docstring and imports."""
    text = files("linekeeper.kernel").joinpath("prelude.py").read_text("utf-8")
    return (
        text[text.index("MISSING =") :]
        .replace(": Any", "")
        .replace(": int", "")
        .replace(": bool", "")
        .replace(") -> int:", "):")
        .replace(") -> None:", "):")
    )


def drivers() -> str:
    """The bulk drivers' source: the same loops over lists or arrays."""
    text = files("linekeeper.kernel").joinpath("drivers.py").read_text("utf-8")
    return (
        text[text.index("def keep_head") :]
        .replace(": Any", "")
        .replace(": int", "")
        .replace(") -> int:", "):")
        .replace(") -> None:", "):")
    )


def emit(policy: m.Policy) -> tuple[str, Layout, RowShape]:
    """The kernel's source, its layout and the shape of its output rows."""
    layout, shape = lay_out(policy), RowShape.of(policy)
    facts = FactsEmitter(policy, layout, shape)
    line = LineEmitter(policy, layout, shape)
    parts = [
        f'"""The kernel of policy `{policy.name}`, version {policy.version}. Generated: do not edit."""',
        prelude(),
        _constants(layout, shape),
        _tuples(policy, layout),
        facts.begin(),
        facts.advance(),
        facts.absorb(),
        facts.rule(),
        facts.features(),
        line.score(),
        line.look(),
        NextEmitter(policy, layout, uses(policy)).next_look(),
        line.authorise(),
        _DOORS,
        drivers(),
    ]
    source = "\n\n".join(part.strip("\n") + "\n" for part in parts)
    ast.parse(source)  # a generated source that cannot be read is a fault here, not at first use
    return source, layout, shape


def digest(source: str) -> str:
    """SHA-256 of a kernel's source."""
    return hashlib.sha256(source.encode()).hexdigest()


def _constants(layout: Layout, shape: RowShape) -> str:
    lines = ["# Slots of the state."]
    lines += [f"{name} = {layout.slots[name]}" for name in (*FACT_SLOTS, *LINE_SLOTS)]
    lines += [f"DUE = {layout.dues}", f"DUES_MAX = {DUES_MAX}", "# Columns of a row."]
    lines += [f"{name} = {place}" for name, place in shape.columns.items()]
    lines += [f"{status.name} = {status.value}" for status in Status]
    lines += [f"DO_{action.name} = {action.value}" for action in Action]
    return "\n".join(lines)


def _tuples(policy: m.Policy, layout: Layout) -> str:
    """What the functions of the prelude are told of each ring and each latch."""
    lines = ["# Rings: base, entries, mask, width, sums; and the lengths of their windows, longest first."]
    for ring in layout.rings:
        lines.append(note(title(ring)))
        lines.append(f"RING{ring.number} = {ring.base, ring.entries, ring.capacity - 1, ring.width, ring.sums}")
        lines.append(f"SPANS{ring.number} = {ring.lengths}")
    lines.append("# Latches: slot, hold, expires, terminal.")
    for number, trigger in enumerate(policy.triggers):
        slot = layout.latches + number * LATCH_WIDTH
        expires = trigger.expires_days if trigger.expires_days is not None else "NEVER"
        terms = f"({slot}, {trigger.hold_days}, {expires}, {int(trigger.terminal)})"
        lines.append(f"LATCH{number} = {terms}  {note(trigger.name)}")
    return "\n".join(lines)


_DOORS = '''
def take(s, out, at, hour, kind, x):
    """One event, as `step`, but without working out the day of the next look."""
    if kind == 0:
        if s[OPENED]:
            return -2
        begin(s, hour)
    elif not s[OPENED] or at < s[OPEN_AT]:
        return -1
    limit = s[LIMIT]
    granted = s[GRANTED]
    advance(s, hour)
    absorb(s, at, hour, kind, x)
    rule(s, at, kind, x)
    if kind == 0:
        limit = s[LIMIT]
        granted = s[GRANTED]
    return look(s, out, 0, limit, granted)


def wake(s, out, day):
    """The look at the start of a day, as `review`, but without working out the day of the next."""
    advance(s, day * 24)
    return look(s, out, 1, s[LIMIT], s[GRANTED])


def next_day(s, last):
    """The day of the next look, worked out as far as day `last`: a later one is said to be the day after that."""
    if s[NEXT] != UNKNOWN:
        return s[NEXT]
    day = min(next_look(s, last + 1), NEVER)
    if day <= last:
        s[NEXT] = day
    return day


def step(s, out, at, hour, kind, x):
    """One event: 1 where `out` holds a decision, 0 where not, -1 not open yet, -2 opened before."""
    result = take(s, out, at, hour, kind, x)
    next_day(s, NEVER)
    return result


def review(s, out, day):
    """The look at the start of a day: 1 where `out` holds a decision."""
    result = wake(s, out, day)
    next_day(s, NEVER)
    return result


def settle(s, out, at, kind, x):
    """The look after a late event whose facts have been rebuilt."""
    limit = s[LIMIT]
    granted = s[GRANTED]
    rule(s, at, kind, x)
    result = look(s, out, 0, limit, granted)
    next_day(s, NEVER)
    return result


def refact(s, at, hour, kind, x):
    """One event's facts alone, for rebuilding them in time order."""
    advance(s, hour)
    absorb(s, at, hour, kind, x)
'''
