"""From a policy to the source of its kernel: readable, straight-line, integers only.

The source has the prelude, then one function for each station on the way from event to decision:

    begin, advance, absorb, rule      facts and rulings: what happened
    features, score                   what it means
    look, next_review                   latches, envelope, status, offer; when to look again
    step, review, authorise           the doors
"""

from __future__ import annotations

import ast
import hashlib
from importlib.resources import files

from linekeeper.core.bounds import DUES_MAX
from linekeeper.core.line import Action, Status
from linekeeper.kernel import emit_rings
from linekeeper.kernel.emit_facts import FactsEmitter
from linekeeper.kernel.emit_line import LineEmitter
from linekeeper.kernel.emit_next import NextEmitter
from linekeeper.kernel.layout import FACT_SLOTS, LATCH_WIDTH, LINE_SLOTS, Layout, lay_out
from linekeeper.kernel.rows import RowShape
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import uses


def prelude() -> str:
    """The prelude's source, without its docstring and imports."""
    return _untyped("prelude.py", "MISSING =")


def drivers() -> str:
    """The bulk drivers' source: the same loops over lists or arrays."""
    return _untyped("drivers.py", "def keep_head")


def _untyped(file: str, first: str) -> str:
    """A module's source from the words `first` on, without its types: Numba finds them itself."""
    text = files("linekeeper.kernel").joinpath(file).read_text("utf-8")
    text = text[text.index(first) :]
    for word in (": Any", ": int", ": bool"):
        text = text.replace(word, "")
    return text.replace(") -> int:", "):").replace(") -> None:", "):")


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
        emit_rings.functions(layout),
        facts.begin(),
        facts.advance(),
        facts.absorb(),
        facts.rule(),
        facts.features(),
        line.score(),
        line.look(),
        NextEmitter(policy, layout, uses(policy)).next_review(),
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
    lines = emit_rings.constants(layout)
    lines.append("# Latches: slot, hold, expires, terminal.")
    for number, trigger in enumerate(policy.triggers):
        slot = layout.latches + number * LATCH_WIDTH
        expires = trigger.expires_days if trigger.expires_days is not None else "NEVER"
        terms = f"({slot}, {trigger.hold_days}, {expires}, {int(trigger.terminal)})"
        lines.append(f"LATCH{number} = {terms}  {emit_rings.note(trigger.name)}")
    return "\n".join(lines)


_DOORS = '''
def admit(s, at, hour, kind):
    """0 where the event is taken, 1 where the account is not open yet, 2 where it was opened before."""
    if kind == 0:
        if s[OPENED]:
            return 2
        begin(s, hour)
    elif not s[OPENED] or at < s[OPEN_AT]:
        return 1
    return 0


def turn(s, out, start, at, hour, kind, x):
    """The look at the start of a day (`start`), or what the event does and the look after it."""
    limit = s[LIMIT]
    granted = s[GRANTED]
    advance(s, hour)
    if not start:
        absorb(s, at, hour, kind, x)
        rule(s, at, kind, x)
        if kind == 0:
            limit = s[LIMIT]
            granted = s[GRANTED]
    return look(s, out, start, limit, granted)


def next_day(s, last):
    """The day of the next look, worked out as far as day `last`: a later one is said to be the day after that."""
    if s[NEXT] != UNKNOWN:
        return s[NEXT]
    day = min(next_review(s, last + 1), NEVER)
    if day <= last:
        s[NEXT] = day
    return day


def step(s, out, at, hour, kind, x):
    """One event: 1 where `out` holds a decision, 0 where not, -1 not open yet, -2 opened before."""
    refusal = admit(s, at, hour, kind)
    if refusal:
        return -refusal
    result = turn(s, out, 0, at, hour, kind, x)
    next_day(s, NEVER)
    return result


def review(s, out, day):
    """The look at the start of a day: 1 where `out` holds a decision."""
    result = turn(s, out, 1, 0, day * 24, 0, s)
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
