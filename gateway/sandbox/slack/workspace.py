"""The state of a Slack workspace: people, channels, posts, files, and what each change tells the app."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.base import Clock

Payload = Mapping[str, Any]

TEAM = "T0SHOP"
BOT_USER = "U0ONEVOICE"
BOT = "B0ONEVOICE"
APP = "A0ONEVOICE"

_SHORTHAND = re.compile(r"(https?://[^\s<>]+)|:([a-z0-9_+-]+(?:::skin-tone-[2-6])?):")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or bot. `team` differs from the workspace's for people of another one."""

    id: str
    name: str
    real_name: str
    email: str
    team: str = TEAM
    guest: bool = False
    bot: bool = False

    def to_json(self) -> dict[str, Any]:
        profile = {"display_name": self.real_name, "real_name": self.real_name, "email": self.email}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": False,
            "is_bot": self.bot,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "is_stranger": self.team != TEAM,
            "profile": profile,
        }


@dataclass(slots=True, kw_only=True)
class File:
    id: str
    name: str
    content_type: str
    size: int
    content: bytes | None = None
    user: str = BOT_USER
    shares: dict[str, list[str]] = field(default_factory=dict)

    def to_json(self, base_url: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "title": self.name,
            "mimetype": self.content_type,
            "size": self.size,
            "user": self.user,
            "mode": "hosted",
            "url_private": f"{base_url}/files/{self.id}",
            "url_private_download": f"{base_url}/files/{self.id}",
            "shares": {"public": {channel: [{"ts": ts} for ts in posts] for channel, posts in self.shares.items()}},
        }


@dataclass(slots=True, kw_only=True)
class Post:
    """A message as Slack keeps it; `parent` wrote the root of its thread. `mentions` and `masked_links` count what a
    post of the app would do to people."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: Sequence[Payload] = ()
    thread_ts: str | None = None
    parent: str | None = None
    broadcast: bool = False
    bot: bool = False
    metadata: Payload | None = None
    files: list[File] = field(default_factory=list)
    edited: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    mentions: int = 0
    masked_links: int = 0
    tombstone: bool = False

    def to_json(self, base_url: str, *, metadata: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": TEAM}
        if self.blocks:
            shown["blocks"] = list(self.blocks)
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.parent:
            shown["parent_user_id"] = self.parent
        if self.bot:
            shown |= {"bot_id": BOT, "app_id": APP}
        if self.metadata is not None and metadata:
            shown["metadata"] = self.metadata
        if self.files:
            shown |= {"subtype": "file_share", "files": [file.to_json(base_url) for file in self.files]}
        if self.tombstone:
            shown |= {"subtype": "tombstone", "hidden": True}
        if self.broadcast:
            shown["subtype"] = "thread_broadcast"
        if self.edited:
            shown["edited"] = {"user": self.user, "ts": self.edited}
        if self.reactions:
            shown["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()
            ]
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper:
    """What the app showed to one member only."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: Sequence[Payload] = ()
    thread_ts: str | None = None


