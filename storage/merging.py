"""Merges as rows: the pointer, what the survivor takes over, and how both come back (decisions 5, D25)."""

from dataclasses import replace
from uuid import UUID

from router.merging import Before, absorbs, parts, restored
from router.model import Conversation, Leg
from router.regrouping import Division, Merge, Regrouping, Unmerge
from router.rulebook import Rulebook
from storage import cards, logs, offers, rounds, splits
from storage.changes import Changes, Touched
from storage.codec import json_of
from storage.database import Transaction, to_micros
from storage.ids import new_id
from storage.rounds import CLOCKED, figures_of
from storage.snapshots import Snapshots
from storage.statement import Statement

_POINT = Statement(
    "UPDATE conversations SET merged_into = :survivor, version = version + 1 WHERE id = :id AND merged_into IS NULL"
)
_PART = Statement("UPDATE conversations SET merged_into = NULL, version = version + 1 WHERE id = :id")
_STATE = Statement(
    """
    UPDATE conversations SET status = :status, resolved_at = :resolved_at, owner = :owner, topic = :topic,
           orders = :orders, tags = :tags, priority = :priority, last_word_ours = :last_word_ours,
           version = version + 1
    WHERE id = :id
    """
)
_LEG = Statement(
    """
    INSERT INTO legs (id, conversation, channel, address, desk, identity, last_in_at, last_remote_id, closed)
    SELECT :id, :survivor, channel, address, desk, identity, last_in_at, last_remote_id, closed
    FROM legs WHERE id = :leg
    """
)
_LEG_LATER = Statement("UPDATE legs SET last_in_at = :last_in_at, last_remote_id = :last_remote_id WHERE id = :id")
_LEG_BACK = Statement(
    """
    UPDATE legs SET last_in_at = :last_in_at, last_remote_id = :last_remote_id
    WHERE id = :id AND last_in_at <= :merged_at
    """
)
_LEG_GONE = Statement("DELETE FROM legs WHERE id = :id AND COALESCE(last_in_at, 0) <= :merged_at")
_LEG_LIKE = Statement(
    """
    DELETE FROM legs WHERE conversation = :conversation AND NOT desk AND channel = :channel AND address = :address
      AND last_in_at = :last_in_at
    """
)
_RUNG = Statement(
    """
    UPDATE timers SET fired_at = :now WHERE conversation = :survivor AND kind = :kind AND fired_at IS NULL
      AND EXISTS (SELECT 1 FROM timers t WHERE t.kind = :kind AND t.fired_at IS NOT NULL
                  AND t.ref = :absorbed || substr(timers.ref, 33))
    """
)


def carry_out(tx: Transaction, snapshots: Snapshots, made: Regrouping, rules: Rulebook) -> Touched:
    """Merge, unmerge or split; everything decided before must be written. Nothing happens when the conversations are
    not as they were when it was decided."""
    match made:
        case Merge():
            touched = _merge(tx, snapshots, made, rules)
        case Unmerge():
            touched = _unmerge(tx, snapshots, made, rules)
        case Division():
            touched = splits.divide(tx, snapshots, made, rules)
    # rounds that both had before were counted when they closed
    return replace(touched, rounds=(), owners=True)


def _merge(tx: Transaction, snapshots: Snapshots, made: Merge, rules: Rulebook) -> Touched:
    snapshots.forget(made.absorbed, made.survivor)
    one, other = snapshots.conversation(made.absorbed), snapshots.conversation(made.survivor)
    if one is None or other is None or (one.id, other.id) != (made.absorbed, made.survivor):
        return Touched()
    absorbed = Before(conversation=one, figures=figures_of(tx, one.id, rules.terms))
    survivor = Before(conversation=other, figures=figures_of(tx, other.id, rules.terms))
    union = figures_of(tx, other.id, rules.terms, *logs.read(tx, one.id, CLOCKED))
    tx.run(_POINT, {"id": one.id.bytes, "survivor": other.id.bytes})
    rounds.void(tx, one.id)
    offer = offers.standing(tx, other.id, explained=False).offer
    legs = _take_legs(tx, one, other)
    snapshots.forget(one.id, other.id)
    snapshots.conversation(other.id)
    decision, joined = absorbs(made, absorbed, survivor, union, new_id().hex, offer, legs)
    changes = Changes(tx, snapshots, rules, openings=0)
    changes.apply(new_id(), None, decision)
    touched = changes.save().and_then(Touched(channels=cards.refresh(tx, [one])))
    _write(tx, joined)
    rung = {"survivor": other.id.bytes, "absorbed": one.id.hex, "kind": rounds.ALARM, "now": tx.now}
    tx.run(_RUNG, rung)
    snapshots.forget(one.id, other.id)
    return touched


