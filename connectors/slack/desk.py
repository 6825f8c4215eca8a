"""Deliveries as Slack calls: what leaves, where it goes, and what is certain afterwards."""

import asyncio
from dataclasses import replace

import structlog

from connectors.base import NotSent, Outcome, Ports, Rejected, Sent, Unknown
from connectors.slack import emojis, notices, render
from connectors.slack.card import content as card_of
from connectors.slack.directs import Directs
from connectors.slack.members import Members
from connectors.slack.outcomes import THREAD_GONE_CODES, CallFailed
from connectors.slack.places import Places
from connectors.slack.posts import ASIDE, Mark, Posts, parted
from connectors.slack.progress import Progress
from connectors.slack.shares import Shares
from router.model import Attachment, Delivery, DeliveryKind, Outgoing
from router.richtext import FileRef, Paragraph, RichText, Span

log = structlog.get_logger(__name__)

DELIVER_WITHIN = 28.0


class Desk:
    """Sends deliveries to a workspace."""

    def __init__(
        self, posts: Posts, shares: Shares, places: Places, members: Members, directs: Directs, ports: Ports
    ) -> None:
        self._posts = posts
        self._shares = shares
        self._places = places
        self._members = members
        self._directs = directs
        self._ports = ports

    async def deliver(self, delivery: Delivery) -> Outcome:
        try:
            async with asyncio.timeout(DELIVER_WITHIN):
                match delivery.kind:
                    case DeliveryKind.ROOT:
                        return await self._root(delivery)
                    case DeliveryKind.CARD:
                        return await self._card(delivery)
                    case DeliveryKind.MESSAGE:
                        return await self._message(delivery)
                    case DeliveryKind.NOTICE:
                        return await self._notice(delivery)
                    case DeliveryKind.DIRECT:
                        return await self._directs.deliver(delivery)
                    case DeliveryKind.EDIT:
                        return await self._edit(delivery)
                    case DeliveryKind.DELETE:
                        return await self._delete(delivery)
                    case DeliveryKind.REACTION:
                        return await self._react(delivery)
        except CallFailed as failure:
            return failure.outcome
        except TimeoutError:
            return Unknown(f"Slack took longer than {DELIVER_WITHIN:.0f} s")

    async def place(self, delivery: Delivery) -> tuple[str, str | None]:
        """Slack channel id and thread ts a delivery goes to. Raises CallFailed."""
        if delivery.kind is DeliveryKind.DIRECT:
            return await self._directs.place(delivery.address), None
        if (thread := Progress.load(delivery.checkpoint).root or delivery.thread) is not None:
            return parted(thread)
        return await self._places.id_of(delivery.address), None

    async def _root(self, delivery: Delivery) -> Outcome:
        card = delivery.outgoing.card
        content = card_of(card) if card is not None else render.continued(delivery.number)
        try:
            posted = await self._posts.post(delivery, content, await self._places.id_of(delivery.address))
        except CallFailed as failure:
            if failure.code in ("channel_not_found", "is_archived"):
                self._places.forget(delivery.address)
            raise
        return Sent((posted.ref,))

    async def _card(self, delivery: Delivery) -> Outcome:
        """Where the root is gone, its new card is a new root (S29)."""
        if delivery.thread is None or delivery.outgoing.card is None:
            return NotSent("the desk thread is not open yet")
        content = card_of(delivery.outgoing.card)
        try:
            await self._posts.update(delivery, delivery.thread, content)
        except CallFailed as failure:
            if failure.code != "message_not_found":
                raise
            channel, _ = parted(delivery.thread)
            root = (await self._posts.post(delivery, content, channel)).ref
            return Sent((root,), thread=root)
        return Sent((delivery.thread,))

    async def _message(self, delivery: Delivery) -> Outcome:
        """Text first, then its files as one more message."""
        outgoing = delivery.outgoing
        stored = {index: each for index, each in enumerate(outgoing.attachments) if each.blob is not None}
        missing = [each for each in outgoing.attachments if each.blob is None]
        progress = Progress.load(delivery.checkpoint)
        shown: tuple[str, ...] = ()
        if progress.posted is not None:
            shown = (progress.posted,)
        elif outgoing.text or missing or not stored:
            text = RichText((*outgoing.text.blocks, *(_placeholder(each) for each in missing)))
            ref, progress = await self._in_thread(delivery, replace(outgoing, text=text), Mark(more=bool(stored)))
            shown = (ref,)
            if stored:
                progress = replace(progress, posted=ref)
                await self._ports.checkpoint(delivery, progress.dump())
        if stored:
            channel, thread = await self.place(replace(delivery, checkpoint=progress.dump()))
            try:
                shown += await self._shares.share(delivery, stored, progress, channel, thread)
            except CallFailed as failure:
                if not isinstance(failure.outcome, Rejected):
                    raise
                lost = (*(_placeholder(each) for each in stored.values()), Paragraph((Span(str(failure)),)))
                content = render.bare(Outgoing(text=RichText(lost)))
                shown += ((await self._posts.post(delivery, content, channel, thread, ASIDE)).ref,)
        return Sent(shown, thread=progress.root)

    async def _notice(self, delivery: Delivery) -> Outcome:
        if (member := delivery.outgoing.only_for) is not None:
            channel, thread = await self.place(delivery)
            await self._posts.whisper(delivery, notices.content(delivery.outgoing), member, channel, thread)
            return Sent((f"{channel}:only-for-{member}",))
        said = replace(delivery.outgoing, text=await self._members.named(delivery.outgoing.text))
        ref, progress = await self._in_thread(delivery, said, Mark())
        return Sent((ref,), thread=progress.root)

    async def _in_thread(self, delivery: Delivery, outgoing: Outgoing, mark: Mark) -> tuple[str, Progress]:
        """Post into the delivery's thread; where that is gone or never came to be, open a new one and say so (S29).

        Slack either refuses, or silently posts outside any thread, which only its answer tells: then that post
        becomes the new root and the message goes below it.
        """
        notice = delivery.kind is DeliveryKind.NOTICE
        part, parts = delivery.part, delivery.parts
        content = notices.content(outgoing) if notice else notices.message(outgoing, part, parts)
        bare = render.bare(outgoing, part, parts)
        progress = Progress.load(delivery.checkpoint)
        channel, thread = await self.place(delivery)
        stray: str | None = None
        try:
            if thread is not None:
                posted = await self._posts.post_or_bare(delivery, content, bare, channel, thread, mark)
                if posted.thread == thread:
                    return posted.ref, progress
                stray = posted.ref
        except CallFailed as failure:
            if failure.code not in THREAD_GONE_CODES:
                raise
        log.warning("slack.thread_gone", channel=delivery.channel, conversation=str(delivery.conversation))
        said = render.continued(delivery.number)
        root = stray or (await self._posts.post(delivery, said, channel, mark=ASIDE)).ref
        progress = replace(progress, root=root)
        await self._ports.checkpoint(delivery, progress.dump())
        if stray is not None:
            await self._posts.to_root(delivery, stray, said)
        posted = await self._posts.post_or_bare(delivery, content, bare, *parted(root), mark)
        return posted.ref, progress

    async def _edit(self, delivery: Delivery) -> Outcome:
        if (target := delivery.outgoing.target) is None:
            return Rejected("there is no Slack message to edit")
        outgoing = delivery.outgoing
        is_notice = outgoing.replaces is not None
        content = notices.content(outgoing) if is_notice else notices.message(outgoing, delivery.part, delivery.parts)
        await self._posts.update(delivery, target, content)
        return Sent((target,))

    async def _delete(self, delivery: Delivery) -> Outcome:
        if (target := delivery.outgoing.target) is None:
            return Rejected("there is no Slack message to delete")
        channel, ts = parted(target)
        self._posts.hold(delivery)
        await self._posts.settle("chat.delete", {"channel": channel, "ts": ts}, done="message_not_found")
        return Sent((target,))

    async def _react(self, delivery: Delivery) -> Outcome:
        """An emoji or its Slack name; a minus in front takes it away."""
        target, reaction = delivery.outgoing.target, delivery.outgoing.reaction
        if target is None or not reaction:
            return Rejected("there is no Slack message to react to")
        channel, ts = parted(target)
        bare = reaction if reaction == "-1" else reaction.removeprefix("-")  # ":-1:" is thumbs down
        arguments = {"channel": channel, "timestamp": ts, "name": emojis.to_name(bare) or bare}
        method, done = ("reactions.remove", "no_reaction") if bare != reaction else ("reactions.add", "already_reacted")
        self._posts.hold(delivery)
        try:
            await self._posts.settle(method, arguments, done=done)
        except CallFailed as failure:
            if failure.code != "message_not_found":  # its author deleted it: there is nothing to mark
                raise
        return Sent((target,))


def _placeholder(attachment: Attachment) -> Paragraph:
    """What a file was, where the file itself cannot be (X9)."""
    size = f", {attachment.size / 1_000_000:.1f} MB" if attachment.size else ""
    return Paragraph((FileRef(0, f"{attachment.name}{size}"),))