@dataclass(slots=True, kw_only=True)
class Channel:
    """`posts` by ts, oldest first; `threads` the posts of each thread, without its root. `direct`: the member whose
    direct messages with the app these are; `private`: nobody but the app is in it."""

    id: str
    name: str
    direct: str | None = None
    private: bool = False
    member: bool = True
    archived: bool = False
    posts: dict[str, Post] = field(default_factory=dict)
    threads: dict[str, list[Post]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        if self.direct is not None:
            return {"id": self.id, "is_im": True, "user": self.direct, "is_user_deleted": False, "is_archived": False}
        return {
            "id": self.id,
            "name": self.name,
            "is_private": self.private,
            "is_archived": self.archived,
            "is_member": self.member,
        }


class Workspace:
    """`tell` gets every event the app would be sent; `url` is where files are served."""

    def __init__(self, clock: Clock, tell: Callable[[dict[str, Any]], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._last = 0
        self._numbers = itertools.count(1)
        self.url = ""
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.whispers: list[Whisper] = []
        for user in _PEOPLE:
            self.users[user.id] = user
        for name in (*(f"support-{number}" for number in range(1, 9)), "aftersale", "help", "random"):
            self.add_channel(name)

    def add_channel(self, name: str, *, private: bool = False) -> Channel:
        channel = Channel(id=f"C0{re.sub('[^A-Z0-9]', '', name.upper())}", name=name, private=private)
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: str) -> Channel:
        """The direct messages of a member (id or name) with the app; raises KeyError."""
        member = self.user(user)
        name = f"D0{member.id.removeprefix('U0')}"
        return self.channels.setdefault(name, Channel(id=name, name=f"@{member.name}", direct=member.id))

    def now(self) -> datetime:
        return self._clock()

    def stamp(self) -> str:
        """A new ts, later than every other."""
        self._last = max(self._last + 1, int(self._clock().timestamp() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def number(self) -> int:
        return next(self._numbers)

    def user(self, name: str) -> User:
        """By id or by name; raises KeyError."""
        if known := self.users.get(name):
            return known
        for user in self.users.values():
            if user.name == name:
                return user
        raise KeyError(f"no Slack user {name!r}")

    def channel(self, name: str) -> Channel:
        """By id or by "#name", "@alice" for direct messages; raises KeyError."""
        if known := self.channels.get(name):
            return known
        if name.startswith("@"):
            return self.direct(name[1:])
        for channel in self.channels.values():
            if channel.name == name.removeprefix("#"):
                return channel
        raise KeyError(f"no Slack channel {name!r}")

    # Changes: each makes the event Slack would send.

    def add(self, post: Post) -> None:
        """A new post. Where the root of its thread is gone Slack posts it outside any thread and says nothing."""
        channel = self.channels[post.channel]
        if post.thread_ts not in channel.posts:
            post.thread_ts = None
        if post.thread_ts is not None:
            post.parent = channel.posts[post.thread_ts].user
            channel.threads.setdefault(post.thread_ts, []).append(post)
        channel.posts[post.ts] = post
        for file in post.files:
            file.shares.setdefault(post.channel, []).append(post.ts)
        shown = post.to_json(self.url, metadata=True)
        self._message(post.channel, {**shown, "user_team": self.users[post.user].team, "event_ts": post.ts})

    def change(self, post: Post, *, text: str, blocks: Sequence[Payload], by_person: bool) -> None:
        before = post.to_json(self.url)
        post.text, post.blocks, now = text, blocks, self.stamp()
        if by_person:
            post.edited = now
        self.touch(post, before, now)

    def touch(self, post: Post, before: Payload, now: str | None = None) -> None:
        """The event of a change, also of one that nobody made: unfurls and reply counts look the same (S5)."""
        now = now or self.stamp()
        changed = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": now, "event_ts": now}
        message = {**post.to_json(self.url), "user_team": self.users[post.user].team, "source_team": TEAM}
        self._message(post.channel, {**changed, "message": message, "previous_message": before})

    def remove(self, post: Post) -> None:
        """A root with replies stays as a tombstone, and its thread with it."""
        channel = self.channels[post.channel]
        if channel.threads.get(post.ts):
            before = post.to_json(self.url, metadata=True)
            post.tombstone, post.text, post.blocks, post.files = True, "This message was deleted.", (), []
            self.touch(post, before)
            return
        del channel.posts[post.ts]
        if post.thread_ts is not None:
            channel.threads[post.thread_ts].remove(post)
        now = self.stamp()
        gone = {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": now, "event_ts": now}
        self._message(
            post.channel, {**gone, "deleted_ts": post.ts, "previous_message": post.to_json(self.url, metadata=True)}
        )

    def react(self, user: str, post: Post, name: str, *, added: bool) -> bool:
        """False when it was so already."""
        users = post.reactions.get(name, [])
        if (user in users) == added:
            return False
        post.reactions[name] = [*users, user] if added else [each for each in users if each != user]
        if not post.reactions[name]:
            del post.reactions[name]
        self._tell(
            {
                "type": "reaction_added" if added else "reaction_removed",
                "user": user,
                "reaction": name,
                "item": {"type": "message", "channel": post.channel, "ts": post.ts},
                "item_user": post.user,
                "event_ts": self.stamp(),
            }
        )
        return True

    def _message(self, channel: str, event: dict[str, Any]) -> None:
        if not self.channels[channel].member:  # Slack tells an app only of the channels it is in
            return
        place = self.channels[channel]
        kind = "im" if place.direct is not None else "group" if place.private else "channel"
        self._tell({**event, "type": "message", "channel": channel, "channel_type": kind})


def typed(text: str) -> tuple[str, list[dict[str, Any]]]:
    """What Slack's own client makes of a typed text: the escaped `text` and its rich_text block, with links and
    emoji found."""
    elements: list[dict[str, Any]] = []
    wire: list[str] = []
    position = 0
    for found in _SHORTHAND.finditer(text):
        _plain(text[position : found.start()], elements, wire)
        url, name = found.groups()
        if url:
            elements.append({"type": "link", "url": url})
            wire.append(f"<{escaped(url)}>")
        else:
            base, _, tone = name.partition("::skin-tone-")
            elements.append({"type": "emoji", "name": base, **({"skin_tone": int(tone)} if tone else {})})
            wire.append(f":{name}:")
        position = found.end()
    _plain(text[position:], elements, wire)
    section = {"type": "rich_text_section", "elements": elements}
    return "".join(wire), [{"type": "rich_text", "elements": [section]}]


def _plain(text: str, elements: list[dict[str, Any]], wire: list[str]) -> None:
    if text:
        elements.append({"type": "text", "text": text})
        wire.append(escaped(text))


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_PEOPLE = (
    User(id="U0ALICE", name="alice", real_name="Alice Chen", email="alice@shop.example"),
    User(id="U0BOB", name="bob", real_name="Bob Li", email="bob@shop.example"),
    User(id="U0CAROL", name="carol", real_name="Carol Wu", email="carol@shop.example"),
    User(id="U0DANA", name="dana", real_name="Dana Zhao", email="dana@shop.example"),
    User(id="U0GUEST", name="guest", real_name="Gus Guest", email="gus@partner.example", guest=True),
    User(id="U0EVE", name="eve", real_name="Eve Extern", email="eve@other.example", team="T0OTHER"),
    User(id=BOT_USER, name="onevoice", real_name="Onevoice", email="", bot=True),
)
