"""Projects the decisions of a data set, prints what they come to, and with `--write` makes it what the tests expect.

    python -m tests.projection.make taiwan --json
    python -m tests.projection.make generated --compiled
    python -m tests.projection.make demo --write

`expected.json` is made anew only where decisions are meant to change, and then the change says which and why.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.conftest import NEEDS
from tests.projection.cases import (
    COMPILED,
    GENERATED_SEEDS,
    PUBLIC,
    SEEDED,
    project,
    project_generated,
    project_late,
)

EXPECTED = Path(__file__).with_name("expected.json")
GENERATED, GENERATED_LATE = "generated", "generated_late"
DATASETS = (*PUBLIC, *SEEDED, GENERATED, GENERATED_LATE)


def expected() -> dict[str, dict[str, object]]:
    """What is committed: by data set, and of generated policies by seed, the fields of a `Projection`."""
    content: dict[str, dict[str, object]] = json.loads(EXPECTED.read_text("utf-8"))
    return content


def make(name: str, compiled: bool | None = None, data: Path | None = None) -> dict[str, object]:
    """The projection of a data set, or of every generated policy by seed; `data` is the folder of public data sets."""
    if name == GENERATED:
        return {str(seed): project_generated(seed, bool(compiled)).as_json() for seed in GENERATED_SEEDS}
    if name == GENERATED_LATE:
        return {str(seed): project_late(seed).as_json() for seed in GENERATED_SEEDS}
    if name in PUBLIC:
        if data is None:
            raise SystemExit(f"{NEEDS['data'].way_out}, or after --data")
        case = PUBLIC[name](data)
    else:
        case = SEEDED[name]()
    return project(case, name in COMPILED if compiled is None else compiled).as_json()


def write(name: str, result: dict[str, object]) -> None:
    """Put the result into `expected.json`; what it holds of other data sets stays."""
    content = {**(expected() if EXPECTED.exists() else {}), name: result}
    ordered = {key: content[key] for key in DATASETS if key in content}
    EXPECTED.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Print the projection; the exit code is 1 where it is not as committed."""
    parser = argparse.ArgumentParser(prog="python -m tests.projection.make", description=__doc__.split("\n")[0])
    parser.add_argument("dataset", choices=DATASETS)
    parser.add_argument("--data", type=Path, default=NEEDS["data"].find(), help="folder of the public data sets")
    setting = parser.add_mutually_exclusive_group()
    setting.add_argument("--compiled", action="store_true", default=None, help="compile the kernel (default: by size)")
    setting.add_argument("--interpreted", dest="compiled", action="store_false", help="interpret the kernel")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--write", action="store_true", help="write the result into expected.json")
    asked = parser.parse_args()
    result = make(asked.dataset, asked.compiled, asked.data)
    print(json.dumps(result) if asked.json else json.dumps(result, indent=2))
    if asked.write:
        write(asked.dataset, result)
        return 0
    same = expected().get(asked.dataset) == result
    print("the same as expected.json" if same else "different from expected.json", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
