"""Who gets in: this machine, this address, whoever brings the secret, and only to look."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ADDRESS", "Access"]

ADDRESS = "127.0.0.1"
ENTRANCE = "/enter"
SECRET_BYTES = 32
OURS = frozenset({b"same-origin", b"none"})  # none: typed, or handed over by another program

# A page of its own instead of a redirect: after a link on a foreign page, a redirect would still
# count as that page's and go without the cookie
WELCOME = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">
<title>scened</title><p><a href="/">Open the gallery</a></p></html>
"""
REFUSAL = "This page opens with the link that `scened gallery` printed.\n"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Access:
    """An application that lets another one answer those who may ask, and sees to its headers.

    A link's secret is exchanged for a cookie that scripts cannot read and other sites cannot
    use. Pages of other programs on this machine share the cookie's site, so who asks is looked at
    too (Fetch Metadata, W3C).
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._host = f"{ADDRESS}:{port}".encode()
        self._cookie = f"scened-{port}"  # cookies do not tell ports apart
        self._secret = secrets.token_urlsafe(SECRET_BYTES)
        self._tickets: set[str] = set()
        self._session = secrets.token_urlsafe(SECRET_BYTES)

    @property
    def link(self) -> str:
        """Return the link that lets in whoever has it."""
        return f"http://{self._host.decode()}{ENTRANCE}?secret={self._secret}"

    def link_for_once(self) -> str:
        """Return a link that works once, for a browser: lists of processes show it to others."""
        ticket = secrets.token_urlsafe(SECRET_BYTES)
        self._tickets.add(ticket)
        return f"http://{self._host.decode()}{ENTRANCE}?secret={ticket}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._refusal(scope) or self._entrance(scope) or self._app
            await answer(scope, receive, _with_headers(send))
        else:  # a websocket, of which there are none
            await send({"type": "websocket.close"})

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is not even looked at, if so."""
        if _values(scope, b"host") != [self._host]:
            return PlainTextResponse(REFUSAL, 421)
        if any(origin != b"http://" + self._host for origin in _values(scope, b"origin")):
            return PlainTextResponse(REFUSAL, 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("There is nothing to change here.\n", 405)
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """Return the answer to those who are not in yet, None to those who are."""
        if scope["path"] == ENTRANCE:
            return self._exchange(QueryParams(scope["query_string"]).get("secret", ""))
        foreign = any(site not in OURS for site in _values(scope, b"sec-fetch-site"))
        cookies = [
            cookie_parser(line.decode("latin-1")).get(self._cookie, "")
            for line in _values(scope, b"cookie")
        ]
        if foreign or not any(_same(cookie, self._session) for cookie in cookies):
            return PlainTextResponse(REFUSAL, 403)
        return None

    def _exchange(self, secret: str) -> Response:
        once = {ticket for ticket in self._tickets if _same(secret, ticket)}
        if not once and not _same(secret, self._secret):
            return PlainTextResponse(REFUSAL, 403)
        self._tickets -= once
        answer = HTMLResponse(WELCOME)
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
        return answer


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for each, value in scope["headers"] if each == name]


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
