"""What the first pages show is what the program does; and the built pages load nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from linekeeper.cli.main import build
from linekeeper.core.errors import PolicyError
from linekeeper.core.event import Event
from linekeeper.policy.load import load_file
from tests.oracle.oracle import Ruling, run
from tests.oracle.reader import read

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
FIRST_PAGES = ["README.md", "README.zh.md", "docs/index.md", "docs/start/tutorial.md"]
FIRST_PAGES += ["docs/zh/index.md", "docs/zh/tutorial.md"]
EPOCH = date(1970, 1, 1)
FOREIGN = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^"'\s>]+""")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def example_events() -> list[Event]:
    return [event(json.loads(line)) for line in (EXAMPLES / "cash-line.jsonl").read_text().splitlines()]


def event(row: dict[str, str | int]) -> Event:
    """A row of the example: times and dates as people write them, amounts in minor units."""
    at = round(datetime.fromisoformat(str(row.pop("at"))).timestamp() * 1000)
    head = [str(row.pop(name)) for name in ("id", "account", "kind")]
    if "due_on" in row:
        row["due_on"] = (date.fromisoformat(str(row["due_on"])) - EPOCH).days
    return Event(head[0], head[1], head[2], at, row)


def table_row(ruling: Ruling) -> str:
    """A decision as the first page has it."""
    day = EPOCH + timedelta(days=ruling.day)
    limits = f"{ruling.before.limit // 100:,} → {ruling.after.limit // 100:,}"
    triggers = ", ".join(f"`{name}`" for name in ruling.set_after)
    cells = [day.isoformat(), ruling.action.name.lower(), limits, ruling.after.status.name.lower(), triggers]
    return "| " + " | ".join(filter(None, cells)) + " |" + ("" if triggers else " |")


@pytest.mark.parametrize("name", FIRST_PAGES)
def test_first_pages_show_the_example_policy(name: str) -> None:
    assert (EXAMPLES / "cash-line.yaml").read_text() in page(name)


@pytest.mark.parametrize("name", FIRST_PAGES)
def test_first_pages_tell_what_the_example_policy_does(name: str) -> None:
    through = (date(2025, 12, 31) - EPOCH).days
    rulings = run(read((EXAMPLES / "cash-line.yaml").read_text(encoding="utf-8")), example_events(), through).rulings
    told = [line for line in page(name).splitlines() if re.match(r"\| \d{4}-", line)]
    assert told == [table_row(ruling) for ruling in rulings]


def test_first_page_shows_the_faults_of_the_faulty_example() -> None:
    with pytest.raises(PolicyError) as raised:
        load_file(EXAMPLES / "faulty.yaml")
    assert str(raised.value).replace(f"{ROOT}/", "") in page("docs/index.md")


def test_the_python_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", page("README.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert [decision.action for decision in names["result"].decisions] == ["decrease", "restore", "restore", "restore"]
    assert "The limit of 1 line over time" in names["result"].timelines.chart()


def test_the_page_of_commands_names_each_in_a_table() -> None:
    first_cells = re.findall(r"(?m)^\| (`[a-z`, -]+`) \|", page("docs/reference/commands.md"))
    named = {name for cell in first_cells for name in re.findall(r"`([a-z][a-z-]*)`", cell)}
    commands = get_command(build()).commands.items()
    assert named == {name for name, command in commands if not command.hidden}  # hidden: a former name, still accepted


def test_the_page_on_architecture_lists_the_rooms_in_the_order_of_their_imports() -> None:
    table = page("docs/architecture/index.md").split("## Rooms")[1].split("## ")[0]
    listed = [re.findall(r"`([a-z]+)`", cell) for cell in re.findall(r"(?m)^\| (`[a-z`, ]+`) \|", table)]
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    assert listed == [re.findall(r"[a-z]+", layer) for layer in contracts[0]["layers"]]


def test_built_pages_load_nothing_from_other_hosts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    pages = sorted(tmp_path.rglob("*.html"))
    assert pages
    assert [
        (str(path.relative_to(tmp_path)), found) for path in pages for found in FOREIGN.findall(path.read_text())
    ] == []


def test_a_page_that_would_load_from_another_host_is_seen() -> None:
    assert FOREIGN.findall('<link rel="stylesheet" href="https://fonts.example.com/css">')
    assert FOREIGN.findall("<script src=//cdn.example.com/a.js></script>")
    assert not FOREIGN.findall('<a href="https://example.com">out</a> <script src="assets/a.js"></script>')
