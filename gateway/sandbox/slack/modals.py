"""The modals that are open in front of people: how the app opens them, and how people fill them in."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.slack.views import fault_of_view, is_too_large
from gateway.sandbox.slack.workspace import APP, BOT, TEAM, User

Payload = Mapping[str, Any]
Put = Callable[[str, Payload, Callable[[Payload | None], None]], None]

TRIGGER_LIFE = 3.0
"""Seconds in which a trigger opens a modal, once."""
TRIGGERS = 10_000
"""The newest triggers that are remembered; of older ones nobody can tell whether they were used."""
STACK = 3
TROUBLE = "We had some trouble connecting. Try again?"


class ViewRefused(Exception):
    """Slack's error code, and the place in the view it is about."""

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.place = place


@dataclass(slots=True)
class Modal:
    """`view` as the app sent it, `errors` by block id as the app answered; `offered` what was found for a search, by
    block id. `sending`: submitted, and not answered yet."""

    id: str
    user: str
    view: dict[str, Any]
    hash: str
    root: str
    previous: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    offered: dict[str, list[Payload]] = field(default_factory=dict)
    sending: bool = False

    def to_json(self, values: Payload | None = None) -> dict[str, Any]:
        """As payloads and answers show it."""
        return {
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.view,
            "id": self.id,
            "team_id": TEAM,
            "app_id": APP,
            "bot_id": BOT,
            "app_installed_team_id": TEAM,
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
            "state": {"values": values or {}},
        }


