"""The forecast as one HTML page that needs no other file."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from linekeeper.lab import JsonObject
from linekeeper.lab.fit import svg
from linekeeper.lab.fit.model_card_page import plot_calibration
from linekeeper.lab.fit.svg import PLOT_WIDTH, Axes, bar, dot, line, path, picture, text


def render_forecast(forecast: JsonObject) -> str:
    """The page of a forecast (the value of `forecast_panel`)."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    plots = {
        "ahead": Markup(plot_months_ahead(forecast["by_horizon"])),
        "gains": Markup(plot_riskiest(forecast["out_of_time"]["gains"])),
        "month": Markup(plot_calibration(forecast["out_of_time"]["calibration"])),
        "year": Markup(plot_calibration(forecast["year"]["calibration"])),
        "rolls": Markup(plot_roll_rates(forecast["roll_rates"])),
        "paths": [Markup(plot_chances(row["chances"])) for row in forecast["early_warning"]],
    }
    style = Markup((files("linekeeper.lab.fit") / "model-card.css").read_text("utf-8"))
    template = environment.from_string((files("linekeeper.lab.forecast") / "forecast.html").read_text("utf-8"))
    return template.render(forecast=forecast, plots=plots, style=style)


def plot_months_ahead(rows: list[JsonObject]) -> str:
    """Predicted and observed share, by months ahead."""
    most = max(max(row["predicted"], row["observed"]) for row in rows) * 1.1
    axes = Axes(0, len(rows), 0, most)
    body = axes.frame(
        "months ahead", "30 days past due by then", range(0, len(rows) + 1, 2), svg.round_ticks(0, most), "y"
    )
    start = (axes.x(0), axes.y(0))
    for key, style in (("observed", "woe"), ("predicted", "own")):
        points = [(axes.x(row["months"]), axes.y(row[key])) for row in rows]
        body += path([start, *points], f"curve {style}") + "".join(dot(x, y, style, 2.5) for x, y in points)
    return picture(body, axes.height, "Share 30 days past due, by months ahead: predicted and observed")


def plot_riskiest(gains: dict[str, list[float] | None]) -> str:
    """The share of those who fell behind among the riskiest accounts."""
    axes = Axes(0, 1, 0, 1)
    ticks = svg.round_ticks(0, 1)
    body = axes.frame("riskiest accounts", "of those who fell behind", ticks, ticks)
    body += line(axes.x(0.05), axes.y(0), axes.x(0.05), axes.y(1), "limit")
    for key, style in (("forest", "forest"), ("card", "own")):
        points = [(axes.x(percent / 100), axes.y(share)) for percent, share in enumerate(gains[key] or [])]
        body += path(points, f"curve {style}")
    return picture(body, axes.height, "Share of those who fell behind among the riskiest accounts")


def plot_roll_rates(table: JsonObject) -> str:
    """Roll rates as a heat map: from the bucket on the left to the one above, a month later."""
    names, counts = table["buckets"], table["counts"]
    label, head, tall = 92, 54, 24
    wide = (PLOT_WIDTH - label) / len(names)
    body = text(label - 6, 12, "from", "name end") + text(label, 12, "to, a month later", "name")
    for place, name in enumerate(names):
        x, short = label + (place + 0.4) * wide, name.replace(" and more", "+")
        body += f'<text transform="translate({x:.1f} {head - 5}) rotate(-30)" class="tick small">{short}</text>'
    for place, name in enumerate(names):
        top = head + place * tall
        total = sum(counts[place]) or 1
        body += text(label - 6, top + 16, name, "tick end")
        for to, count in enumerate(counts[place]):
            share = count / total
            cell = bar(label + to * wide + 1, top + 1, wide - 2, tall - 2, "bad" if to > place else "good")
            body += f'<g opacity="{0.06 + 0.64 * share:.2f}">{cell}</g>'
            if count:
                body += text(label + (to + 0.5) * wide, top + 16, _percent(share), "tick middle small")
    return picture(body, head + len(names) * tall + 4, "Roll rates: from bucket to bucket in a month")


def plot_chances(chances: list[float]) -> str:
    """The chance by each month ahead, small enough for a line of a table."""
    points = [(4 + index * 10.0, 30 - 26 * chance) for index, chance in enumerate([0.0, *chances])]
    body = path(points, "curve own") + dot(*points[-1], "own", 2.5)
    return f'<svg viewBox="0 0 132 34" class="spark" role="img" aria-label="chance by month">{body}</svg>'


def _percent(share: float) -> str:
    return f"{share * 100:.0f}" if share >= 0.1 else f"{share * 100:.1f}"
