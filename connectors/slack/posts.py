"""The calls that put something into Slack, change it or take it away, each with its mark and its lease check."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.base import NotSent, Ports, Rejected
from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CONTENT_CODES, CallFailed
from connectors.slack.parse import ECHO_EVENT
from router.model import Delivery
from router.richtext import plain

log = structlog.get_logger(__name__)

Content = Mapping[str, Any]

TEXT_LIMIT = 39_000
"""Slack cuts a text off at 40,000 characters and says nothing (S22)."""
ASIDE_EVENT = "gw.aside"
"""What we post beside a delivery (a new root, a word about a lost file): ours, but the echo of nothing."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message Slack took: its ref, and the ts of the thread it is really in."""

    ref: str
    thread: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a post is known by (S20). `more`: the delivery needs further calls, its echo alone proves nothing."""

    event: str = ECHO_EVENT
    more: bool = False


WHOLE = Mark()
ASIDE = Mark(event=ASIDE_EVENT)


GONE_CODES = frozenset({"user_not_in_channel", "user_not_found"})
"""Somebody who is not there any more; with other calls this would say something about our own account."""


class Posts:
    """`posted` learns of every thread Slack took a post in. Everything here raises CallFailed."""

    def __init__(self, api: SlackApi, ports: Ports, posted: Callable[[str], None]) -> None:
        self._api = api
        self._ports = ports
        self._posted = posted

    def hold(self, delivery: Delivery) -> None:
        """Asked right before each call that posts, or changes what was posted (R4): a sleeper's words are old ones."""
        if not self._ports.holds(delivery):
            raise CallFailed(NotSent("another node took this delivery over"))

    async def post(
        self, delivery: Delivery, content: Content, channel: str, thread: str | None = None, mark: Mark = WHOLE
    ) -> Posted:
        """`chat.postMessage`."""
        if len(content["text"]) > TEXT_LIMIT:
            raise CallFailed(Rejected(f"the text has more than {TEXT_LIMIT} characters, Slack would cut it off"))
        arguments: dict[str, object] = {
            **_inert(content),
            "unfurl_links": False,
            "unfurl_media": False,
            "channel": channel,
            "metadata": _metadata(delivery, thread, mark),
        }
        if thread is not None:
            arguments["thread_ts"] = thread
        self.hold(delivery)
        answer = await self._api.write("chat.postMessage", arguments)
        ts: str = answer["ts"]
        channel = answer.get("channel") or channel
        within: str | None = (answer.get("message") or {"thread_ts": thread}).get("thread_ts")
        if not channel.startswith("D"):  # of direct messages an app may hear nothing
            self._posted(f"{channel}:{within or ts}")
        return Posted(f"{channel}:{ts}", within)

    async def whisper(
        self, delivery: Delivery, content: Content, member: str, channel: str, thread: str | None
    ) -> None:
        """`chat.postEphemeral`: one member sees it, until they reload. Nothing can look for it afterwards; doubled it
        does no harm."""
        arguments: dict[str, object] = {**_inert(content), "channel": channel, "user": member}
        if thread is not None:
            arguments["thread_ts"] = thread
        self.hold(delivery)
        try:
            await self._api.write("chat.postEphemeral", arguments, repeatable=True)
        except CallFailed as failure:
            if failure.code not in GONE_CODES:
                raise
            raise CallFailed(Rejected(f"{member} is not there to be told"), failure.code) from failure

    async def post_or_bare(
        self, delivery: Delivery, content: Content, bare: Content, channel: str, thread: str | None, mark: Mark = WHOLE
    ) -> Posted:
        """The formatted message, or its bare text where Slack does not take it (S28)."""
        try:
            return await self.post(delivery, content, channel, thread, mark)
        except CallFailed as failure:
            if failure.code not in CONTENT_CODES or not content["blocks"]:
                raise
            log.warning("slack.plain_text_instead", code=failure.code, delivery=str(delivery.id))
            return await self.post(delivery, bare, channel, thread, mark)

    async def update(self, delivery: Delivery, target: str, content: Content) -> None:
        """`chat.update`, with the bare text where Slack does not take the blocks."""
        self.hold(delivery)
        try:
            await self._update(target, content)
        except CallFailed as failure:
            if failure.code not in CONTENT_CODES or not content["blocks"]:
                raise
            log.warning("slack.plain_text_instead", code=failure.code)
            self.hold(delivery)
            await self._update(target, {**content, "blocks": []})

    async def to_root(self, delivery: Delivery, stray: str, content: Content) -> None:
        """Make a message that Slack put outside its thread the root of a new one; it is no delivery any more."""
        await self._update(stray, {**content, "metadata": _metadata(delivery, None, ASIDE)})

    async def settle(self, method: str, arguments: Content, *, done: str) -> None:
        """A repeatable call; `done` is Slack's word for "it is so already"."""
        try:
            await self._api.write(method, arguments, repeatable=True)
        except CallFailed as failure:
            if failure.code != done:
                raise

    async def _update(self, target: str, content: Content) -> None:
        channel, ts = parted(target)
        await self._api.write("chat.update", {**_inert(content), "channel": channel, "ts": ts}, repeatable=True)


def parted(ref: str) -> tuple[str, str]:
    """A ref is "channel:ts"."""
    channel, _, ts = ref.partition(":")
    return channel, ts


def _inert(content: Content) -> dict[str, object]:
    """Nothing in the text may ping or become a link by itself (S23)."""
    return {**content, "parse": "none", "link_names": False}


def _metadata(delivery: Delivery, thread: str | None, mark: Mark) -> Content:
    """The delivery with its channel, of which a workspace may have two, and the thread the post is meant for: Slack may
    put it elsewhere (S29)."""
    sha = hashlib.sha256(plain(delivery.outgoing.text).encode()).hexdigest()[:16]
    payload: dict[str, object] = {
        "oid": delivery.id.hex,
        "part": delivery.part,
        "sha": sha,
        "channel": delivery.channel,
    }
    if thread:
        payload["thread"] = thread
    if mark.more:
        payload["more"] = True
    return {"event_type": mark.event, "event_payload": payload}
