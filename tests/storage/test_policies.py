"""Policies keep every version; an unchanged one stays what it is over restarts."""

from storage import policies
from storage.database import Database

FAST: policies.Content = {"targets": {"first": {"seconds": 60}}, "when": {}, "calendar": {"id": "ALWAYS"}}
SLOW: policies.Content = {**FAST, "targets": {"first": {"seconds": 600}}}


async def test_d26_a_policy_is_a_new_version_only_when_it_changes(database: Database) -> None:
    for configured, versions in (
        ({"p": FAST}, 1),
        ({"p": FAST}, 1),
        ({"p": SLOW}, 2),
        ({"p": SLOW}, 2),
        ({"p": FAST}, 3),
    ):
        known = await database.transact(policies.keep, configured)
        assert sorted(known) == [("p", version) for version in range(1, versions + 1)]
