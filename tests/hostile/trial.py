"""One case at a time in a process of its own, under bounds of time and memory; and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linekeeper.core.error_codes import ERROR_CODES
from tests.hostile.cases import Case
from tests.hostile.home import KEPT

SECONDS_MAX, BYTES_MAX = 10.0, 10**9
UNFORESEEN = "program-failed"  # the code of what no line of the program foresaw
OF_LINES = ("policy-faulty", "policy-not-readable", "batch-waits")  # errors that are a list, one fault a line
CODES = {code for codes in ERROR_CODES.values() for code in codes}
TYPED, CORRECT, TRACEBACK, OVER_TIME, OVER_MEMORY, LEAK = (
    "typed",
    "correct",
    "traceback",
    "over_time",
    "over_memory",
    "leak",
)
FAULTS = (TRACEBACK, OVER_TIME, OVER_MEMORY, LEAK)


@dataclass(frozen=True)
class Ending:
    """How a case ended: `verdict` is one of those above, `why` says what was met."""

    case: Case
    verdict: str
    why: str
    seconds: float
    megabytes: int
    code: str | None = None


def try_case(case: Case, template: Path, scratch: Path, port: int) -> Ending:
    """Try a case in a copy of the folder."""
    home, reports = scratch / "home", scratch / "reports"
    for folder in (home, reports):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, home)
    reports.mkdir()
    how = case.prepare(home) if case.prepare else ""
    out, err = scratch / "out", scratch / "err"
    out.write_bytes(b"")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(case, home, reports, case.output or str(out), str(err), port)
    status, used, over = _await(child)
    seconds, megabytes = time.monotonic() - began, used // 1024
    said = out.read_bytes(), err.read_bytes()
    verdict, why, code = _verdict(case, status, over, used * 1024, said, reports)
    return Ending(case, verdict, f"{how}; {why}", round(seconds, 2), megabytes, code)


def _run(case: Case, home: Path, reports: Path, out: str, err: str, port: int) -> None:
    """The command, in the child; never returns."""
    code = 70
    try:
        os.chdir(home)
        for descriptor, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_DATA, (3 * 10**9, 3 * 10**9))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, 10**9))
        for name, value in {"XDG_STATE_HOME": os.fsencode(reports), **case.variables}.items():
            os.environb[name.encode()] = value
        time.tzset()
        words = [
            os.fsdecode(word).replace("PORT", str(port)) if word == b"PORT" else os.fsdecode(word)
            for word in case.words
        ]
        sys.argv = ["linekeeper", *words]
        from linekeeper.cli.main import main

        main()
    except SystemExit as end:
        code = int(end.code or 0) if not isinstance(end.code, str) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _await(child: int) -> tuple[int, int, bool]:
    """The exit status, the memory at most (KiB), and whether it was ended for taking too long."""
    watch = os.pidfd_open(child)
    try:
        over = not select.select([watch], [], [], SECONDS_MAX)[0]
    finally:
        os.close(watch)
    if over:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    return status, used.ru_maxrss, over


def _verdict(
    case: Case, status: int, over: bool, used: int, said: tuple[bytes, bytes], reports: Path
) -> tuple[str, str, str | None]:
    out, err = (text.decode("utf-8", "replace") for text in said)
    whole = out + err
    if over:
        return OVER_TIME, f"ended after {SECONDS_MAX:.0f} s", None
    if used > BYTES_MAX:
        return OVER_MEMORY, f"took {used // 10**6} MB", None
    if os.WIFSIGNALED(status):
        return TRACEBACK, f"ended by signal {os.WTERMSIG(status)}", None
    code = os.WEXITSTATUS(status)
    if "Traceback (most" in whole or code == 70:
        return TRACEBACK, f"exit {code}: {whole[-1500:]}", None
    error = _error_in(out)
    failed = error is not None or (code != 0 and not out)
    told = [json.dumps(error, ensure_ascii=False) if error else err] if failed else []
    told += [path.read_text("utf-8", "replace") for path in reports.rglob("*") if path.is_file()]
    named = b" ".join((*case.words, *case.variables.values())).decode("utf-8", "replace")
    if others := [name for name in KEPT if name not in named and any(name in text for text in told)]:
        return LEAK, f"names {others[:3]}: {told[0][:600]}", None
    if (error is not None and error["error"] == UNFORESEEN) or "fault of Linekeeper" in err:
        report = next((path.read_text() for path in reports.rglob("*") if path.is_file()), "")
        return TRACEBACK, f"{told[0][:300]} {report}", UNFORESEEN
    lines = (error["message"] if error else err).strip().split("\n") if failed else []
    if len(lines) > 1 and not (error["error"] in OF_LINES if error else _is_list(lines)):
        return TRACEBACK, f"more than one line: {lines[:4]}", None
    if error is not None:
        if error["error"] not in CODES or len(error["message"]) > 5_000:
            return TRACEBACK, f"not a fit error: {json.dumps(error)[:300]}", error["error"]
        return (
            TYPED,
            f"{error['error']}: {error['message'][:160]}; {error['way_out']} @{error['place']}",
            error["error"],
        )
    if code == 0 or (code in (1, 3) and out):
        return CORRECT, f"exit {code}", None
    if code in (0, 1) and case.output:
        return (TYPED if code else CORRECT), f"exit {code} {err[:200]}", None
    if code in (1, 2) and err.strip() and len(err) < 60_000:
        return TYPED, f"exit {code}: {err[:200]}", None
    return TRACEBACK, f"exit {code}, and nothing sensible said: {whole[:300]!r}", None


def _is_list(lines: list[str]) -> bool:
    """Whether these are warnings and one error, or the faults of a policy, or what a batch breaks."""
    own = [line for line in lines if not line.startswith("warning: ")]
    return len(own) == 1 or ".yaml" in own[0] or "breaks the contract" in own[0]


def _error_in(out: str) -> dict[str, Any] | None:
    last = out.rstrip("\n").rpartition("\n")[2]
    try:
        answer = json.loads(last)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("schema") == "linekeeper/error/1" else None
