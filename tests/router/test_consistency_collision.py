"""Collisions (4.4) as the row lock shows them."""

from dataclasses import replace
from datetime import timedelta

from router.consistency.collision import Answer, EditLease, LockedView, collisions, lease_time
from router.consistency.findings import Level, Origin, Place
from router.model import ChannelType
from tests.router.shipped_standards import NOW, standards

CHAT = Place(author="alice")
MAIL = Place(author="alice", channel_type=ChannelType.EMAIL)
ANSWERED = LockedView(
    newest=Answer(agent="bob", at=NOW - timedelta(seconds=20), text="您的订单明天发货,请放心"),
    seen_at=NOW - timedelta(minutes=1),
    round_answered=True,
)


def found(view: LockedView, place: Place = CHAT, text: str = "我们会尽快处理的") -> list[tuple[str, Level]]:
    checks, ignored = standards().checks, standards().topics.ignored
    return [(each.rule, each.level) for each in collisions(text, place, view, NOW, ignored, checks)]


def late(view: LockedView, seconds: int) -> LockedView:
    assert view.newest is not None
    newest = replace(view.newest, at=NOW - timedelta(seconds=seconds))
    return replace(view, newest=newest, seen_at=NOW - timedelta(days=1))


def test_a_somebody_else_answered_within_the_window() -> None:
    assert found(ANSWERED) == [("COL-A", Level.WARN)]
    assert found(late(ANSWERED, 120)) == [("COL-A", Level.WARN)]
    assert found(late(ANSWERED, 121)) == []
    assert found(late(ANSWERED, 15 * 60), MAIL) == [("COL-A", Level.WARN)]
    assert found(late(ANSWERED, 15 * 60 + 1), MAIL) == []
    assert found(replace(ANSWERED, round_answered=False)) == []


def test_a_what_the_agent_has_seen_is_no_collision_nor_is_their_own_second_part() -> None:
    assert found(replace(ANSWERED, seen_at=NOW - timedelta(seconds=10))) == []
    assert found(ANSWERED, replace(CHAT, author="bob")) == []


def test_a_identical_text_is_blocked() -> None:
    assert found(ANSWERED, text="您的訂單明天發貨，請放心！") == [("COL-SAME", Level.BLOCK)]
    assert found(ANSWERED, text="您的订单后天才能发货") == [("COL-A", Level.WARN)]


def test_b_a_live_lease_of_somebody_else_warns() -> None:
    lease = EditLease(agent="bob", since=NOW - timedelta(minutes=1), until=NOW + timedelta(seconds=1))

    assert found(LockedView(lease=lease)) == [("COL-B", Level.WARN)]
    assert found(LockedView(lease=replace(lease, until=NOW))) == []
    assert found(LockedView(lease=replace(lease, agent="alice"))) == []
    assert (lease_time(CHAT), lease_time(MAIL)) == (timedelta(minutes=5), timedelta(minutes=15))


def test_c_a_crossing_message_is_noted_on_chat_and_warned_of_by_mail() -> None:
    assert found(LockedView(customer_at=NOW - timedelta(seconds=10))) == [("COL-C", Level.LOG)]
    assert found(LockedView(customer_at=NOW - timedelta(seconds=11))) == []
    assert found(LockedView(customer_seq=5, base_seq=4), MAIL) == [("COL-C", Level.WARN)]
    assert found(LockedView(customer_seq=4, base_seq=4), MAIL) == []


def test_d_resolved_by_somebody_else_since_then_warns() -> None:
    view = LockedView(resolved_by="bob", resolved_at=NOW, seen_at=NOW - timedelta(seconds=1))

    assert found(view) == [("COL-D", Level.WARN)]
    assert found(replace(view, seen_at=NOW + timedelta(seconds=1))) == []
    assert found(replace(view, resolved_by="alice")) == []


def test_the_owner_is_asked_unless_the_sender_leads() -> None:
    assert found(LockedView(owner="bob")) == [("COL-OWNER", Level.WARN)]
    assert found(LockedView(owner="bob", exempt=True)) == []
    assert found(LockedView(owner="alice")) == []


def test_bots_collide_with_nobody_and_a_lead_may_mute() -> None:
    assert found(ANSWERED, replace(CHAT, origin=Origin.BOT)) == []
    assert found(replace(ANSWERED, muted=True)) == []
