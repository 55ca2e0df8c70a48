"""The rules of errors: each is made with a registered code of its kind, and each code is in use."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linekeeper.core.errors import Fault

BASE = "LinekeeperError"
Registry = Mapping[str, Mapping[str, str]]  # the sentences of the codes, by kind


@dataclass(frozen=True)
class ErrorClass:
    """A class of errors as the source has it; `fixed`: its constructor names the code, so its callers do not."""

    name: str
    bases: tuple[str, ...]
    kind: str | None
    fixed: bool
    node: ast.ClassDef


@dataclass(frozen=True)
class Making:
    """A place where an error is made: its class's kind, and the codes that it may carry there."""

    file: str
    line: int
    kind: str
    codes: tuple[str, ...]


def error_classes(modules: Mapping[str, str]) -> dict[str, ErrorClass]:
    """Every class below `LinekeeperError`, and itself, by name."""
    nodes = [node for text in modules.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    classes: dict[str, ErrorClass] = {}
    while True:
        new = [_error_class(node) for node in nodes if node.name not in classes and _is_error(node, classes)]
        if not new:
            return classes
        classes |= {each.name: each for each in new}


def makings(modules: Mapping[str, str]) -> Iterator[Making]:
    """Every place where an error is made."""
    classes = error_classes(modules)
    for file, text in modules.items():
        tree = ast.parse(text)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in classes and not classes[call.func.id].fixed:
                yield _making(file, call, kind_of(call.func.id, classes))
        for each in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name in classes):
            if classes[each.name].fixed:
                yield from (_making(file, call, kind_of(each.name, classes)) for call in _super_calls(each))


def kind_of(name: str, classes: Mapping[str, ErrorClass]) -> str:
    """The kind of a class: its own, or that of the nearest class above it."""
    each = classes[name]
    if each.kind is not None:
        return each.kind
    return next((kind_of(base, classes) for base in each.bases if base in classes), "")


def faults_of_codes(modules: Mapping[str, str], registry: Registry) -> Iterator[Fault]:
    """Errors without a code, codes that are not registered under the kind of the error, and codes not in use."""
    used = set()
    for making in makings(modules):
        if not making.codes:
            way_out = "name one of `core/error_codes.py`: `code=...`"
            yield Fault("an error is made without a code", making.file, making.line, 1, way_out)
        for code in making.codes:
            used.add(code)
            if code not in registry.get(making.kind, {}):
                message = f"the code `{code}` is not registered under `{making.kind}`"
                yield Fault(message, making.file, making.line, 1, "add it to `core/error_codes.py`")
    for code in sorted({code for codes in registry.values() for code in codes} - used):
        yield Fault(f"no error has the code `{code}`", "src/linekeeper/core/error_codes.py", way_out="remove it")


def bare_raises(modules: Mapping[str, str]) -> Iterator[Fault]:
    """Where a class of errors is raised as it is, with neither message nor code."""
    classes = error_classes(modules)
    for file, text in modules.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in classes:
                yield Fault(f"`{node.exc.id}` is raised without a message", file, node.lineno, 1, "say what is wrong")


def _is_error(node: ast.ClassDef, classes: Mapping[str, ErrorClass]) -> bool:
    return node.name == BASE or any(isinstance(base, ast.Name) and base.id in classes for base in node.bases)


def _error_class(node: ast.ClassDef) -> ErrorClass:
    kind, fixed = None, False
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id="kind")], value=ast.Constant(value=str(kind))):
                pass
            case ast.FunctionDef(name="__init__", args=arguments):
                fixed = "code" not in {each.arg for each in arguments.kwonlyargs}
    return ErrorClass(node.name, tuple(base.id for base in node.bases if isinstance(base, ast.Name)), kind, fixed, node)


def _super_calls(node: ast.ClassDef) -> Iterator[ast.Call]:
    """Calls of `super().__init__` within a class."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")):
                yield call


def _making(file: str, call: ast.Call, kind: str) -> Making:
    values = [each.value for each in call.keywords if each.arg == "code"]
    texts = (node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant))
    return Making(file, call.lineno, kind, tuple(str(node.value) for node in texts))
