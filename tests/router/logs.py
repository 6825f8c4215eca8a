"""Logs for tests: one line an event, minutes after ten o'clock, and generated conversations from a seed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid5

from router.calendars import ALWAYS, Calendar
from router.events import EventType
from router.instants import to_text
from router.model import Event
from router.rounds import timeline
from router.targets import Metric, Policy, Target, TimeBase
from router.terms import Terms
from router.timeline import Timeline

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)
CONVERSATION = UUID(int=1)

FAST = Policy(
    id="fast",
    targets={
        Metric.FIRST: Target(seconds=180),
        Metric.NEXT: Target(seconds=180),
        Metric.RESOLUTION: Target(seconds=3600),
    },
)
SLOW = Policy(id="slow", targets={Metric.FIRST: Target(seconds=600), Metric.NEXT: Target(seconds=600)})
URGENT = Policy(
    id="urgent", targets={metric: Target(seconds=120, clock=TimeBase.WALL) for metric in (Metric.FIRST, Metric.NEXT)}
)
TERMS = Terms(policies={(policy.id, 1): policy for policy in (FAST, SLOW, URGENT)}, unjudged=FAST)


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def message(name: str) -> str:
    return uuid5(NAMESPACE_OID, name).hex


class Log:
    """Every call appends one event; `seq` grows by one."""

    def __init__(self, conversation: UUID = CONVERSATION) -> None:
        self.conversation = conversation
        self.events: list[Event] = []

    def add(self, minutes: float, type_: str, actor: str = "", **payload: object) -> "Log":
        self.events.append(
            Event(
                conversation=self.conversation,
                seq=len(self.events),
                type=type_,
                at=at(minutes),
                actor=actor,
                payload=payload,
            )
        )
        return self

    def customer(self, minutes: float, name: str, source: float | None = None, **more: object) -> "Log":
        sent = {} if source is None else {"sent_at": to_text(at(source))}
        given = {"channel": "web", "key": name, **sent, **more}
        return self.add(minutes, EventType.MESSAGE_RECEIVED, "customer", message=message(name), **given)

    def agent(
        self, minutes: float, name: str = "", who: str = "alice", composed: float | None = None, **more: object
    ) -> "Log":
        written = {} if composed is None else {"composed_at": to_text(at(composed))}
        named = message(name or f"reply{len(self.events)}")
        return self.add(minutes, EventType.MESSAGE_SENT, f"agent:{who}", message=named, **written, **more)

    def bot(self, minutes: float, name: str = "", **more: object) -> "Log":
        named = message(name or f"bot{len(self.events)}")
        return self.add(minutes, EventType.MESSAGE_SENT, "bot:faq", message=named, **more)

    def ack(self, minutes: float) -> "Log":
        return self.add(minutes, EventType.MESSAGE_SENT, "system:ack", message=message(f"ack{len(self.events)}"))

    def failed(self, minutes: float, name: str) -> "Log":
        return self.add(minutes, EventType.DELIVERY_FAILED, message=message(name))

    def status(self, minutes: float, to: str, leaving: float | None = None) -> "Log":
        under_way = {} if leaving is None else {"leaving": to_text(at(leaving))}
        return self.add(minutes, EventType.STATUS_CHANGED, to=to, **under_way)

    def owner(self, minutes: float, agent: str | None, team: str | None = "cs") -> "Log":
        return self.add(minutes, EventType.ASSIGNED, agent=agent, team=team)

    def policy(self, minutes: float, name: str) -> "Log":
        return self.add(minutes, EventType.POLICY_CHANGED, policy=name, policy_version=1)

    def edit(self, minutes: float, name: str, *, material: bool = True) -> "Log":
        return self.add(minutes, EventType.MESSAGE_EDITED, "customer", message=message(name), material=material)

    def now(self, minutes: float, terms: Terms = TERMS) -> Timeline:
        return timeline(self.events, terms, self.conversation, at(minutes))


def with_calendar(calendar: Calendar, first: Target, resolution: Target | None = None) -> Terms:
    """Terms of one policy on a calendar."""
    targets = {Metric.FIRST: first, Metric.NEXT: first}
    if resolution is not None:
        targets[Metric.RESOLUTION] = resolution
    policy = Policy(id="only", calendar=calendar, targets=targets)
    return Terms(policies={("only", 1): policy}, unjudged=policy)


def generated(seed: int, length: int = 14, calendars: Sequence[Calendar] = (ALWAYS,)) -> tuple[list[Event], Terms]:
    """A conversation with everything that can happen in one, always the same for a seed."""
    chance = Random(seed)
    policies = [_policy(f"p{number}", chance, calendars) for number in range(3)]
    log, minutes, seen, told = Log(), 0.0, ["m0"], ["r0"]
    if chance.random() < 0.3:
        log.add(0, EventType.CONVERSATION_OPENED, handler="bot", policy="p1", policy_version=1, team="cs")
    log.customer(0, "m0")
    for step in range(1, length):
        minutes += chance.choice((0, 0, 0.02, 0.5, 2, 7, 45, 600, 5000))
        match chance.randrange(16):
            case 0 | 1 | 2 | 3:
                seen.append(f"m{step}")
                late = chance.choice((None, None, 0, 1, 30, 20000))
                kind = chance.choice(("human", "human", "human", "auto"))
                channel = chance.choice(("web", "tg", "mail"))
                source = None if late is None else minutes - late
                log.customer(minutes, f"m{step}", source, kind=kind, channel=channel, needs_reply=chance.random() < 0.9)
            case 4 | 5 | 6:
                told.append(f"r{step}")
                held = chance.choice((0, 0, 0.01, 3))
                who = chance.choice(("alice", "bob"))
                log.agent(minutes, f"r{step}", who, minutes - held, holding=chance.random() < 0.2)
            case 7:
                told.append(f"r{step}")
                log.bot(minutes, f"r{step}")
            case 8:
                leaving = chance.choice((None, minutes - chance.choice((0, 0.01, 3))))
                status = chance.choice(("open", "pending", "on_hold", "snoozed", "resolved", "resolved"))
                log.status(minutes, status, leaving)
            case 9:
                log.owner(minutes, chance.choice((None, "alice", "bob")), chance.choice(("cs", "logistics")))
            case 10:
                log.policy(minutes, f"p{chance.randrange(3)}")
            case 11:
                log.failed(minutes, chance.choice(told))
            case 12:
                log.edit(minutes, chance.choice(seen), material=chance.random() < 0.7)
            case 13:
                log.add(minutes, EventType.HANDED_OFF)
            case 14:
                log.add(
                    minutes,
                    chance.choice((EventType.NEED_CHANGED, EventType.MESSAGE_MOVED)),
                    message=message(chance.choice(seen)),
                    needs_reply=chance.random() < 0.5,
                )
            case _:
                log.add(minutes, chance.choice((EventType.VOIDED, EventType.UNVOIDED, "note_added")))
    return log.events, Terms(policies={(each.id, 1): each for each in policies}, unjudged=policies[0])


def _policy(name: str, chance: Random, calendars: Sequence[Calendar]) -> Policy:
    def target() -> Target:
        if chance.random() < 0.3:
            return Target(business_days=chance.randrange(1, 4))
        clock = chance.choice((TimeBase.BUSINESS, TimeBase.WALL))
        return Target(seconds=chance.choice((30, 180, 600, 14400)), clock=clock)

    return Policy(id=name, calendar=chance.choice(calendars), targets={metric: target() for metric in Metric})
