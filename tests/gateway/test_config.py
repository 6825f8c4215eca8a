"""A configuration file becomes settings, or the whole list of what is wrong with it."""

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from gateway.config import ConfigError, load
from gateway.settings import Settings, shipped_calendars

SMALL = """\
channels:
  - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
  - {id: tg, type: telegram, token: "7:AA"}
agents:
  - {id: alice, name: Alice, slack: U0ALICE}
routes:
  - {id: default, desk: {channel: desk, slack: "#support"}}
"""


SHIPPED_CALENDARS = ", ".join(shipped_calendars())
SHIPPED_TOPICS = (
    "refund, return, exchange, repair, quality, logistics, transaction, attitude, tech, presale_price, presale_product"
)
NO_CERTIFICATE = (
    "must be a day such as 2026-12-31, or an instant such as 2026-12-31T18:00:00+08:00, of the years 1970 to 2100"
)


def loaded(folder: Path, text: str, **variables: str) -> Settings:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, variables)


def mistakes(folder: Path, text: str, **variables: str) -> list[str]:
    """What is wrong, without the path of the folder."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **variables)
    assert str(caught.value) == "\n".join(str(mistake) for mistake in caught.value.mistakes)
    return [str(mistake).replace(f"{folder}/", "") for mistake in caught.value.mistakes]


def test_one_channel_one_desk_one_agent_and_one_route_is_enough(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SMALL)
    assert [channel.id for channel in settings.channels] == ["desk", "tg"]
    assert settings.gateway.listen == "127.0.0.1:8080"
    assert settings.routes[0].desk.slack == ("#support",)


BROKEN: dict[str, tuple[str, list[str]]] = {
    "everything at once, in the order of the file": (
        """\
        gateway: {lissen: 127.0.0.1:80, database: mysql://x, drain: 5}
        channels:
          - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
          - {id: tg, type: telegram, tokn: "7:AA", mode: push}
        agents:
          - {id: alice, name: Alice, slack: U0ALICE, teams: [aftersale], capacity: many}
        routes:
          - {id: mail, when: {channel: mail}, team: presale, desk: {channel: tg, slack: "#s"}, hold: soon}
        """,
        [
            "shop.yaml:1: gateway.database: must be sqlite:///PATH or postgresql://USER@HOST/NAME",
            "shop.yaml:1: gateway.drain: must be a duration such as 10s, 5m, 2h or 3d",
            "shop.yaml:1: gateway.lissen: unknown key; did you mean listen?",
            "shop.yaml:4: channels[1].mode: must be polling or webhook",
            "shop.yaml:4: channels[1].token: is missing",
            "shop.yaml:4: channels[1].tokn: unknown key; did you mean token?",
            "shop.yaml:6: agents[0].capacity: must be a whole number",
            "shop.yaml:6: agents[0].teams[0]: there is no team aftersale; teams here: none",
            "shop.yaml:8: routes[0]: the last route must have no conditions, so that every conversation has a desk",
            "shop.yaml:8: routes[0].desk.channel: tg is of type telegram; a desk is a channel of type slack",
            "shop.yaml:8: routes[0].hold: must be a duration such as 10s, 5m, 2h or 3d",
            "shop.yaml:8: routes[0].team: there is no team presale; teams here: none",
            "shop.yaml:8: routes[0].when.channel: there is no channel mail; channels here: desk, tg",
        ],
    ),
    "colleagues who ask in the wrong places": (
        """\
        channels:
          - {id: desk, type: slack, bot_token: xoxb-1, app_token: xapp-1}
          - {id: help, type: slack, workspace: desk, help_channels: ["#it", "#support"]}
          - {id: more, type: slack, workspace: desk, mentions: true}
          - {id: lost, type: slack, workspace: tg, direct_messages: true}
          - {id: mute, type: slack, workspace: desk2}
        agents: [{id: alice, name: Alice, slack: U0ALICE}]
        routes:
          - {id: all, desk: {channel: desk, slack: "#support"}}
        """,
        [
            "shop.yaml:3: channels[1].help_channels[1]: #support is the desk of a route; nobody asks there",
            "shop.yaml:4: channels[2].workspace: colleagues of desk ask on help already; name all ways to ask there",
            "shop.yaml:5: channels[3].workspace: tg is no channel of type slack with its own app; those here: desk",
            'shop.yaml:6: channels[4]: channel "mute": nobody can ask; give help_channels, direct_messages or mentions',
            "shop.yaml:6: channels[4].workspace: desk2 is no channel of type slack with its own app; those here: desk",
        ],
    ),
    "nothing in it": ("# only a comment\n", ["shop.yaml:1: the file is empty"]),
    "not a mapping": ("[1, 2]\n", ["shop.yaml:1: must hold keys and values"]),
    "sections missing": (
        "gateway: {}\n",
        [
            "shop.yaml:1: agents: is missing",
            "shop.yaml:1: channels: is missing",
            "shop.yaml:1: routes: is missing",
        ],
    ),
    "sections of a wrong shape": (
        "channels: desk\nagents: {id: alice}\nroutes: []\nteams:\n  - aftersale\n",
        [
            "shop.yaml:1: channels: must be a list",
            "shop.yaml:2: agents: must be a list",
            "shop.yaml:3: routes: is empty; give at least one",
            "shop.yaml:5: teams[0]: must hold keys and values",
        ],
    ),
    "a syntax error": (
        "channels:\n  - {id: desk\nagents: []\n",
        ["shop.yaml:3: not valid YAML: expected ',' or '}', but got ':'"],
    ),
    "a variable without quotes inside braces": (
        "channels:\n  - {id: desk, token: ${TOKEN}}\n",
        ["shop.yaml:2: not valid YAML: expected ',' or '}', but got '{'; inside braces put ${...} in quotes"],
    ),
    "a key twice": (
        SMALL + "agents: []\n",
        ["shop.yaml:8: agents: this key is here twice; keep one"],
    ),
    "a key that is no text": (SMALL + "1: x\n", ["shop.yaml:8: a key must be text; put it in quotes"]),
    "a tag": (
        SMALL.replace("name: Alice", "name: !!python/name:os.system x"),
        ["shop.yaml:5: agents[0].name: the tag tag:yaml.org,2002:python/name:os.system is not known; remove it"],
    ),
    "an alias inside itself": (
        SMALL + "teams: &t [*t]\n",
        [
            "shop.yaml:8: teams[0]: must hold keys and values",
            "shop.yaml:8: teams" + "[0]" * 50 + ": nested too deeply or too large; does an alias contain itself?",
        ],
    ),
    "a bus": (
        SMALL + "gateway: {bus: 'nats://host:4222'}\n",
        ["shop.yaml:8: gateway.bus: a bus is not supported yet; remove it, nodes find work in the database"],
    ),
    "a lease that a call outlives": (
        SMALL + "gateway: {lease: 20s}\n",
        ["shop.yaml:8: gateway: lease must be longer than http_timeout: a claim outlives its call"],
    ),
    "listeners": (
        SMALL + "gateway: {listen: 8080, public_url: shop.example}\n",
        [
            "shop.yaml:8: gateway.listen: must be text; put it in quotes",
            "shop.yaml:8: gateway.public_url: must be an address such as https://desk.shop.example",
        ],
    ),
    "nodes that share a database but no secret": (
        SMALL + "gateway: {database: postgresql://user@host/db}\n",
        [
            (
                "shop.yaml:8: gateway.secret: is missing; nodes that share a database must share one, "
                "make it with openssl rand -hex 32"
            )
        ],
    ),
    "ids": (
        SMALL.replace("agents:", "  - {id: tg, type: telegram, token: '8:BB'}\nagents:").replace(
            "id: alice", "id: Alice"
        ),
        [
            "shop.yaml:4: channels[2].id: tg is the id of another of the channels; choose another",
            (
                "shop.yaml:6: agents[0].id: an id is made of a-z, 0-9, - and _, at most 32 of them, "
                "and begins with a letter or digit"
            ),
        ],
    ),
    "an unknown kind of channel": (
        SMALL.replace("type: telegram", "type: telegramm"),
        ["shop.yaml:3: channels[1]: type must be one of slack, telegram, email, webchat"],
    ),
    "what a connector misses": (
        SMALL.replace(", app_token: xapp-1", ""),
        [
            (
                'shop.yaml:2: channels[0]: channel "desk": mode "socket" needs the key app_token (an app-level token, '
                'xapp-..., with the scope connections:write); create one under "Basic Information", or use mode "http"'
            )
        ],
    ),
    "one Slack member who is two agents": (
        SMALL.replace("routes:", "  - {id: bob, name: Bob, slack: U0ALICE}\n  - {id: eve, name: Eve}\nroutes:"),
        [
            "shop.yaml:6: agents[1].slack: agent alice has the same; one Slack member is one agent",
            "shop.yaml:7: agents[2]: give slack (a member id) or email, else nobody in Slack is this agent",
        ],
    ),
    "teams": (
        SMALL + "teams:\n  - {id: aftersale, lead: bob, overflow: presale}\n",
        [
            "shop.yaml:9: teams[0].lead: there is no agent bob; agents here: alice",
            "shop.yaml:9: teams[0].overflow: there is no team presale; teams here: aftersale",
        ],
    ),
    "a team that helps itself out": (
        SMALL + "teams:\n  - {id: aftersale, overflow: aftersale}\n",
        ["shop.yaml:9: teams[0].overflow: aftersale cannot help itself out; name another team"],
    ),
    "conditions of a policy that nothing fulfils": (
        SMALL + "policies:\n"
        "  - {id: a, when: {channel_type: [email, webcaht], priority: urgnt}}\n"
        "  - {id: b, when: {topic: [refund, nosuch], language: ['en us!', zh_tw, de-AT]}}\n",
        [
            (
                "shop.yaml:9: policies[0].when.channel_type[1]: must be email, telegram, webchat, slack or phone, "
                "not webcaht"
            ),
            "shop.yaml:9: policies[0].when.priority: must be normal, vip, complaint or urgent, not urgnt",
            "shop.yaml:10: policies[1].when.language[0]: en us! is no language tag like zh-TW or en",
            "shop.yaml:10: policies[1].when.language[1]: zh_tw is no language tag; did you mean zh-TW?",
            f"shop.yaml:10: policies[1].when.topic[1]: there is no topic nosuch; topics here: {SHIPPED_TOPICS}",
        ],
    ),
    "conditions of a route that nothing fulfils": (
        SMALL.replace(
            "routes:",
            "routes:\n  - {id: x, when: {topic: other, language: english}, desk: {channel: desk, slack: '#a'}}\n"
            "  - {id: y, when: {case: complain, hours: [CN_7D, NIGHT]}, desk: {channel: desk, slack: '#a'}}",
        ),
        [
            "shop.yaml:7: routes[0].when.language: english is no language tag like zh-TW or en",
            f"shop.yaml:7: routes[0].when.topic: there is no topic other; topics here: {SHIPPED_TOPICS}",
            "shop.yaml:8: routes[1].when.case: must be complaint, return, exchange, repair or refund, not complain",
            f"shop.yaml:8: routes[1].when.hours[1]: there is no calendar NIGHT; calendars here: {SHIPPED_CALENDARS}",
        ],
    ),
    "outage": (
        SMALL + "outage: {channel: desk, fallback: bob}\n",
        [
            "shop.yaml:8: outage.channel: desk is of type slack; mails leave by one of type email",
            "shop.yaml:8: outage.fallback: there is no agent bob; agents here: alice",
        ],
    ),
    "an outage nobody can be asked in": (
        SMALL + "outage: {fallback: alice, after: 0s}\n",
        [
            "shop.yaml:8: outage.after: must be at least 1 second",
            "shop.yaml:8: outage.fallback: alice has no email",
        ],
    ),
    "a route that hides the others": (
        SMALL.replace("routes:", "routes:\n  - {id: all, desk: {channel: desk, slack: '#a'}}"),
        [
            (
                "shop.yaml:7: routes[0]: a route without conditions takes everything, so the routes after it "
                "never match; put it last"
            )
        ],
    ),
    "a route with team and agent": (
        SMALL.replace("{id: default,", "{id: default, team: a, agent: alice,") + "teams: [{id: a}]\n",
        ["shop.yaml:7: routes[0].agent: a route has a team or an agent, not both"],
    ),
    "skills without a level and certificates without an end": (
        SMALL.replace(
            "slack: U0ALICE}",
            """slack: U0ALICE, skills: {a: 4, b: [tech], c: {level: 0}, d: {levl: 1}, e: {certified_until: soon},
      f: {certified_until: 2026-12-31T18:00:00}, g: {certified_until: 9999-12-31}, level: {until: 2026}}}""",
        ).replace("{id: default,", "{id: default, language_fallback: maybe, preferred_skills: 3,"),
        [
            "shop.yaml:5: agents[0].skills.a: must be at most 3",
            "shop.yaml:5: agents[0].skills.b: must be a whole number",
            "shop.yaml:5: agents[0].skills.c.level: must be at least 1",
            "shop.yaml:5: agents[0].skills.d.levl: unknown key; did you mean level?",
            f"shop.yaml:5: agents[0].skills.e.certified_until: {NO_CERTIFICATE}",
            f"shop.yaml:6: agents[0].skills.f.certified_until: {NO_CERTIFICATE}",
            f"shop.yaml:6: agents[0].skills.g.certified_until: {NO_CERTIFICATE}",
            "shop.yaml:6: agents[0].skills.level.until: unknown key; the keys here are level, certified_until",
            "shop.yaml:8: routes[0].language_fallback: must be true or false",
            "shop.yaml:8: routes[0].preferred_skills: must be a list",
        ],
    ),
    "a condition that does not exist": (
        SMALL.replace("routes:", "routes:\n  - {id: x, when: {chanel: tg}, desk: {channel: desk, slack: '#a'}}"),
        ["shop.yaml:7: routes[0].when.chanel: unknown key; did you mean channel?"],
    ),
    "windows of an unknown channel and an id nobody can write": (
        SMALL + "reopen_windows: {nope: 3h}\nresolutions: [Solved!]\n",
        [
            "shop.yaml:8: reopen_windows.nope: there is no channel nope; channels here: desk, tg",
            (
                "shop.yaml:9: resolutions[0]: must be made of a-z, 0-9, - and _, at most 32 of them, "
                "and begin with a letter or digit"
            ),
        ],
    ),
    "values that have another form or lie beyond their bounds": (
        SMALL.replace("slack: U0ALICE", "slack: alice")
        + "digests: {queue_every: 1s, daily_at: noon}\n"
        + "policies: [{id: chat, first: {seconds: 60, clock: moon}}]\n",
        [
            "shop.yaml:5: agents[0].slack: must be a Slack member id such as U012ABCDEF",
            "shop.yaml:8: digests.daily_at: must be a time of day such as 08:30",
            "shop.yaml:8: digests.queue_every: must be at least 2 seconds",
            "shop.yaml:9: policies[0].first: clock: 'moon' is no clock; give business or wall",
        ],
    ),
    "a web chat with a wrong colour and no exact origin": (
        SMALL.replace(
            "agents:",
            """\
  - {id: Chat, type: webchat, identity_secret: 0123456789abcdef0, colour: blue, origins: "https://shop.example/"}
