"""The house rules that a machine can hold: each takes text and gives its faults, with file, line and way out."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from linekeeper.core.errors import Fault

FUNCTION_LINES_MAX = 45
FILE_LINES_MAX = 600
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}

Function = ast.FunctionDef | ast.AsyncFunctionDef

# The addresses stand in halves, so that this file keeps its own rule.
REGISTRIES = tuple(
    "".join(halves)
    for halves in (
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("registry.npm", "js.org"),
        ("unp", "kg.com"),
        ("cdn.jsdel", "ivr.net"),
        ("cdnjs.cloud", "flare.com"),
        ("deb.deb", "ian.org"),
        ("archive.ub", "untu.com"),
        ("proxy.gol", "ang.org"),
        ("repo.maven.apa", "che.org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.:/*)}-])/(?:work|home|root|Users|tmp|mnt|media)/[\w.]+")
MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED_PATH = re.compile(r"`([\w.-]+/(?:[\w.-]+/)*[\w.-]*)`")
PACKAGE = "src/linekeeper"
FENCE = re.compile(r"^ *(```|~~~)")


def long_functions(file: str, text: str) -> Iterator[Fault]:
    """Functions that are too long; docstrings are not counted."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function) and (lines := _lines(node)) > FUNCTION_LINES_MAX:
            message = f"`{node.name}` has {lines} lines, more than {FUNCTION_LINES_MAX}"
            yield Fault(message, file, node.lineno, 1, "give one of its steps a name and a function of its own")


def _lines(node: Function) -> int:
    first = node.body[0]
    has_docstring = ast.get_docstring(node, clean=False) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def long_file(file: str, text: str) -> Iterator[Fault]:
    """A file that is too long."""
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield Fault(
            f"{lines} lines, more than {FILE_LINES_MAX}", file, lines, 1, "split it by what its parts are about"
        )


def vague_name(file: str) -> Iterator[Fault]:
    """A module or folder named for no subject."""
    for part in PurePosixPath(file).with_suffix("").parts:
        if part in VAGUE_NAMES:
            yield Fault(f"`{part}` says nothing about what it holds", file, 1, 1, "name it after its subject")


def missing_docstrings(file: str, text: str) -> Iterator[Fault]:
    """Public functions and classes of a module that do not say what they are."""
    for node in ast.parse(text).body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            way_out = "say in one line what it gives, with units; or make it private"
            yield Fault(f"`{node.name}` has no docstring", file, node.lineno, 1, way_out)


def foreign_addresses(file: str, text: str) -> Iterator[Fault]:
    """Hosts of package registries, and paths that exist on one machine only."""
    for number, line in enumerate(text.splitlines(), 1):
        for host in REGISTRIES:
            if host in line:
                yield Fault(f"`{host}` is a registry's host", file, number, 1, "name the package, not where it lies")
        for path in MACHINE_PATH.findall(line):
            way_out = "use a path from the repository's root, or pytest's `tmp_path`"
            yield Fault(f"`{path}` exists on one machine only", file, number, 1, way_out)


def import_cycle(imports: Mapping[str, set[str]]) -> Iterator[Fault]:
    """A ring of modules that import one another."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        ring = " > ".join(reversed(error.args[1]))
        yield Fault(f"imports run in a circle: {ring}", way_out="move what both need into a module below them")


def undeclared_imports(file: str, text: str, always: set[str], perhaps: set[str]) -> Iterator[Fault]:
    """Imports of what is not declared: `always` may stand at the top of a module, `perhaps` inside functions."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        declared = always if node in tree.body else always | perhaps
        for name in _imported(node) - declared - sys.stdlib_module_names:
            way_out = (
                "import it inside the function that needs it" if name in perhaps else "name it in `pyproject.toml`"
            )
            yield Fault(f"`{name}` may not be installed", file, getattr(node, "lineno", 1), 1, way_out)


def _imported(node: ast.AST) -> set[str]:
    """The top-level packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {node.module.partition(".")[0]}
    return set()


def empty_test_folders(files: list[str]) -> Iterator[Fault]:
    """Folders of tests/ with Python in them and not one test."""
    python = [PurePosixPath(file) for file in files if file.startswith("tests/") and file.endswith(".py")]
    folders = {path.parts[1] for path in python if len(path.parts) > 2}
    tested = {path.parts[1] for path in python if path.name.startswith("test_")}
    for folder in sorted(folders - tested):
        yield Fault("a folder of tests without a `test_*.py`", f"tests/{folder}", way_out="write one, or move the code")


def broken_links(file: str, text: str, files: set[str]) -> Iterator[Fault]:
    """Relative links of a Markdown page to files that are not there. Code blocks are not read."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        in_code ^= bool(FENCE.match(line))
        for target in [] if in_code else MARKDOWN_LINK.findall(line):
            path = target.partition("#")[0]
            if path and "://" not in path and not path.startswith("mailto:") and _resolve(file, path) not in files:
                yield Fault(f"`{target}` leads nowhere", file, number, 1, "mend the link, or add the file")


def missing_paths(file: str, text: str, files: set[str]) -> Iterator[Fault]:
    """Paths in backticks that are not in the repository, on a Markdown page. Code blocks are not read.

    A path is one if its first part is a folder of the repository, or a room of the package (`kernel/layout.py`).
    """
    folders = {parent.as_posix() for path in files for parent in PurePosixPath(path).parents}
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        in_code ^= bool(FENCE.match(line))
        for quoted in [] if in_code else QUOTED_PATH.findall(line):
            first = quoted.partition("/")[0]
            path = f"{PACKAGE}/{quoted}" if f"{PACKAGE}/{first}" in folders else quoted
            is_path = path.startswith(PACKAGE) or first in folders
            if is_path and path.rstrip("/") not in files | folders:
                yield Fault(f"there is no `{quoted}`", file, number, 1, "name the file where it is now")


def _resolve(file: str, path: str) -> str:
    """A relative path as seen from a file, as a path from the root."""
    parts: list[str] = list(PurePosixPath(file).parent.parts)
    for part in PurePosixPath(path).parts:
        if part == "..":
            parts = parts[:-1]
        else:
            parts.append(part)
    return "/".join(parts)
