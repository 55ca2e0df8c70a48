"""The model card as one HTML page that needs no other file: its plots are SVG in the page."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from linekeeper.lab import JsonObject
from linekeeper.lab.fit import svg
from linekeeper.lab.fit.svg import PLOT_WIDTH, Axes, bar, dot, line, path, picture, text

METHOD_STYLES = {"tables": "own", "main": "main", "forest": "forest", "woe": "woe"}
BIN_HEIGHT = 18


def render_model_card(card: JsonObject) -> str:
    """The page of a model card (the value of `model_card_of`)."""
    folder = files("linekeeper.lab.fit")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    plots = (
        plot_calibration,
        plot_gains,
        plot_scores,
        plot_methods,
        plot_feature,
        plot_table,
        plot_lift,
        plot_sizes,
        plot_sensitivity,
        plot_stability,
        plot_restricted,
        plot_equal_opportunity,
        plot_proxies,
    )
    environment.globals.update({plot.__name__: _as_markup(plot) for plot in plots}, styles=METHOD_STYLES)
    template = environment.from_string((folder / "model-card.html").read_text("utf-8"))
    style = Markup((folder / "model-card.css").read_text("utf-8"))
    return template.render(card=card, style=style)


def _as_markup(plot: Callable[[Any], str]) -> Callable[[Any], Markup]:
    """The plot as the template calls it: its SVG is ours, so it is not escaped; the words in it have been."""
    return lambda figures: Markup(plot(figures))


def plot_calibration(deciles: list[JsonObject]) -> str:
    """Mean PD against bad rate, by decile, with 95 % intervals."""
    most = max(max(part["high"], part["mean_pd"]) for part in deciles) * 1.05
    axes = Axes(0, most, 0, most)
    ticks = svg.round_ticks(0, most)
    body = axes.frame("mean PD", "bad rate", ticks, ticks)
    body += line(axes.x(0), axes.y(0), axes.x(most), axes.y(most), "limit")
    for part in deciles:
        body += svg.whisker(axes, part["mean_pd"], part["low"], part["high"], "span own")
        body += dot(axes.x(part["mean_pd"]), axes.y(part["bad_rate"]), "own")
    return picture(body, axes.height, "Calibration by decile: mean PD against bad rate")


def plot_gains(lift: JsonObject) -> str:
    """The share of all bads among the riskiest accounts, one line a method."""
    axes = Axes(0, 1, 0, 1)
    ticks = svg.round_ticks(0, 1)
    body = axes.frame("riskiest accounts", "share of all bads", ticks, ticks)
    body += line(axes.x(0), axes.y(0), axes.x(1), axes.y(1), "limit")
    for method, gains in reversed(lift["found"].items()):
        points = [(axes.x(share), axes.y(part)) for share, part in zip(lift["shares"], gains, strict=True)]
        body += path(points, f"curve {METHOD_STYLES[method]}")
    return picture(body, axes.height, "Share of all bads among the riskiest accounts, by method")


def plot_scores(bands: list[JsonObject]) -> str:
    """Goods above, bads below, by band of the score; each as a share of its own kind."""
    goods, bads = (sum(band[kind] for band in bands) or 1 for kind in ("goods", "bads"))
    most = max(max(band["goods"] / goods, band["bads"] / bads) for band in bands) * 1.1
    first, last = bands[0]["from"], bands[-1]["from"] + 10
    axes = Axes(first, last, -most, most)
    across = [tick for tick in svg.round_ticks(first, last, 6) if first <= tick <= last]
    body = axes.frame("score", "bads (below), goods (above)", across, (0,), "")
    wide = axes.x(10) - axes.x(0) - 1
    for band in bands:
        up, down = band["goods"] / goods, band["bads"] / bads
        tooltip = f"{band['from']}: {band['goods']:,} goods, {band['bads']:,} bads"
        body += bar(axes.x(band["from"]), axes.y(up), wide, axes.y(0) - axes.y(up), "good", tooltip)
        body += bar(axes.x(band["from"]), axes.y(0), wide, axes.y(-down) - axes.y(0), "bad", tooltip)
    return picture(body, axes.height, "Distribution of the score: goods above, bads below")


def plot_methods(rows: list[JsonObject]) -> str:
    """AUC of each method with its interval."""
    return svg.ranges(
        [
            (f"{row['name']} {row['auc']:.4f}", row["auc"], tuple(row["auc_interval"]), METHOD_STYLES[row["method"]])
            for row in rows
        ],
        "AUC by method, with 95 % intervals",
        share=False,
    )


def plot_sizes(steps: list[JsonObject]) -> str:
    """AUC on unseen accounts against the number of cells, a dot a level of readability."""
    cells, aucs = [step["cells"] for step in steps], [step["auc"] for step in steps]
    low, high = min(aucs), max(aucs)
    pad = (high - low or 0.001) * 0.15
    axes = Axes(0, max(cells) * 1.05, low - pad, high + pad)
    body = axes.frame("cells", "AUC", svg.round_ticks(0, max(cells)), svg.round_ticks(low, high, 4), "")
    points = [(axes.x(count), axes.y(value)) for count, value in zip(cells, aucs, strict=True)]
    body += path(points, "curve own") + "".join(dot(x, y, "own") for x, y in points)
    return picture(body, axes.height, "AUC on unseen accounts by the number of cells")


def plot_lift(values: list[float]) -> str:
    """Bad rate of each decile over the mean bad rate."""
    rows = [(f"decile {number + 1}", value, f"{value:.2f}x") for number, value in enumerate(values)]
    return svg.bars(rows, "Lift by decile of the score, riskiest first", limits=(1.0,))


def plot_feature(part: JsonObject) -> str:
    """The bins of one feature: points as bars about zero, bad rate as dots with intervals, rows as numbers."""
    bins = part["bins"]
    label, zero, rate_left, rate_right = 128, 194, 268, 388
    most = max([abs(row["points"]) for row in bins] + [1])
    top_rate = max([row["high"] for row in bins if row["rows"]] + [0.01])

    def x(rate: float) -> float:
        return rate_left + (rate_right - rate_left) * rate / float(top_rate)

    body = text(zero, 10, "points", "name middle") + text((rate_left + rate_right) / 2, 10, "bad rate", "name middle")
    body += text(PLOT_WIDTH - 2, 10, "rows", "name end")
    for index, row in enumerate(bins):
        at = 16 + index * BIN_HEIGHT
        middle = at + BIN_HEIGHT / 2
        body += text(label - 8, middle + 4, svg.cut_words(row["words"]), "tick end")
        length = row["points"] / most * (zero - label - 26)
        body += bar(zero, at + 3, length, BIN_HEIGHT - 6, "good" if length >= 0 else "bad")
        side = "tick" if length >= 0 else "tick end"
        body += text(zero + length + (4 if length >= 0 else -4), middle + 4, signed(row["points"]), side)
        body += line(rate_left, middle, rate_right, middle, "grid")
        if row["rows"]:
            body += line(x(row["low"]), middle, x(row["high"]), middle, "span own")
            body += dot(x(row["bad_rate"]), middle, "own", 3)
        body += text(PLOT_WIDTH - 2, middle + 4, f"{row['rows']:,}", "tick end")
    foot = 16 + len(bins) * BIN_HEIGHT
    body += line(zero, 14, zero, foot, "limit") + text(rate_left, foot + 12, "0 %", "tick middle")
    body += text(rate_right, foot + 12, f"{top_rate * 100:.0f} %", "tick middle")
    return picture(body, foot + 16, f"Bins of {part['feature']}")


def plot_table(table: JsonObject) -> str:
    """Points of a table as a heat map; cells that no account was in are pale."""
    rows, columns = ([svg.cut_words(words) for words in table[key]] for key in ("row_words", "column_words"))
    keep_rows = [i for i, cells in enumerate(table["rows"]) if sum(cells)]
    keep_columns = [j for j in range(len(columns)) if sum(cells[j] for cells in table["rows"])]
    most = max([abs(point) for cells in table["points"] for point in cells] + [1])
    label, head, tall = 128, 62, 20
    wide = (PLOT_WIDTH - label) / max(len(keep_columns), 1)
    body = text(label, 10, f"across: {table['column']}", "name") + text(label - 6, 10, table["row"], "name end")
    for place, j in enumerate(keep_columns):
        x = label + (place + 0.5) * wide
        name = escape(columns[j])
        body += f'<text transform="translate({x:.1f} {head - 4}) rotate(-35)" class="tick small">{name}</text>'
    for index, i in enumerate(keep_rows):
        top = head + index * tall
        body += text(label - 6, top + 14, rows[i], "tick end")
        for place, j in enumerate(keep_columns):
            point, count, bads = table["points"][i][j], table["rows"][i][j], table["bads"][i][j]
            side = "good" if point >= 0 else "bad"
            tooltip = f"{point:+d} points, {count:,} rows, {bads:,} bads"
            cell = bar(label + place * wide + 1, top + 1, wide - 2, tall - 2, side, tooltip)
            strength = 0.1 + 0.65 * abs(point) / most if count else 0.04
            body += f'<g opacity="{strength:.2f}">{cell}</g>'
            if wide > 22 and count:
                body += text(label + (place + 0.5) * wide, top + 14, signed(point), "tick middle small")
    return picture(body, head + len(keep_rows) * tall + 4, f"Points by {table['row']} and {table['column']}")


def signed(points: int) -> str:
    """Points with their sign.

    >>> signed(5), signed(0), signed(-5)
    ('+5', '0', '-5')
    """
    return f"{points:+d}" if points else "0"


def plot_sensitivity(rows: list[JsonObject]) -> str:
    """AUC lost when an input is shuffled."""
    return svg.bars(
        [(row["feature"], row["auc_lost"], f"{row['auc_lost']:.4f}") for row in rows],
        "AUC lost when an input is shuffled",
    )


def plot_stability(stability: JsonObject) -> str:
    """The greatest PSI of each feature over the dates, against the usual limits."""
    rows = [(row["feature"], max(row["psi"]), f"{max(row['psi']):.4f}") for row in stability["features"]]
    most = max(value for _, value, _ in rows)
    return svg.bars(
        sorted(rows, key=lambda row: -row[1]), "PSI by feature", [at for at in (0.1, 0.25) if at < most * 4 + 0.06]
    )


def plot_restricted(groups: list[JsonObject]) -> str:
    """The share of each group that the example rule restricts."""
    return svg.ranges(
        [
            (f"{row['attribute']} {row['group']}", row["restricted"], tuple(row["restricted_interval"]), "own")
            for row in groups
        ],
        "Share restricted by group, with 95 % intervals",
    )


def plot_equal_opportunity(groups: list[JsonObject]) -> str:
    """How much more, or less, often goods of a group stay unrestricted than those of the largest group."""
    rows = [
        (
            f"{row['attribute']} {row['group']}",
            row["equal_opportunity"],
            tuple(row["equal_opportunity_interval"]),
            "own",
        )
        for row in groups
        if not row["reference"]
    ]
    return svg.ranges(rows, "Equal opportunity difference by group, with 95 % intervals", middle=0.0)


def plot_proxies(rows: list[JsonObject]) -> str:
    """How well inputs (filled) and score (hollow) predict protected attributes."""
    bars = [(f"{row['attribute']} {row['value']}", row["by_inputs"], f"{row['by_inputs']:.2f}") for row in rows]
    return svg.bars(bars, "How well the inputs predict protected attributes")
