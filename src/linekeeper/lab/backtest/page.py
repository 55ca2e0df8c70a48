"""A back-test as files: cases, figures and decisions as Parquet, and one HTML page in Chinese or English."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from linekeeper.core.dates import date_of
from linekeeper.lab.backtest.figures import LabelCounts, LeadPoint, all_rows, public_record
from linekeeper.lab.backtest.run import Backtest
from linekeeper.lab.decision_table import DecisionWriter
from linekeeper.lab.fit import svg
from linekeeper.lab.fit.svg import Axes, dot, path, picture
from linekeeper.lab.outcome import GRADES
from linekeeper.lab.parquet import write_parquet_table
from linekeeper.texts.language import Language

_ROWS_SHOWN = 24  # of one kind on the page; the file has all
_INTERVALS = ("hit_interval", "false_interval")
_RATES = ("hit_rate", "false_rate", "bad_rate_of_hits", "median_lead_days")


def write_backtest(folder: Path, result: Backtest, language: Language) -> Path:
    """Write `cases.parquet`, `figures.parquet`, `curve.parquet`, `decisions.parquet` and the page to a folder.

    The folder is made where it is absent. Returns the path of the page: `backtest.html`, in another language than
    English with its code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet_table(result.cases.as_table(), folder / "cases.parquet")
    write_parquet_table(figures_table(all_rows(result.figures)), folder / "figures.parquet")
    write_parquet_table(_curve_table(result.figures.curve), folder / "curve.parquet")
    with DecisionWriter(folder / "decisions.parquet") as writer:
        for decision in result.decisions:
            writer.add(decision)
    page = folder / ("backtest.html" if language.code == "en" else f"backtest.{language.code}.html")
    page.write_text(render_backtest(result, language), "utf-8")
    return page


def figures_table(rows: Sequence[LabelCounts]) -> pa.Table:
    """Counts as a table: one row a row of counts, intervals as two columns `_low` and `_high`."""
    records = [public_record(row) for row in rows]
    columns: dict[str, pa.Array] = {}
    for name in records[0]:
        values = [record[name] for record in records]
        if name in _INTERVALS:
            for place, end in enumerate(("low", "high")):
                columns[f"{name}_{end}"] = pa.array(
                    [None if one is None else one[place] for one in values], pa.float64()
                )
            continue
        kind = pa.string() if name in ("by", "group") else pa.float64() if name in _RATES else pa.int64()
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


def _curve_table(points: Sequence[LeadPoint]) -> pa.Table:
    names = {"lead_days": pa.int64(), "bad": pa.int64(), "good": pa.int64()}
    names |= {"captured": pa.float64(), "false_rate": pa.float64()}
    return pa.table({name: pa.array([getattr(one, name) for one in points], kind) for name, kind in names.items()})


def render_backtest(result: Backtest, language: Language) -> str:
    """The page of a back-test."""
    translate = language.translate
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    unit = 10**result.policy.exponent
    environment.globals.update(
        translate=translate,
        tag=language.tag,
        sentences=language.sentences,
        date_of=date_of,
        percent=lambda rate: "–" if rate is None else f"{rate:.1%}",
        span=lambda pair: "" if pair is None else f"{pair[0]:.1%} – {pair[1]:.1%}",
        money=lambda minor: "–" if minor is None else f"{minor / unit:,.0f}",
        grade_names=dict(zip(GRADES, _grade_words(language), strict=True)),
        rows_shown=_ROWS_SHOWN,
        plot_curve=lambda points: Markup(plot_curve(points, language)),
        plot_triggers=lambda rows: Markup(plot_triggers(rows, language)),
    )
    style = Markup((files("linekeeper.lab.fit") / "model-card.css").read_text("utf-8"))
    template = environment.from_string((files("linekeeper.lab.backtest") / "backtest.html").read_text("utf-8"))
    return template.render(result=result, figures=result.figures, total=result.figures.total, style=style)


def _grade_words(language: Language) -> tuple[str, ...]:
    """The grades of a restriction in the language of the page, in their order."""
    translate = language.translate
    return (
        translate("not restricted"),
        translate("capped at 75% or more"),
        translate("capped below 75%"),
        translate("suspended"),
        translate("closed"),
    )


def plot_curve(points: Sequence[LeadPoint], language: Language) -> str:
    """The shares of the bad and of the good that had been restricted for at least so many days."""
    translate = language.translate
    most = max(max(one.captured or 0.0, one.false_rate or 0.0) for one in points) or 1.0
    longest = max(points[-1].lead_days, 1)
    axes = Axes(0, longest, 0, most * 1.05)
    ticks = svg.round_ticks(0, most * 1.05)
    days = [one for one in svg.round_ticks(0, longest) if one == int(one)]
    body = axes.frame(translate("days restricted when the label's day began"), translate("share"), (), ticks, "y")
    for at in days:
        body += svg.text(axes.x(at), axes.height - axes.margin[2] + 17, f"{at:.0f}", "tick middle")
    for name, style in (("captured", "own"), ("false_rate", "woe")):
        line = [(axes.x(one.lead_days), axes.y(getattr(one, name) or 0.0)) for one in points]
        body += path(line, f"curve {style}") + "".join(dot(x, y, style) for x, y in line)
    return picture(body, axes.height, translate("How long before its day each label's line had been restricted"))


def plot_triggers(rows: Sequence[LabelCounts], language: Language) -> str:
    """The share of the bad that each trigger had a part in, with 95 % intervals."""
    shown = [(svg.cut_words(row.group), row.hit_rate or 0.0, row.hit_interval, "own") for row in rows if row.bad_hit]
    return svg.ranges(shown[:_ROWS_SHOWN], language.translate("Share of the bad by trigger, with 95 % intervals"))
