"""The crash window of each remote API (2.3, C1): killed at each point of one delivery, with and without the provider
having taken it, each ends as the table says.

| point        | where                                       | delivered  | not delivered |
|--------------|---------------------------------------------|------------|---------------|
| before BEGIN | before the claim is committed               | -          | sent          |
| after BEGIN  | claimed, nothing written                    | -          | sent again    |
| mid-write    | the provider has it, its answer is late     | found      | -             |
| after write  | the call has ended, nothing is made of it   | found      | sent again    |
| after answer | about to store how it ended                 | found      | sent again    |
| after DONE   | stored                                      | sent       | sent again    |

"Found" is Slack's look-up; Telegram has none and sends once more (T11); a mail is repeated byte by byte; web chat
delivers by its own commit.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.sandbox.mail import Fault as MailFault
from gateway.sandbox.slack.faults import Cut, Late
from gateway.sandbox.telegram_faults import cut_off, delayed
from tests.chaos.history import Delivered
from tests.chaos.outside import Outside, outside
from tests.chaos.profile import Profile

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

POINTS = {
    "before BEGIN": "before_sending",
    "after BEGIN": "before_write",
    "mid-write": "",
    "after write": "after_write",
    "after answer": "before_settle",
    "after DONE": "after_settle",
}
SLACK_METHODS = {
    "root": "chat.postMessage",
    "message": "chat.postMessage",
    "file": "files.completeUploadExternal",
    "mark": "reactions.add",
}
PLACES = {
    "root": "desk/root",
    "message": "desk/message",
    "file": "desk/message",
    "mark": "desk/reaction",
    "telegram": "tg/message",
    "mail": "mail/message",
    "web": "web/message",
}
LATE = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    target: str
    point: str
    delivered: bool

    @property
    def owner(self) -> str:
        """Each case has a customer of its own, named by its number."""
        way = {"mail": "smtp", "web": "web"}.get(self.target, "tg")
        return f"{way}-{CASES.index(self) + 1}"

    @property
    def failpoint(self) -> str:
        place = PLACES[self.target]
        point = POINTS[self.point]
        if not point:
            return ""
        return f"{point}:{place.partition('/')[0] if point == 'before_sending' else place}=kill@1"

    @property
    def copies(self) -> int:
        """How often the provider has it in the end."""
        if self.delivered and self.point != "after DONE" and self.target in ("telegram", "mail"):
            return 2
        return 1


def _cases() -> list[Case]:
    cases = []
    for point in POINTS:
        for target in PLACES:
            fates = {
                "before BEGIN": (False,),
                "after BEGIN": (False,),
                "mid-write": () if target in ("mail", "web") else (True,),
            }.get(point, (True,) if target == "web" else (True, False))
            cases += [Case(target, point, fate) for fate in fates]
    return cases


CASES = _cases()
SHORT = [
    case
    for case in CASES
    if (case.point == "after write" and (case.delivered or case.target in ("telegram", "mail")))
    or (case.point, case.target) == ("mid-write", "file")
]
"""Without the cases in which Slack is looked through twice, 10 s apart."""


async def test_c1_each_target_killed_at_each_point_ends_as_the_table_says(
    one_database: str, tmp_path: Path, profile: Profile
) -> None:
    async with outside(tmp_path, one_database) as world:
        cases = SHORT if profile.short else CASES
        await _acquaint(world, cases)
        serials: dict[Case, str] = {}
        for case in cases:
            serials[case] = await _crash(world, case)
        await _restart(world, "")
        await world.settle(60)
        assert await world.verdict() == []
        assert world.pending() == set()
        assert _copies(world, serials) == {case: case.copies for case in serials}


async def _acquaint(world: Outside, cases: list[Case]) -> None:
    """Every customer but those whose thread is to be opened has one."""
    await _restart(world, "")
    for case in cases:
        if case.target != "root":
            await world.ask(case.owner)
    await world.settle(30)
    assert world.pending() == set()
    await world.nodes[0].kill()


async def _restart(world: Outside, failpoints: str) -> None:
    await world.ledger.let_leases_end()
    await world.nodes[0].start(failpoints)
    await world.nodes[0].ready()


async def _crash(world: Outside, case: Case) -> str:
    """Kill the node at the case's point of one delivery; the serial it carries. Others may still be looked for in
    Slack, but none that would pass that point too, and none that a further kill would send again."""
    await _out_of_the_way(world, case)
    await world.ledger.let_leases_end()
    ended = await world.nodes[0].start(case.failpoint)
    await world.nodes[0].ready()
    _misbehave(world, case)
    serial = await _act(world, case)
    if case.failpoint:
        async with asyncio.timeout(60):
            assert await asyncio.shield(ended) == -9
    else:
        await world.until(lambda: _taken(world, case, serial))
        await world.nodes[0].kill()
    return serial


async def _out_of_the_way(world: Outside, case: Case) -> None:
    place = PLACES[case.target]
    channel = place.partition("/")[0]

    async def free() -> bool:
        open_ = await world.ledger.unsettled()
        whole_channel = case.point == "before BEGIN"
        return not any(
            each in (place, PLACES["telegram"], PLACES["mail"]) or (whole_channel and each.startswith(f"{channel}/"))
            for each in open_
        )

    if await free():
        return
    await _restart(world, "")
    async with asyncio.timeout(60):
        while not await free():
            await asyncio.sleep(0.1)
    await world.nodes[0].kill()


def _misbehave(world: Outside, case: Case) -> None:
    """The provider takes it and answers late, or hangs up without taking it."""
    outside = world.world
    if case.point == "mid-write":
        if case.target == "telegram":
            outside.telegram.fail("sendMessage", delayed(LATE))
        else:
            outside.slack.faults.on(SLACK_METHODS[case.target], Late(LATE))
    elif not case.delivered and POINTS[case.point] in ("after_write", "before_settle", "after_settle"):
        match case.target:
            case "telegram":
                outside.telegram.fail("sendMessage", cut_off())
            case "mail":
                outside.mail.fail("dot", MailFault(drop=True))
            case _:
                outside.slack.faults.on(SLACK_METHODS[case.target], Cut(effect=False))


async def _act(world: Outside, case: Case) -> str:
    match case.target:
        case "root" | "message":
            return await world.ask(case.owner)
        case "file":
            return world.chatter.write(case.owner, file=True)
    return world.agents.write(await world.thread(case.owner))


def _taken(world: Outside, case: Case, serial: str) -> bool:
    match case.target:
        case "root":
            return case.owner in world.eyes.threads.values()
        case "file":
            return bool(_files(world)[f"{serial}.txt"])
        case "mark":
            return serial in world.history.marked
        case "message":
            return serial in world.history.shown
    return serial in world.history.delivered


def _files(world: Outside) -> Counter[str]:
    """Files as Slack shows them: by name, how many posts have them."""
    channels = world.world.slack.workspace.channels.values()
    return Counter(file.name for channel in channels for post in channel.posts.values() for file in post.files)


def _copies(world: Outside, serials: dict[Case, str]) -> dict[Case, int]:
    delivered = Counter(each.serial for each in world.history.entries if isinstance(each, Delivered))
    files = _files(world)
    counted = {}
    for case, serial in serials.items():
        match case.target:
            case "telegram" | "mail" | "web":
                counted[case] = delivered[serial]
            case "file":
                counted[case] = files[f"{serial}.txt"]
            case _:
                counted[case] = 1  # the checker has counted posts and roots; a mark is there or not
    return counted
