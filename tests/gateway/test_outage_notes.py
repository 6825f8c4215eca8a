"""What is missing for the outage page is said in sentences."""

from typing import Any

import pytest

from gateway.outage_notes import mail_channel, outage_notes
from gateway.settings import Settings

SMTP = {"host": "127.0.0.1", "port": 25, "user": "help", "password": "long-enough-1", "tls": False}


def settings(**changed: Any) -> Settings:
    """A shop that lacks nothing, but for what is changed."""
    return Settings.model_validate(
        {
            "gateway": {"public_url": "https://desk.shop.example"},
            "channels": [
                {"id": "desk", "type": "slack", "mode": "http", "bot_token": "xoxb-1", "signing_secret": "signs"},
                {"id": "in", "type": "email", "address": "in@shop.example", "imap": {**SMTP, "port": 143}},
                {"id": "mail", "type": "email", "address": "help@shop.example", "smtp": SMTP},
                {"id": "vip", "type": "email", "address": "vip@shop.example", "smtp": SMTP},
            ],
            "agents": [
                {"id": "alice", "name": "Alice", "email": "alice@shop.example"},
                {"id": "bob", "name": "Bob", "slack": "U0BOB"},
            ],
            "teams": [{"id": "sales", "lead": "alice"}],
            "routes": [{"id": "all", "team": "sales", "desk": {"channel": "desk", "slack": "#a"}}],
            **changed,
        }
    )


def test_nothing_is_said_where_everybody_can_be_asked() -> None:
    assert outage_notes(settings()) == []
    assert mail_channel(settings()) == "mail"
    assert mail_channel(settings(outage={"channel": "vip"})) == "vip"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"gateway": {}}, "public_url"),
        ({"outage": {"channel": "in"}}, "smtp"),
        ({"teams": [{"id": "sales", "lead": "bob"}]}, "team sales"),
        ({"teams": [{"id": "sales"}]}, "outage.fallback"),
    ],
)
def test_what_is_missing_is_named(changed: dict[str, Any], word: str) -> None:
    (note,) = outage_notes(settings(**changed))
    assert word in note


def test_the_fallback_is_asked_about_every_team() -> None:
    assert outage_notes(settings(teams=[{"id": "sales"}], outage={"fallback": "alice"})) == []
