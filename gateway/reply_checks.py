"""`check-reply`: one check of a text, in the shape of the consistency examples, or every finding at once.

Keys stand beside `text` or inside `context`, the latter win. Besides those of the examples (stage, minutes,
same_order, same_topic, attachments, a, b) these are known, all optional:
now, tz, facts {key: value}, scope {}, ordered_at, origin (agent, bot, template, survey), author, template,
approving, order or orders, topic, conversation, question (the customer's last message), language, subject,
handed_off_at, open_promises, corrects, customer {phones, emails, addresses, disclosable}, files [{name, type, size}],
statements [{slot, value, unit, order, said_at, agent, channel, conversation, state}], and for collisions newest
{agent, at, text}, seen_at, round_answered, lease {agent, since, until}, customer_at, customer_seq, base_seq,
resolved_by, resolved_at, owner, role, muted. Instants are ISO texts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from router import topics
from router.consistency.body import Body, body_of
from router.consistency.collision import Answer, EditLease, LockedView, collisions
from router.consistency.facts import FactSheet, mentions
from router.consistency.findings import Finding, Origin, Place, in_order
from router.consistency.formats import Form, form
from router.consistency.language import language, mismatch
from router.consistency.ledger import bound, contradictions
from router.consistency.markup import markup
from router.consistency.pii import Own, leaks
from router.consistency.pipeline import check
from router.consistency.promises import promises
from router.consistency.reply import Reply, Standards
from router.consistency.statements import choices, statements
from router.consistency.text import normalise, without_quotes
from router.consistency.thanks import ack_only
from router.consistency.wording import Stage, incomplete, missing, phrases, shouting
from router.consistency.workdays import BusinessCalendar
from router.duplicates import features, likeness
from router.model import Attachment, ChannelType, Fact, Statement

_STAGES = {
    "close": "resolve",
    "closing": "resolve",
    "resolved": "resolve",
    "last": "resolve",
    "complaint": "first_complaint",
}
_EXEMPT = {"lead", "coordinator", "manager", "admin"}


class WrongCheck(ValueError):
    """The document cannot be read as a check; the text says what is wrong."""


def check_reply(
    document: Mapping[str, Any], standards: Standards, calendar: BusinessCalendar, now: datetime
) -> dict[str, Any]:
    """The answer to one document: `{"check", "result"}`, or `{"check": "all", "findings": [...], ...}`.

    `now` holds where the document gives none. Raises WrongCheck.
    """
    keys = {**document, **document.get("context", {})}
    name = str(document.get("check", "all"))
    question = _Question(keys, standards, calendar, now)
    if name == "all":
        return question.everything()
    if name not in CHECKS:
        raise WrongCheck(f"check {name!r} is not known; known are all, {', '.join(CHECKS)}")
    try:
        return {"check": name, "result": CHECKS[name](question)}
    except (KeyError, TypeError, AttributeError) as error:
        raise WrongCheck(f"the check {name} cannot be read: {error!r}") from error


@dataclass(frozen=True, slots=True)
class _Question:
    """One document with what it is judged by."""

    keys: Mapping[str, Any]
    given: Standards
    calendar: BusinessCalendar
    clock: datetime

    @property
    def text(self) -> str:
        return str(self.keys["text"])

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
        channel = str(self.keys.get("channel_type", self.keys.get("channel", "webchat")))
        known = {each.value for each in ChannelType}
        return Place(
            channel_type=ChannelType(channel) if channel in known else ChannelType.WEBCHAT,
            origin=Origin(self.keys.get("origin", "agent")),
            author=str(self.keys.get("author", self.keys.get("agent", ""))),
            template=self.keys.get("template"),
            approving=bool(self.keys.get("approving", False)),
        )

    @property
    def stage(self) -> Stage:
        name = str(self.keys.get("stage") or "")
        return Stage(_STAGES.get(name, name))

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
            own=_own(keys.get("customer", {})),
            attachments=[_file(each) for each in keys.get("files", ())],
            subject=keys.get("subject"),
            handed_off_at=self.instant("handed_off_at"),
            open_promises=int(keys.get("open_promises", 0)),
            corrects=str(keys.get("corrects", "")),
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

    def everything(self) -> dict[str, Any]:
        """All findings of the pipeline, and what was read from the text."""
        findings = check(self.reply, self.standards, self.calendar, self.now)
        return {
            "check": "all",
            "held": any(each.level.holds for each in findings),
            "findings": [shown(each) for each in findings],
            "promises": promise_result(self),
            "statements": statement_result(self),
            "facts": fact_result(self),
            "standards": self.standards.version,
        }


def shown(finding: Finding) -> dict[str, Any]:
    """A finding as JSON; `span` counts characters of the text given."""
    return {
        "rule": finding.rule,
        "version": finding.version,
        "level": finding.level.value,
        "span": list(finding.span),
        "said": finding.said,
        "approved": finding.approved,
        "earlier": finding.earlier,
        "message": {"zh": finding.message.zh, "en": finding.message.en},
        "suggestion": {"zh": finding.suggestion.zh, "en": finding.suggestion.en},
        "fix": finding.fix,
    }


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


def _own(keys: Mapping[str, Any]) -> Own:
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


def promise_result(question: _Question) -> list[list[Any]]:
    """`[[kind, due]]` in order of place."""
    found = promises(question.body, question.standards.promises)
    return [[each.kind.value, each.due_at.isoformat()] for each in found]


def statement_result(question: _Question) -> list[list[Any]]:
    """`[[slot, value, order]]`."""
    found = statements(question.body, question.standards.ledger)
    return [[each.slot.value, each.shown, each.order] for each in found]


def fact_result(question: _Question) -> list[list[Any]]:
    """`[[key, said, agrees]]`."""
    at = question.instant("ordered_at") or question.now
    found = mentions(question.body, question.standards.facts, at, question.keys.get("scope", {}))
    return [[each.rule.key, each.said, each.agrees] for each in found]


def _pairs(findings: Sequence[Finding]) -> list[list[str]]:
    """`[[rule, level]]`, each pair once, block first."""
    pairs = dict.fromkeys((each.rule, each.level.value) for each in in_order(findings))
    return [list(each) for each in pairs]


def _wording(question: _Question) -> list[list[str]]:
    text, place, standards = question.text, question.place, question.standards
    whole = normalise(text)
    normal = without_quotes(whole)
    own = _own(question.keys.get("customer", {}))
    return _pairs(
        [
            *phrases(normal, text, standards.wording, place),
            *incomplete(normal, question.stage, standards.required, place, standards.checks),
            *shouting(text, place, standards.checks),
            *leaks(whole, text, standards.pii, own, place, standards.checks),
            *markup(text, place, standards.checks),
        ]
    )


def _required(question: _Question) -> list[str]:
    normal = without_quotes(normalise(question.text))
    return missing(normal, question.stage, question.standards.required)


def _lang(question: _Question) -> str:
    return language(question.text).value


def _language(question: _Question) -> list[list[str]]:
    spoken = language(str(question.keys.get("question", "")))
    setting = question.keys.get("language")
    return _pairs(mismatch(question.text, spoken, setting, question.place, question.standards.checks))


def _duplicate(question: _Question) -> bool:
    keys, ignored = question.keys, question.standards.topics.ignored
    found = likeness(
        features(str(keys["a"]), ignored),
        features(str(keys["b"]), ignored),
        timedelta(minutes=float(keys.get("minutes", 0))),
        same_order=bool(keys.get("same_order", False)),
        same_topic=bool(keys.get("same_topic", False)),
    )
    return found.duplicate


def _ack_only(question: _Question) -> bool:
    keys = question.keys
    return ack_only(
        question.text,
        question.standards.thanks,
        attachments=int(keys.get("attachments", 0)),
        last_is_ours=bool(keys.get("last_is_ours", True)),
    )


def _ledger(question: _Question) -> list[list[str]]:
    reply, standards = question.reply, question.standards
    told = bound(statements(question.body, standards.ledger), reply.orders, reply.topic)
    found = contradictions(
        told, reply.told, reply.conversation, question.body.normal, reply.place, standards.ledger, standards.checks
    )
    return _pairs([each.finding for each in found])


def _collision(question: _Question) -> list[list[str]]:
    standards = question.standards
    text = str(question.keys.get("text", ""))
    ignored = standards.topics.ignored
    return _pairs(collisions(text, question.place, question.view, question.now, ignored, standards.checks))


def _format(question: _Question) -> list[list[str]]:
    reply, standards = question.reply, question.standards
    shape = Form(
        first=reply.stage in (Stage.FIRST, Stage.FIRST_COMPLAINT),
        attachments=reply.attachments,
        subject=reply.subject,
        questions=reply.question,
    )
    normal = without_quotes(normalise(question.text))
    return _pairs(
        form(question.text, normal, shape, standards.formats, standards.required, reply.place, standards.checks)
    )


def _topic(question: _Question) -> dict[str, Any]:
    found = topics.topic(question.text, question.standards.topics, question.keys.get("known_orders"))
    return {
        "orders": list(found.orders),
        "category": found.category,
        "key": found.key,
        "complaint": found.complaint,
        "urgent": found.urgent,
    }


def _choice(question: _Question) -> list[list[Any]]:
    return [[each.slot.value, each.shown, each.order] for each in choices(question.body, question.standards.ledger)]


CHECKS: Mapping[str, Callable[[_Question], Any]] = {
    "promise": promise_result,
    "statement": statement_result,
    "fact": fact_result,
    "wording": _wording,
    "required": _required,
    "lang": _lang,
    "duplicate": _duplicate,
    "ack_only": _ack_only,
    "ledger": _ledger,
    "collision": _collision,
    "format": _format,
    "language": _language,
    "topic": _topic,
    "choice": _choice,
}
"""The checks by name; each answers in the shape of an example's `expect`."""