def _take_legs(tx: Transaction, one: Conversation, other: Conversation) -> dict[str, object]:
    """The survivor can be reached where the absorbed one could; what an unmerge needs to take that back."""
    made: list[str] = []
    moved: list[list[object]] = []
    for leg in one.legs:
        if leg.desk:
            continue
        same = next((each for each in other.legs if each.is_customers_at(leg.channel, leg.address)), None)
        if same is None:
            fresh = new_id()
            tx.run(_LEG, {"id": fresh.bytes, "survivor": other.id.bytes, "leg": leg.id.bytes})
            made.append(fresh.hex)
        elif leg.last_in_at is not None and (same.last_in_at is None or same.last_in_at < leg.last_in_at):
            tx.run(_LEG_LATER, _last(leg) | {"id": same.id.bytes})
            moved.append([same.id.hex, *_last(same).values()])
    return {"made": made, "moved": moved}


def _last(leg: Leg) -> dict[str, object]:
    at = to_micros(leg.last_in_at) if leg.last_in_at is not None else None
    return {"last_in_at": at, "last_remote_id": leg.last_remote_id}


def _unmerge(tx: Transaction, snapshots: Snapshots, made: Unmerge, rules: Rulebook) -> Touched:
    snapshots.forget(made.absorbed)
    survivor = snapshots.conversation(made.absorbed)
    one = snapshots.conversations.get(made.absorbed)
    holder = snapshots.conversations.get(one.merged_into) if one is not None and one.merged_into is not None else None
    if one is None or holder is None or survivor is None:
        return Touched()
    standing = next(
        (each.event for each in reversed(logs.absorptions(tx, holder.id)) if each.conversation == one.id), None
    )
    if standing is None:
        return Touched()
    tx.run(_PART, {"id": one.id.bytes})
    _give_back_legs(tx, one, holder, snapshots, standing.payload["legs"], to_micros(standing.at))
    _write(tx, restored(holder, standing.payload))
    snapshots.forget(holder.id)
    snapshots.conversation(holder.id)
    changes = Changes(tx, snapshots, rules, openings=0)
    name = str(standing.payload["merge"])
    changes.apply(new_id(), None, parts(made, one, holder, survivor, name))
    touched = changes.save().and_then(Touched(channels=cards.refresh(tx, [one])))
    snapshots.forget(one.id, holder.id, survivor.id)
    alone = snapshots.conversation(one.id)
    if alone is not None:
        rounds.refresh(tx, alone, rounds.STALE, rules.terms)
        touched = touched.and_then(changes.open_again(one.id))
    snapshots.forget(one.id)
    return touched


def _give_back_legs(
    tx: Transaction, one: Conversation, holder: Conversation, snapshots: Snapshots, legs: object, merged_at: int
) -> None:
    """Legs the customer has not written on since go or are as before; those they used stay."""
    assert isinstance(legs, dict)
    for made in legs["made"]:
        tx.run(_LEG_GONE, {"id": UUID(hex=made).bytes, "merged_at": merged_at})
    for moved, last_in_at, last_remote_id in legs["moved"]:
        last = {"last_in_at": last_in_at, "last_remote_id": last_remote_id}
        tx.run(_LEG_BACK, {"id": UUID(hex=moved).bytes, "merged_at": merged_at, **last})
    above = holder.merged_into
    while above is not None:  # the holder was absorbed itself, with what it had
        for leg in one.legs:
            if not leg.desk and leg.last_in_at is not None:
                like = {"channel": leg.channel, "address": leg.address, "last_in_at": to_micros(leg.last_in_at)}
                tx.run(_LEG_LIKE, {"conversation": above.bytes, **like})
        above = snapshots.conversations[above].merged_into


def _write(tx: Transaction, conversation: Conversation) -> None:
    tx.run(
        _STATE,
        {
            "id": conversation.id.bytes,
            "status": conversation.status.value,
            "resolved_at": to_micros(conversation.resolved_at) if conversation.resolved_at is not None else None,
            "owner": conversation.owner,
            "topic": conversation.topic,
            "orders": json_of(conversation.orders),
            "tags": json_of(conversation.tags),
            "priority": conversation.priority.value,
            "last_word_ours": conversation.last_word_ours,
        },
    )
