"""What one writer commits while another is at work (PostgreSQL): a delivery that is queued while its lane is being
given back must not fall asleep with the lane, and an answer is not dropped while its thread becomes known."""

import threading
from dataclasses import replace

import pytest

from router.arrivals import Fate
from router.decision import Decision, Snapshot
from router.model import DeliveryState, Inbound, InboundKind
from router.richtext import of_text
from storage import intake, outbox, settling
from storage.database import Transaction, engine_for, normal_url
from storage.intake import Submission
from storage.outbox import Claim, Settlement
from storage.settling import Ending
from storage.statement import Statement
from tests.storage.inbounds import RULES, answer, arrival, question, rules

LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
DUE = Statement("SELECT count(*) FROM lanes WHERE channel = 'desk' AND due_at IS NOT NULL")
OPEN = Statement("SELECT count(*) FROM outbox WHERE channel = 'desk' AND state = 'ready'")


class Connection:
    """A connection whose commits the test decides."""

    def __init__(self, url: str) -> None:
        self._engine = engine_for(normal_url(url))
        self._raw = self._engine.raw_connection()
        assert self._raw.driver_connection is not None
        self.now = 1_000_000
        self.tx = Transaction(self._raw.driver_connection.cursor(), "postgresql", self.now)

    def commit(self) -> None:
        self._raw.commit()

    def close(self) -> None:
        self._raw.close()
        self._engine.dispose()


def test_q1_what_is_queued_during_a_release_is_due_afterwards(postgres_url: str) -> None:
    first, second = Connection(postgres_url), Connection(postgres_url)
    intake.receive(first.tx, [Submission("tg", [arrival(question())])], rules, RULES)
    first.commit()
    heads, _ = outbox.due(first.tx, "desk", 1)
    (claimed,) = outbox.claim(first.tx, heads, "a", 60_000_000)
    first.commit()
    _drain_ready(first)

    intake.receive(second.tx, [Submission("tg", [arrival(question("and more"))])], rules, RULES)
    ending = Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:1.1",)))

    def settle() -> None:
        settling.settle(first.tx, claimed, ending, RULES)
        first.commit()

    settling_thread = threading.Thread(target=settle)
    settling_thread.start()
    settling_thread.join(0.5)  # it waits for the lane, or went ahead with an old snapshot
    second.commit()
    settling_thread.join(5)

    assert not settling_thread.is_alive()
    assert first.tx.all(OPEN, {}) == [(1,)]
    assert first.tx.all(DUE, {}) == [(1,)]
    first.close()
    second.close()


@pytest.mark.parametrize("kind", [InboundKind.EDIT, InboundKind.DELETE])
def test_r8_nothing_leaves_while_it_is_decided_to_change_it(postgres_url: str, kind: InboundKind) -> None:
    first, second = Connection(postgres_url), Connection(postgres_url)
    intake.receive(first.tx, [Submission("tg", [arrival(question())])], rules, RULES)
    first.tx.run(LINK, {})
    post = answer("one", "C1:1.1")
    intake.receive(first.tx, [Submission("desk", [arrival(post)])], rules, RULES)
    first.commit()
    claims: list[Claim] = []

    def claim() -> None:
        heads, _ = outbox.due(second.tx, "tg", 10)
        claims.extend(outbox.claim(second.tx, heads, "b", 60_000_000))
        second.commit()

    claiming = threading.Thread(target=claim)

    def decided(snapshot: Snapshot, inbound: Inbound) -> Decision:
        """The outlet comes while the rules decide."""
        claiming.start()
        claiming.join(0.5)
        return rules(snapshot, inbound)

    first.tx.now = second.tx.now = 20_000_000
    change = replace(post, kind=kind, remote_id=f"{post.remote_id}:2", target=post.remote_id, text=of_text("// no"))
    intake.receive(first.tx, [Submission("desk", [arrival(replace(change, order=post.order + 1))])], decided, RULES)
    first.commit()
    claiming.join(5)

    assert not claiming.is_alive()
    assert claims == []
    first.close()
    second.close()


def test_s10_an_answer_whose_root_is_settled_while_it_is_stored_comes_again(postgres_url: str) -> None:
    first, second = Connection(postgres_url), Connection(postgres_url)
    intake.receive(first.tx, [Submission("tg", [arrival(question())])], rules, RULES)
    first.commit()
    heads, _ = outbox.due(first.tx, "desk", 1)
    (claimed,) = outbox.claim(first.tx, heads, "a", 60_000_000)
    first.commit()

    def decided(snapshot: Snapshot, inbound: Inbound) -> Decision:
        settling.settle(first.tx, claimed, Ending(Settlement(DeliveryState.SENT, remote_ids=("C1:1.1",))), RULES)
        first.commit()
        return rules(snapshot, inbound)

    reply = Submission("desk", [arrival(answer("On its way.", "C1:1.1"))])
    early = intake.receive(second.tx, [reply], decided, RULES)
    second.commit()
    taken = intake.receive(second.tx, [reply], rules, RULES)
    second.commit()

    fates = [each.fate for received in (early, taken) for each in received.receipts[0] or ()]
    assert fates == [Fate.EARLY, Fate.STORED]
    first.close()
    second.close()


def _drain_ready(connection: Connection) -> None:
    """Leave nothing in the lane but the claimed head."""
    connection.tx.run(Statement("DELETE FROM outbox WHERE channel = 'desk' AND state = 'ready'"), {})
    connection.commit()
