"""What was said in a conversation, by mail to its customer: public messages only, to an address that is proven."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from router.absence import zone_of
from router.addresses import mail_address, spelled
from router.asked import Answer, Asked, refused
from router.automatic import TRANSCRIPTS
from router.decision import Decision, NewEvent, NewMessage, Outcome, Planned, Reason
from router.legs import mail_channel
from router.lookup import Said
from router.model import (
    AuthorKind,
    ChannelType,
    DeliveryKind,
    Leg,
    Outgoing,
    Visibility,
)
from router.planning import customer_leg
from router.richtext import Block, Paragraph, RichText, Span, Style, of_text, plain

LONGEST = 200_000
"""Characters; of a longer one the newest messages."""


def transcript(asked: Asked) -> Decision:
    """ "transcript", "transcript to anna@x.com": to the mail address of this conversation or another of the customer's,
    if it is proven."""
    channel = mail_channel(asked)
    if channel is None:
        return refused(asked, "Not sent: there is no mail channel.")
    words = spelled(asked.verb.rest).removeprefix("to ").strip()
    wanted = mail_address(words) if words else None
    if words and wanted is None:
        return refused(asked, f"{words!r} is no mail address. Say `@onevoice transcript to anna@x.com`.")
    address = _address(asked, wanted)
    if address is None:
        known = f"{wanted} is not proven to be this customer's" if wanted else "no mail address of theirs is proven"
        return refused(asked, f"Not sent: {known}, and a transcript says everything that was said here.")
    said = asked.snapshot.lookup.said
    if not said:
        return refused(asked, "Nothing has been said to or by the customer yet.")
    text = RichText(tuple(_blocks(said, asked, zone_of(asked))))
    return _sent(asked, channel, address, text, len(said))


def _address(asked: Asked, wanted: str | None) -> str | None:
    """Where it may go (4.1): to a proven address, or to the only one this conversation was ever held with."""
    desk, leg = asked.snapshot.desk, customer_leg(asked.conversation)
    proven = [
        each.key.value
        for each in (desk.identities if desk is not None else ())
        if each.key.type == "email" and each.verification >= 1
    ]
    if leg is not None and _is_mail(leg, asked) and wanted in {None, leg.address}:
        others = (each for each in asked.conversation.legs if not each.desk and each.address != leg.address)
        if (leg.identity is not None and leg.identity.value in proven) or next(others, None) is None:
            return leg.address
    if wanted is not None:
        return wanted if wanted in proven else None
    return proven[0] if proven else None


def _is_mail(leg: Leg, asked: Asked) -> bool:
    known = asked.rules.channels.get(leg.channel)
    return known is not None and known.type is ChannelType.EMAIL


def _blocks(said: Sequence[Said], asked: Asked, zone: tzinfo) -> Iterator[Block]:
    shown: list[tuple[Block, ...]] = []
    size = 0
    for each in reversed(said):
        size += len(plain(each.text))
        if size > LONGEST:
            break
        shown.append(tuple(_message(each, zone)))
    number = asked.conversation.number
    yield Paragraph((Span(f"Transcript of conversation #{number}, all times in {zone}.", Style.BOLD),))
    if len(shown) < len(said):
        yield Paragraph((Span(f"The newest {len(shown)} of {len(said)} messages."),))
    for blocks in reversed(shown):
        yield from blocks


def _message(said: Said, zone: tzinfo) -> Iterator[Block]:
    who = said.author or ("Automatic message" if said.author_kind is AuthorKind.SYSTEM else "-")
    yield Paragraph((Span(f"{said.at.astimezone(zone):%Y-%m-%d %H:%M} · {who}", Style.BOLD),))
    yield from said.text.blocks
    if said.files:
        yield from of_text(f"[{', '.join(said.files)}]").blocks


def _sent(asked: Asked, channel: str, address: str, text: RichText, count: int) -> Decision:
    event = NewEvent(
        type="transcript_sent",
        actor=asked.actor,
        payload={"channel": channel, "address": address, "messages": count},
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("verb", asked.verb.name),),
        conversation=asked.conversation,
        message=NewMessage(
            author_kind=AuthorKind.SYSTEM,
            author=TRANSCRIPTS,
            author_name="",
            visibility=Visibility.PUBLIC,
            channel=channel,
            text=text,
            automatic=True,
        ),
        events=(event,),
        deliveries=(
            Planned(
                kind=DeliveryKind.MESSAGE,
                channel=channel,
                address=address,
                desk=False,
                outgoing=Outgoing(
                    text=text,
                    author_kind=AuthorKind.SYSTEM,
                    subject=f"Transcript of conversation #{asked.conversation.number}",
                    automatic=True,
                ),
                of_message=True,
            ),
        ),
    )


VERBS: Mapping[str, Answer] = {"transcript": transcript}
