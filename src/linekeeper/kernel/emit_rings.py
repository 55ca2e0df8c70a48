"""Code for the rings of a kernel: two functions each, one that lets tiles leave its windows, one that adds an event."""

from __future__ import annotations

from linekeeper.kernel.layout import Column, Layout, Ring


def note(text: str) -> str:
    """A comment that stays on its line."""
    return "# " + " ".join(text.split())[:100]


def title(ring: Ring) -> str:
    """What a ring holds, in words."""
    source = ring.key.source
    name = source if isinstance(source, str) else source.kind + (" where ..." if source.where else "")
    days = f" {ring.key.days}" if ring.key.days else ""
    return f"{name}{days}, windows up to {ring.lengths[0]}{ring.key.unit}"


def add(ring: Ring, tile: str, now: str, *values: str) -> str:
    """The call that adds one event to a ring; `values` of the columns other than count."""
    return f"add_{ring.number}({', '.join(('s', tile, now, *values))})"


def entry(ring: Ring, index: str) -> str:
    """The slot of the entry at an absolute index."""
    return f"{ring.entries} + ({index} & {ring.capacity - 1}) * {ring.width}"


def constants(layout: Layout) -> list[str]:
    """What the functions of the prelude are told of each ring."""
    lines = ["# Rings: base, entries, mask, width."]
    for ring in layout.rings:
        lines += [note(title(ring)), f"RING{ring.number} = {ring.base, ring.entries, ring.capacity - 1, ring.width}"]
    return lines


def functions(layout: Layout) -> str:
    """`expire_n` and `add_n` of every ring."""
    return "\n\n\n".join("\n".join(lines) for ring in layout.rings for lines in (_expire(ring), _add(ring)))


def _words(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"{how} of {field}" if field else how for how, field in columns)


def _expire(ring: Ring) -> list[str]:
    lines = [
        f"def expire_{ring.number}(s, tile):",
        f'    """{title(ring)}: let the tiles that they no longer reach leave; `tile` is the current one."""',
        "    leaves = NEVER",
    ]
    for length, columns in ring.windows:
        head, tops = ring.head(length), [column for column in columns if column[0] == "max"]
        lines += [f"    {note(f'{length}{ring.key.unit}: {_words(columns)}')}", f"    i = s[{head}]"]
        lines += [f"    top{ring.column(*column)} = MISSING" for column in tops]
        lines += [f"    while s[{entry(ring, 'i')}] <= tile - {length}:"]
        for column in columns:
            place = ring.column(*column)
            value = f"s[{entry(ring, 'i')} + {place}]"
            more = f"top{place} = max(top{place}, {value})"
            lines.append(f"        {more if column in tops else f's[{ring.slot(length, column)}] -= {value}'}")
        lines += ["        i += 1", f"    s[{head}] = i"]
        for column in tops:
            slot, place = ring.slot(length, column), ring.column(*column)
            lines.append(f"    if top{place} == s[{slot}]:")
            lines.append(f"        s[{slot}] = greatest(s, RING{ring.number}, i, s[{ring.base}], {place})")
        lines.append(f"    leaves = min(leaves, s[{entry(ring, 'i')}] + {length})")
    return [*lines, f"    s[{ring.leaves}] = leaves"]


def _add(ring: Ring) -> list[str]:
    """Only late events go back, or make room between tiles; the longest window holds whatever is in the ring."""
    longest = ring.lengths[0]
    head = ring.head(longest)
    valued = [column for column in ring.columns if column[0] != "count"]
    names = ", ".join(("s", "tile", "now", *(f"v{ring.column(*column)}" for column in valued)))
    lines = [
        f"def add_{ring.number}({names}):",
        f'    """{title(ring)}: add an event to its tile and to all windows that cover it, late or not."""',
        f"    if tile <= now - {longest}:",
        "        return",
        f"    end = s[{ring.base}]",
        "    i = end - 1",
        f"    while i >= s[{head}] and s[{entry(ring, 'i')}] > tile:",
        "        i -= 1",
        f"    e = {entry(ring, 'i')}",
        f"    if i < s[{head}] or s[e] != tile:",
        *(f"        {line}" for line in _new_tile(ring)),
    ]
    for column in ring.columns:
        place = ring.column(*column)
        if column[0] == "sum":
            lines.append(f"    v{place} = min(v{place}, MONEY_MAX - s[e + {place}])")
        lines.append(f"    {_taken(f's[e + {place}]', column, place)}")
    for length, columns in ring.windows:
        lines += [f"    if tile > now - {length}:"] if length != longest else []
        indent = "    " if length == longest else "        "
        lines += [indent + _taken(f"s[{ring.slot(length, one)}]", one, ring.column(*one)) for one in columns]
    return lines


def _taken(slot: str, column: Column, place: int) -> str:
    if column[0] == "max":
        return f"{slot} = max({slot}, v{place})"
    return f"{slot} += {'1' if column[0] == 'count' else f'v{place}'}"


def _new_tile(ring: Ring) -> list[str]:
    (longest, _), *shorter = ring.windows
    lines = [
        f'assert end - s[{ring.head(longest)}] < {longest}, "a ring holds no more than its longest window"',
        "i += 1",
        f"make_room(s, RING{ring.number}, end, i)",
        f"s[{ring.base}] = end + 1",
        f"s[{entry(ring, '(end + 1)')}] = NEVER",
        f"e = {entry(ring, 'i')}",
        "s[e] = tile",
        *(f"s[e + {ring.column(*one)}] = {'MISSING' if one[0] == 'max' else 0}" for one in ring.columns),
        f"leaves = tile + {longest}",
    ]
    for length, _ in shorter:
        head = ring.head(length)
        lines += [
            f"if tile > now - {length}:",
            f"    leaves = tile + {length}",
            "else:",
            f"    s[{head}] += 1",
        ]
    return [*lines, f"s[{ring.leaves}] = min(s[{ring.leaves}], leaves)"]
