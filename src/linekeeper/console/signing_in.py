"""Signing in and out, and what a person prefers: language and theme, kept in the session."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from litestar import Response
from litestar.datastructures import Cookie

from linekeeper.console.screens import HEADERS, ROOT, bare_page, form, screen, sessions_of, sheet_text
from linekeeper.console.sessions import SESSION_COOKIE, WHOLE_SECONDS, Session
from linekeeper.core.errors import LinekeeperError, UsageError
from linekeeper.service.problems import http_status_of
from linekeeper.service.requests import Asked, media_type_of, service_of
from linekeeper.texts.language import LANGS, Lang

FORM_TYPE = "application/x-www-form-urlencoded"
_MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none">'
    '<path d="M2 5h7v6h6v5h7" stroke="#0a5f66" stroke-width="2.6"/>'
    '<path d="M2 19h20" stroke="#8a8d90" stroke-width="1.6"/></svg>'
)
_FIELDS_MAX = 2_000  # of one form: a box for each restriction of a long list, and a few more


async def form_fields(request: Asked) -> dict[str, list[str]]:
    """The fields of a form. Raises UsageError where the body is none."""
    if media_type_of(request) != FORM_TYPE:
        raise UsageError(
            "the body is not that of a form", code="media-type-not-known", way_out="send it from the page itself"
        )
    try:
        text = (await request.body()).decode("utf-8")
        return parse_qs(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise UsageError(
            "the form cannot be read", code="body-not-readable", way_out="load the page again, and send it once more"
        ) from None


def form_field(fields: dict[str, list[str]], name: str) -> str:
    """One field of a form; empty where it was not sent."""
    return fields.get(name, [""])[0].strip()


def own_path(text: str) -> str:
    """A path of the console to go on to; its beginning where the text is none, so that no form leads elsewhere.

    >>> own_path("/console/accounts?status=reduced"), own_path("https://else.example/console/x"), own_path("//else")
    ('/console/accounts?status=reduced', '/console', '/console')
    """
    parts = urlsplit(text)
    own = not parts.scheme and not parts.netloc and (parts.path == ROOT or parts.path.startswith(f"{ROOT}/"))
    plain = all(" " < character <= "~" and character != "\\\\" for character in text)
    return text if own and plain else ROOT


def redirect_to(path: str, cookie: Cookie | None = None) -> Response[Any]:
    """Go on to a path, with GET."""
    headers = HEADERS | {"location": path}
    return Response("", status_code=303, headers=headers, cookies=[cookie] if cookie else [], media_type="text/plain")


def spoken_by(request: Asked) -> Lang:
    """The language to begin with: the one that the address names, else what the browser prefers."""
    named = request.query_params.get("lang")
    if named in LANGS:
        return "zh" if named == "zh" else "en"
    first = request.headers.get("accept-language", "").split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"


@screen("/console/sign-in")
def show_sign_in(request: Asked) -> Response[Any]:
    """The page for signing in."""
    return _sign_in_page(request, spoken_by(request), own_path(request.query_params.get("next", ROOT)), "")


@form("/console/sign-in")
async def sign_in(request: Asked) -> Response[Any]:
    """Begin a session with a key of the service."""
    fields = await form_fields(request)
    lang: Lang = "zh" if form_field(fields, "lang") == "zh" else "en"
    _demand_own_origin(request)
    try:
        name, _ = sessions_of(request).begin(service_of(request), form_field(fields, "key"), lang)
    except LinekeeperError as error:
        if http_status_of(error) not in (400, 401, 403):
            raise
        return _sign_in_page(request, lang, own_path(form_field(fields, "next")), error.code)
    return redirect_to(own_path(form_field(fields, "next")), _cookie(request, name, WHOLE_SECONDS))


@form("/console/sign-out")
async def sign_out(request: Asked) -> Response[Any]:
    """End the session."""
    await signed_fields(request)
    sessions_of(request).end(request.cookies.get(SESSION_COOKIE))
    return redirect_to(f"{ROOT}/sign-in", _cookie(request, "", 0))


@form("/console/preferences")
async def prefer(request: Asked) -> Response[Any]:
    """Another language or theme for this session."""
    session, fields = await signed_fields(request)
    if form_field(fields, "lang") in LANGS:
        session.lang = "zh" if form_field(fields, "lang") == "zh" else "en"
    if "theme" in fields:
        theme = form_field(fields, "theme")
        session.theme = "dark" if theme == "dark" else "light" if theme == "light" else ""
    return redirect_to(own_path(form_field(fields, "next")))


@screen("/console/look.css")
def show_sheet(request: Asked) -> Response[bytes]:
    """The stylesheet."""
    return Response(sheet_text(), media_type="text/css; charset=utf-8")


@screen("/console/mark.svg")
def show_mark(request: Asked) -> Response[bytes]:
    """The mark that a browser shows beside the title."""
    return Response(_MARK.encode(), media_type="image/svg+xml")


async def signed_fields(request: Asked) -> tuple[Session, dict[str, list[str]]]:
    """The session and the fields of a form. Raises LinekeeperError where the form is not of a page of that session."""
    session, fields = sessions_of(request).session_of(request.cookies.get(SESSION_COOKIE)), await form_fields(request)
    session.demand_token(form_field(fields, "token"))
    return session, fields


def _demand_own_origin(request: Asked) -> None:
    """Nobody has a session before signing in, so the browser's own word on where the form stands takes its place."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin not in (None, "null") and urlsplit(origin or "").netloc == host:
        return
    if origin is None and request.headers.get("sec-fetch-site") in (None, "same-origin"):
        return
    raise UsageError(
        "the form was sent from another site", code="body-not-readable", way_out="sign in on the page of the console"
    )


def _cookie(request: Asked, name: str, seconds: int) -> Cookie:
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    return Cookie(SESSION_COOKIE, "/", name, max_age=seconds, httponly=True, samesite="strict", secure=secure)


def _sign_in_page(request: Asked, lang: Lang, way: str, fault: str) -> Response[Any]:
    values = {"next": way, "fault": fault, "is_open": service_of(request).keys.is_open()}
    return bare_page("sign_in.html", lang, "", values, 401 if fault else 200)


SIGNING_IN_ROUTES: list[Any] = [show_sign_in, sign_in, sign_out, prefer, show_sheet, show_mark]
