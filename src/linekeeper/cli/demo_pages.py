"""What the demo leaves to look at: the report, a notice in two languages, its receipt and the page that checks it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.core.errors import port_error

if TYPE_CHECKING:
    from rich.console import Console

    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine

HOST = "127.0.0.1"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Linekeeper demo</title>
<style>
body{{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1.25rem;color:#1d2730}}
h1{{font-size:1.6rem;margin-bottom:.25rem}} p{{color:#51606d}} ul{{padding:0;list-style:none}}
li{{border-top:1px solid #dde3e8;padding:.9rem 0}} li span{{display:block;color:#51606d}}
a{{color:#0b6b5d;font-weight:600}}
</style></head><body><h1>Linekeeper demo</h1><p>{summary}</p>{chart}<ul>{items}</ul></body></html>
"""
_REPORT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Linekeeper demo: the report</title>
<style>
{stylesheet}
body{{color:{foreground};background:{background};margin:0;padding:clamp(.75rem,3vw,2.5rem)}}
pre{{margin:0;overflow-x:auto;font:clamp(7px,1.35vw,14px)/1.35 Menlo,Consolas,"DejaVu Sans Mono",monospace}}
code{{font:inherit}}
</style></head><body><pre><code>{code}</code></pre></body></html>
"""


def write_pages(
    folder: Path,
    engine: Engine,
    console: Console,
    accounts: Sequence[str],
    decision: Decision | None,
    summary: str,
) -> None:
    """Write the pages; the lines of `accounts` are drawn, `decision` is the one that is shown as a notice."""
    pages = folder / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    console.save_html(str(pages / "report.html"), clear=False, code_format=_REPORT)
    items = [
        (
            "report.html",
            "The report",
            "Lines by status, why they were restricted, one borrower who is back and one who can come back",
        )
    ]
    if decision is not None:
        items += _notices(pages, engine, decision)
        items += _receipt(pages, engine, decision)
    listed = "".join(
        f'<li><a href="{name}">{escape(title)}</a><span>{escape(about)}</span></li>' for name, title, about in items
    )
    page = _PAGE.format(summary=escape(summary), chart=_chart(engine, accounts), items=listed)
    (pages / "index.html").write_text(page, "utf-8")


def _chart(engine: Engine, accounts: Sequence[str]) -> str:
    """The lines of these accounts over time."""
    from linekeeper.face.engine import Engine as PublicEngine
    from linekeeper.face.line_chart import line_chart

    shown = PublicEngine(engine)
    return line_chart([shown.account(name).timeline.chart_line() for name in accounts]) if accounts else ""


def _notices(pages: Path, engine: Engine, decision: Decision) -> list[tuple[str, str, str]]:
    from linekeeper.engine.notices import build_notice
    from linekeeper.engine.point_in_time import state_after
    from linekeeper.notice.from_decision import read_lender_profile
    from linekeeper.notice.render import as_html

    notice = build_notice(engine, decision, read_lender_profile(None), state_after(engine, decision))
    (pages / "notice.zh.html").write_text(as_html(notice, "zh"), "utf-8")
    (pages / "notice.en.html").write_text(as_html(notice, "en"), "utf-8")
    name = f"{decision.account}#{decision.number}"
    return [
        ("notice.en.html", "The notice", f"What the borrower reads about {name}: what, why, and the way back"),
        ("notice.zh.html", "通知", "同一通知的中文版"),
    ]


def _receipt(pages: Path, engine: Engine, decision: Decision) -> list[tuple[str, str, str]]:
    from linekeeper.journal.log.page import page

    if engine.keeper is None:
        return []
    data = engine.keeper.receipt(engine.store, decision.account, decision.number)
    (pages / "receipt.tlog-proof").write_bytes(data)
    (pages / "verify.html").write_bytes(page(engine.keeper.signer.verifier))
    return [
        ("receipt.tlog-proof", "The receipt", "Proof of that decision; keep the file"),
        ("verify.html", "Check a receipt", "Runs in the browser alone: give it the file above"),
    ]


def serve_pages(pages: Path, port: int) -> None:
    """Serve the pages on this machine until interrupted."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """One line a request would bury the report."""

    try:
        bound = ThreadingHTTPServer((HOST, port), partial(Quiet, directory=str(pages)))
    except OSError as error:
        raise port_error(error, port) from None
    with bound as server:
        print(f"Look at it: http://{HOST}:{server.server_port}/  (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
