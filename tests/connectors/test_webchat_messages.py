"""Sending over the socket: acknowledged after the commit, once, in order, and refused in words."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import NotSent, NotStored, Rejected, Sent
from connectors.webchat import protocol
from connectors.webchat.protocol import Refused
from router.model import Attachment, Delivery, DeliveryKind, IdentityKey, InboundKind, Outgoing
from router.richtext import of_text, plain
from tests.connectors.webchat_shop import NOON, Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


async def test_x1_a_message_is_acknowledged_only_after_intake_returned(shop: Shop) -> None:
    shop.ports.delay = 0.2
    async with shop.visit() as client:
        await client.hello(language="zh-CN", name="  Li   Wei ")
        loop = asyncio.get_running_loop()
        began = loop.time()
        frame = await client.tell("send", text="你好", at=1_772_424_000_123)
        ack = await client.next()
        assert loop.time() - began >= 0.2

    (inbound,) = shop.ports.inbound
    message = shop.ports.feed[client.visitor][0].message
    assert ack == {"v": 1, "type": "ack", "id": frame, "seq": 1, "message": message.id.hex}
    assert (inbound.kind, inbound.channel, inbound.address) == (InboundKind.MESSAGE, "web", client.visitor)
    assert inbound.remote_id == f"{client.visitor}:{frame}" == shop.ports.arrivals[0].key
    assert inbound.sender.identity == IdentityKey("web", client.visitor)
    assert (inbound.sender.name, inbound.sender.verification, inbound.language) == ("Li Wei", 0, "zh-CN")
    assert plain(inbound.text) == "你好"
    assert inbound.claimed_at == datetime(2026, 3, 2, 4, 0, 0, 123_000, tzinfo=UTC)


async def test_w4_the_same_uuid_five_times_is_one_message_with_one_answer(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        frame = str(uuid.uuid4())
        answers = []
        for clock in range(5):
            await client.tell("send", frame, text="Where is my parcel?", at=clock)
            answers.append(await client.next())
    assert answers == [answers[0]] * 5
    assert len(shop.ports.arrivals) == 1


async def test_w4_other_content_under_a_used_uuid_is_a_conflict(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        frame = await client.tell("send", text="One")
        await client.next()
        await client.tell("send", frame, text="Two")
        refused = await client.next()
    assert (refused["type"], refused["id"], refused["code"], refused["status"]) == (
        "error",
        frame,
        "webchat.conflict",
        409,
    )


async def test_messages_of_one_socket_reach_intake_in_order_and_share_commits(shop: Shop) -> None:
    shop.ports.delay = 0.05
    async with shop.visit() as client:
        await client.hello()
        frames = [await client.tell("send", text=f"{number}") for number in range(15)]
        acks = [await client.next() for _ in frames]
    assert [ack["id"] for ack in acks] == frames
    assert [ack["seq"] for ack in acks] == list(range(1, 16))
    assert [plain(each.text) for each in shop.ports.inbound] == [f"{number}" for number in range(15)]
    assert len(shop.ports.intakes) <= 4


async def test_x15_what_is_not_stored_is_not_acknowledged_and_the_socket_ends_with_1013(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        shop.ports.refuse = NotStored("the disk is full", full=True, retry_after=7.0)
        frame = await client.tell("send", text="Hello")
        refused = await client.next()
        assert (refused["code"], refused["status"], refused["id"]) == ("webchat.unavailable", 503, frame)
        assert refused["retry_after"] == 7.0
        assert "disk" not in str(refused)
        assert await client.ended() == 1013
    assert shop.ports.arrivals == []


async def test_a_draining_store_sends_the_client_elsewhere(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        shop.ports.refuse = NotStored("stopping", draining=True)
        await client.tell("send", text="Hello")
        assert await client.ended() == 1012


@pytest.mark.parametrize(
    ("frame", "code", "status"),
    [
        ("{", "webchat.frame", 400),
        ("[]", "webchat.frame", 400),
        ('{"v":1,"type":"send"}', "webchat.frame", 400),
        ('{"v":1,"type":"dance","id":"1"}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"1","text":"no uuid"}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","text":"  "}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","text":7}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","files":"x"}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","text":"a","at":-1}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","text":"\\ud800"}', "webchat.frame", 400),
        ('{"v":1,"type":"send","id":"00000000-0000-4000-8000-000000000000","files":["forged"]}', "webchat.file", 404),
        ('{"v":1,"type":"resume","id":"1","seq":true}', "webchat.frame", 400),
        ('{"v":1,"type":"hello","id":"1"}', "webchat.frame", 400),
    ],
)
async def test_a_wrong_frame_is_answered_with_a_sentence_and_the_socket_goes_on(
    shop: Shop, frame: str, code: str, status: int
) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.socket.send_str(frame)
        refused = await client.next()
        assert (refused["type"], refused["code"], refused["status"]) == ("error", code, status)
        assert refused["text"].endswith(".")
        await client.tell("send", text="Still here")
        assert (await client.next())["type"] == "ack"


async def test_a_text_over_the_limit_is_refused_and_control_characters_are_dropped(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello()
        await client.tell("send", text="长" * 4001)
        assert (await client.next())["code"] == "webchat.too_long"
        await client.tell("send", text="a\x00b\x1b[2Jc\n\nd")
        await client.next()
    assert shop.ports.inbound[0].text == of_text("ab[2Jc\n\nd")


async def test_w20_a_newer_protocol_is_refused_with_the_version_we_speak(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.socket.send_str('{"v":2,"type":"hello","id":"1"}')
        refused = await client.next()
        assert (refused["code"], refused["status"]) == ("webchat.version", 426)
        assert await client.ended() == 4426


async def test_w20_unknown_members_of_a_frame_are_ignored(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello(colour="blue")
        await client.tell("send", text="Hello", mood="happy")
        assert (await client.next())["type"] == "ack"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["v", "type", "id", "seq", "text", "files", "at", "token", "identity", "name", "language"])
VALUES = st.sampled_from([1, "send", "hello", "resume", "reset", "00000000-0000-4000-8000-000000000000"]) | JSON


@given(st.dictionaries(KEYS, VALUES).map(lambda fields: json.dumps({"v": 1, "id": "1"} | fields).encode()))
@settings(max_examples=200)
def test_z13_whatever_a_client_sends_is_a_frame_or_refused_in_a_sentence(data: bytes) -> None:
    outcome = parsed(data)
    if isinstance(outcome, Refused):
        assert outcome.text.endswith(".")
        assert outcome.status in (400, 426)
    else:
        assert outcome.id


def parsed(data: bytes) -> protocol.ClientFrame | Refused:
    try:
        return protocol.parse(data)
    except Refused as refused:
        return refused


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_bytes_that_are_no_frame_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        protocol.parse(data)


@pytest.mark.parametrize("kind", list(DeliveryKind))
async def test_w3_a_delivery_is_done_by_its_own_commit_and_what_visitors_cannot_see_is_rejected(
    shop: Shop, kind: DeliveryKind
) -> None:
    delivery = Delivery(
        id=uuid.uuid4(),
        channel="web",
        kind=kind,
        conversation=uuid.uuid4(),
        number=1,
        message=None,
        part=1,
        parts=1,
        address="v-1",
        thread=None,
        outgoing=Outgoing(),
        attempt=1,
        created_at=NOON,
    )
    outcome = await shop.connector.deliver(delivery)
    seen = kind in (DeliveryKind.MESSAGE, DeliveryKind.EDIT, DeliveryKind.DELETE)
    assert outcome == Sent(()) if seen else isinstance(outcome, Rejected)
    assert isinstance(await shop.connector.reconcile(delivery), NotSent)
    with pytest.raises(FileNotFoundError):
        await anext(shop.connector.fetch(Attachment(name="a")))
