"""Something that Slack must tell us even when nobody says anything (S12)."""

import structlog

from connectors.base import Clock
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from connectors.slack.places import Places

log = structlog.get_logger(__name__)

NAME = "onevoice-canary"


class Canary:
    """One post in a private Slack channel that the app makes for itself when it is first needed; nobody else is in it.
    `bot` is our id ("B..."): every app has a channel of its own."""

    def __init__(self, channel: str, api: SlackApi, places: Places, clock: Clock, bot: str) -> None:
        self._channel = channel
        self._api = api
        self._places = places
        self._clock = clock
        self._name = f"{NAME}-{bot.lower()}"
        self._place = ""
        self._post = ""
        self._trouble = ""

    async def sing(self) -> bool:
        """Write or change the post; whether Slack took it, so that its event must come."""
        try:
            await self._write()
        except CallFailed as failure:
            self._post = ""
            if failure.code == "channel_not_found":
                self._place = ""
            if failure.code != "message_not_found" and str(failure) != self._trouble:  # the next ones say the same
                log.warning("slack.no_canary", channel=self._channel, place=f"#{self._name}", reason=str(failure))
                self._trouble = str(failure)
            return False
        self._trouble = ""
        return True

    async def _write(self) -> None:
        text = f"Onevoice looks here whether Slack still tells it what is said. Last at {self._clock():%F %H:%M} UTC."
        self._place = self._place or await self._own()
        if self._post:
            said = {"channel": self._place, "ts": self._post, "text": text}
            await self._api.write("chat.update", said, repeatable=True)
        else:
            answer = await self._api.write("chat.postMessage", {"channel": self._place, "text": text}, repeatable=True)
            self._post = answer["ts"]

    async def _own(self) -> str:
        """The id of the Slack channel. Raises CallFailed."""
        try:
            return await self._places.id_of(f"#{self._name}")
        except CallFailed as failure:
            if failure.code != "channel_not_found":
                raise
        made = await self._api.write("conversations.create", {"name": self._name, "is_private": True})
        own: str = made["channel"]["id"]
        return own
