"""Feeds as banks write them come in by their mapping files alone; counts and sums are the bank's, to the cent."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.connect.files import read_event_file
from linekeeper.connect.large_files import import_file
from linekeeper.connect.layout import format_of
from linekeeper.connect.mapping_file import load_columns
from linekeeper.core.errors import FileError
from linekeeper.policy.load import load_file
from tests.connect.feed_files import FEEDS, write_all
from tests.connect.feed_page import PAGE, made_page
from tests.connect.feeds import Feed, all_feeds, totals

ALL = all_feeds()


@pytest.fixture(params=ALL, ids=[feed.folder.name for feed in ALL])
def feed(request: pytest.FixtureRequest) -> Feed:
    one: Feed = request.param
    return one


def test_counts_and_sums_are_the_banks(feed: Feed) -> None:
    intake = feed.read()
    assert totals(intake) == feed.expected["events"]
    assert intake.skipped == feed.expected.get("skipped", 0)
    assert intake.same == feed.expected.get("same", 0)
    expected = feed.expected.get("rejected", {})
    assert [row.place for row in intake.rejected] == list(expected)
    assert all(row.reason.startswith(expected[row.place]) for row in intake.rejected)


def test_the_import_on_disk_gives_the_same_events(feed: Feed, tmp_path: Path) -> None:
    intake, out = feed.read(), tmp_path / "events.parquet"
    done = import_file(feed.raw, load_file(feed.policy), out, load_columns(feed.mapping))
    assert pq.read_table(out).to_pylist() == intake.table.to_pylist()
    assert (done.same, done.rejected, done.skipped, done.notes) == (
        intake.same, intake.rejected, intake.skipped, intake.notes,
    )  # fmt: skip


def test_a_dry_run_says_what_the_import_does_and_writes_nothing(feed: Feed, tmp_path: Path) -> None:
    words = ["import", "files", *map(str, feed.raw), str(feed.policy), "--mapping", str(feed.mapping), "--dry-run"]
    before = sorted(feed.folder.rglob("*"))
    record = json.loads(CliRunner().invoke(build(), [*words, "--json"], catch_exceptions=False).stdout)
    assert {kind: each["count"] for kind, each in feed.expected["events"].items()} == record["by_kind"]
    assert record["rejected"] == len(feed.expected.get("rejected", {}))
    shown = CliRunner().invoke(build(), words, catch_exceptions=False).stdout
    assert all(f"{kind}: " in shown for kind in record["by_kind"])
    assert sorted(feed.folder.rglob("*")) == before


def test_there_are_fifteen_shapes_of_csv_excel_and_parquet() -> None:
    shapes = 0
    for feed in ALL:
        files = [path for raw in feed.raw for path in ([raw] if raw.is_file() else sorted(raw.rglob("*.*")))]
        named = load_columns(feed.mapping).layout.format
        shapes += {named or format_of(path) for path in files} <= {"csv", "excel", "parquet"}
    assert shapes >= 15


def test_the_files_that_nobody_can_read_by_eye_are_written_by_a_script(tmp_path: Path) -> None:
    write_all(tmp_path)
    by_name = {feed.folder.name: feed for feed in ALL}
    for path in tmp_path.rglob("*.*"):
        feed = by_name[path.parent.name]
        policy, columns = load_file(feed.policy), load_columns(feed.mapping)
        once, again = (read_event_file(each, policy, columns).table for each in (feed.folder / path.name, path))
        assert once.equals(again)


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(FileError, match="has no files"):
        import_file(tmp_path, load_file(FEEDS / "lender-cny.yaml"), tmp_path / "out.parquet")


def test_the_page_shows_the_feeds_as_they_are() -> None:
    assert PAGE.read_text("utf-8") == made_page(), "run `python -m tests.connect.feed_page`"
