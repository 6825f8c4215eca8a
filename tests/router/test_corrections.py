"""An edit of a reply that has left where it cannot be changed: offered as a correction, never sent by itself (S25)."""

from dataclasses import replace
from uuid import UUID

import pytest

from router.correction_offers import named, ref_of
from router.lookup import Lookup
from router.model import AuthorKind, DeliveryKind, DeliveryState, Message, Visibility
from router.richtext import of_text, plain
from router.told import Target, TargetDelivery
from tests.router.asking import ID, NOW, asked, notices, types

REPLY = Message(
    id=UUID(int=0xABC),
    conversation=ID,
    seq=3,
    author_kind=AuthorKind.AGENT,
    author="agent:alice",
    visibility=Visibility.PUBLIC,
    channel="desk",
    text=of_text("It comes on Friday."),
    remote_id="C1:9",
    received_at=NOW,
    version=2,
)
SENT = TargetDelivery(
    id=UUID(int=0xDEF),
    kind=DeliveryKind.MESSAGE,
    channel="mail",
    address="tom@x.com",
    desk=False,
    state=DeliveryState.SENT,
    part=1,
    parts=1,
    remote_ids=("m1",),
)
EDITED = Lookup(edited=Target(message=REPLY, deliveries=(SENT,)))


def test_the_new_words_leave_as_a_message_of_their_own_that_says_what_it_is() -> None:
    found = asked(f"send-correction {ref_of(REPLY, 2)}", lookup=EDITED, pressed=True)
    [sent] = [each for each in found.deliveries if not each.desk]
    assert plain(sent.outgoing.text) == "Correction:\n\nIt comes on Friday."
    assert types(found) == ["reply_corrected", "assigned", "reply_composed"]
    assert found.settles.keys() == {f"correction:{REPLY.id.hex}"}
    chinese = replace(EDITED, edited=Target(message=replace(REPLY, text=of_text("星期五送到。")), deliveries=(SENT,)))
    [sent] = [each for each in asked("send-correction", lookup=chinese).deliveries if not each.desk]
    assert plain(sent.outgoing.text).startswith("更正:")


@pytest.mark.parametrize(
    ("line", "lookup", "user", "said"),
    [
        ("send-correction", Lookup(), "U0ALICE", "No reply here was edited"),
        ("send-correction", EDITED, "U0BOB", "Only its author or a lead"),
        ("send-correction", replace(EDITED, corrected=True), "U0ALICE", "as a correction already"),
        (f"send-correction {ref_of(REPLY, 1)}", EDITED, "U0ALICE", "changed since"),
        (
            "send-correction",
            Lookup(edited=Target(message=REPLY, deliveries=(SENT, replace(SENT, kind=DeliveryKind.EDIT)))),
            "U0ALICE",
            "reads the new words already",
        ),
    ],
)
def test_what_is_no_correction_is_told_and_nothing_leaves(line: str, lookup: Lookup, user: str, said: str) -> None:
    found = asked(line, lookup=lookup, user=user)
    assert said in notices(found)
    assert not [each for each in found.deliveries if not each.desk]


def test_a_line_names_a_reply_by_its_id_or_not_at_all() -> None:
    assert named(ref_of(REPLY, 2)) == REPLY.id
    assert named("") is None
    assert named("nonsense") is None
    assert named("g" * 32) is None
