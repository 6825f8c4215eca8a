"""Claims, offers and stored decisions, on both databases."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest

from gateway.assigning import Assigning
from router.agent_state import AgentStatus
from router.assignment import assign
from router.assignment_inputs import AssignmentSettings, Mode
from router.calendar_definitions import to_calendar
from router.decision import Decision, Reason, Reroute, Snapshot
from router.model import CaseType, Inbound, InboundKind
from router.ownership import StatusChange
from router.routing import decide
from router.rulebook import Agent, AssignmentRules, Role, Rulebook, Team, When
from router.targets import Metric, Policy, Target
from router.terms import Terms
from storage import agents, assignments, contacts, decisions, intake, timers
from storage.changes import Touched
from storage.database import Database
from storage.intake import Submission
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.router.test_attaching import ANGRY
from tests.router.test_attaching import BOOK as CASES
from tests.storage.inbounds import RULES, answer, arrival, question

START = datetime(2026, 3, 10, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TEAM = ("sales",)
QUICK = Policy(id="quick", targets={Metric.FIRST: Target(seconds=100), Metric.NEXT: Target(seconds=100)})
BOOK = replace(
    RULES,
    agents={
        "alice": Agent(id="alice", name="Alice Chen", slack="U0ALICE", teams=TEAM),
        "bob": Agent(id="bob", name="Bob Li", slack="U0BOB", teams=TEAM),
        "zoe": Agent(id="zoe", name="Zoe Ma", slack="U0ZOE", teams=("help",)),
    },
    teams={"sales": Team(id="sales", name="Sales", lead="zoe", overflow="help"), "help": Team(id="help", name="Help")},
    routes=(replace(RULES.routes[0], team="sales"),),
    policies=(QUICK,),
    terms=Terms(policies={("quick", 1): QUICK}),
)

OWNERS = Statement("SELECT owner FROM conversations ORDER BY number")
OFFERS = Statement("SELECT agent, state FROM offers ORDER BY offered_at, id")
EVENTS = Statement("SELECT type FROM events ORDER BY conversation, seq")
NOTICES = Statement("SELECT body FROM outbox WHERE kind = 'notice' ORDER BY created_at, id")
TEAMS = Statement("SELECT team, route, owner FROM conversations ORDER BY number")
LAST_EVENT = Statement("SELECT payload FROM events WHERE type = 'assigned' ORDER BY seq DESC LIMIT 1")
STATES = Statement("SELECT count(*) FROM assignment_agents")
LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
CONTACTS = Statement("SELECT contact FROM conversations ORDER BY number")
IDS = Statement("SELECT id FROM conversations ORDER BY number")


class Clock:
    """The database's time, moved by tests."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


class Shop:
    """A database, the worker on it, and a clock."""

    def __init__(self, url: str, rules: Rulebook = BOOK) -> None:
        self.clock = Clock()
        self.database = Database(url, clock=self.clock)
        self.rules = rules
        self.worker = self.another()

    def another(self) -> Assigning:
        """One more node's worker."""
        return Assigning(self.database, lambda: self.rules, lambda touched: None)

    async def receive(self, *inbounds: Inbound) -> None:
        submissions = [Submission(each.channel, [arrival(each)]) for each in inbounds]
        await self.database.transact(intake.receive, submissions, self._decide, self.rules)

    def _decide(self, snapshot: Snapshot, inbound: Inbound) -> Decision:
        return decide(snapshot, inbound, self.rules)

    async def settle(self) -> None:
        """Look until there is nothing to do."""
        while await self.worker.look():
            pass

    async def rows(self, statement: Statement) -> list[tuple[object, ...]]:
        return await self.database.read(lambda tx: tx.all(statement, {}))

    async def owners(self) -> list[object]:
        return [row[0] for row in await self.rows(OWNERS)]

    async def decided(self, number: int = 1) -> Sequence[decisions.Decided]:
        ids = await self.rows(IDS)
        conversation = UUID(bytes=ids[number - 1][0])  # type: ignore[arg-type]  # a column of bytes
        return await self.database.read(decisions.of, conversation)

    async def say_status(self, agent: str, status: AgentStatus) -> None:
        await self.database.transact(agents.set_status, StatusChange(agent=agent, status=status))


