"""What no single value can know: whether the parts of a configuration fit together.

It reads the plain values of the file, before and whatever the typed model says of them, so that all mistakes are
reported at once. Values of a wrong shape are passed over: the model reports them.
"""

import re
from collections.abc import Iterator

from gateway.document import Keys
from gateway.secrecy import is_example, is_secret_key
from gateway.settings import shipped_calendars, shipped_topics
from router.model import ChannelType

Finding = tuple[Keys, str]
Item = dict[str, object]

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
SECTIONS = ("channels", "agents", "teams", "routes", "policies")
MAY_BE_EMPTY = ("teams", "policies")


def contradictions(value: object) -> Iterator[Finding]:
    """Everything that does not fit, as (where, sentence)."""
    whole = value if isinstance(value, dict) else {}
    for section in SECTIONS:
        if whole.get(section) == [] and section not in MAY_BE_EMPTY:
            yield (section,), "is empty; give at least one"
        yield from _ids(section, whole)
    yield from _agents(whole)
    yield from _teams(whole)
    yield from _routes(whole)
    yield from _colleagues(whole)
    yield from _policies(whole)
    yield from _topics(whole)
    yield from _outage(whole)
    yield from _gateway(whole)
    yield from _listeners(whole)
    yield from _example_secrets(whole, ())


def _items(whole: Item, section: str) -> list[tuple[Keys, Item]]:
    found = whole.get(section)
    listed = found if isinstance(found, list) else []
    return [((section, index), item) for index, item in enumerate(listed) if isinstance(item, dict)]


def _known(whole: Item, section: str) -> dict[str, Item]:
    return {str(item["id"]): item for _, item in _items(whole, section) if "id" in item}


def _named(value: object) -> list[tuple[Keys, str]]:
    """The texts of a value that is one text or a list of them."""
    if isinstance(value, str):
        return [((), value)]
    listed = value if isinstance(value, list) else []
    return [((index,), text) for index, text in enumerate(listed) if isinstance(text, str)]


def _missing(keys: Keys, value: object, section: str, known: dict[str, Item]) -> Iterator[Finding]:
    """Names that no item of a section has."""
    for tail, name in _named(value):
        if name not in known:
            have = ", ".join(known) or "none"
            yield (*keys, *tail), f"there is no {section.removesuffix('s')} {name}; {section} here: {have}"


def _ids(section: str, whole: Item) -> Iterator[Finding]:
    seen: set[str] = set()
    for keys, item in _items(whole, section):
        name = item.get("id")
        if not isinstance(name, str):
            continue
        if not ID.fullmatch(name):
            yield (
                (*keys, "id"),
                "an id is made of a-z, 0-9, - and _, at most 32 of them, and begins with a letter or digit",
            )
        elif name in seen:
            yield (*keys, "id"), f"{name} is the id of another of the {section}; choose another"
        seen.add(name)


def _agents(whole: Item) -> Iterator[Finding]:
    teams, channels = _known(whole, "teams"), _known(whole, "channels")
    seen: dict[tuple[str, str], object] = {}
    for keys, agent in _items(whole, "agents"):
        yield from _missing((*keys, "teams"), agent.get("teams"), "teams", teams)
        yield from _missing((*keys, "channels"), agent.get("channels"), "channels", channels)
        if not agent.get("slack") and not agent.get("email"):
            yield keys, "give slack (a member id) or email, else nobody in Slack is this agent"
        for key in ("slack", "email"):
            value = agent.get(key)
            if not isinstance(value, str) or not value:
                continue
            first = seen.setdefault((key, value.lower()), agent.get("id"))
            if first != agent.get("id"):
                yield (*keys, key), f"agent {first} has the same; one Slack member is one agent"


def _teams(whole: Item) -> Iterator[Finding]:
    agents, teams = _known(whole, "agents"), _known(whole, "teams")
    for keys, team in _items(whole, "teams"):
        yield from _missing((*keys, "lead"), team.get("lead"), "agents", agents)
        yield from _missing((*keys, "overflow"), team.get("overflow"), "teams", teams)
        if "id" in team and team.get("overflow") == team["id"]:
            yield (*keys, "overflow"), f"{team['id']} cannot help itself out; name another team"


