"""Those outside: customers on every channel, mail servers and widgets that send again until they are acknowledged,
and agents who answer in the threads. Each writes into the history what it does and sees."""

import asyncio
import itertools
import re
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from typing import Any

import aiohttp
import aiosmtplib
import orjson

from gateway.sandbox.mail import MailStandIn
from gateway.sandbox.slack.events import Envelope
from gateway.sandbox.world import World
from tests.chaos.history import (
    Acknowledged,
    Delivered,
    Forgotten,
    GivenUp,
    History,
    Marked,
    Opened,
    Shown,
    Written,
    found_in,
    text_of,
)

_CARD = re.compile(r"#(\d+) ([a-z]+-\d+)\b")
AGAIN = 0.15
"""Seconds before a refused source tries again."""


class Serials:
    """Numbers that are never given twice."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self, kind: str) -> str:
        return f"{kind}{next(self._numbers):06d}"


class Eyes:
    """Copies the truth of the stand-ins into the history, as it grows. `threads`: who each is about; `events`: what
    Slack told of each post of an agent."""

    def __init__(self, world: World, history: History) -> None:
        self.threads: dict[tuple[str, str], str] = {}
        self.events: dict[str, Mapping[str, Any]] = {}
        self._world = world
        self._history = history
        self._posts = 0
        self._chats = 0
        self._mails = 0
        self._given_up = 0
        self._unmarked: dict[str, tuple[str, str]] = {}

    def open(self) -> None:
        self._world.slack.watch(self.look)
        self._world.telegram.watch(self.look)
        self._world.mail.watch(self.look)
        self._world.slack.events.heard = self._heard

    def watch_mark(self, serial: str, channel: str, ts: str) -> None:
        """An agent's post that will get a check mark one day."""
        self._unmarked[serial] = (channel, ts)

    def look(self) -> None:
        """Everything new. Customers' providers first: what they took was taken before anything is marked."""
        telegram, mail, slack = self._world.telegram, self._world.mail, self._world.slack
        for sent in telegram.truth[self._chats :]:
            recipient = telegram.person(sent.chat).first_name
            for serial, owner in found_in(sent.text):
                self._history.add(Delivered(serial, owner, recipient, str(sent.message_id)))
        self._chats = len(telegram.truth)
        for taken in mail.accepted[self._mails :]:
            for serial, owner in found_in(taken.text):
                for recipient in taken.recipients:
                    digest = sha256(taken.raw).hexdigest()
                    self._history.add(Delivered(serial, owner, recipient.partition("@")[0], taken.message_id, digest))
        self._mails = len(mail.accepted)
        for post in slack.truth[self._posts :]:
            if card := _CARD.match(post.text) if post.thread_ts is None else None:
                self.threads[post.channel, post.ts] = card[2]
                self._history.add(Opened(card[1], card[2]))
            for serial, owner in found_in(post.text):
                if post.thread_ts is not None:  # a thread in the place of a lost one does not name its customer
                    self.threads.setdefault((post.channel, post.thread_ts), owner)
                place = self.threads.get((post.channel, post.thread_ts or ""), "")
                self._history.add(Shown(serial, owner, place, f"{post.channel}:{post.ts}"))
        self._posts = len(slack.truth)
        for envelope in slack.events.lost[self._given_up :]:
            for serial in _by_a_person(envelope):
                self._history.add(GivenUp(serial))
        self._given_up = len(slack.events.lost)
        for serial, (channel, ts) in list(self._unmarked.items()):
            if "white_check_mark" in slack.channel(channel).posts[ts].reactions:
                del self._unmarked[serial]
                self._history.add(Marked(serial))

    def _heard(self, envelope: Envelope) -> None:
        for serial in _by_a_person(envelope):
            self.events[serial] = envelope.payload["event"]
            self._history.add(Acknowledged(serial))


def _by_a_person(envelope: Envelope) -> list[str]:
    """The serials of a post that is no echo of ours."""
    event = envelope.payload.get("event") or {}
    if event.get("type") != "message" or event.get("bot_id") or event.get("subtype"):
        return []
    return [serial for serial, _ in found_in(event.get("text") or "")]


class Chatter:
    """People on Telegram. An update is acknowledged once an offset confirms it; at the end all are."""

    def __init__(self, world: World, history: History, serials: Serials) -> None:
        self._world = world
        self._history = history
        self._serials = serials
        self._unconfirmed: deque[str] = deque()

    def write(self, owner: str, *, file: bool = False) -> str:
        serial = self._serials.next("q")
        self._history.add(Written(serial, owner))
        self._unconfirmed.append(serial)
        document = (f"{serial}.txt", serial.encode(), "text/plain") if file else None
        self._world.telegram.say(owner, text_of(serial, owner), document=document)
        return serial

    def look(self) -> None:
        """What is not pending any more was confirmed, in order."""
        while len(self._unconfirmed) > self._world.telegram.pending:
            self._history.add(Acknowledged(self._unconfirmed.popleft()))