class Modals:
    """`put` sends an interaction to the app and brings its answer (None: no answer in time); `changed` is told of
    every change. Time is the machine's own, as triggers live by it."""

    def __init__(self, put: Put, stamp: Callable[[], str], changed: Callable[[], None]) -> None:
        self.trigger_life = TRIGGER_LIFE
        self._put = put
        self._stamp = stamp
        self._changed = changed
        self._numbers = itertools.count(1)
        self._triggers: dict[str, tuple[str, float, str | None]] = {}
        self._used: deque[str] = deque(maxlen=TRIGGERS)
        self._stacks: dict[str, list[Modal]] = {}

    def trigger(self, user: str, modal: str | None = None) -> str:
        """A new trigger of an interaction of that person, in that modal."""
        number = next(self._numbers)
        made = f"{number:012d}.{number:010d}.{number:032x}"
        self._triggers[made] = (user, time.monotonic(), modal)
        if len(self._triggers) > TRIGGERS:
            del self._triggers[next(iter(self._triggers))]
        return made

    def top(self, user: str) -> Modal | None:
        """What the person of that id has in front of them."""
        stack = self._stacks.get(user)
        return stack[-1] if stack else None

    # What the app does.

    def open(self, trigger: object, view: object) -> Modal:
        """Raises ViewRefused, as the others do."""
        good = _good(view)
        user, _ = self._taken(trigger)
        modal = self._made(user, good, None)
        self._stacks[user] = [modal]
        self._changed()
        return modal

    def push(self, trigger: object, view: object) -> Modal:
        good = _good(view)
        user, within = self._taken(trigger)
        stack = self._stacks.get(user, [])
        if not stack or within is None:
            raise ViewRefused("not_found")
        if len(stack) >= STACK:
            raise ViewRefused("push_limit_reached")
        modal = self._made(user, good, stack[-1])
        stack.append(modal)
        self._changed()
        return modal

    def update(self, view_id: object, view: object, hash_: object = None) -> Modal:
        good = _good(view)
        found = next((each for stack in self._stacks.values() for each in stack if each.id == view_id), None)
        if found is None:
            raise ViewRefused("not_found")
        if hash_ is not None and hash_ != found.hash:
            raise ViewRefused("hash_conflict")
        self._replace(found, good)
        self._changed()
        return found

    def _taken(self, trigger: object) -> tuple[str, str | None]:
        if not isinstance(trigger, str) or trigger.count(".") != 2:
            raise ViewRefused("invalid_trigger_id" if trigger else "invalid_arguments", "/trigger_id")
        if trigger in self._used:
            raise ViewRefused("exchanged_trigger_id")
        user, since, modal = self._triggers.get(trigger, ("", 0.0, None))
        if not user or time.monotonic() - since > self.trigger_life:
            raise ViewRefused("expired_trigger_id")
        self._used.append(trigger)
        del self._triggers[trigger]
        return user, modal

    def _made(self, user: str, view: dict[str, Any], above: Modal | None) -> Modal:
        name = f"V0{next(self._numbers):08d}"
        root = name if above is None else above.root
        return Modal(name, user, view, self._stamp(), root, None if above is None else above.id)

    def _replace(self, modal: Modal, view: dict[str, Any]) -> None:
        modal.view, modal.hash = view, self._stamp()
        modal.errors, modal.offered = {}, {}

    # What people do.

    def submit(self, person: User, values: Mapping[str, str], *, times: int = 1) -> None:
        """Press the modal's button with the fields filled in by block id; what is not named stays as it began. More
        `times` are the same press, sent again. Raises LookupError for no modal, ValueError for what Slack's client
        does not let through."""
        modal = self._front(person)
        inputs = {each["block_id"]: each for each in _inputs(modal.view)}
        if unknown := values.keys() - inputs.keys():
            raise LookupError(f"the form has no {', '.join(sorted(unknown))}")
        state = {
            name: {block["element"]["action_id"]: _filled(block, values.get(name), modal.offered.get(name, []))}
            for name, block in inputs.items()
        }
        modal.errors, modal.sending = {}, True
        payload = {
            **_from(person),
            "type": "view_submission",
            "trigger_id": self.trigger(person.id, modal.id),
            "view": modal.to_json(state),
            "response_urls": [],
        }
        for _ in range(times):
            self._put("interactive", payload, lambda answer: self._answered(modal, answer))
        self._changed()

    def close(self, person: User) -> None:
        """The app hears of it only if it asked to."""
        modal = self._front(person)
        self._gone(modal)
        if modal.view.get("notify_on_close"):
            payload = {**_from(person), "type": "view_closed", "view": modal.to_json(), "is_cleared": False}
            self._put("interactive", payload, lambda answer: None)
        self._changed()

    def press(self, person: User, action_id: str) -> None:
        """A button inside the modal; raises LookupError."""
        modal = self._front(person)
        for block in modal.view["blocks"]:
            for each in block.get("elements", ()) if block["type"] == "actions" else ():
                if each["action_id"] == action_id:
                    payload = {
                        **_from(person),
                        "type": "block_actions",
                        "container": {"type": "view", "view_id": modal.id},
                        "view": modal.to_json(),
                        "actions": [{**each, "action_ts": self._stamp()}],
                        "trigger_id": self.trigger(person.id, modal.id),
                    }
                    self._put("interactive", payload, lambda answer: None)
                    return
        raise LookupError(f"the form has no button {action_id!r}")

    def search(self, person: User, name: str, typed: str) -> None:
        """Type into a field whose options the app looks up; what it answers is `offered`."""
        modal = self._front(person)
        block = next(each for each in _inputs(modal.view) if each["block_id"] == name)
        if block["element"]["type"] not in ("external_select", "multi_external_select"):
            raise LookupError(f"{name} looks nothing up")
        if len(typed) < block["element"].get("min_query_length", 3):
            return
        payload = {
            **_from(person),
            "type": "block_suggestion",
            "container": {"type": "view", "view_id": modal.id},
            "view": modal.to_json(),
            "action_id": block["element"]["action_id"],
            "block_id": name,
            "value": typed,
        }

        def found(answer: Payload | None) -> None:
            modal.offered[name] = list((answer or {}).get("options", ()))[:100]
            self._changed()

        self._put("interactive", payload, found)

    def _front(self, person: User) -> Modal:
        if (modal := self.top(person.id)) is None:
            raise LookupError(f"{person.name} has no form open")
        return modal

    def _gone(self, modal: Modal) -> None:
        stack = self._stacks.get(modal.user, [])
        if modal in stack:
            stack.remove(modal)

    def _answered(self, modal: Modal, answer: Payload | None) -> None:
        """The app's word about a submission; without one the modal stays and says so."""
        modal.sending = False
        inputs = [each["block_id"] for each in _inputs(modal.view)]
        match answer:
            case None:
                modal.errors = dict.fromkeys(inputs[:1] or [""], TROUBLE)
            case {"response_action": "errors", "errors": dict(errors)} if errors.keys() <= set(inputs) and errors:
                modal.errors = {name: str(said) for name, said in errors.items()}
            case {"response_action": ("update" | "push") as how, "view": view}:
                self._next(modal, how, view)
            case {"response_action": "clear"}:
                self._stacks[modal.user] = []
            case {"response_action": _}:
                modal.errors = dict.fromkeys(inputs[:1] or [""], TROUBLE)
            case _:
                self._gone(modal)
        self._changed()

    def _next(self, modal: Modal, how: str, view: object) -> None:
        stack = self._stacks.get(modal.user, [])
        try:
            good = _good(view)
        except ViewRefused as refused:
            modal.errors = {each["block_id"]: f"{refused.code} {refused.place}" for each in _inputs(modal.view)[:1]}
            return
        if how == "update":
            self._replace(modal, good)
        elif modal in stack and len(stack) < STACK:
            stack.append(self._made(modal.user, good, modal))