def in_mode(mode: Mode, **more: object) -> Rulebook:
    settings = AssignmentSettings(mode=mode, **more)  # type: ignore[arg-type]  # fields by name
    return replace(BOOK, assignment=AssignmentRules(settings=settings))


@pytest.fixture
def shop(database_url: str) -> "Shop":
    return Shop(database_url, in_mode(Mode.ASSIGN, window_limit=100))


@pytest.fixture(autouse=True)
def close(shop: Shop) -> object:
    yield
    shop.database.close()


async def test_two_workers_at_once_give_every_conversation_one_owner(shop: Shop) -> None:
    await shop.receive(*(question(channel="mail", who=f"c{number}") for number in range(10)))
    other = shop.another()
    for _ in range(20):
        await asyncio.gather(shop.worker.look(), other.look())
        if None not in await shop.owners():
            break
    owners = await shop.owners()
    assert (owners.count("alice"), owners.count("bob")) == (5, 5)
    events = [row[0] for row in await shop.rows(EVENTS)]
    assert events.count("assigned") == 10
    given = [each.chosen for number in range(1, 11) for each in await shop.decided(number)]
    assert sorted(map(str, given)) == ["alice"] * 5 + ["bob"] * 5


async def test_a_claim_on_an_older_version_of_the_conversation_or_the_agent_changes_nothing(shop: Shop) -> None:
    await shop.receive(question(channel="mail", who="a"), question(channel="mail", who="b"))
    await shop.database.transact(agents.enlist, shop.rules.agents, AgentStatus.AVAILABLE)
    situation = await shop.database.read(assignments.situation, timedelta(minutes=10))
    first, second = await _claims(shop, situation)
    await shop.receive(question("one more thing", channel="mail", who="a"))
    done, touched = await shop.database.transact(assignments.carry_out, [first], shop.rules)
    assert (done, touched.channels, await shop.owners()) == ([False], frozenset(), [None, None])
    late = replace(second, agent_version=second.agent_version + 1)
    assert (await shop.database.transact(assignments.carry_out, [late], shop.rules))[0] == [False]
    assert (await shop.database.transact(assignments.carry_out, [second], shop.rules))[0] == [True]
    assert (await shop.database.transact(assignments.carry_out, [second], shop.rules))[0] == [False]
    assert await shop.owners() == [None, "alice"]


async def _claims(shop: Shop, situation: assignments.Situation) -> list[assignments.Claim]:
    from gateway.staffing import Staff, inputs_of

    staff = Staff(shop.rules)
    states = staff.states(situation)
    found = []
    for queued in situation.queue:
        inputs = inputs_of(
            queued, assignments.Past(), staff, states, shop.rules, situation.now, share=Fraction(0), trigger="new_round"
        )
        found.append(
            assignments.Claim(queued=queued, inputs=inputs, assignment=assign(inputs), agent_version=0, until=None)
        )
    return sorted(found, key=lambda each: each.queued.id)


async def test_a_decision_is_stored_with_what_leads_to_it_again_and_agents_once_a_state(shop: Shop) -> None:
    await shop.receive(*(question(channel="mail", who=f"c{number}") for number in range(4)))
    await shop.settle()
    for number in range(1, 5):
        (stored,) = await shop.decided(number)
        again = assign(stored.inputs)
        assert again.to_json() == {name: value for name, value in stored.trace.items() if name != "text"}
        assert stored.trace["text"]["en"].startswith(("Alice Chen, ", "Bob Li, "))
        assert stored.trace["text"]["zh"].startswith(("Alice Chen：", "Bob Li："))
    assert (await shop.rows(STATES))[0][0] == 3 + 3  # each agent at first, then one of them changes with each decision


