"""What colleagues ask in Slack -> Arrivals of customers: posts in help channels, direct messages, mentions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Arrival
from connectors.slack.parse import People, Setting, overtaken, to_arrival, to_channel
from router.model import NO_THREAD, Inbound, InboundKind, Thread
from router.richtext import Mention, Paragraph, RichText, Span

Payload = Mapping[str, Any]

MEMBER = 1
"""The verification of a member of the home workspace: Slack itself says who that is."""
SLACKBOT = "USLACKBOT"
_KINDS = frozenset({InboundKind.MESSAGE, InboundKind.EDIT, InboundKind.DELETE})
_ODD = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How colleagues may ask. `help` are the names of help channels by their ids, `desks` the ids of channels where
    agents are: nothing that is said there is a question of a colleague."""

    help: Mapping[str, str] = field(default_factory=dict)
    direct: bool = False
    mentions: bool = False
    desks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was said: the address an answer goes to, the post it is below, what the asker would call it."""

    address: str
    thread: Thread
    to: str = ""


NOWHERE = Place(address="", thread=NO_THREAD)
"""Said to somebody, but neither to us nor to the desk."""


def to_questions(body: Payload, setting: Setting, people: People, ways: Ways) -> list[Arrival] | None:
    """What an event says to the channel of `setting`; None for everything that belongs to the desk. Never raises."""
    event = body.get("event")
    try:
        if not isinstance(event, Mapping) or event["type"] not in {"message", "app_mention"}:
            return None
        if (event.get("message") or {}).get("subtype") == "tombstone":
            event = _deletion(event)
            body = {**body, "event": event}
        message = event.get("message") or event.get("previous_message") or event
        if message.get("user") == SLACKBOT:
            return []
        if message.get("user") == setting.home.user:
            return _echoes(body, message, setting, people)
        place = place_of(event, setting.home.user, ways)
    except _ODD:
        return None  # the desk's side keeps what nobody can read
    if place is None:
        return None
    if place is NOWHERE:
        return []
    told = [each for each in (overtaken(body), body) if each is not None]
    arrivals = [to_arrival(each, setting, people) for each in told]
    return [_asked(each, place, setting, people) for each in arrivals if each is not None]


def _deletion(event: Payload) -> Payload:
    """A post with replies leaves a tombstone when it is deleted, which comes as a change of it."""
    kept = {key: value for key, value in event.items() if key != "message"}
    return {**kept, "subtype": "message_deleted", "deleted_ts": event["message"]["ts"]}


def _echoes(body: Payload, message: Payload, setting: Setting, people: People) -> list[Arrival] | None:
    """Our own post is the echo of the channel it was sent for (X5)."""
    if to_channel(message) != setting.channel:
        return None
    arrival = to_arrival(body, setting, people)
    return [] if arrival is None else [arrival]


def place_of(event: Payload, ours: str, ways: Ways) -> Place | None:
    """The place of what somebody said; None when it is the desk's. A thread below a post of ours is one of the desk,
    for only there we speak first; in direct messages it may be an answer to anything, and goes on with a question."""
    message = event.get("message") or event.get("previous_message") or event
    channel: str = event["channel"]
    ts: str = event.get("deleted_ts") or message["ts"]
    root: str = message.get("thread_ts") or ts
    is_ours, is_reply = message.get("parent_user_id") == ours, root != ts
    before = (f"{channel}:{root}",) if is_reply else ()
    if event.get("channel_type") == "im" or channel.startswith("D"):
        if not ways.direct:
            return None
        return Place(address=channel, thread=Thread(remote_ids=before, apart=True, opens=not (is_ours and is_reply)))
    if channel in ways.desks or is_ours:
        return None
    thread = Thread(remote_ids=before, apart=True)
    address = f"{channel}:{root}"
    if (name := ways.help.get(channel)) is not None:
        return Place(address=address, thread=thread, to=name)
    if not ways.mentions:
        return None
    if f"<@{ours}" in (message.get("text") or "") or event["type"] == "app_mention":
        return Place(address=address, thread=thread)
    return Place(address=address, thread=replace(thread, opens=False)) if is_reply else NOWHERE


def _asked(arrival: Arrival, place: Place, setting: Setting, people: People) -> Arrival:
    """The arrival as one of a customer: nobody speaks for us there, agents neither. Somebody who could not be looked up
    may be a guest."""
    inbound = arrival.inbound
    if inbound is None or inbound.kind not in _KINDS:
        return arrival
    sender = inbound.sender
    verification = MEMBER if sender.internal and sender.identity.value in people else 0
    asked: Inbound = replace(
        inbound,
        address=place.address,
        thread=place.thread,
        to=place.to,
        sender=replace(sender, internal=False, verification=verification, email=None),
        text=without_call(inbound.text, setting.home.user),
    )
    return replace(arrival, inbound=asked)


def without_call(text: RichText, ours: str) -> RichText:
    """A text without the mention of the app it begins with; one that is nothing but the mention stays."""
    first = text.blocks[0] if text.blocks else None
    if not isinstance(first, Paragraph) or not first.children:
        return text
    called, *rest = first.children
    if not isinstance(called, Mention) or called.ref != ours:
        return text
    if rest and isinstance(rest[0], Span) and rest[0].link is None:
        rest[0] = replace(rest[0], text=rest[0].text.lstrip(" ,:"))
    rest = [each for each in rest if not (isinstance(each, Span) and not each.text)]
    blocks = (*([Paragraph(tuple(rest))] if rest else []), *text.blocks[1:])
    return RichText(blocks) if blocks else text
