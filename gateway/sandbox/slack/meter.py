"""What Slack lets an app do in a time: posts a second in each channel, calls of a method a minute (S14, S17, S22)."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import Any

MINUTE = 60.0
POSTS_A_SECOND = 1.0
TIERS: Mapping[str, int] = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "reactions.add": 50,
    "reactions.remove": 20,
    "conversations.create": 20,
    "conversations.list": 20,
    "conversations.info": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "users.info": 100,
    "users.lookupByEmail": 50,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
    "files.info": 100,
    "views.open": 100,
    "views.update": 100,
    "views.publish": 100,
}
"""Calls a minute: tier 2 is 20, tier 3 is 50, tier 4 is 100."""


class Meter:
    """Counts what is asked and refuses what is too much. Without `posts` and `tiers` nothing is."""

    def __init__(self, *, posts: float | None = None, tiers: Mapping[str, int] | None = None) -> None:
        self.posts = posts
        self.tiers = dict(tiers or {})
        self.refused: Counter[str] = Counter()
        """How often each bucket said 429."""
        self.refused_again = 0
        """How often one said so twice in a row."""
        self.closest = float("inf")
        """The shortest time between two changes of one post, in seconds."""
        self._free_at: defaultdict[str, float] = defaultdict(float)
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)
        self._last_refused: set[str] = set()
        self._changed_at: dict[tuple[str, str], float] = {}

    def as_slack(self) -> None:
        """From now on the limits of the real one."""
        self.posts, self.tiers = POSTS_A_SECOND, dict(TIERS)

    def wait(self, method: str, arguments: Mapping[str, Any]) -> int:
        """Whole seconds that this call must wait, 0 when it may go now."""
        now = time.monotonic()
        if method == "chat.postMessage":
            bucket = f"{method} {arguments.get('channel')}"
            wait = self._post(bucket, now)
        else:
            bucket = method
            wait = self._call(method, now)
        if wait:
            self.refused[bucket] += 1
            self.refused_again += bucket in self._last_refused
            self._last_refused.add(bucket)
            return max(1, round(wait))
        self._last_refused.discard(bucket)
        if method == "chat.update":
            self._change((str(arguments.get("channel")), str(arguments.get("ts"))), now)
        return 0

    def _post(self, bucket: str, now: float) -> float:
        if self.posts is None:
            return 0
        if (free := self._free_at[bucket]) > now:
            return free - now
        self._free_at[bucket] = now + 1 / self.posts
        return 0

    def _call(self, method: str, now: float) -> float:
        """The workspace has so many a minute, whoever they are about."""
        if (most := self.tiers.get(method)) is None:
            return 0
        calls = self._calls[method]
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if len(calls) >= most:
            return calls[0] + MINUTE - now
        calls.append(now)
        return 0

    def _change(self, post: tuple[str, str], now: float) -> None:
        self.closest = min(self.closest, now - self._changed_at.get(post, float("-inf")))
        self._changed_at[post] = now
