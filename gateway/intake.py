"""The one door in: everything that arrives is stored here, decided about, and only then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

import structlog

from connectors.base import Arrival, Cursor, LeaseLost, NotStored, Receipt
from gateway.batches import Batches
from gateway.metrics import Metrics
from router.arrivals import Fate
from router.decision import Decision, Snapshot
from router.desk_view import Read
from router.model import Inbound
from router.reading_ahead import may_speak, read_words
from router.routing import decide
from router.rulebook import Rulebook
from storage import failpoints
from storage import intake as units
from storage.changes import Touched
from storage.database import Database, Transaction
from storage.errors import StoreUnavailable
from storage.intake import Submission
from storage.snapshots import Snapshots

log = structlog.get_logger()

BACKLOG = 5000


class Intake:
    """Batches submissions for each writer of the database and runs the unit of work of `storage.intake`.

    `wake` is told what a commit touched, `parse` is given raw items that need a parser.
    """

    def __init__(
        self,
        database: Database,
        rules: Callable[[], Rulebook],
        wake: Callable[[Touched], None],
        parse: Callable[[UUID, str, Arrival], None],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._rules = rules
        self._wake = wake
        self._parse = parse
        self._metrics = metrics
        self._draining = False
        writers = range(database.writers)
        self._raw: list[Batches[Submission, tuple[Receipt, ...]]] = [
            Batches(partial(self._receive, writer), BACKLOG) for writer in writers
        ]
        self._parsed = [Batches(partial(self._store_parsed, writer), BACKLOG) for writer in writers]

    @property
    def jobs(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """The loops that must run."""
        return [*(batches.run for batches in self._raw), *(batches.run for batches in self._parsed)]

    def drain(self) -> None:
        """Refuse everything from now on: the providers will send it again."""
        self._draining = True

    async def submit(self, channel: str, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        """Store arrivals and cursor in one transaction, at once or not at all; raises NotStored and LeaseLost."""
        if self._draining:
            raise NotStored("shutting down", draining=True)
        key = channel
        if len(arrivals) == 1 and (inbound := arrivals[0].inbound) is not None:
            key = f"{channel}:{inbound.address}"
        batches = self._raw[self._database.writer_of(key)]
        try:
            submission = Submission(channel, arrivals, cursor, await self._read_ahead(channel, arrivals))
            receipts = await batches.submit(submission)
        except StoreUnavailable as error:
            raise NotStored(str(error), full=error.full) from error
        for receipt in receipts:
            self._metrics.inbound(channel, receipt.fate)
        failpoints.hit("after_commit_before_ack", channel)
        return list(receipts)

    async def store_parsed(self, item: UUID, inbound: Inbound) -> None:
        """Carry out the decision about an item whose raw bytes are in the inbox; raises what the rules raise."""
        writer = self._database.writer_of(f"{inbound.channel}:{inbound.address}")
        await self._parsed[writer].submit((item, inbound))

    async def _read_ahead(self, channel: str, arrivals: Sequence[Arrival]) -> Mapping[str, Read]:
        """The text checks of replies, before any lock is taken (decisions 8); nothing for customers' channels."""
        rules = self._rules()
        if rules.voice is None or not rules.is_desk(channel):
            return {}
        found: dict[str, Read] = {}
        for arrival in arrivals:
            inbound = arrival.inbound
            if inbound is None or not may_speak(inbound):
                continue
            try:
                snapshot = await self._database.read(_snapshot, inbound)
                read = await asyncio.to_thread(read_words, snapshot, inbound, rules)
            except StoreUnavailable:
                raise
            except Exception:  # the unit of work will choke on it too, and set it aside
                log.exception("intake.unread", channel=channel)
                continue
            if read is not None:
                found[inbound.remote_id] = read
        return found

    def _decide(self, batch: Sequence[Submission] = ()) -> Callable[[Snapshot, Inbound], Decision]:
        rules = self._rules()
        read = {(each.channel, remote): found for each in batch for remote, found in each.read.items()}

        def decided(snapshot: Snapshot, inbound: Inbound) -> Decision:
            if snapshot.desk is not None and (found := read.get((inbound.channel, inbound.remote_id))) is not None:
                snapshot = replace(snapshot, desk=replace(snapshot.desk, read=found))
            return decide(snapshot, inbound, rules)

        return decided

    async def _receive(self, writer: int, batch: list[Submission]) -> Sequence[tuple[Receipt, ...] | Exception]:
        try:
            return await self._receive_together(writer, batch)
        except (StoreUnavailable, NotStored):
            raise
        except Exception:  # one of them is poison: each then answers for itself
            log.exception("intake.choked", items=sum(len(each.arrivals) for each in batch))
            return [await self._receive_alone(writer, each) for each in batch]

    async def _receive_together(self, writer: int, batch: list[Submission]) -> list[tuple[Receipt, ...] | Exception]:
        received = await self._database.transact_on(
            writer, None, units.receive, batch, self._decide(batch), self._rules()
        )
        self._wake(received.touched)
        if received.unparsed:
            unparsed = set(received.unparsed)
            for submission, receipts in zip(batch, received.receipts, strict=True):
                for arrival, receipt in zip(submission.arrivals, receipts or (), strict=False):
                    if receipt.message in unparsed and receipt.fate is Fate.STORED:
                        self._parse(receipt.message, submission.channel, arrival)
        return [_answer(each) for each in received.receipts]

    async def _receive_alone(self, writer: int, submission: Submission) -> tuple[Receipt, ...] | Exception:
        """One submission by itself, its items one by one if need be; what the rules choke on is quarantined."""
        try:
            (result,) = await self._receive_together(writer, [submission])
            return result
        except (StoreUnavailable, NotStored) as error:
            return error
        except Exception as error:
            if len(submission.arrivals) > 1:
                return await self._receive_singly(writer, submission)
            reason = f"the rules failed: {type(error).__name__}: {error}"
            try:
                return tuple([await self._set_aside(writer, submission, each, reason) for each in submission.arrivals])
            except StoreUnavailable as unavailable:
                return unavailable

    async def _set_aside(self, writer: int, submission: Submission, arrival: Arrival, reason: str) -> Receipt:
        """Tell its thread as well, unless it is the thread that the rules choke on."""
        item = submission.channel, arrival, reason, submission.cursor
        receipt: Receipt
        try:
            receipt, touched = await self._database.transact_on(
                writer, None, units.quarantine_told, *item, self._rules()
            )
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("intake.untold", channel=submission.channel)
            receipt, touched = await self._database.transact_on(writer, None, units.quarantine, *item), Touched()
        self._wake(touched)
        return receipt

    async def _receive_singly(self, writer: int, submission: Submission) -> tuple[Receipt, ...] | Exception:
        receipts: list[Receipt] = []
        last = len(submission.arrivals) - 1
        for index, arrival in enumerate(submission.arrivals):
            cursor = submission.cursor if index == last else None
            one = replace(submission, arrivals=[arrival], cursor=cursor)
            result = await self._receive_alone(writer, one)
            if isinstance(result, Exception):
                return result
            receipts += result
        return tuple(receipts)

    async def _store_parsed(self, writer: int, batch: list[tuple[UUID, Inbound]]) -> Sequence[Exception | None]:
        try:
            self._wake(await self._carry_out(writer, batch))
        except StoreUnavailable:
            raise
        except Exception:  # one of them is poison: each then answers for itself
            log.exception("intake.choked", items=len(batch))
            return [await self._store_alone(writer, each) for each in batch]
        return [None] * len(batch)

    async def _store_alone(self, writer: int, item: tuple[UUID, Inbound]) -> Exception | None:
        try:
            self._wake(await self._carry_out(writer, [item]))
        except Exception as error:  # handed to whoever brought this item
            return error
        return None

    async def _carry_out(self, writer: int, batch: list[tuple[UUID, Inbound]]) -> Touched:
        return await self._database.transact_on(writer, None, units.store_parsed, batch, self._decide(), self._rules())


def _answer(receipts: tuple[Receipt, ...] | None) -> tuple[Receipt, ...] | Exception:
    if receipts is None:
        return LeaseLost("another node holds the lease")
    if any(each.fate is Fate.EARLY for each in receipts):
        return NotStored("the thread it answers in is not known yet")
    return receipts


def _snapshot(tx: Transaction, inbound: Inbound) -> Snapshot:
    """A look beside the writers, without a lock."""
    return Snapshots(tx, [inbound], lock=False).of(inbound)
