"""The validation as JSON and as one HTML page in Chinese or English, which needs no other file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from linekeeper.core.dates import date_of
from linekeeper.lab.fit import svg
from linekeeper.lab.fit.svg import PLOT_WIDTH, Axes, dot, line, path, picture, text
from linekeeper.lab.fit.validation.report import (
    PSI_WATCHED,
    OverrideFigures,
    Validation,
    ValidationCheck,
)
from linekeeper.lab.fit.validation.sample_figures import Calibration
from linekeeper.lab.fit.validation.stability import GroupStability
from linekeeper.texts.language import Language

VALIDATION_FORMAT = "linekeeper-validation/1"
PSI_MOVED = 0.25  # Siddiqi (2006): from here on a population has moved much
SAMPLE_STYLES = {"development": "forest", "out_of_sample": "own", "out_of_time": "woe"}
CSI_SHOWN = 12  # features on the page; the file has all


def write_validation(folder: Path, validation: Validation, language: Language) -> Path:
    """Write `validation.json` and `validation.html` (in another language than English with its code) to a folder.

    The folder is made where it is absent. Returns the path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"format": VALIDATION_FORMAT, **asdict(validation)}
    (folder / "validation.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    page = folder / ("validation.html" if language.code == "en" else f"validation.{language.code}.html")
    page.write_text(render_validation(validation, language), "utf-8")
    return page


def render_validation(validation: Validation, language: Language) -> str:
    """The page of a validation."""
    words = _Words(language)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        translate=language.translate,
        tag=language.tag,
        sentences=language.sentences,
        sample_name=words.sample,
        peer_name=words.peer,
        check_name=words.check,
        state_name=words.state,
        check_figure=check_figure,
        bin_words=words.bin,
        styles=SAMPLE_STYLES,
        psi_watched=PSI_WATCHED,
        psi_moved=PSI_MOVED,
        date_of=date_of,
        check_span=check_span,
        csi_shown=CSI_SHOWN,
        plot_grades=_as_markup(lambda parts: plot_grades(parts, words)),
        plot_months=_as_markup(lambda months: plot_months(months, words)),
        plot_peers=_as_markup(lambda sample: plot_peers(validation, sample, words)),
        plot_features=_as_markup(lambda _: plot_features(validation, words)),
    )
    folder = files("linekeeper.lab.fit")
    style = Markup((folder / "model-card.css").read_text("utf-8"))
    own_style = Markup((folder / "validation" / "validation.css").read_text("utf-8"))
    template = environment.from_string((folder / "validation" / "validation.html").read_text("utf-8"))
    return template.render(validation=validation, style=style, own_style=own_style)


def _as_markup(plot: Callable[[object], str]) -> Callable[[object], Markup]:
    """The plot as the template calls it: its SVG is ours, and the words in it have been escaped."""
    return lambda figures: Markup(plot(figures))


class _Words:
    """What the report calls by a word, in the language of the page."""

    def __init__(self, language: Language) -> None:
        self.language = language
        translate = language.translate
        self.samples = {
            "development": translate("Rows of the fit"),
            "out_of_sample": translate("Out of sample"),
            "out_of_time": translate("Out of time"),
        }
        self.peers = {
            "logistic_regression": translate("Logistic regression"),
            "lightgbm": "LightGBM",
        }
        self.checks = {
            "rows_of_fit": translate("The rows of the fit are those that the card states"),
            "ranking": translate("AUC, less that on the rows of the fit"),
            "mean_pd": translate("The mean PD lies in the interval of the bad rate"),
            "grades": translate("Grades whose PD lies outside of the interval"),
            "score_psi": translate("PSI of the score"),
            "month_psi": translate("PSI of the month that moved most"),
            "feature_csi": translate("CSI of the feature that moved most"),
            "peer": translate("AUC, less that of a peer"),
        }
        self.states = {
            "holds": translate("holds"),
            "attention": translate("look at it"),
            "not_measured": translate("not measured"),
        }

    def sample(self, name: str | None) -> str:
        """The name of a sample."""
        return self.samples[name] if name else ""

    def peer(self, name: str) -> str:
        """The name of a peer."""
        return self.peers[name]

    def check(self, check: ValidationCheck) -> str:
        """What was checked, with the peer, feature or month that the figure is of."""
        subject = self.peers.get(check.subject or "", check.subject)
        return f"{self.checks[check.check]}: {subject}" if subject else self.checks[check.check]

    def state(self, state: str) -> str:
        """The name of a state."""
        return self.states[state]

    def bin(self, one: OverrideFigures) -> str:
        """The values of a bin."""
        translate = self.language.translate
        if one.missing:
            return translate("missing")
        if one.choice is not None:
            return one.choice
        if one.low is None:
            return translate("any") if one.below is None else translate("below {cut}", cut=f"{one.below:,}")
        return f"{one.low:,} +" if one.below is None else f"{one.low:,} – {one.below - 1:,}"


