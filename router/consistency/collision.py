"""Two agents, one customer: what the row lock shows at the moment of sending (`service.md` 4.4, 4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.consistency.findings import Finding, Origin, Place, Rule
from router.duplicates import Features, features, jaccard


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The newest public message of our side; a queued reply counts as one (decisions 16)."""

    agent: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditLease:
    """A claim on answering: opened by *Reply* or a post in the thread, renewed by activity."""

    agent: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedView:
    """What is true of the conversation under the lock.

    `seen_at` is when this agent last interacted with the thread; `round_answered`: the round this reply would answer
    is already answered. `customer_at` and `customer_seq` are those of the newest customer message, `base_seq` the
    newest the draft was based on. `exempt`: lead or coordinator; `muted`: collisions muted here by a lead.
    """

    newest: Answer | None = None
    seen_at: datetime | None = None
    round_answered: bool = False
    lease: EditLease | None = None
    customer_at: datetime | None = None
    customer_seq: int | None = None
    base_seq: int | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    owner: str | None = None
    exempt: bool = False
    muted: bool = False


NO_VIEW = LockedView()

LEASE_CHAT = timedelta(minutes=5)
LEASE_MAIL = timedelta(minutes=15)
_RECENT_CHAT = timedelta(seconds=120)
_RECENT_MAIL = timedelta(minutes=15)
_CROSSING = timedelta(seconds=10)
_SAME = 0.9


def lease_time(place: Place) -> timedelta:
    """How long a lease lasts without activity."""
    return LEASE_CHAT if place.is_chat else LEASE_MAIL


def collisions(
    text: str, place: Place, view: LockedView, now: datetime, ignored: frozenset[str], checks: Mapping[str, Rule]
) -> list[Finding]:
    """COL-A to COL-D and COL-OWNER; `ignored` are words that do not make texts alike (greetings).

    Bots, templates and surveys collide with nobody. The second part of one agent's own answer is never a collision.
    """
    if place.origin is not Origin.AGENT or view.muted:
        return []
    found: list[Finding] = []
    if (answered := _answered(text, place, view, now, ignored, checks)) is not None:
        found.append(answered)
    lease = view.lease
    if lease is not None and lease.agent != place.author and lease.until > now:
        found.append(checks["COL-B"].finding(place, values={"agent": lease.agent, "since": f"{lease.since:%H:%M}"}))
    if _crosses(place, view, now):
        found.append(checks["COL-C"].finding(place))
    if view.resolved_by is not None and view.resolved_by != place.author and _is_later(view.resolved_at, view.seen_at):
        found.append(checks["COL-D"].finding(place, values={"agent": view.resolved_by}))
    if view.owner is not None and view.owner != place.author and not view.exempt:
        found.append(checks["COL-OWNER"].finding(place, values={"agent": view.owner}))
    return found


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    return than is None or at is None or at > than


def _answered(
    text: str, place: Place, view: LockedView, now: datetime, ignored: frozenset[str], checks: Mapping[str, Rule]
) -> Finding | None:
    """(a) Somebody else answered this round after the agent last looked."""
    newest = view.newest
    if newest is None or newest.agent == place.author or not _is_later(newest.at, view.seen_at):
        return None
    seconds = int((now - newest.at).total_seconds())
    values = {"agent": newest.agent, "seconds": str(max(0, seconds))}
    recent = now - newest.at <= (_RECENT_CHAT if place.is_chat else _RECENT_MAIL)
    if not (recent or view.round_answered):
        return None
    if _alike(features(text, ignored), features(newest.text, ignored), text, newest.text):
        return checks["COL-SAME"].finding(place, (0, len(text)), earlier=newest.text, values=values)
    if not (recent and view.round_answered):
        return None
    return checks["COL-A"].finding(place, earlier=newest.text, values=values)


def _alike(one: Features, other: Features, text: str, earlier: str) -> bool:
    """Identical text: Jaccard of at least 0.9, or equal letters where there is too little to compare."""
    if not one or not other:
        return text.strip() == earlier.strip()
    return jaccard(one, other) >= _SAME


def _crosses(place: Place, view: LockedView, now: datetime) -> bool:
    """(c) A customer message arrived within the last 10 s (chat) or after the draft's base (mail)."""
    if place.is_chat:
        return view.customer_at is not None and timedelta(0) <= now - view.customer_at <= _CROSSING
    return view.customer_seq is not None and view.base_seq is not None and view.customer_seq > view.base_seq
