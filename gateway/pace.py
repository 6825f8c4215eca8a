"""How fast one channel may send: a slot for each delivery, by account and by address, and pauses after 429 (X13).

A delivery whose slot lies ahead waits for it with its place reserved; whoever asks later gets a later one, so the
threads of one Slack channel take turns (S17). Times are microseconds of the database's clock.
"""

from collections.abc import Sequence
from datetime import timedelta

from router.model import Capabilities, Delivery, DeliveryKind, DeliveryState
from storage.outbox import Head, Wait

_REMEMBERED = 10_000
SLACK = 20_000
"""Microseconds by which the network may bring two calls closer together than they left."""


class Pace:
    """The slots of one channel on this node, in deliveries a second (None: no limit). `burst` of them may leave the
    account at once after a rest."""

    def __init__(self, *, per_address: float | None = None, per_account: float | None = None, burst: int = 1) -> None:
        self._address_gap = _gap(per_address)
        self._account_gap = _gap(per_account)
        self._ahead = (burst - 1) * self._account_gap
        self._account_free = 0
        self._free: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._paused: dict[str, int] = {}
        self._seen = 0

    def plan(self, heads: Sequence[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """Which heads go now, and when the others may. Where a delivery left later than its slot, those whose slot has
        come meanwhile follow at the same distance."""
        if now < self._seen:  # the clock was set back: no slot was meant to be that far away
            self._account_free, self._free, self._open, self._paused = 0, {}, {}, {}
        self._seen = now
        chosen: list[Head] = []
        waits: list[Wait] = []
        behind: dict[str, int] = {}
        for head in heads:
            if head.state is not DeliveryState.READY:
                chosen.append(head)
                continue
            address = head.delivery.address
            paused = max(self._paused.get("", 0), self._paused.get(address, 0))
            open_ = behind.get(address, self._open.get(address, 0))
            slot = max(now, open_) if head.reserved and paused <= now else self._slot(address, max(now, paused, open_))
            if slot <= now:
                chosen.append(head)
            else:
                waits.append(Wait(head.lane, head.fence, slot, reserved=True))
            if head.reserved or slot <= now:
                behind[address] = slot + self._address_gap
        for head in chosen:
            self._opens(head.delivery.address, now)
        return chosen, waits

    def leaves(self, address: str, now: int) -> None:
        """A delivery goes out at this instant, which may be later than its slot."""
        self._opens(address, now + SLACK)

    def _opens(self, address: str, left_at: int) -> None:
        if self._address_gap:
            self._open = _current(self._open, left_at)
            self._open[address] = left_at + self._address_gap

    def _slot(self, address: str, earliest: int) -> int:
        slot = max(earliest, self._free.get(address, 0), self._account_free - self._ahead)
        if self._address_gap:
            self._free[address] = slot + self._address_gap
            self._free = _current(self._free, earliest)
        if self._account_gap:
            self._account_free = max(slot, self._account_free) + self._account_gap
        return slot

    def pause(self, address: str | None, now: int, wait: timedelta) -> None:
        """Send nothing to an address (None: to anybody) for exactly that long."""
        until = now + int(wait.total_seconds() * 1_000_000)
        self._paused = _current(self._paused, now)
        self._paused[address or ""] = max(until, self._paused.get(address or "", 0))


class Rates:
    """The slots of one channel: changes of what is posted and marks on it have their own, where the provider counts
    them by themselves, and take nothing from what is said (S17, S30)."""

    def __init__(self, able: Capabilities) -> None:
        self._said = Pace(per_address=able.rate_per_address, per_account=able.rate_per_account)
        self._others: dict[DeliveryKind, Pace] = {}
        if able.change_rate is not None:
            changes = Pace(per_account=able.change_rate, burst=able.change_burst)
            marks = Pace(per_account=able.change_rate, burst=able.change_burst)
            self._others = dict.fromkeys(CHANGES, changes) | {DeliveryKind.REACTION: marks}

    def plan(self, heads: Sequence[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """Which heads go now, and when the others may."""
        chosen: list[Head] = []
        waits: list[Wait] = []
        for pace in (self._said, *dict.fromkeys(self._others.values())):
            now_, later = pace.plan([head for head in heads if self._of(head.delivery) is pace], now)
            chosen += now_
            waits += later
        return chosen, waits

    def leaves(self, delivery: Delivery, now: int) -> None:
        """It goes out at this instant."""
        self._of(delivery).leaves(delivery.address, now)

    def pause(self, delivery: Delivery, now: int, wait: timedelta, *, account_wide: bool) -> None:
        """The provider limits deliveries like this one for exactly that long."""
        pace = self._of(delivery)
        pace.pause(None if account_wide or pace is not self._said else delivery.address, now, wait)

    def _of(self, delivery: Delivery) -> Pace:
        return self._others.get(delivery.kind, self._said)


CHANGES = (DeliveryKind.CARD, DeliveryKind.EDIT, DeliveryKind.DELETE)


def _current(instants: dict[str, int], now: int) -> dict[str, int]:
    """Without those that are past, once there are many."""
    return instants if len(instants) <= _REMEMBERED else {key: at for key, at in instants.items() if at > now}


def _gap(rate: float | None) -> int:
    """Microseconds between two sends; 0 without a limit."""
    return int(1_000_000 / rate) if rate else 0
