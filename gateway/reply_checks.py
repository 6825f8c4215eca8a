"""`check-reply`: one check of a text, in the shape of the consistency examples, or every finding at once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.reply_documents import Question, own_of
from gateway.reply_shapes import WrongCheck, read
from router import topics
from router.consistency.collision import collisions
from router.consistency.facts import mentions
from router.consistency.findings import Finding, in_order
from router.consistency.formats import Shape, form
from router.consistency.language import language, mismatch
from router.consistency.ledger import bound, contradictions
from router.consistency.markup import markup
from router.consistency.pii import leaks
from router.consistency.pipeline import check
from router.consistency.promises import promises
from router.consistency.reply import Standards
from router.consistency.statements import choices, statements
from router.consistency.text import normalise, without_quotes
from router.consistency.thanks import ack_only
from router.consistency.wording import Stage, incomplete, missing, phrases, shouting
from router.consistency.workdays import BusinessCalendar
from router.duplicates import features, likeness


def check_reply(
    document: Mapping[str, Any], standards: Standards, calendar: BusinessCalendar, now: datetime
) -> dict[str, Any]:
    """The answer to one document: `{"check", "result"}`, or `{"check": "all", "findings": [...], ...}`.

    Context keys stand beside `text` or inside `context`, the latter win; `Question` lists them. `now` holds where
    the document gives none. Raises WrongCheck.
    """
    keys = read(document)
    name = str(document.get("check", "all"))
    question = Question(keys, standards, calendar, now)
    if name == "all":
        return _everything(question)
    if name not in CHECKS:
        raise WrongCheck(f"check {name!r} is not known; known are all, {', '.join(CHECKS)}")
    return {"check": name, "result": CHECKS[name](question)}


def _everything(question: Question) -> dict[str, Any]:
    """All findings of the pipeline, and what was read from the text."""
    findings = check(question.reply, question.standards, question.calendar, question.now)
    return {
        "check": "all",
        "held": any(each.level.holds for each in findings),
        "findings": [shown(each) for each in findings],
        "promises": promise_result(question),
        "statements": statement_result(question),
        "facts": fact_result(question),
        "standards": question.standards.version,
    }


def shown(finding: Finding) -> dict[str, Any]:
    """A finding as JSON; `span` counts characters of the text given."""
    return {
        "rule": finding.rule,
        "version": finding.version,
        "level": finding.level.value,
        "after_trial": finding.after_trial,
        "span": list(finding.span),
        "said": finding.said,
        "approved": finding.approved,
        "earlier": finding.earlier,
        "message": {"zh": finding.message.zh, "en": finding.message.en},
        "suggestion": {"zh": finding.suggestion.zh, "en": finding.suggestion.en},
        "fix": finding.fix,
    }


def promise_result(question: Question) -> list[list[Any]]:
    """`[[kind, due]]` in order of place."""
    found = promises(question.body, question.standards.promises)
    return [[each.kind.value, each.due_at.isoformat()] for each in found]


def statement_result(question: Question) -> list[list[Any]]:
    """`[[slot, value, order]]`."""
    found = statements(question.body, question.standards.ledger)
    return [[each.slot.value, each.shown, each.order] for each in found]


def fact_result(question: Question) -> list[list[Any]]:
    """`[[key, said, agrees]]`."""
    at = question.instant("ordered_at") or question.now
    found = mentions(question.body, question.standards.facts, at, question.keys.get("scope", {}))
    return [[each.rule.key, each.said, each.agrees] for each in found]


def _pairs(question: Question, findings: Sequence[Finding]) -> list[list[str]]:
    """`[[rule, level]]`, each pair once, block first."""
    rules = question.standards.rules
    found = in_order(each.tried(rules, question.now) for each in findings)
    pairs = dict.fromkeys((each.rule, each.level.value) for each in found)
    return [list(each) for each in pairs]


def _wording(question: Question) -> list[list[str]]:
    text, place, standards = question.text, question.place, question.standards
    whole = normalise(text)
    normal = without_quotes(whole)
    own = own_of(question.keys.get("customer", {}))
    return _pairs(
        question,
        [
            *phrases(normal, text, standards.wording, place),
            *incomplete(normal, question.stage, standards.required, place, standards.checks),
            *shouting(text, place, standards.checks),
            *leaks(whole, text, standards.pii, own, place, standards.checks),
            *markup(text, place, standards.checks),
        ],
    )


def _required(question: Question) -> list[str]:
    normal = without_quotes(normalise(question.text))
    return missing(normal, question.stage, question.standards.required)


def _lang(question: Question) -> str:
    return language(question.text).value


def _language(question: Question) -> list[list[str]]:
    spoken = language(str(question.keys.get("question", "")))
    setting = question.keys.get("language")
    return _pairs(question, mismatch(question.text, spoken, setting, question.place, question.standards.checks))


def _duplicate(question: Question) -> bool:
    keys, ignored = question.keys, question.standards.topics.ignored
    found = likeness(
        features(question.needed("a"), ignored),
        features(question.needed("b"), ignored),
        timedelta(minutes=float(keys.get("minutes", 0))),
        same_order=bool(keys.get("same_order", False)),
        same_topic=bool(keys.get("same_topic", False)),
    )
    return found.duplicate


def _ack_only(question: Question) -> bool:
    keys = question.keys
    return ack_only(
        question.text,
        question.standards.thanks,
        attachments=int(keys.get("attachments", 0)),
        last_is_ours=bool(keys.get("last_is_ours", True)),
    )


def _ledger(question: Question) -> list[list[str]]:
    reply, standards = question.reply, question.standards
    told = bound(statements(question.body, standards.ledger), reply.orders, reply.topic)
    found = contradictions(
        told, reply.told, reply.conversation, question.body.normal, reply.place, standards.ledger, standards.checks
    )
    return _pairs(question, [each.finding for each in found])


def _collision(question: Question) -> list[list[str]]:
    standards = question.standards
    text = str(question.keys.get("text", ""))
    ignored = standards.topics.ignored
    return _pairs(question, collisions(text, question.place, question.view, question.now, ignored, standards.checks))


def _format(question: Question) -> list[list[str]]:
    reply, standards = question.reply, question.standards
    shape = Shape(
        first=reply.stage in (Stage.FIRST, Stage.FIRST_COMPLAINT),
        attachments=reply.attachments,
        subject=reply.subject,
        questions=reply.question,
    )
    normal = without_quotes(normalise(question.text))
    return _pairs(
        question,
        form(question.text, normal, shape, standards.formats, standards.required, reply.place, standards.checks),
    )


def _topic(question: Question) -> dict[str, Any]:
    found = topics.topic(question.text, question.standards.topics, question.keys.get("known_orders"))
    return {
        "orders": list(found.orders),
        "category": found.category,
        "key": found.key,
        "complaint": found.complaint,
        "urgent": found.urgent,
    }


def _choice(question: Question) -> list[list[Any]]:
    return [[each.slot.value, each.shown, each.order] for each in choices(question.body, question.standards.ledger)]


CHECKS: Mapping[str, Callable[[Question], Any]] = {
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
