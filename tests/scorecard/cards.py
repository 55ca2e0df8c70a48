"""Cards and accounts for tests: any card that is sound, and values on, beside and far from its cuts."""

from __future__ import annotations

from hypothesis import strategies as st

from linekeeper.scorecard.card import Bins, PointsTable, Score
from linekeeper.scorecard.pd import pd_table

GROUPS = ("ability", "willingness")
FEATURES = ("burden", "late", "income", "channel")
CHOICES = 3

points = st.integers(-200, 200)
cuts = st.lists(st.integers(-(10**15), 10**15) | st.integers(-5, 5), max_size=30, unique=True).map(
    lambda found: tuple(sorted(found))
)


@st.composite
def bins(draw: st.DrawFn, feature: str) -> Bins:
    group = draw(st.sampled_from(GROUPS))
    if feature == "channel":
        return Bins(feature, group, (), (), draw(points), tuple(draw(points) for _ in range(CHOICES)))
    below = draw(cuts)
    return Bins(feature, group, below, tuple(draw(points) for _ in range(len(below) + 1)), draw(points))


@st.composite
def tables(draw: st.DrawFn) -> PointsTable:
    row, column = draw(st.permutations(FEATURES[:3]))[:2]
    rows, columns = draw(cuts)[:4], draw(cuts)[:4]
    cells = tuple(tuple(draw(points) for _ in range(len(columns) + 2)) for _ in range(len(rows) + 2))
    return PointsTable(row, column, draw(st.sampled_from(GROUPS)), rows, columns, cells)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    found = tuple(draw(bins(feature)) for feature in FEATURES)
    below, ppm = pd_table(draw(st.integers(300, 500)), draw(st.integers(500, 700)))
    return Score(draw(points), GROUPS, found, tuple(draw(st.lists(tables(), max_size=2))), below, ppm)


@st.composite
def accounts(draw: st.DrawFn, score: Score) -> dict[str, int | None]:
    edges = {cut for part in score.bins for cut in part.below} | {
        cut for table in score.tables for cut in (*table.row_below, *table.column_below)
    }
    near = [edge + step for edge in sorted(edges) for step in (-1, 0, 1)] or [0]
    value = st.none() | st.sampled_from(near) | st.integers(-(10**15), 10**15)
    found = {feature: draw(value) for feature in FEATURES[:3]}
    return {**found, "channel": draw(st.none() | st.integers(0, CHOICES - 1))}
