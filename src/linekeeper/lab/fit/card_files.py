"""The files of a fitted card: what a policy names, and its model card as JSON and as a page."""

from __future__ import annotations

import json
from pathlib import Path

from linekeeper.lab import JsonObject
from linekeeper.lab.fit.model_card_page import render_model_card


def write_card_files(folder: Path, card: bytes, evidence: JsonObject) -> dict[str, Path]:
    """Write `card.json`, `model-card.json` and `model-card.html` to a folder, which is made; their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "card": folder / "card.json",
        "evidence": folder / "model-card.json",
        "model_card": folder / "model-card.html",
    }
    paths["card"].write_bytes(card)
    paths["evidence"].write_text(json.dumps(evidence, ensure_ascii=False, indent=1) + "\n", "utf-8")
    paths["model_card"].write_text(render_model_card(evidence), "utf-8")
    return paths
