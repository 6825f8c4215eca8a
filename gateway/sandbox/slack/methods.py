"""The Web API methods: arguments in, Slack's JSON out, with Slack's own error codes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.sandbox.slack.faults import Faults
from gateway.sandbox.slack.homes import Homes, Shown
from gateway.sandbox.slack.limits import TEXT_LIMIT, fault_of, masked_links, pings
from gateway.sandbox.slack.modals import Modal, Modals, ViewRefused
from gateway.sandbox.slack.workspace import BOT, BOT_USER, TEAM, Channel, File, Post, Whisper, Workspace

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
T = TypeVar("T")

_REACTION = re.compile(r"[a-z0-9_+'-]+(?:::skin-tone-[2-6])?\Z")
_PAGED = {"channel", "oldest", "latest", "inclusive", "limit", "cursor", "include_all_metadata"}
_CHANNEL_NAME = re.compile(r"[a-z0-9_-]{1,80}\Z")
_TYPES = {"public_channel", "private_channel", "mpim", "im"}
_SAYING = {"channel", "text", "blocks", "metadata", "parse", "link_names", "unfurl_links", "unfurl_media", "mrkdwn"}


class Refusal(Exception):
    """`ok: false` with a code."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One post Slack took, for checkers: `oid` is the hex id of the delivery it was marked with."""

    oid: str
    part: int
    event_type: str
    channel: str
    ts: str
    thread_ts: str | None
    text: str