async def test_an_offer_is_made_once_and_runs_out_at_its_time(shop: Shop) -> None:
    shop.rules = in_mode(Mode.OFFER)
    await shop.receive(question())
    await shop.settle()
    assert await shop.rows(OFFERS) == [("alice", "open")]
    await shop.worker.look()
    assert len(await shop.rows(OFFERS)) == 1
    shop.clock.forward(timedelta(minutes=5))
    for _ in range(2):
        fired = await shop.database.transact(timers.fire, 10)
        for timer in fired:
            if timer.kind == "offer":
                await shop.database.transact(assignments.run_out, timer.ref, shop.rules)
    assert await shop.rows(OFFERS) == [("alice", "expired")]
    assert await shop.owners() == [None]
    await shop.settle()
    assert await shop.rows(OFFERS) == [("alice", "expired"), ("bob", "open")]
    shop.clock.forward(timedelta(minutes=1))
    assert (await shop.decided())[-1].trace["trigger"] == "did not accept in time"


async def test_an_answer_accepts_and_the_timer_is_gone(shop: Shop) -> None:
    shop.rules = in_mode(Mode.OFFER)
    await shop.receive(question())
    await shop.settle()
    await shop.database.transact(lambda tx: tx.run(LINK, {}))
    await shop.receive(answer("Of course", "C1:1.1"))
    assert await shop.rows(OFFERS) == [("alice", "accepted")]
    assert await shop.owners() == ["alice"]
    shop.clock.forward(timedelta(hours=1))
    fired = await shop.database.transact(timers.fire, 10)
    assert "offer" not in {timer.kind for timer in fired}


async def test_offline_for_ten_minutes_gives_back_chats_that_wait_but_not_mail(shop: Shop) -> None:
    await shop.receive(question(channel="mail", who="m"), question(channel="web", who="w"))
    await shop.settle()
    mail, chat = await shop.owners()
    assert {mail, chat} == {"alice", "bob"}
    shop.clock.forward(SECOND)
    for agent in ("alice", "bob"):
        await shop.say_status(agent, AgentStatus.OFFLINE)
    shop.clock.forward(timedelta(minutes=10) - SECOND)
    await shop.settle()
    assert await shop.owners() == [mail, chat]
    shop.clock.forward(SECOND)
    await shop.settle()
    assert await shop.owners() == [mail, "zoe"]  # all of the target is used: the overflow team helps
    assert "owner_released" in {row[0] for row in await shop.rows(EVENTS)}


async def test_who_is_not_configured_any_more_gives_back_what_waits(shop: Shop) -> None:
    await shop.receive(question(channel="mail", who="m"))
    await shop.settle()
    assert await shop.owners() == ["alice"]
    shop.rules = replace(shop.rules, agents={name: each for name, each in BOOK.agents.items() if name != "alice"})
    await shop.settle()
    assert await shop.owners() == ["bob"]


async def test_the_share_of_the_target_relaxes_the_filters_and_the_lead_is_called_once(shop: Shop) -> None:
    for agent in BOOK.agents:
        await shop.say_status(agent, AgentStatus.OFFLINE)
    await shop.receive(question(channel="web", who="w"))
    await shop.settle()
    levels = [0]
    for _ in range(5):
        shop.clock.forward(timedelta(seconds=25))
        await shop.settle()
        await shop.settle()
    found = await shop.decided()
    assert [each.trace["level"] for each in found] == [*levels, 1, 2, 3, 4]
    assert [each.trace["trigger"] for each in found] == ["new_round"] + ["relaxation"] * 4
    called = [row[0] for row in await shop.rows(NOTICES) if "please look" in str(row[0])]
    assert len(called) == 1
    assert "U0ZOE" in str(called[0])
    shop.clock.forward(timedelta(seconds=25))
    await shop.say_status("zoe", AgentStatus.AVAILABLE)
    await shop.settle()
    assert await shop.owners() == ["zoe"]


@pytest.mark.parametrize(("fallback", "owner"), [(True, "bob"), (False, None)])
async def test_who_does_not_speak_the_language_gets_it_late_where_the_route_allows_it(
    shop: Shop, fallback: bool, owner: str | None
) -> None:
    tongues = {name: replace(BOOK.agents[name], languages=(tag,)) for name, tag in (("alice", "en"), ("bob", "zh"))}
    routes = (replace(BOOK.routes[0], language_fallback=fallback),)
    shop.rules = replace(shop.rules, agents=tongues, routes=routes)
    await shop.say_status("alice", AgentStatus.OFFLINE)
    await shop.receive(question(channel="web", who="w", language="en"))
    await shop.settle()
    shop.clock.forward(timedelta(seconds=74))
    await shop.settle()
    assert await shop.owners() == [None]
    shop.clock.forward(SECOND)
    await shop.settle()
    assert await shop.owners() == [owner]
    found = (await shop.decided())[-1]
    assert (found.inputs.needs.language, found.trace["level"]) == ("en", 3)


