"""Members of the workspace by what the configuration calls them: a member id or an e-mail address (S8)."""

import time

from connectors.base import Rejected
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from router.richtext import Block, Inline, Mention, Paragraph, RichText

LIFETIME = 900.0
"""Seconds an answer is believed."""
FORGETFUL = 60.0
"""Seconds until somebody who was not there is asked for again."""


class Members:
    """Asks Slack once for an address and remembers what it said. Everything here raises CallFailed."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._ids: dict[str, tuple[float, str]] = {}
        self._rooms: dict[str, str] = {}

    async def room(self, address: str) -> str:
        """The id of the direct messages with a member: where posts to "D..." are the app's own, posts to "U..." may
        come from Slackbot."""
        member = await self._id_of(address)
        if member not in self._rooms:
            answer = await self._api.write("conversations.open", {"users": member}, repeatable=True)
            self._rooms[member] = answer["channel"]["id"]
        return self._rooms[member]

    async def named(self, text: RichText) -> RichText:
        """The text with member ids where people are mentioned by their e-mail addresses; who is not found stays a
        name."""
        return RichText(tuple([await self._block(block) for block in text.blocks]))

    async def _block(self, block: Block) -> Block:
        if not isinstance(block, Paragraph):
            return block
        return Paragraph(tuple([await self._inline(each) for each in block.children]))

    async def _inline(self, inline: Inline) -> Inline:
        if not isinstance(inline, Mention) or inline.ref is None or "@" not in inline.ref:
            return inline
        try:
            return Mention(inline.name, await self._id_of(inline.ref))
        except CallFailed:
            return Mention(inline.name)

    async def _id_of(self, address: str) -> str:
        if "@" not in address:
            return address
        known, now = self._ids.get(address), time.monotonic()
        if known is None or now - known[0] > (LIFETIME if known[1] else FORGETFUL):
            try:
                found: str = (await self._api.read("users.lookupByEmail", email=address))["user"]["id"]
            except CallFailed as failure:
                if failure.code != "users_not_found":
                    raise
                found = ""
            known = self._ids[address] = (now, found)
        if not known[1]:
            raise CallFailed(Rejected(f"nobody in this workspace has the e-mail address {address}"), "users_not_found")
        return known[1]
