"""INV8: thousands of posts in desk threads; no note leaves, every reply leaves once, every post is marked in time."""

import asyncio
import re
import shutil
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.sandbox.slack.workspace import Post
from gateway.settings import packaged
from tests.chaos.desk_posts import ANSWER, LISTED, SECRET, UNLISTED, Fate, Mode, Script, script
from tests.chaos.profile import Profile
from tests.stories.gateway import Gateway

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

SOON = 5.0
"""Seconds until a post must be marked."""
AT_ONCE = 20
"""Posts under way at the same time."""
MARK = {Fate.NOTE: "memo", Fate.SENT: "white_check_mark", Fate.HELD: "warning", Fate.REFUSED: "no_entry_sign"}
SERIAL = re.compile(rf"({SECRET}|{ANSWER})-(\d{{6}})")


class Visitor:
    """A browser on the web chat that keeps all it was ever told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.frames: list[dict[str, Any]] = []
        self._socket = socket

    async def greet(self) -> None:
        await self._frame(type="hello", id="hello")
        await self._frame(type="resume", id="resume", seq=0)

    async def say(self, text: str) -> None:
        await self._frame(type="send", id=str(uuid.uuid4()), text=text)

    async def listen(self) -> None:
        async for message in self._socket:
            self.frames.append(orjson.loads(message.data))

    async def _frame(self, **fields: object) -> None:
        await self._socket.send_str(orjson.dumps({"v": 1, **fields}).decode())


class Desk:
    """The customers with their threads, and what each was told."""

    def __init__(self, gateway: Gateway, visitors: dict[str, Visitor]) -> None:
        self.gateway = gateway
        self.threads: list[tuple[Post, Mode, str]] = []
        self.waits: list[float] = []
        self.unmarked: list[str] = []
        self._visitors = visitors

    async def open(self, customers: int) -> None:
        """A thread for each customer on each channel and in each mode."""
        for number in range(customers):
            for mode in Mode:
                word = "quiet" if mode is Mode.NOTE else "plain"
                for channel in ("tg", "mail", "web"):
                    name = f"{channel}{number}{mode}"
                    await self._ask(channel, name, f"{name} has a {word} question")
                    post = await self.gateway.shown(f"{name} has a {word} question", 30)
                    self.threads.append((post, mode, LISTED[number % len(LISTED)]))

    async def _ask(self, channel: str, name: str, text: str) -> None:
        match channel:
            case "tg":
                self.gateway.world.telegram.say(name, text)
            case "mail":
                await self.gateway.world.mail.send(f"{name}@customer.example", text, subject="Hello", name=name)
            case _:
                await self._visitors[name].say(text)

    async def play(self, place: Post, each: Script) -> None:
        """Write a post, do to it what the script says, and wait for its mark."""
        slack, first = self.gateway.world.slack, each.first
        files = [(each.file, "text/plain", each.file.encode())] if each.file else []
        if first.to_bot:
            ts = slack.mention(each.user, place.channel, first.said, thread_ts=place.thread_ts)
        elif first.wire:
            ts = slack.post(
                each.user,
                place.channel,
                mrkdwn=first.said,
                thread_ts=place.thread_ts,
                broadcast=each.broadcast,
                files=files,
            )
        else:
            ts = slack.post(
                each.user,
                place.channel,
                first.said,
                blocks=first.blocks,
                thread_ts=place.thread_ts,
                broadcast=each.broadcast,
                files=files,
            )
        post = slack.channel(place.channel).posts[ts]
        if each.settled:
            await self._marked(post, each)
        for text in each.edits:
            await asyncio.sleep(each.pause)
            prefix = "<@U0ONEVOICE> reply " if first.to_bot and each.fate is Fate.SENT else ""
            slack.edit(each.user, place.channel, ts, prefix + text)
        if each.deleted:
            await asyncio.sleep(each.pause)
            slack.delete(each.user, place.channel, ts)
        elif not each.settled:
            await self._marked(post, each)

    async def _marked(self, post: Post, each: Script) -> None:
        wanted = {MARK[each.fate]} if each.fate in MARK else set(MARK.values())
        began = time.monotonic()
        try:
            await self.gateway.world.slack.until(lambda: bool(wanted & post.reactions.keys()), 30)
        except TimeoutError:
            self.unmarked.append(f"{each} has {sorted(post.reactions)}")
        self.waits.append(time.monotonic() - began)

    def told(self) -> dict[str, list[str]]:
        """By customer what each was sent, in order: texts, and names of files without text. A message that was edited
        counts once, with all that was ever in it."""
        world = self.gateway.world
        told: dict[str, list[str]] = {}
        for accepted in world.telegram.truth:
            name = world.telegram.person(accepted.chat).first_name
            if accepted.method.startswith("edit"):
                told.setdefault(f"{name} edits", []).append(accepted.text)
                continue
            raw = next(
                each.raw for each in world.telegram.chat(accepted.chat) if each.message_id == accepted.message_id
            )
            told.setdefault(name, []).append(f"{accepted.text} {orjson.dumps(raw).decode()}")
        for mail in world.mail.accepted:
            files = " ".join(f"{name} {content!r}" for name, content in mail.attachments)
            told.setdefault(mail.recipients[0].partition("@")[0], []).append(
                f"{mail.subject} {mail.text} {mail.html} {files}"
            )
        for name, visitor in self._visitors.items():
            for frame in visitor.frames:
                if frame["type"] == "event" and frame["author"]["kind"] == "agent":
                    kind = name if frame["kind"] == "message" else f"{name} edits"
                    told.setdefault(kind, []).append(orjson.dumps(frame).decode())
        return told


def quiet_route(config: dict[str, Any], folder: Path) -> None:
    """One route takes plain posts as notes; one check holds replies; nothing is paced."""
    default = config["routes"][-1]
    config["routes"].insert(
        0,
        {**default, "id": "quiet", "when": {"keyword": ["quiet"]}, "reply_mode": "note"},
    )
    for route in config["routes"]:
        route["hold"] = "1s"
    for channel in config["channels"]:
        if channel["type"] == "telegram":
            channel |= {"rate_per_chat": 1000.0, "rate_per_bot": 1000.0}
    config["standards"] = {"include": str(folder)}


def lenient_standards(folder: Path) -> None:
    """The shipped ones, but only insults are held."""
    shutil.copytree(str(packaged("standards")), folder)
    for path in folder.glob("*.yaml"):
        text = re.sub(r"\blevel: (?:warn|block)", "level: log", path.read_text())
        text = re.sub(r"\blevels: \{[^}]*\}(?:, )?", "", text)
        path.write_text(re.sub(r"(id: W-INSULT\s+version: 1\s+level: )log", r"\1block", text))


@asynccontextmanager
async def desk(folder: Path, database: str, customers: int) -> AsyncIterator[Desk]:
    lenient_standards(folder / "standards")
    gateway = Gateway(folder, database, lambda config: quiet_route(config, folder / "standards"))
    await gateway.start()
    try:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            listening = await stack.enter_async_context(asyncio.TaskGroup())
            url = gateway.variables["SANDBOX_URL"]
            visitors: dict[str, Visitor] = {}
            for number in range(customers):
                for mode in Mode:
                    socket = await session.ws_connect(f"{url}/webchat/web/ws", origin=url)
                    visitors[f"web{number}{mode}"] = visitor = Visitor(socket)
                    stack.push_async_callback(socket.close)
                    listening.create_task(visitor.listen())
                    await visitor.greet()
            opened = Desk(gateway, visitors)
            await opened.open(customers)
            yield opened
    finally:
        await gateway.stop()


async def test_inv8_s9_no_note_leaves_and_every_post_is_marked(
    one_database: str, tmp_path: Path, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = Random(profile.seed)
    scripts: list[tuple[str, Script]] = []
    async with desk(tmp_path, one_database, 2 if profile.short else 6) as opened:
        places = asyncio.Semaphore(AT_ONCE)
        began = time.monotonic()

        async def played(place: Post, each: Script) -> None:
            try:
                await opened.play(place, each)
            finally:
                places.release()

        async with asyncio.TaskGroup() as posts:
            for number in range(profile.posts):
                place, mode, user = chance.choice(opened.threads)
                each = script(number, mode, user, chance)
                scripts.append((f"{place.channel}:{place.thread_ts}", each))
                await places.acquire()
                posts.create_task(played(place, each))
        took = time.monotonic() - began
        await asyncio.sleep(3)  # what might still leave

        told = opened.told()
        everything = [text for texts in told.values() for text in texts]
        leaked = [text for text in everything if SECRET in text]
        sent = Counter(
            serial
            for name, texts in told.items()
            if " edits" not in name
            for text in texts
            for serial in _answers(text)
        )
        fates = Counter(each.fate for _, each in scripts)
        with capsys.disabled():
            print(
                f"\n{len(scripts)} posts in {took:.0f} s over {len(opened.threads)} threads: "
                + ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
                + f"; {len(leaked)} leaked, {sum(sent.values())} replies sent, {len(opened.unmarked)} unmarked, "
                f"marked after {median(opened.waits):.1f} s (median), {max(opened.waits):.1f} s (slowest)"
            )
        assert leaked == [], "\n".join(leaked)
        assert opened.unmarked == []
        wrong = [each for _, each in scripts if not _lawful(each, sent[each.serial])]
        assert wrong == []
        if not profile.short:  # that one runs beside whatever the machine has to do: marked at all is enough
            assert max(opened.waits) < SOON
        assert {each.user for _, each in scripts} >= {*UNLISTED}
        assert fates.keys() == set(Fate)


def _answers(text: str) -> set[str]:
    return {serial for kind, serial in SERIAL.findall(text) if kind == ANSWER}


def _lawful(each: Script, sent: int) -> bool:
    """How often the customer has it."""
    match each.fate:
        case Fate.SENT:
            return sent == 1
        case Fate.TAKEN_BACK | Fate.GONE:
            return sent <= 1
        case Fate.NOTE | Fate.HELD | Fate.REFUSED:
            return sent == 0
