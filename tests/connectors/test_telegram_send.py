"""Deliveries against the stand-in: how each may end (T9-T13, T16, T18-T20), and R4, X11, X13."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import AccountDown, NotSent, Outcome, Rejected, Sent, Unknown
from connectors.telegram.pace import Pace
from gateway.sandbox.telegram_faults import Fault, broken, cut_off, delayed, limited, migrated, swallowed
from router.model import Delivery, DeliveryKind, InboundKind
from router.richtext import Paragraph, RichText, Span, Style
from tests.connectors.telegram_bench import Desk, desk

JPEG = b"\xff\xd8\xff a picture"
BOLD = RichText((Paragraph((Span("On "), Span("its way", Style.BOLD))),))


async def talk(bench: Desk, user: str = "Mei") -> str:
    """Somebody writes first, as Telegram demands; returns the chat's address."""
    bench.telegram.say(user, "hello")
    return str(bench.telegram.person(user).id)


def again(bench: Desk, delivery: Delivery) -> Delivery:
    """The delivery as the outbox would give it the next time: with its checkpoint."""
    return bench.delivery(delivery.address, delivery.outgoing.text, checkpoint=bench.ports.checkpoints.get(delivery.id))


async def test_a_message_is_sent_and_its_remote_id_is_known(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        outcome = await bench.connector.deliver(bench.delivery(chat, BOLD))

        [shown] = [shown for shown in bench.telegram.chat("Mei") if shown.from_bot]
        assert outcome == Sent((f"{chat}:{shown.message_id}",))
        assert (shown.text, shown.entities) == ("On its way", [{"type": "bold", "offset": 3, "length": 7}])


async def test_t9_a_rate_answer_pauses_one_chat_for_exactly_its_time(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        mei, jan = await talk(bench, "Mei"), await talk(bench, "Jan")
        bench.telegram.fail("sendMessage", limited(17, chat=int(mei)))

        first = await bench.connector.deliver(bench.delivery(mei, "one"))
        second = await bench.connector.deliver(bench.delivery(jan, "two"))

        assert isinstance(first, NotSent)
        assert first.retry_after is not None
        assert (first.retry_after.total_seconds(), first.limited, first.account_wide) == (17, True, False)
        assert isinstance(second, Sent)
        assert bench.telegram.heard("Mei") == []


@pytest.mark.parametrize(
    ("fault", "expected", "accepted"),
    [
        (swallowed(), Unknown, 1),
        (delayed(3), Unknown, 1),
        (cut_off(), Unknown, 0),
        (broken(502), Unknown, 0),
        (broken(500, "Internal Server Error: closing"), Unknown, 0),
        (limited(3), NotSent, 0),
        (Fault(status=401, description="Unauthorized"), AccountDown, 0),
        (Fault(status=404, description="Not Found"), AccountDown, 0),
        (Fault(status=403, description="Forbidden: user is deactivated"), Rejected, 0),
        (Fault(status=400, description="Bad Request: not enough rights to send text messages"), Rejected, 0),
        (Fault(status=413, description="Request Entity Too Large"), Rejected, 0),
    ],
)
async def test_t10_every_failure_has_its_class(
    tmp_path: Path, fault: Fault, expected: type[Outcome], accepted: int
) -> None:
    async with desk(tmp_path, pace=Pace(call=0.3)) as bench:
        chat = await talk(bench)
        bench.telegram.fail("sendMessage", fault)

        outcome = await bench.connector.deliver(bench.delivery(chat, "On its way."))

        assert isinstance(outcome, expected)
        assert len(bench.telegram.truth) == accepted


async def test_t10_a_refused_connection_is_not_sent(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        await bench.telegram.stop()

        outcome = await bench.connector.deliver(bench.delivery(chat, "On its way."))

        assert isinstance(outcome, NotSent)
        assert not outcome.limited


@pytest.mark.parametrize(
    "answer", [b"<html>gateway</html>", b"[]", b'{"ok": true}', b'{"ok": true, "result": true}', b"\xff", b""]
)
async def test_t10_an_answer_that_is_none_leaves_the_outcome_unknown(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, desk(tmp_path) as bench:
        port = server.sockets[0].getsockname()[1]
        other = Desk(bench.telegram, bench.ports, api_url=f"http://127.0.0.1:{port}")

        outcome = await other.connector.deliver(other.delivery("5001", "On its way."))

        await other.connector.close()
        assert isinstance(outcome, Unknown)


async def test_t11_resend_once_sends_a_second_time_and_not_a_third(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        bench.telegram.fail("sendMessage", swallowed(), swallowed())
        delivery = bench.delivery(chat, "On its way.")

        assert isinstance(await bench.connector.deliver(delivery), Unknown)
        assert isinstance(await bench.connector.reconcile(delivery), NotSent)
        repeated = again(bench, delivery)
        assert isinstance(await bench.connector.deliver(repeated), Unknown)
        assert isinstance(await bench.connector.reconcile(repeated), Unknown)
        assert bench.telegram.heard("Mei") == ["On its way."] * 2


async def test_t11_hold_leaves_the_choice_to_an_agent(tmp_path: Path) -> None:
    async with desk(tmp_path, unknown="hold") as bench:
        chat = await talk(bench)
        bench.telegram.fail("sendMessage", swallowed())
        delivery = bench.delivery(chat, "On its way.")
        await bench.connector.deliver(delivery)

        assert isinstance(await bench.connector.reconcile(delivery), Unknown)
        assert bench.telegram.heard("Mei") == ["On its way."]


async def test_t12_a_customer_who_blocked_the_bot_closes_the_leg(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        bench.telegram.block("Mei")

        outcome = await bench.connector.deliver(bench.delivery(chat, "On its way."))

        assert isinstance(outcome, Rejected)
        assert outcome.closes_leg
        assert "blocked" in outcome.reason


async def test_t12_a_chat_that_does_not_exist_closes_the_leg(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        outcome = await bench.connector.deliver(bench.delivery("999", "On its way."))

        assert isinstance(outcome, Rejected)
        assert outcome.closes_leg


async def test_t13_a_moved_chat_gets_each_message_once_under_its_new_id(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        new = await talk(bench)
        bench.telegram.fail("sendMessage", migrated(-400, int(new)), migrated(-400, int(new)))

        both = await asyncio.gather(
            bench.connector.deliver(bench.delivery("-400", "one")),
            bench.connector.deliver(bench.delivery("-400", "two")),
        )
        third = await bench.connector.deliver(bench.delivery("-400", "three"))

        assert [type(outcome) for outcome in (*both, third)] == [Sent, Sent, Sent]
        assert sorted(bench.telegram.heard("Mei")) == ["one", "three", "two"]
        [moved] = bench.ports.inbound
        assert (moved.kind, moved.address, moved.target, moved.value) == (
            InboundKind.MEMBERSHIP,
            "-400",
            new,
            "migrated",
        )


@pytest.mark.parametrize(("length", "expected"), [(4095, Sent), (4096, Sent), (4097, Rejected)])
@pytest.mark.parametrize("letter", ["x", "你"])
async def test_t16_text_is_bounded(tmp_path: Path, length: int, expected: type[Outcome], letter: str) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        outcome = await bench.connector.deliver(bench.delivery(chat, letter * length))

        assert isinstance(outcome, expected)


async def test_t16_emoji_count_twice(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, "😀" * 2048)), Sent)
        assert isinstance(await bench.connector.deliver(bench.delivery(chat, "😀" * 2048 + "x")), Rejected)


@pytest.mark.parametrize(
    ("length", "sends"), [(1023, ["sendPhoto"]), (1024, ["sendPhoto"]), (1025, ["sendPhoto", "sendMessage"])]
)
async def test_t16_a_long_caption_becomes_a_message_of_its_own(tmp_path: Path, length: int, sends: list[str]) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        photo = await bench.file("a.jpg", JPEG, "image/jpeg")

        outcome = await bench.connector.deliver(bench.delivery(chat, "x" * length, attachments=(photo,)))

        assert [accepted.method for accepted in bench.telegram.truth] == sends
        assert isinstance(outcome, Sent)
        text_first = reversed([f"{chat}:{accepted.message_id}" for accepted in bench.telegram.truth])
        assert outcome.remote_ids == tuple(text_first)


async def test_t16_files_go_as_photos_or_documents_with_their_names_and_bytes(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        photo = await bench.file("a.jpg", JPEG, "image/jpeg")
        invoice = await bench.file("发票.pdf", b"%PDF-1.7", "application/pdf")

        outcome = await bench.connector.deliver(bench.delivery(chat, BOLD, attachments=(photo, invoice)))

        assert isinstance(outcome, Sent)
        first, second = [shown for shown in bench.telegram.chat("Mei") if shown.from_bot]
        assert (first.text, len(first.entities)) == ("On its way", 1)
        assert bench.telegram.file(first.raw["photo"][0]["file_id"]) == JPEG
        assert second.raw["document"]["file_name"] == "发票.pdf"
        assert bench.telegram.file(second.raw["document"]["file_id"]) == b"%PDF-1.7"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('a"b\\c;d.pdf', 'a"b\\c;d.pdf'),
        ("a\r\nX-Evil: 1.pdf", "aX-Evil: 1.pdf"),
        ("", "file"),
        ("😀 é.pdf", "😀 é.pdf"),
    ],
)
async def test_f3_any_file_name_reaches_the_customer(tmp_path: Path, name: str, shown: str) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        file = await bench.file(name, b"%PDF-1.7", "application/pdf")

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, "see", attachments=(file,))), Sent)
        [message] = [message for message in bench.telegram.chat("Mei") if message.from_bot]
        assert message.raw["document"]["file_name"] == shown
        assert message.text == "see"


async def test_t16_a_picture_telegram_cannot_read_goes_as_a_document(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        photo = await bench.file("a.jpg", b"not a picture", "image/jpeg")

        await bench.connector.deliver(bench.delivery(chat, "see", attachments=(photo,)))

        assert [accepted.method for accepted in bench.telegram.truth] == ["sendDocument"]


async def test_t16_files_over_the_limits_are_documents_or_refused(tmp_path: Path) -> None:
    async with desk(tmp_path, pace=Pace(call=20)) as bench:
        chat = await talk(bench)
        large = await bench.file("a.jpg", JPEG + b"x" * (10 * 1024 * 1024), "image/jpeg")
        huge = await bench.file("b.zip", b"x" * (50 * 1024 * 1024 + 1), "application/zip")

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, attachments=(large,))), Sent)
        refused = await bench.connector.deliver(bench.delivery(chat, "see", attachments=(large, huge)))

        assert isinstance(refused, Rejected)
        assert "b.zip" in refused.reason
        assert [accepted.method for accepted in bench.telegram.truth] == ["sendDocument"], "and no part of the second"


