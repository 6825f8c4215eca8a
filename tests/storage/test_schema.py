"""A new schema == a migrated one == tables, on both databases; migrating twice changes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from storage.database import engine_for, normal_url
from storage.schema import HEAD, MIGRATIONS, migrate, upgrade
from storage.tables import metadata
from tests.postgres import PostgresServer


def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    engine = engine_for(normal_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


@pytest.fixture(params=["sqlite", "postgresql"])
def two_urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two databases of a kind without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'one.db'}", f"sqlite:///{tmp_path / 'two.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as one, server.database() as two:
        yield one, two


def test_an_empty_database_gets_what_the_migrations_lead_to(two_urls: tuple[str, str]) -> None:
    created, migrated = (engine_for(normal_url(url)) for url in two_urls)
    migrate(two_urls[0])
    with created.connect() as new, migrated.connect() as old:
        upgrade(old)
        assert _described(new) == _described(old)
        assert new.execute(CONTENT).all() == old.execute(CONTENT).all()
    created.dispose()
    migrated.dispose()


CONTENT = text("SELECT name, value, (SELECT version_num FROM alembic_version) FROM counters ORDER BY name")
_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
}


def _described(connection: Connection) -> dict[str, Any]:
    """Columns, keys, checks and indexes with their conditions, whatever the order of the columns."""
    found = inspect(connection)
    described: dict[str, Any] = {
        table: {
            "columns": sorted(
                (each["name"], str(each["type"]), each["nullable"], each["default"])
                for each in found.get_columns(table)
            ),
            "key": found.get_pk_constraint(table),
            "foreign": sorted(map(str, found.get_foreign_keys(table))),
            "unique": sorted(map(str, found.get_unique_constraints(table))),
            "checks": sorted(map(str, found.get_check_constraints(table))),
        }
        for table in found.get_table_names()
    }
    indexes = connection.execute(text(_INDEXES[connection.dialect.name]))
    return described | {name: re.sub(r"\s+", " ", sql) for name, sql in indexes}


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == HEAD
    assert migrate(database_url) == HEAD


def test_the_wanted_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
