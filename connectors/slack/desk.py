"""Deliveries as Slack calls: what leaves, where it goes, and what is certain afterwards."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from connectors.base import NotSent, Outcome, Ports, Rejected, Sent, Unknown
from connectors.slack import emojis, render
from connectors.slack.api import SlackApi
from connectors.slack.files import Files
from connectors.slack.outcomes import CONTENT_CODES, THREAD_GONE_CODES, CallFailed
from connectors.slack.parse import ECHO_EVENT
from connectors.slack.places import Places
from connectors.slack.progress import Progress
from router.model import Attachment, Delivery, DeliveryKind, Outgoing
from router.richtext import FileRef, Paragraph, RichText, Span, plain

log = structlog.get_logger(__name__)

Content = Mapping[str, Any]

DELIVER_WITHIN = 28.0
TEXT_LIMIT = 39_000
"""Slack cuts a text off at 40,000 characters and says nothing (S22)."""
ASIDE_EVENT = "gw.aside"
"""What we post beside a delivery (a new root, a word about a lost file): ours, but the echo of nothing."""


@dataclass(frozen=True, slots=True)
class _Posted:
    """A message Slack took: its ref, and the ts of the thread it is really in."""

    ref: str
    thread: str | None


class Desk:
    """Sends deliveries to a workspace. Every call that cannot be repeated asks `holds` first (R4); `posted` learns of
    every thread Slack took a post in."""

    def __init__(
        self, api: SlackApi, places: Places, files: Files, ports: Ports, posted: Callable[[str], None]
    ) -> None:
        self._api = api
        self._places = places
        self._files = files
        self._ports = ports
        self._posted = posted

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
        if (thread := Progress.load(delivery.checkpoint).root or delivery.thread) is not None:
            return _parted(thread)
        return await self._places.id_of(delivery.address), None

    # The kinds.

    async def _root(self, delivery: Delivery) -> Outcome:
        card = delivery.outgoing.card
        content = render.card(card) if card is not None else render.continued(delivery.number)
        try:
            posted = await self._post(delivery, content, await self._places.id_of(delivery.address))
        except CallFailed as failure:
            if failure.code in ("channel_not_found", "is_archived"):
                self._places.forget(delivery.address)
            raise
        return Sent((posted.ref,))

    async def _card(self, delivery: Delivery) -> Outcome:
        if delivery.thread is None or delivery.outgoing.card is None:
            return NotSent("the desk thread is not open yet")
        content = render.card(delivery.outgoing.card)
        try:
            await self._update(delivery.thread, content)
        except CallFailed as failure:
            if failure.code != "message_not_found":
                raise
            channel, _ = _parted(delivery.thread)
            root = (await self._post(delivery, content, channel)).ref
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
            content = replace(outgoing, text=text)
            ref, progress = await self._post_threaded(delivery, content, progress)
            shown = (ref,)
            if stored:
                progress = replace(progress, posted=ref)
                await self._ports.checkpoint(delivery, progress.dump())
        if stored:
            delivery = replace(delivery, checkpoint=progress.dump())
            try:
                shown += await self._share(delivery, stored, progress)
            except CallFailed as failure:
                if not isinstance(failure.outcome, Rejected):
                    raise
                shown += (await self._without_files(delivery, stored, failure),)
        return Sent(shown, thread=progress.root)

    async def _notice(self, delivery: Delivery) -> Outcome:
        ref, progress = await self._post_threaded(delivery, delivery.outgoing, Progress.load(delivery.checkpoint))
        return Sent((ref,), thread=progress.root)

    async def _edit(self, delivery: Delivery) -> Outcome:
        if (target := delivery.outgoing.target) is None:
            return Rejected("there is no Slack message to edit")
        await self._update(target, render.message(delivery.outgoing, delivery.part, delivery.parts))
        return Sent((target,))

    async def _delete(self, delivery: Delivery) -> Outcome:
        if (target := delivery.outgoing.target) is None:
            return Rejected("there is no Slack message to delete")
        channel, ts = _parted(target)
        await self._settled("chat.delete", {"channel": channel, "ts": ts}, done="message_not_found")
        return Sent((target,))

    async def _react(self, delivery: Delivery) -> Outcome:
        """An emoji or its Slack name; a minus in front takes it away."""
        target, reaction = delivery.outgoing.target, delivery.outgoing.reaction
        if target is None or not reaction:
            return Rejected("there is no Slack message to react to")
        channel, ts = _parted(target)
        bare = reaction.removeprefix("-") if len(reaction) > 1 and reaction != "-1" else reaction
        name = emojis.to_name(bare) or bare
        arguments = {"channel": channel, "timestamp": ts, "name": name}
        if bare != reaction:
            await self._settled("reactions.remove", arguments, done="no_reaction")
        else:
            await self._settled("reactions.add", arguments, done="already_reacted")
        return Sent((target,))

    # The calls.

    async def _settled(self, method: str, arguments: Content, *, done: str) -> None:
        """A repeatable call; `done` is Slack's word for "it is so already"."""
        try:
            await self._api.write(method, arguments, repeatable=True)
        except CallFailed as failure:
            if failure.code != done:
                raise

    async def _update(self, target: str, content: Content) -> None:
        try:
            await self._api.write("chat.update", _changed(content, target), repeatable=True)
        except CallFailed as failure:
            if failure.code not in CONTENT_CODES or not content["blocks"]:
                raise
            log.warning("slack.plain_text_instead", code=failure.code)
            bare = {"text": content["text"], "blocks": []}
            await self._api.write("chat.update", _changed(bare, target), repeatable=True)

    async def _post_threaded(self, delivery: Delivery, outgoing: Outgoing, progress: Progress) -> tuple[str, Progress]:
        """Post into the delivery's thread; where that is gone, open a new one and say so (S29).

        Slack either refuses, or silently posts outside any thread, which only its answer tells: then that post
        becomes the new root and the message goes below it.
        """
        notice = delivery.kind is DeliveryKind.NOTICE
        part, parts = delivery.part, delivery.parts
        content = render.notice(outgoing) if notice else render.message(outgoing, part, parts)
        bare = render.bare(outgoing, part, parts)
        channel, thread = await self.place(delivery)
        stray: str | None = None
        try:
            posted = await self._post_or_bare(delivery, content, bare, channel, thread)
            if posted.thread == thread:
                return posted.ref, progress
            stray = posted.ref
        except CallFailed as failure:
            if failure.code not in THREAD_GONE_CODES:
                raise
        log.warning("slack.thread_gone", channel=delivery.channel, conversation=str(delivery.conversation))
        said = render.continued(delivery.number)
        root = stray or (await self._post(delivery, said, channel, event=ASIDE_EVENT)).ref
        progress = replace(progress, root=root)
        await self._ports.checkpoint(delivery, progress.dump())
        if stray is not None:
            await self._update(stray, {**said, "metadata": _mark(delivery, None, ASIDE_EVENT)})
        posted = await self._post_or_bare(delivery, content, bare, *_parted(root))
        return posted.ref, progress

    async def _post_or_bare(
        self, delivery: Delivery, content: Content, bare: Content, channel: str, thread: str | None
    ) -> _Posted:
        """The formatted message, or its bare text where Slack does not take it (S28)."""
        try:
            return await self._post(delivery, content, channel, thread)
        except CallFailed as failure:
            if failure.code not in CONTENT_CODES or not content["blocks"]:
                raise
            log.warning("slack.plain_text_instead", code=failure.code, delivery=str(delivery.id))
            return await self._post(delivery, bare, channel, thread)

    async def _post(
        self, delivery: Delivery, content: Content, channel: str, thread: str | None = None, event: str = ECHO_EVENT
    ) -> _Posted:
        """`chat.postMessage`."""
        if len(content["text"]) > TEXT_LIMIT:
            raise CallFailed(Rejected(f"the text has more than {TEXT_LIMIT} characters, Slack would cut it off"))
        arguments = _said(content) | {"channel": channel, "metadata": _mark(delivery, thread, event)}
        if thread is not None:
            arguments["thread_ts"] = thread
        self._hold(delivery)
        answer = await self._api.write("chat.postMessage", arguments)
        ts: str = answer["ts"]
        channel = answer.get("channel") or channel
        within: str | None = (answer.get("message") or {"thread_ts": thread}).get("thread_ts")
        self._posted(f"{channel}:{within or ts}")
        return _Posted(f"{channel}:{ts}", within)

    def _hold(self, delivery: Delivery) -> None:
        if not self._ports.holds(delivery):
            raise CallFailed(NotSent("another node took this delivery over"))

    # Files.

    async def _share(self, delivery: Delivery, stored: Mapping[int, Attachment], progress: Progress) -> tuple[str, ...]:
        """Upload what is not uploaded, show what is not shown; the ids of the messages that show files (S26)."""
        channel, thread = await self.place(delivery)
        shown, waiting = await self._shown(progress, channel)
        resumed = frozenset(waiting)
        for index, attachment in stored.items():
            if index not in progress.files:
                file, url = await self._files.begin(attachment)
                progress = replace(progress, files=progress.files | {index: file})
                await self._ports.checkpoint(delivery, progress.dump())
                await self._files.send(url, attachment)
                waiting[index] = file
        if waiting:
            self._hold(delivery)
            try:
                await self._files.share({file: stored[index].name for index, file in waiting.items()}, channel, thread)
            except CallFailed as failure:
                if not resumed or not isinstance(failure.outcome, Rejected):
                    raise
                anew = {index: file for index, file in progress.files.items() if index not in resumed}
                await self._ports.checkpoint(delivery, replace(progress, files=anew).dump())
                raise CallFailed(NotSent("an earlier upload was never finished: it begins anew")) from failure
            for index, file in waiting.items():
                if (ts := await self._files.shown_at(file, channel, patient=True)) is None:
                    raise CallFailed(NotSent(f'Slack took the file "{stored[index].name}" but does not show it'))
                shown[index] = f"{channel}:{ts}"
        return tuple(dict.fromkeys(shown[index] for index in sorted(shown)))

    async def _without_files(self, delivery: Delivery, stored: Mapping[int, Attachment], failure: CallFailed) -> str:
        """Slack will never take these files: say in their place what they were (X9)."""
        lines = (*(_placeholder(each) for each in stored.values()), Paragraph((Span(str(failure)),)))
        channel, thread = await self.place(delivery)
        content = render.bare(Outgoing(text=RichText(lines)))
        return (await self._post(delivery, content, channel, thread, event=ASIDE_EVENT)).ref

    async def _shown(self, progress: Progress, channel: str) -> tuple[dict[int, str], dict[int, str]]:
        """Files of an earlier attempt: those that are seen, and those that are only uploaded."""
        shown: dict[int, str] = {}
        waiting: dict[int, str] = {}
        for index, file in progress.files.items():
            if (ts := await self._files.shown_at(file, channel)) is not None:
                shown[index] = f"{channel}:{ts}"
            else:
                waiting[index] = file
        return shown, waiting


def _parted(ref: str) -> tuple[str, str]:
    channel, _, ts = ref.partition(":")
    return channel, ts


def _said(content: Content) -> dict[str, object]:
    """Nothing in the text may ping, link or unfurl by itself (S23)."""
    return {**content, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _changed(content: Content, target: str) -> dict[str, object]:
    channel, ts = _parted(target)
    return {**content, "parse": "none", "link_names": False, "channel": channel, "ts": ts}


def _mark(delivery: Delivery, thread: str | None, event: str) -> Content:
    """By this a post is known again, in its echo and when it is looked for (S20); `thread` is where it was meant."""
    sha = hashlib.sha256(plain(delivery.outgoing.text).encode()).hexdigest()[:16]
    meant = {"thread": thread} if thread else {}
    return {"event_type": event, "event_payload": {"oid": delivery.id.hex, "part": delivery.part, "sha": sha, **meant}}


def _placeholder(attachment: Attachment) -> Paragraph:
    """What a file was, where the file itself cannot be (X9)."""
    size = f", {attachment.size / 1_000_000:.1f} MB" if attachment.size else ""
    return Paragraph((FileRef(0, f"{attachment.name}{size}"),))
