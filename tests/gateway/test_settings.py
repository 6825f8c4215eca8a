"""What the typed model makes of right values, and what it is compiled to."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from gateway.config import load
from gateway.policies import as_written
from gateway.secrecy import gateway_secret, is_example, is_secret_key, secrets_of
from gateway.settings import AgentSettings, Duration, GatewaySettings, Settings, packaged, to_rulebook
from gateway.skill_notes import skill_notes
from gateway.voices import voice_of
from router.agent_state import Skill
from router.model import Capabilities, CaseType, ChannelType
from router.rulebook import ALWAYS, ReplyMode, Role, When

VARIABLES = {
    "SLACK_BOT_TOKEN": "xoxb-1-2-Q7aF",
    "SLACK_APP_TOKEN": "xapp-1-A7-9c",
    "TELEGRAM_TOKEN": "7712345678:AAFq",
    "MAIL_PASSWORD": "v3ry/l0ng+one",
    "WEBCHAT_SECRET": "0f9e8d7c6b5a43210f9e",
}
SANDBOX = {
    "SANDBOX_LISTEN": "127.0.0.1:8080",
    "SANDBOX_URL": "http://127.0.0.1:8080",
    "SANDBOX_DATA": "/tmp/data",
    "SANDBOX_SLACK_URL": "http://127.0.0.1:81/api/",
    "SANDBOX_TELEGRAM_URL": "http://127.0.0.1:82",
    "SANDBOX_IMAP_PORT": "143",
    "SANDBOX_SMTP_PORT": "25",
    "SANDBOX_SECRET": "0f9e8d7c6b5a4321",
}


@pytest.fixture(scope="module")
def example() -> Settings:
    return load(packaged("onevoice.yaml"), VARIABLES)


def test_the_example_is_right(example: Settings) -> None:
    assert [(channel.id, channel.type) for channel in example.channels] == [
        ("desk", "slack"),
        ("tg", "telegram"),
        ("mail", "email"),
        ("web", "webchat"),
    ]
    assert example.gateway.url == "https://desk.shop.example"


def test_the_sandbox_is_right() -> None:
    settings = load(packaged("sandbox.yaml"), SANDBOX)
    assert settings.gateway.data == Path("/tmp/data")
    assert len(settings.channels) == 5


def test_a_file_that_is_not_packaged_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing.yaml is not part of this installation"):
        packaged("nothing.yaml")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("10s", timedelta(seconds=10)),
        ("0s", timedelta(0)),
        ("1.5h", timedelta(minutes=90)),
        ("5m", timedelta(minutes=5)),
        ("3d", timedelta(days=3)),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert TypeAdapter(Duration).validate_python(text) == duration


@pytest.mark.parametrize("text", ["10", "s", "-1s", "1 h", "1h30m", "ten seconds", "", 10, None, True])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValidationError, match="must be a duration such as 10s, 5m, 2h or 3d"):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:443", ("::1", 443)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses_to_listen_on(listen: str, address: tuple[str, int]) -> None:
    assert GatewaySettings.model_validate({"listen": listen}).address == address


@pytest.mark.parametrize("listen", ["8080", ":8080", "host:", "host:http", "host:65536", "::1:80", ""])
def test_what_nobody_can_listen_on(listen: str) -> None:
    with pytest.raises(ValidationError, match="must be host:port"):
        GatewaySettings.model_validate({"listen": listen})


@pytest.mark.parametrize(
    ("database", "data"),
    [
        ("sqlite:///data/onevoice.db", "data"),
        ("sqlite:////var/lib/onevoice/it.db", "/var/lib/onevoice"),
        ("postgresql://user:pw@host/db", "/srv"),
    ],
)
def test_databases_and_the_folder_beside_them(database: str, data: str) -> None:
    settings = GatewaySettings.model_validate({"database": database, "files": "/srv/files"})
    assert settings.data == Path(data)


@pytest.mark.parametrize(
    "database",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host", "postgres://h/d", "mysql://h/d", "x"],
)
def test_what_is_no_database(database: str) -> None:
    with pytest.raises(ValidationError, match=r"must be sqlite:///PATH or postgresql://USER@HOST/NAME"):
        GatewaySettings.model_validate({"database": database})


def test_without_a_public_address_the_listener_is_it() -> None:
    assert GatewaySettings.model_validate({}).url == "http://127.0.0.1:8080"


# Compiled


def test_the_rulebook_holds_what_the_file_says(example: Settings) -> None:
    rules = to_rulebook(example, {channel.id: Capabilities(text_limit=7) for channel in example.channels})
    assert rules.channels["mail"].type is ChannelType.EMAIL
    assert rules.channels["mail"].capabilities.text_limit == 7
    assert rules.agents["alice"].role is Role.LEAD
    assert rules.agents["alice"].languages == ("zh", "en")
    assert rules.agents["bob"].slack is None
    assert rules.teams["aftersale"].overflow == "presale"
    complaints, refunds, questions, default = rules.routes
    assert complaints.when.case == {CaseType.COMPLAINT}
    assert [each.id for each in complaints.when.hours] == ["CN_7D"]
    assert refunds.when == When(channel=frozenset({"mail"}), keyword=("refund", "return", "退款", "退货"))
    assert refunds.hold == timedelta(seconds=30)
    assert refunds.reply_mode is ReplyMode.REPLY
    assert questions.desk.slack == ("#support-1", "#support-2")
    assert default.when == ALWAYS
    assert default.hold is None


def test_values_are_compared_without_case(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        packaged("onevoice.yaml")
        .read_text(encoding="utf-8")
        .replace("bob@shop.example", "Bob@Shop.example")
        .replace(
            "when: {channel: [web, tg], language: [zh, en]}",
            "when: {to: HELP@shop.example, language: zh-TW, keyword: STRASSE, tier: Gold, verified: false}",
        ),
        encoding="utf-8",
    )
    settings = load(path, VARIABLES)
    rules = to_rulebook(settings, {channel.id: Capabilities() for channel in settings.channels})
    assert rules.agent_by_slack("U9", "bob@shop.example") == rules.agents["bob"]
    assert rules.routes[2].when == When(
        to=frozenset({"help@shop.example"}),
        language=frozenset({"zh-tw"}),
        keyword=("strasse",),
        tier=frozenset({"Gold"}),
        verified=False,
    )


CERTIFIED = """\
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
agents:
  - id: alice
    name: Alice
    slack: U0ALICE
    SHIFTS
    skills: {plain: 2, day: {level: 3, certified_until: 2026-12-31}, at: {certified_until: "2026-12-31T18:00:00+08:00"}}
