"""The house rules, held against the whole repository; and each rule against a sample that breaks it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import grimp
import pytest

from linekeeper.core.errors import Fault
from tests.style import rules
from tests.style.repository import assert_none, read, repository_files, sources

FIT_ROOMS = ("src/linekeeper/lab/fit/", "src/linekeeper/lab/forecast/")
SERVICE_ROOMS = ("src/linekeeper/service/", "src/linekeeper/console/")
OPTIONAL = ("excel", "fit", "models", "postgres", "service")


def test_functions_are_short() -> None:
    # A migration of the store is as long as the change that it records.
    ours = [(file, text) for file, text in sources() if "/migrations/" not in file]
    assert_none(fault for file, text in ours for fault in rules.long_functions(file, text))


def test_files_are_short() -> None:
    assert_none(fault for file, text in sources() for fault in rules.long_file(file, text))


def test_modules_are_named_after_their_subject() -> None:
    assert_none(fault for file in repository_files() if file.endswith(".py") for fault in rules.vague_name(file))


def test_public_things_say_what_they_are() -> None:
    assert_none(fault for file, text in sources() for fault in rules.missing_docstrings(file, text))


def test_no_registry_hosts_and_no_paths_of_one_machine() -> None:
    assert_none(fault for file in repository_files() for fault in rules.foreign_addresses(file, read(file)))


def test_imports_do_not_run_in_circles() -> None:
    graph = grimp.build_graph("linekeeper", cache_dir=None)
    assert_none(rules.import_cycle({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}))


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    runtime = import_names(project["dependencies"]) | {"linekeeper"}
    optional = import_names([one for name in OPTIONAL for one in extras[name]])
    for_tests = runtime | optional | import_names(extras["dev"]) | {"tests", "examples"}
    python = [(file, read(file)) for file in repository_files() if file.endswith(".py")]
    fit, service = import_names(extras["fit"]), import_names(extras["service"])

    def always(file: str) -> set[str]:  # what may stand at the head of the modules that are for nothing else
        return runtime | (fit if file.startswith(FIT_ROOMS) else service if file.startswith(SERVICE_ROOMS) else set())

    ours = [
        rules.undeclared_imports(file, text, always(file), optional) for file, text in python if file.startswith("src/")
    ]
    theirs = [rules.undeclared_imports(*item, for_tests, set()) for item in python if item[0].startswith("tests/")]
    assert_none(fault for faults in ours + theirs for fault in faults)


def import_names(requirements: Iterable[str]) -> set[str]:
    """What is importable through these requirements, as far as they are installed."""
    names = {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}
    return {name for name, sources in packages_distributions().items() if names & set(map(normal, sources))}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_every_folder_of_tests_has_tests() -> None:
    assert_none(rules.empty_test_folders(list(repository_files())))


def test_links_between_pages_lead_somewhere() -> None:
    files = set(repository_files())
    pages = [file for file in files if file.endswith(".md")]
    assert_none(fault for page in sorted(pages) for fault in rules.broken_links(page, read(page), files))


def test_paths_that_pages_name_are_there() -> None:
    files = set(repository_files())
    # The changelog speaks of files as they were.
    pages = [file for file in files if file.endswith(".md") and file != "CHANGELOG.md"]
    assert_none(fault for page in sorted(pages) for fault in rules.missing_paths(page, read(page), files))


DOCUMENTED = 'def f():\n    """Said\n    at length."""\n' + "    x = 1\n" * (rules.FUNCTION_LINES_MAX - 1)
LONG = "def f():\n" + "    x = 1\n" * rules.FUNCTION_LINES_MAX


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (rules.long_functions("a.py", LONG), "a.py:1:1: `f` has 46 lines"),
        (rules.long_file("a.py", "\n" * 601), "a.py:601:1: 601 lines"),
        (rules.vague_name("src/linekeeper/core/utils.py"), "`utils` says nothing"),
        (rules.missing_docstrings("a.py", "x = 1\ndef f(): ...\n"), "a.py:2:1: `f` has no docstring"),
        (rules.foreign_addresses("a.txt", "x\nhttps://" + rules.REGISTRIES[0]), "a.txt:2:1: `" + rules.REGISTRIES[0]),
        (rules.foreign_addresses("a.txt", "see /" + "home/ann/x"), "`/" + "home/ann` exists on one machine"),
        (rules.import_cycle({"a": {"b"}, "b": {"a"}}), "imports run in a circle: "),
        (
            rules.undeclared_imports("a.py", "import b.c", {"d"}, {"b"}),
            "a.py:1:1: `b` may not be installed; import it in",
        ),
        (
            rules.undeclared_imports("a.py", "def f():\n    import e", {"d"}, {"b"}),
            "a.py:2:1: `e` may not be installed",
        ),
        (rules.empty_test_folders(["tests/bare/values.py"]), "tests/bare: a folder of tests without"),
        (rules.broken_links("docs/a.md", "\n[b](b.md#c)", {"b.md"}), "docs/a.md:2:1: `b.md#c` leads nowhere"),
        (rules.missing_paths("a.md", "`src/b.py` `src/c.py`", {"src/b.py"}), "a.md:1:1: there is no `src/c.py`"),
        (rules.missing_paths("a.md", "`decide/b.py`", {"src/linekeeper/decide/c.py"}), "there is no `decide/b.py`"),
    ],
)
def test_each_rule_catches_what_breaks_it(faults: Iterable[Fault], expected: str) -> None:
    assert [expected in str(fault) for fault in faults] == [True]


@pytest.mark.parametrize(
    "faults",
    [
        rules.long_functions("a.py", DOCUMENTED),
        rules.vague_name("src/linekeeper/core/line.py"),
        rules.missing_docstrings("a.py", "def _f(): ...\n"),
        rules.foreign_addresses("a.txt", "GOPATH=/usr/share/gocode, ../shared/data, https://example.com/home/x"),
        rules.import_cycle({"a": {"b"}, "b": set()}),
        rules.undeclared_imports("a.py", "import os\nimport d\ndef f():\n    from b.c import e", {"d"}, {"b"}),
        rules.missing_paths("a.md", "`src/` `src/b.py` `n/a` `tile/1`\n```\n`src/c.py`\n```", {"src/b.py"}),
        rules.missing_paths("a.md", "`decide/c.py` `decide/`", {"src/linekeeper/decide/c.py"}),
        rules.broken_links("docs/a.md", "[b](../b.md) [c](https://c) [d](#d)\n```\n[e](e.md)\n```", {"b.md"}),
    ],
)
def test_each_rule_lets_pass_what_keeps_it(faults: Iterable[Fault]) -> None:
    assert not list(faults)
