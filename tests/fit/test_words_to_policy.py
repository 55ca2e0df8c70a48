"""An account table with columns of text goes through draft and fit, and a policy with the card reads the raw words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.scorecard.artifact import open_artifact
from linekeeper.scorecard.points import score_one
from tests.fit.odd_tables import APP

ROWS = 600
POLICY = """
policy: words
version: 1
currency: CNY
time_zone: UTC
events:
  facts: {{channel: [{channel}], owed: money, share: share}}
  work: {{job: [{job}]}}
features: {{channel: last(facts.channel), job: last(work.job), owed: last(facts.owed), share: last(facts.share)}}
score: {{card: card.json, sha256: {sha256}}}
triggers: {{weak: {{when: known(share) and score < 5000, cap: 50%, reason: weak_score}}}}
restoration: {{first: 60%, step: 20%, every: 30d}}
"""


def account_table() -> pa.Table:
    chance = np.random.default_rng(8)
    channel = chance.choice(["branch", "app", "no", " phone "], ROWS)
    job = chance.choice(["nurse", "driver", ""], ROWS)
    owed, share = chance.integers(0, 900_000, ROWS), chance.integers(0, 10_000, ROWS)
    odds = -2.5 + owed / 300_000 + 1.5 * (channel == "app") - (job == "nurse") + share / 6_000
    bad = chance.random(ROWS) < 1 / (1 + np.exp(-odds))
    columns = {
        "account": [f"A{row}" for row in range(ROWS)],
        "outcome": np.where(bad, "bad", "good"),
        "channel": channel,
    }
    return pa.table({**columns, "job": job, "owed": owed / 100, "share": share})


def fit_answer(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(APP, ["fit", *words, "--json"], catch_exceptions=False)
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("words")
    pa_csv.write_csv(account_table(), home / "t.csv")
    plan = fit_answer(str(home / "t.csv"), "--plan-from")["plan"]
    plan = re.sub(r"owed: \{(.*?)\}", r"owed: {\1, unit: CNY}", plan)
    (home / "plan.yaml").write_text(re.sub(r"share: \{(.*?)\}", r"share: {\1, unit: share}", plan), "utf-8")
    fit_answer(
        str(home / "t.csv"), "--plan", str(home / "plan.yaml"), "--folds", "2", "--method", "main", "-o", str(home)
    )
    return home


def policy_file(folder: Path, changed: dict[str, str]) -> Path:
    inputs = {one.name: one for one in open_artifact((folder / "card.json").read_bytes()).inputs}
    words = {name: ", ".join(f'"{word}"' for word in inputs[name].choices) for name in ("channel", "job")}
    sha256 = json.loads((folder / "card.json").read_text("utf-8"))["sha256"]
    (folder / "policy.yaml").write_text(POLICY.format(**{**words, "sha256": sha256, **changed}), "utf-8")
    return folder / "policy.yaml"


def test_the_card_keeps_words_decimals_and_units(folder: Path) -> None:
    inputs = {one.name: one for one in open_artifact((folder / "card.json").read_bytes()).inputs}
    assert inputs["channel"].choices == ("app", "branch", "no", "phone")
    assert (inputs["owed"].decimals, inputs["owed"].unit, inputs["owed"].unit_digits) == (2, "CNY", 2)
    assert (inputs["share"].unit, inputs["share"].unit_digits) == ("%", 2)


def test_a_policy_with_the_card_scores_the_raw_words_and_amounts_of_events(folder: Path) -> None:
    rows = account_table().slice(0, 60).to_pylist()
    events = []
    for number, row in enumerate(rows):
        head = {"account": row["account"], "at": "2024-05-01T08:00:00Z"}
        facts = {"channel": row["channel"].strip(), "owed": round(row["owed"] * 100), "share": row["share"]}
        events.append({"id": f"o{number}", "kind": "open", "limit": 1_000, **head})
        if row["job"]:  # a word that is missing was never reported
            events.append({"id": f"w{number}", "kind": "work", "job": row["job"], **head})
        events.append({"id": f"f{number}", "kind": "facts", **facts, **head, "at": "2024-05-02T08:00:00Z"})
    decided = {one.account: one for one in lk.replay(policy_file(folder, {}), events).decisions}
    score = open_artifact((folder / "card.json").read_bytes()).score
    places = {one.name: one.choices for one in open_artifact((folder / "card.json").read_bytes()).inputs}
    for row in rows:
        values = {
            "channel": places["channel"].index(row["channel"].strip()),
            "job": places["job"].index(row["job"]) if row["job"] else None,
            "owed": round(row["owed"] * 100),
            "share": row["share"],
        }
        assert decided[row["account"]].score == score_one(score, values).score


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"channel": "branch, app, no, phone"},
            "choices of `channel` are not those of the policy.* list them as the card",
        ),
        ({"channel": "app, branch, no"}, "choices of `channel` are not those of the policy"),
    ],
)
def test_words_in_another_order_than_the_cards_are_refused(folder: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        lk.load_policy(policy_file(folder, changed))


def test_amounts_in_another_unit_than_the_cards_are_refused(folder: Path) -> None:
    file = policy_file(folder, {})
    file.write_text(file.read_text("utf-8").replace("currency: CNY", "currency: JPY"), "utf-8")
    with pytest.raises(
        LinekeeperError, match="on the card, `owed` is in CNY with 2 digits after the point; fit it in JPY"
    ):
        lk.load_policy(file)
