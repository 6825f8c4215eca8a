"""Who is behind a Slack user id: `users.info`, remembered for a while."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from connectors.slack.api import SlackApi
from connectors.slack.outcomes import CallFailed
from connectors.slack.parse import Home, Person

log = structlog.get_logger(__name__)

REMEMBERED = 5_000
LIFETIME = 900.0
"""Seconds a look-up is believed: a name or a guest's status may change."""
PATIENCE = 1.2
"""Seconds all look-ups of one message may take; Slack waits 3 s for the acknowledgement."""


class People:
    """A bounded memory of people. Somebody who cannot be looked up is left out, or known as before."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._known: OrderedDict[str, tuple[float, Person]] = OrderedDict()

    async def of(self, ids: Iterable[str], home: Home) -> Mapping[str, Person]:
        """The people behind the ids, as far as Slack tells in time; never raises."""
        now = time.monotonic()
        wanted = list(ids)
        fresh = {
            user: entry[1]
            for user in wanted
            if (entry := self._known.get(user)) is not None and now - entry[0] < LIFETIME
        }
        missing = [user for user in wanted if user not in fresh]
        if not missing:
            return fresh
        try:
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as lookups:
                for user in missing:
                    lookups.create_task(self._look_up(user, home))
        except TimeoutError:
            log.warning("slack.people_slow", count=len(missing))
        return fresh | {user: entry[1] for user in missing if (entry := self._known.get(user)) is not None}

    async def _look_up(self, user: str, home: Home) -> None:
        try:
            answer = await self._api.read("users.info", user=user)
            self._known[user] = (time.monotonic(), to_person(answer["user"], home))
        except CallFailed as failure:
            log.warning("slack.person_unknown", user=user, reason=str(failure))
        except (KeyError, TypeError, AttributeError) as error:
            log.warning("slack.person_unreadable", user=user, reason=repr(error))
        else:
            self._known.move_to_end(user)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def to_person(user: Mapping[str, Any], home: Home) -> Person:
    """A `users.info` answer; guests, strangers and people of other workspaces are not internal (S8)."""
    profile = user.get("profile") or {}
    bot = bool(user.get("is_bot") or user.get("is_workflow_bot") or user["id"] == "USLACKBOT")
    guest = any(user.get(key) for key in ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted"))
    teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
    return Person(
        id=user["id"],
        name=profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name") or "",
        internal=not bot and not guest and home.team in teams,
        email=profile.get("email"),
        bot=bot,
    )