def _good(view: object) -> dict[str, Any]:
    if (place := fault_of_view(view)) is not None:
        raise ViewRefused("invalid_arguments", place)
    assert isinstance(view, dict)
    if is_too_large(view):
        raise ViewRefused("view_too_large")
    blocks = [
        {**block, "block_id": block.get("block_id") or f"block-{number}"} for number, block in enumerate(view["blocks"])
    ]
    return {**view, "blocks": blocks}


def _from(person: User) -> dict[str, Any]:
    return {
        "team": {"id": TEAM, "domain": "shop"},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
        "api_app_id": APP,
        "token": "deprecated",
    }


def _inputs(view: Payload) -> list[Payload]:
    return [each for each in view["blocks"] if each["type"] == "input"]


def _filled(block: Payload, value: str | None, offered: list[Payload]) -> dict[str, Any]:
    """The state of one field. `value` None: as it began; several values are parted by commas."""
    element, kind = block["element"], block["element"]["type"]
    required = not block.get("optional", False)
    match kind:
        case "plain_text_input":
            text = element.get("initial_value", "") if value is None else value
            if not element.get("multiline", False) and "\n" in text:
                raise ValueError(f"{block['block_id']} has one line")
            least = max(element.get("min_length", 0), 1 if required else 0)
            if (text or required) and not least <= len(text.strip() and text) <= element.get("max_length", 3_000):
                raise ValueError(f"{block['block_id']} is too short or too long")
            return {"type": kind, "value": text or None}
        case "datepicker" | "timepicker":
            name = kind.removesuffix("picker")
            chosen = element.get(f"initial_{name}") if value is None else value or None
            if required and not chosen:
                raise ValueError(f"{block['block_id']} is missing")
            return {"type": kind, f"selected_{name}": chosen}
    several = kind.startswith("multi_") or kind == "checkboxes"
    single = [element["initial_option"]] if "initial_option" in element else []
    first = element.get("initial_options", []) if several else single
    known = element.get("options", offered)
    wanted = None if value is None else [each.strip() for each in value.split(",") if each.strip()]
    options = first if wanted is None else [each for each in known if each["value"] in wanted]
    if wanted is not None and len(options) != len(wanted):
        raise ValueError(f"{block['block_id']} does not offer {value!r}")
    if required and not options:
        raise ValueError(f"{block['block_id']} is missing")
    return (
        {"type": kind, "selected_options": options}
        if several
        else {"type": kind, "selected_option": (options or [None])[0]}
    )
