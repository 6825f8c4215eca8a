"""A conversation that an agent begins: it has its own thread, and its first message is checked like any reply."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from router.addresses import mail_address, spelled
from router.answering import reply, unposted
from router.asked import INWARD, Answer, Asked, is_inward, refused
from router.decision import Address, Decision, NewEvent, Opening, Planned
from router.desk_view import DeskView
from router.events import EventType
from router.handing import assigned
from router.legs import unreachable, ways_of
from router.model import (
    UNKNOWN,
    AuthorKind,
    Card,
    ChannelType,
    Contact,
    Conversation,
    DeliveryKind,
    Identity,
    IdentityKey,
    Inbound,
    InboundKind,
    Leg,
    Matter,
    Outgoing,
    Priority,
    Sender,
    Status,
)
from router.ownership import OwnerChange, Ownership
from router.planning import notice
from router.policy_traits import judged_by, traits_of
from router.richtext import of_text
from router.rulebook import Rulebook
from router.targets import UNJUDGED, first_match

CUSTOMER = "customer"
"""In the place of an address: that of this thread's customer on the channel."""
SUBJECT = 200
NEW = UUID(int=0)
"""The conversation that has no id yet."""

_SUBJECT = re.compile(r"(?:subject|主题|主題)\s*[::]\s*([^\n]+)\n+", re.IGNORECASE)
_HOW = (
    "Say `@onevoice start <channel> <address> <text>`: `start mail anna@x.com Hello ...`, or `start tg customer Hello "
    "...` for this customer's own address. A first line `Subject: ...` is the subject of a mail."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whom an agent writes to. `contact` None: somebody nobody knows yet. `same`: the customer of this thread."""

    to: Address
    contact: Contact | None
    verification: int = 0
    same: bool = False


def start(asked: Asked) -> Decision:
    """ "start mail anna@x.com <text>": a new conversation with a customer. By mail with anybody; on other channels only
    with this customer, where they have written before."""
    words = spelled(asked.verb.rest).split(maxsplit=2)
    rules = asked.rules
    if len(words) < 3:
        return refused(asked, _HOW)
    channel, address, text = words
    known = rules.channels.get(channel)
    if known is None or rules.is_desk(channel):
        names = ", ".join(each for each in rules.channels if not rules.is_desk(each))
        return refused(asked, f"There is no channel {channel!r} to customers; there are {names}.")
    whom = _whom(asked, channel, address)
    if isinstance(whom, str):
        return refused(asked, whom)
    subject, text = _parted(text) if known.type is ChannelType.EMAIL else ("", text)
    if is_inward(asked, subject) or is_inward(asked, text):
        return refused(asked, INWARD)
    return _opened(asked, whom, subject, text)


def _whom(asked: Asked, channel: str, address: str) -> Whom | str:
    ways = [each for each in ways_of(asked) if each.to.channel == channel]
    mail = mail_address(address) if asked.rules.channel(channel).type is ChannelType.EMAIL else None
    wanted = mail or address
    found = [each for each in ways if address == CUSTOMER or each.to.address == wanted]
    if found:
        if found[0].closed:
            return unreachable(found[0])
        desk = asked.snapshot.desk
        own = next((each for each in desk.identities if each.key == found[0].to.identity), None) if desk else None
        contact = asked.snapshot.proof_contact or Contact(id=asked.conversation.contact)
        if own is not None and own.contact != contact.id:
            contact = replace(contact, id=own.contact)
        return Whom(to=found[0].to, contact=contact, verification=found[0].verification, same=True)
    if mail is None:
        where = "This customer has no mail address" if address == CUSTOMER else "They have never written from there"
        return f"Not sent: {where}. On {channel} only a customer who wrote before can be written to."
    key = IdentityKey("email", mail)
    return Whom(to=Address(channel=channel, address=mail, identity=key), contact=asked.snapshot.lookup.other)


def _parted(text: str) -> tuple[str, str]:
    """The subject of a mail, where its first line says one, and the text."""
    found = _SUBJECT.match(text)
    if found is None:
        return "", text
    return found[1].strip()[:SUBJECT], text[found.end() :]


def _opened(asked: Asked, whom: Whom, subject: str, text: str) -> Decision:
    here, rules = asked.snapshot.absorbed or asked.conversation, asked.rules
    desk = next(leg for leg in here.legs if leg.desk)
    matter = _matter(asked, subject, text, rules)
    contact = whom.contact or Contact(id=NEW)
    fresh = Conversation(
        id=NEW,
        number=0,
        contact=contact.id,
        subject=subject,
        orders=matter.orders,
        topic=matter.topic,
        route=here.route,
        team=here.team,
        legs=_legs(asked, whom.to, desk),
        opened_at=asked.inbound.sent_at or here.opened_at,
    )
    snapshot = replace(
        asked.snapshot, proof=fresh, proof_contact=whom.contact, desk=_view(asked, whom, contact), standing=None
    )
    said = replace(asked.inbound, text=of_text(text), value=asked.verb.name)
    decision = unposted(
        reply(snapshot, fresh, said, asked.agent, rules),
        f"{asked.agent.name} began this conversation with {whom.to.address} on {whom.to.channel}, "
        f"out of #{here.number}:",
    )
    traits = traits_of(rules, whom.to.channel, None, whom.contact, matter)
    policy = first_match(rules.policies, traits) or UNJUDGED
    opened = NewEvent(
        type=EventType.CONVERSATION_OPENED,
        actor=asked.actor,
        payload={
            "route": here.route,
            "team": here.team,
            **judged_by(policy),
            "traits": {**traits, "to": "", "verification": whom.verification},
            "started_from": here.number,
            "why": [["start", f"{asked.agent.name} wrote first"]],
        },
    )
    told = f"A new conversation with {whom.to.address} on {whom.to.channel} has begun, in a thread of its own."
    return replace(
        decision,
        conversation=None,
        opening=Opening(
            subject=subject,
            route=here.route,
            team=here.team,
            desk_channel=desk.channel,
            desk_address=desk.address,
            policy=policy.id or None,
            policy_version=policy.version,
            matter=matter,
            contact=whom.contact.id if whom.contact is not None else None,
            to=whom.to,
        ),
        events=(opened, assigned(asked.agent.id, here.team, asked.actor), *decision.events),
        deliveries=(
            _root(whom, contact, subject, here, desk, rules),
            *decision.deliveries,
            *(replace(each, thread_of=here.id) for each in notice(here, told)),
        ),
        ownership=Ownership(owner=OwnerChange(agent=asked.agent.id)),
    )


def _legs(asked: Asked, to: Address, desk: Leg) -> tuple[Leg, ...]:
    """What the first message needs to know of the legs to be; the customer's is chosen by whoever begins."""
    at = asked.snapshot.now or asked.conversation.opened_at
    return (
        replace(desk, conversation=NEW),
        Leg(id=NEW, conversation=NEW, channel=to.channel, address=to.address, identity=to.identity, chosen_at=at),
    )


def _view(asked: Asked, whom: Whom, contact: Contact) -> DeskView | None:
    """Nobody has said anything there yet; what this customer was told elsewhere counts."""
    desk = asked.snapshot.desk
    if desk is None:
        return None
    known: Sequence[Identity] = desk.identities if whom.same else ()
    return DeskView(
        now=desk.now,
        told=desk.told if whom.same else (),
        contacts=desk.contacts if whom.same else frozenset({contact.id}),
        identities=known,
    )


def _matter(asked: Asked, subject: str, text: str, rules: Rulebook) -> Matter:
    """By our own words; they are never a complaint."""
    if rules.recognition is None:
        return UNKNOWN
    words = Inbound(
        kind=InboundKind.MESSAGE,
        channel=asked.inbound.channel,
        address="",
        sender=Sender(identity=IdentityKey("slack", "")),
        remote_id="",
        subject=subject,
        text=of_text(text),
    )
    return replace(rules.recognition.matter(words, None), priority=Priority.NORMAL)


def _root(whom: Whom, contact: Contact, subject: str, here: Conversation, desk: Leg, rules: Rulebook) -> Planned:
    name = contact.name or whom.to.address
    card = Card(
        number=0,
        contact=name,
        verification=whom.verification,
        channel=whom.to.channel,
        channel_type=rules.channel(whom.to.channel).type,
        address=whom.to.address,
        status=Status.OPEN,
        subject=subject,
        team=here.team,
        owner=None,
    )
    return Planned(
        kind=DeliveryKind.ROOT,
        channel=desk.channel,
        address=desk.address,
        desk=True,
        outgoing=Outgoing(card=card, author=name, author_kind=AuthorKind.SYSTEM, automatic=True),
    )


VERBS: Mapping[str, Answer] = {"start": start}
