"""Mail out: rendering, the relay's answers, tokens coming back (O1-O6, H1-H5, L2)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from connectors.base import AccountDown, NotSent, Rejected, Sent, Unknown
from connectors.email.connector import EmailConnector
from connectors.email.parse import inbound
from connectors.email.settings import EmailSettings
from gateway.sandbox.mail import AUTHSERV_ID, Fault, MailStandIn
from router.model import Attachment, AuthorKind, Delivery, DeliveryKind, InboundKind, Outgoing
from router.richtext import of_text, plain
from tests.connectors.ports import MemoryPorts

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CUSTOMER = "li.wei@customer.example"
CONVERSATION = UUID(int=0x0195_0000_0000_7000_8000_0000_0000_0001)
SECRET = b"0123456789abcdef0123456789abcdef"


def clock() -> datetime:
    return NOW


def delivery(number: int = 1, kind: DeliveryKind = DeliveryKind.MESSAGE, **outgoing: object) -> Delivery:
    content: dict[str, object] = {
        "text": of_text("Your parcel is on its way."),
        "author": "Alice",
        "author_kind": AuthorKind.AGENT,
        "subject": "Re: my order",
    }
    return Delivery(
        id=UUID(int=number),
        channel="mail",
        kind=kind,
        conversation=CONVERSATION,
        number=7,
        message=None,
        part=1,
        parts=1,
        address=CUSTOMER,
        thread=None,
        outgoing=Outgoing(**{**content, **outgoing}),  # type: ignore[arg-type]  # a shorthand
        attempt=1,
        created_at=NOW + timedelta(microseconds=5),
    )


@pytest.fixture
async def provider() -> AsyncIterator[MailStandIn]:
    stand_in = MailStandIn(clock)
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


def settings(provider: MailStandIn, **changes: object) -> EmailSettings:
    return EmailSettings.model_validate(
        {
            "id": "mail",
            "type": "email",
            "address": "help@shop.example",
            "name": "Shop",
            "smtp": {
                "host": provider.host,
                "port": provider.smtp_port,
                "tls": False,
                "user": provider.user,
                "password": provider.password,
            },
            "authserv_ids": [AUTHSERV_ID],
            **changes,
        }
    )


@pytest.fixture
async def mail(provider: MailStandIn, tmp_path: Path) -> AsyncIterator[EmailConnector]:
    connector = EmailConnector(settings(provider), MemoryPorts(tmp_path), clock, SECRET)
    yield connector
    await connector.close()


async def test_a_reply_reaches_the_customer(mail: EmailConnector, provider: MailStandIn) -> None:
    outcome = await mail.deliver(delivery(in_reply_to="q1@customer.example", references=("q0@customer.example",)))

    (received,) = provider.mailbox(CUSTOMER)
    assert outcome == Sent((received.message_id,))
    assert received.text == "Your parcel is on its way."
    assert received.message["From"] == "Alice <help@shop.example>"
    assert received.subject == "Re: my order"
    assert received.message["In-Reply-To"] == "<q1@customer.example>"
    assert received.message["References"] == "<q0@customer.example> <q1@customer.example>"
    assert received.message["Auto-Submitted"] is None


async def test_o1_a_repeat_is_the_same_bytes(mail: EmailConnector, provider: MailStandIn) -> None:
    await mail.deliver(delivery(text=of_text("你好")))
    await mail.close()
    await mail.deliver(delivery(text=of_text("你好")))

    first, second = provider.accepted
    assert first.raw == second.raw


@pytest.mark.parametrize(
    ("stage", "fault", "expected"),
    [
        ("connect", Fault(reply="421 4.3.2 busy"), NotSent),
        ("connect", Fault(drop=True), NotSent),
        ("ehlo", Fault(drop=True), NotSent),
        ("auth", Fault(reply="454 4.7.0 later"), NotSent),
        ("auth", Fault(reply="535 5.7.8 no"), AccountDown),
        ("mail", Fault(reply="451 4.3.0 later"), NotSent),
        ("mail", Fault(reply="421 4.3.0 closing"), NotSent),
        ("mail", Fault(reply="530 5.7.0 authenticate"), AccountDown),
        ("mail", Fault(reply="550 5.7.1 refused"), Rejected),
        ("mail", Fault(drop=True), NotSent),
        ("rcpt", Fault(reply="450 4.2.1 greylisted"), NotSent),
        ("rcpt", Fault(reply="550 5.1.1 unknown"), Rejected),
        ("rcpt", Fault(reply="552 5.2.2 full"), Rejected),
        ("rcpt", Fault(drop=True), NotSent),
        ("data", Fault(reply="451 4.3.0 later"), NotSent),
        ("data", Fault(reply="554 5.6.0 no"), Rejected),
        ("dot", Fault(reply="452 4.3.1 full"), NotSent),
        ("dot", Fault(reply="554 5.6.0 spam"), Rejected),
        ("dot", Fault(drop=True), Unknown),
        ("dot", Fault(drop=True, accept=True), Unknown),
    ],
)
async def test_o2_each_ending_has_its_outcome(
    mail: EmailConnector, provider: MailStandIn, stage: str, fault: Fault, expected: type
) -> None:
    provider.fail(stage, fault)

    outcome = await mail.deliver(delivery())

    assert isinstance(outcome, expected), outcome
    assert len(provider.accepted) == (1 if fault.accept else 0)
    assert isinstance(await mail.deliver(delivery(2)), Sent)


@pytest.mark.parametrize(
    ("stage", "reply", "alone"),
    [("rcpt", "450 4.2.1 greylisted", True), ("rcpt", "421 4.3.2 closing", False), ("mail", "451 4.3.0 later", False)],
)
async def test_b1_only_what_is_said_of_a_recipient_is_no_trouble_of_the_relay(
    mail: EmailConnector, provider: MailStandIn, stage: str, reply: str, alone: bool
) -> None:
    provider.fail(stage, Fault(reply=reply))

    outcome = await mail.deliver(delivery())

    assert isinstance(outcome, NotSent)
    assert outcome.alone is alone


async def test_a_lost_answer_is_repeated_with_the_same_bytes(mail: EmailConnector, provider: MailStandIn) -> None:
    provider.fail("dot", Fault(drop=True, accept=True))

    assert isinstance(await mail.deliver(delivery()), Unknown)
    assert isinstance(await mail.reconcile(delivery()), NotSent)
    assert isinstance(await mail.deliver(delivery()), Sent)

    assert len({mail.raw for mail in provider.accepted}) == 1


async def test_nothing_is_sent_without_the_lease(mail: EmailConnector, provider: MailStandIn, tmp_path: Path) -> None:
    ports = MemoryPorts(tmp_path)
    ports.held = False
    connector = EmailConnector(settings(provider), ports, clock, SECRET)

    assert isinstance(await connector.deliver(delivery()), NotSent)
    assert provider.accepted == []
    await connector.close()


async def test_a_closed_port_is_not_sent(provider: MailStandIn, mail: EmailConnector) -> None:
    await provider.stop()

    assert isinstance(await mail.deliver(delivery()), NotSent)


async def test_h1_the_customers_answer_names_the_conversation(mail: EmailConnector, provider: MailStandIn) -> None:
    await mail.deliver(delivery())
    await provider.reply(CUSTOMER, "Thank you!")

    stored = provider.inbox.mails[0]
    parsed = inbound(stored.raw, {"internaldate": NOW.isoformat()}, mail.parser_context).inbound

    assert parsed.kind is InboundKind.MESSAGE
    assert plain(parsed.text) == "Thank you!"
    assert parsed.thread.conversation == CONVERSATION
    assert parsed.thread.participant == CUSTOMER
    assert parsed.sender.verification == 1
    assert parsed.sent_at == NOW


async def test_l6_a_bounce_names_the_mail_that_came_back(mail: EmailConnector, provider: MailStandIn) -> None:
    outcome = await mail.deliver(delivery())
    await provider.bounce(provider.accepted[0])

    parsed = inbound(provider.inbox.mails[0].raw, {"mail_from": ""}, mail.parser_context).inbound

    assert isinstance(outcome, Sent)
    assert (parsed.kind, parsed.value, parsed.target) == (InboundKind.BOUNCE, "5.1.1", outcome.remote_ids[0])
    assert parsed.thread.conversation == CONVERSATION


async def test_l2_automatic_mail_says_so_and_has_a_null_sender(mail: EmailConnector, provider: MailStandIn) -> None:
    await mail.deliver(delivery(automatic=True))

    (received,) = provider.accepted
    assert received.sender == ""
    assert received.message["Auto-Submitted"] == "auto-replied"
    assert received.message["X-Auto-Response-Suppress"] == "All"


async def test_an_attachment_travels(mail: EmailConnector, provider: MailStandIn, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"%PDF-1.4 \x00\xff"

    blob = await MemoryPorts(tmp_path).blobs.put(chunks(), 100)
    attached = Attachment(name="发票 1.pdf", content_type="application/pdf", size=blob.size, blob=blob)

    assert isinstance(await mail.deliver(delivery(attachments=(attached,))), Sent)

    assert provider.accepted[0].attachments == [("发票 1.pdf", b"%PDF-1.4 \x00\xff")]


@pytest.mark.parametrize("kind", sorted(set(DeliveryKind) - {DeliveryKind.MESSAGE, DeliveryKind.NOTICE}))
async def test_what_mail_cannot_do_is_rejected_with_a_sentence(
    mail: EmailConnector, provider: MailStandIn, kind: DeliveryKind
) -> None:
    outcome = await mail.deliver(delivery(kind=kind))

    assert isinstance(outcome, Rejected)
    assert "mail" in outcome.reason
    assert provider.sessions == 0


async def test_one_connection_serves_several_mails(mail: EmailConnector, provider: MailStandIn) -> None:
    outcomes = await asyncio.gather(*(mail.deliver(delivery(number)) for number in range(1, 6)))

    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert provider.sessions == 1


async def test_the_probe_tells_what_is_wrong(mail: EmailConnector, provider: MailStandIn, tmp_path: Path) -> None:
    assert await mail.probe() is None

    wrong = EmailConnector(
        settings(provider, smtp={**settings(provider).smtp.model_dump(), "password": "wrong"}),  # type: ignore[union-attr]
        MemoryPorts(tmp_path),
        clock,
        SECRET,
    )
    assert "check user and password" in (await wrong.probe() or "")
    await wrong.close()
