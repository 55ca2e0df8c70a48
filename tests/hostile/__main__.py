"""Hostile cases at length: `python -m tests.hostile --count 1000 --json`.

Each case is one command in a process of its own: over a damaged file, with hostile arguments, with a pipe or a device
for a file, under a setting that cannot be, or over a store that another hand has altered. It has to end within 10 s and
1 GB, with a correct result or with an error that has a code; and no message and no report may name a borrower of the
store whom the command was not about. The exit code is 1 where a case did not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import socket
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import linekeeper
from linekeeper.connect.row_expressions import compile_expression
from linekeeper.education.lessons import shipped_help, shipped_lessons
from linekeeper.kernel.kernel import kernel_of
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.notice.reasons import shipped_wordings
from linekeeper.policy.load import load_text
from linekeeper.regulation.records import shipped_records
from linekeeper.texts.language import language
from tests.hostile.cases import case_of
from tests.hostile.home import CARD, POLICY, build_home
from tests.hostile.trial import CORRECT, FAULTS, TYPED, Ending, try_case


def main() -> None:
    """Try the cases, and print how many ended in which way; those that failed stand on standard error."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--count", type=int, default=150)
    reading.add_argument("--seed", type=int, default=1)
    reading.add_argument("--only", type=int, nargs="*", help="the numbers of single cases")
    reading.add_argument("--json", action="store_true")
    reading.add_argument("--all", action="store_true", help="show every case, not only those that failed")
    given = reading.parse_args()
    endings = list(_endings(given.seed, given.only or range(given.count), given.all))
    figures = figures_of(endings)
    print(json.dumps(figures) if given.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    sys.exit(1 if any(ending.verdict in FAULTS for ending in endings) else 0)


def figures_of(endings: list[Ending]) -> dict[str, float]:
    """How many cases there were, how many ended in each way, with how many codes, and the most that one took."""
    counts = Counter(ending.verdict for ending in endings)
    return {
        "cases": len(endings),
        **{verdict: counts[verdict] for verdict in (TYPED, CORRECT, *FAULTS)},
        "codes": len({ending.code for ending in endings if ending.code}),
        "slowest_s": max(ending.seconds for ending in endings),
        "largest_mb": max(ending.megabytes for ending in endings),
    }


def _endings(seed: int, numbers: Iterable[int], show_all: bool) -> Iterator[Ending]:
    _import_everything()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        scratch = Path(folder)
        os.environ["LINEKEEPER_CACHE"] = str(scratch / "cache")
        _build_apart(scratch / "template")
        for number in numbers:
            ending = try_case(case_of(seed, number), scratch / "template", scratch, taken.getsockname()[1])
            if show_all or ending.verdict in FAULTS:
                sys.stderr.write(_shown(ending))
                sys.stderr.flush()
            yield ending


def _shown(ending: Ending) -> str:
    words = b" ".join(ending.case.words)[:300]
    figures = f"{ending.verdict} {ending.seconds} s {ending.megabytes} MB"
    return f"{ending.case.number} {figures} [{ending.case.name}] {words!r}\n    {ending.why}\n"


def _build_apart(home: Path) -> None:
    """Make the folder in a process of its own: no thread of a library is left in this one, which is copied so often."""
    child = os.fork()
    if child == 0:
        try:
            build_home(home)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("the folder could not be made")


def _import_everything() -> None:
    """Import all of Linekeeper once, and read a policy and all texts, so that no case pays for it."""
    for module in pkgutil.walk_packages(linekeeper.__path__, "linekeeper."):
        if ".migrations." not in module.name:
            importlib.import_module(module.name)
    kernel_of(load_text(POLICY, read_card=lambda _: CARD))
    compile_expression("amount + 1")
    for shipped in (shipped_wordings, shipped_records, shipped_help, shipped_vocabulary):
        shipped()
    for lang in ("en", "zh"):
        language(lang)
        shipped_lessons(lang)


if __name__ == "__main__":
    main()
