"""The manifest of our Slack app: which rights, events and menus it asks its workspace for, and why each."""

from collections.abc import Mapping
from typing import Any

from connectors.slack.forms import SHORTCUTS

Json = dict[str, Any]

NAME = "Onevoice"
SCOPES: Mapping[str, str] = {
    "channels:history": "read what agents write in the threads of public channels",
    "channels:read": 'find "#support-1" by its name',
    "chat:write": "post cards, customers' messages and notices, and refresh the cards",
    "commands": "/onevoice, and the shortcuts in the menu of a message",
    "files:read": "fetch the files agents send to customers",
    "files:write": "post the files customers send",
    "groups:history": "read what agents write in the threads of private channels",
    "groups:read": "find private channels by their names",
    "groups:write": "make a private channel for itself, in which it sees whether Slack still tells it anything",
    "im:history": "look whether an alert arrived whose answer was lost, before it is sent again",
    "im:write": "open the direct messages of an agent who is to be alerted",
    "reactions:write": "mark each post: sent, a note, held, or not sent",
    "users:read": "names, and who is a guest or a stranger",
    "users:read.email": "recognise agents that are listed by their mail address",
}
"""Bot scopes, all of them used."""
SENDING = frozenset({"channels:read", "chat:write", "files:write", "groups:read", "im:write", "reactions:write"})
"""Those without which something cannot leave."""
ASKING_SCOPES: Mapping[str, str] = {
    "im:read": "find the direct messages of colleagues again after a gap",
}
"""The further ones where colleagues ask by direct message."""
EVENTS: Mapping[str, str] = {
    "app_home_opened": "show an agent their queue",
    "message.channels": "posts in public channels the app is in",
    "message.groups": "posts in private channels the app is in",
}
ASKING_EVENTS: Mapping[str, str] = {"message.im": "what colleagues write to the app"}


def scopes(*, asking: bool) -> Mapping[str, str]:
    """The rights and their reasons; `asking`: colleagues ask by direct message."""
    return {**SCOPES, **ASKING_SCOPES} if asking else SCOPES


def events(*, asking: bool) -> Mapping[str, str]:
    return {**EVENTS, **ASKING_EVENTS} if asking else EVENTS


def manifest(*, address: str | None, asking: bool) -> Json:
    """What Slack takes under "From a manifest". `address` is where Slack reaches the routes of this channel over HTTP
    ("https://desk.shop.example/slack/desk"); None with Socket Mode."""
    command: Json = {
        "command": "/onevoice",
        "description": "Ask Onevoice; the answer is yours alone",
        "usage_hint": "help",
        "should_escape": False,
    }
    subscriptions: Json = {"bot_events": sorted(events(asking=asking))}
    interactivity: Json = {"is_enabled": True}
    if address is not None:
        command["url"] = f"{address}/commands"
        subscriptions["request_url"] = f"{address}/events"
        interactivity["request_url"] = interactivity["message_menu_options_url"] = f"{address}/interactions"
    return {
        "display_information": {"name": NAME, "description": "Customers on every channel, answered from Slack"},
        "features": {
            "bot_user": {"display_name": NAME, "always_online": True},
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": not asking,
            },
            "slash_commands": [command],
            "shortcuts": [
                {"name": each.name, "type": "message", "callback_id": id_, "description": each.description}
                for id_, each in SHORTCUTS.items()
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(scopes(asking=asking))}},
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }
