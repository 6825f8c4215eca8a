"""One logged-in IMAP connection, blocking: everything here runs in the account's own thread (I7)."""

import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from connectors.email.settings import ImapSettings

CONNECT_SECONDS, READ_SECONDS = 8.0, 30.0
HEADER_LIMIT = 256 * 1024
BATCH_BYTES = 8 * 1024 * 1024
BATCH_MAILS = 50
_TEMPORARY_LOGIN = ("UNAVAILABLE", "INUSE", "LIMIT", "TOO MANY", "TRY AGAIN", "TEMPORAR")


class Dead(Exception):
    """The connection is of no more use: make another."""


class LoginRefused(Exception):
    """The server does not take this user and password."""


class Unreadable(Exception):
    """The server's answer about these mails cannot be understood; the connection may be out of step."""

    def __init__(self, uids: Sequence[int], reason: str) -> None:
        super().__init__(reason)
        self.uids = tuple(uids)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail of the folder. `raw` holds the headers alone when the mail is over the size limit (I10)."""

    uid: int
    raw: bytes
    received_at: datetime
    oversize: int = 0


class ImapSession:
    """Raises Dead, LoginRefused and Unreadable; every call ends within READ_SECONDS or so, or when `cut`."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._client: IMAPClient | None = None
        self._sizes: dict[int, int] = {}
        self.uid_validity = 0

    def open(self) -> None:
        """Connect, log in and select the folder read-only: \\Seen is never ours to set (I2)."""
        settings = self._settings
        try:
            client = IMAPClient(
                settings.host,
                settings.port,
                ssl=settings.tls is True,
                ssl_context=self._tls() if settings.tls is True else None,
                timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
            )
            self._client = client
            if settings.tls == "starttls":
                client.starttls(self._tls())
            client.login(settings.user, settings.password.get_secret_value())
            selected = client.select_folder(settings.folder, readonly=True)
            self.uid_validity = int(selected[b"UIDVALIDITY"])
        except LoginError as error:
            said = str(error)
            if any(word in said.upper() for word in _TEMPORARY_LOGIN):
                raise Dead(said) from error
            raise LoginRefused(said) from error
        except (IMAPClientError, OSError, KeyError, ValueError) as error:
            raise Dead(f"{type(error).__name__}: {error}") from error

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def newer(self, uid: int) -> list[int]:
        """UIDs above this one, lowest first; a server that answers `n:*` with its last mail is seen through (I1)."""
        criteria: list[object] = ["UID", f"{uid + 1}:*"]
        if self._settings.since is not None:
            criteria += ["SINCE", self._settings.since]
        try:
            found = self._alive.search(criteria)
        except (IMAPClientError, OSError, ValueError) as error:
            raise Dead(f"{type(error).__name__}: {error}") from error
        return sorted({each for each in found if each > uid})

    def fetch(self, uids: Sequence[int]) -> list[Fetched]:
        """As many of the first of these mails as make a batch, by UID; one that is gone meanwhile is left out."""
        chosen = self._chosen(uids)
        small = [uid for uid in chosen if self._sizes.get(uid, 0) <= self._settings.max_size]
        large = [uid for uid in chosen if uid not in small]
        found: list[Fetched] = []
        if small:
            found += self._fetch(small, "BODY.PEEK[]", b"BODY[]")
        if large:
            found += self._fetch(large, f"BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>", b"BODY[HEADER]<0>")
        return sorted(found, key=lambda fetched: fetched.uid)

    def _chosen(self, uids: Sequence[int]) -> list[int]:
        """The first of these whose sizes together fit a batch: sizes are asked for before bodies (I10)."""
        first = list(uids[:BATCH_MAILS])
        unknown = [uid for uid in first if uid not in self._sizes]
        if unknown:
            try:
                answers = self._alive.fetch(unknown, ["RFC822.SIZE"])
                self._sizes = {uid: int(answers.get(uid, {}).get(b"RFC822.SIZE", 0)) for uid in first}
            except (IMAPClientAbortError, OSError) as error:
                raise Dead(f"{type(error).__name__}: {error}") from error
            except Exception as error:  # a malformed answer raises whatever it likes in the library
                raise Unreadable(first, f"{type(error).__name__}: {error}") from error
        total, count = 0, 0
        for uid in first:
            total += min(self._sizes.get(uid, 0), HEADER_LIMIT if self._is_large(uid) else self._settings.max_size)
            if count and total > BATCH_BYTES:
                break
            count += 1
        return first[:count]

    def _is_large(self, uid: int) -> bool:
        return self._sizes.get(uid, 0) > self._settings.max_size

    def _fetch(self, uids: list[int], item: str, key: bytes) -> list[Fetched]:
        try:
            answers = self._alive.fetch(uids, [item, "INTERNALDATE"])
            return [
                Fetched(
                    uid=uid,
                    raw=bytes(answers[uid][key] or b""),
                    received_at=_utc(answers[uid][b"INTERNALDATE"]),
                    oversize=self._sizes.get(uid, 0) if self._is_large(uid) else 0,
                )
                for uid in uids
                if uid in answers
            ]
        except (IMAPClientAbortError, OSError) as error:
            raise Dead(f"{type(error).__name__}: {error}") from error
        except Exception as error:  # a malformed answer raises whatever it likes in the library
            raise Unreadable(uids, f"{type(error).__name__}: {error}") from error

    def wait(self, seconds: float) -> None:
        """IDLE until something happens or the time is over; Dead when the silence is that of a lost connection (I6).

        A server without IDLE is asked again after this time by the caller's next look.
        """
        client = self._alive
        try:
            if not client.has_capability("IDLE"):
                _sleep(client, seconds)
                client.noop()
                return
            client.idle()
            until = monotonic() + seconds
            happened = _has_read_more(client)
            while not happened and (left := until - monotonic()) > 0:
                asked_at = monotonic()
                answers = client.idle_check(timeout=left)
                if not answers and monotonic() - asked_at < left - 0.5:
                    raise Dead("the server closed the connection")  # the library hides it: nothing, and too early
                if any(answer[:1] == (b"BYE",) for answer in answers):
                    raise Dead("the server said BYE")
                happened = any(b"EXISTS" in answer or b"RECENT" in answer for answer in answers)
            client.idle_done()
        except (IMAPClientError, OSError, ValueError) as error:
            raise Dead(f"{type(error).__name__}: {error}") from error

    def cut(self) -> None:
        """Wake whatever waits on this connection, from another thread (I7)."""
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError, AttributeError):
                client.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say goodbye when there is somebody to hear it."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(IMAPClientError, OSError, ValueError):
                client.logout()
            with contextlib.suppress(IMAPClientError, OSError, AttributeError):
                client.shutdown()

    @property
    def _alive(self) -> IMAPClient:
        if self._client is None:
            raise Dead("not connected")
        return self._client


def _sleep(client: IMAPClient, seconds: float) -> None:
    """Wait on the socket: `cut` and a lost connection end it early."""
    sock = client.socket()
    sock.settimeout(seconds)
    try:
        if sock.recv(1, socket.MSG_PEEK if not isinstance(sock, ssl.SSLSocket) else 0) == b"":
            raise Dead("the server closed the connection")
    except TimeoutError:
        pass
    finally:
        sock.settimeout(READ_SECONDS)


def _has_read_more(client: IMAPClient) -> bool:
    """Whether something of the server is in the library's buffer already: a mail that came as IDLE began.

    `idle_check` waits for the socket, which has nothing more, and the mail would wait for the end of this IDLE.
    """
    sock = client.socket()
    sock.settimeout(0)
    try:
        return bool(client._imap.file.peek(1))
    except OSError:  # nothing there; SSLWantReadError is one
        return False
    finally:
        sock.settimeout(READ_SECONDS)


def _utc(instant: datetime) -> datetime:
    """IMAPClient gives naive local time."""
    return instant.astimezone(UTC)
