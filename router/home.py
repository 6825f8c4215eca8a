"""What an agent is told about their own work: Home, and the answers to `me`, `queue`, `status`, `latency`, `find`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from router.agent_state import AgentStatus
from router.figures import Count, figures, in_words, length
from router.listing import Listed, entries, soonest_first
from router.model import CardButton, CardLine, Promise
from router.rulebook import Agent, Rulebook
from router.sheets import Choices, Entry, Footnote, Heading, Part, Sheet, Words, sentence

AT_ONCE = 20
"""Conversations of a list that are shown on Home."""
ANSWERED = 10
"""The same in an answer to a command."""
COLLEAGUES = 30
REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What an agent said about themselves and what they carry; `since` None: never said anything. `away_until`: out of
    office until then."""

    agent: Agent
    status: AgentStatus
    since: datetime | None
    load: int
    away_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a Home shows. `zone` is where instants are read when nobody's own is known. `queue` and `colleagues`
    are for leads; `waiting` is how many the whole queue has."""

    now: datetime
    zone: str
    me: Presence
    owned: Sequence[Listed] = ()
    offered: Sequence[Listed] = ()
    promises: Sequence[tuple[Promise, Listed]] = ()
    answered: int = 0
    first: Sequence[Count] = ()
    leads: bool = False
    queue: Sequence[Listed] = ()
    waiting: int = 0
    colleagues: Sequence[Presence] = ()


def home(desk: Desk, rules: Rulebook) -> Sheet:
    """My queue, my promises, my numbers, my status; for leads the queue and who is there."""
    parts: list[Part] = [
        Heading(f"{desk.me.agent.name}, {_state(desk.me)}"),
        *_presence(desk.me, desk.zone),
        _choices(desk.me.status),
        *_mine(desk, rules, AT_ONCE),
    ]
    if desk.promises:
        parts.append(Heading(f"Promised ({len(desk.promises)})"))
        parts += [_promise(each, about, desk) for each, about in desk.promises[:AT_ONCE]]
        parts += _more(len(desk.promises), AT_ONCE)
    parts += [Heading("Today"), Words(text=_today(desk))]
    if desk.leads:
        parts += _queue(desk.queue, desk.waiting, desk, rules, AT_ONCE)
        parts += [Heading("Who is there"), *_colleagues(desk.colleagues)]
    parts.append(
        Footnote("In a thread write @onevoice and what to do. Anywhere else, /onevoice help lists what can be asked.")
    )
    return Sheet(_summary(desk), tuple(parts))


def mine(desk: Desk, rules: Rulebook) -> Sheet:
    """`me`."""
    return Sheet(_summary(desk), tuple(_mine(desk, rules, ANSWERED)))


def queue(desk: Desk, rules: Rulebook) -> Sheet:
    """`queue`."""
    return Sheet(f"{desk.waiting} wait for somebody", tuple(_queue(desk.queue, desk.waiting, desk, rules, ANSWERED)))


def status(me: Presence, zone: str) -> Sheet:
    """`status`."""
    said = f"You are {_state(me)}."
    since = [] if me.since is None else [Words(text=_read(CardLine(text="Since", at=me.since, zone=zone)))]
    return Sheet(said, (Words(lead=said, text=""), *since, *_presence(me, zone)))


def latency(
    counts: Sequence[Count],
    waiting: Mapping[str, tuple[int, datetime]],
    now: datetime,
    rules: Rulebook,
    channel: str = "",
) -> Sheet:
    """`latency`: first responses by channel, today and in the last seven days, and who waits now."""
    known = [each for each in rules.channels if not rules.is_desk(each)]
    known += sorted({each.channel for each in counts}.union(waiting).difference(known))
    if channel:
        known = [each for each in known if each == channel]
        if not known:
            return sentence(f"There is no channel {channel[:60]!r}.")
    parts: list[Part] = [Heading("First responses, in the working time of their policy")]
    for each in known:
        group = [count for count in counts if count.channel == each]
        parts.append(Words(lead=each, text=_waiting(waiting.get(each), now)))
        parts.append(Words(text=f"Today: {in_words(figures(count for count in group if count.recent))}."))
        parts.append(Words(text=f"Last 7 days: {in_words(figures(group))}."))
    return Sheet("First responses", tuple(parts))


def found(asked: str, listed: Sequence[Listed], searched: str, now: datetime, zone: str, rules: Rulebook) -> Sheet:
    """`find`; `searched` says where was looked."""
    title = f"{len(listed) or 'Nothing'} found for “{asked[:80]}”"
    shown = entries(listed[:ANSWERED], now, zone, rules, owner=True)
    return Sheet(title, (Heading(title), *shown, Footnote(searched)))


def _waiting(found: tuple[int, datetime] | None, now: datetime) -> str:
    if found is None:
        return " · nobody waits"
    count, since = found
    return (
        f" · {count} {'waits' if count == 1 else 'wait'} now, the longest for {length((now - since).total_seconds())}"
    )


def _state(me: Presence) -> str:
    return "on a break" if me.status is AgentStatus.BREAK else me.status.value


def _presence(me: Presence, zone: str) -> list[Part]:
    parts: list[Part] = [Words(text=f"Load {me.load} of {me.agent.capacity}.")]
    if me.away_until is not None:
        until = CardLine(text="Out of office until", at=me.away_until, zone=zone)
        parts.append(Words(text=_read(until)))
    return parts


def _read(line: CardLine) -> str:
    return f"{line.text} {line.at.astimezone(ZoneInfo(line.zone)):%Y-%m-%d %H:%M} ({line.zone})."


def _choices(status: AgentStatus) -> Choices:
    """What is already so is not offered."""
    labels = {each: "On a break" if each is AgentStatus.BREAK else each.value.capitalize() for each in AgentStatus}
    others = [CardButton(line=f"status {each.value}", label=label) for each, label in labels.items() if each != status]
    return Choices((*others, CardButton(line=REFRESH, label="Refresh")))


def _mine(desk: Desk, rules: Rulebook, limit: int) -> list[Part]:
    parts: list[Part] = []
    if desk.offered:
        parts += [Heading(f"Offered to you ({len(desk.offered)})"), *_shown(desk.offered, desk, rules, limit)]
    parts.append(Heading(f"Your queue ({len(desk.owned)})"))
    if not desk.owned:
        parts.append(Words(text="You have no open conversation."))
    return [*parts, *_shown(desk.owned, desk, rules, limit)]


def _queue(listed: Sequence[Listed], count: int, desk: Desk, rules: Rulebook, limit: int) -> list[Part]:
    parts: list[Part] = [Heading(f"Waiting, with nobody ({count})")]
    if not listed:
        return [*parts, Words(text="Nobody waits without an owner.")]
    parts += entries(soonest_first(listed)[:limit], desk.now, desk.zone, rules)
    return [*parts, *_more(count, limit)]


def _shown(listed: Sequence[Listed], desk: Desk, rules: Rulebook, limit: int) -> list[Part]:
    shown: list[Part] = [*entries(soonest_first(listed)[:limit], desk.now, desk.zone, rules)]
    return [*shown, *_more(len(listed), limit)]


def _more(count: int, limit: int) -> list[Part]:
    return [Words(text=f"… and {count - limit} more.")] if count > limit else []


def _promise(promise: Promise, about: Listed, desk: Desk) -> Entry:
    late = desk.now > promise.due_at
    at = CardLine(text="overdue since" if late else "due", at=promise.due_at, zone=desk.zone, alarming=late)
    return Entry(number=about.number, thread=about.thread, title=f"{about.contact}: {promise.kind}", at=at)


def _today(desk: Desk) -> str:
    first = figures(desk.first)
    rounds = f"{desk.answered} {'answer' if desk.answered == 1 else 'answers'} to customers who waited."
    return f"{rounds} First responses: {in_words(first)}." if first.answered else rounds


def _colleagues(everybody: Sequence[Presence]) -> list[Part]:
    """Those who are there first, the least loaded of them on top."""
    order = list(AgentStatus)
    ranked = sorted(everybody, key=lambda each: (order.index(each.status), each.load - each.agent.capacity))
    shown: list[Part] = [
        Words(
            lead=each.agent.name,
            text=f" · {_state(each)} · load {each.load} of {each.agent.capacity}"
            f"{' · out of office' if each.away_until is not None else ''}",
        )
        for each in ranked[:COLLEAGUES]
    ]
    return [*shown, *_more(len(everybody), COLLEAGUES)]


def _summary(desk: Desk) -> str:
    waiting = sum(each.waiting_since is not None for each in desk.owned)
    return f"{len(desk.owned)} open, {waiting} waiting for your answer"
