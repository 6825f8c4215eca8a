"""One channel's way out: claims its due lanes, calls the connector, settles what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from connectors.base import (
    AccountDown,
    Clock,
    Connector,
    DeskThread,
    NotSent,
    Outcome,
    PlaceDown,
    Rejected,
    Rereader,
    Sent,
    TwoSided,
    Unknown,
)
from gateway.breaker import Breaker
from gateway.fetching import Fetching
from gateway.jitter import around, backoff
from gateway.metrics import Metrics
from gateway.pace import Rates
from gateway.trouble import Troubles
from router.model import Delivery, DeliveryKind, DeliveryState
from router.rulebook import Rulebook
from storage import cards, failpoints, open_notices, outbox, settling
from storage.changes import Touched
from storage.database import Database, Transaction, to_micros
from storage.errors import StoreUnavailable
from storage.outbox import Claim, Head, Settlement, Wait
from storage.settling import Ending

log = structlog.get_logger()

AT_ONCE = 32
POLL = 1.0
FIRST_PROBE = 5.0
PROBE = 30.0
LONGEST_BACKOFF = 300.0
LONGEST_FETCH_BACKOFF = 60.0
PATIENCE = 24 * 3600 * 1_000_000
FETCH_PATIENCE = 5 * 60 * 1_000_000
LOST_ATTEMPTS = 3
RECHECK = timedelta(seconds=30)


class Outlet:
    """Delivers for one connector until cancelled; `drain` lets what is under way end first."""

    def __init__(
        self,
        connector: Connector,
        database: Database,
        fetching: Fetching,
        metrics: Metrics,
        wake: Callable[[Touched], None],
        clock: Clock,
        rules: Callable[[], Rulebook],
        *,
        owner: str,
        lease: timedelta,
        http_timeout: timedelta,
    ) -> None:
        self._connector = connector
        self._database = database
        self._fetching = fetching
        self._metrics = metrics
        self._wake_others = wake
        self._clock = clock
        self._rules = rules
        self._owner = owner
        self._lease = lease
        self._timeout = http_timeout
        self._rates = Rates(connector.capabilities)
        self.breaker = Breaker()
        self.troubles = Troubles(connector.channel, clock, metrics)
        self._reopened = False
        self.held: dict[UUID, tuple[Claim, float]] = {}
        self._work = asyncio.Event()
        self._draining = False
        self._ended = asyncio.Event()
        self._ended.set()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._work.set()

    def holds(self, delivery: Delivery) -> bool:
        """Ours, and enough of the lease left for a call that takes as long as one may (R4)."""
        if failpoints.left_out("lease_before_write"):
            return True
        held = self.held.get(delivery.id)
        ours = held is not None and held[1] - time.monotonic() > self._timeout.total_seconds()
        if ours:
            self._rates.leaves(delivery, self._now())
        return ours

    async def checkpoint(self, delivery: Delivery, state: str) -> None:
        """Keep the connector's progress with the delivery (S26)."""
        if held := self.held.get(delivery.id):
            await self._database.transact(outbox.checkpoint, held[0], state)

    async def drain(self, within: float) -> None:
        """Claim nothing more; wait for what is under way."""
        self._draining = True
        self._work.set()
        try:
            async with asyncio.timeout(within):
                await self._ended.wait()
        except TimeoutError:
            log.warning("outlet.cut_short", channel=self._connector.channel, deliveries=len(self.held))

    async def run(self) -> None:
        """Deliver until drained or cancelled; what is under way ends first."""
        self._ended.clear()
        try:
            async with asyncio.TaskGroup() as attempts:
                await self._deliver(attempts)
        finally:
            self._ended.set()

    async def _deliver(self, attempts: asyncio.TaskGroup) -> None:
        while not self._draining:
            self._work.clear()
            if self.breaker.reason is not None:
                await self._recover()
                continue
            try:
                busy = await self._round(attempts)
            except StoreUnavailable as error:
                log.error("outlet.store", channel=self._connector.channel, reason=str(error))
                await asyncio.sleep(POLL)
                continue
            if not busy:
                await self._rest()

    async def _round(self, attempts: asyncio.TaskGroup) -> bool:
        """Look at the due lanes once; True when there may be more at once."""
        room = (1 if self.breaker.half_open else AT_ONCE) - len(self.held)
        if room <= 0:
            return False
        if self._reopened:
            self._reopened = False
            await self._database.transact(outbox.hurry, self._connector.channel)
        now, due, late = await self._database.read(_due, self._connector.channel, room + len(self.held))
        heads = [head for head in due if head.delivery.id not in self.held][:room]  # ours may outlive its lease
        if self._draining or not (heads or late):
            return False
        heads, blocked = self._but_places_down(heads, now)
        chosen, waits = self._rates.plan(heads, now)
        chosen, over_budget = self._within_budget(chosen, now)
        claimed_at = time.monotonic()
        failpoints.hit("before_sending", self._connector.channel)
        lease = int(self._lease.total_seconds() * 1_000_000)
        claims = await self._database.transact(
            _claim, chosen, [*late, *blocked, *waits, *over_budget], self._owner, lease
        )
        failpoints.hit("after_sending", self._connector.channel)
        for claim in claims:
            self.held[claim.delivery.id] = (claim, claimed_at + self._lease.total_seconds())
            attempts.create_task(self._attempt(claim))
        return True

    def _but_places_down(self, heads: list[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """What goes to an address that cannot be written to waits; what goes elsewhere does not (S28)."""
        if not self.troubles.places:
            return heads, []
        open_: list[Head] = []
        waits: list[Wait] = []
        for head in heads:
            until = self.troubles.wait_for(head.delivery.address, now) if head.state is DeliveryState.READY else None
            if until is None:
                open_.append(head)
            else:
                waits.append(Wait(head.lane, head.fence, until))
        return open_, waits

    def _within_budget(self, heads: list[Head], now: int) -> tuple[list[Head], list[Wait]]:
        """B3: retries are a fifth of the first attempts at most."""
        chosen: list[Head] = []
        waits: list[Wait] = []
        for head in heads:
            if head.retries == 0:
                self.breaker.first_attempt()
            elif head.state is DeliveryState.READY and not head.unfetched and not self.breaker.may_retry():
                waits.append(Wait(head.lane, head.fence, now + 5_000_000))
                continue
            chosen.append(head)
        return chosen, waits

    async def _rest(self) -> None:
        """Until a wake-up, the next due lane, or the next look."""
        wait = POLL
        try:
            due_in = await self._database.read(_next_due_in, self._connector.channel)
        except StoreUnavailable:
            due_in = None
        if due_in is None and not self.held and not self.breaker.reason:
            self.troubles.account_works()  # a probe succeeded, and there is nothing to see it by
        overdue = any(until < time.monotonic() for _, until in self.held.values())
        if due_in is not None and len(self.held) < AT_ONCE and not overdue:
            wait = min(max(due_in / 1_000_000, 0.001), POLL)
        self.breaker.refill(wait / 60)
        try:
            async with asyncio.timeout(wait):
                await self._work.wait()
        except TimeoutError:
            return

    async def _recover(self) -> None:
        """Ask with a read until the account works again (B1)."""
        channel = self._connector.channel
        self.troubles.account_fails(self.breaker.reason or "")
        pause = FIRST_PROBE
        while not self._draining:
            await self._pause(around(pause))
            trouble = await self.probe()
            if trouble is None:
                self.breaker.probed()
                await self._database.transact(outbox.hurry, channel)
                return
            self.breaker.open(trouble)
            self.troubles.account_fails(trouble)
            pause = min(pause * 2, PROBE)

    async def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._draining and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.5))

    async def probe(self) -> str | None:
        """What is wrong with the account that sends, None when nothing is."""
        connector = self._connector
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await (connector.probe_out() if isinstance(connector, TwoSided) else connector.probe())
        except TimeoutError:
            return "it did not answer in time"

    async def _attempt(self, claim: Claim) -> None:
        """One claim to its end; nothing escapes."""
        started = time.monotonic()
        ending: Ending | None = None
        try:
            if claim.unfetched:
                await self._fetching.fetch(claim, self._before_next_fetch(claim))
            else:
                claim, shown = await self._with_card(claim)
                if shown is None and claim.delivery.outgoing.replaces is not None:
                    claim, shown = await self._with_post(claim, claim.delivery.outgoing.replaces)
                ending = shown or await self._conclude(claim)
        except asyncio.CancelledError:
            ending = Ending(Settlement(DeliveryState.UNKNOWN, error="cut off", not_before=self._after_timeout(claim)))
            raise
        except Exception:  # one delivery we choke on must not hold up the others
            log.exception("delivery.choked", channel=claim.delivery.channel, delivery=claim.delivery.id.hex)
            ending = Ending(
                Settlement(DeliveryState.UNKNOWN, error="it failed inside", not_before=self._after_timeout(claim))
            )
        finally:
            if ending is not None:
                await asyncio.shield(self._settle(claim, ending, started))
            del self.held[claim.delivery.id]
            self._work.set()

    async def _with_card(self, claim: Claim) -> tuple[Claim, Ending | None]:
        """What shows a card gets the newest one, read now that changes know it is leaving (S30); the ending of one
        that need not or cannot be sent."""
        delivery = claim.delivery
        if claim.reconcile or delivery.kind not in cards.CARDS:
            return claim, None
        if delivery.kind is DeliveryKind.CARD and delivery.thread is None:
            later = self._now() + cards.THREADLESS
            return claim, Ending(Settlement(DeliveryState.READY, error="no thread yet", not_before=later, burnt=False))
        try:
            made = await self._database.read(cards.made, delivery.channel, delivery.conversation, self._rules())
        except StoreUnavailable as error:
            return claim, Ending(Settlement(DeliveryState.READY, error=str(error), burnt=False))
        if made is None or (delivery.kind is DeliveryKind.ROOT and delivery.outgoing.card is None):
            return claim, None
        claim = replace(claim, delivery=replace(delivery, outgoing=replace(delivery.outgoing, card=made.card)))
        if made.shown and delivery.thread is not None:
            return claim, Ending(Settlement(DeliveryState.SENT, remote_ids=(delivery.thread,)))
        return claim, None

    async def _with_post(self, claim: Claim, replaced: UUID) -> tuple[Claim, Ending | None]:
        """An edit of a notice waits behind it in its lane; the post it is about is known when it leaves. Where there
        is none, there is nothing to change."""
        try:
            post = await self._database.read(open_notices.post_of, replaced)
        except StoreUnavailable as error:
            return claim, Ending(Settlement(DeliveryState.READY, error=str(error), burnt=False))
        if post is None:
            return claim, Ending(Settlement(DeliveryState.SENT))
        outgoing = replace(claim.delivery.outgoing, target=post)
        return replace(claim, delivery=replace(claim.delivery, outgoing=outgoing)), None

    async def _conclude(self, claim: Claim) -> Ending:
        if claim.reconcile:
            wait = self._after_timeout(claim)
            if wait > self._now():  # its old owner may still be writing (R5)
                return Ending(Settlement(DeliveryState.UNKNOWN, not_before=wait, burnt=True, lookups=claim.lookups))
            return self._after_look(claim, await self._call(self._connector.reconcile(claim.delivery)))
        await failpoints.reach("before_write", self._connector.channel, claim.delivery.kind)
        outcome = await self._call(self._connector.deliver(claim.delivery))
        await failpoints.reach("after_write", self._connector.channel, claim.delivery.kind)
        return self._after_send(claim, outcome)

    async def _call(self, call: Awaitable[Outcome]) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await call
        except TimeoutError:
            return Unknown("no answer in time")

    def _now(self) -> int:
        return to_micros(self._clock())

    def _after_timeout(self, claim: Claim) -> int:
        started = claim.delivery.started_at
        begun = to_micros(started) if claim.reconcile and started is not None else self._now()
        return begun + int(self._timeout.total_seconds() * 1_000_000)

    def _after_send(self, claim: Claim, outcome: Outcome) -> Ending:
        delivery, now = claim.delivery, self._now()
        match outcome:
            case Sent(remote_ids=remote_ids, thread=thread):
                self._works()
                if self.troubles.place_works(delivery.address):
                    self._reopened = True
                    if isinstance(self._connector, Rereader):
                        self._connector.reached_again()
                return Ending(Settlement(DeliveryState.SENT, remote_ids=remote_ids), thread=thread)
            case NotSent(reason, retry_after, limited, account_wide, alone):
                wait = retry_after or timedelta(seconds=backoff(claim.retries, LONGEST_BACKOFF))
                if limited:
                    self._rates.pause(delivery, now, wait, account_wide=account_wide)
                elif alone:
                    self._works()
                else:
                    self._fails(reason)
                if not limited and claim.retries and self._is_old(delivery, now):
                    return Ending(Settlement(DeliveryState.FAILED, error=f"given up after a day: {reason}"))
                due = now + int(wait.total_seconds() * 1_000_000)
                return Ending(
                    Settlement(DeliveryState.READY, error=reason, not_before=due, burnt=False, retried=not limited)
                )
            case Unknown(reason):
                self._fails(reason)
                return Ending(
                    Settlement(DeliveryState.UNKNOWN, error=reason, not_before=self._after_timeout(claim), burnt=False)
                )
            case Rejected(reason, closes_leg):
                self._works()
                return Ending(Settlement(DeliveryState.FAILED, error=reason), closes_leg=closes_leg)
            case AccountDown(reason):
                self.breaker.open(reason)
                return Ending(Settlement(DeliveryState.READY, error=reason, burnt=False))
            case PlaceDown(reason):
                self._works()
                due = self.troubles.place_fails(delivery.address, reason, now)
                return Ending(Settlement(DeliveryState.READY, error=reason, not_before=due, burnt=False))

    def _is_old(self, delivery: Delivery, now: int) -> bool:
        """Whether a customer has waited for it so long that an agent must know (Q2); a desk catches up."""
        return now - to_micros(delivery.created_at) > PATIENCE and not self._rules().is_desk(delivery.channel)

    def _before_next_fetch(self, claim: Claim) -> timedelta | None:
        """How long to leave a file alone that cannot be had now; None once its message has waited long enough, on a
        desk as well: the words are more than the file."""
        if claim.retries and self._now() - to_micros(claim.delivery.created_at) > FETCH_PATIENCE:
            return None
        return timedelta(seconds=backoff(claim.retries, LONGEST_FETCH_BACKOFF))

    def _works(self) -> None:
        """The provider answered, whatever it said about this one."""
        self.breaker.succeeded()
        self.troubles.account_works()

    def _fails(self, reason: str) -> None:
        """The transport failed, or the answer was lost."""
        self.breaker.failed(reason)
        self.troubles.first_failure()

    def _after_look(self, claim: Claim, outcome: Outcome) -> Ending:
        """2.3: found is sent, not found often enough is sent again, else look later."""
        capabilities, now = self._connector.capabilities, self._now()
        match outcome:
            case Sent(remote_ids=remote_ids, thread=thread):
                return Ending(Settlement(DeliveryState.SENT, remote_ids=remote_ids), thread=thread)
            case NotSent() if claim.lookups + 1 < capabilities.lookups:
                due = now + int(capabilities.lookup_gap.total_seconds() * 1_000_000)
                return Ending(
                    Settlement(DeliveryState.UNKNOWN, error="looked for", not_before=due, lookups=claim.lookups + 1)
                )
            case NotSent(reason):
                if claim.delivery.attempt > LOST_ATTEMPTS:
                    return Ending(Settlement(DeliveryState.DEAD, error=f"{LOST_ATTEMPTS} attempts were cut off"))
                return Ending(Settlement(DeliveryState.READY, error=reason, not_before=now, retried=True))
            case Rejected(reason):
                return Ending(Settlement(DeliveryState.FAILED, error=reason))
            case AccountDown(reason):
                self.breaker.open(reason)
            case PlaceDown(reason):
                self.troubles.place_fails(claim.delivery.address, reason, now)
            case Unknown(reason, unreachable):
                if unreachable:
                    self._fails(reason)
        due = now + int(RECHECK.total_seconds() * 1_000_000)
        return Ending(Settlement(DeliveryState.UNKNOWN, error=reason, not_before=due, lookups=claim.lookups))

    async def _settle(self, claim: Claim, ending: Ending, started: float) -> None:
        """Store how a claim ended; while the database is away, as long as the lease lasts."""
        delivery, state = claim.delivery, ending.settlement.state
        failpoints.hit("before_settle", delivery.channel, delivery.kind)
        while True:
            try:
                touched = await self._database.transact(settling.settle, claim, ending, self._rules())
                break
            except StoreUnavailable as error:
                if time.monotonic() > started + self._lease.total_seconds():
                    log.error(
                        "delivery.unsettled", channel=delivery.channel, delivery=delivery.id.hex, reason=str(error)
                    )
                    return
                await asyncio.sleep(0.5)
        failpoints.hit("after_settle", delivery.channel, delivery.kind)
        if touched is None:
            log.warning("delivery.taken_over", channel=delivery.channel, delivery=delivery.id.hex)
            self._metrics.delivery(delivery.channel, "taken_over")
            return
        sent = state is DeliveryState.SENT
        self._metrics.delivery(
            delivery.channel, state.value, (self._now() - claim.ready_at) / 1_000_000 if sent else None
        )
        if not sent and state is not DeliveryState.READY:
            log.warning(
                "delivery." + state.value,
                channel=delivery.channel,
                conversation=delivery.number,
                delivery=delivery.id.hex,
                reason=ending.settlement.error,
            )
        if sent and isinstance(self._connector, Rereader) and (thread := _found(claim, ending)) is not None:
            self._connector.thread_found(thread)
        self._wake_others(replace(touched, channels=touched.channels | {delivery.channel}))


def _found(claim: Claim, ending: Ending) -> DeskThread | None:
    """The thread that came into the world before we knew: its root was looked for, or made in place of another."""
    delivery, ref = claim.delivery, ending.thread
    if ref is None and claim.reconcile and delivery.kind is DeliveryKind.ROOT and ending.settlement.remote_ids:
        ref = ending.settlement.remote_ids[0]
    return None if ref is None else DeskThread(ref=ref, read_to=delivery.created_at)


def _due(tx: Transaction, channel: str, limit: int) -> tuple[int, list[Head], list[Wait]]:
    heads, waits = outbox.due(tx, channel, limit)
    return tx.now, heads, waits


def _claim(tx: Transaction, heads: list[Head], waits: list[Wait], owner: str, lease: int) -> list[Claim]:
    outbox.postpone(tx, waits)
    return outbox.claim(tx, heads, owner, lease)


def _next_due_in(tx: Transaction, channel: str) -> int | None:
    due = outbox.next_due(tx, channel)
    return None if due is None else due - tx.now


def outlets_of(outlets: Mapping[str, Outlet], touched: Touched) -> None:
    """Wake the outlets a commit has work for."""
    for channel in touched.channels:
        if outlet := outlets.get(channel):
            outlet.wake()
