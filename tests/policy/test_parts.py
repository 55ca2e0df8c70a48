"""Shared parts and tables beside a policy: they belong to it, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.parts import digest_of_part
from tests.oracle.held import parted
from tests.oracle.reader import read
from tests.policy.texts import HEAD

POLICY = f"""{HEAD}include: [parts/arrears.yaml]
features:
  drawn: sum(draw.amount, 7d)
tables:
  share_for: {{hit: lowest, csv: parts/shares.csv}}
triggers:
  much: {{when: "drawn > part(granted, share_for)", cap: $low, reason: rapid}}
restoration: {{first: 40%, step: 20%, every: 30d}}
"""
ARREARS = """
# what all our lines share
define: {settled: past_due = 0 CNY}

params: {low: 50%}
triggers:
  late: {when: days_past_due >= 30, clear: settled, suspend: yes, reason: arrears}
"""
SHARES = "days_past_due, utilisation, then\n> 3, -, 20%\n> 0, >= 80%, 50%\n-,,90%\n"


def folder(where: Path, policy: str = POLICY, arrears: str = ARREARS, shares: str = SHARES) -> Path:
    """A policy with its parts, in files."""
    (where / "parts").mkdir()
    (where / "parts" / "arrears.yaml").write_text(arrears, "utf-8")
    (where / "parts" / "shares.csv").write_text(shares, "utf-8")
    path = where / "p.yaml"
    path.write_text(policy, "utf-8")
    return path


def messages(path: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_file(path)
    return [line.removeprefix(f"{path.parent}/") for line in str(caught.value).splitlines()]


def test_a_part_reads_as_if_it_stood_in_the_policy(tmp_path: Path) -> None:
    policy = load_file(folder(tmp_path))
    cases = (
        "when: days_past_due > 3, then: 20%",
        "when: days_past_due > 0 and utilisation >= 80%, then: 50%",
        "then: 90%",
    )
    rows = ", ".join(f"{{{case}}}" for case in cases)
    plain = POLICY.replace("include: [parts/arrears.yaml]\n", "").replace("csv: parts/shares.csv", f"rows: [{rows}]")
    late = "  late: {when: days_past_due >= 30, clear: past_due = 0 CNY, suspend: yes, reason: arrears}\n"
    other = load_text(plain.replace("$low", "50%").replace("restoration:", f"{late}restoration:"))
    assert (policy.triggers, policy.features) == (other.triggers, other.features)


def test_a_kept_policy_is_whole(tmp_path: Path) -> None:
    """The text that a store keeps has the parts; it means the same, has the same hash, and needs no file."""
    policy = load_file(folder(tmp_path))
    again = load_text(policy.source)
    assert again == policy
    assert again.source == policy.source
    assert parted(read(policy.source), policy) == []
    assert format_text(policy.source) == policy.source


def test_the_hash_covers_the_parts(tmp_path: Path) -> None:
    path = folder(tmp_path)
    before = load_file(path).digest
    (tmp_path / "parts" / "shares.csv").write_text(SHARES.replace("20%", "30%"), "utf-8")
    assert load_file(path).digest != before


def test_a_part_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    source = load_file(folder(tmp_path)).source
    with pytest.raises(PolicyError, match=r"`sha256` is not that of the part `parts/arrears\.yaml`"):
        load_text(source.replace(">= 30", ">= 31"))


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "unix").mkdir()
    (tmp_path / "dos").mkdir()
    one, other = (folder(tmp_path / name) for name in ("unix", "dos"))
    (other.parent / "parts" / "arrears.yaml").write_bytes(ARREARS.replace("\n", "\r\n").encode())
    assert load_file(one).digest == load_file(other).digest


def test_a_fault_in_a_part_names_the_part(tmp_path: Path) -> None:
    more = "  much: {when: true, suspend: yes, reason: r}\nhonour: 3d\n"
    arrears = ARREARS.replace("past_due = 0 CNY", "past_deu = 0 CNY") + more
    path = folder(tmp_path, arrears=arrears)
    assert messages(path) == [
        "parts/arrears.yaml:3:19: `past_deu` is not known here; did you mean `past_due`?",
        "parts/arrears.yaml:8:3: the name `much` stands in line 11 of the policy too; choose another, or remove one",
        "parts/arrears.yaml:9:1: a part has no `honour`; parts have `events`, `features`, `define`, `segments`, "
        "`params`, `tables`, `triggers`, `authorise`",
    ]


@pytest.mark.parametrize("name", ["../secret.yaml", "/etc/passwd", "parts/../../x.yaml", "parts\\x.yaml"])
def test_a_part_stands_beside_the_policy(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path, POLICY.replace("parts/arrears.yaml", name))
    assert any("is not a file beside the policy; name one in its folder" in one for one in messages(path))


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    assert (
        "the part `parts/none.yaml` cannot be read" in messages(folder(tmp_path, POLICY.replace("arrears", "none")))[0]
    )


def test_a_text_without_its_folder_has_no_parts() -> None:
    with pytest.raises(PolicyError, match=r"the part `parts/arrears\.yaml` is not a file beside the policy"):
        load_text(POLICY)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ("days_past_due, utilisation\n> 3, -\n", "the first line of a table names its columns, and the last is `then`"),
        ("days_past_due, then\n> 3, -, 20%\n", "the row has 3 cells, and there are 2 columns"),
        ("days_past_duw, then\n> 3, 20%\n-, 90%\n", "`days_past_duw` is not known here; did you mean `days_past_due`?"),
        ("days_past_due, then\n> 3, 20%\n", "`share_for` has no row that always holds"),
    ],
)
def test_faults_of_a_table_in_a_file(tmp_path: Path, shares: str, message: str) -> None:
    assert any(message in one for one in messages(folder(tmp_path, shares=shares)))


def test_the_hash_of_a_part_is_that_of_its_text() -> None:
    assert digest_of_part("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
