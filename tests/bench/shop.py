"""The rows of two years of a shop's life, made up: customers come back, agents answer, everything was delivered; the
latest conversations are still open, raw items are kept for their 30 days (decisions 36)."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from router.model import AuthorKind, Card, ChannelType, Outgoing, Status
from router.richtext import RichText, of_text
from router.words import words_of
from storage.codec import digest, outgoing_json, text_of
from storage.database import to_micros
from tests.bench.clients import mail
from tests.bench.node import DESKS

SPAN = timedelta(days=730)
RAW_KEPT = timedelta(days=30)
CONVERSATIONS_OF_A_CONTACT = 2.5
OPEN_SHARE = 0.02
PACE = 10 * 60 * 1_000_000
"""Microseconds between the messages of a conversation."""
ANSWERS = frozenset({1, 4, 6, 9})
"""Which of ten messages are an agent's."""
FIRST_MESSAGE_ID = 1_000_000
"""Of Telegram messages: the stand-in of the bench counts from 1."""

COLUMNS = {
    "contacts": "id name language created_at",
    "identities": "key contact name verification evidence first_seen",
    "conversations": "id number contact status subject route opened_at last_in_at resolved_at next_seq version",
    "legs": "id conversation channel address desk thread_key identity last_in_at last_remote_id closed",
    "lanes": "key channel address reserved owner lease_until fence",
    "inbox": "id channel dedupe_key digest received_at raw meta state",
    "messages": "id conversation seq author_kind author author_name visibility channel body remote_key received_at "
    "sent_at composed_at version deleted automatic",
    "events": "conversation seq type version at actor payload",
    "outbox": "id lane seq part parts channel address kind conversation message body state fence attempt not_before "
    "created_at started_at settled_at remote_key remote_ids",
    "feed": "place seq kind message at",
    "words": "word conversation",
}
"""Tables, parents first, and what is written of each."""

Rows = dict[str, list[tuple[Any, ...]]]

