"""What Onevoice says to customers by itself: receipts, when we open again, that nobody is free (D3, decisions 19, X14).

Nothing here answers a round, promises or states anything for the record, or appears as an agent's words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from router.calendars import Calendar, NoOpenTime
from router.consistency.facts import scope_of
from router.consistency.findings import Finding, Level, Origin, Place
from router.consistency.pipeline import check_locked, check_text
from router.consistency.reply import Reply
from router.decision import Decision, NewEvent, NewMessage, Outcome, Planned, Reason
from router.model import (
    AuthorKind,
    ChannelType,
    Contact,
    Conversation,
    Inbound,
    Leg,
    Outgoing,
    Statement,
    Status,
    Visibility,
)
from router.planning import notice, parts_to, way_out
from router.record import Record
from router.richtext import of_text
from router.rulebook import Rulebook
from router.standard_messages import Kind, Messages, Wording
from router.targets import Metric

RECEIPTS = "system:ack"
"""The author of a receipt: with it the acknowledgement clock ends (D4)."""
WAITING = "system:waiting"
TRANSCRIPTS = "system:transcript"
"""The author of a transcript: it answers nothing."""

SUPPRESSED = "receipt_suppressed"
COMPOSED = "automatic_composed"
BLOCKED = "automatic_blocked"

SOON, MOST_SOON = timedelta(minutes=10), 3
DAY, MOST_A_DAY = timedelta(days=1), 10
MAILS_AN_HOUR = 100
"""Automatic mails of a whole installation in an hour: a forger finds no mail bomb here (L3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When something may have to be said, and all that counts for it.

    `waits`: nobody is free for a customer who waits; else a receipt is due. `asked` is what the customer wrote last.
    `calendar` is that of the policy. `told`: what was said in this cycle already. `recent`: when something automatic
    was said in this conversation in the last day. `mailed`: this address got an automatic mail in the last day.
    `mails`: automatic mails of the last hour to anybody. `statements`: what this customer was told.
    """

    waits: bool
    now: datetime
    conversation: Conversation
    cycle: int
    calendar: Calendar
    contact: Contact | None = None
    asked: str = ""
    told: frozenset[Kind] = frozenset()
    recent: Sequence[datetime] = ()
    mailed: bool = False
    mails: int = 0
    statements: Sequence[Statement] = field(default=())


# When a message arrives.


def begins_a_cycle(decision: Decision) -> bool:
    """Whether a customer's message may be the first of a cycle (D23); the log decides later whether it was."""
    conversation = decision.conversation
    if decision.opening is not None or conversation is None:
        return decision.opening is not None
    unanswered = conversation.waiting_since is None and conversation.owner is None
    return conversation.status is Status.RESOLVED or unanswered


def acknowledged(decision: Decision, inbound: Inbound, rules: Rulebook) -> Decision:
    """The decision about a customer's message; says so where a receipt would be due but must not be sent (L1, L3)."""
    if not _is_receipt_due(decision, rules) or (reason := refusal(inbound, rules)) is None:
        return decision
    if inbound.automatic and decision.opening is None:
        return decision
    return replace(decision, events=(*decision.events, _suppressed(reason)))


def wants_receipt(decision: Decision, inbound: Inbound, rules: Rulebook) -> bool:
    """Whether a receipt is to be made for a message that was just stored."""
    return _is_receipt_due(decision, rules) and refusal(inbound, rules) is None


def _is_receipt_due(decision: Decision, rules: Rulebook) -> bool:
    if rules.messages is None or decision.message is None or not decision.leg_in or not begins_a_cycle(decision):
        return False
    source = decision.opening or decision.conversation
    policy = None if source is None else rules.terms.policies.get((source.policy or "", source.policy_version))
    return policy is not None and Metric.ACK in policy.targets


def refusal(inbound: Inbound, rules: Rulebook) -> Reason | None:
    """Why this sender gets nothing automatic; None when they may (decisions 19)."""
    if inbound.automatic:
        return Reason("L1", "no receipt: an automatic message is never answered automatically")
    channel = rules.channels.get(inbound.channel)
    if channel is not None and channel.type is ChannelType.EMAIL and inbound.sender.verification < 1:
        return Reason("L3", "no receipt: the sender of the mail is unverified")
    return None


def _suppressed(reason: Reason) -> NewEvent:
    """Not applicable, which is no breach (decisions 19)."""
    return NewEvent(type=SUPPRESSED, actor=RECEIPTS, payload={"why": [[reason.rule, reason.text]]})


# When something is to be said.


def say(occasion: Occasion, rules: Rulebook) -> Decision | None:
    """The message with its event, a reason why none may be sent, or None when there is nothing to say."""
    messages, leg = rules.messages, way_out(occasion.conversation, rules)
    if messages is None:
        return None
    if isinstance(leg, Reason):
        return _not_sent(occasion, Reason(leg.rule, f"no receipt: {leg.text}"))
    opens_at = _opens_at(occasion)
    kind = _kind(occasion, messages, opens_at)
    if kind is None:
        return _not_sent(occasion, Reason("messages", "no receipt: there is no text for one"))
    if kind in occasion.told or (not occasion.waits and not occasion.told.isdisjoint({Kind.RECEIPT, Kind.OFF_HOURS})):
        return None
    is_mail = rules.channel(leg.channel).type is ChannelType.EMAIL
    if occasion.waits and is_mail:
        return None  # nobody waits before a mailbox, and only a receipt knows whether the sender is proven (L3)
    if (limit := _limit(occasion, is_mail=is_mail)) is not None:
        return _not_sent(occasion, limit)
    tag = messages.tag(kind, occasion.asked, None if occasion.contact is None else occasion.contact.language)
    values = {"number": str(occasion.conversation.number)}
    if opens_at is not None:
        values |= messages.opening(tag, opens_at.astimezone(occasion.calendar.zone))
    wording = messages.texts[kind][tag].filled(values)
    return _checked(occasion, kind, tag, leg, wording, rules, messages)


def _opens_at(occasion: Occasion) -> datetime | None:
    """The next opening; None while open, and where no opening is in sight."""
    if occasion.calendar.is_open(occasion.now):
        return None
    try:
        return occasion.calendar.next_open(occasion.now)
    except NoOpenTime:
        return None


def _kind(occasion: Occasion, messages: Messages, opens_at: datetime | None) -> Kind | None:
    wanted = Kind.WAITING if occasion.waits else Kind.RECEIPT
    if opens_at is not None and Kind.OFF_HOURS in messages.texts:
        return Kind.OFF_HOURS
    return wanted if wanted in messages.texts else None


def _limit(occasion: Occasion, *, is_mail: bool) -> Reason | None:
    """The loop breaker: it needs no header and no good will of the other side (X14)."""
    now = occasion.now
    if sum(at > now - SOON for at in occasion.recent) >= MOST_SOON:
        return Reason("X14", "no receipt: there were three automatic messages in ten minutes")
    if sum(at > now - DAY for at in occasion.recent) >= MOST_A_DAY:
        return Reason("X14", "no receipt: there were ten automatic messages in a day")
    if is_mail and occasion.mailed:
        return Reason("X14", "no receipt: this address got an automatic mail in the last day")
    if is_mail and occasion.mails >= MAILS_AN_HOUR:
        return Reason("L3", "no receipt: too many automatic mails left in this hour")
    return None


def _not_sent(occasion: Occasion, reason: Reason) -> Decision | None:
    if occasion.waits:
        return None
    return Decision(
        outcome=Outcome.STORED,
        reasons=(reason,),
        conversation=occasion.conversation,
        events=(_suppressed(reason),),
    )


def _checked(
    occasion: Occasion, kind: Kind, tag: str, leg: Leg, wording: Wording, rules: Rulebook, messages: Messages
) -> Decision:
    author = WAITING if kind is Kind.WAITING else RECEIPTS
    findings = _findings(occasion, kind, tag, leg, author, wording, rules)
    blocked = [each for each in findings if each.level is Level.BLOCK]
    payload: dict[str, object] = {"kind": kind.value, "cycle": occasion.cycle, "language": tag}
    if blocked:
        return _blocked(occasion.conversation, kind, author, blocked, payload)
    name = messages.names.get(tag, "")
    version = "" if rules.voice is None else rules.voice.standards.version
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("automatic", kind.value),),
        conversation=occasion.conversation,
        message=NewMessage(
            author_kind=AuthorKind.SYSTEM,
            author=author,
            author_name=name,
            visibility=Visibility.PUBLIC,
            channel=leg.channel,
            text=of_text(wording.text),
            automatic=True,
        ),
        events=(NewEvent(type=COMPOSED, actor=author, payload=payload),),
        deliveries=_planned(occasion.conversation, leg, wording, rules),
        record=Record(standards=version, actor=author, logged=tuple(findings)),
    )


