"""One command of the command line in a process of its own, and what it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Ended(NamedTuple):
    """A command that has ended: its answer, seconds on the clock and of the processor, and its peak of memory in MB."""

    answer: dict[str, Any]
    seconds: float
    processor_s: float
    peak_mb: float


def ended(command: list[str]) -> Ended:
    """Run `linekeeper COMMAND --json` of this tree to its end. Raises SystemExit where it fails."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", "from linekeeper.cli.main import main; main()", *command, "--json"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    ) as process:
        assert process.stdout is not None
        answer = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`linekeeper {' '.join(command)}` ended with {process.returncode}")
    seconds = time.perf_counter() - began
    return Ended(json.loads(answer), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_024)
