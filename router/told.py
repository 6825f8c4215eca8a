"""A stored message together with the deliveries that carry it."""

from dataclasses import dataclass
from uuid import UUID

from router.model import DeliveryKind, DeliveryState, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDelivery:
    """A delivery of the message an edit, delete or bounce is about."""

    id: UUID
    kind: DeliveryKind
    channel: str
    address: str
    desk: bool
    state: DeliveryState
    part: int
    parts: int
    remote_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    message: Message
    deliveries: tuple[TargetDelivery, ...] = ()
