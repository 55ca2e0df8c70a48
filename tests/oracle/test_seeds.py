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
POLICIES = "4daadd5ca3f2879612d1bd2e6f4155c32d57cc7ddfe11e4bceb6f3fb9fda93a7"
VERSIONS = "e9ea4d9ca292fd68e6701a63b11c19882a8c94ad10ba35c0896ce85ad88b0cc2"
WATCHED = "2ea55f3193aa316dd7e92cabab6260ff49f589154aa32656903185382c37bf83"
STREAMS = "ac0244c401867156765702227ad6364e9b3aa4683c873f71c5ab199bbc75cc2a"
WATCHED_STREAMS = "a81366c4a86d960cc0a7043613faf088aa23e90e23870a5ed123906559dcf3ea"


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
