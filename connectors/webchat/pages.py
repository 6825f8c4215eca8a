"""What a browser loads: the loader for the shop's page and the chat's own page with its modules and style (W14)."""

import hashlib
import html
import secrets
from pathlib import Path
from string import Template

import orjson
from aiohttp import web

from connectors.webchat.protocol import VERSION
from connectors.webchat.settings import WebchatSettings

_FOLDER = Path(__file__).parent / "widget"
_TYPES = {".js": "text/javascript", ".css": "text/css"}


class Pages:
    """Read once at start. `own` is the gateway's public address, "" when it is not known."""

    def __init__(self, settings: WebchatSettings, consent_version: str, files_url: str) -> None:
        self._settings = settings
        self._ancestors = " ".join(("'self'", *settings.origins))
        self._images = f"'self' {files_url}".strip()
        self._page = Template((_FOLDER / "frame.html").read_text("utf-8"))
        paths = [path for path in _FOLDER.iterdir() if path.suffix in _TYPES and path.name != "widget.js"]
        self._assets = {path.name: _Asset(path.read_bytes(), path.suffix) for path in paths}
        config = {
            "v": VERSION,
            "channel": settings.id,
            "title": settings.title,
            "greeting": settings.greeting,
            "consent": {"text": settings.consent, "version": consent_version} if settings.consent else None,
            "origins": settings.origins,
            "limits": {
                "text": settings.text_limit,
                "files": settings.files_per_message,
                "file_bytes": settings.file_limit,
            },
        }
        self._config = html.escape(orjson.dumps(config).decode())
        launcher = {
            "channel": settings.id,
            "title": settings.title,
            "colour": settings.colour,
            "ink": _ink(settings.colour),
        }
        loader = (_FOLDER / "widget.js").read_bytes().replace(b'"{{config}}"', orjson.dumps(launcher))
        self._loader = _Asset(loader, ".js")

    async def loader(self, request: web.Request) -> web.StreamResponse:
        """`widget.js`, for the shop's page."""
        return self._loader.answer(request, "public, max-age=300")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """A module or the style of the chat's page."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return asset.answer(request, "no-cache")

    async def frame(self, request: web.Request) -> web.StreamResponse:
        """The chat's page; only the shop's origins may embed it, and nothing without the nonce runs in it."""
        nonce = secrets.token_urlsafe(16)
        policy = (
            "default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; "
            f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src {self._images}; "
            f"frame-ancestors {self._ancestors}"
        )
        page = self._page.substitute(
            nonce=nonce,
            base=f"/webchat/{self._settings.id}",
            title=html.escape(self._settings.title),
            colour=self._settings.colour,
            ink=_ink(self._settings.colour),
            config=self._config,
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(text=page, content_type="text/html", headers=headers)


class _Asset:
    def __init__(self, content: bytes, suffix: str) -> None:
        self._content = content
        self._type = _TYPES[suffix]
        self._etag = f'"{hashlib.sha256(self._content).hexdigest()[:20]}"'

    def answer(self, request: web.Request, caching: str) -> web.Response:
        headers = {"ETag": self._etag, "Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
        if request.headers.get("If-None-Match") == self._etag:
            return web.Response(status=304, headers=headers)
        # Both the shop's page and the chat's page load it; it holds nothing secret.
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return web.Response(body=self._content, content_type=self._type, charset="utf-8", headers=headers)


def _ink(colour: str) -> str:
    """Black or white, whichever is easier to read on "#rrggbb" (relative luminance, WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"
