"""What became of a delivery of unknown outcome: our marks are looked for in Slack (S20, 2.3)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.base import AccountDown, NotSent, Outcome, PlaceDown, Ports, Sent, Unknown
from connectors.slack.api import SlackApi
from connectors.slack.files import Files
from connectors.slack.outcomes import THREAD_GONE_CODES, CallFailed
from connectors.slack.parse import to_oid
from connectors.slack.progress import Progress
from router.model import Delivery, DeliveryKind

BEFORE = timedelta(seconds=60)
"""Slack's clock and ours may differ by this much."""
PAGE = 200
PAGES = 20

REPEATABLE = frozenset({DeliveryKind.EDIT, DeliveryKind.DELETE, DeliveryKind.CARD, DeliveryKind.REACTION})


Place = Callable[[Delivery], Awaitable[tuple[str, str | None]]]
"""Slack channel id and thread ts a delivery goes to. Raises CallFailed."""


class Lookup:
    def __init__(self, api: SlackApi, place: Place, files: Files, ports: Ports) -> None:
        self._api = api
        self._place = place
        self._files = files
        self._ports = ports

    async def reconcile(self, delivery: Delivery) -> Outcome:
        """Sent, NotSent (it is not there), Unknown (Slack would not tell, ask again) or why nobody can look there."""
        if delivery.kind in REPEATABLE:
            return NotSent("doing it again changes nothing")
        try:
            return await self._find(delivery)
        except CallFailed as failure:
            if isinstance(failure.outcome, AccountDown | PlaceDown):
                return failure.outcome
            return Unknown(f"the look-up brought no answer: {failure}", unreachable=True)

    async def _find(self, delivery: Delivery) -> Outcome:
        channel, thread = await self._place(delivery)
        progress = Progress.load(delivery.checkpoint)
        if progress.posted is None:
            found = await self._marked(delivery, channel, thread)
            if found is not None:
                progress = replace(progress, posted=f"{channel}:{found}")
        stored = [index for index, each in enumerate(delivery.outgoing.attachments) if each.blob is not None]
        if delivery.kind is not DeliveryKind.MESSAGE or not stored:
            shown = (progress.posted,) if progress.posted else ()
            return Sent(shown, thread=progress.root) if shown else NotSent("it is not in Slack")
        posts = [
            await self._files.shown_at(progress.files[index], channel) for index in stored if index in progress.files
        ]
        if len(posts) == len(stored) and all(posts) and (progress.posted or not delivery.outgoing.text):
            shown = (*((progress.posted,) if progress.posted else ()), *(f"{channel}:{ts}" for ts in posts))
            return Sent(tuple(dict.fromkeys(shown)), thread=progress.root)
        await self._ports.checkpoint(delivery, progress.dump())
        return NotSent("not all of it is in Slack")

    async def _marked(self, delivery: Delivery, channel: str, thread: str | None) -> str | None:
        """The ts of the message that carries the delivery's mark."""
        try:
            async for message in self._since(delivery, channel, thread):
                if to_oid(message) == delivery.id.hex:
                    ts: str = message["ts"]
                    return ts
        except CallFailed as failure:
            if failure.code not in THREAD_GONE_CODES:
                raise
        return None

    async def _since(self, delivery: Delivery, channel: str, thread: str | None) -> AsyncIterator[Mapping[str, Any]]:
        """The messages of that thread or channel since shortly before the attempt. Raises CallFailed."""
        oldest = (delivery.started_at or delivery.created_at) - BEFORE
        where: dict[str, str | int | bool] = {
            "channel": channel,
            "oldest": f"{oldest.timestamp():.6f}",
            "include_all_metadata": True,
            "limit": PAGE,
        }
        method = "conversations.history"
        if thread is not None:
            method, where["ts"] = "conversations.replies", thread
        for _ in range(PAGES):
            answer = await self._api.read(method, **where)
            for message in answer.get("messages") or ():
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            where["cursor"] = cursor
        raise CallFailed(Unknown(f"more than {PAGE * PAGES} messages since then"))
