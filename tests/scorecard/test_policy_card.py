"""A policy that names a fitted card: read by name, known by hash, refused where it was changed, sealed in the log."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from linekeeper.core.errors import PolicyError, Refused
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.log import read
from linekeeper.journal.log.entry import RecordKind
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.outcome import count_outcomes, without_score_triggers
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from linekeeper.scorecard.artifact import Artifact, open_artifact, write_artifact
from linekeeper.scorecard.points import best_score

POLICIES = Path(__file__).resolve().parents[2] / "policies"
CARD = "cards/credit-card/card.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped policy and its card, to change."""
    (tmp_path / CARD).parent.mkdir(parents=True)
    for name in ("credit-card.yaml", CARD):
        shutil.copy(POLICIES / name, tmp_path / name)
    return tmp_path


def load(folder: Path) -> Policy:
    return load_file(folder / "credit-card.yaml")


def artifact() -> Artifact:
    return open_artifact((POLICIES / CARD).read_bytes())


def test_the_policy_knows_its_card_by_hash() -> None:
    score = load(POLICIES).score
    assert score is not None
    assert score.card == artifact().score.card == json.loads((POLICIES / CARD).read_text("utf-8"))["sha256"]
    assert best_score(score) == 579


def test_the_card_was_fitted_without_protected_attributes_on_the_first_half() -> None:
    policy, found = load(POLICIES), artifact()
    assert {one.name for one in found.inputs}.isdisjoint(policy.protected)
    assert found.provenance["protected_refused"] == ", ".join(policy.protected)
    assert "part 1/2" in str(found.provenance["data"])


def test_the_card_gives_a_worse_value_no_more_points() -> None:
    policy = load(POLICIES)
    assert policy.score is not None
    for part in policy.score.bins:
        worse = policy.feature(part.feature).worse
        assert worse is not None
        assert list(part.points) == sorted(part.points, reverse=worse == "higher")


def test_a_changed_card_is_refused(folder: Path) -> None:
    card = folder / CARD
    card.write_text(card.read_text("utf-8").replace('"base":544', '"base":560'), "utf-8")
    with pytest.raises(PolicyError, match="was changed after it was made"):
        load(folder)


def test_another_card_is_refused_until_the_policy_states_its_hash(folder: Path) -> None:
    before = load(folder)
    found = artifact()
    (folder / CARD).write_bytes(write_artifact(Artifact("another", found.score, found.scale, found.inputs)))
    with pytest.raises(PolicyError, match="`sha256` is not that of the card") as error:
        load(folder)
    stated = str(error.value).split("write `sha256: ")[1][:64]
    policy = folder / "credit-card.yaml"
    policy.write_text(policy.read_text("utf-8").replace(artifact().score.card or "", stated), "utf-8")
    after = load(folder)
    assert after.digest != before.digest
    assert after.score is not None
    assert after.score.card == stated


@pytest.mark.parametrize("name", ["days_past_due", "score", "pd", "own"])
def test_a_group_of_points_has_a_name_of_its_own(folder: Path, name: str) -> None:
    """Else a trigger that looks at the account would look at points."""
    own, found = artifact().score.bins[0].feature, artifact()
    name = own if name == "own" else name
    first = found.score.groups[0]
    parts = [
        tuple(replace(one, group=name) if one.group == first else one for one in some)
        for some in (found.score.bins, found.score.tables)
    ]
    score = replace(found.score, groups=(name, *found.score.groups[1:]), bins=parts[0], tables=parts[1])
    (folder / CARD).write_bytes(write_artifact(Artifact("another", score, found.scale, found.inputs)))
    with pytest.raises(PolicyError, match=f"a group of points `{name}`, and that is the name of another value"):
        load(folder)


def test_a_card_against_a_declared_direction_is_refused(folder: Path) -> None:
    policy = folder / "credit-card.yaml"
    part = artifact().score.bins[0].feature
    worse = load(folder).feature(part).worse
    other = {"higher": "lower", "lower": "higher"}[worse or ""]
    lines = policy.read_text("utf-8").split("\n")
    place = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{part}:"))
    lines[place] = lines[place].replace(f"worse: {worse}", f"worse: {other}")
    policy.write_text("\n".join(lines), "utf-8")
    with pytest.raises(PolicyError, match=f"`{part}` is declared `worse: {other}`, but a worse bin gets more points"):
        load(folder)


def test_a_card_outside_the_policys_folder_is_refused() -> None:
    text = (POLICIES / "credit-card.yaml").read_text("utf-8").replace(CARD, "../card.json")
    with pytest.raises(PolicyError, match="is not a file beside the policy"):
        load_text(text, read_card=lambda name: (POLICIES / CARD).read_bytes())


def test_a_store_with_a_log_seals_the_card(tmp_path: Path) -> None:
    """Whoever signs off stands in both leaves: the policy's, and that of its card."""
    policy, keeper = load(POLICIES), new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/test")
    store = open_store(str(tmp_path / "store.db"))
    try:
        events = pa.table(
            {"id": ["1"], "account": ["A"], "kind": ["open"], "at": [1_700_000_000_000], "limit": [50_000]}
        )
        run_table(Engine(store, policy, keeper, signed_by="A. Li"), events, "test")
        with store.reading() as connection:
            found = [one for _, one in read.opened(connection, t.LOG, keeper.vault, range(2))]
    finally:
        store.close()
    bodies = {one.kind: json.loads(one.data) for one in found if one is not None}
    assert bodies[RecordKind.POLICY]["policy"] == policy.digest
    assert policy.score is not None
    assert bodies[RecordKind.MODEL] == {"model": policy.score.card, "signed_by": "A. Li"}
    assert bodies[RecordKind.POLICY]["signed_by"] == "A. Li"


def test_rules_alone_leave_out_what_reads_the_score() -> None:
    policy = load(POLICIES)
    stripped = without_score_triggers(policy)
    left_out = {trigger.name for trigger in policy.triggers} - {trigger.name for trigger in stripped.triggers}
    assert left_out == {"weak_score", "poor_score"}
    assert stripped.score == policy.score
    assert Kernel(stripped).digest != Kernel(policy).digest


def test_an_account_without_a_label_does_not_count() -> None:
    found = count_outcomes({"A", "B", "X"}, {"A": (100, True), "B": (50, False), "C": (10, True)})
    assert (found.bad, found.good, found.bad_rate) == (1, 1, 0.5)


def test_a_policy_of_the_score_alone_has_no_rules() -> None:
    policy = load(POLICIES)
    of_score = tuple(trigger for trigger in policy.triggers if trigger.name in {"weak_score", "poor_score"})
    with pytest.raises(Refused, match="without it there are no rules"):
        without_score_triggers(replace(policy, triggers=of_score))
