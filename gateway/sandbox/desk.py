"""The Slack desk: channels, threads and the people who sit at it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.sandbox.pane import SHOWN, UNKNOWN, File, Json, Misuse, text_of, truth_of
from gateway.sandbox.slack import workspace
from gateway.sandbox.slack.modals import Modal
from gateway.sandbox.slack.standin import SlackStandIn
from gateway.sandbox.slack.workspace import Post, Whisper

_CALLED = re.compile(r"\s*@onevoice\s+(?=\S)", re.IGNORECASE)
PEOPLE = ("alice", "bob", "carol", "dana", "guest")


class Desk:
    """The workspace as `people` see it. `agents` among them may answer customers; `channels` are shown even when
    they are empty, by name without #; in those of them that are `asked` people ask, as in their direct messages."""

    def __init__(
        self,
        slack: SlackStandIn,
        agents: frozenset[str],
        channels: Sequence[str],
        people: Sequence[str] = PEOPLE,
        asked: Sequence[str] = (),
    ) -> None:
        self._slack = slack
        self._agents = agents
        self._channels = (*channels, *asked)
        self._asked = asked
        self._people = people
        self.watch: Callable[[Callable[[], None]], Callable[[], None]] = slack.watch

    def view(self) -> Json:
        space = self._slack.workspace
        people = [self._slack.user(name) for name in self._people]
        if self._asked:
            for user in people:
                space.direct(user.id)
        shown = [
            each
            for each in space.channels.values()
            if not each.private and (each.posts or each.direct or each.name in self._channels)
        ]
        return {
            "modals": {user.id: _form(modal) for user in people if (modal := self._slack.modal(user.name)) is not None},
            "people": [
                {"id": user.id, "name": user.name, "label": user.real_name, "agent": user.name in self._agents}
                for user in people
            ],
            "homes": {
                user.id: {"hash": home.hash, "blocks": home.view["blocks"]}
                for user in people
                if (home := self._slack.home(user.id)) is not None
            },
            "names": {user.id: user.real_name for user in space.users.values()},
            "channels": [
                {
                    "id": channel.id,
                    "name": channel.name,
                    "direct": channel.direct,
                    "asked": channel.direct is not None or channel.name in self._asked,
                    "whispers": [
                        self._whisper(each)
                        for each in space.whispers
                        if each.thread_ts is None and each.channel == channel.id
                    ][-SHOWN:],
                    "roots": [
                        {
                            **self._post(root),
                            "replies": [self._post(reply) for reply in channel.threads.get(root.ts, ())[-SHOWN:]],
                            "whispers": [self._whisper(each) for each in space.whispers if each.thread_ts == root.ts],
                        }
                        for root in self._slack.roots(channel.id)[-SHOWN:]
                        if root.thread_ts is None
                    ],
                }
                for channel in sorted(shown, key=lambda each: (each.direct is not None, each.name))
            ],
        }

    def _whisper(self, whisper: Whisper) -> Json:
        return {
            "ts": whisper.ts,
            "user": workspace.BOT_USER,
            "bot": True,
            "text": whisper.text,
            "blocks": list(whisper.blocks),
            "edited": False,
            "reactions": [],
            "files": [],
            "only_for": whisper.user,
        }

    def _post(self, post: Post) -> Json:
        return {
            "ts": post.ts,
            "user": post.user,
            "bot": post.bot,
            "text": post.text,
            "blocks": list(post.blocks),
            "edited": post.edited is not None,
            "reactions": [{"name": name, "users": users} for name, users in post.reactions.items()],
            "files": [_file(file).view(f"slack/{file.id}") for file in post.files],
        }

    async def act(self, verb: str, body: Mapping[str, Any], files: Sequence[File]) -> None:
        user, channel = text_of(body, "user"), text_of(body, "channel")
        if user not in self._people:
            raise LookupError(f"nobody here is called {user!r}")
        match verb:
            case "post":
                self._say(user, channel, body, files)
            case "edit":
                if not text_of(body, "text").strip():
                    raise Misuse("An edited message needs a text.")
                self._slack.edit(user, channel, text_of(body, "ts"), text_of(body, "text"))
            case "delete":
                if (post := self._slack.channel(channel).posts[text_of(body, "ts")]).user != self._slack.user(user).id:
                    raise Misuse(f"{self._slack.user(post.user).real_name} wrote this; only they may delete it.")
                self._slack.delete(user, channel, post.ts)
            case "command":
                if text_of(body, "thread"):
                    raise Misuse("Slack has no commands in threads: write @onevoice and what to do.")
                self._slack.command(user, channel, "/onevoice", text_of(body, "text"))
            case "home":
                self._slack.homes.open(self._slack.user(user))
            case "press_home":
                self._press_home(user, text_of(body, "action"))
            case "press":
                self._press(user, channel, body)
            case "shortcut":
                self._slack.shortcut(user, channel, text_of(body, "ts"), text_of(body, "name"))
            case "submit" | "close" | "search" | "modal-press":
                self._fill_in(user, verb, body)
            case "react":
                self._slack.react(
                    user, channel, text_of(body, "ts"), text_of(body, "name"), added=truth_of(body, "added")
                )
            case _:
                raise LookupError(f"at the desk nobody can {verb}")

    def _press(self, user: str, channel: str, body: Mapping[str, Any]) -> None:
        try:
            self._slack.press(
                user, channel, text_of(body, "ts"), text_of(body, "action"), text_of(body, "value") or None
            )
        except LookupError as error:
            raise Misuse("The card has changed meanwhile: this button is gone.") from error

    def _press_home(self, user: str, action: str) -> None:
        try:
            self._slack.homes.press(self._slack.user(user), action)
        except LookupError as error:
            raise Misuse("The Home has changed meanwhile: this button is gone.") from error

    def _fill_in(self, user: str, verb: str, body: Mapping[str, Any]) -> None:
        """What somebody does with the form in front of them."""
        person, modals = self._slack.user(user), self._slack.modals
        try:
            match verb:
                case "submit":
                    values = body.get("values", {})
                    modals.submit(person, {str(name): text_of(values, name) for name in values})
                case "close":
                    modals.close(person)
                case "search":
                    modals.search(person, text_of(body, "field"), text_of(body, "typed"))
                case "modal-press":
                    modals.press(person, text_of(body, "action"))
        except LookupError as error:
            raise Misuse("The form has changed meanwhile: open it again.") from error
        except ValueError as error:
            raise Misuse(f"Slack does not take this: {error}.") from error

    def _say(self, user: str, channel: str, body: Mapping[str, Any], files: Sequence[File]) -> None:
        text = text_of(body, "text")
        if not text.strip() and not files:
            raise Misuse("Write something or choose a file.")
        thread = text_of(body, "thread") or None
        if thread is not None and thread not in self._slack.channel(channel).posts:
            raise Misuse("This thread was deleted.")
        attached = [(file.name, file.content_type or UNKNOWN, file.content) for file in files]
        called = _CALLED.match(text)  # Slack's own client makes a mention of the name as it is typed
        if called is not None and not attached:
            self._slack.mention(user, channel, workspace.escaped(text[called.end() :]), thread)
        else:
            self._slack.post(user, channel, text, thread_ts=thread, files=attached)

    def file(self, path: Sequence[str]) -> File:
        (number,) = path
        return _file(self._slack.workspace.files[number])


def _file(file: workspace.File) -> File:
    return File(name=file.name, content_type=file.content_type, content=file.content or b"")


def _form(modal: Modal) -> Json:
    """What the page shows of an open form."""
    view = modal.view
    return {
        "id": modal.id,
        "hash": modal.hash,
        "title": view["title"]["text"],
        "submit": view["submit"]["text"] if "submit" in view else "",
        "close": view["close"]["text"] if "close" in view else "",
        "blocks": view["blocks"],
        "errors": modal.errors,
        "offered": modal.offered,
        "sending": modal.sending,
    }
