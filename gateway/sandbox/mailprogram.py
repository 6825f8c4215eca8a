"""The mail program: the mailboxes of a few customers, as their provider keeps them."""

from collections.abc import Callable, Mapping, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from gateway.sandbox.mail import Accepted, MailStandIn
from gateway.sandbox.mail_imap import StoredMail
from gateway.sandbox.pane import SHOWN, UNKNOWN, File, Json, Misuse, millis, number_of, text_of

ACCOUNTS = {"ann@customer.example": "Ann Archer", "limei@customer.example": "李梅"}


class MailProgram:
    """Reads and writes mail for `accounts` (address and name)."""

    def __init__(self, mail: MailStandIn, accounts: Mapping[str, str] | None = None) -> None:
        self._mail = mail
        self._accounts = accounts or ACCOUNTS
        self._sent: dict[int, EmailMessage] = {}
        self.watch: Callable[[Callable[[], None]], Callable[[], None]] = mail.watch

    def view(self) -> Json:
        return {
            "shop": self._mail.address,
            "accounts": [
                {"address": address, "name": name, "inbox": self._inbox(address), "sent": self._outgoing(address)}
                for address, name in self._accounts.items()
            ],
        }

    def _inbox(self, address: str) -> list[Json]:
        numbered = list(enumerate(self._mail.mailbox(address)))
        return [
            {
                "id": f"in-{number}",
                "number": number,
                "from": str(mail.message["From"] or ""),
                "to": address,
                "subject": mail.subject,
                "at": millis(mail.at),
                "text": mail.text,
                "files": _files(f"inbox/{address}/{number}", mail.message),
            }
            for number, mail in numbered[-SHOWN:]
        ]

    def _outgoing(self, address: str) -> list[Json]:
        parsed = [(mail, self._parsed(mail)) for mail in self._mail.inbox.mails[-SHOWN:]]
        return [
            {
                "id": f"out-{mail.uid}",
                "from": str(message["From"]),
                "to": str(message["To"] or ""),
                "subject": str(message["Subject"] or ""),
                "at": millis(mail.internal_date),
                "text": _text(message),
                "files": _files(f"sent/{mail.uid}", message),
            }
            for mail, message in parsed
            if address in _addresses(message)
        ]

    def _parsed(self, mail: StoredMail) -> EmailMessage:
        if mail.uid not in self._sent:
            message = message_from_bytes(mail.raw, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self._sent[mail.uid] = message
        return self._sent[mail.uid]

    async def act(self, verb: str, body: Mapping[str, Any], files: Sequence[File]) -> None:
        account, text = text_of(body, "account"), text_of(body, "text")
        name = self._accounts[account]
        attachments = [(file.name, file.content_type or UNKNOWN, file.content) for file in files]
        match verb:
            case "write":
                if not text.strip() and not files:
                    raise Misuse("The mail is empty: write something or choose a file.")
                subject = " ".join(text_of(body, "subject").split())
                await self._mail.send(account, text, subject=subject, name=name, attachments=attachments)
            case "reply":
                if not text.strip() and not files:
                    raise Misuse("The answer is empty: write something or choose a file.")
                answered = self._mail.mailbox(account)[number_of(body, "mail")]
                await self._reply(account, name, answered, text, attachments)
            case _:
                raise LookupError(f"a mail program cannot {verb}")

    async def _reply(
        self, account: str, name: str, answered: Accepted, text: str, attachments: Sequence[tuple[str, str, bytes]]
    ) -> None:
        """As mail programs do: Reply-To, thread headers, and the whole text quoted below."""
        quoted = "\n".join(f"> {line}" for line in answered.text.split("\n"))
        head = f"On {answered.at:%a, %d %b %Y at %H:%M} {self._mail.address} wrote:"
        subject = answered.subject
        await self._mail.send(
            account,
            f"{text}\n\n{head}\n{quoted}\n",
            subject=subject if subject.lower().startswith("re:") else f"Re: {subject}",
            name=name,
            attachments=attachments,
            in_reply_to=answered.message_id,
            references=[each.strip("<>") for each in str(answered.message["References"] or "").split()],
            to=(answered.message["Reply-To"] or answered.message["From"]).addresses[0].addr_spec,
        )

    def file(self, path: Sequence[str]) -> File:
        match path:
            case ["inbox", address, number, index]:
                message = self._mail.mailbox(address)[int(number)].message
            case ["sent", uid, index]:
                message = self._sent[int(uid)]
            case _:
                raise LookupError("there is no such folder")
        return _file(list(message.iter_attachments())[int(index)])


def _addresses(message: EmailMessage) -> list[str]:
    return [each.addr_spec.lower() for each in message["From"].addresses] if message["From"] else []


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n") if part is not None else ""


def _files(place: str, message: EmailMessage) -> list[Json]:
    return [_file(part).view(f"mail/{place}/{index}") for index, part in enumerate(message.iter_attachments())]


def _file(part: EmailMessage) -> File:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    return File(name=part.get_filename() or "file", content_type=part.get_content_type(), content=content)