agents:""",
        ),
        [
            "shop.yaml:4: channels[2].colour: must be a colour such as #3056d3",
            (
                "shop.yaml:4: channels[2].id: an id is made of a-z, 0-9, - and _, at most 32 of them, "
                "and begins with a letter or digit"
            ),
            (
                "shop.yaml:4: channels[2].origins: 'https://shop.example/' is not an exact origin: write scheme, "
                "host and port only, in lower case and without a path or a wildcard, for example https://shop.example"
            ),
        ],
    ),
    "a section that comes later": (
        SMALL + "knowledge: []\n",
        [
            (
                "shop.yaml:8: knowledge: unknown key; the keys here are gateway, channels, agents, teams, routes, "
                "assignment, policies, digests, calendars, standards, checks, outage, promise_calendar, reopen_window, "
                "reopen_windows, resolutions"
            )
        ],
    ),
    "z18 secrets from the documentation": (
        SMALL.replace("xoxb-1", "xoxb-your-token").replace("7:AA", "123456:ABC-DEF1234ghIkl"),
        [
            (
                "shop.yaml:2: channels[0].bot_token: this is an example, not a secret; "
                "give the real one in an environment variable, as ${NAME}"
            ),
            (
                "shop.yaml:3: channels[1].token: this is an example, not a secret; "
                "give the real one in an environment variable, as ${NAME}"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_reported_with_lines(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert mistakes(tmp_path, dedent(text)) == expected


def test_two_listeners_cannot_have_one_port(tmp_path: Path) -> None:
    mail = """\
      - id: mail
        type: email
        address: help@shop.example
        smtp_listen: {listen: "0.0.0.0:2525", domains: [shop.example]}
    """
    text = SMALL.replace("agents:", dedent(mail).replace("\n", "\n  ").rstrip() + "\nagents:")
    text = text.replace("- id: mail", "  - id: mail")
    assert loaded(tmp_path, text).channels[2].id == "mail"
    assert mistakes(tmp_path, text + "gateway: {listen: 127.0.0.1:2525}\n") == [
        "shop.yaml:12: gateway.listen: port 2525 is taken by channels.2.smtp_listen.listen; choose another"
    ]


def test_both_kinds_of_a_value_are_named_in_one_sentence(tmp_path: Path) -> None:
    mail = "  - {id: mail, type: email, address: a@b.example, smtp: {host: h, tls: perhaps}}\nagents:"
    assert mistakes(tmp_path, SMALL.replace("agents:", mail)) == [
        "shop.yaml:4: channels[2].smtp.tls: must be true or false, or must be starttls"
    ]


@pytest.mark.parametrize("section", ["imap", "smtp"])
@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.7", False),
        ("mail.shop.example", False),
    ],
)
def test_mail_goes_in_clear_text_to_this_machine_only(tmp_path: Path, section: str, host: str, here: bool) -> None:
    server = f"{section}: {{host: '{host}', user: help, password: 7-letters, tls: false}}"
    text = SMALL.replace("agents:", f"  - {{id: mail, type: email, address: a@b.example, {server}}}\nagents:")
    if here:
        assert loaded(tmp_path, text).channels[2].id == "mail"
        return
    sentence = f"false is for a server on this machine only, and {host} is another; write true or starttls"
    assert mistakes(tmp_path, text) == [f"shop.yaml:4: channels[2].{section}.tls: {sentence}"]


def test_unknown_keys_deep_inside_a_channel_get_a_suggestion(tmp_path: Path) -> None:
    mail = "  - {id: mail, type: email, address: a@b.example, smtp: {hots: h}}\nagents:"
    assert mistakes(tmp_path, SMALL.replace("agents:", mail)) == [
        "shop.yaml:4: channels[2].smtp.host: is missing",
        "shop.yaml:4: channels[2].smtp.hots: unknown key; did you mean host?",
    ]


# Variables and files


def test_variables_and_files_fill_values(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("7:BB\n")
    text = SMALL.replace('"7:AA"', '"${file:token.txt}"').replace("Alice", '"${FIRST} ${LAST}"')
    text += "gateway:\n  listen: 127.0.0.1:${PORT}\n  parser_workers: ${WORKERS}\n"
    settings = loaded(tmp_path, text, FIRST="Alice", LAST="Chen", PORT="81", WORKERS="2")
    assert settings.channels[1].token.get_secret_value() == "7:BB"  # type: ignore[attr-defined]  # a TelegramSettings
    assert settings.agents[0].name == "Alice Chen"
    assert settings.gateway.address == ("127.0.0.1", 81)
    assert settings.gateway.parser_workers == 2


def test_every_variable_that_is_missing_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    text = SMALL.replace("xoxb-1", '"${A}${B}"').replace('"7:AA"', '"${file:gone}"').replace("Alice", '"${1x}"')
    text += "gateway:\n  parser_workers: ${WORKERS}\n  secret: ${file:empty}\n"
    assert mistakes(tmp_path, text, B="") == [
        "shop.yaml:2: channels[0].bot_token: the environment variable A is not set",
        "shop.yaml:2: channels[0].bot_token: the environment variable B is empty",
        "shop.yaml:3: channels[1].token: gone cannot be read: No such file or directory",
        "shop.yaml:5: agents[0].name: write ${NAME} for an environment variable or ${file:PATH} for a file",
        "shop.yaml:9: gateway.parser_workers: the environment variable WORKERS is not set",
        "shop.yaml:10: gateway.secret: empty is empty",
    ]


def test_an_origin_whose_variable_is_missing_is_one_mistake(tmp_path: Path) -> None:
    chat = '  - {id: chat, type: webchat, identity_secret: 0123456789abcdef0, origins: ["${SHOP}"]}\nagents:'
    assert mistakes(tmp_path, SMALL.replace("agents:", chat)) == [
        "shop.yaml:4: channels[2].origins[0]: the environment variable SHOP is not set"
    ]


def test_one_text_stands_for_a_list_wherever_one_is_meant(tmp_path: Path) -> None:
    chat = '  - {id: chat, type: webchat, identity_secret: 0123456789abcdef0, origins: "https://shop.example"}\nagents:'
    settings = loaded(
        tmp_path,
        SMALL.replace("agents:", chat).replace("app_token: xapp-1", "app_token: xapp-1, allowed_bots: B0GOOD")
        + "gateway: {trusted_proxies: 10.0.0.0/8}\nresolutions: solved\n",
    )
    desk, _, web = settings.channels
    assert (getattr(desk, "allowed_bots"), getattr(web, "origins")) == (("B0GOOD",), ("https://shop.example",))  # noqa: B009
    assert [str(each) for each in settings.gateway.trusted_proxies] == ["10.0.0.0/8"]
    assert settings.resolutions == ("solved",)


def test_a_value_from_a_variable_is_not_read_again(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SMALL.replace("name: Alice", 'name: "${NAME}"'), NAME="${OTHER}")
    assert settings.agents[0].name == "${OTHER}"


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "s3cr3t\nwith lines", "geheim-geheim"])
def test_z1_no_secret_is_in_a_message(tmp_path: Path, secret: str) -> None:
    text = SMALL.replace("id: alice", 'id: "${S}"').replace("channel: desk", 'channel: "${S}"')
    text = text.replace("type: telegram", 'type: telegram, mode: "${S}", api_url: "${S}"')
    text += "gateway: {secret: '${S}', database: '${S}', listen: '${S}', log_level: '${S}', drain: '${S}'}\n"
    found = mistakes(tmp_path, text, S=secret)
    assert len(found) >= 7
    assert not [line for line in found if secret in line]
    assert "there is no channel ***" in "\n".join(found)


def test_z1_a_syntax_error_does_not_quote_the_file(tmp_path: Path) -> None:
    assert "hunter2" not in "".join(mistakes(tmp_path, "gateway: {secret: 'hunter2-hunter2'\nchannels: ]\n"))


# Including


def test_a_section_may_be_a_file_a_list_of_files_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a.yaml").write_text("- {id: alice, name: Alice, slack: U0ALICE}\n")
    (tmp_path / "people" / "b.yaml").write_text(
        "- {id: bob, name: Bob, slack: U0BOB}\n- {id: eve, name: Eve, slack: U0EVE}\n"
    )
    (tmp_path / "node.yaml").write_text("gateway: {files: '${file:where}'}\n")
    (tmp_path / "where").write_text("/srv/files")
    text = SMALL.replace("  - {id: alice, name: Alice, slack: U0ALICE}", "  include: people")
    settings = loaded(tmp_path, text + "include: node.yaml\n")
    assert [agent.id for agent in settings.agents] == ["alice", "bob", "eve"]
    assert settings.gateway.files == Path("/srv/files")
    text = text.replace("include: people", "include: [people/b.yaml, people/a.yaml]")
    assert [agent.id for agent in loaded(tmp_path, text).agents] == ["bob", "eve", "alice"]


def test_mistakes_of_an_included_file_name_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("- {id: alice, name: Alice, slack: U0ALICE}\n")
    (tmp_path / "b.yaml").write_text("\n- {id: alice, name: Bob, slak: U0BOB}\n")
    (tmp_path / "c.yaml").write_text("teams: {\n")
    (tmp_path / "d.yaml").write_text("routes: []\n")
    text = SMALL.replace("  - {id: alice, name: Alice, slack: U0ALICE}", "  include: [a.yaml, b.yaml]")
    assert mistakes(tmp_path, text + "teams: {include: c.yaml}\ninclude: [d.yaml, gone.yaml, shop.yaml]\n") == [
        "shop.yaml:9: gone.yaml cannot be read: No such file or directory",
        "shop.yaml:9: shop.yaml includes itself; remove one of the include lines",
        "shop.yaml:9: routes: this key is in two of the files; keep one",
        "b.yaml:2: agents[1]: give slack (a member id) or email, else nobody in Slack is this agent",
        "b.yaml:2: agents[1].id: alice is the id of another of the agents; choose another",
        "b.yaml:2: agents[1].slak: unknown key; did you mean slack?",
        "c.yaml:2: teams: not valid YAML: expected the node content, but found '<stream end>'",
    ]


def test_a_file_that_is_not_there_or_not_text_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml:1: .*nowhere.yaml cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.yaml", {})
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"gateway: {}\nagents: \xff\n")
    with pytest.raises(ConfigError, match=r"binary.yaml:2: this is not UTF-8 text; save the file as UTF-8"):
        load(path, {})
    path.write_bytes(b"gateway: \x01\n")
    with pytest.raises(ConfigError, match=r"binary.yaml:1: the character U\+0001 is not allowed in YAML"):
        load(path, {})


# Words that YAML likes to change


def test_norwegian_stays_norwegian(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SMALL.replace("slack: U0ALICE", "slack: U0ALICE, languages: [no, on, y]"))
    assert settings.agents[0].languages == ("no", "on", "y")


def test_durations_of_connectors_are_written_the_same_way(tmp_path: Path) -> None:
    mail = "  - {id: mail, type: email, address: a@b.example, smtp: {host: h}, hold: 5m}\nagents:"
    settings = loaded(tmp_path, SMALL.replace("agents:", mail))
    assert settings.channels[2].hold == timedelta(minutes=5)  # type: ignore[attr-defined]  # an EmailSettings
    assert mistakes(tmp_path, SMALL.replace("agents:", mail.replace("5m", "later"))) == [
        "shop.yaml:4: channels[2].hold: must be a duration such as 10s, 5m, 2h or 3d"
    ]
