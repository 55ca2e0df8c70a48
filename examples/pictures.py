"""Make the pictures of the documentation anew: `python examples/pictures.py`, from the root of the repository.

It needs a Chromium browser for the pages (named in LINEKEEPER_CHROMIUM, else the one that is installed) and the extra
`dev`. Everything is made from a small demo, whose borrowers are seeded: the pictures show what the program prints.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from io import StringIO
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

import linekeeper as lk
from linekeeper.face.line_chart import line_chart, status_chart
from linekeeper.lab.population import population

IMAGES = Path("docs/images")
PROGRAM = str(Path(sys.executable).with_name("linekeeper"))
COLUMNS = 96
EVENTFUL = 5  # lines that are drawn one by one
FOREIGN = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)  # fonts of another host, and an address
INK = "<style>svg{color:#1d2730}@media(prefers-color-scheme:dark){svg{color:#dbe2e8}}</style>"
BYTES_MAX = 150_000


def main() -> None:
    """Make all of them, and say how large they are."""
    badges()
    lines_picture()
    with tempfile.TemporaryDirectory() as folder:
        demo = ["demo", "--accounts", "600", "--folder", folder, "--json"]
        told = json.loads(run(demo))
        at_store = ["--store", f"{folder}/lines.db"]
        terminal_picture("show", ["show", told["example_account"], *at_store], rows=27)
        terminal_picture("road", ["road", told["open_road_account"], *at_store])
        page_pictures(Path(folder) / "pages")
    for path in sorted(IMAGES.rglob("*.*")):
        size = path.stat().st_size
        print(f"{path}  {size:,} bytes" + ("  TOO LARGE" if size > BYTES_MAX else ""))


def run(words: list[str]) -> str:
    """What a command prints, with its colours."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def badges() -> None:
    """What `pyproject.toml` says, as small pictures for the first page; no service is asked."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    python = project["project"]["requires-python"].removeprefix(">=")
    strict = "mypy strict" if project["tool"]["mypy"]["strict"] else "mypy"
    (IMAGES / "badges").mkdir(exist_ok=True)
    for name, label, value in (
        ("licence", "licence", project["project"]["license"]),
        ("python", "Python", f"{python} and later"),
        ("types", "types", strict),
    ):
        (IMAGES / "badges" / f"{name}.svg").write_text(badge(label, value), encoding="utf-8")


def badge(label: str, value: str) -> str:
    """A label and a value, side by side; the text is stretched to its place, whatever font a page has."""
    left, right = 10 + 6.4 * len(label), 10 + 6.4 * len(value)
    texts = "".join(
        f'<text x="{x:.1f}" y="14" textLength="{6.4 * len(words):.1f}">{words}</text>'
        for x, words in ((5, label), (left + 5, value))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:.0f}" height="20" role="img" '
        f'aria-label="{label}: {value}"><title>{label}: {value}</title>'
        f'<rect width="{left + right:.1f}" height="20" rx="4" fill="#0b6b5d"/>'
        f'<path d="M4 0H{left:.1f}V20H4A4 4 0 0 1 0 16V4A4 4 0 0 1 4 0Z" fill="#3c4a55"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" lengthAdjust="spacingAndGlyphs">'
        f"{texts}</g></svg>\n"
    )


def lines_picture() -> None:
    """The status of a portfolio over time, and its most eventful lines, for light pages and dark ones."""
    events = population(accounts=200, days=730, seed=1).events
    lines = [line.chart_line() for line in lk.replay("policies/consumer-loan.yaml", events).timelines]
    eventful = sorted(lines, key=lambda line: -len({(step.status, step.limit) for step in line.steps}))[:EVENTFUL]
    charts = status_chart(lines) + line_chart(sorted(eventful, key=lambda line: line.name))
    (IMAGES / "lines.svg").write_text(stacked(re.findall(r"<svg.*?</svg>", charts, re.DOTALL)), encoding="utf-8")


def stacked(parts: list[str]) -> str:
    """Pictures one below another, as one file that knows dark pages."""
    body, top, width = "", 0, 0
    for part in parts:
        width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', part)[0])
        body += part.replace("<svg ", f'<svg y="{top}" width="{width}" height="{height}" ', 1)
        top += height
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}">{INK}{body}</svg>\n'


def terminal_picture(name: str, words: list[str], rows: int | None = None) -> None:
    """A command and what it prints, as a terminal shows it."""
    shown = [f"$ linekeeper {' '.join(words[:2])}", "", *run(words).rstrip().splitlines()[:rows]]
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text.from_ansi("\n".join(shown)))
    picture = FOREIGN.sub("", console.export_svg(title="linekeeper", unique_id=name))
    picture = picture.replace("Fira Code", "ui-monospace,Menlo,Consolas,DejaVu Sans Mono")
    (IMAGES / f"{name}.svg").write_text(picture, encoding="utf-8")


def page_pictures(pages: Path) -> None:
    """The report and the notices of the demo, as a browser shows them."""
    program = os.environ.get("LINEKEEPER_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for name, width, height in (("report", 1000, 640), ("notice.en", 430, 760), ("notice.zh", 430, 760)):
            page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1.5)
            page.goto(f"{(pages / name).resolve().as_uri()}.html")
            page.screenshot(path=IMAGES / f"{name.replace('.', '-')}.png")
        browser.close()


if __name__ == "__main__":
    main()
