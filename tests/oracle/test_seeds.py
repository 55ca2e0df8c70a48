"""A seed means what it always meant: the texts and streams of the first seeds, by their hashes.

What was found by a seed can be looked up by that seed. A change of the generator that changes these hashes is a new
generator: say so in the commit, and write the new hashes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from random import Random

from linekeeper.policy.load import load_text
from tests.oracle.generate import policy_text, stream
from tests.oracle.policies import write_versions
from tests.oracle.watched import watched_stream, write_watched

STEPS_KEY = re.compile(r"(?m)^\w+(?=: \{first: )")
POLICIES = "91dd6402d95314d3d7806bf80a4e379c0d1720c29f50b5b255571ca506d06cc3"
VERSIONS = "a71e0192ff68de5bd60efd452c068b294a29b5c382365b6878d3bf5e658abbbe"
WATCHED = "8399d78c40872210559269391324bd24d83d71cac42684d2bdfd33d157b380d5"
STREAMS = "e37afbcce317ac8a0f274774ed90be63980d5b671689a258d4e1eb4104818eec"
WATCHED_STREAMS = "a130203ce6bc8f2e7eb49cf8e0b6afcb530a17a5ffa30534e26b7f11d04a6609"


def hash_of(texts: Iterable[str]) -> str:
    """SHA-256 over the texts, each ended by a zero byte; by which word the steps of the way back go does not matter."""
    return sha256(b"".join(STEPS_KEY.sub("", text).encode() + b"\0" for text in texts)).hexdigest()


def written_out(events: Iterable[object]) -> str:
    """Events as one text."""
    names = ("id", "account", "kind", "at")
    rows = [(*(getattr(one, name) for name in names), sorted(one.fields.items())) for one in events]  # type: ignore[attr-defined]
    return repr(rows)


def versions(seed: int) -> list[str]:
    """The files of three versions."""
    return [written.text for written in write_versions(Random(f"versions {seed}"), 3)]


def test_policies_of_the_first_seeds() -> None:
    assert hash_of(policy_text(seed) for seed in range(200)) == POLICIES
    assert hash_of(text for seed in range(40) for text in versions(seed)) == VERSIONS
    assert hash_of(write_watched(Random(f"watched {seed}")).text for seed in range(200)) == WATCHED


def test_streams_of_the_first_seeds() -> None:
    policies = [load_text(policy_text(seed)) for seed in range(60)]
    streams = [stream(policy, seed, seed % 3 == 2, 2 * (seed % 6 == 5)) for seed, policy in enumerate(policies)]
    assert hash_of(map(written_out, streams)) == STREAMS
    watched = [watched_stream(Random(f"watched {seed}")) for seed in range(60)]
    assert hash_of(map(written_out, watched)) == WATCHED_STREAMS
