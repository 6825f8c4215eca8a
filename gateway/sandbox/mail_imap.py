"""A small strict IMAP4rev1 server over one in-memory mailbox: what the IMAP side of the mail connector meets.

It does exactly what RFC 3501 and 2177 ask of the commands it knows, answers BAD to everything else, and can be told
to fail as real servers do: close silently, say BYE, stop answering, forget its numbers.
"""

import asyncio
import re
import ssl
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_LITERAL = re.compile(rb"\{([0-9]{1,9})(\+?)\}$")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\((?:[^()]|\([^()]*\))*\))|(\S+)')
_ITEM = re.compile(r"[A-Z0-9.]+(?:\[[^\]]*\])?(?:<[0-9]+\.[0-9]+>)?")
_PARTIAL = re.compile(r"BODY(?:\.PEEK)?\[(|HEADER)\](?:<([0-9]+)\.([0-9]+)>)?")
_COMMAND_LIMIT = 64 * 1024
CAPABILITIES = "IMAP4rev1 IDLE UIDPLUS"


@dataclass(slots=True)
class StoredMail:
    uid: int
    raw: bytes
    internal_date: datetime
    flags: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Mailbox:
    """The mails of one folder, their UIDs and the UIDVALIDITY these belong to."""

    uid_validity: int = 1
    uid_next: int = 1
    mails: list[StoredMail] = field(default_factory=list)

    def add(self, raw: bytes, internal_date: datetime) -> int:
        mail = StoredMail(self.uid_next, raw, internal_date)
        self.uid_next += 1
        self.mails.append(mail)
        return mail.uid

    def renumber(self) -> None:
        """Give every mail a new UID under a new UIDVALIDITY, as a restored or moved mailbox does (I3)."""
        self.uid_validity += 1
        for mail in self.mails:
            mail.uid = self.uid_next
            self.uid_next += 1


@dataclass(slots=True)
class ImapFault:
    """What the next session meets at a stage: `eof` closes, `bye` says BYE and closes, `hang` answers no more,
    `no` refuses the command."""

    eof: bool = False
    bye: bool = False
    hang: bool = False
    no: str = ""


class ImapServer:
    """Serves one mailbox to one user. Stages for faults: greeting, login, select, search, fetch, idle."""

    def __init__(self, mailbox: Mailbox, user: str, password: str) -> None:
        self.mailbox = mailbox
        self.user = user
        self.password = password
        self.port = 0
        self.commands: list[str] = []
        self.logins = 0
        self.sessions: set[ImapSession] = set()
        self.bytes_sent = 0
        self.fetched: Counter[int] = Counter()  # how often the body of each UID was asked for
        self.poison: set[int] = set()  # UIDs whose body comes in a form no client understands
        self.mute = False  # announces nothing, as some servers do
        self.just_now: list[tuple[bytes, datetime]] = []  # mails that arrive at the very beginning of an IDLE
        self._faults: dict[str, deque[ImapFault]] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, host, port, ssl=tls, limit=_COMMAND_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        while self.sessions:
            await asyncio.sleep(0.005)

    def fail(self, stage: str, *faults: ImapFault) -> None:
        self._faults.setdefault(stage, deque()).extend(faults)

    def fault(self, stage: str) -> ImapFault | None:
        waiting = self._faults.get(stage)
        return waiting.popleft() if waiting else None

    def announce(self) -> None:
        """Tell idling sessions how many mails there are now."""
        if self.mute:
            return
        for session in self.sessions:
            session.announce()

    def cut(self, farewell: bytes = b"") -> None:
        """Close every session, after `farewell` when given (b"* BYE ...")."""
        for session in list(self.sessions):
            session.cut(farewell)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = ImapSession(self, reader, writer)
        self.sessions.add(session)
        try:
            await session.run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Gone):
            pass
        finally:
            self.sessions.discard(session)
            writer.close()


class Gone(Exception):
    """A fault ended this session."""


