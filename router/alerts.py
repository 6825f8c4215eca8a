"""What agents are told when a deadline comes near or is passed (D29)."""

from router.alarms import BREACH, Alarm
from router.decision import Decision, NewEvent, Outcome, Reason
from router.instants import to_text
from router.model import Conversation
from router.planning import notice
from router.targets import Metric
from router.timeline import Timeline

_WHAT = {
    Metric.ACK: "the acknowledgement",
    Metric.FIRST: "the first answer",
    Metric.NEXT: "the next answer",
    Metric.UPDATE: "the next update",
    Metric.RESOLUTION: "the solution",
}
_LEFT = {"4h": "4 business hours are left", "1h": "1 business hour is left"}


def alert(conversation: Conversation, alarm: Alarm, figures: Timeline) -> Decision:
    """The notice in the thread and the event that records it."""
    what = _WHAT[alarm.metric]
    zone = figures.calendar.zone
    if alarm.level == BREACH:
        at = alarm.due_at.astimezone(zone)
        sentence = f"Overdue: {what} was due at {at:%H:%M:%S} on {at:%d %b} ({zone.key})."
    else:
        deadline = figures.waiting.deadline if figures.waiting else None
        due = f", due at {deadline.astimezone(zone):%H:%M:%S}" if deadline else ""
        left = _LEFT.get(alarm.level) or f"{alarm.level} % of the time is used"
        sentence = f"Waiting: {left} for {what}{due}."
    event = NewEvent(
        type="target_breached" if alarm.level == BREACH else "target_warned",
        actor="system:clock",
        payload={"metric": alarm.metric.value, "level": alarm.level, "due_at": to_text(alarm.due_at)},
    )
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason("D29", sentence),),
        conversation=conversation,
        events=(event,),
        deliveries=notice(conversation, sentence),
    )