def _routes(whole: Item) -> Iterator[Finding]:
    agents, teams, channels = (_known(whole, section) for section in ("agents", "teams", "channels"))
    routes = _items(whole, "routes")
    for keys, route in routes:
        yield from _missing((*keys, "team"), route.get("team"), "teams", teams)
        yield from _missing((*keys, "agent"), route.get("agent"), "agents", agents)
        if route.get("team") and route.get("agent"):
            yield (*keys, "agent"), "a route has a team or an agent, not both"
        when = route.get("when")
        if isinstance(when, dict):
            yield from _missing((*keys, "when", "channel"), when.get("channel"), "channels", channels)
        yield from _desk((*keys, "desk"), route.get("desk"), channels)
        if keys != routes[-1][0] and not when:
            yield keys, "a route without conditions takes everything, so the routes after it never match; put it last"
    windows = whole.get("reopen_windows")
    if isinstance(windows, dict):
        for name in windows:
            yield from _missing(("reopen_windows", name), name, "channels", channels)
    if routes and routes[-1][1].get("when"):
        yield routes[-1][0], "the last route must have no conditions, so that every conversation has a desk"


def _policies(whole: Item) -> Iterator[Finding]:
    channels = _known(whole, "channels")
    given = whole.get("calendars")
    calendars = given if isinstance(given, dict) else shipped_calendars()
    promised = whole.get("promise_calendar")
    if isinstance(promised, str) and promised not in calendars:
        yield ("promise_calendar",), f"there is no calendar {promised}; calendars here: {', '.join(calendars)}"
    digests = whole.get("digests")
    usual = digests.get("calendar") if isinstance(digests, dict) else None
    if isinstance(usual, str) and usual not in calendars:
        yield ("digests", "calendar"), f"there is no calendar {usual}; calendars here: {', '.join(calendars)}"
    named = (("policies", "calendar"), ("agents", "shifts"), ("teams", "calendar"))
    for keys, name, key in ((keys, each.get(key), key) for part, key in named for keys, each in _items(whole, part)):
        if isinstance(name, str) and name not in calendars:
            yield (*keys, key), f"there is no calendar {name}; calendars here: {', '.join(calendars)}"
    for keys, route in _items(whole, "routes"):
        when = route.get("when")
        if isinstance(when, dict):
            yield from _missing((*keys, "when", "hours"), when.get("hours"), "calendars", calendars)
    for keys, policy in _items(whole, "policies"):
        when = policy.get("when")
        if isinstance(when, dict):
            yield from _missing((*keys, "when", "channel"), when.get("channel"), "channels", channels)


def _topics(whole: Item) -> Iterator[Finding]:
    """Topics of conditions are those that messages can have."""
    for section in ("routes", "policies"):
        for keys, item in _items(whole, section):
            when = item.get("when")
            if isinstance(when, dict) and "topic" in when:
                yield from _missing((*keys, "when", "topic"), when["topic"], "topics", _known_topics(whole))


def _known_topics(whole: Item) -> dict[str, Item]:
    """The categories of the shop's own topics, else of the shipped ones."""
    standards = whole.get("standards")
    given = standards.get("topics") if isinstance(standards, dict) else None
    categories = (given if isinstance(given, dict) else shipped_topics()).get("categories")
    return _known({"topics": categories}, "topics")


def _desk(keys: Keys, desk: object, channels: dict[str, Item]) -> Iterator[Finding]:
    if not isinstance(desk, dict):
        return
    name = desk.get("channel")
    yield from _missing((*keys, "channel"), name, "channels", channels)
    channel = channels.get(str(name), {})
    if channel.get("type", ChannelType.SLACK) != ChannelType.SLACK:
        yield (*keys, "channel"), f"{name} is of type {channel['type']}; a desk is a channel of type slack"
    elif "workspace" in channel:
        yield (*keys, "channel"), f"colleagues ask on {name}; the desk is its workspace, {channel['workspace']}"


