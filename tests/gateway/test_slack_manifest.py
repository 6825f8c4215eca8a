"""`onevoice slack-manifest`: what Slack gets to see, for both ways of reaching us."""

import json
from typing import Any

import yaml
from click.testing import CliRunner, Result

from connectors.slack.forms import SHORTCUTS
from connectors.slack.manifest import EVENTS, SCOPES
from gateway.cli import cli


def printed(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["slack-manifest", *arguments])


def made(*arguments: str) -> dict[str, Any]:
    result = printed(*arguments)
    assert result.exit_code == 0, result.output
    manifest: dict[str, Any] = yaml.safe_load(result.stdout)
    return manifest


def test_without_an_address_it_is_for_socket_mode_and_names_none() -> None:
    manifest = made()
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "url" not in json.dumps(manifest)
    assert manifest["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == sorted(EVENTS)
    assert [each["callback_id"] for each in manifest["features"]["shortcuts"]] == list(SHORTCUTS)


def test_with_an_address_slack_is_told_the_routes_of_the_channel() -> None:
    manifest = made("--url", "https://desk.shop.example/", "--channel", "team")
    base = "https://desk.shop.example/slack/team"
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["features"]["slash_commands"][0]["url"] == f"{base}/commands"
    assert manifest["settings"]["event_subscriptions"]["request_url"] == f"{base}/events"
    assert manifest["settings"]["interactivity"]["request_url"] == f"{base}/interactions"
    assert manifest["settings"]["interactivity"]["message_menu_options_url"] == f"{base}/interactions"


def test_direct_messages_add_what_they_need_and_no_more() -> None:
    plain, asking = made(), made("--direct-messages")
    added = set(asking["oauth_config"]["scopes"]["bot"]) - set(plain["oauth_config"]["scopes"]["bot"])
    assert added == {"im:read"}
    assert "message.im" in asking["settings"]["event_subscriptions"]["bot_events"]
    assert plain["features"]["app_home"]["messages_tab_read_only_enabled"] is True
    assert asking["features"]["app_home"]["messages_tab_read_only_enabled"] is False


def test_each_right_and_event_stands_beside_its_reason_and_json_is_the_same() -> None:
    lines = printed().stdout.splitlines()
    for name, reason in {**SCOPES, **EVENTS}.items():
        assert any(line.split() == ["-", name, "#", *reason.split()] for line in lines), name
    assert json.loads(printed("--json").stdout) == made()


def test_names_and_texts_are_within_slacks_limits() -> None:
    manifest = made("--url", "https://desk.shop.example")
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    for each in manifest["features"]["shortcuts"]:
        assert len(each["name"]) <= 24
        assert len(each["description"]) <= 150


def test_an_address_slack_would_not_call_is_refused_in_a_sentence() -> None:
    result = printed("--url", "http://desk.shop.example")
    assert result.exit_code == 2
    assert "is no https address" in result.stderr
