"""Code for the rings of a kernel: two functions each, one that lets tiles leave its windows, one that adds an event."""

from __future__ import annotations

from linekeeper.kernel.layout import GREATEST, UNITED, Column, Layout, Ring
from linekeeper.kernel.lines import indented, note, shortened
from linekeeper.kernel.names import Names
from linekeeper.policy import expression as ex

_TILES = {"h": "hours", "d": "days", "m": "months"}


def title(ring: Ring) -> str:
    """What a ring holds, in words."""
    source = ring.key.source
    name = source if isinstance(source, str) else "ends of days"
    if isinstance(source, ex.Select):
        name = source.kind + (" where ..." if source.where else "")
    days = f" {ring.key.days}" if ring.key.days else ""
    windows = ", ".join(map(str, ring.lengths))
    return shortened(f"{name}{days}, windows of {windows} {_TILES[ring.key.unit]}", 80)


def add(ring: Ring, names: Names, tile: str, now: str, *values: str) -> str:
    """The call that adds one event to a ring; `values` of the columns other than count."""
    return f"{names.rings[ring.name].add}({', '.join(('s', tile, now, *values))})"


def entry(ring: Ring, names: Names, index: str) -> str:
    """The place of the entry at an absolute index."""
    return f"{names.rings[ring.name].entries} + ({index} & {ring.capacity - 1}) * {ring.width}"


def constants(layout: Layout, names: Names) -> list[str]:
    """What the functions of the prelude are told of each ring."""
    lines = ["# Rings: end, entries, mask, width."]
    for ring in layout.rings:
        own = names.rings[ring.name]
        lines += [note(title(ring)), f"{own.ring} = ({own.end}, {own.entries}, {ring.capacity - 1}, {ring.width})"]
    return lines


def functions(layout: Layout, names: Names) -> str:
    """The two functions of every ring."""
    made = (lines for ring in layout.rings for lines in (_expire(ring, names), _add(ring, names)))
    return "\n\n\n".join("\n".join(lines) for lines in made)


def _words(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"{how} of {field}" if field else how for how, field in columns)


def _value(column: Column) -> str:
    """The variable for what an event brings to a column."""
    how, field = column
    return f"{field}_{how}"


def _expire(ring: Ring, names: Names) -> list[str]:
    own = names.rings[ring.name]
    lines = [
        f"def {own.expire}(s, tile):",
        f'    """{title(ring)}: what they no longer reach leaves.',
        "",
        f"    `tile` is the current one. An entry is: {shortened(f'tile, {_words(ring.columns)}', 70)}.",
        '    """',
        "    leaves = NEVER",
    ]
    for number, (length, columns) in enumerate(ring.windows):
        oldest, tops = names.at(ring.head(length)), [column for column in columns if column[0] in GREATEST]
        lines += [f"    {note(f'{length}{ring.key.unit}: {_words(columns)}')}"]
        if not number:
            lines += ["    # After the newest entry stands one whose tile is NEVER: the loop stops there by itself."]
        lines += [f"    i = {oldest}", f"    entry = {entry(ring, names, 'i')}"]
        lines += [f"    {_value(column)} = MISSING" for column in tops]
        lines += [f"    while s[entry] <= tile - {length}:"]
        for column in (column for column in columns if column[0] != UNITED):
            place = ring.column(*column)
            more = f"{_value(column)} = max({_value(column)}, s[entry + {place}])"
            less = f"{names.at(ring.slot(length, column))} -= s[entry + {place}]"
            lines.append(f"        {more if column in tops else less}")
        lines += ["        i += 1", f"        entry = {entry(ring, names, 'i')}"]
        for column in (column for column in columns if column[0] == UNITED):
            united = f"union_of(s, {own.ring}, i, {names.at(ring.base)}, {ring.column(*column)})"
            lines += [f"    if i > {oldest}:", f"        {names.at(ring.slot(length, column))} = {united}"]
        lines.append(f"    {oldest} = i")
        for column in tops:  # only where the greatest itself has left is there a new one to look for
            slot, place = names.at(ring.slot(length, column)), ring.column(*column)
            lines.append(f"    if {_value(column)} == {slot}:")
            lines.append(f"        {slot} = greatest(s, {own.ring}, i, {names.at(ring.base)}, {place})")
        lines.append(f"    leaves = min(leaves, s[entry] + {length})")
    return [*lines, f"    {names.at(ring.leaves)} = leaves"]


def _add(ring: Ring, names: Names) -> list[str]:
    """Only late events go back, or make room between tiles; the longest window holds whatever is in the ring."""
    own, longest = names.rings[ring.name], ring.lengths[0]
    oldest = names.at(ring.head(longest))
    valued = [column for column in ring.columns if column[0] != "count"]
    lines = [
        f"def {own.add}({', '.join(('s', 'tile', 'now', *(_value(column) for column in valued)))}):",
        f'    """{title(ring)}: add an event, late or not."""',
        f"    if tile <= now - {longest}:",
        "        return",
        f"    end = {names.at(ring.base)}",
        "    i = end - 1",
        f"    while i >= {oldest} and s[{entry(ring, names, 'i')}] > tile:",
        "        i -= 1",
        f"    entry = {entry(ring, names, 'i')}",
        f"    if i < {oldest} or s[entry] != tile:",
        *indented(_new_tile(ring, names), 2),
    ]
    for column in ring.columns:
        place, value = ring.column(*column), _value(column)
        if column[0] == "sum":
            lines.append(f"    {value} = min({value}, MONEY_MAX - s[entry + {place}])")
        lines.append(f"    {_taken(f's[entry + {place}]', column)}")
    for length, columns in ring.windows:
        taken = [_taken(names.at(ring.slot(length, column)), column) for column in columns]
        if length == longest:
            lines += indented(taken)
        elif taken:
            lines += [f"    if tile > now - {length}:", *indented(taken, 2)]
    return lines


def _taken(slot: str, column: Column) -> str:
    if column[0] in GREATEST:
        return f"{slot} = max({slot}, {_value(column)})"
    if column[0] == UNITED:
        return f"{slot} = {slot} | {_value(column)}"
    return f"{slot} += {'1' if column[0] == 'count' else _value(column)}"


def _new_tile(ring: Ring, names: Names) -> list[str]:
    own, leaves = names.rings[ring.name], names.at(ring.leaves)
    (longest, _), *shorter = ring.windows
    lines = [
        f'assert end - {names.at(ring.head(longest))} < {longest}, "the ring is full"',
        "i += 1",
        f"make_room(s, {own.ring}, end, i)",
        f"{names.at(ring.base)} = end + 1",
        f"s[{entry(ring, names, '(end + 1)')}] = NEVER",
        f"entry = {entry(ring, names, 'i')}",
        "s[entry] = tile",
        *(f"s[entry + {ring.column(*one)}] = {'MISSING' if one[0] in GREATEST else 0}" for one in ring.columns),
        f"leaves = tile + {longest}",
    ]
    for length, _ in shorter:  # a tile older than a shorter window goes in before the window's oldest entry
        lines += [
            f"if tile > now - {length}:",
            f"    leaves = tile + {length}",
            "else:",
            f"    {names.at(ring.head(length))} += 1",
        ]
    return [*lines, f"{leaves} = min({leaves}, leaves)"]