class Methods:
    """`truth` only grows: every post of the app, whatever became of the answer."""

    def __init__(self, workspace: Workspace, faults: Faults, modals: Modals, homes: Homes) -> None:
        self.truth: list[Accepted] = []
        self.truncated = 0
        self._space = workspace
        self._faults = faults
        self._modals = modals
        self._homes = homes
        self._table: dict[str, tuple[set[str], Callable[[Arguments], Answer]]] = {
            "auth.test": (set(), self._auth_test),
            "chat.postMessage": (_SAYING | {"thread_ts", "reply_broadcast"}, self._post_message),
            "chat.update": (_SAYING | {"ts"}, self._update),
            "chat.postEphemeral": (_SAYING - {"metadata"} | {"user", "thread_ts"}, self._whisper),
            "chat.delete": ({"channel", "ts"}, self._delete),
            "reactions.add": ({"channel", "timestamp", "name"}, self._react_add),
            "reactions.remove": ({"channel", "timestamp", "name"}, self._react_remove),
            "conversations.create": ({"name", "is_private"}, self._create),
            "conversations.list": ({"types", "exclude_archived", "limit", "cursor"}, self._list),
            "conversations.info": ({"channel"}, self._info),
            "conversations.open": ({"channel", "users", "return_im", "prevent_creation"}, self._open),
            "conversations.replies": (_PAGED | {"ts"}, self._replies),
            "conversations.history": (_PAGED, self._history),
            "users.info": ({"user"}, self._user),
            "users.lookupByEmail": ({"email"}, self._user_by_email),
            "files.getUploadURLExternal": ({"filename", "length", "alt_txt"}, self._upload_url),
            "files.completeUploadExternal": ({"files", "channel_id", "thread_ts", "initial_comment"}, self._share),
            "files.info": ({"file"}, self._file),
            "views.open": ({"trigger_id", "view"}, self._view_open),
            "views.push": ({"trigger_id", "view"}, self._view_push),
            "views.publish": ({"user_id", "view", "hash"}, self._view_publish),
            "views.update": ({"view_id", "view", "hash"}, self._view_update),
        }

    def knows(self, method: str) -> bool:
        return method in self._table

    def call(self, method: str, arguments: Arguments) -> Answer:
        """Raises Refusal."""
        known, work = self._table[method]
        if unknown := sorted(arguments.keys() - known):
            raise Refusal("invalid_arguments", response_metadata={"messages": [f"unknown: {', '.join(unknown)}"]})
        return {"ok": True, **work(arguments)}

    # Who and where.

    def _auth_test(self, _: Arguments) -> Answer:
        return {
            "url": self._space.url,
            "team": "Shop",
            "team_id": TEAM,
            "user": "onevoice",
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }

    def _user(self, arguments: Arguments) -> Answer:
        if (user := self._space.users.get(arguments.get("user", ""))) is None:
            raise Refusal("user_not_found")
        return {"user": user.to_json()}

    def _user_by_email(self, arguments: Arguments) -> Answer:
        for user in self._space.users.values():
            if user.email and user.email == arguments.get("email"):
                return {"user": user.to_json()}
        raise Refusal("users_not_found")

    def _create(self, arguments: Arguments) -> Answer:
        name = arguments.get("name") or ""
        if not _CHANNEL_NAME.match(name):
            raise Refusal("invalid_name_specials" if name else "invalid_name_required")
        if any(each.name == name for each in self._space.channels.values()):
            raise Refusal("name_taken")
        return {"channel": self._space.add_channel(name, private=_truth(arguments.get("is_private"))).to_json()}

    def _list(self, arguments: Arguments) -> Answer:
        types = set((arguments.get("types") or "public_channel").split(","))
        if not types <= _TYPES:
            raise Refusal("invalid_types")
        shown = [
            each
            for each in self._space.channels.values()
            if ("im" if each.direct is not None else "private_channel" if each.private else "public_channel") in types
            and not (each.archived and _truth(arguments.get("exclude_archived")))
        ]
        page, cursor = _page(shown, arguments)
        return {"channels": [each.to_json() for each in page], "response_metadata": {"next_cursor": cursor}}

    def _info(self, arguments: Arguments) -> Answer:
        return {"channel": self._known(arguments.get("channel", "")).to_json()}

    def _open(self, arguments: Arguments) -> Answer:
        """Direct messages with one member; group messages are not there."""
        named = [each for each in (arguments.get("users") or "").split(",") if each]
        if not named:
            raise Refusal("users_list_not_supplied")
        if len(named) > 1 or (user := self._space.users.get(named[0])) is None:
            raise Refusal("user_not_found")
        if user.bot:
            raise Refusal("cannot_dm_bot")
        return {"channel": {"id": self._space.direct(user.id).id}}

    def _known(self, address: str) -> Channel:
        """A channel by id or name; a member's id stands for the direct messages with them."""
        try:
            return self._space.direct(address) if address in self._space.users else self._space.channel(address)
        except KeyError:
            raise Refusal("channel_not_found") from None

    def _writable(self, address: str) -> Channel:
        channel = self._known(address)
        if channel.archived:
            raise Refusal("is_archived")
        if not channel.member:
            raise Refusal("not_in_channel")
        return channel

    def _found(self, arguments: Arguments, key: str = "ts") -> Post:
        post = self._known(arguments.get("channel", "")).posts.get(arguments.get(key, ""))
        if post is None or post.tombstone:
            raise Refusal("message_not_found")
        return post

    # Posts.

    def _post_message(self, arguments: Arguments) -> Answer:
        channel = self._writable(arguments.get("channel", ""))
        text, blocks = self._content(arguments)
        metadata = arguments.get("metadata")
        if metadata is not None and not (
            isinstance(metadata, dict)
            and isinstance(metadata.get("event_type"), str)
            and isinstance(metadata.get("event_payload"), dict)
        ):
            raise Refusal("invalid_metadata_format")
        post = Post(
            channel=channel.id,
            ts=self._space.stamp(),
            user=BOT_USER,
            bot=True,
            text=text,
            blocks=blocks,
            thread_ts=arguments.get("thread_ts"),
            broadcast=_truth(arguments.get("reply_broadcast")),
            metadata=metadata,
            mentions=pings(text, blocks, arguments),
            masked_links=masked_links(text, blocks),
        )
        self._space.add(post)
        self._remember(post)
        return {"channel": channel.id, "ts": post.ts, "message": post.to_json(self._space.url)}

    def _remember(self, post: Post) -> None:
        mark = post.metadata or {}
        payload = mark.get("event_payload") or {}
        self.truth.append(
            Accepted(
                oid=payload.get("oid", ""),
                part=payload.get("part", 0),
                event_type=mark.get("event_type", ""),
                channel=post.channel,
                ts=post.ts,
                thread_ts=post.thread_ts,
                text=post.text,
            )
        )

    def _content(self, arguments: Arguments) -> tuple[str, Sequence[Mapping[str, Any]]]:
        text, blocks = arguments.get("text") or "", arguments.get("blocks") or []
        if not isinstance(text, str) or not isinstance(blocks, list):
            raise Refusal("invalid_arguments")
        if code := fault_of(text, blocks):
            raise Refusal(code)
        if len(text) > TEXT_LIMIT:
            self.truncated += 1
        return text[:TEXT_LIMIT], blocks

    def _update(self, arguments: Arguments) -> Answer:
        self._writable(arguments.get("channel", ""))
        post = self._found(arguments)
        if not post.bot:
            raise Refusal("cant_update_message")
        text, blocks = self._content(arguments)
        post.mentions = pings(text, blocks, arguments)
        post.masked_links = masked_links(text, blocks)
        post.metadata = arguments.get("metadata", post.metadata)
        self._space.change(post, text=text, blocks=blocks, by_person=False)
        return {"channel": post.channel, "ts": post.ts, "text": text}

    def _whisper(self, arguments: Arguments) -> Answer:
        """What one member sees; it is no message of the channel, and nothing finds it again."""
        channel = self._writable(arguments.get("channel", ""))
        if (user := self._space.users.get(arguments.get("user", ""))) is None:
            raise Refusal("user_not_in_channel")
        text, blocks = self._content(arguments)
        thread = arguments.get("thread_ts")
        whisper = Whisper(
            channel=channel.id, ts=self._space.stamp(), user=user.id, text=text, blocks=blocks, thread_ts=thread
        )
        self._space.whispers.append(whisper)
        return {"message_ts": whisper.ts}

    def _delete(self, arguments: Arguments) -> Answer:
        self._writable(arguments.get("channel", ""))
        post = self._found(arguments)
        if not post.bot:
            raise Refusal("cant_delete_message")
        self._space.remove(post)
        return {"channel": post.channel, "ts": post.ts}

    def _react_add(self, arguments: Arguments) -> Answer:
        if not self._reacted(arguments, added=True):
            raise Refusal("already_reacted")
        return {}

    def _react_remove(self, arguments: Arguments) -> Answer:
        if not self._reacted(arguments, added=False):
            raise Refusal("no_reaction")
        return {}

    def _reacted(self, arguments: Arguments, *, added: bool) -> bool:
        name = arguments.get("name", "")
        if not _REACTION.match(name):
            raise Refusal("invalid_name")
        return self._space.react(BOT_USER, self._found(arguments, "timestamp"), name, added=added)

    # Modals.

    def _view_open(self, arguments: Arguments) -> Answer:
        return _modal(lambda: self._modals.open(arguments.get("trigger_id"), arguments.get("view")))

    def _view_push(self, arguments: Arguments) -> Answer:
        return _modal(lambda: self._modals.push(arguments.get("trigger_id"), arguments.get("view")))

    def _view_update(self, arguments: Arguments) -> Answer:
        return _modal(
            lambda: self._modals.update(arguments.get("view_id"), arguments.get("view"), arguments.get("hash"))
        )

    def _view_publish(self, arguments: Arguments) -> Answer:
        return _modal(
            lambda: self._homes.publish(arguments.get("user_id"), arguments.get("view"), arguments.get("hash"))
        )

    # Looking back.

    def _replies(self, arguments: Arguments) -> Answer:
        channel = self._known(arguments.get("channel", ""))
        root = channel.posts.get(arguments.get("ts", ""))
        if root is None:
            raise Refusal("thread_not_found")
        thread = root.thread_ts or root.ts
        posts = [channel.posts[thread], *self._recent(channel.threads.get(thread, ()), arguments)]
        return self._shown(posts, arguments)

    def _history(self, arguments: Arguments) -> Answer:
        channel = self._known(arguments.get("channel", ""))
        posts = [post for post in channel.posts.values() if post.thread_ts is None or post.broadcast]
        return self._shown(list(reversed(self._recent(posts, arguments))), arguments)

    def _recent(self, posts: Iterable[Post], arguments: Arguments) -> list[Post]:
        oldest = float(arguments.get("oldest") or 0)
        newest = self._space.now().timestamp() - self._faults.lag
        return [
            post for post in posts if oldest < float(post.ts) and (not self._faults.lag or float(post.ts) <= newest)
        ]

    def _shown(self, posts: list[Post], arguments: Arguments) -> Answer:
        page, cursor = _page(posts, arguments)
        metadata = _truth(arguments.get("include_all_metadata"))
        return {
            "messages": [self._told(post, metadata=metadata) for post in page],
            "has_more": bool(cursor),
            "response_metadata": {"next_cursor": cursor},
        }

    def _told(self, post: Post, *, metadata: bool) -> Answer:
        """A root says how many replies it has."""
        replies = self._space.channels[post.channel].threads.get(post.ts, ())
        shown = post.to_json(self._space.url, metadata=metadata)
        if replies:
            shown |= {"thread_ts": post.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        return shown

    # Files.

    def _upload_url(self, arguments: Arguments) -> Answer:
        if not arguments.get("filename") or int(arguments.get("length") or 0) <= 0:
            raise Refusal("invalid_arguments")
        file = File(
            id=f"F0{self._space.number():06d}",
            name=arguments["filename"],
            content_type="application/octet-stream",
            size=int(arguments["length"]),
        )
        self._space.files[file.id] = file
        return {"file_id": file.id, "upload_url": f"{self._space.url}/upload/{file.id}"}

    def _share(self, arguments: Arguments) -> Answer:
        files = [self._space.files.get(each["id"]) for each in arguments.get("files") or ()]
        known = [file for file in files if file is not None and file.content is not None]
        if not files or len(known) != len(files):
            raise Refusal("file_not_found")
        if channel := arguments.get("channel_id"):
            post = Post(
                channel=self._writable(channel).id,
                ts=self._space.stamp(),
                user=BOT_USER,
                bot=True,
                text=arguments.get("initial_comment") or "",
                thread_ts=arguments.get("thread_ts"),
                files=known,
            )
            self._space.add(post)
            self._remember(post)
        return {"files": [{"id": file.id, "title": file.name} for file in known]}

    def _file(self, arguments: Arguments) -> Answer:
        if (file := self._space.files.get(arguments.get("file", ""))) is None:
            raise Refusal("file_not_found")
        return {"file": file.to_json(self._space.url)}


def _modal(work: Callable[[], Modal | Shown]) -> Answer:
    try:
        return {"view": work().to_json()}
    except ViewRefused as refused:
        places = (
            {"response_metadata": {"messages": [f"[ERROR] [json-pointer:{refused.place}]"]}} if refused.place else {}
        )
        raise Refusal(refused.code, **places) from refused


def _truth(value: object) -> bool:
    return value in (True, 1, "true", "1")


def _page(items: list[T], arguments: Arguments) -> tuple[list[T], str]:
    start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
    end = start + limit
    return items[start:end], str(end) if end < len(items) else ""
