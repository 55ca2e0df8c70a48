"""The rules of names: each takes text and gives its faults, with file, line and way out.

A public name is made of words: `EventTable` of `event` and `table`. Each word stands in the first column of the
glossary's tables, or on the list of plain words, as it is or in a form that the endings below lead back to.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath

from linekeeper.core.errors import Fault

# Words of mood: they hint at a story, where a name should say what a thing is.
MOODS = {"anew", "desk", "door", "found", "ground", "live", "lives", "look", "looks", "moments", "said", "say", "story"}
MOODS |= {"tally", "tell", "telling", "told", "trap", "walk"}
USUAL_NAMES = {"NotFound"}  # what such an error is called everywhere, as in Python's own `FileNotFoundError`

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = tuple[str, int]  # a name, and the line that it stands in

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
TABLE_ROW = re.compile(r"(?m)^\| *([^|]+?) *\|")
WAY_OUT = (
    "rename it, or give the word a meaning in `docs/start/glossary.md`; plain words: `tests/style/plain_words.txt`"
)


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case; numbers and single letters are none.

    >>> words_of("readHTTPBody_v2"), words_of("_EventTable"), words_of("--rejected-file")
    (['read', 'http', 'body'], ['event', 'table'], ['rejected', 'file'])
    """
    return [word.lower() for word in WORD.findall(name) if len(word) > 1]


def stems(word: str) -> set[str]:
    """The words that a form may come from: plural and third person, past, present participle, doer, adverb.

    >>> sorted(stems("policies") & {"policy"} | stems("stopped") & {"stop"} | stems("writer") & {"write"})
    ['policy', 'stop', 'write']
    """
    endings = [ending for ending in ("s", "es", "ed", "d", "ing", "er", "r", "ly") if word.endswith(ending)]
    bases = {word.removesuffix(ending) for ending in endings}
    bases |= {base + "e" for base in bases}  # raised: raise
    bases |= {base[:-1] + "y" for base in bases if base.endswith("i")}  # policies: policy
    bases |= {base[:-1] for base in bases if len(base) > 3 and base[-1] == base[-2]}  # stopped: stop
    return {word} | {base for base in bases if len(base) > 1}


def glossary_words(page: str) -> set[str]:
    """The words of the terms in the first column of a page's tables."""
    return {word for term in TABLE_ROW.findall(page) for word in words_of(term)}


def listed_words(text: str) -> set[str]:
    """The words of a list: one a line, under headings that start with `#`."""
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def unsorted_words(file: str, text: str) -> Iterator[Fault]:
    """Words of a list that do not stand in order below their heading, or stand twice."""
    for number, (before, line) in enumerate(pairwise(text.splitlines()), 2):
        in_section = all(each and not each.startswith("#") for each in (before, line))
        if in_section and before >= line:
            yield Fault(f"`{line}` stands after `{before}`", file, number, 1, "sort the words below each heading")


# ------------------------------------------------------------------ public names


def public_names(file: str, text: str) -> Iterator[Named]:
    """Names that others see: the module's path, what stands at its top, methods, fields, keys of its JSON."""
    for part in PurePosixPath(file).with_suffix("").parts[1:]:
        yield part, 1
    tree = ast.parse(text)
    for node in tree.body:
        yield from _public(_bound(node))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                yield from _public(_bound(member))
    yield from _json_keys(tree)


def _public(names: list[Named]) -> Iterator[Named]:
    return (name for name in names if not name[0].startswith("_"))


def _bound(node: ast.stmt) -> list[Named]:
    """The names that a statement of a module or a class defines; imports define none."""
    if isinstance(node, Function | ast.ClassDef):
        return [(node.name, node.lineno)]
    if isinstance(node, ast.Assign):
        targets = [each for target in node.targets for each in ast.walk(target)]
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    else:
        return []
    return [(each.id, each.lineno) for each in targets if isinstance(each, ast.Name)]


