"""Slack channels by name: "#support-1" -> its id, from `conversations.list`."""

import asyncio
import time

from connectors.base import PlaceDown
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed

PAGES = 50
PAGE = 1000
LIST_PAUSE = 60.0
"""Seconds before a name that was not there is looked for again."""


class Places:
    """Remembers the ids of channel names; a name that is unknown makes it read the list again."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._ids: dict[str, str] = {}
        self._listed_at: float | None = None
        self._listing = asyncio.Lock()

    async def id_of(self, address: str) -> str:
        """The id of "#name" or "name"; an id, a person's too, stays itself. Raises CallFailed (PlaceDown: none)."""
        name = address.removeprefix("#")
        if name == address and name.isupper() and name[:1] in "CGDUW":
            return name
        if name not in self._ids:
            async with self._listing:
                if name not in self._ids and (
                    self._listed_at is None or time.monotonic() - self._listed_at > LIST_PAUSE
                ):
                    await self._list()
        if (known := self._ids.get(name)) is None:
            raise CallFailed(
                PlaceDown(
                    f'There is no Slack channel "#{name}" that the app can see: create it, or invite the app with'
                    f' "/invite" in a private one; the name stands in the desk of a route'
                ),
                "channel_not_found",
            )
        return known

    def forget(self, address: str) -> None:
        """The id is no longer right: the channel was renamed, deleted or made anew."""
        if self._ids.pop(address.removeprefix("#"), None) is not None:
            self._listed_at = None

    async def _list(self) -> None:
        cursor = ""
        found: dict[str, str] = {}
        for _ in range(PAGES):
            answer = await self._api.read(
                "conversations.list",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=PAGE,
                **({"cursor": cursor} if cursor else {}),
            )
            found.update({each["name"]: each["id"] for each in answer.get("channels") or () if each.get("name")})
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        self._ids = found
        self._listed_at = time.monotonic()
