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
    """`sealed`: a reply whose post was made a note after it had left; what the post says later is no customer's.
    `order` is the provider's, of the version that is stored (0: as it was first said)."""

    message: Message
    deliveries: tuple[TargetDelivery, ...] = ()
    sealed: bool = False
    order: int = 0
