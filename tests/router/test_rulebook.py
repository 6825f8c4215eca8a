"""The compiled configuration answers the look-ups of the rules."""

import pytest

from router.model import Capabilities, ChannelType
from router.rulebook import Agent, ChannelRules, Desk, Route, Rulebook, Team, When

ALICE = Agent(id="alice", name="Alice", email="alice@shop.example", slack="U1", teams=("aftersale", "presale"))
BOB = Agent(id="bob", name="Bob", email="bob@shop.example", teams=("aftersale",))
DESK = Desk(channel="desk", slack=("#support",))

RULES = Rulebook(
    channels={"desk": ChannelRules(id="desk", type=ChannelType.SLACK, capabilities=Capabilities())},
    agents={"alice": ALICE, "bob": BOB},
    teams={"aftersale": Team(id="aftersale", name="After-sales"), "empty": Team(id="empty", name="Nobody")},
    routes=(
        Route(id="mail", when=When(channel=frozenset({"mail"})), team="aftersale", desk=DESK),
        Route(id="default", desk=DESK),
    ),
    revision="1",
)


@pytest.mark.parametrize(
    ("user", "email", "agent"),
    [
        ("U1", None, ALICE),
        ("U1", "bob@shop.example", ALICE),  # the id is the stronger proof
        ("U2", "Bob@Shop.example", BOB),
        ("U2", "alice@shop.example", None),  # her id is configured: an address is not enough
        ("U2", None, None),
        ("U2", "", None),
        ("", "", None),
    ],
)
def test_s8_only_a_listed_slack_member_is_an_agent(user: str, email: str | None, agent: Agent | None) -> None:
    assert RULES.agent_by_slack(user, email) == agent


def test_members_of_a_team_come_in_the_order_of_the_file() -> None:
    assert RULES.members("aftersale") == (ALICE, BOB)
    assert RULES.members("empty") == ()
    assert RULES.members("unknown") == ()


def test_a_route_is_found_by_its_id() -> None:
    route = RULES.route("mail")
    assert route is not None
    assert route.team == "aftersale"
    assert RULES.route("gone") is None


def test_a_channel_is_a_desk_when_a_route_leads_there() -> None:
    assert RULES.is_desk("desk")
    assert not RULES.is_desk("mail")


def test_rulebooks_of_the_same_content_are_equal() -> None:
    again = Rulebook(channels=RULES.channels, agents=RULES.agents, teams=RULES.teams, routes=RULES.routes, revision="1")
    assert again == RULES
