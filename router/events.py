"""The vocabulary of the event log: what each type means, what its payload holds, and what the rounds make of it.

`Event.at` is when the gateway had it; `Event.actor` is "agent:<id>", "bot:<id>", "system:<what>" or the customer.
Payloads are plain JSON: ids are hex strings, instants RFC 3339 texts in UTC (`router.instants`). Types that are not
listed here (offers, findings, notes, ...) say nothing about response times and are skipped by the fold.
"""

from enum import StrEnum
from typing import NotRequired, TypedDict


class EventType(StrEnum):
    CONVERSATION_OPENED = "conversation_opened"
    MESSAGE_RECEIVED = "message_received"
    MESSAGE_SENT = "message_sent"
    EXTERNAL_REPLY = "external_reply"
    DELIVERY_FAILED = "delivery_failed"
    MESSAGE_EDITED = "message_edited"
    MESSAGE_MOVED = "message_moved"
    # The log of the `conversation` it names is read with this one, until it is parted again (D25). Events with the
    # same `merge` settle what the union left open, and are void when the merge is undone.
    CONVERSATION_ABSORBED = "conversation_absorbed"
    CONVERSATION_PARTED = "conversation_parted"
    NEED_CHANGED = "need_changed"
    STATUS_CHANGED = "status_changed"
    ASSIGNED = "assigned"
    HANDED_OFF = "handed_off"
    POLICY_CHANGED = "policy_changed"
    JUDGED_AGAIN = "judged_again"
    RECEIPT_SUPPRESSED = "receipt_suppressed"
    VOIDED = "voided"
    UNVOIDED = "unvoided"


class ConversationOpened(TypedDict, total=False):
    """`handler` "bot": a bot is in front at the start of every cycle (D7). The first of a merged log counts. `traits`:
    what routes and policies looked at besides the text, so that the choice can be made again."""

    handler: str
    policy: str
    policy_version: int
    team: str | None
    agent: str | None
    traits: dict[str, str | int]


class MessageReceived(TypedDict):
    """A customer's message; `at` is when we stored it. `key` is the provider's id: (channel, key) seen twice is one
    message (D13). `kind` is "human", "auto", "csat", ...; only a human one that needs a reply opens a round (D5).
    `sent_at` is the provider's own receipt time (D14)."""

    message: str
    channel: str
    key: NotRequired[str]
    kind: NotRequired[str]
    needs_reply: NotRequired[bool]
    sent_at: NotRequired[str | None]


class MessageSent(TypedDict):
    """A message the customer has, on `channel`; `at` is the provider's acceptance (D18), `actor` its author,
    "system:ack" for an automatic receipt. `composed_at`: when the agent finished it (D11), else `at`. `holding`: a pure
    holding phrase (D10). `team`: the author's team."""

    message: str
    channel: NotRequired[str]
    composed_at: NotRequired[str | None]
    holding: NotRequired[bool]
    team: NotRequired[str | None]


class ExternalReply(TypedDict, total=False):
    """The agent answered outside the gateway and logged it: counted as `manual` (D2)."""

    message: str
    channel: str
    composed_at: str | None


class DeliveryFailed(TypedDict):
    """The message never arrived: everything is computed as if it had never been sent (D2)."""

    message: str


class MessageEdited(TypedDict):
    """Somebody edited a message. `material`: a customer's, which asks something else now and may count as a new one
    (D9); `sent_at` is the provider's time of the edit."""

    message: str
    material: NotRequired[bool]
    sent_at: NotRequired[str | None]


class MessageMoved(TypedDict):
    """A split took the message to another conversation, where it keeps its times (D25)."""

    message: str


class NeedChanged(TypedDict):
    """An agent decided whether a customer's message needs a reply; it then waits since its own time (D5)."""

    message: str
    needs_reply: bool


class StatusChanged(TypedDict):
    """`to` is a value of `router.model.Status`. `leaving`: when the latest reply that was still on its way was
    composed; what it answers is not closed without a reply (adr/0015)."""

    to: str
    leaving: NotRequired[str]


class Assigned(TypedDict, total=False):
    """From now on: the owner (None: the team's queue) and the team (left out: as before)."""

    agent: str | None
    team: str | None


class PolicyChanged(TypedDict):
    """Another policy, or another version of it or of its calendar, applies (D26, D27, D30)."""

    policy: str
    policy_version: NotRequired[int]


class JudgedAgain(TypedDict):
    """The rounds that start in [begin, end) and have ended, on `channel` if one is given, are judged as if `policy`
    (None: no policy) had applied since their start; policies the log changed to later are read in the versions of
    `versions` (D30). `rounds`: only those that these messages opened, so that rounds which join by a merge are left
    as they are."""

    begin: str
    end: str
    policy: str | None
    policy_version: NotRequired[int]
    versions: NotRequired[dict[str, int]]
    channel: NotRequired[str | None]
    rounds: NotRequired[list[str]]
