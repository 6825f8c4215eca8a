"""The one pipeline every outgoing message passes: agent, bot, template and survey (`service.md` 4.0).

`check_text` needs no lock and runs before the unit of work, `check_locked` inside it (decisions 8); `check` is both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from router.consistency import collision, facts, ledger
from router.consistency.body import Body, body_of
from router.consistency.facts import FactRule, Mention
from router.consistency.findings import Finding, Level, in_order
from router.consistency.formats import Shape, form
from router.consistency.language import Language, language, mismatch
from router.consistency.markup import markup
from router.consistency.pii import leaks
from router.consistency.promises import Promised, promises
from router.consistency.reply import Reply, Standards
from router.consistency.statements import Told, statements
from router.consistency.times import Form
from router.consistency.wording import Stage, incomplete, phrases, shouting
from router.consistency.workdays import BusinessCalendar
from router.duplicates import deviates, features

_HAND_OFF = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply says, found once and used by every later step: facts mentioned, promises made, statements."""

    body: Body
    mentions: Sequence[Mention]
    promises: Sequence[Promised]
    told: Sequence[Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The answer of the pipeline: findings in order, and what was read from the text."""

    findings: Sequence[Finding]
    reading: Reading
    contradictions: Sequence[ledger.Contradiction] = ()


def read(reply: Reply, standards: Standards, calendar: BusinessCalendar, now: datetime) -> Reading:
    """Normalise once and extract everything a reply states."""
    body = body_of(reply.text, calendar, now, standards.promises.soon(reply.place.channel_type))
    return Reading(
        body=body,
        mentions=facts.mentions(body, standards.facts, reply.ordered_at or now, reply.scope),
        promises=promises(body, standards.promises),
        told=ledger.bound(statements(body, standards.ledger), reply.orders, reply.topic),
    )


def check_text(reply: Reply, standards: Standards, calendar: BusinessCalendar, now: datetime) -> Checked:
    """All checks that need nothing but the text and its context: facts, wording, PII, language, form, promises."""
    reading = read(reply, standards, calendar, now)
    rules, found = standards.rules, _of_text(reply, reading, standards, calendar, now)
    return Checked(findings=in_order(each.tried(rules, now) for each in found), reading=reading)


def check_locked(checked: Checked, reply: Reply, standards: Standards, now: datetime) -> Checked:
    """Adds what only the row lock can tell: collision and ledger. The text is not read again."""
    place, checks = reply.place, standards.checks
    against = ledger.contradictions(
        checked.reading.told,
        reply.told,
        reply.conversation,
        checked.reading.body.normal,
        place,
        standards.ledger,
        checks,
    )
    if reply.corrects:
        # a correction with a reason may leave; what it replaces is still recorded
        against = [replace(each, finding=replace(each.finding, level=_recorded(each.finding))) for each in against]
    rules = standards.rules
    against = [replace(each, finding=each.finding.tried(rules, now)) for each in against]
    crossed = collision.collisions(reply.text, place, reply.view, now, standards.topics.ignored, checks)
    findings = [
        *checked.findings,
        *(each.tried(rules, now) for each in crossed),
        *(each.finding for each in against),
    ]
    return Checked(findings=in_order(findings), reading=checked.reading, contradictions=against)


def check(reply: Reply, standards: Standards, calendar: BusinessCalendar, now: datetime) -> list[Finding]:
    """Every finding of one outgoing message, block before warn before log."""
    return list(check_locked(check_text(reply, standards, calendar, now), reply, standards, now).findings)


def _recorded(finding: Finding) -> Level:
    return Level.LOG if finding.level.holds else finding.level


def _of_text(
    reply: Reply, reading: Reading, standards: Standards, calendar: BusinessCalendar, now: datetime
) -> list[Finding]:
    place, checks, text = reply.place, standards.checks, reply.text
    first = reply.stage in (Stage.FIRST, Stage.FIRST_COMPLAINT)
    shape = Shape(first=first, attachments=reply.attachments, subject=reply.subject, questions=reply.question)
    spoken = language(reply.question) if reply.question else Language.UNKNOWN
    return [
        *facts.contradictions(reading.mentions, place),
        *_too_early(reply, reading, standards, calendar, now),
        *phrases(reading.body.normal, text, standards.wording, place),
        *_elements(reply, reading, standards, now),
        *shouting(text, place, checks),
        *leaks(reading.body.whole, text, standards.pii, reply.own, place, checks),
        *markup(text, place, checks),
        *mismatch(text, spoken, reply.language, place, checks),
        *form(text, reading.body.normal, shape, standards.formats, standards.required, place, checks),
        *_open_promises(reply, reading, standards),
        *_deviations(reply, standards),
    ]


def _elements(reply: Reply, reading: Reading, standards: Standards, now: datetime) -> list[Finding]:
    found = incomplete(reading.body.normal, reply.stage, standards.required, reply.place, standards.checks)
    handed = reply.handed_off_at
    if reply.place.is_chat and handed is not None and now - handed <= _HAND_OFF:
        # whoever takes over a chat within two minutes need not greet again
        return [each for each in found if each.rule != "W-GREET"]
    return found


def _too_early(
    reply: Reply, reading: Reading, standards: Standards, calendar: BusinessCalendar, now: datetime
) -> list[Finding]:
    """A promise shorter than a fact allows: a refund "today" where it takes working days."""
    found: list[Finding] = []
    for rule in standards.facts.rules:
        soonest = facts.earliest(rule, now, calendar)
        if soonest is None:
            continue
        fact = standards.facts.in_force(rule.key, reply.ordered_at or now, reply.scope)
        for promise in reading.promises:
            if fact is not None and _is_early(promise, rule, soonest):
                said = promise.due_at.strftime("%Y-%m-%d %H:%M")
                check = standards.checks["PROMISE-EARLY"]
                found.append(check.finding(reply.place, promise.span, said=said, approved=fact.value))
    return found


def _is_early(promise: Promised, rule: FactRule, soonest: datetime) -> bool:
    """A definite time before the earliest one: "as soon as possible" promises no day."""
    return promise.kind is rule.promise and promise.form is not Form.VAGUE and promise.due_at < soonest


def _deviations(reply: Reply, standards: Standards) -> list[Finding]:
    """A free answer that differs from the official one of an incident, or from an approved one (4.3)."""
    ignored = standards.topics.ignored
    wanted = (("ANSWER-INCIDENT", reply.official_answer), ("ANSWER-REUSE", reply.approved_answer))
    return [
        standards.checks[name].finding(reply.place, approved=answer)
        for name, answer in wanted
        if answer and deviates(features(reply.text, ignored), features(answer, ignored))
    ]


def _open_promises(reply: Reply, reading: Reading, standards: Standards) -> list[Finding]:
    """Resolving with promises still open."""
    count = reply.open_promises + len(reading.promises)
    if reply.stage is not Stage.RESOLVE or not count:
        return []
    return [standards.checks["PROMISE-OPEN"].finding(reply.place, said=str(count))]
