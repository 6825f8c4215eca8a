"""Offers of conversations to agents: made, ended, run out, and the exclusions (F7) that follow from them."""

from collections.abc import Sequence
from uuid import UUID

from router.assignment_inputs import Exclusion
from router.events import EventType
from router.offers import DECLINED_FOR, Offer
from router.ownership import NewOffer, OfferEnd, OfferState, OpenOffer, Standing
from storage import timers
from storage.codec import json_value
from storage.database import Transaction, of_micros, to_micros
from storage.ids import new_id
from storage.statement import Statement

TIMER = "offer"

_MAKE = Statement(
    """
    INSERT INTO offers (id, conversation, agent, offered_at, until, state, reason, ended_at)
    VALUES (:id, :conversation, :agent, :at, :until, :state, :reason, :ended_at)
    """
)
_END = Statement(
    "UPDATE offers SET state = :state, reason = :reason, ended_at = :now WHERE id = :id AND state = 'open'"
)
_OPEN = Statement("SELECT id, agent, until FROM offers WHERE conversation = :conversation AND state = 'open'")
_ONE = Statement("SELECT conversation, agent, until FROM offers WHERE id = :id AND state = 'open'")
_VOIDED = Statement(
    """
    SELECT type FROM events WHERE conversation = :conversation AND type IN ('voided', 'unvoided')
    ORDER BY seq DESC LIMIT 1
    """
)
_DECLINED = Statement(
    """
    SELECT conversation, agent, state, reason, offered_at, until, ended_at FROM offers
    WHERE conversation IN :conversations AND state IN ('passed', 'expired') AND ended_at > :since
    ORDER BY ended_at
    """
)
_OPENED = Statement(
    """
    SELECT payload FROM events WHERE conversation = :conversation AND type = 'message_received'
    ORDER BY seq LIMIT 1
    """
)
_DECIDED = Statement(
    "SELECT trace FROM assignments WHERE conversation = :conversation ORDER BY at DESC, id DESC LIMIT 1"
)


def make(tx: Transaction, conversation: UUID, offer: NewOffer) -> None:
    """Offer it; the timer takes the offer back."""
    offer_id = new_id()
    until = to_micros(offer.until)
    tx.run(
        _MAKE,
        {
            "id": offer_id.bytes,
            "conversation": conversation.bytes,
            "agent": offer.agent,
            "at": to_micros(offer.at),
            "until": until,
            "state": OfferState.OPEN.value,
            "reason": "",
            "ended_at": None,
        },
    )
    timers.start(tx, TIMER, offer_id.hex, until)


def end(tx: Transaction, conversation: UUID, ending: OfferEnd) -> None:
    """End an offer; one that is over already stays as it is. Without an offer the passing is kept as one."""
    if ending.offer is not None:
        found = {"id": ending.offer.id.bytes, "state": ending.state.value, "reason": ending.reason, "now": tx.now}
        if tx.run(_END, found):
            timers.clear(tx, TIMER, ending.offer.id.hex)
        return
    tx.run(
        _MAKE,
        {
            "id": new_id().bytes,
            "conversation": conversation.bytes,
            "agent": ending.agent,
            "at": tx.now,
            "until": tx.now,
            "state": ending.state.value,
            "reason": ending.reason,
            "ended_at": tx.now,
        },
    )


def still_open(tx: Transaction, offer: UUID) -> tuple[UUID, OpenOffer] | None:
    """The conversation of an offer and the offer; None when it is over."""
    row = tx.one(_ONE, {"id": offer.bytes})
    return None if row is None else (UUID(bytes=row[0]), OpenOffer(id=offer, agent=row[1], until=of_micros(row[2])))


def standing(tx: Transaction, conversation: UUID, *, explained: bool, voided: bool = False) -> Standing:
    """How a conversation stands with the agents; the reasons, and whether it is void, only when somebody asks."""
    key = {"conversation": conversation.bytes}
    row = tx.one(_OPEN, key)
    offer = OpenOffer(id=UUID(bytes=row[0]), agent=row[1], until=of_micros(row[2])) if row else None
    if voided:
        return Standing(offer=offer, void=is_void(tx, conversation))
    if not explained:
        return Standing(offer=offer)
    opened, decided = tx.one(_OPENED, key), tx.one(_DECIDED, key)
    return Standing(
        offer=offer,
        routed=tuple(text for _, text in json_value(opened[0]).get("why", ())) if opened else (),
        assigned=json_value(decided[0])["text"] if decided else {},
    )


def is_void(tx: Transaction, conversation: UUID) -> bool:
    """Whether it is marked as spam (D24)."""
    row = tx.one(_VOIDED, {"conversation": conversation.bytes})
    return row is not None and row[0] == EventType.VOIDED


def exclusions(tx: Transaction, conversations: Sequence[UUID]) -> dict[UUID, list[Exclusion]]:
    """Who passed or let run out what was offered in the last half hour (F7), by conversation."""
    found: dict[UUID, list[Exclusion]] = {}
    since = tx.now - int(DECLINED_FOR.total_seconds() * 1_000_000)
    for row in tx.all(_DECLINED, {"conversations": [each.bytes for each in conversations], "since": since}):
        offer = Offer(conversation="", agent=row[1], at=of_micros(row[4]), expires_at=of_micros(row[5]))
        over = offer.passed(row[3], of_micros(row[6])) if row[2] == OfferState.PASSED else offer.expired()
        found.setdefault(UUID(bytes=row[0]), []).append(over)
    return found
