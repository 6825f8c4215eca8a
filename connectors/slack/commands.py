"""`/onevoice ...` and the buttons of Home. A question is answered in the acknowledgement; what changes something is
stored first. Slack sends neither again, so that every way it can fail is told to whoever asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from connectors.base import Arrival, NotStored, Ports
from connectors.slack.homes import Homes
from connectors.slack.parse import Home, Person, chosen_line, line_of, sender_of
from connectors.slack.sheets import answer
from router.commands import OWN_VERBS, SLOW, UNAVAILABLE, changes
from router.sheets import sentence
from router.verbs import verb_in

Payload = Mapping[str, Any]
Json = dict[str, Any]
Keep = Callable[[], Awaitable[None]]
Lookup = Callable[[list[str], Home], Awaitable[Mapping[str, Person]]]

log = structlog.get_logger(__name__)

ANSWER_WITHIN = 1.8
"""Seconds; at 2.0 we would have to answer without a word (S1), at 3.0 Slack would not listen any more."""


class Commands:
    """What members ask outside of threads; `people` looks them up."""

    def __init__(self, channel: str, ports: Ports, homes: Homes, people: Lookup) -> None:
        self._channel = channel
        self._ports = ports
        self._homes = homes
        self._people = people

    async def answered(self, body: Payload, home: Home, keep: Keep) -> Json:
        """The acknowledgement of a slash command; `keep` stores it."""
        line, member = line_of(body), body["user_id"]
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                if changes(line):
                    await keep()
                people = await self._people([member], home)
                sheet = await self._ports.sheet(sender_of(member, body.get("team_id"), home, people), line)
        except NotStored as reason:
            log.warning("slack.command_failed", channel=self._channel, reason=str(reason))
            sheet = sentence(UNAVAILABLE)
        except TimeoutError:
            log.warning("slack.command_failed", channel=self._channel, reason="no answer in time")
            sheet = sentence(SLOW)
        return answer(sheet, home.url)

    async def pressed(self, body: Payload, keep: Keep) -> None:
        """A button of Home: what it changes is stored, and the Home shown anew. Raises NotStored."""
        if changes(chosen_line(body["actions"][0])):
            await keep()
        self._homes.want(body["user"]["id"])

    def follow(self, stored: Sequence[Arrival]) -> None:
        """Whoever said something about themselves, in a thread or outside, sees it in their Home."""
        for each in stored:
            said = each.inbound
            if said is not None and said.sender.internal and (verb := verb_in(said)) and verb.name in OWN_VERBS:
                self._homes.changed(said.sender.identity.value)


def is_home(body: Payload) -> bool:
    """Whether a press was in somebody's Home."""
    view = body.get("view")
    return isinstance(view, Mapping) and view.get("type") == "home"
