"""What an alarm means when its time has come: a notice in the thread, an event, a breach on record (D17, D29)."""

from uuid import UUID

from router.alarms import BREACH, Alarm
from router.alarms import alarms as alarms_of
from router.alerts import alert
from router.rulebook import Rulebook
from storage import agents
from storage.changes import Breach, Changes, Touched
from storage.database import Transaction, to_micros
from storage.rounds import ALARM as KIND
from storage.rounds import alarm_ref, figures_of
from storage.snapshots import Snapshots
from storage.statement import Statement

__all__ = ["KIND", "ring"]

_BREACHED = Statement(
    """
    UPDATE rounds SET sla = 'breached', breached_at = :at, breach_agent = :agent, breach_team = :team
    WHERE conversation = :conversation AND outcome = 'open' AND breached_at IS NULL
    """
)


def ring(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """Tell what the alarm is about, if it still holds; dated at its nominal time, however late it rings. The round of a
    customer who waits is breached by its own target alone, not by those of the whole matter (D27)."""
    conversation_id = UUID(hex=ref.partition(":")[0])
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(conversation_id)
    if conversation is None or conversation.id != conversation_id:
        return Touched()  # absorbed meanwhile: its survivor has alarms of its own
    figures = figures_of(tx, conversation_id, rules.terms)
    alarm = next((each for each in alarms_of(figures) if _ref(conversation_id, each) == ref), None)
    if alarm is None:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    said = alert(conversation, alarm, figures, rules, agents.absent(tx, rules))
    changes.apply(conversation_id, None, said.decision)
    touched = changes.save().and_then(Touched(alerts=tuple((alarm.level, kind) for kind in said.kinds)))
    if alarm.level != BREACH:
        return touched
    channel, waiting = figures.cycles[-1].channel, figures.waiting
    if waiting is not None and alarm.metric == waiting.kind:
        channel = waiting.channel
        tx.run(
            _BREACHED,
            {
                "conversation": conversation_id.bytes,
                "at": to_micros(alarm.due_at),
                "agent": waiting.breach_agent,
                "team": waiting.breach_team,
            },
        )
    return touched.and_then(Touched(breaches=(Breach(channel, alarm.metric, conversation.policy or ""),)))


def _ref(conversation: UUID, alarm: Alarm) -> str:
    return alarm_ref(conversation, alarm.metric, alarm.level, to_micros(alarm.since))
