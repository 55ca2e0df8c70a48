"""Odd tables for `fit`, made at random: `python -m tests.fit.odd_tables --count 100 --json`.

Each is a table as people bring it, with up to four oddities, and a plan that was drafted from it or written by hand.
`fit` has to make a card that scores every row, with a model card in which every number is one; or to end with one line
that has a code. The exit code is 1 where it did neither.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import typer
from typer.testing import CliRunner

from linekeeper.cli import fit_commands
from linekeeper.core.errors import LinekeeperError
from linekeeper.scorecard.artifact import read_artifact

RIGHT, ONE_LINE, TRACEBACK, NOT_A_NUMBER = "right", "one_line", "traceback", "not_a_number"
FAULTS = (TRACEBACK, NOT_A_NUMBER)
APP = typer.Typer()
fit_commands.register(APP)
SIZES = (1, 40, 150, 300, 400, 400)
PLAN = "name: odd\nability:\n  burden: {worse: higher}\n  place: {special: [-9, -8]}\nwillingness:\n  late: {}\n"

Columns = dict[str, Any]
Oddity = tuple[
    str, Callable[[Any, np.random.Generator, Columns], Any]
]  # a column, and what becomes of it; None: it is gone


@dataclass(frozen=True)
class OddTable:
    """What a case brings, and the names of its oddities."""

    columns: Columns
    oddities: tuple[str, ...]
    plan: str | None  # None: drafted
    csv: bool
    options: tuple[str, ...]


@dataclass(frozen=True)
class OddEnding:
    """How a case ended, with its code or its fault."""

    number: int
    verdict: str
    why: str
    oddities: tuple[str, ...]


def odd_table(number: int) -> OddTable:
    """The case of that number; the same number gives the same case."""
    chance = np.random.default_rng(number)
    rows = int(chance.choice(SIZES))
    burden = chance.integers(0, 1_000, rows)
    columns: Columns = {
        "account": [f"A{row}" for row in range(rows)],
        "label": (chance.random(rows) < 0.1 + burden / 1_500).astype(np.int64),
        "burden": burden,
        "place": np.where(chance.random(rows) < 0.2, -9, chance.integers(0, 40, rows)),
        "late": chance.poisson(0.7, rows),
    }
    names = [str(name) for name in chance.choice(sorted(ODDITIES), int(chance.integers(0, 5)), replace=False)]
    changed: set[str] = set()
    for name in list(names):
        column, change = ODDITIES[name]
        if column in changed:
            names.remove(name)
            continue
        changed.add(column)
        columns[column] = change(columns.get(column, burden), chance, columns)
    columns = {name: values for name, values in columns.items() if values is not None}
    plan = str(chance.choice([*[PLAN] * len(PLANS), *PLANS])) if chance.random() < 0.5 else None
    options = tuple(str(word) for word in OPTIONS[int(chance.integers(len(OPTIONS)))])
    return OddTable(columns, tuple(names), plan, bool(chance.random() < 0.3), options)


def _some(values: Any, chance: np.random.Generator, share: float, other: Any) -> list[Any]:
    return [other if chance.random() < share else _plain(value) for value in values]


def _of_several_dates(rows: int, columns: Columns) -> list[str]:
    """Accounts of three rows each, of three days."""
    columns["at_day"] = [row % 3 * 30 for row in range(rows)]
    return [f"A{row // 3}" for row in range(rows)]


def _class_word(bad: Any, chance: np.random.Generator) -> str:
    """A good or bad, or now and then neither."""
    neither = chance.random() < 0.15
    return str(chance.choice(["indeterminate", "reject"])) if neither else "bad" if bad else "good"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


ODDITIES: dict[str, Oddity] = {
    "large text": ("account", lambda v, c, t: pa.array([str(x) for x in v], pa.large_string())),
    "dictionary of ids": ("account", lambda v, c, t: pa.array([str(x) for x in v]).dictionary_encode()),
    "ids as numbers": ("account", lambda v, c, t: list(range(len(v)))),
    "ids as floats": ("account", lambda v, c, t: [float(x) for x in range(len(v))]),
    "ids lost": ("account", lambda v, c, t: _some(v, c, 0.1, None)),
    "one account": ("account", lambda v, c, t: ["A"] * len(v)),
    "words": ("late", lambda v, c, t: [("app", "branch ", "no", "", "yes")[int(x) % 5] for x in v]),
    "dictionary of words": ("late", lambda v, c, t: pa.array([f"w{x}" for x in v]).dictionary_encode()),
    "many words": ("late", lambda v, c, t: [f"w{c.integers(10**6)}" for _ in v]),
    "cents": ("burden", lambda v, c, t: [float(x) / 100 if x is not None else None for x in v]),
    "thirds": ("burden", lambda v, c, t: [float(x) / 3 if x is not None else None for x in v]),
    "decimal": ("burden", lambda v, c, t: [Decimal(int(x)) / 100 for x in v]),
    "nan": ("late", lambda v, c, t: [float("nan") if c.random() < 0.2 else 1.0 + len(str(x)) for x in v]),
    "infinite": ("place", lambda v, c, t: [float("inf") if c.random() < 0.1 else 2.0 for _ in v]),
    "huge": ("place", lambda v, c, t: [2**60 if c.random() < 0.1 else int(x) for x in v]),
    "beyond 2^53": ("burden", lambda v, c, t: [2**53 + row for row in range(len(v))]),
    "dates": ("late", lambda v, c, t: [date(2024, 1, 1 + int(c.integers(28))) for _ in v]),
    "instants": ("late", lambda v, c, t: [datetime(2024, 1, 1, tzinfo=UTC) for _ in v]),
    "flags": ("late", lambda v, c, t: [bool(c.random() < 0.5) for _ in v]),
    "lists": ("late", lambda v, c, t: [[1, 2] for _ in v]),
    "empty": ("late", lambda v, c, t: [None] * len(v)),
    "constant": ("place", lambda v, c, t: [7] * len(v)),
    "codes alone": ("place", lambda v, c, t: [-9] * len(v)),
    "label as flags": ("label", lambda v, c, t: [bool(x) for x in v]),
    "label as floats": ("label", lambda v, c, t: [float(x) for x in v]),
    "label as words": ("label", lambda v, c, t: ["bad" if x else "good" for x in v]),
    "label lost": ("label", lambda v, c, t: _some(v, c, 0.1, None)),
    "all good": ("label", lambda v, c, t: [0] * len(v)),
    "two bads": ("label", lambda v, c, t: [int(row < 2) for row in range(len(v))]),
    "no label": ("label", lambda v, c, t: None),
    "no late": ("late", lambda v, c, t: None),
    "leak": ("late", lambda v, c, t: t["label"]),
    "missing among bads": ("late", lambda v, c, t: [None if x in (1, True) else 3 for x in t["label"]]),
    "days": ("at_day", lambda v, c, t: [date(2024, 1, 31)] * len(v)),
    "days as text": ("at_day", lambda v, c, t: ["2024-01-31"] * len(t["label"])),
    "days as digits": ("at_day", lambda v, c, t: [20240131] * len(t["label"])),
    "several dates": ("account", lambda v, c, t: _of_several_dates(len(v), t)),
    "rows of one day": ("account", lambda v, c, t: [f"A{row // 2}" for row in range(len(v))]),
    "classes": ("label", lambda v, c, t: [_class_word(x, c) for x in v]),
    "classes of its own": ("label", lambda v, c, t: ["lost" if x else ("paid", "30+")[c.random() < 0.1] for x in v]),
    "all rejected": ("label", lambda v, c, t: ["reject"] * len(v)),
    "weights": ("weight", lambda v, c, t: [float(x) for x in c.uniform(0.1, 9, len(t["label"]))]),
    "weights of all sizes": ("weight", lambda v, c, t: [10.0 ** int(c.integers(-8, 8)) for _ in t["label"]]),
    "weights of none": ("weight", lambda v, c, t: [float(c.integers(0, 3)) for _ in t["label"]]),
    "weights lost": ("weight", lambda v, c, t: [None if c.random() < 0.1 else 1.5 for _ in t["label"]]),
    "weights as words": ("weight", lambda v, c, t: ["much" for _ in t["label"]]),
    "odd name": ("a: [b]\n#", lambda v, c, t: list(range(0, 2 * len(v), 2))),
    "protected words": ("sex", lambda v, c, t: [("f", "m", None)[row % 3] for row in range(len(v))]),
}
PLANS = (
    PLAN.replace("late: {}", "late: {choices: [app, branch, 'no', 'yes']}"),
    PLAN.replace("late: {}", "late: {missing: neutral}") + "tables_max: 0\n",
    PLAN.replace("burden: {", "burden: {decimals: 2, "),
    PLAN.replace("[-9, -8]", "-9"),
    PLAN.replace("[-9, -8]", "[-9.5]"),
    PLAN + "tables_max: many\n",
    PLAN + "scale: {points: 3}\n",
    PLAN + "protected: [sex]\n",
    PLAN + "trusted: [late]\n",
    PLAN + "weight: weight\n",
    PLAN + "weight: weight\ntables_max: 0\n",
    PLAN + "classes: {good: [paid, '0', good], bad: [lost, '1', bad], indeterminate: [30+]}\n",
    PLAN + "classes: {good: [paid]}\n",
    PLAN.replace("burden: {", "burden: {unit: share, "),
    PLAN.replace("ability:", "ability:\n  late: {}", 1),
    "ability: {}\n",
)
OPTIONS = (
    ("--folds", "2"),
    ("--folds", "2", "--method", "main"),
    ("--folds", "3", "--method", "main"),
    ("--folds", "2", "--method", "main", "--seed", "7"),
    ("--folds", "2", "--method", "main", "--part", "1/2"),
    ("--folds", "1"),
)


def try_table(number: int, folder: Path) -> OddEnding:
    """Fit the case in a folder of its own."""
    case = odd_table(number)
    file, plan = folder / f"t{number}.{'csv' if case.csv else 'parquet'}", folder / f"p{number}.yaml"
    try:
        rows = len(case.columns["burden"])
        table = pa.table({name: values[:rows] for name, values in case.columns.items()})
        pa_csv.write_csv(table, file) if case.csv else pq.write_table(table, file)
    except (pa.ArrowException, OverflowError, TypeError):  # what Arrow cannot write, nobody can bring
        return OddEnding(number, ONE_LINE, "not written", case.oddities)
    if case.plan is None:
        ending, answer = _run(number, case, "fit", str(file), "--plan-from")
        if answer is None:
            return ending
        plan.write_text(answer["plan"], "utf-8")
    else:
        plan.write_text(case.plan, "utf-8")
    out = folder / f"c{number}"
    ending, answer = _run(number, case, "fit", str(file), "--plan", str(plan), *case.options, "-o", str(out))
    if answer is None:
        return ending
    read_artifact((out / "card.json").read_bytes())
    evidence = (out / "model-card.json").read_text("utf-8")
    if "NaN" in evidence or "Infinity" in evidence or not math.isfinite(answer["auc"]):
        return OddEnding(number, NOT_A_NUMBER, "a number that is none", case.oddities)
    return ending


def _run(number: int, case: OddTable, *words: str) -> tuple[OddEnding, dict[str, Any] | None]:
    """How a command ended, and its answer where it gave one."""
    result = CliRunner().invoke(APP, [*words, "--json"])
    if isinstance(result.exception, LinekeeperError):
        one_line = "\n" not in str(result.exception)
        verdict = ONE_LINE if one_line else TRACEBACK
        return OddEnding(number, verdict, result.exception.code, case.oddities), None
    if result.exception or result.exit_code:
        return OddEnding(number, TRACEBACK, repr(result.exception)[:300], case.oddities), None
    return OddEnding(number, RIGHT, "", case.oddities), json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    """Try the cases and print how many ended in which way; those with a fault stand on standard error."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--count", type=int, default=100)
    reading.add_argument("--seed", type=int, default=0)
    reading.add_argument("--json", action="store_true")
    given = reading.parse_args()
    endings = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.seed, given.seed + given.count):
            endings.append(try_table(number, Path(folder)))
            if endings[-1].verdict in FAULTS:
                print(endings[-1], file=sys.stderr)
    counts = Counter(ending.verdict for ending in endings)
    codes = Counter(ending.why for ending in endings if ending.verdict == ONE_LINE)
    figures = {"tables": len(endings), **{name: counts[name] for name in (RIGHT, ONE_LINE, *FAULTS)}, "codes": codes}
    print(json.dumps(figures) if given.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    sys.exit(any(ending.verdict in FAULTS for ending in endings))


if __name__ == "__main__":
    main()
