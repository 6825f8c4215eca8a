"""A document of `check-reply` or one consistency example, read as an outgoing message with its context."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from gateway.reply_shapes import WrongCheck
from gateway.settings import CHANNEL_TYPES
from router.consistency.body import Body, body_of
from router.consistency.collision import Answer, EditLease, LockedView
from router.consistency.facts import FactSheet
from router.consistency.findings import Origin, Place
from router.consistency.pii import Own
from router.consistency.reply import Reply, Standards
from router.consistency.wording import Stage
from router.consistency.workdays import BusinessCalendar
from router.model import Attachment, ChannelType, Fact, Statement

Choice = TypeVar("Choice", bound=StrEnum)

_STAGES = {
    "close": "resolve",
    "closing": "resolve",
    "resolved": "resolve",
    "last": "resolve",
    "complaint": "first_complaint",
}
_EXEMPT = {"lead", "coordinator", "manager", "admin"}


@dataclass(frozen=True, slots=True)
class Question:
    """One document with what it is judged by.

    Its keys besides those of the examples (stage, minutes, same_order, same_topic, attachments, a, b), all optional:
    now, facts {key: value}, scope {}, ordered_at, origin (agent, bot, template, survey), author, template,
    approving, order or orders, known_orders, topic, conversation, question (the customer's last message), language,
    subject, handed_off_at, open_promises, corrects, official_answer, approved_answer,
    customer {phones, emails, addresses, disclosable}, files [{name, type, size}],
    statements [{slot, value, unit, order, said_at, agent, channel, conversation, state}];
    for collisions newest {agent, at, text}, seen_at, round_answered, lease {agent, since, until}, customer_at,
    customer_seq, base_seq, resolved_by, resolved_at, owner, role, muted. Instants are ISO texts.
    `reply_shapes` has the types.
    """

    keys: Mapping[str, Any]
    given: Standards
    calendar: BusinessCalendar
    clock: datetime

    @property
    def text(self) -> str:
        return self.needed("text")

    def needed(self, name: str) -> str:
        """The text of a key without which there is nothing to check. Raises WrongCheck."""
        if name not in self.keys:
            raise WrongCheck(f"the key {name} is missing")
        return str(self.keys[name])

    @property
    def now(self) -> datetime:
        return self.instant("now") or self.clock

    def instant(self, name: str) -> datetime | None:
        return _instant(self.keys.get(name))

    @property
    def body(self) -> Body:
        vague = self.standards.promises.soon(self.place.channel_type)
        return body_of(self.text, self.calendar, self.now, vague)

    @property
    def place(self) -> Place:
        channel = self.keys.get("channel_type", self.keys.get("channel", ChannelType.WEBCHAT))
        return Place(
            channel_type=_one_of(CHANNEL_TYPES, channel, "channel"),
            origin=_one_of(tuple(Origin), self.keys.get("origin", Origin.AGENT), "origin"),
            author=str(self.keys.get("author", self.keys.get("agent", ""))),
            template=self.keys.get("template"),
            approving=bool(self.keys.get("approving", False)),
        )

    @property
    def stage(self) -> Stage:
        name = str(self.keys.get("stage") or "")
        return _one_of(tuple(Stage), _STAGES.get(name, name), "stage")

    @property
    def standards(self) -> Standards:
        """With the document's own fact values in the place of the configured ones."""
        if "facts" not in self.keys:
            return self.given
        return replace(self.given, facts=with_values(self.given.facts, self.keys["facts"]))

    @property
    def reply(self) -> Reply:
        keys = self.keys
        orders = keys.get("orders") or ([keys["order"]] if keys.get("order") else [])
        conversation = _id(keys.get("conversation", "conversation"))
        return Reply(
            text=self.text,
            place=self.place,
            stage=self.stage,
            conversation=conversation,
            topic=keys.get("topic"),
            orders=[str(order).upper() for order in orders],
            ordered_at=self.instant("ordered_at"),
            scope=keys.get("scope", {}),
            told=[_statement(each, conversation, self.now) for each in keys.get("statements", ())],
            question=str(keys.get("question", "")),
            language=keys.get("language"),
            own=own_of(keys.get("customer", {})),
            attachments=[_file(each) for each in keys.get("files", ())],
            subject=keys.get("subject"),
            handed_off_at=self.instant("handed_off_at"),
            open_promises=int(keys.get("open_promises", 0)),
            corrects=str(keys.get("corrects", "")),
            official_answer=str(keys.get("official_answer", "")),
            approved_answer=str(keys.get("approved_answer", "")),
            view=self.view,
        )

    @property
    def view(self) -> LockedView:
        keys = self.keys
        newest, lease = keys.get("newest"), keys.get("lease")
        return LockedView(
            newest=None
            if newest is None
            else Answer(agent=newest["agent"], at=_at(newest["at"]), text=newest.get("text", "")),
            seen_at=self.instant("seen_at"),
            round_answered=bool(keys.get("round_answered", newest is not None)),
            lease=None
            if lease is None
            else EditLease(
                agent=lease["agent"],
                since=_at(lease.get("since", self.now.isoformat())),
                until=_at(lease["until"]),
            ),
            customer_at=self.instant("customer_at"),
            customer_seq=keys.get("customer_seq"),
            base_seq=keys.get("base_seq"),
            resolved_by=keys.get("resolved_by"),
            resolved_at=self.instant("resolved_at"),
            owner=keys.get("owner"),
            exempt=keys.get("role") in _EXEMPT,
            muted=bool(keys.get("muted", False)),
        )


def _one_of(known: tuple[Choice, ...], name: str, key: str) -> Choice:
    """The one of that name. Raises WrongCheck."""
    for each in known:
        if each == name:
            return each
    names = ", ".join(each for each in known if each)
    raise WrongCheck(f"{key}: {name!r} is not known; known are {names}")


def with_values(sheet: FactSheet, values: Mapping[str, Any]) -> FactSheet:
    """The fact sheet with these values instead of its own."""
    types = {rule.key: rule.type.value for rule in sheet.rules}
    facts = [Fact(key=key, type=types.get(key, "enum"), value=_text(value)) for key, value in values.items()]
    return replace(sheet, values=facts, keyed={fact.key: [fact] for fact in facts})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _instant(value: object) -> datetime | None:
    return None if value is None else _at(value)


def _at(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise WrongCheck(f"{value!r} is not an ISO instant") from error
    if found.tzinfo is None:
        raise WrongCheck(f"{value!r} has no zone; write it as 2026-03-10T10:00:00+08:00")
    return found


def _id(name: object) -> UUID:
    return uuid5(NAMESPACE_URL, str(name))


def _statement(keys: Mapping[str, Any], conversation: UUID, now: datetime) -> Statement:
    value, _, unit = str(keys["value"]).partition(" ")
    if unit and not unit.isupper():
        value, unit = str(keys["value"]), ""
    order = keys.get("order")
    return Statement(
        contact=_id("contact"),
        conversation=_id(keys["conversation"]) if "conversation" in keys else conversation,
        slot=keys["slot"],
        value=value,
        unit=str(keys.get("unit", unit)),
        order=str(order).upper() if order else None,
        said_at=_instant(keys.get("said_at")) or now - timedelta(hours=1),
        channel=str(keys.get("channel", "")),
        agent=str(keys.get("agent", "")),
        state=str(keys.get("state", "active")),
    )


def own_of(keys: Mapping[str, Any]) -> Own:
    return Own(
        phones=frozenset(map(str, keys.get("phones", ()))),
        emails=frozenset(str(each).casefold() for each in keys.get("emails", ())),
        addresses=tuple(map(str, keys.get("addresses", ()))),
        disclosable=bool(keys.get("disclosable", True)),
    )


def _file(keys: Mapping[str, Any]) -> Attachment:
    return Attachment(
        name=str(keys.get("name", "")),
        content_type=str(keys.get("type", "application/octet-stream")),
        size=int(keys.get("size", 0)),
    )
