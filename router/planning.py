"""Deliveries as the rules plan them: parts of a message, notices and marks for the desk."""

from datetime import datetime, timedelta

from router.decision import Decision, Outcome, Planned, Reason
from router.model import Attachment, Capabilities, CardButton, Conversation, DeliveryKind, Leg, Outgoing
from router.richtext import RichText, of_text
from router.rulebook import Rulebook
from router.splitting import measure, split

NOTE_MARK = "memo"
"""The reaction on a post that stays with the colleagues."""
REFUSED_MARK = "no_entry_sign"
"""The reaction on a post that was meant for the customer, perhaps, and was not sent."""

LINE = 64
"""Characters of the line in place of a file that cannot be had, without the file's name."""


def cut(text: RichText, attachments: tuple[Attachment, ...], capabilities: Capabilities) -> tuple[RichText, ...]:
    """A text in the parts that a channel takes (X7), with room for the lines of files that are still elsewhere: they
    may turn out not to be had (X9)."""
    limit, unit = capabilities.text_limit, capabilities.text_unit
    lines = sum(LINE + measure(each.name, unit) for each in attachments if each.elsewhere)
    return split(text, max(limit - lines, limit // 2), unit)


def parts_to(
    parts: tuple[RichText, ...],
    outgoing: Outgoing,
    *,
    channel: str,
    address: str,
    desk: bool,
    hold: timedelta = timedelta(0),
    order: int | None = None,
) -> tuple[Planned, ...]:
    """One planned delivery a part (X7); attachments and buttons go with the last."""
    count = max(len(parts), 1)
    return tuple(
        Planned(
            kind=DeliveryKind.MESSAGE,
            channel=channel,
            address=address,
            desk=desk,
            outgoing=_part_of(outgoing, text, last=number == count),
            part=number,
            parts=count,
            hold=hold,
            order=order,
            of_message=True,
        )
        for number, text in enumerate(parts or (RichText(),), 1)
    )


def _part_of(outgoing: Outgoing, text: RichText, *, last: bool) -> Outgoing:
    return Outgoing(
        text=text,
        author=outgoing.author,
        author_kind=outgoing.author_kind,
        attachments=outgoing.attachments if last else (),
        subject=outgoing.subject,
        in_reply_to=outgoing.in_reply_to,
        references=outgoing.references,
        automatic=outgoing.automatic,
        buttons=outgoing.buttons if last else (),
    )


def customer_leg(conversation: Conversation) -> Leg | None:
    """Where an answer goes: the reachable leg of the latest customer message, or the one an agent chose since."""
    reachable = [(at, leg) for leg in conversation.legs if not leg.closed and (at := _current_since(leg)) is not None]
    return max(reachable, key=lambda each: (each[0], each[1].id), default=(None, None))[1]


def way_out(conversation: Conversation, rules: Rulebook) -> Leg | Reason:
    """The leg an answer leaves by, or why none can leave. Where its channel is not configured any more nothing goes
    another way by itself: what was said there stays there until an agent says `via`."""
    leg = customer_leg(conversation)
    if leg is None:
        return Reason("T12", "the customer cannot be reached any more on this channel")
    if leg.channel not in rules.channels:
        return Reason("channel", f"the channel {leg.channel} is no longer configured")
    return leg


def is_chosen(leg: Leg) -> bool:
    """Whether an agent chose it since the customer wrote there."""
    return leg.chosen_at is not None and (leg.last_in_at is None or leg.chosen_at > leg.last_in_at)


def _current_since(leg: Leg) -> datetime | None:
    """When the customer wrote there, or an agent chose it; None where nothing of that happened."""
    if leg.desk or leg.chosen_at is None or leg.last_in_at is None:
        return None if leg.desk else leg.last_in_at or leg.chosen_at
    return max(leg.last_in_at, leg.chosen_at)


def notice(
    conversation: Conversation,
    said: str | RichText,
    *,
    about: str | None = None,
    buttons: tuple[CardButton, ...] = (),
) -> tuple[Planned, ...]:
    """Tell the desk something in the conversation's thread (X17), or ask: then `about` is what is to be decided."""
    return tuple(
        Planned(
            kind=DeliveryKind.NOTICE,
            channel=leg.channel,
            address=leg.address,
            desk=True,
            outgoing=Outgoing(
                text=of_text(said) if isinstance(said, str) else said, automatic=True, about=about, buttons=buttons
            ),
        )
        for leg in conversation.legs
        if leg.desk
    )


def reaction(conversation: Conversation, remote_id: str, name: str) -> tuple[Planned, ...]:
    """Mark an agent's post in the thread."""
    return tuple(
        Planned(
            kind=DeliveryKind.REACTION,
            channel=leg.channel,
            address=leg.address,
            desk=True,
            outgoing=Outgoing(target=remote_id, reaction=name, automatic=True),
        )
        for leg in conversation.legs
        if leg.desk
    )


def ignored(rule: str, text: str) -> Decision:
    """Nothing follows from it, and why."""
    return Decision(outcome=Outcome.IGNORED, reasons=(Reason(rule, text),))
