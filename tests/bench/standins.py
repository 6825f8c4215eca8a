"""The process that plays the outside world, so that what it costs disturbs neither the gateway nor the load client.

It is told what to do on stdin and tells what it sees on stdout, one JSON array a line. Instants are Unix seconds.
"""

import asyncio
import re
import sys
import time
from typing import Any

import orjson

from gateway import clock
from gateway.sandbox.world import World

SERIAL = re.compile(r"\bbench-(\d+)\b")
"""What a message carries whose way to Slack is measured."""


def _tell(*what: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(what) + b"\n")
    sys.stdout.buffer.flush()


class Stage:
    """One world of stand-ins."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._world = World.of(clock.now)
        self._said = 0
        self._confirmed = 0

    async def open(self) -> None:
        await self._world.start()
        world = self._world
        ports = {"SANDBOX_IMAP_PORT": str(world.mail.imap_port), "SANDBOX_SMTP_PORT": str(world.mail.smtp_port)}
        urls = {"SANDBOX_SLACK_URL": world.slack.api_url, "SANDBOX_TELEGRAM_URL": world.telegram.url}
        _tell("opened", self._number, ports | urls)

    async def close(self) -> None:
        await self._world.stop()

    def say(self, user: int, text: str) -> None:
        self._said += 1
        self._world.telegram.say(user, text)

    def tell_accepted(self) -> None:
        """When Slack took each message of the load: a ts is the instant of its acceptance."""
        found = [(SERIAL.search(each.text), each) for each in self._world.slack.truth]
        _tell("accepted", self._number, [(int(mark[1]), float(each.ts)) for mark, each in found if mark])

    def limit(self) -> None:
        self._world.slack.meter.as_slack()

    def answer(self, serial: int, text: str) -> None:
        """An agent answers in the thread of a message, once it is there."""
        for each in reversed(self._world.slack.truth):
            if each.thread_ts and (mark := SERIAL.search(each.text)) and int(mark[1]) == serial:
                self._world.slack.post("alice", each.channel, text, thread_ts=each.thread_ts)
                return

    def tell_desk(self) -> None:
        """The messages of the load that are in threads, and what Slack had to refuse."""
        slack = self._world.slack
        found = [(SERIAL.search(each.text), each) for each in slack.truth if each.thread_ts]
        taken = [(int(mark[1]), float(each.ts), f"{each.channel}:{each.thread_ts}") for mark, each in found if mark]
        meter = slack.meter
        closest = min(meter.closest, 3600.0)  # JSON has no infinity
        _tell(
            "desk", self._number, taken, dict(meter.refused), meter.refused_again, closest, slack.calls["chat.update"]
        )

    async def tell_confirmed(self) -> None:
        """How many updates are confirmed and since when, for ever."""
        telegram = self._world.telegram
        while True:
            await telegram.until(lambda: self._said - telegram.pending > self._confirmed, 1e9)
            self._confirmed = self._said - telegram.pending
            _tell("confirmed", self._number, self._confirmed, time.time())


async def main() -> None:
    """Serve until stdin ends."""
    orders = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    stages: list[Stage] = []
    async with asyncio.TaskGroup() as group:
        watchers = []
        while line := await orders.readline():
            order: list[Any] = orjson.loads(line)
            match order:
                case ["open"]:
                    stages.append(stage := Stage(len(stages)))
                    await stage.open()
                    watchers.append(group.create_task(stage.tell_confirmed()))
                case ["say", number, user, text]:
                    stages[number].say(user, text)
                case ["answer", number, serial, text]:
                    stages[number].answer(serial, text)
                case ["limit", number]:
                    stages[number].limit()
                case ["desk", number]:
                    stages[number].tell_desk()
                case ["accepted", number]:
                    stages[number].tell_accepted()
        for watcher in watchers:
            watcher.cancel()
    for stage in stages:
        await stage.close()


if __name__ == "__main__":
    asyncio.run(main())
