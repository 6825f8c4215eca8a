"""What the form of a verb looks at, read without a lock: opening a form changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from router.asked import Asked
from router.form_parts import Around, Other
from router.forms import FORM, Form, Wish
from router.model import Conversation, Inbound, InboundKind, Status, Thread
from router.richtext import RichText
from router.rulebook import Rulebook
from router.verb_forms import form_of
from router.verbs import ASK, verb_in
from storage import cards, contacts, logs
from storage.codec import rich_text
from storage.database import Transaction, of_micros
from storage.snapshots import Snapshots
from storage.statement import Statement

OTHERS = 100
"""Conversations of a customer that are offered."""

_OF_CUSTOMER = "SELECT number, status, opened_at, subject FROM conversations WHERE contact IN :contacts"
_OTHERS = Statement(
    f"""
    {_OF_CUSTOMER} AND status <> 'resolved' AND merged_into IS NULL AND id <> :id
    UNION ALL {_OF_CUSTOMER} AND status = 'resolved' AND merged_into IS NULL AND id <> :id
    ORDER BY number DESC LIMIT :limit
    """
)
_TEXT = Statement(
    """
    SELECT conversation, conversation, body, full_body FROM messages WHERE remote_key = :key
    UNION ALL
    SELECT m.conversation, o.conversation, m.body, m.full_body FROM outbox o JOIN messages m ON m.id = o.message
    WHERE o.remote_key = :key
    LIMIT 1
    """
)


def opened(tx: Transaction, channel: str, wish: Wish, rules: Rulebook) -> Form | str:
    """The form of a line in a desk thread, for a listed agent (S8); else a sentence that says why there is none."""
    inbound = Inbound(
        kind=InboundKind.BUTTON,
        channel=channel,
        address=wish.thread.partition(":")[0],
        sender=wish.sender,
        remote_id="",
        thread=Thread(ref=wish.thread),
        value=f"{ASK}{FORM}:{wish.line}",
    )
    verb = verb_in(inbound)
    sender = wish.sender
    agent = rules.agent_by_slack(sender.identity.value, sender.email) if sender.internal else None
    snapshot = Snapshots(tx, [inbound], lock=False).of(inbound)
    conversation = snapshot.proof
    if verb is None or conversation is None:
        return "This is not the thread of a conversation."
    if agent is None:
        return f"Only listed agents can {verb.name}. An administrator can add you under `agents`."
    asked = Asked(snapshot=snapshot, conversation=conversation, inbound=inbound, agent=agent, verb=verb, rules=rules)
    return form_of(asked, _around(tx, asked, channel, wish))


def _around(tx: Transaction, asked: Asked, channel: str, wish: Wish) -> Around:
    conversation = asked.conversation
    match asked.verb.name:
        case "merge":
            return Around(others=_others(tx, conversation))
        case "show":
            return Around(text=_text(tx, asked, channel, wish))
        case "actions":
            made = cards.made(tx, channel, conversation.id, asked.rules)
            offered = (*made.card.buttons, *made.card.more) if made is not None else ()
            return Around(offered=offered, text=_text(tx, asked, channel, wish))
    return Around()


def _others(tx: Transaction, conversation: Conversation) -> Sequence[Other]:
    people = [each.bytes for each in contacts.linked(tx, conversation.contact)]
    return [
        Other(number=number, status=Status(status), opened_at=of_micros(at), subject=subject)
        for number, status, at, subject in tx.all(
            _OTHERS, {"contacts": people, "id": conversation.id.bytes, "limit": OTHERS}
        )
    ]


def _text(tx: Transaction, asked: Asked, channel: str, wish: Wish) -> RichText | None:
    """The whole of the message that was pressed at, if it is or was in this conversation or one it absorbed."""
    row = tx.one(_TEXT, {"key": f"{channel}:{wish.target}"}) if wish.target is not None else None
    if row is None or {UUID(bytes=row[0]), UUID(bytes=row[1])}.isdisjoint(logs.group(tx, asked.conversation.id)):
        return None
    return rich_text(row[3] or row[2])
