"""Which replies are holding phrases only, as rows, whatever is said before their delivery is known (D10)."""

import json
from collections.abc import AsyncIterator

import pytest

from storage.statement import Statement
from tests.storage.inbounds import question
from tests.storage.test_desk_edits import LINK, SENT, edited
from tests.storage.test_holds import says
from tests.storage.test_unsaid import Shop

DELIVERED = Statement("SELECT payload FROM events WHERE type = 'message_sent' ORDER BY seq")
MOMENT = "Hello, one moment, please."
SUBSTANCE = "Hello, it is with the courier, we will send the label tomorrow."


async def opened(database_url: str, channel: str) -> Shop:
    shop = Shop(database_url)
    await shop.take(question("Hello, where is order US-20260301-77?", channel=channel))
    await shop.database.transact(lambda tx: tx.run(LINK, {}))
    return shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    shop = await opened(database_url, "tg")
    yield shop
    shop.database.close()


@pytest.fixture
async def mail(database_url: str) -> AsyncIterator[Shop]:
    """A thread whose replies cannot be edited once they leave."""
    shop = await opened(database_url, "mail")
    yield shop
    shop.database.close()


async def is_holding(shop: Shop) -> list[bool]:
    return [json.loads(str(row[0]))["holding"] for row in await shop.rows(DELIVERED)]


@pytest.mark.parametrize("later", [SUBSTANCE, "Hello, still looking, one moment, please."])
async def test_d10_what_is_said_before_the_delivery_is_known_makes_no_substance_of_it(shop: Shop, later: str) -> None:
    await shop.take(says(MOMENT))
    leaving = await shop.claim()
    shop.move(5)
    await shop.take(says(later))
    for each in leaving:
        await shop.settle(each, SENT)
    assert await is_holding(shop) == [True]


@pytest.mark.parametrize(("first", "then", "holding"), [(MOMENT, SUBSTANCE, False), (SUBSTANCE, MOMENT, True)])
async def test_d10_the_words_that_leave_count(shop: Shop, first: str, then: str, *, holding: bool) -> None:
    post = says(first)
    await shop.take(post)
    shop.move(1)
    await shop.take(edited(post, says(then).text, 1))
    await shop.leave()
    assert await is_holding(shop) == [holding]


@pytest.mark.parametrize(("first", "then", "holding"), [(MOMENT, SUBSTANCE, True), (SUBSTANCE, MOMENT, False)])
async def test_d10_an_edit_that_comes_too_late_for_the_customer_does_not_count(
    mail: Shop, first: str, then: str, *, holding: bool
) -> None:
    post = says(first)
    await mail.take(post)
    (leaving,) = await mail.claim("mail")
    mail.move(1)
    await mail.take(edited(post, says(then).text, 1))
    await mail.settle(leaving, SENT)
    assert await is_holding(mail) == [holding]
