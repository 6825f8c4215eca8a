"""What the timer of a snooze means: the conversation is open again, if it still is the same snooze."""

from router.rulebook import Rulebook
from router.statuses import awoken
from storage import snoozes
from storage.changes import Changes, Touched
from storage.database import Transaction
from storage.snapshots import Snapshots


def wake(tx: Transaction, ref: str, rules: Rulebook) -> Touched:
    """End a snooze; one that was changed or ended meanwhile is left alone."""
    conversation_id, until = snoozes.parted(ref)
    snapshots = Snapshots(tx, ())
    conversation = snapshots.conversation(conversation_id)
    if conversation is None or snoozes.until(tx, conversation) != until:
        return Touched()
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(conversation.id, None, awoken(conversation, until))
    return changes.save()
