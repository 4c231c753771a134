"""The pages and what their script asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import jinja2
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from scened.analysis.thumbnailing import Thumbnailer
from scened.config import Settings
from scened.errors import ExitCode, ScenedError
from scened.gallery.cache import PictureCache
from scened.gallery.catalogue import Catalogue, Wanted

__all__ = ["Gallery"]

HERE = Path(__file__).parent
SIDES = {"thumbnail": 320, "picture": 1_600}  # pixels, the long side
HIGHEST_ID = 2**63 - 1  # of SQLite
MOST_LABELS = 300
MOST_TAGS = 20
MADE_FROM = 1  # counts up when the same photo would give another picture
ANSWERS = {ExitCode.NO_INPUT: 404, ExitCode.USAGE: 400}
GONE = 499  # nobody waits for the answer
PICTURE_SECONDS = 60  # that a browser shows a picture without asking again


class Gallery:
    """One library's pages: everything is asked for by id, nothing can be changed."""

    def __init__(self, catalogue: Catalogue, settings: Settings, cache_folder: Path) -> None:
        self._catalogue = catalogue
        self._thumbnailer = Thumbnailer(settings.limits)
        self._cache = PictureCache(cache_folder, settings.gallery.cache_bytes)
        self._decoding = asyncio.Lock()
        self._comparing = asyncio.Lock()
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    def app(self) -> Starlette:
        """Return the application, without anything that keeps others out."""
        return Starlette(
            routes=[
                Route("/", self._photos),
                Route("/photo/{id:int}", self._photos),
                Route("/duplicates", self._duplicates),
                Route("/failed", self._failed),
                Route("/list", self._list),
                Route("/facets", self._facets),
                Route("/labels", self._labels),
                Route("/about/{id:int}", self._about),
                Route("/status", self._status),
                Route("/{kind:str}/{id:int}.jpg", self._picture),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            exception_handlers={ScenedError: _explained, HTTPException: _refused},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(run_in_threadpool(self._catalogue.listing, Wanted()))
        yield
        await warming
        self._thumbnailer.close()
        self._catalogue.close()

    def _photos(self, _: Request) -> Response:
        return self._page("photos.html", here="photos")

    async def _duplicates(self, request: Request) -> Response:
        near = "near" in request.query_params
        async with self._comparing:
            groups = await run_in_threadpool(self._catalogue.duplicates, near=near)
        return self._page("duplicates.html", here="duplicates", groups=groups, near=near)

    def _failed(self, _: Request) -> Response:
        return self._page("failed.html", here="failed", photos=self._catalogue.unseen())

    def _list(self, request: Request) -> Response:
        return Response(self._catalogue.listing(_wanted(request)), media_type="application/json")

    def _facets(self, request: Request) -> Response:
        return _json(self._catalogue.facets(_wanted(request)))

    def _labels(self, request: Request) -> Response:
        ids = [_id(word) for word in request.query_params.get("ids", "").split(",") if word]
        return _json(self._catalogue.labels(ids[:MOST_LABELS]))

    def _about(self, request: Request) -> Response:
        return _json(self._catalogue.photo(_id(request.path_params["id"])))

    def _status(self, _: Request) -> Response:
        return _json(self._catalogue.state())

    async def _picture(self, request: Request) -> Response:
        side = SIDES.get(request.path_params["kind"])
        if side is None:
            raise HTTPException(404)
        photo_id = _id(request.path_params["id"])
        kept, make = await run_in_threadpool(self._kept, photo_id, side)
        if kept is None:
            async with self._decoding:  # in the order they came
                if await request.is_disconnected():  # scrolled past while it waited
                    return Response(status_code=GONE)
                kept = await run_in_threadpool(make)
        return Response(
            kept,
            media_type="image/jpeg",
            headers={"Cache-Control": f"private, max-age={PICTURE_SECONDS}"},
        )

    def _kept(self, photo_id: int, side: int) -> tuple[bytes | None, Callable[[], bytes]]:
        """Return a picture that was made before, and how to make it."""
        source = self._catalogue.source(photo_id)
        made_of = (MADE_FROM, side, source)

        def make() -> bytes:
            picture = self._thumbnailer.jpeg(source.path, side)
            self._cache.put(picture, *made_of)
            return picture

        return self._cache.get(*made_of), make

    def _page(self, template: str, **values: object) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**values))


def _wanted(request: Request) -> Wanted:
    asked = request.query_params
    like = asked.get("like")
    return Wanted(
        words=asked.get("q", "").strip(),
        like=None if like is None else _id(like),
        tags=tuple(asked.getlist("tag")[:MOST_TAGS]),
    )


def _id(word: str | int) -> int:
    """Return a photo's id. Raises HTTPException for what can be none."""
    text = str(word)
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) > HIGHEST_ID or len(text) > 20:
        raise HTTPException(404)
    return int(text)


def _json(record: object) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")


def _explained(_: Request, error: Exception) -> Response:
    code = ANSWERS.get(error.exit_code, 422) if isinstance(error, ScenedError) else 500
    return PlainTextResponse(str(error), code)


def _refused(_: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse("There is nothing here.\n", code)