def _colleagues(whole: Item) -> Iterator[Finding]:
    """Channels where colleagues ask: each of another workspace, and nowhere where agents are."""
    channels = _known(whole, "channels")
    owners = {name: each for name, each in channels.items() if each.get("type") == ChannelType.SLACK}
    desks = {
        (str(desk.get("channel")), slack.removeprefix("#"))
        for _, route in _items(whole, "routes")
        if isinstance(desk := route.get("desk"), dict)
        for _, slack in _named(desk.get("slack"))
    }
    seen: dict[str, object] = {}
    for keys, item in _items(whole, "channels"):
        if item.get("type") != ChannelType.SLACK or "workspace" not in item:
            continue
        name = str(item["workspace"])
        if name not in owners or "workspace" in owners[name]:
            have = ", ".join(each for each, found in owners.items() if "workspace" not in found) or "none"
            yield (*keys, "workspace"), f"{name} is no channel of type slack with its own app; those here: {have}"
        first = seen.setdefault(name, item.get("id"))
        if first != item.get("id"):
            yield (*keys, "workspace"), f"colleagues of {name} ask on {first} already; name all ways to ask there"
        for tail, slack in _named(item.get("help_channels")):
            if (name, slack.removeprefix("#")) in desks:
                yield (*keys, "help_channels", *tail), f"{slack} is the desk of a route; nobody asks there"


def _outage(whole: Item) -> Iterator[Finding]:
    outage = whole.get("outage")
    if not isinstance(outage, dict):
        return
    channels, agents = _known(whole, "channels"), _known(whole, "agents")
    yield from _missing(("outage", "channel"), outage.get("channel"), "channels", channels)
    channel = channels.get(str(outage.get("channel")), {})
    if channel.get("type", ChannelType.EMAIL) != ChannelType.EMAIL:
        yield ("outage", "channel"), f"{channel['id']} is of type {channel['type']}; mails leave by one of type email"
    elif channel and not channel.get("smtp"):
        yield ("outage", "channel"), f"{channel['id']} has no smtp section: it can receive but not send"
    yield from _missing(("outage", "fallback"), outage.get("fallback"), "agents", agents)
    agent = agents.get(str(outage.get("fallback")), {})
    if agent and not agent.get("email"):
        yield ("outage", "fallback"), f"{agent['id']} has no email"


def _gateway(whole: Item) -> Iterator[Finding]:
    gateway = whole.get("gateway")
    if not isinstance(gateway, dict):
        return
    database = gateway.get("database")
    if isinstance(database, str) and database.startswith("postgresql:") and not gateway.get("secret"):
        sentence = "is missing; nodes that share a database must share one, make it with openssl rand -hex 32"
        yield ("gateway", "secret"), sentence


def _listeners(whole: Item) -> Iterator[Finding]:
    """Two listeners cannot have one port; port 0 is any free one."""
    seen: dict[str, str] = {}
    for keys, text in _listening(whole, ()):
        port = text.rpartition(":")[2]
        where = ".".join(str(key) for key in keys)
        if port != "0" and (first := seen.setdefault(port, where)) != where:
            yield keys, f"port {port} is taken by {first}; choose another"


def _listening(value: object, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "listen" and isinstance(inner, str):
                yield (*keys, key), inner
            else:
                yield from _listening(inner, (*keys, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _listening(inner, (*keys, index))


def _example_secrets(value: object, keys: Keys) -> Iterator[Finding]:
    """Z18: nobody runs with a secret from the documentation."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and is_secret_key(key) and is_example(inner):
                yield (
                    (*keys, key),
                    "this is an example, not a secret; give the real one in an environment variable, as ${NAME}",
                )
            else:
                yield from _example_secrets(inner, (*keys, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _example_secrets(inner, (*keys, index))
