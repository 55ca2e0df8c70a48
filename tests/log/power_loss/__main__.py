"""Cut the power many times: `python -m tests.log.power_loss --images 1000`.

Exit code 1 where synchronous=FULL lost an acknowledged leaf, or where NORMAL lost none (then the test proves
nothing).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.log.power_loss.campaign import COMMITS, cut, find_compiler, record


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        print("no C compiler: `apt-get install gcc`", file=sys.stderr)
        return 2
    losses = {}
    with tempfile.TemporaryDirectory() as folder:
        for synchronous in ("FULL", "NORMAL"):
            store, trace = record(compiler, Path(folder), synchronous, given.seed, given.commits)
            losses[synchronous] = cut(store, trace, given.images, given.seed, must_keep=synchronous == "FULL")
            print(json.dumps({"synchronous": synchronous, **asdict(losses[synchronous])}))
    return int(losses["FULL"].with_loss > 0 or losses["NORMAL"].with_loss == 0)


if __name__ == "__main__":
    sys.exit(main())