_NAMES = ("Li Na", "Anna Berg", "José Ruiz", "Wang Wei", "Mary Jones", "Kenji Sato", "Ines Costa", "Omar Haddad")
_CHANNELS = (("web", "web"), ("tg", "telegram"), ("mail", "email"))
_TYPES = {"web": ChannelType.WEBCHAT, "tg": ChannelType.TELEGRAM, "mail": ChannelType.EMAIL}
_QUESTIONS = tuple(f"Where is order {number}? The tracking page says nothing new." for number in range(50))
_REPLIES = tuple(f"It left our warehouse on day {number} and should be with you soon." for number in range(20))


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with one address on one channel."""

    id: bytes
    channel: str
    address: str
    identity: str
    name: str


@dataclass(slots=True)
class Shop:
    """`months` of conversations that end a day before `now`."""

    now: datetime
    conversations: int
    letters: int
    _chance: random.Random = field(default_factory=lambda: random.Random(7))
    _customers: dict[int, Customer] = field(default_factory=dict)
    _written: dict[int, int] = field(default_factory=dict)

    def batches(self, size: int) -> Iterator[Rows]:
        """All rows, `size` conversations at a time."""
        contacts = max(1, int(self.conversations / CONVERSATIONS_OF_A_CONTACT))
        end = to_micros(self.now - timedelta(days=1))
        step = to_micros(self.now) - to_micros(self.now - SPAN)
        for first in range(0, self.conversations, size):
            rows: Rows = {table: [] for table in COLUMNS}
            for index in range(first, min(first + size, self.conversations)):
                started = end - step * (self.conversations - index) // self.conversations
                self._conversation(rows, index, index * 7919 % contacts, started)
            yield rows

    def _id(self, micros: int) -> bytes:
        """A UUIDv7 of that instant."""
        chance = self._chance.getrandbits(74)
        return (
            (micros // 1000 << 80) | (0x7 << 76) | (chance >> 62 << 64) | (0x2 << 62) | (chance & (2**62 - 1))
        ).to_bytes(16, "big")

    def _customer(self, rows: Rows, number: int, at: int) -> Customer:
        if (known := self._customers.get(number)) is not None:
            return known
        channel, kind = _CHANNELS[number % 3]
        address = {
            "web": f"v-{hashlib.blake2b(str(number).encode(), digest_size=12).hexdigest()}",
            "tg": str(number),
            "mail": f"customer{number}@customer.example",
        }[channel]
        name = _NAMES[number % len(_NAMES)]
        customer = Customer(self._id(at), channel, address, f"{kind}:{address}", name)
        self._customers[number] = customer
        rows["contacts"].append((customer.id, name, None, at))
        rows["identities"].append((customer.identity, customer.id, name, int(channel == "tg"), "", at))
        rows["lanes"].append((f"{channel}:{address}", channel, address, False, "", 0, 1))
        return customer

    def _conversation(self, rows: Rows, index: int, contact: int, started: int) -> None:
        customer = self._customer(rows, contact, started)
        channel, address = customer.channel, customer.address
        conversation, desk = self._id(started), DESKS[index % len(DESKS)]
        place = f"C0{desk[1:].upper().replace('-', '')}"
        lane, own_lane = f"desk:{conversation.hex()}", f"{channel}:{address}"
        rows["lanes"].append((lane, "desk", desk, False, "", 0, self.letters))
        raw_since = to_micros(self.now - RAW_KEPT)
        subject = f"Question {index}" if channel == "mail" else ""
        card = Card(
            number=index + 1, contact=customer.name, verification=0, channel=channel, channel_type=_TYPES[channel],
            address=address, status=Status.OPEN, subject=subject,
        )  # fmt: skip
        root = outgoing_json(Outgoing(author=customer.name, automatic=True, card=card))
        thread = _ts(place, started)
        self._sent(rows, lane, 1, "desk", desk, "root", conversation, None, root, started, thread)
        seq, last_in, last_remote = 2, started, ""
        words = {*_words(subject), *_words(customer.name), *_words(address)}
        for letter in range(self.letters):
            at = started + letter * PACE
            message = self._id(at)
            if letter % 10 in ANSWERS:
                said = _REPLIES[(index + letter) % len(_REPLIES)]
                remote = _ts(place, at)
                self._received(
                    rows, message, "desk", remote, at, at > raw_since, f'{{"event":{{"ts":"{at}","text":"{said}"}}}}'
                )
                rows["messages"].append(
                    (message, conversation, seq, "agent", "agent:alice", "Alice Chen", "public", "desk", _body(said),
                     f"desk:{remote}", at, at, at, 1, False, False)
                )  # fmt: skip
                why = '[["reply.leg","the customer wrote last here"]]'
                _event(rows, conversation, seq, "reply_composed", at, "agent:alice", channel, why, message)
                _event(rows, conversation, seq + 1, "message_sent", at, "", channel, "[]", message)
                reply = _reply(said, last_remote)
                answer = None if channel == "web" else f"{address}:{FIRST_MESSAGE_ID + at}"
                self._sent(rows, own_lane, at, channel, address, "message", conversation, message, reply, at, answer)
                tick = outgoing_json(Outgoing(automatic=True, target=remote, reaction="white_check_mark"))
                self._sent(rows, lane, seq + 2, "desk", desk, "reaction", conversation, None, tick, at, remote)
                seq += 3
            else:
                said = _QUESTIONS[(index + letter) % len(_QUESTIONS)]
                last_in, last_remote = at, self._asked(rows, customer, message, said, at, at > raw_since)
                rows["messages"].append(
                    (message, conversation, seq, "customer", customer.identity, customer.name, "public", channel,
                     _body(said), f"{channel}:{last_remote}", at, None, None, 1, False, False)
                )  # fmt: skip
                why = '[["attach.open","the contact has an open conversation"]]'
                _event(rows, conversation, seq, "message_received", at, "customer", channel, why, message)
                copy = _copy(said, customer.name)
                self._sent(
                    rows, lane, seq, "desk", desk, "message", conversation, message, copy, at, _ts(place, at + 1)
                )
                seq += 1
            words.update(_words(said))
            if channel == "web":
                self._written[contact] = self._written.get(contact, 0) + 1
                rows["feed"].append((own_lane, self._written[contact], "message", message, at))
        rows["words"] += [(word, index + 1) for word in sorted(words)]
        is_open = index >= self.conversations * (1 - OPEN_SHARE)
        ended = None if is_open else started + self.letters * PACE
        rows["conversations"].append(
            (conversation, index + 1, customer.id, "open" if is_open else "resolved", subject, "default", started,
             last_in, ended, seq, self.letters)
        )  # fmt: skip
        _event(rows, conversation, 1, "conversation_opened", started, "", channel, "[]", conversation)
        rows["legs"].append(
            (self._id(started), conversation, "desk", desk, True, f"desk:{thread}", None, None, None, False)
        )
        rows["legs"].append(
            (self._id(started), conversation, channel, address, False, None, customer.identity, last_in, last_remote,
             False)
        )  # fmt: skip

    def _asked(self, rows: Rows, customer: Customer, message: bytes, said: str, at: int, keep: bool) -> str:
        """What a customer's message looked like on the wire; its remote id."""
        match customer.channel:
            case "web":
                remote = f"{customer.address}:{UUID(bytes=message)}"
                self._received(rows, message, "web", remote, at, keep, f'{{"text":"{said}"}}')
            case "tg":
                number = FIRST_MESSAGE_ID + at // PACE
                remote = f"{customer.address}:{number}"
                raw = f'{{"update_id":{number},"message":{{"message_id":{number},"text":"{said}"}}}}'
                self._received(rows, message, "tg", f"m:{customer.address}:{number}:0", at, keep, raw)
            case _:
                remote = f"{UUID(bytes=message)}@customer.example"
                key = digest(message).hex() * 2
                self._received(rows, message, "mail", key, at, keep, _letter(said) if keep else "")
        return remote

    def _received(self, rows: Rows, item: bytes, channel: str, key: str, at: int, keep: bool, raw: str) -> None:
        rows["inbox"].append((item, channel, key, item, at, raw.encode() if keep else None, "{}", "done"))

    def _sent(
        self,
        rows: Rows,
        lane: str,
        seq: int,
        channel: str,
        address: str,
        kind: str,
        conversation: bytes,
        message: bytes | None,
        body: str,
        at: int,
        remote: str | None,
    ) -> None:
        remote_ids = f'["{remote}"]' if remote else "[]"
        remote_key = f"{channel}:{remote}" if remote else None
        rows["outbox"].append(
            (self._id(at), lane, seq, 1, 1, channel, address, kind, conversation, message, body, "sent", 1, 1, at, at,
             at, at + 50_000, remote_key, remote_ids)
        )  # fmt: skip


def _ts(place: str, micros: int) -> str:
    return f"{place}:{micros // 1_000_000}.{micros % 1_000_000:06d}"


def _event(
    rows: Rows, conversation: bytes, seq: int, kind: str, at: int, actor: str, channel: str, why: str, message: bytes
) -> None:
    payload = f'{{"channel":"{channel}","why":{why},"message":"{message.hex()}"}}'
    rows["events"].append((conversation, seq, kind, 1, at, actor, payload))


@cache
def _text(said: str) -> RichText:
    return of_text(said)


@cache
def _words(said: str) -> tuple[str, ...]:
    return tuple(words_of(said))


@cache
def _body(said: str) -> str:
    return text_of(_text(said))


@cache
def _copy(said: str, name: str) -> str:
    return outgoing_json(Outgoing(text=_text(said), author=name, author_kind=AuthorKind.CUSTOMER))


def _reply(said: str, to: str) -> str:
    return outgoing_json(
        Outgoing(text=_text(said), author="Alice Chen", author_kind=AuthorKind.AGENT, in_reply_to=to, references=(to,))
    )


@cache
def _letter(said: str) -> str:
    return mail("customer@customer.example", said).decode()
