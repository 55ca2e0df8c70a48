"""The scorecard in words: where the points come from, and what chance of not repaying a score stands for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from linekeeper.notice.prose.expression import Teller
from linekeeper.policy.expression import Ref
from linekeeper.scorecard.card import Bins, Score, Table


def tell_score(score: Score, teller: Teller) -> Iterator[str]:
    """One line for the base, one for each part, one for the table of chances."""
    translate = teller.language.translate
    yield translate("The score begins at {points}; the points below are added.", points=_points(score.base, teller))
    for part in score.bins:
        yield _part(part, teller)
    for table in score.tables:
        yield from _table(table, teller)
    if score.pd_below:
        yield _chances(score, teller)


def _part(part: Bins, teller: Teller) -> str:
    translate = teller.language.translate
    group = teller.vocabulary.of("groups", part.group).in_(teller.language.code)
    told_bands = list(zip(_bands(part, teller), part.by_choice or part.points, strict=True))
    if teller.policy.feature(part.feature).maybe_missing:
        told_bands.append((translate("not known"), part.missing))
    told = translate("; ").join(
        translate("{band}: {points}", band=band, points=_points(p, teller)) for band, p in told_bands
    )
    what = teller.noun(Ref(part.feature))
    return translate("{what} ({group}): {bands}.", what=what, group=group, bands=told)


def _bands(part: Bins, teller: Teller) -> list[str]:
    if part.by_choice:
        return [teller.constant(index, part.feature) for index in range(len(part.by_choice))]
    return bands([teller.constant(cut, part.feature) for cut in part.below], teller)


def bands(cuts: list[str], teller: Teller) -> list[str]:
    """Told cuts as bands: below the first, from each to the next, from the last on."""
    translate = teller.language.translate
    if not cuts:
        return [translate("any value")]
    between = [translate("from {low} to below {high}", low=low, high=high) for low, high in pairwise(cuts)]
    return [translate("below {high}", high=cuts[0]), *between, translate("{low} or more", low=cuts[-1])]


def _table(table: Table, teller: Teller) -> Iterator[str]:
    """A line for each row: both features' bands, the last of each being "not known"."""
    translate, unknown = teller.language.translate, teller.language.translate("not known")
    rows = [*bands([teller.constant(cut, table.row) for cut in table.row_below], teller), unknown]
    columns = [*bands([teller.constant(cut, table.column) for cut in table.column_below], teller), unknown]
    group = teller.vocabulary.of("groups", table.group).in_(teller.language.code)
    row_noun, column_noun = teller.noun(Ref(table.row)), teller.noun(Ref(table.column))
    for row, points in zip(rows, table.points, strict=True):
        cells = zip(columns, points, strict=True)
        told = translate("; ").join(
            translate("{band}: {points}", band=column, points=_points(p, teller)) for column, p in cells
        )
        given = {"row": row_noun, "band": row, "column": column_noun, "group": group, "bands": told}
        yield translate("{row} {band}, by {column} ({group}): {bands}.", **given)


def _chances(score: Score, teller: Teller) -> str:
    cuts = [_points(cut, teller) for cut in score.pd_below]
    pairs = zip(bands(cuts, teller), score.pd_ppm, strict=True)
    translate, chance = teller.language.translate, teller.language.chance
    told = translate("; ").join(translate("{band}: {points}", band=band, points=chance(ppm)) for band, ppm in pairs)
    return translate("The estimated chance of not repaying, by score: {bands}.", bands=told)


def _points(value: int, teller: Teller) -> str:
    return teller.language.translate_count("{number} point", "{number} points", value)
