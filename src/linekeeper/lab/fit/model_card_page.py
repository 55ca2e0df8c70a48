"""The model card as one HTML page that needs nothing else: drawn where a person would look."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from linekeeper.lab.fit import svg
from linekeeper.lab.fit.svg import WIDTH, Axes, bar, dot, line, path, svg, text

Json = dict[str, Any]
STYLES = {"tables": "own", "main": "main", "forest": "forest", "woe": "woe"}
PLACE_ROW = 18


def render_model_card(card: Json) -> str:
    """The page of a model card (the value of `evidence_of`)."""
    from jinja2 import Environment, StrictUndefined

    folder = files("linekeeper.lab.fit")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        calibration=_safe(calibration),
        gains=_safe(gains),
        histogram=_safe(histogram),
        methods=_safe(methods),
        feature=_safe(feature),
        heat=_safe(heat),
        lift=_safe(lift),
        sensitivity=_safe(sensitivity),
        stability=_safe(stability),
        restricted=_safe(restricted),
        opportunity=_safe(opportunity),
        proxies=_safe(proxies),
        styles=STYLES,
    )
    template = environment.from_string((folder / "model-card.html").read_text("utf-8"))
    style = Markup((folder / "model-card.css").read_text("utf-8"))
    return template.render(card=card, style=style)


def _safe(plot: Any) -> Any:
    return lambda *args: Markup(plot(*args))


def calibration(deciles: list[Json]) -> str:
    """PD told against the rate that came, by decile, with 95 % intervals."""
    most = max(max(part["high"], part["mean_pd"]) for part in deciles) * 1.05
    axes = Axes(0, most, 0, most)
    ticks = svg.nice(0, most)
    body = axes.frame("PD told", "bad rate that came", ticks, ticks)
    body += line(axes.x(0), axes.y(0), axes.x(most), axes.y(most), "limit")
    for part in deciles:
        body += svg.whisker(axes, part["mean_pd"], part["low"], part["high"], "span own")
        body += dot(axes.x(part["mean_pd"]), axes.y(part["bad_rate"]), "own")
    return svg(body, axes.height, "Calibration by decile: PD told against the bad rate that came")


def gains(lift_: Json) -> str:
    """The share of bads found among the riskiest accounts, one line a method."""
    axes = Axes(0, 1, 0, 1)
    ticks = svg.nice(0, 1)
    body = axes.frame("riskiest accounts", "bads found", ticks, ticks)
    body += line(axes.x(0), axes.y(0), axes.x(1), axes.y(1), "limit")
    for method, found in reversed(lift_["found"].items()):
        points = [(axes.x(share), axes.y(part)) for share, part in zip(lift_["shares"], found, strict=True)]
        body += path(points, f"curve {STYLES[method]}")
    return svg(body, axes.height, "Share of bads found among the riskiest accounts, by method")


def histogram(bands: list[Json]) -> str:
    """Goods above, bads below, by band of the score; each as a share of its own kind."""
    goods, bads = (sum(band[kind] for band in bands) or 1 for kind in ("goods", "bads"))
    most = max(max(band["goods"] / goods, band["bads"] / bads) for band in bands) * 1.1
    first, last = bands[0]["from"], bands[-1]["from"] + 10
    axes = Axes(first, last, -most, most)
    across = [tick for tick in svg.nice(first, last, 6) if first <= tick <= last]
    body = axes.frame("score", "bads (below), goods (above)", across, (0,), "")
    wide = axes.x(10) - axes.x(0) - 1
    for band in bands:
        up, down = band["goods"] / goods, band["bads"] / bads
        told = f"{band['from']}: {band['goods']:,} goods, {band['bads']:,} bads"
        body += bar(axes.x(band["from"]), axes.y(up), wide, axes.y(0) - axes.y(up), "good", told)
        body += bar(axes.x(band["from"]), axes.y(0), wide, axes.y(-down) - axes.y(0), "bad", told)
    return svg(body, axes.height, "Distribution of the score: goods above, bads below")


def methods(rows: list[Json]) -> str:
    """AUC of each method with its interval."""
    return svg.ranges(
        [
            (f"{row['name']} {row['auc']:.4f}", row["auc"], tuple(row["auc_interval"]), STYLES[row["method"]])
            for row in rows
        ],
        "AUC by method, with 95 % intervals",
        share=False,
    )


def lift(values: list[float]) -> str:
    """Bad rate of each decile over the mean bad rate."""
    rows = [(f"decile {number + 1}", value, f"{value:.2f}x") for number, value in enumerate(values)]
    return svg.bars(rows, "Lift by decile of the score, riskiest first", limits=(1.0,))


def feature(part: Json) -> str:
    """The bins of one feature: points as bars about zero, bad rate as dots with intervals, rows as numbers."""
    bins = part["bins"]
    label, zero, rate_left, rate_right = 128, 194, 268, 388
    most = max([abs(row["points"]) for row in bins] + [1])
    top_rate = max([row["high"] for row in bins if row["rows"]] + [0.01])

    def x(rate: float) -> float:
        return rate_left + (rate_right - rate_left) * rate / float(top_rate)

    body = text(zero, 10, "points", "name middle") + text((rate_left + rate_right) / 2, 10, "bad rate", "name middle")
    body += text(WIDTH - 2, 10, "rows", "name end")
    for index, row in enumerate(bins):
        at = 16 + index * PLACE_ROW
        middle = at + PLACE_ROW / 2
        body += text(label - 8, middle + 4, bin_name(row, part["choices"]), "tick end")
        length = row["points"] / most * (zero - label - 26)
        body += bar(zero, at + 3, length, PLACE_ROW - 6, "good" if length >= 0 else "bad")
        side = "tick" if length >= 0 else "tick end"
        body += text(zero + length + (4 if length >= 0 else -4), middle + 4, signed(row["points"]), side)
        body += line(rate_left, middle, rate_right, middle, "grid")
        if row["rows"]:
            body += line(x(row["low"]), middle, x(row["high"]), middle, "span own")
            body += dot(x(row["bad_rate"]), middle, "own", 3)
        body += text(WIDTH - 2, middle + 4, f"{row['rows']:,}", "tick end")
    foot = 16 + len(bins) * PLACE_ROW
    body += line(zero, 14, zero, foot, "limit") + text(rate_left, foot + 12, "0 %", "tick middle")
    body += text(rate_right, foot + 12, f"{top_rate * 100:.0f} %", "tick middle")
    return svg(body, foot + 16, f"Bins of {part['feature']}")


def bin_name(row: Json, choices: bool) -> str:
    """The values of a bin in words.

    >>> bin_name({"missing": False, "from": None, "below": 3000}, False)
    'below 3,000'
    """
    if row["missing"]:
        return "missing"
    low, high = row["from"], row["below"]
    if choices:
        return f"choice {0 if low is None else low}"
    if low is None:
        return "any" if high is None else f"below {high:,}"
    if high is None:
        return f"{low:,} and up"
    return f"{low:,}" if high == low + 1 else f"{low:,} to {high - 1:,}"


def heat(table: Json) -> str:
    """Points of a table as a heat map; cells that no account was in are pale."""
    rows = _names(table["row_below"])
    columns = _short(table["column_below"])
    keep_rows = [i for i, line_ in enumerate(table["rows"]) if sum(line_)]
    keep_columns = [j for j in range(len(columns)) if sum(line_[j] for line_ in table["rows"])]
    most = max([abs(point) for line_ in table["points"] for point in line_] + [1])
    label, head, tall = 128, 62, 20
    wide = (WIDTH - label) / max(len(keep_columns), 1)
    body = text(label, 10, f"across: {table['column']}", "name") + text(label - 6, 10, table["row"], "name end")
    for place, j in enumerate(keep_columns):
        x = label + (place + 0.5) * wide
        body += f'<text transform="translate({x:.1f} {head - 4}) rotate(-35)" class="tick small">{columns[j]}</text>'
    for index, i in enumerate(keep_rows):
        top = head + index * tall
        body += text(label - 6, top + 14, rows[i], "tick end")
        for place, j in enumerate(keep_columns):
            point, count, bads = table["points"][i][j], table["rows"][i][j], table["bads"][i][j]
            side = "good" if point >= 0 else "bad"
            told = f"{point:+d} points, {count:,} rows, {bads:,} bads"
            cell = bar(label + place * wide + 1, top + 1, wide - 2, tall - 2, side, told)
            strength = 0.1 + 0.65 * abs(point) / most if count else 0.04
            body += f'<g opacity="{strength:.2f}">{cell}</g>'
            if wide > 22 and count:
                body += text(label + (place + 0.5) * wide, top + 14, signed(point), "tick middle small")
    return svg(body, head + len(keep_rows) * tall + 4, f"Points by {table['row']} and {table['column']}")


def _names(below: list[int]) -> list[str]:
    pairs = pairwise([None, *below, None])
    return [*(bin_name({"missing": False, "from": a, "below": b}, False) for a, b in pairs), "missing"]


def _short(below: list[int]) -> list[str]:
    first = f"< {below[0]:,}" if below else "any"
    return [first, *(f"{cut:,} +" for cut in below), "missing"]


def signed(points: int) -> str:
    """Points with their sign.

    >>> signed(5), signed(0), signed(-5)
    ('+5', '0', '-5')
    """
    return f"{points:+d}" if points else "0"


def sensitivity(rows: list[Json]) -> str:
    """AUC lost when an input is shuffled."""
    return svg.bars(
        [(row["feature"], row["auc_lost"], f"{row['auc_lost']:.4f}") for row in rows],
        "AUC lost when an input is shuffled",
    )


def stability(found: Json) -> str:
    """The greatest PSI of each feature over the dates, against the usual limits."""
    rows = [(row["feature"], max(row["psi"]), f"{max(row['psi']):.4f}") for row in found["features"]]
    most = max(value for _, value, _ in rows)
    return svg.bars(
        sorted(rows, key=lambda row: -row[1]), "PSI by feature", [at for at in (0.1, 0.25) if at < most * 4 + 0.06]
    )


def restricted(groups: list[Json]) -> str:
    """The share of each group that the example rule restricts."""
    return svg.ranges(
        [
            (f"{row['attribute']} {row['group']}", row["restricted"], tuple(row["restricted_interval"]), "own")
            for row in groups
        ],
        "Share restricted by group, with 95 % intervals",
    )


def opportunity(groups: list[Json]) -> str:
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


def proxies(rows: list[Json]) -> str:
    """How well inputs (filled) and score (hollow) predict protected attributes."""
    told = [(f"{row['attribute']} {row['value']}", row["by_inputs"], f"{row['by_inputs']:.2f}") for row in rows]
    return svg.bars(told, "How well the inputs predict protected attributes")
