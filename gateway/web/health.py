"""GET /healthz, /readyz and /metrics."""

from typing import TYPE_CHECKING

from aiohttp import web

from storage.database import Transaction
from storage.errors import StoreUnavailable
from storage.statement import Statement

if TYPE_CHECKING:
    from gateway.app import Application

_ONE = Statement("SELECT 1")


class Health:
    """`ready` is False before everything is started and while draining."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self.ready = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._metrics),
        ]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Each dependency and channel with its state; 503 while it cannot store or is draining. A channel that is
        down does not make the node unready: its messages are kept."""
        store = await self._store()
        body = {
            "ready": self.ready and store is None,
            "node": self._app.owner,
            "store": store or "ok",
            "channels": {
                name: {"state": outlet.breaker.reason or "ok", "in_flight": len(outlet.held)}
                for name, outlet in self._app.outlets.items()
            },
            "failing": self._app.supervisor.failing,
        }
        return web.json_response(body, status=200 if body["ready"] else 503)

    async def _store(self) -> str | None:
        try:
            await self._app.database.transact(_touch)
        except StoreUnavailable as error:
            return str(error)
        return None

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._app.metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


def _touch(tx: Transaction) -> None:
    tx.one(_ONE, {})
