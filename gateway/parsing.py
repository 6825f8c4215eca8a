"""Parsing raw mail in worker processes that may be killed (P1, decisions 7 and 30): the bytes are stored and
acknowledged already, so the worst a hostile mail can do is to land in quarantine."""

import asyncio
import contextlib
import os
import pickle
import re
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import structlog

from connectors.base import Arrival, Connector, NotStored
from router.model import Inbound
from storage import intake
from storage.database import Database
from storage.errors import StoreUnavailable

log = structlog.get_logger()

SECONDS = 2.0
SECONDS_A_MEGABYTE = 0.2  # a mail of 25 MB takes more than a second of CPU, and the machine may be busy
START_SECONDS = 20.0
RESTART = 5.0
AT_ONCE = 16
BYTES_AT_ONCE = 4 * 1024 * 1024
TRIES = 3
SWEEP = 30.0
SWEPT_AT_ONCE = 16
IDLE_SECONDS = 60.0
WAITING = 2000
BYTES_WAITING = 64 * 1024 * 1024

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Request = tuple[str, bytes, Mapping[str, str], Mapping[str, str]]
"""Parser, raw bytes, meta of the item, context of its channel."""


@dataclass(frozen=True, slots=True)
class Job:
    """One raw item for a worker; `crashes` is how many workers it took down (D1)."""

    item: UUID
    channel: str
    raw: bytes
    meta: Mapping[str, str]
    crashes: int = 0


class Parsing:
    """Hands stored raw items to workers and the results back to the intake.

    At start and every half minute it looks into the inbox for items that nobody parses (a crash, a full queue).
    """

    def __init__(
        self,
        database: Database,
        connectors: Mapping[str, Connector],
        store: Callable[[UUID, Inbound], Awaitable[None]],
        files: Path,
        workers: int,
    ) -> None:
        self._database = database
        self._connectors = connectors
        self._store = store
        self._queue: asyncio.Queue[Job] = asyncio.Queue(WAITING)
        self.waiting_bytes = 0
        parsers = sorted({each.parser for each in connectors.values() if each.parser})
        self._workers = [Worker(files, parsers) for _ in range(workers)]
        self._known: set[UUID] = set()
        self._behind = True  # older items wait in the inbox: until the sweep has them, new ones go behind them (Q5)
        self._skipped = False
        self._look = asyncio.Event()

    @property
    def jobs(self) -> list[Callable[[], Awaitable[None]]]:
        """The loops that must run."""
        return [self._sweep, *(lambda worker=worker: self._serve(worker) for worker in self._workers)]

    def add(self, item: UUID, channel: str, arrival: Arrival) -> None:
        """Parse an item that was just stored; when too much waits, the sweep finds it in its turn."""
        if self._behind:
            self._skipped = True
        elif not self._add(Job(item, channel, arrival.raw, arrival.meta)):
            self._behind = True
            self._look.set()

    def _add(self, job: Job) -> bool:
        """Queue a job that is not queued yet; False when too many or too many bytes wait (X15)."""
        if job.item in self._known:
            return True
        if self._queue.full() or (self.waiting_bytes and self.waiting_bytes + len(job.raw) > BYTES_WAITING):
            return False
        self._known.add(job.item)
        self.waiting_bytes += len(job.raw)
        self._queue.put_nowait(job)
        return True

    def _taken(self, job: Job) -> Job:
        self.waiting_bytes -= len(job.raw)
        return job

    async def _sweep(self) -> None:
        """A few at a time, so that their bytes fit into memory; the next few when those are done."""
        younger = 0
        before: set[UUID] = set()
        while True:
            found: set[UUID] = set()
            self._skipped = False
            try:
                for each in await self._database.read(intake.waiting, SWEPT_AT_ONCE, younger):
                    if each.channel in self._connectors:
                        self._add(Job(each.id, each.channel, each.raw, each.meta))
                        found.add(each.id)
            except StoreUnavailable as error:
                log.error("parsing.store", reason=str(error))
                await asyncio.sleep(RESTART)
                continue
            more = len(found) == SWEPT_AT_ONCE or not found <= self._known
            if more and found != before:
                before = found
                while found & self._known:
                    await asyncio.sleep(0.05)
                continue
            before = set()
            if self._behind and self._skipped:
                continue
            self._behind = False
            younger = int(SWEEP * 1_000_000)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP):
                    await self._look.wait()
                    self._look.clear()
                    younger = 0

    async def _serve(self, worker: "Worker") -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        jobs = [self._taken(await self._queue.get())]
                except TimeoutError:
                    await worker.stop()
                    continue
                size = len(jobs[0].raw)
                while len(jobs) < AT_ONCE and size < BYTES_AT_ONCE and not self._queue.empty():
                    jobs.append(self._taken(self._queue.get_nowait()))
                    size += len(jobs[-1].raw)
                await self._parse(worker, jobs)
        finally:
            await worker.stop()

    async def _parse(self, worker: "Worker", jobs: list[Job]) -> None:
        """Parse a batch; one that takes the worker down goes back behind the others until its third time (D1)."""
        while jobs:
            if not await worker.ready():
                await asyncio.sleep(RESTART)
                continue
            results = await worker.parse([self._request(job) for job in jobs])
            async with asyncio.TaskGroup() as group:
                for job, result in zip(jobs, results, strict=False):
                    group.create_task(self._conclude(job, result))
            jobs = jobs[len(results) :]
            if jobs:
                culprit, *jobs = jobs
                await self._crashed(replace(culprit, crashes=culprit.crashes + 1), worker.trouble)

    async def _crashed(self, job: Job, trouble: str) -> None:
        if job.crashes >= TRIES:
            await self._conclude(job, f"{trouble}, {TRIES} times")
            return
        log.warning("parsing.crashed", channel=job.channel, item=job.item.hex, reason=trouble, times=job.crashes)
        self._known.discard(job.item)
        self._add(job)

    def _request(self, job: Job) -> Request:
        connector = self._connectors[job.channel]
        context: Mapping[str, str] = getattr(connector, "parser_context", {})
        return connector.parser or "", job.raw, job.meta, context

    async def _conclude(self, job: Job, result: "Inbound | str") -> None:
        """Store what came out; an item that cannot be stored now is found again by the sweep."""
        try:
            if isinstance(result, str):
                await self._give_up(job, result)
            else:
                await self._store(job.item, result)
        except (StoreUnavailable, NotStored) as error:
            log.error("parsing.store", channel=job.channel, item=job.item.hex, reason=str(error))
        except Exception as error:  # the rules choked on it: kept aside, the next one goes on
            log.exception("parsing.choked", channel=job.channel, item=job.item.hex)
            with contextlib.suppress(StoreUnavailable):
                await self._give_up(job, f"the rules failed: {type(error).__name__}: {error}")
        finally:
            self._known.discard(job.item)

    async def _give_up(self, job: Job, reason: str) -> None:
        reason = _UNSTORABLE.sub("\ufffd", reason)
        await self._database.transact(intake.give_up, job.item, reason)
        log.warning("inbound.quarantined", channel=job.channel, item=job.item.hex, reason=reason)


