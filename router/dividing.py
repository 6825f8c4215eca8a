"""Splitting a conversation by an agent's word: the customer's last messages get a conversation of their own, where they
keep their times (D25). Splitting texts is `router.splitting`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from router.asked import INWARD, Answer, Asked, answered, is_inward
from router.cutting import shown
from router.decision import Decision, NewEvent, Opening, Outcome, Planned, Reason
from router.events import EventType
from router.model import (
    UNKNOWN,
    AuthorKind,
    Card,
    Conversation,
    DeliveryKind,
    Event,
    IdentityKey,
    Inbound,
    InboundKind,
    Matter,
    Outgoing,
    Sender,
    Status,
)
from router.planning import notice, parts_to
from router.regrouping import Division, Movable
from router.richtext import RichText
from router.rulebook import Rulebook
from router.splitting import split as parts_of

MOST = 50
"""Messages that one split may move."""


def split(asked: Asked) -> Decision:
    """ "split last 2 <subject>": the customer's last two messages get a conversation of their own."""
    said = asked.verb.rest.split()
    count, rest = 1, said
    if said and said[0].lower() == "last":
        rest = said[1:]
        if rest and rest[0].isdecimal():
            count, rest = int(rest[0][:9]), rest[1:]
    elif said:
        return answered(asked, "Say how many of the customer's messages go: `@onevoice split last 2 <subject>`.")
    messages = asked.snapshot.movable
    if not 0 < count <= MOST:
        return answered(asked, f"Between 1 and {MOST} messages can be split off at once.")
    if count >= len(messages):
        return answered(asked, f"The customer has written {_messages(len(messages))} here, and one must stay.")
    moved = messages[-count:]
    subject = " ".join(rest)
    if is_inward(asked, subject):
        return answered(asked, INWARD)
    event = NewEvent(
        type="conversation_split",
        actor=asked.actor,
        payload={
            "messages": [each.id.hex for each in moved],
            "subject": subject,
            "why": [["D25", f"{asked.agent.name} split off the customer's last {_messages(count)}"]],
        },
    )
    absorbed = asked.snapshot.absorbed
    own = asked.conversation.id
    made = Division(
        source=own,
        messages=moved,
        subject=subject,
        actor=asked.actor,
        told=(own,) if absorbed is None else (own, absorbed.id),
    )
    # the number of the new conversation is known when it is there: then the thread is told
    return replace(answered(asked, "", event), deliveries=(), regrouping=made)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


VERBS: Mapping[str, Answer] = {"split": split}


def opens(
    source: Conversation, made: Division, log: Sequence[Event], waiting: frozenset[str], rules: Rulebook
) -> Decision:
    """The new conversation with the moved part of the log; `log` are the events about the messages, `waiting` those
    messages that nobody has answered. Only these wait in the new one: what was answered stays answered where it was.
    """
    newest = made.messages[-1]
    desk = next(leg for leg in source.legs if leg.desk)
    why = f"it was split off conversation {source.number}"
    card = Card(
        number=0,
        contact=newest.author_name,
        verification=newest.verification,
        channel=newest.channel,
        channel_type=rules.channel(newest.channel).type,
        address=newest.leg.address if newest.leg is not None else "",
        status=Status.OPEN,
        subject=made.subject,
        team=source.team,
        owner=None,
    )
    root = Planned(
        kind=DeliveryKind.ROOT,
        channel=desk.channel,
        address=desk.address,
        desk=True,
        outgoing=Outgoing(card=card, author=newest.author_name, author_kind=AuthorKind.SYSTEM, automatic=True),
    )
    opened = NewEvent(
        type=EventType.CONVERSATION_OPENED,
        actor=made.actor,
        at=min((event.at for event in log), default=newest.received_at),
        payload={
            "route": source.route,
            "team": source.team,
            **({"policy": source.policy, "policy_version": source.policy_version} if source.policy else {}),
            "split_from": source.number,
            "why": [["D25", why]],
        },
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D25", why),),
        opening=Opening(
            subject=made.subject,
            route=source.route,
            team=source.team,
            desk_channel=desk.channel,
            desk_address=desk.address,
            policy=source.policy,
            policy_version=source.policy_version,
            matter=_matter(made, rules),
            contact=source.contact,
        ),
        events=(opened, *(_moved(event, source, waiting) for event in log)),
        deliveries=(root,),
    )


def _moved(event: Event, source: Conversation, waiting: frozenset[str]) -> NewEvent:
    payload = {**event.payload, "moved_from": source.number}
    if event.payload["message"] not in waiting:
        payload["material" if event.type == EventType.MESSAGE_EDITED else "needs_reply"] = False
    return NewEvent(type=event.type, actor=event.actor, at=event.at, payload=payload)


def _matter(made: Division, rules: Rulebook) -> Matter:
    if rules.recognition is None:
        return UNKNOWN
    newest = made.messages[-1]
    words = Inbound(
        kind=InboundKind.MESSAGE,
        channel=newest.channel,
        address="",
        sender=Sender(identity=IdentityKey(newest.channel, "")),
        remote_id="",
        subject=made.subject,
        text=RichText(tuple(block for each in made.messages for block in each.text.blocks)),
    )
    return rules.recognition.matter(words, None)


def shows(message: Movable, conversation: Conversation, rules: Rulebook) -> Decision:
    """A moved message, shown in the thread of its new conversation."""
    desk = next(leg for leg in conversation.legs if leg.desk)
    capabilities = rules.channel(desk.channel).capabilities
    text, buttons = shown(message.text)
    return Decision(
        outcome=Outcome.STORED,
        reasons=(),
        conversation=conversation,
        deliveries=parts_to(
            parts_of(text, capabilities.text_limit, capabilities.text_unit),
            Outgoing(
                author=message.author_name,
                author_kind=AuthorKind.CUSTOMER,
                attachments=message.attachments,
                buttons=buttons,
            ),
            channel=desk.channel,
            address=desk.address,
            desk=True,
        ),
    )


def leaves(origin: Conversation, messages: Sequence[Movable], number: int, actor: str) -> Decision:
    """The conversation that had them is not asked for an answer to these messages any more."""
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D25", f"the messages were split off to conversation {number}"),),
        conversation=origin,
        events=tuple(
            NewEvent(type=EventType.MESSAGE_MOVED, actor=actor, payload={"message": each.id.hex, "to": number})
            for each in messages
        ),
    )


def told(conversation: Conversation, made: Division, number: int) -> Decision:
    """The old thread learns where the messages are."""
    subject = f" ({made.subject})" if made.subject else ""
    said = (
        f"The customer's last {_messages(len(made.messages))} went to the new conversation #{number}{subject}, "
        "which has a thread of its own."
    )
    return Decision(
        outcome=Outcome.STORED, reasons=(), conversation=conversation, deliveries=notice(conversation, said)
    )