def _findings(
    occasion: Occasion, kind: Kind, tag: str, leg: Leg, author: str, wording: Wording, rules: Rulebook
) -> Sequence[Finding]:
    """What the pipeline of every outgoing message finds; nobody collides with a text of ours (4.0, 4.13). The language
    is judged by the one it is meant to be in, since a default stands for those we cannot speak."""
    voice = rules.voice
    if voice is None:
        return ()
    channel = rules.channel(leg.channel).type
    reply = Reply(
        text=wording.text,
        place=Place(channel_type=channel, origin=Origin.TEMPLATE, author=author, template=kind.value),
        conversation=occasion.conversation.id,
        topic=occasion.conversation.topic,
        orders=occasion.conversation.orders,
        scope=scope_of(leg.channel, occasion.contact.tier if occasion.contact is not None else None),
        language=tag,
        told=occasion.statements,
    )
    checked = check_text(reply, voice.standards, voice.calendar, occasion.now)
    return check_locked(checked, reply, voice.standards, occasion.now).findings


def _blocked(
    conversation: Conversation, kind: Kind, author: str, found: Sequence[Finding], payload: dict[str, object]
) -> Decision:
    rules = ", ".join(dict.fromkeys(each.rule for each in found))
    words = " ".join(dict.fromkeys(each.message.en for each in found if each.message.en))
    sentence = f"Not sent: the standards block the automatic text {kind.value} ({rules}). {words}".strip()
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("automatic", sentence),),
        conversation=conversation,
        events=(NewEvent(type=BLOCKED, actor=author, payload={**payload, "findings": rules}),),
        deliveries=notice(conversation, f"{sentence} Correct it in messages.yaml."),
    )


def _planned(conversation: Conversation, leg: Leg, wording: Wording, rules: Rulebook) -> tuple[Planned, ...]:
    """One part on the customer's own leg. A mail names the one it is about and has a subject of our own (L2, L3)."""
    is_mail = rules.channel(leg.channel).type is ChannelType.EMAIL
    return parts_to(
        (of_text(wording.text),),
        Outgoing(
            author_kind=AuthorKind.SYSTEM,
            subject=wording.subject if is_mail else "",
            in_reply_to=leg.last_remote_id if is_mail else None,
            automatic=True,
        ),
        channel=leg.channel,
        address=leg.address,
        desk=False,
    )


SAID = {
    RECEIPTS: "Receipt sent to the customer.",
    WAITING: "The customer was told that everybody is busy.",
    TRANSCRIPTS: "The transcript was sent to the customer.",
}
"""The small line in the thread when a provider has it."""
