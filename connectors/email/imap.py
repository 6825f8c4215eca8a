"""A mailbox read by IMAP: one thread an account, its place committed with the mails it covers (I1-I11)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import structlog

from connectors.base import Arrival, Clock, Cursor, Lease, LeaseLost, NotStored, Ports
from connectors.email.arrivals import to_arrival
from connectors.email.imap_session import Dead, Fetched, ImapSession, LoginRefused, Unreadable
from connectors.email.settings import ImapSettings
from connectors.trouble import Trouble

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

CALL_SECONDS = 120.0
GOODBYE_SECONDS = 3.0
STOP_SECONDS = 9.0
UNREADABLE_LIMIT = 3
LOGIN_LIMIT = 5
CONNECT_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LOGIN_DELAYS = (30.0, 60.0, 120.0, 240.0)


class Inbox:
    """Reads one folder under a lease until cancelled; `trouble` says why while it cannot."""

    def __init__(
        self,
        settings: ImapSettings,
        channel: str,
        ports: Ports,
        clock: Clock,
        connect_delays: Sequence[float] = CONNECT_DELAYS,
        login_delays: Sequence[float] = LOGIN_DELAYS,
    ) -> None:
        self.trouble = Trouble("imap", channel)
        self._settings = settings
        self._channel = channel
        self._ports = ports
        self._clock = clock
        self._connect_delays = connect_delays
        self._login_delays = login_delays
        self._session = ImapSession(settings)
        self._failed: Counter[int] = Counter()
        self._breaks = 0
        self._cursor_name = f"imap:{settings.folder}"
        self._thread: ThreadPoolExecutor | None = None

    async def run(self) -> None:
        """Hold the lease and read; returns only when the login was refused too often (I8)."""
        self._thread = ThreadPoolExecutor(1, f"imap-{self._channel}")
        try:
            while True:
                try:
                    async with self._ports.lease("imap") as lease:
                        await self._read(lease)
                        return
                except LeaseLost:
                    log.info("imap.lease_lost", channel=self._channel)
                    self.trouble.forget()
        finally:
            self._session.cut()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _read(self, lease: Lease) -> None:
        """Connect again and again, slower and slower while it fails."""
        refusals = 0
        while refusals < LOGIN_LIMIT:
            try:
                await self._call(self._session.open)
                refusals = 0
                await self._follow(lease)
            except LoginRefused as error:
                refusals += 1
                self.trouble.say(self._refused(error))
                delay = _nth(self._login_delays, refusals) if refusals < LOGIN_LIMIT else 0
            except (Dead, Unreadable, TimeoutError) as error:
                self._breaks += 1
                self.trouble.say(self._broken(error))
                delay = _nth(self._connect_delays, self._breaks)
            finally:
                with suppress(TimeoutError):
                    await self._call(self._session.close, within=GOODBYE_SECONDS)
            await asyncio.sleep(delay)
        self.trouble.stop(f"{self.trouble.reason} and restart: it is not tried again after {LOGIN_LIMIT} refusals")

    async def _follow(self, lease: Lease) -> None:
        validity, uid = _place_of(await self._ports.cursor(self._cursor_name))
        if validity != self._session.uid_validity:
            if validity:
                log.warning("imap.uidvalidity_changed", channel=self._channel)  # all is read again, known keys drop out
            validity, uid = self._session.uid_validity, 0
        while True:
            uids = await self._call(self._session.newer, uid)
            self.trouble.over()
            while uids:
                uid = await self._take(uids, validity, lease)
                uids = [each for each in uids if each > uid]
            seconds = min(self._settings.poll, self._settings.idle)
            await self._call(self._session.wait, seconds, within=seconds + CALL_SECONDS)
            self._breaks = 0

    async def _take(self, uids: list[int], validity: int, lease: Lease) -> int:
        """Fetch and store the first of these; returns the last UID that is done with."""
        if self._failed[uids[0]] >= UNREADABLE_LIMIT:
            arrivals = [self._unreadable(uids[0], validity)]
            last = uids[0]
        else:
            batch = uids[:1] if self._failed[uids[0]] else uids
            try:
                fetched = await self._call(self._session.fetch, batch)
            except Unreadable as error:
                self._failed.update(error.uids)  # from here on these are fetched one by one
                raise
            arrivals = [self._arrival(each) for each in fetched]
            last = fetched[-1].uid if fetched else batch[-1]
        await self._commit(arrivals, Cursor(self._cursor_name, f"{validity} {last}", lease))
        self._failed = Counter({each: times for each, times in self._failed.items() if each > last})
        self._breaks = 0
        return last

    async def _commit(self, arrivals: list[Arrival], cursor: Cursor) -> None:
        while True:
            try:
                await self._ports.intake(arrivals, cursor)
            except NotStored as error:
                self.trouble.say(f"mail cannot be stored: {error}")
                await asyncio.sleep(error.retry_after)
            else:
                self.trouble.over()
                return

    def _arrival(self, fetched: Fetched) -> Arrival:
        meta = {"internaldate": fetched.received_at.isoformat(), "uid": str(fetched.uid)}
        if fetched.oversize:
            meta["oversize"] = str(fetched.oversize)
        return to_arrival(fetched.raw, meta)

    def _unreadable(self, uid: int, validity: int) -> Arrival:
        """A mail the server cannot hand over: told to people, and the folder goes on (I5)."""
        meta: Mapping[str, str] = {"uid": str(uid), "received_at": self._clock().isoformat()}
        return Arrival(
            key=f"imap {self._settings.folder} {validity} {uid}",
            raw=b"",
            problem=f"mail {uid} of {self._settings.folder} could not be fetched {UNREADABLE_LIMIT} times: look at it "
            f"in the mailbox of {self._settings.user}",
            meta=meta,
        )

    async def _call(self, work: Callable[..., Result], *arguments: object, within: float = CALL_SECONDS) -> Result:
        """Run one blocking visit in the account's thread; a cancelled or overdue one gets its socket cut (I7)."""
        assert self._thread is not None
        visit = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(visit)
        except (asyncio.CancelledError, TimeoutError):
            self._session.cut()
            await asyncio.wait([visit], timeout=STOP_SECONDS)
            if visit.done() and not visit.cancelled():
                visit.exception()  # it was cut: what it says does not matter
            raise

    async def probe(self) -> str | None:
        """None while it reads; else what is wrong. Logs in by itself when it is not running."""
        if self._thread is not None:
            return self.trouble.reason
        session = ImapSession(self._settings)
        try:
            await asyncio.to_thread(_visit, session)
        except LoginRefused as error:
            return self._refused(error)
        except Dead as error:
            return self._broken(error)
        return None

    def _refused(self, error: LoginRefused) -> str:
        return f"{self._place} refused the login of {self._settings.user}: {error}; check the password"

    def _broken(self, error: Exception) -> str:
        said = str(error) or "no answer in time"
        return f"no connection to {self._place}: {said}; check host, port and tls, and the network"

    @property
    def _place(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


def _visit(session: ImapSession) -> None:
    try:
        session.open()
    finally:
        session.close()


def _place_of(cursor: str | None) -> tuple[int, int]:
    """UIDVALIDITY and last UID of a committed cursor; zeros when there is none."""
    validity, _, uid = (cursor or "0 0").partition(" ")
    return int(validity), int(uid)


def _nth(delays: Sequence[float], count: int) -> float:
    return delays[min(count, len(delays)) - 1]