class ImapSession:
    """One connection and its state: logged in or not, folder selected or not."""

    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._known = 0
        self._authenticated = False
        self._selected = False
        self._idle_tag = ""
        self._commands: dict[str, Callable[[str, list[str]], str]] = {
            "CAPABILITY": self._capability,
            "NOOP": self._noop,
            "LOGIN": self._login,
            "SELECT": self._select,
            "EXAMINE": self._select,
            "CLOSE": self._close,
            "UID FETCH": self._fetch,
            "UID SEARCH": self._search,
        }

    @property
    def idling(self) -> bool:
        return bool(self._idle_tag)

    async def run(self) -> None:
        await self._meet("greeting")
        self._say("* OK [CAPABILITY " + CAPABILITIES + "] stand-in ready")
        while line := await self._line():
            tag, _, rest = line.partition(" ")
            name, _, arguments = rest.partition(" ")
            name = name.upper()
            if name == "UID":
                inner, _, arguments = arguments.partition(" ")
                name = f"UID {inner.upper()}"
            self._server.commands.append(name)
            if name == "LOGOUT":
                self._say("* BYE see you")
                self._say(f"{tag} OK LOGOUT done")
                await self._writer.drain()
                return
            if name == "IDLE":
                await self._idle(tag)
                continue
            await self._answer(tag, name, arguments)
            await self._writer.drain()

    async def _answer(self, tag: str, name: str, arguments: str) -> None:
        command = self._commands.get(name)
        if command is None:
            self._say(f"{tag} BAD unknown command")
            return
        stage = {"EXAMINE": "select", "UID FETCH": "fetch", "UID SEARCH": "search"}.get(name, name.lower())
        if refusal := await self._meet(stage):
            self._say(f"{tag} NO {refusal}")
            return
        words = [
            re.sub(r"\\(.)", r"\1", quoted) if quoted or not (group or bare) else group or bare
            for quoted, group, bare in _WORD.findall(arguments)
        ]
        self._say(f"{tag} {command(name, words)}")

    async def _meet(self, stage: str) -> str:
        """Meet the next fault of a stage; returns the text of a refusal, else ""."""
        fault = self._server.fault(stage)
        if fault is None:
            return ""
        if fault.bye:
            self._say("* BYE going down")
        if fault.eof or fault.bye:
            raise Gone
        if fault.hang:
            await self._reader.read()
            raise Gone
        return fault.no

    async def _line(self) -> str:
        """One command with its literals put in as quoted strings; "" at the end of the connection."""
        parts: list[str] = []
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                return ""
            line = line.rstrip(b"\r\n")
            literal = _LITERAL.search(line)
            if literal is None:
                parts.append(line.decode("utf-8", "replace"))
                return "".join(parts)
            parts.append(line[: literal.start()].decode("utf-8", "replace"))
            if not literal[2]:
                self._say("+ go on")
            content = (await self._reader.readexactly(int(literal[1]))).decode("utf-8", "replace")
            parts.append('"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"')

    def _say(self, line: str | bytes) -> None:
        content = (line.encode() if isinstance(line, str) else line) + b"\r\n"
        self._server.bytes_sent += len(content)
        self._writer.write(content)

    def announce(self) -> None:
        if self._idle_tag and len(self._server.mailbox.mails) != self._known:
            self._exists()

    def cut(self, farewell: bytes) -> None:
        if farewell:
            self._say(farewell)
        self._writer.close()

    def _exists(self) -> None:
        self._known = len(self._server.mailbox.mails)
        self._say(f"* {self._known} EXISTS")

    def _capability(self, name: str, words: list[str]) -> str:
        self._say("* CAPABILITY " + CAPABILITIES)
        return "OK CAPABILITY done"

    def _noop(self, name: str, words: list[str]) -> str:
        if self._selected and len(self._server.mailbox.mails) != self._known:
            self._exists()
        return "OK NOOP done"

    def _login(self, name: str, words: list[str]) -> str:
        self._server.logins += 1
        if words != [self._server.user, self._server.password]:
            return "NO [AUTHENTICATIONFAILED] wrong user or password"
        self._authenticated = True
        return f"OK [CAPABILITY {CAPABILITIES}] LOGIN done"

    def _select(self, name: str, words: list[str]) -> str:
        if not self._authenticated:
            return "NO log in first"
        if len(words) != 1 or words[0].upper() != "INBOX":
            return "NO [NONEXISTENT] no such folder"
        mailbox = self._server.mailbox
        self._selected = True
        self._say("* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)")
        self._exists()
        self._say("* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {mailbox.uid_validity}] valid")
        self._say(f"* OK [UIDNEXT {mailbox.uid_next}] next")
        self._say("* OK [PERMANENTFLAGS ()] none")
        return f"OK [READ-{'ONLY' if name == 'EXAMINE' else 'WRITE'}] {name} done"

    def _close(self, name: str, words: list[str]) -> str:
        self._selected = False
        return "OK CLOSE done"

    def _chosen(self, uids: str) -> list[tuple[int, StoredMail]] | None:
        mails = self._server.mailbox.mails
        last = mails[-1].uid if mails else 0
        chosen: set[int] = set()
        for part in uids.split(","):
            low, colon, high = part.partition(":")
            try:
                bounds = [last if each == "*" else int(each) for each in ((low, high) if colon else (low, low))]
            except ValueError:
                return None
            chosen.update(mail.uid for mail in mails if min(bounds) <= mail.uid <= max(bounds))
        return [(number, mail) for number, mail in enumerate(mails, 1) if mail.uid in chosen]

    def _search(self, name: str, words: list[str]) -> str:
        if not self._selected:
            return "BAD select a folder first"
        match [word.upper() for word in words]:
            case ["ALL"]:
                found = list(enumerate(self._server.mailbox.mails, 1))
            case ["UID", uids] if (chosen := self._chosen(uids)) is not None:
                found = chosen
            case ["UID", uids, "SINCE", day] if (chosen := self._chosen(uids)) is not None:
                since = datetime.strptime(day, "%d-%b-%Y").replace(tzinfo=UTC)
                found = [(number, mail) for number, mail in chosen if mail.internal_date >= since]
            case _:
                return "BAD SEARCH knows ALL, UID and SINCE"
        self._say("* SEARCH" + "".join(f" {mail.uid}" for _, mail in found))
        return "OK SEARCH done"

    def _fetch(self, name: str, words: list[str]) -> str:
        if not self._selected:
            return "BAD select a folder first"
        chosen = self._chosen(words[0]) if len(words) == 2 else None
        items = _ITEM.findall(words[1].upper().strip("()")) if chosen is not None else []
        known = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE")
        if chosen is None or any(item not in known and not _PARTIAL.fullmatch(item) for item in items):
            return "BAD FETCH does not know this"
        for number, mail in chosen:
            if any(item.startswith("BODY") for item in items):
                self._server.fetched[mail.uid] += 1
                if mail.uid in self._server.poison:
                    self._say(b"* %d FETCH (UID %d BODY[] )(" % (number, mail.uid))
                    continue
            parts = [b"UID %d" % mail.uid, *(self._item(item, mail) for item in items if item != "UID")]
            self._say(b"* %d FETCH (%s)" % (number, b" ".join(parts)))
        return "OK FETCH done"

    def _item(self, item: str, mail: StoredMail) -> bytes:
        match item:
            case "FLAGS":
                return b"FLAGS (%s)" % " ".join(sorted(mail.flags)).encode()
            case "RFC822.SIZE":
                return b"RFC822.SIZE %d" % len(mail.raw)
            case "INTERNALDATE":
                return b'INTERNALDATE "%s"' % mail.internal_date.strftime("%d-%b-%Y %H:%M:%S +0000").encode()
        partial = _PARTIAL.fullmatch(item)
        assert partial is not None
        if "PEEK" not in item:
            mail.flags.add("\\Seen")
        content, label = mail.raw, "BODY[]"
        if partial[1] == "HEADER":
            content, label = content[: content.find(b"\r\n\r\n") + 4], "BODY[HEADER]"
        if partial[2] is not None:
            start = int(partial[2])
            content, label = content[start : start + int(partial[3])], f"{label}<{start}>"
        return b"%s {%d}\r\n%s" % (label.encode(), len(content), content)

    async def _idle(self, tag: str) -> None:
        if not self._selected:
            self._say(f"{tag} BAD select a folder first")
            return
        self._idle_tag = tag
        while self._server.just_now:
            self._server.mailbox.add(*self._server.just_now.pop())
        self._say("+ idling")
        self.announce()
        await self._meet("idle")
        await self._writer.drain()
        done = await self._reader.readline()
        self._idle_tag = ""
        if done.strip().upper() == b"DONE":
            self._say(f"{tag} OK IDLE done")
        elif done:
            self._say(f"{tag} BAD expected DONE")
        await self._writer.drain()
