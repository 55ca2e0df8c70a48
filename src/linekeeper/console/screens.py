"""How a page is answered: who asks, the template, the headers that bind the browser, and the same as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get, post

from linekeeper.console.sessions import SESSION_COOKIE, Session, Sessions
from linekeeper.console.words import STATUS_OF_ACTION, PageWriter
from linekeeper.engine.pending_restrictions import pending_count
from linekeeper.notice.from_decision import masked
from linekeeper.service.requests import Asked, service_of
from linekeeper.service.roles import Role, demand_role
from linekeeper.service.routing import RouteDeclaration
from linekeeper.service.state import Caller, Service
from linekeeper.texts.language import Lang, language

ROOT = "/console"
_TEMPLATES = Path(__file__).parent / "templates"
SHEETS = Path(__file__).parents[1] / "texts" / "sheets"
POLICY_OF_CONTENT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY_OF_CONTENT,
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class PageReader:
    """Who reads a page: the session, and the caller that its key stands for."""

    session: Session
    caller: Caller
    service: Service
    path: str

    @property
    def lang(self) -> Lang:
        """The language of the session."""
        return self.session.lang

    def account_name(self, account: str) -> str:
        """An account as lists show it: a viewer reads its end alone, and finds it by its whole name."""
        return masked(account) if self.caller.role is Role.VIEWER else account


def sessions_of(request: Asked) -> Sessions:
    """The sessions of the running application."""
    held = request.app.state.setdefault("sessions", Sessions())
    assert isinstance(held, Sessions)
    return held


def page_reader(request: Asked, roles: frozenset[Role]) -> PageReader:
    """Who asks for a page. Raises LinekeeperError where nobody is signed in, or the role may not see it."""
    service = service_of(request)
    session = sessions_of(request).session_of(request.cookies.get(SESSION_COOKIE))
    caller = session.caller(service)
    demand_role(caller.role, roles)
    query = request.scope.get("query_string", b"").decode("latin-1")
    return PageReader(session, caller, service, f"{request.scope['path']}{'?' if query else ''}{query}")


def screen(path: str | list[str]) -> RouteDeclaration:
    """A page that only reads, in a thread of its own. It asks for its reader itself."""

    def declared(page: Callable[..., Any]) -> Any:
        @wraps(page)
        async def in_thread(**given: Any) -> Any:
            return await anyio.to_thread.run_sync(partial(page, **given))

        # The framework would wrap a plain function once for each of its paths.
        return get(path, opt={"roles": None}, include_in_schema=False)(in_thread)

    return declared


def form(path: str) -> RouteDeclaration:
    """What a form of a page is sent to."""
    return post(path, opt={"roles": None}, status_code=303, include_in_schema=False)


# ------------------------------------------------------------------ answers


def html_page(
    template: str, reader: PageReader, place: str, values: dict[str, Any], status: int = 200
) -> Response[Any]:
    """A page of the console; `place` names the entry of the rail that it belongs to."""
    with reader.service.engine.store.reading() as connection:
        waiting = pending_count(connection)
    frame = {
        "reader": reader,
        "place": place,
        "pending": waiting,
        "here": reader.path,
        "policy": reader.service.engine.policy,
    }
    return bare_page(template, reader.session.lang, reader.session.theme, frame | values, status)


def bare_page(template: str, lang: Lang, theme: str, values: dict[str, Any], status: int = 200) -> Response[Any]:
    """A page in a language and a theme."""
    spoken = language(lang)
    given = {"translate": spoken.translate, "translate_count": spoken.translate_count, "lang": spoken, "theme": theme}
    text = _environment().get_template(template).render(given | values)
    return Response(text, status_code=status, headers=dict(HEADERS), media_type="text/html; charset=utf-8")


def json_twin(values: object, status: int = 200) -> Response[Any]:
    """What a page shows, as JSON."""
    return Response(
        msgspec.json.encode(values), status_code=status, headers=dict(HEADERS), media_type="application/json"
    )


def sheet_text() -> bytes:
    """The one stylesheet: tokens, then parts."""
    return b"".join((SHEETS / name).read_bytes() for name in ("tokens.css", "look.css"))


def account_path(account: str) -> str:
    """Where an account's page is."""
    return f"{ROOT}/accounts/{quote(account, safe='')}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "root": ROOT,
        "account_path": account_path,
        "look_of": lambda action: STATUS_OF_ACTION.get(action, "plain"),
        "sheet": sha256(sheet_text()).hexdigest()[:12],
        "ms_of": lambda at: int(at.timestamp() * 1_000),
        "ms_of_day": lambda day: int(dt.datetime.combine(day, dt.time(12), dt.UTC).timestamp() * 1_000),
    }
    return made


def writer_for(reader: PageReader, account: str | None = None) -> PageWriter:
    """How a reader's pages write; under the version of an account where one is named."""
    engine = reader.service.engine
    return PageWriter(language(reader.lang), engine if account is None else engine.engine_of(account))
