"""What follows from a customer's message: the conversation it belongs to, the desk that sees it, strangers held."""

from router.attaching import DUPLICATE, attach
from router.cutting import shown
from router.decision import (
    Decision,
    NewEvent,
    NewMessage,
    Opening,
    Outcome,
    Planned,
    Reason,
    Reroute,
    Snapshot,
)
from router.earlier_answers import asked_before
from router.instants import optional_to_text
from router.model import (
    UNKNOWN,
    AuthorKind,
    Card,
    CaseType,
    Conversation,
    DeliveryKind,
    Inbound,
    Matter,
    Outgoing,
    Status,
    Visibility,
)
from router.planning import cut, ignored, notice, parts_to
from router.policy_traits import judged_by, judged_otherwise, tier_of, traits_of
from router.queue_order import CLASSES
from router.richtext import plain
from router.routes import Traits, match, shard
from router.rulebook import Rulebook
from router.targets import UNJUDGED, first_match


def from_customer(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """A customer's message: attach it or open a conversation, and show it to the desk."""
    proof = snapshot.proof
    if proof is not None and _is_strange(snapshot, inbound):
        if inbound.thread.conversation is not None:
            return _held_stranger(proof, inbound)
        proof = None
    matter = matter_of(snapshot, inbound, rules)
    attached, reason = attach(snapshot, proof, inbound, matter, rules.terms, rules.recognition)
    if attached is not None:
        return _follow_up(snapshot, attached, inbound, matter, rules, reason)
    if not inbound.thread.opens:
        return ignored("attach.none", "it goes on with no conversation of ours")
    return _opening(snapshot, inbound, matter, rules, reason)


def matter_of(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Matter:
    """What the words of a customer are about, as far as they say it."""
    if rules.recognition is None:
        return UNKNOWN
    return rules.recognition.matter(inbound, tier_of(inbound.sender.tier, snapshot.contact))


def _is_strange(snapshot: Snapshot, inbound: Inbound) -> bool:
    """The thread is proven but the sender is nobody of that conversation (H3, E2)."""
    thread, proof = inbound.thread, snapshot.proof
    if thread.apart:
        return False  # whoever can write there takes part
    contact = snapshot.contact
    if contact is not None and proof is not None and proof.contact in {contact.id, *snapshot.linked}:
        return False
    return thread.participant != inbound.sender.identity.value


def _follow_up(
    snapshot: Snapshot, conversation: Conversation, inbound: Inbound, matter: Matter, rules: Rulebook, reason: Reason
) -> Decision:
    desk = next((leg for leg in conversation.legs if leg.desk), None)
    deliveries = () if desk is None else _to_desk(inbound, rules, desk.channel, desk.address, _name(snapshot, inbound))
    thanks = rules.recognition is not None and rules.recognition.only_thanks(conversation, inbound)
    if reason.rule == DUPLICATE and conversation.last_word_ours:
        deliveries = (*deliveries, *asked_before(conversation, reason.text))
    asks = not thanks and not inbound.automatic
    grown, follows = heard(snapshot, conversation, inbound, matter, rules, asks=asks)
    return Decision(
        outcome=Outcome.STORED,
        reasons=(reason,),
        conversation=conversation,
        message=_customer_message(snapshot, inbound),
        events=(_received(inbound, (reason,), needs_reply=not thanks), *follows),
        deliveries=deliveries,
        leg_in=True,
        matter=grown,
        reroute=rerouted(snapshot, conversation, inbound, grown, rules),
    )


def heard(
    snapshot: Snapshot, conversation: Conversation, inbound: Inbound, matter: Matter, rules: Rulebook, *, asks: bool
) -> tuple[Matter | None, tuple[NewEvent, ...]]:
    """What a customer's words change of the conversation they are said in: what it is about (None: nothing new), and
    events: it is open again when they ask for something (D21), the shop says another tier, or it is judged by another
    policy."""
    events: list[NewEvent] = []
    if conversation.status is not Status.OPEN and asks:
        events.append(NewEvent(type="status_changed", payload={"to": Status.OPEN, "rule": "D21"}))
    had, tier = tier_of(None, snapshot.contact), tier_of(inbound.sender.tier, snapshot.contact)
    if tier != had:
        events.append(NewEvent(type="tier_changed", actor="system:account", payload={"from": had, "to": tier}))
    grown = _grown(conversation.matter, matter)
    if grown is not None or tier != had:
        events += judged_otherwise(
            conversation,
            snapshot.contact,
            grown or conversation.matter,
            rules,
            "system:matter",
            channel=inbound.channel,
            language=inbound.language,
            tier=inbound.sender.tier,
        )
    return grown, tuple(events)


def rerouted(
    snapshot: Snapshot, conversation: Conversation, inbound: Inbound, grown: Matter | None, rules: Rulebook
) -> Reroute | None:
    """What becomes a complaint is for the team whose route asks for complaints (CM-17)."""
    if conversation.owner is not None or grown is None:
        return None
    if grown.case is not CaseType.COMPLAINT or grown.case is conversation.matter.case:
        return None
    route, why = match(rules, _asked_by_routes(snapshot, inbound, grown))
    if not route.when.case or route.team is None or route.team == conversation.team:
        return None
    return Reroute(team=route.team, reason=Reason("route", why))


def _asked_by_routes(snapshot: Snapshot, inbound: Inbound, matter: Matter) -> Traits:
    contact = snapshot.contact
    return Traits(
        channel=inbound.channel,
        to=inbound.to,
        language=inbound.language or (contact.language if contact else None),
        text=lambda: f"{inbound.subject}\n{plain(inbound.text)}",
        verification=inbound.sender.verification,
        tier=tier_of(inbound.sender.tier, contact),
        topic=matter.topic,
        case=matter.case,
        at=snapshot.now,
    )


def _grown(known: Matter, said: Matter) -> Matter | None:
    """What the conversation is about after a further message; None when that changed nothing. A topic stays, orders
    are added, and the class only rises."""
    orders = (*known.orders, *(each for each in said.orders if each not in known.orders))
    priority = min(known.priority, said.priority, key=CLASSES.__getitem__)
    grown = Matter(topic=known.topic or said.topic, orders=orders, priority=priority)
    return None if grown == known else grown


def _opening(snapshot: Snapshot, inbound: Inbound, matter: Matter, rules: Rulebook, reason: Reason) -> Decision:
    contact = snapshot.contact
    name = _name(snapshot, inbound)
    route, why = match(rules, _asked_by_routes(snapshot, inbound, matter))
    reasons = (reason, Reason("route", why))
    attributes = traits_of(rules, inbound.channel, inbound.language, contact, matter, tier=inbound.sender.tier)
    policy = first_match(rules.policies, attributes) or UNJUDGED
    address = shard(route, inbound.address)
    card = Card(
        number=0,
        contact=name,
        verification=inbound.sender.verification,
        channel=inbound.channel,
        channel_type=rules.channel(inbound.channel).type,
        address=inbound.address,
        status=Status.OPEN,
        subject=inbound.subject,
        team=route.team,
        owner=None,
    )
    root = Planned(
        kind=DeliveryKind.ROOT,
        channel=route.desk.channel,
        address=address,
        desk=True,
        outgoing=Outgoing(card=card, author=name, author_kind=AuthorKind.SYSTEM, automatic=True),
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=reasons,
        opening=Opening(
            subject=inbound.subject,
            route=route.id,
            team=route.team,
            desk_channel=route.desk.channel,
            desk_address=address,
            policy=policy.id or None,
            policy_version=policy.version,
            matter=matter,
        ),
        message=_customer_message(snapshot, inbound),
        events=(
            NewEvent(
                type="conversation_opened",
                payload={
                    "route": route.id,
                    "team": route.team,
                    **judged_by(policy),
                    "traits": {**attributes, "to": inbound.to, "verification": inbound.sender.verification},
                },
            ),
            _received(inbound, reasons),
        ),
        deliveries=(root, *_to_desk(inbound, rules, route.desk.channel, address, name)),
        leg_in=True,
    )


def _name(snapshot: Snapshot, inbound: Inbound) -> str:
    known = snapshot.contact.name if snapshot.contact else ""
    return known or inbound.sender.name or inbound.sender.identity.value


def _customer_message(snapshot: Snapshot, inbound: Inbound) -> NewMessage:
    return NewMessage(
        author_kind=AuthorKind.CUSTOMER,
        author=f"{inbound.sender.identity.type}:{inbound.sender.identity.value}",
        author_name=_name(snapshot, inbound),
        visibility=Visibility.PUBLIC,
        channel=inbound.channel,
        text=inbound.text,
        full_text=inbound.full_text,
        attachments=inbound.attachments,
        remote_id=inbound.remote_id,
        sent_at=inbound.sent_at,
        automatic=inbound.automatic,
    )


def _received(inbound: Inbound, reasons: tuple[Reason, ...], *, needs_reply: bool = True) -> NewEvent:
    payload: dict[str, object] = {
        "channel": inbound.channel,
        "key": inbound.remote_id,
        "kind": "auto" if inbound.automatic else "human",
        "sent_at": optional_to_text(inbound.sent_at),
        "needs_reply": needs_reply,
        "why": [[reason.rule, reason.text] for reason in reasons],
    }
    return NewEvent(type="message_received", actor="customer", payload=payload)


def _to_desk(inbound: Inbound, rules: Rulebook, channel: str, address: str, author: str) -> tuple[Planned, ...]:
    capabilities = rules.channel(channel).capabilities
    text, buttons = shown(inbound.text)
    return parts_to(
        cut(text, inbound.attachments, capabilities),
        Outgoing(
            author=author,
            author_kind=AuthorKind.CUSTOMER,
            attachments=inbound.attachments,
            subject=inbound.subject,
            automatic=inbound.automatic,
            buttons=buttons,
        ),
        channel=channel,
        address=address,
        desk=True,
    )


def _held_stranger(proof: Conversation, inbound: Inbound) -> Decision:
    """Our valid mark, but from somebody else: kept with the conversation, shown to the agents, nothing more (H3)."""
    who = f"{inbound.sender.name} <{inbound.sender.identity.value}>".strip()
    beginning, _ = shown(inbound.text)
    sentence = (
        f"Held: {who} wrote with this conversation's mark but is not a participant. "
        f"Nothing was sent to anybody. The text:\n{plain(beginning)}"
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("H3", "the mark is ours, the sender is not a participant"),),
        conversation=proof,
        message=NewMessage(
            author_kind=AuthorKind.CUSTOMER,
            author=f"{inbound.sender.identity.type}:{inbound.sender.identity.value}",
            author_name=inbound.sender.name,
            visibility=Visibility.NOTE,
            channel=inbound.channel,
            text=inbound.text,
            full_text=inbound.full_text,
            attachments=inbound.attachments,
            remote_id=inbound.remote_id,
            sent_at=inbound.sent_at,
        ),
        events=(NewEvent(type="stranger_held", payload={"from": inbound.sender.identity.value}),),
        deliveries=notice(proof, sentence),
    )
