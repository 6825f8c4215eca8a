"""SlackStandIn: the server, the people who act in it, and what a test or a page may read of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from connectors.base import Clock
from gateway.sandbox.slack.events import Events
from gateway.sandbox.slack.faults import Broken, Cut, Faults, Late, Limited, NoEffect, Refused
from gateway.sandbox.slack.homes import Homes, Shown
from gateway.sandbox.slack.meter import Meter
from gateway.sandbox.slack.methods import Accepted, Methods, Refusal
from gateway.sandbox.slack.modals import Modal, Modals
from gateway.sandbox.slack.workspace import APP, TEAM, Channel, File, Post, User, Whisper, Workspace, typed

Payload = Mapping[str, Any]

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105  known to everybody, good for nothing
APP_TOKEN = "xapp-sandbox"  # noqa: S105
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105
SCOPES = (
    "chat:write,channels:history,channels:read,groups:history,groups:read,groups:write,users:read,users:read.email,"
    "files:read,files:write,reactions:write,commands,im:history,im:read,im:write"
)
UPLOAD_LIMIT = 1024 * 1024 * 1024
JSON_FIELDS = ("blocks", "metadata", "files", "view")


class SlackStandIn:
    """Slack on loopback. Users and channels are named by id or by name ("alice", "#support-1") everywhere;
    "@alice" are Alice's direct messages with the app.

    `rate` limits posts to so many a second and channel (None: no limit); `meter` has the other limits, none at first.
    Without an answer within `answer_within` seconds Slack sends an event again; `time_scale` shortens its pauses before
    that.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        rate: float | None = None,
        time_scale: float = 1.0,
        answer_within: float = 3.0,
    ) -> None:
        self.bot_token = BOT_TOKEN
        self.app_token = APP_TOKEN
        self.signing_secret = SIGNING_SECRET
        self.scopes = SCOPES
        self.meter = Meter(posts=rate)
        self.url = ""
        self.calls: Counter[str] = Counter()
        self.faults = Faults()
        self.events = Events(
            clock, self.signing_secret, self.faults, self._note, time_scale=time_scale, answer_within=answer_within
        )
        self.workspace = Workspace(clock, self._tell)
        self.modals = Modals(self.events.put, self.workspace.stamp, self._note)
        self.homes = Homes(self.workspace, self.events.put, self._tell, self.modals.trigger, self._note)
        self._methods = Methods(self.workspace, self.faults, self.modals, self.homes)
        self._listeners: list[Callable[[], None]] = []
        self._changed = asyncio.Event()
        self._redirects: dict[str, str] = {}
        self._runner: web.AppRunner | None = None

    # Life.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/api/{method}", self._call)
        app.router.add_get("/api/{method}", self._call)
        app.router.add_get("/link", self._link)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_get("/files/{file}", self._download)
        app.router.add_get("/login", _login)
        app.router.add_post("/commands/{hook}", self._respond)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        address, bound = self._runner.addresses[0][:2]
        self.url = self.workspace.url = f"http://{address}:{bound}"
        await self.events.start()

    async def stop(self) -> None:
        await self.events.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    # Reading.

    @property
    def truth(self) -> list[Accepted]:
        """Every post the app made, in order; only grows."""
        return self._methods.truth

    @property
    def truncated(self) -> int:
        """Texts that were cut off at 40,000 characters, which real Slack does silently."""
        return self._methods.truncated

    def user(self, name: str) -> User:
        return self.workspace.user(name)

    def channel(self, name: str) -> Channel:
        return self.workspace.channel(name)

    def messages(self, channel: str) -> list[Post]:
        """Everything in a channel, threads included, oldest first."""
        return list(self.channel(channel).posts.values())

    def roots(self, channel: str) -> list[Post]:
        """What the channel itself shows: posts outside threads."""
        return [post for post in self.messages(channel) if post.thread_ts is None or post.broadcast]

    def thread(self, channel: str, ts: str) -> list[Post]:
        """A root and its replies."""
        place = self.channel(channel)
        return [place.posts[ts], *place.threads.get(ts, ())]

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener` is called after every change; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, holds: Callable[[], bool], within: float = 30.0) -> None:
        """Wait for something to become true; raises TimeoutError."""
        async with asyncio.timeout(within):
            while not holds():
                await self._changed.wait()

    # People acting.

    def post(
        self,
        user: str,
        channel: str,
        text: str = "",
        *,
        blocks: Sequence[Payload] | None = None,
        mrkdwn: str | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> str:
        """A person writes; the ts. `text` is what is typed, `mrkdwn` a wire text without blocks, `blocks` come with
        `text` as their wire text; a file is (name, content type, bytes)."""
        wire, shown = (mrkdwn, []) if mrkdwn is not None else typed(text) if text else ("", [])
        author = self.user(user)
        post = Post(
            channel=self.channel(channel).id,
            ts=self.workspace.stamp(),
            user=author.id,
            text=text if blocks is not None else wire,
            blocks=shown if blocks is None else blocks,
            thread_ts=thread_ts,
            broadcast=broadcast,
            files=[self._file(author.id, *file) for file in files],
        )
        self.workspace.add(post)
        return post.ts

    def broadcast(self, user: str, channel: str, text: str, thread_ts: str) -> str:
        """A reply that is "also sent to the channel"."""
        return self.post(user, channel, text, thread_ts=thread_ts, broadcast=True)

    def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """A post that mentions the app: Slack tells it twice, as `message` and as `app_mention` (S4)."""
        ts = self.post(user, channel, mrkdwn=f"<@{self.user('onevoice').id}> {text}", thread_ts=thread_ts)
        post = self.channel(channel).posts[ts]
        self._tell({**post.to_json(self.url), "type": "app_mention", "channel": post.channel, "event_ts": ts})
        return ts

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        post = self._by(user, channel, ts)
        wire, blocks = typed(text)
        self.workspace.change(post, text=wire, blocks=blocks, by_person=True)

    def unfurl(self, channel: str, ts: str) -> None:
        """A change nobody made (S5)."""
        post = self.channel(channel).posts[ts]
        self.workspace.touch(post, post.to_json(self.url))

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Anybody may delete here, the app's posts too; a root with replies leaves a tombstone."""
        self.user(user)
        self.workspace.remove(self.channel(channel).posts[ts])

    def react(self, user: str, channel: str, ts: str, name: str, *, added: bool = True) -> None:
        self.workspace.react(self.user(user).id, self.channel(channel).posts[ts], name, added=added)

    def press(
        self, user: str, channel: str, ts: str, action_id: str, value: str | None = None, *, times: int = 1
    ) -> None:
        """A button of a post, or the option of that value in a menu; more `times` are the same press, sent again.
        Raises LookupError for what the post does not show."""
        post = self.channel(channel).posts[ts]
        person = self.user(user)
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "api_app_id": APP,
            "user": {"id": person.id, "name": person.name, "team_id": person.team},
            "channel": {"id": post.channel},
            "message": post.to_json(self.url),
            "container": {"type": "message", "message_ts": ts, "channel_id": post.channel},
            "actions": [{**_pressed(post, action_id, value), "action_ts": self.workspace.stamp()}],
            "trigger_id": self.modals.trigger(person.id),
            "response_url": f"{self.url}/response",
        }
        for _ in range(times):
            self.events.put("interactive", payload)

    def press_whisper(self, whisper: Whisper, action_id: str, *, times: int = 1) -> None:
        """A button of what only its reader sees: Slack then tells no message, only where it was shown. Raises
        LookupError for what is not there."""
        person = self.workspace.users[whisper.user]
        container: dict[str, Any] = {
            "type": "message",
            "message_ts": whisper.ts,
            "channel_id": whisper.channel,
            "is_ephemeral": True,
        }
        if whisper.thread_ts is not None:
            container["thread_ts"] = whisper.thread_ts
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "api_app_id": APP,
            "user": {"id": person.id, "name": person.name, "team_id": person.team},
            "channel": {"id": whisper.channel},
            "container": container,
            "actions": [{**_pressed(whisper, action_id, None), "action_ts": self.workspace.stamp()}],
            "trigger_id": self.modals.trigger(person.id),
            "response_url": f"{self.url}/response",
        }
        for _ in range(times):
            self.events.put("interactive", payload)

    def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> None:
        """A message shortcut from the menu of a post."""
        post = self.channel(channel).posts[ts]
        person = self.user(user)
        self.events.put(
            "interactive",
            {
                "type": "message_action",
                "callback_id": callback_id,
                "team": {"id": TEAM, "domain": "shop"},
                "user": {"id": person.id, "name": person.name, "team_id": person.team},
                "channel": {"id": post.channel, "name": self.channel(post.channel).name},
                "message": post.to_json(self.url),
                "message_ts": ts,
                "action_ts": self.workspace.stamp(),
                "trigger_id": self.modals.trigger(person.id),
                "response_url": f"{self.url}/response",
                "token": "deprecated",
            },
        )

    def modal(self, user: str) -> Modal | None:
        """The form somebody has in front of them."""
        return self.modals.top(self.user(user).id)

    def command(self, user: str, channel: str, command: str, text: str = "") -> None:
        """A slash command; what it is answered with is among the whispers of that channel."""
        self.homes.command(self.user(user), self.channel(channel), command, text)

    def home(self, user: str) -> Shown | None:
        """The Home of a person as the app published it last."""
        return self.homes.of.get(self.user(user).id)

    def redirect(self, file: str, to: str) -> None:
        """Downloads of that file are sent on to another address."""
        self._redirects[file] = to

    def release_events(self, *, reverse: bool = False) -> None:
        """Send what `faults.hold_events` kept back."""
        held = self.faults.take_held()
        for event in reversed(held) if reverse else held:
            self.events.send(event)

    def _by(self, user: str, channel: str, ts: str) -> Post:
        post = self.channel(channel).posts[ts]
        if post.user != self.user(user).id:
            raise PermissionError(f"{user} did not write {ts}")
        return post

    def _file(self, user: str, name: str, content_type: str, content: bytes) -> File:
        file = File(
            id=f"F0{self.workspace.number():06d}",
            name=name,
            content_type=content_type,
            size=len(content),
            content=content,
            user=user,
        )
        self.workspace.files[file.id] = file
        return file

    def _tell(self, event: dict[str, Any]) -> None:
        if not self.faults.keep(event):
            self.events.send(event)
        self._note()

    def _note(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in list(self._listeners):
            listener()

    # HTTP.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls[method] += 1
        match fault := self.faults.next(method):
            case Limited(seconds):
                return _answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})
            case Broken(status):
                return web.Response(status=status, text="upstream trouble")
            case Refused(code):
                return _answer({"ok": False, "error": code})
            case Cut(effect=False):
                return _cut(request)
            case NoEffect():
                return _answer({"ok": True, "files": [], "ts": self.workspace.stamp()})
        answer = await self._answered(request, method)
        match fault:
            case Cut():
                return _cut(request)
            case Late(delay):
                await asyncio.sleep(delay)
        return answer

    async def _answered(self, request: web.Request, method: str) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "apps.connections.open":
            if token != self.app_token:
                return _answer({"ok": False, "error": "invalid_auth" if token else "not_authed"})
            return _answer({"ok": True, "url": f"{self.url.replace('http', 'ws', 1)}/link?ticket={self.app_token}"})
        if token != self.bot_token:
            return _answer({"ok": False, "error": "invalid_auth" if token else "not_authed"})
        if not self._methods.knows(method):
            return _answer({"ok": False, "error": "unknown_method"})
        try:
            arguments = await _arguments(request)
        except ValueError:
            return _answer({"ok": False, "error": "invalid_json"})
        if wait := self.meter.wait(method, arguments):
            return _answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait)})
        try:
            answer = self._methods.call(method, arguments)
        except Refusal as refusal:
            answer = refusal.answer
        if method == "chat.postEphemeral":
            self._note()  # no event tells of it
        return _answer(answer, headers={"X-OAuth-Scopes": self.scopes})

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") != self.app_token:
            return web.Response(status=403)
        return await self.events.socket(request)

    async def _respond(self, request: web.Request) -> web.Response:
        """A late answer to a command; real Slack wants no token here, the address is the secret."""
        if not self.homes.respond(request.match_info["hook"], orjson.loads(await request.read())):
            return _answer({"ok": False, "error": "expired_url"}, 404)
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.calls["upload"] += 1
        file = self.workspace.files.get(request.match_info["file"])
        match self.faults.next("upload"):
            case Broken(status):
                return web.Response(status=status)
            case Cut():
                return _cut(request)
            case NoEffect():
                await request.content.read(UPLOAD_LIMIT)
                return web.Response(text="OK")
        content = bytearray()
        async for chunk in request.content.iter_any():
            content += chunk
        if file is None or len(content) != file.size:
            return web.Response(status=400, text="wrong length")
        file.content = bytes(content)
        return web.Response(text=f"OK - {file.size}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Without a good token Slack answers with its login page and 200 (S27)."""
        file = self.workspace.files.get(request.match_info["file"])
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            raise web.HTTPFound("/login")
        if to := self._redirects.get(request.match_info["file"]):
            raise web.HTTPFound(to)
        if file is None or file.content is None:
            return web.Response(status=404)
        return web.Response(body=file.content, content_type=file.content_type)


def _pressed(post: Post | Whisper, action_id: str, value: str | None) -> dict[str, Any]:
    """The action as Slack reports it."""
    for block in post.blocks:
        for element in block.get("elements", ()) if block["type"] == "actions" else ():
            if element["action_id"] != action_id:
                continue
            found = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "auto")}
            if element["type"] == "button":
                return {**found, "text": element["text"], "value": element.get("value", "")}
            for option in element["options"]:
                if option["value"] == value:
                    return {**found, "selected_option": option}
    raise LookupError(f"this post has no button {action_id!r} {value or ''}".rstrip())


async def _login(_: web.Request) -> web.Response:
    return web.Response(text="<html><body>Sign in to Slack</body></html>", content_type="text/html")


async def _arguments(request: web.Request) -> dict[str, Any]:
    """JSON, form or query arguments; raises ValueError."""
    if request.content_type == "application/json":
        body = orjson.loads(await request.read() or b"{}")
        if not isinstance(body, dict):
            raise ValueError("arguments are an object")
        return body
    fields = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
    return {name: orjson.loads(value) if name in JSON_FIELDS else value for name, value in fields.items()}


def _answer(body: Payload, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    """The connection ends here; the response is never seen."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
