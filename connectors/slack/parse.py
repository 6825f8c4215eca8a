"""Slack's payloads -> Arrivals: what happened, told in our words. Pure; names of people are looked up before."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.base import Arrival
from connectors.slack import blocks, emojis, mrkdwn
from connectors.slack.modal import place_of, values_of
from router.forms import FORM, composed
from router.model import NO_THREAD, Attachment, IdentityKey, Inbound, InboundKind, Sender, Thread
from router.richtext import EMPTY, FileRef, Paragraph, RichText, Span
from router.verbs import ASK

Payload = Mapping[str, Any]

ECHO_EVENT = "gw.out"
"""The metadata event_type of everything we post for a delivery (S20)."""
OUTSIDE = "outside"
"""The id of a press without a thread: a command, or a button of Home."""
MENTIONS_LIMIT = 20
"""People of one message whose names are looked up; a message that names more is not worth the wait."""

OVERTAKES_WITHIN = 420 * 1_000_000
"""Microseconds: Slack tells a post again and again for about six minutes (S1)."""

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPOKEN = frozenset({None, "thread_broadcast", "file_share", "me_message", "bot_message"})
_CHANGED = frozenset({"message_changed", "message_deleted"})
_UNREACHABLE = frozenset({"external", "tombstone", "hidden_by_limit"})
_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
"""What a payload of an unexpected shape makes the code below raise (X2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Who we are in Slack (`auth.test`): our own posts are echoes, our workspace's people may speak (S6, S8). `url`:
    where the workspace is, for links to its posts."""

    team: str
    user: str
    bot: str = ""
    enterprise: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Slack user as far as it matters here. `internal`: a human member of the home workspace, no guest (S8)."""

    id: str
    name: str
    internal: bool
    email: str | None = None
    bot: bool = False


People = Mapping[str, Person]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a payload is read against. `channel` is our channel's configured id."""

    channel: str
    home: Home
    allowed_bots: frozenset[str] = frozenset()


def people_in(body: Payload) -> list[str]:
    """The Slack user ids whose names `to_arrival` would like to know."""
    try:
        if (event := body.get("event")) is None:
            return [body["user_id"] if "command" in body else body["user"]["id"]]
        message = event.get("message") or event.get("previous_message") or event
        author = message.get("user") or event.get("user")
        named = _MENTION.findall(message.get("text") or "")
        wanted = dict.fromkeys([author, *named] if isinstance(author, str) else named)
        return list(wanted)[: MENTIONS_LIMIT + 1]
    except _ODD:
        return []


def to_arrival(body: Payload, setting: Setting, people: People) -> Arrival | None:
    """One Events API payload, interaction or command; None for what is nothing to us (S6, S7).

    Never raises: what cannot be read is an Arrival with a `problem` (X2).
    """
    raw = to_raw(body)
    try:
        read = _read(body, setting, people)
    except _ODD as error:
        return quarantined(raw, f"Slack sent something unreadable: {type(error).__name__}: {error}")
    return read and Arrival(key=read[0], raw=raw, inbound=read[1])


def overtaken(body: Payload) -> Payload | None:
    """The post as it was before a change that came soon after it: events are unordered, and the change may be here
    first (S10). None for anything else. It is one message however often it is told (S4)."""
    try:
        event = body["event"]
        if event.get("subtype") not in _CHANGED or not (before := event.get("previous_message")):
            return None
        changed = _microseconds(event.get("event_ts") or event["ts"])
        if changed - _microseconds(before["ts"]) > OVERTAKES_WITHIN:
            return None
        return {**body, "event": {**before, "type": "message", "channel": event["channel"], "event_ts": before["ts"]}}
    except _ODD:
        return None


def to_raw(body: Payload) -> bytes:
    """The payload as it is kept; orjson refuses what is nested beyond all reason."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return repr(body).encode()


def quarantined(raw: bytes, problem: str) -> Arrival:
    """A payload that is kept as it came."""
    return Arrival(key=f"unreadable:{hashlib.sha256(raw).hexdigest()}", raw=raw, problem=problem)


def _read(body: Payload, setting: Setting, people: People) -> tuple[str, Inbound] | None:
    if body.get("type") == "block_actions":
        return _button(body, setting, people)
    if body.get("type") == "view_submission":
        return _form(body, setting, people)
    if "command" in body:
        return _command(body, setting, people)
    event = body["event"]
    match event["type"]:
        case "message" | "app_mention":
            return _message_event(event, body.get("api_app_id"), setting, people)
        case "reaction_added" | "reaction_removed":
            return _reaction(event, setting, people)
    return None


def _message_event(event: Payload, app: str | None, setting: Setting, people: People) -> tuple[str, Inbound] | None:
    channel = event["channel"]
    match event.get("subtype"):
        case "message_changed":
            return _edit(event, channel, app, setting, people)
        case "message_deleted":
            return _delete(event, channel, app, setting, people)
        case subtype if subtype in _SPOKEN:
            pass
        case _:
            return None
    key = f"{channel}:{event['ts']}"
    if _own(event, app, setting.home):
        return _echo(event, key, channel, setting)
    if event.get("hidden") or not _speaks(event, setting):
        return None
    return key, _said(InboundKind.MESSAGE, event, key, channel, setting, people)


def _own(message: Payload, app: str | None, home: Home) -> bool:
    """Posted with our token, by this process or any other (S6)."""
    if message.get("user") == home.user:
        return True
    if bot := message.get("bot_id"):
        return bool(bot == home.bot or (app and message.get("app_id") == app))
    return False


def _speaks(message: Payload, setting: Setting) -> bool:
    """People do; bots only when they are allow-listed (S6)."""
    bot = message.get("bot_id")
    return bot in setting.allowed_bots if bot else bool(message.get("user"))


def to_oid(message: Payload) -> str | None:
    """The delivery our post was made for, as hex. None for what carries no mark, and for what Slack put outside the
    thread it was meant for: that is no delivery (S29)."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != ECHO_EVENT:
        return None
    payload = metadata["event_payload"]
    if (meant := payload.get("thread")) and meant != message.get("thread_ts"):
        return None
    oid: str = payload["oid"]
    return oid


def to_channel(message: Payload) -> str | None:
    """The channel of ours that a post of the app was made for; None for what carries no mark."""
    metadata = message.get("metadata") or {}
    channel: str | None = (metadata.get("event_payload") or {}).get("channel")
    return channel


def _echo(event: Payload, key: str, channel: str, setting: Setting) -> tuple[str, Inbound] | None:
    """Our own post coming back proves its delivery (X5), unless there was no mark or the delivery needed `more`."""
    oid = to_oid(event)
    if oid is None or event["metadata"]["event_payload"].get("more"):
        return None
    return key, Inbound(
        kind=InboundKind.ECHO,
        channel=setting.channel,
        address=channel,
        sender=Sender(identity=IdentityKey("slack", setting.home.user)),
        remote_id=key,
        thread=_thread(event, channel),
        value=oid,
        sent_at=_instant(event["ts"]),
        order=_microseconds(event["ts"]),
    )


def _edit(
    event: Payload, channel: str, app: str | None, setting: Setting, people: People
) -> tuple[str, Inbound] | None:
    """A change is an edit only if somebody changed it: unfurls and reply counts come as the same event (S5)."""
    message, before = event["message"], event.get("previous_message") or {}
    if _own(message, app, setting.home) or not _speaks(message, setting):
        return None
    if message.get("subtype") not in _SPOKEN:
        return None
    edited = (message.get("edited") or {}).get("ts")
    newly = edited and edited != (before.get("edited") or {}).get("ts")
    if not newly and not (before and _content(message) != _content(before)):
        return None
    version = edited if newly else event.get("event_ts") or event["ts"]
    remote = f"{channel}:{message['ts']}"
    inbound = _said(InboundKind.EDIT, message, f"{remote}:{version}", channel, setting, people, changed=version)
    replaced = to_text(before, _names(people, setting.home)) if before else None
    return f"{remote}:{version}", replace(inbound, replaced=replaced)


def _content(message: Payload) -> tuple[object, ...]:
    """What an author can change: text, blocks without their generated ids, and which files hang on it."""
    stripped = [{k: v for k, v in block.items() if k != "block_id"} for block in message.get("blocks") or ()]
    return message.get("text", ""), stripped, [file.get("id") for file in message.get("files") or ()]


def _delete(
    event: Payload, channel: str, app: str | None, setting: Setting, people: People
) -> tuple[str, Inbound] | None:
    before = event.get("previous_message") or {}
    if before and (_own(before, app, setting.home) or not _speaks(before, setting)):
        return None
    remote = f"{channel}:{event['deleted_ts']}"
    when = event.get("event_ts") or event["ts"]
    return f"{remote}:deleted", Inbound(
        kind=InboundKind.DELETE,
        channel=setting.channel,
        address=channel,
        sender=_sender(before, setting.home, people),
        remote_id=f"{remote}:deleted",
        thread=_thread(before, channel),
        target=remote,
        sent_at=_instant(when),
        order=_microseconds(when),
    )


def _said(
    kind: InboundKind,
    message: Payload,
    remote: str,
    channel: str,
    setting: Setting,
    people: People,
    changed: str | None = None,
) -> Inbound:
    attachments = tuple(_attachment(file) for file in message.get("files") or ())
    when = changed or message["ts"]
    return Inbound(
        kind=kind,
        channel=setting.channel,
        address=channel,
        sender=_sender(message, setting.home, people),
        remote_id=remote,
        thread=_thread(message, channel),
        text=to_text(message, _names(people, setting.home), attachments),
        attachments=attachments,
        target=f"{channel}:{message['ts']}" if changed else None,
        sent_at=_instant(when),
        order=_microseconds(when),
    )


def _names(people: People, home: Home) -> Mapping[str, str]:
    """The app itself is "onevoice" whatever the workspace calls it: commands begin so (decisions 28)."""
    return {person.id: person.name for person in people.values()} | {home.user: "onevoice"}


def to_text(message: Payload, names: Mapping[str, str], attachments: Iterable[Attachment] = ()) -> RichText:
    """The words of a message: its rich_text blocks, else its mrkdwn; a file that cannot be fetched, or a message
    that would else be empty, gets a placeholder (X9)."""
    text = EMPTY
    if any(block.get("type") == "rich_text" for block in message.get("blocks") or ()):
        text = blocks.to_rich_text(message["blocks"], names)
    text = text or mrkdwn.to_rich_text(message.get("text") or "", names)
    text = text or blocks.to_rich_text(message.get("blocks") or (), names)
    lost = [
        Paragraph((FileRef(index, each.name), Span(" (Slack does not give out this file)")))
        for index, each in enumerate(attachments)
        if each.remote is None
    ]
    if not text and not attachments:
        kinds = ", ".join(str(each.get("type", "block")) for each in message.get("blocks") or ()) or "empty message"
        return RichText((Paragraph((Span(f"[{kinds}]"),)),))
    return RichText((*text.blocks, *lost))


def _attachment(file: Payload) -> Attachment:
    return Attachment(
        name=file.get("name") or file.get("title") or "file",
        content_type=file.get("mimetype") or "application/octet-stream",
        size=int(file.get("size") or 0),
        remote=None if file.get("mode") in _UNREACHABLE else file["id"],
    )


def _sender(message: Payload, home: Home, people: People) -> Sender:
    """Whoever wrote it. Somebody we could not look up counts as internal by the teams the event names (S8); the
    gateway lets only listed agents speak in any case."""
    user = message.get("user") or ""
    if not user:
        bot = message.get("bot_id") or ""
        return Sender(identity=IdentityKey("slack", bot), name=message.get("username") or "", internal=bool(bot))
    teams = {team for key in ("user_team", "source_team", "team") if (team := message.get(key))}
    at_home = teams <= {home.team, home.enterprise}
    if (person := people.get(user)) is None:
        return Sender(identity=IdentityKey("slack", user), internal=at_home and bool(teams))
    return Sender(
        identity=IdentityKey("slack", user),
        name=person.name,
        internal=person.internal and at_home,
        email=person.email,
    )


def _reaction(event: Payload, setting: Setting, people: People) -> tuple[str, Inbound] | None:
    """`value` is the emoji, with a minus in front when it was taken away."""
    item = event["item"]
    if event["user"] == setting.home.user or item["type"] != "message":
        return None
    person = people.get(event["user"])
    if person is not None and person.bot:
        return None
    added = event["type"] == "reaction_added"
    target = f"{item['channel']}:{item['ts']}"
    mark = "" if added else "-"
    key = f"{target}:{event['user']}:{mark}{event['reaction']}:{event['event_ts']}"
    return key, Inbound(
        kind=InboundKind.REACTION,
        channel=setting.channel,
        address=item["channel"],
        sender=_sender({"user": event["user"], "team": setting.home.team}, setting.home, people),
        remote_id=key,
        target=target,
        value=mark + emojis.to_char(event["reaction"]),
        sent_at=_instant(event["event_ts"]),
        order=_microseconds(event["event_ts"]),
    )


def _button(body: Payload, setting: Setting, people: People) -> tuple[str, Inbound]:
    """A press is the same press however often it is sent (S16). `value` is "action id:value of the button"."""
    action = body["actions"][0]
    if (body.get("view") or {}).get("type") == "home":
        return _outside(
            f"home:{body['user']['id']}:{action['action_ts']}", body["user"], chosen_line(action), setting, people
        )
    channel = (body.get("channel") or body["container"])["id" if body.get("channel") else "channel_id"]
    message = body.get("message") or {"ts": body["container"]["message_ts"], **body["container"]}
    chosen = chosen_line(action)
    key = f"action:{channel}:{action['action_ts']}"
    return key, Inbound(
        kind=InboundKind.BUTTON,
        channel=setting.channel,
        address=channel,
        sender=_sender({"user": body["user"]["id"], "team": body["user"].get("team_id")}, setting.home, people),
        remote_id=key,
        thread=_thread(message, channel, root=True),
        target=f"{channel}:{message['ts']}",
        value=f"{action['action_id']}:{chosen}" if chosen else action["action_id"],
        sent_at=_instant(action["action_ts"]),
        order=_microseconds(action["action_ts"]),
    )


def chosen_line(action: Payload) -> str:
    """The line of a button, or of the option that was chosen in a menu."""
    return action.get("value") or (action.get("selected_option") or {}).get("value") or ""


def sender_of(user: str, team: str | None, home: Home, people: People) -> Sender:
    """Whoever pressed something or filled it in."""
    return _sender({"user": user, "team": team}, home, people)


def _form(body: Payload, setting: Setting, people: People) -> tuple[str, Inbound]:
    """A filled-in form is a press with the line it composes; sent twice it is the same one (S16), whatever was changed
    in between: a modal may show several forms, one after the other, but each of them is sent once."""
    view, user = body["view"], body["user"]
    place = place_of(view)
    asked = hashlib.sha256(view["private_metadata"].encode()).hexdigest()[:16]
    key = f"view:{view['id']}:{asked}"
    channel = place.thread.partition(":")[0]
    return key, Inbound(
        kind=InboundKind.BUTTON,
        channel=setting.channel,
        address=channel,
        sender=sender_of(user["id"], user.get("team_id"), setting.home, people),
        remote_id=key,
        thread=Thread(ref=place.thread),
        value=f"{ASK}{FORM}:{composed(place.line, values_of(view))}",
    )


def _command(body: Payload, setting: Setting, people: People) -> tuple[str, Inbound]:
    """A slash command is a press without a message."""
    user = {"id": body["user_id"], "team_id": body.get("team_id")}
    return _outside(f"command:{body['trigger_id']}", user, line_of(body), setting, people)


def line_of(body: Payload) -> str:
    """What stands behind a slash command, as it was typed."""
    return mrkdwn.unescape(body.get("text") or "").strip()


def _outside(key: str, user: Payload, line: str, setting: Setting, people: People) -> tuple[str, Inbound]:
    """What is said outside of any thread has its member for an address."""
    return key, Inbound(
        kind=InboundKind.BUTTON,
        channel=setting.channel,
        address=user["id"],
        sender=sender_of(user["id"], user.get("team_id"), setting.home, people),
        remote_id=key,
        value=f"{ASK}{OUTSIDE}:{line}",
    )


def _thread(message: Payload, channel: str, *, root: bool = False) -> Thread:
    """`root`: a message outside any thread stands for the thread it opens."""
    at = message.get("thread_ts") or (message.get("ts") if root else None)
    return Thread(ref=f"{channel}:{at}") if at else NO_THREAD


def _microseconds(ts: str) -> int:
    """Slack's ts, seconds with six decimals, as an integer; raises ValueError for anything else."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(f"{fraction:0<6.6}")


def _instant(ts: str) -> datetime:
    return _EPOCH + timedelta(microseconds=_microseconds(ts))
