"""Opens forms for those who press: beside the acknowledgement, for a trigger lives three seconds and is good once.

Opening one changes nothing, so nothing is stored; who cannot have it is told in private.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.base import NotStored, Ports
from connectors.slack.api import SlackApi
from connectors.slack.modal import modal, options, place_of
from connectors.slack.outcomes import CallFailed
from connectors.slack.parse import Home, Person, chosen_line, sender_of
from router.forms import ASKS, Form, Wish, asks_for_form, matching

Payload = Mapping[str, Any]
Json = dict[str, Any]
Lookup = Callable[[list[str], Home], Awaitable[Mapping[str, Person]]]

log = structlog.get_logger(__name__)

AT_ONCE = 200
"""Forms that may wait to be opened; more are refused, for none of them would be in time."""
OPEN_WITHIN = 3.0
"""Seconds; then the trigger is over as well."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A message shortcut of the app: the form it opens, and what Slack's menu says (24 and 150 characters)."""

    line: str
    name: str
    description: str


SHORTCUTS: Mapping[str, Shortcut] = {
    "onevoice_actions": Shortcut(f"actions{ASKS}", "Onevoice actions", "What can be done with this conversation"),
    "onevoice_show": Shortcut(f"show{ASKS}", "Show the whole message", "All of a long message, in a form"),
}
"""By their callback ids, as the app's manifest names them."""
OPENED_CODES = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
"""The trigger was good, once: the form is open."""
_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press that wants a form. `view` and `hash` are of the modal it was in, which then shows the new form."""

    user: str
    team: str | None
    line: str
    channel: str
    thread: str
    target: str | None
    trigger: str
    view: str | None = None
    hash: str | None = None


class Forms:
    """`people` looks members up; `run` opens what was asked for until cancelled."""

    def __init__(self, api: SlackApi, ports: Ports, people: Lookup) -> None:
        self._api = api
        self._ports = ports
        self._people = people
        self._waiting: asyncio.Queue[tuple[Press, Home]] = asyncio.Queue(AT_ONCE)

    def ask(self, body: Payload, home: Home) -> bool:
        """Open the form a press or a message shortcut wants; False for what wants none. Raises NotStored when there
        are too many."""
        press = press_of(body)
        if press is None:
            return False
        try:
            self._waiting.put_nowait((press, home))
        except asyncio.QueueFull:
            raise NotStored("too many forms are asked for") from None
        return True

    async def run(self) -> None:
        async with asyncio.TaskGroup() as opening:
            while True:
                press, home = await self._waiting.get()
                opening.create_task(self._open(press, home))

    async def form(self, wish: Wish) -> Form | str:
        """Raises NotStored."""
        return await self._ports.form(wish)

    async def suggestions(self, body: Payload, home: Home) -> list[Json]:
        """What a field whose options are too many for a list offers for what is typed. Raises NotStored."""
        place = place_of(body["view"])
        user = body["user"]
        found = await self.form(await self._wish(user["id"], user.get("team_id"), place.asked, place.thread, home))
        if isinstance(found, str):
            return []
        fields = [each for each in found.fields if each.name == body["action_id"]]
        return options(matching(fields[0].options, body.get("value") or "")) if fields else []

    async def _wish(
        self, user: str, team: str | None, line: str, thread: str, home: Home, target: str | None = None
    ) -> Wish:
        sender = sender_of(user, team, home, await self._people([user], home))
        return Wish(sender=sender, line=line.removesuffix(ASKS), thread=thread, target=target)

    async def _open(self, press: Press, home: Home) -> None:
        """Never raises: nobody waits for it."""
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                wish = await self._wish(press.user, press.team, press.line, press.thread, home, press.target)
                found = await self.form(wish)
                if isinstance(found, str):
                    await self._whisper(press, f"Not done: {found}")
                    return
                await self._show(press, modal(found, wish))
        except CallFailed as failure:
            if failure.code in OPENED_CODES:
                return
            log.warning("slack.form_not_opened", reason=str(failure))
            await self._sorry(press, "Slack did not open the form in time. Please press again.")
        except TimeoutError:
            await self._sorry(press, "Opening the form took too long. Please press again.")
        except NotStored as reason:
            log.warning("slack.form_not_opened", reason=str(reason))
            await self._sorry(press, "Onevoice cannot read its store at the moment. Please press again in a minute.")
        except Exception:  # one form we choke on must not end the others
            log.exception("slack.form_choked", line=press.line)
            await self._sorry(press, "The form could not be opened.")

    async def _show(self, press: Press, view: Json) -> None:
        if press.view is None:
            await self._api.write("views.open", {"trigger_id": press.trigger, "view": view}, repeatable=True)
            return
        arguments: Json = {"view_id": press.view, "view": view, **({"hash": press.hash} if press.hash else {})}
        await self._api.write("views.update", arguments, repeatable=True)

    async def _sorry(self, press: Press, said: str) -> None:
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                await self._whisper(press, said)
        except (CallFailed, TimeoutError) as failure:
            log.warning("slack.form_not_told", reason=repr(failure))

    async def _whisper(self, press: Press, said: str) -> None:
        await self._api.write(
            "chat.postEphemeral",
            {
                "channel": press.channel,
                "user": press.user,
                "thread_ts": press.thread.partition(":")[2],
                "text": said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
                "parse": "none",
                "link_names": False,
            },
            repeatable=True,
        )


def press_of(body: Payload) -> Press | None:
    """What of a payload asks for a form; None for anything else, also of an unexpected shape (it is stored then)."""
    try:
        match body.get("type"):
            case "block_actions":
                return _pressed(body)
            case "message_action" if body["callback_id"] in SHORTCUTS:
                message, channel = body["message"], body["channel"]["id"]
                return _press(
                    body,
                    SHORTCUTS[body["callback_id"]].line,
                    f"{channel}:{message.get('thread_ts') or message['ts']}",
                    f"{channel}:{message['ts']}",
                )
    except _ODD:
        return None
    return None


def _pressed(body: Payload) -> Press | None:
    line = chosen_line(body["actions"][0])
    if not asks_for_form(line):
        return None
    if (view := body.get("view")) is not None:
        place = place_of(view)
        found = _press(body, line, place.thread, place.target)
        return Press(
            user=found.user,
            team=found.team,
            line=line,
            channel=found.channel,
            thread=place.thread,
            target=place.target,
            trigger=found.trigger,
            view=view["id"],
            hash=view.get("hash"),
        )
    container = body["container"]
    channel = container["channel_id"]
    message = body.get("message") or {}
    ts = container["message_ts"]
    thread = message.get("thread_ts") or container.get("thread_ts") or ts
    return _press(body, line, f"{channel}:{thread}", f"{channel}:{ts}")


def _press(body: Payload, line: str, thread: str, target: str | None) -> Press:
    user = body["user"]
    return Press(
        user=user["id"],
        team=user.get("team_id") or (body.get("team") or {}).get("id"),
        line=line,
        channel=thread.partition(":")[0],
        thread=thread,
        target=target,
        trigger=body["trigger_id"],
    )
