"""Which conversation a customer's message belongs to (decisions 6)."""

from collections.abc import Iterator
from datetime import datetime

from router.decision import Reason, Snapshot
from router.duplicates import features, likeness
from router.model import Conversation, Inbound, Matter, Status
from router.recognition import Recognition
from router.richtext import plain
from router.terms import Terms

Attached = tuple[Conversation | None, Reason]
DUPLICATE = "attach.duplicate"
"""The rule of a question that was asked before (4.3)."""

_WHY_NEW = {False: "the contact has no open conversation", True: "no open conversation of this contact is about it"}


def attach(
    snapshot: Snapshot,
    proof: Conversation | None,
    inbound: Inbound,
    matter: Matter,
    terms: Terms,
    recognition: Recognition | None = None,
) -> Attached:
    """The first of: thread, order number, topic, the same question, address, person; None with the reason for a new
    conversation.

    On its own address a conversation takes what does not contradict its matter: who says hello, then what it is about,
    then the order number has one conversation, not three. A message that names no matter goes where its writer was
    last, at worst on another channel.
    """
    late: Conversation | None = None
    if proof is not None:
        if is_current(proof, inbound, snapshot.now, terms):
            return proof, Reason("attach.thread", f"it answers in the thread of conversation {proof.number}")
        late = proof
    current = [each for each in (*snapshot.open, *snapshot.recent) if is_current(each, inbound, snapshot.now, terms)]
    if inbound.thread.apart:
        return _apart(current, inbound)
    if found := next((each for each in current if set(each.orders) & set(matter.orders[:1])), None):
        return found, Reason("attach.order", f"conversation {found.number} is about order {matter.orders[0]}")
    alike = [each for each in current if each.matter.agrees(matter)]
    open_ = [each for each in alike if each.status is not Status.RESOLVED]
    if found := next((each for each in open_ if each.topic is not None and each.topic == matter.topic), None):
        return found, Reason("attach.topic", f"conversation {found.number} of this contact is about {found.topic}")
    if (again := _asked_again(snapshot, inbound, matter, recognition)) is not None:
        return again
    if found := next(_here(open_, inbound), None):
        return found, Reason("attach.leg", f"conversation {found.number} is open on this address")
    if found := next(_here(alike, inbound), None):
        return found, Reason("attach.reopen", f"conversation {found.number} on this address was resolved lately")
    if matter.is_unknown and open_:
        return open_[0], Reason("attach.contact", f"conversation {open_[0].number} of this contact is open")
    if late is not None:
        return None, Reason("attach.new", f"conversation {late.number} was resolved too long ago to be reopened")
    return None, Reason("attach.new", _WHY_NEW[bool(snapshot.open)])


def _apart(current: list[Conversation], inbound: Inbound) -> Attached:
    """Others may read what is said at that address: no other matter of the contact may be answered there."""
    if (found := next(_here(current, inbound), None)) is not None:
        return found, Reason("attach.leg", f"conversation {found.number} is the one of this address")
    return None, Reason("attach.new", "it is the first that is said at this address, or the last was long ago")


def is_current(conversation: Conversation, inbound: Inbound, now: datetime | None, terms: Terms) -> bool:
    """Open, or resolved so lately that a further message reopens it (D23)."""
    if conversation.status is not Status.RESOLVED:
        return True
    resolved_at = conversation.resolved_at
    return resolved_at is not None and now is not None and now <= resolved_at + terms.window(inbound.channel)


def _asked_again(
    snapshot: Snapshot, inbound: Inbound, matter: Matter, recognition: Recognition | None
) -> Attached | None:
    """The open conversation in which the same was asked, on whatever channel: of several, the most alike (4.3)."""
    if not snapshot.asked or snapshot.now is None:
        return None
    ignored = recognition.topics.ignored if recognition is not None else frozenset()
    said = features(plain(inbound.text), ignored)
    found: tuple[float, Conversation] | None = None
    known = {each.id: each for each in snapshot.open}
    for question in snapshot.asked if said else ():
        conversation = known.get(question.conversation)
        if conversation is None:
            continue
        other_order = bool(matter.orders and conversation.orders) and set(matter.orders).isdisjoint(conversation.orders)
        alike = likeness(said, features(question.text, ignored), snapshot.now - question.at, other_order=other_order)
        if alike.duplicate and (found is None or alike.similarity > found[0]):
            found = alike.similarity, conversation
    if found is None:
        return None
    similarity, conversation = found
    text = f"the same was asked in conversation {conversation.number} (similarity {similarity:.2f})"
    return conversation, Reason(DUPLICATE, text)


def _here(conversations: list[Conversation], inbound: Inbound) -> Iterator[Conversation]:
    return (
        each
        for each in conversations
        if any((leg.channel, leg.address) == (inbound.channel, inbound.address) for leg in each.legs)
    )
