"""How fast one channel may send: a slot for each delivery, by account and by address, and pauses after 429 (X13).

A delivery whose slot lies ahead waits for it with its place reserved; whoever asks later gets a later one, so the
threads of one Slack channel take turns (S17). Times are microseconds of the database's clock.
"""

from collections.abc import Sequence
from datetime import timedelta

from router.model import Capabilities, Delivery, DeliveryKind, DeliveryState
from storage.outbox import Head, Wait

_REMEMBERED = 10_000


class Pace:
    """The slots of one channel on this node, in deliveries a second (None: no limit). `burst` of them may leave the
    account at once after a rest."""

    def __init__(self, *, per_address: float | None = None, per_account: float | None = None, burst: int = 1) -> None:
        self._address_gap = _gap(per_address)
        self._account_gap = _gap(per_account)
        self._ahead = (burst - 1) * self._account_gap
        self._account_free = 0
        self._free: dict[str, int] = {}
        self._paused: dict[str, int] = {}

    def plan(self, heads: Sequence[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """Which heads go now, and when the others may."""
        chosen: list[Head] = []
        waits: list[Wait] = []
        for head in heads:
            if head.state is not DeliveryState.READY:
                chosen.append(head)
                continue
            address = head.delivery.address
            paused = max(self._paused.get("", 0), self._paused.get(address, 0))
            slot = now if head.reserved and paused <= now else self._slot(address, max(now, paused))
            if slot <= now:
                chosen.append(head)
            else:
                waits.append(Wait(head.lane, head.fence, slot, reserved=True))
        return chosen, waits

    def _slot(self, address: str, earliest: int) -> int:
        slot = max(earliest, self._free.get(address, 0), self._account_free - self._ahead)
        if self._address_gap:
            self._free[address] = slot + self._address_gap
            if len(self._free) > _REMEMBERED:
                self._free = {key: free for key, free in self._free.items() if free > earliest}
        if self._account_gap:
            self._account_free = max(slot, self._account_free) + self._account_gap
        return slot

    def pause(self, address: str | None, now: int, wait: timedelta) -> None:
        """Send nothing to an address (None: to anybody) for exactly that long."""
        until = now + int(wait.total_seconds() * 1_000_000)
        if len(self._paused) > _REMEMBERED:
            self._paused = {key: end for key, end in self._paused.items() if end > now}
        self._paused[address or ""] = max(until, self._paused.get(address or "", 0))


class Rates:
    """The slots of one channel: refreshed cards have their own, and take nothing from what is said (S17, S30)."""

    def __init__(self, able: Capabilities) -> None:
        self._said = Pace(per_address=able.rate_per_address, per_account=able.rate_per_account)
        self._cards = Pace(per_account=able.card_rate, burst=able.card_burst)

    def plan(self, heads: Sequence[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """Which heads go now, and when the others may."""
        said, waits = self._said.plan([head for head in heads if head.delivery.kind is not DeliveryKind.CARD], now)
        cards, later = self._cards.plan([head for head in heads if head.delivery.kind is DeliveryKind.CARD], now)
        return [*said, *cards], [*waits, *later]

    def pause(self, delivery: Delivery, now: int, wait: timedelta, *, account_wide: bool) -> None:
        """The provider limits deliveries like this one for exactly that long."""
        is_card = delivery.kind is DeliveryKind.CARD
        address = None if account_wide or is_card else delivery.address
        (self._cards if is_card else self._said).pause(address, now, wait)


def _gap(rate: float | None) -> int:
    """Microseconds between two sends; 0 without a limit."""
    return int(1_000_000 / rate) if rate else 0
