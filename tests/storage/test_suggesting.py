"""Whom a message may point to and what its thread is asked, as rows, on both databases (4.1)."""

from storage import contacts, suggesting
from storage.database import Database, Transaction
from storage.statement import Statement

LOOKS = (
    suggesting._NAMES,
    suggesting._NUMBERED,
    suggesting._LATELY,
    suggesting._CONVERSATIONS,
    contacts._PAIRED,
    contacts._OF_IDENTITY,
)


async def test_no_look_reads_all_conversations(database: Database) -> None:
    def plans(tx: Transaction) -> list[str]:
        known = {"numbers": [1, 2], "since": 1, "at": 1, "key": "email:ann@customer.example"}
        lists = {name: [bytes(16)] for name in ("ids", "these", "those")}
        found = []
        for look in LOOKS:
            wanted = {name: value for name, value in (known | lists).items() if f":{name}" in look.sql}
            found += [str(row[3]) for row in tx.all(Statement(f"EXPLAIN QUERY PLAN {look.sql}"), wanted)]
        return found

    if database.dialect == "sqlite":
        steps = await database.read(plans)
        assert steps
        assert [each for each in steps if each.startswith("SCAN")] == []
