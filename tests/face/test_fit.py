"""A scorecard from a table in Python."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError

POLICY = """
policy: tiny
version: 1
currency: CNY
time_zone: Asia/Shanghai
features: {paid: "count(repay, 30d)"}
score: {card: card.json, sha256: HASH}
triggers: {weak: {when: score < 500, cap: 50%, reason: weak_score}}
restoration: {first: 60%, step: 20%, every: 30d}
"""
WITHOUT_CARD = POLICY.replace("score: {card: card.json, sha256: HASH}\n", "").replace("score < 500", "paid = 0")


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Those who paid seldom went bad more often."""
    paid = [row % 7 for row in range(400)]
    label = [int(row % 3 > times) for row, times in enumerate(paid)]
    days = [date(2025, 1, 1)] * 200 + [date(2025, 2, 1)] * 200
    accounts = [f"A{row}" for row in range(400)]
    return pa.table({"account": accounts, "day": days, "paid": paid, "outcome": label})


def test_a_card_that_was_fitted_serves_a_policy(table: pa.Table, tmp_path: Path) -> None:
    fitted = lk.fit(table, WITHOUT_CARD, label="outcome", method="woe", data="four hundred rows")
    assert fitted.auc > 0.7
    assert fitted.run.table.at_day.tolist() == [20_089] * 200 + [20_120] * 200  # 2025-01-01 and 2025-02-01
    paths = fitted.save(tmp_path)
    assert sorted(path.name for path in paths.values()) == ["card.json", "model-card.html", "model-card.json"]
    assert json.loads(paths["card"].read_text("utf-8"))["provenance"]["data"] == "four hundred rows"
    (tmp_path / "policy.yaml").write_text(POLICY.replace("HASH", fitted.sha256), "utf-8")
    assert "weak" in lk.load_policy(tmp_path / "policy.yaml").triggers
    assert "paid" in fitted._repr_html_()


def test_a_fit_without_its_libraries_says_what_to_install(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "linekeeper.lab.fit.training_run", None)
    with pytest.raises(LinekeeperError, match="install it: `pip install 'linekeeper\\[fit\\]'`"):
        lk.fit(table, WITHOUT_CARD)
