"""Which Slack channels there are: help channels by their names, channels the app is in, direct messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.slack.api import SlackApi
from connectors.slack.settings import ColleaguesSettings

PAGE = 1000
PAGES = 50


class Rooms:
    """What the last look has found. `help` are the names of help channels by their ids, `missing` those that are not
    there or that the app is not in, `directs` the ids of direct messages with the app."""

    def __init__(self, api: SlackApi, settings: ColleaguesSettings) -> None:
        self._api = api
        self._names = settings.help_channels
        self._types = "public_channel,private_channel" + (",im" if settings.direct_messages else "")
        self._ids: Mapping[str, str] = {}
        self._joined: frozenset[str] = frozenset()
        self.help: Mapping[str, str] = {}
        self.missing: Sequence[str] = tuple(settings.help_channels)
        self.directs: Sequence[str] = ()

    async def look(self) -> None:
        """Ask Slack. Raises CallFailed."""
        listed = await self._list()
        rooms = [each for each in listed if not each.get("is_im")]
        self._ids = {each["name"]: each["id"] for each in rooms if each.get("name")}
        self._joined = frozenset(each["id"] for each in rooms if each.get("is_member"))
        self.directs = [each["id"] for each in listed if each.get("is_im")]
        wanted = {name: self.id_of(name) for name in self._names}
        self.help = {found: name for name, found in wanted.items() if found in self._joined}
        self.missing = [name for name, found in wanted.items() if found not in self._joined]

    def id_of(self, name: str) -> str:
        """The id of "#name" or "name"; what is no known name is taken for an id."""
        return self._ids.get(name.removeprefix("#"), name)

    def ids(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.id_of(name) for name in names)

    def others(self, desks: Iterable[str]) -> list[str]:
        """Channels the app is in where somebody may mention it: neither help channels nor desks."""
        return sorted(self._joined - self.help.keys() - self.ids(desks))

    async def _list(self) -> list[Mapping[str, Any]]:
        cursor = ""
        found: list[Mapping[str, Any]] = []
        for _ in range(PAGES):
            answer = await self._api.read(
                "conversations.list",
                types=self._types,
                exclude_archived=True,
                limit=PAGE,
                **({"cursor": cursor} if cursor else {}),
            )
            found += answer.get("channels") or ()
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return found
