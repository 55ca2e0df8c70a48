"""A notice as text, as HTML and as JSON: three forms of one telling."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import IntEnum
from functools import cache
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from linekeeper.decide.road.model import Road
from linekeeper.notice.model import Notice, NoticeError
from linekeeper.notice.pictures import road_chart
from linekeeper.notice.reasons import Phrasebook
from linekeeper.notice.telling import RenderedNotice, render_notice
from linekeeper.texts.language import Lang, language
from linekeeper.texts.material import HERE

SHAPES = {"svg", "g", "path", "rect", "title"}
SHAPE_ATTRIBUTES = {
    "fill-opacity",
    "fill-rule",
    "width",
    "height",
    "viewBox",
    "version",
    "d",
    "x",
    "y",
    "fill",
    "stroke",
    "stroke-width",
    "id",
    "class",
}
QR_MAX = 200_000  # characters


def as_text(notice: Notice, lang: Lang) -> str:
    """The notice as plain text, for a message or a printer without a browser."""
    return _template("notice.txt").render(_context(render_notice(notice, lang), lang))


def as_html(notice: Notice, lang: Lang) -> str:
    """The notice as one HTML page that needs nothing from elsewhere and prints on one sheet of A4."""
    phrases = Phrasebook(language(lang), notice.currency, notice.exponent, notice.issued_day)
    picture = road_chart(notice.road, phrases) if isinstance(notice.road, Road) else ""
    code = plain_shapes(notice.receipt.qr_svg) if notice.receipt and notice.receipt.qr_svg else ""
    given = _context(render_notice(notice, lang), lang) | {"chart": Markup(picture), "qr": Markup(code)}
    return _template("notice.html").render(given)


def as_json(notice: Notice, lang: Lang) -> str:
    """The notice as JSON: `notice` holds its values (minor units, days since 1970-01-01), `told` its sentences."""
    values = {"lang": lang, "notice": asdict(notice), "told": asdict(render_notice(notice, lang))}
    return json.dumps(_plain(values), ensure_ascii=False, indent=2, sort_keys=True)


def plain_shapes(svg: str) -> str:
    """The picture, where it holds plain shapes only. Raises `NoticeError` for scripts, links, styles and entities.

    >>> plain_shapes('<svg viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>')[:4]
    '<svg'
    """
    body = svg.removeprefix("<?xml version='1.0' encoding='UTF-8'?>")
    if len(svg) > QR_MAX or any(mark in body for mark in ("<!", "<?", "url(")):
        raise NoticeError("the receipt's `qr_svg` is too long, or not a plain picture; make it of `path` alone")
    try:
        root = ElementTree.fromstring(svg)  # declarations and entities are refused above
    except ElementTree.ParseError as fault:
        raise NoticeError(f"the receipt's `qr_svg` is not well-formed: {fault}") from fault
    for part in root.iter():
        name = part.tag.rpartition("}")[2]
        odd = sorted(set(part.attrib) - SHAPE_ATTRIBUTES)
        if name not in SHAPES or odd:
            raise NoticeError(f"the receipt's `qr_svg` holds `{odd[0] if odd else name}`; only plain shapes are shown")
        part.tag = name
    root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode")


def _context(told: RenderedNotice, lang: Lang) -> dict[str, Any]:
    return {"told": told, "say": language(lang).translate}


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _plain(value: Any) -> Any:
    """Enumerations by their names, tuples as lists."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
