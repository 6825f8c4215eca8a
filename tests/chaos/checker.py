"""The offline checker: the invariants of `channels.md` 4.2 over what the outside saw and what the store counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from tests.chaos.history import Acknowledged, Delivered, Entry, Forgotten, GivenUp, Marked, Opened, Shown, Written

CHANNELS = {"tg": "tg", "smtp": "mail", "imap": "mail", "web": "web"}
"""Channel id by the first part of an owner's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The final count in the database. `stored`: how often each serial is there; `open`: serials of replies whose
    delivery the gateway itself does not call sent, with the state; `left`: those of them that it leaves to people and
    says so (T11, dead letters); `revived`: serials of dead letters that somebody had sent again, late; `quarantined`
    items; `uncertain`: how many Telegram sends were begun again because
    their outcome was unknown."""

    stored: Mapping[str, int] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    revived: frozenset[str] = frozenset()
    quarantined: int = 0
    uncertain: int = 0


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    text: str


def channel_of(owner: str) -> str:
    return CHANNELS[owner.partition("-")[0]]


def violations(history: Sequence[Entry], store: Store) -> list[Violation]:
    """Everything that is wrong with a finished, drained run."""
    return [
        *_losses(history, store),
        *_doubles(history, store),
        *_misplaced(history),
        *_out_of_order(history, store),
        *_false_marks(history, store),
    ]


def _losses(history: Sequence[Entry], store: Store) -> Iterable[Violation]:
    """INV1, INV3, S13: what was acknowledged, or told in vain, is stored; stored is seen, or the gateway says itself
    that it is open."""
    known = {each.serial: "acknowledged" for each in history if isinstance(each, Acknowledged)}
    told = {each.serial: "told in vain" for each in history if isinstance(each, GivenUp)} | known
    shown = {each.serial for each in history if isinstance(each, Shown)}
    delivered = {each.serial for each in history if isinstance(each, Delivered)}
    for serial, how in sorted(told.items()):
        rule = "INV1" if serial in known else "S13"
        if not store.stored.get(serial):
            yield Violation(rule, f"{serial} was {how} and is not in the database")
        if serial.startswith("q") and serial not in shown:
            yield Violation(rule, f"{serial} was {how} and is not in Slack")
        if serial.startswith("r") and serial not in delivered and serial not in store.left:
            yield Violation(rule, f"{serial} was {how} and did not reach its customer")
    for serial in sorted(store.open.keys() - store.left):
        yield Violation("INV3", f"{serial} is {store.open[serial]} after everything healed")
    if store.quarantined:
        yield Violation("INV1", f"{store.quarantined} good items are in quarantine")
    for forgotten in (each for each in history if isinstance(each, Forgotten)):
        yield Violation("W3", f"{forgotten.owner} was told to forget what it had seen")


def _doubles(history: Sequence[Entry], store: Store) -> Iterable[Violation]:
    """INV2, INV4: once in the store, once in Slack, once on the web, one Message-ID with one content; on Telegram
    as often more as outcomes were unknown."""
    for serial, times in sorted(store.stored.items()):
        if times > 1:
            yield Violation("INV2", f"{serial} is stored {times} times")
    roots = Counter(each.number for each in history if isinstance(each, Opened))
    for number, times in sorted(roots.items()):
        if times > 1:
            yield Violation("INV4", f"the thread of {number} was opened {times} times")
    posts = Counter(each.serial for each in history if isinstance(each, Shown))
    for serial, times in sorted(posts.items()):
        if times > 1:
            yield Violation("INV4", f"{serial} is in Slack {times} times")
    arrived: defaultdict[str, list[Delivered]] = defaultdict(list)
    for each in history:
        if isinstance(each, Delivered):
            arrived[each.serial].append(each)
    extra = 0
    for serial, copies in sorted(arrived.items()):
        match channel_of(copies[0].owner):
            case "tg":
                extra += len(copies) - 1
            case "mail" if len({(copy.key, copy.digest) for copy in copies}) > 1:
                yield Violation("INV4", f"{serial} left as different mails: {sorted({copy.key for copy in copies})}")
            case "web" if len(copies) > 1:
                yield Violation("INV4", f"{serial} is on the visitor's screen {len(copies)} times")
    if extra > store.uncertain:
        yield Violation("INV4", f"{extra} doubles on Telegram, only {store.uncertain} outcomes were unknown")


def _misplaced(history: Sequence[Entry]) -> Iterable[Violation]:
    """INV7, INV8: right conversation, right customer, and nothing meant for agents."""
    written = {each.serial: each.owner for each in history if isinstance(each, Written)}
    for each in history:
        match each:
            case Shown(serial, owner, place):
                if place != owner or written.get(serial) != owner:
                    yield Violation("INV7", f"{serial} of {written.get(serial)} is shown in the thread of {place!r}")
            case Delivered(serial, owner, recipient):
                if serial.startswith("n"):
                    yield Violation("INV8", f"the note {serial} reached {recipient}")
                elif recipient != owner or written.get(serial) != owner:
                    yield Violation("INV7", f"{serial} for {written.get(serial)} reached {recipient}")


def _out_of_order(history: Sequence[Entry], store: Store) -> Iterable[Violation]:
    """INV5: a customer's words in the order written; replies in theirs where the first was acknowledged before the
    second was written (before that, Slack itself may tell them in any order)."""
    order: dict[str, int] = {}
    acknowledged_at: dict[str, int] = {}
    seen: defaultdict[str, list[str]] = defaultdict(list)
    first: set[str] = set()
    for position, each in enumerate(history):
        match each:
            case Written(serial):
                order[serial] = position
            case Acknowledged(serial):
                acknowledged_at.setdefault(serial, position)
            case Shown(serial, owner) | Delivered(serial, owner) if serial not in first | store.revived:
                first.add(serial)
                seen[f"{owner} {serial[0]}"].append(serial)
    for lane, serials in seen.items():
        owner = lane.partition(" ")[0]
        for before, after in combinations(serials, 2):
            late = order.get(before, 0) > order.get(after, 0)
            if late and (after.startswith("q") or acknowledged_at.get(after, len(history)) < order[before]):
                yield Violation("INV5", f"{after} of {owner} was written before {before} and came after it")


def _false_marks(history: Sequence[Entry], store: Store) -> Iterable[Violation]:
    """Nothing is shown as sent that the provider never took; where we push, it took it before the mark."""
    delivered: set[str] = {each.serial for each in history if isinstance(each, Delivered)}
    before: set[str] = set()
    written = {each.serial: each.owner for each in history if isinstance(each, Written)}
    for each in history:
        match each:
            case Delivered(serial):
                before.add(serial)
            case Marked(serial):
                pulls = channel_of(written[serial]) == "web"
                if serial not in (delivered if pulls else before):
                    yield Violation("SENT", f"{serial} was marked as sent and the provider had not taken it")
                if serial in store.open:
                    yield Violation("SENT", f"{serial} was marked as sent and the store calls it {store.open[serial]}")
