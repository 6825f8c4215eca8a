"""Files: uploads that can be resumed and are seen before they count (S26), downloads that keep the token (S27)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from connectors.base import NotSent, Sent, Unknown
from connectors.slack.files import to_name
from gateway.sandbox.slack.faults import Broken, Cut, NoEffect, Refused
from router.model import Attachment, AuthorKind, Delivery, Outgoing
from router.richtext import of_text
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, run=False) as opened:
        yield opened


async def stored(desk: SlackDesk, name: str, content: bytes) -> Attachment:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    blob = await desk.ports.blobs.put(chunks(), 10_000_000)
    return Attachment(name=name, content_type="application/pdf", size=blob.size, blob=blob)


async def with_files(desk: SlackDesk, *attachments: Attachment, text: str = "see") -> Delivery:
    thread = await desk.root()
    outgoing = Outgoing(
        text=of_text(text), author="Wang Fang", author_kind=AuthorKind.CUSTOMER, attachments=attachments
    )
    return delivery(thread=thread, outgoing=outgoing)


def again(desk: SlackDesk, sent: Delivery) -> Delivery:
    """The next attempt, with what the last one has stored."""
    return replace(sent, attempt=sent.attempt + 1, checkpoint=desk.ports.checkpoints.get(sent.id))


def shown(desk: SlackDesk) -> list[tuple[str, bytes | None]]:
    return [(file.name, file.content) for post in desk.slack.messages("#support-1") for file in post.files]


async def test_text_and_files_are_two_messages_of_one_thread(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"), await stored(desk, "b.pdf", b"two"))
    outcome = await desk.connector.deliver(sent)
    _, text, files = desk.slack.messages("#support-1")
    assert outcome == Sent((f"C0SUPPORT1:{text.ts}", f"C0SUPPORT1:{files.ts}"))
    assert f"C0SUPPORT1:{files.thread_ts}" == sent.thread
    assert shown(desk) == [("a.pdf", b"one"), ("b.pdf", b"two")]


async def test_a_file_alone_is_one_message(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"), text="")
    outcome = await desk.connector.deliver(sent)
    assert isinstance(outcome, Sent)
    assert len(outcome.remote_ids) == 1
    assert len(desk.slack.messages("#support-1")) == 2


async def test_x5_the_echo_of_the_text_does_not_prove_its_files(tmp_path: Path) -> None:
    async with slack_desk(tmp_path) as desk:
        sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
        await desk.ports.until(1)
        assert isinstance(await desk.connector.deliver(sent), Sent)
        await desk.slack.until(lambda: desk.slack.events.waiting == 0)
        assert sent.id.hex not in [each.value for each in desk.ports.inbound]


async def test_s26_the_file_id_is_stored_before_the_bytes_leave(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
    desk.slack.faults.on("upload", Broken(500))
    assert isinstance(await desk.connector.deliver(sent), NotSent)
    [file] = desk.slack.workspace.files
    assert orjson.loads(desk.ports.checkpoints[sent.id])["files"] == {"0": file}


async def test_s26_ok_without_a_share_is_noticed_and_made_good(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
    desk.slack.faults.on("files.completeUploadExternal", NoEffect())
    first = await desk.connector.deliver(sent)
    assert isinstance(first, NotSent)
    assert "does not show it" in first.reason
    second = await desk.connector.deliver(again(desk, sent))
    assert isinstance(second, Sent)
    assert len(second.remote_ids) == 2
    assert shown(desk) == [("a.pdf", b"one")]
    assert len([post for post in desk.slack.messages("#support-1") if post.text.startswith("Wang")]) == 1
    assert desk.slack.calls["files.getUploadURLExternal"] == 1


@pytest.mark.parametrize("effect", [True, False])
async def test_2_3_a_lost_answer_to_the_share_is_settled_by_the_file_itself(desk: SlackDesk, effect: bool) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
    desk.slack.faults.on("files.completeUploadExternal", Cut(effect=effect))
    assert isinstance(await desk.connector.deliver(sent), Unknown)
    found = await desk.connector.reconcile(again(desk, sent))
    if not effect:
        assert isinstance(found, NotSent)
        found = await desk.connector.deliver(again(desk, sent))
    assert isinstance(found, Sent)
    assert len(found.remote_ids) == 2
    assert shown(desk) == [("a.pdf", b"one")]


async def test_2_3_a_text_of_unknown_fate_is_not_posted_again_for_its_file(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
    desk.slack.faults.on("chat.postMessage", Cut())
    assert isinstance(await desk.connector.deliver(sent), Unknown)
    assert isinstance(await desk.connector.reconcile(sent), NotSent)
    outcome = await desk.connector.deliver(again(desk, sent))
    assert isinstance(outcome, Sent)
    assert [len(post.files) for post in desk.slack.messages("#support-1")] == [0, 0, 1]


async def test_s26_an_upload_that_was_never_finished_begins_anew(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"))
    desk.slack.faults.on("upload", Cut())
    assert isinstance(await desk.connector.deliver(sent), NotSent)
    assert isinstance(await desk.connector.deliver(again(desk, sent)), NotSent)
    assert isinstance(await desk.connector.deliver(again(desk, sent)), Sent)
    assert shown(desk) == [("a.pdf", b"one")]


async def test_x9_a_file_slack_refuses_leaves_a_word_in_its_place(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.exe", b"one"))
    desk.slack.faults.on("files.getUploadURLExternal", Refused("file_type_not_allowed"))
    outcome = await desk.connector.deliver(sent)
    assert isinstance(outcome, Sent)
    assert "[a.exe, 0.0 MB]" in desk.slack.messages("#support-1")[-1].text
    assert "file_type_not_allowed" in desk.slack.messages("#support-1")[-1].text


async def test_x9_a_file_that_was_not_kept_leaves_a_placeholder(desk: SlackDesk) -> None:
    sent = await with_files(desk, Attachment(name="film.mp4", size=31_000_000), text="")
    assert isinstance(await desk.connector.deliver(sent), Sent)
    assert desk.slack.messages("#support-1")[-1].text == "Wang Fang: [film.mp4, 31.0 MB]"


async def test_r4_files_are_not_shared_without_the_lease(desk: SlackDesk) -> None:
    sent = await with_files(desk, await stored(desk, "a.pdf", b"one"), text="")
    desk.ports.held = False
    assert isinstance(await desk.connector.deliver(sent), NotSent)
    assert shown(desk) == []


def test_s23_a_file_name_is_one_line_of_sane_length() -> None:
    assert to_name("a\nb\u202e.pdf") == "a b .pdf"
    assert len(to_name("x" * 500 + ".pdf")) <= 200
    assert to_name("x" * 500 + ".pdf").endswith(".pdf")
    assert to_name(" \n") == "file"


# Downloads.


async def read(desk: SlackDesk, attachment: Attachment) -> bytes:
    return b"".join([chunk async for chunk in desk.connector.fetch(attachment)])


def attached(desk: SlackDesk, name: str, content_type: str, content: bytes) -> Attachment:
    """A file an agent has posted, as it arrived."""
    ts = desk.slack.post("alice", "#support-1", "see", files=[(name, content_type, content)])
    file = desk.slack.channel("#support-1").posts[ts].files[0]
    return Attachment(name=file.name, content_type=file.content_type, size=file.size, remote=file.id)


async def test_s27_a_file_is_read_with_the_token(desk: SlackDesk) -> None:
    content = bytes(range(256)) * 1_000
    assert await read(desk, attached(desk, "a.bin", "application/octet-stream", content)) == content


async def test_s27_a_login_page_is_no_file(desk: SlackDesk) -> None:
    attachment = attached(desk, "a.pdf", "application/pdf", b"one")
    desk.slack.redirect(str(attachment.remote), "/login")
    with pytest.raises(FileNotFoundError, match="files:read"):
        await read(desk, attachment)


async def test_s27_a_web_page_instead_of_the_file_names_the_scope(desk: SlackDesk) -> None:
    attachment = attached(desk, "a.pdf", "text/html", b"<html>Sign in</html>")
    with pytest.raises(FileNotFoundError, match="files:read"):
        await read(desk, replace(attachment, content_type="application/pdf"))
    assert await read(desk, attachment) == b"<html>Sign in</html>"


async def test_s27_no_foreign_host_ever_sees_the_token(desk: SlackDesk) -> None:
    seen: list[dict[str, str]] = []

    async def foreign(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(body=b"bytes", content_type="application/pdf")

    app = web.Application()
    app.router.add_get("/elsewhere", foreign)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    attachment = attached(desk, "a.pdf", "application/pdf", b"one")
    desk.slack.redirect(str(attachment.remote), f"http://{host}:{port}/elsewhere")
    assert await read(desk, attachment) == b"bytes"
    await runner.cleanup()
    [headers] = seen
    assert "Authorization" not in headers
    assert desk.slack.bot_token not in str(headers)


async def test_s27_a_file_without_an_address_is_asked_for_again(desk: SlackDesk) -> None:
    attachment = attached(desk, "a.pdf", "application/pdf", b"one")
    desk.slack.faults.on("files.info", Broken(503), NoEffect())
    assert await read(desk, attachment) == b"one"
    assert desk.slack.calls["files.info"] == 3


@pytest.mark.parametrize("status", [503, 429])
async def test_s27_a_file_that_slack_cannot_give_now_is_to_be_had_later(desk: SlackDesk, status: int) -> None:
    attachment = attached(desk, "a.pdf", "application/pdf", b"one")
    desk.slack.faults.always["files.info"] = Broken(status)
    with pytest.raises(ConnectionError, match=r'"a\.pdf"'):
        await read(desk, attachment)


async def test_s27_what_slack_does_not_give_out_is_said_in_a_sentence(desk: SlackDesk) -> None:
    for attachment in (Attachment(name="a.pdf", remote="F0NONE"), Attachment(name="a.pdf")):
        with pytest.raises(FileNotFoundError, match=r'"a\.pdf"'):
            await read(desk, attachment)


async def test_an_arriving_file_is_named_sized_and_fetchable(tmp_path: Path) -> None:
    async with slack_desk(tmp_path) as desk:
        attached(desk, "a.pdf", "application/pdf", b"one")
        [arrival] = await desk.ports.until(1)
        assert arrival.inbound is not None
        [attachment] = arrival.inbound.attachments
        assert (attachment.name, attachment.content_type, attachment.size) == ("a.pdf", "application/pdf", 3)
        assert await read(desk, attachment) == b"one"
