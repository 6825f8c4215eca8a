"""What the rules fail on is set aside, and who did it in a desk thread is told; on both databases (decisions 7)."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from gateway import intake
from router.decision import Decision, Snapshot
from router.model import Inbound
from router.richtext import plain
from router.routing import decide
from router.rulebook import Rulebook
from storage.statement import Statement
from tests.stories.gateway import Gateway, rows
from tests.stories.test_one_voice import asked, heard

ERRORS = Statement("SELECT error FROM inbox WHERE state = 'quarantined'")
POISON = "Hello Tom, this is poison."


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def failing(snapshot: Snapshot, inbound: Inbound, rules: Rulebook) -> Decision:
        if "poison" in plain(inbound.text):
            raise LookupError("a rule with a fault")
        return decide(snapshot, inbound, rules)

    monkeypatch.setattr(intake, "decide", failing)
    with capture_logs():  # the traceback would be drawn for seconds
        yield


async def test_a_post_on_which_the_rules_fail_is_marked_and_the_thread_goes_on(gateway: Gateway) -> None:
    post = await asked(gateway)
    ts = await gateway.answer(post, POISON)
    notice = await gateway.shown("Onevoice failed on this and did nothing.")
    assert notice.thread_ts == post.thread_ts
    await gateway.marked(post, ts, "no_entry_sign")
    await gateway.answer(post, "Hello Tom, it left today.")
    await heard(gateway, "Hello Tom, it left today.")
    gateway.world.slack.edit("alice", post.channel, ts, f"{POISON} Really.")
    await gateway.world.slack.until(lambda: len([p for p in gateway.posts() if "Onevoice failed" in p.text]) == 2)
    assert await rows(gateway, ERRORS) == [("the rules failed: LookupError: a rule with a fault",)] * 2
