"""A stored message together with the deliveries that carry it."""

from dataclasses import dataclass
from uuid import UUID

from router.model import DeliveryKind, DeliveryState, Message

_LIVE = frozenset({DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.UNKNOWN})
"""States in which somebody has a message, or may have it."""
_GONE = frozenset({DeliveryState.FAILED, DeliveryState.WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDelivery:
    """A delivery of the message an edit, delete or bounce is about. The first of `remote_ids` carries the text, the
    others what the provider shows by itself: files, say."""

    id: UUID
    kind: DeliveryKind
    channel: str
    address: str
    desk: bool
    state: DeliveryState
    part: int
    parts: int
    remote_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`sealed`: a reply whose post was made a note after it had left; what the post says later is no customer's.
    `order` is the provider's, of the version that is stored (0: as it was first said)."""

    message: Message
    deliveries: tuple[TargetDelivery, ...] = ()
    sealed: bool = False
    order: int = 0

    @property
    def carriers(self) -> tuple[TargetDelivery, ...]:
        """What brings the message to somebody, or may have brought it: nothing that failed or was taken back."""
        return tuple(each for each in self.deliveries if each.kind is DeliveryKind.MESSAGE and each.state not in _GONE)

    @property
    def live(self) -> tuple[TargetDelivery, ...]:
        """The carriers with which somebody has the message, or may have it."""
        return tuple(each for each in self.carriers if each.state in _LIVE)

    @property
    def queued(self) -> tuple[TargetDelivery, ...]:
        """What has not left yet, carrier or not."""
        return tuple(each for each in self.deliveries if each.state is DeliveryState.READY)

    @property
    def has_left(self) -> bool:
        """Something of it may have reached somebody."""
        return any(each.state not in _GONE and each.state is not DeliveryState.READY for each in self.deliveries)
