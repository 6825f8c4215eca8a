"""The files of a message: uploaded, shown as one more message, and seen there before they count (S26)."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.base import NotSent, Ports, Rejected
from connectors.slack.files import Files
from connectors.slack.outcomes import CallFailed
from connectors.slack.posts import Posts
from connectors.slack.progress import Progress
from router.model import Attachment, Delivery


class Shares:
    def __init__(self, files: Files, posts: Posts, ports: Ports) -> None:
        self._files = files
        self._posts = posts
        self._ports = ports

    async def share(
        self,
        delivery: Delivery,
        stored: Mapping[int, Attachment],
        progress: Progress,
        channel: str,
        thread: str | None,
    ) -> tuple[str, ...]:
        """Upload what is not uploaded, show what is not shown; the refs of the messages that show files.

        `stored` are attachments by their index in the message. Raises CallFailed.
        """
        shown, waiting = await self._earlier(progress, channel)
        resumed = frozenset(waiting)
        for index, attachment in stored.items():
            if index not in progress.files:
                file, url = await self._files.begin(attachment)
                progress = replace(progress, files=progress.files | {index: file})
                await self._ports.checkpoint(delivery, progress.dump())
                await self._files.send(url, attachment)
                waiting[index] = file
        if waiting:
            self._posts.hold(delivery)
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

    async def _earlier(self, progress: Progress, channel: str) -> tuple[dict[int, str], dict[int, str]]:
        """Files of an earlier attempt: those that are seen, and those that are only uploaded."""
        shown: dict[int, str] = {}
        waiting: dict[int, str] = {}
        for index, file in progress.files.items():
            if (ts := await self._files.shown_at(file, channel)) is not None:
                shown[index] = f"{channel}:{ts}"
            else:
                waiting[index] = file
        return shown, waiting
