"""The guided first minute: what to do next on each channel, and whether it happened.

Every step is judged by the truth of the stand-ins, so it does not matter who acts, the page or a test over HTTP.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.base import Clock
from gateway.sandbox.pane import Json
from gateway.sandbox.phone import PEOPLE as PHONE_PEOPLE
from gateway.sandbox.slack.workspace import BOT_USER, Post
from gateway.sandbox.steps import STEPS, Step
from gateway.sandbox.world import World
from router.model import ChannelType
from router.notes import is_note
from router.richtext import of_text

SENT = "white_check_mark"
"""The reaction of the app on a reply that has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was there before the tour began."""

    ts: float
    chats: int
    mails: int


class Tour:
    """Begins when it is made; `restart` begins again with what comes after. `agents` by Slack name."""

    def __init__(self, world: World, clock: Clock, agents: frozenset[str]) -> None:
        self._world = world
        self._clock = clock
        self._agents = {world.slack.user(name).id for name in agents}
        self.restart()

    def restart(self) -> None:
        self._on = True
        self._skipped: set[str] = set()
        self._done: dict[str, datetime] = {}
        self._shown: dict[ChannelType, Post] = {}
        self._since = Baseline(
            ts=self._clock().timestamp(),
            chats=sum(len(self._world.telegram.chat(name)) for name in PHONE_PEOPLE),
            mails=len(self._world.mail.inbox.mails),
        )

    def skip(self) -> None:
        """Go on without the current step."""
        if (step := self._current()) is not None:
            self._skipped.add(step.id)

    def end(self) -> None:
        self._on = False

    def view(self) -> Json:
        """The steps with their state; `took` is how long after the step before it a step happened, in ms."""
        self._look()
        current = self._current()
        return {
            "on": self._on,
            "current": current.id if current else None,
            "steps": [
                {
                    "id": step.id,
                    "channel": step.channel,
                    "pane": step.pane,
                    "title": step.title,
                    "text": step.text,
                    "example": step.example,
                    "hold": step.hold.total_seconds() if step.hold else None,
                    "state": "done" if step.id in self._done else "skipped" if step.id in self._skipped else "open",
                    "took": self._took(number),
                    "thread": self._thread(step.channel),
                }
                for number, step in enumerate(STEPS)
            ],
        }

    def _current(self) -> Step | None:
        return next((step for step in STEPS if step.id not in self._done and step.id not in self._skipped), None)

    def _took(self, number: int) -> int | None:
        if number == 0:
            return None
        before, at = self._done.get(STEPS[number - 1].id), self._done.get(STEPS[number].id)
        return int((at - before) / timedelta(milliseconds=1)) if before and at else None

    def _thread(self, channel: ChannelType) -> Json | None:
        """The newest conversation of the tour on a channel."""
        root = self._shown.get(channel)
        return {"channel": root.channel, "ts": root.ts} if root else None

    def _look(self) -> None:
        """Mark what has happened since the last look; a step that was done stays done."""
        now = self._clock()
        for channel in (ChannelType.TELEGRAM, ChannelType.WEBCHAT, ChannelType.EMAIL):
            if f"{channel}.arrive" not in self._done:
                for verb in self._happened(channel):
                    self._done.setdefault(f"{channel}.{verb}", now)

    def _happened(self, channel: ChannelType) -> Iterator[str]:
        asked = self._asked(channel)
        if asked:
            yield "ask"
        threads = [(root, replies) for root, replies in self._threads() if _is_about(root, channel)]
        shown = [(root, replies) for root, replies in threads if any(post.bot for post in self._new(replies))]
        if not shown:
            return
        if not asked:  # the web chat has no stand-in: what was asked is known when it is shown
            yield "ask"
        self._shown[channel] = shown[-1][0]
        yield "show"
        answers = [
            reply
            for _, replies in shown
            for reply in self._new(replies)
            if reply.user in self._agents and not is_note(of_text(reply.text))
        ]
        if not answers:
            return
        yield "answer"
        if self._arrived(channel, answers):
            yield "arrive"

    def _new(self, posts: Iterable[Post]) -> Iterator[Post]:
        return (post for post in posts if float(post.ts) > self._since.ts)

    def _asked(self, channel: ChannelType) -> bool:
        match channel:
            case ChannelType.TELEGRAM:
                return sum(len(self._world.telegram.chat(name)) for name in PHONE_PEOPLE) > self._since.chats
            case ChannelType.EMAIL:
                return len(self._world.mail.inbox.mails) > self._since.mails
        return False

    def _threads(self) -> Iterator[tuple[Post, list[Post]]]:
        for channel in self._world.slack.workspace.channels.values():
            for ts, replies in channel.threads.items():
                yield channel.posts[ts], replies

    def _arrived(self, channel: ChannelType, answers: list[Post]) -> bool:
        first = min(float(answer.ts) for answer in answers)
        match channel:
            case ChannelType.TELEGRAM:
                return any(sent.at.timestamp() > first for sent in self._world.telegram.truth)
            case ChannelType.EMAIL:
                return any(mail.at.timestamp() > first for mail in self._world.mail.accepted)
        return any(BOT_USER in answer.reactions.get(SENT, ()) for answer in answers)


def _is_about(root: Post, channel: ChannelType) -> bool:
    """Whether a root card names a channel of this type."""
    return any(f"({channel})" in text for block in root.blocks for text in _texts(block))


def _texts(block: Mapping[str, object]) -> Iterator[str]:
    elements = block.get("elements")
    if block.get("type") == "context" and isinstance(elements, list):
        yield from (str(each.get("text", "")) for each in elements)
