"""Fires timers within a second of their time; what one means is done in the transaction that fires it."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from router.rulebook import Rulebook
from storage import alarms, assignments, automatic, holds, ledger, offers, reminders, settling, snoozes, timers, wakings
from storage.changes import Touched
from storage.database import Database, Transaction
from storage.errors import StoreUnavailable

log = structlog.get_logger()

POLL = 0.5
"""Seconds between looks for timers that were set meanwhile."""
AT_ONCE = 25
"""A receipt costs two milliseconds, and on SQLite what arrives waits for the same writer."""

Handler = Callable[[Transaction, str, Rulebook], Touched]

HANDLERS: Mapping[str, Handler] = {
    settling.UNKNOWN_TIMER: settling.tell_unknown,
    alarms.KIND: alarms.ring,
    offers.TIMER: assignments.run_out,
    holds.TIMER: reminders.tell_lead,
    ledger.TIMER: reminders.remind_of_promise,
    snoozes.TIMER: wakings.wake,
    automatic.RECEIPT: automatic.receipt,
    automatic.WAITING: automatic.waiting,
}


class Timers:
    """The loop that looks for due timers."""

    def __init__(self, database: Database, rules: Callable[[], Rulebook], wake: Callable[[Touched], None]) -> None:
        self._database = database
        self._rules = rules
        self._wake = wake

    async def run(self) -> None:
        """Fire what is due when it is due, for ever; many nodes may do it at once."""
        while True:
            try:
                pause = await self._database.read(_pause)
                if not pause and not await self._fire():
                    pause = POLL  # another node is at it
            except StoreUnavailable as error:
                log.error("timers.store", reason=str(error))
                pause = POLL
            await asyncio.sleep(pause)

    async def _fire(self) -> int:
        try:
            return await self._fire_together(AT_ONCE)
        except StoreUnavailable:
            raise
        except Exception:  # one of them is poison: the others must not wait for it
            log.exception("timers.choked")
            return await self._fire_singly()

    async def _fire_together(self, count: int) -> int:
        fired, touched = await self._database.transact(_fire, self._rules(), count)
        for each in touched:
            self._wake(each)
        return fired

    async def _fire_singly(self) -> int:
        fired = 0
        while fired < AT_ONCE:
            try:
                if not await self._fire_together(1):
                    break
            except StoreUnavailable:
                raise
            except Exception:  # it is given up, with a trace of why
                given_up = await self._database.transact(timers.fire, 1)
                log.exception("timer.given_up", timers=[f"{each.kind} {each.ref}" for each in given_up])
            fired += 1
        return fired


def _pause(tx: Transaction) -> float:
    """Seconds until there may be something to fire; new timers are noticed within POLL."""
    due = timers.next_due(tx)
    return POLL if due is None else min(max(due - tx.now, 0) / 1_000_000, POLL)


def _fire(tx: Transaction, rules: Rulebook, count: int) -> tuple[int, list[Touched]]:
    fired = timers.fire(tx, count)
    return len(fired), [HANDLERS[timer.kind](tx, timer.ref, rules) for timer in fired]
