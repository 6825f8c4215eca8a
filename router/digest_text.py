"""Digests in words: conversations that wait for an owner, and the first answers, waits and promises of a team."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from router.digests import Days
from router.directs import THREAD
from router.figures import Count, figures, in_words, length
from router.richtext import Block, ListBlock, Paragraph, RichText, Span, Style
from router.timeline import Sla

LISTED = 5
"""Conversations a digest names."""
SUBJECT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A conversation as a digest names it: `thread` is the ref of its desk thread, None where it cannot be linked to.
    The customer waits `since` then and is to hear by `due_at`, or something was promised for then."""

    id: UUID
    number: int
    subject: str
    thread: str | None
    since: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """`count` conversations wait without an owner: the one that waits longest, and some that are due `soonest`."""

    count: int
    longest: Named
    soonest: Sequence[Named]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The first rounds of the days, who waits now (`longest` of them), and `late` promises, some by name."""

    counts: Sequence[Count]
    waiting: int
    longest: Named | None
    late: int
    promised: Sequence[Named]
    about: UUID | None

    @property
    def is_empty(self) -> bool:
        """Nothing happened, and nothing is left to do."""
        return not (self.counts or self.waiting or self.late)


def queue_text(team: str, found: Unclaimed, now: datetime, zone: ZoneInfo) -> RichText:
    """How many wait for an owner, since when, and what is due first."""
    head = f"{team}: {_count(found.count, 'customer waits', 'customers wait')} for somebody to take them."
    oldest = Paragraph((Span("Longest: "), _link(found.longest), Span(f", {_wait(found.longest, now)}.")))
    lines = [
        (Paragraph((_link(each), Span(f": {_due(each, now, zone)}, {_wait(each, now)}"))),) for each in found.soonest
    ]
    return RichText((Paragraph((Span(head, Style.BOLD),)), oldest, ListBlock(tuple(lines))))


def daily_text(team: str, days: Days, found: Figures, now: datetime, zone: ZoneInfo) -> RichText:
    """First answers by channel, who still waits, and late promises."""
    return RichText(tuple(_daily(team, days, found, now, zone)))


def _daily(team: str, days: Days, found: Figures, now: datetime, zone: ZoneInfo) -> Iterator[Block]:
    yield Paragraph((Span(f"{team}: first answers of {days.label} ({zone.key}), business time", Style.BOLD),))
    channels = sorted({each.channel for each in found.counts})
    if channels:
        yield ListBlock(tuple((Paragraph((Span(_channel(each, found.counts)),)),) for each in channels))
    else:
        yield Paragraph((Span("Nobody asked anything new."),))
    if found.longest is not None:
        waits = f"Still waiting now: {found.waiting}, longest "
        yield Paragraph((Span(waits), _link(found.longest), Span(f", {_wait(found.longest, now)}.")))
    else:
        yield Paragraph((Span("Nobody waits for an answer now."),))
    if found.late:
        yield Paragraph((Span(f"{_count(found.late, 'promise is', 'promises are')} overdue:"),))
        yield ListBlock(
            tuple((Paragraph((_link(each), Span(f": {_due(each, now, zone)}"))),) for each in found.promised)
        )


def _channel(channel: str, counts: Sequence[Count]) -> str:
    own = [each for each in counts if each.channel == channel]
    missed = sum(each.rounds for each in own if each.sla == Sla.BREACHED)
    said = f"{channel}: {in_words(figures(own))}"
    return f"{said}, {missed} missed" if missed else said


def _link(each: Named) -> Span:
    subject = " ".join(each.subject.split())
    if len(subject) > SUBJECT:
        subject = f"{subject[: SUBJECT - 1]}…"
    words = f"#{each.number}" + (f" “{subject}”" if subject else "")
    return Span(words, link=f"{THREAD}{each.thread}" if each.thread else None)


def _wait(each: Named, now: datetime) -> str:
    return f"waiting for {length((now - each.since).total_seconds())}" if each.since is not None else "waiting"


def _due(each: Named, now: datetime, zone: ZoneInfo) -> str:
    if each.due_at is None:
        return "no deadline"
    local = each.due_at.astimezone(zone)
    at = f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%d %b %H:%M}"
    return f"{'overdue since' if now > each.due_at else 'due'} {at}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
