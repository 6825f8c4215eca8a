"""A customer's edit: carried to where the message is shown, and like a new message when it asks something else (D9)."""

import unicodedata
from collections.abc import Set
from dataclasses import replace

from router.customers import heard, matter_of, rerouted
from router.decision import Decision, Reason, Snapshot
from router.instants import optional_to_text
from router.model import AuthorKind, Conversation, DeliveryKind, Inbound, Message, Visibility
from router.planning import notice
from router.relay import excerpt, relay_edit
from router.richtext import plain
from router.rulebook import Rulebook

SIMILAR = 0.8


def from_edit(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
    """What `relay_edit` says. After an edit that asks something else the customer waits again, and agents are told: the
    thread would only show the new words, as if they had been there all the time."""
    relayed = relay_edit(snapshot, inbound, rules)
    target, conversation, revision = snapshot.target, snapshot.proof, relayed.revision
    if target is None or conversation is None or revision is None or revision.deleted:
        return relayed
    if not _asks_anew(target.message, conversation, inbound, rules):
        return relayed
    asked = {"material": True, "sent_at": optional_to_text(inbound.sent_at)}
    edited = tuple(replace(each, payload={**each.payload, **asked}) for each in relayed.events)
    matter = matter_of(snapshot, inbound, rules)
    grown, follows = heard(snapshot, conversation, inbound, matter, rules, asks=True)
    told = relayed.deliveries
    if any(each.kind is DeliveryKind.EDIT for each in told):
        told = (*told, *notice(conversation, _changed(target.message, inbound)))
    return replace(
        relayed,
        reasons=(*relayed.reasons, Reason("D9", "it asks something else: like a new message")),
        events=(*edited, *follows),
        deliveries=told,
        leg_in=not _waits(target.message, conversation),
        matter=grown,
        reroute=rerouted(snapshot, conversation, inbound, grown, rules),
    )


def _asks_anew(message: Message, conversation: Conversation, inbound: Inbound, rules: Rulebook) -> bool:
    """Whether it is a material edit of a customer's message and needs a reply (D5, D9)."""
    if message.author_kind is not AuthorKind.CUSTOMER or message.visibility is not Visibility.PUBLIC:
        return False
    if rules.recognition is not None and rules.recognition.only_thanks(conversation, inbound):
        return False
    return is_material(plain(message.text), plain(inbound.text))


def _waits(message: Message, conversation: Conversation) -> bool:
    """Whether nobody has answered the message: an edit says then what is asked, but not where or when (D9)."""
    return conversation.waiting_since is not None and conversation.waiting_since <= message.received_at


def _changed(message: Message, inbound: Inbound) -> str:
    before, now = (excerpt(plain(text)) or "(nothing)" for text in (message.text, inbound.text))
    return f"The customer has changed what they asked.\nBefore: {before}\nNow: {now}"


def is_material(before: str, after: str) -> bool:
    """Other digits, or character bigrams that overlap by less than 0.8 (Jaccard)."""
    old, new = _normal(before), _normal(after)
    if [c for c in old if c.isdigit()] != [c for c in new if c.isdigit()]:
        return True
    return _jaccard(_bigrams(old), _bigrams(new)) < SIMILAR


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bigrams(text: str) -> Set[str]:
    return {text[index : index + 2] for index in range(max(1, len(text) - 1))} if text else set()


def _jaccard(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
