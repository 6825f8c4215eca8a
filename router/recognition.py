"""What an inbound message is recognised as: the matter it is about, and whether it needs an answer at all."""

from dataclasses import dataclass

from router.consistency.patterns import Pattern
from router.consistency.text import close_set
from router.consistency.thanks import ack_only
from router.model import Conversation, Inbound, Matter, Priority
from router.richtext import plain
from router.topics import OTHER, TopicRules, topic

LONGEST = 4000
"""Characters that are looked at: whoever writes more has said by then what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The shop's words: topics with order numbers, and those of a message that only says thanks (4.2, 4.11)."""

    topics: TopicRules
    thanks: Pattern

    def matter(self, inbound: Inbound, tier: str | None) -> Matter:
        """Orders, topic and class of one message; "vip" is the tier that passes others (3.3, queue order)."""
        found = topic(close_set(f"{inbound.subject}\n{plain(inbound.text)}"[:LONGEST]), self.topics)
        priority = Priority.VIP if tier == Priority.VIP else Priority.NORMAL
        if found.complaint:
            priority = Priority.URGENT if found.urgent else Priority.COMPLAINT
        return Matter(topic=None if found.category == OTHER else found.category, orders=found.orders, priority=priority)

    def only_thanks(self, conversation: Conversation, inbound: Inbound) -> bool:
        """It acknowledges what we said last and asks for nothing: no round, no reopening (D5, 4.11)."""
        return conversation.last_word_ours and ack_only(
            plain(inbound.text), self.thanks, attachments=len(inbound.attachments)
        )
