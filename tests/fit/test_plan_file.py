"""The plan file: its schema and its reader say the same; units reach the card and its page."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.model_card import model_card_of
from linekeeper.lab.fit.model_card_page import render_model_card
from linekeeper.lab.fit.plan import FEATURE_KEYS, PLAN_KEYS, FeaturePlan, fit_plan_of_policy, read_fit_plan
from linekeeper.lab.fit.training_run import artifact_of_run, fit_scorecard
from linekeeper.policy.load import load_file
from linekeeper.scorecard.artifact import Artifact, ArtifactError, Input, open_artifact, write_artifact
from linekeeper.scorecard.card import Score
from linekeeper.texts.material import shipped
from tests.fit.synthetic import PLAN, synthetic_table
from tests.style.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "plan.md"
SCHEMA = json.loads((ROOT / "docs" / "reference" / "plan.schema.json").read_text("utf-8"))
BETWEEN_KEYS = re.compile("stands twice in the plan|is the label|is the weight|`classes` have")

ODD = st.sampled_from(
    [None, True, 0, -3, 9.5, 7, 2_000_000, "", "late", "higher", [], ["a"], ["a", "a"], [1, -9], {}, {"a": 1}]
)
WORDS = st.lists(st.sampled_from(["paid", "lost", "a", "b", 1, 2]), max_size=3)
FEATURE = st.fixed_dictionaries(
    {},
    optional={
        "worse": st.sampled_from(["higher", "lower", None, "up"]),
        "special": st.lists(st.integers(-9, 9), max_size=3) | ODD,
        "choices": WORDS | ODD,
        "missing": st.sampled_from(["neutral", None, "mean"]),
        "decimals": st.integers(-1, 7) | ODD,
        "unit": st.sampled_from(["share", "CNY", "x" * 21]) | ODD,
        "colour": ODD,
    },
)
GROUP = st.dictionaries(st.sampled_from(["burden", "late", "income"]), FEATURE | ODD, max_size=2) | ODD
PLANS = st.fixed_dictionaries(
    {"ability": GROUP},
    optional={
        "willingness": GROUP,
        "name": ODD,
        "label": ODD,
        "weight": ODD,
        "label_meaning": ODD,
        "period": ODD,
        "classes": st.dictionaries(st.sampled_from(["good", "bad", "reject", "other"]), WORDS | ODD, max_size=4) | ODD,
        "protected": WORDS | ODD,
        "trusted": WORDS | ODD,
        "tables_max": st.integers(-1, 1_001) | ODD,
        "scale": st.dictionaries(st.sampled_from(["score", "odds", "points"]), st.integers(0, 9) | ODD, max_size=2)
        | ODD,
        "luck": ODD,
    },
)


def read_of(plan: Any) -> str | None:
    """What the reader says against a plan."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.yaml"
        file.write_text(json.dumps(plan), "utf-8")
        try:
            read_fit_plan(file)
        except LinekeeperError as error:
            return str(error) if error.code == "plan-not-usable" else error.code
    return None


@settings(max_examples=400, deadline=None)
@given(PLANS)
def test_the_schema_takes_what_the_reader_takes(plan: dict[str, Any]) -> None:
    fits = jsonschema.Draft202012Validator(SCHEMA).is_valid(plan)
    fault = read_of(plan)
    if fault is None or not BETWEEN_KEYS.search(fault):  # a schema cannot hold one key against another
        assert fits == (fault is None), fault


def test_the_schema_and_the_page_know_every_key() -> None:
    assert set(SCHEMA["properties"]) == {*PLAN_KEYS}
    assert set(SCHEMA["$defs"]["feature"]["properties"]) == {*FEATURE_KEYS}
    text = PAGE.read_text("utf-8")
    assert all(f"| `{key}` |" in text for key in (*PLAN_KEYS, *FEATURE_KEYS))


def test_the_plans_of_the_pages_can_be_read() -> None:
    pages = (PAGE, ROOT / "docs" / "guides" / "scores.md")
    plans = [
        YAML(typ="safe").load(block)
        for page in pages
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.S)
    ]
    assert len(plans) == 2
    for plan in plans:
        jsonschema.validate(plan, SCHEMA)
        assert read_of(plan) is None


# ------------------------------------------------------------------ units


def test_units_reach_the_card_and_its_page() -> None:
    units = {"burden": ("%", 2), "income": ("CNY", 2)}
    features = tuple(
        replace(one, unit=units[one.name][0], unit_digits=units[one.name][1]) if one.name in units else one
        for one in PLAN.features
    )
    run = fit_scorecard(synthetic_table(2_000), replace(PLAN, features=features), 2)
    inputs = {one.name: one for one in open_artifact(write_artifact(artifact_of_run(run, "d"))).inputs}
    assert (inputs["burden"].unit, inputs["burden"].unit_digits) == ("%", 2)
    card = model_card_of(run, "d")
    words = {part["feature"]: [row["words"] for row in part["bins"]] for part in card["features"]}
    assert all(text.endswith(" %") or text.endswith("% and up") for text in words["burden"])
    assert all("CNY" in text or text == "missing" for text in words["income"])
    assert words["late"][0] == "code -2" or words["late"][1] == "code -2"
    assert words["channel"][:3] == ["app", "branch", "phone"]
    page = render_model_card(card)
    assert words["burden"][0] in page
    assert "choice 0" not in page


def test_features_of_a_policy_have_the_units_of_its_language() -> None:
    features = {one.name: one for one in fit_plan_of_policy(load_file(shipped("consumer-loan.yaml"))).features}
    assert {(one.unit, one.unit_digits) for one in features.values()} >= {("%", 2), ("days", 0)}


def test_a_card_without_units_has_no_key_for_them_and_an_odd_unit_is_refused() -> None:
    plain = Artifact("p", Score(500, ("ability",), ()), inputs=(Input("late"),))
    assert b"unit" not in write_artifact(plain)
    with pytest.raises(ArtifactError, match="`late` has a unit that cannot be shown"):
        write_artifact(replace(plain, inputs=(Input("late", unit="x" * 21),)))


def test_what_a_plan_says_of_a_unit_goes_before_the_policy() -> None:
    policy = fit_plan_of_policy(load_file(shipped("consumer-loan.yaml")))
    one = policy.features[0]
    named = replace(policy, features=(FeaturePlan(one.name, "ability", unit="NT$"),))
    assert named.with_policy(policy).features[0].unit == "NT$"
