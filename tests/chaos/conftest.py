"""The profile of the fault runs, from `--chaos-profile`, and databases for those that need more than one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from storage.schema import migrate
from tests.chaos.profile import PROFILES, Profile
from tests.postgres import PostgresServer


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> Profile:
    """Short with the other tests, long in `make chaos`."""
    return PROFILES[request.config.getoption("--chaos-profile")]


@pytest.fixture
def one_database(profile: Profile, database_url: str) -> str:
    """A database of each kind; in the short profile one kind is enough."""
    if profile.short and database_url.startswith("postgresql"):
        pytest.skip("the long profile does it on both databases")
    return database_url


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes migrated, empty PostgreSQL databases."""
    with ExitStack() as databases:

        def fresh() -> str:
            url = databases.enter_context(postgres.database())
            migrate(url)
            return url

        yield fresh
