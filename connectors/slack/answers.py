"""Answers to colleagues: into the thread or the direct messages they asked in."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import structlog

from connectors.base import Outcome, Ports, Rejected, Sent, Unknown
from connectors.slack import emojis, render
from connectors.slack.outcomes import THREAD_GONE_CODES, CallFailed
from connectors.slack.posts import Mark, Posts, parted
from connectors.slack.progress import Progress
from connectors.slack.shares import Shares
from router.model import Attachment, Delivery, DeliveryKind, Outgoing
from router.richtext import FileRef, Paragraph, RichText

log = structlog.get_logger(__name__)

DELIVER_WITHIN = 28.0
UNREACHABLE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(THREAD_GONE_CODES, "the thread they asked in was deleted"),
        "channel_not_found": "the Slack channel is gone, or the app cannot see it any more",
        "is_archived": "the Slack channel was archived",
        "not_in_channel": 'the app was removed from the Slack channel; "/invite" brings it back',
        "user_not_in_channel": 'the app was removed from the Slack channel; "/invite" brings it back',
        "restricted_action": "the app may not post in the Slack channel",
        "restricted_action_read_only_channel": "the app may not post in the Slack channel",
        "cannot_dm_bot": "a bot asked, and bots take no direct messages",
        "messages_tab_disabled": "the app takes no direct messages: enable them under App Home, Messages Tab",
        "user_disabled": "their account was deactivated",
    }
)
"""What Slack says where one asker cannot be reached any more; others can (T12)."""


class Answers:
    """Sends the deliveries of a channel whose customers are colleagues. An address is a thread ("C1:1700.1") or the
    channel of somebody's direct messages ("D1")."""

    def __init__(self, posts: Posts, shares: Shares, ports: Ports) -> None:
        self._posts = posts
        self._shares = shares
        self._ports = ports

    async def deliver(self, delivery: Delivery) -> Outcome:
        try:
            async with asyncio.timeout(DELIVER_WITHIN):
                match delivery.kind:
                    case DeliveryKind.MESSAGE:
                        return await self._message(delivery)
                    case DeliveryKind.EDIT | DeliveryKind.DELETE | DeliveryKind.REACTION:
                        return await self._change(delivery)
                    case _:
                        return Rejected(f"a {delivery.kind} is for agents, not for customers")
        except CallFailed as failure:
            if (reason := UNREACHABLE.get(failure.code)) is not None:
                return Rejected(reason, closes_leg=True)
            return failure.outcome
        except TimeoutError:
            return Unknown(f"Slack took longer than {DELIVER_WITHIN:.0f} s")

    async def place(self, delivery: Delivery) -> tuple[str, str | None]:
        """Slack channel id and thread ts a delivery goes to."""
        channel, thread = parted(delivery.address)
        return channel, thread or None

    async def _message(self, delivery: Delivery) -> Outcome:
        """Text first, then its files as one more message."""
        outgoing, progress = delivery.outgoing, Progress.load(delivery.checkpoint)
        stored = {index: each for index, each in enumerate(outgoing.attachments) if each.blob is not None}
        missing = [each for each in outgoing.attachments if each.blob is None]
        shown: tuple[str, ...] = ()
        if progress.posted is not None:
            shown = (progress.posted,)
        elif outgoing.text or missing or not stored:
            text = RichText((*outgoing.text.blocks, *(_placeholder(each) for each in missing)))
            shown = (await self._say(delivery, replace(outgoing, text=text), Mark(more=bool(stored))),)
            if stored:
                progress = replace(progress, posted=shown[0])
                await self._ports.checkpoint(delivery, progress.dump())
        if stored:
            shown += await self._shares.share(delivery, stored, progress, *await self.place(delivery))
        return Sent(shown)

    async def _say(self, delivery: Delivery, outgoing: Outgoing, mark: Mark) -> str:
        """Post it; what Slack puts outside the deleted thread it was meant for is taken back: everybody would read it.
        Raises CallFailed."""
        channel, thread = await self.place(delivery)
        content = render.message(outgoing, delivery.part, delivery.parts)
        bare = render.bare(outgoing, delivery.part, delivery.parts)
        posted = await self._posts.post_or_bare(delivery, content, bare, channel, thread, mark)
        if thread is None or posted.thread == thread:
            return posted.ref
        log.warning("slack.thread_gone", channel=delivery.channel, conversation=str(delivery.conversation))
        await self._delete(posted.ref)
        raise CallFailed(Rejected("the thread is gone"), "thread_not_found")

    async def _change(self, delivery: Delivery) -> Outcome:
        """An edit, a deletion, an emoji on what is there."""
        outgoing = delivery.outgoing
        if (target := outgoing.target) is None:
            return Rejected("there is no Slack message to change")
        self._posts.hold(delivery)
        if delivery.kind is DeliveryKind.EDIT:
            await self._posts.update(delivery, target, render.message(outgoing, delivery.part, delivery.parts))
        elif delivery.kind is DeliveryKind.DELETE:
            await self._delete(target)
        elif name := outgoing.reaction:
            channel, ts = parted(target)
            arguments = {"channel": channel, "timestamp": ts, "name": emojis.to_name(name) or name}
            await self._posts.settle("reactions.add", arguments, done="already_reacted")
        return Sent((target,))

    async def _delete(self, ref: str) -> None:
        channel, ts = parted(ref)
        await self._posts.settle("chat.delete", {"channel": channel, "ts": ts}, done="message_not_found")


def _placeholder(attachment: Attachment) -> Paragraph:
    """What a file was, where the file itself cannot be (X9)."""
    return Paragraph((FileRef(0, attachment.name),))
