"""Replies a shop has written beforehand, in `replies.yaml`: looked for by words, filled from a closed list."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.model import Contact, Conversation

FIELDS = ("customer", "order", "number", "agent", "shop")
"""What a text may name in braces: the customer's name, their order, the number of the conversation, the name of the
agent who answers, and the shop's."""

_FIELD = re.compile(r"\{([a-z]+)\}")
_WORDS = re.compile(r"[\s,;、,。;]+")
_EXACT, _TITLE, _TOPIC, _ABOUT, _TEXT = 16, 8, 4, 3, 1
"""What a word counts: it is the id, is in id or title, in a topic, anywhere in the text; _ABOUT: the reply is about the
topic of the conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedReply:
    """`texts` by language tag; `topics` are those it is an answer to."""

    id: str
    title: str
    topics: Sequence[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    def in_language(self, tags: Sequence[str]) -> str:
        """The tag to answer in: the first of these it has, else the first it has at all."""
        return next((tag for tag in tags if tag in self.texts), next(iter(self.texts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """In the order of the file. `shop`: the shop's name by language tag."""

    version: int = 1
    shop: Mapping[str, str] = field(default_factory=dict)
    items: Sequence[CannedReply] = ()

    def get(self, name: str) -> CannedReply | None:
        return next((each for each in self.items if each.id == name), None)


NO_REPLIES = Replies()


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its values in their places; `missing` are the fields that have none."""

    text: str
    missing: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What tells this wording from another."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:8]


def fields_of(text: str) -> tuple[str, ...]:
    """The fields a text names, each once."""
    return tuple(dict.fromkeys(_FIELD.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> Filled:
    """In one pass, so that a value is never read for fields itself."""
    missing = tuple(name for name in fields_of(text) if not values.get(name))
    return Filled(_FIELD.sub(lambda found: values.get(found[1]) or found[0], text), missing)


def values_of(conversation: Conversation, contact: Contact | None, agent: str, shop: str) -> dict[str, str]:
    """The fields as they are in a conversation; what is not known, or not one thing alone, is empty."""
    orders = conversation.orders
    return {
        "customer": contact.name if contact is not None else "",
        "order": orders[0] if len(orders) == 1 else "",
        "number": str(conversation.number or ""),
        "agent": agent,
        "shop": shop,
    }


def looked_for(replies: Replies, words: str, topic: str | None = None, tags: Sequence[str] = ()) -> list[CannedReply]:
    """Those that hold every word in id, title, topic or a text, best first; of equal ones those about the topic of the
    conversation, then those in its language, then as in the file. Without words all of them."""
    wanted = [word for word in _WORDS.split(_plain(words)) if word]
    found: list[tuple[int, bool, int, CannedReply]] = []
    for place, each in enumerate(replies.items):
        scores = [_score(each, word) for word in wanted]
        if all(scores):
            about = _ABOUT if topic is not None and topic in each.topics else 0
            speaks = any(tag in each.texts for tag in tags)
            found.append((-sum(scores) - about, not speaks, place, each))
    return [each for _, _, _, each in sorted(found, key=lambda one: one[:3])]


def _score(reply: CannedReply, word: str) -> int:
    name, title = _plain(reply.id), _plain(reply.title)
    if word == name:
        return _EXACT
    if word in title or word in name:
        return _TITLE
    if any(word in _plain(topic) for topic in reply.topics):
        return _TOPIC
    return _TEXT if any(word in _plain(text) for text in reply.texts.values()) else 0


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
