"""Ways to damage a file, each chosen and placed by a seed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Damage = Callable[[bytes, Random], bytes]

DIGITS = "9" * 5_000
WORDS = [
    "", " ", "#²", "²", "٣", DIGITS, f"-{DIGITS}", f"0.{DIGITS}", "1e400", "-1e999999999", "nan", "inf", "-0", "0x10",
    "1_0", "2025-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "2025-13-45T99:99+99:99", "../../etc/passwd",
    "/dev/zero", "Mars/Olympus", "null", "true", "[]", "{}", "<<", "*a", "!!python/object:os.system",
    "${jndi:ldap://x}", "'; DROP TABLE x", "%s%n%d", "\u202e\u200b", "\u0000", "\ufeff", "a" * 100_000, "💳" * 300,
    "file:///etc/passwd", "CON", "-", "--",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, [], {}, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 1e308, float("inf"), float("nan"), [[[[]]]],
    {"a": {"b": 1}}, [None], *WORDS,
]  # fmt: skip
OTHER_FORMATS = [
    b"", b"\0" * 4_096, b"PAR1" + b"\0" * 64 + b"PAR1", b"PK\x03\x04" + b"\0" * 60, b"\x1f\x8b\x08" + b"\xff" * 64,
    b"\x7fELF" + b"\1" * 60, b"<?xml version='1.0'?><a/>", b"%PDF-1.7\n", b"SQLite format 3\0" + b"\1" * 200, b"{",
    b"[" * 100_000, b'{"a":' * 100_000, b"- " * 100_000, b"((((" * 50_000, b"a: &a [*a, *a]\n" * 50,
    b"\xff\xfe" + b"a\0" * 100, b'"' * 9_999, b"a,b\n" * 50_000, b"<a>" * 50_000, b"x" * 3_000_000, b"1" * 1_000_000,
    b"\n" * 300_000,
]  # fmt: skip

PIECES = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\r", b'"', b"\\", b"{", b"[" * 5_000,
    b"\x1b[2J", b"\t",
]  # fmt: skip


def _flip(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 20))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _flip_at_end(data: bytes, chance: Random) -> bytes:
    """Where Parquet, archives and databases keep what the rest is read by."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        changed[-chance.randrange(1, min(len(changed), 600) + 1)] = chance.randrange(256)
    return bytes(changed)


def _flip_at_start(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        changed[chance.randrange(min(len(changed), 120))] = chance.randrange(256)
    return bytes(changed)


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _lengthen(data: bytes, chance: Random) -> bytes:
    return data + chance.choice(
        (data, data[-50:] * 40, b"\0" * 9_000, bytes(chance.randrange(256) for _ in range(500)))
    )


def _insert(data: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    piece = chance.choice(PIECES)
    return data[:place] + piece + data[place:]


def _number(data: bytes, chance: Random) -> bytes:
    """A number becomes one that nothing can hold, or that is none."""
    return _replaced(rb"\d+", data, chance)


def _word(data: bytes, chance: Random) -> bytes:
    return _replaced(rb"[A-Za-z_][\w.-]*", data, chance)


def _replaced(pattern: bytes, data: bytes, chance: Random) -> bytes:
    found = list(re.finditer(pattern, data[:200_000]))
    if not found:
        return _insert(data, chance)
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(WORDS).encode() + data[one.end() :]


def _other_encoding(data: bytes, chance: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(
        chance.choice(("utf-16", "utf-16-be", "utf-32", "utf-7", "gb18030", "cp500", "shift_jis")), "replace"
    )


def _other_format(data: bytes, chance: Random) -> bytes:
    return chance.choice(OTHER_FORMATS)


def _lines(data: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    how = chance.randrange(4)
    if how == 0:
        lines[place:place] = [lines[place]] * 3_000
    elif how == 1:
        del lines[place]
    elif how == 2:
        chance.shuffle(lines)
    else:
        lines[place] = lines[place] * 2_000
    return b"\n".join(lines)


def _node(data: bytes, chance: Random) -> bytes:
    """A value somewhere in JSON or YAML becomes another, or is gone; the rest stays well-formed."""
    text = data.decode("utf-8", "replace")
    lines = text.splitlines()
    one_a_line = len(lines) > 1 and lines[0].startswith("{") and lines[0].endswith("}")
    number = chance.randrange(len(lines)) if one_a_line else 0
    try:
        tree = YAML(typ="safe", pure=True).load(lines[number] if one_a_line else text)
    except (YAMLError, ValueError):
        return _insert(data, chance)
    places = list(_places(tree))
    if not places:
        return json.dumps(chance.choice(VALUES)).encode()
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.3:
        value = holder.pop(key)
        if chance.random() < 0.5:
            holder[chance.choice(WORDS)] = value
    else:
        holder[key] = chance.choice(VALUES)
    written = json.dumps(tree, default=str, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
    return "\n".join([*lines[:number], written.decode(), *lines[number + 1 :], ""]).encode() if one_a_line else written


def _places(tree: Any) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from _places(value)


def _inside_archive(data: bytes, chance: Random) -> bytes:
    """A part of a workbook is damaged, and the archive is whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        return _flip(data, chance)
    name = chance.choice(sorted(parts))
    if chance.random() < 0.15:
        del parts[name]
    else:
        parts[name] = chance.choice((_flip, _cut, _insert, _number, _word, _number))(parts[name], chance)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    return out.getvalue()


_ANY: tuple[Damage, ...] = (_flip, _flip, _cut, _lengthen, _insert, _other_format)
_TEXT: tuple[Damage, ...] = (*_ANY, _number, _number, _word, _word, _other_encoding, _lines)
_TREE: tuple[Damage, ...] = (*_TEXT, _node, _node, _node, _node, _node, _node)
BY_SUFFIX: dict[str, tuple[Damage, ...]] = {
    ".parquet": (*_ANY, _flip_at_end, _flip_at_end, _flip_at_start),
    ".xlsx": (*_ANY, _flip_at_end, _inside_archive, _inside_archive, _inside_archive),
    ".db": (_flip, _flip, _cut, _lengthen, _other_format, _flip_at_start, _flip_at_start, _flip_at_end),
    ".json": _TREE,
    ".jsonl": _TREE,
    ".yaml": _TREE,
}


def damage_file(path: Path, chance: Random) -> str:
    """Damage the file in place; the name of what was done to it."""
    data = path.read_bytes()
    how = chance.choice(BY_SUFFIX.get(path.suffix, _TEXT))
    path.write_bytes(how(data, chance) if data else b"\0")
    return how.__name__.strip("_")
