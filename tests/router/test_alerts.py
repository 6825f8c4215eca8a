"""Who is told of a deadline at which level: owner, lead, thread, by the policy (D29, service.md RT-12)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.alarms import BREACH, Alarm
from router.alerting import USUAL, Alerting, By
from router.alerts import Alert, alert
from router.directs import THREAD
from router.model import Conversation, DeliveryKind, Leg
from router.richtext import Mention, Paragraph, Span, plain
from router.rulebook import Agent, Role, Rulebook, Team
from router.targets import Metric
from router.timeline import Timeline
from tests.storage.inbounds import RULES

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ID = UUID(int=1)
THREAD_LEG = Leg(id=UUID(int=2), conversation=ID, channel="desk", address="C1", desk=True, thread="C1:1.1")
CONVERSATION = Conversation(
    id=ID,
    number=7,
    contact=UUID(int=4),
    subject="<!channel> refund",
    team="sales",
    policy="chat",
    legs=(THREAD_LEG,),
    opened_at=NOW,
)
BOOK = replace(
    RULES,
    agents={
        "ann": Agent(id="ann", name="Ann", slack="U0ANN", teams=("sales",)),
        "lea": Agent(id="lea", name="Lea", email="lea@shop.example", teams=("sales",)),
        "max": Agent(id="max", name="Max", slack="U0MAX", role=Role.MANAGER, teams=("sales",)),
        "nil": Agent(id="nil", name="Nil", teams=("sales",)),
    },
    teams={"sales": Team(id="sales", name="Sales", lead="lea")},
)


def alerted(
    level: str,
    *,
    owner: str | None = "ann",
    absent: Collection[str] = (),
    rules: Rulebook = BOOK,
    team: str | None = "sales",
) -> Alert:
    alarm = Alarm(metric=Metric.FIRST, level=level, since=NOW, due_at=NOW + timedelta(minutes=3))
    conversation = replace(CONVERSATION, owner=owner, team=team)
    return alert(conversation, alarm, Timeline(), rules, frozenset(absent))


def mentioned(said: Alert) -> list[str] | None:
    """Whom the line in the thread names; None without a line."""
    lines = [each for each in said.decision.deliveries if each.kind is DeliveryKind.NOTICE]
    if not lines:
        return None
    [line] = lines
    [paragraph] = line.outgoing.text.blocks
    assert isinstance(paragraph, Paragraph)
    return [each.ref or "" for each in paragraph.children if isinstance(each, Mention)]


def messaged(said: Alert) -> list[str]:
    return [each.address for each in said.decision.deliveries if each.kind is DeliveryKind.DIRECT]


@pytest.mark.parametrize(
    ("level", "names", "addresses"),
    [
        ("50", [], []),
        ("75", ["U0ANN"], []),
        ("4h", ["U0ANN"], []),
        ("90", [], ["U0ANN"]),
        ("1h", [], ["U0ANN"]),
        (BREACH, ["U0ANN", "lea@shop.example"], ["U0ANN", "lea@shop.example"]),
    ],
)
def test_the_usual_levels_reach_the_owner_first_and_at_the_breach_the_lead(
    level: str, names: list[str], addresses: list[str]
) -> None:
    said = alerted(level)
    assert (mentioned(said), messaged(said)) == (names, addresses)


def test_what_nobody_has_is_the_leads_who_is_told_once() -> None:
    said = alerted(BREACH, owner=None)
    assert (mentioned(said), messaged(said)) == (["lea@shop.example"], ["lea@shop.example"])
    assert said.kinds == ("mention", "page")


def test_an_owner_who_leads_is_told_once() -> None:
    said = alerted(BREACH, owner="lea")
    assert (messaged(said), said.kinds) == (["lea@shop.example"], ("mention", "dm"))


def test_an_absent_owner_is_left_in_peace_and_the_lead_hears_instead() -> None:
    said = alerted("90", absent={"ann"})
    assert messaged(said) == ["lea@shop.example"]
    assert mentioned(alerted("75", absent={"ann"})) == ["lea@shop.example"]
    assert "Ann has it." in plain(said.decision.deliveries[-1].outgoing.text)


def test_another_lead_of_the_team_stands_in_and_somebody_hears_always() -> None:
    assert messaged(alerted("90", absent={"ann", "lea"})) == ["U0MAX"]
    assert messaged(alerted("90", absent={"ann", "lea", "max"})) == ["lea@shop.example"]


def test_without_a_team_there_is_only_the_thread() -> None:
    said = alerted(BREACH, owner=None, team=None)
    assert (mentioned(said), messaged(said), said.kinds) == ([], [], ("thread",))


def test_who_has_no_address_is_counted_and_the_thread_is_told_instead() -> None:
    quiet = replace(BOOK, alerts={"chat": Alerting(at_90=(By.DM,))})
    assert mentioned(alerted("90", rules=quiet)) is None
    said = alerted("90", owner="nil", rules=quiet)
    assert (mentioned(said), messaged(said), said.kinds) == ([], [], ("thread", "unreachable"))


def test_a_level_without_anything_is_only_on_record() -> None:
    said = alerted("50", rules=replace(BOOK, alerts={"chat": Alerting(at_50=())}))
    assert (said.decision.deliveries, said.kinds) == ((), ())
    assert said.decision.events[0].payload["level"] == "50"


def test_the_plan_of_another_policy_says_nothing_here() -> None:
    other = replace(BOOK, alerts={"mail": Alerting(at_50=())})
    assert mentioned(alerted("50", rules=other)) == []
    assert USUAL.of("50") == (By.THREAD,)


def test_the_log_names_who_was_told() -> None:
    payload = alerted(BREACH).decision.events[0].payload
    assert (payload["mentioned"], payload["messaged"]) == (["ann", "lea"], ["ann", "lea"])
    assert "messaged" not in alerted("75").decision.events[0].payload


def test_s23_a_direct_message_quotes_the_subject_as_text_and_links_to_the_thread() -> None:
    [message] = [each for each in alerted("90").decision.deliveries if each.kind is DeliveryKind.DIRECT]
    [paragraph] = message.outgoing.text.blocks
    assert isinstance(paragraph, Paragraph)
    assert paragraph.children[0] == Span("#7 “<!channel> refund”", link=THREAD)
    assert (message.desk, message.channel) == (False, "desk")