async def test_parts_that_went_out_are_not_repeated(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        files = tuple([await bench.file(f"{number}.pdf", b"%PDF", "application/pdf") for number in range(3)])
        bench.telegram.fail("sendDocument", Fault(accept=True), limited(1))
        delivery = bench.delivery(chat, "see", attachments=files)

        first = await bench.connector.deliver(delivery)
        retried = bench.delivery(chat, "see", attachments=files, checkpoint=bench.ports.checkpoints[delivery.id])
        second = await bench.connector.deliver(retried)

        assert isinstance(first, NotSent)
        assert isinstance(second, Sent)
        assert len(second.remote_ids) == len(bench.telegram.truth) == 3


async def test_a_file_that_is_not_there_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        photo = await bench.file("a.jpg", JPEG, "image/jpeg")
        assert photo.blob is not None
        bench.ports.blobs.path(photo.blob).unlink()

        outcome = await bench.connector.deliver(bench.delivery(chat, "see", attachments=(photo,)))

        assert isinstance(outcome, Rejected)
        assert bench.telegram.truth == []


@pytest.mark.parametrize(
    "words",
    ["Bad Request: can't parse entities: unsupported", "Bad Request: entity beginning at UTF-16 offset 1 ends after"],
)
async def test_t18_entities_that_are_refused_cost_the_looks_and_not_the_text(tmp_path: Path, words: str) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        bench.telegram.fail("sendMessage", Fault(status=400, description=words))

        outcome = await bench.connector.deliver(bench.delivery(chat, BOLD))

        assert isinstance(outcome, Sent)
        [shown] = [shown for shown in bench.telegram.chat("Mei") if shown.from_bot]
        assert (shown.text, shown.entities) == ("On its way", [])


@pytest.mark.parametrize(("text", "tries"), [(BOLD, 2), ("On its way", 1)])
async def test_t18_plain_text_is_not_tried_a_second_time(tmp_path: Path, text: str | RichText, tries: int) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)
        fault = Fault(status=400, description="Bad Request: can't parse entities: unsupported")
        bench.telegram.fail("sendMessage", fault, fault)

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, text)), Rejected)
        assert [method for method, _ in bench.telegram.calls] == ["sendmessage"] * tries


