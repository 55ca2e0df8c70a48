"""The decisions of data sets, demo and generated policies are those that are committed; names may change around them.

What is committed is the program's own output at one time: it shows that a rebuild changes nothing, not that all is
right. Where a digest differs, `input` says whether the events differ already; `python -m tests.projection.make DATASET`
shows what the case comes to now.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.decision import Decision, LineRecord, OfferRecord, Reason
from tests.projection.cases import GENERATED_SEEDS, project_generated, project_late
from tests.projection.make import DATASETS, expected, make
from tests.projection.projection import ProjectionDigest, projected

DECISION = Decision(
    account="A",
    number=2,
    at=1_700_000_000_000,
    policy="0a",
    model="0b",
    event="e7",
    action="decrease",
    before=LineRecord(100_000, 100_000, "active"),
    after=LineRecord(50_000, 100_000, "reduced"),
    triggers_set=("late",),
    triggers_released=(),
    triggers_in_force=("late", "burden"),
    imposed_bp=None,
    values={"used": 9_000, "count(draw, 7d)": None, "arrears": 3},
    score=540,
    sub_scores={"willingness": 30, "ability": 10},
    pd_ppm=20_000,
    reasons=(Reason("arrears", "late", "arrears", 25),),
    offer=OfferRecord(1, 120_000),
    previous="0c",
    corrects=(1,),
)
LINE = (
    '["A",2,1700000000000,"decrease",[100000,100000,"active"],[50000,100000,"reduced"],["late"],[],["late","burden"],'
    'null,[["used",9000],["",null],["arrears",3]],540,{"ability":10,"willingness":30},20000,'
    '[["arrears","late","arrears",25]],[1,120000],"e7",[1]]'
)


def test_a_decision_is_projected_as_stated() -> None:
    assert projected(DECISION) == LINE


def test_hashes_and_texts_are_left_out() -> None:
    other = replace(DECISION, policy="1a", model=None, previous=None)
    renamed = replace(other, values={"used": 9_000, "count(draw, 168h)": None, "arrears": 3})
    assert projected(renamed) == LINE


def test_the_digest_is_of_lines() -> None:
    """SHA-256 of LINE and a line feed, as `sha256sum` has it."""
    digest = ProjectionDigest()
    digest.add(DECISION)
    assert digest.hexadecimal == "fec13ce9393b35db9a0bad6989bb62fb6da077dd92d67afc70b2882637427f5a"
    assert digest.actions == {"decrease": 1}


def test_every_data_set_is_committed() -> None:
    assert list(expected()) == list(DATASETS)


# ------------------------------------------------------------------ decisions are as before


def test_the_demo_decides_as_before() -> None:
    """300 of its 3,000 borrowers."""
    assert make("demo") == expected()["demo"]


@pytest.mark.nightly
def test_the_whole_demo_decides_as_before() -> None:
    assert make("demo_full") == expected()["demo_full"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["taiwan", "taiwan_rules_alone", "approval"])
def test_public_data_are_decided_as_before(name: str, data_dir: Path) -> None:
    assert make(name, data=data_dir) == expected()[name]


@pytest.mark.parametrize("seed", GENERATED_SEEDS)
def test_generated_policies_decide_as_before(seed: int) -> None:
    assert project_generated(seed, compiled=False).as_json() == expected()["generated"][str(seed)]


@pytest.mark.parametrize("seed", GENERATED_SEEDS)
def test_late_events_are_decided_as_before(seed: int) -> None:
    assert project_late(seed).as_json() == expected()["generated_late"][str(seed)]


@pytest.mark.nightly
@pytest.mark.parametrize("seed", GENERATED_SEEDS)
def test_compiled_generated_policies_decide_as_before(seed: int) -> None:
    assert project_generated(seed, compiled=True).as_json() == expected()["generated"][str(seed)]
