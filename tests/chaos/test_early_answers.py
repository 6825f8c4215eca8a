"""An agent answers in a thread whose root the gateway does not know to be posted yet."""

from pathlib import Path

import pytest

from tests.chaos.outside import outside

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]


async def test_an_answer_under_a_root_that_was_posted_but_not_settled_reaches_the_customer(
    database_url: str, tmp_path: Path
) -> None:
    """The node dies between Slack's answer and its own commit; Alice is faster than the look-up."""
    async with outside(tmp_path, database_url) as world:
        node = world.nodes[0]
        ended = await node.start("before_settle:desk/root=kill@1")
        await node.ready()
        await world.ask("tg-1")
        assert await ended == -9
        answer = world.agents.write(await world.thread("tg-1"))
        await world.ledger.let_leases_end()
        await node.start()
        await world.until(lambda: answer in world.history.delivered)
        await world.settle(60)
        assert await world.verdict() == []
        assert world.pending() == set()
