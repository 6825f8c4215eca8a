"""How a conversation stands: snoozed, on hold, pending, open again, spam. What agents ask, and a snooze that ends.

The clock of answers never stops for any of them (D19); a message of the customer opens the conversation again (D21).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from router.absence import local_instant, zone_of
from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Outcome, Reason
from router.events import EventType
from router.handing import assigned, offer_end, offer_events
from router.instants import to_text
from router.model import Conversation, Status
from router.ownership import OwnerChange, Ownership
from router.planning import notice

AFTER: Mapping[str, str] = {"1h": "1 hour", "4h": "4 hours", "tomorrow": "until tomorrow"}
"""The snoozes that are one press: what is said, and what the choice is called."""
MORNING = 9
LONGEST = timedelta(days=365)
_SPAN = re.compile(r"(?:for\s+)?(\d{1,4})\s*(m|min|h|d)", re.IGNORECASE)
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
_HOW = "Say `@onevoice snooze 4h`, `snooze 30m`, `snooze 2d`, `snooze tomorrow` or `snooze until 2026-12-01 09:00`."
OPEN_AGAIN = "It is open again: the customer still waits for an answer."
_WAITS = " The customer still waits for an answer: its clock goes on."


def snooze(asked: Asked) -> Decision:
    """Set aside until a time, then it comes back by itself."""
    now, zone = asked.snapshot.now, zone_of(asked)
    until = _until(asked.verb.rest.strip(), now, zone) if now is not None else None
    if now is None or until is None:
        return answered(asked, _HOW)
    if not now < until <= now + LONGEST:
        return answered(asked, f"A snooze ends between now and a year from now. {_HOW}")
    shown = f"{until.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    return _changed(asked, Status.SNOOZED, f"Snoozed until {shown}.", until=to_text(until))


def _until(said: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant a span, "tomorrow" or a local date and time name; None for anything else."""
    if said.lower() == "tomorrow":
        morning = now.astimezone(zone).replace(hour=MORNING, minute=0, second=0, microsecond=0, tzinfo=None)
        return (morning + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
    if found := _SPAN.fullmatch(said):
        return now + timedelta(**{_UNITS[found[2].lower()]: int(found[1])})
    return local_instant(said, zone)


def hold(asked: Asked) -> Decision:
    """We wait for a third party; the resolution clock goes on (D20)."""
    return _set(asked, Status.ON_HOLD, "On hold.")


def pending(asked: Asked) -> Decision:
    """We wait for the customer; the resolution clock stands (D20)."""
    return _set(asked, Status.PENDING, "Pending: it waits for the customer.")


def reopen(asked: Asked) -> Decision:
    """Back among the open ones, whatever it was."""
    return _set(asked, Status.OPEN, "Open again.")


def _set(asked: Asked, status: Status, said: str) -> Decision:
    if asked.conversation.status is status:
        return answered(asked, f"It is {status.replace('_', ' ')} already.")
    return _changed(asked, status, said)


def _changed(asked: Asked, status: Status, said: str, **more: str) -> Decision:
    """An offer ends: nobody need take what is set aside."""
    event = changed_to(asked, status, **more)
    if status is Status.OPEN:
        return answered(asked, said, event)
    desk, since = asked.snapshot.desk, asked.conversation.waiting_since
    answered_soon = desk is not None and desk.leaving is not None and desk.round_answered
    waits = since is not None and not answered_soon
    return replace(
        answered(asked, said + (_WAITS if waits else ""), *offer_events(asked.snapshot, None, asked.actor), event),
        ownership=Ownership(offer_end=offer_end(asked.snapshot, None)),
    )


def changed_to(asked: Asked, status: Status, **more: object) -> NewEvent:
    """The status as an agent wants it; with the answer that is still on its way, so that nobody counts as left without
    one (adr/0015)."""
    payload: dict[str, object] = {"to": status.value, **more}
    desk = asked.snapshot.desk
    if asked.conversation.waiting_since is not None and desk is not None and desk.leaving is not None:
        payload["leaving"] = to_text(desk.leaving)
    return NewEvent(type=EventType.STATUS_CHANGED, actor=asked.actor, payload=payload)


def unanswered_after_all(conversation: Conversation) -> Decision:
    """Opens a matter again that was resolved with an answer on its way which did not arrive (adr/0015)."""
    event = NewEvent(type=EventType.STATUS_CHANGED, payload={"to": Status.OPEN.value, "rule": "unanswered"})
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D22", OPEN_AGAIN),),
        conversation=conversation,
        events=(event,),
        deliveries=notice(conversation, OPEN_AGAIN),
    )


def awoken(conversation: Conversation, until: str) -> Decision:
    """The snooze is over."""
    event = NewEvent(
        type=EventType.STATUS_CHANGED,
        actor="system:snooze",
        payload={"to": Status.OPEN.value, "rule": "snooze", "snoozed_until": until},
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("snooze", f"it was snoozed until {until}"),),
        conversation=conversation,
        events=(event,),
        deliveries=notice(conversation, "The snooze is over: it is open again."),
    )


def spam(asked: Asked) -> Decision:
    """Nothing of it counts, and nobody has it or is asked to (D24)."""
    if _is_void(asked):
        return answered(asked, "It is marked as spam already.")
    void = NewEvent(type=EventType.VOIDED, actor=asked.actor, payload={"reason": asked.verb.rest.strip() or "spam"})
    events = (*offer_events(asked.snapshot, None, asked.actor), void)
    if asked.conversation.owner is not None:
        events = (*events, assigned(None, asked.conversation.team, asked.actor))
    return replace(
        answered(asked, "Marked as spam: it is left out of all figures, and nobody is asked to answer.", *events),
        ownership=Ownership(owner=OwnerChange(agent=None), offer_end=offer_end(asked.snapshot, None)),
    )


def not_spam(asked: Asked) -> Decision:
    """Everything counts again, and whoever waited waits since then (D24)."""
    if not _is_void(asked):
        return answered(asked, "It is not marked as spam.")
    event = NewEvent(type=EventType.UNVOIDED, actor=asked.actor)
    return replace(answered(asked, "Not spam after all: it counts again.", event), ownership=Ownership())


def _is_void(asked: Asked) -> bool:
    return asked.snapshot.standing is not None and asked.snapshot.standing.void


VERBS: Mapping[str, Answer] = {
    "hold": hold,
    "open": reopen,
    "pending": pending,
    "snooze": snooze,
    "spam": spam,
    "unspam": not_spam,
}
