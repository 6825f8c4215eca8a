"""What agents are told about their own work, as values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from router.agent_state import AgentStatus
from router.commands import changes, from_outside, help_sheet, verb_of_line
from router.decision import Outcome
from router.figures import Count, figures, in_words, length, share
from router.home import Desk, Presence, home, latency, mine, queue
from router.listing import Listed, soonest_first
from router.model import IdentityKey, Inbound, InboundKind, Promise, Sender, Status
from router.rulebook import Agent, Role, Rulebook, Team
from router.sheets import Choices, Entry, Heading, Sheet, Words
from router.verbs import verb_in
from storage.ids import new_id

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = Agent(id="alice", name="Alice", slack="U0ALICE", role=Role.LEAD, teams=("care",))
BOB = Agent(id="bob", name="Bob", slack="U0BOB", teams=("care",), capacity=8)
RULES = Rulebook(
    channels={},
    agents={"alice": ALICE, "bob": BOB},
    teams={"care": Team(id="care", name="Care")},
    routes=(),
    revision="1",
)


def listed(number: int, **more: object) -> Listed:
    return replace(
        Listed(number=number, status=Status.OPEN, contact=f"Customer {number}", opened_at=NOW - timedelta(hours=5)),
        **more,  # type: ignore[arg-type]  # fields of Listed
    )


def presence(agent: Agent = ALICE, status: AgentStatus = AgentStatus.AVAILABLE, load: int = 0) -> Presence:
    return Presence(agent=agent, status=status, since=None, load=load)


def said(sheet: Sheet) -> list[str]:
    """Headings, words and rows as lines."""
    lines = []
    for part in sheet.parts:
        match part:
            case Heading(text):
                lines.append(f"[{text}]")
            case Words(text=text, lead=lead):
                lines.append(f"{lead}{text}")
            case Entry(number=number, title=title, facts=facts, at=at):
                lines.append(f"#{number} {title} ({facts}) {at.text if at is not None else ''}".rstrip())
    return lines


def test_the_overdue_come_first_then_the_soonest_due_then_those_who_do_not_wait() -> None:
    calm = listed(1, last_in_at=NOW - timedelta(hours=1))
    newer = listed(2, last_in_at=NOW - timedelta(minutes=1))
    waits = {"waiting_since": NOW - timedelta(minutes=9)}
    soon = listed(3, due_at=NOW + timedelta(minutes=1), **waits)
    late = listed(4, due_at=NOW - timedelta(minutes=1), **waits)
    unjudged = listed(5, **waits)
    assert [each.number for each in soonest_first([calm, newer, soon, unjudged, late])] == [4, 3, 5, 2, 1]


def test_d17_exactly_at_the_deadline_nothing_is_overdue() -> None:
    waits = listed(1, waiting_since=NOW - timedelta(minutes=9), due_at=NOW)
    assert said(mine(Desk(now=NOW, zone="UTC", me=presence(), owned=[waits]), RULES)) == [
        "[Your queue (1)]",
        "#1 Customer 1 () answer due",
    ]
    later = Desk(now=NOW + timedelta(seconds=1), zone="UTC", me=presence(), owned=[waits])
    assert said(mine(later, RULES))[1] == "#1 Customer 1 () overdue since"


def test_a_home_shows_what_is_offered_owned_promised_and_done_today() -> None:
    promise = Promise(conversation=new_id(), kind="call back", due_at=NOW - timedelta(minutes=5), span=(0, 1))
    desk = Desk(
        now=NOW,
        zone="UTC",
        me=presence(BOB, AgentStatus.BREAK, load=5),
        owned=[listed(1, subject="The lamp", channel="mail")],
        offered=[listed(2)],
        promises=[(promise, listed(1))],
        answered=3,
        first=[Count(channel="mail", outcome="answered", sla="met", seconds=30, rounds=2)],
    )
    assert said(home(desk, RULES)) == [
        "[Bob, on a break]",
        "Load 5 of 8.",
        "[Offered to you (1)]",
        "#2 Customer 2 () last heard of",
        "[Your queue (1)]",
        "#1 Customer 1: The lamp (mail) last heard of",
        "[Promised (1)]",
        "#1 Customer 1: call back () overdue since",
        "[Today]",
        "3 answers to customers who waited. First responses: 2 answered (30 s, 30 s), 100 % in time.",
    ]


def test_the_status_one_has_is_not_offered_and_only_leads_see_the_queue_and_who_is_there() -> None:
    colleagues = [presence(BOB, AgentStatus.OFFLINE), presence(load=3)]
    desk = Desk(now=NOW, zone="UTC", me=presence(), leads=True, queue=[listed(9)], waiting=40, colleagues=colleagues)
    sheet = home(desk, RULES)
    [choices] = [part for part in sheet.parts if isinstance(part, Choices)]
    assert [each.line for each in choices.buttons] == ["status away", "status offline", "status break", "refresh"]
    assert said(sheet)[-6:] == [
        "[Waiting, with nobody (40)]",
        "#9 Customer 9 () last heard of",
        "… and 20 more.",
        "[Who is there]",
        "Alice · available · load 3 of 12",
        "Bob · offline · load 0 of 8",
    ]
    assert "[Who is there]" not in said(home(replace(desk, leads=False), RULES))


def test_a_long_list_says_how_many_more_there_are() -> None:
    desk = Desk(now=NOW, zone="UTC", me=presence(), queue=[listed(each) for each in range(30)], waiting=45)
    lines = said(queue(desk, RULES))
    assert (len(lines), lines[0], lines[-1]) == (12, "[Waiting, with nobody (45)]", "… and 35 more.")


def count(seconds: int, rounds: int = 1, **more: object) -> Count:
    known = Count(channel="mail", outcome="answered", sla="met", seconds=seconds, rounds=rounds)
    return replace(known, **more)  # type: ignore[arg-type]  # fields of Count


def test_d33_d39_percentiles_are_nearest_rank_and_few_values_are_shown_as_they_are() -> None:
    few = figures([count(40), count(10, 2)])
    assert (few.answered, few.median, few.values) == (3, None, (10, 10, 40))
    many = figures([count(10, 5), count(20, 4), count(300)])
    assert (many.answered, many.median, many.p90, many.values) == (10, 10, 20, ())
    assert in_words(many) == "10 answered, median 10 s, p90 20 s, 100 % in time"


def test_d35_attainment_counts_what_is_decided_and_open_breaches_too() -> None:
    found = figures(
        [
            count(10, 3),
            count(99, sla="breached"),
            count(0, outcome="open", sla="breached"),
            count(0, 7, outcome="open", sla="running"),
            count(0, 2, outcome="closed_no_reply", sla="cancelled"),
        ]
    )
    assert found.attainment == Fraction(3, 5)
    assert figures([count(0, outcome="open", sla="running")]).attainment is None
    assert in_words(figures([])) == "nobody answered"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Fraction(1), "100 %"), (Fraction(999, 1000), "99 %"), (Fraction(1, 999), "1 %"), (Fraction(0), "0 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(value: Fraction, shown: str) -> None:
    assert share(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (277200, "3 d 5 h"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert length(seconds) == shown


def test_latency_is_told_by_channel_with_today_inside_the_week() -> None:
    counts = [count(30, recent=True), count(90), count(5, channel="tg", recent=True)]
    waiting = {"tg": (2, NOW - timedelta(minutes=4))}
    assert said(latency(counts, waiting, NOW, RULES))[1:] == [
        "mail · nobody waits",
        "Today: 1 answered (30 s), 100 % in time.",
        "Last 7 days: 2 answered (30 s, 90 s), 100 % in time.".replace("90 s", "1 min 30 s"),
        "tg · 2 wait now, the longest for 4 min",
        "Today: 1 answered (5 s), 100 % in time.",
        "Last 7 days: 1 answered (5 s), 100 % in time.",
    ]
    assert len(said(latency(counts, waiting, NOW, RULES, "tg"))) == 4
    assert said(latency(counts, waiting, NOW, RULES, "fax")) == ["There is no channel 'fax'."]


def outside(line: str, user: str = "U0BOB", *, internal: bool = True) -> Inbound:
    return Inbound(
        kind=InboundKind.BUTTON,
        channel="desk",
        address=user,
        sender=Sender(identity=IdentityKey("slack", user), internal=internal),
        remote_id="command:1",
        value=f"ask.outside:{line}",
    )


def test_s8_only_a_listed_agent_of_the_home_workspace_changes_a_status() -> None:
    for inbound, stored in (
        (outside("status away"), True),
        (outside("status away", "U0EVE"), False),
        (outside("status away", internal=False), False),
        (outside("resolve"), False),
    ):
        verb = verb_in(inbound)
        assert verb is not None
        decision = from_outside(inbound, verb, RULES)
        assert (decision.outcome is Outcome.STORED) == stored
        assert (decision.ownership is not None) == stored


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("status away", True),
        ("Status  BUSY ", True),
        ("status", False),
        ("status dancing", False),
        ("me", False),
        ("", False),
    ],
)
def test_only_what_changes_something_is_stored(line: str, stored: bool) -> None:
    assert changes(line) == stored


def test_help_is_the_answer_to_nothing_and_to_what_nobody_knows() -> None:
    assert verb_of_line("").name == "help"
    assert help_sheet(verb_of_line("dance")).summary.startswith("I do not know 'dance'")
