"""Go's own sumdb/note and sumdb/tlog accept the log and its receipts, and refuse them altered."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from linekeeper.journal.log.audit import flip
from tests.log.gocheck import GoCheck, build
from tests.log.support import LOG_KEY, House, decisions

pytestmark = pytest.mark.go


@pytest.fixture(scope="module")
def check(go_path: str, tmp_path_factory: pytest.TempPathFactory) -> GoCheck:
    return build(go_path, tmp_path_factory.mktemp("go"), LOG_KEY.verifier.vkey)


@pytest.mark.parametrize("counts", [[1], [256], [255, 2], [700, 66_000]])
def test_go_accepts_a_log(check: GoCheck, house: House, counts: list[int]) -> None:
    for count in counts:
        house.add(decisions(count))
        house.publish()
        done = check.log(house.folder)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{sum(counts)}\n"
    assert check.rederive(house.folder).stdout.startswith(f"{sum(counts)} ")


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001"])
def test_go_refuses_an_altered_log(check: GoCheck, filled: House, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(filled.folder, folder)
    whole, chance = (folder / name).read_bytes(), random.Random(name)
    for _ in range(20):
        (folder / name).write_bytes(flip(whole, chance.randrange(8 * len(whole))))
        assert check.log(folder).returncode == 1
    (folder / name).write_bytes(whole)
    assert check.log(folder).returncode == 0


def test_go_accepts_receipts_and_refuses_any_flipped_bit(check: GoCheck, filled: House) -> None:
    receipts, chance = filled.receipts(range(700)), random.Random(5)
    assert all(check.accepted(receipts))
    assert not any(check.accepted(flip(data, chance.randrange(8 * len(data))) for data in receipts))
    [first] = filled.receipts([0])
    assert not any(check.accepted(flip(first, bit) for bit in range(8 * len(first))))


@pytest.mark.nightly
def test_go_on_ten_thousand_receipts(check: GoCheck, house: House) -> None:
    house.add(decisions(10_000, accounts=1_000))
    house.publish()
    receipts, chance = house.receipts(range(10_000)), random.Random(6)
    assert check.accepted(receipts) == [True] * 10_000
    assert not any(check.accepted(flip(data, chance.randrange(8 * len(data))) for data in receipts))
