"""GET /healthz, /readyz and /metrics."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.outlet import Outlet
from gateway.trouble import Trouble
from storage.database import Transaction
from storage.errors import StoreUnavailable
from storage.statement import Statement
from storage.waiting import Waiting, by_address

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
            "channels": {name: await self._channel(name, outlet) for name, outlet in self._app.outlets.items()},
            "failing": self._app.supervisor.failing,
        }
        return web.json_response(body, status=200 if body["ready"] else 503)

    async def _channel(self, name: str, outlet: Outlet) -> dict[str, object]:
        """What does not work, where, since when, what to do, and how much waits; short while everything works."""
        account, places = outlet.troubles.account, outlet.troubles.places
        body: dict[str, object] = {"state": account.reason if account else "ok", "in_flight": len(outlet.held)}
        if (deaf := self._app.deaf(name)) is not None:
            body["deaf"] = deaf
        if account is None and not places:
            return body
        try:
            waiting = await self._app.database.read(by_address, name)
        except StoreUnavailable:
            waiting = {}
        if account is not None:
            body |= self._told(account, waiting.values())
        if places:
            body["places"] = {
                address: {"state": each.reason, **self._told(each, [waiting[address]] if address in waiting else [])}
                for address, each in places.items()
            }
        return body

    def _told(self, trouble: Trouble, waiting: Collection[Waiting]) -> dict[str, object]:
        told: dict[str, object] = {
            "since": trouble.since.isoformat(timespec="seconds"),
            "waiting": sum(each.count for each in waiting),
        }
        if waiting:
            age = self._app.now_micros() - min(each.oldest for each in waiting)
            told["oldest_seconds"] = round(age / 1_000_000, 1)
        return told

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
