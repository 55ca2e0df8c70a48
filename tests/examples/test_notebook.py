"""The notebook runs from its first cell to its last, and shows a plot of lines and a road back."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.style.repository import ROOT

NOTEBOOK = ROOT / "examples" / "portfolio.ipynb"


@pytest.mark.filterwarnings("default")  # of the Jupyter libraries, which are not ours to mend
def test_the_notebook_runs_and_shows_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")  # made by whoever runs it
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    shown = [
        output.data.get("text/html", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert len(shown) == len([cell for cell in notebook.cells if cell.cell_type == "code"])
    assert any("The status of 200 lines over time" in html for html in shown)
    assert any("Your limit on the way back" in html for html in shown)
    assert "The limit of 1 line over time" in shown[-1]