routes:
  - {id: default, preferred_skills: [day, plain], language_fallback: true, desk: {channel: desk, slack: "#support"}}
calendars: {KIEV: {always: true, tz: Europe/Kiev}, TOKYO: {always: true, tz: Asia/Tokyo}}
promise_calendar: TOKYO
"""


@pytest.mark.parametrize(
    ("shifts", "checks", "ends"),
    [
        ("shifts: KIEV", True, datetime(2026, 12, 31, 22, tzinfo=UTC)),
        ("", True, datetime(2026, 12, 31, 15, tzinfo=UTC)),
        ("", False, datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_tr4_a_certificate_holds_through_its_last_day_where_the_agent_works(
    tmp_path: Path, shifts: str, checks: bool, ends: datetime
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(CERTIFIED.replace("SHIFTS", shifts))
    settings = load(path, {})
    rules = to_rulebook(settings, {"desk": Capabilities()}, voice_of(settings) if checks else None)
    assert rules.agents["alice"].skills == {
        "plain": Skill(level=2),
        "day": Skill(level=3, certified_until=ends),
        "at": Skill(level=1, certified_until=datetime(2026, 12, 31, 10, tzinfo=UTC)),
    }
    (route,) = rules.routes
    assert (route.preferred_skills, route.language_fallback) == (("day", "plain"), True)


def test_a_certificate_that_has_ended_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(CERTIFIED.replace("SHIFTS", "shifts: KIEV"))
    rules, last = as_written(load(path, {})), datetime(2026, 12, 31, 22, tzinfo=UTC)
    assert skill_notes(rules, datetime(2026, 12, 31, 9, tzinfo=UTC)) == []
    (noted,) = skill_notes(rules, last - timedelta(microseconds=1))
    assert noted.startswith("agent alice gets nothing for the skill at: the certificate ended 2026-12-31T10:00:00Z;")
    assert "the skill day: the certificate ended 2026-12-31T22:00:00Z" in skill_notes(rules, last)[0]


def test_a_revision_names_the_rules_and_nothing_else(example: Settings) -> None:
    capabilities = {channel.id: Capabilities() for channel in example.channels}
    rotated = load(packaged("onevoice.yaml"), VARIABLES | {"TELEGRAM_TOKEN": "7712345678:other"})
    fewer = example.model_copy(update={"routes": example.routes[1:]})
    certified = [
        example.model_copy(update={"agents": (AgentSettings.model_validate(agent), *example.agents)})
        for until in ("2026-12-31", "2026-12-31T00:00:00Z")
        for agent in [{"id": "a", "name": "A", "skills": {"a": {"certified_until": until}}}]
    ]
    revision = to_rulebook(example, capabilities).revision
    assert to_rulebook(rotated, capabilities).revision == revision
    assert len({to_rulebook(each, capabilities).revision for each in (example, fewer, *certified)}) == 4


# Secrets


def test_z1_no_secret_is_in_the_representation(example: Settings) -> None:
    shown = f"{example!r} {example}"
    assert not [secret for secret in VARIABLES.values() if secret in shown]


def test_z1_every_secret_is_known_for_redaction(example: Settings) -> None:
    gateway = GatewaySettings.model_validate(
        {"database": "postgresql://u:p%40ss@host/db", "secret": "sixteen-letters-or-more"}
    )
    assert "p%40ss" not in repr(gateway)
    settings = example.model_copy(update={"gateway": gateway})
    assert secrets_of(settings) == {*VARIABLES.values(), "p%40ss", "p@ss", "sixteen-letters-or-more"}


@pytest.mark.parametrize(
    "secret",
    [
        "changeme",
        "CHANGE_ME",
        "xoxb-your-token",
        "xoxb-...",
        "secret",
        "Password",
        "<token>",
        "xxxxxxxx",
        "123456:ABC-DEF",
    ],
)
def test_z18_examples_are_known(secret: str) -> None:
    assert is_example(secret)


@pytest.mark.parametrize("secret", [*VARIABLES.values(), "1234567890:AAFx", "stand-in-password", "xoxb-sandbox"])
def test_z18_real_ones_are_not_examples(secret: str) -> None:
    assert not is_example(secret)


def test_secrets_are_known_by_their_keys() -> None:
    assert all(map(is_secret_key, ("token", "bot_token", "signing_secret", "password", "old_token_secrets")))
    assert not any(map(is_secret_key, ("tokens_per_day", "tls_key", "secretary", "id")))


def test_the_first_start_makes_a_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    gateway = GatewaySettings.model_validate({"database": f"sqlite:///{tmp_path}/new/onevoice.db"})
    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(lambda _: gateway_secret(gateway), range(8)))
    assert len(made) == 1
    assert len(made.pop()) == 64
    (path,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_configured_secret_makes_no_file(tmp_path: Path) -> None:
    gateway = GatewaySettings(database=f"sqlite:///{tmp_path}/onevoice.db", secret=SecretStr("sixteen-letters-or-more"))
    assert gateway_secret(gateway) == b"sixteen-letters-or-more"
    assert not list(tmp_path.iterdir())
