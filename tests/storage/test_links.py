"""Linked contacts as rows, for links made at random, on both databases (4.1)."""

from contextlib import suppress
from random import Random
from uuid import UUID

from router.model import IdentityKey
from storage import contacts
from storage.contacts import SameContact
from storage.database import Database, Transaction
from storage.statement import Statement

POINTERS = Statement("SELECT id, merged_into FROM contacts ORDER BY id")
PEOPLE = 6
TRIALS = 60

Pairs = list[tuple[int, int]]


def newcomers(tx: Transaction, chance: Random) -> list[UUID]:
    return [contacts.make(tx, IdentityKey("email", f"{chance.random()}@x.example")).id for _ in range(PEOPLE)]


def pairs(chance: Random) -> Pairs:
    return [(chance.randrange(PEOPLE), chance.randrange(PEOPLE)) for _ in range(chance.randrange(9))]


def link(tx: Transaction, people: list[UUID], wanted: Pairs) -> None:
    for one, other in wanted:
        with suppress(SameContact):
            contacts.merge(tx, people[one], people[other], "test", "")


async def test_merge_then_unmerge_is_the_identity(database: Database) -> None:
    def trial(tx: Transaction, chance: Random) -> bool:
        people = newcomers(tx, chance)
        link(tx, people, pairs(chance))
        before = tx.all(POINTERS, {})
        one, other = chance.sample(people, 2)
        try:
            contacts.merge(tx, one, other, "agent", "")
        except SameContact:
            return False
        assert contacts.linked(tx, one) == contacts.linked(tx, other)
        contacts.unmerge(tx, chance.choice(contacts.linked(tx, one)), "agent")
        assert tx.all(POINTERS, {}) == before
        return True

    undone = [await database.transact(trial, Random(seed)) for seed in range(TRIALS)]
    assert sum(undone) > TRIALS / 4


async def test_who_is_one_customer_does_not_depend_on_the_order_of_merges(database: Database) -> None:
    def groups(tx: Transaction, chance: Random, wanted: Pairs) -> set[frozenset[int]]:
        people = newcomers(tx, chance)
        link(tx, people, wanted)
        return {frozenset(people.index(each) for each in contacts.linked(tx, one)) for one in people}

    for seed in range(TRIALS):
        chance = Random(seed)
        wanted = pairs(chance)
        shuffled = chance.sample(wanted, len(wanted))
        one = await database.transact(groups, chance, wanted)
        assert await database.transact(groups, chance, shuffled) == one