def _json_keys(tree: ast.Module) -> Iterator[Named]:
    """Keys of the dictionaries that are printed as JSON, or that an `as_json` returns."""
    for node in ast.walk(tree):
        printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print_json"
        returned = isinstance(node, Function) and node.name.endswith("as_json")
        if printed or returned:
            keys = (key for each in ast.walk(node) if isinstance(each, ast.Dict) for key in each.keys)
            for key in keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, key.lineno


def unknown_words(file: str, names: list[Named], known: set[str]) -> Iterator[Fault]:
    """Words of names that are neither terms of the glossary nor plain words."""
    for name, line in dict(reversed(names)).items():
        for word in words_of(name):
            if not stems(word) & known:
                yield Fault(f"`{word}` in `{name}` is no word of this house", file, line, 1, WAY_OUT)


# ------------------------------------------------------------------ moods


def moods(file: str, text: str) -> Iterator[Fault]:
    """Names of modules, functions, classes, parameters, variables and attributes that hold a word of mood.

    What Python or a library has named so (`file.tell`, `ast.walk`, `FileNotFoundError`) is only read, never bound.
    """
    module = PurePosixPath(file).stem
    for name, line in [(module, 1), *_all_bound(ast.parse(text))]:
        words = {word for word in words_of(name) if stems(word) & MOODS}
        if words and name not in USUAL_NAMES and not hasattr(builtins, name):
            way_out = "name it for what it holds or does"
            yield Fault(f"`{name}` has the word of mood `{min(words)}`", file, line, 1, way_out)


def _all_bound(tree: ast.Module) -> Iterator[Named]:
    """Every name that the module binds, once at each place."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name, node.lineno


# ------------------------------------------------------------------ names in several modules


def reasons_by_name(text: str) -> dict[str, str]:
    """Names that several modules may define, each with the reason why it means the same: `name: reason`, one a line."""
    reasons = {}
    for line in text.splitlines():
        name, _, reason = line.partition(": ")
        if not reason:
            raise ValueError(f"`{name.rstrip(':')}` is listed without a reason")
        reasons[name] = reason
    return reasons


def shared_names(modules: Mapping[str, str], allowed: Container[str]) -> Iterator[Fault]:
    """Public names that several modules define, each for something of its own; text by file."""
    for name, places in sorted(_places(modules).items()):
        if len(places) > 1 and name not in allowed:
            (first, _), *_, (file, line) = places
            way_out = "name each for what it is, or list the name in `tests/style/shared_names.txt` with the reason"
            yield Fault(f"`{name}` is also defined in `{first}`", file, line, 1, way_out)


def needless_reasons(file: str, modules: Mapping[str, str], allowed: Iterable[str]) -> Iterator[Fault]:
    """Listed names that not more than one module defines."""
    places = _places(modules)
    for line, name in enumerate(allowed, 1):
        if len(places.get(name, [])) < 2:
            yield Fault(f"`{name}` is not a name of several modules", file, line, 1, "delete the line")


def _places(modules: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """The files and lines in which each public name is defined. A command may be named as the function that it runs."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for file, text in modules.items():
        names = {}
        for node in ast.parse(text).body:
            if not (isinstance(node, Function) and file.endswith("_commands.py")):
                names |= dict(_public(_bound(node)))
        for name, line in names.items():
            places[name].append((file, line))
    return places


# ------------------------------------------------------------------ rooms


def unplain_package(file: str, text: str) -> Iterator[Fault]:
    """A package whose docstring does not say in one plain sentence what it holds."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    first, _, rest = docstring.partition("\n")
    is_sentence = bool(re.fullmatch(r"[A-Z`][^\n]{20,}\.", first)) and (not rest or rest.startswith("\n"))
    if not is_sentence:
        way_out = "open it with a line that says in one sentence what the room holds"
        yield Fault("the package does not say what it holds", file, 1, 1, way_out)
