"""The page of feeds is made of the folders: `python -m tests.connect.feed_page` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from openpyxl import load_workbook

from linekeeper.connect.encodings import encoding_of
from linekeeper.connect.mapping_file import load_columns
from tests.connect.feeds import Feed, all_feeds

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "feeds.md"
HEAD = """# Feeds

What banks write, and the mapping file that brings each in: no code, no spreadsheet in between. Every feed here is a
folder of `docs/examples/feeds` with the raw files, the mapping and the totals that the bank would expect. A test
imports all of them and compares counts and sums to the cent; this page is made from the same folders.

[Mapping files](../reference/mapping.md) explains the keys, and
[source and ids](../reference/mapping.md#source-and-ids) what makes an event count once however often it is sent. Look
at a feed before you trust it:

```sh
cd docs/examples/feeds
linekeeper import files 03-us-card/activity.csv --policy lender-usd.yaml \\
  --mapping 03-us-card/mapping.yaml --dry-run
```
"""
LANGUAGES = {".xml": "xml", ".jsonl": "json"}


def made_page() -> str:
    """The page as it should be."""
    return HEAD + "".join(section for feed in all_feeds() for section in _section(feed))


def _section(feed: Feed) -> Iterator[str]:
    number, expected = int(feed.folder.name[:2]), feed.expected
    yield f"\n## {number}. {expected['title']}\n\n{expected['about']}\n"
    for path in (each for raw in feed.raw for each in ([raw] if raw.is_file() else sorted(raw.rglob("*.*")))):
        language = LANGUAGES.get(path.suffix, "text")
        yield f"\n`{path.relative_to(feed.folder)}`\n\n```{language}\n{shown(path, feed)}\n```\n"
    yield f"\n`mapping.yaml`\n\n```yaml\n{feed.mapping.read_text('utf-8')}```\n"
    yield "\n| event | count | sum |\n|---|---:|---:|\n"
    for kind, totals in expected["events"].items():
        yield f"| `{kind}` | {totals['count']} | {sums(totals)} |\n"
    counts = [
        f"{expected[name]} {words}"
        for name, words in (("same", "repeated and dropped"), ("skipped", "skipped"))
        if name in expected
    ]
    counts += [f"{place} rejected: {reason}" for place, reason in expected.get("rejected", {}).items()]
    if counts:
        yield f"\nRows: {'; '.join(counts)}.\n"


def sums(totals: dict[str, Any]) -> str:
    """The sums of one kind, with the name of what is added up where it is no amount."""
    named = [(name, value) for name, value in totals.items() if name != "count"]
    return ", ".join(value if name == "amount" else f"{name} {value}" for name, value in named)


def shown(path: Path, feed: Feed) -> str:
    """What is in a raw file, as text: the cells of a sheet between bars, and the rows of a Parquet file too."""
    if path.suffix == ".xlsx":
        sheet = load_workbook(path)[load_columns(feed.mapping).layout.sheet or "Sheet"]
        return "\n".join(_barred(row) for row in sheet.iter_rows(values_only=True))
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        types = _barred(f"{field.name}: {field.type}" for field in table.schema)
        return "\n".join([types, *(_barred(row.values()) for row in table.to_pylist())])
    encoding = load_columns(feed.mapping).layout.encoding or encoding_of(path)
    return path.read_text(encoding).removeprefix("\ufeff").rstrip("\n")


def _barred(cells: Any) -> str:
    return " | ".join("" if cell is None else str(cell) for cell in cells).rstrip(" |")


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
