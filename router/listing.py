"""Conversations as lists show them: one row each, with what tells an agent whether to open it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.model import CardLine, Priority, Status
from router.rulebook import Rulebook
from router.sheets import Entry

NAME = 60
SUBJECT = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`thread` is the ref of the desk thread on the channel that asks, `channel` and `address` where the customer wrote
    last. `due_at` is the deadline of the round that is open, `offered_to` who may take it."""

    number: int
    status: Status
    contact: str
    subject: str = ""
    channel: str = ""
    address: str = ""
    thread: str | None = None
    owner: str | None = None
    team: str | None = None
    priority: Priority = Priority.NORMAL
    opened_at: datetime
    last_in_at: datetime | None = None
    waiting_since: datetime | None = None
    due_at: datetime | None = None
    offered_to: str | None = None


def soonest_first(found: Iterable[Listed]) -> list[Listed]:
    """Those whose customer waits first, the overdue and the soonest due on top; then the latest heard of."""

    def key(each: Listed) -> tuple[bool, float, float]:
        since = each.waiting_since
        if since is None:
            return True, 0.0, -(each.last_in_at or each.opened_at).timestamp()
        due = each.due_at.timestamp() if each.due_at is not None else float("inf")
        return False, due, since.timestamp()

    return sorted(found, key=key)


def entry(each: Listed, now: datetime, zone: str, rules: Rulebook, *, owner: bool = False) -> Entry:
    """A row of a list; `owner`: whose it is belongs to it."""
    called = each.contact or each.address or "somebody"
    title = _clip(called, NAME) + (f": {_clip(each.subject, SUBJECT)}" if each.subject else "")
    facts = [each.channel] if each.channel else []
    if each.priority is not Priority.NORMAL:
        facts.append(each.priority.value)
    if owner or each.status is not Status.OPEN:
        facts.append(each.status.replace("_", " "))
    if owner:
        facts.append(_name(each.owner, rules) if each.owner else _nobody(each, rules))
    elif each.offered_to is not None:
        facts.append(f"offered to {_name(each.offered_to, rules)}")
    return Entry(
        number=each.number, thread=each.thread, title=title, facts=" · ".join(facts), at=_instant(each, now, zone)
    )


def entries(found: Sequence[Listed], now: datetime, zone: str, rules: Rulebook, *, owner: bool = False) -> list[Entry]:
    """`entry` of each."""
    return [entry(each, now, zone, rules, owner=owner) for each in found]


def _instant(each: Listed, now: datetime, zone: str) -> CardLine:
    """The one that counts: the deadline, else since when the customer waits, else when they were last heard of."""
    if each.waiting_since is None:
        return CardLine(text="last heard of", at=each.last_in_at or each.opened_at, zone=zone)
    if each.due_at is None:
        return CardLine(text="waits since", at=each.waiting_since, zone=zone)
    late = now > each.due_at  # exactly on time is met (D17)
    return CardLine(text="overdue since" if late else "answer due", at=each.due_at, zone=zone, alarming=late)


def _nobody(each: Listed, rules: Rulebook) -> str:
    team = rules.teams.get(each.team or "")
    return f"nobody ({team.name})" if team is not None else "nobody"


def _name(agent: str, rules: Rulebook) -> str:
    known = rules.agents.get(agent)
    return known.name if known is not None else agent


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
