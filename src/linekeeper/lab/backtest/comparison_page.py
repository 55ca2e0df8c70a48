"""A comparison as files: movers, flow and figures as Parquet, and one HTML page in Chinese or English."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from linekeeper.core.dates import date_of
from linekeeper.lab.backtest.comparison import RATES, PolicyComparison
from linekeeper.lab.backtest.comparison_words import (
    cause_words,
    line_words,
    measure_words,
    public_flow,
    public_measure,
    public_mover,
    public_rule,
    status_words,
)
from linekeeper.lab.parquet import write_parquet_table
from linekeeper.texts.language import Language

_MOVERS_SHOWN = 50  # on the page; the file has all
_WORDS = ("account", "cause", "trigger", "side", "champion", "candidate", "measure", "outcome")


def write_comparison(folder: Path, result: PolicyComparison, language: Language) -> Path:
    """Write `movers.parquet`, `rules.parquet`, `flow.parquet`, `measures.parquet` and the page to a folder.

    The folder is there; `measures.parquet` is written where there are labels. Returns the path of the
    page: `compare.html`, in another language than English with its code.
    """
    labelled = result.question.labels is not None
    write_parquet_table(movers_table(result), folder / "movers.parquet")
    write_parquet_table(_table([public_flow(cell) for cell in result.flow], _FLOW), folder / "flow.parquet")
    rules = [public_rule(row, labelled) for row in result.rules]
    write_parquet_table(_table(rules, _RULES), folder / "rules.parquet")
    if labelled:
        measures = [public_measure(one) for one in result.measures]
        for record in measures:
            low, high = record.pop("interval") or (None, None)
            record |= {"difference_low": low, "difference_high": high}
        write_parquet_table(_table(measures, _MEASURES), folder / "measures.parquet")
    page = folder / ("compare.html" if language.code == "en" else f"compare.{language.code}.html")
    page.write_text(render_comparison(result, language), "utf-8")
    return page


_LINES = ("champion_first", "candidate_first", "champion_end", "candidate_end")
_MOVERS = (
    *("account", "first_day", "cause", "trigger", "side"),
    *(f"{name}_{what}" for name in _LINES for what in ("status", "limit_minor")),
    *("moved_minor", "outcome"),
)
_FLOW = ("day", "champion", "candidate", "accounts", "differ", "lowered_minor", "raised_minor")
_RULES = ("cause", "trigger", "side", "accounts", "lowered_minor", "raised_minor", "bad", "good")
_MEASURES = ("measure", "champion", "candidate", "difference", "difference_low", "difference_high")


def movers_table(result: PolicyComparison) -> pa.Table:
    """All movers, one a row."""
    return _table([public_mover(one) for one in result.movers], _MOVERS)


def _table(records: Sequence[dict[str, Any]], names: Sequence[str]) -> pa.Table:
    """Records as a table; `names` are its columns also where there is no record."""
    figures = "measure" in names
    kinds = {name: pa.float64() if figures and name != "measure" else _kind(name) for name in names}
    return pa.table({name: pa.array([one[name] for one in records], kinds[name]) for name in names})


def _kind(name: str) -> pa.DataType:
    if name in ("day", "first_day"):
        return pa.date32()
    return pa.string() if name in _WORDS or name.endswith("_status") else pa.int64()


def render_comparison(result: PolicyComparison, language: Language) -> str:
    """The page of a comparison."""
    policy = result.policy
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        translate=language.translate,
        tag=language.tag,
        date_of=date_of,
        number=language.number,
        money=lambda minor: "–" if minor is None else language.money(minor, policy.currency, policy.exponent),
        cause=lambda row: cause_words(row, language),
        line=lambda one: line_words(one, policy, language),
        status=lambda name: status_words(name, language),
        measure=lambda one: measure_words(one.measure, language),
        shown=_figure_words(result, language),
        movers=result.movers[:_MOVERS_SHOWN],
        flow=[(day, list(cells)) for day, cells in groupby(result.flow, key=lambda cell: cell.day)],
        lowered=-sum(one.moved for one in result.lowered),
        raised=sum(one.moved for one in result.raised),
    )
    style = Markup((files("linekeeper.lab.fit") / "model-card.css").read_text("utf-8"))
    template = environment.from_string((files("linekeeper.lab.backtest") / "comparison.html").read_text("utf-8"))
    return template.render(result=result, style=style, labelled=result.question.labels is not None)


def _figure_words(result: PolicyComparison, language: Language) -> Callable[[str, float | None], str]:
    """How a figure of a measure is written: a rate as a share, an amount as money."""
    policy = result.policy

    def written(measure: str, value: float | None) -> str:
        if value is None:
            return "–"
        if measure in RATES:
            return f"{value:.1%}"
        unit = 10**policy.exponent  # an interval of sums needs no more than whole units
        return language.money(round(value / unit) * unit, policy.currency, policy.exponent)

    return written