def check_figure(check: ValidationCheck) -> str:
    """The figure of a check."""
    if check.figure is None:
        return ""
    form = {"grades": ".0f", "mean_pd": ".2%", "ranking": "+.4f", "peer": "+.4f"}.get(check.check, ".4f")
    return format(check.figure, form)


def check_span(check: ValidationCheck) -> str:
    """The interval that a figure is held against."""
    if check.interval is None or check.figure is None:
        return ""
    form = {"mean_pd": ".2%", "ranking": "+.4f", "peer": "+.4f"}.get(check.check, ".4f")
    low, high = (format(edge, form) for edge in check.interval)
    return f"{low} – {high}"


# ------------------------------------------------------------------ plots


def plot_grades(parts: object, words: _Words) -> str:
    """Mean PD against bad rate by grade, with 95 % intervals; a colour a sample."""
    assert isinstance(parts, Sequence)
    calibrations: Sequence[Calibration] = parts
    every = [grade for part in calibrations for grade in part.grades]
    most = max(max(grade.bad_rate_interval[1], grade.mean_pd) for grade in every) * 1.05
    axes, ticks = Axes(0, most, 0, most), svg.round_ticks(0, most)
    translate = words.language.translate
    body = axes.frame(translate("mean PD"), translate("bad rate"), ticks, ticks)
    body += line(axes.x(0), axes.y(0), axes.x(most), axes.y(most), "limit")
    for part in calibrations:
        style = SAMPLE_STYLES[part.sample]
        for grade in part.grades:
            low, high = grade.bad_rate_interval
            body += svg.whisker(axes, grade.mean_pd, low, high, f"span {style}")
            body += dot(axes.x(grade.mean_pd), axes.y(grade.bad_rate), style)
    return picture(body, axes.height, translate("Calibration by grade: mean PD against bad rate, with 95 % intervals"))


def plot_months(months: object, words: _Words) -> str:
    """Bad rate with its interval and mean PD, month by month."""
    assert isinstance(months, Sequence)
    groups: Sequence[GroupStability] = months
    most = max(max(one.bad_rate_interval[1], one.mean_pd) for one in groups) * 1.05
    axes = Axes(-0.5, len(groups) - 0.5, 0, most)
    body = axes.frame("", words.language.translate("share"), (), svg.round_ticks(0, most), "y")
    step = -(-len(groups) // 6)
    for place, one in enumerate(groups):
        low, high = one.bad_rate_interval
        body += svg.whisker(axes, place, low, high, "span own")
        body += dot(axes.x(place), axes.y(one.bad_rate), "own")
        if place % step == 0:
            body += text(axes.x(place), axes.height - axes.margin[2] + 17, one.name, "tick middle")
    points = [(axes.x(place), axes.y(one.mean_pd)) for place, one in enumerate(groups)]
    body += path(points, "curve woe") + "".join(dot(x, y, "woe", 2.5) for x, y in points)
    return picture(body, axes.height, words.language.translate("Bad rate and mean PD by month"))


def plot_peers(validation: Validation, sample: object, words: _Words) -> str:
    """The AUC of the card less that of each peer, on one sample, with 95 % intervals."""
    rows = [
        (f"{words.peer(peer.peer)} {peer.card_above:+.4f}", peer.card_above, peer.card_above_interval, "own")
        for peer in validation.peers
        if peer.sample == sample
    ]
    title = words.language.translate("AUC of the card less that of each peer, with 95 % intervals")
    return svg.ranges(rows, title, middle=0.0, share=False)


def plot_features(validation: Validation, words: _Words) -> str:
    """CSI of the features that moved most, against the usual limits."""
    rows = [(_short(one.feature), one.csi, f"{one.csi:.4f}") for one in validation.features[:CSI_SHOWN]]
    most = max(one.csi for one in validation.features)
    limits = [at for at in (PSI_WATCHED, PSI_MOVED) if at < most * 4 + 0.06]
    return svg.bars(rows, words.language.translate("CSI by feature"), limits)


def _short(name: str) -> str:
    """A name that fits beside its bar."""
    room = PLOT_WIDTH // 20
    return name if len(name) <= room else name[: room - 1] + "…"
