"""Inbound items and rules as the storage and story tests need them."""

from dataclasses import replace
from itertools import count

from connectors.base import Arrival
from router.decision import Decision, Snapshot
from router.model import Capabilities, ChannelType, IdentityKey, Inbound, InboundKind, Sender, Thread
from router.richtext import of_text
from router.routing import decide
from router.rulebook import Agent, ChannelRules, Desk, Route, Rulebook

_numbers = count(1)

RULES = Rulebook(
    channels={
        "web": ChannelRules(
            id="web", type=ChannelType.WEBCHAT, capabilities=Capabilities(pulls=True, edits=True, deletes=True)
        ),
        "tg": ChannelRules(id="tg", type=ChannelType.TELEGRAM, capabilities=Capabilities(edits=True)),
        "mail": ChannelRules(id="mail", type=ChannelType.EMAIL, capabilities=Capabilities()),
        "desk": ChannelRules(
            id="desk", type=ChannelType.SLACK, capabilities=Capabilities(edits=True, deletes=True, lookups=2)
        ),
    },
    agents={"alice": Agent(id="alice", name="Alice Chen", slack="U0ALICE")},
    teams={},
    routes=(Route(id="default", desk=Desk(channel="desk", slack=("#support",))),),
    revision="test",
)


def rules(snapshot: Snapshot, inbound: Inbound) -> Decision:
    return decide(snapshot, inbound, RULES)


def question(text: str = "Where is my order?", *, channel: str = "tg", who: str = "42", **more: object) -> Inbound:
    """A customer's message."""
    plain = Inbound(
        kind=InboundKind.MESSAGE,
        channel=channel,
        address=who,
        sender=Sender(identity=IdentityKey(channel, who), name=f"Customer {who}", verification=1),
        remote_id=f"{who}:{next(_numbers)}",
        text=of_text(text),
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of Inbound by name


def answer(text: str, thread: str, *, user: str = "U0ALICE", order: int | None = None) -> Inbound:
    """An agent's post in a desk thread."""
    ts = next(_numbers)
    return Inbound(
        kind=InboundKind.MESSAGE,
        channel="desk",
        address="C1",
        sender=Sender(identity=IdentityKey("slack", user), name="Alice", internal=True),
        remote_id=f"C1:{ts}",
        thread=Thread(ref=thread),
        text=of_text(text),
        order=order or ts,
    )


def arrival(inbound: Inbound, raw: bytes = b"{}") -> Arrival:
    return Arrival(key=inbound.remote_id, raw=raw, inbound=inbound)
