"""The oracle shares no code with the program: what computes, reads or generates here imports none of it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOORS = {  # where the oracle meets the program: they hand policies and events over, or compare
    "generate",
    "held",
    "story",
    "strategies",
}
OWN = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in DOORS and not path.stem.startswith("test_"))
ALLOWED = {"ruamel"}  # a YAML file is read by ruamel.yaml on both sides


def imported(text: str) -> set[str]:
    """Every module that the text imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            from_package = node.module == "tests.oracle"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if from_package else {str(node.module)}
    return found


def foreign(text: str) -> set[str]:
    """What a module of the oracle may not import: anything but the oracle's own, the standard library and YAML."""
    own = {f"tests.oracle.{name}" for name in OWN}
    return {name for name in imported(text) - own if name.split(".")[0] not in sys.stdlib_module_names | ALLOWED}


@pytest.mark.parametrize("name", OWN)
def test_the_oracle_imports_nothing_of_the_program(name: str) -> None:
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    assert foreign(text) == set()
    assert "import_module" not in text
    assert "__import__" not in text


def test_what_computes_is_among_them() -> None:
    parts = {"oracle", "values", "line", "ledger", "clock", "outcome", "nouns", "tree", "parser", "reader"}
    generators = {"policies", "phrases", "watched", "streams", "hints"}
    assert parts | generators <= set(OWN)


def test_what_would_break_it_is_seen() -> None:
    assert foreign("def f():\n    from linekeeper.core.line import Status") == {"linekeeper.core.line"}
    assert foreign("import linekeeper") == {"linekeeper"}
    assert foreign("from tests.oracle import held") == {"tests.oracle.held"}
    assert foreign("from tests.oracle.story import day") == {"tests.oracle.story"}
    assert foreign("import ast\nfrom tests.oracle import tree\nfrom ruamel.yaml import YAML") == set()
