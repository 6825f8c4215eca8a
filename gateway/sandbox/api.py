"""The page over HTTP: its files, its live views, and what people on it do. Nothing here talks to Onevoice."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

import orjson
from aiohttp import web

from gateway.sandbox.live import Live
from gateway.sandbox.pane import UNKNOWN, File, Misuse, Pane
from gateway.sandbox.tour import Tour

_FOLDER = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FILE_LIMIT = 20 * 1024 * 1024
_KEPT = 50
"""Uploads that nobody has sent yet; older ones are forgotten."""


class Api:
    """Serves the page. `panes` by name; `start` and `end` frame its life."""

    def __init__(self, panes: Mapping[str, Pane], tour: Tour) -> None:
        self._panes = panes
        self._tour = tour
        self._live = Live({**{name: pane.view for name, pane in panes.items()}, "tour": tour.view})
        self._uploads: dict[str, File] = {}
        for pane in panes.values():
            pane.watch(self._live.changed)

    def mount(self, app: web.Application) -> None:
        """Put the page on a listener, at `/`."""
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/sandbox/page/{name}", self._asset),
                web.get("/sandbox/events", self._live.stream),
                web.get("/sandbox/files/{pane}/{path:.+}", self._download),
                web.post("/sandbox/files", self._own(self._upload)),
                web.post("/sandbox/tour/{verb}", self._own(self._guide)),
                web.post("/sandbox/{pane}/{verb}", self._own(self._act)),
            ]
        )
        app.on_shutdown.append(self._end)

    async def _end(self, _: web.Application) -> None:
        self._live.end()

    # The page.

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return _page("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return _page(request.match_info["name"])

    # What people do.

    @staticmethod
    def _own(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[..., Awaitable[web.Response]]:
        """Other sites, open in the same browser, may not act here; mistakes become sentences."""

        async def guarded(request: web.Request) -> web.Response:
            own = f"{request.scheme}://{request.host}"
            foreign = request.headers.get("Origin", own) != own
            if foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
                return _refused(403, "Only the sandbox's own page may do this.")
            try:
                return await handler(request)
            except Misuse as misuse:
                return _refused(400, str(misuse))
            except (KeyError, LookupError) as error:
                return _refused(404, f"There is no such thing here: {error}")
            except (ValueError, TypeError) as error:
                return _refused(400, f"This cannot be read: {error}")

        return guarded

    async def _act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _refused(415, "Send JSON.")
        body = orjson.loads(await request.read())
        if not isinstance(body, dict):
            raise TypeError("an act is a JSON object")
        chosen = body.get("files", [])
        if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
            raise ValueError("files must be a list of ids")
        files = [self._uploads[each] for each in chosen]
        await self._panes[request.match_info["pane"]].act(request.match_info["verb"], body, files)
        for each in chosen:
            self._uploads.pop(each, None)
        return web.Response(status=204)

    async def _guide(self, request: web.Request) -> web.Response:
        {"restart": self._tour.restart, "skip": self._tour.skip, "end": self._tour.end}[request.match_info["verb"]]()
        self._live.changed()
        return web.Response(status=204)

    # Files.

    async def _upload(self, request: web.Request) -> web.Response:
        """The body is the file; its id goes into the next act."""
        if "X-File-Name" not in request.headers:
            raise ValueError("the header X-File-Name is missing")
        content = bytearray()
        async for chunk in request.content.iter_any():
            content += chunk
            if len(content) > FILE_LIMIT:
                raise Misuse(f"A file may have {FILE_LIMIT // 1024 // 1024} MB here.")
        if not content:
            raise Misuse("The file is empty.")
        name = unquote(request.headers["X-File-Name"])
        kind = request.content_type if request.content_type.count("/") == 1 else UNKNOWN
        number = secrets.token_hex(8)
        self._uploads[number] = File(name=name, content_type=kind, content=bytes(content))
        for old in list(self._uploads)[:-_KEPT]:
            del self._uploads[old]
        return web.json_response({"id": number}, status=201)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Whatever is in it, a file never becomes a page of ours."""
        try:
            file = self._panes[request.match_info["pane"]].file(request.match_info["path"].split("/"))
        except (LookupError, ValueError) as error:
            raise web.HTTPNotFound(text="There is no such file.") from error
        headers = {
            "Content-Type": file.kind if file.kind in _SHOWN else UNKNOWN,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=file.content, headers=headers)


def _page(name: str) -> web.FileResponse:
    """One of the files beside this module."""
    path = _FOLDER / name
    if path.parent != _FOLDER or path.suffix not in _TYPES or not path.is_file():
        raise web.HTTPNotFound
    headers = {
        "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.FileResponse(path, headers=headers)


def _refused(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
