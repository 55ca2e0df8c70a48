"""No fault of a feed moves a line that it does not touch; see `hostile_feeds`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connect.hostile_feeds import FAULTS, CleanFeed, Fault, find, make_clean_feed
from tests.kernel.conftest import _kernel_cache as _kernel_cache

FAULTS_MIN = 40


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> CleanFeed:
    """A clean feed of several days, its contract, and the lines that it leads to."""
    return make_clean_feed(tmp_path_factory.mktemp("feed"))


def test_there_are_faults_enough_each_with_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= FAULTS_MIN
    assert {fault.outcome for fault in FAULTS} == {"accepted", "cleaned", "held"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_line_moves_that_a_fault_does_not_touch(feed: CleanFeed, tmp_path: Path, fault: Fault) -> None:
    finding = find(feed, fault, tmp_path / "fault")
    assert finding.wrong == ""
