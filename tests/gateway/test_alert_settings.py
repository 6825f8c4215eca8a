"""What the file says of alerts and digests, compiled for the rules; and what is wrong in it."""

from datetime import time, timedelta
from pathlib import Path

from gateway.settings import Settings, to_rulebook
from router.alerting import USUAL, By
from router.digests import DigestRules
from router.model import Capabilities
from tests.gateway.test_config import SMALL, loaded, mistakes

TEAMS = """
teams:
  - {id: sales, lead: alice}
  - {id: returns, slack: "#returns-leads", lead: alice, daily_at: "09:15", calendar: US_STD}
  - {id: nobody}
policies:
  - {id: chat, calendar: CN_7D, first: 3m, alerts: {at_50: [], at_75: dm, breach: [thread, lead]}}
  - {id: mail, first: 1h}
"""


def digests_of(settings: Settings) -> dict[str | None, DigestRules]:
    capabilities = {channel.id: Capabilities() for channel in settings.channels}
    return {each.team: each for each in to_rulebook(settings, capabilities).digests}


def test_a_policy_says_who_is_told_and_the_others_are_as_usual(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SMALL + TEAMS)
    capabilities = {channel.id: Capabilities() for channel in settings.channels}
    alerts = to_rulebook(settings, capabilities).alerts
    assert (alerts["chat"].of("50"), alerts["chat"].of("75"), alerts["chat"].of("90")) == (
        (),
        (By.DM,),
        tuple(USUAL.at_90),
    )
    assert alerts["chat"].of("breach") == (By.THREAD, By.LEAD)
    assert alerts["mail"] == USUAL


def test_digests_go_to_the_teams_channel_else_to_its_lead_else_nowhere(tmp_path: Path) -> None:
    found = digests_of(loaded(tmp_path, SMALL + TEAMS))
    assert {team: each.address for team, each in found.items()} == {
        "sales": "U0ALICE",
        "returns": "#returns-leads",
    }
    sales, returns = found["sales"], found["returns"]
    assert (sales.daily_at, sales.calendar.id, returns.daily_at, returns.calendar.id) == (
        time(8, 30),
        "CN_7D",
        time(9, 15),
        "US_STD",
    )
    assert (sales.channel, sales.queue_every, sales.queue_after) == (
        "desk",
        timedelta(minutes=15),
        timedelta(minutes=5),
    )


def test_conversations_without_a_team_have_a_digest_where_a_channel_is_named(tmp_path: Path) -> None:
    found = digests_of(loaded(tmp_path, SMALL + "digests: {slack: '#leads', queue_every: null, daily_at: null}\n"))
    assert {team: (each.address, each.queue_every, each.daily_at) for team, each in found.items()} == {
        None: ("#leads", None, None)
    }


def test_wrong_alerts_and_digests_are_reported(tmp_path: Path) -> None:
    text = SMALL + (
        "teams: [{id: a, calendar: NOWHERE, daily_at: '8:30'}]\n"
        "policies: [{id: chat, alerts: {at_50: [shout]}}]\n"
        "digests: {calendar: NEVER, queue_every: 1s}\n"
    )
    found = " ".join(mistakes(tmp_path, text))
    for key in (
        "teams[0].calendar: there is no calendar NOWHERE",
        "teams[0].daily_at",
        "policies[0].alerts.at_50[0]",
        "digests.calendar: there is no calendar NEVER",
        "digests.queue_every",
    ):
        assert key in found
