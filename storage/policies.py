"""Every version of a response-time policy that ever judged a round (D26, D30); a version is never changed."""

from collections.abc import Mapping
from uuid import UUID

from router.decision import Decision, NewEvent, Outcome, Reason
from router.rulebook import Rulebook
from storage.changes import Changes, Touched
from storage.codec import json_of, json_value
from storage.database import Transaction
from storage.snapshots import Snapshots
from storage.statement import Statement

_VERSIONS = Statement("SELECT id, version FROM policies")
_ALL = Statement("SELECT id, version, content FROM policies ORDER BY id, version")
_ADD = Statement("INSERT INTO policies (id, version, content, created_at) VALUES (:id, :version, :content, :now)")
_BEHIND = Statement(
    """
    SELECT id FROM conversations
    WHERE policy = :policy AND policy_version < :version AND status <> 'resolved' AND merged_into IS NULL
    LIMIT :limit
    """
)

Content = Mapping[str, object]


def all_of(tx: Transaction) -> dict[tuple[str, int], Content]:
    """Every version there is."""
    return {(policy, version): json_value(content) for policy, version, content in tx.all(_ALL, {})}


def versions(tx: Transaction) -> frozenset[tuple[str, int]]:
    """The versions there are, without what they say."""
    return frozenset((policy, version) for policy, version in tx.all(_VERSIONS, {}))


def keep(tx: Transaction, configured: Mapping[str, Content]) -> dict[tuple[str, int], Content]:
    """Store policies whose content is new as their next version; every version there is."""
    known = all_of(tx)
    newest: dict[str, int] = {}
    for policy, version in known:
        newest[policy] = max(version, newest.get(policy, 0))
    for policy, wanted in configured.items():
        version = newest.get(policy, 0)
        plain = json_value(json_of(wanted))
        if version and known[policy, version] == plain:
            continue
        tx.run(_ADD, {"id": policy, "version": version + 1, "content": json_of(wanted), "now": tx.now})
        known[policy, version + 1] = plain
    return known


def adopt(tx: Transaction, policy: str, version: int, rules: Rulebook, limit: int) -> tuple[int, Touched]:
    """Tell open conversations that a newer version judges them from now on (D27, D30); how many there were."""
    rows = tx.all(_BEHIND, {"policy": policy, "version": version, "limit": limit})
    if not rows:
        return 0, Touched()
    snapshots = Snapshots(tx, ())
    changes = Changes(tx, snapshots, rules, openings=0)
    for (conversation_id,) in rows:
        conversation = snapshots.conversation(UUID(bytes=conversation_id))
        if conversation is None:
            continue
        event = NewEvent(
            type="policy_changed", actor="system:config", payload={"policy": policy, "policy_version": version}
        )
        decision = Decision(
            outcome=Outcome.STORED,
            reasons=(Reason("D30", f"policy {policy} has version {version} now"),),
            conversation=conversation,
            events=(event,),
        )
        changes.apply(conversation.id, None, decision)
    return len(rows), changes.save()