async def test_another_lead_is_called_where_the_first_is_away(shop: Shop) -> None:
    mia = Agent(id="mia", name="Mia Wu", email="mia@x.example", role=Role.LEAD, teams=TEAM, capacity=0)
    shop.rules = replace(shop.rules, agents={**BOOK.agents, "mia": mia})
    for agent in BOOK.agents:
        await shop.say_status(agent, AgentStatus.OFFLINE)
    await shop.receive(question(channel="web", who="w"))
    for _ in range(5):
        await shop.settle()
        shop.clock.forward(timedelta(seconds=25))
        await shop.settle()
    (called,) = [str(row[0]) for row in await shop.rows(NOTICES) if "please look" in str(row[0])]
    assert "mia@x.example" in called


async def test_nobody_is_looked_for_while_nothing_changes(shop: Shop) -> None:
    shop.rules = replace(shop.rules, policies=(), terms=Terms())
    for agent in BOOK.agents:
        await shop.say_status(agent, AgentStatus.OFFLINE)
    await shop.receive(*(question(channel="web", who=f"w{number}") for number in range(30)))
    await shop.settle()
    await shop.settle()
    assert [len(await shop.decided(number)) for number in range(1, 31)] == [1] * 30
    await shop.say_status("bob", AgentStatus.AVAILABLE)
    await shop.settle()
    owners = await shop.owners()
    assert owners.count("bob") == 4  # capacity 12, a chat is 3


async def test_who_had_a_linked_contact_before_is_asked_first(shop: Shop) -> None:
    await shop.receive(question(who="anna"))
    await shop.settle()
    assert await shop.owners() == ["alice"]
    await shop.receive(question(who="ben"))
    await shop.settle()
    assert await shop.owners() == ["alice", "bob"]
    await shop.receive(question(channel="mail", who="ben@x.example"))
    ben, mail = (UUID(bytes=row[0]) for row in (await shop.rows(CONTACTS))[1:])  # type: ignore[arg-type]  # bytes
    await shop.database.transact(contacts.merge, ben, mail, "agent:alice", "says so")
    await shop.settle()
    assert await shop.owners() == ["alice", "bob", "bob"]


def complaining(shop: Shop) -> None:
    """A route of complaints to the team of Zoe."""
    angry = replace(BOOK.routes[0], id="angry", when=When(case=frozenset({CaseType.COMPLAINT})), team="help")
    shop.rules = replace(shop.rules, routes=(angry, *BOOK.routes), recognition=CASES.recognition)


async def test_cm17_what_becomes_a_complaint_goes_to_the_team_of_complaints(shop: Shop) -> None:
    shop.rules = in_mode(Mode.OFFER)
    complaining(shop)
    await shop.receive(question("Hello"))
    await shop.settle()
    assert await shop.rows(OFFERS) == [("alice", "open")]
    await shop.receive(question(ANGRY))
    assert await shop.rows(TEAMS) == [("help", "default", None)]
    assert await shop.rows(OFFERS) == [("alice", "withdrawn")]
    assert [row[0] for row in await shop.rows(EVENTS)][-2:] == ["offer_withdrawn", "assigned"]
    assert "route angry: case is complaint" in str((await shop.rows(LAST_EVENT))[0][0])
    assert "It is for Help now" in str((await shop.rows(NOTICES))[-1][0])
    await shop.settle()
    assert (await shop.rows(OFFERS))[1:] == [("zoe", "open")]
    await shop.receive(question(f"{ANGRY} Today!"))
    assert len(await shop.rows(OFFERS)) == 2


async def test_cm17_an_edit_that_makes_it_a_complaint_does_so_too(shop: Shop) -> None:
    shop.rules = in_mode(Mode.OFFER)
    complaining(shop)
    hello = question("Hello")
    await shop.receive(hello)
    await shop.receive(replace(question(ANGRY), kind=InboundKind.EDIT, target=hello.remote_id, order=1))
    assert await shop.rows(TEAMS) == [("help", "default", None)]


