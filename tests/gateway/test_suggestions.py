"""Looking for customers who are perhaps one keeps nobody waiting."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from connectors.base import Lease
from gateway.suggestions import Suggestions
from router.clusters import Asking
from router.recognition import LONGEST
from storage.database import Database
from tests.router.test_attaching import BOOK

NUMBERS = ("1/1/1/1 " * LONGEST)[:LONGEST]
"""What takes the telephone library longest, and is none of its numbers."""


def asking(number: int) -> Asking:
    ids = UUID(int=number)
    return Asking(message=ids, conversation=ids, contact=ids, at=datetime.now(UTC), text=NUMBERS, features=frozenset())


async def test_texts_full_of_numbers_keep_nobody_waiting(database: Database) -> None:
    looking = Suggestions(database, Lease("incidents", 1), lambda: BOOK, lambda touched: None)
    other = asyncio.create_task(asyncio.sleep(0.001))
    await looking.look([asking(number) for number in range(5)], ())
    assert other.done()
