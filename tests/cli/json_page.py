"""The committed JSON Schemas of all answers, and the page with an example of each.

`python -m tests.cli.json_page` runs every command and writes both anew; the head of the page stays as it is.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from linekeeper.cli.answers.catalogue import ANSWERS, OTHERS, all_answers, name_of, schema_of_answer, tag_of
from linekeeper.cli.answers.style import CommandAnswer
from tests.cli.every_answer import Answer, every_answer
from tests.style.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "json.md"
SCHEMAS = ROOT / "docs" / "reference" / "schemas"
EXAMPLES = "## Examples"
SHOWN_TEXT = 80  # characters of a long text
SECTION = "## Schemas"
TABLE_HEAD = "| command | answer |\n|---|---|\n"


def schema_files() -> dict[str, str]:
    """The text of each schema, by the name of its file."""
    return {f"{name_of(answer)}.json": _indented(schema_of_answer(answer)) for answer in all_answers()}


def table() -> str:
    """The commands with links to the schemas of their answers."""
    rows = [(f"`{words}`", answers) for words, answers in ANSWERS.items()]
    return "".join(f"| {words} | {_links(answers)} |\n" for words, answers in [*rows, ("any other", OTHERS)])


def _links(answers: Iterable[type[CommandAnswer]]) -> str:
    return ", ".join(f"[`{tag_of(answer)}`](schemas/{name_of(answer)}.json)" for answer in answers)


def page(answers: dict[str, list[Answer]], folder: Path) -> str:
    """The whole page; the first answer of each form is its example, long texts and lists cut."""
    by_tag: dict[str, Answer] = {}
    for answer in (one for several in answers.values() for one in several):
        text = json.dumps(answer).replace(f"{folder}/", "").replace(f"{ROOT}/", "")  # the same wherever it is made
        by_tag.setdefault(answer["schema"], json.loads(text))
    parts = [f"\n{EXAMPLES}\n\nLong texts are cut (`…`), and of a list there is one item.\n"]
    for answer in all_answers():
        example = _indented(_short(by_tag[tag_of(answer)]))
        parts.append(f"\n### {name_of(answer)}\n\n{answer.__doc__}\n\n```json\n{example}```\n")
    head = PAGE.read_text("utf-8").split(SECTION)[0]  # written by hand
    return head + f"{SECTION}\n\n{TABLE_HEAD}{table()}" + "".join(parts)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        one_kind = value and isinstance(value[0], dict | list | str)
        return [_short(item) for item in (value[:1] if one_kind or len(value) > 3 else value)]
    if isinstance(value, str) and len(value) > SHOWN_TEXT:
        return value[:SHOWN_TEXT] + "…"
    return round(value, 4) if isinstance(value, float) else value


def _indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def write() -> None:
    """Write the page and the schemas."""
    SCHEMAS.mkdir(exist_ok=True)
    for stale in {path.name for path in SCHEMAS.iterdir()} - set(schema_files()):
        (SCHEMAS / stale).unlink()
    for name, text in schema_files().items():
        (SCHEMAS / name).write_text(text, "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(every_answer(Path(folder)), Path(folder)), "utf-8")


if __name__ == "__main__":
    write()
