"""A desk thread for tests of verbs: who is at the desk, the conversation, and what follows from what an agent says."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from router.decision import Decision, Snapshot
from router.desk_view import DeskView
from router.lookup import NOTHING, Lookup
from router.model import Contact, Conversation, Identity, Inbound, InboundKind, Leg, Sender, Thread
from router.model import IdentityKey as Key
from router.ownership import Standing
from router.richtext import Mention, Paragraph, RichText, Span, plain
from router.routing import decide
from router.rulebook import Agent, Rulebook
from tests.storage.inbounds import RULES

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ID = UUID(int=1)
CUSTOMER = UUID(int=4)
BOOK = replace(
    RULES,
    agents={
        "alice": Agent(id="alice", name="Alice Chen", slack="U0ALICE"),
        "bob": Agent(id="bob", name="Bob Li", slack="U0BOB"),
    },
)
THREAD = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CHAT = Leg(id=UUID(int=3), conversation=ID, channel="tg", address="42", identity=Key("telegram", "42"), last_in_at=NOW)
CONVERSATION = Conversation(
    id=ID, number=7, contact=CUSTOMER, route="default", legs=(THREAD, CHAT), opened_at=NOW, subject="The lamp"
)
TOM = Contact(id=CUSTOMER, name="Tom")
BY_CHAT = Identity(key=Key("telegram", "42"), contact=CUSTOMER, verification=1)


def asked(
    line: str,
    conversation: Conversation = CONVERSATION,
    *,
    user: str = "U0ALICE",
    rules: Rulebook = BOOK,
    lookup: Lookup = NOTHING,
    identities: tuple[Identity, ...] = (BY_CHAT,),
    contact: Contact = TOM,
    desk: DeskView | None = None,
    pressed: bool = False,
) -> Decision:
    """What follows from "@onevoice <line>", or from a press of a button with this line."""
    view = desk or DeskView(now=NOW, contacts=frozenset({CUSTOMER}), identities=identities)
    snapshot, inbound = said_in_thread(line, conversation, user=user, pressed=pressed)
    return decide(replace(snapshot, proof_contact=contact, desk=view, lookup=lookup), inbound, rules)


def said_in_thread(
    line: str, conversation: Conversation = CONVERSATION, *, user: str = "U0ALICE", pressed: bool = False
) -> tuple[Snapshot, Inbound]:
    """The line as an item of the desk, and what is known around it."""
    view = DeskView(now=NOW, contacts=frozenset({CUSTOMER}), identities=(BY_CHAT,))
    snapshot = Snapshot(proof=conversation, proof_contact=TOM, standing=Standing(), desk=view, now=NOW)
    inbound = Inbound(
        kind=InboundKind.BUTTON if pressed else InboundKind.MESSAGE,
        channel="desk",
        address="C1",
        sender=Sender(identity=Key("slack", user), internal=True),
        remote_id="C1:2",
        thread=Thread(ref="C1:1.1"),
        text=RichText() if pressed else RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {line}"))),)),
        value=f"ask.{line.split(' ')[0]}:{line}" if pressed else "",
    )
    return snapshot, inbound


def notices(decision: Decision) -> str:
    """What the desk is told."""
    return " ".join(plain(each.outgoing.text) for each in decision.deliveries if each.desk)


def told_alone(decision: Decision) -> set[str | None]:
    """Who alone sees what the desk is told; None is everybody."""
    return {each.outgoing.only_for for each in decision.deliveries if each.desk}


def types(decision: Decision) -> list[str]:
    """The events, in their order."""
    return [event.type for event in decision.events]
