"""What a check answers: findings with a rule, a level and a place in the original text, in words for the agent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from router.consistency.text import Span
from router.model import ChannelType

TRIAL = timedelta(days=7)
"""A new rule stays in shadow this long (4.0)."""


class Level(StrEnum):
    """How a finding acts: recorded silently, shown to QA, held for one click, released by a lead only.

    OFF is no finding at all: the matrix of `service.md` 4.13 says "skip" or "at approval" there.
    """

    OFF = "off"
    SHADOW = "shadow"
    LOG = "log"
    WARN = "warn"
    BLOCK = "block"

    @property
    def holds(self) -> bool:
        """True when the message may not leave before somebody has decided."""
        return self in (Level.WARN, Level.BLOCK)


_ORDER = {Level.BLOCK: 0, Level.WARN: 1, Level.LOG: 2, Level.SHADOW: 3, Level.OFF: 4}


class Origin(StrEnum):
    """Who made an outgoing message; every one passes the same pipeline."""

    AGENT = "agent"
    BOT = "bot"
    TEMPLATE = "template"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in the languages of the interface."""

    zh: str = ""
    en: str = ""

    def filled(self, values: Mapping[str, object]) -> "Words":
        """With every {name} replaced; names that are not given stay as they are."""
        zh, en = self.zh, self.en
        for name, value in values.items():
            zh = zh.replace(f"{{{name}}}", str(value))
            en = en.replace(f"{{{name}}}", str(value))
        return Words(zh, en)

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)


NO_WORDS = Words()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message would leave: what a rule's level depends on. `approving`: a template is being approved."""

    channel_type: ChannelType = ChannelType.WEBCHAT
    origin: Origin = Origin.AGENT
    author: str = ""
    template: str | None = None
    approving: bool = False

    @property
    def is_chat(self) -> bool:
        return self.channel_type is not ChannelType.EMAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `span` is in the original text (empty at 0 for what is missing from it).

    `said`, `approved` and `earlier` are shown side by side; `fix` replaces the span when the form can be repaired
    without asking. `after_trial`: its level once the trial of its rule is over; None where there is no trial.
    """

    rule: str
    version: int
    level: Level
    span: Span = (0, 0)
    said: str = ""
    approved: str = ""
    earlier: str = ""
    message: Words = NO_WORDS
    suggestion: Words = NO_WORDS
    fix: str | None = None
    after_trial: Level | None = None

    def tried(self, rules: Mapping[str, "Rule"], now: datetime) -> "Finding":
        """The finding of a rule that is still on trial counts as shadow, whatever its level says."""
        rule = rules.get(self.rule)
        if rule is None or not rule.is_on_trial(now) or self.level in (Level.SHADOW, Level.OFF):
            return self
        return replace(self, level=Level.SHADOW, after_trial=self.level)

    def in_earnest(self) -> "Finding":
        """As if no rule were on trial."""
        return self if self.after_trial is None else replace(self, level=self.after_trial, after_trial=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the standards: its level, where that differs, whom it does not apply to, and its words.

    `levels` has keys of `ChannelType` and `Origin`; the origin wins over the channel (a bot is held to more). `since`:
    when a new rule came into force; without it a rule is not new.
    """

    id: str
    version: int = 1
    level: Level = Level.WARN
    levels: Mapping[str, Level] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    message: Words = NO_WORDS
    suggestion: Words = NO_WORDS
    since: datetime | None = None

    def is_on_trial(self, now: datetime) -> bool:
        """Whether the rule is so new that it only records (4.0)."""
        return self.since is not None and now - self.since < TRIAL

    def level_at(self, place: Place) -> Level:
        """The level for this message; OFF for agents and templates on the allow-list.

        A rule in shadow stays there whatever the matrix says. While a template is approved it is judged as an
        agent's message.
        """
        if place.author in self.allow or (place.template is not None and place.template in self.allow):
            return Level.OFF
        if self.level in (Level.SHADOW, Level.OFF):
            return self.level
        if place.origin is not Origin.AGENT and not place.approving and place.origin.value in self.levels:
            return self.levels[place.origin.value]
        return self.levels.get(place.channel_type.value, self.level)

    def finding(
        self,
        place: Place,
        span: Span = (0, 0),
        *,
        said: str = "",
        approved: str = "",
        earlier: str = "",
        level: Level | None = None,
        fix: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Finding:
        """A finding of this rule; `values` fill the message beside said, approved and earlier."""
        words = {"said": said, "approved": approved, "earlier": earlier, **(values or {})}
        return Finding(
            rule=self.id,
            version=self.version,
            level=self.level_at(place) if level is None else level,
            span=span,
            said=said,
            approved=approved,
            earlier=earlier,
            message=self.message.filled(words),
            suggestion=self.suggestion.filled(words),
            fix=fix,
        )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Block before warn before log, then by place; findings at OFF and repetitions are left out."""
    seen: set[tuple[object, ...]] = set()
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (_ORDER[f.level], f.span, f.rule)):
        key = (finding.rule, finding.span, finding.said, finding.earlier)
        if finding.level is Level.OFF or key in seen:
            continue
        seen.add(key)
        kept.append(finding)
    return kept


def is_held(findings: Iterable[Finding]) -> bool:
    """True when the message must wait for a decision."""
    return any(finding.level.holds for finding in findings)


def needs_lead(findings: Iterable[Finding]) -> bool:
    """True when only a lead may release the message."""
    return any(finding.level is Level.BLOCK for finding in findings)
