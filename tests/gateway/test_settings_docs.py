"""docs/configuration.md names every key of the models, and no other."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors.email.settings import ImapSettings, SmtpListenSettings, SmtpSettings
from connectors.webchat.settings import Limits
from gateway.settings import (
    AgentSettings,
    AssigningSettings,
    CheckSettings,
    DeskSettings,
    DigestSettings,
    GatewaySettings,
    OutageSettings,
    RouteSettings,
    Settings,
    SkillSettings,
    TeamSettings,
    WhenSettings,
    channel_model,
)

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
OF_EVERY_CHANNEL = {"id", "type"}
SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": GatewaySettings,
    "slack": channel_model("slack"),
    "colleagues": channel_model("slack", of_colleagues=True),
    "telegram": channel_model("telegram"),
    "email": channel_model("email"),
    "imap": ImapSettings,
    "smtp_listen": SmtpListenSettings,
    "smtp": SmtpSettings,
    "webchat": channel_model("webchat"),
    "limits": Limits,
    "agents": AgentSettings,
    "skills": SkillSettings,
    "assignment": AssigningSettings,
    "checks": CheckSettings,
    "outage": OutageSettings,
    "digests": DigestSettings,
    "teams": TeamSettings,
    "routes": RouteSettings,
    "when": WhenSettings,
    "desk": DeskSettings,
}


def rows(section: str) -> dict[str, str]:
    """Key and default of the table under a heading."""
    text = re.split(rf"^#+ {section}$", PAGE, flags=re.MULTILINE)[1]
    text = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text, flags=re.MULTILINE))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_on_the_page_with_its_default(section: str) -> None:
    fields = {
        name: field
        for name, field in SECTIONS[section].model_fields.items()
        if section in {"agents", "teams", "routes"} or name not in OF_EVERY_CHANNEL
    }
    page = rows(section)
    assert list(page) == list(fields)
    for name, field in fields.items():
        assert (page[name] == "required") is field.is_required(), name
        if isinstance(field.default, bool | int | float) or (isinstance(field.default, str) and field.default):
            default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            assert page[name] == f"`{default.lower() if isinstance(field.default, bool) else default}`", name


def test_every_section_is_on_the_page() -> None:
    assert [section for section in Settings.model_fields if f"\n## {section}\n" not in PAGE] == []