class Worker:
    """One parser process; started on demand, killed when it takes too long. `trouble` says what it died of."""

    def __init__(self, files: Path, parsers: Sequence[str]) -> None:
        self._files = files
        self._parsers = parsers
        self._process: asyncio.subprocess.Process | None = None
        self.trouble = ""

    async def parse(self, requests: Sequence[Request]) -> list[Inbound | str]:
        """What came out of each, in order: an Inbound or the reason why there is none. Fewer than were asked for
        when the next one took the process down."""
        process = self._process
        assert process is not None, "it is ready"
        results: list[Inbound | str] = []
        seconds = 0.0
        try:
            _send(process, requests)
            for _, raw, _, _ in requests:
                seconds = SECONDS + SECONDS_A_MEGABYTE * len(raw) / 1_000_000
                async with asyncio.timeout(seconds):
                    results.append(await _answer(process))
        except TimeoutError:
            self.trouble = f"parsing took longer than {seconds:.0f} s"
            await self.stop()
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.stop()
            self.trouble = "the parser process ended, out of memory or crashed"
        return results

    async def ready(self) -> bool:
        """Start the process if there is none; False when it does not come up, which is no item's fault."""
        if self._process is not None:
            return True
        try:
            await self._start()
        except (OSError, asyncio.IncompleteReadError) as error:  # a TimeoutError is an OSError
            log.error("parsing.no_worker", reason=f"{type(error).__name__}: {error}")
            await self.stop()
            return False
        return True

    async def _start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.parser",
            str(self._files),
            *self._parsers,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=2**20,
        )
        async with asyncio.timeout(START_SECONDS):
            await _output(process).readexactly(1)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def _send(process: asyncio.subprocess.Process, requests: Sequence[Request]) -> None:
    """Write without waiting: the process may answer the first while we still write the last."""
    assert process.stdin is not None
    for request in requests:
        content = pickle.dumps(request)
        process.stdin.write(struct.pack(">I", len(content)))
        process.stdin.write(content)


async def _answer(process: asyncio.subprocess.Process) -> Inbound | str:
    output = _output(process)
    (length,) = struct.unpack(">I", await output.readexactly(4))
    result: Inbound | str = pickle.loads(await output.readexactly(length))  # noqa: S301  our own child
    return result


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout
