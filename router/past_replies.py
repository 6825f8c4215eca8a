"""A reply that an agent gave some time ago, as the checks would have seen it then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from router.checking import stage_of
from router.consistency.facts import scope_of
from router.consistency.findings import Place
from router.consistency.pii import NOBODY, Own
from router.consistency.reply import Reply
from router.model import Attachment, ChannelType, Statement
from router.topics import OTHER, TopicRules, orders_of, topic


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReply:
    """`asked` are the customer's messages before it, the newest first; `told` what the customer had been told by
    then. `unanswered` of them came after our last reply before it, `first` where there was none. `topic`, `orders`,
    `language` and `tier` are those of now. `channel` is the customer's, empty when nobody had asked. Who was in
    the way at that moment is not known any more: collisions are left out."""

    message: UUID
    conversation: UUID
    number: int
    agent: str
    sent_at: datetime
    text: str
    channel: str = ""
    asked: Sequence[str] = ()
    unanswered: int = 0
    first: bool = False
    topic: str | None = None
    orders: Sequence[str] = ()
    language: str | None = None
    tier: str | None = None
    own: Own = NOBODY
    told: Sequence[Statement] = ()
    attachments: Sequence[Attachment] = ()


def to_reply(past: PastReply, channel_type: ChannelType, topics: TopicRules) -> Reply:
    """What the checks look at."""
    about = topic("\n".join(reversed(past.asked)), topics)
    return Reply(
        text=past.text,
        place=Place(channel_type=channel_type, author=past.agent),
        stage=stage_of(about, past.asked[past.unanswered :], topics, first=past.first),
        conversation=past.conversation,
        topic=past.topic or (about.category if about.category != OTHER else None),
        orders=orders_of(past.orders, about),
        scope=scope_of(past.channel, past.tier),
        told=past.told,
        question=past.asked[0] if past.asked else "",
        language=past.language,
        own=past.own,
        attachments=past.attachments,
    )