async def test_t19_a_reply_shows_what_it_answers_and_survives_its_deletion(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        number = bench.telegram.say("Mei", "Where is my order?")
        chat = str(bench.telegram.person("Mei").id)

        await bench.connector.deliver(bench.delivery(chat, "one", in_reply_to=f"{chat}:{number}"))
        bench.telegram.chat("Mei")[0].deleted = True
        await bench.connector.deliver(bench.delivery(chat, "two", in_reply_to=f"{chat}:{number}"))
        await bench.connector.deliver(bench.delivery(chat, "three", in_reply_to="<mail@shop.example>"))
        await bench.connector.deliver(bench.delivery(chat, "four", in_reply_to="4711:2"))

        shown = [(shown.text, shown.reply_to) for shown in bench.telegram.chat("Mei") if shown.from_bot]
        assert shown == [("one", number), ("two", None), ("three", None), ("four", None)]


async def sent(bench: Desk, **content: Any) -> tuple[str, str]:
    """A message that is out; its chat and its remote id."""
    chat = await talk(bench)
    outcome = await bench.connector.deliver(bench.delivery(chat, "On its way.", **content))
    assert isinstance(outcome, Sent)
    return chat, outcome.remote_ids[0]


async def test_x11_an_edit_changes_the_message_and_saying_it_twice_is_no_error(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat, target = await sent(bench)
        edit = bench.delivery(chat, "On its way!", kind=DeliveryKind.EDIT, target=target)

        assert await bench.connector.deliver(edit) == Sent((target,))
        assert await bench.connector.deliver(edit) == Sent((target,)), "T20: not modified is success"
        assert isinstance(await bench.connector.reconcile(edit), NotSent)
        assert bench.telegram.heard("Mei") == ["On its way!"]


async def test_x11_the_text_of_a_photo_is_its_caption(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat, target = await sent(bench, attachments=(await bench.file("a.jpg", JPEG, "image/jpeg"),))
        edit = bench.delivery(chat, "On its way!", kind=DeliveryKind.EDIT, target=target)

        assert await bench.connector.deliver(edit) == Sent((target,))
        assert await bench.connector.deliver(edit) == Sent((target,))
        assert bench.telegram.heard("Mei") == ["On its way!"]


async def test_t20_an_edit_of_a_message_that_is_gone_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        for target in (f"{chat}:999", "nonsense", None):
            edit = bench.delivery(chat, "x", kind=DeliveryKind.EDIT, target=target)
            assert isinstance(await bench.connector.deliver(edit), Rejected)


async def test_x11_a_delete_takes_the_message_away_and_saying_it_twice_is_no_error(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat, target = await sent(bench)
        delete = bench.delivery(chat, kind=DeliveryKind.DELETE, target=target)

        assert await bench.connector.deliver(delete) == Sent((target,))
        assert await bench.connector.deliver(delete) == Sent((target,))
        assert bench.telegram.heard("Mei") == []


async def test_x11_a_message_older_than_two_days_cannot_be_deleted(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat, target = await sent(bench)
        bench.telegram.chat("Mei")[-1].raw["date"] -= 49 * 3600

        outcome = await bench.connector.deliver(bench.delivery(chat, kind=DeliveryKind.DELETE, target=target))

        assert isinstance(outcome, Rejected)


async def test_r4_nothing_is_written_once_the_lease_is_gone(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat, target = await sent(bench)
        photo = await bench.file("a.jpg", JPEG, "image/jpeg")
        bench.ports.held = False
        calls = len(bench.telegram.calls)

        for delivery in (
            bench.delivery(chat, "x"),
            bench.delivery(chat, "x", attachments=(photo,)),
            bench.delivery(chat, "x", kind=DeliveryKind.EDIT, target=target),
            bench.delivery(chat, kind=DeliveryKind.DELETE, target=target),
        ):
            assert isinstance(await bench.connector.deliver(delivery), NotSent)
        assert len(bench.telegram.calls) == calls


@pytest.mark.parametrize("kind", [DeliveryKind.ROOT, DeliveryKind.CARD, DeliveryKind.NOTICE, DeliveryKind.REACTION])
async def test_what_belongs_to_a_desk_is_refused(tmp_path: Path, kind: DeliveryKind) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, "x", kind=kind)), Rejected)
        assert bench.telegram.truth == []


async def test_an_empty_message_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        chat = await talk(bench)

        assert isinstance(await bench.connector.deliver(bench.delivery(chat, "")), Rejected)


async def test_b1_the_probe_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        assert await bench.connector.probe() is None

        stranger = Desk(bench.telegram, bench.ports, token=SecretStr("778:wrong"))
        wrong = await stranger.connector.probe()
        await stranger.connector.close()
        await bench.telegram.stop()
        away = await bench.connector.probe()

        assert wrong is not None
        assert "BotFather" in wrong
        assert away is not None
        assert "api_url" in away


async def test_capabilities_name_telegrams_limits(tmp_path: Path) -> None:
    async with desk(tmp_path, rate_per_chat=0.5) as bench:
        able = bench.connector.capabilities

        assert (able.text_limit, able.text_unit, able.edits, able.deletes) == (4096, "utf16", True, True)
        assert (able.rate_per_address, able.rate_per_account, able.hold.total_seconds()) == (0.5, 30.0, 2)
