"""The compiled configuration answers the look-ups of the rules."""

import pytest

from router.model import Capabilities, ChannelType
from router.rulebook import ALWAYS, Agent, ChannelRules, Desk, Route, Rulebook, Team, Traits, When

ALICE = Agent(id="alice", name="Alice", email="alice@shop.example", slack="U1", teams=("aftersale", "presale"))
BOB = Agent(id="bob", name="Bob", email="bob@shop.example", teams=("aftersale",))
DESK = Desk(channel="desk", slack=("#support",))

RULES = Rulebook(
    channels={
        "desk": ChannelRules(id="desk", type=ChannelType.SLACK, capabilities=Capabilities()),
        "mail": ChannelRules(id="mail", type=ChannelType.EMAIL, capabilities=Capabilities()),
    },
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
    route = RULES.route_by_id("mail")
    assert route is not None
    assert route.team == "aftersale"
    assert RULES.route_by_id("gone") is None


def test_only_slack_channels_are_desks() -> None:
    assert RULES.is_desk("desk")
    assert not RULES.is_desk("mail")


def test_the_first_route_that_matches_wins_and_says_why() -> None:
    assert RULES.route(Traits(channel="mail")) == (
        RULES.routes[0],
        "route mail is the first that matches (channel mail)",
    )
    assert RULES.route(Traits(channel="web")) == (
        RULES.routes[1],
        "route default is the first that matches (no condition)",
    )


MAIL = Traits(
    channel="mail", to="Help@Shop.example", language="zh-TW", text="我要ＲＥＦＵＮＤ", verification=1, tier="gold"
)


@pytest.mark.parametrize(
    ("when", "traits", "holds"),
    [
        (When(), MAIL, True),
        (When(channel=frozenset({"web", "mail"})), MAIL, True),
        (When(channel=frozenset({"web"})), MAIL, False),
        (When(to=frozenset({"help@shop.example"})), MAIL, True),
        (When(to=frozenset({"sales@shop.example"})), MAIL, False),
        (When(language=frozenset({"zh"})), MAIL, True),
        (When(language=frozenset({"zh-tw"})), MAIL, True),
        (When(language=frozenset({"zh-cn"})), MAIL, False),
        (When(language=frozenset({"zh"})), Traits(channel="mail"), False),
        (When(keyword=("exchange", "refund")), MAIL, True),
        (When(keyword=("exchange",)), MAIL, False),
        (When(tier=frozenset({"gold"})), MAIL, True),
        (When(tier=frozenset({"gold"})), Traits(channel="mail"), False),
        (When(verified=True), MAIL, True),
        (When(verified=False), MAIL, False),
        (When(verified=False), Traits(channel="mail"), True),
        (When(channel=frozenset({"mail"}), verified=True), Traits(channel="mail"), False),
    ],
)
def test_every_condition_of_a_route_must_hold(when: When, traits: Traits, holds: bool) -> None:
    last = Route(id="default", desk=DESK)
    rules = Rulebook(
        channels={}, agents={}, teams={}, routes=(Route(id="it", when=when, desk=DESK), last), revision="1"
    )
    assert (rules.route(traits)[0].id == "it") is holds


def test_text_is_read_only_where_a_route_asks_for_a_word() -> None:
    assert not RULES.reads_text
    word = Route(id="word", when=When(keyword=("refund",)), desk=DESK)
    assert Rulebook(channels={}, agents={}, teams={}, routes=(word, *RULES.routes), revision="1").reads_text


def test_only_a_condition_makes_a_route_conditional() -> None:
    assert ALWAYS.always
    assert When().always
    assert not When(verified=False).always
    assert not When(keyword=("refund",)).always


def test_rulebooks_of_the_same_content_are_equal() -> None:
    again = Rulebook(channels=RULES.channels, agents=RULES.agents, teams=RULES.teams, routes=RULES.routes, revision="1")
    assert again == RULES
