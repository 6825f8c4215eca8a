"""Deliveries beside every thread: direct messages to members, and digests in a channel."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from connectors.base import AccountDown, Clock, NotSent, Outcome, Rejected, Sent
from connectors.slack import render
from connectors.slack.api import SlackApi
from connectors.slack.links import link
from connectors.slack.members import Members
from connectors.slack.outcomes import CallFailed
from connectors.slack.places import Places
from connectors.slack.posts import Posts, parted
from router.directs import THREAD
from router.model import Delivery
from router.richtext import Block, Inline, ListBlock, Paragraph, RichText, Span

log = structlog.get_logger(__name__)

MEMBER = re.compile(r"[UW][A-Z0-9]{2,}\Z")
PATIENCE = timedelta(seconds=60)
"""How long a message about a conversation waits for its thread, to link to it."""
UNREACHABLE = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "invalid_user_combination",
        "is_archived",
        "messages_tab_disabled",
        "missing_scope",
        "method_not_supported_for_channel_type",
        "not_in_channel",
        "restricted_action",
        "user_disabled",
        "user_not_found",
        "user_not_in_channel",
        "user_not_visible",
        "users_list_not_supplied",
        "users_not_found",
    }
)
"""The one who was to be told cannot be: no trouble of the account, and nothing to try for ever."""


class Directs:
    """`workspace` is where it is, for links; empty until the login."""

    def __init__(
        self,
        api: SlackApi,
        posts: Posts,
        places: Places,
        members: Members,
        clock: Clock,
        workspace: Callable[[], str],
    ) -> None:
        self._api = api
        self._posts = posts
        self._places = places
        self._members = members
        self._clock = clock
        self._workspace = workspace

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Raises CallFailed."""
        if self._clock() - delivery.created_at < PATIENCE and (lacks := self._lacks(delivery)):
            return NotSent(lacks, retry_after=timedelta(seconds=1), limited=True)
        content = render.notice(replace(delivery.outgoing, text=self._linked(delivery)))
        try:
            channel = await self.place(delivery.address)
            if (target := delivery.outgoing.target) is not None and await self._is_newest(target, channel):
                await self._posts.update(delivery, target, content)
                return Sent((target,))
            return Sent(((await self._posts.post(delivery, content, channel)).ref,))
        except CallFailed as failure:
            if failure.code not in UNREACHABLE:
                raise
            log.warning("slack.not_told", channel=delivery.channel, address=delivery.address, code=failure.code)
            reason = failure.outcome.reason if isinstance(failure.outcome, AccountDown | Rejected) else failure.code
            return Rejected(f"{delivery.address} cannot be told: {reason}")

    def _lacks(self, delivery: Delivery) -> str | None:
        """What the links in it need and is not known yet."""
        if not self._workspace():
            return "the login is not done yet"
        return "the desk thread is not open yet" if delivery.thread is None and _wants_thread(delivery) else None

    async def place(self, address: str) -> str:
        """The Slack channel of an address: direct messages of a member, or a channel. Raises CallFailed."""
        if MEMBER.match(address) or "@" in address:
            return await self._members.room(address)
        return await self._places.id_of(address)

    async def _is_newest(self, target: str, channel: str) -> bool:
        """Whether nobody said anything after a post of ours: then it can be changed where it stands."""
        where, ts = parted(target)
        if where != channel:
            return False
        answer = await self._api.read("conversations.history", channel=channel, limit=1)
        return any(message.get("ts") == ts for message in answer.get("messages") or ())

    def _linked(self, delivery: Delivery) -> RichText:
        return RichText(tuple(self._block(block, delivery.thread) for block in delivery.outgoing.text.blocks))

    def _block(self, block: Block, thread: str | None) -> Block:
        match block:
            case Paragraph(children):
                return Paragraph(tuple(self._inline(each, thread) for each in children))
            case ListBlock(items):
                inner = tuple(tuple(self._block(each, thread) for each in item) for item in items)
                return replace(block, items=inner)
            case _:
                return block

    def _inline(self, inline: Inline, thread: str | None) -> Inline:
        if not isinstance(inline, Span) or inline.link is None or not inline.link.startswith(THREAD):
            return inline
        ref = inline.link.removeprefix(THREAD) or thread or ""
        return replace(inline, link=link(self._workspace(), ref) or None)


def _wants_thread(delivery: Delivery) -> bool:
    """Whether it links to the thread of its own conversation."""
    return any(
        isinstance(each, Span) and each.link == THREAD
        for block in delivery.outgoing.text.blocks
        if isinstance(block, Paragraph)
        for each in block.children
    )
