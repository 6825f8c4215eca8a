"""Parsing raw mail in worker processes that may be killed (P1, decisions 7 and 30): the bytes are stored and
acknowledged already, so the worst a hostile mail can do is to land in quarantine."""

import asyncio
import os
import pickle
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
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
START_SECONDS = 20.0
AT_ONCE = 16
TRIES = 3
SWEEP = 30.0
IDLE_SECONDS = 60.0
WAITING = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """One raw item for a worker."""

    item: UUID
    channel: str
    raw: bytes
    meta: Mapping[str, str]


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
        parsers = sorted({each.parser for each in connectors.values() if each.parser})
        self._workers = [Worker(files, parsers) for _ in range(workers)]
        self._known: set[UUID] = set()

    @property
    def jobs(self) -> list[Callable[[], Awaitable[None]]]:
        """The loops that must run."""
        return [self._sweep, *(lambda worker=worker: self._serve(worker) for worker in self._workers)]

    def add(self, item: UUID, channel: str, arrival: Arrival) -> None:
        """Parse an item that was just stored; when too much waits, the sweep finds it later."""
        self._add(Job(item, channel, arrival.raw, arrival.meta))

    async def _refuse(self, item: UUID) -> None:
        reason = "items of this channel are parsed when they arrive and cannot be parsed again"
        await self._database.transact(intake.give_up, item, reason)

    def _add(self, job: Job) -> None:
        if job.item not in self._known and not self._queue.full():
            self._known.add(job.item)
            self._queue.put_nowait(job)

    async def _sweep(self) -> None:
        younger = 0
        while True:
            try:
                for each in await self._database.read(intake.waiting, WAITING, younger):
                    if (connector := self._connectors.get(each.channel)) is None:
                        continue
                    if connector.parser is None:
                        await self._refuse(each.id)
                    else:
                        self._add(Job(each.id, each.channel, each.raw, each.meta))
            except StoreUnavailable as error:
                log.error("parsing.store", reason=str(error))
            younger = int(SWEEP * 1_000_000)
            await asyncio.sleep(SWEEP)

    async def _serve(self, worker: "Worker") -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        jobs = [await self._queue.get()]
                except TimeoutError:
                    await worker.stop()
                    continue
                while len(jobs) < AT_ONCE and not self._queue.empty():
                    jobs.append(self._queue.get_nowait())
                await self._parse(worker, jobs)
        finally:
            await worker.stop()

    async def _parse(self, worker: "Worker", jobs: list[Job]) -> None:
        results = await worker.parse([self._request(job) for job in jobs])
        if results is None and len(jobs) > 1:  # one of them took the worker down: each by itself shows which
            for job in jobs:
                await self._parse(worker, [job])
            return
        async with asyncio.TaskGroup() as group:
            for position, job in enumerate(jobs):
                result = results[position] if results is not None else worker.trouble
                group.create_task(self._conclude(job, result))

    def _request(self, job: Job) -> tuple[str, bytes, Mapping[str, str], Mapping[str, str]]:
        connector = self._connectors[job.channel]
        context: Mapping[str, str] = getattr(connector, "parser_context", {})
        return connector.parser or "", job.raw, job.meta, context

    async def _conclude(self, job: Job, result: "Inbound | str") -> None:
        try:
            if isinstance(result, str):
                await self._database.transact(intake.give_up, job.item, result)
                log.warning("inbound.quarantined", channel=job.channel, item=job.item.hex, reason=result)
                return
            await self._store(job.item, result)
        except (StoreUnavailable, NotStored) as error:
            log.error("parsing.store", channel=job.channel, item=job.item.hex, reason=str(error))
        except Exception as error:  # the rules choked on it: kept aside, the next one goes on
            log.exception("parsing.choked", channel=job.channel, item=job.item.hex)
            reason = f"the rules failed: {type(error).__name__}: {error}"
            await self._database.transact(intake.give_up, job.item, reason)
        finally:
            self._known.discard(job.item)


class Worker:
    """One parser process; started on demand, killed when it takes too long."""

    def __init__(self, files: Path, parsers: Sequence[str]) -> None:
        self._files = files
        self._parsers = parsers
        self._process: asyncio.subprocess.Process | None = None
        self.trouble = ""

    async def parse(
        self, requests: list[tuple[str, bytes, Mapping[str, str], Mapping[str, str]]]
    ) -> list[Inbound | str] | None:
        """Inbound items, or the reason why one cannot be parsed; None when the process did not survive."""
        for _ in range(2):
            fresh = self._process is None
            process = self._process or await self._start()
            try:
                async with asyncio.timeout(SECONDS * len(requests) + (START_SECONDS if fresh else 0)):
                    if fresh:
                        await process.stdout.readexactly(1)  # type: ignore[union-attr]  # it is a pipe
                    async with asyncio.timeout(SECONDS * len(requests)):
                        return await _exchange(process, requests)
            except TimeoutError:
                self.trouble = f"parsing took longer than {SECONDS:.0f} s"
                await self.stop()
                return None
            except (asyncio.IncompleteReadError, ConnectionError):
                code = await process.wait()
                self._process = None
                self.trouble = f"the parser process ended ({code}), out of memory or crashed"
                if not fresh and len(requests) == 1:
                    continue  # it may have died of something earlier: once more in a fresh one
                return None
        return None

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
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
        return self._process

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


async def _exchange(
    process: asyncio.subprocess.Process, requests: list[tuple[str, bytes, Mapping[str, str], Mapping[str, str]]]
) -> list[Inbound | str]:
    assert process.stdin is not None
    assert process.stdout is not None
    content = pickle.dumps(requests)
    process.stdin.write(struct.pack(">I", len(content)) + content)
    await process.stdin.drain()
    (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
    results: list[Inbound | str] = pickle.loads(await process.stdout.readexactly(length))  # noqa: S301  our own child
    return results
