"""The pictures of the documentation: modest in size, loading nothing from elsewhere, true in what they state."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from examples.pictures import BYTES_MAX, badges, lines_picture, stacked
from tests.style.repository import ROOT, read, repository_files

PICTURES = [file for file in repository_files() if file.startswith("docs/images/")]
ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)")


def test_pictures_are_of_modest_size_and_each_is_shown() -> None:
    assert [file for file in PICTURES if (ROOT / file).stat().st_size > BYTES_MAX] == []
    pages = "".join(read(file) for file in repository_files() if file.endswith(".md"))
    assert [file for file in PICTURES if Path(file).name not in pages] == []


@pytest.mark.parametrize("file", [file for file in PICTURES if file.endswith(".svg")])
def test_drawings_are_well_formed_and_load_nothing(file: str) -> None:
    ElementTree.fromstring(read(file))
    assert not ADDRESS.search(read(file))
    assert "<script" not in read(file)


def test_badges_say_what_the_project_says() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    assert project["tool"]["mypy"]["strict"] is True
    expected = {
        "licence": f"licence: {project['project']['license']}",
        "python": f"Python: {project['project']['requires-python'].removeprefix('>=')} and later",
        "types": "types: mypy strict",
    }
    for name, words in expected.items():
        assert f'aria-label="{words}"' in read(f"docs/images/badges/{name}.svg")


def test_badges_and_lines_are_made_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyproject.toml", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    badges()
    lines_picture()
    for path in (tmp_path / "docs" / "images").rglob("*.svg"):
        assert path.read_text("utf-8") == read(str(path.relative_to(tmp_path)))


def test_stacked_pictures_stand_below_one_another() -> None:
    whole = stacked(['<svg viewBox="0 0 10 4"/>', '<svg viewBox="0 0 10 6"/>'])
    assert 'viewBox="0 0 10 10"' in whole
    assert '<svg y="4" width="10" height="6" ' in whole
