"""The routes of the console: accounts and decisions to read, and what a page answers where it cannot be shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, Router
from litestar.exceptions import HTTPException

from linekeeper.cli.answers.accounts import AccountsAnswer, account_record
from linekeeper.console.account_page import account_screen
from linekeeper.console.cases_routes import CASES_ROUTES
from linekeeper.console.decision_page import decision_screen
from linekeeper.console.policy_page import show_policy
from linekeeper.console.screens import (
    ROOT,
    PageReader,
    account_path,
    bare_page,
    html_page,
    json_twin,
    page_reader,
    screen,
    sessions_of,
    writer_for,
)
from linekeeper.console.sessions import SESSION_COOKIE
from linekeeper.console.signing_in import SIGNING_IN_ROUTES, redirect_to, spoken_by
from linekeeper.core.errors import LinekeeperError, NotFound
from linekeeper.engine.account import AccountFilter, account_page
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.service.problems import http_status_of
from linekeeper.service.requests import AccountInPath, AfterName, Asked, NumberInPath, Word, name_in_path
from linekeeper.service.roles import READS_ACCOUNTS, Role

ACCOUNTS_SHOWN = 50
SIGN_IN_CODES = ("session-missing", "access-key-missing", "access-key-not-valid")


@screen(["/console", "/console/"])
def show_start(request: Asked) -> Response[Any]:
    """The first page."""
    page_reader(request, READS_ACCOUNTS)
    return redirect_to(f"{ROOT}/today")


@screen(["/console/accounts", "/console/accounts.json"])
def list_lines(
    request: Asked,
    status: Word = None,
    trigger: Word = None,
    after: AfterName = "",
    find: Word = None,
) -> Response[Any]:
    """Accounts by status and trigger; with `find`, the account of that name."""
    reader = page_reader(request, READS_ACCOUNTS)
    engine = reader.service.engine
    if find and engine.is_known(find.strip()):
        return redirect_to(account_path(find.strip()))
    wanted = AccountFilter(status or None, trigger or None)
    hidden = reader.caller.role is Role.VIEWER
    page = [] if find and hidden else account_page(engine, wanted, after or _just_before(find), ACCOUNTS_SHOWN + 1)
    page = [one for one in page if one.account.startswith((find or "").strip())]
    records = [account_record(one, engine.policy.time_zone) for one in page[:ACCOUNTS_SHOWN]]
    next_after = records[-1].account if len(page) > ACCOUNTS_SHOWN and not hidden else None
    answer = AccountsAnswer(currency=engine.policy.currency, accounts=records, next_after=next_after)
    if str(request.url.path).endswith(".json"):
        return json_twin(_masked_answer(answer, reader))
    values = {
        "answer": answer,
        "write": writer_for(reader),
        "status": status or "",
        "trigger": trigger or "",
        "missing": find or "",
        "triggers": [one.name for one in engine.policy.triggers],
        "masks": hidden,
    }
    return html_page("accounts.html", reader, "accounts", values)


def _just_before(find: str | None) -> str:
    """A name after which all names come that begin as what was looked for."""
    begin = (find or "").strip()
    return begin[:-1] + chr(ord(begin[-1]) - 1) + "\uffff" if begin else ""


def _masked_answer(answer: AccountsAnswer, reader: PageReader) -> AccountsAnswer:
    """The list with names as this reader sees them."""
    if reader.caller.role is not Role.VIEWER:
        return answer

    names = [msgspec.structs.replace(one, account=reader.account_name(one.account)) for one in answer.accounts]
    return msgspec.structs.replace(answer, accounts=names)


@screen(["/console/accounts/{account:str}", "/console/accounts/{account:str}/account.json"])
def show_line(request: Asked, account: AccountInPath) -> Response[Any]:
    """One account."""
    reader, name = page_reader(request, READS_ACCOUNTS), name_in_path(account)
    page, values = account_screen(reader.service.engine, name, writer_for(reader, name))
    if str(request.url.path).endswith("/account.json"):
        return json_twin(page)
    return html_page("account.html", reader, "accounts", values)


@screen(
    [
        "/console/accounts/{account:str}/decisions/{number:int}",
        "/console/accounts/{account:str}/decisions/{number:int}/decision.json",
    ]
)
def show_trace(request: Asked, account: AccountInPath, number: NumberInPath) -> Response[Any]:
    """One decision: its trace, its notice, its proof."""
    reader, name = page_reader(request, READS_ACCOUNTS), name_in_path(account)
    profile = read_lender_profile(reader.service.lender)
    page, values = decision_screen(reader.service.engine, name, number, profile, writer_for(reader, name))
    if str(request.url.path).endswith("/decision.json"):
        return json_twin(page)
    return html_page("decision.html", reader, "accounts", values)


# ------------------------------------------------------------------ where a page cannot be shown


def answer_with_page(request: Asked, error: LinekeeperError) -> Response[Any]:
    """An error as a page, in words and with its way out; who is not signed in is asked to."""
    path = str(request.scope["path"])
    if error.code in SIGN_IN_CODES:
        if path.endswith(".json"):
            return json_twin({"code": error.code, "detail": error.message, "way_out": error.way_out}, 401)
        query = request.scope.get("query_string", b"").decode("latin-1")
        wanted = path + (f"?{query}" if query else "") if request.method == "GET" else ROOT
        return redirect_to(f"{ROOT}/sign-in?next={quote(wanted, safe='')}")
    status = http_status_of(error)
    try:
        session = sessions_of(request).session_of(request.cookies.get(SESSION_COOKIE))
        lang, theme = session.lang, session.theme
    except LinekeeperError:
        lang, theme = spoken_by(request), ""
    return bare_page("fault.html", lang, theme, {"error": error, "status": status}, status)


def answer_http_with_page(request: Asked, error: HTTPException) -> Response[Any]:
    """What the framework refuses, as a page."""
    refused = NotFound("there is no such page", code="route-not-known", way_out="begin at the first page")
    return answer_with_page(request, refused)


CONSOLE_PAGES: list[Any] = [
    show_start,
    show_policy,
    *CASES_ROUTES,
    list_lines,
    show_line,
    show_trace,
    *SIGNING_IN_ROUTES,
]


def console_router() -> Router:
    """All pages of the console, to be mounted by the service's application."""
    handlers: dict[Any, Any] = {LinekeeperError: answer_with_page, HTTPException: answer_http_with_page}
    return Router(path="/", route_handlers=CONSOLE_PAGES, exception_handlers=handlers)
