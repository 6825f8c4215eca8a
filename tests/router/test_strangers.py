"""Who writes with the mark of a conversation that is not theirs (H3, E1, E2)."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from router.decision import Decision, Snapshot
from router.model import (
    Contact,
    Conversation,
    DeliveryKind,
    Identity,
    IdentityKey,
    Leg,
    Sender,
    Status,
    Thread,
    Visibility,
)
from router.richtext import of_text, plain
from router.routing import decide
from tests.storage.inbounds import RULES, question

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ID = UUID(int=1)
DESK = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
MAIL = Leg(id=UUID(int=3), conversation=ID, channel="mail", address="tom@x.example", last_in_at=NOW)
THEIRS = Conversation(
    id=ID,
    number=7,
    contact=UUID(int=4),
    legs=(DESK, MAIL),
    opened_at=NOW,
    resolved_at=NOW,
    status=Status.RESOLVED,
)
STRANGER = IdentityKey("email", "eve@y.example")


def written(thread: Thread, text: str = "Send it to me instead.", contact: UUID | None = None) -> Decision:
    """What follows from a mail of somebody else in the thread of that conversation."""
    snapshot = Snapshot(
        proof=THEIRS,
        now=NOW,
        contact=Contact(id=contact, name="Eve") if contact is not None else None,
        identity=Identity(contact=contact, key=STRANGER, verification=1) if contact is not None else None,
    )
    mail = question(text, channel="mail", who=STRANGER.value, thread=thread)
    return decide(snapshot, replace(mail, sender=Sender(identity=STRANGER, name="Eve")), RULES)


def test_h3_our_mark_in_other_hands_is_held_for_the_agents_and_changes_nothing() -> None:
    for contact in (None, UUID(int=9)):
        decision = written(Thread(conversation=ID, participant=""), contact=contact)
        assert decision.conversation == THEIRS
        assert decision.message is not None
        assert decision.message.visibility is Visibility.NOTE
        assert [event.type for event in decision.events] == ["stranger_held"], "it is not opened again"
        assert not decision.leg_in, "nothing will ever be sent there"
        [told] = decision.deliveries
        assert (told.kind, told.desk) == (DeliveryKind.NOTICE, True)
        assert "Eve <eve@y.example> wrote with this conversation's mark but is not a participant." in plain(
            told.outgoing.text
        )


def test_h3_however_much_a_stranger_writes_slack_takes_the_notice() -> None:
    decision = written(Thread(conversation=ID, participant=""), "word " * 20_000)
    assert len(plain(decision.deliveries[0].outgoing.text)) < 4_000
    assert decision.message is not None
    assert decision.message.text == of_text("word " * 20_000)


def test_e1_a_message_id_without_our_mark_proves_nothing() -> None:
    decision = written(Thread(remote_ids=("<known@x.example>",)))
    assert decision.conversation is None
    assert decision.opening is not None
