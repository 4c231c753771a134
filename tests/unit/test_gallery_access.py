"""The gallery lets in who has the secret, from this machine's own pages, and nobody else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from scened.gallery.access import HEADERS, Access

PORT = 4321
HOME = f"http://127.0.0.1:{PORT}"


async def treasure(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"treasure at {Request(scope).url.path}")(scope, receive, send)


@pytest.fixture
def access() -> Access:
    return Access(treasure, PORT)


@pytest.fixture
def outside(access: Access) -> TestClient:
    return TestClient(access, base_url=HOME, follow_redirects=False)


@pytest.fixture
def inside(access: Access, outside: TestClient) -> TestClient:
    assert outside.get(access.link).status_code == 200
    return outside


def test_with_the_cookie_one_is_let_in(inside: TestClient) -> None:
    assert inside.get("/photo/1").text == "treasure at /photo/1"


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    access: Access, outside: TestClient
) -> None:
    cookie = outside.get(access.link).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_the_secret_is_neither_the_cookie_nor_on_the_page(
    access: Access, outside: TestClient
) -> None:
    answer = outside.get(access.link)
    secret = urlsplit(access.link).query.removeprefix("secret=")
    assert secret not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "path", ["/", "/photo/1", "/list", "/thumbnail/1.jpg", "/static/gallery.js", "/enter"]
)
@pytest.mark.promise(
    "access: another program on this machine asks the gallery",
    "without the secret there is nothing",
)
def test_without_the_secret_there_is_nothing(outside: TestClient, path: str) -> None:
    answer = outside.get(path)
    assert answer.status_code == 403
    assert "treasure" not in answer.text


@pytest.mark.parametrize("secret", ["", "x", "é", "%00", "A" * 10_000])
def test_a_wrong_secret_gives_no_cookie(outside: TestClient, secret: str) -> None:
    answer = outside.get("/enter", params={"secret": secret})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("value", ["", "x", "é".encode().decode("latin-1")])
def test_a_wrong_cookie_does_not_let_in(outside: TestClient, value: str) -> None:
    answer = outside.get("/", headers={b"cookie": f"scened-{PORT}={value}".encode("latin-1")})
    assert answer.status_code == 403


def test_a_link_for_once_works_once(access: Access, outside: TestClient) -> None:
    link = access.link_for_once()
    assert outside.get(link).status_code == 200
    outside.cookies.clear()
    assert outside.get(link).status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost:4321", "127.0.0.1", "127.0.0.1:80", "evil.example", "127.0.0.1:4321.", ""]
)
@pytest.mark.promise(
    "access: a page elsewhere asks the gallery",
    "refused",
)
def test_another_host_is_refused(inside: TestClient, host: str) -> None:
    answer = inside.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "treasure" not in answer.text


def test_another_host_is_refused_the_exchange_too(access: Access, outside: TestClient) -> None:
    answer = outside.get(access.link, headers={"host": "evil.example"})
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:4321"]
)
def test_another_origin_is_refused(inside: TestClient, origin: str) -> None:
    assert inside.get("/", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.promise(
    "access: a page elsewhere asks the gallery",
    "refused",
)
def test_pages_of_others_are_refused_even_with_the_cookie(inside: TestClient, site: str) -> None:
    assert inside.get("/", headers={"sec-fetch-site": site}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_its_own_pages_and_its_user_are_not(inside: TestClient, site: str) -> None:
    headers = {"sec-fetch-site": site, "origin": HOME}
    assert inside.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_looking_is_allowed(inside: TestClient, method: str) -> None:
    assert inside.request(method, "/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_every_answer_has_the_headers(inside: TestClient, path: str) -> None:
    headers = inside.get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert headers["cache-control"] == "no-store"


def test_no_script_style_or_picture_may_come_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    sources = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert sources["default-src"] == ["'none'"]
    loaded = {name: allowed for name, allowed in sources.items() if name.endswith("-src")}
    assert {source for allowed in loaded.values() for source in allowed} == {"'none'", "'self'"}


def test_a_websocket_is_not_answered(inside: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), inside.websocket_connect("/"):
        pass