async def test_a_complaint_stays_with_who_has_it(shop: Shop) -> None:
    complaining(shop)
    await shop.receive(question("Hello"))
    await shop.settle()
    await shop.receive(question(ANGRY))
    assert await shop.owners() == ["alice"]
    assert await shop.rows(TEAMS) == [("sales", "default", "alice")]


async def test_somebody_who_takes_it_at_the_same_time_keeps_it(shop: Shop) -> None:
    complaining(shop)
    await shop.receive(question("Hello"))
    ((key,),) = await shop.rows(IDS)
    to = Reroute(team="help", reason=Reason("route", "route angry"))
    await shop.settle()
    await shop.database.transact(
        lambda tx: assignments.reroute(tx, Snapshots(tx, ()), UUID(bytes=key), to, shop.rules)  # type: ignore[arg-type]  # a column of bytes
    )
    assert await shop.rows(TEAMS) == [("sales", "default", "alice")]


async def test_pull_gives_to_nobody_and_says_who_may_take_it(shop: Shop) -> None:
    shop.rules = in_mode(Mode.PULL)
    await shop.receive(question())
    await shop.settle()
    await shop.settle()
    assert await shop.owners() == [None]
    (stored,) = await shop.decided()
    assert stored.trace["decided_by"] == "pull"
    assert await shop.rows(OFFERS) == []


async def test_a_commit_says_when_somebody_may_need_an_owner(shop: Shop) -> None:
    submission = Submission("tg", [arrival(question())])
    received = await shop.database.transact(intake.receive, [submission], shop._decide, shop.rules)
    assert received.touched.owners
    assert not Touched().owners


async def test_nobody_gets_anything_new_outside_their_shifts_and_the_start_is_noticed(shop: Shop) -> None:
    hours = to_calendar("early", {"tz": "UTC", "weekly": {"tue": [["10:00", "12:00"]]}})
    sales = {name: replace(BOOK.agents[name], shifts=hours) for name in ("alice", "bob")}
    shop.rules = replace(shop.rules, agents=sales, policies=(), terms=Terms())
    await shop.receive(question(channel="mail", who="m"))
    await shop.settle()
    shop.clock.now = START + timedelta(hours=1) - SECOND
    await shop.settle()
    assert await shop.owners() == [None]
    shop.clock.forward(SECOND)
    await shop.settle()
    assert await shop.owners() == ["alice"]
    assert [each.trace["trigger"] for each in await shop.decided()] == ["new_round", "time"]


async def test_who_writes_to_an_owner_whose_shift_is_over_gets_another_though_nobody_else_waits(shop: Shop) -> None:
    shop.rules = in_shifts({"alice": ("09:00", "10:00"), "bob": ("09:30", "18:00")})
    await shop.receive(question(channel="mail", who="m"))
    await shop.settle()
    assert await shop.owners() == ["alice"]
    shop.clock.now = START + timedelta(minutes=90)
    await shop.settle()
    assert await shop.owners() == ["alice"], "it came while she was there"
    await shop.receive(question("and now?", channel="mail", who="m"))
    await shop.settle()
    assert await shop.owners() == ["bob"]


async def test_an_owner_keeps_what_is_written_on_their_shift(shop: Shop) -> None:
    shop.rules = in_shifts({"alice": ("09:00", "12:00"), "bob": ("09:30", "18:00")})
    await shop.receive(question(channel="mail", who="m"))
    await shop.settle()
    shop.clock.now = START + timedelta(minutes=90)
    await shop.receive(question("and now?", channel="mail", who="m"))
    await shop.settle()
    assert await shop.owners() == ["alice"]


def in_shifts(hours: Mapping[str, tuple[str, str]]) -> Rulebook:
    """These agents, each at work in these hours of the day."""
    working = {
        name: replace(BOOK.agents[name], shifts=to_calendar(name, {"tz": "UTC", "weekly": {"tue": [list(span)]}}))
        for name, span in hours.items()
    }
    return replace(in_mode(Mode.ASSIGN, window_limit=100), agents=working)
