"""What leaves for a customer: one delivery as one or more Bot API calls, repeated only where that is safe (T11-T20)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import orjson
import structlog
from telegram.error import TelegramError

from connectors.base import Arrival, LeaseLost, NotSent, NotStored, Outcome, Ports, Rejected, Sent, Unknown
from connectors.telegram.outcomes import to_outcome
from connectors.telegram.pace import Pace
from connectors.telegram.parse import message_id
from connectors.telegram.render import to_text
from connectors.telegram.steps import Step, to_steps
from connectors.telegram.wire import Lost, Refused, Wire
from router.model import Delivery, DeliveryKind, IdentityKey, Inbound, InboundKind, Sender

log = structlog.get_logger()

Policy = Literal["resend_once", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The connector's own state of a delivery: the ids already sent, and whether T11 repeated it once."""

    sent: tuple[str, ...] = ()
    repeated: bool = False

    @classmethod
    def of(cls, checkpoint: str | None) -> Self:
        if not checkpoint:
            return cls()
        stored = orjson.loads(checkpoint)
        return cls(sent=tuple(stored["sent"]), repeated=stored["repeated"])

    def stored(self) -> str:
        return orjson.dumps({"sent": self.sent, "repeated": self.repeated}).decode()


class Stopped(Exception):
    """A delivery ends here, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Mailer:
    """Sends through one bot. `policy` is T11: what to do about a send whose answer was lost."""

    def __init__(self, channel: str, wire: Wire, ports: Ports, pace: Pace, policy: Policy) -> None:
        self._channel = channel
        self._wire = wire
        self._ports = ports
        self._pace = pace
        self._policy = policy
        self._moved: dict[str, str] = {}

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Send, edit or delete; every way it may end is a value."""
        try:
            match delivery.kind:
                case DeliveryKind.MESSAGE:
                    return await self._message(delivery)
                case DeliveryKind.EDIT:
                    return await self._edit(delivery)
                case DeliveryKind.DELETE:
                    return await self._delete(delivery)
        except Stopped as stopped:
            return stopped.outcome
        except TelegramError as error:
            return to_outcome(error)
        return Rejected(f"a {delivery.kind} cannot be shown on Telegram")

    async def reconcile(self, delivery: Delivery) -> Outcome:
        """T11: nobody can be asked. Edits and deletes are repeated, they change nothing the second time (2.3)."""
        if delivery.kind is not DeliveryKind.MESSAGE:
            return NotSent("an edit or delete may be repeated")
        progress = Progress.of(delivery.checkpoint)
        if self._policy == "hold" or progress.repeated:
            return Unknown("Telegram cannot tell whether this message arrived: an agent decides")
        await self._ports.checkpoint(delivery, Progress(sent=progress.sent, repeated=True).stored())
        return NotSent("the answer was lost; sent once more, it may appear twice")

    async def _message(self, delivery: Delivery) -> Outcome:
        steps = to_steps(delivery.outgoing, self._ports.blobs.path, delivery.address)
        if isinstance(steps, Rejected):
            return steps
        progress = Progress.of(delivery.checkpoint)
        sent = list(progress.sent)
        until = time.monotonic() + self._pace.call
        for step in steps[len(sent) :]:
            sent.append(await self._once(delivery, step, until))
            if len(sent) < len(steps):
                await self._ports.checkpoint(delivery, Progress(sent=tuple(sent), repeated=progress.repeated).stored())
        text_first = sorted(zip(steps, sent, strict=True), key=lambda each: not each[0].text)
        return Sent(tuple(remote_id for _, remote_id in text_first))

    async def _once(self, delivery: Delivery, step: Step, until: float) -> str:
        """Send one step, once more in another form where Telegram asks for it; returns the remote id."""
        chat = self._moved.get(delivery.address, delivery.address)
        try:
            return await self._call(delivery, chat, step, until)
        except Refused as error:
            if error.migrated_to is not None:
                await self._move(delivery.address, error.migrated_to)
                return await self._call(delivery, error.migrated_to, step, until)
            if step.entities and error.code == 400 and error.says("can't parse", "entit"):
                return await self._call(delivery, chat, replace(step, entities=()), until)
            if step.method == "sendPhoto" and error.code == 400 and error.says("photo", "image"):
                return await self._call(delivery, chat, replace(step, method="sendDocument"), until)
            raise

    async def _call(self, delivery: Delivery, chat: str, step: Step, until: float) -> str:
        parameters: dict[str, Any] = {"chat_id": _chat(chat)}
        if step.reply_to is not None:
            parameters["reply_parameters"] = {"message_id": step.reply_to, "allow_sending_without_reply": True}
        if step.file is None:
            parameters["text"] = step.text
            if step.entities:
                parameters["entities"] = step.entities
            seconds = self._check(delivery, until)
            return _remote_id(await self._wire.call(step.method, parameters, seconds))
        if step.text:
            parameters["caption"] = step.text
            if step.entities:
                parameters["caption_entities"] = step.entities
        return await self._upload(delivery, step, parameters, until)

    async def _upload(self, delivery: Delivery, step: Step, parameters: dict[str, Any], until: float) -> str:
        assert step.file is not None
        try:
            content = step.file.open("rb")
        except OSError as error:
            raise Stopped(Rejected(f"the file {step.name} cannot be read: {error.strerror}")) from error
        with content:
            seconds = self._check(delivery, until)
            part = "photo" if step.method == "sendPhoto" else "document"
            return _remote_id(await self._wire.call(step.method, parameters, seconds, {part: (step.name, content)}))

    def _check(self, delivery: Delivery, until: float) -> float:
        """R4: right before the write. The seconds that are left; too late, and nothing of this call has left us."""
        seconds = until - time.monotonic()
        if seconds <= 0 or not self._ports.holds(delivery):
            raise Stopped(NotSent("the time or the lease of this delivery ran out before it was sent"))
        return seconds

    async def _move(self, old: str, new: str) -> None:
        """T13: send to the new chat from now on, and report it as an arrival so that the legs can follow."""
        self._moved[old] = new
        inbound = Inbound(
            kind=InboundKind.MEMBERSHIP,
            channel=self._channel,
            address=old,
            sender=Sender(identity=IdentityKey("telegram", old)),
            remote_id=f"migrated:{old}:{new}",
            target=new,
            value="migrated",
        )
        raw = orjson.dumps({"migrate_from_chat_id": old, "migrate_to_chat_id": new})
        try:
            await self._ports.intake([Arrival(key=f"g:{old}:{new}", raw=raw, inbound=inbound)])
        except (NotStored, LeaseLost):
            log.warning("telegram.migration_not_stored", channel=self._channel)  # the next send meets it again

    async def _edit(self, delivery: Delivery) -> Outcome:
        target = delivery.outgoing.target
        if target is None:
            return Rejected("an edit needs the message it is about")
        text, entities = to_text(delivery.outgoing.text)
        place = _place(target)
        until = time.monotonic() + self._pace.call
        seconds = self._check(delivery, until)
        try:
            await self._wire.call("editMessageText", {**place, "text": text, "entities": entities}, seconds)
        except Refused as error:
            if error.says("message is not modified"):
                return Sent((target,))
            if not error.says("there is no text in the message"):
                raise
            caption = {**place, "caption": text, "caption_entities": entities}  # the message is a photo or file
            await self._edit_caption(caption, self._check(delivery, until))
        return Sent((target,))

    async def _edit_caption(self, caption: Mapping[str, Any], seconds: float) -> None:
        try:
            await self._wire.call("editMessageCaption", caption, seconds)
        except Refused as error:
            if not error.says("message is not modified"):
                raise

    async def _delete(self, delivery: Delivery) -> Outcome:
        target = delivery.outgoing.target
        if target is None:
            return Rejected("a delete needs the message it is about")
        seconds = self._check(delivery, time.monotonic() + self._pace.call)
        try:
            await self._wire.call("deleteMessage", _place(target), seconds)
        except Refused as error:
            if not error.says("message to delete not found"):
                raise
        return Sent((target,))


def _remote_id(message: Mapping[str, Any]) -> str:
    """The remote id of an answer's message; raises Lost when the answer holds none."""
    try:
        return message_id(message["chat"]["id"], message["message_id"])
    except (TypeError, LookupError) as error:
        raise Lost("Telegram's answer holds no message") from error


def _chat(address: str) -> int | str:
    return int(address) if address.removeprefix("-").isdecimal() else address


def _place(target: str) -> dict[str, int | str]:
    chat, _, number = target.rpartition(":")
    return {"chat_id": _chat(chat), "message_id": _chat(number)}
