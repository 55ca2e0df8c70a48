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
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

import linekeeper as lk
from linekeeper.lab.population import population

IMAGES = Path("docs/images")
PROGRAM = str(Path(sys.executable).with_name("linekeeper"))
COLUMNS = 96
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # names fonts of another host
INK = "<style>svg{color:#1d2730}@media(prefers-color-scheme:dark){svg{color:#dbe2e8}}</style>"
BYTES_MAX = 150_000


def main() -> None:
    """Make all of them, and say how large they are."""
    lines_picture()
    with tempfile.TemporaryDirectory() as folder:
        demo = ["demo", "--accounts", "600", "--folder", folder, "--json"]
        told = json.loads(run(demo))
        at_store = ["--store", f"{folder}/lines.db"]
        terminal_picture("show", ["show", told["example_account"], *at_store], rows=27)
        terminal_picture("road", ["road", told["open_road_account"], *at_store])
        page_pictures(Path(folder) / "pages")
    for path in sorted(IMAGES.iterdir()):
        size = path.stat().st_size
        print(f"{path}  {size:,} bytes" + ("  TOO LARGE" if size > BYTES_MAX else ""))


def run(words: list[str]) -> str:
    """What a command prints, with its colours."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def lines_picture() -> None:
    """The status of a portfolio over time, and the first lines one by one, for light pages and dark ones."""
    lines = lk.replay("policies/consumer-loan.yaml", population(accounts=200, days=730, seed=1).events).timelines
    parts = re.findall(r"<svg.*?</svg>", lines.chart(), re.DOTALL)
    (IMAGES / "lines.svg").write_text(stacked(parts), encoding="utf-8")


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
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))
    console.print(Text.from_ansi("\n".join(shown)))
    picture = FONT_FACE.sub("", console.export_svg(title="linekeeper", unique_id=name))
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
