"""App Homes, as the app publishes them and people use them, and what slash commands are answered with."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.slack.limits import fault_of
from gateway.sandbox.slack.modals import Put, ViewRefused
from gateway.sandbox.slack.views import BLOCKS, is_too_large
from gateway.sandbox.slack.workspace import APP, BOT, TEAM, Channel, User, Whisper, Workspace, escaped

Payload = Mapping[str, Any]

HOOK_USES = 5
HOOK_LIFE = 1800
"""Seconds in which the address for late answers works, so many times."""
_PARTS = {"type", "blocks", "private_metadata", "callback_id", "external_id"}


@dataclass(frozen=True, slots=True)
class Shown:
    """The Home of one person; a new hash with each publication."""

    id: str
    hash: str
    view: Payload

    def to_json(self) -> dict[str, Any]:
        """As payloads and answers show it."""
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "title": {"type": "plain_text", "text": "View Title", "emoji": True},
            "close": None,
            "submit": None,
            "clear_on_close": False,
            "notify_on_close": False,
            "state": {"values": {}},
            **self.view,
            "id": self.id,
            "team_id": TEAM,
            "app_id": APP,
            "bot_id": BOT,
            "app_installed_team_id": TEAM,
            "hash": self.hash,
            "root_view_id": self.id,
            "previous_view_id": None,
        }


@dataclass(slots=True)
class Hook:
    """A `response_url`."""

    user: str
    channel: str
    until: float
    uses: int = HOOK_USES


class Homes:
    """`put` sends something to the app and brings its answer, `tell` sends an event, `trigger` makes an id that opens a
    modal, `changed` is told of every change."""

    def __init__(
        self,
        space: Workspace,
        put: Put,
        tell: Callable[[dict[str, Any]], None],
        trigger: Callable[[str], str],
        changed: Callable[[], None],
    ) -> None:
        self.of: dict[str, Shown] = {}
        self.hooks: dict[str, Hook] = {}
        self.published = 0
        self._space = space
        self._put = put
        self._tell = tell
        self._trigger = trigger
        self._changed = changed
        self._numbers = itertools.count(1)

    # What the app does.

    def publish(self, user: object, view: object, hash_: object = None) -> Shown:
        """`views.publish`. Raises ViewRefused."""
        if not isinstance(user, str) or user not in self._space.users:
            raise ViewRefused("user_not_found")
        if (place := _fault(view)) is not None:
            raise ViewRefused("invalid_arguments", place)
        assert isinstance(view, dict)
        if is_too_large(view):
            raise ViewRefused("view_too_large")
        before = self.of.get(user)
        if hash_ is not None and (before is None or hash_ != before.hash):
            raise ViewRefused("hash_conflict")
        name = before.id if before is not None else f"V0HOME{next(self._numbers):06d}"
        shown = self.of[user] = Shown(name, self._space.stamp(), view)
        self.published += 1
        self._changed()
        return shown

    def respond(self, hook: str, answer: Payload) -> bool:
        """A post to a `response_url`; False when it does not work any more."""
        known = self.hooks.get(hook)
        if known is None or known.uses <= 0 or self._space.now().timestamp() > known.until:
            return False
        known.uses -= 1
        self._whisper(known.user, known.channel, answer)
        return True

    # What people do.

    def open(self, person: User, tab: str = "home") -> None:
        """Click on the app in the list of channels."""
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": f"D0{person.id[2:]}",
            "tab": tab,
            "event_ts": self._space.stamp(),
        }
        if tab == "home" and (shown := self.of.get(person.id)) is not None:
            event["view"] = shown.to_json()
        self._tell(event)

    def press(self, person: User, action_id: str, *, times: int = 1) -> None:
        """A button of the Home; more `times` are the same press, sent again. Raises LookupError."""
        shown = self.of.get(person.id)
        for block in shown.view["blocks"] if shown is not None else ():
            for each in block["elements"] if block["type"] == "actions" else ():
                if each["action_id"] == action_id and shown is not None:
                    self._pressed(person, shown, block, each, times)
                    return
        raise LookupError(f"{person.name}'s Home has no button {action_id!r}")

    def _pressed(self, person: User, shown: Shown, block: Payload, element: Payload, times: int) -> None:
        action = {
            "action_id": element["action_id"],
            "block_id": block.get("block_id", "auto"),
            "text": element["text"],
            "value": element.get("value", ""),
            "type": "button",
            "action_ts": self._space.stamp(),
        }
        payload = {
            "type": "block_actions",
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
            "api_app_id": APP,
            "token": "deprecated",
            "container": {"type": "view", "view_id": shown.id},
            "trigger_id": self._trigger(person.id),
            "team": {"id": TEAM, "domain": "shop"},
            "enterprise": None,
            "is_enterprise_install": False,
            "view": shown.to_json(),
            "actions": [action],
        }
        for _ in range(times):
            self._put("interactive", payload, lambda answer: None)

    def command(self, person: User, channel: Channel, command: str, text: str) -> None:
        """What the app acknowledges with is shown to that person; a command that is not acknowledged in time fails, and
        Slack does not send it again."""
        number = next(self._numbers)
        hook = f"{TEAM}-{number}"
        self.hooks[hook] = Hook(person.id, channel.id, self._space.now().timestamp() + HOOK_LIFE)
        payload = {
            "token": "deprecated",
            "team_id": person.team,
            "team_domain": "shop",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": escaped(text),
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": f"{self._space.url}/commands/{hook}",
            "trigger_id": self._trigger(person.id),
        }

        def answered(answer: Payload | None) -> None:
            if answer is None:
                answer = {"text": f'{command} failed with the error "operation_timeout"'}
            self._whisper(person.id, channel.id, answer)

        self._put("slash_commands", payload, answered)

    def _whisper(self, user: str, channel: str, answer: Payload) -> None:
        """An empty acknowledgement shows nothing; what Slack cannot show is an error to whoever asked."""
        text, blocks = answer.get("text", ""), answer.get("blocks", [])
        if not text and not blocks:
            return
        if (code := fault_of(text, blocks)) is not None:
            text, blocks = f'failed with the error "{code}"', []
        self._space.whispers.append(
            Whisper(channel=channel, ts=self._space.stamp(), user=user, text=text, blocks=blocks)
        )
        self._changed()


def _fault(view: object) -> str | None:
    """The place of what is wrong with a Home, None when Slack takes it."""
    if not isinstance(view, dict) or view.get("type") != "home":
        return "/view/type"
    if unknown := sorted(view.keys() - _PARTS):
        return f"/view/{unknown[0]}"
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or len(blocks) > BLOCKS:
        return "/view/blocks"
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or fault_of("in a view", [block]) is not None:
            return f"/view/blocks/{number}"
    ids = [each["action_id"] for block in blocks if block["type"] == "actions" for each in block["elements"]]
    return "/view/blocks" if len(set(ids)) != len(ids) else None