class Mta:
    """A customer's mail server: one mail after the other, each again until it hears 250."""

    def __init__(self, port: Callable[[], int], history: History, serials: Serials, shop: str) -> None:
        self._port = port
        self._history = history
        self._serials = serials
        self._shop = shop
        self._queue: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue()
        self.refused = 0

    def compose(self, owner: str) -> tuple[str, str, bytes]:
        """A mail: its serial, its sender and its bytes."""
        serial = self._serials.next("q")
        self._history.add(Written(serial, owner))
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"{owner} <{owner}@customer.example>"
        mail["To"] = self._shop
        mail["Subject"] = "A question"
        mail["Message-ID"] = f"<{serial}@customer.example>"
        mail["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
        mail.set_content(text_of(serial, owner))
        return serial, f"{owner}@customer.example", mail.as_bytes()

    def write(self, owner: str) -> str:
        letter = self.compose(owner)
        self._queue.put_nowait(letter)
        return letter[0]

    async def run(self) -> None:
        while True:
            serial, sender, raw = await self._queue.get()
            while not await self.hand_in(sender, raw):
                self.refused += 1
                await asyncio.sleep(AGAIN)
            self._history.add(Acknowledged(serial))

    async def hand_in(self, sender: str, raw: bytes) -> bool:
        """One try to hand a mail over; True when it was answered with 250."""
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self._port(), start_tls=False, timeout=20, local_hostname="mx.customer.example"
        )
        try:
            await client.connect()
            await client.sendmail(sender, [self._shop], raw)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()
            return False
        try:
            await client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()
        return True


class Poster:
    """Customers whose mail lands in the mailbox that the shop reads by IMAP: there it is safe already."""

    def __init__(self, mail: MailStandIn, history: History, serials: Serials) -> None:
        self._mail = mail
        self._history = history
        self._serials = serials

    async def write(self, owner: str) -> str:
        serial = self._serials.next("q")
        self._history.add(Written(serial, owner))
        self._history.add(Acknowledged(serial))
        await self._mail.send(f"{owner}@customer.example", text_of(serial, owner), subject="A question", name=owner)
        return serial


class Widget:
    """One visitor's web chat: keeps what is not acknowledged, sends it again in order after each reconnect, and
    resumes behind the last event it saw."""

    def __init__(self, url: Callable[[], str], owner: str, history: History, serials: Serials) -> None:
        self.owner = owner
        self._url = url
        self._history = history
        self._serials = serials
        self._token: str | None = None
        self._seq = 0
        self._unsent: dict[str, tuple[str, str]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.reconnects = 0

    async def write(self) -> str:
        serial = self._serials.next("q")
        self._history.add(Written(serial, self.owner))
        client_id = str(uuid.uuid4())
        self._unsent[client_id] = (serial, text_of(serial, self.owner))
        if self._socket is not None:
            await self._send(self._socket, client_id)
        return serial

    async def hang_up(self) -> None:
        """Close the socket; the next one is opened at once."""
        if self._socket is not None:
            await self._socket.close()

    async def run(self) -> None:
        async with aiohttp.ClientSession() as client:
            while True:
                try:
                    async with client.ws_connect(
                        f"{self._url()}/webchat/web/ws",
                        headers={"Origin": self._url()},
                        timeout=aiohttp.ClientWSTimeout(ws_close=0.2),
                    ) as socket:
                        await self._talk(socket)
                except (aiohttp.ClientError, ConnectionError):
                    pass
                finally:
                    self._socket = None
                self.reconnects += 1
                await asyncio.sleep(AGAIN)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        hello: dict[str, Any] = {"v": 1, "type": "hello", "id": "hello", "name": self.owner}
        if self._token is not None:
            hello["token"] = self._token
        await socket.send_str(orjson.dumps(hello).decode())
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return
            await self._frame(socket, orjson.loads(frame.data))

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> None:
        match frame["type"], frame["id"]:
            case "ack", "hello":
                self._token = frame["token"]
                resume = {"v": 1, "type": "resume", "id": "resume", "seq": self._seq}
                await socket.send_str(orjson.dumps(resume).decode())
                for client_id in list(self._unsent):
                    await self._send(socket, client_id)
                self._socket = socket
            case "ack", str(client_id) if client_id in self._unsent:
                serial, _ = self._unsent.pop(client_id)
                self._history.add(Acknowledged(serial))
            case "event", _:
                self._event(frame)
            case "reset", _:
                self._history.add(Forgotten(self.owner))
                self._seq = 0
            case "error", str(client_id) if client_id in self._unsent:
                await socket.close()  # not stored: it is sent again on the next socket

    def _event(self, frame: dict[str, Any]) -> None:
        if frame["seq"] <= self._seq:
            return  # seen already
        self._seq = frame["seq"]
        if frame["author"]["kind"] != "customer":
            for serial, owner in found_in(orjson.dumps(frame["text"]).decode()):
                self._history.add(Delivered(serial, owner, self.owner, str(frame["seq"])))

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, client_id: str) -> None:
        frame = {"v": 1, "type": "send", "id": client_id, "text": self._unsent[client_id][1]}
        try:
            await socket.send_str(orjson.dumps(frame).decode())
        except (aiohttp.ClientError, ConnectionError):
            return


class Agents:
    """Alice answers in the threads of customers; now and then with a note."""

    def __init__(self, world: World, history: History, serials: Serials, eyes: Eyes) -> None:
        self._world = world
        self._history = history
        self._serials = serials
        self._eyes = eyes

    def write(self, thread: tuple[str, str], *, note: bool = False) -> str:
        channel, ts = thread
        owner = self._eyes.threads[thread]
        serial = self._serials.next("n" if note else "r")
        self._history.add(Written(serial, owner))
        text = text_of(serial, owner)
        post = self._world.slack.post("alice", channel, f"// {text}" if note else text, thread_ts=ts)
        if not note:
            self._eyes.watch_mark(serial, channel, post)
        return serial
