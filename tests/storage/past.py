"""Conversations of the past, for what looks back at them: asked, answered and closed at chosen instants."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from router.decision import Decision, NewEvent, NewMessage, Outcome, Reason
from router.model import AuthorKind, Inbound, Visibility
from router.richtext import of_text
from router.routing import decide
from router.rulebook import Rulebook
from router.targets import Metric, Policy, Target, TimeBase
from router.terms import Terms
from storage.changes import Changes
from storage.database import Database, Transaction
from storage.ids import new_id
from storage.intake import Submission, receive
from storage.snapshots import Snapshots
from storage.statement import Statement
from tests.storage.inbounds import RULES, arrival

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)


class MovingClock:
    """The database's time, as the test wants it."""

    def __init__(self, now: datetime = TEN) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def at(self, minutes: float, start: datetime = TEN) -> None:
        self.now = start + timedelta(minutes=minutes)


def answering_within(seconds: int, version: int, name: str = "chat", **when: str) -> Policy:
    """A policy by the wall clock."""
    target = Target(seconds=seconds, clock=TimeBase.WALL)
    conditions = {key: frozenset({value}) for key, value in when.items()}
    return Policy(id=name, version=version, targets={Metric.FIRST: target, Metric.NEXT: target}, when=conditions)


def rules_of(*policies: Policy, earlier: tuple[Policy, ...] = (), base: Rulebook = RULES) -> Rulebook:
    """Rules with the policies in force, and earlier versions that logs may name."""
    known = {(each.id, each.version): each for each in (*earlier, *policies)}
    return replace(base, policies=policies, terms=Terms(policies=known))


async def asked(database: Database, rules: Rulebook, inbound: Inbound) -> UUID:
    """A customer's message; the id of its conversation."""
    choose: Callable[..., Decision] = partial(decide, rules=rules)
    await database.transact(receive, [Submission(inbound.channel, [arrival(inbound)])], choose, rules)
    ((found,),) = await database.read(Transaction.all, _NEWEST, {"key": f"{inbound.channel}:{inbound.remote_id}"})
    return UUID(bytes=found)


async def answered(database: Database, rules: Rulebook, conversation: UUID, agent: str = "alice") -> None:
    """An answer that the customer has now."""
    await happened(database, rules, conversation, "message_sent", f"agent:{agent}", message=new_id().hex)


async def happened(
    database: Database, rules: Rulebook, conversation: UUID, kind: str, actor: str = "", /, **payload: object
) -> None:
    """One event of the log."""

    def work(tx: Transaction) -> None:
        snapshots = Snapshots(tx, ())
        found = snapshots.conversation(conversation)
        assert found is not None
        changes = Changes(tx, snapshots, rules, openings=0)
        event = NewEvent(type=kind, actor=actor, payload=payload)
        changes.apply(
            conversation,
            None,
            Decision(
                outcome=Outcome.STORED, reasons=(Reason("test", "it is so"),), conversation=found, events=(event,)
            ),
        )
        changes.save()

    await database.transact(work)


_NEWEST = Statement("SELECT conversation FROM messages WHERE remote_key = :key ORDER BY received_at DESC LIMIT 1")


async def replied(database: Database, rules: Rulebook, conversation: UUID, text: str, agent: str = "alice") -> None:
    """What an agent wrote, as it is stored; it is not delivered."""

    def work(tx: Transaction) -> None:
        snapshots = Snapshots(tx, ())
        found = snapshots.conversation(conversation)
        assert found is not None
        changes = Changes(tx, snapshots, rules, openings=0)
        message = NewMessage(
            author_kind=AuthorKind.AGENT,
            author=f"agent:{agent}",
            author_name=agent,
            visibility=Visibility.PUBLIC,
            channel="desk",
            text=of_text(text),
        )
        changes.apply(
            new_id(),
            None,
            Decision(
                outcome=Outcome.STORED, reasons=(Reason("test", "it is so"),), conversation=found, message=message
            ),
        )
        changes.save()

    await database.transact(work)
